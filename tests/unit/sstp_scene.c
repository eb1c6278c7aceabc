#include "sstp_scene.h"

struct sstp_judgement judged;

struct chain *scene_chain(void)
{
    return chains_get(scene.chains, 1);
}

static void make_chain(void)
{
    static char subject[] = "CN=vpn.example.com", name[] = "vpn.example.com";
    static char where[] = "http://crl.example.com/ca.crl";
    static char *crl[] = {where};
    struct chain *c = scene_add_chain(ROLE_SSTP, 1, endpoint_of(1, 443), at(6));
    c->facts[0].subject = subject;
    c->facts[0].common_name = name;
    c->facts[0].crl_addresses = crl;
    c->facts[0].crl_address_count = 1;
    struct digests *digests = digests_new(); /* CALL_CONNECTED has it */
    assert_true(digest_compute(digests, DIGEST_SHA256, c->der, 1, c->facts[0].sha256));
    digests_free(digests);
}

void scene_connected(uint8_t type)
{
    scene_open();
    make_chain();
    struct exchange *x = &scene.x;
    x->type = type;
    x->client = endpoint_of(7, 50000);
    x->server = endpoint_of(1, 443);
    x->packets = 3;
    x->first = at(1);
    x->last = at(3);
    x->capture_last_ns = x->last.time_ns + 100 * SECOND;
    x->outcome = OUTCOME_INCOMPLETE;
    tcp_connection_begin(&x->sstp.tcp);
    struct tcp_sent *client = &x->sstp.tcp.sent[TCP_CLIENT], *server = &x->sstp.tcp.sent[TCP_SERVER];
    client->syn.seen = server->syn.seen = true;
    client->syns = server->syns = 1;
    client->first_syn = client->last_syn = at(1);
    server->first_syn = server->last_syn = at(2);
    client->acked = client->data_acked = true;
    client->ttl_min = client->ttl_max = 122;
    server->ttl_min = server->ttl_max = 128;
    judged = (struct sstp_judgement){.end = SSTP_END_UNKNOWN, .confidence = CONFIDENCE_STRONG};
}

void scene_tls(void)
{
    scene_connected(CONVERSATION_SSTP);
    struct exchange *x = &scene.x;
    x->sstp.carrier = SSTP_CARRIER_TLS;
    x->sstp.tcp.sent[TCP_CLIENT].first_data = at(4);
    x->sstp.tcp.sent[TCP_SERVER].first_data = at(5);
    x->sstp.tcp.sent[TCP_SERVER].data_packets = 3;
    x->sstp.tcp.sent[TCP_SERVER].data_acked = true;
    x->sstp.tls = tls_handshake(1, 4, 6, 8);
    x->sstp.tls.max_version = 0x0304;
    x->sstp.tls.cipher_suite = 0xc030;
    x->sstp.tls.sni = put("vpn.example.com");
    x->last = at(8);
}

void scene_call(void)
{
    scene_tls();
    struct sstp_facts *f = &scene.x.sstp;
    f->kind = SSTP_KIND_TUNNEL;
    f->tls.decrypted = true;
    f->request_seen = f->answer_seen = f->sstp_request = f->sstp_target = true;
    f->http_status = 200;
    f->method = put("SSTP_DUPLEX_POST");
    f->host = put("vpn.example.com");
    f->request_place = at(9);
    f->answer_place = at(10);
    f->has_link = f->has_ppp = true;
    f->link.stage = SSTP_STAGE_ACKNOWLEDGED;
    f->link.protocol = SSTP_PROTOCOL_PPP;
    f->link.first[SSTP_CALL_CONNECT_REQUEST] = at(11);
    f->link.first[SSTP_CALL_CONNECT_ACK] = at(12);
    f->ppp.lcp = (struct ppp_negotiation){.outcome = PPP_OPENED, .began = at(13), .ended = at(16)};
    f->ppp.authentication[TO_CLIENT] = (struct ppp_authentication){
        .offered = {{PPP_PROTOCOL_CHAP, CHAP_MSCHAP_V2}},
        .offered_count = 1,
        .chosen = {PPP_PROTOCOL_CHAP, CHAP_MSCHAP_V2},
        .result = PPP_AUTH_RUNNING,
        .attempts = 1,
        .began = at(17)};
    memcpy(f->ppp.user, "alice", 5);
    f->ppp.user_len = 5;
    scene.x.last = at(18);
}

/* CALL_CONNECTED with the nonce of the server, the hash of the certificate seen, a MAC of zeros (MS-SSTP 2.2.7). */
static void connected(struct sstp_state *link)
{
    static const uint8_t head[] = {0x10, 0x01, 0x00, 0x70, 0x00, 0x04, 0x00, 0x01, 0x00, 0x03, 0x00, 0x68, 0, 0, 0, 2};
    memset(link->nonce, 0x11, sizeof link->nonce);
    memset(link->connected, 0, sizeof link->connected);
    memcpy(link->connected, head, sizeof head);
    memset(link->connected + 16, 0x11, SSTP_NONCE);
    memcpy(link->connected + 48, scene_chain()->facts[0].sha256, 32);
    link->has_nonce = link->has_connected = true;
    link->hashes_accepted = SSTP_HASH_SHA1 | SSTP_HASH_SHA256;
    link->first[SSTP_CALL_CONNECTED] = at(20);
}

void scene_established(void)
{
    scene_call();
    struct sstp_facts *f = &scene.x.sstp;
    f->ppp.authentication[TO_CLIENT].result = PPP_AUTH_SUCCEEDED;
    f->ppp.authentication[TO_CLIENT].ended = at(19);
    f->link.stage = SSTP_STAGE_CONNECTED;
    connected(&f->link);
    f->ppp.ipcp = (struct ppp_negotiation){.outcome = PPP_OPENED, .began = at(21), .ended = at(24)};
    scene.x.last = at(30);
    scene.x.outcome = OUTCOME_ESTABLISHED;
    scene_ends(SSTP_END_ESTABLISHED, false);
}

void scene_login(bool same_keys)
{
    uint8_t *connected = scene.x.sstp.link.connected, mac[DIGEST_MAX];
    scene.second.type = CONVERSATION_RADIUS;
    scene.second.outcome = OUTCOME_ESTABLISHED;
    scene.second.radius.has_keys = true;
    memset(scene.second.radius.keys, 0x77, sizeof scene.second.radius.keys);
    struct digests *digests = digests_new();
    assert_true(sstp_compound_mac(digests, SSTP_HASH_SHA256, scene.second.radius.keys,
                                  span_of(connected, SSTP_CONNECTED_SIZE), mac));
    digests_free(digests);
    memcpy(connected + 80, mac, 32);
    if (!same_keys)
        scene.second.radius.keys[0] ^= 1;
    scene.s.exchanges[1] = scene.s.login = &scene.second;
    scene.s.exchange_count = 2;
}

void scene_ends(enum sstp_end end, bool by_client)
{
    judged = (struct sstp_judgement){
        .end = end, .confidence = CONFIDENCE_STRONG, .by_client = by_client, .read = scene.x.sstp.has_link};
}

static void connection_and_ppp(void)
{
    if (scene.x.type == CONVERSATION_SSTP && rules_sstp_lost(scene.findings, &scene.in, &scene.x, judged))
        return;
    if (scene.x.type == CONVERSATION_SSTP) {
        rules_sstp_connect(scene.findings, &scene.in, &scene.x, judged);
        rules_sstp_tls(scene.findings, &scene.in, &scene.x, judged);
        rules_sstp_call(scene.findings, &scene.in, &scene.x, judged);
        rules_sstp_binding(scene.findings, &scene.in, &scene.s, &scene.x, judged);
        rules_sstp_lengths(scene.findings, &scene.in, &scene.x, judged);
    }
    rules_ppp(scene.findings, &scene.in, &scene.x, judged);
}

const struct finding *scene_found(enum finding_id id)
{
    struct digests *digests = digests_new();
    session_check_binding(&scene.s, digests, scene.chains);
    digests_free(digests);
    scene_run(connection_and_ppp);
    return raised_in(scene.findings, id);
}

const struct finding *scene_only(enum finding_id id, enum severity severity, enum confidence confidence, uint32_t error)
{
    (void)scene_found(id);
    const struct finding *f = only_in(scene.findings, id, severity, confidence, error);
    assert_true(f->fix_count > 0);
    return f;
}

void scene_nothing(void)
{
    (void)scene_found(FINDING_IDS);
    none_in(scene.findings);
}
