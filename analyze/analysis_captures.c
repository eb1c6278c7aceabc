/* What an analysis is told of the captures themselves. */
#include "analyze/analysis_internal.h"

#include <stdio.h>
#include <stdlib.h>

void analysis_free_captures(struct analysis *a)
{
    for (size_t i = 0; i < a->capture_count; i++)
        source_info_free(&a->captures[i].info);
    free(a->captures);
}

void analysis_count_lost(struct capture_report *c)
{
    for (size_t i = 0; i < c->info.interface_count; i++) {
        const struct source_interface *n = &c->info.interfaces[i];
        c->has_lost = c->has_lost || n->has_drops;
        c->lost += n->has_drops ? n->drops : 0;
    }
}

static void add_flooded(struct analysis_totals *t, const struct ike_flooded *f)
{
    uint8_t at = 0;
    while (at < t->flooded_count && !address_equal(&t->flooded[at].responder, &f->responder))
        at++;
    if (f->requests == 0 || at == IKE_FLOODED_MAX)
        return;
    if (at == t->flooded_count) {
        t->flooded[t->flooded_count++] = *f;
        return;
    }
    t->flooded[at].requests += f->requests;
    t->flooded[at].last = f->last;
}

static void add_unlisted(struct analysis_totals *t, const struct ike_layer_counters *c)
{
    t->half_open_unlisted += c->unlisted;
    for (uint8_t i = 0; i < c->flooded_count; i++)
        add_flooded(t, &c->flooded[i]);
}

void analysis_add_counters(struct dissect_counters *sum, const struct dissect_counters *c)
{
    sum->net.frames += c->net.frames;
    sum->net.duplicates += c->net.duplicates;
    sum->net.dropped_by_host += c->net.dropped_by_host;
    sum->flows += c->flows;
    sum->flows_evicted += c->flows_evicted;
    sum->conversations_evicted += c->conversations_evicted;
    sum->one_sided_flows += c->one_sided_flows;
    sum->judged_flows += c->judged_flows;
    sum->one_sided_radius += c->one_sided_radius;
    sum->judged_radius += c->judged_radius;
    if (c->state_bytes_peak > sum->state_bytes_peak)
        sum->state_bytes_peak = c->state_bytes_peak;
}

void analysis_add_capture(struct analysis *a, const struct source_info *info, const struct dissect_counters *counters)
{
    analysis_add_counters(&a->counters, counters);
    add_unlisted(&a->totals, &counters->ike);
    a->totals.tcp_unlisted += counters->sstp.unlisted;
    a->totals.packets += info->packets;
    a->totals.unread += counters->net.unknown_link;
    a->totals.bytes += info->bytes;
    if (a->capture_count == CAPTURES_MAX)
        return;
    struct capture_report *c = &a->captures[a->capture_count++];
    source_info_copy(&c->info, info);
    c->duplicates = counters->net.duplicates;
    analysis_count_lost(c);
}

void analysis_add_protocols(struct analysis *a, const struct protocol_count *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t k = 0;
        while (k < a->protocol_count && strncmp(a->protocols[k].name, rows[i].name, PROTOCOL_NAME - 1) != 0)
            k++;
        if (k == PROTOCOLS_MAX)
            continue;
        if (k == a->protocol_count) {
            snprintf(a->protocol_names[k], PROTOCOL_NAME, "%s", rows[i].name);
            a->protocols[a->protocol_count++].name = a->protocol_names[k];
        }
        a->protocols[k].flows += rows[i].flows;
        a->protocols[k].packets += rows[i].packets;
        a->protocols[k].bytes += rows[i].bytes;
    }
}

void analysis_add_hosts(struct analysis *a, const struct host_deed *deeds, size_t count)
{
    nic_add(a->nic, deeds, count);
}
