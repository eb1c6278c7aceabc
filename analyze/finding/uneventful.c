#include "analyze/finding/uneventful.h"

#include <stdlib.h>

/* Tags: nothing can come of it, or it is up to a chain (by serial), or to a server (by index). */
enum { TAG_NONE, TAG_ALWAYS, TAG_CHAIN, TAG_SERVER = TAG_CHAIN + CHAINS_MAX + 1, TAGS = TAG_SERVER + SERVERS_MAX };
enum verdict { NOT_ASKED, STILL_UNEVENTFUL, BECAME_EVENTFUL };

struct uneventful_logins {
    struct presentations presented[CHAINS_MAX + 1]; /* by serial */
    uint8_t verdicts[TAGS];                         /* enum verdict; the same for all logins of a tag */
    bool known;                                     /* the following are of the login before */
    uint16_t version, suite;
    struct suite_use use;
};

struct uneventful_logins *uneventful_new(void)
{
    return calloc(1, sizeof(struct uneventful_logins));
}

void uneventful_free(struct uneventful_logins *u)
{
    free(u);
}

/* What a cipher suite says of a login: logins have few, and mostly that of the one before. */
static const struct suite_use *use_of(struct uneventful_logins *u, const struct tls_facts *t)
{
    if (!u->known || u->version != t->version || u->suite != t->cipher_suite) {
        u->known = true;
        u->version = t->version;
        u->suite = t->cipher_suite;
        u->use = rules_suite_use(t);
    }
    return &u->use;
}

uint16_t uneventful_tag(struct uneventful_logins *u, const struct exchange *x, const struct server *server)
{
    uint32_t serial = x->eap.tls.server_chain;
    if (x->eap.tls.server_hello && use_of(u, &x->eap.tls)->weak)
        return TAG_NONE;
    switch (rules_uneventful(x)) {
    case UNEVENTFUL:
        return TAG_ALWAYS;
    case UNEVENTFUL_BUT_CERTIFICATE:
        if (serial > CHAINS_MAX)
            return TAG_NONE;
        rules_presented(&u->presented[serial], x->eap.tls.certificate_last, use_of(u, &x->eap.tls));
        return (uint16_t)(TAG_CHAIN + serial);
    case UNEVENTFUL_BUT_UNSEEN:
        return server != NULL ? (uint16_t)(TAG_SERVER + server->index) : TAG_NONE;
    default:
        return TAG_NONE;
    }
}

static bool decide(const struct uneventful_logins *u, const struct rule_input *in, uint16_t tag)
{
    if (tag == TAG_ALWAYS)
        return true;
    if (tag < TAG_SERVER)
        return rules_chain_uneventful(in, tag - TAG_CHAIN, &u->presented[tag - TAG_CHAIN]);
    const struct server *server = servers_at(in->servers, tag - TAG_SERVER);
    return server != NULL && rules_resumed_uneventful(server);
}

bool uneventful_still(struct uneventful_logins *u, const struct rule_input *in, uint16_t tag)
{
    if (tag == TAG_NONE || tag >= TAGS)
        return false;
    if (u->verdicts[tag] == NOT_ASKED)
        u->verdicts[tag] = decide(u, in, tag) ? STILL_UNEVENTFUL : BECAME_EVENTFUL;
    return u->verdicts[tag] == STILL_UNEVENTFUL;
}
