/* Clients' EAP configurations: what the samples of every spelling say, and what must be refused with its line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "analyze/certificate/expect.h"
#include "analyze/certificate/expect_internal.h"

#define N0 "http://www.microsoft.com/provisioning/"
#define PEAP_OPEN                                                                                                      \
    "<EapHostConfig xmlns=\"" N0 "EapHostConfig\">\n"                                                                  \
    "<EapMethod><Type xmlns=\"" N0 "EapCommon\">25</Type></EapMethod>\n"                                               \
    "<Config><Eap xmlns=\"" N0 "BaseEapConnectionPropertiesV1\"><Type>25</Type>\n"                                     \
    "<EapType xmlns=\"" N0 "MsPeapConnectionPropertiesV1\"><ServerValidation>\n"
#define PEAP_CLOSE "</EapType></Eap></Config></EapHostConfig>\n"
#define PIN "00112233445566778899aabbccddeeff00112233"

static const uint8_t pin[20] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99,
                                0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0x00, 0x11, 0x22, 0x33};

static struct expect *read_config(const char *text, size_t len)
{
    char error[EXPECT_ERROR] = "";
    struct expect *e = expect_new();
    if (!eap_config_parse(e, "client.xml", span_of(text, len), error))
        fail_msg("%s", error);
    return e;
}

static void assert_peap(const struct expect *e)
{
    const struct expect_method *m;
    assert_int_equal(expect_methods(e, &m), 1);
    assert_int_equal(m->eap_type, 25);
    assert_int_equal(m->depth, 0);
    assert_true(m->validates && m->checks_names && m->no_prompt);
    assert_int_equal(m->name_count, 2);
    assert_string_equal(m->server_names[0], "nps1.corp.example");
    assert_string_equal(m->server_names[1], "nps2.corp.example");
    assert_int_equal(m->pin_count, 1);
    assert_int_equal(m->pins[0].len, 20);
    assert_memory_equal(m->pins[0].hash, pin, 20);
    assert_true(expect_has_roots(e) && expect_has_names(e));
    assert_null(expect_remark(e, 0));
}

static const char peap[] =
    PEAP_OPEN "<DisableUserPromptForServerValidation>true</DisableUserPromptForServerValidation>\n"
              "<ServerNames> nps1.corp.example ; ;nps2.corp.example</ServerNames>\n"
              /* U+200E in front and blanks between, as the console's copy has them */
              "<TrustedRootCA>\xe2\x80\x8e"
              "00 11 22 33 44 55 66 77 88 99 AA BB CC DD EE FF 00 11 22 33 </TrustedRootCA>\n"
              "</ServerValidation><FastReconnect>true</FastReconnect>\n"
              "<PeapExtensions><PerformServerValidation xmlns=\"" N0
              "MsPeapConnectionPropertiesV2\">true</PerformServerValidation>\n"
              "<AcceptServerName xmlns=\"" N0
              "MsPeapConnectionPropertiesV2\">true</AcceptServerName></PeapExtensions>\n" PEAP_CLOSE;

static void a_peap_configuration_is_read(void **state)
{
    (void)state;
    struct expect *e = read_config(peap, sizeof peap - 1);
    assert_peap(e);
    expect_free(e);
}

static char *escaped(const char *text)
{
    size_t n = 0;
    char *out = malloc(strlen(text) * 5 + 1);
    for (; *text != '\0'; text++) {
        const char *as = *text == '<' ? "&lt;" : *text == '>' ? "&gt;" : *text == '&' ? "&amp;" : NULL;
        size_t len = as != NULL ? strlen(as) : 1;
        memcpy(out + n, as != NULL ? as : text, len);
        n += len;
    }
    out[n] = '\0';
    return out;
}

static char *joined(const char *before, const char *middle, const char *after)
{
    size_t room = strlen(before) + strlen(middle) + strlen(after) + 1;
    char *out = malloc(room);
    snprintf(out, room, "%s%s%s", before, middle, after);
    return out;
}

static void a_profile_holds_it_as_elements_or_escaped(void **state)
{
    static const char before[] =
        "<VPNProfile><NativeProfile><Authentication><UserMethod>Eap</UserMethod><Eap><Configuration>",
                      after[] = "</Configuration></Eap></Authentication></NativeProfile></VPNProfile>";
    (void)state;
    char *plain = joined(before, peap, after), *inner = escaped(peap), *once = joined(before, inner, after);
    char *whole = escaped(plain), *csp = joined("<SyncML><Data>", whole, "</Data></SyncML>");
    char *cdata = joined("<Data><![CDATA[<?xml version=\"1.0\" encoding=\"utf-16\"?>", plain, "]]></Data>");
    char *const texts[] = {plain, once, csp, cdata};
    for (size_t i = 0; i < 4; i++) {
        struct expect *e = read_config(texts[i], strlen(texts[i]));
        assert_peap(e);
        expect_free(e);
    }
    free(plain);
    free(inner);
    free(once);
    free(whole);
    free(csp);
    free(cdata);
}

/* Windows tools write UTF-16 with a byte order mark, and some name an encoding that the file no longer has. */
static void other_encodings_are_read(void **state)
{
    (void)state;
    static const char declaration[] = "<?xml version=\"1.0\" encoding=\"utf-16\"?>";
    char *named = joined(declaration, peap, "");
    struct expect *e = read_config(named, strlen(named));
    assert_peap(e);
    expect_free(e);
    /* the sample's only character beyond ASCII is U+200E: leave it out here */
    size_t n = 0;
    char *utf16 = malloc(2 * strlen(named) + 2);
    utf16[n++] = (char)0xff;
    utf16[n++] = (char)0xfe;
    for (const char *p = named; *p != '\0'; p++)
        if ((uint8_t)*p < 0x80) {
            utf16[n++] = *p;
            utf16[n++] = 0;
        }
    e = read_config(utf16, n);
    assert_peap(e);
    expect_free(e);
    free(utf16);
    char *marked = joined("\xef\xbb\xbf", peap, "");
    e = read_config(marked, strlen(marked));
    assert_peap(e);
    expect_free(e);
    free(marked);
    free(named);
}

static const char peap_tls[] = PEAP_OPEN
    "<ServerNames>outer.example</ServerNames><TrustedRootCA>" PIN "</TrustedRootCA></ServerValidation>\n"
    "<Eap xmlns=\"" N0 "BaseEapConnectionPropertiesV1\"><Type>13</Type>"
    "<EapType xmlns=\"" N0 "EapTlsConnectionPropertiesV1\"><ServerValidation>"
    "<ServerNames>inner.example</ServerNames><TrustedRootCA>ffeeddccbbaa99887766554433221100ffeeddcc</TrustedRootCA>"
    "<TrustedRootCA/></ServerValidation>"
    "<PerformServerValidation>false</PerformServerValidation><AcceptServerName>false</AcceptServerName>"
    "</EapType></Eap>\n" PEAP_CLOSE;

static void an_inner_method_is_kept_apart(void **state)
{
    (void)state;
    struct expect *e = read_config(peap_tls, sizeof peap_tls - 1);
    const struct expect_method *m;
    assert_int_equal(expect_methods(e, &m), 2);
    assert_int_equal(m[0].eap_type, 25);
    assert_true(m[0].validates && m[0].checks_names && !m[0].no_prompt);
    assert_int_equal(m[0].name_count, 1);
    assert_string_equal(m[0].server_names[0], "outer.example");
    assert_int_equal(m[0].pin_count, 1);
    assert_int_equal(m[1].eap_type, 13);
    assert_int_equal(m[1].depth, 1);
    assert_false(m[1].validates || m[1].checks_names);
    assert_string_equal(m[1].server_names[0], "inner.example");
    assert_int_equal(m[1].pin_count, 1);
    assert_int_equal(m[1].pins[0].hash[0], 0xff);
    assert_non_null(strstr(expect_remark(e, 0), "client.xml line 6: EAP-TLS does not validate the server"));
    expect_free(e);
}

static void accept_server_name_false_switches_names_off(void **state)
{
    static const char text[] =
        PEAP_OPEN "<ServerNames>a.example</ServerNames></ServerValidation>"
                  "<PeapExtensions><AcceptServerName>false</AcceptServerName></PeapExtensions>" PEAP_CLOSE;
    (void)state;
    struct expect *e = read_config(text, sizeof text - 1);
    assert_false(expect_has_names(e) || expect_has_roots(e));
    assert_non_null(strstr(expect_remark(e, 0), "names are not checked"));
    expect_free(e);
}

static void ttls_and_teap_have_their_own_spelling(void **state)
{
    static const char ttls[] =
        "<EapHostConfig><EapMethod><Type>21</Type></EapMethod><Config>"
        "<EapTtls xmlns=\"" N0 "EapTtlsConnectionPropertiesV1\"><ServerValidation><ServerNames>t.example</ServerNames>"
        "<TrustedRootCAHash>" PIN "</TrustedRootCAHash><DisablePrompt>true</DisablePrompt></ServerValidation>"
        "<Phase2Authentication><PAPAuthentication/></Phase2Authentication></EapTtls></Config></EapHostConfig>";
    static const char teap[] =
        "<EapHostConfig><EapMethod><Type>55</Type></EapMethod><Config><EapTeap>"
        "<ServerValidation><ServerNames>p.example</ServerNames><TrustedRootCAHashes>"
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f</TrustedRootCAHashes></ServerValidation>"
        "<Phase2Authentication><InnerMethodConfig><EapHostConfig><EapMethod><Type>13</Type></EapMethod><Config>"
        "<Eap><Type>13</Type><EapType><ServerValidation><ServerNames>q.example</ServerNames></ServerValidation></"
        "EapType>"
        "</Eap></Config></EapHostConfig></InnerMethodConfig></Phase2Authentication></EapTeap></Config></EapHostConfig>";
    const struct expect_method *m;
    (void)state;
    struct expect *e = read_config(ttls, sizeof ttls - 1);
    assert_int_equal(expect_methods(e, &m), 1);
    assert_int_equal(m->eap_type, 21);
    assert_true(m->no_prompt && m->checks_names);
    assert_memory_equal(m->pins[0].hash, pin, 20);
    expect_free(e);
    e = read_config(teap, sizeof teap - 1);
    assert_int_equal(expect_methods(e, &m), 2);
    assert_int_equal(m[0].eap_type, 55);
    assert_int_equal(m[0].pins[0].len, 32);
    assert_int_equal(m[0].pins[0].hash[31], 0x1f);
    assert_int_equal(m[1].eap_type, 13);
    assert_int_equal(m[1].depth, 1);
    assert_string_equal(m[1].server_names[0], "q.example");
    expect_free(e);
}

static void the_binary_form_is_called_unsupported(void **state)
{
    static const char text[] =
        "<EapHostConfig>\n<EapMethod><Type>25</Type></EapMethod>\n<ConfigBlob>0100</ConfigBlob></EapHostConfig>";
    const struct expect_method *m;
    (void)state;
    struct expect *e = read_config(text, sizeof text - 1);
    assert_int_equal(expect_methods(e, &m), 0);
    assert_non_null(strstr(expect_remark(e, 0), "client.xml line 3: ConfigBlob"));
    expect_free(e);
}

static void errors_name_file_and_line(void **state)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"", "client.xml: is empty"},
        {"<a/>", "client.xml: no EapHostConfig element in it"},
        {"<a>\n<b>\n</a>", "client.xml line 3: "},
        {"plain text", "client.xml line 1: "},
        {PEAP_OPEN "\n<TrustedRootCA>0011</TrustedRootCA></ServerValidation>" PEAP_CLOSE,
         "client.xml line 6: thumbprint of 4 hex digits, not 40 (SHA-1) or 64 (SHA-256)"},
        {"<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/hostname\">]>\n<EapHostConfig>&x;</EapHostConfig>",
         "client.xml line 1: a DOCTYPE is not accepted"},
        {"<!DOCTYPE l [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY c "
         "\"&b;&b;&b;&b;&b;&b;&b;&b;\">"
         "<!ENTITY d \"&c;&c;&c;&c;&c;&c;&c;&c;\"><!ENTITY e "
         "\"&d;&d;&d;&d;&d;&d;&d;&d;\">]><EapHostConfig>&e;</EapHostConfig>",
         "client.xml line 1: a DOCTYPE is not accepted"},
        {"<a>\n\n&lt;EapHostConfig&gt;\n&lt;/b&gt;</a>", "client.xml line "},
        {"<?xml version=\"1.0\"?>\n<EapHostConfig>&nothing;</EapHostConfig>", "client.xml line 2: "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char error[EXPECT_ERROR] = "";
        struct expect *e = expect_new();
        assert_false(eap_config_parse(e, "client.xml", span_of(cases[i].text, strlen(cases[i].text)), error));
        if (strncmp(error, cases[i].error, strlen(cases[i].error)) != 0)
            fail_msg("'%s', not '%s'", error, cases[i].error);
        expect_free(e);
    }
}

static void too_much_of_anything_is_refused(void **state)
{
    static const char *const pieces[] = {
        "<TrustedRootCA>" PIN "</TrustedRootCA>",
        "<ServerNames>n.example</ServerNames>",
        "<x>", /* never closed: nested too deep */
        "</ServerValidation></EapType></Eap><Eap><Type>13</Type><EapType><ServerValidation>",
    };
    enum { ROOM = 1 << 16 };
    (void)state;
    char *text = malloc(ROOM), error[EXPECT_ERROR];
    for (size_t kind = 0; kind < sizeof pieces / sizeof pieces[0]; kind++) {
        size_t n = (size_t)snprintf(text, ROOM, "%s", PEAP_OPEN);
        for (int i = 0; i < 300; i++)
            n += (size_t)snprintf(text + n, ROOM - n, "%s", pieces[kind]);
        snprintf(text + n, ROOM - n, "%s", "</ServerValidation>" PEAP_CLOSE);
        struct expect *e = expect_new();
        assert_false(eap_config_parse(e, "client.xml", span_of(text, strlen(text)), error));
        assert_int_equal(strncmp(error, "client.xml line ", 16), 0);
        expect_free(e);
    }
    free(text);
}

/* The lab's own profiles: what tests/lab/eapconfig.py writes. */
static void the_labs_profiles_are_read(void **state)
{
    const struct expect_method *m;
    char error[EXPECT_ERROR];
    (void)state;
    struct expect *e = expect_new();
    assert_true(expect_add_eap_config(e, VS_SOURCE_DIR "/pcaps/pki/eap-config-good.xml", error));
    assert_true(expect_add_roots(e, VS_SOURCE_DIR "/pcaps/pki/root.pem", error));
    assert_int_equal(expect_methods(e, &m), 1);
    assert_int_equal(m->name_count, 2);
    assert_string_equal(m->server_names[0], "nps01.corp.contoso.com");
    assert_int_equal(m->pin_count, 1);
    assert_int_equal(e->root_count, 1);
    assert_memory_equal(m->pins[0].hash, e->roots[0].sha1, 20);
    assert_null(expect_remark(e, 0));
    assert_true(expect_add_eap_config(e, VS_SOURCE_DIR "/pcaps/pki/eap-config-regex.xml", error));
    assert_non_null(strstr(expect_remark(e, 0), "a second EAP method; certificates are judged by the first one, PEAP"));
    assert_false(expect_add_eap_config(e, VS_SOURCE_DIR "/pcaps/pki/no-such-file.xml", error));
    assert_non_null(strstr(error, "no-such-file.xml: "));
    assert_false(expect_add_eap_config(e, VS_SOURCE_DIR, error));
    assert_non_null(strstr(error, "folder"));
    expect_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_peap_configuration_is_read),
        cmocka_unit_test(a_profile_holds_it_as_elements_or_escaped),
        cmocka_unit_test(other_encodings_are_read),
        cmocka_unit_test(an_inner_method_is_kept_apart),
        cmocka_unit_test(accept_server_name_false_switches_names_off),
        cmocka_unit_test(ttls_and_teap_have_their_own_spelling),
        cmocka_unit_test(the_binary_form_is_called_unsupported),
        cmocka_unit_test(errors_name_file_and_line),
        cmocka_unit_test(too_much_of_anything_is_refused),
        cmocka_unit_test(the_labs_profiles_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
