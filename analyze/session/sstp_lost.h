/*
 * Packets of one side of a TCP connection that do not come through to the other, by the headers alone: repeated and never
 * acknowledged where the capture stands before the loss, missed and never acknowledged where it stands behind it. wire-facts 1.1.
 */
#ifndef VS_ANALYZE_SSTP_LOST_H
#define VS_ANALYZE_SSTP_LOST_H

#include "analyze/session/exchange.h"

enum sstp_lost_kind {
    SSTP_LOST_NOTHING,
    SSTP_LOST_REPEATED,   /* seen here, sent again and again */
    SSTP_LOST_UNSEEN      /* never seen here; what came later shows that it had been sent */
};

struct sstp_lost {
    enum sstp_lost_kind kind;
    bool from_client;         /* whose packets */
    uint32_t octets;          /* of one packet; UNSEEN: of all that is missing */
    uint32_t times;           /* REPEATED: it came again */
    bool other_is_there;      /* the other side said something meanwhile; else it may have gone */
    struct place first, last; /* the repetitions; UNSEEN: first is what shows it */
};

/* Large packets, which a link of smaller MTU swallows, stay away for longer than a repetition takes. */
struct sstp_lost sstp_large_lost(const struct exchange *x);

/* Nothing that this side sent is known to be still unacknowledged after it was repeated, or missing. */
bool sstp_all_arrived(const struct exchange *x, enum direction dir);

#endif
