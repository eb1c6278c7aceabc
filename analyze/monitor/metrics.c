#include "analyze/monitor/metrics.h"

#include <stdlib.h>

#include "analyze/finding/rules.h"
#include "analyze/report/report.h"
#include "capture/wire/hash.h"

/* As exchange_protocol_name names them. */
static const char *const protocols[] = {"radius", "eapol", "ikev2", "ikev1", "sstp", "l2tp", "pptp"};
enum { PROTOCOLS = sizeof protocols / sizeof *protocols, OUTCOMES = OUTCOME_INCOMPLETE + 1, SEVERITIES = SEVERITY_INFO + 1,
       SLOTS = 2 * METRICS_BACKENDS_MAX };

struct backend {
    struct address address; /* FAMILY_NONE: none is known */
    const char *name;       /* --backend's, NULL none */
    uint64_t ended[PROTOCOLS][OUTCOMES];
};

/* A server's own, in one role. */
struct certificate_row {
    uint64_t chain;
    uint32_t role;
    int64_t not_after; /* seconds since 1970 UTC */
    char name[DESCRIBE_MAX], sha256[65];
};

struct metrics {
    struct backend backends[METRICS_BACKENDS_MAX];
    size_t count;
    uint16_t slots[SLOTS]; /* index + 1, by address */
    uint64_t other[PROTOCOLS][OUTCOMES];
    uint64_t findings[FINDING_IDS][SEVERITIES];
    struct balance *balance;            /* of attempts that ended; BALANCE_RECORDS_MAX of them */
    struct exposition evenness, spread; /* samples, as balance was looked at last */
    struct certificate_row certificates[METRICS_CERTIFICATES_MAX];
    size_t certificate_count;
    double window_jain[WINDOW_BASES];   /* of the latest window in which anything happened; below 0: none yet */
};

/* NULL when there are too many. */
static struct backend *backend_of(struct metrics *m, const struct address *a)
{
    size_t at = hash_bytes(a->bytes, sizeof a->bytes, a->family) % SLOTS;
    for (; m->slots[at] != 0; at = (at + 1) % SLOTS)
        if (address_equal(&m->backends[m->slots[at] - 1].address, a))
            return &m->backends[m->slots[at] - 1];
    if (m->count == METRICS_BACKENDS_MAX)
        return NULL;
    struct backend *b = &m->backends[m->count++];
    b->address = *a;
    m->slots[at] = (uint16_t)m->count;
    return b;
}

struct metrics *metrics_new(const struct site *site, const struct balance_settings *balance)
{
    struct metrics *m = calloc(1, sizeof *m);
    if (m != NULL)
        m->balance = balance_new(balance);
    if (m == NULL || m->balance == NULL) {
        free(m);
        return NULL;
    }
    for (size_t b = 0; b < WINDOW_BASES; b++)
        m->window_jain[b] = -1;
    for (size_t i = 0; i < site->backend_count; i++) {
        struct backend *b = backend_of(m, &site->backends[i]);
        if (b != NULL && site->named[i].name[0] != '\0')
            b->name = site->named[i].name;
    }
    for (size_t i = 0; i < site->vip_count; i++)
        (void)backend_of(m, &site->vips[i]);
    return m;
}

void metrics_free(struct metrics *m)
{
    if (m == NULL)
        return;
    balance_free(m->balance);
    exposition_free(&m->evenness);
    exposition_free(&m->spread);
    free(m);
}

void metrics_session(struct metrics *m, const struct session *s)
{
    struct address address = {0};
    const char *name = exchange_protocol_name(s->exchanges[0]);
    size_t protocol = 0;
    if (s->head != s->exchanges[0]->id || (unsigned)s->outcome >= OUTCOMES)
        return;
    while (protocol < PROTOCOLS && strcmp(protocols[protocol], name) != 0)
        protocol++;
    if (protocol == PROTOCOLS)
        return;
    struct exchange *part = (struct exchange *)(uintptr_t)s->exchanges[0]; /* only read */
    balance_session(m->balance, s, &part, 1);
    (void)session_backend(s, &address);
    struct backend *b = backend_of(m, &address);
    if (b != NULL)
        b->ended[protocol][s->outcome]++;
    else
        m->other[protocol][s->outcome]++;
}

void metrics_finding(struct metrics *m, const struct finding *f)
{
    if ((unsigned)f->id < FINDING_IDS && (unsigned)f->severity < SEVERITIES)
        m->findings[f->id][f->severity]++;
}

void metrics_window(struct metrics *m, const struct window *w)
{
    if (w->evenness.valid)
        m->window_jain[w->basis] = w->evenness.jain;
}

/* A group has the name of its first server. */
static void add_result(void *ctx, const struct balance_result *r)
{
    struct metrics *m = ctx;
    char group[ADDRESS_TEXT], backend[ADDRESS_TEXT];
    struct exposition_label labels[] = {{"protocol", balance_protocol_name(r->protocol)},
                                        {"basis", window_basis_name(r->radius ? WINDOW_RADIUS : WINDOW_TUNNELS)},
                                        {"group", address_text(group, &r->backends[0].address)},
                                        {"backend", backend}};
    if (r->judgement.evenness.valid)
        exposition_real(&m->evenness, labels, 3, r->judgement.evenness.jain);
    for (size_t i = 0; i < r->backend_count; i++) {
        address_text(backend, &r->backends[i].address);
        exposition_count(&m->spread, labels, 4, r->backends[i].attempts);
    }
}

void metrics_balance(struct metrics *m, const struct balance_others *others)
{
    exposition_begin(&m->evenness);
    exposition_begin(&m->spread);
    exposition_family(&m->evenness, "vpnscope_balance_jain", EXPOSITION_GAUGE,
                      "Jain's index of the attempts at a group of VPN servers: 1 even, 1/n all at one of n.");
    exposition_family(&m->spread, "vpnscope_balance_attempts", EXPOSITION_GAUGE,
                      "Attempts at a server of a group, without those of clients that come back.");
    (void)balance_look(m->balance, others, add_result, m);
}

static bool is_known(const struct metrics *m, uint64_t chain, uint32_t role)
{
    for (size_t i = 0; i < m->certificate_count; i++)
        if (m->certificates[i].chain == chain && m->certificates[i].role == role)
            return true;
    return false;
}

/* Who looked at a chain may forget what it saw; this does not. */
static void keep_certificate(struct metrics *m, const struct chain *c, uint32_t role)
{
    if (m->certificate_count == METRICS_CERTIFICATES_MAX || is_known(m, c->serial, role))
        return;
    struct certificate_row *row = &m->certificates[m->certificate_count++];
    *row = (struct certificate_row){.chain = c->serial, .role = role, .not_after = c->facts[0].not_after};
    describe_certificate(row->name, c, 0);
    describe_sha256(row->sha256, c);
}

void metrics_certificates(struct metrics *m, const struct chains *chains)
{
    static const uint32_t roles[] = {ROLE_NPS, ROLE_IKEV2, ROLE_SSTP};
    for (size_t i = 0; i < chains_count(chains); i++) {
        const struct chain *c = chains_at(chains, i);
        bool told = c->judged && c->count > 0 && c->parsed[0] && c->facts[0].not_after != INT64_MAX && c->facts[0].not_after != INT64_MIN;
        /* Held by what counts as an attempt at SSTP by now, else nobody would have looked at it. */
        uint32_t shown = c->roles == 0 && c->holders > 0 ? ROLE_SSTP : c->roles;
        for (size_t r = 0; r < sizeof roles / sizeof *roles && told; r++)
            if ((shown & roles[r]) != 0)
                keep_certificate(m, c, roles[r]);
    }
}

static void write_certificates(const struct metrics *m, struct exposition *e)
{
    exposition_family(e, "vpnscope_certificate_not_after_timestamp_seconds", EXPOSITION_GAUGE,
                      "Until when a server's certificate that was seen is valid.");
    for (size_t i = 0; i < m->certificate_count; i++) {
        const struct certificate_row *c = &m->certificates[i];
        const struct exposition_label labels[] = {
            {"role", c->role == ROLE_NPS ? "nps" : c->role == ROLE_SSTP ? "sstp" : "ikev2"}, {"name", c->name}, {"sha256", c->sha256}};
        exposition_real(e, labels, 3, (double)c->not_after);
    }
}

static void write_balance(const struct metrics *m, struct exposition *e)
{
    exposition_append(e, &m->evenness);
    exposition_append(e, &m->spread);
    exposition_family(e, "vpnscope_balance_window_jain", EXPOSITION_GAUGE,
                      "The same of all servers in the latest window of time (--window) in which any was asked.");
    for (size_t b = 0; b < WINDOW_BASES; b++) {
        const struct exposition_label label = {"basis", window_basis_name((enum window_basis)b)};
        if (m->window_jain[b] >= 0)
            exposition_real(e, &label, 1, m->window_jain[b]);
    }
}

enum column { PACKETS, BYTES, LOST, LAST, UP };

static void write_column(struct exposition *e, const struct live_interface *i, enum column which)
{
    const struct exposition_label label = {"interface", i->name};
    switch (which) {
    case PACKETS:
        exposition_count(e, &label, 1, i->packets);
        break;
    case BYTES:
        exposition_count(e, &label, 1, i->bytes);
        break;
    case LOST:
        exposition_count(e, &label, 1, i->lost);
        break;
    case LAST:
        if (i->last_ns != 0)
            exposition_real(e, &label, 1, (double)i->last_ns / 1e9);
        break;
    case UP:
        exposition_count(e, &label, 1, i->sniffed);
        break;
    }
}

static void write_interfaces(const struct metrics_now *now, struct exposition *e)
{
    static const struct {
        const char *name, *help;
        enum exposition_type type;
    } families[] = {
        [PACKETS] = {"vpnscope_packets_total", "Packets that were looked at.", EXPOSITION_COUNTER},
        [BYTES] = {"vpnscope_bytes_total", "Bytes of these packets.", EXPOSITION_COUNTER},
        [LOST] = {"vpnscope_packets_lost_total", "Packets that the kernel's ring or the hardware lost.", EXPOSITION_COUNTER},
        [LAST] = {"vpnscope_last_packet_timestamp_seconds", "Time of the latest packet.", EXPOSITION_GAUGE},
        [UP] = {"vpnscope_interface_sniffed", "1 while the interface is sniffed, 0 while it is down or gone.", EXPOSITION_GAUGE},
    };
    for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
        exposition_family(e, families[f].name, families[f].type, families[f].help);
        for (size_t i = 0; i < now->live->count; i++)
            write_column(e, &now->live->interfaces[i], (enum column)f);
    }
}

static void write_outcomes(struct exposition *e, const char *backend, const uint64_t ended[static PROTOCOLS][OUTCOMES])
{
    for (size_t p = 0; p < PROTOCOLS; p++) {
        uint64_t any = 0;
        for (size_t o = 0; o < OUTCOMES; o++)
            any += ended[p][o];
        for (size_t o = 0; o < OUTCOMES && any > 0; o++) {
            const struct exposition_label labels[] = {
                {"protocol", protocols[p]}, {"backend", backend}, {"outcome", outcome_name((enum outcome)o)}};
            exposition_count(e, labels, 3, ended[p][o]);
        }
    }
}

static const char *backend_text(char text[static ADDRESS_TEXT], const struct backend *b)
{
    return b->address.family != FAMILY_NONE ? address_text(text, &b->address) : "";
}

static void write_sessions(const struct metrics *m, struct exposition *e)
{
    char text[ADDRESS_TEXT];
    exposition_family(e, "vpnscope_sessions_total", EXPOSITION_COUNTER,
                      "Attempts to connect that ended, by protocol, VPN server and outcome; a tunnel and the RADIUS login "
                      "behind it are one of each protocol.");
    for (size_t i = 0; i < m->count; i++)
        write_outcomes(e, backend_text(text, &m->backends[i]), m->backends[i].ended);
    write_outcomes(e, "other", m->other);
    exposition_family(e, "vpnscope_backend_info", EXPOSITION_GAUGE, "Names of VPN servers, as the options give them.");
    for (size_t i = 0; i < m->count; i++) {
        const struct exposition_label labels[] = {{"backend", backend_text(text, &m->backends[i])},
                                                  {"name", m->backends[i].name}};
        if (m->backends[i].name != NULL)
            exposition_count(e, labels, 2, 1);
    }
}

static void write_findings(const struct metrics *m, struct exposition *e)
{
    exposition_family(e, "vpnscope_findings_total", EXPOSITION_COUNTER,
                      "Causes that were found, each counted when it was raised first.");
    for (size_t id = 0; id < FINDING_IDS; id++)
        for (size_t s = 0; s < SEVERITIES; s++) {
            const struct exposition_label labels[] = {{"id", finding_name((enum finding_id)id)},
                                                      {"severity", severity_name((enum severity)s)}};
            if (m->findings[id][s] > 0)
                exposition_count(e, labels, 2, m->findings[id][s]);
        }
}

/* One number alone. */
static void write_one(struct exposition *e, const char *name, enum exposition_type type, const char *help, uint64_t value)
{
    exposition_family(e, name, type, help);
    exposition_count(e, NULL, 0, value);
}

static void write_ourselves(const struct metrics_now *now, struct exposition *e)
{
    const struct exposition_label version = {"version", VPNSCOPE_VERSION};
    const struct exposition_label flows = {"kind", "flow"}, conversations = {"kind", "conversation"};
    write_one(e, "vpnscope_conversations_open", EXPOSITION_GAUGE, "Conversations in progress.", now->open);
    exposition_family(e, "vpnscope_evicted_total", EXPOSITION_COUNTER, "What was given up to stay within the budget for state.");
    exposition_count(e, &flows, 1, now->live->flows_evicted);
    exposition_count(e, &conversations, 1, now->live->conversations_evicted);
    write_one(e, "vpnscope_state_bytes", EXPOSITION_GAUGE, "State of what is in progress, with packets that are held.", now->state_bytes);
    write_one(e, "vpnscope_state_peak_bytes", EXPOSITION_GAUGE, "The most that state came to.", now->state_bytes_peak);
    write_one(e, "vpnscope_state_budget_bytes", EXPOSITION_GAUGE, "What state may come to (--memory).", now->state_budget);
    write_one(e, "vpnscope_sessions_unkept_total", EXPOSITION_COUNTER,
              "Attempts that ended when the room on disk was full: they are not in the report.", now->unkept);
    write_one(e, "vpnscope_sessions_unlooked_total", EXPOSITION_COUNTER,
              "Attempts that were not looked at for findings at once, as too many ended in one second: the report has them.",
              now->unlooked);
    if (now->process_peak_bytes != 0)
        write_one(e, "vpnscope_process_peak_memory_bytes", EXPOSITION_GAUGE, "The most memory that the process held.",
                  now->process_peak_bytes);
    exposition_family(e, "vpnscope_uptime_seconds", EXPOSITION_GAUGE, "Since sniffing began.");
    exposition_real(e, NULL, 0, now->uptime_s);
    exposition_family(e, "vpnscope_build_info", EXPOSITION_GAUGE, "The program's version.");
    exposition_count(e, &version, 1, 1);
}

void metrics_write(const struct metrics *m, const struct metrics_now *now, struct exposition *e)
{
    exposition_begin(e);
    write_interfaces(now, e);
    write_sessions(m, e);
    write_findings(m, e);
    write_balance(m, e);
    write_certificates(m, e);
    write_ourselves(now, e);
}
