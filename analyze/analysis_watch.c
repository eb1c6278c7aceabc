/* What is told while packets come: exchanges as they stand, and what the rules say of one of them by then. */
#include "analyze/analysis_internal.h"

#include <stdlib.h>

#include "analyze/session/attempts.h"
#include "analyze/session/session_binding.h"

/* Logins that failed, until the tunnels in front of them end, which they do at once. */
enum { FAILED_LOGINS = 16 };
struct failed_logins {
    struct exchange *ring[FAILED_LOGINS]; /* made when needed */
    size_t next;
};

static void exchange_began(void *ctx, struct exchange *x)
{
    struct analysis *a = ctx;
    if (a->watcher.began != NULL && x->type != CONVERSATION_SSTP)
        a->watcher.began(a->watcher.ctx, x);
}

static void exchange_going(void *ctx, struct exchange *x)
{
    struct analysis *a = ctx;
    services_learn(a->services, x);
    if (a->watcher.going == NULL || (x->type == CONVERSATION_SSTP && x->sstp.kind == SSTP_KIND_OTHER))
        return;
    a->going = true;
    a->watcher.going(a->watcher.ctx, x);
    a->going = false;
}

static void remember(struct failed_logins *f, const struct exchange *x)
{
    struct exchange **at = &f->ring[f->next];
    if (*at == NULL && (*at = malloc(sizeof **at)) == NULL)
        return;
    **at = *x;
    (*at)->ladder = span_of(NULL, 0);
    f->next = (f->next + 1) % FAILED_LOGINS;
}

void analysis_exchange_ended(struct analysis *a, struct exchange *x)
{
    if (a->watcher.ended == NULL)
        return;
    a->watcher.ended(a->watcher.ctx, x);
    if (a->failed_logins != NULL && attempts_is_login(x) && x->outcome != OUTCOME_ESTABLISHED && x->outcome != OUTCOME_INCOMPLETE)
        remember(a->failed_logins, x);
}

static void forget_logins(struct analysis *a)
{
    for (size_t i = 0; a->failed_logins != NULL && i < FAILED_LOGINS; i++)
        free(a->failed_logins->ring[i]);
    free(a->failed_logins);
    a->failed_logins = NULL;
}

bool analysis_watch(struct analysis *a, const struct analysis_watcher *w)
{
    a->watcher = w != NULL ? *w : (struct analysis_watcher){0};
    forget_logins(a);
    if (w == NULL)
        return track_watch(a->track, NULL, NULL, NULL);
    a->failed_logins = calloc(1, sizeof *a->failed_logins);
    return a->failed_logins != NULL && track_watch(a->track, exchange_began, exchange_going, a);
}

uint64_t analysis_open(const struct analysis *a)
{
    return a->open;
}

uint64_t analysis_state_bytes(const struct analysis *a)
{
    return track_bytes(a->track);
}

static void preview_chains(struct chains *c, const struct exchange *x)
{
    const struct { uint32_t serial, role; } shown[] = {
        {exchange_is_ike(x) ? x->ike.server_chain : 0, ROLE_IKEV2},
        {exchange_is_ike(x) ? x->ike.client_chain : 0, ROLE_CLIENT},
        {x->type == CONVERSATION_SSTP ? x->sstp.tls.server_chain : 0, ROLE_SSTP},
        {x->eap.tls.server_chain, ROLE_NPS},
        {x->eap.tls.client_chain, ROLE_CLIENT},
        {x->has_inner ? x->inner.tls.server_chain : 0, ROLE_NPS},
        {x->has_inner ? x->inner.tls.client_chain : 0, ROLE_CLIENT}};
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        if (shown[i].serial != 0)
            (void)chains_preview(c, shown[i].serial, shown[i].role);
}

/* The same random values, as links.h has them. */
static bool is_same(const struct exchange *a, const struct exchange *b)
{
    const struct tls_facts *s = &a->eap.tls, *t = &b->eap.tls;
    return (a->eap_hash != 0 && a->eap_hash == b->eap_hash) || (a->response_hash != 0 && a->response_hash == b->response_hash) ||
           (s->client_hello && t->client_hello && memcmp(s->random, t->random, sizeof s->random) == 0);
}

static void note_joined(void *ctx, uint32_t tunnel_head, uint32_t login_head)
{
    uint32_t *joined = ctx;
    (void)tunnel_head;
    *joined = login_head;
}

/* As the finished report finds it, among the few that may be meant. */
static const struct exchange *login_behind(struct analysis *a, const struct exchange *x)
{
    struct exchange *const *ring = a->failed_logins->ring;
    struct clocks *clocks = clocks_new();
    struct attempts *attempts = clocks != NULL ? attempts_new(clocks) : NULL;
    struct exchange *tunnel = (struct exchange *)(uintptr_t)x; /* only read */
    uint32_t joined = 0;
    const struct exchange *found = NULL;
    if (attempts != NULL)
        attempts_add(attempts, x->id, &tunnel, 1);
    for (size_t i = 0; i < FAILED_LOGINS && ring[i] != NULL && attempts != NULL; i++) {
        if (is_same(x, ring[i]))
            joined = ring[i]->id;
        attempts_add(attempts, ring[i]->id, &ring[i], 1);
    }
    if (attempts != NULL && joined == 0)
        attempts_join(attempts, note_joined, &joined);
    for (size_t i = 0; i < FAILED_LOGINS && ring[i] != NULL && joined != 0; i++)
        if (ring[i]->id == joined)
            found = ring[i];
    attempts_free(attempts);
    clocks_free(clocks);
    return found;
}

/* The login is the reason, what the tunnel shows of it the consequence. */
static void join_login(struct analysis *a, const struct exchange *x, struct session *s)
{
    if (s->tunnel == NULL || x->outcome == OUTCOME_ESTABLISHED || a->failed_logins == NULL || a->failed_logins->ring[0] == NULL)
        return;
    const struct exchange *login = login_behind(a, x);
    if (login == NULL)
        return;
    s->login = login;
    s->exchanges[s->exchange_count++] = login;
    if (x->eap.tls.server_chain == 0 || login->eap.tls.server_chain != 0)
        s->main = login;
}

/* Rules look at a chain that is only held until it is known whose it is as at SSTP's. */
static void run_rules(struct analysis *a, const struct exchange *x, struct findings *out, const struct session *s)
{
    struct chain *held = x->type == CONVERSATION_SSTP ? chains_get(a->chains, x->sstp.tls.server_chain) : NULL;
    uint32_t roles = held != NULL ? held->roles : 0;
    if (held != NULL && held->count > 0)
        held->roles |= ROLE_SSTP;
    if (a->going)
        chain_counts_try(a->counts, x, false);
    rules_session(out, &a->input, s);
    if (a->going)
        chain_counts_try(a->counts, x, true);
    if (held != NULL)
        held->roles = roles;
}

bool analysis_preview(struct analysis *a, const struct exchange *x, bool judge, struct findings *out, struct session *s)
{
    session_of_one(x, s);
    if (x->id == a->ended_id)
        s->head = a->ended_head;
    if (probes_likely(a->probes, x) || !services_counts(a->services, x))
        return false;
    if (out == NULL || probes_may_be(a->probes, x))
        return true;
    if (judge)
        preview_chains(a->chains, x);
    analysis_fill_input(a);
    a->input.sights = NULL; /* they are compared in the end */
    session_check_binding(s, a->digests, a->chains);
    struct session whole = *s;
    join_login(a, x, &whole);
    run_rules(a, x, out, &whole);
    if (a->losing)
        rules_losses(out);
    return true;
}
