/*
 * The table of tunnels and calls. The input is a list of datagrams: an octet that chooses direction and client (bit 0: from the
 * server, bits 1 and 2: the client's address, bit 3: its port is not 1701), seconds that pass (u8), octets missing at the end
 * (u8), a length (u8), bytes.
 */
#include "dissect/l2tp/l2tp.h"
#include "fuzz_calls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_calls f;
    fuzz_calls_begin(&f);
    struct l2tp_layer *l =
        f.tls != NULL ? l2tp_layer_new(&(struct l2tp_layer_options){.tls = f.tls, .sink = f.sink, .calls = 16}) : NULL;
    struct cursor c = cursor_of(span_of(data, size));
    uint8_t choice, seconds, missing, len;
    while (l != NULL && take_u8(&c, &choice) && take_u8(&c, &seconds) && take_u8(&c, &missing) && take_u8(&c, &len)) {
        struct piece piece = take_piece(&c, len);
        struct packet p = fuzz_calls_packet(&f, PACKET_UDP, choice & 1, choice >> 1 & 3, (choice & 8) != 0 ? 40000 : PORT_L2TP,
                                            PORT_L2TP, &piece, missing);
        f.frame.time_ns += seconds * INT64_C(1000000000);
        l2tp_layer_time(l, f.frame.time_ns);
        l2tp_layer_packet(l, &p);
        free(piece.bytes);
    }
    if (l != NULL)
        l2tp_layer_finish(l);
    fuzz_calls_all_closed(&f);
    l2tp_layer_free(l);
    tls_context_free(f.tls);
    return 0;
}
