/* A session: the exchanges of one user's attempt, as rules and reports see it. */
#ifndef VS_ANALYZE_SESSION_H
#define VS_ANALYZE_SESSION_H

#include "analyze/session/client_error.h"
#include "analyze/session/confidence.h"
#include "analyze/session/exchange.h"

enum { SESSION_EXCHANGES_MAX = 16 };

/* Lent by who put it together (sessions.h). */
struct session {
    uint32_t head;                  /* id of the exchange that it is kept under */
    uint32_t number;                /* 1.., in order of their beginning, as reported and as --session takes it */
    const struct exchange *exchanges[SESSION_EXCHANGES_MAX]; size_t exchange_count; /* the first is the one nearest to the client */
    const struct exchange *main;    /* the exchange that tells most of the authentication: EAP facts, the reason */
    const struct exchange *tunnel;  /* IKE, SSTP, L2TP or PPTP: what the client's connection came to; NULL without */
    const struct exchange *login;   /* RADIUS or EAPOL, of several the one that shows most; NULL without */
    const struct exchange *bound;   /* the SSTP connection whose CALL_CONNECTED was read; NULL: binding says nothing */
    struct sstp_binding_check binding; /* its crypto binding, part by part; filled by session_check_binding */
    enum outcome outcome;
    uint32_t client_error;          /* 0: none; what the Windows client shows */
    enum confidence client_error_confidence;
    const uint32_t *findings; size_t finding_count; /* indexes into the report's findings, ascending */
};

/* The RADIUS login behind x, a tunnel of this session, when it failed: then it is the reason, and what x shows of its
 * authentication the consequence. NULL without. */
const struct exchange *session_reason_behind(const struct session *s, const struct exchange *x);

/* It came to an end, and not to a connection. */
bool session_failed(const struct session *s);

/* Not a user's attempt, but a series of health probes (probes.h). */
static inline bool session_is_probes(const struct session *s)
{
    return s->main->type == CONVERSATION_SSTP && s->main->sstp.kind == SSTP_KIND_PROBE;
}

#endif
