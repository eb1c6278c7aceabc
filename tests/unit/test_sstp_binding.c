/* The crypto binding with the examples of MS-SSTP 4.7 (wire-facts 11.1) and RFC 3079 section 3.5.3. */
#include "bytes_by_hand.h"
#include "dissect/sstp/sstp_binding.h"

static const struct example {
    uint8_t hash;
    const char *hlak, *key, *nonce, *certificate_hash, *mac;
} examples[] = {
    {SSTP_HASH_SHA256, "2A1BB40D55AB0F5EF32F06F2B3CC73C48FD3FAC41D7A1315A19228D9024CA164",
     "ecf59ac9fe155cf0a9e7d66adc1b363c1ad7ba91a9217f0cec2a534298828df6",
     "412B489AEBD7ECC7D08966F26BE7CD72B231A0E9210D7C91B308862B0344C435",
     "7993EF314C493DACE9F02D60E7E61C84B6690AAFE9D7AEEA92CBBE8AD599422D",
     "52A68EFD8CFFBF52770B8F0FE8EC73716583AF6D611EB6D179B3B20840985449"},
    {SSTP_HASH_SHA1, "4B3128F43925D9006EEFB1C4E86515A1D88E56BAB3CA2BDF0373B7F5A8A13B19",
     "a98b862a38cc7e224b42cd128586acb22f0bd1e9", "0F1A2D58D4A3E3000FAD3CE4906E07B707AA9E441CCEAC5CBD7B2CC1C9D86CDF",
     "5826B629BDA59B8E6FD8DCD2622FD34C534805A5", "69915DD583D8062FEF16F61DB2F03290EC27CB6C"},
};

static void make_connected(const struct example *e, uint8_t out[static SSTP_CONNECTED_SIZE])
{
    memset(out, 0, SSTP_CONNECTED_SIZE);
    hex("10010070000400010003006800000000", out);
    out[15] = e->hash;
    hex(e->nonce, out + 16);
    hex(e->certificate_hash, out + 48);
    hex(e->mac, out + 80);
}

static void the_examples_of_the_protocol(void **state)
{
    struct digests *d = *state;
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        const struct example *e = &examples[i];
        uint8_t hlak[SSTP_HLAK], connected[SSTP_CONNECTED_SIZE], out[DIGEST_MAX], nonce[SSTP_NONCE];
        hex(e->hlak, hlak);
        hex(e->nonce, nonce);
        make_connected(e, connected);
        assert_true(sstp_compound_mac_key(d, e->hash, hlak, out));
        assert_hex(out, strlen(e->key) / 2, e->key);
        assert_true(sstp_compound_mac(d, e->hash, hlak, span_of(connected, sizeof connected), out));
        assert_hex(out, strlen(e->mac) / 2, e->mac);

        struct sstp_binding_facts facts = {.connected = span_of(connected, sizeof connected),
                                           .nonce = span_of(nonce, sizeof nonce),
                                           .hashes_accepted = e->hash,
                                           .hlak = hlak};
        struct sstp_binding_check check;
        sstp_binding_check(d, &facts, &check);
        assert_int_equal(check.result, SSTP_UNCHECKED); /* nobody saw the certificate */
        assert_int_equal(check.mac, SSTP_VALID);
        assert_int_equal(check.nonce, SSTP_VALID);
        assert_int_equal(check.hash, SSTP_VALID);
        assert_int_equal(check.certificate, SSTP_UNCHECKED);
        assert_non_null(check.reason);
        assert_int_equal(check.hash_protocol, e->hash);
    }
}

/* A connection of our own: the certificate is any octets, its hash and the MAC are computed by the library. */
struct own {
    uint8_t connected[SSTP_CONNECTED_SIZE], hlak[SSTP_HLAK], nonce[SSTP_NONCE], certificate[200];
    struct sstp_binding_facts facts;
};

static void make_own(struct digests *d, struct own *o)
{
    uint8_t out[DIGEST_MAX];
    memset(o, 0, sizeof *o);
    make_connected(&examples[0], o->connected);
    hex(examples[0].hlak, o->hlak);
    hex(examples[0].nonce, o->nonce);
    memset(o->certificate, 0x30, sizeof o->certificate);
    struct span certificate = span_of(o->certificate, sizeof o->certificate);
    assert_true(digest_compute(d, DIGEST_SHA256, &certificate, 1, out));
    memcpy(o->connected + 48, out, 32);
    assert_true(sstp_compound_mac(d, SSTP_HASH_SHA256, o->hlak, span_of(o->connected, SSTP_CONNECTED_SIZE), out));
    memcpy(o->connected + 80, out, 32);
    o->facts = (struct sstp_binding_facts){.connected = span_of(o->connected, SSTP_CONNECTED_SIZE),
                                           .nonce = span_of(o->nonce, SSTP_NONCE),
                                           .hashes_accepted = SSTP_HASH_SHA1 | SSTP_HASH_SHA256,
                                           .certificate = certificate,
                                           .hlak = o->hlak};
}

static void a_binding_that_holds(void **state)
{
    struct own o;
    struct sstp_binding_check check;
    make_own(*state, &o);
    sstp_binding_check(*state, &o.facts, &check);
    assert_int_equal(check.result, SSTP_VALID);
    assert_null(check.reason);
}

static void the_part_that_differs_is_told(void **state)
{
    struct own o;
    struct sstp_binding_check c;
    make_own(*state, &o);
    o.certificate[7] ^= 1; /* interception: the client signed another certificate, rightly */
    sstp_binding_check(*state, &o.facts, &c);
    assert_int_equal(c.result, SSTP_INVALID);
    assert_int_equal(c.certificate, SSTP_INVALID);
    assert_int_equal(c.mac, SSTP_VALID);
    assert_int_equal(c.nonce, SSTP_VALID);

    make_own(*state, &o);
    o.hlak[0] ^= 1;
    sstp_binding_check(*state, &o.facts, &c);
    assert_int_equal(c.result, SSTP_INVALID);
    assert_int_equal(c.mac, SSTP_INVALID);
    assert_int_equal(c.certificate, SSTP_VALID);

    make_own(*state, &o);
    o.nonce[31] ^= 1;
    sstp_binding_check(*state, &o.facts, &c);
    assert_int_equal(c.result, SSTP_INVALID);
    assert_int_equal(c.nonce, SSTP_INVALID);
    assert_int_equal(c.mac, SSTP_VALID);

    make_own(*state, &o);
    o.facts.hashes_accepted = SSTP_HASH_SHA1;
    sstp_binding_check(*state, &o.facts, &c);
    assert_int_equal(c.result, SSTP_INVALID);
    assert_int_equal(c.hash, SSTP_INVALID);
}

static void without_keys_the_rest_is_checked(void **state)
{
    struct own o;
    struct sstp_binding_check c;
    make_own(*state, &o);
    o.facts.hlak = NULL;
    sstp_binding_check(*state, &o.facts, &c);
    assert_int_equal(c.result, SSTP_UNCHECKED);
    assert_int_equal(c.mac, SSTP_UNCHECKED);
    assert_int_equal(c.certificate, SSTP_VALID);
    o.certificate[0] ^= 1;
    sstp_binding_check(*state, &o.facts, &c);
    assert_int_equal(c.result, SSTP_INVALID);
}

static void what_is_no_call_connected_is_unchecked(void **state)
{
    struct own o;
    struct sstp_binding_check c;
    make_own(*state, &o);
    o.facts.connected.len--;
    sstp_binding_check(*state, &o.facts, &c);
    assert_int_equal(c.result, SSTP_UNCHECKED);
    make_own(*state, &o);
    o.connected[5] = SSTP_CALL_ABORT;
    sstp_binding_check(*state, &o.facts, &c);
    assert_int_equal(c.result, SSTP_UNCHECKED);
    assert_int_equal(c.nonce, SSTP_UNCHECKED);
    make_own(*state, &o);
    o.connected[15] = 7; /* a hash that does not exist */
    sstp_binding_check(*state, &o.facts, &c);
    assert_int_equal(c.result, SSTP_INVALID);
    assert_int_equal(c.hash, SSTP_INVALID);
    assert_int_equal(c.mac, SSTP_UNCHECKED);
}

/* RFC 3079 section 3.5.3: the server's sending key, which is the client's receiving one. */
static void keys_of_mschapv2(void **state)
{
    uint8_t hash_hash[16], response[24], hlak[SSTP_HLAK];
    hex("41C00C584BD2D91C4017A2A12FA59F3F", hash_hash);
    hex("82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF", response);
    assert_true(sstp_hlak_from_mschapv2(*state, hash_hash, response, hlak));
    assert_hex(hlak + 16, 16, "8B7CDC149B993A1BA118CB153F56DCCB");
    assert_memory_not_equal(hlak, hlak + 16, 16);
}

static void keys_of_radius(void **state)
{
    (void)state;
    uint8_t recv[40], sent[40], hlak[SSTP_HLAK], zeros[SSTP_HLAK] = {0};
    memset(recv, 0xaa, sizeof recv);
    memset(sent, 0xbb, sizeof sent);
    sstp_hlak_from_mppe(span_of(recv, 16), span_of(sent, 16), hlak); /* MS-CHAPv2 */
    assert_memory_equal(hlak, recv, 16);
    assert_memory_equal(hlak + 16, sent, 16);
    sstp_hlak_from_mppe(span_of(recv, 32), span_of(sent, 32), hlak); /* EAP */
    assert_memory_equal(hlak, recv, 32);
    sstp_hlak_from_mppe(span_of(recv, 40), span_of(sent, 40), hlak);
    assert_memory_equal(hlak, recv, 32);
    sstp_hlak_from_mppe(span_of(recv, 8), span_of(NULL, 0), hlak);
    assert_memory_equal(hlak + 8, zeros, 24);
    sstp_hlak_from_mppe(span_of(NULL, 0), span_of(NULL, 0), hlak);
    assert_memory_equal(hlak, zeros, sizeof hlak);
}

static int set_up(void **state)
{
    *state = digests_new();
    return *state != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    digests_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_protocol),
        cmocka_unit_test(a_binding_that_holds),
        cmocka_unit_test(the_part_that_differs_is_told),
        cmocka_unit_test(without_keys_the_rest_is_checked),
        cmocka_unit_test(what_is_no_call_connected_is_unchecked),
        cmocka_unit_test(keys_of_mschapv2),
        cmocka_unit_test(keys_of_radius),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
