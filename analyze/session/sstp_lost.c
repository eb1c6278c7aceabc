#include "analyze/session/sstp_lost.h"

#include "capture/wire/elapsed.h"

enum {
    LARGE = 536, /* of payload: what every path of IPv4 takes holds no more (RFC 9293 section 3.7.1) */
    REPEATED = 3
};
#define REPEATED_NS (INT64_C(1000000000)) /* RFC 6298 section 2: what is not acknowledged is repeated within that, at first */

static bool later(struct place a, int64_t than_ns)
{
    return a.frame != 0 && elapsed_ns(a.time_ns, than_ns) > 0;
}

static struct sstp_lost repeated(const struct tcp_sent *sent, const struct tcp_sent *peer)
{
    const struct tcp_stuck *s = &sent->stuck;
    if (s->times < REPEATED || s->len < LARGE || elapsed_ns(s->last.time_ns, s->first.time_ns) < REPEATED_NS)
        return (struct sstp_lost){.kind = SSTP_LOST_NOTHING};
    return (struct sstp_lost){.kind = SSTP_LOST_REPEATED, .octets = s->len, .times = s->times, .first = s->first, .last = s->last,
                              .other_is_there = later(peer->last, s->first.time_ns)};
}

/* The other side goes on without it, so it was not the capture alone that missed it. */
static struct sstp_lost unseen(const struct exchange *x, const struct tcp_sent *sent, const struct tcp_sent *peer, enum direction dir)
{
    const struct sstp_facts *f = &x->sstp;
    uint64_t hole = f->missing_bytes[dir];
    uint32_t ahead = tcp_sent_unseen(sent);
    if (hole >= LARGE && later(peer->last, f->missing_at[dir].time_ns + REPEATED_NS))
        return (struct sstp_lost){.kind = SSTP_LOST_UNSEEN, .octets = hole < UINT32_MAX ? (uint32_t)hole : UINT32_MAX,
                                  .first = f->missing_at[dir], .other_is_there = true};
    bool for_long = later(sent->ahead, sent->ahead_since_ns + REPEATED_NS) || later(peer->last, sent->ahead.time_ns + REPEATED_NS);
    if (hole == 0 && ahead >= LARGE && for_long && later(peer->last, sent->ahead_since_ns + REPEATED_NS))
        return (struct sstp_lost){.kind = SSTP_LOST_UNSEEN, .octets = ahead, .first = sent->ahead, .other_is_there = true};
    return (struct sstp_lost){.kind = SSTP_LOST_NOTHING};
}

struct sstp_lost sstp_large_lost(const struct exchange *x)
{
    const struct sstp_facts *f = &x->sstp;
    struct sstp_lost found = {.kind = SSTP_LOST_NOTHING};
    if (x->type != CONVERSATION_SSTP || f->lost_bytes > 0 || f->flooded)
        return found;
    for (unsigned side = 0; side < 2 && found.kind == SSTP_LOST_NOTHING; side++) {
        const struct tcp_sent *sent = &f->tcp.sent[side], *peer = &f->tcp.sent[side ^ 1];
        found = repeated(sent, peer);
        if (found.kind == SSTP_LOST_NOTHING)
            found = unseen(x, sent, peer, (enum direction)side);
        found.from_client = side == TCP_CLIENT;
    }
    return found;
}

bool sstp_all_arrived(const struct exchange *x, enum direction dir)
{
    const struct tcp_sent *sent = &x->sstp.tcp.sent[dir];
    return sent->stuck.times == 0 && tcp_sent_unseen(sent) == 0 && x->sstp.missing_bytes[dir] == 0;
}
