/* What one payload packet is named: DNS by its header and question on UDP port 53 (RFC 1035 section 4.1). */
#include "radius_bytes.h"
#include "dissect/recognise.h"

#include <stddef.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define HEADER "a1b20100" "0001000000000000"
#define NAME "076578616d706c6503636f6d00"
#define QUESTION NAME "00010001"

static enum flow_class named(const char *hex, uint16_t port, size_t lost)
{
    struct bytes b = from_hex(hex);
    struct packet p = {.kind = PACKET_UDP, .src.port = 40000, .dst.port = port, .payload = span_of(b.data, b.len - lost),
                       .payload_wire_len = (uint32_t)b.len, .ip_proto = IP_PROTO_UDP};
    enum flow_class there = recognise_others(&p);
    p.src.port = port;
    p.dst.port = 40000;
    assert_int_equal(recognise_others(&p), there);
    return there;
}

static void queries_and_answers_on_port_53_are_dns(void **state)
{
    (void)state;
    assert_int_equal(named(HEADER QUESTION, 53, 0), FLOW_DNS);
    assert_int_equal(named("a1b28183" "0001000000000000" QUESTION, 53, 0), FLOW_DNS);
    assert_int_equal(named("a1b28180" "0001000100000000" QUESTION "c00c00010001000000ff00040a000001", 53, 0), FLOW_DNS);
    assert_int_equal(named("a1b20100" "0001000000000001" QUESTION "0000291000000000000000", 53, 0), FLOW_DNS);
    assert_int_equal(named("a1b20100" "0001000000000000" "0000020001", 53, 0), FLOW_DNS); /* the root's servers */
    assert_int_equal(named("a1b22800" "0001000000010000" QUESTION "c00c00ff00ff000000000000", 53, 0), FLOW_DNS); /* update */
    for (size_t lost = 1; lost <= 17; lost++)
        assert_int_equal(named(HEADER QUESTION, 53, lost), FLOW_DNS);
}

static void what_is_not_dns_is_left_to_others(void **state)
{
    (void)state;
    assert_int_equal(named(HEADER QUESTION, 5300, 0), FLOW_NEW);
    assert_int_equal(named("a1b20100" "0002000000000000" QUESTION, 53, 0), FLOW_NEW); /* two questions */
    assert_int_equal(named("a1b20100" "0001000100000000" QUESTION, 53, 0), FLOW_NEW); /* a query that answers */
    assert_int_equal(named("a1b20140" "0001000000000000" QUESTION, 53, 0), FLOW_NEW); /* the reserved bit */
    assert_int_equal(named("a1b27100" "0001000000000000" QUESTION, 53, 0), FLOW_NEW); /* operation 14 */
    assert_int_equal(named("a1b2818f" "0001000000000000" QUESTION, 53, 0), FLOW_NEW); /* result 15 */
    assert_int_equal(named(HEADER "406578616d706c65", 53, 0), FLOW_NEW);              /* a label too long */
    assert_int_equal(named(HEADER NAME "0001", 53, 0), FLOW_NEW);                     /* nothing behind the type */
    assert_int_equal(named(HEADER "07657861", 53, 0), FLOW_NEW);                      /* the name goes beyond the packet */
    assert_int_equal(named("a1b201000001000000000000", 53, 0), FLOW_NEW);
    assert_int_equal(named(HEADER QUESTION, 53, 18), FLOW_NEW); /* not even a header is captured */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries_and_answers_on_port_53_are_dns),
        cmocka_unit_test(what_is_not_dns_is_left_to_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
