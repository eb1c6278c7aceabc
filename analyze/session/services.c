#include "analyze/session/services.h"

#include <stdlib.h>

#include "analyze/nat/nat_search.h"
#include "analyze/session/judge_sstp.h"

/* Of the first capture that shows the server. */
struct ttl_range { uint32_t capture; uint8_t min, max; bool known; };

struct vpn_server {
    struct address address;
    struct ttl_range ttl;
    bool sstp;                                              /* known for SSTP: a tunnel, or named; IKE alone does not tell */
    bool ike;                                               /* it answered IKE_SA_INIT */
    bool named;                                             /* by the administrator */
    uint16_t port;                                          /* of its first tunnel */
    bool dialled_by_name, dialled_without;                  /* by those who got SSTP to speak: with SNI, and without */
};

struct services {
    struct vpn_server vpn[SERVICES_MAX];                    /* in no order */
    size_t vpn_count;
    struct address web[SERVICES_MAX];                       /* servers of which something other than SSTP was asked, the first ones */
    size_t web_count;
    struct address unsure[SERVICES_UNSURE_MAX];
    size_t unsure_count;                                    /* SERVICES_UNSURE_MAX: that many or more */
    struct services_shown shown[SERVICES_SHOWN_MAX];
    size_t shown_count;
};

struct services *services_new(void)
{
    return calloc(1, sizeof(struct services));
}

void services_free(struct services *s)
{
    free(s);
}

static bool among(const struct address *list, size_t count, const struct address *a)
{
    for (size_t i = 0; i < count; i++)
        if (address_equal(&list[i], a))
            return true;
    return false;
}

static const struct vpn_server *find(const struct services *s, const struct address *a)
{
    for (size_t i = 0; i < s->vpn_count; i++)
        if (address_equal(&s->vpn[i].address, a))
            return &s->vpn[i];
    return NULL;
}

/* NULL when there is no room for one more. */
static struct vpn_server *vpn_server(struct services *s, const struct address *a)
{
    const struct vpn_server *known = find(s, a);
    if (known != NULL)
        return &s->vpn[known - s->vpn];
    if (s->vpn_count == SERVICES_MAX)
        return NULL;
    s->vpn[s->vpn_count] = (struct vpn_server){.address = *a};
    return &s->vpn[s->vpn_count++];
}

static struct vpn_server *sstp_server(struct services *s, const struct address *a)
{
    struct vpn_server *v = vpn_server(s, a);
    if (v != NULL)
        v->sstp = true;
    return v;
}

void services_name(struct services *s, const struct address *a)
{
    struct vpn_server *v = sstp_server(s, a);
    if (v != NULL)
        v->named = true;
}

static void note_ttl(struct vpn_server *v, const struct exchange *x)
{
    const struct tcp_sent *sent = &x->sstp.tcp.sent[TCP_SERVER];
    if (sent->ttl_min > sent->ttl_max)
        return;
    struct ttl_range *t = &v->ttl;
    if (!t->known)
        *t = (struct ttl_range){x->first.capture, sent->ttl_min, sent->ttl_max, true};
    if (t->capture != x->first.capture)
        return;
    t->min = sent->ttl_min < t->min ? sent->ttl_min : t->min;
    t->max = sent->ttl_max > t->max ? sent->ttl_max : t->max;
}

bool services_ttl(const struct services *s, const struct address *a, uint32_t capture, uint8_t *min, uint8_t *max)
{
    const struct vpn_server *v = find(s, a);
    if (v == NULL || !v->ttl.known || v->ttl.capture != capture)
        return false;
    *min = v->ttl.min;
    *max = v->ttl.max;
    return true;
}

static void note_unsure(struct services *s, const struct address *a)
{
    if (s->unsure_count < SERVICES_UNSURE_MAX && !among(s->unsure, s->unsure_count, a))
        s->unsure[s->unsure_count++] = *a;
}

static void note_shown(struct services_shown *to, const struct exchange *x)
{
    struct span name = exchange_text(x, x->sstp.tls.sni);
    to->server = x->server;
    to->chain = x->sstp.tls.server_chain;
    to->exchange = x->id;
    to->dialled_len = (uint16_t)(name.len <= SERVICES_NAME ? name.len : 0);
    if (to->dialled_len > 0)
        memcpy(to->dialled, name.data, to->dialled_len);
}

static void note_answer(struct services_shown *to, const struct exchange *x)
{
    const struct alert_fact *alert;
    enum client_answer answer = judge_sstp_server_certificate(x, &alert);
    to->accepted += answer == ANSWER_ACCEPTED;
    to->refused += answer == ANSWER_ALERT || answer == ANSWER_ENCRYPTED_ALERT || answer == ANSWER_LEFT;
    to->silent += answer == ANSWER_SILENT;
}

/* A server shows all of its clients the same: one entry stands for them. What finds no room stays held, and unclaimed. */
static void shown_again(struct services *s, const struct exchange *x)
{
    struct services_shown now = {.connections = 0};
    note_shown(&now, x);
    for (size_t i = 0; i < s->shown_count; i++) {
        struct services_shown *known = &s->shown[i];
        if (known->chain == now.chain && endpoint_equal(&known->server, &now.server) &&
            known->dialled_len == now.dialled_len && memcmp(known->dialled, now.dialled, now.dialled_len) == 0) {
            known->connections++;
            note_answer(known, x);
            return;
        }
    }
    if (s->shown_count == SERVICES_SHOWN_MAX)
        return;
    struct services_shown *new = &s->shown[s->shown_count++];
    *new = now;
    new->connections = 1;
    note_answer(new, x);
}

static void note_tunnel(struct services *s, const struct exchange *x)
{
    struct vpn_server *v = sstp_server(s, &x->server.address);
    if (v == NULL)
        return;
    note_ttl(v, x);
    v->port = v->port == 0 ? x->server.port : v->port;
    if (x->sstp.tls.client_hello)
        *(judge_sstp_dials_name(x) ? &v->dialled_by_name : &v->dialled_without) = true;
}

static void note_web(struct services *s, const struct address *a)
{
    if (s->web_count < SERVICES_MAX && !among(s->web, s->web_count, a))
        s->web[s->web_count++] = *a;
}

void services_learn(struct services *s, const struct exchange *x)
{
    if (x->type == CONVERSATION_SSTP && x->sstp.kind == SSTP_KIND_TUNNEL)
        note_tunnel(s, x);
}

bool services_add(struct services *s, const struct exchange *x)
{
    struct vpn_server *ike = x->type == CONVERSATION_IKE && x->ike.init_responses > 0 ? vpn_server(s, &x->server.address) : NULL;
    if (ike != NULL)
        ike->ike = true;
    if (x->type != CONVERSATION_SSTP)
        return false;
    switch ((enum sstp_kind)x->sstp.kind) {
    case SSTP_KIND_TUNNEL:
        note_tunnel(s, x);
        break;
    case SSTP_KIND_OTHER:
        note_web(s, &x->server.address);
        break;
    case SSTP_KIND_UNSURE:
        note_unsure(s, &x->server.address);
        if (x->sstp.tls.server_chain == 0)
            break;
        shown_again(s, x);
        return true;
    case SSTP_KIND_PROBE:
        if (x->sstp.sstp_target)
            services_name(s, &x->server.address);
        break;
    }
    return false;
}

bool services_answers_ike(const struct services *s, const struct address *a)
{
    const struct vpn_server *v = find(s, a);
    return v != NULL && v->ike;
}

bool services_is_vpn(const struct services *s, const struct address *a)
{
    return find(s, a) != NULL;
}

bool services_is_sstp(const struct services *s, const struct address *a)
{
    const struct vpn_server *v = find(s, a);
    return v != NULL && v->sstp;
}

bool services_is_dialled_by_name(const struct services *s, const struct address *a)
{
    const struct vpn_server *v = find(s, a);
    return v != NULL && v->dialled_by_name;
}

size_t services_vpn(const struct services *s, struct address out[static SERVICES_MAX])
{
    for (size_t i = 0; i < s->vpn_count; i++)
        out[i] = s->vpn[i].address;
    return s->vpn_count;
}

/* A further server of a farm stands in the same small network: /28, /24 inside of a site; /64. */
static bool beside_vpn(const struct services *s, const struct address *a)
{
    unsigned bits = a->family != FAMILY_IPV4 ? 64 : nat_is_rfc1918(a) ? 24 : 28;
    for (size_t i = 0; i < s->vpn_count; i++)
        if (s->vpn[i].address.family == a->family && address_in(a, &s->vpn[i].address, bits))
            return true;
    return false;
}

/* What an unsure connection shows of the one who made it. */
struct attempt {
    const struct endpoint *server;
    bool silent;   /* the server sent no octet */
    bool nameless; /* a ClientHello without the name of a host */
};

/* TLS that fails on another port is another service's: mail, directories, remote administration. */
static bool is_port(const struct services *s, uint16_t port)
{
    enum { HTTPS = 443 };
    bool tunnels = port == HTTPS;
    for (size_t i = 0; i < s->vpn_count && !tunnels; i++)
        tunnels = s->vpn[i].port == port;
    return tunnels;
}

static bool unsure_counts(const struct services *s, struct attempt t)
{
    const struct vpn_server *v = find(s, &t.server->address);
    bool web = among(s->web, s->web_count, &t.server->address);
    if (!(v != NULL && v->named) && !is_port(s, t.server->port))
        return false;
    if (v != NULL && v->sstp) /* who scans the internet for TLS knows addresses; this server's users dial its name */
        return !(t.nameless && v->dialled_by_name && !v->dialled_without);
    if (v != NULL)
        return !web;
    if (s->vpn_count > 0)
        return t.silent && !web && beside_vpn(s, &t.server->address);
    return s->web_count == 0 && s->unsure_count < SERVICES_UNSURE_MAX;
}

bool services_counts(const struct services *s, const struct exchange *x)
{
    if (x->type != CONVERSATION_SSTP)
        return true;
    if (x->sstp.kind == SSTP_KIND_OTHER)
        return false;
    bool silent = x->sstp.tcp.sent[TCP_SERVER].data_packets == 0;
    bool nameless = x->sstp.tls.client_hello && !judge_sstp_dials_name(x);
    return x->sstp.kind != SSTP_KIND_UNSURE || unsure_counts(s, (struct attempt){&x->server, silent, nameless});
}

bool services_would_miss(const struct services *s, const struct endpoint *server)
{
    return unsure_counts(s, (struct attempt){server, true, false});
}

void services_each_shown(const struct services *s, services_shown_fn *each, void *ctx)
{
    for (size_t i = 0; i < s->shown_count; i++) {
        const struct services_shown *shown = &s->shown[i];
        bool nameless = !judge_sstp_is_name(span_of(shown->dialled, shown->dialled_len));
        each(ctx, shown, unsure_counts(s, (struct attempt){&shown->server, false, nameless}));
    }
}
