#include "analyze/session/sessions.h"

#include "analyze/session/judge_ike.h"

static bool is_tunnel(const struct exchange *x)
{
    return exchange_is_ike(x) || exchange_is_ppp(x);
}

/* From the client inwards: a tunnel, one whose TLS ended before it, the authentication behind. */
static int layer_of(const struct exchange *x)
{
    if (is_tunnel(x))
        return x->type == CONVERSATION_SSTP && x->sstp.carrier == SSTP_CARRIER_CLEAR;
    return x->type == CONVERSATION_EAPOL ? 2 : 3;
}

static int in_order(const struct exchange *a, const struct exchange *b)
{
    if (layer_of(a) != layer_of(b))
        return layer_of(a) - layer_of(b);
    return a->id < b->id ? -1 : a->id > b->id;
}

static void insert_sorted(struct session_build *b, struct exchange *x)
{
    size_t at = b->owned_count++;
    for (; at > 0 && in_order(b->owned[at - 1], x) > 0; at--)
        b->owned[at] = b->owned[at - 1];
    b->owned[at] = x;
}

/* One connection of TLS, that goes on to somebody else: one capture may hold both sides of a translator. */
static bool may_be_translated(const struct exchange *a, const struct exchange *b)
{
    return a->type == CONVERSATION_SSTP && a->sstp.carrier == SSTP_CARRIER_TLS && b->sstp.carrier == SSTP_CARRIER_TLS &&
           !address_equal(&a->server.address, &b->server.address);
}

/* The same conversation captured elsewhere: same parties, or the same first request whatever a translator made of them.
 */
static bool same_exchange(const struct exchange *a, const struct exchange *b)
{
    if (a->type != b->type || (a->captures[0] == b->captures[0] && !may_be_translated(a, b)))
        return false;
    if (exchange_is_ike(a)) /* whatever translators made of the addresses */
        return memcmp(a->ike.initiator_spi, b->ike.initiator_spi, IKE_SPI) == 0;
    if (a->type == CONVERSATION_SSTP && a->sstp.carrier == SSTP_CARRIER_TLS)
        return a->sstp.tls.client_hello && b->sstp.tls.client_hello &&
               memcmp(a->sstp.tls.random, b->sstp.tls.random, sizeof a->sstp.tls.random) == 0;
    if (exchange_is_ppp(a) && a->sstp.carrier != b->sstp.carrier)
        return false;
    if (a->response_hash != 0 && a->response_hash == b->response_hash && exchange_is_ppp(a))
        return true;
    if (a->authenticator_hash != 0 && a->authenticator_hash == b->authenticator_hash)
        return true;
    return address_equal(&a->client.address, &b->client.address) &&
           address_equal(&a->server.address, &b->server.address) && a->eap.tls.client_hello &&
           b->eap.tls.client_hello && memcmp(a->eap.tls.random, b->eap.tls.random, 32) == 0;
}

/* Whatever the number of its packets. */
static unsigned worth(const struct exchange *x)
{
    unsigned known = x->outcome == OUTCOME_ESTABLISHED || x->outcome == OUTCOME_REJECTED ? 4000 : 0;
    known += x->eap.tls.server_chain != 0 ? 2000 : 0;
    known += exchange_is_ike(x) && !x->begun_before ? 1000 : 0;
    return known;
}

static unsigned knowledge(const struct exchange *x)
{
    return worth(x) + (x->packets < 1000 ? x->packets : 1000);
}

/* Of one TLS session: nearer to the client the server's answer takes longer; a PROXY header comes behind. */
static bool nearer_client(const struct exchange *x, const struct exchange *y)
{
    const struct tls_facts *s = &x->sstp.tls, *t = &y->sstp.tls;
    if (x->sstp.proxy_seen != y->sstp.proxy_seen)
        return y->sstp.proxy_seen;
    if (s->server_hello_place.frame == 0 || t->server_hello_place.frame == 0)
        return false;
    return s->server_hello_place.time_ns - s->hello.time_ns > t->server_hello_place.time_ns - t->hello.time_ns;
}

static bool shows_more(const struct exchange *x, const struct exchange *y)
{
    if (x->type == CONVERSATION_SSTP && worth(x) == worth(y))
        return nearer_client(x, y);
    return knowledge(x) > knowledge(y);
}

/* What a proxy behind the copy that is kept says of its client. */
static void take_proxy(struct sstp_facts *to, const struct sstp_facts *from)
{
    if (to->proxy_seen || !from->proxy_seen)
        return;
    to->proxy_seen = true;
    to->proxy_local = from->proxy_local;
    to->proxy_version = from->proxy_version;
    to->proxy_source = from->proxy_source;
    to->proxy_destination = from->proxy_destination;
    to->proxy_place = from->proxy_place;
}

/* What one server was asked in IKE_SA_INIT, for the copy that shows the rest at another. */
static void take_init(struct exchange *to, const struct exchange *from)
{
    enum { BEGIN = offsetof(struct ike_facts, init_requests), END = offsetof(struct ike_facts, auth_requests) };
    const struct endpoint initiator = to->ike.auth_initiator, responder = to->ike.auth_responder;
    memcpy((uint8_t *)&to->ike + BEGIN, (const uint8_t *)&from->ike + BEGIN, END - BEGIN);
    to->ike.auth_initiator = initiator;
    to->ike.auth_responder = responder;
    to->ike.redirect_target = (struct text){0, 0}; /* it lies among the other's texts */
    to->first = from->first;
    to->begun_before = false;
}

/* Keeps the copy that shows more, seen in both captures. */
static void merge(struct exchange *keep, const struct exchange *other)
{
    for (unsigned i = 0; i < other->capture_count; i++) {
        bool there = false;
        for (unsigned k = 0; k < keep->capture_count; k++)
            there = there || keep->captures[k] == other->captures[i];
        if (!there && keep->capture_count < EXCHANGE_CAPTURES_MAX)
            keep->captures[keep->capture_count++] = other->captures[i];
    }
    if (keep->type == CONVERSATION_SSTP)
        take_proxy(&keep->sstp, &other->sstp);
}

static void list_exchanges(struct session_build *b)
{
    struct session *s = &b->session;
    for (size_t i = 0; i < b->owned_count; i++) {
        struct exchange *x = b->owned[i];
        size_t k = 0;
        while (k < s->exchange_count && !same_exchange(s->exchanges[k], x))
            k++;
        if (k == s->exchange_count) {
            s->exchanges[s->exchange_count++] = x;
            continue;
        }
        struct exchange *old = NULL;
        for (size_t o = 0; o < b->owned_count; o++)
            if (b->owned[o] == s->exchanges[k])
                old = b->owned[o];
        bool halves = judge_ike_halves(old, x), swapped = judge_ike_halves(x, old);
        if (halves)
            take_init(x, old);
        else if (swapped)
            take_init(old, x);
        if (halves || (!swapped && shows_more(x, old))) {
            merge(x, old);
            s->exchanges[k] = x;
        } else {
            merge(old, x);
        }
    }
}

/* The exchange that shows most, of the tunnels or of the others; NULL when there is none. */
static const struct exchange *best_of(const struct session *s, bool tunnels)
{
    const struct exchange *best = NULL;
    for (size_t i = 0; i < s->exchange_count; i++)
        if (is_tunnel(s->exchanges[i]) == tunnels && (best == NULL || knowledge(s->exchanges[i]) > knowledge(best)))
            best = s->exchanges[i];
    return best;
}

/* The login behind a tunnel says why; unless it is the tunnel that shows the certificate. */
static const struct exchange *main_exchange(const struct session *s)
{
    const struct exchange *tunnel = s->tunnel, *login = s->login;
    if (tunnel == NULL || (login != NULL && (login->eap.tls.server_chain != 0 || tunnel->eap.tls.server_chain == 0)))
        return login;
    return tunnel;
}

/*
 * A tunnel that is up is a connection, whatever was tried before. A login that failed is the end of its tunnel; one
 * that was accepted leaves the tunnel time to fail otherwise.
 */
static enum outcome outcome_of(const struct exchange *tunnel, const struct exchange *login)
{
    if (tunnel == NULL || login == NULL)
        return (enum outcome)(tunnel != NULL ? tunnel : login)->outcome;
    if (tunnel->outcome == OUTCOME_ESTABLISHED)
        return OUTCOME_ESTABLISHED;
    bool undecided = login->outcome == OUTCOME_INCOMPLETE ||
                     (login->outcome == OUTCOME_ESTABLISHED && tunnel->outcome != OUTCOME_INCOMPLETE);
    return (enum outcome)(undecided ? tunnel : login)->outcome;
}

bool session_read(struct spool *spool, uint32_t head, uint32_t number, struct session_build *out)
{
    memset(out, 0, sizeof *out);
    out->spool = spool;
    for (uint32_t id = head; id != 0 && out->owned_count < SESSION_EXCHANGES_MAX; id = spool_next(spool, id)) {
        struct exchange *x = spool_get(spool, id);
        if (x == NULL && (spool_failed(spool) || id == head)) {
            session_release(out);
            return false;
        }
        if (x != NULL)
            insert_sorted(out, x);
    }
    list_exchanges(out);
    struct session *s = &out->session;
    s->head = head;
    s->number = number;
    s->tunnel = best_of(s, true);
    s->login = best_of(s, false);
    s->main = main_exchange(s);
    s->outcome = outcome_of(s->tunnel, s->login);
    return true;
}

void session_of_one(const struct exchange *x, struct session *out)
{
    *out = (struct session){.head = x->id, .exchanges = {x}, .exchange_count = 1, .main = x};
    *(is_tunnel(x) ? &out->tunnel : &out->login) = x;
    out->outcome = (enum outcome)x->outcome;
}

void session_release(struct session_build *b)
{
    for (size_t i = 0; i < b->owned_count; i++)
        spool_release(b->spool, b->owned[i]);
    b->owned_count = 0;
}

const struct exchange *session_reason_behind(const struct session *s, const struct exchange *x)
{
    const struct exchange *login = s->login;
    bool failed = login != NULL && login->outcome != OUTCOME_ESTABLISHED && login->outcome != OUTCOME_INCOMPLETE;
    return failed && is_tunnel(x) ? login : NULL;
}

bool session_failed(const struct session *s)
{
    return s->outcome != OUTCOME_ESTABLISHED && s->outcome != OUTCOME_INCOMPLETE;
}
