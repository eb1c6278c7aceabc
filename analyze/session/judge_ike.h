/* Where an IKE association came to its end, and how sure that is. Pure. Signatures K1 to K13 of wire-facts 1.1. */
#ifndef VS_ANALYZE_JUDGE_IKE_H
#define VS_ANALYZE_JUDGE_IKE_H

#include "analyze/session/confidence.h"
#include "analyze/session/judge.h"

enum ike_end {
    IKE_END_UNKNOWN,           /* the capture does not show it: it ended, began late, or has one side only */
    IKE_END_INIT_UNANSWERED,   /* K1, K2 */
    IKE_END_NO_PROPOSAL,       /* K7 */
    IKE_END_INVALID_KE,        /* K8, and the right group never came */
    IKE_END_COOKIE,            /* K9, and nothing came of it */
    IKE_END_INIT_ERROR,        /* another error notify in the clear: ike.init_error */
    IKE_END_REDIRECTED,
    IKE_END_NO_AUTH,           /* K12: INIT answered, the client never goes on */
    IKE_END_AUTH_UNANSWERED,   /* K3 */
    IKE_END_ANSWER_LOST,       /* IKE_AUTH is answered here, and the client repeats its request all the same */
    IKE_END_UNKNOWN_SPI,       /* K6: the responder knows no such association */
    IKE_END_SPLIT,             /* K5, seen whole: IKE_AUTH goes to another server than IKE_SA_INIT, and gets no answer */
    IKE_END_AUTH_REFUSED,      /* K10: the server refuses in its first answer */
    IKE_END_CLIENT_REFUSED,    /* K11: the client ends it after the server's first answer */
    IKE_END_EAP_FAILED,        /* EAP-Failure, or an error after EAP rounds */
    IKE_END_EAP_CLIENT_REFUSED, /* ... because the client refused the EAP server's certificate (read, or by lengths) */
    IKE_END_EAP_STALLED,       /* stops between two rounds of EAP; who is silent: judgement.client_silent */
    IKE_END_CHILD_REFUSED,     /* authenticated, but no child association: ike.child_error */
    IKE_END_ESTABLISHED,
};

struct ike_judgement {
    enum ike_end end;
    enum confidence confidence;
    bool client_silent;        /* the last message was the responder's */
    bool read;                 /* from payloads that keys opened, not from lengths and order */
};

struct ike_judgement judge_ike(const struct exchange *x);

/* What it means for the session's outcome. */
enum outcome judge_ike_outcome(const struct exchange *x);

/*
 * How the client answered the VPN server's own certificate, which only keys make readable: ANSWER_NO_CERTIFICATE, _ACCEPTED
 * (it went on with EAP, or is through), _LEFT, _SILENT or _UNKNOWN. *refusal: its error notify where that is about
 * authentication, else where it left; frame 0 when it did neither.
 */
enum client_answer judge_ike_server_certificate(const struct exchange *x, struct place *refusal);

/* IKE fragments (RFC 7383) of a message of IKE_AUTH that came again and again, and never all of them. */
bool judge_ike_fragments_in_vain(const struct exchange *x);

/* Two halves of one association, at different servers: one was sent IKE_SA_INIT only, the other IKE_AUTH only (K5). */
bool judge_ike_halves(const struct exchange *init, const struct exchange *auth);

/* A request to begin that has nothing of a VPN client, and that its sender never followed up: a scanner's or a monitor's. */
bool judge_ike_knock(const struct exchange *x);

/* Where keys were missing, so that certificates and EAP of this association stay unseen. */
bool judge_ike_closed(const struct exchange *x);

#endif
