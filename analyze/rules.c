#include "analyze/rules.h"

const struct chain *rule_chain(const struct rule_input *in, uint32_t serial)
{
    const struct chain *c = serial != 0 ? chains_get(in->chains, serial) : NULL;
    return c != NULL && c->judged ? c : NULL;
}

const char *rule_certificate_owner(const struct exchange *x)
{
    return x->type == CONVERSATION_EAPOL ? "server certificate" : "NPS certificate";
}

struct chain_stats rule_chain_stats(const struct rule_input *in, uint32_t serial)
{
    return serial < in->stats_count ? in->stats[serial] : (struct chain_stats){0};
}

void rule_worsen(struct finding *f, enum severity s)
{
    if (s < f->severity)
        f->severity = s;
}

void rules_session(struct findings *out, const struct rule_input *in, const struct session *s)
{
    rules_certificate(out, in, s);
    rules_certificate_unseen(out, in, s);
    rules_client_answer(out, in, s);
    rules_eap(out, in, s);
    rules_radius(out, in, s);
}
