/* Whole PPP links between a Windows client and its server, frame by frame: RFC 1661 section 3, wire-facts 2.6. */
#include "link_by_hand.h"

#include "dissect/ppp/ppp_link.h"

struct seen {
    struct tls_context *tls;
    struct ppp_link *link;
    uint64_t frame;
    unsigned events[PPP_EVENT_MALFORMED + 1];
    unsigned repeated, eap_success;
};

static void on_event(void *ctx, const struct ppp_event *e)
{
    struct seen *s = ctx;
    s->events[e->kind]++;
    s->repeated += e->repeated;
    assert_int_equal(e->place.frame, s->frame);
    if (e->kind == PPP_EVENT_EAP && e->u.eap->kind == EAP_EVENT_PACKET)
        s->eap_success += e->u.eap->u.packet->code == EAP_SUCCESS;
}

static int set_up(void **state)
{
    struct seen *s = calloc(1, sizeof *s);
    if (s == NULL)
        return -1;
    s->tls = tls_context_new(NULL, 1 << 18);
    s->link = ppp_link_new(s->tls, on_event, s);
    *state = s;
    return s->link != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    struct seen *s = *state;
    ppp_link_free(s->link);
    tls_context_free(s->tls);
    free(s);
    return 0;
}

static void feed(struct seen *s, enum direction dir, const void *bytes, size_t len)
{
    struct place place = {.frame = ++s->frame, .time_ns = (int64_t)s->frame * 1000};
    uint8_t *copy = exact_copy(bytes, len);
    ppp_link_feed(s->link, dir, span_of(copy, len), false, &place);
    free(copy);
}

/* LCP as Windows and its server do it: callback and MRRU are rejected, then all is agreed. */
static void lcp_opens(struct seen *s)
{
    C(s, 0xff, 3, 0xc0, 0x21, 1, 0, 0, 17, 1, 4, 0x0f, 0xfb, 5, 6, 1, 2, 3, 4, 13, 3, 6);
    S(s, 0xff, 3, 0xc0, 0x21, 1, 1, 0, 15, 3, 5, 0xc2, 0x23, 0x81, 5, 6, 9, 9, 9, 9);
    S(s, 0xff, 3, 0xc0, 0x21, 4, 0, 0, 7, 13, 3, 6);
    C(s, 0xff, 3, 0xc0, 0x21, 2, 1, 0, 15, 3, 5, 0xc2, 0x23, 0x81, 5, 6, 9, 9, 9, 9);
    C(s, 0xff, 3, 0xc0, 0x21, 1, 1, 0, 14, 1, 4, 0x0f, 0xfb, 5, 6, 1, 2, 3, 4);
    S(s, 0xff, 3, 0xc0, 0x21, 2, 1, 0, 14, 1, 4, 0x0f, 0xfb, 5, 6, 1, 2, 3, 4);
}

static void challenge_and_response(struct seen *s)
{
    S(s, 0xc2, 0x23, 1, 0, 0, 24, 16, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 'R', 'A', 'S');
    uint8_t response[2 + 4 + 1 + 49 + 5] = {0xc2, 0x23, 2, 0, 0, 59, 49};
    memset(response + 7 + 24, 0x5a, 24);
    memcpy(response + 56, "alice", 5);
    feed(s, TO_SERVER, response, sizeof response);
}

static void success(struct seen *s)
{
    static const char text[] = "S=407A5589115FD0D6209F510FE9C04566932CDA56";
    uint8_t frame[2 + 4 + 42] = {0xc2, 0x23, 3, 0, 0, 46};
    memcpy(frame + 6, text, 42);
    feed(s, TO_CLIENT, frame, sizeof frame);
}

static void a_healthy_link_opens_and_gets_its_addresses(void **state)
{
    struct seen *s = *state;
    const struct ppp_state *p = ppp_link_state(s->link);
    lcp_opens(s);
    assert_int_equal(p->lcp.outcome, PPP_OPENED);
    assert_int_equal(p->mru[TO_SERVER], 4091);
    assert_int_equal(p->authentication[TO_CLIENT].chosen.protocol, PPP_PROTOCOL_CHAP);
    assert_int_equal(p->authentication[TO_CLIENT].chosen.algorithm, CHAP_MSCHAP_V2);
    C(s, 0xc0, 0x21, 12, 2, 0, 20, 1, 2, 3, 4, 'M', 'S', 'R', 'A', 'S', '-', '0', '-', 'P', 'C', '1', '7');
    C(s, 0xc0, 0x21, 12, 3, 0, 24, 1, 2, 3, 4, 0x85, 0xf5, 0x11, 0x4c, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
    challenge_and_response(s);
    assert_int_equal(p->authentication[TO_CLIENT].result, PPP_AUTH_RUNNING);
    success(s);
    assert_int_equal(p->authentication[TO_CLIENT].result, PPP_AUTH_SUCCEEDED);
    assert_int_equal(ppp_network_outcome(p), PPP_NETWORK_NOT_TRIED);
    C(s, 0x80, 0x21, 1, 4, 0, 22, 3, 6, 0, 0, 0, 0, 129, 6, 0, 0, 0, 0, 130, 6, 0, 0, 0, 0);
    S(s, 0x80, 0x21, 1, 1, 0, 10, 3, 6, 10, 9, 0, 1);
    C(s, 0x80, 0x21, 2, 1, 0, 10, 3, 6, 10, 9, 0, 1);
    S(s, 0x80, 0x21, 4, 4, 0, 10, 130, 6, 0, 0, 0, 0);
    C(s, 0x80, 0x21, 1, 5, 0, 16, 3, 6, 0, 0, 0, 0, 129, 6, 0, 0, 0, 0);
    S(s, 0x80, 0x21, 3, 5, 0, 16, 3, 6, 10, 9, 0, 77, 129, 6, 10, 1, 0, 53);
    assert_int_equal(ppp_network_outcome(p), PPP_NETWORK_RUNNING);
    C(s, 0x80, 0x21, 1, 6, 0, 16, 3, 6, 10, 9, 0, 77, 129, 6, 10, 1, 0, 53);
    S(s, 0x80, 0x21, 2, 6, 0, 16, 3, 6, 10, 9, 0, 77, 129, 6, 10, 1, 0, 53);
    C(s, 0x80, 0x57, 1, 7, 0, 14, 1, 10, 1, 2, 3, 4, 5, 6, 7, 8);
    S(s, 0xc0, 0x21, 8, 2, 0, 20, 0x80, 0x57, 1, 7, 0, 14, 1, 10, 1, 2, 3, 4, 5, 6, 7, 8);
    C(s, 0x21, 0x45, 0, 0, 20);
    S(s, 0x21, 0x45, 0, 0, 20);
    C(s, 0x21, 0x45, 0, 0, 20);

    assert_int_equal(ppp_network_outcome(p), PPP_NETWORK_UP);
    assert_int_equal(ppp_network_error(PPP_NETWORK_UP), 0);
    char text[ADDRESS_TEXT];
    assert_string_equal(address_text(text, &p->ipv4[TO_SERVER]), "10.9.0.77");
    assert_string_equal(address_text(text, &p->ipv4[TO_CLIENT]), "10.9.0.1");
    assert_string_equal(address_text(text, &p->dns[0]), "10.1.0.53");
    assert_int_equal(p->wins[0].family, FAMILY_NONE);
    assert_int_equal(p->ipv6cp.outcome, PPP_REFUSED);
    assert_int_equal(p->ipv6cp.ended_by, TO_CLIENT);
    assert_memory_equal(p->computer, "PC17", 4);
    assert_int_equal(p->computer_len, 4);
    assert_true(p->has_correlation);
    assert_int_equal(p->correlation[0], 0x85);
    assert_memory_equal(p->user, "alice", 5);
    assert_int_equal(p->datagrams[TO_SERVER], 2);
    assert_int_equal(s->events[PPP_EVENT_DATAGRAMS], 2);
    assert_int_equal(s->events[PPP_EVENT_MALFORMED], 0);
    assert_int_equal(s->events[PPP_EVENT_LOOP], 0);
    assert_int_equal(s->repeated, 0);
    assert_int_equal(p->restarts, 0);
    assert_false(p->terminated);
}

static void a_wrong_password_is_691_and_the_client_leaves(void **state)
{
    struct seen *s = *state;
    const struct ppp_state *p = ppp_link_state(s->link);
    lcp_opens(s);
    challenge_and_response(s);
    static const char text[] = "E=691 R=0 C=00112233445566778899AABBCCDDEEFF V=3 M=no";
    uint8_t frame[2 + 4 + sizeof text - 1] = {0xc2, 0x23, 4, 0, 0, 4 + sizeof text - 1};
    memcpy(frame + 6, text, sizeof text - 1);
    feed(s, TO_CLIENT, frame, sizeof frame);
    C(s, 0xc0, 0x21, 5, 5, 0, 16, 1, 2, 3, 4, 0, 0x3c, 0xcd, 0x74, 0, 0, 2, 0xb3);
    S(s, 0xc0, 0x21, 6, 5, 0, 4);
    const struct ppp_authentication *a = &p->authentication[TO_CLIENT];
    assert_int_equal(a->result, PPP_AUTH_FAILED);
    assert_int_equal(a->error, 691);
    assert_false(a->retry_allowed);
    assert_int_equal(a->attempts, 1);
    assert_true(p->terminated);
    assert_int_equal(p->lcp.ended_by, TO_SERVER);
    assert_int_equal(p->terminate_error, 691);
}

static void a_method_that_the_client_does_not_want(void **state)
{
    struct seen *s = *state;
    const struct ppp_authentication *a = &ppp_link_state(s->link)->authentication[TO_CLIENT];
    S(s, 0xc0, 0x21, 1, 1, 0, 9, 3, 5, 0xc2, 0x23, 0x81);
    C(s, 0xc0, 0x21, 3, 1, 0, 8, 3, 4, 0xc2, 0x27);
    S(s, 0xc0, 0x21, 1, 2, 0, 8, 3, 4, 0xc0, 0x23);
    C(s, 0xc0, 0x21, 3, 2, 0, 8, 3, 4, 0xc2, 0x27);
    S(s, 0xc0, 0x21, 5, 3, 0, 4);
    assert_int_equal(a->offered_count, 2);
    assert_int_equal(a->offered[0].algorithm, CHAP_MSCHAP_V2);
    assert_int_equal(a->offered[1].protocol, PPP_PROTOCOL_PAP);
    assert_int_equal(a->wanted_count, 1);
    assert_int_equal(a->wanted[0].protocol, PPP_PROTOCOL_EAP);
    assert_int_equal(a->chosen.protocol, PPP_PROTOCOL_NONE);
    assert_int_equal(ppp_link_state(s->link)->lcp.ended_by, TO_CLIENT);
}

static void eap_is_fed_by_its_roles(void **state)
{
    struct seen *s = *state;
    const struct ppp_state *p = ppp_link_state(s->link);
    S(s, 0xc2, 0x27, 1, 1, 0, 5, 1);
    C(s, 0xc2, 0x27, 2, 1, 0, 8, 1, 'e', 'v', 'e');
    S(s, 0xc2, 0x27, 1, 2, 0, 6, 25, 0x20);
    C(s, 0xc2, 0x27, 2, 2, 0, 6, 3, 13);
    S(s, 0xc2, 0x27, 4, 3, 0, 4);
    struct eap_state eap;
    assert_true(ppp_link_eap_state(s->link, &eap));
    assert_int_equal(eap.last_dir, TO_CLIENT);
    assert_int_equal(eap.last_type, EAP_TYPE_PEAP);
    assert_int_equal(p->authentication[TO_CLIENT].result, PPP_AUTH_FAILED);
    assert_int_equal(p->authentication[TO_CLIENT].chosen.protocol, PPP_PROTOCOL_EAP);
    assert_int_equal(p->authentication[TO_CLIENT].attempts, 1);
    assert_memory_equal(p->user, "eve", 3);
    assert_int_equal(s->events[PPP_EVENT_EAP], 5);
}

/* The caller did not know who called whom: EAP's server is at the other end. */
static void eap_of_a_client_that_asks(void **state)
{
    struct seen *s = *state;
    C(s, 0xc2, 0x27, 1, 1, 0, 5, 1);
    S(s, 0xc2, 0x27, 2, 1, 0, 8, 1, 'e', 'v', 'e');
    S(s, 0xc2, 0x27, 1, 1, 0, 5, 1); /* the other conversation is left alone */
    C(s, 0xc2, 0x27, 3, 1, 0, 4);
    assert_int_equal(s->eap_success, 1);
    assert_int_equal(ppp_link_state(s->link)->authentication[TO_SERVER].result, PPP_AUTH_SUCCEEDED);
    assert_int_equal(ppp_link_state(s->link)->authentication[TO_CLIENT].result, PPP_AUTH_NONE);
    assert_int_equal(s->events[PPP_EVENT_EAP], 3);
}

static void an_error_inside_eap_mschapv2_is_the_error(void **state)
{
    struct seen *s = *state;
    S(s, 0xc2, 0x27, 1, 1, 0, 23, 26, 4, 1, 0, 18, 'E', '=', '6', '4', '7', ' ', 'R', '=', '0', ' ', 'V', '=', '3',
      ' ');
    S(s, 0xc2, 0x27, 4, 2, 0, 4);
    assert_int_equal(ppp_link_state(s->link)->authentication[TO_CLIENT].error, 647);
    assert_int_equal(ppp_link_state(s->link)->authentication[TO_CLIENT].result, PPP_AUTH_FAILED);
}

static void pap_accepts_and_refuses(void **state)
{
    struct seen *s = *state;
    const struct ppp_authentication *a = &ppp_link_state(s->link)->authentication[TO_CLIENT];
    C(s, 0xc0, 0x23, 1, 1, 0, 9, 1, 'a', 2, 'x', 'y');
    S(s, 0xc0, 0x23, 3, 1, 0, 5, 0);
    assert_int_equal(a->result, PPP_AUTH_FAILED);
    C(s, 0xc0, 0x23, 1, 2, 0, 9, 1, 'a', 2, 'x', 'z');
    S(s, 0xc0, 0x23, 2, 2, 0, 5, 0);
    assert_int_equal(a->result, PPP_AUTH_SUCCEEDED);
    assert_int_equal(a->attempts, 2);
    assert_int_equal(a->chosen.protocol, PPP_PROTOCOL_PAP);
}

static void no_ipcp_at_the_server_is_720(void **state)
{
    struct seen *s = *state;
    lcp_opens(s);
    C(s, 0x80, 0x21, 1, 4, 0, 10, 3, 6, 0, 0, 0, 0);
    S(s, 0xc0, 0x21, 8, 9, 0, 16, 0x80, 0x21, 1, 4, 0, 10, 3, 6, 0, 0, 0, 0);
    enum ppp_network n = ppp_network_outcome(ppp_link_state(s->link));
    assert_int_equal(n, PPP_NETWORK_PROTOCOL_REJECTED);
    assert_int_equal(ppp_network_error(n), 720);
}

static void a_server_without_addresses(void **state)
{
    struct seen *s = *state;
    C(s, 0x80, 0x21, 1, 4, 0, 10, 3, 6, 0, 0, 0, 0);
    S(s, 0x80, 0x21, 4, 4, 0, 10, 3, 6, 0, 0, 0, 0);
    assert_int_equal(ppp_network_outcome(ppp_link_state(s->link)), PPP_NETWORK_NO_ADDRESS);
}

static void a_client_that_insists_on_its_address_is_735(void **state)
{
    struct seen *s = *state;
    for (uint8_t id = 1; id <= PPP_LOOP; id++) {
        uint8_t request[] = {0x80, 0x21, 1, id, 0, 10, 3, 6, 192, 168, 7, 7};
        uint8_t nak[] = {0x80, 0x21, 3, id, 0, 10, 3, 6, 10, 9, 0, 5};
        feed(s, TO_SERVER, request, sizeof request);
        assert_int_equal(ppp_network_outcome(ppp_link_state(s->link)), PPP_NETWORK_RUNNING);
        feed(s, TO_CLIENT, nak, sizeof nak);
    }
    enum ppp_network n = ppp_network_outcome(ppp_link_state(s->link));
    assert_int_equal(n, PPP_NETWORK_ADDRESS_REFUSED);
    assert_int_equal(ppp_network_error(n), 735);
    assert_int_equal(s->events[PPP_EVENT_LOOP], 1);
}

static void copies_of_packets_change_nothing(void **state)
{
    struct seen *s = *state;
    lcp_opens(s);
    unsigned before = s->events[PPP_EVENT_NEGOTIATION];
    C(s, 0xff, 3, 0xc0, 0x21, 1, 1, 0, 14, 1, 4, 0x0f, 0xfb, 5, 6, 1, 2, 3, 4);
    S(s, 0xff, 3, 0xc0, 0x21, 2, 1, 0, 14, 1, 4, 0x0f, 0xfb, 5, 6, 1, 2, 3, 4);
    assert_int_equal(s->repeated, 2);
    assert_int_equal(s->events[PPP_EVENT_NEGOTIATION], before);
    assert_int_equal(ppp_link_state(s->link)->lcp.outcome, PPP_OPENED);
    assert_int_equal(ppp_link_state(s->link)->lcp.requests[TO_SERVER], 2);
}

static void an_answer_to_an_older_request_counts_for_nothing(void **state)
{
    struct seen *s = *state;
    C(s, 0xc0, 0x21, 1, 1, 0, 8, 1, 4, 5, 0xdc);
    C(s, 0xc0, 0x21, 1, 2, 0, 8, 1, 4, 5, 0x78);
    S(s, 0xc0, 0x21, 2, 1, 0, 8, 1, 4, 5, 0xdc);
    assert_false(ppp_link_state(s->link)->lcp.acked[TO_SERVER]);
    assert_int_equal(ppp_link_state(s->link)->mru[TO_SERVER], 0);
    S(s, 0xc0, 0x21, 2, 2, 0, 8, 1, 4, 5, 0x78);
    assert_int_equal(ppp_link_state(s->link)->mru[TO_SERVER], 1400);
}

/* RFC 1661 section 4.1: who is not ready yet (IPCP that waits for MPPE) answers a Request with a Terminate-Ack. */
static void a_terminate_ack_before_the_opening_ends_nothing(void **state)
{
    struct seen *s = *state;
    const struct ppp_negotiation *n = &ppp_link_state(s->link)->ipcp;
    C(s, 0x80, 0x21, 1, 7, 0, 10, 3, 6, 0, 0, 0, 0);
    S(s, 0x80, 0x21, 6, 7, 0, 4);
    assert_int_equal(n->outcome, PPP_RUNNING);
    C(s, 0x80, 0x21, 1, 8, 0, 10, 3, 6, 10, 0, 0, 9);
    S(s, 0x80, 0x21, 2, 8, 0, 10, 3, 6, 10, 0, 0, 9);
    S(s, 0x80, 0x21, 1, 1, 0, 4);
    C(s, 0x80, 0x21, 2, 1, 0, 4);
    assert_int_equal(n->outcome, PPP_OPENED);
    S(s, 0x80, 0x21, 6, 9, 0, 4); /* the client's Terminate-Request was not captured */
    assert_int_equal(n->outcome, PPP_CLOSED);
    assert_int_equal(n->ended_by, TO_SERVER);
}

static void a_server_that_sends_datagrams_has_a_network(void **state)
{
    struct seen *s = *state;
    const struct ppp_state *p = ppp_link_state(s->link);
    C(s, 0x80, 0x21, 1, 4, 0, 10, 3, 6, 0, 0, 0, 0);
    S(s, 0x80, 0x21, 3, 4, 0, 10, 3, 6, 10, 9, 0, 5);
    C(s, 0x21, 0x45, 0, 0, 20);
    assert_int_equal(ppp_network_outcome(p), PPP_NETWORK_RUNNING);
    S(s, 0x21, 0x45, 0, 0, 20);
    assert_int_equal(ppp_network_outcome(p), PPP_NETWORK_UP);
}

/* A lost segment holds one side's frames back while the other's go on. */
static void answers_that_come_before_their_requests(void **state)
{
    struct seen *s = *state;
    const struct ppp_state *p = ppp_link_state(s->link);
    C(s, 0xc0, 0x21, 1, 1, 0, 8, 1, 4, 5, 0xdc);
    S(s, 0xc0, 0x21, 1, 1, 0, 9, 3, 5, 0xc2, 0x23, 0x81);
    S(s, 0xc0, 0x21, 3, 1, 0, 8, 1, 4, 5, 0x78);
    S(s, 0xc0, 0x21, 2, 2, 0, 8, 1, 4, 5, 0x78); /* to a Request that comes now */
    assert_false(p->lcp.acked[TO_SERVER]);
    C(s, 0xc0, 0x21, 2, 1, 0, 9, 3, 5, 0xc2, 0x23, 0x81);
    C(s, 0xc0, 0x21, 1, 2, 0, 8, 1, 4, 5, 0x78);
    assert_int_equal(p->lcp.outcome, PPP_OPENED);
    assert_int_equal(p->mru[TO_SERVER], 1400);
    S(s, 0x80, 0x21, 1, 1, 0, 10, 3, 6, 10, 9, 0, 1);
    S(s, 0x80, 0x21, 2, 3, 0, 10, 3, 6, 10, 9, 0, 7);
    C(s, 0x80, 0x21, 1, 3, 0, 10, 3, 6, 10, 9, 0, 7);
    C(s, 0x80, 0x21, 2, 1, 0, 10, 3, 6, 10, 9, 0, 1);
    assert_int_equal(p->ipcp.outcome, PPP_OPENED);
    char text[ADDRESS_TEXT];
    assert_string_equal(address_text(text, &p->ipv4[TO_SERVER]), "10.9.0.7");
    assert_int_equal(p->restarts, 0);
    assert_int_equal(s->events[PPP_EVENT_AUTHENTICATION], 1);
}

/* The same, where the demanding side's Request is the late one. */
static void a_method_acknowledged_before_it_is_demanded(void **state)
{
    struct seen *s = *state;
    const struct ppp_authentication *a = &ppp_link_state(s->link)->authentication[TO_CLIENT];
    S(s, 0xc0, 0x21, 1, 1, 0, 8, 3, 4, 0xc0, 0x23);
    C(s, 0xc0, 0x21, 2, 2, 0, 9, 3, 5, 0xc2, 0x23, 0x81);
    assert_int_equal(a->chosen.protocol, PPP_PROTOCOL_NONE);
    S(s, 0xc0, 0x21, 1, 2, 0, 9, 3, 5, 0xc2, 0x23, 0x81);
    assert_int_equal(a->chosen.algorithm, CHAP_MSCHAP_V2);
    assert_int_equal(s->events[PPP_EVENT_AUTHENTICATION], 1);
}

static void a_new_lcp_starts_everything_over(void **state)
{
    struct seen *s = *state;
    const struct ppp_state *p = ppp_link_state(s->link);
    lcp_opens(s);
    challenge_and_response(s);
    success(s);
    S(s, 0xc0, 0x21, 1, 9, 0, 8, 3, 4, 0xc2, 0x27);
    assert_int_equal(p->restarts, 1);
    assert_int_equal(p->lcp.outcome, PPP_RUNNING);
    assert_int_equal(p->authentication[TO_CLIENT].result, PPP_AUTH_NONE);
    assert_int_equal(p->authentication[TO_CLIENT].offered[0].protocol, PPP_PROTOCOL_EAP);
}

static void rubbish_is_told_and_changes_nothing(void **state)
{
    struct seen *s = *state;
    S(s, 0xc0);
    S(s, 0xc0, 0x21, 1);
    S(s, 0xc0, 0x21, 1, 1, 0, 40, 1, 4);
    S(s, 0xc0, 0x21, 1, 1, 0, 8, 1, 0, 1, 4);
    C(s, 0xc2, 0x23, 2, 1, 0, 6, 49, 1);
    C(s, 0xc2, 0x27);
    assert_int_equal(s->events[PPP_EVENT_MALFORMED], 5);
    assert_int_equal(ppp_link_state(s->link)->lcp.outcome, PPP_UNTOUCHED);
    assert_int_equal(ppp_link_state(s->link)->authentication[TO_CLIENT].result, PPP_AUTH_NONE);
}

static void the_bits_of_mppe_are_those_agreed(void **state)
{
    struct seen *s = *state;
    C(s, 0x80, 0xfd, 1, 4, 0, 10, 18, 6, 1, 0, 0, 0xe1);
    S(s, 0x80, 0xfd, 3, 4, 0, 10, 18, 6, 1, 0, 0, 0x40);
    C(s, 0x80, 0xfd, 1, 5, 0, 10, 18, 6, 1, 0, 0, 0x40);
    S(s, 0x80, 0xfd, 2, 5, 0, 10, 18, 6, 1, 0, 0, 0x40);
    assert_int_equal(ppp_link_state(s->link)->mppe, MPPE_STATELESS | MPPE_128);
}

#define LINK_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LINK_TEST(a_healthy_link_opens_and_gets_its_addresses),
        LINK_TEST(a_wrong_password_is_691_and_the_client_leaves),
        LINK_TEST(a_method_that_the_client_does_not_want),
        LINK_TEST(eap_is_fed_by_its_roles),
        LINK_TEST(eap_of_a_client_that_asks),
        LINK_TEST(an_error_inside_eap_mschapv2_is_the_error),
        LINK_TEST(pap_accepts_and_refuses),
        LINK_TEST(no_ipcp_at_the_server_is_720),
        LINK_TEST(a_server_without_addresses),
        LINK_TEST(a_client_that_insists_on_its_address_is_735),
        LINK_TEST(copies_of_packets_change_nothing),
        LINK_TEST(an_answer_to_an_older_request_counts_for_nothing),
        LINK_TEST(a_terminate_ack_before_the_opening_ends_nothing),
        LINK_TEST(a_server_that_sends_datagrams_has_a_network),
        LINK_TEST(answers_that_come_before_their_requests),
        LINK_TEST(a_method_acknowledged_before_it_is_demanded),
        LINK_TEST(a_new_lcp_starts_everything_over),
        LINK_TEST(rubbish_is_told_and_changes_nothing),
        LINK_TEST(the_bits_of_mppe_are_those_agreed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
