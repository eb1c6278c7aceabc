/* For the files rules_sstp*.c and rules_ppp.c only. */
#ifndef VS_ANALYZE_RULES_SSTP_H
#define VS_ANALYZE_RULES_SSTP_H

#include "analyze/finding/rules.h"
#include "analyze/session/judge_sstp.h"

/* What the Windows client shows (HRESULT; wire-facts 1.4). */
#define SSTP_ERROR_HUNG_UP UINT32_C(0x80070040)   /* ERROR_NETNAME_DELETED */
#define SSTP_ERROR_REFUSED UINT32_C(0x800704C9)   /* ERROR_CONNECTION_REFUSED */
#define SSTP_ERROR_RESET UINT32_C(0x80072746)     /* WSAECONNRESET */
#define SSTP_ERROR_TIMED_OUT UINT32_C(0x8007274C) /* WSAETIMEDOUT */
#define SSTP_ERROR_EXPIRED UINT32_C(0x800B0101)   /* CERT_E_EXPIRED */
#define SSTP_ERROR_UNTRUSTED UINT32_C(0x800B0109) /* CERT_E_UNTRUSTEDROOT */
#define SSTP_ERROR_REVOKED UINT32_C(0x80092010)   /* CRYPT_E_REVOKED */

/* Where the certificate of the SSTP server is seen and set. */
#define SSTP_BINDING_PATH                                                                                              \
    "Routing and Remote Access > server > Properties > Security > SSL Certificate Binding; compare with netsh http "   \
    "show sslcert ipport=0.0.0.0:443"

/* The entry of this cause for the server of x. */
struct finding *rule_sstp_raise(struct findings *out, enum finding_id id, const struct exchange *x, uint64_t variant,
                                bool *fresh);
/* Nothing shows that the server of x is a VPN's; it was taken for one as there is nothing else (services.h). */
bool rule_sstp_assumed(const struct rule_input *in, const struct exchange *x);
/* ... and the client did not name it (no SNI), as those do who scan the internet. */
bool rule_sstp_nobody(const struct rule_input *in, const struct exchange *x);
/* ... and the length of what was asked inside of TLS does not show that it was SSTP_DUPLEX_POST. */
bool rule_sstp_unsure_request(const struct rule_input *in, const struct exchange *x);
/* What was asked inside of TLS, and not answered, is by its length not SSTP_DUPLEX_POST. */
bool rule_sstp_other_request(const struct exchange *x, struct sstp_judgement j);
/* As much is assumed of a port that is not SSTP's own: another service's, most likely, of which nothing is said. */
bool rule_sstp_elsewhere(const struct rule_input *in, const struct exchange *x);
/* When assumed: says so, and is no more certain. */
void rule_sstp_say_assumed(struct finding *f, const struct rule_input *in, const struct exchange *x);
/* One of those who take part in a connection set up the wrong way: where to begin to look. Appends a sentence. */
void rule_sstp_side(struct finding *f, const char *side);
/* FIN or, without, RST of that side; frame 0 without either. */
struct place rule_sstp_ended(const struct exchange *x, enum tcp_side side);
/* It was the server that ended the connection, instead of going on. */
bool rule_sstp_hung_up(const struct exchange *x, struct sstp_judgement j);
/* The TTL of the reset that ended x is another than that of the server's other packets (here, or in its tunnels), which
 * is given out: a box on the way made it. */
bool rule_sstp_forged_reset(const struct rule_input *in, const struct exchange *x, uint8_t *usual);
/* Says that. */
void rule_sstp_say_forged(struct finding *f, const struct exchange *x, uint8_t usual);

/* TCP: nobody answers, or refuses. */
void rules_sstp_connect(struct findings *out, const struct rule_input *in, const struct exchange *x,
                        struct sstp_judgement j);
/* What is lost on the way because it is large; true: that is why it ended, and nothing else needs to be said. */
bool rules_sstp_lost(struct findings *out, const struct rule_input *in, const struct exchange *x, struct sstp_judgement j);
/* TLS: alerts, certificates refused, weak versions. */
void rules_sstp_tls(struct findings *out, const struct rule_input *in, const struct exchange *x,
                    struct sstp_judgement j);
/* HTTP, and SSTP's own messages up to the crypto binding. */
void rules_sstp_call(struct findings *out, const struct rule_input *in, const struct exchange *x,
                     struct sstp_judgement j);
/* The crypto binding, as the session checked it, and TLS that ends before the server. */
void rules_sstp_binding(struct findings *out, const struct rule_input *in, const struct session *s,
                        const struct exchange *x, struct sstp_judgement j);
/* What lengths alone tell of a tunnel that is closed. */
void rules_sstp_lengths(struct findings *out, const struct rule_input *in, const struct exchange *x, struct sstp_judgement j);
/* L2TP and PPTP before there is PPP; true: there is nothing more to say. In rules_call.c. */
bool rules_call(struct findings *out, const struct exchange *x, struct sstp_judgement j);
/* PPP inside SSTP, L2TP or PPTP. */
void rules_ppp(struct findings *out, const struct rule_input *in, const struct exchange *x, struct sstp_judgement j);

#endif
