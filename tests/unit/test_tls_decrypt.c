/* Recordings of real libssl connections, read with their key logs: every suite and version that OpenSSL has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tls_listener.h"
#include "tls_peers.h"

static struct listener whole, cut;

static struct secrets *secrets_of(const struct peers *p)
{
    char message[SECRETS_MESSAGE];
    struct secrets *s = secrets_new();
    assert_non_null(s);
    assert_non_null(p->key_log);
    assert_true(secrets_add_key_log(s, span_of(p->key_log, p->key_log_len), message));
    return s;
}

/* Reads the recording in several cuts; all must tell the same. The result of the whole pieces stays in `whole`. */
static bool read_all_cuts(const struct peers *p, const struct secrets *secrets, bool finished[2])
{
    static const uint32_t cuts[] = {1, 2, 3, 77, 5000};
    struct tls_context *c = tls_context_new(secrets, 1 << 20);
    assert_non_null(c);
    bool decrypted;
    listener_read(&whole, c, p, 0, finished, &decrypted);
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        listener_read(&cut, c, p, cuts[i], NULL, NULL);
        assert_string_equal(whole.text, cut.text);
    }
    assert_int_equal(tls_context_buffer_bytes(c), 0);
    assert_int_equal(tls_context_buffers_refused(c), 0);
    tls_context_free(c);
    return decrypted;
}

static void assert_data(unsigned times)
{
    const char *said[2] = {peers_ping, peers_pong};
    for (int dir = 0; dir < 2; dir++) {
        size_t n = strlen(said[dir]);
        assert_int_equal(whole.data_len[dir], n * times);
        for (unsigned i = 0; i < times; i++)
            assert_memory_equal(whole.data[dir] + i * n, said[dir], n);
    }
}

static void assert_no_trouble(void)
{
    for (int dir = 0; dir < 2; dir++) {
        assert_int_equal(whole.count[TLS_EVENT_MALFORMED][dir], 0);
        assert_int_equal(whole.count[TLS_EVENT_DECRYPTION_FAILED][dir], 0);
    }
}

/* A connection that must be readable as a whole. */
static void assert_readable(const struct peers *p, unsigned times)
{
    bool finished[2];
    struct secrets *secrets = secrets_of(p);
    bool decrypted = read_all_cuts(p, secrets, finished);
    secrets_free(secrets);
    assert_no_trouble();
    assert_true(decrypted);
    assert_true(finished[TO_SERVER] && finished[TO_CLIENT]);
    assert_data(times);
    for (int dir = 0; dir < 2; dir++) {
        assert_int_equal(whole.count[TLS_EVENT_ENCRYPTED][dir], 0);
        assert_int_equal(whole.count[TLS_EVENT_ENCRYPTED_ALERT][dir], 0);
        assert_true(whole.alert[dir].decrypted);
        assert_int_equal(whole.alert[dir].code, 0); /* close_notify */
    }
    assert_int_equal(whole.server_hello.version, SSL_version(p->client));
    assert_int_equal(whole.server_hello.cipher_suite, SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(p->client)));
    assert_memory_equal(whole.client_hello.random.data, p->client_random, 32);
    assert_memory_equal(whole.server_hello.random.data, p->server_random, 32);
}

/* What is not decrypted, by the words of OpenSSL's names. */
static bool is_beyond_us(const char *name)
{
    static const char *const words[] = {"RC4", "NULL", "IDEA", "SEED", "GOST", "SRP"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strstr(name, words[i]) != NULL)
            return true;
    return false;
}

/* Every suite of OpenSSL for this version; returns how many were read. */
static unsigned try_all_suites(int version, uint64_t options)
{
    SSL_CTX *c = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(c, 0);
    SSL_CTX_set_cipher_list(c, "ALL:COMPLEMENTOFALL:@SECLEVEL=0");
    STACK_OF(SSL_CIPHER) *all = SSL_CTX_get_ciphers(c);
    unsigned count = 0;
    for (int i = 0; i < sk_SSL_CIPHER_num(all); i++) {
        const SSL_CIPHER *suite = sk_SSL_CIPHER_value(all, i);
        const char *name = SSL_CIPHER_get_name(suite), *iana = SSL_CIPHER_standard_name(suite);
        const char *known = tls_cipher_suite_name(SSL_CIPHER_get_protocol_id(suite));
        assert_non_null(known);
        assert_string_equal(known, iana);
        if (strcmp(SSL_CIPHER_get_version(suite), "TLSv1.3") == 0 || is_beyond_us(name))
            continue;
        char list[128];
        snprintf(list, sizeof list, "%s:@SECLEVEL=0", name);
        struct peers p;
        peers_run(&p, &(struct peers_options){.version_min = version,
                                              .version_max = version,
                                              .ciphers = list,
                                              .psk = strstr(name, "PSK") != NULL,
                                              .options = options});
        if (p.connected) { /* some suites do not exist in this version */
            assert_readable(&p, 1);
            if (whole.certificate[TO_CLIENT].count > 0)
                assert_true(listener_has_chain(&whole, &p));
            count++;
        }
        peers_free(&p);
    }
    SSL_CTX_free(c);
    return count;
}

static void every_suite_of_tls_12_is_read(void **state)
{
    (void)state;
    assert_in_range(try_all_suites(TLS1_2_VERSION, 0), 80, 300);
}

static void mac_then_encrypt_is_read(void **state)
{
    (void)state;
    assert_in_range(try_all_suites(TLS1_2_VERSION, SSL_OP_NO_ENCRYPT_THEN_MAC | SSL_OP_NO_EXTENDED_MASTER_SECRET), 80,
                    300);
}

static void every_suite_of_tls_11_and_10_is_read(void **state)
{
    (void)state;
    assert_in_range(try_all_suites(TLS1_1_VERSION, 0), 20, 100);
    assert_in_range(try_all_suites(TLS1_VERSION, 0), 20, 100);
    assert_in_range(try_all_suites(TLS1_VERSION, SSL_OP_NO_ENCRYPT_THEN_MAC), 20, 100);
    assert_in_range(try_all_suites(TLS1_VERSION, SSL_OP_NO_ENCRYPT_THEN_MAC | SSL_OP_DONT_INSERT_EMPTY_FRAGMENTS), 20,
                    100);
}

static void every_suite_of_tls_13_is_read(void **state)
{
    (void)state;
    static const char *const suites[] = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                                         "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_CCM_SHA256",
                                         "TLS_AES_128_CCM_8_SHA256"};
    for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++) {
        struct peers p;
        peers_run(&p, &(struct peers_options){.version_min = TLS1_3_VERSION,
                                              .suites = suites[i],
                                              .key_update = true,
                                              .client_certificate = true,
                                              .staple = true,
                                              .sni = "vpn.example.test"});
        assert_true(p.connected);
        assert_readable(&p, 3);
        assert_true(listener_has_chain(&whole, &p));
        assert_true(whole.certificate[TO_CLIENT].decrypted);
        assert_int_equal(whole.count[TLS_EVENT_CERTIFICATE_REQUEST][TO_CLIENT], 1);
        assert_int_equal(whole.certificate_request.name_count, 1);
        assert_false(whole.certificate_request.malformed);
        uint8_t *der = NULL;
        int len = i2d_X509(peers_client_certificate(), &der);
        assert_int_equal(whole.certificate[TO_SERVER].count, 1);
        assert_true(span_equal(whole.certificate[TO_SERVER].chain[0], span_of(der, (size_t)len)));
        OPENSSL_free(der);
        assert_true(span_equal(whole.status, span_of(peers_staple, strlen(peers_staple) + 1)));
        assert_true(whole.handshakes[TO_SERVER][24] == 1 && whole.handshakes[TO_CLIENT][24] == 2); /* key_update */
        peers_free(&p);
    }
}

static void a_retry_and_a_resumption_are_read(void **state)
{
    (void)state;
    struct peers first, second;
    peers_run(&first, &(struct peers_options){
                          .version_min = TLS1_3_VERSION, .client_groups = "X25519:P-384", .server_groups = "P-384"});
    assert_true(first.connected);
    assert_readable(&first, 1);
    assert_int_equal(whole.count[TLS_EVENT_HELLO_RETRY_REQUEST][TO_CLIENT], 1);
    assert_int_equal(whole.count[TLS_EVENT_SERVER_HELLO][TO_CLIENT], 1);
    assert_int_equal(whole.count[TLS_EVENT_CLIENT_HELLO][TO_SERVER], 2);
    peers_run(&second, &(struct peers_options){.version_min = TLS1_3_VERSION, .session = first.ticket});
    assert_true(second.connected && SSL_session_reused(second.client));
    assert_readable(&second, 1);
    assert_true(whole.server_hello.pre_shared_key && whole.client_hello.session_ticket);
    assert_int_equal(whole.count[TLS_EVENT_CERTIFICATE][TO_CLIENT], 0);
    peers_free(&first);
    peers_free(&second);
}

static void a_tls_12_resumption_and_a_renegotiation_are_read(void **state)
{
    (void)state;
    struct peers first, second, third;
    peers_run(&first, &(struct peers_options){.version_max = TLS1_2_VERSION});
    peers_run(&second, &(struct peers_options){.version_max = TLS1_2_VERSION, .session = first.ticket});
    assert_true(second.connected && SSL_session_reused(second.client));
    assert_readable(&second, 1);
    assert_int_equal(whole.count[TLS_EVENT_CERTIFICATE][TO_CLIENT], 0);
    peers_run(&third, &(struct peers_options){.version_max = TLS1_2_VERSION,
                                              .renegotiate = true,
                                              .options = SSL_OP_ALLOW_CLIENT_RENEGOTIATION});
    assert_true(third.connected);
    assert_readable(&third, 2);
    assert_int_equal(whole.count[TLS_EVENT_CLIENT_HELLO][TO_SERVER], 2);
    assert_true(listener_has_chain(&whole, &third));
    assert_true(whole.certificate[TO_CLIENT].decrypted);
    peers_free(&first);
    peers_free(&second);
    peers_free(&third);
}

/* libssl's client sends this alert before it protects anything, so it is readable, but the certificate before it is
 * not. */
static void a_refusal_inside_tls_13_is_read(void **state)
{
    (void)state;
    struct peers p;
    bool finished[2];
    peers_run(&p, &(struct peers_options){.version_min = TLS1_3_VERSION, .client_refuses = true});
    assert_false(p.connected);
    struct secrets *secrets = secrets_of(&p);
    assert_true(read_all_cuts(&p, secrets, finished));
    assert_no_trouble();
    assert_int_equal(whole.count[TLS_EVENT_ALERT][TO_SERVER], 1);
    assert_int_equal(whole.alert[TO_SERVER].code, 48);
    assert_false(whole.alert[TO_SERVER].decrypted);
    assert_true(listener_has_chain(&whole, &p));
    assert_true(finished[TO_CLIENT] && !finished[TO_SERVER]);
    secrets_free(secrets);
    peers_free(&p);
}

/* The same connection with a damaged key log: said once per direction, and then as without. */
static void wrong_secrets_are_told(void **state)
{
    (void)state;
    static const int versions[] = {TLS1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION};
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        struct peers p;
        bool finished[2];
        peers_run(&p, &(struct peers_options){
                          .version_min = versions[i], .version_max = versions[i], .ciphers = "ALL:@SECLEVEL=0"});
        assert_true(p.connected);
        for (char *line = p.key_log; line != NULL && *line != '\0';) {
            char *end = strchr(line, '\n');
            end[-1] = end[-1] == '0' ? '1' : '0';
            line = end + 1;
        }
        struct secrets *secrets = secrets_of(&p);
        assert_false(read_all_cuts(&p, secrets, finished));
        secrets_free(secrets);
        for (int dir = 0; dir < 2; dir++) {
            assert_int_equal(whole.count[TLS_EVENT_DECRYPTION_FAILED][dir], 1);
            assert_int_equal(whole.count[TLS_EVENT_MALFORMED][dir], 0);
            assert_true(whole.count[TLS_EVENT_ENCRYPTED][dir] >= 2);
        }
        peers_free(&p);
    }
}

static void without_handshake_secrets_the_data_is_still_read(void **state)
{
    (void)state;
    struct peers p;
    bool finished[2];
    peers_run(&p, &(struct peers_options){.version_min = TLS1_3_VERSION});
    for (char *at = p.key_log; (at = strstr(at, "HANDSHAKE_TRAFFIC")) != NULL;)
        memcpy(at, "SOMETHING_UNKNOWN", 17);
    struct secrets *secrets = secrets_of(&p);
    assert_true(read_all_cuts(&p, secrets, finished));
    assert_no_trouble();
    assert_data(1);
    assert_int_equal(whole.count[TLS_EVENT_CERTIFICATE][TO_CLIENT], 0);
    secrets_free(secrets);
    peers_free(&p);
}

/* Every prefix, and one flipped bit in every byte: nothing to assert but that it ends, and that nothing is kept. */
static void damaged_recordings_end_orderly(void **state)
{
    (void)state;
    static const int versions[] = {TLS1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION};
    for (size_t v = 0; v < sizeof versions / sizeof versions[0]; v++) {
        struct peers p;
        peers_run(&p, &(struct peers_options){.version_min = versions[v],
                                              .version_max = versions[v],
                                              .ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256:ALL:@SECLEVEL=0",
                                              .client_certificate = true});
        struct secrets *secrets = secrets_of(&p);
        struct tls_context *c = tls_context_new(secrets, 1 << 20);
        for (size_t i = 0; i < p.len; i++) {
            p.bytes[i] ^= (uint8_t)(1u << (i * 5 % 8));
            listener_read(&cut, c, &p, (uint32_t)(i % 3 == 0 ? i : 0), NULL, NULL);
            p.bytes[i] ^= (uint8_t)(1u << (i * 5 % 8));
            assert_int_equal(tls_context_buffer_bytes(c), 0);
        }
        for (size_t count = p.count; count > 0; count--) {
            struct peers_piece *last = &p.pieces[count - 1];
            p.count = count;
            for (; last->len > 0; last->len--) {
                listener_read(&cut, c, &p, 0, NULL, NULL);
                assert_int_equal(tls_context_buffer_bytes(c), 0);
            }
        }
        tls_context_free(c);
        secrets_free(secrets);
        peers_free(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_suite_of_tls_12_is_read),
        cmocka_unit_test(mac_then_encrypt_is_read),
        cmocka_unit_test(every_suite_of_tls_11_and_10_is_read),
        cmocka_unit_test(every_suite_of_tls_13_is_read),
        cmocka_unit_test(a_retry_and_a_resumption_are_read),
        cmocka_unit_test(a_tls_12_resumption_and_a_renegotiation_are_read),
        cmocka_unit_test(a_refusal_inside_tls_13_is_read),
        cmocka_unit_test(wrong_secrets_are_told),
        cmocka_unit_test(without_handshake_secrets_the_data_is_still_read),
        cmocka_unit_test(damaged_recordings_end_orderly),
    };
    return cmocka_run_group_tests(tests, NULL, peers_cleanup);
}
