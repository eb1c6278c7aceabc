/* For the files rules_ike*.c only. */
#ifndef VS_ANALYZE_RULES_IKE_H
#define VS_ANALYZE_RULES_IKE_H

#include "analyze/finding/rules.h"
#include "analyze/session/judge_ike.h"

enum { IKE_TEXT = 512 };

/* The entry of this cause for the responder of x. */
struct finding *rule_ike_raise(struct findings *out, enum finding_id id, const struct exchange *x, uint64_t variant, bool *fresh);

/* "AES-CBC-256, 3DES" of the transforms of one type that the initiator offers. */
const char *describe_ike_offer(char out[static IKE_TEXT], const struct ike_facts *f, enum ike_transform_type type);
/* "AES-CBC-256 / HMAC_SHA2_256_128 / PRF_HMAC_SHA2_256 / 2048-bit MODP" */
const char *describe_ike_suite(char out[static IKE_TEXT], const struct ike_suite *s);
/* "2048-bit MODP (group 14)" */
const char *describe_ike_group(char out[static 64], uint16_t group);

/* IKE_SA_INIT: what anybody can read. */
void rules_ike_init(struct findings *out, const struct rule_input *in, const struct exchange *x, struct ike_judgement j);
/* IKE_AUTH: unanswered, refused, lost on the way, split over servers. */
void rules_ike_auth(struct findings *out, const struct rule_input *in, const struct exchange *x, struct ike_judgement j);
/* What follows authentication, and EAP read from lengths. */
void rules_ike_end(struct findings *out, const struct rule_input *in, const struct exchange *x, struct ike_judgement j);
/* The same of IKEv1, from the order of its messages. */
void rules_ike1(struct findings *out, const struct exchange *x, struct ike_judgement j);

#endif
