#include "rules_scene.h"

struct scene scene;

struct place at(uint64_t frame)
{
    return (struct place){.frame = frame, .time_ns = NOW_S * SECOND + (int64_t)frame * 10000000};
}

struct endpoint endpoint_of(uint8_t last, uint16_t port)
{
    return (struct endpoint){.address = address_ipv4((const uint8_t[]){192, 0, 2, last}), .port = port};
}

struct text put(const char *text)
{
    return exchange_put(&scene.x, span_of(text, strlen(text)));
}

void scene_close(void)
{
    for (size_t i = 0; scene.chains != NULL && i < chains_count(scene.chains); i++)
        memset(&chains_at(scene.chains, i)->facts[0], 0, sizeof(struct x509_facts));
    chains_free(scene.chains);
    findings_free(scene.findings);
    servers_free(scene.servers);
    expect_free(scene.expect);
    memset(&scene, 0, sizeof scene);
}

int scene_end(void **state)
{
    (void)state;
    scene_close();
    return 0;
}

void scene_open(void)
{
    scene_close();
    scene.expect = expect_new();
    scene.chains = chains_new(scene.expect);
    scene.servers = servers_new();
    scene.findings = findings_new();
    assert_true(scene.expect != NULL && scene.chains != NULL && scene.servers != NULL && scene.findings != NULL);
    scene.x.id = 1;
    scene.s = (struct session){.number = 1, .exchanges = {&scene.x}, .exchange_count = 1, .main = &scene.x};
    scene.capture.info.path = "capture.pcap";
    scene.in = (struct rule_input){.chains = scene.chains,
                                   .stats = scene.stats,
                                   .ike_stats = scene.ike_stats,
                                   .sstp_stats = scene.sstp_stats,
                                   .stats_count = SCENE_STATS,
                                   .servers = scene.servers,
                                   .expect = scene.expect,
                                   .lost = &scene.lost,
                                   .captures = &scene.capture,
                                   .capture_count = 1,
                                   .counters = &scene.counters,
                                   .totals = &scene.totals};
}

struct chain *scene_add_chain(uint32_t role, uint8_t mark, struct endpoint server, struct place shown)
{
    static char subject[] = "CN=server", issuer[] = "CN=Issuing CA";
    uint8_t der[] = {0x30, 0x01, mark};
    struct span two[] = {span_of(der, sizeof der), span_of("ca", 2)};
    struct chain *c = chains_intern(scene.chains, two, 2, role, &server, 1, shown);
    assert_non_null(c);
    chains_judge(scene.chains, 10);
    c->parsed[0] = true;
    c->facts[0] = (struct x509_facts){.subject = subject, .issuer = issuer, .key = X509_KEY_RSA, .key_bits = 2048};
    c->facts[0].sha256[0] = c->facts[0].sha1[0] = mark;
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
    return c;
}

struct tls_facts tls_handshake(uint32_t server_chain, uint64_t hello, uint64_t certificate, uint64_t finished)
{
    return (struct tls_facts){.seen = true,
                              .client_hello = true,
                              .server_hello = true,
                              .certificate_seen = true,
                              .server_hello_done = true,
                              .client_key_exchange = true,
                              .client_finished = true,
                              .server_finished = true,
                              .version = 0x0303,
                              .max_version = 0x0303,
                              .cipher_suite = 0xc02f,
                              .server_chain = server_chain,
                              .hello = at(hello),
                              .server_hello_place = at(hello + 1),
                              .certificate_last = at(certificate),
                              .finished = at(finished)};
}

struct eap_facts peap_login(struct tls_facts handshake, uint64_t last_response)
{
    handshake.data_from_client = handshake.data_from_server = true;
    return (struct eap_facts){.seen = true,
                              .identity_seen = true,
                              .client_answered = true,
                              .methods = {EAP_TYPE_PEAP},
                              .method_count = 1,
                              .method = EAP_TYPE_PEAP,
                              .requests = 9,
                              .responses = 9,
                              .last_response = at(last_response),
                              .tls = handshake};
}

void scene_run(void (*rules)(void))
{
    findings_free(scene.findings);
    scene.findings = findings_new();
    findings_session(scene.findings, 1);
    rules();
    findings_finish(scene.findings);
}
