/* Link layers and tunnels down to the packet: each header by hand, one field per line. */
#include "net_record.h"

#include "capture/wire/address.h"

static struct record r;

#define INNER_PAYLOAD 0xc0, 0xff, 0xee, 0x01
#define INNER_UDP UDP(1812, 49152, 4), INNER_PAYLOAD
#define INNER_IPV4 IPV4(12, IP_PROTO_UDP), INNER_UDP
#define INNER_IPV6 IPV6(12, IP_PROTO_UDP), INNER_UDP
enum { INNER_IPV4_LEN = 32, INNER_IPV6_LEN = 52 };

static void expect_endpoints(const char *src, const char *dst)
{
    char text[ENDPOINT_TEXT];
    assert_string_equal(endpoint_text(text, &r.last.src), src);
    assert_string_equal(endpoint_text(text, &r.last.dst), dst);
}

/* Decodes a frame that must give the UDP packet above, and all its prefixes. */
static void expect_inner(uint16_t link_type, const uint8_t *bytes, size_t len, bool ipv6)
{
    struct net_counters c = decode(&r, link_type, bytes, len, len);
    assert_int_equal(c.malformed + c.cut + c.unknown_link, 0);
    assert_int_equal(r.packets, 1);
    assert_int_equal(r.last.kind, PACKET_UDP);
    if (ipv6)
        expect_endpoints("[2001:db8::a]:1812", "[2001:db8::b]:49152");
    else
        expect_endpoints("192.0.2.1:1812", "198.51.100.2:49152");
    const uint8_t payload[] = {INNER_PAYLOAD};
    assert_int_equal(r.last.payload.len, sizeof payload);
    assert_int_equal(r.last.payload_wire_len, sizeof payload);
    assert_memory_equal(r.payload, payload, sizeof payload);
    every_prefix(link_type, bytes, len);
    decode(&r, link_type, bytes, len, len);
}

#define EXPECT_IPV4(link_type, bytes) expect_inner(link_type, bytes, sizeof(bytes), false)
#define EXPECT_IPV6(link_type, bytes) expect_inner(link_type, bytes, sizeof(bytes), true)

static void ethernet(void **state)
{
    (void)state;
    const uint8_t v4[] = {ETHERNET(0x0800), INNER_IPV4}, v6[] = {ETHERNET(0x86dd), INNER_IPV6};
    EXPECT_IPV6(LINKTYPE_ETHERNET, v6);
    assert_int_equal(r.last.ttl, 61);
    EXPECT_IPV4(LINKTYPE_ETHERNET, v4);
    assert_int_equal(r.last.ttl, 64);
    assert_int_equal(r.last.vlan, 0);
    assert_int_equal(r.last.tunnel, 0);
    assert_int_equal(r.last.depth, 0);
    assert_int_equal(r.last.fragments, 0);
    assert_int_equal(r.last.first_frame, 1);
}

static void ethernet_padding_is_no_payload(void **state)
{
    (void)state;
    const uint8_t padded[60] = {ETHERNET(0x0800), INNER_IPV4};
    decode(&r, LINKTYPE_ETHERNET, padded, sizeof padded, sizeof padded);
    assert_int_equal(r.packets, 1);
    assert_int_equal(r.last.payload.len, 4);
}

static void vlan_tags(void **state)
{
    (void)state;
    const uint8_t one[] = {ETHERNET(0x8100), BE16(0xa064) /* priority 5, id 100 */, BE16(0x0800), INNER_IPV4};
    const uint8_t two[] = {ETHERNET(0x88a8), BE16(200), BE16(0x8100), BE16(100), BE16(0x86dd), INNER_IPV6};
    const uint8_t old[] = {ETHERNET(0x9100), BE16(300), BE16(0x8100), BE16(100), BE16(0x0800), INNER_IPV4};
    EXPECT_IPV4(LINKTYPE_ETHERNET, one);
    assert_int_equal(r.last.vlan, 100);
    EXPECT_IPV6(LINKTYPE_ETHERNET, two);
    assert_int_equal(r.last.vlan, 200);
    EXPECT_IPV4(LINKTYPE_ETHERNET, old);
    assert_int_equal(r.last.vlan, 300);
    assert_int_equal(r.last.tunnel, 0);
}

#define SNAP 0xaa, 0xaa, 0x03, 0x00, 0x00, 0x00 /* DSAP, SSAP, UI, OUI of encapsulated Ethernet */

static void ieee_802_3_with_snap(void **state)
{
    (void)state;
    const uint8_t snap[] = {ETHERNET(8 + INNER_IPV4_LEN), SNAP, BE16(0x0800), INNER_IPV4};
    const uint8_t spanning_tree[] = {ETHERNET(7), 0x42, 0x42, 0x03, 0, 0, 0, 0};
    EXPECT_IPV4(LINKTYPE_ETHERNET, snap);
    struct net_counters c = decode(&r, LINKTYPE_ETHERNET, spanning_tree, sizeof spanning_tree, sizeof spanning_tree);
    assert_int_equal(c.packets + c.malformed + c.cut, 0);
}

#define MACSEC(control) BE16(0x88e5), control, 0 /* short length */, BE32(7) /* packet number */
#define CHECK_VALUE BE32(0xdeadbeef), BE32(0xdeadbeef), BE32(0xdeadbeef), BE32(0xdeadbeef)

static void macsec_that_only_protects(void **state)
{
    (void)state;
    const uint8_t alone[] = {MAC_B, MAC_A, MACSEC(0x00), BE16(0x0800), INNER_IPV4, CHECK_VALUE};
    const uint8_t with_sci[] = {MAC_B, MAC_A, MACSEC(0x20), MAC_A, BE16(1), BE16(0x8100), BE16(100), BE16(0x86dd), INNER_IPV6, CHECK_VALUE};
    const uint8_t encrypted[] = {MAC_B, MAC_A, MACSEC(0x2c), MAC_A, BE16(1), BE16(0x0800), INNER_IPV4, CHECK_VALUE};
    EXPECT_IPV4(LINKTYPE_ETHERNET, alone);
    EXPECT_IPV6(LINKTYPE_ETHERNET, with_sci);
    assert_int_equal(r.last.payload_wire_len, 4);
    decode(&r, LINKTYPE_ETHERNET, encrypted, sizeof encrypted, sizeof encrypted);
    assert_int_equal(r.packets, 1);
    assert_int_equal(r.last.kind, PACKET_LINK);
    assert_int_equal(r.last.ethertype, 0x88e5);
}

static void tags_of_switches_and_taps(void **state)
{
    (void)state;
    const uint8_t metadata[] = {MAC_B, MAC_A, BE16(0x8909), 1, 1, BE16(1), BE16(100) /* security group */, BE16(0x0800), INNER_IPV4};
    const uint8_t time_64[] = {MAC_B, MAC_A, BE16(0xd28b), BE16(1), BE16(0x0010), BE32(1), BE32(2), BE16(0x0800), INNER_IPV4};
    const uint8_t time_48[] = {MAC_B, MAC_A, BE16(0xd28b), BE16(1), BE16(0x0120), BE32(1), BE16(2), BE16(0x86dd), INNER_IPV6};
    const uint8_t port[] = {MAC_B, MAC_A, BE16(0xdada), BE16(0), BE32(0x40000001), BE16(0x0800), INNER_IPV4};
    const uint8_t backbone[] = {MAC_A, MAC_B, BE16(0x88a8), BE16(5), BE16(0x88e7), BE32(4711), ETHERNET(0x0800), INNER_IPV4};
    EXPECT_IPV4(LINKTYPE_ETHERNET, metadata);
    EXPECT_IPV4(LINKTYPE_ETHERNET, time_64);
    EXPECT_IPV6(LINKTYPE_ETHERNET, time_48);
    EXPECT_IPV4(LINKTYPE_ETHERNET, port);
    EXPECT_IPV4(LINKTYPE_ETHERNET, backbone);
    assert_non_null(r.last.inner_mac); /* the backbone's own are its bridges' */
    EXPECT_IPV4(LINKTYPE_ETHERNET, port);
    assert_null(r.last.inner_mac);
}

/* Many cards' addresses begin with four zero bits, as a control word does. */
static void pseudowires(void **state)
{
    (void)state;
    const uint8_t bare[] = {ETHERNET(0x8847), BE32(100 << 12 | 0x100 | 64), ETHERNET(0x0800), INNER_IPV4};
    const uint8_t controlled[] = {ETHERNET(0x8847), BE32(100 << 12 | 0x100 | 64), BE32(3), ETHERNET(0x0800), INNER_IPV4};
    EXPECT_IPV4(LINKTYPE_ETHERNET, bare);
    EXPECT_IPV4(LINKTYPE_ETHERNET, controlled);
}

static void headers_of_other_systems(void **state)
{
    (void)state;
    enum { ENC = 109, PFLOG = 117, JUNIPER = 178, PKTAP = 258, BRCM = 281, BRCM_PREPEND = 282, DSA = 284 };
    const uint8_t enc[] = {2, 0, 0, 0, BE32(0x1234), BE32(0), INNER_IPV4};
    const uint8_t pflog[] = {5 /* padded to 8 */, 24, 0, 0, 0, 0, 0, 0, INNER_IPV6};
    const uint8_t juniper[] = {'M', 'G', 'C', 0x81, BE16(3), 1, 1, 0, ETHERNET(0x0800), INNER_IPV4};
    const uint8_t juniper_ip[] = {'M', 'G', 'C', 0x02, INNER_IPV6};
    const uint8_t pktap[] = {16, 0, 0, 0, 1, 0, 0, 0, LINKTYPE_ETHERNET, 0, 0, 0, BE32(0), ETHERNET(0x0800), INNER_IPV4};
    const uint8_t chip[] = {MAC_B, MAC_A, BE32(0x40000001), BE16(0x0800), INNER_IPV4};
    const uint8_t before[] = {BE32(0x40000001), ETHERNET(0x86dd), INNER_IPV6};
    EXPECT_IPV4(ENC, enc);
    EXPECT_IPV6(PFLOG, pflog);
    EXPECT_IPV4(JUNIPER, juniper);
    EXPECT_IPV6(JUNIPER, juniper_ip);
    EXPECT_IPV4(PKTAP, pktap);
    EXPECT_IPV4(BRCM, chip);
    EXPECT_IPV4(DSA, chip);
    EXPECT_IPV6(BRCM_PREPEND, before);
    assert_true(net_reads_link(PFLOG));
    assert_false(net_reads_link(220)); /* USB */
}

static void arp_is_handed_on_by_its_ethertype(void **state)
{
    (void)state;
    const uint8_t arp[] = {ETHERNET(0x0806), 0x00, 0x01, 0x08, 0x00};
    decode(&r, LINKTYPE_ETHERNET, arp, sizeof arp, sizeof arp);
    assert_int_equal(r.packets, 1);
    assert_int_equal(r.last.kind, PACKET_LINK);
    assert_int_equal(r.last.ethertype, ETHERTYPE_ARP);
    assert_int_equal(r.last.payload.len, 4);
    expect_endpoints("02:00:00:00:00:0a", "02:00:00:00:00:0b");
}

#define EAPOL_START 0x02 /* version */, 0x01 /* EAPOL-Start */, BE16(0) /* body length */

static void eapol_loses_its_padding(void **state)
{
    (void)state;
    const uint8_t start[60] = {ETHERNET(0x888e), EAPOL_START};
    decode(&r, LINKTYPE_ETHERNET, start, sizeof start, sizeof start);
    assert_int_equal(r.packets, 1);
    assert_int_equal(r.last.kind, PACKET_EAPOL);
    assert_int_equal(r.last.payload.len, 4);
    expect_endpoints("02:00:00:00:00:0a", "02:00:00:00:00:0b");
}

static void linux_cooked(void **state)
{
    (void)state;
    const uint8_t sll[] = {
        BE16(4),         /* packet type: sent by us */
        BE16(1),         /* ARPHRD_ETHER */
        BE16(6),         /* address length */
        MAC_A, BE16(0),  /* address, padded to 8 */
        BE16(0x0800),    /* protocol */
        INNER_IPV4,
    };
    const uint8_t sll2[] = {
        BE16(0x86dd),    /* protocol */
        BE16(0),         /* reserved */
        BE32(3),         /* interface index */
        BE16(1),         /* ARPHRD_ETHER */
        0x00,            /* packet type: to us */
        6,               /* address length */
        MAC_A, BE16(0),  /* address, padded to 8 */
        INNER_IPV6,
    };
    EXPECT_IPV4(LINKTYPE_LINUX_SLL, sll);
    EXPECT_IPV6(LINKTYPE_LINUX_SLL2, sll2);
}

static void raw_ip(void **state)
{
    (void)state;
    const uint8_t v4[] = {INNER_IPV4}, v6[] = {INNER_IPV6};
    EXPECT_IPV4(LINKTYPE_RAW, v4);
    EXPECT_IPV6(LINKTYPE_RAW, v6);
    EXPECT_IPV4(12, v4);
    EXPECT_IPV6(14, v6);
    EXPECT_IPV4(LINKTYPE_IPV4, v4);
    EXPECT_IPV6(LINKTYPE_IPV6, v6);
}

static void loopback_families_of_both_byte_orders(void **state)
{
    (void)state;
    const uint8_t little[] = {2, 0, 0, 0, INNER_IPV4}, big[] = {0, 0, 0, 2, INNER_IPV4};
    EXPECT_IPV4(LINKTYPE_NULL, little);
    EXPECT_IPV4(LINKTYPE_NULL, big);
    EXPECT_IPV4(LINKTYPE_LOOP, big);
    const uint8_t families[] = {10 /* Linux */, 23 /* Windows */, 24 /* OpenBSD */, 28 /* FreeBSD */, 30 /* macOS */};
    for (size_t i = 0; i < sizeof families; i++) {
        const uint8_t six_little[] = {families[i], 0, 0, 0, INNER_IPV6}, six_big[] = {0, 0, 0, families[i], INNER_IPV6};
        EXPECT_IPV6(LINKTYPE_NULL, six_little);
        EXPECT_IPV6(LINKTYPE_LOOP, six_big);
    }
}

static void ppp(void **state)
{
    (void)state;
    const uint8_t plain[] = {BE16(0x0021), INNER_IPV4};
    const uint8_t framed[] = {0xff, 0x03, BE16(0x0057), INNER_IPV6};
    const uint8_t compressed[] = {0x21, INNER_IPV4};
    const uint8_t sent[] = {0x01 /* direction: sent */, 0xff, 0x03, BE16(0x0021), INNER_IPV4};
    const uint8_t cisco[] = {0x0f /* unicast */, 0x00, BE16(0x0800), INNER_IPV4};
    EXPECT_IPV4(LINKTYPE_PPP, plain);
    EXPECT_IPV6(LINKTYPE_PPP, framed);
    EXPECT_IPV4(LINKTYPE_PPP, compressed);
    EXPECT_IPV4(LINKTYPE_PPP_WITH_DIR, sent);
    EXPECT_IPV6(LINKTYPE_PPP_HDLC, framed);
    EXPECT_IPV4(LINKTYPE_PPP_HDLC, cisco);
}

#define PPPOE(length)                                                                                                  \
    0x11,        /* version 1, type 1 */                                                                               \
    0x00,        /* session data */                                                                                    \
    BE16(0x0777), /* session */                                                                                        \
    BE16(length)

static void pppoe(void **state)
{
    (void)state;
    const uint8_t in_ethernet[] = {ETHERNET(0x8864), PPPOE(2 + INNER_IPV4_LEN), BE16(0x0021), INNER_IPV4};
    const uint8_t alone[] = {PPPOE(2 + INNER_IPV6_LEN), BE16(0x0057), INNER_IPV6};
    const uint8_t lcp[] = {ETHERNET(0x8864), PPPOE(6), BE16(0xc021), 0x01, 0x01, BE16(4)};
    EXPECT_IPV4(LINKTYPE_ETHERNET, in_ethernet);
    EXPECT_IPV6(LINKTYPE_PPP_ETHER, alone);
    decode(&r, LINKTYPE_ETHERNET, lcp, sizeof lcp, sizeof lcp);
    assert_int_equal(r.last.kind, PACKET_LINK);
    assert_int_equal(r.last.ethertype, 0x880b);
    assert_int_equal(r.last.payload.len, 6); /* from the PPP protocol field on */
    assert_int_equal(r.payload[0], 0xc0);
}

#define MAC_AP 0x02, 0x00, 0x00, 0x00, 0x00, 0xaa
#define WLAN(fc0, fc1, a1, a2, a3)                                                                                     \
    fc0, fc1,   /* frame control */                                                                                    \
    0x00, 0x00, /* duration */                                                                                         \
    a1,         /* address 1: receiver */                                                                              \
    a2,         /* address 2: transmitter */                                                                           \
    a3,         /* address 3 */                                                                                        \
    0x10, 0x00  /* sequence control */

static void expect_eapol_start(uint16_t link_type, const uint8_t *bytes, size_t len)
{
    struct net_counters c = decode(&r, link_type, bytes, len, len);
    assert_int_equal(c.malformed + c.cut, 0);
    assert_int_equal(r.packets, 1);
    assert_int_equal(r.last.kind, PACKET_EAPOL);
    assert_int_equal(r.last.payload.len, 4);
    expect_endpoints("02:00:00:00:00:0a", "02:00:00:00:00:0b");
    every_prefix(link_type, bytes, len);
}

static void wlan_data_frames(void **state)
{
    (void)state;
    const uint8_t to_ap[] = {WLAN(0x08, 0x01, LIST(MAC_AP), LIST(MAC_A), LIST(MAC_B)), SNAP, BE16(0x888e), EAPOL_START};
    const uint8_t from_ap_qos[] = {WLAN(0x88, 0x02, LIST(MAC_B), LIST(MAC_AP), LIST(MAC_A)), 0x06, 0x00 /* QoS */,
                                   SNAP, BE16(0x888e), EAPOL_START};
    const uint8_t ht_control[] = {WLAN(0x88, 0x81, LIST(MAC_AP), LIST(MAC_A), LIST(MAC_B)), 0x00, 0x00 /* QoS */,
                                  1, 2, 3, 4 /* HT control */, SNAP, BE16(0x888e), EAPOL_START};
    const uint8_t wds[] = {WLAN(0x08, 0x03, LIST(MAC_AP), LIST(MAC_AP), LIST(MAC_B)), MAC_A /* address 4 */,
                           SNAP, BE16(0x888e), EAPOL_START};
    const uint8_t ad_hoc[] = {WLAN(0x08, 0x00, LIST(MAC_B), LIST(MAC_A), LIST(MAC_AP)), SNAP, BE16(0x888e), EAPOL_START};
    expect_eapol_start(LINKTYPE_IEEE802_11, to_ap, sizeof to_ap);
    expect_eapol_start(LINKTYPE_IEEE802_11, from_ap_qos, sizeof from_ap_qos);
    expect_eapol_start(LINKTYPE_IEEE802_11, ht_control, sizeof ht_control);
    expect_eapol_start(LINKTYPE_IEEE802_11, wds, sizeof wds);
    expect_eapol_start(LINKTYPE_IEEE802_11, ad_hoc, sizeof ad_hoc);
}

static void wlan_frames_that_show_nothing(void **state)
{
    (void)state;
    const uint8_t encrypted[] = {WLAN(0x08, 0x41, LIST(MAC_AP), LIST(MAC_A), LIST(MAC_B)), SNAP, BE16(0x888e), EAPOL_START};
    const uint8_t beacon[] = {WLAN(0x80, 0x00, LIST(MAC_B), LIST(MAC_A), LIST(MAC_A)), SNAP, BE16(0x888e), EAPOL_START};
    const uint8_t null_data[] = {WLAN(0x48, 0x01, LIST(MAC_AP), LIST(MAC_A), LIST(MAC_B))};
    const uint8_t aggregated[] = {WLAN(0x88, 0x02, LIST(MAC_B), LIST(MAC_AP), LIST(MAC_A)), 0x80, 0x00, SNAP,
                                  BE16(0x888e), EAPOL_START};
    const struct span all[] = {{encrypted, sizeof encrypted}, {beacon, sizeof beacon},
                               {null_data, sizeof null_data}, {aggregated, sizeof aggregated}};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct net_counters c = decode(&r, LINKTYPE_IEEE802_11, all[i].data, all[i].len, all[i].len);
        assert_int_equal(c.packets + c.malformed + c.cut, 0);
    }
}

static void wlan_behind_monitor_headers(void **state)
{
    (void)state;
    const uint8_t radiotap[] = {
        0x00, 0x00,             /* version, pad */
        18, 0x00,               /* length */
        0x03, 0x00, 0x00, 0x00, /* present: TSFT, flags */
        1, 2, 3, 4, 5, 6, 7, 8, /* TSFT, aligned to 8 */
        0x10,                   /* flags: a frame check sequence follows */
        0x00,
        WLAN(0x08, 0x01, LIST(MAC_AP), LIST(MAC_A), LIST(MAC_B)), SNAP, BE16(0x888e), EAPOL_START,
        0xde, 0xad, 0xbe, 0xef, /* frame check sequence */
    };
    const uint8_t padded[] = {
        0x00, 0x00,             /* version, pad */
        9, 0x00,                /* length */
        0x02, 0x00, 0x00, 0x00, /* present: flags */
        0x20,                   /* flags: padded to four bytes behind the header */
        WLAN(0x88, 0x01, LIST(MAC_AP), LIST(MAC_A), LIST(MAC_B)), 0x00, 0x00 /* QoS */, 0x00, 0x00 /* padding */,
        SNAP, BE16(0x888e), EAPOL_START,
    };
    uint8_t prism[144 + 36] = {
        0x44, 0x00, 0x00, 0x00, /* message code */
        144, 0x00, 0x00, 0x00,  /* message length, little-endian */
    };
    const uint8_t data[] = {WLAN(0x08, 0x01, LIST(MAC_AP), LIST(MAC_A), LIST(MAC_B)), SNAP, BE16(0x888e), EAPOL_START};
    assert_int_equal(sizeof data, 36);
    memcpy(prism + 144, data, sizeof data);
    expect_eapol_start(LINKTYPE_IEEE802_11_RADIOTAP, radiotap, sizeof radiotap);
    expect_eapol_start(LINKTYPE_IEEE802_11_RADIOTAP, padded, sizeof padded);
    expect_eapol_start(LINKTYPE_IEEE802_11_PRISM, prism, sizeof prism);
}

static void mpls_labels(void **state)
{
    (void)state;
    const uint8_t stack[] = {ETHERNET(0x8847), 0x00, 0x06, 0x40, 0xff, 0x00, 0x06, 0x51, 0xff /* bottom */, INNER_IPV4};
    const uint8_t pseudowire[] = {ETHERNET(0x8847), 0x00, 0x06, 0x51, 0xff, BE32(0) /* control word */,
                                  ETHERNET(0x86dd), INNER_IPV6};
    EXPECT_IPV4(LINKTYPE_ETHERNET, stack);
    EXPECT_IPV6(LINKTYPE_ETHERNET, pseudowire);
}

static void an_unknown_link_type_is_counted(void **state)
{
    (void)state;
    struct net_counters c = decode(&r, 147, "user", 4, 4);
    assert_int_equal(c.unknown_link, 1);
    assert_int_equal(c.packets, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ethernet),
        cmocka_unit_test(ethernet_padding_is_no_payload),
        cmocka_unit_test(vlan_tags),
        cmocka_unit_test(ieee_802_3_with_snap),
        cmocka_unit_test(macsec_that_only_protects),
        cmocka_unit_test(tags_of_switches_and_taps),
        cmocka_unit_test(pseudowires),
        cmocka_unit_test(headers_of_other_systems),
        cmocka_unit_test(arp_is_handed_on_by_its_ethertype),
        cmocka_unit_test(eapol_loses_its_padding),
        cmocka_unit_test(linux_cooked),
        cmocka_unit_test(raw_ip),
        cmocka_unit_test(loopback_families_of_both_byte_orders),
        cmocka_unit_test(ppp),
        cmocka_unit_test(pppoe),
        cmocka_unit_test(wlan_data_frames),
        cmocka_unit_test(wlan_frames_that_show_nothing),
        cmocka_unit_test(wlan_behind_monitor_headers),
        cmocka_unit_test(mpls_labels),
        cmocka_unit_test(an_unknown_link_type_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
