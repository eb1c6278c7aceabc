/* The message ladder's lines about TCP, HTTP and SSTP. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "analyze/session/track_ladder.h"

static void add_status(struct ladder_list *l, const struct sstp_attribute *a)
{
    const char *about = sstp_attribute_name(a->status_attribute), *status = sstp_status_name(a->status);
    char text[120], number[32];
    snprintf(number, sizeof number, "status %u", (unsigned)a->status);
    snprintf(text, sizeof text, "%s%s%s (%u)", a->status_attribute != SSTP_ATTRIB_NO_ERROR && about != NULL ? about : "",
             a->status_attribute != SSTP_ATTRIB_NO_ERROR && about != NULL ? ": " : "", status != NULL ? status : number,
             (unsigned)a->status);
    ladder_add(l, text);
}

static const char *hash_name(uint8_t hash)
{
    switch (hash) {
    case SSTP_HASH_SHA1:
        return "SHA-1";
    case SSTP_HASH_SHA256:
        return "SHA-256";
    case SSTP_HASH_SHA1 | SSTP_HASH_SHA256:
        return "SHA-1 or SHA-256";
    default:
        return "an unknown hash";
    }
}

static void add_attribute(struct ladder_list *l, const struct sstp_attribute *a)
{
    const char *name = sstp_attribute_name(a->id);
    char text[160], number[32];
    snprintf(number, sizeof number, "attribute %u", a->id);
    name = name != NULL ? name : number;
    if (a->malformed)
        snprintf(text, sizeof text, "%s (malformed)", name);
    else if (a->id == SSTP_ATTRIB_ENCAPSULATED_PROTOCOL_ID)
        snprintf(text, sizeof text, a->protocol == SSTP_PROTOCOL_PPP ? "PPP" : "protocol %u", a->protocol);
    else if (a->id == SSTP_ATTRIB_CRYPTO_BINDING_REQ)
        snprintf(text, sizeof text, "%s %s", name, hash_name(a->hash));
    else if (a->id == SSTP_ATTRIB_CRYPTO_BINDING && a->certificate_hash.len >= 8)
        snprintf(text, sizeof text, "%s %s, certificate %02x%02x%02x%02x%02x%02x%02x%02x…", name, hash_name(a->hash),
                 a->certificate_hash.data[0], a->certificate_hash.data[1], a->certificate_hash.data[2],
                 a->certificate_hash.data[3], a->certificate_hash.data[4], a->certificate_hash.data[5],
                 a->certificate_hash.data[6], a->certificate_hash.data[7]);
    else
        snprintf(text, sizeof text, "%s", name);
    if (a->id == SSTP_ATTRIB_STATUS_INFO && !a->malformed)
        add_status(l, a);
    else
        ladder_add(l, text);
}

static void ladder_control(struct live *l, const struct sstp_event *ev)
{
    const struct sstp_packet *p = ev->u.packet;
    const char *name = sstp_message_name(p->message);
    struct ladder_list what = {"", 0};
    char number[32];
    for (unsigned i = 0; i < p->attributes_read && i < SSTP_ATTRIBUTES_MAX; i++)
        add_attribute(&what, &p->attributes[i]);
    if (p->malformed && p->reason != NULL)
        ladder_add(&what, p->reason);
    snprintf(number, sizeof number, "message %u", p->message);
    ladder_say(l, ev->place, ev->dir, "SSTP %s%s%s", name != NULL ? name : number, what.len > 0 ? ", " : "", what.text);
}

static void ladder_link(struct live *l, const struct sstp_event *ev)
{
    switch (ev->kind) {
    case SSTP_EVENT_CONTROL:
        ladder_control(l, ev);
        break;
    case SSTP_EVENT_PPP:
        ladder_ppp_line(l, ev->u.ppp);
        break;
    case SSTP_EVENT_UNEXPECTED:
        ladder_say(l, ev->place, ev->dir, "  SSTP, against the order: %s", ev->u.reason);
        break;
    case SSTP_EVENT_MALFORMED:
        ladder_say(l, ev->place, ev->dir, "  SSTP malformed: %s", ev->u.reason);
        break;
    case SSTP_EVENT_BROKEN:
        ladder_say(l, ev->place, ev->dir, "  SSTP cannot be read from here on: %s", ev->u.reason);
        break;
    case SSTP_EVENT_STAGE:
        break; /* its message has a line */
    }
}

static void ladder_http(struct live *l, const struct event *e)
{
    const struct http_head *h = e->u.sstp->u.http;
    struct endpoint client;
    char address[ENDPOINT_TEXT] = "";
    if (http_forwarded_client(h, &client))
        endpoint_text(address, &client);
    if (h->request)
        ladder_say(l, e->place, e->dir, "HTTP %.*s %.*s%s%s", LADDER_TEXT(h->method), LADDER_TEXT(h->target),
                   address[0] != '\0' ? ", forwarded for " : "", address);
    else
        ladder_say(l, e->place, e->dir, "HTTP %u %.*s", h->status, LADDER_TEXT(h->reason));
}

static void ladder_proxy(struct live *l, const struct event *e)
{
    const struct proxy_header *h = e->u.sstp->u.proxy;
    char client[ENDPOINT_TEXT], called[ENDPOINT_TEXT];
    if (h->local || h->source.address.family == FAMILY_NONE)
        ladder_say(l, e->place, e->dir, "PROXY protocol version %u: the load balancer speaks for itself", h->version);
    else
        ladder_say(l, e->place, e->dir, "PROXY protocol version %u: %s called %s", h->version,
                   endpoint_text(client, &h->source), endpoint_text(called, &h->destination));
}

void ladder_sstp(struct live *l, const struct event *e)
{
    const struct sstp_told_event *ev = e->u.sstp;
    switch (ev->kind) {
    case SSTP_TOLD_PROXY:
        ladder_proxy(l, e);
        break;
    case SSTP_TOLD_TLS:
        if (ev->u.tls->kind != TLS_EVENT_DATA) /* what is in it has lines of its own */
            ladder_tls(l, ev->u.tls, 0);
        break;
    case SSTP_TOLD_RECORD:
        ladder_say(l, e->place, e->dir, "TLS application data, %u bytes, encrypted", (unsigned)ev->u.record.length);
        break;
    case SSTP_TOLD_HTTP:
        ladder_http(l, e);
        break;
    case SSTP_TOLD_LINK:
        ladder_link(l, ev->u.link);
        break;
    case SSTP_TOLD_CLOSING:
        break; /* ladder_closed tells it */
    }
}

/* Lines about TCP itself, which only the end of the connection tells. */
enum { TCP_LINES = 12, TCP_LINE = 160 };
struct tcp_line { struct place place; enum direction dir; char text[TCP_LINE]; };
struct tcp_lines { struct tcp_line line[TCP_LINES]; size_t count; };

static void note(struct tcp_lines *t, struct place place, enum direction dir, const char *format, ...) LIKE_PRINTF(4, 5);

static void note(struct tcp_lines *t, struct place place, enum direction dir, const char *format, ...)
{
    if (place.frame == 0 || t->count == TCP_LINES)
        return;
    size_t at = t->count++;
    for (; at > 0 && t->line[at - 1].place.time_ns > place.time_ns; at--)
        t->line[at] = t->line[at - 1];
    struct tcp_line *line = &t->line[at];
    line->place = place;
    line->dir = dir;
    va_list args;
    va_start(args, format);
    vsnprintf(line->text, sizeof line->text, format, args);
    va_end(args);
}

static void note_side(struct tcp_lines *t, const struct tcp_sent *sent, enum direction dir)
{
    const char *name = dir == TO_SERVER ? "SYN" : "SYN, ACK";
    char layout[TCP_LAYOUT_TEXT];
    if (sent->syn.seen)
        note(t, sent->first_syn, dir, "TCP %s, TTL %u, %.100s", name, sent->syn.ttl, tcp_syn_layout(layout, &sent->syn));
    if (sent->syns + sent->syns_other_isn > 1)
        note(t, sent->last_syn, dir, "TCP %s, sent %u times up to here", name, sent->syns + sent->syns_other_isn);
    note(t, sent->fin, dir, "TCP FIN");
    if (sent->resets > 1)
        note(t, sent->reset, dir, "TCP RST, the first of %u", (unsigned)sent->resets);
    else
        note(t, sent->reset, dir, "TCP RST");
}

/* Length of one packed entry, 0 when it is not whole. */
static size_t entry_size(struct span rest, struct ladder_entry *out)
{
    uint16_t len;
    if (rest.len < sizeof *out + sizeof len)
        return 0;
    memcpy(out, rest.data, sizeof *out);
    memcpy(&len, rest.data + sizeof *out, sizeof len);
    return sizeof *out + sizeof len + len <= rest.len ? sizeof *out + sizeof len + len : 0;
}

/* Two runs of entries become one; each run keeps its order, which is that of the capture. What a segment carries goes before
 * what its header says. */
static void merge(uint8_t *out, struct span first, struct span second)
{
    struct ladder_entry a, b;
    size_t n = entry_size(first, &a), m = entry_size(second, &b);
    while (n > 0 || m > 0) {
        bool take_first = m == 0 || (n > 0 && a.place.time_ns < b.place.time_ns);
        struct span *from = take_first ? &first : &second;
        size_t size = take_first ? n : m;
        memcpy(out, from->data, size);
        out += size;
        *from = span_of(from->data + size, from->len - size);
        if (take_first)
            n = entry_size(first, &a);
        else
            m = entry_size(second, &b);
    }
}

void ladder_closed(struct live *l, const struct event *e)
{
    if (e->u.closed.sstp == NULL || e->u.closed.sstp->tcp == NULL)
        return;
    const struct tcp_connection *c = e->u.closed.sstp->tcp;
    struct tcp_lines lines = {.count = 0};
    size_t before = l->ladder_len;
    char from[ADDRESS_TEXT];
    note_side(&lines, &c->sent[TCP_CLIENT], TO_SERVER);
    note_side(&lines, &c->sent[TCP_SERVER], TO_CLIENT);
    if (c->icmp_errors > 0)
        note(&lines, c->icmp_place, TO_CLIENT, "ICMP error from %s", address_text(from, &c->icmp_from));
    for (size_t i = 0; i < lines.count; i++)
        ladder_say(l, lines.line[i].place, lines.line[i].dir, "%s", lines.line[i].text);
    if (before == 0 || l->ladder_len == before)
        return;
    uint8_t *merged = malloc(l->ladder_len);
    if (merged == NULL)
        return;
    merge(merged, span_of(l->ladder + before, l->ladder_len - before), span_of(l->ladder, before));
    memcpy(l->ladder, merged, l->ladder_len);
    free(merged);
}
