#include "dissect/tcp/tcp_connection.h"

#include "capture/wire/elapsed.h"
#include "capture/wire/rarely.h"

void tcp_connection_begin(struct tcp_connection *c)
{
    *c = (struct tcp_connection){.sent = {{.ttl_min = UINT8_MAX}, {.ttl_min = UINT8_MAX}},
                                 .syn_to_syn_ack_ns = -1, .syn_ack_to_ack_ns = -1};
}

bool tcp_sent_by_client(const struct packet *p, bool *certain)
{
    *certain = (p->tcp_flags & TCP_SYN) != 0;
    if (*certain)
        return (p->tcp_flags & TCP_ACK) == 0;
    return p->src.port > p->dst.port;
}

static bool seen(struct place place)
{
    return place.frame != 0;
}

bool tcp_connection_is_over(const struct tcp_connection *c, const struct packet *p, enum tcp_side side)
{
    const struct tcp_sent *sent = &c->sent[side], *peer = &c->sent[side ^ 1];
    if ((p->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST)) != TCP_SYN || (sent->packets == 0 && peer->packets == 0))
        return false;
    if (side == TCP_SERVER)
        return true; /* now it is the client */
    if (sent->syn.seen)
        return p->tcp_seq != sent->syn.isn && (peer->syn.seen || sent->acked || peer->acked);
    /* Joined in the middle, or the capture mixed up the order of the first segments. */
    if (sent->data_packets > 0)
        return p->tcp_seq + 1 != sent->first_data_seq;
    return !peer->syn.seen || sent->acked || peer->acked;
}

/* Time from a segment that was sent once to its answer. */
static int64_t round_trip(const struct tcp_sent *asked, struct place answer)
{
    if (asked->syns != 1 || !seen(asked->first_syn) || asked->first_syn.time_ns == 0 || answer.time_ns == 0 ||
        answer.capture != asked->first_syn.capture || answer.time_ns < asked->first_syn.time_ns)
        return -1;
    return elapsed_ns(answer.time_ns, asked->first_syn.time_ns);
}

static void take_syn(struct tcp_connection *c, const struct packet *p, enum tcp_side side, struct place place)
{
    struct tcp_sent *sent = &c->sent[side];
    if (((p->tcp_flags & TCP_ACK) != 0) != (side == TCP_SERVER))
        return; /* simultaneous open, or nonsense */
    if (!sent->syn.seen) {
        tcp_syn_read(p, &sent->syn);
        sent->first_syn = place;
        if (side == TCP_SERVER)
            c->syn_to_syn_ack_ns = round_trip(&c->sent[TCP_CLIENT], place);
    }
    if (p->tcp_seq == sent->syn.isn)
        sent->syns++;
    else
        sent->syns_other_isn++;
    sent->last_syn = place;
}

static void take_reset(struct tcp_connection *c, const struct packet *p, enum tcp_side side, struct place place)
{
    struct tcp_sent *sent = &c->sent[side];
    if (sent->resets++ == 0) {
        sent->reset = place;
        sent->reset_ttl = p->ttl;
    }
    if (c->reset != TCP_RESET_NONE)
        return;
    const struct tcp_sent *client = &c->sent[TCP_CLIENT], *server = &c->sent[TCP_SERVER];
    c->reset_by = side;
    c->reset = seen(client->fin) || seen(server->fin)               ? TCP_RESET_CLOSING
               : server->data_packets > 0                           ? TCP_RESET_DATA
               : client->data_packets > 0                           ? TCP_RESET_REQUEST
               : client->syn.seen && !server->syn.seen && !client->acked ? TCP_RESET_SYN
                                                                    : TCP_RESET_HANDSHAKE;
}

static void take_fin(struct tcp_connection *c, enum tcp_side side, struct place place)
{
    if (seen(c->sent[side].fin))
        return;
    c->sent[side].fin = place;
    if (!seen(c->sent[side ^ 1].fin))
        c->fin_first = side;
}

/* Repeated, and not acknowledged before: of what is repeated the first in the stream counts, since it is what its sender waits for. */
static void take_repeated(struct tcp_stuck *s, const struct packet *p, struct place place)
{
    if (s->times > 0 && (int32_t)(p->tcp_seq - s->seq) > 0)
        return;
    if (s->times == 0 || p->tcp_seq != s->seq)
        *s = (struct tcp_stuck){.seq = p->tcp_seq, .first = place};
    s->len = p->payload_wire_len > s->len ? p->payload_wire_len : s->len;
    s->times++;
    s->last = place;
}

/* Payload; one octet just behind what was sent already is a keep-alive (RFC 9293 section 3.8.4). */
static void take_data(struct tcp_sent *sent, const struct packet *p, struct place place)
{
    uint32_t end = p->tcp_seq + p->payload_wire_len;
    bool again = sent->reached_known && (int32_t)(end - sent->reached) <= 0;
    if (again && p->payload_wire_len == 1 && end == sent->reached)
        return;
    if (sent->data_packets++ == 0) {
        sent->first_data = place;
        sent->first_data_seq = p->tcp_seq;
        sent->first_data_end = end;
    }
    sent->bytes += p->payload_wire_len;
    if (again) {
        take_repeated(&sent->stuck, p, place);
        return;
    }
    sent->reached = end;
    sent->reached_known = true;
}

static void take_data_ack(struct tcp_sent *peer, const struct packet *p)
{
    if (peer->data_packets == 0)
        return;
    if (peer->stuck.times > 0 && (int32_t)(p->tcp_ack - peer->stuck.seq) > 0)
        peer->stuck = (struct tcp_stuck){0};
    peer->any_data_acked = peer->any_data_acked || (int32_t)(p->tcp_ack - peer->first_data_seq) > 0;
    peer->data_acked = peer->data_acked || (int32_t)(p->tcp_ack - peer->first_data_end) >= 0;
}

static void take_ack(struct tcp_connection *c, const struct packet *p, enum tcp_side side, struct place place)
{
    struct tcp_sent *sent = &c->sent[side], *peer = &c->sent[side ^ 1];
    if (!sent->acked && side == TCP_CLIENT && peer->syn.seen && p->tcp_ack - 1 == peer->syn.isn)
        c->syn_ack_to_ack_ns = round_trip(peer, place);
    sent->acked = true;
    take_data_ack(peer, p);
}

/* A segment without payload stands behind what was seen. */
static void take_ahead(struct tcp_sent *sent, const struct packet *p, struct place place)
{
    enum { BELIEVED = 1 << 20 };
    uint32_t seq = p->tcp_seq - (seen(sent->fin) ? 1u : 0u); /* FIN takes a number */
    if (!sent->reached_known || seen(sent->ahead) || seq - sent->reached - 1 >= BELIEVED)
        return;
    sent->ahead = place;
    sent->ahead_seq = seq;
    sent->ahead_since_ns = sent->last.time_ns;
}

/* What happens a few times in a connection. sent->last is still that of the segment before. */
RARELY_CALLED static void take_control(struct tcp_connection *c, const struct packet *p, enum tcp_side side,
                                       struct place place)
{
    struct tcp_sent *sent = &c->sent[side];
    if (sent->packets == 1)
        sent->first = place;
    if ((p->tcp_flags & TCP_RST) != 0) {
        take_reset(c, p, side, place);
        if ((p->tcp_flags & TCP_ACK) != 0)
            take_data_ack(&c->sent[side ^ 1], p); /* who gives up may have heard it all */
        return;
    }
    if (p->ttl < sent->ttl_min)
        sent->ttl_min = p->ttl;
    if (p->ttl > sent->ttl_max)
        sent->ttl_max = p->ttl;
    if ((p->tcp_flags & TCP_SYN) != 0)
        take_syn(c, p, side, place);
    else if ((p->tcp_flags & TCP_ACK) != 0)
        take_ack(c, p, side, place);
    if (!sent->reached_known && (p->tcp_flags & TCP_SYN) != 0) {
        sent->reached = p->tcp_seq + 1;
        sent->reached_known = true;
    }
    if (p->payload_wire_len > 0 && (p->tcp_flags & TCP_SYN) == 0)
        take_data(sent, p, place);
    else if ((p->tcp_flags & TCP_SYN) == 0)
        take_ahead(sent, p, place);
    if ((p->tcp_flags & TCP_FIN) != 0)
        take_fin(c, side, place);
}

void tcp_connection_packet(struct tcp_connection *c, const struct packet *p, enum tcp_side side)
{
    struct tcp_sent *sent = &c->sent[side], *peer = &c->sent[side ^ 1];
    uint32_t len = p->payload_wire_len, end = p->tcp_seq + len;
    sent->packets++;
    /* Most are data after data, or acknowledge what is known to be acknowledged. */
    bool plain = (p->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST)) == 0 && sent->acked && p->ttl >= sent->ttl_min &&
                 p->ttl <= sent->ttl_max && (peer->data_acked || peer->data_packets == 0) && peer->stuck.times == 0 &&
                 (len == 0 ? (int32_t)(end - sent->reached) <= 0 : sent->data_packets > 0 && (int32_t)(end - sent->reached) > 0);
    if (!plain) {
        take_control(c, p, side, frame_place(p->frame));
        frame_place_into(&sent->last, p->frame);
        return;
    }
    frame_place_into(&sent->last, p->frame);
    sent->bytes += len;
    if (len > 0) {
        sent->data_packets++;
        sent->reached = end;
    }
}

bool tcp_connection_is_plain(const struct tcp_connection *c)
{
    bool plain = true;
    for (unsigned side = 0; side < 2; side++) {
        const struct tcp_sent *sent = &c->sent[side];
        plain = plain && sent->acked && sent->data_acked && sent->data_packets > 0 && sent->stuck.times == 0;
    }
    return plain;
}

void tcp_connection_passed(struct tcp_connection *c, enum tcp_side side, uint64_t packets, uint64_t data_packets, uint64_t bytes,
                           struct place last)
{
    struct tcp_sent *sent = &c->sent[side];
    sent->packets += packets;
    sent->data_packets += data_packets;
    sent->bytes += bytes;
    sent->reached += (uint32_t)bytes;
    sent->last = last;
}

void tcp_connection_left_out(struct tcp_connection *c)
{
    for (unsigned side = 0; side < 2; side++) {
        c->sent[side].reached_known = false;
        c->sent[side].stuck = (struct tcp_stuck){0};
    }
}

void tcp_connection_icmp(struct tcp_connection *c, const struct tcp_icmp *icmp, const struct address *reporter,
                         struct place place)
{
    if (c->icmp_errors++ > 0)
        return;
    c->icmp = *icmp;
    c->icmp_from = *reporter;
    c->icmp_place = place;
}

uint32_t tcp_sent_unseen(const struct tcp_sent *sent)
{
    uint32_t unseen = sent->ahead_seq - sent->reached;
    return seen(sent->ahead) && (int32_t)unseen > 0 ? unseen : 0;
}

uint64_t tcp_sent_again(const struct tcp_sent *sent)
{
    uint32_t once = sent->reached - sent->first_data_seq;
    bool known = sent->data_packets > 0 && sent->bytes <= INT32_MAX && once <= INT32_MAX;
    return known && sent->bytes > once ? sent->bytes - once : 0;
}

/* Nothing but resets came back, or one to the last SYN after an acknowledgement of what the port was used for before (RFC 9293
 * section 3.10.7.4: the client resets that, and tries again). */
static bool was_refused(const struct tcp_sent *client, const struct tcp_sent *server)
{
    bool last_word = server->last.frame == server->reset.frame && server->reset.time_ns >= client->last_syn.time_ns;
    return server->resets > 0 && (server->packets == server->resets || (last_word && !server->syn.seen && server->data_packets == 0));
}

/* There is no SYN/ACK: what the client's SYN met. */
static enum tcp_outcome unanswered(const struct tcp_connection *c)
{
    const struct tcp_sent *client = &c->sent[TCP_CLIENT], *server = &c->sent[TCP_SERVER];
    if (was_refused(client, server))
        return TCP_OUTCOME_REFUSED;
    if (client->resets > 0)
        return TCP_OUTCOME_CLIENT_GAVE_UP;
    return c->icmp_errors > 0 && c->icmp.kind != TCP_ICMP_TOO_BIG ? TCP_OUTCOME_UNREACHABLE : TCP_OUTCOME_NO_ANSWER;
}

/* True when this side was the first to end it. */
static bool ended_by(const struct tcp_connection *c, enum tcp_side side)
{
    if (c->reset != TCP_RESET_NONE && c->reset != TCP_RESET_CLOSING)
        return c->reset_by == side;
    return (seen(c->sent[TCP_CLIENT].fin) || seen(c->sent[TCP_SERVER].fin)) && c->fin_first == side;
}

/* The client closed without a word; what the server says to it afterwards is no answer (TLS: an alert about the end). */
static bool left_without_a_word(const struct tcp_connection *c)
{
    const struct tcp_sent *client = &c->sent[TCP_CLIENT], *server = &c->sent[TCP_SERVER];
    return client->syn.seen && client->data_packets == 0 && seen(client->fin) && ended_by(c, TCP_CLIENT) &&
           server->first_data.time_ns >= client->fin.time_ns;
}

enum tcp_outcome tcp_connection_outcome(const struct tcp_connection *c)
{
    const struct tcp_sent *client = &c->sent[TCP_CLIENT], *server = &c->sent[TCP_SERVER];
    bool ended = ended_by(c, TCP_CLIENT) || ended_by(c, TCP_SERVER);
    bool answered = server->packets > server->resets && !was_refused(client, server);
    if (client->syn.seen && !answered && !client->acked && client->data_packets == 0)
        return unanswered(c);
    if (client->packets == 0 ? server->acked || server->data_packets > 0 || server->syn.seen
                             : server->packets == 0 && (client->acked || client->data_packets > 0))
        return TCP_OUTCOME_ONE_WAY;
    if (server->syn.seen && !client->acked && client->data_packets == 0 && server->data_packets == 0)
        return client->resets > 0 ? TCP_OUTCOME_CLIENT_GAVE_UP : TCP_OUTCOME_ANSWER_UNHEARD;
    if (client->data_packets == 0 && server->data_packets == 0) {
        if (!client->syn.seen && !server->syn.seen)
            return TCP_OUTCOME_NOTHING;
        return ended ? TCP_OUTCOME_PROBE : TCP_OUTCOME_IDLE;
    }
    if (left_without_a_word(c))
        return TCP_OUTCOME_PROBE;
    if (server->data_packets == 0)
        return ended_by(c, TCP_SERVER) ? TCP_OUTCOME_HUNG_UP : TCP_OUTCOME_NO_REPLY;
    if (seen(client->fin) || seen(server->fin))
        return TCP_OUTCOME_CLOSED;
    return c->reset != TCP_RESET_NONE ? TCP_OUTCOME_RESET : TCP_OUTCOME_OPEN;
}
