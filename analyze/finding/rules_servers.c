/* What a RADIUS server did over the whole capture: slow answers, accounting without answer, different certificates. */
#include <stdio.h>

#include "analyze/finding/rules.h"

#define MEDIAN_NS (2 * INT64_C(1000000000))
#define LATE_NS (5 * INT64_C(1000000000))

static void slow(struct findings *out, const struct server *s)
{
    char subject[ADDRESS_TEXT], text[ENDPOINT_TEXT];
    bool fresh;
    int64_t median = server_median_ns(s);
    if (s->slowest_ns <= LATE_NS && median <= MEDIAN_NS)
        return;
    struct finding *f =
        findings_raise(out, FINDING_RADIUS_SLOW, address_text(subject, &s->endpoint.address), s->endpoint.port, &fresh);
    if (f == NULL || !fresh)
        return;
    finding_evidence(out, f, s->slowest_request, "request that waited longest");
    finding_evidence(out, f, s->slowest, "its answer, %.1f s later", (double)s->slowest_ns / 1e9);
    f->severity = SEVERITY_WARNING;
    f->confidence = CONFIDENCE_CERTAIN;
    finding_title(f, "the RADIUS server %s answers late: up to %.1f s", endpoint_text(text, &s->endpoint),
                  (double)s->slowest_ns / 1e9);
    if (s->slow > 0)
        finding_explain(f,
                        "%llu answer%s took longer than 5 s; by default RRAS then asks the next server, which does not "
                        "know the login.",
                        (unsigned long long)s->slow, s->slow == 1 ? "" : "s");
    finding_explain(f, "Half of its answers take about %.0f ms or more.", (double)median / 1e6);
    finding_fix(f, "Which step waits? After the client's certificate NPS fetches a revocation list, after the inner "
                   "response it asks a "
                   "domain controller: look at DNS and at the way to both from the NPS server.");
}

static void accounting(struct findings *out, const struct server *s)
{
    char subject[ADDRESS_TEXT], text[ENDPOINT_TEXT];
    bool fresh;
    /* One lost datagram is no fault; requests that were repeated in vain, or none answered at all, are. */
    if (s->accounting_unanswered == 0 || s->accounting_transmissions <= s->accounting_unanswered)
        return;
    struct finding *f =
        findings_raise(out, FINDING_RADIUS_NO_ANSWER, address_text(subject, &s->endpoint.address), 4, &fresh);
    if (f == NULL || !fresh)
        return;
    finding_evidence(out, f, s->first_unanswered_accounting, "Accounting-Request, never answered");
    finding_evidence(out, f, s->last_unanswered_accounting, "the last one sent in vain");
    f->severity = SEVERITY_WARNING;
    f->confidence = CONFIDENCE_CERTAIN;
    finding_title(f, "the RADIUS server %s does not answer accounting", endpoint_text(text, &s->endpoint));
    finding_explain(f,
                    "%llu of %llu Accounting-Requests got no answer although they were repeated. Nobody's login is "
                    "recorded then, and "
                    "an accounting server that does not answer can hold up logins.",
                    (unsigned long long)s->accounting_unanswered, (unsigned long long)s->accounting_requests);
    finding_fix(f,
                "Is UDP port %u of it open, and the NAS known there with the same secret? If nobody needs accounting, "
                "switch it off in "
                "RRAS.",
                s->endpoint.port);
}

/* One server's usual chain: the one presented most often. */
static size_t usual_chain(const struct server *s)
{
    size_t best = 0;
    for (size_t i = 1; i < s->chain_count; i++)
        if (s->chains[i].presented > s->chains[best].presented)
            best = i;
    return best;
}

static bool passes(const struct chain *c)
{
    return c->checks.chain == CHECK_PASS && c->checks.name == CHECK_PASS;
}

/* Two servers whose usual certificates differ. */
static void differ(struct findings *out, const struct rule_input *in, const struct server *a, size_t ai,
                   const struct server *b, size_t bi)
{
    const struct chain *one = rule_chain(in, a->chains[ai].chain), *two = rule_chain(in, b->chains[bi].chain);
    if (one == NULL || two == NULL || one == two || !one->parsed[0] || !two->parsed[0] ||
        memcmp(one->facts[0].sha256, two->facts[0].sha256, 32) == 0)
        return;
    char sha256[65], name1[DESCRIBE_MAX], name2[DESCRIBE_MAX], server1[ADDRESS_TEXT], server2[ADDRESS_TEXT];
    bool fresh;
    struct finding *f =
        findings_raise(out, FINDING_CERT_DIFFERS_BETWEEN_SERVERS, describe_sha256(sha256, two), one->serial, &fresh);
    if (f == NULL || !fresh)
        return;
    finding_evidence(out, f, a->chains[ai].first, "\"%s\"", describe_certificate(name1, one, 0));
    finding_evidence(out, f, b->chains[bi].first, "\"%s\"", describe_certificate(name2, two, 0));
    address_text(server1, &a->endpoint.address);
    address_text(server2, &b->endpoint.address);
    struct chain_stats s1 = rule_chain_stats(in, (uint32_t)one->serial),
                       s2 = rule_chain_stats(in, (uint32_t)two->serial);
    bool split = (s1.refused > 0) != (s2.refused > 0), fine = passes(one) && passes(two) && !split;
    f->severity = fine || !split ? SEVERITY_INFO : SEVERITY_WARNING;
    if (!fine && (one->checks.chain == CHECK_FAIL || two->checks.chain == CHECK_FAIL ||
                  one->checks.name == CHECK_FAIL || two->checks.name == CHECK_FAIL))
        f->severity = SEVERITY_WARNING;
    f->confidence = CONFIDENCE_CERTAIN;
    finding_title(f, "the RADIUS servers %s and %s present different certificates: \"%s\" and \"%s\"", server1, server2,
                  name1, name2);
    finding_explain(f, "Accepted and refused: the first in %llu and %llu logins, the second in %llu and %llu.",
                    (unsigned long long)s1.accepted, (unsigned long long)s1.refused, (unsigned long long)s2.accepted,
                    (unsigned long long)s2.refused);
    finding_explain(f, "A client whose profile expects only one of them fails whenever the other server answers.");
    finding_fix(f, "Give all NPS servers certificates of one issuer, with names that the profile expects, and select "
                   "the right one in "
                   "every policy, for PEAP and for the inner method.");
}

void rule_lost_fragments(struct findings *out, const struct rule_input *in, size_t i, enum severity severity)
{
    const struct lost_pair *p = &in->lost[i];
    char src[ADDRESS_TEXT], dst[ADDRESS_TEXT];
    bool fresh;
    struct finding *f =
        findings_raise(out, FINDING_RADIUS_FRAGMENTS_LOST, address_text(dst, &p->dst.address), i, &fresh);
    if (f == NULL || !fresh)
        return;
    address_text(src, &p->src.address);
    f->severity = severity;
    f->confidence = CONFIDENCE_CERTAIN;
    finding_evidence(out, f, p->example.first, "IP fragment whose rest never came");
    finding_title(f, "IP fragments of RADIUS packets from %s to %s are lost", src, dst);
    finding_explain(f,
                    "Of %llu large datagram%s only a part arrived (%llu lack%s the end). Packets with certificates are "
                    "the large ones, "
                    "so logins stop at the certificate.",
                    (unsigned long long)p->datagrams, p->datagrams == 1 ? "" : "s", (unsigned long long)p->first_only,
                    p->first_only == 1 ? "s" : "");
    finding_fix(f, "Let IP fragments pass every firewall, NAT and load balancer between RRAS and NPS.");
    finding_fix(
        f,
        "Or avoid them: NPS console > Policies > Network Policies > your VPN policy > Properties > Settings > RADIUS "
        "Attributes > Standard > Add: Framed-MTU 1344.");
}

void rules_servers(struct findings *out, const struct rule_input *in)
{
    const struct server *first = NULL;
    for (size_t i = 0; i < servers_count(in->servers); i++) {
        const struct server *s = servers_at(in->servers, i);
        slow(out, s);
        accounting(out, s);
        if (s->chain_count == 0)
            continue;
        if (first != NULL)
            differ(out, in, first, usual_chain(first), s, usual_chain(s));
        else
            first = s;
    }
    /* Those that no failed login was noted for: the logins got through all the same, if there are any. */
    for (size_t i = 0; i < in->lost_count; i++)
        if (in->lost[i].radius)
            rule_lost_fragments(out, in, i, in->totals->sessions > 0 ? SEVERITY_WARNING : SEVERITY_CRITICAL);
}
