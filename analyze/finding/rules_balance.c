/* How connections are spread over the VPN servers, and servers that do not answer while others do. wire-facts 7.3, 12.2. */
#include <stdio.h>

#include "analyze/finding/rules.h"
#include "capture/wire/elapsed.h"

enum { WHO = ADDRESS_TEXT + BALANCE_NAME + 8, WORDS = 240 };

static const char *describe_backend(char out[static WHO], const struct address *a, const char *name)
{
    char text[ADDRESS_TEXT];
    address_text(text, a);
    if (name != NULL)
        snprintf(out, WHO, "%s (%s)", text, name);
    else
        snprintf(out, WHO, "%s", text);
    return out;
}

static const char *protocol_words(enum balance_protocol p)
{
    static const char *const words[] = {"VPN connections", "SSTP connections", "IKEv2 connections", "VPN logins at RADIUS",
                                        "VPN connections"};
    return words[p];
}

/* Clients were told these addresses by DNS: the answer from which one of them may have picked this one. */
static const struct dns_told *told_by_dns(const struct rule_input *in, const struct address *a, int64_t by_ns)
{
    const struct dns_told *told = in->dns != NULL ? dns_answers_find(in->dns, NULL, a, by_ns) : NULL;
    struct address some[2];
    if (told == NULL && by_ns != INT64_MAX) /* other clients may have been told before the capture began */
        return told_by_dns(in, a, INT64_MAX);
    if (told == NULL || dns_answers_of_name(in->dns, told->answer.name, some, 2) < 2)
        return NULL;
    return told;
}

static void explain_shares(struct finding *f, const struct balance_result *r)
{
    char line[WORDS] = "", who[WHO];
    size_t used = 0;
    for (size_t i = 0; i < r->backend_count && i < 4; i++) {
        const struct balance_backend *e = &r->backends[i];
        int n = snprintf(line + used, sizeof line - used, "%s%s %llu (%.0f %%)", i > 0 ? ", " : "",
                         describe_backend(who, &e->address, e->name), (unsigned long long)e->attempts, 100 * e->share);
        used += n > 0 && (size_t)n < sizeof line - used ? (size_t)n : 0;
    }
    finding_explain(f, "Of %llu attempts the servers got: %s%s.", (unsigned long long)r->connections, line,
                    r->backend_count > 4 ? " and so on" : "");
}

static void explain_judgement(struct finding *f, const struct balance_result *r)
{
    const struct choice_judgement *j = &r->judgement;
    if (r->hidden * 2 > r->connections)
        finding_explain(f, "%llu of them come from a load balancer's own address, so that the clients are not known; each is taken "
                           "for a choice of its own, which it is not if the load balancer keeps clients to their servers.",
                        (unsigned long long)r->hidden);
    else if (j->sticky.effective < 0.95 * (double)j->sticky.connections)
        finding_explain(f, "%llu connections are judged; as they come from %llu sources that tend to keep to one server, they "
                           "count as %.0f independent choices.",
                        (unsigned long long)j->sticky.connections, (unsigned long long)j->sticky.sources, j->sticky.effective);
    else
        finding_explain(f, "%llu connections of %llu source%s are judged.", (unsigned long long)j->sticky.connections,
                        (unsigned long long)j->sticky.sources, j->sticky.sources == 1 ? "" : "s");
    finding_explain(f, "Jain's index is %.2f, the busiest server has %.1f times its part, and even balancing does that by "
                       "chance with probability %s%.2g.",
                    j->evenness.jain, j->evenness.max_over_mean, j->p < 0.0001 ? "below " : "", j->p < 0.0001 ? 0.0001 : j->p);
}

static void explain_why(struct finding *f, const struct rule_input *in, const struct balance_result *r)
{
    const struct dns_told *dns = (r->why & BALANCE_WHY_DNS) != 0 ? told_by_dns(in, &r->backends[0].address, INT64_MAX) : NULL;
    if ((r->why & BALANCE_WHY_DEAD) != 0)
        finding_explain(f, "Why: a server does not answer; among the others connections are spread evenly.");
    if ((r->why & BALANCE_WHY_PROBES) != 0)
        finding_explain(f, "Why: health probes of a server that gets less than its part fail, so the load balancer leaves it out.");
    if ((r->why & BALANCE_WHY_STICKY) != 0)
        finding_explain(f, "Why: stickiness; few sources make many connections each, and each source keeps to its server.");
    if ((r->why & BALANCE_WHY_LATE) != 0)
        finding_explain(f, "Why: a server got its first connection long after the others had theirs.");
    if ((r->why & BALANCE_WHY_STEADY) != 0)
        finding_explain(f, "The shares are the same in the first and in the second half of the time: something fixed makes them, "
                           "like weights or priorities of the load balancer.");
    if (dns != NULL)
        finding_explain(f, "Clients choose by DNS: the name %s has these addresses (DNS round robin), and who has asked keeps his "
                           "answer for %u s.",
                        dns->answer.name, (unsigned)dns->answer.ttl);
}

static void uneven(struct findings *out, const struct rule_input *in, const struct balance_result *r)
{
    char subject[ADDRESS_TEXT], who[WHO];
    const struct balance_backend *most = &r->backends[0], *least = &r->backends[0];
    bool fresh;
    struct finding *f = findings_raise(out, FINDING_BACKEND_UNEVEN, address_text(subject, &r->backends[0].address),
                                       (uint64_t)r->protocol, &fresh);
    if (f == NULL || !fresh)
        return;
    for (size_t i = 1; i < r->backend_count; i++) {
        const struct balance_backend *e = &r->backends[i];
        most = (double)e->judged / e->weight > (double)most->judged / most->weight ? e : most;
        least = (double)e->judged / e->weight < (double)least->judged / least->weight ? e : least;
    }
    f->severity = SEVERITY_WARNING;
    f->confidence = r->hidden * 2 > r->connections ? CONFIDENCE_HINT : CONFIDENCE_STRONG;
    finding_title(f, "%s are spread unevenly over %zu servers: %s has %.0f %% of them", protocol_words(r->protocol),
                  r->backend_count, describe_backend(who, &most->address, most->name), 100 * most->share);
    explain_shares(f, r);
    explain_judgement(f, r);
    explain_why(f, in, r);
    finding_evidence(out, f, r->first, "the first of %llu attempts", (unsigned long long)r->connections);
    finding_fix(f, "Look at %s: is it in the load balancer's pool and in DNS, does its health probe succeed, has it free ports "
                   "(Routing and Remote Access > Ports)?",
                describe_backend(who, &least->address, least->name));
    if ((r->why & BALANCE_WHY_STICKY) != 0)
        finding_fix(f, "Persistence by source address sends everybody behind one address to one server: shorten its time, and let "
                       "nothing in front of the load balancer translate clients' sources.");
    else
        finding_fix(f, "Compare the weights of the load balancer with what is meant; name servers that shall differ with "
                       "--backend ADDR*WEIGHT.");
}

/* One protocol tells more than all of them; NASes are asked only where no tunnels tell. */
static void rules_uneven(struct findings *out, const struct rule_input *in)
{
    size_t count;
    const struct balance_result *all = balance_results(in->balance, &count);
    bool told = false, tunnels = false;
    for (size_t i = 0; i < count; i++)
        if (all[i].protocol == BALANCE_SSTP || all[i].protocol == BALANCE_IKEV2) {
            tunnels |= all[i].backend_count > 1;
            if (all[i].judgement.verdict == BALANCE_UNEVEN) {
                uneven(out, in, &all[i]);
                told = true;
            }
        }
    for (size_t i = 0; i < count && !told; i++)
        if (all[i].judgement.verdict == BALANCE_UNEVEN && (all[i].protocol == BALANCE_ALL || (all[i].radius && !tunnels)))
            uneven(out, in, &all[i]);
}

/* "SSTP and IKEv2" */
static const char *outage_protocols(const struct balance_outage *o)
{
    bool sstp = (o->protocols & 1u << BALANCE_SSTP) != 0, ike = (o->protocols & 1u << BALANCE_IKEV2) != 0;
    return sstp && ike ? "SSTP and IKEv2" : sstp ? "SSTP" : ike ? "IKEv2" : "the VPN";
}

/* Probes of this server that never failed. */
static const struct probe_series *blind_probes(const struct rule_input *in, const struct address *a)
{
    size_t count;
    const struct probe_series *all = probes_all(in->probes, &count);
    for (size_t i = 0; i < count; i++)
        if (address_equal(&all[i].target.address, a) && all[i].count >= PROBE_SAMPLES && all[i].failed == 0)
            return &all[i];
    return NULL;
}

static void explain_outage(struct findings *out, struct finding *f, const struct rule_input *in,
                           const struct balance_outage *o)
{
    char source[ADDRESS_TEXT], witness[ADDRESS_TEXT];
    const struct dns_told *dns = told_by_dns(in, &o->address, o->first.time_ns);
    const struct probe_series *blind = blind_probes(in, &o->address);
    finding_explain(f, "%llu attempts of several clients by %s %s, while %s answered its clients.",
                    (unsigned long long)o->attempts, outage_protocols(o),
                    o->hung ? "reached its port, but the service behind it did not answer" : "got no answer from it",
                    address_text(witness, &o->witness));
    if (blind != NULL)
        finding_explain(f, "Health probes from %s succeed all the same: they do not see what is wrong, so clients are sent there on.",
                        address_text(source, &blind->source));
    if (dns != NULL) {
        finding_explain(f, "Clients pick the address from DNS: the name %s has several (DNS round robin), which go on being given "
                           "out whether a server is up or not.",
                        dns->answer.name);
        finding_evidence(out, f, dns->place, "DNS gives this address for %s", dns->answer.name);
    }
}

static void fix_outage(struct finding *f, const struct rule_input *in, const struct balance_outage *o, const char *who)
{
    finding_fix(f, "On %s: is the machine up, do RemoteAccess, SstpSvc and IKEEXT run (Get-Service), do its firewall and the "
                   "network let TCP 443 and UDP 500 and 4500 through?",
                who);
    if (told_by_dns(in, &o->address, INT64_MAX) != NULL)
        finding_fix(f, "Take its address out of the name until it is back; a load balancer or Traffic Manager with health probes "
                       "does that by itself.");
    else
        finding_fix(f, "Take it out of the load balancer's pool until it is back, and let the pool's health probe ask the VPN "
                       "service itself (HTTPS, /sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/, 401 is healthy).");
}

/* Clients that are sent there get no connection. */
static void attempts_to_dead(struct findings *out, const struct rule_input *in, const struct balance_outage *o)
{
    char subject[ADDRESS_TEXT], who[WHO];
    bool fresh;
    struct finding *f =
        findings_raise(out, FINDING_BACKEND_ATTEMPTS_TO_DEAD, address_text(subject, &o->address), 0, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, o->first, "the first of %llu attempts in vain", (unsigned long long)o->attempts);
    finding_evidence(out, f, o->witness_place, "another server answers");
    if (!fresh)
        return;
    describe_backend(who, &o->address, o->name);
    f->severity = SEVERITY_CRITICAL;
    f->confidence = CONFIDENCE_STRONG;
    finding_title(f, "clients are sent to the VPN server %s, which does not answer%s", who,
                  o->back.frame != 0 ? " for a while" : "");
    explain_outage(out, f, in, o);
    fix_outage(f, in, o, who);
}

/* When it stopped, and when it was back. */
static void down(struct findings *out, const struct balance_outage *o)
{
    char subject[ADDRESS_TEXT], who[WHO];
    bool fresh;
    /* variant 1: for failing probes the same id is raised by port */
    struct finding *f = findings_raise(out, FINDING_BACKEND_DOWN, address_text(subject, &o->address), 1, &fresh);
    if (f == NULL)
        return;
    if (o->answered.frame != 0)
        finding_evidence(out, f, o->answered, "the last attempt that it answered");
    finding_evidence(out, f, o->first, "the first that it did not answer");
    if (o->back.frame != 0)
        finding_evidence(out, f, o->back, "it answers again");
    if (!fresh)
        return;
    describe_backend(who, &o->address, o->name);
    f->severity = SEVERITY_WARNING;
    f->confidence = CONFIDENCE_STRONG;
    if (o->answered.frame == 0)
        finding_title(f, "the VPN server %s did not answer at first", who);
    else
        finding_title(f, "the VPN server %s stopped answering%s", who, o->back.frame != 0 ? " for a while" : "");
    if (o->back.frame != 0 && o->answered.frame != 0)
        finding_explain(f, "It answered again %.0f s after its last answer.", (double)elapsed_ns(o->back.time_ns, o->answered.time_ns) / 1e9);
    else if (o->back.frame == 0)
        finding_explain(f, "It did not come back before the capture ended.");
    else
        finding_explain(f, "It first answered %.0f s after the first attempt in vain.",
                        (double)elapsed_ns(o->back.time_ns, o->first.time_ns) / 1e9);
    finding_fix(f, "Look in its System and RemoteAccess event logs for a restart, update or failure at that time.");
}

void rules_outages(struct findings *out, const struct rule_input *in)
{
    size_t count;
    const struct balance_outage *all = balance_outages(in->balance, &count);
    for (size_t i = 0; i < count; i++) {
        attempts_to_dead(out, in, &all[i]);
        if (all[i].answered.frame != 0 || all[i].back.frame != 0)
            down(out, &all[i]);
    }
}

void rules_balance(struct findings *out, const struct rule_input *in)
{
    if (in->balance == NULL)
        return;
    rules_outages(out, in);
    rules_uneven(out, in);
}
