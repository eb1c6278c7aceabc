/* The table of calls: for ppp_calls.c and ppp_call.c only. */
#ifndef VS_PPP_PPP_CALLS_INTERNAL_H
#define VS_PPP_PPP_CALLS_INTERNAL_H

#include "dissect/ppp/ppp_calls.h"

/* In the order in which they are given up. */
enum { LIST_ENDED, LIST_SETUP, LIST_OPEN, LISTS };
struct ppp_call_list { uint32_t oldest, newest; };

struct ppp_calls {
    enum conversation_type type;
    struct tls_context *tls;
    struct event_sink sink;
    ppp_call_gone_fn *gone;
    void *ctx;
    struct ppp_call *calls; /* from 1 on */
    uint32_t room, used, free, count;
    struct ppp_call_list lists[LISTS];
    uint32_t *carried;      /* by the number of the control connection: the latest call of it that has not ended */
    struct index index;
    int64_t now_ns;    /* as ppp_calls_time was told */
    int64_t active_ns; /* when the packet at hand came: its own time unless that lies behind now_ns */
    uint64_t links; /* held now */
    struct ppp_calls_counters counters;
};

/* It was heard of just now; moves it to the list that it belongs to. */
void ppp_call_touch(struct ppp_call *call);
/* It has ended: whatever happens to its control connection is none of its concern. */
void ppp_call_leave_carrier(struct ppp_call *call);
/* No packet is found to be its any more. */
void ppp_call_clear_keys(struct ppp_call *call);

#endif
