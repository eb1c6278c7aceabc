/* What lengths prove: the arithmetic of the key exchange's own documents (RFC 7296 section 3.14, RFC 5282), and the
 * shapes of logins built from it. No bytes are read. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "analyze/session/ike_lengths.h"

enum { MARKER = 4, HEADER = 28, SK_HEADER = 4 };

static const struct ike_suite cbc_sha256 = {.encr = {IKE_ENCR, 12, 256}, .integ = {IKE_INTEG, 12, 0}};
static const struct ike_suite cbc_sha1 = {.encr = {IKE_ENCR, 12, 128}, .integ = {IKE_INTEG, 2, 0}};
static const struct ike_suite gcm = {.encr = {IKE_ENCR, 20, 256}};
static const struct ike_suite triple_des = {.encr = {IKE_ENCR, 3, 0}, .integ = {IKE_INTEG, 2, 0}};

/* Length of a datagram with n bytes of payloads, padded no further than needed. */
static uint32_t length_of(const struct ike_suite *s, uint32_t n)
{
    uint32_t iv = s == &gcm ? 8 : s == &triple_des ? 8 : 16, block = s == &gcm ? 4 : iv;
    uint32_t icv = s == &gcm || s == &cbc_sha256 ? 16 : 12;
    uint32_t sealed = (n + 1 + block - 1) / block * block;
    return MARKER + HEADER + SK_HEADER + iv + sealed + icv;
}

static void known_lengths(void **state)
{
    (void)state;
    /* four of the marker, the header, SK's header, IV, one block, ICV: what EAP-Success, a bare notify and a Delete
     * take */
    assert_int_equal(length_of(&cbc_sha256, 8), 84);
    assert_int_equal(length_of(&cbc_sha1, 8), 80);
    assert_int_equal(length_of(&cbc_sha256, 0), 84); /* one block holds the pad length alone */
    struct ike_content c;
    assert_true(ike_content_of(&cbc_sha256, 84, &c));
    assert_int_equal(c.least, 0);
    assert_int_equal(c.most, 15);
    assert_true(ike_content_of(&gcm, 72, &c));
    assert_true(ike_content_fits(c, 8));
    assert_false(ike_content_fits(c, 17));
    for (uint32_t n = 0; n < 3000; n += 7) {
        const struct ike_suite *all[] = {&cbc_sha256, &cbc_sha1, &gcm, &triple_des};
        for (size_t i = 0; i < 4; i++) {
            assert_true(ike_content_of(all[i], length_of(all[i], n), &c));
            assert_true(ike_content_fits(c, n));
        }
    }
}

static void what_cannot_be(void **state)
{
    (void)state;
    struct ike_content c;
    struct ike_suite unknown = {.encr = {IKE_ENCR, 99, 0}}, without_integrity = {.encr = {IKE_ENCR, 12, 256}};
    assert_false(ike_content_of(&unknown, 84, &c));
    assert_false(ike_content_of(&without_integrity, 84, &c));
    assert_false(ike_content_of(&cbc_sha256, 83, &c)); /* no whole block */
    assert_false(ike_content_of(&cbc_sha256, 68, &c)); /* nothing inside, not even padding */
    assert_false(ike_content_of(&gcm, 60, &c));
    assert_false(ike_content_of(&gcm, 0, &c));
    assert_true(ike_tells_refusal(&gcm, IKE_NOTIFY, length_of(&gcm, 10))); /* N(INVALID_KE_PAYLOAD) with its group */
    assert_false(ike_tells_refusal(&gcm, IKE_SA, length_of(&gcm, 10)));
    assert_false(ike_tells_refusal(&cbc_sha256, IKE_NOTIFY, length_of(&cbc_sha256, 200))); /* a notify, then SA and the rest */
}

static void say(struct ike_facts *f, uint32_t id, bool response, uint8_t first, uint32_t n)
{
    f->lengths[f->length_count++] = (struct ike_length_fact){.length = (uint16_t)length_of(&cbc_sha256, n),
                                                             .message_id = (uint8_t)id,
                                                             .exchange = IKE_AUTH,
                                                             .first = first,
                                                             .from_initiator = !response,
                                                             .response = response};
    f->auth_last_id = id;
}

/* EAP, but for the first exchange, where either names itself. */
static void round_trip(struct ike_facts *f, uint32_t id, uint32_t request, uint32_t response)
{
    say(f, id, false, id == 1 ? IKE_IDI : IKE_EAP, request);
    say(f, id, true, id == 1 ? IKE_IDR : IKE_EAP, response);
}

/* Either proves itself. */
static void proof(struct ike_facts *f, uint32_t id, uint32_t request, uint32_t response)
{
    say(f, id, false, IKE_AUTHENTICATION, request);
    say(f, id, true, IKE_AUTHENTICATION, response);
}

/* Identity, server's flight of three fragments, the client's key exchange, the server's Finished: ids 1 to 7. */
static struct ike_facts peap_to_finished(void)
{
    struct ike_facts f = {.chosen = cbc_sha256};
    round_trip(&f, 1, 900, 1800); /* CERTREQ, SA ...; IDr, CERT, AUTH, EAP Identity */
    round_trip(&f, 2, 4 + 25, 4 + 6);
    round_trip(&f, 3, 4 + 180, 4 + 1024);
    round_trip(&f, 4, 4 + 6, 4 + 1024);
    round_trip(&f, 5, 4 + 6, 4 + 1024);
    round_trip(&f, 6, 4 + 6, 4 + 700);
    round_trip(&f, 7, 4 + 6 + 126, 4 + 10 + 51);
    return f;
}

static void success(void **state)
{
    (void)state;
    struct ike_facts f = peap_to_finished();
    round_trip(&f, 8, 4 + 6, 4 + 40);
    round_trip(&f, 9, 4 + 60, 4 + 90);
    round_trip(&f, 10, 4 + 46, 8);
    proof(&f, 11, 40, 220);
    assert_int_equal(ike_read_lengths(&f).shape, IKE_EAP_SUCCESS);
    assert_int_equal(ike_read_lengths(&f).rounds, 11);
}

static void no_tunnel(void **state)
{
    (void)state;
    struct ike_facts f = peap_to_finished();
    round_trip(&f, 10, 4 + 46, 8);
    proof(&f, 11, 40, 40 + 8); /* AUTH and a notify */
    assert_int_equal(ike_read_lengths(&f).shape, IKE_EAP_NO_CHILD);
    f.length_count -= 2;
    proof(&f, 11, 40, 40 + 32 + 8 + 12 + 12 + 12 + 8); /* with addresses and more notifies */
    assert_int_equal(ike_read_lengths(&f).shape, IKE_EAP_PROVED);
}

static void whose_tunnel(void **state)
{
    (void)state;
    struct ike_facts user = peap_to_finished(), device = {.chosen = cbc_sha256};
    assert_int_equal(ike_tunnel_of(&user), IKE_TUNNEL_USER);
    round_trip(&device, 1, 1600, 1500);
    device.auth_responses = 1;
    assert_int_equal(ike_tunnel_of(&device), IKE_TUNNEL_UNKNOWN); /* EAP may still follow */
    device.state.esp_packets[0] = 1;
    assert_int_equal(ike_tunnel_of(&device), IKE_TUNNEL_DEVICE);
}

/* The lengths are those of public captures and logs of Windows clients. */
static void whose_proposals(void **state)
{
    (void)state;
    struct ike_facts f = {.init_length = 880};
    assert_int_equal(ike_offer_of(&f), IKE_OFFER_WINDOWS_DEFAULT);
    f.init_length = 888;
    assert_int_equal(ike_offer_of(&f), IKE_OFFER_WINDOWS_DEFAULT);
    f.init_length = 552;
    assert_int_equal(ike_offer_of(&f), IKE_OFFER_CUSTOM);
    f.init_length = 700;
    assert_int_equal(ike_offer_of(&f), IKE_OFFER_UNKNOWN);
    f.init_length = 552; /* what is seen counts more than a length */
    f.offer_seen = f.windows_initiator = true;
    f.offered[IKE_DH - IKE_ENCR][0] = (struct ike_transform){IKE_DH, 2, 0};
    f.offered_count[IKE_DH - IKE_ENCR] = 1;
    assert_int_equal(ike_offer_of(&f), IKE_OFFER_WINDOWS_DEFAULT);
    f.windows_initiator = false;
    assert_int_equal(ike_offer_of(&f), IKE_OFFER_CUSTOM);
}

static void goodbye(void **state)
{
    (void)state;
    struct ike_facts f = {.chosen = cbc_sha256};
    say(&f, 2, false, IKE_NO_PAYLOAD, 0); /* does the peer live? */
    f.lengths[0].exchange = IKE_INFORMATIONAL;
    say(&f, 3, false, IKE_NOTIFY, 8 + 28 + 28); /* a new address, with NAT detection */
    f.lengths[1].exchange = IKE_INFORMATIONAL;
    say(&f, 0, false, IKE_DELETE, 8); /* of the server */
    f.lengths[2].exchange = IKE_INFORMATIONAL;
    f.lengths[2].from_initiator = false;
    assert_null(ike_goodbye(&f));
    say(&f, 4, false, IKE_DELETE, 8);
    f.lengths[3].exchange = IKE_INFORMATIONAL;
    assert_ptr_equal(ike_goodbye(&f), &f.lengths[3]);
}

static void the_client_refuses_after_the_handshake(void **state)
{
    (void)state;
    struct ike_facts f = peap_to_finished();
    round_trip(&f, 8, 4 + 6 + 5 + 26, 8); /* an encrypted alert where an acknowledgment belongs */
    struct ike_eap_reading r = ike_read_lengths(&f);
    assert_int_equal(r.shape, IKE_EAP_CLIENT_ALERT);
    assert_int_equal(r.large_flight, 4);
}

static void the_client_refuses_at_once(void **state)
{
    (void)state;
    struct ike_facts f = peap_to_finished();
    f.length_count -= 2; /* without the key exchange */
    round_trip(&f, 7, 4 + 6 + 7, 8);
    assert_int_equal(ike_read_lengths(&f).shape, IKE_EAP_CLIENT_ALERT);
}

static void a_password_is_refused(void **state)
{
    (void)state;
    struct ike_facts f = peap_to_finished();
    round_trip(&f, 8, 4 + 6, 4 + 40);
    round_trip(&f, 9, 4 + 100, 4 + 90);
    round_trip(&f, 10, 4 + 46, 8);
    assert_int_equal(ike_read_lengths(&f).shape, IKE_EAP_FAILURE);
}

/* An acknowledgment and then a failure is no alert. */
static void a_failure_after_an_acknowledgment(void **state)
{
    (void)state;
    struct ike_facts f = peap_to_finished();
    round_trip(&f, 8, 4 + 6, 8);
    assert_int_equal(ike_read_lengths(&f).shape, IKE_EAP_FAILURE);
}

static void first_answers(void **state)
{
    (void)state;
    struct ike_facts refused = {.chosen = cbc_sha256}, served = {.chosen = cbc_sha256};
    say(&refused, 1, false, IKE_IDI, 900);
    say(&refused, 1, true, IKE_NOTIFY, 8);
    assert_int_equal(ike_read_lengths(&refused).shape, IKE_EAP_REFUSED_AT_ONCE);
    round_trip(&served, 1, 900, 1800);
    assert_int_equal(ike_read_lengths(&served).shape, IKE_EAP_NONE);
    say(&served, 2, false, IKE_EAP, 29);
    assert_int_equal(ike_read_lengths(&served).shape, IKE_EAP_STALLED);
    struct ike_facts nothing = {.chosen = cbc_sha256};
    assert_int_equal(ike_read_lengths(&nothing).shape, IKE_EAP_UNKNOWN);
}

/* Without the proposal nothing is told, and a list that is full is not taken for whole. */
static void without_ground(void **state)
{
    (void)state;
    struct ike_facts f = peap_to_finished();
    round_trip(&f, 8, 4 + 6 + 5 + 26, 8);
    f.chosen = (struct ike_suite){0};
    assert_int_equal(ike_read_lengths(&f).shape, IKE_EAP_UNKNOWN);
    struct ike_facts full = {.chosen = cbc_sha256};
    for (uint32_t id = 1; full.length_count < IKE_FACTS_LENGTHS; id++)
        round_trip(&full, id, 10, id == IKE_FACTS_LENGTHS / 2 ? 8 : 1000);
    assert_int_equal(ike_read_lengths(&full).shape, IKE_EAP_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_lengths),
        cmocka_unit_test(what_cannot_be),
        cmocka_unit_test(success),
        cmocka_unit_test(no_tunnel),
        cmocka_unit_test(goodbye),
        cmocka_unit_test(whose_proposals),
        cmocka_unit_test(whose_tunnel),
        cmocka_unit_test(the_client_refuses_after_the_handshake),
        cmocka_unit_test(the_client_refuses_at_once),
        cmocka_unit_test(a_password_is_refused),
        cmocka_unit_test(a_failure_after_an_acknowledgment),
        cmocka_unit_test(first_answers),
        cmocka_unit_test(without_ground),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
