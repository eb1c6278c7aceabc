/*
 * Health probes of load balancers and monitors: connections that want no tunnel, told by what they are, or by their number and
 * regularity. They come by the thousand; a series of them is one session, of which the first are kept. wire-facts 7.4.
 */
#ifndef VS_ANALYZE_PROBES_H
#define VS_ANALYZE_PROBES_H

#include "analyze/session/exchange.h"
#include "analyze/session/services.h"

enum { PROBE_SERIES_MAX = 256, PROBE_LISTED = 16, PROBE_SAMPLES = 5, PROBE_WAITING = 32 };

enum probe_kind { PROBE_TCP, PROBE_TLS, PROBE_HTTP };

/* A probe, and whether it failed. */
struct probe_result { struct place at; bool failed; };

/* All probes of one source to one server. */
struct probe_series {
    struct address source;
    struct endpoint target;
    enum probe_kind kind;            /* the highest that was seen */
    uint64_t count, failed;          /* failed: no answer, refused, or an HTTP error other than 401 */
    uint64_t failed_last;            /* ... of the last ones in a row, in the order in which they began */
    uint64_t outage;                 /* the longest row of failures that an answer ended; 0: none */
    struct place outage_first, outage_back; /* its first failure, and the answer */
    struct place first, last, first_failed;
    uint16_t http_status;            /* of the last one, 0 unknown */
    int64_t period_ns;               /* mean of the times between them; 0: too few, or not regular */
    uint32_t chain;                  /* looks: chains_get() serial of the certificate that the first was shown, 0 none */
    uint64_t refusals;               /* ... of that certificate, as they look like until it is known what they are */
    bool looks;                      /* TLS handshakes that name the server, and no more; a series of its own, never sure */
    bool sure;                       /* probes by what they are; else attempts that nothing but their regularity tells apart */
    uint32_t listed[PROBE_LISTED];   /* ids of exchanges, ascending */
    size_t listed_count;
    /* its own */
    struct probe_result waiting[PROBE_WAITING]; /* the latest in the order in which they began: connections are told as they end */
    size_t waiting_count;
    struct place row_first;          /* of the failures in a row that are going on */
    bool begun;
    int64_t previous_ns;
    double gaps, gap_sum, gap_squares;
};

struct probes;

struct probes *probes_new(void); /* NULL when memory is short */
void probes_free(struct probes *p);

/* Takes account of a connection that is, or may turn out, a probe. False: it need not be kept. */
bool probes_add(struct probes *p, const struct exchange *x);

/*
 * All were added: series of attempts that are not regular are forgotten, and of looks at the certificate of a server where nobody
 * else got a tunnel: a client that refuses the certificate and is dialled again by a timer looks the same.
 */
void probes_settle(struct probes *p, const struct services *services);
const struct probe_series *probes_all(const struct probes *p, size_t *count);

/* A settled copy; the caller frees it with probes_free. NULL when memory is short. */
struct probes *probes_so_far(const struct probes *p, const struct services *services);

/* After probes_settle: x is a probe, if not by itself, then by its series. */
bool probes_has(const struct probes *p, const struct exchange *x);

/* Likewise, of a probe: it is one of the first of its series, which stand for all of them. */
bool probes_lists(const struct probes *p, const struct exchange *x);

/*
 * While all are not added yet: an attempt without an octet that may turn out a probe, as its source probes other servers, or stands
 * beside this one.
 */
bool probes_may_be(const struct probes *p, const struct exchange *x);

/* While more may be added: the same, as far as is known by then. Series of few attempts do not show yet. */
bool probes_likely(const struct probes *p, const struct exchange *x);

const char *probe_kind_name(enum probe_kind kind); /* "tcp", "tls", "http" */

#endif
