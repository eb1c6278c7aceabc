/*
 * The table of EAPOL conversations. The input is a list of PDUs: an octet that chooses both addresses, an octet of
 * seconds that pass, bytes missing at the end (u8), a length (u8), bytes.
 */
#include "dissect/eap/eapol.h"
#include "tests/fuzz/fuzz_bytes.h"
#include "tests/fuzz/fuzz_conversations.h"

enum { BUFFERS = 1 << 18 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_event(void *ctx, const struct event *e)
{
    conversations_check(ctx, e);
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
    struct conversations conversations = {0};
    uint32_t serial = 0;
    struct event_sink sink = {on_event, &conversations, &serial, NULL};
    struct tls_context *tls = tls_context_new(NULL, BUFFERS);
    struct eapol *l = tls != NULL ? eapol_new(tls, &sink) : NULL;
    struct cursor c = cursor_of(span_of(data, size));
    struct frame frame = {0};
    uint8_t choice, seconds, missing, len;
    if (l == NULL)
        abort();
    while (take_u8(&c, &choice) && take_u8(&c, &seconds) && take_u8(&c, &missing) && take_u8(&c, &len)) {
        struct piece piece = take_piece(&c, len);
        frame.number++;
        frame.time_ns += seconds * INT64_C(1000000000);
        struct packet p = {.frame = &frame,
                           .kind = PACKET_EAPOL,
                           .src = address_by(choice & 15),
                           .dst = address_by(choice >> 4),
                           .payload = {piece.bytes, piece.len},
                           .payload_wire_len = (uint32_t)piece.len + missing};
        eapol_feed(l, &p);
        free(piece.bytes);
    }
    eapol_finish(l);
    if (conversations.opened != conversations.closed || conversations.opened != serial)
        abort();
    eapol_free(l);
    tls_context_free(tls);
    return 0;
}
