#include "analyze/nat/nat_words.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "capture/wire/like_printf.h"

enum { ALIKE_SOURCES = 20 };

static void add(struct nat_verdict *out, const struct place *place, bool destination, const char *format, va_list list)
{
    if (out->evidence_count == NAT_EVIDENCE_MAX)
        return;
    struct nat_evidence *e = &out->evidence[out->evidence_count++];
    e->place = *place;
    e->destination = destination;
    vsnprintf(e->what, sizeof e->what, format, list);
}

/* About sources. */
LIKE_PRINTF(3, 4)
static void say(struct nat_verdict *out, const struct place *place, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    add(out, place, false, format, list);
    va_end(list);
}

/* About the destination. */
LIKE_PRINTF(3, 4)
static void say_destination(struct nat_verdict *out, const struct place *place, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    add(out, place, true, format, list);
    va_end(list);
}

const char *nat_how(enum nat_about about)
{
    switch (about) {
    case NAT_CLIENT_SELF:
        return "NAT_DETECTION_SOURCE_IP of the client's IKE_SA_INIT";
    case NAT_SERVER_TARGET:
        return "NAT_DETECTION_DESTINATION_IP of the client's IKE_SA_INIT";
    case NAT_SERVER_SELF:
        return "NAT_DETECTION_SOURCE_IP of the server's answer";
    case NAT_CLIENT_SEEN:
        return "NAT_DETECTION_DESTINATION_IP of the server's answer";
    case NAT_BY_PROXY:
        return "PROXY protocol";
    case NAT_BY_FORWARDED:
        return "X-Forwarded-For";
    case NAT_BY_TRANSLATION:
        break;
    }
    return "the same association on both sides of the translator";
}

static const struct nat_hidden *example(const struct nat_source *f, enum nat_about about)
{
    for (uint32_t i = 0; i < f->hidden_count; i++)
        if (f->hidden[i].about == about)
            return &f->hidden[i];
    return NULL;
}

static uint64_t examples(const struct nat_source *f, enum nat_about about)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < f->hidden_count; i++)
        n += f->hidden[i].about == about;
    return n;
}

static void say_hidden(const struct nat_source *f, const struct nat_hidden *h, struct nat_verdict *out)
{
    char seen[ENDPOINT_TEXT], real[ENDPOINT_TEXT];
    uint64_t count = examples(f, h->about);
    endpoint_text(seen, &h->seen);
    endpoint_text(real, &h->real);
    if (h->about == NAT_CLIENT_SEEN)
        say(out, &h->place, "the answer to %s says in NAT_DETECTION_DESTINATION_IP that the server saw %s", seen, real);
    else if (h->about == NAT_CLIENT_SELF)
        say(out, &h->place,
            "a request from %s says in NAT_DETECTION_SOURCE_IP that it left its sender as %s (%" PRIu64
            " such address%s known)",
            seen, real, count, count == 1 ? "" : "es");
    else if (h->about == NAT_BY_PROXY || h->about == NAT_BY_FORWARDED)
        say(out, &h->place, "%s of a connection from %s names the client %s (%" PRIu64 " such address%s known)",
            h->about == NAT_BY_PROXY ? "the PROXY protocol header" : "X-Forwarded-For", seen, real, count,
            count == 1 ? "" : "es");
    else
        say(out, &h->place, "what arrives here from %s is seen elsewhere from %s", seen, real);
}

static void say_crowd(const struct nat_source *f, const char *address, struct nat_verdict *out)
{
    if (f->concurrent > 2)
        say(out, &f->first, "at least %" PRIu32 " associations from %s were up at the same time", f->concurrent,
            address);
    if (f->computers.count > 1 || f->users.count > 1)
        say(out, &f->login, "RADIUS: %" PRIu64 " logins of at least %u users and %u computers come from %s", f->logins,
            f->users.count, f->computers.count, address);
    if (f->established > 2 && f->ttl_least != 0 && f->ttl_least == f->ttl_most)
        say(out, &f->first, "all %" PRIu64 " associations from %s arrive with the same TTL, %u", f->sessions, address,
            f->ttl_least);
    if (f->has_mac)
        say(out, &f->first, "frames from %s carry the link address %02x:%02x:%02x:%02x:%02x:%02x", address, f->mac[0],
            f->mac[1], f->mac[2], f->mac[3], f->mac[4], f->mac[5]);
}

/* The clients' way of SSTP to a source that hides them. */
static void say_tunnels(const struct nat *n, const struct nat_tunnels *t, const struct nat_source *f,
                        const char *address, struct nat_verdict *out)
{
    if (t->computers.count > 1 || t->users.count > 1)
        say(out, &t->name, "inside the tunnels from %s at least %u computers and %u users gave their names", address,
            t->computers.count, t->users.count);
    if (t->concurrent > 2)
        say(out, &t->first, "at least %" PRIu32 " SSTP tunnels from %s were up at the same time", t->concurrent,
            address);
    if (t->contradictions > 0)
        say(out, &t->contradiction,
            "the ClientHello of %" PRIu64 " connection%s from %s is Windows' own, but the TCP SYN is a Linux kernel's",
            t->contradictions, t->contradictions == 1 ? "" : "s", address);
    if (t->clear > 0)
        say(out, &t->clear_place, "SSTP comes from %s without TLS", address);
    if (t->has_ttl && nat_hops(t->near_ttl) != nat_hops(t->far_ttl))
        say(out, &t->first, "connections from %s passed %u to %u routers (TTL %u, %u): they come by different ways",
            address, nat_hops(t->near_ttl), nat_hops(t->far_ttl), t->near_ttl, t->far_ttl);
    else if (t->has_ttl && nat_hops(t->near_ttl) > 1)
        say(out, &t->first, "connections from %s arrive with TTL %u, after %u routers", address, t->near_ttl,
            nat_hops(t->near_ttl));
    if (nat_probes_of(n, &f->address) > 0)
        say(out, &f->first, "%" PRIu64 " health probes come from %s as well", nat_probes_of(n, &f->address), address);
}

void nat_say_source(const struct nat *n, const struct nat_server *s, const struct nat_source *f,
                    const struct nat_view *v, uint64_t alike, struct nat_verdict *out)
{
    (void)s;
    char address[ADDRESS_TEXT];
    address_text(address, &f->address);
    if (alike > 1)
        say(out, &v->place, "%s %s; %" PRIu64 " session%s, and the same of %" PRIu64 " other address%s", address,
            v->why, v->sessions, v->sessions == 1 ? "" : "s", alike - 1, alike == 2 ? "" : "es");
    else
        say(out, &v->place, "%s %s; %" PRIu64 " session%s", address, v->why, v->sessions, v->sessions == 1 ? "" : "s");
    static const enum nat_about each[] = {NAT_CLIENT_SELF, NAT_CLIENT_SEEN, NAT_BY_TRANSLATION, NAT_BY_PROXY,
                                          NAT_BY_FORWARDED};
    for (size_t i = 0; i < sizeof each / sizeof each[0]; i++) {
        const struct nat_hidden *h = example(f, each[i]);
        if (h != NULL)
            say_hidden(f, h, out);
    }
    if (v->kind == NAT_SOURCE_SNAT)
        say_crowd(f, address, out);
    if (v->kind == NAT_SOURCE_SNAT && f->tunnels != NULL && f->tunnels->attempts > 0)
        say_tunnels(n, f->tunnels, f, address, out);
}

/* Whether all public clients' connections passed the same number of routers, which clients of the Internet never do. */
static void say_hops(const struct nat_server *s, const struct nat *n, struct nat_verdict *out)
{
    uint64_t count = 0, sum = 0, squares = 0;
    for (uint32_t i = s->first_source; i != NAT_NOBODY; i = n->sources[i].next) {
        const struct nat_source *f = &n->sources[i];
        if (f->tunnels == NULL || !f->tunnels->has_ttl || nat_is_private(&f->address))
            continue;
        uint64_t hops = nat_hops(f->tunnels->near_ttl);
        count++, sum += hops, squares += hops * hops;
    }
    if (count >= ALIKE_SOURCES && count * squares - sum * sum < count * count)
        say(out, &s->first,
            "connections of %" PRIu64 " public addresses passed the same number of routers (%" PRIu64
            "): a load balancer in front of the server makes them anew, with the clients' addresses",
            count, (sum + count / 2) / count);
}

void nat_say_server(const struct nat *n, const struct nat_server *s, struct nat_verdict *out)
{
    say_hops(s, n, out);
    char seen[ENDPOINT_TEXT], real[ENDPOINT_TEXT];
    if (s->vip_count > 0)
        say_destination(out, &s->vips[0].place,
                        "clients call %s, and it arrives here for %s: the destination is translated",
                        endpoint_text(real, &s->vips[0].real), endpoint_text(seen, &s->vips[0].seen));
    else if (s->target_other > 0 && out->destination_translated)
        say_destination(out, &s->target_other_place,
                        "NAT_DETECTION_DESTINATION_IP of %" PRIu64
                        " request%s is not %s: the destination is translated before it",
                        s->target_other, s->target_other == 1 ? "" : "s", address_text(seen, &s->address));
    if (s->backend_count > 0)
        say_destination(
            out, &s->backends[0].place,
            "the answer from %s comes from %s (NAT_DETECTION_SOURCE_IP; %u such address%s known): the destination is "
            "translated",
            endpoint_text(seen, &s->backends[0].seen), endpoint_text(real, &s->backends[0].real), s->backend_count,
            s->backend_count == 1 ? "" : "es");
    else if (s->self_other_windows > 0 && out->destination_translated)
        say_destination(out, &s->self_other_place,
                        "the answer from %s was sent from another address: the destination is translated",
                        address_text(seen, &s->address));
    for (size_t i = 0; i < n->proven_count && out->evidence_count + 1 < NAT_EVIDENCE_MAX; i++) {
        const struct nat_translation *t = &n->proven[i].first;
        if (!address_equal(&t->destination[0].address, &s->address) || t->tunnel[0] != s->tunnel)
            continue;
        char from[ENDPOINT_TEXT], to[ENDPOINT_TEXT];
        say(out, &t->place[1], "%s to %s becomes %s to %s (%" PRIu64 " associations)",
            endpoint_text(from, &t->source[0]), endpoint_text(to, &t->destination[0]),
            endpoint_text(seen, &t->source[1]), endpoint_text(real, &t->destination[1]), n->proven[i].count);
        break;
    }
}

static bool searches_were_cut(const struct nat *n, const struct nat_server *s)
{
    for (uint32_t i = s->first_source; i != NAT_NOBODY; i = n->sources[i].next)
        if (n->sources[i].cut > 0)
            return true;
    return false;
}

static const char *why_unknown_by_sstp(const struct nat *n, const struct nat_server *s)
{
    bool private = false, client = false;
    for (uint32_t i = s->first_source; i != NAT_NOBODY; i = n->sources[i].next) {
        if (!nat_is_private(&n->sources[i].address))
            return "SSTP does not show whether a public address is the client's own (its router may translate, which is "
                   "normal) nor what the client called; capture on both sides of the load balancer at once, or while "
                   "clients connect by IKEv2";
        private = true;
        client = client || nat_at_client(s, &n->sources[i]);
    }
    if (client)
        return "this is the client's side of the way; capture on the VPN server's external interface";
    return private ? "all connections come from private addresses, and SSTP does not show whether these are internal clients' "
                     "or a load balancer's; give --internal and --vip, the TLS secrets (--keylog), or capture on both "
                     "sides of the load balancer at once"
                   : "no address could be kept; capture on the VPN server's external interface";
}

static bool at_client(const struct nat *n, const struct nat_server *s)
{
    for (uint32_t i = s->first_source; i != NAT_NOBODY; i = n->sources[i].next)
        if (nat_at_client(s, &n->sources[i]))
            return true;
    return false;
}

static const char *why_unknown(const struct nat *n, const struct nat_server *s, bool sound, const struct nat_verdict *v)
{
    if (s->sessions + s->tunnels == 0 && s->logins > 0 && s->logins == s->logins_without_address)
        return "the RADIUS requests name no client address; capture on the VPN server's external interface";
    if (s->sessions + s->tunnels == 0 && s->logins > 0)
        return "too few logins from the private addresses to tell internal clients from a load balancer; capture "
               "longer, or on the "
               "VPN server's external interface";
    if (s->sessions == 0 && s->tunnels > 0)
        return why_unknown_by_sstp(n, s);
    if (v->undecided_sessions > 0 && !sound && s->no_response < s->sessions)
        return "no hash fits any address, in either direction: the capture's addresses were changed (anonymised), or "
               "these "
               "programs compute hashes in their own way; use the capture as it was taken";
    if (v->undecided_site)
        return "the only clients that were seen are of the site itself and call the public address from inside; capture while "
               "clients connect from the Internet";
    if (v->undecided_sessions > 0)
        return "the hashes fit neither what was seen nor any address that was searched, and clients other than Windows "
               "may send "
               "wrong ones on purpose (forced encapsulation); give --vip, --internal, or a capture from before the "
               "load balancer too";
    if (s->no_hashes == s->sessions && s->sessions > 0)
        return "no IKE_SA_INIT with NAT detection was seen (IKEv1, refused at once, or begun before the capture); "
               "capture "
               "while clients connect, on the VPN server's external interface";
    if (s->no_request > 0 && s->no_request + s->no_hashes == s->sessions)
        return "no IKE_SA_INIT request was seen, and only that tells the client's own address; capture both "
               "directions, "
               "and while clients connect";
    if (s->no_response > 0 && at_client(n, s))
        return "this is the client's side of the way and no answer of the server was seen; capture both directions, or "
               "on the VPN "
               "server's external interface";
    if (s->no_response > 0)
        return "no answer of the server with NAT detection was seen, and only that tells whether a load balancer follows; "
               "capture while clients connect, both directions, or on the VPN server's external interface";
    return "what was seen does not show it; capture on the VPN server's external interface while clients connect";
}

void nat_say_reason(const struct nat *n, const struct nat_server *s, bool sound, struct nat_verdict *out)
{
    const char *first = "", *second = "";
    if (out->kind == NAT_UNKNOWN)
        first = why_unknown(n, s, sound, out);
    else if (out->kind == NAT_CLIENT_SIDE && !nat_is_private(&s->address) && out->confidence != CONFIDENCE_CERTAIN)
        first =
            "whether the site translates sources too is not excluded; capture on the VPN server's external interface";
    else if (out->kind != NAT_SNAT && s->sessions + s->tunnels == 0 && s->logins > 0)
        first = "RADIUS shows the addresses that the VPN server sees, not whether clients' own routers translate them, nor "
                "whether destinations are translated";
    else if (out->undecided_site)
        first = "clients of the site itself call the public address from inside and are hidden there; this says nothing of "
                "clients on the Internet";
    else if (out->undecided_sessions > 0)
        first = "some clients' hashes fit no address that was searched; they may be wrong on purpose (forced "
                "encapsulation)";
    if (searches_were_cut(n, s))
        second = first[0] != '\0' ? "; the search for addresses was broken off, its budget is used up"
                                  : "the search for addresses was broken off, its budget is used up";
    snprintf(out->reason, sizeof out->reason, "%s%s", first, second);
}
