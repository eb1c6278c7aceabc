/* ICMP errors that quote a RADIUS request: the answer that will not come. */
#include "dissect/net/icmp.h"
#include "dissect/radius/radius_state.h"
#include "capture/wire/cursor.h"

struct quoted {
    struct endpoint client, server;
    bool has_identifier, has_authenticator;
    uint8_t identifier;
    const uint8_t *authenticator;
};

static bool read_quoted(const struct packet *p, struct quoted *q)
{
    struct icmp_quote quote;
    struct span authenticator;
    uint8_t code;
    *q = (struct quoted){0};
    if (!icmp_read_unreachable(p, &quote))
        return false;
    struct cursor c = cursor_of(quote.payload);
    q->client = quote.src;
    q->server = quote.dst;
    if (take_u8(&c, &code) && take_u8(&c, &q->identifier))
        q->has_identifier = true;
    if (q->has_identifier && take_skip(&c, 2) && take_span(&c, 16, &authenticator))
        q->authenticator = authenticator.data;
    q->has_authenticator = q->authenticator != NULL;
    return true;
}

/* The latest request that waits between the two; an error need not quote more than the UDP header (RFC 792). */
static struct request *latest_waiting(const struct radius_layer *r, const struct quoted *q, uint32_t tunnel)
{
    struct request *found = NULL;
    for (unsigned i = 0; i < 256; i++) {
        struct request_key key = request_key_of(&q->client, &q->server, tunnel, (uint8_t)i);
        struct request *each = request_find(r, &key);
        if (each != NULL && each->waiting &&
            (found == NULL || request_last(r, each)->time_ns >= request_last(r, found)->time_ns))
            found = each;
    }
    return found;
}

void radius_layer_icmp(struct radius_layer *r, const struct packet *p)
{
    struct quoted quoted;
    if (request_oldest(r, true) == NULL || !read_quoted(p, &quoted))
        return;
    struct request_key key = request_key_of(&quoted.client, &quoted.server, p->tunnel, quoted.identifier);
    struct request *q = quoted.has_identifier ? request_find(r, &key) : latest_waiting(r, &quoted, p->tunnel);
    if (q == NULL || !q->waiting || q->told ||
        (quoted.has_authenticator && memcmp(q->authenticator, quoted.authenticator, sizeof q->authenticator) != 0))
        return;
    struct place place = frame_place(p->frame);
    request_tell_unanswered(r, q, place.time_ns, &place, false);
}
