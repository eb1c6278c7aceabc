/* What is said of a VPN server's external NIC: deeds of hosts made by hand. wire-facts 8. */
#include "raised.h"

#include <stdio.h>
#include <stdlib.h>

#include "addresses_by_hand.h"

#define SERVER "203.0.113.10"
#define INSIDE "10.0.0.5" /* a server behind a translator */

static struct scene {
    struct nat_settings settings;
    struct nat_network internal;
    struct services *services;
    struct findings *findings;
    struct nic *nic;
    uint64_t frames;
    int64_t ends_ns;
} scene;

static int begin(void **state)
{
    (void)state;
    memset(&scene, 0, sizeof scene);
    scene.services = services_new();
    scene.findings = findings_new();
    scene.nic = nic_new(&scene.settings);
    scene.ends_ns = 60 * INT64_C(1000000000);
    return 0;
}

static int end(void **state)
{
    (void)state;
    nic_free(scene.nic);
    services_free(scene.services);
    findings_free(scene.findings);
    return 0;
}

static struct address mac(uint8_t last)
{
    const uint8_t bytes[6] = {2, 0, 0, 0, 0, last};
    return address_mac(bytes);
}

static void vpn(const char *server)
{
    struct address a = address_of(server);
    services_name(scene.services, &a);
}

static struct host_deed deed(struct address host, enum host_kind kind, const char *peer, uint8_t from_mac)
{
    struct place where = {.frame = ++scene.frames, .time_ns = (int64_t)scene.frames * 1000000};
    struct host_deed d = {.host = host, .kind = (uint8_t)kind, .peer = peer != NULL ? address_of(peer) : (struct address){.family = FAMILY_NONE}, .count = 1, .places = {where}, .last = where,
                          .asked_low = UINT32_MAX, .has_mac = from_mac != 0};
    memcpy(d.mac, mac(from_mac).bytes, 6);
    return d;
}

static void does(const char *host, enum host_kind kind, const char *peer, bool answered)
{
    struct host_deed d = deed(address_of(host), kind, peer, 0);
    d.answered = answered;
    nic_add(scene.nic, &d, 1);
}

static void claims(const char *host, uint8_t at, uint32_t asked_low, uint32_t asked_high)
{
    struct host_deed d = deed(address_of(host), HOST_ARP, NULL, at);
    d.peer = mac(at);
    d.asked_low = asked_low;
    d.asked_high = asked_high;
    nic_add(scene.nic, &d, 1);
}

/* RADIUS about a client of this server comes from that address. */
static void joined(const char *server, const char *asks)
{
    static struct exchange tunnel, login;
    tunnel = (struct exchange){.type = CONVERSATION_IKE, .server.address = address_of(server)};
    login = (struct exchange){.type = CONVERSATION_RADIUS, .client.address = address_of(asks)};
    struct session s = {.exchanges = {&tunnel, &login}, .exchange_count = 2, .tunnel = &tunnel, .login = &login, .main = &login};
    nic_session(scene.nic, &s);
}

static void judge(void)
{
    struct capture_report capture = {.info.last_ns = scene.ends_ns};
    rules_nic(scene.findings, &(struct rule_input){
                                  .nic = scene.nic, .services = scene.services, .captures = &capture, .capture_count = 1});
    findings_finish(scene.findings);
}

static const struct finding *raised(enum finding_id id)
{
    return raised_in(scene.findings, id);
}

static void warns(enum finding_id id)
{
    const struct finding *f = raised(id);
    assert_non_null(f);
    assert_int_equal(f->severity, SEVERITY_WARNING);
    assert_true(f->evidence_count > 0);
}

static void informs(enum finding_id id)
{
    const struct finding *f = raised(id);
    assert_non_null(f);
    assert_int_equal(f->severity, SEVERITY_INFO);
}

static void multicast_names_are_wrong_outside(void **state)
{
    (void)state;
    vpn(SERVER);
    does(SERVER, HOST_LLMNR, "224.0.0.252", false);
    does(SERVER, HOST_MDNS, "224.0.0.251", false);
    does(SERVER, HOST_NETBIOS, "203.0.113.255", false);
    does(SERVER, HOST_SSDP, "239.255.255.250", false);
    judge();
    warns(FINDING_NIC_NAME_RESOLUTION);
    assert_non_null(strstr(raised(FINDING_NIC_NAME_RESOLUTION)->title, "LLMNR, mDNS and NetBIOS"));
    warns(FINDING_NIC_DISCOVERY);
    assert_int_equal(number_in(scene.findings), 2);
}

static void what_neighbours_do_counts_for_nothing(void **state)
{
    (void)state;
    vpn(SERVER);
    does("203.0.113.11", HOST_LLMNR, "224.0.0.252", false);
    does("203.0.113.11", HOST_DNS, "198.51.100.53", true);
    does("198.51.100.9", HOST_SMB, SERVER, false);
    judge();
    assert_int_equal(number_in(scene.findings), 0);
}

/* That nobody answers says nothing where answers were not captured. */
static void one_direction_shows_no_second_nic(void **state)
{
    (void)state;
    struct dissect_counters counters = {.judged_flows = 20, .one_sided_flows = 20};
    vpn(INSIDE);
    does(INSIDE, HOST_SMB, "10.0.1.5", false);
    rules_nic(scene.findings, &(struct rule_input){.nic = scene.nic, .services = scene.services, .counters = &counters});
    findings_finish(scene.findings);
    assert_non_null(raised(FINDING_NIC_SMB));
    assert_int_equal(raised(FINDING_NIC_SMB)->severity, SEVERITY_INFO);
}

static void dns_outside_is_wrong(void **state)
{
    (void)state;
    vpn(SERVER);
    struct host_deed d = deed(address_of(SERVER), HOST_DNS, "198.51.100.53", 0);
    memcpy(d.name, "_ldap._tcp.dc._msdcs.corp.contoso.com", 38);
    d.directory = true;
    d.named = d.places[0];
    nic_add(scene.nic, &d, 1);
    judge();
    warns(FINDING_NIC_DNS_CLIENT);
    assert_non_null(strstr(raised(FINDING_NIC_DNS_CLIENT)->explanation, "_msdcs"));
}

static void one_nic_keeps_quiet_about_the_inside(void **state)
{
    (void)state;
    vpn(INSIDE);
    does(INSIDE, HOST_RADIUS, "10.0.1.11", true);
    does(INSIDE, HOST_DNS, "10.0.1.5", true);
    does(INSIDE, HOST_KERBEROS, "10.0.1.5", true);
    does(INSIDE, HOST_LDAP, "10.0.1.5", true);
    does(INSIDE, HOST_SMB, "10.0.1.5", true);
    does(INSIDE, HOST_SMB_OPEN, "10.0.1.77", false);
    does(INSIDE, HOST_NTP, "10.0.1.5", true);
    does(INSIDE, HOST_RDP_OPEN, "10.0.1.77", false);
    judge();
    assert_int_equal(number_in(scene.findings), 0);
}

static void one_nic_may_shout_and_may_not_be_open(void **state)
{
    (void)state;
    vpn(INSIDE);
    does(INSIDE, HOST_RADIUS, "10.0.1.11", true);
    does(INSIDE, HOST_LLMNR, "224.0.0.252", false);
    does(INSIDE, HOST_RDP_OPEN, "198.51.100.9", false);
    does(INSIDE, HOST_SMB_OPEN, "198.51.100.9", false);
    judge();
    informs(FINDING_NIC_NAME_RESOLUTION);
    warns(FINDING_NIC_UNEXPECTED_PROTOCOL);
    warns(FINDING_NIC_SMB);
    assert_int_equal(number_in(scene.findings), 3);
}

static void the_other_nic_is_where_the_inside_belongs(void **state)
{
    (void)state;
    vpn(INSIDE);
    joined(INSIDE, "10.0.9.5");
    does(INSIDE, HOST_DNS, "10.0.1.5", true);
    does(INSIDE, HOST_RADIUS, "10.0.1.11", true);
    judge();
    warns(FINDING_NIC_DNS_CLIENT);
    warns(FINDING_NIC_UNEXPECTED_PROTOCOL);
    assert_int_equal(raised(FINDING_NIC_DNS_CLIENT)->confidence, CONFIDENCE_CERTAIN);
    assert_non_null(strstr(raised(FINDING_NIC_DNS_CLIENT)->explanation, "10.0.9.5"));
}

static void radius_from_the_same_address_shows_one_nic(void **state)
{
    (void)state;
    vpn(INSIDE);
    joined(INSIDE, INSIDE);
    does(INSIDE, HOST_DNS, "10.0.1.5", false);
    judge();
    assert_int_equal(number_in(scene.findings), 0);
}

static void dns_alone_does_not_tell(void **state)
{
    (void)state;
    vpn(INSIDE);
    does(INSIDE, HOST_DNS, "10.0.1.5", true);
    judge();
    informs(FINDING_NIC_DNS_CLIENT);
    assert_int_equal(raised(FINDING_NIC_DNS_CLIENT)->confidence, CONFIDENCE_HINT);
}

static void what_the_inside_does_not_answer_took_the_wrong_way(void **state)
{
    (void)state;
    vpn(INSIDE);
    does(INSIDE, HOST_SERVES, NULL, true);
    does(INSIDE, HOST_DNS, "10.0.1.5", false);
    does(INSIDE, HOST_RADIUS, "10.0.1.11", false);
    judge();
    warns(FINDING_NIC_DNS_CLIENT);
    warns(FINDING_NIC_UNEXPECTED_PROTOCOL);
}

/* One direction only, or the capture ends. */
static void answers_that_could_not_be_seen_are_not_missed(void **state)
{
    (void)state;
    vpn(INSIDE);
    does(INSIDE, HOST_RADIUS, "10.0.1.11", false);
    judge();
    informs(FINDING_NIC_UNEXPECTED_PROTOCOL);
}

static void answers_that_had_no_time_are_not_missed(void **state)
{
    (void)state;
    vpn(INSIDE);
    scene.ends_ns = 1000000000;
    does(INSIDE, HOST_SERVES, NULL, true);
    does(INSIDE, HOST_DNS, "10.0.1.5", false);
    judge();
    informs(FINDING_NIC_DNS_CLIENT);
}

static void a_cloud_has_its_own_ways(void **state)
{
    (void)state;
    vpn(INSIDE);
    does(INSIDE, HOST_DNS, "168.63.129.16", true);
    does(INSIDE, HOST_DHCP, "168.63.129.16", true);
    does(INSIDE, HOST_NTP, "169.254.169.123", true);
    judge();
    informs(FINDING_NIC_DHCP);
    assert_int_equal(number_in(scene.findings), 1);
}

/* It has no address yet: the MAC says who it is. */
static void dhcp_is_told_by_the_mac(void **state)
{
    (void)state;
    vpn(SERVER);
    struct host_deed deeds[] = {deed(address_of(SERVER), HOST_SERVES, NULL, 7), deed(mac(7), HOST_DHCP, "255.255.255.255", 7),
                                deed(mac(7), HOST_LLDP, NULL, 7), deed(mac(8), HOST_LLTD, NULL, 8)};
    nic_add(scene.nic, deeds, 4);
    judge();
    warns(FINDING_NIC_DHCP);
    warns(FINDING_NIC_DISCOVERY);
    assert_null(strstr(raised(FINDING_NIC_DISCOVERY)->title, "LLTD"));
}

/* Where many speak with one MAC it is a router's. */
static void a_routers_mac_is_nobodys(void **state)
{
    (void)state;
    vpn(SERVER);
    struct host_deed deeds[] = {deed(address_of(SERVER), HOST_SERVES, NULL, 7), deed(address_of("192.0.2.1"), HOST_SERVES, NULL, 7),
                                deed(address_of("192.0.2.2"), HOST_DNS, "192.0.2.53", 7), deed(mac(7), HOST_LLDP, NULL, 7)};
    nic_add(scene.nic, deeds, 4);
    judge();
    assert_int_equal(number_in(scene.findings), 0);
}

static void who_serves_a_lan_stands_in_it(void **state)
{
    (void)state;
    vpn("192.168.1.1");
    does("192.168.1.1", HOST_DNS_SERVED, "192.168.1.20", false);
    does("192.168.1.1", HOST_SSDP, "239.255.255.250", false);
    does("192.168.1.1", HOST_MDNS, "224.0.0.251", false);
    judge();
    assert_int_equal(number_in(scene.findings), 0);
}

static void internal_networks_may_be_public(void **state)
{
    (void)state;
    struct address net = address_of("203.0.113.0");
    scene.internal = (struct nat_network){net, 24};
    scene.settings.internal = &scene.internal;
    scene.settings.internal_count = 1;
    vpn(SERVER);
    does(SERVER, HOST_LDAP, "203.0.113.77", true);
    does(SERVER, HOST_DNS, "203.0.113.77", true);
    judge();
    assert_int_equal(number_in(scene.findings), 0);
}

#define NUMBER(last) (UINT32_C(0xcb007100) + (last)) /* 203.0.113.x */

static void each_nic_answers_for_both_in_one_subnet(void **state)
{
    (void)state;
    vpn(SERVER);
    claims("203.0.113.1", 1, NUMBER(10), NUMBER(11));
    claims(SERVER, 7, UINT32_MAX, 0);
    claims(SERVER, 8, UINT32_MAX, 0);
    claims("203.0.113.11", 8, UINT32_MAX, 0);
    claims("203.0.113.11", 7, UINT32_MAX, 0);
    judge();
    warns(FINDING_NIC_SAME_SUBNET);
    assert_int_equal(raised(FINDING_NIC_SAME_SUBNET)->confidence, CONFIDENCE_STRONG);
}

/* A router that answers for others, and an address that moved, are no second NIC. */
static void others_that_answer_for_it_are_no_nic(void **state)
{
    (void)state;
    vpn(SERVER);
    claims(SERVER, 7, NUMBER(1), NUMBER(1));
    claims("203.0.113.1", 8, NUMBER(10), NUMBER(10));
    claims(SERVER, 8, UINT32_MAX, 0);
    judge();
    assert_null(raised(FINDING_NIC_SAME_SUBNET));
}

static void two_addresses_of_one_server_on_one_link(void **state)
{
    (void)state;
    vpn(SERVER);
    joined(SERVER, "203.0.113.11");
    claims(SERVER, 7, NUMBER(1), NUMBER(20));
    claims("203.0.113.11", 8, UINT32_MAX, 0);
    judge();
    warns(FINDING_NIC_SAME_SUBNET);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(multicast_names_are_wrong_outside), TEST(what_neighbours_do_counts_for_nothing), TEST(one_direction_shows_no_second_nic),
        TEST(dns_outside_is_wrong),
        TEST(one_nic_keeps_quiet_about_the_inside), TEST(one_nic_may_shout_and_may_not_be_open),
        TEST(the_other_nic_is_where_the_inside_belongs), TEST(radius_from_the_same_address_shows_one_nic),
        TEST(dns_alone_does_not_tell), TEST(what_the_inside_does_not_answer_took_the_wrong_way), TEST(a_cloud_has_its_own_ways),
        TEST(dhcp_is_told_by_the_mac), TEST(a_routers_mac_is_nobodys), TEST(who_serves_a_lan_stands_in_it),
        TEST(answers_that_could_not_be_seen_are_not_missed), TEST(answers_that_had_no_time_are_not_missed),
        TEST(internal_networks_may_be_public), TEST(each_nic_answers_for_both_in_one_subnet),
        TEST(others_that_answer_for_it_are_no_nic), TEST(two_addresses_of_one_server_on_one_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
