/*
 * One EAP conversation. The input is a list of packets: a control octet, a length (u16), bytes. Control: 1 from the
 * server, 2 cut by the capture, 4 not a packet but decrypted bytes of a tunnel, 8 and its message ends here, 16 the
 * tunnel is of the method in the upper three bits.
 */
#include "dissect/eap/eap_internal.h"
#include "tests/fuzz/fuzz_bytes.h"

enum { BUFFERS = 1 << 18 };
enum { FROM_SERVER = 1, CUT = 2, DECRYPTED = 4, MESSAGE_END = 8, SET_METHOD = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Everything lent must be readable. */
static void on_event(void *ctx, const struct eap_event *e)
{
    (void)ctx;
    if (e->kind == EAP_EVENT_PACKET) {
        touch(e->u.packet->data);
    } else if (e->kind == EAP_EVENT_TTLS_AVPS) {
        touch(e->u.avps->user_name);
        touch(e->u.avps->error_text);
    }
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
    struct tls_context *tls = tls_context_new(NULL, BUFFERS);
    struct eap *e = tls != NULL ? eap_new(tls, on_event, NULL) : NULL;
    struct cursor c = cursor_of(span_of(data, size));
    struct place place = {.frame = 0};
    uint8_t control;
    uint16_t len;
    if (e == NULL)
        abort();
    while (take_u8(&c, &control) && take_be16(&c, &len)) {
        struct piece piece = take_piece(&c, len);
        struct span packet = span_of(piece.bytes, piece.len);
        enum direction dir = (control & FROM_SERVER) != 0 ? TO_CLIENT : TO_SERVER;
        place.frame++;
        if ((control & DECRYPTED) != 0)
            decrypted(e, dir, control, packet);
        else
            eap_feed(e, dir, packet, (control & CUT) != 0, &place);
        free(piece.bytes);
    }
    struct eap_state state;
    eap_get_state(e, &state);
    eap_free(e);
    tls_context_free(tls);
    return 0;
}
