#include "sstp_scene.h"

struct scene scene;

struct place at(uint64_t frame)
{
    return (struct place){.frame = frame, .time_ns = NOW_S * SECOND + (int64_t)frame * 10000000};
}

static struct endpoint endpoint_of(uint8_t last, uint16_t port)
{
    return (struct endpoint){.address = address_ipv4((const uint8_t[]){192, 0, 2, last}), .port = port};
}

struct text scene_text(const char *text)
{
    return exchange_put(&scene.x, span_of(text, strlen(text)));
}

struct chain *scene_chain(void)
{
    return chains_get(scene.chains, 1);
}

void scene_close(void)
{
    for (size_t i = 0; scene.chains != NULL && i < chains_count(scene.chains); i++)
        memset(&chains_at(scene.chains, i)->facts[0], 0, sizeof(struct x509_facts));
    chains_free(scene.chains);
    findings_free(scene.findings);
    servers_free(scene.servers);
    expect_free(scene.expect);
    digests_free(scene.digests);
    memset(&scene, 0, sizeof scene);
}

/* A judged chain without a fault; its texts are literals. */
static void make_chain(void)
{
    static char subject[] = "CN=vpn.example.com", issuer[] = "CN=Issuing CA", name[] = "vpn.example.com";
    static char where[] = "http://crl.example.com/ca.crl";
    static char *crl[] = {where};
    struct span two[] = {span_of("leaf", 4), span_of("ca", 2)};
    struct endpoint server = endpoint_of(1, 443);
    struct chain *c = chains_intern(scene.chains, two, 2, ROLE_SSTP, &server, 1, at(6));
    assert_non_null(c);
    chains_judge(scene.chains, 10);
    c->parsed[0] = true;
    c->facts[0] = (struct x509_facts){.subject = subject,
                                      .issuer = issuer,
                                      .common_name = name,
                                      .key = X509_KEY_RSA,
                                      .crl_addresses = crl,
                                      .crl_address_count = 1};
    assert_true(digest_compute(scene.digests, DIGEST_SHA256, two, 1, c->facts[0].sha256));
    c->checks = (struct chain_checks){.chain = CHECK_PASS,
                                      .name = CHECK_PASS,
                                      .server_auth_eku = CHECK_PASS,
                                      .key_strength = CHECK_PASS,
                                      .signature_strength = CHECK_PASS,
                                      .key_usage_signature = CHECK_PASS,
                                      .key_usage_encipherment = CHECK_PASS,
                                      .name_result = {.fit = NAME_MATCH},
                                      .root_known = true,
                                      .path_not_before = NOW_S - YEAR_S,
                                      .path_not_after = NOW_S + YEAR_S};
}

void scene_connected(uint8_t type)
{
    scene_close();
    scene.expect = expect_new();
    scene.chains = chains_new(scene.expect);
    scene.servers = servers_new();
    scene.digests = digests_new();
    make_chain();
    struct exchange *x = &scene.x;
    x->id = 1;
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
    scene.s = (struct session){.number = 1, .exchanges = {x}, .exchange_count = 1, .main = x};
    scene.capture.info.path = "capture.pcap";
    scene.in = (struct rule_input){.chains = scene.chains,
                                   .stats = scene.stats,
                                   .sstp_stats = scene.sstp_stats,
                                   .stats_count = SCENE_STATS,
                                   .servers = scene.servers,
                                   .expect = scene.expect,
                                   .captures = &scene.capture,
                                   .capture_count = 1,
                                   .counters = &scene.counters,
                                   .totals = &scene.totals};
    scene.j = (struct sstp_judgement){.end = SSTP_END_UNKNOWN, .confidence = CONFIDENCE_STRONG};
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
    x->sstp.tls = (struct tls_facts){.seen = true,
                                     .client_hello = true,
                                     .server_hello = true,
                                     .certificate_seen = true,
                                     .server_hello_done = true,
                                     .client_key_exchange = true,
                                     .client_finished = true,
                                     .server_finished = true,
                                     .version = 0x0303,
                                     .max_version = 0x0304,
                                     .cipher_suite = 0xc030,
                                     .server_chain = 1,
                                     .sni = scene_text("vpn.example.com"),
                                     .hello = at(4),
                                     .server_hello_place = at(5),
                                     .certificate_last = at(6),
                                     .finished = at(8)};
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
    f->method = scene_text("SSTP_DUPLEX_POST");
    f->host = scene_text("vpn.example.com");
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
    scene.login.type = CONVERSATION_RADIUS;
    scene.login.outcome = OUTCOME_ESTABLISHED;
    scene.login.radius.has_keys = true;
    memset(scene.login.radius.keys, 0x77, sizeof scene.login.radius.keys);
    assert_true(sstp_compound_mac(scene.digests, SSTP_HASH_SHA256, scene.login.radius.keys,
                                  span_of(connected, SSTP_CONNECTED_SIZE), mac));
    memcpy(connected + 80, mac, 32);
    if (!same_keys)
        scene.login.radius.keys[0] ^= 1;
    scene.s.exchanges[1] = scene.s.login = &scene.login;
    scene.s.exchange_count = 2;
}

void scene_ends(enum sstp_end end, bool by_client)
{
    scene.j = (struct sstp_judgement){
        .end = end, .confidence = CONFIDENCE_STRONG, .by_client = by_client, .read = scene.x.sstp.has_link};
}

const struct finding *scene_found(enum finding_id id)
{
    size_t count;
    findings_free(scene.findings);
    scene.findings = findings_new();
    findings_session(scene.findings, 1);
    session_check_binding(&scene.s, scene.digests, scene.chains);
    if (scene.x.type == CONVERSATION_SSTP) {
        rules_sstp_connect(scene.findings, &scene.in, &scene.x, scene.j);
        rules_sstp_tls(scene.findings, &scene.in, &scene.x, scene.j);
        rules_sstp_call(scene.findings, &scene.in, &scene.x, scene.j);
        rules_sstp_binding(scene.findings, &scene.in, &scene.s, &scene.x, scene.j);
        rules_sstp_lengths(scene.findings, &scene.x, scene.j);
    }
    rules_ppp(scene.findings, &scene.in, &scene.x, scene.j);
    findings_finish(scene.findings);
    const struct finding *all = findings_all(scene.findings, &count);
    for (size_t i = 0; i < count; i++)
        if (all[i].id == id)
            return &all[i];
    return NULL;
}

size_t scene_total(void)
{
    size_t count;
    (void)findings_all(scene.findings, &count);
    return count;
}

const struct finding *scene_only(enum finding_id id, enum severity severity, enum confidence confidence, uint32_t error)
{
    const struct finding *f = scene_found(id);
    if (f == NULL)
        fail_msg("%s was not raised", finding_name(id));
    assert_int_equal(scene_total(), 1);
    assert_int_equal(f->severity, severity);
    assert_int_equal(f->confidence, confidence);
    assert_int_equal(f->client_error, error);
    assert_true(f->evidence_count > 0);
    assert_true(f->fix_count > 0 && f->title[0] != '\0' && f->explanation[0] != '\0');
    return f;
}

void scene_nothing(void)
{
    size_t count;
    (void)scene_found(FINDING_SSTP_NO_ANSWER);
    const struct finding *all = findings_all(scene.findings, &count);
    if (count > 0)
        fail_msg("%s was raised: %s", finding_name(all[0].id), all[0].title);
}

bool says(const struct finding *f, const char *word)
{
    bool said = strstr(f->title, word) != NULL || strstr(f->explanation, word) != NULL;
    for (size_t i = 0; i < f->fix_count; i++)
        said = said || strstr(f->fix[i], word) != NULL;
    return said;
}
