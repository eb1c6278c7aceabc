#include "analyze/session/services.h"

#include <stdlib.h>

#include "analyze/session/judge_sstp.h"

/* Of the first capture that shows the server. */
struct ttl_range { uint32_t capture; uint8_t min, max; bool known; };

struct services {
    struct address vpn[SERVICES_MAX];                       /* in no order */
    struct ttl_range ttl[SERVICES_MAX];                     /* likewise */
    size_t vpn_count;
    struct address unsure[SERVICES_UNSURE_MAX];
    size_t unsure_count;                                    /* SERVICES_UNSURE_MAX: that many or more */
    struct services_shown shown[SERVICES_SHOWN_MAX];
    size_t shown_count;
    bool web;                                               /* something other than SSTP was asked of a server */
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

void services_name(struct services *s, const struct address *a)
{
    if (s->vpn_count < SERVICES_MAX && !among(s->vpn, s->vpn_count, a))
        s->vpn[s->vpn_count++] = *a;
}

static size_t index_of(const struct services *s, const struct address *a)
{
    size_t i = 0;
    while (i < s->vpn_count && !address_equal(&s->vpn[i], a))
        i++;
    return i;
}

static void note_ttl(struct services *s, const struct exchange *x)
{
    const struct tcp_sent *sent = &x->sstp.tcp.sent[TCP_SERVER];
    size_t i = index_of(s, &x->server.address);
    if (i == s->vpn_count || sent->ttl_min > sent->ttl_max)
        return;
    struct ttl_range *t = &s->ttl[i];
    if (!t->known)
        *t = (struct ttl_range){x->first.capture, sent->ttl_min, sent->ttl_max, true};
    if (t->capture != x->first.capture)
        return;
    t->min = sent->ttl_min < t->min ? sent->ttl_min : t->min;
    t->max = sent->ttl_max > t->max ? sent->ttl_max : t->max;
}

bool services_ttl(const struct services *s, const struct address *a, uint32_t capture, uint8_t *min, uint8_t *max)
{
    size_t i = index_of(s, a);
    if (i == s->vpn_count || !s->ttl[i].known || s->ttl[i].capture != capture)
        return false;
    *min = s->ttl[i].min;
    *max = s->ttl[i].max;
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

/* A server shows all of its clients the same: one entry stands for them. What finds no room stays held, and unclaimed. */
static void shown_again(struct services *s, const struct exchange *x)
{
    struct services_shown now = {.connections = 1};
    note_shown(&now, x);
    for (size_t i = 0; i < s->shown_count; i++) {
        struct services_shown *known = &s->shown[i];
        if (known->chain == now.chain && endpoint_equal(&known->server, &now.server) &&
            known->dialled_len == now.dialled_len && memcmp(known->dialled, now.dialled, now.dialled_len) == 0) {
            known->connections++;
            return;
        }
    }
    if (s->shown_count < SERVICES_SHOWN_MAX)
        s->shown[s->shown_count++] = now;
}

bool services_add(struct services *s, const struct exchange *x)
{
    if (x->type == CONVERSATION_IKE && x->ike.init_responses > 0)
        services_name(s, &x->server.address);
    if (x->type != CONVERSATION_SSTP)
        return false;
    switch ((enum sstp_kind)x->sstp.kind) {
    case SSTP_KIND_TUNNEL:
        services_name(s, &x->server.address);
        note_ttl(s, x);
        break;
    case SSTP_KIND_OTHER:
        s->web = true;
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

bool services_is_vpn(const struct services *s, const struct address *a)
{
    return among(s->vpn, s->vpn_count, a);
}

size_t services_vpn(const struct services *s, struct address out[static SERVICES_MAX])
{
    memcpy(out, s->vpn, s->vpn_count * sizeof s->vpn[0]);
    return s->vpn_count;
}

/* A further server of a farm stands in the same small network: /28, /24 inside of a site; /64. */
static bool beside_vpn(const struct services *s, const struct address *a)
{
    bool inside = a->family == FAMILY_IPV4 && (a->bytes[0] == 10 || (a->bytes[0] == 172 && (a->bytes[1] & 0xf0) == 16) ||
                                               (a->bytes[0] == 192 && a->bytes[1] == 168)); /* RFC 1918 */
    unsigned bits = a->family != FAMILY_IPV4 ? 64 : inside ? 24 : 28;
    for (size_t i = 0; i < s->vpn_count; i++)
        if (s->vpn[i].family == a->family && address_in(a, &s->vpn[i], bits))
            return true;
    return false;
}

static bool unsure_counts(const struct services *s, const struct address *server, bool silent)
{
    if (services_is_vpn(s, server))
        return true;
    if (s->vpn_count > 0)
        return silent && beside_vpn(s, server);
    return !s->web && s->unsure_count < SERVICES_UNSURE_MAX;
}

bool services_counts(const struct services *s, const struct exchange *x)
{
    if (x->type != CONVERSATION_SSTP)
        return true;
    if (x->sstp.kind == SSTP_KIND_OTHER)
        return false;
    return x->sstp.kind != SSTP_KIND_UNSURE ||
           unsure_counts(s, &x->server.address, x->sstp.tcp.sent[TCP_SERVER].data_packets == 0);
}

void services_each_shown(const struct services *s, services_shown_fn *each, void *ctx)
{
    for (size_t i = 0; i < s->shown_count; i++)
        each(ctx, &s->shown[i], unsure_counts(s, &s->shown[i].server.address, false));
}
