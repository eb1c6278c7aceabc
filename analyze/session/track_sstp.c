#include "analyze/session/track_sstp.h"

#include "analyze/session/sstp_lengths.h"

static void proxy(struct sstp_facts *f, const struct proxy_header *h, struct place place)
{
    if (f->proxy_seen)
        return;
    f->proxy_seen = true;
    f->proxy_local = h->local;
    f->proxy_version = h->version;
    f->proxy_source = h->source;
    f->proxy_destination = h->destination;
    f->proxy_place = place;
}

static void put_once(struct exchange *x, struct text *to, struct span bytes)
{
    if (bytes.len > 0 && !text_present(*to))
        *to = exchange_put(x, bytes);
}

static void http_request(struct exchange *x, struct sstp_facts *f, const struct http_head *h, struct place place)
{
    if (f->request_seen && (f->sstp_request || !h->sstp_request))
        return; /* a proxy's CONNECT comes before the request that counts */
    f->method = f->target = f->host = (struct text){0, 0};
    f->request_seen = true;
    f->answer_seen = false;
    f->http_status = 0;
    f->sstp_request = h->sstp_request;
    f->sstp_target = h->sstp_target;
    f->sstp_connect = f->sstp_connect || h->sstp_version.len > 0;
    f->request_place = place;
    put_once(x, &f->method, h->method);
    put_once(x, &f->target, h->target);
    put_once(x, &f->host, h->host);
    put_once(x, &f->via, h->via);
    if (h->has_correlation) {
        f->has_correlation = true;
        memcpy(f->correlation, h->correlation, sizeof f->correlation);
    }
    f->forwarded_seen = f->forwarded_seen || h->forwarded.len > 0 || h->x_forwarded_for.len > 0;
    if (f->forwarded_client.address.family == FAMILY_NONE)
        (void)http_forwarded_client(h, &f->forwarded_client);
}

static void http_answer(struct exchange *x, struct sstp_facts *f, const struct http_head *h, struct place place)
{
    enum { GOOD = 2 };
    if (f->answer_seen)
        return;
    if (f->sstp_connect && !f->sstp_request && h->status / 100 == GOOD) { /* the proxy is through: what counts begins now */
        f->request_seen = false;
        return;
    }
    f->answer_seen = true;
    f->http_status = h->status;
    f->answer_place = place;
    put_once(x, &f->http_server, h->server);
    put_once(x, &f->http_reason, h->reason);
}

/* What RADIUS hands on as it is. */
static void note_response(struct exchange *x, const struct ppp_event *e)
{
    const struct ppp_packet *p = e->u.packet;
    struct span peer_challenge, nt_response;
    if (e->kind != PPP_EVENT_PACKET || p->protocol != PPP_PROTOCOL_CHAP || p->code != CHAP_RESPONSE || x->response_hash != 0)
        return;
    if (mschapv2_response_parse(p->value, &peer_challenge, &nt_response))
        x->response_hash = exchange_mschapv2_response(peer_challenge.data, nt_response.data);
    else if (p->value.len == 16)
        x->response_hash = exchange_chap_response(p->value.data);
}

void track_sstp(const struct track_parts *t, struct live *l, const struct event *e)
{
    struct exchange *x = &l->x;
    struct sstp_facts *f = &x->sstp;
    const struct sstp_told_event *told = e->u.sstp;
    switch (told->kind) {
    case SSTP_TOLD_PROXY:
        proxy(f, told->u.proxy, e->place);
        break;
    case SSTP_TOLD_TLS:
        track_tls(t, x, &f->tls, ROLE_SSTP, told->u.tls);
        break;
    case SSTP_TOLD_RECORD:
        track_closed_record(&f->tls, e->dir, told->u.record.length, &e->place);
        break;
    case SSTP_TOLD_HTTP:
        if (told->u.http->request)
            http_request(x, f, told->u.http, e->place);
        else
            http_answer(x, f, told->u.http, e->place);
        break;
    case SSTP_TOLD_LINK:
        if (told->u.link->kind == SSTP_EVENT_CONTROL)
            sstp_note_message(f, told->u.link->u.packet->message);
        else if (told->u.link->kind == SSTP_EVENT_PPP)
            note_response(x, told->u.link->u.ppp);
        break;
    case SSTP_TOLD_CLOSING:
        break;
    }
}

/* Of all packets, also those that had no event of their own. */
static void what_passed(struct exchange *x, const struct sstp_facts *f, uint64_t packets)
{
    const struct place *last = f->last;
    x->packets = packets < UINT32_MAX ? (uint32_t)packets : UINT32_MAX;
    x->last_from_client = last[TO_CLIENT].frame == 0 || (last[TO_SERVER].frame != 0 && last[TO_SERVER].frame > last[TO_CLIENT].frame);
    x->last = last[x->last_from_client ? TO_SERVER : TO_CLIENT];
    x->last_from_server = last[TO_CLIENT];
}

static void connection_closed(struct exchange *x, struct sstp_facts *f, const struct sstp_connection_state *s)
{
    f->tcp = *s->tcp;
    f->has_link = s->link != NULL;
    f->has_ppp = s->ppp != NULL;
    if (s->link != NULL)
        f->link = *s->link;
    if (s->ppp != NULL)
        f->ppp = *s->ppp;
    f->carrier = (uint8_t)s->carrier;
    f->flooded = s->flooded;
    f->record_count = s->record_count;
    if (s->record_count > 0)
        memcpy(f->records, s->records, s->record_count * sizeof *f->records);
    for (unsigned side = 0; side < 2; side++) {
        f->records_seen[side] = s->records_seen[side];
        f->packets[side] = s->packets[side];
        f->bytes[side] = s->bytes[side];
        f->last[side] = s->last[side];
        f->missing_bytes[side] = s->missing_bytes[side];
        f->missing_at[side] = s->missing_at[side];
    }
    f->lost_bytes = s->lost_bytes;
    f->cut_bytes = s->cut_bytes;
    f->reading = sstp_read_lengths(f);
    f->reading_known = true;
    what_passed(x, f, f->packets[0] + f->packets[1]);
    x->first_from_server = f->tcp.sent[TCP_SERVER].first;
}

/* L2TP and PPTP. Who the client is may have become known later. */
static void call_closed(struct exchange *x, struct sstp_facts *f, const struct event *e)
{
    const struct ppp_call_state *c = e->u.closed.call;
    x->client = e->conv->client;
    x->server = e->conv->server;
    f->call = *c;
    for (unsigned side = 0; side < 2; side++) {
        f->packets[side] = c->packets[side];
        f->bytes[side] = c->bytes[side];
        f->last[side] = c->last[side];
    }
    what_passed(x, f, c->packets[0] + c->packets[1] + c->control[0] + c->control[1]);
}

void track_sstp_closed(struct exchange *x, const struct event *e)
{
    struct sstp_facts *f = &x->sstp;
    if (e->u.closed.sstp != NULL)
        connection_closed(x, f, e->u.closed.sstp);
    if (e->u.closed.call != NULL)
        call_closed(x, f, e);
    if (e->u.closed.ppp != NULL) {
        f->ppp = *e->u.closed.ppp;
        f->has_ppp = true;
    }
}
