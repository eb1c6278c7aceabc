/* What a TLS session tells: inside EAP of a login, under SSTP of a connection. */
#include "analyze/session/track.h"

static RARELY_CALLED void client_hello(const struct track_parts *t, struct exchange *x, struct tls_facts *f,
                                       enum chain_role role, const struct tls_event *e)
{
    const struct tls_client_hello *h = &e->u.client_hello;
    /* A second ClientHello without a retry request begins another TLS session (the server proposed another method). */
    if (f->server_hello && !f->hello_retry) {
        if (role == ROLE_SSTP)
            chains_release(t->chains, f->server_chain);
        memset(f, 0, sizeof *f);
    }
    f->seen = f->client_hello = true;
    f->max_version = h->max_version;
    f->hello = e->place;
    if (h->random.len == sizeof f->random)
        memcpy(f->random, h->random.data, sizeof f->random);
    _Static_assert(sizeof f->ja3 == TLS_JA3_TEXT && sizeof f->ja4 == TLS_JA4_TEXT, "fingerprints have one length");
    f->ja3[0] = f->ja4[0] = '\0';
    if (h->ja3[0] != '\0')
        memcpy(f->ja3, h->ja3, sizeof f->ja3);
    if (h->ja4[0] != '\0')
        memcpy(f->ja4, h->ja4, sizeof f->ja4);
    if (h->sni.len > 0 && !text_present(f->sni))
        f->sni = exchange_put(x, h->sni);
    if (h->alpn_count > 0 && !text_present(f->alpn)) {
        char joined[256];
        size_t at = 0;
        for (unsigned i = 0; i < h->alpn_count && at + h->alpn[i].len + 1 < sizeof joined; i++) {
            if (i > 0)
                joined[at++] = ',';
            memcpy(joined + at, h->alpn[i].data, h->alpn[i].len);
            at += h->alpn[i].len;
        }
        f->alpn = exchange_put(x, span_of(joined, at));
    }
}

static RARELY_CALLED void server_hello(struct tls_facts *f, const struct tls_event *e)
{
    const struct tls_server_hello *h = &e->u.server_hello;
    f->seen = f->server_hello = true;
    f->server_hello_place = e->place;
    f->version = h->version;
    f->cipher_suite = h->cipher_suite;
    f->alpn_other = h->alpn.len > 0 && !span_equal(h->alpn, span_of("http/1.1", 8));
    /* TLS 1.3 echoes the session id for middleboxes; there the pre-shared key tells. */
    f->resumed = h->version == 0x0304 ? h->pre_shared_key : h->session_id_echoed;
}

/* Whose connection it is shows later; another handshake in it may show another certificate. */
static struct chain *hold(const struct track_parts *t, struct tls_facts *f, const struct tls_certificate *c,
                          struct place place)
{
    chains_release(t->chains, f->server_chain);
    f->server_chain = 0;
    return chains_hold(t->chains, c->chain, c->count, place);
}

void track_sstp_chain(struct chains *chains, struct exchange *x, bool is_sstp)
{
    struct tls_facts *f = &x->sstp.tls;
    if (f->server_chain == 0)
        return;
    if (is_sstp) {
        chains_claim(chains, f->server_chain, ROLE_SSTP, &x->server, x->id);
        chain_dialled(chains_get(chains, f->server_chain), exchange_text(x, f->sni));
        return;
    }
    chains_release(chains, f->server_chain);
    f->server_chain = 0;
}

static RARELY_CALLED void certificate(const struct track_parts *t, struct exchange *x, struct tls_facts *f,
                                      enum chain_role role, const struct tls_event *e)
{
    const struct tls_certificate *c = &e->u.certificate;
    bool of_server = e->dir == TO_CLIENT;
    if (!of_server) {
        f->client_certificate = c->count > 0;
        f->client_certificate_empty = c->count == 0 && !c->malformed;
    } else {
        f->certificate_last = e->place;
        f->certificate_seen = c->count > 0;
        f->certificate_truncated = c->count == 0 && c->malformed;
        f->resumed = false; /* a full handshake, whatever the session id looked like */
    }
    if (c->count == 0 || (role == ROLE_SSTP && !of_server)) /* SSTP asks clients for none */
        return;
    struct chain *chain = role == ROLE_SSTP
                              ? hold(t, f, c, e->place)
                              : chains_intern(t->chains, c->chain, c->count, of_server ? (uint32_t)role : ROLE_CLIENT,
                                              of_server ? &x->server : &x->client, x->id, e->place);
    if (chain == NULL && of_server)
        f->certificate_too_many = true;
    if (chain != NULL)
        *(of_server ? &f->server_chain : &f->client_chain) = (uint32_t)chain->serial;
}

static RARELY_CALLED void alert(struct tls_facts *f, const struct tls_event *e)
{
    if (f->alert_count == TLS_FACTS_ALERTS)
        return;
    f->alerts[f->alert_count++] = (struct alert_fact){
        .from_client = e->dir == TO_SERVER,
        .level = e->u.alert.level,
        .code = e->u.alert.code,
        .decrypted = e->u.alert.decrypted,
        .place = e->place,
    };
}

/* The content, the inner type, the tag (RFC 8446 section 5.2), unpadded: a level with a description, or a zero. */
enum { TLS13_ALERT_RECORD = 2 + 1 + 16, TLS13_COMMITMENT_RECORD = 1 + 1 + 16 };

void track_closed_record(struct tls_facts *f, enum direction dir, uint32_t length, const struct place *place)
{
    bool from_client = dir == TO_SERVER;
    if (f->version == 0x0304 && from_client && f->client_records == 0 && length == TLS13_ALERT_RECORD) {
        f->client_encrypted_alert = true; /* shorter than any Finished */
        f->encrypted_alert = *place;
    }
    if (from_client && f->client_records < UINT16_MAX)
        f->client_records++;
    if (f->version == 0x0304) {
        /* The client's first record is (at least) its Finished; only later ones can be data. */
        f->client_finished = f->client_finished || (from_client && !f->client_encrypted_alert);
        f->data_from_client = f->data_from_client || (from_client && f->client_records > 1);
        f->server_finished = f->server_finished || f->client_finished;
        if (!from_client && f->client_finished) {
            f->data_from_server = true;
            f->server_committed = f->server_committed || length == TLS13_COMMITMENT_RECORD;
        }
    } else {
        *(from_client ? &f->data_from_client : &f->data_from_server) = true;
    }
}

/* A record that stayed closed: its type and place tell what it can be. */
static void encrypted(struct tls_facts *f, const struct tls_event *e)
{
    if (e->u.record.type == TLS_HANDSHAKE) {
        *(e->dir == TO_SERVER ? &f->client_finished : &f->server_finished) = true;
        f->finished = e->place;
    } else if (e->u.record.type == TLS_APPLICATION_DATA) {
        track_closed_record(f, e->dir, e->u.record.length, &e->place);
    }
}

static void handshake(struct tls_facts *f, const struct tls_event *e)
{
    switch (e->u.handshake.type) {
    case 14: /* server_hello_done */
        f->server_hello_done = true;
        break;
    case 16: /* client_key_exchange */
        f->client_key_exchange = true;
        break;
    case 20: /* finished, decrypted */
        *(e->dir == TO_SERVER ? &f->client_finished : &f->server_finished) = true;
        f->finished = e->place;
        f->decrypted = true;
        if (f->version == 0x0304 && e->dir == TO_CLIENT)
            f->server_hello_done = true;
        break;
    default:
        break;
    }
}

void track_tls(const struct track_parts *t, struct exchange *x, struct tls_facts *f, enum chain_role role,
               const struct tls_event *e)
{
    switch (e->kind) {
    case TLS_EVENT_CLIENT_HELLO:
        client_hello(t, x, f, role, e);
        break;
    case TLS_EVENT_SERVER_HELLO:
        server_hello(f, e);
        break;
    case TLS_EVENT_HELLO_RETRY_REQUEST:
        f->hello_retry = true;
        break;
    case TLS_EVENT_CERTIFICATE:
        certificate(t, x, f, role, e);
        break;
    case TLS_EVENT_CERTIFICATE_REQUEST:
        f->certificate_request = true;
        break;
    case TLS_EVENT_CERTIFICATE_STATUS:
        if (f->server_chain != 0)
            chains_set_ocsp(chains_get(t->chains, f->server_chain), e->u.bytes);
        break;
    case TLS_EVENT_HANDSHAKE:
        handshake(f, e);
        break;
    case TLS_EVENT_ENCRYPTED:
        encrypted(f, e);
        break;
    case TLS_EVENT_ALERT:
        alert(f, e);
        break;
    case TLS_EVENT_ENCRYPTED_ALERT:
        f->server_alert_first = f->server_alert_first || (e->dir == TO_CLIENT && !f->client_encrypted_alert);
        *(e->dir == TO_SERVER ? &f->client_encrypted_alert : &f->server_encrypted_alert) = true;
        f->encrypted_alert = e->place;
        break;
    case TLS_EVENT_DATA:
        f->decrypted = true;
        *(e->dir == TO_SERVER ? &f->data_from_client : &f->data_from_server) = true;
        f->server_committed = f->server_committed || e->dir == TO_CLIENT;
        break;
    case TLS_EVENT_DECRYPTION_FAILED:
        f->decryption_failed = true;
        break;
    case TLS_EVENT_MALFORMED:
        f->malformed = true;
        break;
    default:
        break;
    }
}
