/*
 * PPTP's control connections and calls. The input is a list of packets: an octet that chooses (bit 0: from the server, bits 1 and
 * 2: the client, bit 3: GRE instead of TCP, bit 4: FIN, bit 5: RST, bit 6: a segment comes too early), seconds that pass (u8),
 * octets missing at the end (u8), a length (u8), bytes.
 */
#include "dissect/pptp/pptp.h"
#include "fuzz_calls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { FROM_SERVER = 1, GRE = 8, FIN = 16, RST = 32, EARLY = 64, CLIENTS = 4 };
    struct fuzz_calls f;
    fuzz_calls_begin(&f);
    struct pptp_layer *l = f.tls != NULL ? pptp_layer_new(&(struct pptp_layer_options){.tls = f.tls, .sink = f.sink, .calls = 16,
                                                                                       .waiting_bytes = 1 << 18})
                                         : NULL;
    struct cursor c = cursor_of(span_of(data, size));
    uint32_t seq[CLIENTS][2] = {{0}};
    uint8_t choice, seconds, missing, len;
    while (l != NULL && take_u8(&c, &choice) && take_u8(&c, &seconds) && take_u8(&c, &missing) && take_u8(&c, &len)) {
        struct piece piece = take_piece(&c, len);
        unsigned client = choice >> 1 & 3, side = choice & FROM_SERVER;
        bool gre = (choice & GRE) != 0;
        struct packet p = fuzz_calls_packet(&f, gre ? PACKET_IP : PACKET_TCP, side, client, gre ? 0 : 40000, gre ? 0 : PORT_PPTP,
                                            &piece, missing);
        f.frame.time_ns += seconds * INT64_C(1000000000);
        pptp_layer_time(l, f.frame.time_ns);
        uint32_t *at = &seq[client][side];
        p.tcp_seq = *at + ((choice & EARLY) != 0 ? p.payload_wire_len : 0);
        p.tcp_ack = seq[client][1 - side];
        p.tcp_flags = (uint8_t)(TCP_ACK | ((choice & FIN) != 0 ? TCP_FIN : 0) | ((choice & RST) != 0 ? TCP_RST : 0));
        if (gre)
            (void)pptp_layer_gre(l, &p);
        else
            pptp_layer_packet(l, &p, 1 + client);
        *at += gre || (choice & EARLY) != 0 ? 0 : p.payload_wire_len;
        free(piece.bytes);
    }
    if (l != NULL)
        pptp_layer_finish(l);
    fuzz_calls_all_closed(&f);
    pptp_layer_free(l);
    tls_context_free(f.tls);
    return 0;
}
