/* Every finding about IKE and address translation: facts that must raise it, and the nearest ones that must not. Facts
 * are made by hand, no bytes are read. */
#include "rules_scene.h"

#include "analyze/finding/rules_ike.h"
#include "analyze/nat/nat_hash.h"

static const struct ike_suite good_suite = {
    .encr = {IKE_ENCR, 12, 256}, .integ = {IKE_INTEG, 12, 0}, .prf = {IKE_PRF, 5, 0}, .dh = {IKE_DH, 14, 0}};

static void say(uint8_t id, bool response, uint16_t length)
{
    struct ike_facts *f = &scene.x.ike;
    uint8_t first = id > 1 ? IKE_EAP : !response ? IKE_IDI : length <= 84 ? IKE_NOTIFY : IKE_IDR;
    f->lengths[f->length_count++] = (struct ike_length_fact){.length = length,
                                                             .message_id = id,
                                                             .exchange = IKE_AUTH,
                                                             .first = first,
                                                             .from_initiator = !response,
                                                             .response = response};
    f->auth_last_id = id;
    *(response ? &f->auth_responses : &f->auth_requests) += 1;
}

/* IKE_SA_INIT asked and answered, nothing more; the capture ends there. */
static void begun(void)
{
    scene_open();
    struct exchange *x = &scene.x;
    x->type = CONVERSATION_IKE;
    x->client = endpoint_of(7, 500);
    x->server = endpoint_of(1, 500);
    x->packets = 2;
    x->first = at(1);
    x->last = at(2);
    x->capture_last_ns = x->last.time_ns;
    x->ike = (struct ike_facts){.version = 0x20,
                                .init_requests = 1,
                                .init_responses = 1,
                                .init_request = at(1),
                                .init_request_last = at(1),
                                .init_response = at(2),
                                .init_response_last = at(2),
                                .offer_seen = true,
                                .offer_proposals = 1,
                                .offered_group = 14,
                                .chosen_seen = true,
                                .chosen = good_suite,
                                .chosen_place = at(2),
                                .init_responder = endpoint_of(1, 500)};
    const struct ike_transform offered[] = {good_suite.encr, good_suite.prf, good_suite.integ, good_suite.dh};
    for (unsigned i = 0; i < 4; i++) {
        x->ike.offered[i][0] = offered[i];
        x->ike.offered_count[i] = 1;
    }
}

/* The request repeated without an answer. */
static void unanswered_init(void)
{
    begun();
    struct ike_facts *f = &scene.x.ike;
    f->init_responses = 0;
    f->chosen_seen = false;
    f->init_request_retransmissions = 3;
    scene.x.last_from_client = true;
}

/* A machine tunnel: one IKE_AUTH, ESP both ways. */
static void established(void)
{
    begun();
    struct ike_facts *f = &scene.x.ike;
    f->encrypted_seen = f->floated = true;
    f->auth_request = at(3);
    f->auth_response = at(4);
    f->auth_responder = endpoint_of(1, 4500);
    say(1, false, 1700);
    say(1, true, 1500);
    f->auth_request_length = 1700;
    f->auth_response_length = 1500;
    f->state.esp_packets[0] = f->state.esp_packets[1] = 10;
}

static void auth_unanswered(uint16_t length)
{
    begun();
    struct ike_facts *f = &scene.x.ike;
    f->encrypted_seen = f->floated = true;
    f->auth_request = at(3);
    f->auth_responder = endpoint_of(1, 4500);
    f->auth_request_length = length;
    f->auth_request_retransmissions = 3;
    say(1, false, length);
    scene.x.last_from_client = true;
}

static void ike_rules(void)
{
    struct ike_judgement j = judge_ike(&scene.x);
    rules_ike_init(scene.findings, &scene.in, &scene.x, j);
    rules_ike1(scene.findings, &scene.x, judge_ike(&scene.x));
    rules_ike_auth(scene.findings, &scene.in, &scene.x, j);
    rules_ike_end(scene.findings, &scene.in, &scene.x, j);
}

static void run(void)
{
    scene.x.outcome = (uint8_t)judge_ike_outcome(&scene.x);
    scene_run(ike_rules);
}

static const struct finding *found(enum finding_id id)
{
    return raised_in(scene.findings, id);
}

/* Only this one, with this severity, confidence and client error. */
static void only(enum finding_id id, enum severity severity, enum confidence confidence, uint32_t error)
{
    run();
    (void)only_in(scene.findings, id, severity, confidence, error);
}

static void nothing(void)
{
    run();
    none_in(scene.findings);
}

static void healthy_ones_raise_nothing(void **state)
{
    (void)state;
    established();
    nothing();
    assert_int_equal(scene.x.outcome, OUTCOME_ESTABLISHED);
    begun(); /* the capture ends: nobody knows */
    nothing();
    assert_int_equal(scene.x.outcome, OUTCOME_INCOMPLETE);
}

static void no_answer(void **state)
{
    (void)state;
    unanswered_init();
    only(FINDING_IKE_NO_ANSWER, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 809);
    assert_int_equal(scene.x.outcome, OUTCOME_UNANSWERED);
    unanswered_init();
    scene.x.ike.unreachable = 1;
    only(FINDING_IKE_NO_ANSWER, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 809);
    unanswered_init(); /* the same server, which answers others */
    struct exchange other = {.type = CONVERSATION_IKE, .server = scene.x.server, .ike.init_responses = 1};
    struct services *services = services_new();
    scene.in.services = services;
    only(FINDING_IKE_NO_ANSWER, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 809);
    assert_null(strstr(found(FINDING_IKE_NO_ANSWER)->title, "some"));
    (void)services_add(services, &other);
    only(FINDING_IKE_NO_ANSWER, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 809);
    assert_non_null(strstr(found(FINDING_IKE_NO_ANSWER)->title, "some"));
    services_free(services);
    unanswered_init(); /* one request may be a scanner's */
    scene.x.ike.init_request_retransmissions = 0;
    scene.x.capture_last_ns += 60 * SECOND;
    nothing();
}

static void no_proposal_chosen(void **state)
{
    (void)state;
    begun();
    scene.x.ike.chosen_seen = false;
    scene.x.ike.refused_proposal = true;
    scene.x.ike.refused_place = at(2);
    only(FINDING_IKE_NO_PROPOSAL_CHOSEN, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 13868);
    assert_non_null(strstr(found(FINDING_IKE_NO_PROPOSAL_CHOSEN)->explanation, "AES-CBC-256"));
}

static void invalid_ke(void **state)
{
    (void)state;
    begun();
    struct ike_facts *f = &scene.x.ike;
    f->invalid_ke = 1;
    f->wanted_first = f->wanted_group = 19;
    f->invalid_ke_place = at(2);
    only(FINDING_IKE_INVALID_KE, SEVERITY_INFO, CONFIDENCE_CERTAIN, 0); /* and went on */
    begun();
    f->invalid_ke = 2;
    f->wanted_first = f->wanted_group = 19;
    f->chosen_seen = false;
    f->invalid_ke_place = at(2);
    only(FINDING_IKE_INVALID_KE, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 13868);
    assert_non_null(strstr(found(FINDING_IKE_INVALID_KE)->explanation, "group 19"));
    assert_non_null(strstr(found(FINDING_IKE_INVALID_KE)->explanation, "group 14"));
    begun(); /* answers alone: nobody knows what the client offered */
    f->invalid_ke = 2;
    f->chosen_seen = f->offer_seen = false;
    f->init_requests = 0;
    nothing();
}

/* The right group, again and again, and no answer to it: not the group is at fault. */
static void retry_unanswered(void **state)
{
    (void)state;
    unanswered_init();
    struct ike_facts *f = &scene.x.ike;
    f->init_requests = 2;
    f->init_responses = f->invalid_ke = 1;
    f->invalid_ke_place = at(2);
    f->wanted_first = f->wanted_group = 19;
    f->retried_with_wanted_group = true;
    f->state.request_waiting = true;
    f->state.waiting_exchange = IKE_SA_INIT;
    f->state.waiting_transmissions = 4;
    f->state.waiting_first = at(3);
    run();
    const struct finding *no = found(FINDING_IKE_NO_ANSWER), *ke = found(FINDING_IKE_INVALID_KE);
    assert_int_equal(no->client_error, 809);
    assert_int_equal(ke->severity, SEVERITY_INFO);
    assert_int_equal(scene.x.outcome, OUTCOME_UNANSWERED);
}

static void cookie_challenge(void **state)
{
    (void)state;
    begun();
    scene.x.ike.cookies = 1;
    scene.x.ike.cookie_place = at(2);
    only(FINDING_IKE_COOKIE_CHALLENGE, SEVERITY_INFO, CONFIDENCE_CERTAIN, 0);
    begun();
    scene.x.ike.cookies = 3;
    scene.x.ike.cookie_place = at(2);
    scene.x.ike.chosen_seen = false;
    scene.x.ike.init_request_retransmissions = 2;
    only(FINDING_IKE_COOKIE_CHALLENGE, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 13890);
    assert_int_equal(scene.x.outcome, OUTCOME_ABORTED);
    struct ike_facts *f = &scene.x.ike; /* with the cookie the server falls silent */
    f->cookies = 1;
    f->cookie_returned = true;
    f->state.request_waiting = true;
    f->state.waiting_exchange = IKE_SA_INIT;
    f->state.waiting_transmissions = 3;
    f->state.waiting_first = at(3);
    run();
    assert_int_equal(found(FINDING_IKE_NO_ANSWER)->client_error, 809);
    assert_non_null(strstr(found(FINDING_IKE_NO_ANSWER)->evidence[1].what, "cookie"));
    assert_int_equal(found(FINDING_IKE_COOKIE_CHALLENGE)->severity, SEVERITY_INFO);
    assert_int_equal(scene.x.outcome, OUTCOME_UNANSWERED);
}

static void weak_proposal(void **state)
{
    (void)state;
    established();
    scene.x.ike.chosen.dh.id = 2;
    only(FINDING_IKE_WEAK_PROPOSAL, SEVERITY_WARNING, CONFIDENCE_CERTAIN, 0);
    established(); /* HMAC with SHA-1 alone is old, not broken */
    scene.x.ike.chosen.integ.id = 2;
    scene.x.ike.chosen.prf.id = 2;
    nothing();
}

static void auth_lost(void **state)
{
    (void)state;
    auth_unanswered(600);
    only(FINDING_IKE_AUTH_UNANSWERED, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 809);
    assert_null(strstr(found(FINDING_IKE_AUTH_UNANSWERED)->title, "larger"));
    auth_unanswered(3468);
    only(FINDING_IKE_AUTH_UNANSWERED, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 809);
    assert_non_null(strstr(found(FINDING_IKE_AUTH_UNANSWERED)->fix[0], "EnableServerFragmentation"));
    auth_unanswered(600); /* sent once, and the capture ends */
    scene.x.ike.auth_request_retransmissions = 0;
    nothing();
}

static void fragments_lost(void **state)
{
    (void)state;
    auth_unanswered(3468);
    scene.lost = (struct lost_pair){
        .src = endpoint_of(7, 4500),
        .dst = endpoint_of(1, 4500),
        .datagrams = 3,
        .first_only = 3,
        .example = {.src = endpoint_of(7, 4500), .dst = endpoint_of(1, 4500), .first_seen = true, .first = at(3)}};
    scene.in.lost_count = 1;
    scene.x.ike.fragmentation_initiator = true;
    only(FINDING_IKE_FRAGMENTS_LOST, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 809);
    assert_non_null(strstr(found(FINDING_IKE_FRAGMENTS_LOST)->fix[0], "EnableServerFragmentation"));
    scene.lost.in_one_capture = true;
    scene.lost.first_ns = scene.lost.last_ns = scene.x.first.time_ns;
    only(FINDING_IKE_FRAGMENTS_LOST, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 809);
    scene.lost.first_ns = scene.lost.last_ns = scene.x.first.time_ns - 600 * SECOND; /* an earlier attempt's */
    run();
    assert_null(found(FINDING_IKE_FRAGMENTS_LOST));
    scene.lost.in_one_capture = false;
    scene.lost.datagrams = scene.lost.first_only = 1; /* one, which may be missing in the capture only */
    only(FINDING_IKE_FRAGMENTS_LOST, SEVERITY_WARNING, CONFIDENCE_HINT, 809);
    say(1, true, 1500); /* it was answered, so it came */
    nothing();
    begun(); /* a part of an answer, after which the client goes on: the capture began in the middle */
    scene.x.ike.init_requests = scene.x.ike.init_responses = 0;
    scene.x.ike.encrypted_seen = scene.x.ike.informational_seen = scene.x.begun_before = true;
    scene.lost = (struct lost_pair){.src = endpoint_of(1, 4500), .dst = endpoint_of(7, 4500), .datagrams = 1};
    nothing();
    auth_unanswered(600); /* fragments of others */
    scene.lost = (struct lost_pair){.src = endpoint_of(8, 4500), .dst = endpoint_of(1, 4500), .first_only = 1};
    scene.in.lost_count = 1;
    run();
    assert_null(found(FINDING_IKE_FRAGMENTS_LOST));
}

static void ike_fragments_missing(void **state)
{
    (void)state;
    auth_unanswered(600);
    scene.x.ike.state.fragments_waiting = 2;
    scene.x.ike.state.fragments_announced = 4;
    scene.x.ike.state.fragments_from_initiator = true;
    scene.x.ike.state.fragments_message_id = 1;
    scene.x.ike.exchanges[0] = (struct ike_exchange_fact){
        .type = IKE_AUTH, .from_initiator = true, .message_id = 1, .initiator_packets = 4, .fragments = 4};
    scene.x.ike.exchange_count = 1;
    only(FINDING_IKE_FRAGMENTS_LOST, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 809);
    begun(); /* sent once, and the capture ends */
    scene.x.ike.encrypted_seen = true;
    scene.x.ike.state = (struct ike_state){.fragments_waiting = 2, .fragments_announced = 4, .fragments_message_id = 1};
    nothing();
}

static void backend_split(void **state)
{
    (void)state;
    auth_unanswered(600);
    scene.x.ike.auth_responder = endpoint_of(2, 4500);
    only(FINDING_IKE_BACKEND_SPLIT, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 809);
    assert_string_equal(found(FINDING_IKE_BACKEND_SPLIT)->subject, ""); /* the load balancer's fault, not a server's */
    auth_unanswered(600); /* in front of a load balancer its address, behind it the server's: no other server */
    scene.x.ike.auth_responder = (struct endpoint){address_ipv4((const uint8_t[]){172, 20, 30, 11}), 4500};
    scene.x.ike.auth_request.capture = 1;
    only(FINDING_IKE_AUTH_UNANSWERED, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 809);
    auth_unanswered(600);
    scene.x.ike.notifies[0] = (struct ike_notify_fact){.type = IKE_N_INVALID_IKE_SPI, .place = at(4)};
    scene.x.ike.notify_count = 1;
    only(FINDING_IKE_BACKEND_SPLIT, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 809);
    auth_unanswered(600); /* its first half was not seen: nothing to say where it need not be in the capture */
    scene.x.begun_before = true;
    scene.x.ike.init_requests = scene.x.ike.init_responses = 0;
    only(FINDING_IKE_BACKEND_SPLIT, SEVERITY_WARNING, CONFIDENCE_HINT, 809);
    auth_unanswered(600);
    scene.x.begun_before = true;
    scene.x.ike.init_requests = scene.x.ike.init_responses = 0;
    scene.totals.ike_clear = 4; /* of others */
    scene.in.totals = &scene.totals;
    only(FINDING_IKE_BACKEND_SPLIT, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 809);
    established(); /* a redirected or balanced client that is served raises nothing */
    scene.x.ike.auth_responder = endpoint_of(2, 4500);
    nothing();
}

static void server_refuses(void **state)
{
    (void)state;
    begun();
    struct ike_facts *f = &scene.x.ike;
    f->encrypted_seen = true;
    f->auth_response = at(4);
    say(1, false, 1700);
    say(1, true, 84);
    f->auth_response_length = 84;
    only(FINDING_IKE_AUTH_FAILED, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 13801);
    assert_int_equal(scene.x.outcome, OUTCOME_REJECTED);
    begun(); /* the same, read */
    f->encrypted_seen = f->decrypted = true;
    f->auth_error = IKE_N_AUTHENTICATION_FAILED;
    f->auth_error_place = at(4);
    say(1, false, 1700);
    say(1, true, 84);
    only(FINDING_IKE_AUTH_FAILED, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 13801);
    assert_non_null(strstr(found(FINDING_IKE_AUTH_FAILED)->explanation, "AUTHENTICATION_FAILED"));
}

static void client_refuses(void **state)
{
    (void)state;
    established();
    struct ike_facts *f = &scene.x.ike;
    f->state.esp_packets[0] = f->state.esp_packets[1] = 0;
    f->informational_seen = true;
    f->first_informational = at(5);
    f->lengths[f->length_count++] = (struct ike_length_fact){
        .length = 84, .message_id = 2, .exchange = IKE_INFORMATIONAL, .first = IKE_NOTIFY, .from_initiator = true};
    only(FINDING_IKE_AUTH_FAILED, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 13801);
    assert_int_equal(scene.x.outcome, OUTCOME_ABORTED);
    established(); /* long after: an idle tunnel is taken down */
    f->state.esp_packets[0] = f->state.esp_packets[1] = 0;
    f->informational_seen = true;
    f->first_informational = at(5);
    f->lengths[f->length_count++] = (struct ike_length_fact){
        .length = 84, .message_id = 2, .exchange = IKE_INFORMATIONAL, .first = IKE_DELETE, .from_initiator = true};
    f->first_informational.time_ns += 60 * SECOND;
    nothing();
    f->first_informational.time_ns -= 60 * SECOND; /* at once, but a Delete: its data may not have been captured */
    nothing();
}

static void client_never_goes_on(void **state)
{
    (void)state;
    begun();
    scene.x.capture_last_ns += 60 * SECOND;
    only(FINDING_IKE_AUTH_FAILED, SEVERITY_WARNING, CONFIDENCE_HINT, 13806);
    begun(); /* a filter for UDP 500 leaves nothing else */
    scene.x.capture_last_ns += 60 * SECOND;
    scene.totals.packets = scene.totals.ike_clear = 2;
    scene.in.totals = &scene.totals;
    scene.in.counters = &scene.counters;
    only(FINDING_IKE_AUTH_FAILED, SEVERITY_INFO, CONFIDENCE_HINT, 0);
}

static void init_is_refused(void **state)
{
    (void)state;
    begun();
    scene.x.ike.chosen_seen = false;
    scene.x.ike.init_error = IKE_N_INVALID_SYNTAX;
    scene.x.ike.init_error_place = at(2);
    only(FINDING_IKE_AUTH_FAILED, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 0); /* 13801 says something of credentials */
    scene.x.ike.init_error = IKE_N_AUTHENTICATION_FAILED;
    only(FINDING_IKE_AUTH_FAILED, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 13801);
    scene.x.ike.init_bare = true; /* nobody's client */
    only(FINDING_IKE_AUTH_FAILED, SEVERITY_INFO, CONFIDENCE_CERTAIN, 0);
}

/* What has nothing of a VPN client is no client that fails, whatever comes of it. */
static void a_scanner_knocks(void **state)
{
    (void)state;
    begun();
    scene.x.ike.init_bare = true;
    scene.x.capture_last_ns += 60 * SECOND;
    nothing();
    assert_int_equal(scene.x.outcome, OUTCOME_INCOMPLETE);
    scene.x.ike.chosen.dh.id = 2;
    only(FINDING_IKE_WEAK_PROPOSAL, SEVERITY_INFO, CONFIDENCE_CERTAIN, 0);
    unanswered_init();
    scene.x.ike.init_bare = true;
    nothing();
    scene.x.ike.unreachable = 1;
    nothing();
    unanswered_init();
    scene.x.ike.init_bare = true;
    scene.x.ike.cookies = 1;
    scene.x.ike.cookie_place = at(2);
    only(FINDING_IKE_COOKIE_CHALLENGE, SEVERITY_INFO, CONFIDENCE_CERTAIN, 0);
    begun();
    scene.x.ike.init_bare = true;
    scene.x.ike.chosen_seen = false;
    scene.x.ike.refused_proposal = true;
    only(FINDING_IKE_NO_PROPOSAL_CHOSEN, SEVERITY_INFO, CONFIDENCE_CERTAIN, 0);
    assert_int_equal(scene.x.outcome, OUTCOME_REJECTED);
    begun();
    scene.x.ike.init_bare = true;
    scene.x.ike.chosen_seen = false;
    scene.x.ike.invalid_ke = 1;
    scene.x.ike.wanted_first = scene.x.ike.wanted_group = 19;
    scene.x.capture_last_ns += 60 * SECOND;
    nothing();
    auth_unanswered(600); /* who goes on is no scanner */
    scene.x.ike.init_bare = true;
    only(FINDING_IKE_AUTH_UNANSWERED, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 809);
}

/* IKEv1's phase 1. */
static void version_1_is_refused(void **state)
{
    (void)state;
    begun();
    scene.x.type = CONVERSATION_IKE1;
    scene.x.ike.version = 0x10;
    scene.x.ike.chosen_seen = false;
    scene.x.ike.refused_proposal = true;
    only(FINDING_IKE_NO_PROPOSAL_CHOSEN, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, 788);
    assert_non_null(strstr(found(FINDING_IKE_NO_PROPOSAL_CHOSEN)->title, "IKEv1"));
    scene.x.ike.encrypted_seen = true; /* anybody can say so; they went on */
    nothing();
}

/* Main mode up to the client's message 5, which is encrypted and was sent so often. */
static void main_mode(uint16_t times)
{
    begun();
    scene.x.type = CONVERSATION_IKE1;
    scene.x.ike.version = 0x10;
    scene.x.ike.encrypted_seen = true;
    scene.x.ike.phase1 = (struct ike1_step){.by_initiator = 1, .repeated = (uint16_t)(times - 1), .asked = at(5), .asked_last = at(5)};
    scene.x.last = at(5);
}

static void responder_says(struct ike1_step *step, uint64_t frame)
{
    step->by_responder = 1;
    step->told = at(frame);
}

/* RFC 2409 section 5: the server answers message 5 with something else, or not at all. */
static void version_1_authenticates_in_vain(void **state)
{
    (void)state;
    struct ike_facts *f = &scene.x.ike;
    main_mode(1);
    nothing(); /* the capture ends there */
    responder_says(&f->notices, 4);
    nothing(); /* about something before */
    f->notices.told = at(6);
    only(FINDING_IKE_AUTH_FAILED, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 789);
    assert_int_equal(scene.x.outcome, OUTCOME_REJECTED);
    responder_says(&f->phase1, 7);
    nothing(); /* it answered all the same */
    main_mode(1);
    f->init_error = 16;
    f->init_error_place = at(6);
    only(FINDING_IKE_AUTH_FAILED, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 789);
    main_mode(4);
    only(FINDING_IKE_AUTH_UNANSWERED, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 789);
    assert_int_equal(scene.x.outcome, OUTCOME_UNANSWERED);
    f->init_responses = 0; /* one side of it */
    nothing();
}

static void version_1_makes_no_tunnel(void **state)
{
    (void)state;
    struct ike_facts *f = &scene.x.ike;
    main_mode(1);
    responder_says(&f->phase1, 6);
    nothing();
    f->notices.by_initiator = 1; /* the client has nothing to say for now, or goes away */
    f->notices.asked = at(7);
    nothing();
    scene.x.capture_last_ns += 20 * SECOND;
    only(FINDING_IKE_AUTH_FAILED, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 789);
    assert_int_equal(scene.x.outcome, OUTCOME_ABORTED);
    f->phase2 = (struct ike1_step){.by_initiator = 1, .asked = at(8), .asked_last = at(8)};
    nothing();
    responder_says(&f->notices, 9);
    only(FINDING_IKE_TS_UNACCEPTABLE, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 789);
    assert_int_equal(scene.x.outcome, OUTCOME_REJECTED);
    responder_says(&f->phase2, 10);
    nothing();
}

/* IKE fragments fit packets: neither their sum nor each of them counts. */
static void fragments_are_not_cut_by_ip(void **state)
{
    (void)state;
    auth_unanswered(3000);
    only(FINDING_IKE_AUTH_UNANSWERED, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 809);
    assert_non_null(strstr(found(FINDING_IKE_AUTH_UNANSWERED)->title, "larger than a packet"));
    scene.x.ike.lengths[0].fragments = 3;
    only(FINDING_IKE_AUTH_UNANSWERED, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 809);
    assert_null(strstr(found(FINDING_IKE_AUTH_UNANSWERED)->title, "larger than a packet"));
    assert_non_null(strstr(found(FINDING_IKE_AUTH_UNANSWERED)->explanation, "3 IKE fragments"));
}

/* The server says INVALID_IKE_SPI of what it did not answer; of a login that is through it comes later, or from anybody. */
static void a_forgotten_tunnel(void **state)
{
    (void)state;
    established();
    struct ike_facts *f = &scene.x.ike;
    f->state = (struct ike_state){0};
    f->decrypted = f->child_created = true;
    f->notifies[0] = (struct ike_notify_fact){.type = IKE_N_INVALID_IKE_SPI, .place = at(9)};
    f->notify_count = 1;
    nothing();
    assert_int_equal(scene.x.outcome, OUTCOME_ESTABLISHED);
    begun(); /* begun before the capture, and all of it is a sign of life */
    f->init_requests = f->init_responses = 0;
    f->chosen_seen = false;
    f->encrypted_seen = scene.x.begun_before = true;
    f->notifies[0] = (struct ike_notify_fact){.type = IKE_N_INVALID_IKE_SPI, .place = at(9)};
    f->notify_count = 1;
    nothing();
    assert_int_equal(scene.x.outcome, OUTCOME_INCOMPLETE);
}

static void keys_cannot_be_renewed(void **state)
{
    (void)state;
    established();
    scene.x.ike.decrypted = scene.x.ike.child_created = scene.x.ike.child_seen = true;
    scene.x.ike.later_error = IKE_N_NO_PROPOSAL_CHOSEN;
    scene.x.ike.later_error_place = at(9);
    only(FINDING_IKE_NO_PROPOSAL_CHOSEN, SEVERITY_WARNING, CONFIDENCE_CERTAIN, 0);
    assert_int_equal(scene.x.outcome, OUTCOME_ESTABLISHED);
    scene.x.ike.later_error = IKE_N_INVALID_KE_PAYLOAD; /* the next try is right, and collisions happen */
    nothing();
    established();
    scene.x.ike.child_seen = true;
    scene.x.ike.child_refusals = 1;
    scene.x.ike.child_refusal_place = at(9);
    only(FINDING_IKE_NO_PROPOSAL_CHOSEN, SEVERITY_INFO, CONFIDENCE_HINT, 0);
    scene.x.ike.child_refusals = 2;
    only(FINDING_IKE_NO_PROPOSAL_CHOSEN, SEVERITY_WARNING, CONFIDENCE_STRONG, 0);
}

/* A request inside a standing tunnel's association is repeated and never answered; goodbyes need no answer. */
static void a_tunnel_dies(void **state)
{
    (void)state;
    established();
    struct ike_state *s = &scene.x.ike.state;
    s->request_waiting = s->waiting_from_initiator = true;
    s->waiting_exchange = IKE_INFORMATIONAL;
    s->waiting_transmissions = 2;
    s->waiting_first = s->waiting_last = at(20);
    nothing();
    s->waiting_transmissions = 3;
    only(FINDING_IKE_NO_ANSWER, SEVERITY_WARNING, CONFIDENCE_STRONG, 0);
    assert_int_equal(scene.x.outcome, OUTCOME_ESTABLISHED);
    s->waiting_from_initiator = false;
    only(FINDING_IKE_NO_ANSWER, SEVERITY_INFO, CONFIDENCE_STRONG, 0);
    s->waiting_deletes = true;
    nothing();
    s->waiting_deletes = false;
    s->other_deletes = true;
    nothing();
}

static void child_is_refused(void **state)
{
    (void)state;
    static const struct {
        uint16_t error;
        enum finding_id id;
        uint32_t client_error;
    } cases[] = {
        {IKE_N_TS_UNACCEPTABLE, FINDING_IKE_TS_UNACCEPTABLE, 0},
        {IKE_N_INTERNAL_ADDRESS_FAILURE, FINDING_IKE_TS_UNACCEPTABLE, 720},
        {IKE_N_NO_PROPOSAL_CHOSEN, FINDING_IKE_NO_PROPOSAL_CHOSEN, 13868},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        established();
        scene.x.ike.state = (struct ike_state){0};
        scene.x.ike.decrypted = true;
        scene.x.ike.child_error = cases[i].error;
        scene.x.ike.child_error_place = at(4);
        only(cases[i].id, SEVERITY_CRITICAL, CONFIDENCE_CERTAIN, cases[i].client_error);
    }
}

static void no_child_by_size(void **state)
{
    (void)state;
    established();
    struct ike_facts *f = &scene.x.ike;
    f->state = (struct ike_state){0};
    say(2, false, 100);
    say(2, true, 84);
    say(3, false, 116);
    say(3, true, 116);
    f->lengths[f->length_count - 1].first = f->lengths[f->length_count - 2].first = IKE_AUTHENTICATION;
    f->auth_response_last = at(8);
    only(FINDING_IKE_TS_UNACCEPTABLE, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 0);
    assert_int_equal(scene.x.outcome, OUTCOME_REJECTED);
}

/* Ids 1 to 8 with AES-CBC and SHA-256: certificates, key exchange, an alert, a failure. */
static void refusal_by_lengths(void)
{
    begun();
    scene.x.ike.encrypted_seen = true;
    scene.x.ike.auth_request_last = at(17);
    scene.x.ike.auth_response_last = at(18);
    static const uint16_t lengths[][2] = {{980, 1876}, {100, 84}, {260, 1108}, {84, 1108},
                                          {84, 1108},  {84, 772}, {212, 148},  {116, 84}};
    for (uint8_t i = 0; i < 8; i++) {
        say((uint8_t)(i + 1), false, lengths[i][0]);
        say((uint8_t)(i + 1), true, lengths[i][1]);
    }
    scene.x.capture_last_ns += 10 * SECOND;
}

static void eap_by_lengths(void **state)
{
    (void)state;
    refusal_by_lengths();
    scene.x.capture_last_ns = scene.x.last.time_ns; /* it may be EAP-Success, where the capture ends there */
    nothing();
    refusal_by_lengths();
    only(FINDING_EAP_CLIENT_REJECTED_CERTIFICATE, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 864);
    assert_int_equal(scene.x.outcome, OUTCOME_REJECTED);
    refusal_by_lengths();
    scene.x.ike.lengths[14].length = 84; /* an acknowledgment: a failure for another reason */
    only(FINDING_IKE_AUTH_FAILED, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 691);
    refusal_by_lengths();
    scene.x.ike.length_count -= 2; /* neither alert nor failure, and the client is silent for a minute */
    scene.x.ike.auth_last_id = 7;
    scene.x.capture_last_ns += 60 * SECOND;
    run();
    assert_null(found(FINDING_EAP_CLIENT_REJECTED_CERTIFICATE));
}

/* The number is the password's only where nothing is missing that could show another reason, and a password was asked for. */
static void eap_fails_for_an_unknown_reason(void **state)
{
    (void)state;
    refusal_by_lengths();
    struct ike_facts *f = &scene.x.ike;
    f->lengths[11] = f->lengths[15]; /* a response of the certificate flight was not captured; the last one stands for it */
    f->length_count--;
    f->auth_responses--;
    only(FINDING_IKE_AUTH_FAILED, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 0);
    assert_non_null(strstr(found(FINDING_IKE_AUTH_FAILED)->explanation, "864"));
    begun(); /* the identity, and at once a failure */
    f->encrypted_seen = true;
    f->auth_response_last = at(6);
    say(1, false, 980);
    say(1, true, 1876);
    say(2, false, 100);
    say(2, true, 84);
    scene.x.capture_last_ns += 10 * SECOND;
    only(FINDING_IKE_AUTH_FAILED, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 0);
    assert_non_null(strstr(found(FINDING_IKE_AUTH_FAILED)->explanation, "812"));
    f->decrypted = true; /* EAP-Success is of the same size, and keys show that it is one */
    scene.x.eap.seen = true;
    scene.x.eap.method = 26;
    scene.x.eap.result = EAP_RESULT_SUCCESS;
    nothing();
    assert_int_equal(scene.x.outcome, OUTCOME_INCOMPLETE);
}

/* The final answer is not in the capture, but the client goes on after it. */
static void eap_went_on(void **state)
{
    (void)state;
    refusal_by_lengths();
    struct ike_facts *f = &scene.x.ike;
    f->length_count--;
    f->auth_responses--;
    f->informational_seen = true;
    f->exchanges[0] = (struct ike_exchange_fact){.type = IKE_AUTH, .from_initiator = true, .message_id = 8};
    f->exchange_count = 1;
    scene.x.last_from_client = true;
    scene.x.capture_last_ns += 60 * SECOND;
    nothing();
    f->informational_seen = false;
    only(FINDING_EAP_UNFINISHED, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 930);
}

static void eap_stalls(void **state)
{
    (void)state;
    refusal_by_lengths();
    scene.x.ike.length_count -= 3; /* the server's Finished was the last */
    scene.x.ike.auth_last_id = 8;
    scene.x.ike.lengths[scene.x.ike.length_count] = (struct ike_length_fact){0};
    scene.x.last_from_client = true;
    scene.x.ike.auth_responses = 6;
    scene.x.ike.state.request_waiting = true;
    scene.x.ike.state.waiting_exchange = IKE_AUTH;
    scene.x.ike.state.waiting_transmissions = 4;
    only(FINDING_EAP_UNFINISHED, SEVERITY_CRITICAL, CONFIDENCE_STRONG, 930);
}

static struct endpoint ipv4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
    return (struct endpoint){.address = address_ipv4((const uint8_t[]){a, b, c, d}), .port = 500};
}

/* One association as the server sees it: whose request it seems to be, whose its hashes say it is, whom it was sent to.
 */
static void add_session(struct nat *n, struct digests *d, uint64_t serial, struct endpoint seen, struct endpoint real,
                        struct endpoint server, struct endpoint dialled)
{
    struct nat_ike_observation o = {
        .established = true, .first_ns = (int64_t)serial * SECOND, .last_ns = (int64_t)(serial + 60) * SECOND};
    o.initiator_spi[0] = (uint8_t)serial;
    o.request = (struct nat_message){.seen = true,
                                     .maker = NAT_MAKER_WINDOWS,
                                     .source = seen,
                                     .destination = server,
                                     .source_count = 1,
                                     .has_destination = true,
                                     .place = at(serial)};
    assert_true(nat_hash(d, o.initiator_spi, o.request.responder_spi, &real, o.request.sources[0]));
    assert_true(nat_hash(d, o.initiator_spi, o.request.responder_spi, &dialled, o.request.destination_hash));
    nat_add_ike(n, &o);
}

enum site { DIRECT, BEHIND_VIP, HOMES, BALANCER, FARM, BOTH_SIDES };

/* Three clients of one server (FARM: of two, through one balancer); what they meet on the way differs. The verdicts themselves have tests of their own. */
static void translation(enum site site)
{
    begun();
    struct nat_settings settings = {0};
    struct nat *n = nat_new(&settings);
    struct digests *d = digests_new();
    struct endpoint vip = ipv4(198, 51, 100, 10);
    uint8_t servers = site == FARM ? 2 : 1;
    for (uint8_t i = 1; i <= 3 * servers; i++) {
        struct endpoint own = ipv4(172, 20, 30, (uint8_t)(10 + (i + 2) / 3));
        struct endpoint home = ipv4(192, 168, i, 20), public = ipv4(203, 0, 113, (uint8_t)(20 + i));
        bool balanced = site >= BALANCER, at_home = site == HOMES || balanced;
        add_session(n, d, i, balanced ? ipv4(172, 20, 30, 4) : public, at_home ? home : public, own,
                    site == BEHIND_VIP || balanced ? vip : own);
    }
    for (uint8_t i = 1; i <= 3 && site == BOTH_SIDES; i++) { /* the same on its way to the balancer */
        struct endpoint public = ipv4(203, 0, 113, (uint8_t)(20 + i));
        add_session(n, d, i, public, ipv4(192, 168, i, 20), vip, vip);
        nat_add_translation(n, &(struct nat_translation){.source = {public, ipv4(172, 20, 30, 4)},
                                                         .destination = {vip, ipv4(172, 20, 30, 11)},
                                                         .place = {at(i), at(i)},
                                                         .ordered = true});
    }
    (void)nat_verdicts(n);
    scene.in.nat = n;
    rules_nat(scene.findings, &scene.in);
    findings_finish(scene.findings);
    nat_free(n);
    digests_free(d);
}

static void address_translation(void **state)
{
    (void)state;
    static const enum finding_id expected[] = {
        [BEHIND_VIP] = FINDING_DNAT_ONLY, [HOMES] = FINDING_CLIENT_SIDE_NAT, [BALANCER] = FINDING_SNAT_HIDES_CLIENTS};
    translation(DIRECT);
    assert_int_equal(number_in(scene.findings), 0);
    for (enum site site = BEHIND_VIP; site <= BALANCER; site++) {
        translation(site);
        const struct finding *f = found(expected[site]);
        assert_non_null(f);
        assert_int_equal(number_in(scene.findings), 1);
        assert_int_equal(f->severity, site == BALANCER ? SEVERITY_CRITICAL : SEVERITY_INFO);
        assert_true(f->evidence_count > 0);
    }
    assert_non_null(strstr(found(FINDING_SNAT_HIDES_CLIENTS)->title, "172.20.30.4"));
    assert_non_null(strstr(found(FINDING_SNAT_HIDES_CLIENTS)->explanation, "809"));
    translation(FARM); /* one translator is one mistake */
    assert_int_equal(number_in(scene.findings), 1);
    assert_non_null(strstr(found(FINDING_SNAT_HIDES_CLIENTS)->title, "2 VPN servers behind 172.20.30.4"));
    assert_non_null(strstr(found(FINDING_SNAT_HIDES_CLIENTS)->explanation, "172.20.30.11, 172.20.30.12"));
    assert_int_equal(found(FINDING_SNAT_HIDES_CLIENTS)->severity, SEVERITY_CRITICAL);
    translation(BOTH_SIDES); /* the address that clients dial is no second server */
    assert_non_null(strstr(found(FINDING_SNAT_HIDES_CLIENTS)->title, "the VPN server 172.20.30.11 behind 172.20.30.4"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(healthy_ones_raise_nothing),
        cmocka_unit_test(no_answer),
        cmocka_unit_test(no_proposal_chosen),
        cmocka_unit_test(invalid_ke),
        cmocka_unit_test(retry_unanswered),
        cmocka_unit_test(cookie_challenge),
        cmocka_unit_test(weak_proposal),
        cmocka_unit_test(auth_lost),
        cmocka_unit_test(fragments_lost),
        cmocka_unit_test(ike_fragments_missing),
        cmocka_unit_test(backend_split),
        cmocka_unit_test(server_refuses),
        cmocka_unit_test(client_refuses),
        cmocka_unit_test(client_never_goes_on),
        cmocka_unit_test(init_is_refused),
        cmocka_unit_test(a_scanner_knocks),
        cmocka_unit_test(version_1_is_refused),
        cmocka_unit_test(version_1_authenticates_in_vain),
        cmocka_unit_test(version_1_makes_no_tunnel),
        cmocka_unit_test(fragments_are_not_cut_by_ip),
        cmocka_unit_test(a_forgotten_tunnel),
        cmocka_unit_test(keys_cannot_be_renewed),
        cmocka_unit_test(a_tunnel_dies),
        cmocka_unit_test(child_is_refused),
        cmocka_unit_test(no_child_by_size),
        cmocka_unit_test(eap_by_lengths),
        cmocka_unit_test(eap_fails_for_an_unknown_reason),
        cmocka_unit_test(eap_went_on),
        cmocka_unit_test(eap_stalls),
        cmocka_unit_test(address_translation),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    findings_free(scene.findings);
    return failed;
}
