#include "tls_peers.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char peers_ping[] = "ping: application data of the client",
           peers_pong[] = "pong: and the server's answer, longer";
const char peers_staple[] = "not a real OCSP response, but stapled like one";

struct identity {
    EVP_PKEY *key;
    X509 *certificate;
};

static struct identity authority, rsa_server, ec_server, client_identity;

static X509 *certificate_for(EVP_PKEY *key, const char *name, const struct identity *issuer)
{
    static int serial = 1;
    X509 *x = X509_new();
    assert(x != NULL);
    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 86400);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(issuer != NULL ? issuer->certificate : x));
    X509_set_pubkey(x, key);
    if (issuer == NULL) {
        X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE");
        assert(e != NULL);
        X509_add_ext(x, e, -1);
        X509_EXTENSION_free(e);
    }
    int signed_len = X509_sign(x, issuer != NULL ? issuer->key : key, EVP_sha256());
    assert(signed_len > 0);
    return x;
}

static void make_identities(void)
{
    if (authority.key != NULL)
        return;
    authority.key = EVP_EC_gen("P-256");
    authority.certificate = certificate_for(authority.key, "Lab Root", NULL);
    rsa_server.key = EVP_RSA_gen(2048);
    rsa_server.certificate = certificate_for(rsa_server.key, "nps.example.test", &authority);
    ec_server.key = EVP_EC_gen("P-256");
    ec_server.certificate = certificate_for(ec_server.key, "nps.example.test", &authority);
    client_identity.key = EVP_EC_gen("P-256");
    client_identity.certificate = certificate_for(client_identity.key, "user@example.test", &authority);
}

int peers_cleanup(void **state)
{
    (void)state;
    struct identity *all[] = {&authority, &rsa_server, &ec_server, &client_identity};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        EVP_PKEY_free(all[i]->key);
        X509_free(all[i]->certificate);
        *all[i] = (struct identity){0};
    }
    return 0;
}

X509 *peers_client_certificate(void)
{
    return client_identity.certificate;
}

static void on_key_log(const SSL *ssl, const char *line)
{
    struct peers *p = SSL_get_app_data(ssl);
    size_t n = strlen(line);
    p->key_log = realloc(p->key_log, p->key_log_len + n + 2);
    assert(p->key_log != NULL);
    memcpy(p->key_log + p->key_log_len, line, n);
    p->key_log_len += n;
    p->key_log[p->key_log_len++] = '\n';
    p->key_log[p->key_log_len] = '\0';
}

static unsigned on_psk_client(SSL *ssl, const char *hint, char *identity, unsigned identity_max, unsigned char *psk,
                              unsigned psk_max)
{
    (void)ssl, (void)hint, (void)psk_max;
    memset(identity, 0, identity_max);
    memcpy(identity, "gateway", 7);
    memset(psk, 0x5a, 16);
    return 16;
}

static unsigned on_psk_server(SSL *ssl, const char *identity, unsigned char *psk, unsigned psk_max)
{
    (void)ssl, (void)identity, (void)psk_max;
    memset(psk, 0x5a, 16);
    return 16;
}

static int on_new_session(SSL *ssl, SSL_SESSION *session)
{
    struct peers *p = SSL_get_app_data(ssl);
    SSL_SESSION_free(p->ticket);
    p->ticket = session;
    return 1;
}

static int on_staple(SSL *ssl, void *arg)
{
    (void)arg;
    unsigned char *copy = OPENSSL_memdup(peers_staple, sizeof peers_staple);
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, sizeof peers_staple);
    return SSL_TLSEXT_ERR_OK;
}

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
                   unsigned in_len, void *arg)
{
    (void)ssl, (void)arg, (void)in_len;
    *out = in + 1;
    *out_len = in[0];
    return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *context(const SSL_METHOD *method, const struct peers_options *o, int version_min, int version_max)
{
    SSL_CTX *c = SSL_CTX_new(method);
    assert(c != NULL);
    SSL_CTX_set_security_level(c, 0);
    SSL_CTX_set_min_proto_version(c, version_min);
    SSL_CTX_set_max_proto_version(c, version_max);
    SSL_CTX_set_options(c, o->options | SSL_OP_LEGACY_SERVER_CONNECT);
    SSL_CTX_set_keylog_callback(c, method == TLS_client_method() ? on_key_log : NULL);
    if (o->ciphers != NULL) {
        int good = SSL_CTX_set_cipher_list(c, o->ciphers);
        assert(good == 1);
    }
    if (o->suites != NULL) {
        int good = SSL_CTX_set_ciphersuites(c, o->suites);
        assert(good == 1);
    }
    return c;
}

/* OpenSSL's macros cast constness away: they get a copy. */
static void set_groups(SSL_CTX *c, const char *groups)
{
    char list[128];
    snprintf(list, sizeof list, "%s", groups);
    long good = SSL_CTX_set1_groups_list(c, list);
    assert(good == 1);
}

static void client_side(struct peers *p, const struct peers_options *o)
{
    int version_max = o->client_version_max != 0 ? o->client_version_max : o->version_max;
    p->client_ctx = context(TLS_client_method(), o, o->version_min, version_max);
    SSL_CTX_set_session_cache_mode(p->client_ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(p->client_ctx, on_new_session);
    if (o->client_groups != NULL)
        set_groups(p->client_ctx, o->client_groups);
    if (o->client_refuses)
        SSL_CTX_set_verify(p->client_ctx, SSL_VERIFY_PEER, NULL);
    if (o->psk)
        SSL_CTX_set_psk_client_callback(p->client_ctx, on_psk_client);
    if (o->client_certificate) {
        SSL_CTX_use_certificate(p->client_ctx, client_identity.certificate);
        SSL_CTX_use_PrivateKey(p->client_ctx, client_identity.key);
    }
    if (o->alpn_len > 0)
        SSL_CTX_set_alpn_protos(p->client_ctx, o->alpn, (unsigned)o->alpn_len);
    p->client = SSL_new(p->client_ctx);
    SSL_set_app_data(p->client, p);
    if (o->sni != NULL) {
        char name[128];
        snprintf(name, sizeof name, "%s", o->sni);
        SSL_set_tlsext_host_name(p->client, name);
    }
    if (o->session != NULL)
        SSL_set_session(p->client, o->session);
    if (o->staple)
        SSL_set_tlsext_status_type(p->client, TLSEXT_STATUSTYPE_ocsp);
    SSL_set_connect_state(p->client);
}

static void server_side(struct peers *p, const struct peers_options *o)
{
    static const unsigned char ticket_keys[80] = "all servers of these tests take each other's tickets";
    int version_min = o->server_version_min != 0 ? o->server_version_min : o->version_min;
    p->server_ctx = context(TLS_server_method(), o, version_min, o->version_max);
    SSL_CTX_use_certificate(p->server_ctx, rsa_server.certificate);
    SSL_CTX_use_PrivateKey(p->server_ctx, rsa_server.key);
    SSL_CTX_use_certificate(p->server_ctx, ec_server.certificate);
    SSL_CTX_use_PrivateKey(p->server_ctx, ec_server.key);
    SSL_CTX_set_dh_auto(p->server_ctx, 1);
    unsigned char keys[80];
    memcpy(keys, ticket_keys, sizeof keys);
    SSL_CTX_set_tlsext_ticket_keys(p->server_ctx, keys, sizeof keys);
    SSL_CTX_set_session_id_context(p->server_ctx, (const unsigned char *)"peers", 5);
    SSL_CTX_set_alpn_select_cb(p->server_ctx, on_alpn, NULL);
    if (o->server_groups != NULL)
        set_groups(p->server_ctx, o->server_groups);
    if (o->psk)
        SSL_CTX_set_psk_server_callback(p->server_ctx, on_psk_server);
    if (o->staple)
        SSL_CTX_set_tlsext_status_cb(p->server_ctx, on_staple);
    X509_STORE *store = SSL_CTX_get_cert_store(p->server_ctx);
    X509_STORE_add_cert(store, authority.certificate);
    if (o->client_certificate || o->client_without_certificate) {
        SSL_CTX_set_verify(p->server_ctx, SSL_VERIFY_PEER, NULL);
        SSL_CTX_add_client_CA(p->server_ctx, authority.certificate);
    }
    for (unsigned i = 0; i < o->extra_certificates; i++) {
        SSL_CTX_select_current_cert(p->server_ctx, rsa_server.certificate);
        SSL_CTX_add1_chain_cert(p->server_ctx, authority.certificate);
        SSL_CTX_select_current_cert(p->server_ctx, ec_server.certificate);
        SSL_CTX_add1_chain_cert(p->server_ctx, authority.certificate);
    }
    p->server = SSL_new(p->server_ctx);
    SSL_set_app_data(p->server, p);
    SSL_set_accept_state(p->server);
}

/* Carries what one end wrote to the other and keeps it. */
static bool carry(struct peers *p, SSL *from, SSL *to)
{
    char *data;
    long n = BIO_get_mem_data(SSL_get_wbio(from), &data);
    if (n <= 0)
        return false;
    if (p->len + (size_t)n > p->room) {
        p->room = (p->len + (size_t)n) * 2;
        p->bytes = realloc(p->bytes, p->room);
        assert(p->bytes != NULL);
    }
    assert(p->count < PEERS_PIECES);
    memcpy(p->bytes + p->len, data, (size_t)n);
    p->pieces[p->count++] = (struct peers_piece){from == p->server, p->len, (size_t)n};
    p->len += (size_t)n;
    BIO_write(SSL_get_rbio(to), data, (int)n);
    (void)BIO_reset(SSL_get_wbio(from));
    return true;
}

/* Both ends take turns until neither has anything to say. */
static void turns(struct peers *p)
{
    char scratch[256];
    for (int quiet = 0; quiet < 2;) {
        quiet++;
        SSL_is_init_finished(p->client) ? SSL_read(p->client, scratch, sizeof scratch) : SSL_do_handshake(p->client);
        if (carry(p, p->client, p->server))
            quiet = 0;
        SSL_is_init_finished(p->server) ? SSL_read(p->server, scratch, sizeof scratch) : SSL_do_handshake(p->server);
        if (carry(p, p->server, p->client))
            quiet = 0;
        ERR_clear_error();
    }
}

static void converse(struct peers *p)
{
    SSL_write(p->client, peers_ping, sizeof peers_ping - 1);
    turns(p);
    SSL_write(p->server, peers_pong, sizeof peers_pong - 1);
    turns(p);
}

void peers_run(struct peers *p, const struct peers_options *o)
{
    *p = (struct peers){0};
    make_identities();
    client_side(p, o);
    server_side(p, o);
    SSL *ends[] = {p->client, p->server};
    for (int i = 0; i < 2; i++) {
        BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
        BIO_set_mem_eof_return(in, -1);
        SSL_set_bio(ends[i], in, out);
    }
    turns(p);
    p->connected = SSL_is_init_finished(p->client) && SSL_is_init_finished(p->server);
    if (p->connected) {
        converse(p);
        if (o->key_update) {
            SSL_key_update(p->client, SSL_KEY_UPDATE_REQUESTED);
            converse(p);
            SSL_key_update(p->server, SSL_KEY_UPDATE_NOT_REQUESTED);
            converse(p);
        }
        if (o->renegotiate) {
            SSL_renegotiate(p->client);
            SSL_do_handshake(p->client);
            turns(p);
            converse(p);
        }
        SSL_shutdown(p->client);
        turns(p);
        SSL_shutdown(p->server);
        turns(p);
    }
    SSL_get_client_random(p->client, p->client_random, sizeof p->client_random);
    SSL_get_server_random(p->client, p->server_random, sizeof p->server_random);
    if (p->ticket == NULL && p->connected)
        p->ticket = SSL_get1_session(p->client);
}

size_t peers_server_chain(const struct peers *p, uint8_t *der[PEERS_CHAIN], size_t len[PEERS_CHAIN])
{
    STACK_OF(X509) *chain = SSL_get_peer_cert_chain(p->client);
    int n = chain != NULL ? sk_X509_num(chain) : 0;
    assert(n <= PEERS_CHAIN);
    for (int i = 0; i < n; i++) {
        der[i] = NULL;
        len[i] = (size_t)i2d_X509(sk_X509_value(chain, i), &der[i]);
    }
    return (size_t)n;
}

void peers_free(struct peers *p)
{
    SSL_free(p->client);
    SSL_free(p->server);
    SSL_CTX_free(p->client_ctx);
    SSL_CTX_free(p->server_ctx);
    SSL_SESSION_free(p->ticket);
    free(p->bytes);
    free(p->key_log);
    *p = (struct peers){0};
}
