/* What a frame belongs to, as strands of a hold: alike for sniffing and for files. */
#ifndef VS_ANALYZE_RECORD_TIES_H
#define VS_ANALYZE_RECORD_TIES_H

#include "analyze/record/hold.h"
#include "dissect/event.h"

static inline struct hold_key ties_conversation(uint32_t id)
{
    return (struct hold_key){.serial = id, .kind = HOLD_CONVERSATION};
}

static inline struct hold_key ties_flow(uint32_t side, uint32_t flow)
{
    return (struct hold_key){.serial = flow, .side = side, .kind = HOLD_FLOW};
}

static inline struct hold_key ties_datagram(uint32_t side, uint64_t datagram)
{
    return (struct hold_key){.serial = datagram, .side = side, .kind = HOLD_DATAGRAM};
}

/*
 * The strand that a frame is to be added to, when what was held apart and belongs to it has been joined to it; kind
 * HOLD_NOTHING: it is not wanted.
 */
struct hold_key ties_strand(struct hold *h, const struct frame_ties *t);
/* Forgets what was held apart and belongs to the frame. */
void ties_unwanted(struct hold *h, const struct frame_ties *t);

/* EVENT_OPENED: between whom it goes, and since when. */
void ties_opened(struct hold *h, const struct event *e);
/* Joins to a conversation what is held of its flows. */
void ties_rest(struct hold *h, uint32_t conversation);
/* Forgets a conversation, and what is held of its flows. */
void ties_forget(struct hold *h, uint32_t conversation);

#endif
