#include "analyze/finding/rules.h"

void rules_session(struct findings *out, const struct rule_input *in, const struct session *s)
{
    rules_certificate(out, in, s);
    rules_certificate_unseen(out, in, s);
    rules_client_answer(out, in, s);
    rules_eap(out, in, s);
    rules_radius(out, in, s);
}
