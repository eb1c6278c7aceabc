/* VXLAN, Geneve, GRE with ERSPAN, IP in IP: what is peeled, what is left alone, and who counts as the same host. */
#include "net_record.h"

static struct record r;

#define INNER_IPV4 IPV4(12, IP_PROTO_UDP), UDP(1812, 49152, 4), 0xc0, 0xff, 0xee, 0x01
#define INNER_IPV6 IPV6(12, IP_PROTO_UDP), UDP(1812, 49152, 4), 0xc0, 0xff, 0xee, 0x01
#define INNER_FRAME ETHERNET(0x0800), INNER_IPV4
enum { INNER_IPV4_LEN = 32, INNER_IPV6_LEN = 52, INNER_FRAME_LEN = 46 };

#define OUTER_A 10, 0, 0, 1
#define OUTER_B 10, 0, 0, 2
#define OUTER(payload, proto) IPV4_FULL(20 + (payload), 7, 0, 64, proto, LIST(OUTER_A), LIST(OUTER_B))
#define OUTER_BACK(payload, proto) IPV4_FULL(20 + (payload), 8, 0, 64, proto, LIST(OUTER_B), LIST(OUTER_A))
#define VXLAN(vni)                                                                                                     \
    0x08, 0x00, 0x00, 0x00, /* flags: the VNI is valid */                                                              \
    BE32((vni) << 8)        /* VNI, reserved */
#define GENEVE(words, type, vni)                                                                                       \
    words,           /* version 0, length of the options */                                                            \
    0x00,            /* neither control nor critical */                                                                \
    BE16(type),                                                                                                        \
    BE32((vni) << 8) /* VNI, reserved */

static void expect_peeled(const uint8_t *bytes, size_t len, unsigned depth)
{
    struct net_counters c = decode(&r, LINKTYPE_RAW, bytes, len, len);
    assert_int_equal(c.malformed + c.cut, 0);
    assert_int_equal(r.packets, 1);
    assert_int_equal(r.last.kind, PACKET_UDP);
    assert_int_equal(r.last.src.port, 1812);
    assert_int_equal(r.last.depth, depth);
    assert_int_not_equal(r.last.tunnel, 0);
    assert_int_equal(r.last.payload.len, 4);
    every_prefix(LINKTYPE_RAW, bytes, len);
    decode(&r, LINKTYPE_RAW, bytes, len, len);
}

static uint32_t tunnel_of(const uint8_t *bytes, size_t len)
{
    expect_peeled(bytes, len, 1);
    return r.last.tunnel;
}

static void vxlan(void **state)
{
    (void)state;
    enum { LEN = 8 + 8 + INNER_FRAME_LEN };
    const uint8_t there[] = {OUTER(LEN, 17), UDP(50000, 4789, LEN - 8), VXLAN(100), INNER_FRAME};
    const uint8_t back[] = {OUTER_BACK(LEN, 17), UDP(50001, 4789, LEN - 8), VXLAN(100), INNER_FRAME};
    const uint8_t other[] = {OUTER(LEN, 17), UDP(50000, 4789, LEN - 8), VXLAN(101), INNER_FRAME};
    uint32_t tunnel = tunnel_of(there, sizeof there);
    assert_int_equal(tunnel_of(back, sizeof back), tunnel);
    assert_int_not_equal(tunnel_of(other, sizeof other), tunnel);
}

/* Behind an outer Ethernet header, so that the outer MAC is there to be taken by mistake. */
static void the_mac_is_that_of_the_frame_inside(void **state)
{
    (void)state;
    enum { LEN = 8 + 8 + INNER_FRAME_LEN, PLAIN = 4 + INNER_IPV4_LEN };
    static const uint8_t inner[6] = {MAC_A};
    const uint8_t bridged[] = {MAC_A, MAC_B, BE16(0x0800), OUTER(LEN, 17), UDP(50000, 4789, LEN - 8), VXLAN(100), INNER_FRAME};
    const uint8_t routed[] = {MAC_A, MAC_B, BE16(0x0800), OUTER(PLAIN, IP_PROTO_GRE), BE16(0), BE16(0x0800), INNER_IPV4};
    const uint8_t bare[] = {MAC_A, MAC_B, BE16(0x0800), INNER_IPV4};
    decode(&r, LINKTYPE_ETHERNET, bridged, sizeof bridged, sizeof bridged);
    assert_non_null(r.last.inner_mac);
    assert_memory_equal(r.last.inner_mac, inner, sizeof inner);
    decode(&r, LINKTYPE_ETHERNET, routed, sizeof routed, sizeof routed);
    assert_int_equal(r.last.depth, 1);
    assert_null(r.last.inner_mac);
    decode(&r, LINKTYPE_ETHERNET, bare, sizeof bare, sizeof bare);
    assert_null(r.last.inner_mac);
}

static void the_port_alone_does_not_make_vxlan(void **state)
{
    (void)state;
    enum { LEN = 8 + 8 + INNER_FRAME_LEN };
    const uint8_t unflagged[] = {OUTER(LEN, 17), UDP(50000, 4789, LEN - 8), 0, 0, 0, 0, BE32(100 << 8), INNER_FRAME};
    const uint8_t brief[] = {OUTER(20, 17), UDP(50000, 4789, 12), VXLAN(100), 1, 2, 3, 4};
    decode(&r, LINKTYPE_RAW, unflagged, sizeof unflagged, sizeof unflagged);
    assert_int_equal(r.packets, 1);
    assert_int_equal(r.last.dst.port, 4789);
    assert_int_equal(r.last.payload.len, LEN - 8);
    decode(&r, LINKTYPE_RAW, brief, sizeof brief, sizeof brief);
    assert_int_equal(r.last.dst.port, 4789);
    assert_int_equal(r.last.payload.len, 12);
}

static void geneve(void **state)
{
    (void)state;
    enum { LEN = 8 + 12 + INNER_FRAME_LEN };
    const uint8_t bridged[] = {OUTER(LEN, 17), UDP(50000, 6081, LEN - 8), GENEVE(1, 0x6558, 5), BE32(0x01020304),
                               INNER_FRAME};
    const uint8_t routed[] = {OUTER(16 + INNER_IPV4_LEN, 17), UDP(50000, 6081, 8 + INNER_IPV4_LEN),
                              GENEVE(0, 0x0800, 5), INNER_IPV4};
    const uint8_t version_1[] = {OUTER(16 + INNER_IPV4_LEN, 17), UDP(50000, 6081, 8 + INNER_IPV4_LEN),
                                 GENEVE(0x40, 0x0800, 5), INNER_IPV4};
    uint32_t tunnel = tunnel_of(bridged, sizeof bridged);
    assert_int_equal(tunnel_of(routed, sizeof routed), tunnel);
    decode(&r, LINKTYPE_RAW, version_1, sizeof version_1, sizeof version_1);
    assert_int_equal(r.last.dst.port, 6081);
}

static void vxlan_on_other_ports(void **state)
{
    (void)state;
    enum { LEN = 16 + INNER_FRAME_LEN, IP_LEN = 16 + INNER_IPV4_LEN };
    const uint8_t linux_port[] = {OUTER(LEN, 17), UDP(50000, 8472, LEN - 8), VXLAN(100), INNER_FRAME};
    const uint8_t frame[] = {OUTER(LEN, 17), UDP(50000, 4790, LEN - 8), 0x0c, 0, 0, 3 /* Ethernet */, BE32(100 << 8), INNER_FRAME};
    const uint8_t packet[] = {OUTER(IP_LEN, 17), UDP(50000, 4790, IP_LEN - 8), 0x0c, 0, 0, 1 /* IPv4 */, BE32(100 << 8), INNER_IPV4};
    const uint8_t service[] = {OUTER(8 + IP_LEN, 17), UDP(50000, 4790, IP_LEN), 0x0c, 0, 0, 4 /* a service header */, BE32(100 << 8),
                               BE16(0x0fc2) /* TTL 63, two words */, 2, 1 /* IPv4 */, BE32(0x1ff), INNER_IPV4};
    const uint8_t nothing_known[] = {OUTER(LEN, 17), UDP(50000, 4790, LEN - 8), 0x0c, 0, 0, 9, BE32(100 << 8), INNER_FRAME};
    uint32_t tunnel = tunnel_of(linux_port, sizeof linux_port);
    assert_int_equal(tunnel_of(frame, sizeof frame), tunnel);
    assert_int_equal(tunnel_of(packet, sizeof packet), tunnel);
    assert_int_equal(tunnel_of(service, sizeof service), tunnel);
    decode(&r, LINKTYPE_RAW, nothing_known, sizeof nothing_known, sizeof nothing_known);
    assert_int_equal(r.last.dst.port, 4790);
}

static void tzsp(void **state)
{
    (void)state;
    enum { LEN = 8 + 9 + INNER_FRAME_LEN };
    const uint8_t tagged[] = {OUTER(LEN, 17), UDP(50000, 37008, LEN - 8), 1, 0, BE16(1), 0 /* padding */, 10, 1, 0x50, 1 /* end */, INNER_FRAME};
    const uint8_t keep_alive[] = {OUTER(12, 17), UDP(50000, 37008, 4), 1, 4, BE16(0)};
    tunnel_of(tagged, sizeof tagged);
    decode(&r, LINKTYPE_RAW, keep_alive, sizeof keep_alive, sizeof keep_alive);
    assert_int_equal(r.last.dst.port, 37008);
}

static void gre(void **state)
{
    (void)state;
    const uint8_t plain[] = {OUTER(4 + INNER_IPV4_LEN, 47), BE16(0), BE16(0x0800), INNER_IPV4};
    const uint8_t keyed[] = {
        OUTER(16 + INNER_FRAME_LEN, 47),
        BE16(0xb000), /* checksum, key, sequence number present */
        BE16(0x6558), /* transparent Ethernet bridging */
        BE32(0),      /* checksum, reserved */
        BE32(4711),   /* key */
        BE32(1),      /* sequence number */
        INNER_FRAME,
    };
    const uint8_t keyed_back[] = {OUTER_BACK(8 + INNER_IPV6_LEN, 47), BE16(0x2000), BE16(0x86dd), BE32(4711), INNER_IPV6};
    uint32_t tunnel = tunnel_of(keyed, sizeof keyed);
    assert_int_equal(tunnel_of(keyed_back, sizeof keyed_back), tunnel);
    assert_int_not_equal(tunnel_of(plain, sizeof plain), tunnel);
}

static void erspan(void **state)
{
    (void)state;
    const uint8_t type_1[] = {OUTER(4 + INNER_FRAME_LEN, 47), BE16(0), BE16(0x88be), INNER_FRAME};
    const uint8_t type_2[] = {
        OUTER(16 + INNER_FRAME_LEN, 47), BE16(0x1000), BE16(0x88be), BE32(9) /* sequence number */,
        BE16(0x1064), /* version 1 (type II), VLAN 100 */
        BE16(0x0007), /* session 7 */
        BE32(0),      /* reserved, index */
        INNER_FRAME,
    };
    const uint8_t type_3[] = {
        OUTER(28 + INNER_FRAME_LEN, 47), BE16(0x1000), BE16(0x22eb), BE32(9) /* sequence number */,
        BE16(0x2064), /* version 2 (type III), VLAN 100 */
        BE16(0x0007), /* session 7 */
        BE32(12345),  /* timestamp */
        BE16(0), BE16(0x0001), /* security group; a platform subheader follows */
        BE32(0), BE32(0),
        INNER_FRAME,
    };
    const uint8_t of_ip[] = {
        OUTER(20 + INNER_IPV4_LEN, 47), BE16(0x1000), BE16(0x22eb), BE32(9), BE16(0x2064), BE16(0x0007), BE32(12345),
        BE16(0), BE16(0x0800), /* frame type 2: IP */
        INNER_IPV4,
    };
    expect_peeled(type_1, sizeof type_1, 1);
    uint32_t tunnel = tunnel_of(type_2, sizeof type_2);
    assert_int_equal(tunnel_of(type_3, sizeof type_3), tunnel);
    assert_int_equal(tunnel_of(of_ip, sizeof of_ip), tunnel);
}

static void pptp_stays_as_it_is(void **state)
{
    (void)state;
    const uint8_t enhanced[] = {OUTER(12, 47), BE16(0x2001) /* key, version 1 */, BE16(0x880b), BE16(0), BE16(0x0042),
                                0, 0, 0, 0};
    decode(&r, LINKTYPE_RAW, enhanced, sizeof enhanced, sizeof enhanced);
    assert_int_equal(r.packets, 1);
    assert_int_equal(r.last.kind, PACKET_IP);
    assert_int_equal(r.last.ip_proto, IP_PROTO_GRE);
    assert_int_equal(r.last.payload.len, 12);
    assert_int_equal(r.last.tunnel, 0);
}

static void ip_in_ip(void **state)
{
    (void)state;
    const uint8_t four[] = {OUTER(INNER_IPV4_LEN, 4), INNER_IPV4}, six[] = {OUTER(INNER_IPV6_LEN, 41), INNER_IPV6};
    const uint8_t twice[] = {OUTER(20 + INNER_IPV4_LEN, 4), OUTER(INNER_IPV4_LEN, 4), INNER_IPV4};
    const uint8_t noise[] = {OUTER(4, 4), 0xff, 0xff, 0xff, 0xff};
    expect_peeled(four, sizeof four, 1);
    expect_peeled(six, sizeof six, 1);
    expect_peeled(twice, sizeof twice, 2);
    decode(&r, LINKTYPE_RAW, noise, sizeof noise, sizeof noise);
    assert_int_equal(r.last.kind, PACKET_IP);
    assert_int_equal(r.last.ip_proto, IP_PROTO_IPIP);
}

/* A thousand headers one in the other: given up early, and counted. */
static void nesting_is_bounded(void **state)
{
    (void)state;
    enum { DEPTH = 1000 };
    static uint8_t tower[DEPTH * 20];
    for (size_t i = 0; i < DEPTH; i++) {
        const uint8_t header[] = {OUTER(DEPTH * 20 - 20 * (i + 1), 4)};
        memcpy(tower + 20 * i, header, sizeof header);
    }
    struct net_counters c = decode(&r, LINKTYPE_RAW, tower, sizeof tower, sizeof tower);
    assert_int_equal(c.too_deep, 1);
    assert_int_equal(c.packets, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vxlan),
        cmocka_unit_test(the_mac_is_that_of_the_frame_inside),
        cmocka_unit_test(the_port_alone_does_not_make_vxlan),
        cmocka_unit_test(geneve),
        cmocka_unit_test(vxlan_on_other_ports),
        cmocka_unit_test(tzsp),
        cmocka_unit_test(gre),
        cmocka_unit_test(erspan),
        cmocka_unit_test(pptp_stays_as_it_is),
        cmocka_unit_test(ip_in_ip),
        cmocka_unit_test(nesting_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
