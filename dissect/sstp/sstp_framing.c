/* Packets out of a stream in any cuts. */
#include "dissect/sstp/sstp.h"

#include <stdlib.h>

#include "dissect/ppp/ppp_link.h"

enum { LENGTH_MASK = 0x0fff, CONTROL_BIT = 1 };

void sstp_framing_free(struct sstp_framing *f)
{
    free(f->buffer);
    f->buffer = NULL;
}

static bool give_up(struct sstp_framing *f, const char *reason)
{
    sstp_framing_free(f);
    f->broken = reason;
    f->have = f->skip = f->length = 0;
    return false;
}

/* The length of the packet that begins with these four octets; 0 when no packet does. */
static uint16_t length_of(const uint8_t head[static SSTP_HEADER])
{
    unsigned length = ((unsigned)head[2] << 8 | head[3]) & LENGTH_MASK;
    return head[0] == SSTP_VERSION && length >= SSTP_HEADER ? (uint16_t)length : 0;
}

/* bytes: at least the header, and SSTP_PEEK octets unless the packet is shorter. */
static bool is_datagram(struct span bytes)
{
    struct ppp_frame frame;
    struct span payload = {bytes.data + SSTP_HEADER, bytes.len - SSTP_HEADER};
    return (bytes.data[1] & CONTROL_BIT) == 0 && ppp_frame_parse(payload, &frame) && ppp_is_datagram(frame.protocol);
}

static size_t gather(uint8_t *to, struct sstp_framing *f, size_t until, struct span *from)
{
    size_t n = until - f->have < from->len ? until - f->have : from->len;
    memcpy(to + f->have, from->data, n);
    f->have = (uint16_t)(f->have + n);
    *from = span_of(from->data + n, from->len - n);
    return n;
}

static void packet_over(struct sstp_framing *f)
{
    f->have = f->length = 0;
}

/* The first octets of a packet in pieces are known: what becomes of the rest. */
static void decide(struct sstp_framing *f, sstp_packet_fn *on_packet, void *ctx)
{
    uint16_t length = f->length, have = f->have;
    struct span head = span_of(f->head, have);
    bool whole = have == length;
    if (whole || is_datagram(head)) {
        packet_over(f);
        f->skip = (uint16_t)(length - have);
        on_packet(ctx, head, length);
        return;
    }
    if (f->buffer == NULL)
        f->buffer = malloc(SSTP_PACKET_MAX);
    if (f->buffer == NULL) {
        f->lost++;
        f->skip = (uint16_t)(length - have);
        packet_over(f);
        return;
    }
    memcpy(f->buffer, f->head, have);
}

/* Octets of a packet that is in pieces. False when its header is none. */
static bool piece(struct sstp_framing *f, struct span *bytes, sstp_packet_fn *on_packet, void *ctx)
{
    if (f->have < SSTP_HEADER) {
        gather(f->head, f, SSTP_HEADER, bytes);
        if (f->have < SSTP_HEADER)
            return true;
        f->length = length_of(f->head);
        if (f->length == 0)
            return false;
        if (f->length > SSTP_HEADER && bytes->len == 0)
            return true;
    }
    size_t peek = f->length < SSTP_PEEK ? f->length : SSTP_PEEK;
    if (f->have < peek || f->have == f->length) {
        gather(f->head, f, peek, bytes);
        if (f->have == peek)
            decide(f, on_packet, ctx);
        return true;
    }
    gather(f->buffer, f, f->length, bytes);
    if (f->have == f->length) {
        struct span packet = span_of(f->buffer, f->length);
        uint16_t length = f->length;
        packet_over(f);
        on_packet(ctx, packet, length);
    }
    return true;
}

/* A packet, or the beginning of a datagram, that lies in one piece. 0 octets taken: it does not; -1 is no packet. */
static int in_one_piece(struct sstp_framing *f, struct span *bytes, sstp_packet_fn *on_packet, void *ctx)
{
    if (bytes->len < SSTP_HEADER)
        return 0;
    uint16_t length = length_of(bytes->data);
    if (length == 0)
        return -1;
    struct span packet = *bytes;
    if (bytes->len >= length)
        packet.len = length;
    else if (bytes->len < SSTP_PEEK || !is_datagram(*bytes))
        return 0;
    f->skip = (uint16_t)(length - packet.len);
    *bytes = span_of(bytes->data + packet.len, bytes->len - packet.len);
    on_packet(ctx, packet, length);
    return 1;
}

bool sstp_framing_feed(struct sstp_framing *f, struct span bytes, sstp_packet_fn *on_packet, void *ctx)
{
    static const char no_packet[] = "what should be the next packet is none";
    while (bytes.len > 0 && f->broken == NULL) {
        if (f->skip > 0) {
            size_t n = f->skip < bytes.len ? f->skip : bytes.len;
            f->skip = (uint16_t)(f->skip - n);
            bytes = span_of(bytes.data + n, bytes.len - n);
            continue;
        }
        int taken = f->have == 0 ? in_one_piece(f, &bytes, on_packet, ctx) : 0;
        if (taken < 0 || (taken == 0 && !piece(f, &bytes, on_packet, ctx)))
            return give_up(f, no_packet);
    }
    return f->broken == NULL;
}

bool sstp_framing_gap(struct sstp_framing *f, uint64_t n)
{
    if (f->broken != NULL || n == 0)
        return f->broken == NULL;
    if (f->length > 0) { /* in a packet that somebody wanted */
        f->skip = (uint16_t)(f->length - f->have);
        f->lost++;
        packet_over(f);
    }
    if (n > f->skip)
        return give_up(f, "octets are missing, and with them the beginning of a packet");
    f->skip = (uint16_t)(f->skip - n);
    return true;
}
