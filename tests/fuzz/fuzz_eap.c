/*
 * One EAP conversation. The input is a list of packets: a control octet, a length (u16), bytes. Control: 1 from the
 * server, 2 cut by the capture, 4 not a packet but decrypted bytes of a tunnel, 8 and its message ends here, 16 the
 * tunnel is of the method in the upper three bits.
 */
#include <stdlib.h>

#include "dissect/eap/eap_internal.h"
#include "capture/wire/cursor.h"

enum { BUFFERS = 1 << 18 };
enum { FROM_SERVER = 1, CUT = 2, DECRYPTED = 4, MESSAGE_END = 8, SET_METHOD = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Everything lent must be readable. */
static void on_event(void *ctx, const struct eap_event *e)
{
    volatile uint8_t *sum = ctx;
    struct span s = {NULL, 0};
    if (e->kind == EAP_EVENT_PACKET)
        s = e->u.packet->data;
    else if (e->kind == EAP_EVENT_TTLS_AVPS)
        s = e->u.avps->user_name.len > 0 ? e->u.avps->user_name : e->u.avps->error_text;
    for (size_t i = 0; i < s.len; i++)
        *sum ^= s.data[i];
}

static void decrypted(struct eap *e, enum direction dir, uint8_t control, struct span bytes)
{
    static const uint8_t methods[] = {EAP_TYPE_PEAP, EAP_TYPE_TTLS, EAP_TYPE_FAST, EAP_TYPE_TEAP, EAP_TYPE_TLS};
    if ((control & SET_METHOD) != 0)
        e->method = methods[(control >> 5) % sizeof methods];
    eap_inner_bytes(e, dir, bytes);
    if ((control & MESSAGE_END) != 0)
        eap_inner_message(e, dir, control, true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    volatile uint8_t sum = 0;
    struct secrets *secrets = secrets_new();
    struct tls_context *tls = tls_context_new(secrets, BUFFERS);
    struct eap *e = tls != NULL ? eap_new(tls, on_event, (void *)(uintptr_t)&sum) : NULL;
    struct cursor c = cursor_of(span_of(data, size));
    struct place place = {.frame = 0};
    uint8_t control;
    uint16_t len;
    while (e != NULL && take_u8(&c, &control) && take_be16(&c, &len)) {
        struct span bytes;
        if (!take_span(&c, len < c.len ? len : c.len, &bytes))
            break;
        uint8_t *copy = malloc(bytes.len > 0 ? bytes.len : 1);
        if (copy == NULL)
            break;
        if (bytes.len > 0)
            memcpy(copy, bytes.data, bytes.len);
        enum direction dir = (control & FROM_SERVER) != 0 ? TO_CLIENT : TO_SERVER;
        struct span packet = {copy, bytes.len};
        place.frame++;
        if ((control & DECRYPTED) != 0)
            decrypted(e, dir, control, packet);
        else
            eap_feed(e, dir, packet, (control & CUT) != 0, &place);
        free(copy);
    }
    if (e != NULL) {
        struct eap_state state;
        eap_get_state(e, &state);
    }
    eap_free(e);
    tls_context_free(tls);
    secrets_free(secrets);
    return 0;
}
