#include "analyze/session/session_binding.h"

#include "analyze/session/sstp_certificate.h"

/* One that hands out no keys binds with zeros: PAP, CHAP and EAP's MD5 (MS-SSTP 3.2.5.2.2). */
static bool makes_no_keys(const struct exchange *x)
{
    const struct ppp_authentication *demanded = &x->sstp.ppp.authentication[TO_CLIENT];
    enum { ALGORITHM_MD5 = 5 };
    if (exchange_is_ppp(x) && demanded->result == PPP_AUTH_SUCCEEDED && demanded->chosen.protocol != 0)
        return demanded->chosen.protocol == PPP_PROTOCOL_PAP ||
               (demanded->chosen.protocol == PPP_PROTOCOL_CHAP && demanded->chosen.algorithm == ALGORITHM_MD5) ||
               (demanded->chosen.protocol == PPP_PROTOCOL_EAP && x->eap.method == EAP_TYPE_MD5);
    return false;
}

/* SSTP_HLAK octets, NULL when they are not known. */
static const uint8_t *keys_of(const struct session *s)
{
    static const uint8_t none[SSTP_HLAK];
    for (size_t i = 0; i < s->exchange_count; i++) {
        const struct exchange *x = s->exchanges[i];
        if (x->type == CONVERSATION_RADIUS && x->radius.has_keys)
            return x->radius.keys;
    }
    return makes_no_keys(s->bound) ? none : NULL;
}

void session_check_binding(struct session *s, struct digests *d, const struct chains *chains)
{
    s->bound = NULL;
    s->binding = (struct sstp_binding_check){.result = SSTP_UNCHECKED};
    for (size_t i = 0; i < s->exchange_count && s->bound == NULL; i++)
        if (s->exchanges[i]->type == CONVERSATION_SSTP && s->exchanges[i]->sstp.has_link &&
            s->exchanges[i]->sstp.link.has_connected)
            s->bound = s->exchanges[i];
    if (s->bound == NULL)
        return;
    const struct sstp_state *link = &s->bound->sstp.link;
    const struct chain *c = chains_get(chains, s->bound->sstp.tls.server_chain);
    struct sstp_binding_facts facts = {
        .connected = span_of(link->connected, sizeof link->connected),
        .nonce = span_of(link->nonce, link->has_nonce ? sizeof link->nonce : 0),
        .hashes_accepted = link->hashes_accepted,
        .certificate = c != NULL && c->count > 0 ? c->der[0] : span_of(NULL, 0),
        .hlak = keys_of(s),
    };
    sstp_binding_check(d, &facts, &s->binding);
}
