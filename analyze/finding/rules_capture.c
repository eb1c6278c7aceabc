/* The health of the captures themselves. wire-facts 10.3, 12.4. */
#include <stdio.h>

#include "analyze/finding/rules.h"

static struct finding *raise(struct findings *out, enum finding_id id, const struct capture_report *c, size_t index,
                             enum severity severity)
{
    bool fresh;
    struct finding *f = findings_raise(out, id, "", index, &fresh);
    (void)c;
    if (f == NULL || !fresh)
        return NULL;
    f->severity = severity;
    f->confidence = CONFIDENCE_CERTAIN;
    return f;
}

static void damaged(struct findings *out, const struct capture_report *c, size_t i)
{
    if (c->info.damage == NULL)
        return;
    struct finding *f = raise(out, FINDING_CAPTURE_DAMAGED, c, i, SEVERITY_WARNING);
    if (f == NULL)
        return;
    finding_title(f, "the capture %s is damaged or cut off", c->info.path);
    finding_explain(f, "%s. The %llu packet%s before that %s analysed.", c->info.damage,
                    (unsigned long long)c->info.packets, c->info.packets == 1 ? "" : "s",
                    c->info.packets == 1 ? "was" : "were");
    finding_fix(f, "Copy the file again, or stop the capture cleanly before copying it.");
}

static void truncated(struct findings *out, const struct capture_report *c, size_t i)
{
    if (c->info.cut_packets == 0)
        return;
    struct finding *f = raise(out, FINDING_CAPTURE_TRUNCATED_PACKETS, c, i, SEVERITY_WARNING);
    if (f == NULL)
        return;
    finding_title(f, "%llu of %llu packet%s in %s %s cut short", (unsigned long long)c->info.cut_packets,
                  (unsigned long long)c->info.packets, c->info.packets == 1 ? "" : "s", c->info.path,
                  c->info.cut_packets == 1 ? "is" : "are");
    finding_explain(
        f, "Only the beginning of large packets was kept (snap length); certificates are the first to be lost.");
    finding_fix(f, "Capture whole packets: tcpdump -s 0, dumpcap -s 0, pktmon start --capture --pkt-size 0.");
}

static void lost(struct findings *out, const struct capture_report *c, size_t i)
{
    if (!c->has_lost || c->lost == 0)
        return;
    struct finding *f = raise(out, FINDING_CAPTURE_LOST_PACKETS, c, i, SEVERITY_WARNING);
    if (f == NULL)
        return;
    finding_title(f, "%llu packet%s lost while %s was captured", (unsigned long long)c->lost,
                  c->lost == 1 ? " was" : "s were", c->info.path);
    finding_explain(f,
                    "The capturing program counted them. What is reported as missing or unanswered may be among them.");
    finding_fix(f, "Capture with a larger buffer (tcpdump -B 65536) or a filter for the traffic of interest.");
}

static void duplicates(struct findings *out, const struct capture_report *c, size_t i)
{
    if (c->duplicates < 3 || c->duplicates * 100 <= c->info.packets)
        return;
    struct finding *f = raise(out, FINDING_CAPTURE_DUPLICATES, c, i, SEVERITY_INFO);
    if (f == NULL)
        return;
    finding_title(f, "%llu of %llu packets in %s are duplicates", (unsigned long long)c->duplicates,
                  (unsigned long long)c->info.packets, c->info.path);
    finding_explain(f, "A mirror port that copies both directions, or a capture at several layers of one host "
                       "(pktmon), shows packets twice. They were counted once.");
}

bool rule_one_sided(const struct rule_input *in)
{
    const struct dissect_counters *n = in->counters;
    bool radius = n != NULL && n->judged_radius >= 1 && n->one_sided_radius * 100 >= n->judged_radius * 95;
    bool all = n != NULL && n->judged_flows >= 4 && n->one_sided_flows * 100 >= n->judged_flows * 95;
    if (!radius)
        return all;
    /* Requests that nobody answers look the same; only a NAS that goes on with answers we never saw proves it. */
    for (size_t i = 0; i < servers_count(in->servers); i++) {
        const struct server *s = servers_at(in->servers, i);
        if ((s->responses == 0 && s->state_unknown > 0) || (s->requests == 0 && s->responses > 0))
            return true;
    }
    return false;
}

static void one_sided(struct findings *out, const struct rule_input *in)
{
    bool fresh;
    if (!rule_one_sided(in))
        return;
    struct finding *f = findings_raise(out, FINDING_CAPTURE_ONE_SIDED, "", 0, &fresh);
    if (f == NULL || !fresh)
        return;
    f->severity = SEVERITY_WARNING;
    f->confidence = CONFIDENCE_STRONG;
    finding_title(f, "only one direction of the traffic was captured");
    finding_explain(f, "What the other side said is unknown, so nothing is reported as unanswered.");
    finding_fix(f, "Mirror both directions of the port, or capture on the host itself.");
}

bool rules_lossy(const struct capture_report *c)
{
    enum { MANY = 1000 };
    return c->has_lost && c->lost > c->info.packets / MANY;
}

void rules_losses(struct findings *out)
{
    static const enum finding_id absences[] = {FINDING_EAP_CLIENT_SILENT_AFTER_CERTIFICATE, FINDING_EAP_UNFINISHED,
                                               FINDING_EAP_FRAGMENTS_LOST, FINDING_RADIUS_NO_ANSWER,
                                               FINDING_RADIUS_FRAGMENTS_LOST, FINDING_IKE_NO_ANSWER,
                                               FINDING_IKE_AUTH_UNANSWERED, FINDING_IKE_FRAGMENTS_LOST,
                                               FINDING_SSTP_NO_ANSWER,
                                               FINDING_BACKEND_DOWN, FINDING_BACKEND_ATTEMPTS_TO_DEAD};
    for (size_t i = 0; i < sizeof absences / sizeof *absences; i++)
        findings_doubt(out, absences[i], "Packets were lost while capturing: what is missing may be among them.");
}

void rules_capture(struct findings *out, const struct rule_input *in)
{
    for (size_t i = 0; i < in->capture_count; i++) {
        damaged(out, &in->captures[i], i);
        truncated(out, &in->captures[i], i);
        lost(out, &in->captures[i], i);
        duplicates(out, &in->captures[i], i);
    }
    one_sided(out, in);
}
