/* The verdicts on address translation as findings. wire-facts 9, 3.9. */
#include <stdio.h>

#include "analyze/finding/rules.h"

enum { SERVERS_NAMED = 6, HIDDEN_NAMES = SERVERS_NAMED * (ADDRESS_TEXT + 2) + 16 };

static struct finding *raise(struct findings *out, enum finding_id id, const struct nat_verdict *v, bool *fresh)
{
    char subject[ADDRESS_TEXT];
    return findings_raise(out, id, address_text(subject, &v->server), v->tunnel, fresh);
}

enum aspect { SOURCES = 1, DESTINATION = 2, BOTH = 3 };

/* The first ones of this aspect; the rest stands in the section on translation. */
static void add_evidence(struct findings *out, struct finding *f, const struct nat_verdict *v, enum aspect aspect,
                         size_t most)
{
    for (size_t i = 0, told = 0; i < v->evidence_count && told < most; i++) {
        const struct nat_evidence *e = &v->evidence[i];
        if (((e->destination ? DESTINATION : SOURCES) & aspect) == 0)
            continue;
        finding_evidence(out, f, e->place, "%s", e->what);
        told++;
    }
}

/* What remains open, as a sentence. */
static void explain_reason(struct finding *f, const struct nat_verdict *v)
{
    char first = v->reason[0];
    if (first >= 'a' && first <= 'z')
        finding_explain(f, "%c%s.", first - 'a' + 'A', v->reason + 1);
    else if (first != '\0')
        finding_explain(f, "%s.", v->reason);
}

/* What the section on translation lists in full is named here by its first examples. */
static void explain_hidden(struct finding *f, const struct nat_verdict *v)
{
    if (v->hidden_clients > 0)
        finding_explain(f, "At least %llu client%s hidden.", (unsigned long long)v->hidden_clients,
                        v->hidden_clients == 1 ? " is" : "s are");
    for (size_t i = 0; i < v->recovered_count && i < 3; i++) {
        char seen[ENDPOINT_TEXT], real[ENDPOINT_TEXT];
        finding_explain(f, "%s is really %s (%s).", endpoint_text(seen, &v->recovered[i].seen),
                        endpoint_text(real, &v->recovered[i].real), v->recovered[i].how);
    }
    if (v->client_sessions > 0)
        finding_explain(f, "%llu session%s come%s from behind a translator of the client's own side, which is normal.",
                        (unsigned long long)v->client_sessions, v->client_sessions == 1 ? "" : "s",
                        v->client_sessions == 1 ? "s" : "");
    explain_reason(f, v);
}

/* Servers whose clients one translator hides: a mistake made once, told once. */
struct hidden {
    struct nat_verdict worst; /* the first of the surest, with what holds for any of them */
    size_t servers;
    char names[HIDDEN_NAMES]; /* the first ones, in order of address */
};

static void add_hidden(struct hidden *h, const struct nat_verdict *v)
{
    char text[ADDRESS_TEXT];
    struct nat_verdict before = h->worst;
    size_t used = strlen(h->names);
    if (h->servers == 0 || v->confidence < before.confidence)
        h->worst = *v;
    if (h->servers++ > 0) {
        h->worst.hidden_clients = v->hidden_clients > before.hidden_clients ? v->hidden_clients : before.hidden_clients;
        h->worst.client_sessions = v->client_sessions + before.client_sessions;
        h->worst.sources = v->sources > before.sources ? v->sources : before.sources;
        h->worst.proxied = v->proxied || before.proxied;
        h->worst.sstp_only = v->sstp_only && before.sstp_only;
    }
    if (h->servers <= SERVERS_NAMED)
        snprintf(h->names + used, sizeof h->names - used, "%s%s", used > 0 ? ", " : "", address_text(text, &v->server));
    else if (h->servers == SERVERS_NAMED + 1)
        snprintf(h->names + used, sizeof h->names - used, " and others");
}

static void title_snat(struct finding *f, const struct hidden *h)
{
    const struct nat_verdict *v = &h->worst;
    char source[ADDRESS_TEXT], who[64 + ADDRESS_TEXT], server[ADDRESS_TEXT];
    if (h->servers > 1)
        snprintf(who, sizeof who, "%zu VPN servers", h->servers);
    else
        snprintf(who, sizeof who, "the VPN server %s", address_text(server, &v->server));
    if (v->source.family != FAMILY_NONE)
        finding_title(f, "source NAT hides the clients of %s behind %s%s", who, address_text(source, &v->source),
                      v->sources > 1 ? " and others" : "");
    else
        finding_title(f, "source NAT hides the clients of %s", who);
}

static void fix_snat(struct finding *f, const struct nat_verdict *v)
{
    char source[ADDRESS_TEXT];
    if (v->proxied)
        finding_fix(f, "Let the load balancer pass TCP 443 on as it is (layer 4), instead of taking clients' connections itself and "
                       "making its own.");
    finding_fix(f,
                "Turn off source NAT (SNAT, automap, \"full NAT\") for UDP 500 and 4500 and TCP 443 on the device that "
                "owns %s, and let "
                "it translate the destination only.",
                v->source.family != FAMILY_NONE ? address_text(source, &v->source) : "these sources");
    finding_fix(
        f, "Let the servers' default gateway on the external NIC be that device, so that answers go back through it.");
}

static void snat(struct findings *out, const struct hidden *h)
{
    const struct nat_verdict *v = &h->worst;
    char subject[ADDRESS_TEXT];
    bool fresh;
    struct finding *f = findings_raise(out, FINDING_SNAT_HIDES_CLIENTS,
                                       address_text(subject, h->servers > 1 ? &v->source : &v->server), v->tunnel, &fresh);
    if (f == NULL)
        return;
    add_evidence(out, f, v, BOTH, FINDING_EVIDENCE_MAX);
    if (!fresh)
        return;
    f->severity = v->confidence == CONFIDENCE_HINT ? SEVERITY_INFO : SEVERITY_CRITICAL;
    f->confidence = v->confidence;
    title_snat(f, h);
    finding_explain(
        f,
        "The load balancer or firewall in front of the server%s replaces the clients' source addresses, where it should "
        "translate only the destination.", h->servers > 1 ? "s" : "");
    if (h->servers > 1)
        finding_explain(f, "The servers are %s; what was seen here is of %s.", h->names, address_text(subject, &v->server));
    explain_hidden(f, v);
    if (v->proxied)
        finding_explain(f, "It tells the clients' addresses itself, but Routing and Remote Access reads neither PROXY protocol "
                           "headers nor X-Forwarded-For.");
    finding_explain(f, "Logs and RADIUS then name the translator instead of the client, and balancing by source sends everybody "
                       "to one server.");
    if (!v->sstp_only)
        finding_explain(
            f, "It also causes outages: Windows drops new IKE requests of an address from which more than 35 "
           "negotiations are half open, and slows down addresses with many tunnels, so that under load or after a "
           "failover clients get error 809 while others stay connected.");
    fix_snat(f, v);
}

/* Who hides a server's clients; told: with another server's. dialled: by what other addresses clients call this one. */
enum { DIALLED_MAX = 4 };
struct translator {
    struct address source, server;
    struct address dialled[DIALLED_MAX];
    size_t dialled_count;
    uint32_t tunnel;
    bool hides, told;
};

static struct translator translator_of(const struct nat_verdict *v)
{
    struct translator t = {.source = v->source, .server = v->server, .tunnel = v->tunnel, .hides = v->kind == NAT_SNAT};
    for (size_t i = 0; i < v->recovered_count && t.dialled_count < DIALLED_MAX; i++)
        if (address_equal(&v->recovered[i].seen.address, &v->server))
            t.dialled[t.dialled_count++] = v->recovered[i].real.address;
    return t;
}

static bool same_translator(const struct translator *a, const struct translator *b)
{
    return a->hides && b->hides && a->source.family != FAMILY_NONE && address_equal(&a->source, &b->source) &&
           a->tunnel == b->tunnel;
}

/* Of a capture on both sides: what clients dial is no server of its own beside the one that it stands for. */
static bool is_dialled(const struct translator *all, size_t count, const struct translator *t)
{
    for (size_t k = 0; k < count; k++)
        for (size_t d = 0; d < all[k].dialled_count; d++)
            if (&all[k] != t && address_equal(&all[k].dialled[d], &t->server) && same_translator(&all[k], t))
                return true;
    return false;
}

static void snats(struct findings *out, const struct nat *nat, struct translator *all, size_t count)
{
    struct nat_verdict v;
    for (size_t i = 0; i < count; i++) {
        struct hidden h = {.servers = 0};
        if (!all[i].hides || all[i].told)
            continue;
        for (size_t k = i; k < count; k++)
            if (k == i || same_translator(&all[i], &all[k])) {
                all[k].told = true;
                if (!is_dialled(all, count, &all[k]) && nat_verdict_at(nat, k, &v))
                    add_hidden(&h, &v);
            }
        if (h.servers == 0 && nat_verdict_at(nat, i, &v)) /* each stands for the other: nobody's network */
            add_hidden(&h, &v);
        snat(out, &h);
    }
}

static void dnat(struct findings *out, const struct nat_verdict *v)
{
    char server[ADDRESS_TEXT];
    bool fresh;
    struct finding *f = raise(out, FINDING_DNAT_ONLY, v, &fresh);
    if (f == NULL)
        return;
    add_evidence(out, f, v, DESTINATION, 2);
    if (!fresh)
        return;
    f->severity = SEVERITY_INFO;
    f->confidence = v->kind == NAT_DNAT_ONLY ? v->confidence : v->destination_confidence;
    finding_title(f, "only the destination is translated in front of the VPN server %s, as it should be",
                  address_text(server, &v->server));
    finding_explain(
        f, "Clients dial another address than the server's own; nothing but their own routers touches their source "
           "addresses.");
    explain_reason(f, v);
}

static void client_side(struct findings *out, const struct nat_verdict *v)
{
    char server[ADDRESS_TEXT];
    bool fresh;
    struct finding *f = raise(out, FINDING_CLIENT_SIDE_NAT, v, &fresh);
    if (f == NULL)
        return;
    add_evidence(out, f, v, SOURCES, 2);
    if (!fresh)
        return;
    f->severity = SEVERITY_INFO;
    f->confidence = v->kind == NAT_CLIENT_SIDE ? v->confidence : CONFIDENCE_STRONG;
    finding_title(f, "clients of the VPN server %s are behind NAT of their own side, which is normal",
                  address_text(server, &v->server));
    finding_explain(f, "A home router, hotel or carrier translates their private addresses. Nothing needs to be done.");
}

void rules_nat(struct findings *out, const struct rule_input *in)
{
    struct translator translators[NAT_SERVERS_MAX];
    struct nat_verdict v;
    size_t i = 0;
    for (; in->nat != NULL && i < NAT_SERVERS_MAX && nat_verdict_at(in->nat, i, &v); i++) {
        translators[i] = translator_of(&v);
        if (v.kind == NAT_DNAT_ONLY || (v.kind == NAT_CLIENT_SIDE && v.destination_translated))
            dnat(out, &v);
        if (v.kind == NAT_CLIENT_SIDE || (v.kind == NAT_DNAT_ONLY && v.client_sessions > 0))
            client_side(out, &v);
    }
    snats(out, in->nat, translators, i);
}
