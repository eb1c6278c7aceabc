/* SA payloads, traffic selectors, configuration, names and vendor ids. Numbers of RFC 7296, RFC 2407 to 2409, MS-IKEE. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/ike_by_hand.h"

static struct ike_bytes bytes; /* bodies, not whole messages */
static struct ike_proposals all;

/* The default offer of a Windows client's IKE SA: {3DES, AES-128, -192, -256} x {SHA1, SHA2-256, SHA2-384} x 1024-bit MODP. */
static void windows_offer(struct ike_bytes *b)
{
    static const unsigned key_bits[] = {0, 128, 192, 256}, integ[] = {2, 12, 13}, prf[] = {2, 5, 6};
    for (unsigned e = 0; e < 4; e++)
        for (unsigned h = 0; h < 3; h++) {
            size_t at = b->len, number = e * 3 + h + 1;
            ike_hex(b, number == 12 ? "00000000" : "02000000");
            const uint8_t header[] = {(uint8_t)number, 1, 0, 4, 3, 0, 0, key_bits[e] != 0 ? 12 : 8, 1, 0, 0,
                                      key_bits[e] != 0 ? 12 : 3};
            memcpy(b->data + b->len, header, sizeof header);
            b->len += sizeof header;
            if (key_bits[e] != 0) {
                ike_hex(b, "800e 0000");
                ike_set_be16(b, b->len - 2, key_bits[e]);
            }
            const uint8_t rest[] = {3, 0, 0, 8, 3, 0, 0, (uint8_t)integ[h], 3, 0, 0, 8, 2, 0, 0, (uint8_t)prf[h],
                                    0, 0, 0, 8, 4, 0, 0, 2};
            memcpy(b->data + b->len, rest, sizeof rest);
            b->len += sizeof rest;
            ike_set_be16(b, at + 2, b->len - at);
        }
}

static const char *name_of(const struct ike_transform *t)
{
    static char text[IKE_TRANSFORM_NAME];
    return ike_transform_name(text, t);
}

/* The length of such a client's first message is known: 880 bytes, 888 when it offers fragmentation. */
static void the_windows_offer(void **state)
{
    (void)state;
    static struct ike_payloads p;
    ike_begin(&bytes, "a1b2c3d4e5f60718 0000000000000000", 0x20, IKE_SA_INIT, IKE_FLAG_INITIATOR, 0);
    size_t sa = ike_open_payload(&bytes, IKE_SA);
    windows_offer(&bytes);
    ike_close_payload(&bytes, sa);
    size_t ke = ike_open_payload(&bytes, IKE_KE);
    ike_hex(&bytes, "00020000");
    ike_fill(&bytes, 0x11, 128);
    ike_close_payload(&bytes, ke);
    size_t nonce = ike_open_payload(&bytes, IKE_NONCE);
    ike_fill(&bytes, 0x22, 48);
    ike_close_payload(&bytes, nonce);
    ike_payload(&bytes, IKE_NOTIFY, "00004004 20f941f1037c4776a9de2a2dfabd2035cd266e26");
    ike_payload(&bytes, IKE_NOTIFY, "00004005 353c9acf7083ec324ffaa4cbf740d2c473c22747");
    ike_payload(&bytes, IKE_VENDOR_ID, "1e2b516905991c7d7c96fcbfb587e461 00000009");
    ike_payload(&bytes, IKE_VENDOR_ID, "fb1de3cdf341b7ea16b7e5be0855f120");
    ike_payload(&bytes, IKE_VENDOR_ID, "26244d38eddb61b3172a36e3d0cfb819");
    ike_payload(&bytes, IKE_VENDOR_ID, "01528bbbc00696121849ab9a1c5b2a51 00000002");
    struct ike_message m;
    assert_true(ike_parse(ike_span(&bytes), (uint32_t)bytes.len, &m));
    assert_int_equal(m.length, 880);
    ike_read_payloads(m.next_payload, m.payloads, m.cut, &p);
    assert_false(p.malformed);
    ike_read_proposals(p.sa, false, &all);
    assert_false(all.malformed || all.too_many);
    assert_int_equal(all.count, 12);
    for (uint8_t i = 0; i < 12; i++) {
        assert_int_equal(all.proposals[i].number, i + 1);
        assert_int_equal(all.proposals[i].protocol, 1);
        assert_int_equal(all.proposals[i].transform_count, 4);
    }
    assert_string_equal(name_of(&all.proposals[0].transforms[0]), "3DES");
    assert_string_equal(name_of(&all.proposals[11].transforms[0]), "AES-CBC-256");
    assert_string_equal(name_of(&all.proposals[11].transforms[1]), "HMAC_SHA2_384_192");
    assert_string_equal(name_of(&all.proposals[11].transforms[2]), "PRF_HMAC_SHA2_384");
    assert_string_equal(name_of(&all.proposals[11].transforms[3]), "1024-bit MODP");
    const char *text;
    uint32_t number;
    assert_int_equal(ike_vendor_of(p.vendor_ids[0], &text, &number), IKE_VENDOR_MS_NT5);
    assert_string_equal(text, "MS NT5 ISAKMPOAKLEY: Windows 8/Server 2012 or later");
    assert_int_equal(number, 9);
    assert_int_equal(ike_vendor_of(p.vendor_ids[1], &text, &number), IKE_VENDOR_MS_NEGOTIATION_DISCOVERY);
    assert_int_equal(ike_vendor_of(p.vendor_ids[2], &text, &number), IKE_VENDOR_INITIAL_CONTACT);
    assert_int_equal(ike_vendor_of(p.vendor_ids[3], &text, &number), IKE_VENDOR_MS_KEY_MODS);
    assert_int_equal(number, 2);
}

static void an_esp_proposal_with_its_spi(void **state)
{
    (void)state;
    bytes.len = 0;
    ike_hex(&bytes, "0000 0028 01 03 04 03 c0ffee01 0300 000c 0100 0014 800e 0100"
                    "0300 0008 0400 0013 0000 0008 0500 0001");
    ike_read_proposals(ike_span(&bytes), false, &all);
    assert_false(all.malformed);
    assert_int_equal(all.count, 1);
    assert_int_equal(all.proposals[0].protocol, 3);
    assert_int_equal(all.proposals[0].spi.len, 4);
    assert_int_equal(all.proposals[0].spi.data[0], 0xc0);
    assert_string_equal(name_of(&all.proposals[0].transforms[0]), "AES-GCM-256 with 16 octet ICV");
    assert_string_equal(name_of(&all.proposals[0].transforms[1]), "256-bit random ECP");
    assert_string_equal(name_of(&all.proposals[0].transforms[2]), "Extended Sequence Numbers");
}

/* Every length and count of a proposal set to everything: the parser stays inside, and what contradicts is said. */
static void spoiled_proposals(void **state)
{
    (void)state;
    bytes.len = 0;
    windows_offer(&bytes);
    for (size_t n = 1; n < bytes.len; n++) {
        uint8_t *exact = malloc(n);
        assert_non_null(exact);
        memcpy(exact, bytes.data, n);
        ike_read_proposals(span_of(exact, n), false, &all);
        bool whole = n >= 40 && n <= 120 ? n % 40 == 0 : n > 120 && (n - 120) % 44 == 0;
        assert_int_equal(all.malformed, !whole);
        free(exact);
    }
    static const uint8_t spots[] = {2, 3, 6, 7, 10, 11}; /* length, SPI size, transform count, transform length */
    for (size_t s = 0; s < sizeof spots; s++)
        for (unsigned value = 0; value < 256; value++) {
            uint8_t kept = bytes.data[spots[s]];
            if (value == kept)
                continue;
            bytes.data[spots[s]] = (uint8_t)value;
            ike_read_proposals(ike_span(&bytes), false, &all);
            assert_true(all.malformed);
            bytes.data[spots[s]] = kept;
        }
}

static void more_proposals_than_are_held(void **state)
{
    (void)state;
    bytes.len = 0;
    for (int i = 0; i < 3; i++)
        windows_offer(&bytes);
    ike_read_proposals(ike_span(&bytes), false, &all);
    assert_int_equal(all.count, IKE_PROPOSALS_MAX);
    assert_true(all.too_many);
    assert_false(all.malformed);
    bytes.len = 0;
    ike_hex(&bytes, "0000 0000 01 01 00 42");
    for (int i = 0; i < 66; i++)
        ike_hex(&bytes, "0300 0008 0400 0002");
    ike_set_be16(&bytes, 2, bytes.len);
    ike_read_proposals(ike_span(&bytes), false, &all);
    assert_int_equal(all.count, 1);
    assert_true(all.proposals[0].too_many);
    assert_int_equal(all.proposals[0].transform_count, IKE_TRANSFORMS_MAX);
}

/* RFC 2409 appendix A: 3DES, SHA, group 2; then AES-256, SHA2-256, group 14; life times are stepped over. */
static void proposals_of_version_1(void **state)
{
    (void)state;
    bytes.len = 0;
    ike_hex(&bytes, "00000001 00000001 0000 0054 01 01 00 02"
                    "0300 0024 01 01 0000 8001 0005 8002 0002 8003 0001 8004 0002 800b 0001 000c 0004 00007080"
                    "0000 0028 02 01 0000 8001 0007 800e 0100 8002 0004 8003 0001 8004 000e 800b 0001 000c 0004 00007080");
    ike_read_proposals(ike_span(&bytes), true, &all);
    assert_false(all.malformed);
    assert_int_equal(all.count, 2);
    assert_string_equal(name_of(&all.proposals[0].transforms[0]), "3DES");
    assert_string_equal(name_of(&all.proposals[0].transforms[1]), "PRF_HMAC_SHA1");
    assert_string_equal(name_of(&all.proposals[0].transforms[2]), "1024-bit MODP");
    assert_string_equal(name_of(&all.proposals[1].transforms[0]), "AES-CBC-256");
    assert_string_equal(name_of(&all.proposals[1].transforms[1]), "PRF_HMAC_SHA2_256");
    assert_string_equal(name_of(&all.proposals[1].transforms[2]), "2048-bit MODP");
    assert_int_equal(all.proposals[0].auth_method, IKE1_AUTH_SHARED_KEY);
    for (size_t n = 0; n < bytes.len; n++) {
        ike_read_proposals(span_of(bytes.data, n), true, &all);
        assert_int_equal(all.malformed, n != 8);
    }
    bytes.len = 0; /* RFC 2407 section 4.5: ESP with AES-128, HMAC-SHA1, tunnel in UDP, group 14 */
    ike_hex(&bytes, "00000001 00000001 0000 0024 01 03 04 01 c0ffee01"
                    "0000 0018 01 0c 0000 8006 0080 8005 0002 8004 0003 8003 000e");
    ike_read_proposals(ike_span(&bytes), true, &all);
    assert_false(all.malformed);
    assert_int_equal(all.count, 1);
    assert_string_equal(name_of(&all.proposals[0].transforms[0]), "AES-CBC-128");
    assert_string_equal(name_of(&all.proposals[0].transforms[1]), "HMAC_SHA1_96");
    assert_string_equal(name_of(&all.proposals[0].transforms[2]), "2048-bit MODP");
}

static void selectors_are_read(void **state)
{
    (void)state;
    struct ike_selector s[IKE_TS_MAX];
    char first[ADDRESS_TEXT], last[ADDRESS_TEXT];
    bytes.len = 0;
    ike_hex(&bytes, "03000000 07 11 0010 06a5 06a5 0a000000 0a0000ff"
                    "09 00 0008 00000000" /* another type is stepped over */
                    "08 00 0028 0000 ffff 20010db8000000000000000000000000 20010db8ffffffffffffffffffffffff");
    assert_int_equal(ike_read_selectors(ike_span(&bytes), s), 2);
    assert_int_equal(s[0].ip_protocol, 17);
    assert_int_equal(s[0].first_port, 1701);
    assert_string_equal(address_text(first, &s[0].first), "10.0.0.0");
    assert_string_equal(address_text(last, &s[0].last), "10.0.0.255");
    assert_int_equal(s[1].last_port, 65535);
    assert_string_equal(address_text(first, &s[1].first), "2001:db8::");
    for (size_t n = 0; n < bytes.len; n++)
        assert_int_equal(ike_read_selectors(span_of(bytes.data, n), s), n < 20 ? 0 : 1);
    bytes.data[0] = 255;
    assert_int_equal(ike_read_selectors(ike_span(&bytes), s), 2);
    bytes.data[7] = 3;
    assert_int_equal(ike_read_selectors(ike_span(&bytes), s), 0);
    bytes.len = 0;
    ike_hex(&bytes, "ff000000");
    for (int i = 0; i < 255; i++)
        ike_hex(&bytes, "07 00 0010 0000 ffff 0a000000 0a0000ff");
    assert_int_equal(ike_read_selectors(ike_span(&bytes), s), IKE_TS_MAX);
}

static void configuration_is_read(void **state)
{
    (void)state;
    struct ike_cp_attribute a[IKE_CP_ATTRIBUTES_MAX];
    bytes.len = 0;
    ike_hex(&bytes, "02000000 0001 0004 0a0a0005 8003 0004 0a0a0001 5ba0 0004 0a141e0b 000a 0000");
    assert_int_equal(ike_read_cp(ike_span(&bytes), a), 4);
    assert_int_equal(a[0].type, 1);
    assert_int_equal(a[0].value.len, 4);
    assert_int_equal(a[1].type, 3);
    assert_int_equal(a[2].type, 0x5ba0);
    assert_int_equal(a[2].value.data[3], 0x0b);
    assert_int_equal(a[3].value.len, 0);
    assert_int_equal(ike_read_cp(span_of(bytes.data, 11), a), 0);
    assert_int_equal(ike_read_cp(span_of(bytes.data, 12), a), 1);
    assert_int_equal(ike_read_cp(span_of(bytes.data, 3), a), 0);
    bytes.len = 4;
    ike_fill(&bytes, 0, 4 * 100);
    assert_int_equal(ike_read_cp(ike_span(&bytes), a), IKE_CP_ATTRIBUTES_MAX);
}

static void names_are_those_of_the_registry(void **state)
{
    (void)state;
    assert_string_equal(ike_exchange_name(0x20, IKE_SA_INIT), "IKE_SA_INIT");
    assert_string_equal(ike_exchange_name(0x20, 36), "CREATE_CHILD_SA");
    assert_string_equal(ike_exchange_name(0x10, 4), "Aggressive");
    assert_null(ike_exchange_name(0x10, 34));
    assert_null(ike_exchange_name(0x20, 2));
    assert_string_equal(ike_payload_name(0x20, 53), "SKF");
    assert_string_equal(ike_payload_name(0x10, 1), "SA");
    assert_null(ike_payload_name(0x20, 1));
    assert_string_equal(ike_notify_name(0x20, 14), "NO_PROPOSAL_CHOSEN");
    assert_string_equal(ike_notify_name(0x20, 16430), "IKEV2_FRAGMENTATION_SUPPORTED");
    assert_string_equal(ike_notify_name(0x10, 14), "NO-PROPOSAL-CHOSEN");
    assert_null(ike_notify_name(0x20, 40000));
    assert_string_equal(ike_auth_method_name(14), "Digital Signature");
    assert_string_equal(ike_id_type_name(2), "ID_FQDN");
    assert_null(ike_id_type_name(200));
    assert_null(ike_auth_method_name(200));
    assert_string_equal(name_of(&(struct ike_transform){IKE_ENCR, 12, 0}), "AES-CBC");
    assert_string_equal(name_of(&(struct ike_transform){IKE_ENCR, 999, 128}), "ENCR 999-128");
    assert_string_equal(name_of(&(struct ike_transform){IKE_DH, 31, 0}), "Curve25519");
    assert_string_equal(name_of(&(struct ike_transform){9, 1, 0}), "transform 9/1");
    assert_string_equal(name_of(&(struct ike_transform){IKE_DH, 65535, 65535}), "DH 65535-65535");
}

static void weak_and_strong_transforms(void **state)
{
    (void)state;
    static const struct ike_transform weak[] = {{IKE_ENCR, 2, 0}, {IKE_ENCR, 3, 0}, {IKE_ENCR, 11, 0}, {IKE_PRF, 1, 0},
                                                {IKE_INTEG, 1, 0}, {IKE_DH, 1, 0},
                                                {IKE_DH, 2, 0}, {IKE_DH, 5, 0}, {IKE_DH, 24, 0}};
    static const struct ike_transform strong[] = {{IKE_ENCR, 12, 128}, {IKE_ENCR, 20, 256}, {IKE_ENCR, 28, 0},
                                                  {IKE_PRF, 2, 0}, {IKE_PRF, 5, 0}, {IKE_INTEG, 2, 0}, {IKE_INTEG, 12, 0}, {IKE_INTEG, 0, 0},
                                                  {IKE_DH, 14, 0}, {IKE_DH, 19, 0}, {IKE_DH, 31, 0}, {IKE_ESN, 0, 0}};
    for (size_t i = 0; i < sizeof weak / sizeof *weak; i++)
        assert_non_null(ike_transform_weakness(&weak[i]));
    for (size_t i = 0; i < sizeof strong / sizeof *strong; i++)
        assert_null(ike_transform_weakness(&strong[i]));
}

static void what_vendor_ids_say(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        enum ike_vendor vendor;
        const char *text;
        uint32_t number;
    } cases[] = {
        {"1e2b516905991c7d7c96fcbfb587e461 00000008", IKE_VENDOR_MS_NT5, "MS NT5 ISAKMPOAKLEY: Windows Server 2008 R2", 8},
        {"1e2b516905991c7d7c96fcbfb587e461 ffffffff", IKE_VENDOR_MS_NT5, "MS NT5 ISAKMPOAKLEY", 0xffffffff},
        {"1e2b516905991c7d7c96fcbfb587e461", IKE_VENDOR_MS_NT5, "MS NT5 ISAKMPOAKLEY", 0},
        {"01528bbbc00696121849ab9a1c5b2a51 00000002", IKE_VENDOR_MS_KEY_MODS, "KEY_MODS: IKEv2", 2},
        {"4048b7d56ebce88525e7de7f00d6c2d3 c0000000", IKE_VENDOR_FRAGMENTATION, "FRAGMENTATION", 0xc0000000},
        {"72872b95fcda2eb708efe322119b4971", IKE_VENDOR_NLBS_PRESENT,
         "NLBS_PRESENT: the responder is in a Windows load balancing cluster", 0},
        {"214ca4faffa7f32d6748e5303395ae83", IKE_VENDOR_MS_OTHER, "MS-MamieExists (AuthIP)", 0},
        {"8aa394cf8a5577dc3110c113b027a4f2", IKE_VENDOR_XBOX, "Xbox One 2013", 0},
        {"660822b3a73a244149578d62e0eb46a0", IKE_VENDOR_XBOX, "Xbox IKEv2 Negotiation", 0},
        {"882fe56d6fd20dbc2251613b2ebe5beb", IKE_VENDOR_STRONGSWAN, "strongSwan", 0},
        {"4a131c81070358455c5728f20e95452f", IKE_VENDOR_NAT_T, "RFC 3947", 0},
        {"90cb80913ebb696e086381b5ec427b1f", IKE_VENDOR_NAT_T, "draft-ietf-ipsec-nat-t-ike-02\\n", 0},
        {"afcad71368a1f1c96b8696fc77570100", IKE_VENDOR_DPD, "RFC 3706 DPD (dead peer detection)", 0},
        {"12f5f28c457168a9702d9fe274cc0100", IKE_VENDOR_CISCO, "CISCO-UNITY", 0},
        {"4f70656e494b45442d372e32", IKE_VENDOR_OPENIKED, "OpenIKED", 0},
        {"4f452d4c69627265737761 6e2d342e3130", IKE_VENDOR_LIBRESWAN, "Libreswan", 0},
        {"1e2b516905991c7d7c96fcbfb587e4", IKE_VENDOR_UNKNOWN, NULL, 0},
        {"1e2b516905991c7d7c96fcbfb587e461 0000", IKE_VENDOR_UNKNOWN, NULL, 0},
        {"", IKE_VENDOR_UNKNOWN, NULL, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *text = "";
        uint32_t number = 1;
        bytes.len = 0;
        ike_hex(&bytes, cases[i].hex);
        assert_int_equal(ike_vendor_of(ike_span(&bytes), &text, &number), cases[i].vendor);
        assert_int_equal(number, cases[i].number);
        if (cases[i].text == NULL)
            assert_null(text);
        else
            assert_string_equal(text, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_windows_offer),
        cmocka_unit_test(an_esp_proposal_with_its_spi),
        cmocka_unit_test(spoiled_proposals),
        cmocka_unit_test(more_proposals_than_are_held),
        cmocka_unit_test(proposals_of_version_1),
        cmocka_unit_test(selectors_are_read),
        cmocka_unit_test(configuration_is_read),
        cmocka_unit_test(names_are_those_of_the_registry),
        cmocka_unit_test(weak_and_strong_transforms),
        cmocka_unit_test(what_vendor_ids_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
