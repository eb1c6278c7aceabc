/* The account of what hosts send and answer: packets made by hand. wire-facts 8; RFC 826, 1035, 2131. */
#include "addresses_by_hand.h"
#include "radius_bytes.h"
#include "dissect/hosts.h"

#define SERVER "203.0.113.10"
#define PEER "198.51.100.9"

enum { SYN = 2, RST = 4, ACK = 16 };

static struct scene {
    struct hosts *hosts;
    struct frame frame;
    uint8_t bytes[64];
    uint8_t ttl;
} scene;

static int begin(void **state)
{
    (void)state;
    memset(&scene, 0, sizeof scene);
    scene.hosts = hosts_new();
    scene.bytes[6] = 2;
    scene.bytes[11] = 7; /* 02:00:00:00:00:07 */
    scene.frame = (struct frame){.bytes = scene.bytes, .len = sizeof scene.bytes, .link_type = LINKTYPE_ETHERNET};
    scene.ttl = 128;
    return 0;
}

static int end(void **state)
{
    (void)state;
    hosts_free(scene.hosts);
    return 0;
}

static struct packet packet(enum packet_kind kind, struct endpoint src, struct endpoint dst)
{
    scene.frame.number++;
    scene.frame.time_ns += 1000000;
    return (struct packet){.frame = &scene.frame, .kind = kind, .src = src, .dst = dst, .ttl = scene.ttl,
                           .ip_proto = kind == PACKET_TCP ? IP_PROTO_TCP : IP_PROTO_UDP};
}

static void tcp(const char *src, uint16_t from, const char *dst, uint16_t to, uint8_t flags, bool answers)
{
    struct packet p = packet(PACKET_TCP, at(src, from), at(dst, to));
    p.tcp_flags = flags;
    hosts_flow(scene.hosts, &p, answers, FLOW_NEW);
}

static void udp(const char *src, uint16_t from, const char *dst, uint16_t to, const char *hex, bool answers, enum flow_class class)
{
    struct bytes b = from_hex(hex);
    struct packet p = packet(PACKET_UDP, at(src, from), at(dst, to));
    p.payload = span_of(b.data, b.len);
    p.payload_wire_len = (uint32_t)b.len;
    hosts_flow(scene.hosts, &p, answers, class);
}

static void link_frame_of(uint16_t ethertype, const char *hex)
{
    struct bytes b = from_hex(hex);
    struct packet p = packet(PACKET_LINK, at(SERVER, 0), at(SERVER, 0));
    p.ethertype = ethertype;
    p.payload = span_of(b.data, b.len);
    hosts_frame(scene.hosts, &p);
}

static const struct host_deed *found(enum host_kind kind)
{
    size_t count;
    const struct host_deed *all = hosts_all(scene.hosts, &count);
    for (size_t i = 0; i < count; i++)
        if (all[i].kind == kind)
            return &all[i];
    return NULL;
}

static size_t number_of_deeds(void)
{
    size_t count;
    (void)hosts_all(scene.hosts, &count);
    return count;
}

static void is(const struct address *a, const char *text)
{
    char out[ADDRESS_TEXT];
    assert_string_equal(address_text(out, a), text);
}

static void a_query_is_who_asks_and_for_what(void **state)
{
    (void)state;
    udp(SERVER, 50000, PEER, 53, "000101000001000000000000" "0363726c00" "00010001", false, FLOW_DNS);
    udp(PEER, 53, SERVER, 50000, "000181800001000000000000" "0363726c00" "00010001", true, FLOW_DNS);
    udp(SERVER, 50001, PEER, 53, "000101000001000000000000" "055f6c646170045f746370026463065f6d7364637304636f727000" "00210001", false,
        FLOW_DNS);
    udp(SERVER, 50002, PEER, 53, "000101000001000000000000" "0363726c00" "00010001", false, FLOW_DNS);
    const struct host_deed *d = found(HOST_DNS);
    assert_non_null(d);
    is(&d->host, SERVER);
    is(&d->peer, PEER);
    assert_int_equal(d->count, 3);
    assert_int_equal(d->answered, 1);
    assert_string_equal(d->name, "_ldap._tcp.dc._msdcs.corp");
    assert_true(d->directory);
    assert_int_equal(d->named.frame, 3);
    assert_true(d->has_mac);
    assert_int_equal(d->mac[5], 7);
    is(&found(HOST_DNS_SERVED)->host, PEER);
}

static void an_open_port_is_one_that_is_answered(void **state)
{
    (void)state;
    tcp(PEER, 50000, SERVER, 445, SYN, false);
    assert_null(found(HOST_SMB_OPEN));
    tcp(SERVER, 445, PEER, 50000, RST | ACK, true);
    assert_null(found(HOST_SMB_OPEN));
    tcp(PEER, 50001, SERVER, 3389, SYN, false);
    tcp(SERVER, 3389, PEER, 50001, SYN | ACK, true);
    is(&found(HOST_RDP_OPEN)->host, SERVER);
    is(&found(HOST_RDP_OPEN)->peer, PEER);
    tcp(SERVER, 445, PEER, 50002, SYN | ACK, true);
    is(&found(HOST_SMB_OPEN)->host, SERVER);
    is(&found(HOST_SMB)->host, PEER);
    assert_int_equal(found(HOST_SMB)->answered, 1); /* the refusal does not count */
}

static void who_asks_inside_is_answered_or_not(void **state)
{
    (void)state;
    tcp(SERVER, 50000, "10.0.0.5", 389, SYN, false);
    assert_int_equal(found(HOST_LDAP)->answered, 0);
    tcp("10.0.0.5", 389, SERVER, 50000, SYN | ACK, true);
    assert_int_equal(found(HOST_LDAP)->answered, 1);
    tcp(SERVER, 50001, "10.0.0.5", 88, SYN, false);
    tcp("10.0.0.5", 88, SERVER, 50001, SYN | ACK, true);
    assert_int_equal(found(HOST_KERBEROS)->answered, 1);
    udp(SERVER, 123, "10.0.0.5", 123, "23", false, FLOW_NEW);
    udp("10.0.0.5", 123, SERVER, 123, "24", true, FLOW_NEW);
    is(&found(HOST_NTP)->host, SERVER);
    assert_int_equal(found(HOST_NTP)->answered, 1);
    udp(SERVER, 50002, "10.0.0.5", 1812, "01", false, FLOW_RADIUS);
    udp("10.0.0.5", 1812, SERVER, 50002, "02", true, FLOW_RADIUS);
    assert_int_equal(found(HOST_RADIUS)->answered, 1);
}

static void multicast_is_told_by_port_and_group(void **state)
{
    (void)state;
    scene.ttl = 1;
    udp(SERVER, 50000, "224.0.0.252", 5355, "00", false, FLOW_NEW);
    udp(SERVER, 5353, "224.0.0.251", 5353, "00", false, FLOW_NEW);
    udp(SERVER, 50000, "239.255.255.250", 1900, "00", false, FLOW_NEW);
    udp(SERVER, 50001, "ff02::c", 3702, "00", false, FLOW_NEW);
    udp(SERVER, 137, "203.0.113.255", 137, "00", false, FLOW_NEW);
    assert_non_null(found(HOST_LLMNR));
    assert_true(found(HOST_LLMNR)->has_mac); /* never forwarded */
    assert_non_null(found(HOST_MDNS));
    assert_non_null(found(HOST_SSDP));
    assert_non_null(found(HOST_WSD));
    assert_non_null(found(HOST_NETBIOS));
    size_t before = number_of_deeds();
    udp(SERVER, 50000, PEER, 5355, "00", false, FLOW_NEW);
    udp(SERVER, 50000, PEER, 1900, "00", false, FLOW_NEW);
    assert_int_equal(number_of_deeds(), before);
}

/* Translators keep source ports in their class: IKE comes from 138, answers go there. */
static void ike_from_a_low_port_is_no_netbios(void **state)
{
    (void)state;
    udp(PEER, 138, SERVER, 500, "00", false, FLOW_IKE);
    udp(SERVER, 500, PEER, 138, "00", true, FLOW_IKE);
    udp(SERVER, 500, PEER, 138, "00", false, FLOW_NEW);
    assert_int_equal(number_of_deeds(), 1);
    is(&found(HOST_SERVES)->host, SERVER);
}

/* A mirror's frame: what carries it has the collectors' MACs, what is inside has the host's, if it is a frame at all. */
static void in_a_mirror_the_inner_mac_counts(void **state)
{
    (void)state;
    const uint8_t inner[6] = {2, 0, 0, 0, 0, 9};
    struct packet p = packet(PACKET_UDP, at(SERVER, 5353), at("224.0.0.251", 5353));
    p.depth = 1;
    hosts_flow(scene.hosts, &p, false, FLOW_NEW);
    assert_false(found(HOST_MDNS)->has_mac);
    p.inner_mac = inner;
    hosts_flow(scene.hosts, &p, false, FLOW_NEW);
    assert_true(found(HOST_MDNS)->has_mac);
    assert_int_equal(found(HOST_MDNS)->mac[5], 9);
}

static void a_router_in_between_hides_the_mac(void **state)
{
    (void)state;
    scene.ttl = 127;
    udp(SERVER, 500, PEER, 500, "00", true, FLOW_IKE);
    assert_false(found(HOST_SERVES)->has_mac);
}

#define ZEROES(n) n n n n
#define DHCP(op) op "01060000000001" "00000000" "00000000"
#define DHCP_REST "00000000" "00000000" "020000000007" ZEROES(ZEROES("000000000000000000000000")) "00000000000000000000" "63825363"

static void dhcp_has_no_address_but_a_mac(void **state)
{
    (void)state;
    udp("0.0.0.0", 68, "255.255.255.255", 67, "0101060000000001", false, FLOW_NEW);
    const struct host_deed *d = found(HOST_DHCP);
    is(&d->host, "02:00:00:00:00:07");
    /* a lease: 203.0.113.10/24 from 168.63.129.16 */
    udp("203.0.113.1", 67, SERVER, 68, DHCP("02") "cb00710a" DHCP_REST "350105" "0104ffffff00" "3604a83f8110" "ff", true, FLOW_NEW);
    d = found(HOST_LEASE);
    assert_non_null(d);
    is(&d->host, "02:00:00:00:00:07");
    is(&d->peer, SERVER);
    is(&d->by, "168.63.129.16");
    assert_int_equal(d->bits, 24);
    is(&found(HOST_DHCP_SERVED)->host, "203.0.113.1");
}

static void arp_tells_whose_mac_and_who_looks_for_whom(void **state)
{
    (void)state;
    link_frame_of(ETHERTYPE_ARP, "0001080006040001" "020000000007" "cb00710a" "000000000000" "cb007101");
    link_frame_of(ETHERTYPE_ARP, "0001080006040001" "020000000007" "cb00710a" "000000000000" "cb007163");
    link_frame_of(ETHERTYPE_ARP, "0001080006040001" "020000000007" "cb00710a" "000000000000" "cb00710a"); /* of itself */
    link_frame_of(ETHERTYPE_ARP, "0001080006040001" "020000000007" "00000000" "000000000000" "cb00710a"); /* RFC 5227: a probe */
    link_frame_of(ETHERTYPE_ARP, "00010800060400"); /* cut */
    const struct host_deed *d = found(HOST_ARP);
    is(&d->host, SERVER);
    is(&d->peer, "02:00:00:00:00:07");
    assert_int_equal(d->count, 3);
    assert_int_equal(d->asked_low, 0xcb007101);
    assert_int_equal(d->asked_high, 0xcb007163);
    assert_int_equal(number_of_deeds(), 1);
    link_frame_of(ETHERTYPE_LLDP, "0207");
    is(&found(HOST_LLDP)->host, "02:00:00:00:00:07");
}

/* Ten thousand others ask DNS: the table stays as it is, and what a VPN server did stays in it. */
static void the_table_is_bounded_and_keeps_servers(void **state)
{
    (void)state;
    udp(SERVER, 500, PEER, 500, "00", true, FLOW_IKE);
    udp(SERVER, 50000, "224.0.0.252", 5355, "00", false, FLOW_NEW);
    for (unsigned i = 0; i < 10000; i++) {
        struct packet p = packet(PACKET_UDP, at("10.0.0.0", 50000), at(PEER, 53));
        p.src.address.bytes[2] = (uint8_t)(i >> 8);
        p.src.address.bytes[3] = (uint8_t)i;
        hosts_flow(scene.hosts, &p, false, FLOW_DNS);
    }
    assert_true(number_of_deeds() <= HOST_DEEDS_MAX);
    assert_non_null(found(HOST_SERVES));
    assert_non_null(found(HOST_LLMNR));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_query_is_who_asks_and_for_what), TEST(an_open_port_is_one_that_is_answered), TEST(who_asks_inside_is_answered_or_not),
        TEST(multicast_is_told_by_port_and_group), TEST(ike_from_a_low_port_is_no_netbios), TEST(a_router_in_between_hides_the_mac),
        TEST(in_a_mirror_the_inner_mac_counts),
        TEST(dhcp_has_no_address_but_a_mac), TEST(arp_tells_whose_mac_and_who_looks_for_whom),
        TEST(the_table_is_bounded_and_keeps_servers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
