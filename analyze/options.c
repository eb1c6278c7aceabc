#include "analyze/options_internal.h"
#include "analyze/record/ring_files.h"
#include "analyze/report/log_file.h"
#include "dissect/ike/ike_keys.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    ITEMS_MAX = 8192, /* settings on one command line */
    MEMORY_DEFAULT_MIB = 256,
    RING_DEFAULT_MIB = 64, /* libpcap's 2 MiB lose packets whenever the scheduler is late */
    RING_MOST_MIB = 2047,  /* libpcap counts it in bytes, in an int */
    DURATION_MOST_S = 366 * 86400,
    MEMORY_LEAST_MIB = 4, /* what a dissector takes at least */
    SNIFFING_LEAST_MIB = 2 * MEMORY_LEAST_MIB, /* each interface: it has its own, and what is known of its conversations comes on top */
    MEMORY_MOST_MIB = 1 << 20,
    TEXTS_MAX = 65536,
    KEYLOG_BYTES_MAX = 512 << 20,
    WINDOW_MOST_S = 366 * 86400,
    WRITE_DEFAULT_MIB = 100,
    WRITE_FILES_DEFAULT = 10,
    ROTATE_FILES_DEFAULT = 10,
    OPTION_CONFIG = 256, /* beyond characters */
    OPTION_VERSION,
    OPTION_CHECK,
    OPTION_SETTING, /* + enum setting_id */
};

const char options_help[] = "Usage: vpnscope [options] [-r] CAPTURE... | -i INTERFACE...\n"
                            "Says why VPN and EAP logins fail, from packet captures taken together: pcap or\n"
                            "pcapng, also .gz and .zst; - is standard input.\n"
                            "\n"
                            "  -i NAME, --duration SECONDS, --user NAME  sniff; for how long; as whom *\n"
                            "  -f, --filter BPF             look only at packets that match, as in tcpdump\n"
                            "  --trusted-root FILE|DIR, --system-roots  roots clients trust; the system's *\n"
                            "  --server-name NAME           NPS name that the clients expect, or a list of\n"
                            "                               patterns separated by ; as in Windows *\n"
                            "  --eap-config FILE            both from a client's ProfileXML or EAP XML *\n"
                            "  --keylog FILE, --ike-keys FILE  TLS secrets (NSS key log); IKEv2 keys\n"
                            "  --radius-secret [CIDR=]FILE  RADIUS shared secret, of a NAS or of all *\n"
                            "  --vip ADDR, --internal CIDR  the address clients dial; networks of the site *\n"
                            "  --backend ADDR[=NAME][*WEIGHT]  a VPN server behind the load balancer *\n"
                            "  --config FILE                settings from a file, one \"key = value\" a line *\n"
                            "  --json, --jsonl [--output FILE]  one JSON document; one event a line at once\n"
                            "  --certs DIR                  write every certificate chain seen, as PEM\n"
                            "  --session ID, --write FILE   one session; its packets, with -i of failures\n"
                            "  --metrics [ADDR:]PORT, --check  numbers for Prometheus; one line for Nagios\n"
                            "  --memory MIB                 budget for state (256)\n"
                            "  -D; -h, --help; --version    list the interfaces; this text; the version\n"
                            "\n"
                            "* may be given again.  Exit status: 0 nothing wrong found, 1 problems found,\n"
                            "2 wrong usage or input that cannot be read.  All the rest: man vpnscope\n";

/* Long options; those that are settings have the same name in a configuration file. */
#define SETTING(name, argument, id)                                                                                    \
    {                                                                                                                  \
        name, argument, NULL, OPTION_SETTING + (id)                                                                    \
    }
static const struct option long_options[] = {
    SETTING("read", required_argument, SETTING_CAPTURE),
    SETTING("interface", required_argument, SETTING_INTERFACE),
    SETTING("duration", required_argument, SETTING_DURATION),
    SETTING("ring", required_argument, SETTING_RING),
    SETTING("spool", required_argument, SETTING_SPOOL),
    SETTING("user", required_argument, SETTING_USER),
    SETTING("filter", required_argument, SETTING_FILTER),
    SETTING("server-name", required_argument, SETTING_SERVER_NAME),
    SETTING("trusted-root", required_argument, SETTING_TRUSTED_ROOT),
    SETTING("system-roots", no_argument, SETTING_SYSTEM_ROOTS),
    SETTING("eap-config", required_argument, SETTING_EAP_CONFIG),
    SETTING("keylog", required_argument, SETTING_KEYLOG),
    SETTING("radius-secret", required_argument, SETTING_RADIUS_SECRET),
    SETTING("ike-keys", required_argument, SETTING_IKE_KEYS),
    SETTING("vip", required_argument, SETTING_VIP),
    SETTING("internal", required_argument, SETTING_INTERNAL),
    SETTING("backend", required_argument, SETTING_BACKEND),
    SETTING("window", required_argument, SETTING_WINDOW),
    SETTING("json", no_argument, SETTING_JSON),
    SETTING("jsonl", no_argument, SETTING_JSONL),
    SETTING("output", required_argument, SETTING_OUTPUT),
    SETTING("rotate-size", required_argument, SETTING_ROTATE_SIZE),
    SETTING("rotate-files", required_argument, SETTING_ROTATE_FILES),
    SETTING("certs", required_argument, SETTING_CERTS),
    SETTING("session", required_argument, SETTING_SESSION),
    SETTING("write", required_argument, SETTING_WRITE),
    SETTING("write-size", required_argument, SETTING_WRITE_SIZE),
    SETTING("write-files", required_argument, SETTING_WRITE_FILES),
    SETTING("memory", required_argument, SETTING_MEMORY),
    SETTING("metrics", required_argument, SETTING_METRICS),
    {"check", no_argument, NULL, OPTION_CHECK},
    {"config", required_argument, NULL, OPTION_CONFIG},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};
#undef SETTING

enum setting_id setting_by_name(const char *name)
{
    for (const struct option *row = long_options; row->name != NULL; row++)
        if (row->val >= OPTION_SETTING && strcmp(row->name, name) == 0)
            return (enum setting_id)(row->val - OPTION_SETTING);
    return SETTING_NONE;
}

static const char *setting_name(enum setting_id id)
{
    for (const struct option *row = long_options; row->name != NULL; row++)
        if (row->val == OPTION_SETTING + (int)id)
            return row->name;
    return "?";
}

const char *options_keep(struct options *o, const char *text)
{
    struct options_store *s = o->store;
    if (s->count == s->room) {
        size_t room = s->room == 0 ? 16 : s->room * 2;
        char **bigger = room > TEXTS_MAX ? NULL : realloc(s->texts, room * sizeof *bigger);
        if (bigger == NULL)
            return NULL;
        s->texts = bigger;
        s->room = room;
    }
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    if (copy != NULL) {
        memcpy(copy, text, size);
        s->texts[s->count++] = copy;
    }
    return copy;
}

static bool add_capture(struct options *o, const char *path, char error[static OPTIONS_ERROR])
{
    if (o->capture_count == OPTIONS_CAPTURES_MAX) {
        snprintf(error, OPTIONS_ERROR, "more than %d captures", OPTIONS_CAPTURES_MAX);
        return false;
    }
    for (size_t i = 0; strcmp(path, "-") == 0 && i < o->capture_count; i++) {
        if (strcmp(o->captures[i], "-") == 0) {
            snprintf(error, OPTIONS_ERROR, "standard input (-) can be read only once");
            return false;
        }
    }
    if (path[0] == '\0') {
        snprintf(error, OPTIONS_ERROR, "a capture's name is empty");
        return false;
    }
    o->captures[o->capture_count++] = path;
    return true;
}

static bool add_interface(struct options *o, const char *name, char error[static OPTIONS_ERROR])
{
    if (o->interface_count == OPTIONS_INTERFACES_MAX) {
        snprintf(error, OPTIONS_ERROR, "more than %d interfaces", OPTIONS_INTERFACES_MAX);
        return false;
    }
    if (name[0] == '\0') {
        snprintf(error, OPTIONS_ERROR, "an interface's name is empty");
        return false;
    }
    for (size_t i = 0; i < o->interface_count; i++) {
        if (strcmp(o->interfaces[i], name) == 0) {
            snprintf(error, OPTIONS_ERROR, "interface '%.100s' is given twice", name);
            return false;
        }
    }
    o->interfaces[o->interface_count++] = name;
    return true;
}

/* A whole decimal number within bounds. */
static bool number(const char *text, uint64_t least, uint64_t most, uint64_t *out)
{
    uint64_t value = 0;
    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || value > most)
            return false;
        value = value * 10 + (uint64_t)(*text - '0');
    }
    *out = value;
    return value >= least && value <= most;
}

static bool set_number(enum setting_id id, const char *value, uint64_t least, uint64_t most, uint64_t *out,
                       char error[static OPTIONS_ERROR])
{
    if (number(value, least, most, out))
        return true;
    snprintf(error, OPTIONS_ERROR, "--%s: '%.60s' is no whole number from %llu to %llu", setting_name(id), value,
             (unsigned long long)least, (unsigned long long)most);
    return false;
}

/* Switches have no value on the command line, and yes or no in a file. */
static bool set_switch(enum setting_id id, const char *value, bool *out, char error[static OPTIONS_ERROR])
{
    bool yes = value == NULL || strcmp(value, "yes") == 0 || strcmp(value, "true") == 0;
    if (!yes && strcmp(value, "no") != 0 && strcmp(value, "false") != 0) {
        snprintf(error, OPTIONS_ERROR, "%s: '%.60s' is neither yes nor no", setting_name(id), value);
        return false;
    }
    *out = yes;
    return true;
}

typedef bool add_secrets_fn(struct secrets *s, struct span text, char message[static SECRETS_MESSAGE]);

/* A file of keys, one a line; the error names file and line. */
static bool add_keys(struct secrets *s, const char *path, add_secrets_fn *add, char error[static OPTIONS_ERROR])
{
    size_t len = 0;
    char message[SECRETS_MESSAGE], *text = text_file_read(path, KEYLOG_BYTES_MAX, &len, error);
    if (text == NULL)
        return false;
    bool good = add(s, span_of(text, len), message);
    if (!good)
        snprintf(error, OPTIONS_ERROR, "%.300s: %s", path, message);
    free(text);
    return good;
}

static bool add_vip(struct site *s, const char *value, char error[static OPTIONS_ERROR])
{
    if (s->vip_count == SITE_ADDRESSES_MAX) {
        snprintf(error, OPTIONS_ERROR, "--vip: more than %d addresses", SITE_ADDRESSES_MAX);
        return false;
    }
    if (address_parse(span_of(value, strlen(value)), &s->vips[s->vip_count])) {
        s->vip_count++;
        return true;
    }
    snprintf(error, OPTIONS_ERROR, "--vip: '%.60s' is no IPv4 or IPv6 address", value);
    return false;
}

static bool add_internal(struct site *s, const char *value, char error[static OPTIONS_ERROR])
{
    if (s->internal_count == SITE_ADDRESSES_MAX) {
        snprintf(error, OPTIONS_ERROR, "--internal: more than %d networks", SITE_ADDRESSES_MAX);
        return false;
    }
    struct nat_network *n = &s->internal[s->internal_count];
    unsigned bits;
    if (network_parse(value, strlen(value), &n->address, &bits)) {
        n->bits = (uint8_t)bits;
        s->internal_count++;
        return true;
    }
    snprintf(error, OPTIONS_ERROR, "--internal: '%.60s' is no network (10.0.0.0/8)", value);
    return false;
}

/* A positive decimal number, "1.5"; false for anything else. */
static bool weight_of(const char *text, double *out)
{
    enum { LONGEST = 12 };
    double value = 0, unit = 1;
    const char *c = text;
    for (; *c >= '0' && *c <= '9'; c++)
        value = value * 10 + (*c - '0');
    if (*c == '.')
        for (c++; *c >= '0' && *c <= '9'; c++)
            value += (unit /= 10) * (*c - '0');
    *out = value;
    return *c == '\0' && c - text <= LONGEST && value >= BALANCE_WEIGHT_LEAST && value <= BALANCE_WEIGHT_MOST;
}

/* ADDR[=NAME][*WEIGHT] */
static bool add_backend(struct site *s, const char *value, char error[static OPTIONS_ERROR])
{
    if (s->backend_count == BALANCE_NAMED_MAX) {
        snprintf(error, OPTIONS_ERROR, "--backend: more than %d servers", BALANCE_NAMED_MAX);
        return false;
    }
    struct balance_named *b = &s->named[s->backend_count];
    const char *star = strrchr(value, '*'), *end = star != NULL ? star : value + strlen(value);
    const char *equals = memchr(value, '=', (size_t)(end - value)), *stop = equals != NULL ? equals : end;
    const char *wrong = NULL;
    *b = (struct balance_named){.weight = 1};
    if (!address_parse(span_of(value, (size_t)(stop - value)), &b->address))
        wrong = "does not begin with an IPv4 or IPv6 address";
    else if (equals != NULL && (end - equals < 2 || end - equals > BALANCE_NAME))
        wrong = "has no name after =, or too long a one";
    else if (star != NULL && !weight_of(star + 1, &b->weight))
        wrong = "has no weight (0.001 to 1000000) after *";
    for (size_t i = 0; i < s->backend_count && wrong == NULL; i++)
        if (address_equal(&s->backends[i], &b->address))
            wrong = "is given twice";
    if (wrong != NULL) {
        snprintf(error, OPTIONS_ERROR, "--backend: '%.80s' %s: ADDR[=NAME][*WEIGHT]", value, wrong);
        return false;
    }
    if (equals != NULL)
        memcpy(b->name, equals + 1, (size_t)(end - equals - 1));
    s->backends[s->backend_count++] = b->address;
    return true;
}

/* PORT, ADDR:PORT or [ADDR]:PORT; without an address it is loopback's. */
static bool set_metrics(struct options *o, const char *value, char error[static OPTIONS_ERROR])
{
    static const uint8_t loopback[4] = {127, 0, 0, 1};
    const char *colon = strrchr(value, ':'), *from = value;
    struct endpoint at = {.address = address_ipv4(loopback)};
    uint64_t port = 0;
    size_t len = colon != NULL ? (size_t)(colon - value) : 0;
    bool bracketed = len >= 2 && value[0] == '[' && value[len - 1] == ']';
    if (bracketed) {
        from++;
        len -= 2;
    }
    bool good = colon == NULL || (address_parse(span_of(from, len), &at.address) && bracketed == (at.address.family == FAMILY_IPV6));
    if (!good || !number(colon != NULL ? colon + 1 : value, 1, UINT16_MAX, &port)) {
        snprintf(error, OPTIONS_ERROR, "--metrics: '%.80s' is neither PORT (1 to 65535) nor ADDR:PORT, [ADDR]:PORT", value);
        return false;
    }
    at.port = (uint16_t)port;
    o->metrics_at = at;
    return true;
}

/* What goes to the expectations: their error names the file. */
static bool set_expectation(struct options *o, enum setting_id id, const char *value, char error[static OPTIONS_ERROR])
{
    char reason[EXPECT_ERROR] = "";
    bool on = true, good = false;
    switch (id) {
    case SETTING_SERVER_NAME:
        good = expect_add_server_name(o->expect, value, reason);
        break;
    case SETTING_TRUSTED_ROOT:
        good = expect_add_roots(o->expect, value, reason);
        break;
    case SETTING_SYSTEM_ROOTS:
        if (!set_switch(id, value, &on, error))
            return false;
        good = !on || expect_add_system_roots(o->expect, reason);
        break;
    default:
        good = expect_add_eap_config(o->expect, value, reason);
        break;
    }
    if (!good)
        snprintf(error, OPTIONS_ERROR, "--%s: %s", setting_name(id), reason);
    return good;
}

bool setting_apply(struct options *o, enum setting_id id, const char *value, char error[static OPTIONS_ERROR])
{
    uint64_t asked = 0;
    switch (id) {
    case SETTING_CAPTURE:
        return add_capture(o, value, error);
    case SETTING_INTERFACE:
        return add_interface(o, value, error);
    case SETTING_DURATION:
        return set_number(id, value, 1, DURATION_MOST_S, &o->duration_s, error);
    case SETTING_RING:
        return set_number(id, value, 1, RING_MOST_MIB, &o->ring_mib, error);
    case SETTING_SPOOL:
        return set_number(id, value, 1, MEMORY_MOST_MIB, &o->spool_mib, error);
    case SETTING_USER:
        o->user = value;
        return true;
    case SETTING_FILTER:
        o->filter = value;
        return true;
    case SETTING_CERTS:
        o->certs_dir = value;
        return true;
    case SETTING_JSON:
        return set_switch(id, value, &o->json, error);
    case SETTING_JSONL:
        return set_switch(id, value, &o->jsonl, error);
    case SETTING_OUTPUT:
        o->output = value;
        return true;
    case SETTING_ROTATE_SIZE:
        return set_number(id, value, 1, MEMORY_MOST_MIB, &o->rotate_mib, error);
    case SETTING_ROTATE_FILES:
        return set_number(id, value, 2, LOG_FILES_MOST, &o->rotate_files, error);
    case SETTING_MEMORY:
        return set_number(id, value, MEMORY_LEAST_MIB, MEMORY_MOST_MIB, &o->memory_mib, error);
    case SETTING_SESSION:
        if (!set_number(id, value, 1, UINT32_MAX, &asked, error))
            return false;
        o->session = (uint32_t)asked;
        return true;
    case SETTING_KEYLOG:
        return add_keys(o->secrets, value, secrets_add_key_log, error);
    case SETTING_IKE_KEYS:
        return add_keys(o->secrets, value, secrets_add_ike_keys, error);
    case SETTING_VIP:
        return add_vip(o->site, value, error);
    case SETTING_INTERNAL:
        return add_internal(o->site, value, error);
    case SETTING_BACKEND:
        return add_backend(o->site, value, error);
    case SETTING_WRITE:
        o->write = value;
        return true;
    case SETTING_WRITE_SIZE:
        return set_number(id, value, 1, MEMORY_MOST_MIB, &o->write_mib, error);
    case SETTING_WRITE_FILES:
        return set_number(id, value, 1, RING_FILES_MOST, &o->write_files, error);
    case SETTING_WINDOW:
        if (!set_number(id, value, 1, WINDOW_MOST_S, &asked, error))
            return false;
        o->window_s = (uint32_t)asked;
        return true;
    case SETTING_RADIUS_SECRET:
        o->has_radius_secret = true;
        return setting_radius_secret(o->secrets, value, error);
    case SETTING_METRICS:
        return set_metrics(o, value, error);
    case SETTING_SERVER_NAME:
    case SETTING_TRUSTED_ROOT:
    case SETTING_SYSTEM_ROOTS:
    case SETTING_EAP_CONFIG:
        return set_expectation(o, id, value, error);
    case SETTING_NONE:
        break;
    }
    return false;
}

struct item {
    enum setting_id id;
    const char *value;
};

/* What getopt_long could not place. It leaves the culprit in optopt, or as the argument before optind. */
static void explain(int result, int argc, char **argv, char error[static OPTIONS_ERROR])
{
    const char *argument = optind > 0 && optind <= argc ? argv[optind - 1] : "";
    if (result == ':' && strncmp(argument, "--", 2) == 0)
        snprintf(error, OPTIONS_ERROR, "option '%.100s' needs a value", argument);
    else if (result == ':')
        snprintf(error, OPTIONS_ERROR, "option '-%c' needs a value", optopt);
    else if (optopt > 0 && optopt < OPTION_CONFIG)
        snprintf(error, OPTIONS_ERROR, "unknown option '-%c'; vpnscope --help lists them", optopt);
    else if (optopt >= OPTION_CONFIG)
        snprintf(error, OPTIONS_ERROR, "option '%.100s': it takes no value", argument);
    else
        snprintf(error, OPTIONS_ERROR, "unknown option '%.100s'; vpnscope --help lists them", argument);
}

static enum setting_id setting_of_letter(int c)
{
    return c == 'r' ? SETTING_CAPTURE : c == 'i' ? SETTING_INTERFACE : SETTING_FILTER;
}

/* Collects settings in their order; true in *done when the rest does not matter (help, version). */
static bool collect(int argc, char **argv, struct options *o, struct item *items, size_t *count, bool *done,
                    char error[static OPTIONS_ERROR])
{
    optind = 0; /* begin anew: getopt keeps its state between calls */
    opterr = 0;
    int c;
    while ((c = getopt_long(argc, argv, ":hDr:f:i:", long_options, NULL)) != -1) {
        if (*count == ITEMS_MAX) {
            snprintf(error, OPTIONS_ERROR, "more than %d options", ITEMS_MAX);
            return false;
        }
        if (c == 'h')
            o->help = true;
        else if (c == OPTION_VERSION)
            o->version = true;
        else if (c == OPTION_CHECK)
            o->check = true;
        else if (c == 'D')
            o->list_devices = true;
        else if (c == 'r' || c == 'f' || c == 'i')
            items[(*count)++] = (struct item){setting_of_letter(c), optarg};
        else if (c == OPTION_CONFIG && !config_file_read(o, optarg, error))
            return false;
        else if (c >= OPTION_SETTING)
            items[(*count)++] = (struct item){(enum setting_id)(c - OPTION_SETTING), optarg};
        else if (c == '?' || c == ':') {
            explain(c, argc, argv, error);
            return false;
        }
        if (o->help || o->version) {
            *done = true;
            return true;
        }
    }
    return true;
}

/* What is written of files is looked for once they have been analysed: they are read again. */
static bool can_write(const struct options *o, char error[static OPTIONS_ERROR])
{
    bool offline = o->interface_count == 0, pipe = false;
    for (size_t i = 0; i < o->capture_count; i++)
        pipe = pipe || strcmp(o->captures[i], "-") == 0;
    if (o->write == NULL)
        return true;
    if (o->write[0] == '\0' || strcmp(o->write, "-") == 0)
        snprintf(error, OPTIONS_ERROR, "--write takes the name of a file: standard output has the report");
    else if (offline && o->session == 0 && !o->list_devices)
        snprintf(error, OPTIONS_ERROR, "--write needs --session ID (whose packets?), or -i to record sessions that fail");
    else if (offline && pipe)
        snprintf(error, OPTIONS_ERROR, "--write reads the captures again, and standard input (-) can be read only once: save it to a file first");
    else
        return true;
    return false;
}

/* Files or interfaces, not both: files are at an end, and are read in the order of their times. */
static bool has_input(const struct options *o, char error[static OPTIONS_ERROR])
{
    if (o->capture_count > 0 && o->interface_count > 0)
        snprintf(error, OPTIONS_ERROR, "captures and interfaces (-i) cannot be taken together");
    else if (o->duration_s > 0 && o->interface_count == 0 && !o->list_devices)
        snprintf(error, OPTIONS_ERROR, "--duration is for sniffing (-i)");
    else if (o->capture_count == 0 && o->interface_count == 0 && !o->list_devices)
        snprintf(error, OPTIONS_ERROR, "no capture given; usage: vpnscope [options] CAPTURE... (vpnscope --help)");
    else if (o->memory_mib < SNIFFING_LEAST_MIB * o->interface_count)
        snprintf(error, OPTIONS_ERROR, "--memory %llu is too little: sniffing takes at least %d for each interface",
                 (unsigned long long)o->memory_mib, SNIFFING_LEAST_MIB);
    else if (o->metrics_at.port != 0 && o->interface_count == 0)
        snprintf(error, OPTIONS_ERROR, "--metrics is for sniffing (-i)");
    else if (o->check && (o->json || o->jsonl || o->session != 0 || o->certs_dir != NULL || o->list_devices))
        snprintf(error, OPTIONS_ERROR, "--check cannot be taken together with %s",
                 o->json ? "--json" : o->jsonl ? "--jsonl" : o->session != 0 ? "--session" : o->certs_dir != NULL ? "--certs" : "-D");
    else if (o->check && o->interface_count > 0 && o->duration_s == 0)
        snprintf(error, OPTIONS_ERROR, "--check of an interface needs --duration");
    else if (o->output != NULL && !o->jsonl)
        snprintf(error, OPTIONS_ERROR, "--output is for the events of --jsonl");
    else if (o->rotate_mib > 0 && o->output == NULL)
        snprintf(error, OPTIONS_ERROR, "--rotate-size is for the file of --output");
    else if (o->jsonl && (o->json || o->session != 0))
        snprintf(error, OPTIONS_ERROR, "--jsonl cannot be taken together with %s", o->json ? "--json" : "--session");
    else
        return can_write(o, error);
    return false;
}

/* Files of settings were applied while collecting, so what the command line says comes later and wins. */
static bool parse(int argc, char **argv, struct options *o, struct item *items, char error[static OPTIONS_ERROR])
{
    size_t count = 0;
    bool done = false;
    if (!collect(argc, argv, o, items, &count, &done, error))
        return false;
    if (done)
        return true;
    for (size_t i = 0; i < count; i++)
        if (!setting_apply(o, items[i].id, items[i].value, error))
            return false;
    for (int i = optind; i < argc; i++)
        if (!add_capture(o, argv[i], error))
            return false;
    return has_input(o, error);
}

bool options_parse(int argc, char **argv, struct options *out, char error[static OPTIONS_ERROR])
{
    *out = (struct options){.memory_mib = MEMORY_DEFAULT_MIB, .ring_mib = RING_DEFAULT_MIB, .write_mib = WRITE_DEFAULT_MIB,
                            .write_files = WRITE_FILES_DEFAULT, .rotate_files = ROTATE_FILES_DEFAULT};
    out->store = calloc(1, sizeof *out->store);
    out->captures = calloc(OPTIONS_CAPTURES_MAX, sizeof *out->captures);
    out->secrets = secrets_new();
    out->expect = expect_new();
    out->site = calloc(1, sizeof *out->site);
    struct item *items = calloc(ITEMS_MAX, sizeof *items);
    bool good = false;
    if (out->store == NULL || out->captures == NULL || out->secrets == NULL || out->expect == NULL || out->site == NULL ||
        items == NULL)
        snprintf(error, OPTIONS_ERROR, "out of memory");
    else
        good = parse(argc, argv, out, items, error);
    if (good)
        expect_complete(out->expect);
    free(items);
    return good;
}

bool options_ask_check(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--check") == 0)
            return true;
    return false;
}

void options_free(struct options *o)
{
    for (size_t i = 0; o->store != NULL && i < o->store->count; i++)
        free(o->store->texts[i]);
    if (o->store != NULL)
        free(o->store->texts);
    free(o->store);
    free(o->captures);
    secrets_free(o->secrets);
    expect_free(o->expect);
    free(o->site);
    *o = (struct options){0};
}
