#include "analyze/session/probes.h"

#include <stdlib.h>

#include "analyze/nat/nat_search.h"
#include "analyze/session/judge_sstp.h"
#include "analyze/session/sstp_lengths.h"
#include "capture/wire/elapsed.h"

enum { MONITORS_ANSWER = 401, HTTP_ERRORS = 400 };
#define REGULAR 0.1 /* standard deviation of the times between probes, of their mean */

struct probes {
    struct probe_series all[PROBE_SERIES_MAX];
    size_t count;
};

struct probes *probes_new(void)
{
    return calloc(1, sizeof(struct probes));
}

void probes_free(struct probes *p)
{
    free(p);
}

const char *probe_kind_name(enum probe_kind kind)
{
    return kind == PROBE_HTTP ? "http" : kind == PROBE_TLS ? "tls" : "tcp";
}

/*
 * A handshake that names the server, and then the end: a monitor that looks at the certificate, or a user whose client does not
 * like what it sees.
 */
static bool looks_only(const struct exchange *x)
{
    const struct sstp_facts *f = &x->sstp;
    struct place left = f->tcp.sent[TCP_CLIENT].fin.frame != 0 ? f->tcp.sent[TCP_CLIENT].fin : f->tcp.sent[TCP_CLIENT].reset;
    if (f->kind != SSTP_KIND_UNSURE || !f->tls.client_finished || left.frame == 0 || judge_certificate_alert(&f->tls) != NULL)
        return false;
    struct sstp_reading r = sstp_reading_of(f);
    bool nothing = f->tls.decrypted ? !f->tls.data_from_client : r.shape == SSTP_SHAPE_NOTHING;
    return nothing && !r.refused_at_finished;
}

/* The server never sent an octet: a probe of a dead server looks like an attempt. */
static bool unanswered(const struct exchange *x)
{
    return x->sstp.kind == SSTP_KIND_UNSURE && x->sstp.tcp.sent[TCP_SERVER].data_packets == 0;
}

static bool candidate(const struct exchange *x)
{
    return unanswered(x) || looks_only(x);
}

static struct probe_series *series_of(const struct probes *p, const struct exchange *x)
{
    bool looks = looks_only(x);
    for (size_t i = 0; i < p->count; i++) {
        const struct probe_series *s = &p->all[i];
        if (s->looks == looks && address_equal(&s->source, &x->client.address) && endpoint_equal(&s->target, &x->server))
            return (struct probe_series *)(uintptr_t)s;
    }
    return NULL;
}

static enum probe_kind kind_of(const struct exchange *x)
{
    return x->sstp.request_seen || x->sstp.tls.data_from_server ? PROBE_HTTP : x->sstp.tls.seen ? PROBE_TLS : PROBE_TCP;
}

static bool failed(const struct exchange *x)
{
    const struct sstp_facts *f = &x->sstp;
    if (f->http_status >= HTTP_ERRORS && f->http_status != MONITORS_ANSWER)
        return true;
    enum tcp_outcome o = tcp_connection_outcome(&f->tcp);
    return o == TCP_OUTCOME_REFUSED || o == TCP_OUTCOME_NO_ANSWER || o == TCP_OUTCOME_UNREACHABLE ||
           o == TCP_OUTCOME_HUNG_UP || o == TCP_OUTCOME_NO_REPLY;
}

static void take_failure(struct probe_series *s, const struct probe_result *r)
{
    if (!r->failed) {
        if (s->failed_last > s->outage) {
            s->outage = s->failed_last;
            s->outage_first = s->row_first;
            s->outage_back = r->at;
        }
        s->failed_last = 0;
        return;
    }
    if (s->failed++ == 0)
        s->first_failed = r->at;
    if (s->failed_last++ == 0)
        s->row_first = r->at;
}

/* The earliest of those that wait. */
static void take(struct probe_series *s)
{
    struct probe_result r = s->waiting[0];
    double gap = s->begun ? (double)elapsed_ns(r.at.time_ns, s->previous_ns) : 0;
    memmove(&s->waiting[0], &s->waiting[1], --s->waiting_count * sizeof s->waiting[0]);
    if (gap > 0) {
        s->gaps++;
        s->gap_sum += gap;
        s->gap_squares += gap * gap;
    }
    s->begun = true;
    s->previous_ns = r.at.time_ns;
    take_failure(s, &r);
}

static void put(struct probe_series *s, const struct probe_result *r)
{
    if (s->waiting_count == PROBE_WAITING)
        take(s);
    size_t at = s->waiting_count++;
    for (; at > 0 && s->waiting[at - 1].at.time_ns > r->at.time_ns; at--)
        s->waiting[at] = s->waiting[at - 1];
    s->waiting[at] = *r;
}

static void add(struct probe_series *s, const struct exchange *x)
{
    put(s, &(struct probe_result){x->first, failed(x)});
    if (s->count++ == 0)
        s->first = x->first;
    s->last = x->first;
    s->sure = s->sure || x->sstp.kind == SSTP_KIND_PROBE;
    s->http_status = x->sstp.http_status != 0 ? x->sstp.http_status : s->http_status;
    if (kind_of(x) > s->kind)
        s->kind = kind_of(x);
}

/* To who knows this one connection only. */
static bool like_a_refusal(const struct exchange *x)
{
    const struct alert_fact *alert;
    enum client_answer answer = judge_sstp_server_certificate(x, &alert);
    return answer == ANSWER_LEFT || answer == ANSWER_ENCRYPTED_ALERT;
}

bool probes_add(struct probes *p, const struct exchange *x)
{
    if (x->type != CONVERSATION_SSTP || (x->sstp.kind != SSTP_KIND_PROBE && !candidate(x)))
        return true;
    struct probe_series *s = series_of(p, x);
    if (s == NULL && p->count == PROBE_SERIES_MAX)
        return true;
    if (s == NULL) {
        s = &p->all[p->count++];
        s->source = x->client.address;
        s->target = x->server;
        s->looks = looks_only(x);
        s->chain = x->sstp.tls.server_chain;
    }
    s->refusals += s->looks && x->sstp.tls.server_chain == s->chain && like_a_refusal(x);
    add(s, x);
    if (s->listed_count == PROBE_LISTED)
        return x->sstp.kind != SSTP_KIND_PROBE;
    size_t at = s->listed_count++;
    for (; at > 0 && s->listed[at - 1] > x->id; at--)
        s->listed[at] = s->listed[at - 1];
    s->listed[at] = x->id;
    return true;
}

/* variance < (REGULAR * mean)^2 */
static bool is_regular(const struct probe_series *s)
{
    if (s->gaps < PROBE_SAMPLES - 1)
        return false;
    double mean = s->gap_sum / s->gaps, variance = s->gap_squares / s->gaps - mean * mean;
    return variance < REGULAR * REGULAR * mean * mean;
}

void probes_settle(struct probes *p, const struct services *services)
{
    size_t kept = 0;
    for (size_t i = 0; i < p->count; i++) {
        struct probe_series *s = &p->all[i];
        while (s->waiting_count > 0)
            take(s);
        bool regular = is_regular(s);
        s->period_ns = regular ? (int64_t)(s->gap_sum / s->gaps) : 0;
        if (s->sure || (regular && (!s->looks || services_is_dialled_by_name(services, &s->target.address))))
            p->all[kept++] = *s;
    }
    p->count = kept;
}

struct probes *probes_so_far(const struct probes *p, const struct services *services)
{
    struct probes *copy = probes_new();
    if (copy == NULL)
        return NULL;
    copy->count = p->count;
    memcpy(copy->all, p->all, p->count * sizeof p->all[0]);
    probes_settle(copy, services);
    return copy;
}

const struct probe_series *probes_all(const struct probes *p, size_t *count)
{
    *count = p->count;
    return p->all;
}

bool probes_has(const struct probes *p, const struct exchange *x)
{
    if (x->type != CONVERSATION_SSTP)
        return false;
    return x->sstp.kind == SSTP_KIND_PROBE || (candidate(x) && series_of(p, x) != NULL);
}

bool probes_lists(const struct probes *p, const struct exchange *x)
{
    const struct probe_series *s = series_of(p, x);
    if (s == NULL || s->listed_count < PROBE_LISTED)
        return true;
    for (size_t i = 0; i < s->listed_count; i++)
        if (s->listed[i] == x->id)
            return true;
    return false;
}

/* Of one network, private at that: clients of a VPN come from elsewhere, load balancers and monitors stand there. */
static bool is_neighbour(const struct exchange *x)
{
    enum { NETWORK_V4 = 24, NETWORK_V6 = 64 };
    const struct address *a = &x->client.address;
    return nat_is_private(a) && a->family == x->server.address.family &&
           address_in(a, &x->server.address, a->family == FAMILY_IPV4 ? NETWORK_V4 : NETWORK_V6);
}

bool probes_may_be(const struct probes *p, const struct exchange *x)
{
    if (x->type != CONVERSATION_SSTP || !unanswered(x) || x->sstp.tcp.sent[TCP_CLIENT].data_packets > 0)
        return false;
    for (size_t i = 0; i < p->count; i++)
        if (p->all[i].sure && address_equal(&p->all[i].source, &x->client.address))
            return true;
    return is_neighbour(x);
}

bool probes_likely(const struct probes *p, const struct exchange *x)
{
    if (x->type != CONVERSATION_SSTP || x->sstp.kind == SSTP_KIND_PROBE || !candidate(x))
        return x->type == CONVERSATION_SSTP && x->sstp.kind == SSTP_KIND_PROBE;
    const struct probe_series *series = series_of(p, x);
    if (series == NULL || series->sure)
        return series != NULL;
    struct probe_series s = *series;
    while (s.waiting_count > 0)
        take(&s);
    return is_regular(&s);
}
