/*
 * What the headers of one TCP connection prove: how its handshake went, who ended it and after what (RFC 9293). Facts only;
 * what they mean is for the analysis to say.
 */
#ifndef VS_TCP_CONNECTION_H
#define VS_TCP_CONNECTION_H

#include "dissect/net/packet.h"
#include "dissect/tcp/tcp_icmp.h"
#include "dissect/tcp/tcp_stream.h"

enum { TCP_OPTION_KINDS_MAX = 40 /* octets of options, RFC 9293 section 3.1 */, TCP_LAYOUT_TEXT = 256 };

/* A SYN or SYN/ACK: what its options and window tell about the stack that sent it. */
struct tcp_syn {
    uint32_t isn;
    uint32_t timestamp;     /* TSval, when timestamps is set */
    uint16_t window;        /* unscaled */
    uint16_t mss;           /* 0: option absent */
    uint8_t ttl;
    uint8_t window_scale;   /* valid with has_window_scale */
    bool seen;
    bool has_window_scale, sack_permitted, timestamps;
    bool malformed;         /* an option's length does not fit; those before it are told */
    uint8_t kind_count;
    uint8_t kinds[TCP_OPTION_KINDS_MAX]; /* option kinds in their order, NOP and the first EOL included */
};

/* Octets that their sender repeats, as nobody acknowledges them: the first of them in the stream, and its segment. */
struct tcp_stuck {
    uint32_t seq, len;          /* of the segment that was repeated */
    uint32_t times;             /* it came again; 0: nothing is stuck */
    struct place first, last;   /* of the times it came again */
};

/* What one side sent. Places are of frame 0 when there was no such segment. */
struct tcp_sent {
    /* what any segment touches, together */
    uint64_t packets;
    uint64_t data_packets;      /* with payload, keep-alives not counted */
    uint64_t bytes;             /* payload on the wire, retransmissions included */
    struct place last;          /* of all */
    uint32_t reached;           /* the connection's own, as the others without a word */
    bool reached_known;
    uint8_t ttl_min, ttl_max;   /* of all but resets, which others may forge; 255 and 0 when there are none */
    uint8_t reset_ttl;
    bool acked;                 /* acknowledged something, in a segment that is neither SYN nor RST */
    bool data_acked;            /* its first data segment was acknowledged, wholly */
    bool any_data_acked;        /* a part of it was */

    struct tcp_syn syn;         /* the first SYN of the client or SYN/ACK of the server */
    uint32_t syns;              /* SYN (SYN/ACK) with that ISN, the first included */
    uint32_t syns_other_isn;    /* with others */
    uint32_t resets;
    struct place first;         /* of all */
    struct place first_syn, last_syn, first_data, fin, reset; /* fin, reset: the first */
    uint32_t first_data_seq, first_data_end;
    struct tcp_stuck stuck;
    /* A segment without payload whose number lies behind all that was seen of this side: it had sent as much. */
    struct place ahead;         /* of the first such segment */
    uint32_t ahead_seq;
    int64_t ahead_since_ns;     /* time of the side's segment before that */
};

/* When the first reset came. */
enum tcp_reset {
    TCP_RESET_NONE,
    TCP_RESET_SYN,       /* answers a SYN; no SYN/ACK was seen */
    TCP_RESET_HANDSHAKE, /* after SYN/ACK or, SYN unseen, after any segment; before any data */
    TCP_RESET_REQUEST,   /* after data of the client (a ClientHello), before any of the server */
    TCP_RESET_DATA,      /* after data of the server */
    TCP_RESET_CLOSING,   /* after a FIN of either side */
};

/* Made by tcp_connection_begin. Plain data, to be copied as one likes. */
struct tcp_connection {
    struct tcp_sent sent[2];     /* enum tcp_side */
    enum tcp_reset reset;
    enum tcp_side reset_by;      /* valid with reset */
    enum tcp_side fin_first;     /* valid when one of them sent FIN */
    int64_t syn_to_syn_ack_ns;   /* as seen where captured: the way on to the server and back; -1: unknown, or SYN repeated */
    int64_t syn_ack_to_ack_ns;   /* the way to the client and back; -1: unknown, or SYN/ACK repeated */
    uint32_t icmp_errors;        /* about its segments */
    struct tcp_icmp icmp;        /* the first of them */
    struct place icmp_place;
    struct address icmp_from;    /* who reported it */
};

/* What became of a connection, as far as captured. */
enum tcp_outcome {
    TCP_OUTCOME_NO_ANSWER,      /* SYN, and nothing came back, nor did the client hear anything (T1 when repeated) */
    TCP_OUTCOME_UNREACHABLE,    /* SYN, and ICMP says why nothing else came back */
    TCP_OUTCOME_REFUSED,        /* SYN answered by RST (T2) */
    TCP_OUTCOME_ANSWER_UNHEARD, /* SYN/ACK, and no ACK came back (T3 when repeated) */
    TCP_OUTCOME_CLIENT_GAVE_UP, /* SYN or SYN/ACK, then RST of the client instead of ACK: a scan, or it had gone */
    TCP_OUTCOME_ONE_WAY,        /* one side's segments only, and they prove that the other's exist: the capture misses them */
    TCP_OUTCOME_PROBE,          /* handshake, then the end without a byte of data before it */
    TCP_OUTCOME_IDLE,           /* handshake, no data and no end yet */
    TCP_OUTCOME_HUNG_UP,        /* data of the client, then RST or FIN of the server first, which sent no data (T4) */
    TCP_OUTCOME_NO_REPLY,       /* data of the client, none of the server; no end, or the client's */
    TCP_OUTCOME_RESET,          /* ended by RST after data of the server */
    TCP_OUTCOME_CLOSED,         /* FIN after data of the server, also when a reset followed */
    TCP_OUTCOME_OPEN,           /* data of the server, no end captured */
    TCP_OUTCOME_NOTHING,        /* joined in the middle, nothing but bare acknowledgements and resets */
};

/* Begins with nothing seen. */
void tcp_connection_begin(struct tcp_connection *c);

/* The segment that a PACKET_TCP is, for tcp_stream_segment. Lent as long as p is. */
static inline struct tcp_segment tcp_segment_of(const struct packet *p, enum tcp_side side)
{
    return (struct tcp_segment){.payload = p->payload, .wire_len = p->payload_wire_len, .seq = p->tcp_seq, .ack = p->tcp_ack,
                                .flags = p->tcp_flags, .side = (uint8_t)side, .place = frame_place(p->frame)};
}

/* True when p's sender is the client. Certain for SYN and SYN/ACK, then *certain; else the one with the higher port. */
bool tcp_sent_by_client(const struct packet *p, bool *certain);

/* True when p is a SYN that begins another connection between the same ports: c is over, or was never as far. A SYN that
 * only tries again, with the same or another ISN, belongs to c as long as nobody answered it. */
bool tcp_connection_is_over(const struct tcp_connection *c, const struct packet *p, enum tcp_side side);

/* Takes the next segment (PACKET_TCP) of `side`. */
void tcp_connection_packet(struct tcp_connection *c, const struct packet *p, enum tcp_side side);

/* All that is remarkable in its segments was seen: from now on one within the limits of its side's TTL, neither SYN nor FIN nor
 * RST, whose payload is the next behind `reached`, changes nothing but the numbers that tcp_connection_passed adds. */
bool tcp_connection_is_plain(const struct tcp_connection *c);
void tcp_connection_passed(struct tcp_connection *c, enum tcp_side side, uint64_t packets, uint64_t data_packets, uint64_t bytes,
                           struct place last);

/* From now on most of its segments are not given: what they would have shown of gaps and repetitions is not known. */
void tcp_connection_left_out(struct tcp_connection *c);

/* Takes an ICMP error about a segment of it. reporter is who sent the error. */
void tcp_connection_icmp(struct tcp_connection *c, const struct tcp_icmp *icmp, const struct address *reporter,
                         struct place place);

enum tcp_outcome tcp_connection_outcome(const struct tcp_connection *c);

/* Octets that this side had sent before its segment `ahead` and that were never seen, not even later; 0 when there are none. Whether
 * the other side had them, acknowledgments tell. */
uint32_t tcp_sent_unseen(const struct tcp_sent *sent);

/* Octets of payload that this side sent more than once (or that were captured twice). 0 also where more than 2 GiB were sent. */
uint64_t tcp_sent_again(const struct tcp_sent *sent);

/* Reads the options of a SYN or SYN/ACK. */
void tcp_syn_read(const struct packet *p, struct tcp_syn *out);

/* The order of its options as text, e.g. "mss,nop,ws,nop,nop,sok": mss, nop, ws, sok (SACK permitted), sack, ts, eol, tfo, else
 * ?kind; "-" when there are none. Returns out. */
const char *tcp_syn_layout(char out[static TCP_LAYOUT_TEXT], const struct tcp_syn *syn);

#endif
