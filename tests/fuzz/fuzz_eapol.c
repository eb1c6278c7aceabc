/*
 * The table of EAPOL conversations. The input is a list of PDUs: an octet that chooses both addresses, an octet of
 * seconds that pass, bytes missing at the end (u8), a length (u8), bytes.
 */
#include <stdlib.h>

#include "dissect/eap/eapol.h"
#include "capture/wire/cursor.h"

enum { BUFFERS = 1 << 18 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Conversations must be opened before they are used, closed once, and never used after. */
static void on_event(void *ctx, const struct event *e)
{
    if (e->kind == EVENT_OPENED) {
        if (e->conv->user != NULL)
            abort();
        e->conv->user = ctx;
    } else if (e->conv->user != ctx) {
        abort();
    }
}

/* Four stations of each kind, and the group. */
static struct endpoint address_by(unsigned choice)
{
    static const uint8_t group[6] = {0x01, 0x80, 0xc2, 0, 0, 3};
    uint8_t mac[6] = {0x02, 0, 0, 0, 0, (uint8_t)choice};
    return (struct endpoint){.address = address_mac(choice % 4 == 3 ? group : mac)};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t serial = 0;
    struct event_sink sink = {on_event, &serial, &serial, NULL};
    struct secrets *secrets = secrets_new();
    struct tls_context *tls = tls_context_new(secrets, BUFFERS);
    struct eapol *l = tls != NULL ? eapol_new(tls, &sink) : NULL;
    struct cursor c = cursor_of(span_of(data, size));
    struct frame frame = {0};
    uint8_t choice, seconds, missing, len;
    while (l != NULL && take_u8(&c, &choice) && take_u8(&c, &seconds) && take_u8(&c, &missing) && take_u8(&c, &len)) {
        struct span bytes;
        if (!take_span(&c, len < c.len ? len : c.len, &bytes))
            break;
        uint8_t *copy = malloc(bytes.len > 0 ? bytes.len : 1);
        if (copy == NULL)
            break;
        if (bytes.len > 0)
            memcpy(copy, bytes.data, bytes.len);
        frame.number++;
        frame.time_ns += seconds * INT64_C(1000000000);
        struct packet p = {.frame = &frame,
                           .kind = PACKET_EAPOL,
                           .src = address_by(choice & 15),
                           .dst = address_by(choice >> 4),
                           .payload = {copy, bytes.len},
                           .payload_wire_len = (uint32_t)bytes.len + missing};
        eapol_feed(l, &p);
        free(copy);
    }
    if (l != NULL)
        eapol_finish(l);
    eapol_free(l);
    tls_context_free(tls);
    secrets_free(secrets);
    return 0;
}
