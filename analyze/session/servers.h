/* What each RADIUS server did over the whole capture: answers, silence, times, and the certificates it presented. */
#ifndef VS_ANALYZE_SERVERS_H
#define VS_ANALYZE_SERVERS_H

#include "dissect/event.h"

enum { SERVERS_MAX = 1024, SERVER_CHAINS_MAX = 8, SERVER_OUTAGES = 4, SERVER_TIME_BUCKETS = 48 };

/* From one answer to the next, as the NAS of the first of them saw it: so many of its Access-Requests were in vain. */
struct server_outage {
    int64_t from_ns, until_ns;
    uint64_t requests;
};

struct server {
    struct endpoint endpoint;
    uint32_t index;                 /* servers_at()'s */
    uint64_t requests, responses, unanswered, accounting_requests, accounting_unanswered;
    uint64_t state_unknown;         /* requests that continue something this capture never saw answered */
    uint64_t unmatched;             /* answers whose request this capture lacks */
    uint64_t slow;                  /* answers later than 5 s */
    uint64_t times[SERVER_TIME_BUCKETS]; /* answers by time: bucket b holds [2^(b/2), ...) microseconds, two buckets an octave */
    int64_t slowest_ns; struct place slowest, slowest_request;
    struct place first_unanswered_accounting, last_unanswered_accounting; uint32_t accounting_transmissions;
    int64_t first_ns, last_ns, last_answer_ns;
    int64_t continued_ns;           /* when the last request came that continues what this capture never saw answered */
    struct address answered;        /* the NAS that got the last answer */
    uint64_t silent, silent_first;  /* its Access-Requests unanswered since both (all while nobody got an answer); those of
                                       them that begin a login */
    struct server_outage outages[SERVER_OUTAGES]; uint32_t outage_count; /* that are over; of more the worst are kept */
    struct { uint32_t chain; uint64_t presented, accepted, refused; struct place first; int64_t last_ns; uint32_t exchange; } chains[SERVER_CHAINS_MAX];
    size_t chain_count;
    int64_t resumed_ns;             /* when the last login began that was accepted without a certificate: its TLS session was
                                       resumed; 0 none */
};

struct servers;
struct servers *servers_new(void);
void servers_free(struct servers *s);

/* Finds or makes the entry; NULL when SERVERS_MAX are held. */
struct server *servers_of(struct servers *s, const struct endpoint *e);
size_t servers_count(const struct servers *s);
struct server *servers_at(const struct servers *s, size_t i); /* in order of first sight */

/* An Accounting-Request whose silence counts: the capture went on for an answer's time, or it was repeated in vain. */
bool accounting_in_vain(const struct radius_event *e);

/* Counts an Access-Request that was given up, first: it began its login. */
void server_add_silence(struct server *s, const struct radius_event *e, bool first);
/* It answered this NAS at a time after all that is counted as its silence so far, which ends. */
void server_ends_silence(struct server *s, int64_t time_ns);
static inline void server_answers(struct server *s, const struct address *nas, int64_t time_ns)
{
    if (s->silent > 0)
        server_ends_silence(s, time_ns);
    s->responses++;
    s->last_answer_ns = time_ns;
    s->answered = *nas;
}
/* It answered nobody any more after this request, and so many that no NAS has to repeat one to show it. */
bool server_gone(const struct server *s, int64_t request_ns);
/* So it was when this request was sent, and answered again later; NULL: not that it is known. */
const struct server_outage *server_was_gone(const struct server *s, int64_t request_ns);

void server_add_time(struct server *s, int64_t elapsed_ns);
/* Median of the answers' times, lower bound of its bucket; 0 without answers. */
int64_t server_median_ns(const struct server *s);
/* One presentation of a chain (chains serial); not kept when SERVER_CHAINS_MAX others are held. */
void server_add_chain(struct server *s, uint32_t chain, bool accepted, bool refused, struct place where, uint32_t exchange);
/* No chain was presented: before they are counted anew. */
void server_forget_chains(struct server *s);

#endif
