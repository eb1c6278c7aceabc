/* The command line and files of settings; files are made in the working folder and taken away again. */
#include "analyze/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct options o;
static char error[OPTIONS_ERROR];

enum { ARGUMENTS = 16 };

/* Parses "vpnscope ..." up to NULL. */
static bool parse(const char *first, ...)
{
    char storage[ARGUMENTS][300], *argv[ARGUMENTS + 1] = {0};
    static char kept[ARGUMENTS][300]; /* options borrow them */
    int argc = 0;
    va_list args;
    va_start(args, first);
    snprintf(storage[argc++], sizeof storage[0], "vpnscope");
    for (const char *a = first; a != NULL && argc < ARGUMENTS; a = va_arg(args, const char *))
        snprintf(storage[argc++], sizeof storage[0], "%s", a);
    va_end(args);
    memcpy(kept, storage, sizeof kept);
    for (int i = 0; i < argc; i++)
        argv[i] = kept[i];
    error[0] = '\0';
    return options_parse(argc, argv, &o, error);
}

static int teardown(void **state)
{
    (void)state;
    options_free(&o);
    return 0;
}

/* Files that tests made, to be taken away again: the working folder may be anybody's. */
enum { FILES = 32, NAME = 40 };
static struct { char names[FILES][NAME]; size_t count; } made;

static int remove_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < made.count; i++)
        (void)remove(made.names[i]);
    return 0;
}

static void file(const char *name, const char *content, size_t len)
{
    FILE *f = fopen(name, "wb");
    assert_non_null(f);
    assert_true(made.count < FILES && strlen(name) < NAME);
    snprintf(made.names[made.count++], NAME, "%s", name);
    assert_int_equal(fwrite(content, 1, len, f), len);
    fclose(f);
}

#define FILE_OF(name, content) file((name), (content), sizeof(content) - 1)

static void fails(const char *part)
{
    assert_null(strchr(error, '\n'));
    if (strstr(error, part) == NULL)
        fail_msg("'%s' is not in '%s'", part, error);
}

static void captures_and_switches(void **state)
{
    (void)state;
    assert_true(parse("a.pcap", "-r", "b.pcap", "--json", "-f", "udp", "--memory", "64", "--session=7", "--certs",
                      "out", "--", "-c", NULL));
    assert_int_equal(o.capture_count, 3);
    assert_string_equal(o.captures[0], "b.pcap");
    assert_string_equal(o.captures[1], "a.pcap");
    assert_string_equal(o.captures[2], "-c");
    assert_true(o.json);
    assert_string_equal(o.filter, "udp");
    assert_int_equal(o.memory_mib, 64);
    assert_int_equal(o.session, 7);
    assert_string_equal(o.certs_dir, "out");
}

static void defaults(void **state)
{
    (void)state;
    assert_true(parse("-", NULL));
    assert_int_equal(o.memory_mib, 256);
    assert_int_equal(o.session, 0);
    assert_false(o.json || o.help || o.version || o.list_devices || o.has_radius_secret);
    assert_null(o.filter);
    assert_false(expect_has_roots(o.expect));
    assert_false(expect_has_names(o.expect));
}

static void interfaces(void **state)
{
    (void)state;
    assert_true(parse("-i", "eth0", "--interface=eth1", "--duration", "3600", "-f", "udp", NULL));
    assert_int_equal(o.interface_count, 2);
    assert_string_equal(o.interfaces[0], "eth0");
    assert_string_equal(o.interfaces[1], "eth1");
    assert_int_equal(o.duration_s, 3600);
    assert_int_equal(o.ring_mib, 64);
    assert_int_equal(o.capture_count, 0);
}

static void help_and_version_need_no_capture(void **state)
{
    (void)state;
    assert_true(parse("-h", "--nonsense", NULL));
    assert_true(o.help);
    options_free(&o);
    assert_true(parse("--version", NULL));
    assert_true(o.version);
    options_free(&o);
    assert_true(parse("-D", NULL));
    assert_true(o.list_devices);
}

static bool listens_at(const char *value, const char *expected)
{
    char text[ENDPOINT_TEXT];
    bool good = parse("-i", "lo", "--metrics", value, NULL);
    if (good)
        assert_string_equal(endpoint_text(text, &o.metrics_at), expected);
    else
        fails("--metrics");
    options_free(&o);
    return good;
}

static void metrics_listen_on_loopback_unless_told(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",     "0",        "65536",     "-1",         "x",         "1.2.3.4",   "1.2.3.4:",
                                        ":80",  "host:80",  "::1:9109",  "[::1]",      "[::1]9109", "[::1:9109", "[1.2.3.4]:80",
                                        "[]:1", "1.2.3:80", "80 ",       "1.2.3.4:80x", "[::1]:99999"};
    assert_true(listens_at("9109", "127.0.0.1:9109"));
    assert_true(listens_at("65535", "127.0.0.1:65535"));
    assert_true(listens_at("127.0.0.2:1", "127.0.0.2:1"));
    assert_true(listens_at("0.0.0.0:9109", "0.0.0.0:9109"));
    assert_true(listens_at("[::1]:9109", "[::1]:9109"));
    assert_true(listens_at("[::]:9109", "[::]:9109"));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (listens_at(wrong[i], ""))
            fail_msg("'%s' was taken", wrong[i]);
    assert_true(parse("-i", "lo", NULL));
    assert_int_equal(o.metrics_at.port, 0);
    options_free(&o);
    assert_false(parse("a.pcap", "--metrics", "9109", NULL));
    fails("--metrics is for sniffing");
}

static void a_check_is_one_line_in_the_end(void **state)
{
    (void)state;
    assert_true(parse("--check", "a.pcap", NULL));
    assert_true(o.check);
    options_free(&o);
    assert_true(parse("--check", "-i", "lo", "--duration", "5", NULL));
    options_free(&o);
    assert_false(parse("--check", "-i", "lo", NULL));
    fails("needs --duration");
    options_free(&o);
    assert_false(parse("--check", "--json", "a.pcap", NULL));
    fails("--check cannot be taken together with --json");
    options_free(&o);
    assert_false(parse("--check", "--certs", "d", "a.pcap", NULL));
    fails("--check cannot be taken together with --certs");
}

/* Its exit statuses are others, also for what was not understood. */
static void a_check_is_known_before_the_rest(void **state)
{
    (void)state;
    static char program[] = "vpnscope", wrong[] = "--nonsense", check[] = "--check", end[] = "--";
    char *with[] = {program, wrong, check}, *without[] = {program, wrong}, *file[] = {program, end, check};
    assert_true(options_ask_check(3, with));
    assert_false(options_ask_check(2, without));
    assert_false(options_ask_check(3, file));
}

static void packets_are_written_of_a_session_or_while_sniffing(void **state)
{
    (void)state;
    assert_true(parse("--session", "3", "--write", "x.pcapng", "a.pcap", "b.pcap", NULL));
    assert_string_equal(o.write, "x.pcapng");
    options_free(&o);
    assert_true(parse("-i", "lo", "--write", "x.pcapng", NULL));
    assert_int_equal(o.write_mib, 100);
    assert_int_equal(o.write_files, 10);
    options_free(&o);
    assert_true(parse("-i", "lo", "--write", "x.pcapng", "--write-size", "5", "--write-files", "1", NULL));
    assert_int_equal(o.write_mib, 5);
    assert_int_equal(o.write_files, 1);
}

static void help_fits_on_a_screen(void **state)
{
    (void)state;
    unsigned lines = 0;
    for (const char *p = options_help; *p != '\0';) {
        size_t len = strcspn(p, "\n");
        assert_true(len <= 79);
        assert_int_equal(p[len], '\n');
        p += len + 1;
        lines++;
    }
    assert_true(lines <= 24);
}

static void wrong_options(void **state)
{
    (void)state;
    static const struct {
        const char *arguments[3];
        const char *part;
    } cases[] = {
        {{"--nonsense", "a", NULL}, "--nonsense"},
        {{"-x", "a", NULL}, "-x"},
        {{"-xa", "a", NULL}, "-x"},
        {{"a", "--keylog", NULL}, "--keylog"},
        {{"a", "-f", NULL}, "-f"},
        {{"--json=yes", "a", NULL}, "--json=yes"},
        {{"--memory=0", "a", NULL}, "--memory"},
        {{"--memory=12x", "a", NULL}, "12x"},
        {{"--memory=99999999999999999999999", "a", NULL}, "--memory"},
        {{"--session=0", "a", NULL}, "--session"},
        {{"--session=-1", "a", NULL}, "--session"},
        {{"--session=4294967296", "a", NULL}, "--session"},
        {{"-", "-", NULL}, "standard input"},
        {{"-i", "eth0", "a"}, "together"},
        {{"-i", "", NULL}, "empty"},
        {{"--duration=5", "a", NULL}, "--duration"},
        {{"-i", "eth0", "--duration=0"}, "--duration"},
        {{"-i", "eth0", "-ieth0"}, "twice"},
        {{"--json", "--jsonl", "a"}, "--jsonl"},
        {{"--session=1", "--jsonl", "a"}, "--session"},
        {{"-i", "eth0", "--ring=2048"}, "--ring"},
        {{"--spool=0", "a", NULL}, "--spool"},
        {{"--write=x", "a", NULL}, "needs --session"},
        {{"--session=1", "--write=x", "-"}, "only once"},
        {{"--session=1", "--write=-", "a"}, "standard output"},
        {{"--session=1", "--write=", "a"}, "name of a file"},
        {{"-i", "eth0", "--write-size=0"}, "--write-size"},
        {{"-i", "eth0", "--write-files=10001"}, "--write-files"},
        {{"", NULL, NULL}, "empty"},
        {{NULL, NULL, NULL}, "no capture"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_false(parse(cases[i].arguments[0], cases[i].arguments[0] ? cases[i].arguments[1] : NULL,
                           cases[i].arguments[2], NULL));
        fails(cases[i].part);
        options_free(&o);
    }
}

static struct span secret_for(const char *address)
{
    struct address nas;
    assert_true(address_parse(span_of(address, strlen(address)), &nas));
    return secrets_radius(o.secrets, &nas);
}

static void assert_secret(const char *address, const char *expected)
{
    struct span s = secret_for(address);
    assert_int_equal(s.len, strlen(expected));
    assert_memory_equal(s.data, expected, s.len);
}

static void radius_secrets_by_network(void **state)
{
    (void)state;
    FILE_OF("all.secret", "for all\r\n");
    FILE_OF("ten=net.secret", "\xef\xbb\xbfnet");
    FILE_OF("one.secret", "one");
    assert_true(parse("--radius-secret", "all.secret", "--radius-secret", "10.0.0.0/8=ten=net.secret",
                      "--radius-secret", "2001:db8::5=one.secret", "a", NULL));
    assert_true(o.has_radius_secret);
    assert_secret("192.0.2.1", "for all");
    assert_secret("10.200.0.1", "net"); /* without the byte order mark */
    assert_secret("2001:db8::5", "one");
    assert_secret("2001:db8::6", "for all");
}

static void bad_secret_files(void **state)
{
    (void)state;
    static const char utf16[] = "\xff\xfes\0e\0c\0";
    FILE_OF("two.secret", "first\nsecond\n");
    FILE_OF("empty.secret", "\r\n");
    file("utf16.secret", utf16, sizeof utf16 - 1);
    static const struct {
        const char *value, *part;
    } cases[] = {{"two.secret", "two.secret: line 2"},      {"empty.secret", "empty.secret: line 1"},
                 {"utf16.secret", "utf16.secret: line 1"},  {"missing.secret", "missing.secret: no such file"},
                 {"10.0.0.0/33=two.secret", "10.0.0.0/33"}, {"10.0.0/8=two.secret", "10.0.0/8"},
                 {"::1/129=two.secret", "::1/129"},         {".", "directory"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_false(parse("--radius-secret", cases[i].value, "a", NULL));
        fails(cases[i].part);
        options_free(&o);
    }
    char longer[300];
    memset(longer, 's', sizeof longer);
    file("long.secret", longer, RADIUS_SECRET_MAX);
    assert_true(parse("--radius-secret", "long.secret", "a", NULL));
    options_free(&o);
    file("long.secret", longer, RADIUS_SECRET_MAX + 1);
    assert_false(parse("--radius-secret", "long.secret", "a", NULL));
    fails("long.secret: line 1");
}

#define RANDOM "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define MASTER RANDOM "202122232425262728292a2b2c2d2e2f"

static void key_logs(void **state)
{
    (void)state;
    FILE_OF("good.keys", "# comment\r\nCLIENT_RANDOM " RANDOM " " MASTER "\r\n");
    FILE_OF("bad.keys", "# comment\n\nCLIENT_RANDOM " RANDOM " 0\n");
    assert_true(parse("--keylog", "good.keys", "a", NULL));
    assert_int_equal(secrets_tls_count(o.secrets), 1);
    options_free(&o);
    assert_false(parse("--keylog", "bad.keys", "a", NULL));
    fails("bad.keys: line 3");
}

static void settings_from_a_file(void **state)
{
    (void)state;
    FILE_OF("one.secret", "one");
    FILE_OF("all.secret", "all");
    FILE_OF("site.conf", "\xef\xbb\xbf# settings\r\n"
                         "\r\n"
                         "  server-name = nps01.corp.example.com\r\n"
                         "server-name=nps02.corp.example.com\n"
                         "filter = udp port 1812 # and = all\n"
                         "radius-secret = 10.0.0.0/8=one.secret\n"
                         "radius-secret = all.secret\n"
                         "json = yes\n"
                         "system-roots = no\n"
                         "memory = 99\n"
                         "read = first.pcap");
    assert_true(parse("second.pcap", "--memory=50", "--config", "site.conf", NULL));
    assert_int_equal(o.capture_count, 2);
    assert_string_equal(o.captures[0], "first.pcap");
    assert_string_equal(o.captures[1], "second.pcap");
    assert_true(o.json);
    assert_int_equal(o.memory_mib, 50); /* the command line has the last word */
    assert_string_equal(o.filter, "udp port 1812 # and = all");
    assert_true(expect_has_names(o.expect));
    assert_false(expect_has_roots(o.expect));
    assert_secret("10.1.1.1", "one");
    assert_secret("192.0.2.1", "all");
}

static void bad_settings_name_file_and_line(void **state)
{
    (void)state;
    static const struct {
        const char *content, *part;
    } cases[] = {
        {"json = yes\nnonsense = 1\n", "bad.conf: line 2: unknown key 'nonsense'"},
        {"json\n", "bad.conf: line 1: no '='"},
        {"\n\njson = maybe", "bad.conf: line 3: json: 'maybe'"},
        {"filter =\n", "bad.conf: line 1: filter: no value"},
        {"config = other.conf\n", "bad.conf: line 1: unknown key 'config'"},
        {"help = yes\n", "bad.conf: line 1: unknown key 'help'"},
        {"memory = 1e3\n", "bad.conf: line 1: --memory"},
        {"#\nradius-secret = missing.secret\n", "bad.conf: line 2: missing.secret: no such file"},
        {"\xff\xfej\0s\0", "bad.conf: line 1: the file is UTF-16"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        file("bad.conf", cases[i].content, strlen(cases[i].content));
        assert_false(parse("--config", "bad.conf", "a", NULL));
        fails(cases[i].part);
        options_free(&o);
    }
    assert_false(parse("--config", "missing.conf", "a", NULL));
    fails("missing.conf: no such file");
}

static void expectations(void **state)
{
    (void)state;
    assert_true(parse("--trusted-root", VS_SOURCE_DIR "/pcaps/pki/root.pem", "--server-name", "nps01.corp.contoso.com",
                      "--eap-config", VS_SOURCE_DIR "/pcaps/pki/eap-config-good.xml", "a", NULL));
    const struct expect_method *methods;
    assert_true(expect_has_roots(o.expect));
    assert_true(expect_has_names(o.expect));
    assert_true(expect_methods(o.expect, &methods) > 0);
    options_free(&o);
    FILE_OF("no-root.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    assert_false(parse("--trusted-root", "no-root.pem", "a", NULL));
    fails("--trusted-root");
    fails("no-root.pem");
    options_free(&o);
    FILE_OF("bad.xml", "<EapHostConfig>\n<Config>\n");
    assert_false(parse("--eap-config", "bad.xml", "a", NULL));
    fails("--eap-config");
    fails("bad.xml");
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(captures_and_switches),
        TEST(defaults),
        TEST(interfaces),
        TEST(help_and_version_need_no_capture),
        TEST(metrics_listen_on_loopback_unless_told),
        TEST(a_check_is_one_line_in_the_end),
        TEST(a_check_is_known_before_the_rest),
        TEST(packets_are_written_of_a_session_or_while_sniffing),
        TEST(help_fits_on_a_screen),
        TEST(wrong_options),
        TEST(bad_secret_files),
        TEST(radius_secrets_by_network),
        TEST(key_logs),
        TEST(settings_from_a_file),
        TEST(expectations),
        TEST(bad_settings_name_file_and_line),
    };
    return cmocka_run_group_tests(tests, NULL, remove_files);
}
