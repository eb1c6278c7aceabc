/* What an observer without secrets sees of real libssl connections, and hand-made bytes that libssl does not send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tls_listener.h"
#include "tls_peers.h"

static struct listener whole, cut;

static void read_all_cuts(const struct peers *p, bool finished[2])
{
    static const uint32_t cuts[] = {1, 2, 3, 40, 77, 1001};
    struct tls_context *c = tls_context_new(NULL, 1 << 20);
    bool decrypted;
    assert_non_null(c);
    listener_read(&whole, c, p, 0, finished, &decrypted);
    assert_false(decrypted);
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        listener_read(&cut, c, p, cuts[i], NULL, NULL);
        assert_string_equal(whole.text, cut.text);
    }
    assert_int_equal(tls_context_buffer_bytes(c), 0);
    for (int dir = 0; dir < 2; dir++) {
        assert_int_equal(whole.count[TLS_EVENT_MALFORMED][dir], 0);
        assert_int_equal(whole.count[TLS_EVENT_DECRYPTION_FAILED][dir], 0);
        assert_int_equal(whole.count[TLS_EVENT_DATA][dir], 0);
    }
    tls_context_free(c);
}

static void assert_chain(const struct peers *p)
{
    assert_true(listener_has_chain(&whole, p));
    assert_false(whole.certificate[TO_CLIENT].malformed || whole.certificate[TO_CLIENT].decrypted);
}

static const uint8_t alpn[] = "\x08http/1.1\x02h2";

static void a_tls_12_login_is_seen_as_libssl_saw_it(void **state)
{
    (void)state;
    struct peers p;
    bool finished[2];
    peers_run(&p, &(struct peers_options){.version_max = TLS1_2_VERSION,
                                          .ciphers = "ECDHE-RSA-AES256-GCM-SHA384",
                                          .sni = "vpn.example.test",
                                          .alpn = alpn,
                                          .alpn_len = sizeof alpn - 1,
                                          .extra_certificates = 1,
                                          .staple = true,
                                          .client_certificate = true});
    assert_true(p.connected);
    read_all_cuts(&p, finished);
    const struct tls_client_hello *ch = &whole.client_hello;
    assert_int_equal(ch->legacy_version, 0x0303);
    assert_int_equal(ch->max_version, 0x0303);
    assert_memory_equal(ch->random.data, p.client_random, 32);
    assert_true(span_equal(ch->sni, span_of("vpn.example.test", 16)));
    assert_int_equal(ch->alpn_count, 2);
    assert_true(span_equal(ch->alpn[0], span_of("http/1.1", 8)) && span_equal(ch->alpn[1], span_of("h2", 2)));
    assert_false(ch->session_ticket);
    assert_int_equal(whole.server_hello.version, 0x0303);
    assert_string_equal(tls_cipher_suite_name(whole.server_hello.cipher_suite),
                        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384");
    assert_memory_equal(whole.server_hello.random.data, p.server_random, 32);
    assert_true(span_equal(whole.server_hello.alpn, span_of("http/1.1", 8)));
    assert_false(whole.server_hello.session_id_echoed || whole.server_hello.pre_shared_key);
    assert_chain(&p);
    assert_true(span_equal(whole.status, span_of(peers_staple, strlen(peers_staple) + 1)));
    assert_int_equal(whole.certificate_request.name_count, 1);
    assert_int_equal(whole.certificate[TO_SERVER].count, 1);
    assert_true(whole.handshakes[TO_CLIENT][12] == 1 && whole.handshakes[TO_CLIENT][14] == 1);
    assert_true(whole.handshakes[TO_SERVER][16] == 1 && whole.handshakes[TO_SERVER][15] == 1);
    for (int dir = 0; dir < 2; dir++) {
        assert_int_equal(whole.count[TLS_EVENT_CHANGE_CIPHER_SPEC][dir], 1);
        assert_int_equal(whole.count[TLS_EVENT_ENCRYPTED][dir], 2); /* Finished, data */
        assert_int_equal(whole.count[TLS_EVENT_ENCRYPTED_ALERT][dir], 1);
        assert_int_equal(whole.encrypted_alert[dir].length, 8 + 2 + 16);
        assert_true(finished[dir]);
    }
    peers_free(&p);
}

static void a_client_without_certificate_sends_an_empty_list(void **state)
{
    (void)state;
    struct peers p;
    bool finished[2];
    peers_run(&p, &(struct peers_options){.version_max = TLS1_2_VERSION, .client_without_certificate = true});
    read_all_cuts(&p, finished);
    assert_int_equal(whole.count[TLS_EVENT_CERTIFICATE][TO_SERVER], 1);
    assert_int_equal(whole.certificate[TO_SERVER].count, 0);
    assert_false(whole.certificate[TO_SERVER].malformed);
    peers_free(&p);
}

static void long_chains_are_cut_at_the_ceiling(void **state)
{
    (void)state;
    struct peers p;
    bool finished[2];
    peers_run(&p, &(struct peers_options){.version_max = TLS1_2_VERSION, .extra_certificates = 30});
    assert_true(p.connected);
    read_all_cuts(&p, finished);
    assert_chain(&p);
    peers_free(&p);
}

static void a_refused_certificate_is_a_clear_alert(void **state)
{
    (void)state;
    static const int versions[] = {TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION};
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        struct peers p;
        bool finished[2];
        peers_run(&p, &(struct peers_options){.version_min = versions[i],
                                              .version_max = versions[i],
                                              .ciphers = "ALL:@SECLEVEL=0",
                                              .client_refuses = true});
        read_all_cuts(&p, finished);
        assert_int_equal(whole.server_hello.version, versions[i]);
        assert_chain(&p);
        assert_int_equal(whole.count[TLS_EVENT_ALERT][TO_SERVER], 1);
        assert_int_equal(whole.alert[TO_SERVER].level, 2);
        assert_string_equal(tls_alert_name(whole.alert[TO_SERVER].code), "unknown_ca");
        assert_false(whole.alert[TO_SERVER].decrypted || finished[TO_SERVER] || finished[TO_CLIENT]);
        peers_free(&p);
    }
}

static void nothing_in_common_is_an_alert_of_the_server(void **state)
{
    (void)state;
    struct peers p;
    bool finished[2];
    peers_run(&p, &(struct peers_options){.client_version_max = TLS1_1_VERSION,
                                          .server_version_min = TLS1_2_VERSION,
                                          .ciphers = "ALL:@SECLEVEL=0"});
    assert_false(p.connected);
    read_all_cuts(&p, finished);
    assert_int_equal(whole.client_hello.max_version, 0x0302);
    assert_int_equal(whole.alert[TO_CLIENT].code, 70);
    assert_int_equal(whole.count[TLS_EVENT_SERVER_HELLO][TO_CLIENT], 0);
    peers_free(&p);
    peers_run(&p, &(struct peers_options){.version_max = TLS1_2_VERSION,
                                          .ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256",
                                          .client_groups = "P-256",
                                          .server_groups = "P-384"});
    assert_false(p.connected);
    read_all_cuts(&p, finished);
    assert_int_equal(whole.count[TLS_EVENT_ALERT][TO_CLIENT], 1);
    assert_int_equal(whole.alert[TO_CLIENT].code, 40);
    peers_free(&p);
}

static void tls_13_hides_certificate_and_end(void **state)
{
    (void)state;
    struct peers p;
    bool finished[2];
    peers_run(&p, &(struct peers_options){
                      .version_min = TLS1_3_VERSION, .client_groups = "X25519:P-384", .server_groups = "P-384"});
    assert_true(p.connected);
    read_all_cuts(&p, finished);
    assert_int_equal(whole.client_hello.legacy_version, 0x0303);
    assert_int_equal(whole.client_hello.max_version, 0x0304);
    assert_int_equal(whole.server_hello.version, 0x0304);
    assert_int_equal(whole.count[TLS_EVENT_HELLO_RETRY_REQUEST][TO_CLIENT], 1);
    assert_int_equal(whole.count[TLS_EVENT_CLIENT_HELLO][TO_SERVER], 2);
    assert_int_equal(whole.count[TLS_EVENT_CERTIFICATE][TO_CLIENT], 0);
    assert_int_equal(whole.count[TLS_EVENT_ENCRYPTED_ALERT][TO_SERVER], 0);
    assert_true(whole.count[TLS_EVENT_ENCRYPTED][TO_CLIENT] > 4);
    assert_true(finished[TO_SERVER]); /* by the length of its only flight */
    peers_free(&p);
    peers_run(&p, &(struct peers_options){.version_min = TLS1_3_VERSION, .client_refuses = true});
    read_all_cuts(&p, finished);
    assert_false(finished[TO_SERVER] || finished[TO_CLIENT]);
    assert_int_equal(whole.alert[TO_SERVER].code, 48);
    peers_free(&p);
}

static void resumption_is_seen(void **state)
{
    (void)state;
    static const struct peers_options kinds[] = {
        {.version_max = TLS1_2_VERSION},
        {.version_max = TLS1_2_VERSION, .options = SSL_OP_NO_TICKET},
        {.version_min = TLS1_3_VERSION},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct peers first, second;
        bool finished[2];
        peers_run(&first, &kinds[i]);
        struct peers_options again = kinds[i];
        again.session = first.ticket;
        peers_run(&second, &again);
        /* A session id is known to its own server only: that one answers with a full handshake. */
        bool reused = SSL_session_reused(second.client);
        assert_int_equal(reused, i != 1);
        read_all_cuts(&second, finished);
        assert_int_equal(whole.client_hello.session_ticket, i != 1);
        assert_int_equal(whole.server_hello.pre_shared_key, i == 2);
        assert_int_equal(whole.server_hello.session_id_echoed, reused);
        assert_int_equal(whole.count[TLS_EVENT_CERTIFICATE][TO_CLIENT], reused || i == 2 ? 0 : 1);
        assert_true(finished[TO_SERVER]);
        peers_free(&first);
        peers_free(&second);
    }
}

/* Half of the conversation tells that half. */
static void one_side_alone_is_read(void **state)
{
    (void)state;
    struct peers p;
    peers_run(&p, &(struct peers_options){.version_max = TLS1_2_VERSION, .client_certificate = true});
    struct tls_context *c = tls_context_new(NULL, 1 << 20);
    for (int only = 0; only < 2; only++) {
        struct peers half = p;
        half.count = 0;
        for (size_t i = 0; i < p.count; i++)
            if (p.pieces[i].to_client == only)
                half.pieces[half.count++] = p.pieces[i];
        bool finished[2];
        listener_read(&whole, c, &half, 0, finished, NULL);
        assert_int_equal(whole.count[TLS_EVENT_CERTIFICATE][only], 1);
        assert_int_equal(whole.count[TLS_EVENT_MALFORMED][only], 0);
        assert_true(finished[only] && !finished[!only]);
    }
    tls_context_free(c);
    peers_free(&p);
}

/* A capture that begins in the middle: nothing is made up from encrypted bytes. */
static void the_middle_of_a_session_is_encrypted(void **state)
{
    (void)state;
    static const char *const suites[] = {"ECDHE-RSA-AES256-GCM-SHA384", "AES128-SHA", "ECDHE-RSA-CHACHA20-POLY1305"};
    struct tls_context *c = tls_context_new(NULL, 1 << 20);
    for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++) {
        struct peers p;
        peers_run(&p, &(struct peers_options){.version_max = TLS1_2_VERSION,
                                              .ciphers = suites[i],
                                              .renegotiate = true,
                                              .options = SSL_OP_ALLOW_CLIENT_RENEGOTIATION});
        assert_true(p.connected);
        struct peers rest = p;
        rest.count = p.count - 4;
        memcpy(rest.pieces, p.pieces + 4, rest.count * sizeof rest.pieces[0]);
        listener_read(&whole, c, &rest, 0, NULL, NULL);
        for (int dir = 0; dir < 2; dir++) {
            assert_int_equal(whole.count[TLS_EVENT_MALFORMED][dir], 0);
            assert_int_equal(whole.count[TLS_EVENT_HANDSHAKE][dir], 0);
            assert_int_equal(whole.count[TLS_EVENT_CERTIFICATE][dir], 0);
            assert_int_equal(whole.count[TLS_EVENT_ALERT][dir], 0);
            assert_true(whole.count[TLS_EVENT_ENCRYPTED][dir] > 1);
            assert_int_equal(whole.count[TLS_EVENT_ENCRYPTED_ALERT][dir], 1);
        }
        peers_free(&p);
    }
    tls_context_free(c);
}

/* A piece out of the server's flight is missing: its certificate is lost, later records are found again. */
static void a_gap_loses_only_what_is_missing(void **state)
{
    (void)state;
    struct peers p;
    peers_run(&p, &(struct peers_options){.version_max = TLS1_2_VERSION, .extra_certificates = 2});
    struct tls_context *c = tls_context_new(NULL, 1 << 20);
    listener_reset(&whole);
    struct tls_session *s = tls_session_new(c, listener_event, &whole);
    bool lost = false;
    for (size_t i = 0; i < p.count; i++) {
        struct span piece = span_of(p.bytes + p.pieces[i].offset, p.pieces[i].len);
        enum direction dir = p.pieces[i].to_client ? TO_CLIENT : TO_SERVER;
        struct place place = {.frame = i + 1};
        if (dir == TO_CLIENT && !lost) {
            struct tls_handshake pending;
            uint32_t present;
            tls_feed(s, dir, span_of(piece.data, 300), place);
            assert_true(tls_pending(s, dir, &pending, &present));
            assert_int_equal(pending.type, 11);
            assert_true(present > 0 && present < 300 && pending.length > 600);
            assert_int_not_equal(tls_context_buffer_bytes(c), 0);
            tls_gap(s, dir, place);
            assert_false(tls_pending(s, dir, &pending, &present));
            assert_int_equal(tls_context_buffer_bytes(c), 0);
            tls_feed(s, dir, span_of(piece.data + 500, piece.len - 500), place);
            lost = true;
            continue;
        }
        tls_feed(s, dir, piece, place);
    }
    assert_int_equal(whole.count[TLS_EVENT_SERVER_HELLO][TO_CLIENT], 1);
    assert_int_equal(whole.count[TLS_EVENT_CERTIFICATE][TO_CLIENT], 0);
    assert_int_equal(whole.handshakes[TO_CLIENT][14], 1); /* server_hello_done */
    assert_int_equal(whole.count[TLS_EVENT_CHANGE_CIPHER_SPEC][TO_CLIENT], 1);
    assert_int_equal(whole.count[TLS_EVENT_MALFORMED][TO_CLIENT], 0);
    assert_true(tls_finished(s, TO_CLIENT) && tls_finished(s, TO_SERVER));
    tls_session_free(s);
    tls_context_free(c);
    peers_free(&p);
}

static void memory_has_a_ceiling(void **state)
{
    (void)state;
    enum { SESSIONS = 64, CEILING = 40000 };
    struct peers p;
    peers_run(&p, &(struct peers_options){.version_max = TLS1_2_VERSION, .extra_certificates = 12});
    struct tls_context *c = tls_context_new(NULL, CEILING);
    struct tls_session *s[SESSIONS];
    size_t flight = 1;
    assert_true(p.pieces[flight].to_client && p.pieces[flight].len > 3000);
    for (int i = 0; i < SESSIONS; i++) {
        s[i] = tls_session_new(c, listener_event, &whole);
        listener_reset(&whole);
        struct span piece = span_of(p.bytes + p.pieces[flight].offset, p.pieces[flight].len);
        tls_feed(s[i], TO_CLIENT, span_of(piece.data, 2500), (struct place){.frame = 1});
        assert_true(tls_context_buffer_bytes(c) <= CEILING);
    }
    assert_in_range(tls_context_buffers_refused(c), SESSIONS / 2, SESSIONS);
    /* The last one had no room: its certificate is told by length only, and all behind it is read. */
    listener_reset(&whole);
    tls_feed(s[SESSIONS - 1], TO_CLIENT, span_of(p.bytes + p.pieces[flight].offset + 2500, p.pieces[flight].len - 2500),
             (struct place){.frame = 2});
    assert_int_equal(whole.handshakes[TO_CLIENT][11], 1);
    assert_int_equal(whole.handshakes[TO_CLIENT][14], 1);
    for (int i = 0; i < SESSIONS; i++)
        tls_session_free(s[i]);
    assert_int_equal(tls_context_buffer_bytes(c), 0);
    tls_context_free(c);
    peers_free(&p);
}

/* A hand-made ClientHello record; lists as comma-free arrays, 0xffff ends them. */
struct hello_maker {
    uint8_t bytes[2048];
    size_t len;
};

static void add16(struct hello_maker *m, unsigned v)
{
    m->bytes[m->len++] = (uint8_t)(v >> 8);
    m->bytes[m->len++] = (uint8_t)v;
}

static void add_list(struct hello_maker *m, const uint16_t *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        add16(m, list[i]);
}

static void close16(struct hello_maker *m, size_t at)
{
    size_t n = m->len - at - 2;
    m->bytes[at] = (uint8_t)(n >> 8);
    m->bytes[at + 1] = (uint8_t)n;
}

/* Extension types with their bodies: groups, points, algorithms, versions, protocols are made where their types stand.
 */
struct hello_lists {
    uint16_t version;
    uint16_t suites[32], extensions[32], groups[8], algorithms[16], versions[8];
    size_t suite_count, extension_count, group_count, algorithm_count, version_count;
    const char *alpn;
};

static void add_extension(struct hello_maker *m, const struct hello_lists *h, uint16_t type)
{
    add16(m, type);
    size_t body = m->len;
    add16(m, 0);
    if (type == 10 || type == 13) {
        size_t list = m->len;
        add16(m, 0);
        type == 10 ? add_list(m, h->groups, h->group_count) : add_list(m, h->algorithms, h->algorithm_count);
        close16(m, list);
    } else if (type == 11) {
        add16(m, 0x0100);
    } else if (type == 43) {
        m->bytes[m->len++] = (uint8_t)(2 * h->version_count);
        add_list(m, h->versions, h->version_count);
    } else if (type == 16) {
        size_t n = strlen(h->alpn);
        add16(m, (unsigned)n + 1);
        m->bytes[m->len++] = (uint8_t)n;
        memcpy(m->bytes + m->len, h->alpn, n);
        m->len += n;
    }
    close16(m, body);
}

static void make_hello(struct hello_maker *m, const struct hello_lists *h)
{
    static const uint8_t start[] = {22, 3, 1, 0, 0, 1, 0, 0, 0};
    *m = (struct hello_maker){.len = sizeof start};
    memcpy(m->bytes, start, sizeof start);
    add16(m, h->version);
    m->len += 32;
    m->bytes[m->len++] = 0;
    size_t at = m->len;
    add16(m, 0);
    add_list(m, h->suites, h->suite_count);
    close16(m, at);
    add16(m, 0x0100);
    if (h->extension_count > 0) {
        at = m->len;
        add16(m, 0);
        for (size_t i = 0; i < h->extension_count; i++)
            add_extension(m, h, h->extensions[i]);
        close16(m, at);
    }
    close16(m, 7);
    close16(m, 3);
}

static void read_hello(const struct hello_lists *h)
{
    struct hello_maker m;
    make_hello(&m, h);
    struct tls_context *c = tls_context_new(NULL, 1 << 20);
    for (int again = 0; again < 3; again++) { /* the second and third time from the cache */
        listener_reset(&whole);
        struct tls_session *s = tls_session_new(c, listener_event, &whole);
        tls_feed(s, TO_SERVER, span_of(m.bytes, m.len), (struct place){.frame = 1});
        assert_int_equal(whole.count[TLS_EVENT_CLIENT_HELLO][TO_SERVER], 1);
        tls_session_free(s);
        if (again == 0)
            memcpy(cut.ja4, whole.ja4, sizeof cut.ja4);
        assert_string_equal(cut.ja4, whole.ja4);
    }
    tls_context_free(c);
}

/* The two examples of the JA3 project's own description. */
static void ja3_of_the_published_examples(void **state)
{
    (void)state;
    read_hello(&(struct hello_lists){.version = 769,
                                     .suites = {47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4},
                                     .suite_count = 12,
                                     .extensions = {0, 10, 11},
                                     .extension_count = 3,
                                     .groups = {23, 24, 25},
                                     .group_count = 3});
    assert_string_equal(whole.ja3, "ada70206e40642a3e4461f35503241d5");
    read_hello(
        &(struct hello_lists){.version = 769, .suites = {4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99}, .suite_count = 11});
    assert_string_equal(whole.ja3, "de350869b8c85de67a350c8d186f11e6");
    assert_string_equal(whole.ja4 + 23, "_000000000000");
    assert_memory_equal(whole.ja4, "t10i110000_", 11);
}

/* The example of the JA4 description, with the order and the GREASE values that a browser would send. */
static void ja4_of_the_published_example(void **state)
{
    (void)state;
    struct hello_lists h = {
        .version = 0x0303,
        .suites = {0x0a0a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014,
                   0x009c, 0x009d, 0x002f, 0x0035},
        .suite_count = 16,
        .extensions = {0x5a5a, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012,
                       0x002b, 0xff01, 0x000b, 0x000a, 0x0015, 0xbaba},
        .extension_count = 18,
        .groups = {0x3a3a, 29, 23, 24},
        .group_count = 4,
        .algorithms = {0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601},
        .algorithm_count = 8,
        .versions = {0x6a6a, 0x0304, 0x0303},
        .version_count = 3,
        .alpn = "h2",
    };
    read_hello(&h);
    assert_string_equal(whole.ja4, "t13d1516h2_8daaf6152771_e5627efa2ab1");
    assert_int_equal(whole.client_hello.max_version, 0x0304);
    h.alpn = "\xab\xcd";
    read_hello(&h);
    assert_memory_equal(whole.ja4, "t13d1516ad_", 11);
    h.alpn = "0\xab";
    read_hello(&h);
    assert_memory_equal(whole.ja4, "t13d15163b_", 11);
    h.alpn = "h";
    read_hello(&h);
    assert_memory_equal(whole.ja4, "t13d1516hh_", 11);
}

struct wrong_bytes {
    const char *name;
    enum direction dir;
    const char *bytes;
    size_t len;
    bool malformed;
};

#define BYTES(text) text, sizeof text - 1

static void wrong_bytes_are_told_once(void **state)
{
    (void)state;
    static const struct wrong_bytes cases[] = {
        {"HTTP", TO_SERVER, BYTES("GET / HTTP/1.1\r\n\r\n"), true},
        {"record too long", TO_SERVER, BYTES("\x16\x03\x01\x48\x01\x01"), true},
        {"perhaps encrypted: the start was not seen", TO_SERVER, BYTES("\x16\x03\x01\x00\x04\x02\x00\x00\x00"), false},
        {"client_hello cut short inside", TO_SERVER, BYTES("\x16\x03\x01\x00\x06\x01\x00\x00\x02\x03\x03"), true},
        {"server_hello cut short inside", TO_CLIENT, BYTES("\x16\x03\x03\x00\x06\x02\x00\x00\x02\x03\x03"), true},
        {"change_cipher_spec of 2", TO_CLIENT, BYTES("\x14\x03\x03\x00\x01\x02"), true},
        {"alert of level 7", TO_CLIENT, BYTES("\x15\x03\x03\x00\x02\x07\x28"), true},
        {"no bytes", TO_CLIENT, BYTES(""), false},
    };
    struct tls_context *c = tls_context_new(NULL, 1 << 20);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        listener_reset(&whole);
        struct tls_session *s = tls_session_new(c, listener_event, &whole);
        tls_feed(s, cases[i].dir, span_of(cases[i].bytes, cases[i].len), (struct place){.frame = 1});
        tls_feed(s, cases[i].dir, span_of(cases[i].bytes, cases[i].len), (struct place){.frame = 2});
        if (whole.count[TLS_EVENT_MALFORMED][cases[i].dir] != cases[i].malformed)
            print_error("%s\n%s", cases[i].name, whole.text);
        assert_int_equal(whole.count[TLS_EVENT_MALFORMED][cases[i].dir], cases[i].malformed);
        tls_session_free(s);
    }
    tls_context_free(c);
}

/* RFC 5246 appendix E.2: version, lengths, two TLS suites and one of SSL 2.0, a session id of none, a 16-byte
 * challenge. */
static void an_ssl_2_style_hello_is_a_client_hello(void **state)
{
    (void)state;
    static const uint8_t hello[] = {0x80, 0x22, 0x01, 0x03, 0x01, 0x00, 0x09, 0x00, 0x00, 0x00, 0x10, 0x00,
                                    0x00, 0x2f, 0x01, 0x00, 0x80, 0x00, 0x00, 0x35, 0xc0, 0xc1, 0xc2, 0xc3,
                                    0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xcb, 0xcc, 0xcd, 0xce, 0xcf};
    struct tls_context *c = tls_context_new(NULL, 1 << 20);
    for (size_t step = 1; step <= sizeof hello; step++) {
        listener_reset(&whole);
        struct tls_session *s = tls_session_new(c, listener_event, &whole);
        for (size_t at = 0; at < sizeof hello; at += step) {
            size_t n = sizeof hello - at < step ? sizeof hello - at : step;
            tls_feed(s, TO_SERVER, span_of(hello + at, n), (struct place){.frame = 1});
        }
        tls_feed(s, TO_SERVER, span_of("\x15\x03\x01\x00\x02\x02\x30", 7), (struct place){.frame = 2});
        assert_int_equal(whole.count[TLS_EVENT_CLIENT_HELLO][TO_SERVER], 1);
        assert_int_equal(whole.client_hello.max_version, 0x0301);
        assert_true(span_equal(whole.client_hello.cipher_suites, span_of("\x00\x2f\x00\x35", 4)));
        assert_int_equal(whole.client_hello.random.len, 32);
        assert_int_equal(whole.client_hello.random.data[15], 0);
        assert_memory_equal(whole.client_hello.random.data + 16, hello + 20, 16);
        assert_string_equal(whole.ja3, "");
        assert_int_equal(whole.alert[TO_SERVER].code, 48);
        tls_session_free(s);
    }
    tls_context_free(c);
}

static void two_alerts_in_a_record_are_two(void **state)
{
    (void)state;
    struct peers p;
    peers_run(&p, &(struct peers_options){.version_max = TLS1_2_VERSION});
    struct tls_context *c = tls_context_new(NULL, 1 << 20);
    listener_reset(&whole);
    struct tls_session *s = tls_session_new(c, listener_event, &whole);
    tls_feed(s, TO_SERVER, span_of(p.bytes, p.pieces[0].len), (struct place){.frame = 1});
    tls_feed(s, TO_SERVER, span_of("\x15\x03\x03\x00\x04\x01\x5a\x02\x28", 9), (struct place){.frame = 2});
    assert_int_equal(whole.count[TLS_EVENT_ALERT][TO_SERVER], 2);
    assert_int_equal(whole.alert[TO_SERVER].code, 40);
    tls_session_free(s);
    tls_context_free(c);
    peers_free(&p);
}

static void names_and_weaknesses(void **state)
{
    (void)state;
    assert_string_equal(tls_version_name(0x0301), "TLS 1.0");
    assert_string_equal(tls_version_name(0x0304), "TLS 1.3");
    assert_null(tls_version_name(0x0305));
    assert_string_equal(tls_alert_name(49), "access_denied");
    assert_null(tls_alert_name(200));
    assert_string_equal(tls_handshake_name(13), "certificate_request");
    assert_null(tls_handshake_name(99));
    assert_null(tls_cipher_suite_name(0xeeee));
    assert_string_equal(tls_cipher_suite_name(0x1301), "TLS_AES_128_GCM_SHA256");
    assert_string_equal(tls_cipher_suite_name(0xccaa), "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256");
    static const struct {
        uint16_t suite;
        enum tls_suite_weakness weakness;
        bool static_rsa;
    } cases[] = {
        {0x0002, TLS_SUITE_NULL, true},       /* TLS_RSA_WITH_NULL_SHA */
        {0x0003, TLS_SUITE_EXPORT, true},     /* TLS_RSA_EXPORT_WITH_RC4_40_MD5 */
        {0x0005, TLS_SUITE_RC4, true},        /* TLS_RSA_WITH_RC4_128_SHA */
        {0x0009, TLS_SUITE_DES, true},        /* TLS_RSA_WITH_DES_CBC_SHA */
        {0x000a, TLS_SUITE_3DES, true},       /* TLS_RSA_WITH_3DES_EDE_CBC_SHA */
        {0x0034, TLS_SUITE_ANONYMOUS, false}, /* TLS_DH_anon_WITH_AES_128_CBC_SHA */
        {0x002f, TLS_SUITE_OK, true},         /* TLS_RSA_WITH_AES_128_CBC_SHA */
        {0xc02f, TLS_SUITE_OK, false},        /* TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 */
        {0xc011, TLS_SUITE_RC4, false},       /* TLS_ECDHE_RSA_WITH_RC4_128_SHA */
        {0x1302, TLS_SUITE_OK, false},        {0xeeee, TLS_SUITE_UNKNOWN, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(tls_cipher_suite_weakness(cases[i].suite), cases[i].weakness);
        assert_int_equal(tls_cipher_suite_static_rsa(cases[i].suite), cases[i].static_rsa);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tls_12_login_is_seen_as_libssl_saw_it),
        cmocka_unit_test(a_client_without_certificate_sends_an_empty_list),
        cmocka_unit_test(long_chains_are_cut_at_the_ceiling),
        cmocka_unit_test(a_refused_certificate_is_a_clear_alert),
        cmocka_unit_test(nothing_in_common_is_an_alert_of_the_server),
        cmocka_unit_test(tls_13_hides_certificate_and_end),
        cmocka_unit_test(resumption_is_seen),
        cmocka_unit_test(one_side_alone_is_read),
        cmocka_unit_test(the_middle_of_a_session_is_encrypted),
        cmocka_unit_test(a_gap_loses_only_what_is_missing),
        cmocka_unit_test(memory_has_a_ceiling),
        cmocka_unit_test(ja3_of_the_published_examples),
        cmocka_unit_test(ja4_of_the_published_example),
        cmocka_unit_test(wrong_bytes_are_told_once),
        cmocka_unit_test(an_ssl_2_style_hello_is_a_client_hello),
        cmocka_unit_test(two_alerts_in_a_record_are_two),
        cmocka_unit_test(names_and_weaknesses),
    };
    return cmocka_run_group_tests(tests, NULL, peers_cleanup);
}
