/* Health probes of load balancers and monitors: that there are any, and servers whose probes fail. wire-facts 7.4. */
#include <stdio.h>

#include "analyze/finding/rules.h"
#include "analyze/nat/nat_search.h"
#include "capture/wire/elapsed.h"

#define AZURE "168.63.129.16"

enum { WHO = 96, FAILED_IN_ROW = 3 };

/* "the load balancer 10.0.0.4", by what is known of it. */
static const char *describe_source(char out[static WHO], const struct probe_series *s)
{
    char text[ADDRESS_TEXT];
    address_text(text, &s->source);
    snprintf(out, WHO, strcmp(text, AZURE) == 0 ? "Azure's load balancer (%s)" : "%s", text);
    return out;
}

static void explain_kind(struct finding *f, const struct probe_series *s)
{
    switch (s->kind) {
    case PROBE_TCP:
        finding_explain(f, "They open the port and close it without a byte: that tells a machine which is up from one which is "
                           "not, but not whether the VPN service behind the port works.");
        break;
    case PROBE_TLS:
        finding_explain(f, "They make a TLS handshake and ask nothing: that does not tell whether the VPN service behind it works.");
        break;
    case PROBE_HTTP:
        if (s->http_status != 0)
            finding_explain(f, "They ask over HTTP; the last answer was %u%s.", s->http_status,
                            s->http_status == 401 ? ", which is what RRAS answers to anything but a tunnel: it is well" : "");
        else
            finding_explain(f, "They ask one short question inside TLS and close.");
        break;
    }
}

/* Where load balancers stand. */
static bool is_of_the_site(const struct probe_series *s)
{
    char text[ADDRESS_TEXT];
    return nat_is_private(&s->source) || strcmp(address_text(text, &s->source), AZURE) == 0;
}

static void seen(struct findings *out, const struct probe_series *s)
{
    char who[WHO], target[ENDPOINT_TEXT], subject[ADDRESS_TEXT];
    bool fresh;
    if (s->count < PROBE_SAMPLES || s->failed == s->count)
        return;
    struct finding *f = findings_raise(out, FINDING_PROBE_SEEN, address_text(subject, &s->target.address), s->target.port, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, s->first, "the first of %llu from %s", (unsigned long long)s->count, describe_source(who, s));
    if (!fresh)
        return;
    f->severity = SEVERITY_INFO;
    bool irregular = s->period_ns == 0 && s->http_status == 0 && !is_of_the_site(s);
    f->confidence = s->sure && !irregular ? CONFIDENCE_CERTAIN : CONFIDENCE_STRONG;
    finding_title(f, irregular ? "%s knocks at %s and wants no tunnel" : "%s checks the health of %s", who,
                  endpoint_text(target, &s->target));
    finding_explain(f, "%llu connections of this kind are probes, not logins; they are counted apart.", (unsigned long long)s->count);
    if (s->period_ns > 0)
        finding_explain(f, "They come every %.1f s.", (double)s->period_ns / 1e9);
    if (irregular)
        finding_explain(f, "They come at no fixed interval: a monitor does not, somebody who scans the internet does.");
    else
        explain_kind(f, s);
    if (s->looks) {
        f->confidence = CONFIDENCE_HINT;
        finding_explain(f, "They name the server, and others get a tunnel there: it seems to be a monitor that looks at the certificate. It "
                           "is only their regularity that tells them from a client which refuses the certificate and dials again.");
        finding_fix(f, "If %s is a user's address, look there: that client refuses the server's certificate.", who);
        return;
    }
    if (irregular) {
        finding_fix(f, "Nothing is wrong: what is open to the internet is scanned. If %s is a load balancer of yours, look at its "
                       "health check.", who);
        return;
    }
    finding_fix(f, "Nothing is wrong. A probe that would notice a hung service asks HEAD or GET for "
                   "/sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/ over HTTPS and takes 401 for healthy.");
}

static void explain_failures(struct finding *f, const struct probe_series *s, bool down, const char *who)
{
    char target[ENDPOINT_TEXT];
    endpoint_text(target, &s->target);
    if (down) {
        finding_title(f, "health probes of the VPN server %s fail", target);
        finding_explain(f, "%llu of %llu probes from %s failed, the last %llu in a row%s.", (unsigned long long)s->failed,
                        (unsigned long long)s->count, who, (unsigned long long)s->failed_last,
                        s->http_status >= 400 && s->http_status != 401 ? " (an error of HTTP was answered)" : "");
    } else {
        finding_title(f, "health probes of the VPN server %s failed for a while", target);
        finding_explain(f, "%llu of %llu probes from %s failed, %llu of them in a row, in %.1f s; then the server answered again.",
                        (unsigned long long)s->failed, (unsigned long long)s->count, who, (unsigned long long)s->outage,
                        (double)elapsed_ns(s->outage_back.time_ns, s->outage_first.time_ns) / 1e9);
    }
}

static void failing(struct findings *out, const struct rule_input *in, const struct probe_series *s)
{
    char who[WHO], subject[ADDRESS_TEXT];
    bool fresh, down = s->failed_last >= FAILED_IN_ROW;
    if ((!down && s->outage < FAILED_IN_ROW) || s->count < PROBE_SAMPLES || !services_would_miss(in->services, &s->target))
        return;
    struct finding *f =
        findings_raise(out, FINDING_BACKEND_DOWN, address_text(subject, &s->target.address), s->target.port, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, down ? s->first_failed : s->outage_first, "the first of %llu probes from %s that failed",
                     (unsigned long long)(down ? s->failed : s->outage), describe_source(who, s));
    if (!down)
        finding_evidence(out, f, s->outage_back, "it answers again");
    if (!fresh)
        return;
    f->severity = SEVERITY_WARNING;
    f->confidence = s->sure ? CONFIDENCE_CERTAIN : CONFIDENCE_STRONG; /* or clients that dial again and again */
    explain_failures(f, s, down, who);
    if (!services_is_vpn(in->services, &s->target.address)) {
        finding_explain(f, "That this server is a VPN's is assumed: it never spoke for one in the capture, and nothing speaks against it.");
        f->confidence = CONFIDENCE_STRONG;
    }
    if (!s->sure && !is_of_the_site(s))
        finding_explain(f, "It is only their regularity that tells them from a client which dials again and again: if %s is a user's "
                           "address, that user gets no VPN.", who);
    finding_explain(f, "A load balancer sends nobody to a server that fails its probes; where clients are sent there all the same "
                       "they get no VPN.");
    finding_fix(f, "On that server: does the service run (Get-Service RemoteAccess, SstpSvc), and does it listen "
                   "(netstat -an | findstr :443)?");
    finding_fix(f, "If it is in maintenance, take it out of the load balancer's pool and of DNS.");
}

void rules_probes(struct findings *out, const struct rule_input *in)
{
    size_t count;
    const struct probe_series *all = probes_all(in->probes, &count);
    for (size_t i = 0; i < count; i++) {
        seen(out, &all[i]);
        failing(out, in, &all[i]);
    }
}
