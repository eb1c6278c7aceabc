#include "analyze/session/pack_own.h"

#include <assert.h>

#define AT(field) offsetof(struct exchange, field)
#define ALWAYS(from, to) {.kind = SECTION_ALWAYS, .at = AT(from), .len = AT(to) - AT(from)}
#define SOME(from, to) {.kind = SECTION_SOME, .at = AT(from), .len = AT(to) - AT(from)}
#define LIST(field, count, max)                                                                                        \
    {.kind = SECTION_LIST, .count_size = sizeof((struct exchange *)0)->count, .at = AT(field),                         \
     .len = sizeof((struct exchange *)0)->field[0], .count_at = AT(count), .count_max = (max)}
#define COMMON ALWAYS(packets, eapol_starts), SOME(eapol_starts, ladder)

static const struct section ike[] = {
    COMMON,
    ALWAYS(ike, ike.nat_request.source),
    LIST(ike.nat_request.source, ike.nat_request.source_count, IKE_FACTS_SOURCES),
    ALWAYS(ike.nat_request.destination, ike.nat_response.source),
    LIST(ike.nat_response.source, ike.nat_response.source_count, IKE_FACTS_SOURCES),
    ALWAYS(ike.nat_response.destination, ike.state),
    SOME(ike.state, ike.malformed),
    SOME(ike.malformed, ike.notifies),
    LIST(ike.notifies, ike.notify_count, IKE_FACTS_NOTIFIES),
    LIST(ike.offered[0], ike.offered_count[0], IKE_FACTS_OFFERED),
    LIST(ike.offered[1], ike.offered_count[1], IKE_FACTS_OFFERED),
    LIST(ike.offered[2], ike.offered_count[2], IKE_FACTS_OFFERED),
    LIST(ike.offered[3], ike.offered_count[3], IKE_FACTS_OFFERED),
    LIST(ike.vendor_ids, ike.vendor_id_count, IKE_FACTS_VENDOR_IDS),
    LIST(ike.lengths, ike.length_count, IKE_FACTS_LENGTHS),
    LIST(ike.exchanges, ike.exchange_count, IKE_FACTS_EXCHANGES),
};

/* Most of it is known when it is closed, and but for TLS and its records zero until then. */
static const struct section sstp[] = {
    COMMON,
    SOME(sstp, sstp.link),
    SOME(sstp.link, sstp.ppp),
    SOME(sstp.ppp, sstp.tls),
    SOME(sstp.tls, sstp.tls.encrypted_alert),
    SOME(sstp.tls.encrypted_alert, sstp.carrier),
    SOME(sstp.carrier, sstp.call),
    SOME(sstp.call, sstp.reading_known),
    SOME(sstp.reading_known, sstp.records),
    LIST(sstp.records, sstp.record_count, SSTP_RECORDS_MAX),
};

struct sections sections_of(const struct exchange *x)
{
    if (exchange_is_ike(x))
        return (struct sections){ike, sizeof ike / sizeof *ike};
    return (struct sections){sstp, sizeof sstp / sizeof *sstp};
}
