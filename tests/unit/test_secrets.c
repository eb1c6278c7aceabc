/* Key logs are read line by line, and a wrong line is named; RADIUS secrets go by the narrowest net. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dissect/crypto/secrets.h"

#define RANDOM_A "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"
#define MASTER "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f30"
#define TRAFFIC "a102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"

static const uint8_t random_a[32] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa,
                                     0xbb, 0xcc, 0xdd, 0xee, 0xff, 0x00, 0x11, 0x22, 0x33, 0x44, 0x55,
                                     0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};

static bool add(struct secrets *s, const char *text, char message[static SECRETS_MESSAGE])
{
    message[0] = '\0';
    return secrets_add_key_log(s, span_of(text, strlen(text)), message);
}

static void a_key_log_is_found_again(void **state)
{
    (void)state;
    char message[SECRETS_MESSAGE];
    struct secrets *s = secrets_new();
    assert_int_equal(secrets_tls(s, random_a, TLS_SECRET_CLIENT_RANDOM).len, 0);
    assert_true(add(s,
                    "# comment\r\n\r\n  \nCLIENT_RANDOM " RANDOM_A " " MASTER "\r\n"
                    "RSA Session-ID:00 Master-Key:00\n"
                    "SERVER_HANDSHAKE_TRAFFIC_SECRET\t" RANDOM_A "  " TRAFFIC " \n"
                    "EXPORTER_SECRET " RANDOM_A " " TRAFFIC,
                    message));
    assert_int_equal(secrets_tls_count(s), 3);
    struct span found = secrets_tls(s, random_a, TLS_SECRET_CLIENT_RANDOM);
    assert_int_equal(found.len, 48);
    assert_int_equal(found.data[47], 0x30);
    found = secrets_tls(s, random_a, TLS_SECRET_SERVER_HANDSHAKE_TRAFFIC);
    assert_int_equal(found.len, 32);
    assert_int_equal(found.data[0], 0xa1);
    assert_int_equal(secrets_tls(s, random_a, TLS_SECRET_EXPORTER).len, 32);
    assert_int_equal(secrets_tls(s, random_a, TLS_SECRET_SERVER_TRAFFIC_0).len, 0);
    uint8_t other[32];
    memcpy(other, random_a, 32);
    other[31] ^= 1;
    assert_int_equal(secrets_tls(s, other, TLS_SECRET_CLIENT_RANDOM).len, 0);
    secrets_free(s);
}

static void a_wrong_line_is_named_and_the_rest_taken(void **state)
{
    (void)state;
    static const struct {
        const char *text, *begins;
    } cases[] = {
        {"CLIENT_RANDOM " RANDOM_A " " MASTER "\nCLIENT_RANDOM 0011 " MASTER "\n", "line 2: "},
        {"-----BEGIN CERTIFICATE-----\nCLIENT_RANDOM " RANDOM_A " " MASTER "\n", "line 1: "},
        {"\n\nCLIENT_RANDOM " RANDOM_A "\nCLIENT_RANDOM " RANDOM_A " " MASTER, "line 3: "},
        {"CLIENT_RANDOM " RANDOM_A " " MASTER "\nCLIENT_RANDOM " RANDOM_A " " TRAFFIC "\n", "line 2: "},
        {"CLIENT_RANDOM " RANDOM_A " " MASTER "\nCLIENT_RANDOM " RANDOM_A " " MASTER "0\n", "line 2: "},
        {"CLIENT_RANDOM " RANDOM_A " " MASTER " 00\nCLIENT_RANDOM " RANDOM_A " " MASTER "\n", "line 1: "},
        {"CLIENT_RANDOM " RANDOM_A " " MASTER "\nLABEL\n", "line 2: "},
        {"CLIENT_RANDOM " RANDOM_A " " MASTER "\nCLIENT_TRAFFIC_SECRET_0 " RANDOM_A " zz\nx\n", "line 2: "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char message[SECRETS_MESSAGE];
        struct secrets *s = secrets_new();
        assert_false(add(s, cases[i].text, message));
        assert_memory_equal(message, cases[i].begins, strlen(cases[i].begins));
        assert_true(strlen(message) > strlen(cases[i].begins));
        assert_int_equal(secrets_tls_count(s), 1);
        assert_int_equal(secrets_tls(s, random_a, TLS_SECRET_CLIENT_RANDOM).len, 48);
        secrets_free(s);
    }
}

/* What is lent stays where it is while thousands are added; of two for one key the later counts. */
static void many_secrets_stay_where_they_are(void **state)
{
    (void)state;
    enum { MANY = 5000 };
    struct secrets *s = secrets_new();
    char message[SECRETS_MESSAGE], line[256];
    assert_true(add(s, "CLIENT_RANDOM " RANDOM_A " " MASTER, message));
    struct span first = secrets_tls(s, random_a, TLS_SECRET_CLIENT_RANDOM);
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(line, sizeof line, "CLIENT_RANDOM %064x %s%08x", i, MASTER, i);
        memmove(line + 14 + 64 + 1, line + 14 + 64 + 1 + 8, strlen(line + 14 + 64 + 1 + 8) + 1);
        assert_true(add(s, line, message));
    }
    assert_int_equal(secrets_tls_count(s), MANY + 1);
    for (unsigned i = 0; i < MANY; i++) {
        uint8_t random[32] = {0};
        random[30] = (uint8_t)(i >> 8);
        random[31] = (uint8_t)i;
        struct span found = secrets_tls(s, random, TLS_SECRET_CLIENT_RANDOM);
        assert_int_equal(found.len, 48);
        assert_int_equal(found.data[46] << 8 | found.data[47], i);
    }
    assert_ptr_equal(first.data, secrets_tls(s, random_a, TLS_SECRET_CLIENT_RANDOM).data);
    assert_int_equal(first.data[0], 1);
    assert_true(add(s, "CLIENT_RANDOM " RANDOM_A " ff" MASTER, message) == false);
    secrets_free(s);
}

static void add_net(struct secrets *s, const char *net, unsigned bits, const char *secret)
{
    struct address a = {0};
    if (net != NULL)
        assert_true(address_parse(span_of(net, strlen(net)), &a));
    assert_true(secrets_add_radius(s, &a, bits, span_of(secret, strlen(secret))));
}

static void assert_secret(struct secrets *s, const char *nas, const char *secret)
{
    struct address a;
    assert_true(address_parse(span_of(nas, strlen(nas)), &a));
    assert_true(span_equal(secrets_radius(s, &a), span_of(secret, strlen(secret))));
}

static void the_narrowest_net_has_the_secret(void **state)
{
    (void)state;
    struct secrets *s = secrets_new();
    assert_secret(s, "10.0.0.1", "");
    add_net(s, "10.0.0.0", 8, "ten\r\n");
    add_net(s, "10.1.0.0", 16, "ten one");
    add_net(s, "10.1.2.3", 32, "just one");
    add_net(s, "2001:db8::", 32, "six");
    assert_secret(s, "192.0.2.1", "");
    add_net(s, "0.0.0.0", 0, "every v4");
    add_net(s, NULL, 0, "all");
    assert_secret(s, "10.9.9.9", "ten");
    assert_secret(s, "10.1.9.9", "ten one");
    assert_secret(s, "10.1.2.3", "just one");
    assert_secret(s, "192.0.2.1", "every v4");
    assert_secret(s, "2001:db8::1", "six");
    assert_secret(s, "2001:db9::1", "all");
    add_net(s, "10.1.2.3", 32, "the later of equals");
    add_net(s, NULL, 0, "all, later");
    assert_secret(s, "10.1.2.3", "the later of equals");
    assert_secret(s, "2001:db9::1", "all, later");
    struct address none = {0};
    uint8_t longest[RADIUS_SECRET_MAX + 1];
    memset(longest, 'x', sizeof longest);
    assert_false(secrets_add_radius(s, &none, 0, span_of("\r\n", 2)));
    assert_false(secrets_add_radius(s, &none, 0, span_of(longest, sizeof longest)));
    assert_true(secrets_add_radius(s, &none, 0, span_of(longest, sizeof longest - 1)));
    secrets_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_log_is_found_again),
        cmocka_unit_test(a_wrong_line_is_named_and_the_rest_taken),
        cmocka_unit_test(many_secrets_stay_where_they_are),
        cmocka_unit_test(the_narrowest_net_has_the_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
