#include "analyze/record/ties.h"

void ties_unwanted(struct hold *h, const struct frame_ties *t)
{
    if (t->flow != 0)
        hold_drop(h, ties_flow(t->side, t->flow));
    if (t->datagram != 0)
        hold_drop(h, ties_datagram(t->side, t->datagram));
}

struct hold_key ties_strand(struct hold *h, const struct frame_ties *t)
{
    struct hold_key none = {0}, flow = ties_flow(t->side, t->flow), datagram = ties_datagram(t->side, t->datagram);
    if (t->datagram != 0 && !t->whole)
        return datagram;
    if (t->conversation == 0 && (t->flow == 0 || t->unwanted)) {
        ties_unwanted(h, t);
        return none;
    }
    struct hold_key to = t->conversation != 0 ? ties_conversation(t->conversation) : flow;
    if (t->conversation != 0 && t->flow != 0) {
        hold_join(h, flow, to);
        hold_flow(h, to, flow);
    }
    if (t->datagram != 0)
        hold_join(h, datagram, to);
    return to;
}

void ties_opened(struct hold *h, const struct event *e)
{
    static const uint8_t protocols[] = {[CONVERSATION_RADIUS] = IP_PROTO_UDP, [CONVERSATION_IKE] = IP_PROTO_UDP,
                                        [CONVERSATION_IKE1] = IP_PROTO_UDP,   [CONVERSATION_SSTP] = IP_PROTO_TCP,
                                        [CONVERSATION_L2TP] = IP_PROTO_UDP,   [CONVERSATION_PPTP] = 0};
    const struct hold_ends ends = {e->conv->client.address, e->conv->server.address, e->place.time_ns,
                                   protocols[e->conv->type]};
    hold_ends(h, ties_conversation(e->conv->id), &ends);
}

void ties_rest(struct hold *h, uint32_t conversation)
{
    struct hold_key flows[HOLD_FLOWS], self = ties_conversation(conversation);
    size_t count = hold_flows(h, self, flows);
    for (size_t i = 0; i < count; i++)
        hold_join(h, flows[i], self);
}

void ties_forget(struct hold *h, uint32_t conversation)
{
    struct hold_key flows[HOLD_FLOWS], self = ties_conversation(conversation);
    size_t count = hold_flows(h, self, flows);
    for (size_t i = 0; i < count; i++)
        hold_drop(h, flows[i]);
    hold_drop(h, self);
}
