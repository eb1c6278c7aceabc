/* The octets of a connection: which of PROXY, TLS, HTTP and SSTP they are, each handed to who reads it. */
#include <stdlib.h>

#include "capture/wire/rarely.h"
#include "dissect/sstp/sstp_layer_state.h"

/* TLS without keys, and what it takes to know whether SSTP is inside: no more is read. */
static bool records_suffice(const struct carried *k)
{
    return k->stage == CARRY_TLS && !k->decrypted && k->record_count == SSTP_RECORDS_MAX;
}

/* What these records are cannot be SSTP: its client's second message, CALL_CONNECT_REQUEST, has 14 octets, which no suite makes
 * longer than BRIEF, and neither side says much before. */
static bool records_contradict(const struct carried *k)
{
    enum { CLIENTS_FIRST = 6, SERVERS_FIRST = 32 };
    return k->stage == CARRY_TLS && !k->decrypted && !k->client_was_brief &&
           (k->records_seen[TO_SERVER] >= CLIENTS_FIRST || k->records_seen[TO_CLIENT] >= SERVERS_FIRST);
}

bool carry_is_done(const struct connection *c)
{
    const struct carried *k = c->carried;
    if (c->given_up)
        return true;
    if (k == NULL)
        return false;
    return records_suffice(k) || (k->content[0] == CONTENT_IGNORED && k->content[1] == CONTENT_IGNORED);
}

enum sstp_carrier carry_carrier(const struct connection *c)
{
    if (c->carried == NULL)
        return c->tcp.sent[0].data_packets + c->tcp.sent[1].data_packets > 0 ? SSTP_CARRIER_OTHER : SSTP_CARRIER_NONE;
    switch (c->carried->stage) {
    case CARRY_TLS:
        return SSTP_CARRIER_TLS;
    case CARRY_CLEAR:
        return SSTP_CARRIER_CLEAR;
    case CARRY_DETECT:
        return SSTP_CARRIER_NONE;
    default:
        return SSTP_CARRIER_OTHER;
    }
}

static void give_up(struct connection *c)
{
    if (c->carried != NULL)
        c->carried->stage = CARRY_OTHER;
    c->given_up = true;
}

/* Keeps count of its memory. Who has no answer gives up when there is too little; of the others the layer makes the oldest. */
static void account(struct connection *c)
{
    enum { TLS_SESSION = 512 };
    struct sstp_layer *l = c->layer;
    struct carried *k = c->carried;
    if (k == NULL)
        return;
    size_t bytes = sizeof *k + (k->tls != NULL ? TLS_SESSION : 0) + http_reader_bytes(k->http[0]) + http_reader_bytes(k->http[1]) +
                   sstp_link_bytes(k->link);
    l->carried_bytes += bytes - k->bytes;
    k->bytes = bytes;
    if (c->list == LIST_HALF_OPEN && l->carried_bytes > l->carried_bytes_max)
        give_up(c);
}

/* Everything but what is told when it is closed. */
static void readers_free(struct carried *k)
{
    tls_session_free(k->tls);
    http_reader_free(k->http[0]);
    http_reader_free(k->http[1]);
    k->tls = NULL;
    k->http[0] = k->http[1] = NULL;
}

void carry_free(struct connection *c)
{
    if (c->carried == NULL)
        return;
    readers_free(c->carried);
    sstp_link_free(c->carried->link);
    c->layer->carried_bytes -= c->carried->bytes;
    free(c->carried);
    c->carried = NULL;
}

static struct carried *carried_of(struct connection *c)
{
    if (c->carried == NULL && (c->carried = calloc(1, sizeof *c->carried)) != NULL)
        account(c);
    return c->carried;
}

void carry_passive(struct connection *c)
{
    if (c->carried == NULL)
        return;
    tls_session_free(c->carried->tls);
    c->carried->tls = NULL;
    account(c);
}

/* SSTP's own events. */
static void on_link(void *ctx, const struct sstp_event *e)
{
    struct connection *c = ctx;
    if (e->kind == SSTP_EVENT_MALFORMED || e->kind == SSTP_EVENT_BROKEN)
        c->layer->counters.malformed++;
    if (e->kind == SSTP_EVENT_PPP && e->u.ppp->kind == PPP_EVENT_EAP)
        event_emit_eap(&c->layer->sink, &c->pub, e->u.ppp->u.eap);
    else
        connection_tell(c, e->dir, &e->place, &(struct sstp_told_event){.kind = SSTP_TOLD_LINK, .u.link = e});
}

static struct sstp_link *link_of(struct connection *c)
{
    struct carried *k = c->carried;
    if (k->link == NULL) {
        k->link = sstp_link_new(c->layer->tls, on_link, c);
        connection_open(c);
    }
    return k->link;
}

static void note_service(struct sstp_layer *l, uint16_t port)
{
    for (unsigned i = 0; i < l->port_count; i++)
        if (l->ports[i] == port)
            return;
    if (l->port_count < sizeof l->ports / sizeof *l->ports)
        l->ports[l->port_count++] = port;
}

static void request(struct connection *c, const struct http_head *head)
{
    static const uint8_t connect[] = {'C', 'O', 'N', 'N', 'E', 'C', 'T'};
    struct carried *k = c->carried;
    k->sstp_asked = head->sstp_request;
    k->tunnel_asked = k->stage == CARRY_CLEAR && head->method.len == sizeof connect &&
                      memcmp(head->method.data, connect, sizeof connect) == 0;
    if (head->sstp_request || head->sstp_target)
        note_service(c->layer, c->service_port);
    k->content[TO_SERVER] = k->sstp_asked ? CONTENT_SSTP : CONTENT_IGNORED;
}

static void answer(struct connection *c, const struct http_head *head, const struct place *place)
{
    enum { OK = 200 };
    struct carried *k = c->carried;
    k->content[TO_CLIENT] = k->sstp_asked && head->status == OK ? CONTENT_SSTP : CONTENT_IGNORED;
    if (k->content[TO_CLIENT] == CONTENT_SSTP && link_of(c) != NULL)
        sstp_link_answered(k->link, place);
    if (!k->tunnel_asked || head->status / 100 != 2)
        return;
    /* The proxy is through: what follows is a connection of its own. */
    readers_free(k);
    k->stage = CARRY_DETECT;
    k->content[0] = k->content[1] = CONTENT_HTTP;
    k->began[0] = k->began[1] = false;
    k->tunnel_asked = false;
}

/* The request was not seen, whole or at all: an SSTP packet shows itself by its version, and its flag of control. */
static bool looks_like_sstp(struct span bytes)
{
    return bytes.len >= SSTP_HEADER && bytes.data[0] == SSTP_VERSION && bytes.data[1] <= 1 &&
           ((unsigned)(bytes.data[2] & 0x0f) << 8 | bytes.data[3]) >= SSTP_HEADER;
}

static void content(struct connection *c, enum direction dir, struct span bytes, const struct place *place);

/* What follows a head in the same octets. */
static void behind_head(struct connection *c, enum direction dir, struct span rest, const struct place *place)
{
    if (rest.len > 0 && c->carried->stage != CARRY_DETECT)
        content(c, dir, rest, place);
}

static void tell_head(struct connection *c, enum direction dir, struct span rest, const struct place *place)
{
    const struct http_head *head = http_reader_head(c->carried->http[dir]);
    bool ours = c->carried->stage == CARRY_TLS || head->sstp_target || c->opened || head->sstp_version.len > 0;
    if (!ours && dir == TO_SERVER && c->carried->proxy.version == 0) {
        bool service = c->service_port == 443;
        for (unsigned i = 0; i < c->layer->port_count; i++)
            service = service || c->layer->ports[i] == c->service_port;
        if (!service) {
            give_up(c); /* a plain web server's */
            return;
        }
    }
    connection_open(c);
    connection_tell(c, dir, place, &(struct sstp_told_event){.kind = SSTP_TOLD_HTTP, .u.http = head});
    if (head->request != (dir == TO_SERVER))
        c->carried->content[dir] = CONTENT_IGNORED; /* the wrong side speaks */
    else if (head->request)
        request(c, head);
    else
        answer(c, head, place);
    behind_head(c, dir, rest, place);
}

static void not_http(struct connection *c, enum direction dir, struct span bytes, bool first, const struct place *place)
{
    struct carried *k = c->carried;
    if (first && looks_like_sstp(bytes)) {
        k->content[dir] = CONTENT_SSTP;
        content(c, dir, bytes, place);
    } else {
        k->content[dir] = CONTENT_IGNORED;
    }
}

static void content_http(struct connection *c, enum direction dir, struct span bytes, const struct place *place)
{
    struct carried *k = c->carried;
    bool first = !k->began[dir];
    size_t used = 0;
    k->began[dir] = true;
    if (k->http[dir] == NULL && (k->http[dir] = http_reader_new()) == NULL) {
        k->content[dir] = CONTENT_IGNORED;
        return;
    }
    switch (http_reader_feed(k->http[dir], bytes, &used)) {
    case HTTP_MORE:
        return;
    case HTTP_DONE:
        tell_head(c, dir, span_of(bytes.data + used, bytes.len - used), place);
        break;
    default:
        not_http(c, dir, bytes, first, place);
        break;
    }
    http_reader_free(k->http[dir]); /* of one head each */
    k->http[dir] = NULL;
}

/* Octets inside of TLS, or in clear. */
static void content(struct connection *c, enum direction dir, struct span bytes, const struct place *place)
{
    struct carried *k = c->carried;
    if (bytes.len == 0 || k->content[dir] == CONTENT_IGNORED)
        return;
    if (k->content[dir] == CONTENT_HTTP)
        content_http(c, dir, bytes, place);
    else if (link_of(c) != NULL)
        sstp_link_feed(k->link, dir, bytes, place);
}

void carry_closed_record(struct connection *c, enum direction dir, uint32_t length, const struct place *place)
{
    enum { BRIEF = 96 };
    struct carried *k = c->carried;
    k->records_seen[dir]++;
    bool finished = k->tls13 && k->records_seen[TO_SERVER] == 1; /* is hidden in the first record */
    k->client_was_brief = k->client_was_brief || (dir == TO_SERVER && !finished && length <= BRIEF);
    if (records_contradict(k))
        c->given_up = true;
    if (k->record_count == SSTP_RECORDS_MAX)
        return;
    struct sstp_record *r = &k->records[k->record_count++];
    r->frame = place->frame < UINT32_MAX ? (uint32_t)place->frame : UINT32_MAX;
    r->length = (uint16_t)(length < UINT16_MAX ? length : UINT16_MAX);
    r->dir = (uint8_t)dir;
    if (c->pub.on_record != NULL)
        c->pub.on_record(c->pub.user, dir, length, place);
    else
        connection_tell(c, dir, place, &(struct sstp_told_event){.kind = SSTP_TOLD_RECORD, .u.record = {TLS_APPLICATION_DATA, length}});
}

uint32_t carry_is_closed_record(struct connection *c, enum direction dir, struct span bytes)
{
    const struct carried *k = c->carried;
    return k != NULL && k->stage == CARRY_TLS && k->tls != NULL && c->answered && !c->given_up ? tls_closed_record(k->tls, dir, bytes) : 0;
}

static void on_tls(void *ctx, const struct tls_event *e)
{
    struct connection *c = ctx;
    if (e->kind == TLS_EVENT_ENCRYPTED && e->u.record.type == TLS_APPLICATION_DATA) {
        carry_closed_record(c, e->dir, e->u.record.length, &e->place);
        return;
    }
    c->layer->counters.malformed += e->kind == TLS_EVENT_MALFORMED;
    if (e->kind == TLS_EVENT_SERVER_HELLO)
        c->carried->tls13 = e->u.server_hello.version == 0x0304;
    connection_tell(c, e->dir, &e->place, &(struct sstp_told_event){.kind = SSTP_TOLD_TLS, .u.tls = e});
    if (e->kind == TLS_EVENT_DATA) {
        c->carried->decrypted = true;
        content(c, e->dir, e->u.bytes, &e->place);
    }
}

static bool begins_midway(const struct connection *c, enum direction dir)
{
    const struct tcp_stream *s = tcp_stream_of(c->layer->streams, c->stream, c->layer->hot[c->slot].owner);
    return s != NULL && tcp_stream_start(s, (enum tcp_side)dir) == TCP_START_MIDDLE;
}

/* Where TLS begins, whether the SYN before it was seen or not. */
static bool is_client_hello(struct span b)
{
    enum { HANDSHAKE = 22, CLIENT_HELLO = 1 };
    return b.len >= 6 && b.data[0] == HANDSHAKE && b.data[1] == 3 && b.data[5] == CLIENT_HELLO;
}

static void begin_tls(struct connection *c, enum direction dir, struct span bytes, const struct place *place)
{
    struct carried *k = c->carried;
    if ((k->tls = tls_session_new(c->layer->tls, on_tls, c)) == NULL) {
        give_up(c);
        return;
    }
    k->stage = CARRY_TLS;
    connection_open(c);
    bool begins = dir == TO_SERVER && is_client_hello(bytes);
    if (dir == TO_CLIENT || c->flooded || (begins_midway(c, TO_SERVER) && !begins))
        tls_gap(k->tls, TO_SERVER, *place); /* its beginning was not seen */
    if (begins_midway(c, TO_CLIENT))
        tls_gap(k->tls, TO_CLIENT, *place);
    tls_feed(k->tls, dir, bytes, *place);
}

static bool is_record(struct span b)
{
    return b.len > 0 && b.data[0] >= TLS_CHANGE_CIPHER_SPEC && b.data[0] <= TLS_APPLICATION_DATA && (b.len < 2 || b.data[1] == 3);
}

/* A method of HTTP or the beginning of a status line, as far as it is there: two capitals alone begin SSH's greeting, too. */
static bool is_token(struct span b)
{
    static const uint8_t version[] = {'H', 'T', 'T', 'P', '/'};
    size_t i = 0;
    while (i < b.len && ((b.data[i] >= 'A' && b.data[i] <= 'Z') || (i >= 2 && (b.data[i] == '_' || b.data[i] == '-'))))
        i++;
    bool status = i + 1 == sizeof version && b.len > i && memcmp(b.data, version, sizeof version) == 0;
    return i > 0 && (i == b.len || (i >= 2 && (b.data[i] == ' ' || status)));
}

static void detect(struct connection *c, enum direction dir, struct span bytes, const struct place *place)
{
    if (bytes.len == 0)
        return;
    bool within = c->service_port == 443 && begins_midway(c, dir) && !is_token(bytes);
    if (is_record(bytes) || within) {
        begin_tls(c, dir, bytes, place);
    } else if (is_token(bytes) || looks_like_sstp(bytes)) {
        c->carried->stage = CARRY_CLEAR;
        content(c, dir, bytes, place);
    } else {
        give_up(c);
    }
}

/* The stream of a client may begin with a header of its load balancer. */
static void detect_client(struct connection *c, struct span bytes, const struct place *place)
{
    struct carried *k = c->carried;
    size_t used = 0;
    if (k->proxy.finished) {
        detect(c, TO_SERVER, bytes, place);
        return;
    }
    switch (proxy_header_feed(&k->proxy, bytes, &used)) {
    case PROXY_MORE:
        return;
    case PROXY_MALFORMED:
        c->layer->counters.malformed++;
        give_up(c);
        return;
    case PROXY_DONE:
        connection_open(c);
        connection_tell(c, TO_SERVER, place, &(struct sstp_told_event){.kind = SSTP_TOLD_PROXY, .u.proxy = &k->proxy});
        break;
    case PROXY_NONE:
        if (k->proxy.have > 0)
            detect(c, TO_SERVER, span_of(k->proxy.kept, k->proxy.have), place);
        if (k->stage != CARRY_DETECT) {
            carry_bytes(c, TO_SERVER, bytes, place);
            return;
        }
        break;
    }
    detect(c, TO_SERVER, span_of(bytes.data + used, bytes.len - used), place);
}

static void feed(struct connection *c, enum direction dir, struct span bytes, const struct place *place)
{
    struct carried *k = c->carried;
    if (k->stage == CARRY_TLS && k->tls != NULL)
        tls_feed(k->tls, dir, bytes, *place);
    else if (k->stage == CARRY_CLEAR)
        content(c, dir, bytes, place);
    else if (k->stage == CARRY_DETECT && dir == TO_SERVER)
        detect_client(c, bytes, place);
    else if (k->stage == CARRY_DETECT)
        detect(c, dir, bytes, place);
    account(c);
}

void carry_held(struct connection *c)
{
    struct held *h = held_of(c->layer, c);
    struct place place;
    uint8_t bytes[HELD_MAX];
    uint16_t len;
    c->flooded = c->flooded || (h == NULL && c->held_serial != 0);
    if (h == NULL || carried_of(c) == NULL)
        return;
    /* What is told may make others take the slot. */
    len = h->len;
    place = h->place;
    memcpy(bytes, h->bytes, len);
    held_forget(c->layer, c);
    feed(c, TO_SERVER, span_of(bytes, len), &place);
}

/* Before the server has said anything, the client's octets wait. */
static bool waits(struct connection *c, enum direction dir, struct span bytes, const struct place *place)
{
    if (c->answered)
        return false;
    if (dir == TO_SERVER && held_keep(c->layer, c, bytes, place))
        return true;
    c->answered = true;
    carry_held(c);
    return false;
}

void carry_bytes(struct connection *c, enum direction dir, struct span bytes, const struct place *place)
{
    if (c->given_up || bytes.len == 0 || waits(c, dir, bytes, place))
        return;
    if (carried_of(c) == NULL) {
        c->given_up = true;
        return;
    }
    feed(c, dir, bytes, place);
}

void carry_gap(struct connection *c, enum direction dir, uint64_t length, const struct place *place)
{
    if (c->given_up)
        return;
    if (!c->answered) {
        c->answered = true;
        carry_held(c);
    }
    struct carried *k = c->carried;
    if (k == NULL || k->stage == CARRY_DETECT)
        return; /* the next octets may still show what it is */
    if (k->stage == CARRY_TLS && k->tls != NULL)
        tls_gap(k->tls, dir, *place);
    if (k->content[dir] == CONTENT_SSTP && k->link != NULL && k->stage == CARRY_CLEAR)
        sstp_link_gap(k->link, dir, length, place);
    else if (k->content[dir] == CONTENT_SSTP && k->link != NULL)
        sstp_link_gap(k->link, dir, UINT64_MAX / 2, place); /* how much SSTP was in the lost records is not known */
    else if (k->content[dir] == CONTENT_HTTP && k->began[dir])
        k->content[dir] = CONTENT_IGNORED;
}

void carry_end(struct connection *c, enum direction dir, const struct place *place)
{
    if (c->carried != NULL && c->carried->link != NULL)
        sstp_link_closed(c->carried->link, dir, place);
}
