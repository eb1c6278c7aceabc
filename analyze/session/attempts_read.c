/* What of a tunnel and of a login may show that they belong together. */
#include "analyze/session/attempts_internal.h"
#include "analyze/session/ike_lengths.h"
#include "analyze/session/judge_ike.h"
#include "capture/wire/hash.h"

#define TIME_MOST (INT64_C(1) << 62)               /* beyond, differences of times overflow */
#define WINDOW_MOST_NS (300 * INT64_C(1000000000)) /* no authentication takes longer */
enum { TUNNEL_TYPE_PPTP = 1, TUNNEL_TYPE_L2TP = 3, TUNNEL_TYPE_SSTP = 0x13701, PORT_ETHERNET = 15, PORT_WIRELESS = 19 };

bool attempts_is_tunnel(const struct exchange *x)
{
    if (x->type == CONVERSATION_SSTP)
        return x->sstp.kind == SSTP_KIND_TUNNEL || x->sstp.kind == SSTP_KIND_UNSURE;
    return exchange_is_ike(x) || exchange_is_ppp(x);
}

bool attempts_is_login(const struct exchange *x)
{
    return x->type == CONVERSATION_RADIUS && x->radius.nas_port_type != PORT_ETHERNET &&
           x->radius.nas_port_type != PORT_WIRELESS;
}

static bool usable(int64_t ns)
{
    return ns > 0 && ns < TIME_MOST;
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

/* Without regard to case. */
static uint64_t hash_name(struct span s)
{
    uint8_t name[256];
    if (s.len == 0 || s.len > sizeof name)
        return 0;
    for (size_t i = 0; i < s.len; i++)
        name[i] = lower(s.data[i]);
    return hash_bytes(name, s.len, 1) | 1;
}

/* The account, whatever domain stands before or behind it. */
static uint64_t hash_user(struct span s)
{
    for (size_t i = s.len; i-- > 0;)
        if (s.data[i] == '\\') {
            s = span_of(s.data + i + 1, s.len - i - 1);
            break;
        }
    const uint8_t *realm = s.len > 0 ? memchr(s.data, '@', s.len) : NULL;
    if (realm != NULL)
        s.len = (size_t)(realm - s.data);
    return hash_name(s);
}

/* "MSRAS-0-PC01" is PC01, as LCP's Identification and MS-RAS-Client-Name both may say it. */
static uint64_t hash_computer(struct span s)
{
    static const char prefix[] = "MSRAS-";
    enum { PREFIX = sizeof prefix - 1 };
    if (s.len > PREFIX + 2 && memcmp(s.data, prefix, PREFIX) == 0 && s.data[PREFIX + 1] == '-')
        s = span_of(s.data + PREFIX + 2, s.len - PREFIX - 2);
    return hash_name(s);
}

static bool all_zero(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

static void add_endpoint(struct tunnel *t, const struct endpoint *e)
{
    if (e->address.family != FAMILY_IPV4 && e->address.family != FAMILY_IPV6)
        return;
    for (unsigned i = 0; i < t->endpoint_count; i++)
        if (endpoint_equal(&t->endpoints[i], e))
            return;
    if (t->endpoint_count < TUNNEL_ENDPOINTS)
        t->endpoints[t->endpoint_count++] = *e;
}

static void add_correlation(struct tunnel *t, const uint8_t id[static CORRELATION])
{
    if (t->correlation_count < TUNNEL_CORRELATIONS && !all_zero(id, CORRELATION))
        memcpy(t->correlations[t->correlation_count++], id, CORRELATION);
}

static struct nonces nonces_of(const struct exchange *x)
{
    const struct tls_facts *t = &x->eap.tls;
    return (struct nonces){.response = x->response_hash, .hello = t->client_hello ? hash_bytes(t->random, sizeof t->random, 1) | 1 : 0};
}

/* One without EAP (a device's) has nothing behind it. */
static bool read_ike(const struct exchange *x, struct tunnel *t)
{
    const struct ike_facts *k = &x->ike;
    if (k->auth_request.frame == 0 && x->type == CONVERSATION_IKE)
        return false;
    if (ike_tunnel_of(k) == IKE_TUNNEL_DEVICE)
        return false;
    add_endpoint(t, &k->auth_initiator);
    if (k->auth_initiator.address.family == FAMILY_NONE)
        add_endpoint(t, &x->client);
    for (unsigned i = 0; k->translated > 0 && i < 2; i++)
        add_endpoint(t, &k->sides_initiator[i]);
    t->begin = x->type == CONVERSATION_IKE ? k->auth_request.time_ns : x->first.time_ns;
    t->end = x->type == CONVERSATION_IKE ? k->auth_request_last.time_ns : x->last.time_ns;
    if (k->auth_response_last.frame != 0)
        t->answered = k->auth_response_last.time_ns;
    for (int i = 0; i < 2; i++)
        if (k->state.esp_last_ns[i] > t->until)
            t->until = k->state.esp_last_ns[i];
    return true;
}

static void read_ppp(const struct exchange *x, struct tunnel *t)
{
    const struct ppp_state *p = &x->sstp.ppp;
    const struct ppp_authentication *demanded = &p->authentication[TO_CLIENT];
    if (demanded->began.frame != 0) {
        t->begin = t->end = demanded->began.time_ns;
        if (demanded->ended.frame != 0)
            t->end = t->answered = demanded->ended.time_ns;
        t->dated = true;
    }
    if (p->computer_len > 0)
        t->computer = hash_computer(span_of(p->computer, p->computer_len));
    if (p->user_len > 0)
        t->user = hash_user(span_of(p->user, p->user_len));
    if (p->has_correlation) {
        add_correlation(t, p->correlation);
        /* A GUID in memory has its first three numbers in little endian; as text it has not. */
        static const uint8_t order[CORRELATION] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
        uint8_t swapped[CORRELATION];
        for (unsigned i = 0; i < CORRELATION; i++)
            swapped[i] = p->correlation[order[i]];
        add_correlation(t, swapped);
    }
}

static void read_sstp(const struct exchange *x, struct tunnel *t)
{
    const struct sstp_facts *f = &x->sstp;
    add_endpoint(t, &x->client);
    add_endpoint(t, &f->proxy_source);
    add_endpoint(t, &f->forwarded_client);
    /* Without its octets: LCP, which takes milliseconds, begins when the handshake is over. */
    const struct place *since = f->tls.finished.frame != 0 ? &f->tls.finished : &f->tls.hello;
    t->dated = f->link.first[SSTP_CALL_CONNECT_ACK].frame != 0 || since->frame != 0;
    t->begin = since->frame != 0 ? since->time_ns : x->first.time_ns;
    t->end = f->link.first[SSTP_CALL_CONNECT_ACK].frame != 0 ? f->link.first[SSTP_CALL_CONNECT_ACK].time_ns : t->begin;
    read_ppp(x, t);
    if (f->has_correlation)
        add_correlation(t, f->correlation);
}

bool tunnel_read(const struct exchange *x, struct tunnel *t)
{
    *t = (struct tunnel){.capture = x->first.capture, .type = x->type, .answered = NEVER};
    t->from = t->begin = t->end = x->first.time_ns;
    t->until = x->last.time_ns;
    t->nonces = nonces_of(x);
    t->dated = !x->begun_before;
    if (!attempts_is_tunnel(x) || !usable(t->from))
        return false;
    if (exchange_is_ike(x) && !read_ike(x, t))
        return false;
    if (x->type == CONVERSATION_SSTP)
        read_sstp(x, t);
    else if (exchange_is_ppp(x)) {
        add_endpoint(t, &x->client);
        read_ppp(x, t);
    }
    if (x->eap.identity.len > 0)
        t->user = hash_user(exchange_text(x, x->eap.identity));
    if (t->end < t->begin || t->end > t->begin + WINDOW_MOST_NS)
        t->end = t->end < t->begin ? t->begin : t->begin + WINDOW_MOST_NS;
    return usable(t->begin) && usable(t->end) && usable(t->until);
}

/* strongSwan says 198.51.100.7[4500]. */
static bool read_station(struct span s, struct endpoint *out)
{
    const uint8_t *bracket = s.len > 0 ? memchr(s.data, '[', s.len) : NULL;
    uint32_t port = 0;
    if (bracket != NULL) {
        const uint8_t *p = bracket + 1, *end = s.data + s.len;
        for (; p < end && *p >= '0' && *p <= '9' && port <= UINT16_MAX; p++)
            port = port * 10 + (uint32_t)(*p - '0');
        if (p == end || *p != ']' || port > UINT16_MAX)
            port = 0;
        s.len = (size_t)(bracket - s.data);
    }
    if (s.len == 0 || !address_parse(s, &out->address))
        return false;
    out->port = (uint16_t)port;
    return true;
}

static int hex_digit(uint8_t c)
{
    c = lower(c);
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* {30553B1C-...}: the digits in their order, braces and hyphens where they may be. */
static bool read_guid(struct span s, uint8_t out[static CORRELATION])
{
    size_t digits = 0;
    memset(out, 0, CORRELATION);
    for (size_t i = 0; i < s.len; i++) {
        int value = hex_digit(s.data[i]);
        if (value < 0 && (s.data[i] == '{' || s.data[i] == '}' || s.data[i] == '-'))
            continue;
        if (value < 0 || digits == (size_t)2 * CORRELATION)
            return false;
        out[digits / 2] = (uint8_t)(out[digits / 2] << 4 | value);
        digits++;
    }
    return digits == (size_t)2 * CORRELATION && !all_zero(out, CORRELATION);
}

static uint8_t wanted(uint32_t tunnel_type)
{
    switch (tunnel_type) {
    case TUNNEL_TYPE_PPTP:
        return CONVERSATION_PPTP + 1;
    case TUNNEL_TYPE_L2TP:
        return CONVERSATION_L2TP + 1;
    case TUNNEL_TYPE_SSTP:
        return CONVERSATION_SSTP + 1;
    default:
        return 0; /* what RRAS says for IKEv2 is not published */
    }
}

bool attempts_login_client(const struct exchange *x, struct endpoint *client)
{
    return read_station(exchange_text(x, x->radius.tunnel_client_endpoint), client) ||
           read_station(exchange_text(x, x->radius.calling_station), client);
}

bool login_read(const struct exchange *x, struct login *l)
{
    const struct radius_facts *r = &x->radius;
    *l = (struct login){.capture = x->first.capture, .wants = wanted(r->tunnel_type)};
    l->first = r->first_request.frame != 0 ? r->first_request.time_ns : x->first.time_ns;
    l->last = x->last.time_ns;
    l->nonces = nonces_of(x);
    if (!attempts_is_login(x) || x->begun_before || !usable(l->first) || !usable(l->last))
        return false;
    if (!attempts_login_client(x, &l->client))
        l->client.address.family = FAMILY_NONE;
    l->computer = hash_computer(exchange_text(x, r->client_name));
    l->user = hash_user(exchange_text(x, x->eap.identity.len > 0 ? x->eap.identity : r->user));
    l->has_correlation = read_guid(exchange_text(x, r->correlation_id), l->correlation);
    return l->client.address.family != FAMILY_NONE || l->computer != 0 || l->has_correlation;
}
