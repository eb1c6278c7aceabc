/* DNS messages: names (RFC 1035 section 4.1.4, with the example there), questions, addresses of answers (RFC 3596). */
#include "radius_bytes.h"
#include "dissect/dns/dns.h"

#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdarg.h>
#include <cmocka.h>

#define QUERY "a1b20100" "0001000000000000"
#define ANSWERS(n) "a1b28180" "0001000" n "00000000"
#define VPN "0376706e07636f6e746f736f03636f6d00" /* vpn.contoso.com, 17 octets from 12 on */
#define A_IN "00010001"

static bool query(const char *hex, struct dns_question *q)
{
    struct bytes b = from_hex(hex);
    return dns_query(span_of(b.data, b.len), q);
}

static bool response(const char *hex, size_t lost, struct dns_answer *a)
{
    struct bytes b = from_hex(hex);
    memset(a, 0, sizeof *a);
    return dns_response(span_of(b.data, b.len - lost), a);
}

static const char *address_at(const struct dns_answer *a, size_t i)
{
    static char text[ADDRESS_TEXT];
    assert_true(i < a->count);
    return address_text(text, &a->addresses[i]);
}

static void a_query_names_what_is_asked(void **state)
{
    (void)state;
    struct dns_question q;
    assert_true(query(QUERY VPN A_IN, &q));
    assert_string_equal(q.name, "vpn.contoso.com");
    assert_int_equal(q.type, 1);
    assert_true(query(QUERY "055f6c646170045f74637002646306" "5f6d7364637305434f52504f0454455354" "00" "00210001", &q));
    assert_string_equal(q.name, "_ldap._tcp.dc._msdcs.corpo.test");
    assert_int_equal(q.type, 33);
    assert_true(query(QUERY "00" "00020001", &q));
    assert_string_equal(q.name, ".");
    assert_true(query(QUERY "0361" "00" "62" "00" A_IN, &q)); /* an octet that would end a text */
    assert_string_equal(q.name, "a?b");
    assert_false(query(ANSWERS("0") VPN A_IN, &q));
    assert_false(query("a1b22900" "0001000000000001" VPN A_IN, &q)); /* NetBIOS's registration, DNS's update: opcode 5 */
    assert_false(query(QUERY "0376706e07636f6e74", &q));
}

static void an_answer_has_the_addresses_in_their_order(void **state)
{
    (void)state;
    struct dns_answer a;
    assert_true(response(ANSWERS("2") VPN A_IN "c00c" A_IN "0000003c" "0004" "cb007116" "c00c" A_IN "0000001e" "0004" "cb007115",
                         0, &a));
    assert_string_equal(a.name, "vpn.contoso.com");
    assert_int_equal(a.count, 2);
    assert_int_equal(a.ttl, 30);
    assert_false(a.more);
    assert_string_equal(address_at(&a, 0), "203.0.113.22");
    assert_string_equal(address_at(&a, 1), "203.0.113.21");
    assert_true(response(ANSWERS("1") VPN "001c0001" "c00c" "001c0001" "0000003c" "0010" "20010db8000000000000000000000035", 0, &a));
    assert_string_equal(address_at(&a, 0), "2001:db8::35");
}

/* vpn.contoso.com CNAME vpn.trafficmanager.net, whose address follows; another name's does not count. */
static void aliases_are_followed(void **state)
{
    (void)state;
    struct dns_answer a;
    assert_true(response(ANSWERS("3") VPN A_IN "c00c" "00050001" "00000e10" "0018"
                         "0376706e0e747261666669636d616e61676572036e657400"
                         "c02d" A_IN "0000003c" "0004" "cb007115" "c010" A_IN "0000003c" "0004" "cb007117", 0, &a));
    assert_string_equal(a.name, "vpn.contoso.com");
    assert_int_equal(a.count, 1);
    assert_int_equal(a.ttl, 60);
    assert_string_equal(address_at(&a, 0), "203.0.113.21");
}

static void what_holds_no_address_is_no_answer(void **state)
{
    (void)state;
    struct dns_answer a;
    assert_false(response(ANSWERS("0") VPN A_IN, 0, &a));
    assert_false(response("a1b28183" "0001000000000000" VPN A_IN, 0, &a)); /* NXDOMAIN */
    assert_false(response(ANSWERS("1") VPN A_IN "c00c" A_IN "0000003c" "0003" "cb0071", 0, &a)); /* no address has 3 octets */
    assert_false(response(QUERY VPN A_IN, 0, &a));
    for (size_t lost = 1; lost <= 4; lost++)
        assert_false(response(ANSWERS("1") VPN A_IN "c00c" A_IN "0000003c" "0004" "cb007116", lost, &a));
    assert_true(response(ANSWERS("2") VPN A_IN "c00c" A_IN "0000003c" "0004" "cb007116" "c00c" A_IN "0000003c" "0004" "cb007117",
                         1, &a));
    assert_true(a.more);
    assert_int_equal(a.count, 1);
}

static void pointers_end(void **state)
{
    (void)state;
    struct dns_question q;
    struct dns_answer a;
    assert_false(query(QUERY "c00c" A_IN, &q));     /* to itself */
    assert_false(query(QUERY "0161c00c" A_IN, &q)); /* to its own beginning */
    assert_false(query(QUERY "c010" A_IN "0161c00c", &q)); /* forwards */
    assert_false(query(QUERY "8061" A_IN, &q));     /* no kind of label */
    assert_true(response(ANSWERS("1") "01660369736904617270610000010001" "0146c00e" A_IN "00000001" "0004" "0a020034", 0, &a));
    assert_string_equal(a.name, "f.isi.arpa");
    assert_string_equal(address_at(&a, 0), "10.2.0.52");
}

/* 16 labels of 16 octets make 272: no name is that long. */
static void names_have_an_end(void **state)
{
    (void)state;
    char hex[2 * (12 + 16 * 17 + 5) + 1] = QUERY;
    size_t at = strlen(hex);
    for (size_t i = 0; i < 16; i++, at += 34)
        memcpy(hex + at, "1061616161616161616161616161616161", 34);
    memcpy(hex + at, "0000010001", 11);
    struct dns_question q;
    assert_false(query(hex, &q));
    memcpy(hex + at - 34, "0000010001", 11); /* 15 of them make 255 */
    assert_true(query(hex, &q));
    assert_int_equal(strlen(q.name), 15 * 17 - 1);
}

static void tcp_tells_the_length_first(void **state)
{
    (void)state;
    struct bytes b = from_hex("0003" "a1b2c3" "ff");
    assert_int_equal(dns_in_tcp(span_of(b.data, b.len)).len, 3);
    assert_int_equal(dns_in_tcp(span_of(b.data, 3)).len, 1);
    assert_int_equal(dns_in_tcp(span_of(b.data, 1)).len, 0);
}

/* Pointers that lead to pointers, each one further back: 64 names of a message would be followed for thousands of steps each. */
static void long_chains_of_pointers_are_no_name(void **state)
{
    (void)state;
    struct dns_answer a;
    char hex[2048];
    for (unsigned chain = 127; chain <= 128; chain++) { /* the owner is one of them; a name has no more labels */
        size_t at = (size_t)snprintf(hex, sizeof hex, ANSWERS("2") VPN A_IN "c00c" "00100003" "00000000" "%04x", (chain - 1) * 2);
        unsigned to = 12; /* the name; the pointers lie in a record of another class, from octet 45 on */
        for (unsigned i = 0, place = 45; i + 1 < chain; i++, to = place, place += 2)
            at += (size_t)snprintf(hex + at, sizeof hex - at, "%04x", 0xc000u | to);
        snprintf(hex + at, sizeof hex - at, "%04x" A_IN "0000003c" "0004" "cb007115", 0xc000u | to);
        assert_int_equal(response(hex, 0, &a), chain == 127);
    }
}

/* Of two records one is of another class: the third is none of the answer. */
static void records_of_other_classes_count(void **state)
{
    (void)state;
    struct dns_answer a;
    assert_false(response("a1b28180" "0001000100010000" VPN A_IN "c00c" "00010003" "0000003c" "0004" "cb007116"
                          "c00c" A_IN "0000003c" "0004" "cb007115", 0, &a));
    assert_true(response("a1b28180" "0001000200000000" VPN A_IN "c00c" "00010003" "0000003c" "0004" "cb007116"
                         "c00c" A_IN "0000003c" "0004" "cb007115", 0, &a));
    assert_int_equal(a.count, 1);
    assert_string_equal(address_at(&a, 0), "203.0.113.21");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_query_names_what_is_asked),
        cmocka_unit_test(an_answer_has_the_addresses_in_their_order),
        cmocka_unit_test(aliases_are_followed),
        cmocka_unit_test(what_holds_no_address_is_no_answer),
        cmocka_unit_test(pointers_end),
        cmocka_unit_test(names_have_an_end),
        cmocka_unit_test(long_chains_of_pointers_are_no_name),
        cmocka_unit_test(records_of_other_classes_count),
        cmocka_unit_test(tcp_tells_the_length_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
