#include "analyze/nic/nic.h"

#include <stdlib.h>

#include "analyze/nat/nat_search.h"
#include "analyze/nic/nic_internal.h"
#include "capture/wire/elapsed.h"

#define ANSWER_NS (3 * INT64_C(1000000000))

struct nic *nic_new(const struct nat_settings *settings)
{
    struct nic *n = calloc(1, sizeof *n);
    if (n != NULL)
        n->settings = settings;
    return n;
}

void nic_free(struct nic *n)
{
    if (n == NULL)
        return;
    for (size_t i = 0; i < n->count; i++)
        free((char *)(uintptr_t)n->deeds[i].hint_name);
    free(n->deeds);
    free(n);
}

static const char *copy(const char *text)
{
    size_t size = text != NULL ? strlen(text) + 1 : 0;
    char *out = size > 0 ? malloc(size) : NULL;
    if (out != NULL)
        memcpy(out, text, size);
    return out;
}

void nic_add(struct nic *n, const struct host_deed *deeds, size_t count)
{
    size_t room = n->count + count < NIC_DEEDS_MAX ? n->count + count : NIC_DEEDS_MAX;
    struct host_deed *grown = room > 0 ? realloc(n->deeds, room * sizeof *grown) : NULL;
    if (grown == NULL)
        return;
    n->deeds = grown;
    for (size_t i = 0; i < count && n->count < room; i++) {
        n->deeds[n->count] = deeds[i];
        n->deeds[n->count].hint_name = copy(deeds[i].hint_name);
        n->count++;
    }
}

void nic_session(struct nic *n, const struct session *s)
{
    const struct address *asks = s->login != NULL && s->login->type == CONVERSATION_RADIUS ? &s->login->client.address : NULL;
    if (asks == NULL || s->tunnel == NULL)
        return;
    for (size_t i = 0; i < s->exchange_count; i++) {
        const struct exchange *x = s->exchanges[i];
        if (!exchange_is_ike(x) && !exchange_is_ppp(x))
            continue;
        struct nic_pair pair = {x->server.address, *asks};
        size_t at = 0;
        while (at < n->pair_count && memcmp(&n->pairs[at], &pair, sizeof pair) != 0)
            at++;
        if (at == n->pair_count && at < NIC_PAIRS_MAX)
            n->pairs[n->pair_count++] = pair;
    }
}

/* RFC 1918, RFC 4193; addresses that the administrator named, if he named any. */
bool nic_is_internal(const struct nic *n, const struct address *a)
{
    for (size_t i = 0; i < n->settings->internal_count; i++)
        if (address_in(a, &n->settings->internal[i].address, n->settings->internal[i].bits))
            return true;
    if (n->settings->internal_count > 0)
        return false;
    if (a->family == FAMILY_IPV6)
        return (a->bytes[0] & 0xfe) == 0xfc;
    return nat_is_rfc1918(a);
}

/* A cloud's own services for its guests: 168.63.129.16 in Azure, link-local addresses in others. */
static bool is_platform(const struct address *a)
{
    static const uint8_t azure[4] = {168, 63, 129, 16};
    return a->family == FAMILY_IPV4 && (memcmp(a->bytes, azure, 4) == 0 || (a->bytes[0] == 169 && a->bytes[1] == 254));
}

static bool is_group(const struct address *a)
{
    return (a->family == FAMILY_IPV4 && (a->bytes[0] >= 224 || a->bytes[3] == 255)) || (a->family == FAMILY_IPV6 && a->bytes[0] == 0xff);
}

static bool has_mac(const struct nic_server *s, const uint8_t mac[static 6])
{
    for (size_t i = 0; i < s->mac_count; i++)
        if (memcmp(s->macs[i], mac, 6) == 0)
            return true;
    return false;
}

static void add_mac(struct nic_server *s, const uint8_t mac[static 6])
{
    if (s->mac_count < NIC_MACS_MAX && !has_mac(s, mac))
        memcpy(s->macs[s->mac_count++], mac, 6);
}

/* A MAC with which several other hosts speak, too, is a router's; Azure's network has one for all. */
static bool is_shared(const struct nic *n, const struct nic_server *s, const uint8_t mac[static 6])
{
    enum { OTHERS_MAX = 2 };
    static const uint8_t azure[6] = {0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc};
    struct address others[OTHERS_MAX];
    size_t count = 0;
    if (memcmp(mac, azure, 6) == 0)
        return true;
    for (size_t i = 0; i < n->count; i++) {
        const struct host_deed *d = &n->deeds[i];
        if (!d->has_mac || d->kind == HOST_ARP || d->host.family != FAMILY_IPV4 || memcmp(d->mac, mac, 6) != 0 ||
            address_equal(&d->host, &s->address))
            continue;
        if (count == 0 || !address_equal(&others[0], &d->host))
            others[count++] = d->host;
        if (count == OTHERS_MAX)
            return true;
    }
    return false;
}

static void find_macs(const struct nic *n, struct nic_server *s)
{
    for (size_t i = 0; i < n->count; i++) {
        const struct host_deed *d = &n->deeds[i];
        bool own = d->has_mac && d->kind != HOST_ARP && address_equal(&d->host, &s->address);
        if (own && !is_shared(n, s, d->mac))
            add_mac(s, d->mac);
        else if (d->kind == HOST_LEASE && address_equal(&d->peer, &s->address))
            add_mac(s, d->host.bytes);
    }
}

static bool is_server(const struct nic_server *s, const struct address *a)
{
    for (size_t i = 0; i < s->server_count; i++)
        if (address_equal(&s->servers[i], a))
            return true;
    return false;
}

/* By its address, or by its MAC: what has no address yet, and what bears another address of the same NIC, unless that is a VPN
 * server by itself. */
bool nic_did(const struct nic_server *s, const struct host_deed *d)
{
    if (address_equal(&d->host, &s->address))
        return true;
    if (d->host.family == FAMILY_MAC)
        return d->kind != HOST_LEASE && has_mac(s, d->host.bytes);
    return d->kind != HOST_ARP && d->has_mac && has_mac(s, d->mac) && !is_server(s, &d->host);
}

/* Members of a domain and clients of RADIUS talk like that. */
static bool is_of_member(const struct host_deed *d)
{
    return d->kind == HOST_RADIUS || d->kind == HOST_LDAP || d->kind == HOST_KERBEROS || d->kind == HOST_RPC || d->kind == HOST_SMB;
}

/* From which address RADIUS is asked about the server's clients: *same, or s->other. */
static void find_asker(const struct nic *n, struct nic_server *s, bool *same)
{
    for (size_t i = 0; i < n->pair_count; i++) {
        if (!address_equal(&n->pairs[i].server, &s->address))
            continue;
        if (address_equal(&n->pairs[i].asks, &s->address))
            *same = true;
        else if (s->other.family == FAMILY_NONE || memcmp(&n->pairs[i].asks, &s->other, sizeof s->other) < 0)
            s->other = n->pairs[i].asks;
    }
}

static void count_nics(const struct nic *n, struct nic_server *s)
{
    bool same = false, talks_inside = false;
    find_asker(n, s, &same);
    for (size_t i = 0; i < n->count; i++) {
        const struct host_deed *d = &n->deeds[i];
        if (!nic_did(s, d))
            continue;
        bool inside = nic_is_internal(n, &d->peer);
        talks_inside = talks_inside || (is_of_member(d) && d->answered > 0 && inside);
        same = same || address_equal(&d->host, &s->other);
        s->serves_lan = s->serves_lan || d->kind == HOST_DHCP_SERVED || (d->kind == HOST_DNS_SERVED && inside);
        s->both_ways = s->both_ways || d->answered > 0;
        s->in_cloud = s->in_cloud || is_platform(&d->peer);
    }
    bool other = s->other.family != FAMILY_NONE && !same;
    s->inside = nic_is_internal(n, &s->address);
    s->nics = same || (talks_inside && !other) ? NIC_COUNT_ONE : other ? NIC_COUNT_TWO : NIC_COUNT_UNKNOWN;
}

/* No answer came although it would have been seen, and had the time to come. */
static bool is_unanswered(const struct nic *n, const struct nic_server *s, const struct host_deed *d)
{
    uint32_t capture = d->places[0].capture;
    if (d->answered > 0 || !s->both_ways || capture >= n->capture_count)
        return false;
    int64_t end_ns = n->captures[capture].info.last_ns;
    return end_ns > d->places[0].time_ns && elapsed_ns(end_ns, d->places[0].time_ns) >= ANSWER_NS;
}

/* Traffic with the inside: where the one NIC is, it belongs; where nothing but itself could tell, it is doubtful. */
static enum nic_weight weigh_inside(const struct nic *n, const struct nic_server *s, const struct host_deed *d)
{
    if (s->nics == NIC_COUNT_ONE)
        return s->inside ? NIC_BELONGS : NIC_DOUBTFUL; /* to the Internet and the inside by one NIC is rare */
    bool known = s->nics == NIC_COUNT_TWO || is_unanswered(n, s, d) || (!s->inside && d->answered > 0);
    return known ? NIC_WRONG : NIC_DOUBTFUL;
}

static enum nic_weight weigh_open(const struct nic *n, const struct nic_server *s, const struct host_deed *d)
{
    if (!nic_is_internal(n, &d->peer))
        return NIC_WRONG;
    return s->nics == NIC_COUNT_ONE ? NIC_BELONGS : s->inside ? NIC_DOUBTFUL : NIC_WRONG;
}

static enum nic_weight weigh_dhcp(const struct nic *n, const struct nic_server *s)
{
    bool cloud = s->in_cloud || s->nics == NIC_COUNT_ONE;
    for (size_t i = 0; i < n->count && !cloud; i++)
        cloud = n->deeds[i].kind == HOST_LEASE && has_mac(s, n->deeds[i].host.bytes) && is_platform(&n->deeds[i].by);
    return cloud ? NIC_HARMLESS : NIC_WRONG;
}

/* The same /24 or /64: hosts of a site whose addresses are all public. */
static bool is_beside(const struct nic_server *s, const struct address *a)
{
    return address_in(a, &s->address, s->address.family == FAMILY_IPV4 ? 24 : 64);
}

struct nic_weighed nic_weigh(const struct nic *n, const struct nic_server *s, const struct host_deed *d)
{
    struct nic_weighed nothing = {NIC_TOPICS, NIC_BELONGS};
    bool inside = nic_is_internal(n, &d->peer), group = is_group(&d->peer);
    enum nic_weight local = s->nics == NIC_COUNT_ONE ? NIC_HARMLESS : NIC_WRONG;
    if (s->serves_lan || (is_platform(&d->peer) && d->kind != HOST_DHCP))
        return nothing;
    switch ((enum host_kind)d->kind) {
    case HOST_DNS:
        return (struct nic_weighed){NIC_DNS_CLIENT, inside ? weigh_inside(n, s, d) : s->nics == NIC_COUNT_ONE ? NIC_BELONGS : NIC_WRONG};
    case HOST_LLMNR: case HOST_MDNS: case HOST_NETBIOS:
        return (struct nic_weighed){NIC_NAME_RESOLUTION, inside || group ? local : NIC_WRONG};
    case HOST_NETBIOS_OPEN:
        return (struct nic_weighed){NIC_NAME_RESOLUTION, weigh_open(n, s, d)};
    case HOST_SMB:
        return (struct nic_weighed){NIC_SMB, inside ? weigh_inside(n, s, d) : NIC_WRONG};
    case HOST_SMB_OPEN:
        return (struct nic_weighed){NIC_SMB, weigh_open(n, s, d)};
    case HOST_DHCP:
        return (struct nic_weighed){NIC_DHCP, weigh_dhcp(n, s)};
    case HOST_LLDP: case HOST_LLTD: case HOST_SSDP: case HOST_WSD:
        return (struct nic_weighed){NIC_DISCOVERY, local};
    case HOST_NTP:
        return (struct nic_weighed){NIC_UNEXPECTED, inside ? weigh_inside(n, s, d) : NIC_BELONGS};
    case HOST_KERBEROS: case HOST_LDAP: case HOST_RPC: case HOST_RADIUS:
        if (!inside && is_beside(s, &d->peer) && d->answered > 0)
            return (struct nic_weighed){NIC_UNEXPECTED, NIC_DOUBTFUL};
        return (struct nic_weighed){NIC_UNEXPECTED, inside ? weigh_inside(n, s, d) : NIC_WRONG};
    case HOST_TEREDO:
        return (struct nic_weighed){NIC_UNEXPECTED, NIC_HARMLESS};
    case HOST_LDAP_OPEN: case HOST_RPC_OPEN: case HOST_RDP_OPEN: case HOST_WINRM_OPEN:
        return (struct nic_weighed){NIC_UNEXPECTED, inside ? NIC_BELONGS : NIC_WRONG};
    case HOST_HINT: case HOST_HINT_OPEN:
        return (struct nic_weighed){NIC_UNEXPECTED, inside ? NIC_BELONGS : NIC_HARMLESS};
    case HOST_SERVES: case HOST_ARP: case HOST_LEASE: case HOST_DNS_SERVED: case HOST_DHCP_SERVED: case HOST_KINDS:
        break;
    }
    return nothing;
}

static int by_place(const struct host_deed *a, const struct host_deed *b)
{
    const struct place *p = &a->places[0], *q = &b->places[0];
    if (p->capture != q->capture)
        return p->capture < q->capture ? -1 : 1;
    if (p->frame != q->frame)
        return p->frame < q->frame ? -1 : 1;
    return (a->kind > b->kind) - (a->kind < b->kind);
}

static void add_sight(struct nic_verdict *v, const struct host_deed *d, enum nic_weight weight)
{
    size_t at = v->sight_count;
    if (weight > v->weight) {
        v->weight = weight;
        v->packets = 0;
    }
    v->packets += weight == v->weight ? d->count : 0;
    while (at > 0 && (v->sights[at - 1].weight < weight ||
                      (v->sights[at - 1].weight == weight && by_place(d, v->sights[at - 1].deed) < 0)))
        at--;
    if (at == NIC_SIGHTS_MAX)
        return;
    size_t kept = v->sight_count < NIC_SIGHTS_MAX ? v->sight_count : NIC_SIGHTS_MAX - 1;
    memmove(&v->sights[at + 1], &v->sights[at], (kept - at) * sizeof v->sights[0]);
    v->sights[at] = (struct nic_sight){d, weight};
    v->sight_count = kept + 1;
}

static void judge_server(struct nic *n, const struct address *servers, size_t server_count, const struct address *address)
{
    struct nic_server s = {.address = *address, .servers = servers, .server_count = server_count};
    struct nic_verdict verdicts[NIC_TOPICS] = {{.weight = NIC_BELONGS}};
    find_macs(n, &s);
    count_nics(n, &s);
    for (size_t i = 0; i < n->count; i++) {
        if (!nic_did(&s, &n->deeds[i]))
            continue;
        struct nic_weighed w = nic_weigh(n, &s, &n->deeds[i]);
        if (w.topic != NIC_TOPICS && w.weight != NIC_BELONGS)
            add_sight(&verdicts[w.topic], &n->deeds[i], w.weight);
    }
    if (!s.serves_lan)
        nic_same_subnet(n, &s, &verdicts[NIC_SAME_SUBNET]);
    for (unsigned t = 0; t < NIC_TOPICS && n->verdict_count < NIC_VERDICTS_MAX; t++) {
        if (verdicts[t].weight == NIC_BELONGS)
            continue;
        verdicts[t].server = s.address;
        verdicts[t].topic = (enum nic_topic)t;
        verdicts[t].nics = s.nics;
        if (t != NIC_SAME_SUBNET)
            verdicts[t].other = s.other;
        n->verdicts[n->verdict_count++] = verdicts[t];
    }
}

static int by_address(const void *left, const void *right)
{
    return memcmp(left, right, sizeof(struct address));
}

const struct nic_verdict *nic_judge(struct nic *n, const struct services *services, const struct capture_report *captures,
                                    size_t capture_count, size_t *count)
{
    n->captures = captures;
    n->capture_count = capture_count;
    struct address servers[SERVICES_MAX];
    size_t server_count = services_vpn(services, servers);
    qsort(servers, server_count, sizeof servers[0], by_address);
    for (size_t i = 0; i < server_count && n->count > 0; i++)
        judge_server(n, servers, server_count, &servers[i]);
    *count = n->verdict_count;
    return n->verdicts;
}
