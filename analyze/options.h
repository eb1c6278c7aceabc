/* The command line and --config FILE as plain data. */
#ifndef VS_ANALYZE_OPTIONS_H
#define VS_ANALYZE_OPTIONS_H

#include "analyze/balance/balance.h"
#include "analyze/certificate/expect.h"
#include "analyze/nat/nat_search.h"
#include "dissect/crypto/secrets.h"

enum { OPTIONS_CAPTURES_MAX = 4096, OPTIONS_INTERFACES_MAX = 32, OPTIONS_ERROR = 640, SITE_ADDRESSES_MAX = 256 };

/* What the administrator says of his site's addresses. */
struct site {
    struct address vips[SITE_ADDRESSES_MAX]; size_t vip_count;             /* --vip */
    struct nat_network internal[SITE_ADDRESSES_MAX]; size_t internal_count; /* --internal */
    struct balance_named named[BALANCE_NAMED_MAX];                         /* --backend */
    struct address backends[BALANCE_NAMED_MAX]; size_t backend_count;      /* their addresses alone */
};

struct options {
    const char **captures; size_t capture_count; /* owned array, borrowed strings (argv) or owned copies from --config */
    const char *interfaces[OPTIONS_INTERFACES_MAX]; size_t interface_count; /* -i: sniff, instead of captures */
    uint64_t duration_s;         /* --duration: end of sniffing; 0 none */
    const char *user;            /* --user: who root becomes while sniffing; NULL nobody */
    uint64_t spool_mib;          /* --spool: room on disk for finished sessions; 0: what the disk has */
    uint64_t ring_mib;           /* of each interface, default 64 */
    const char *filter, *certs_dir;
    struct endpoint metrics_at;  /* --metrics: where to listen; port 0 nowhere */
    bool check;                  /* --check: one line for Nagios and its like, and their exit statuses */
    const char *output;          /* --output: file for the lines of --jsonl; NULL standard output */
    uint64_t rotate_mib, rotate_files; /* of one, 0: not rotated; how many */
    bool json, jsonl, help, version, list_devices;
    bool has_radius_secret;      /* a --radius-secret was given */
    uint32_t session;            /* --session ID, 0 none */
    const char *write;           /* --write: that session's packets, or, sniffing, those of sessions that failed; NULL none */
    uint64_t write_mib, write_files; /* of a file while sniffing, and how many of them */
    uint32_t window_s;           /* --window SECONDS, 0 none */
    uint64_t memory_mib;         /* default 256; of all state */
    struct secrets *secrets;     /* --keylog, --radius-secret, --ike-keys */
    struct site *site;           /* --vip, --internal, --backend */
    struct expect *expect;       /* --trusted-root, --system-roots, --server-name, --eap-config */
    struct options_store *store; /* what it owns besides; opaque */
};

/* Of the memory's budget: the dissectors'; what is left (they fill it in the worst mixtures seen) is for what the analysis keeps
 * of each conversation meanwhile. */
static inline uint64_t options_dissect_bytes(const struct options *o)
{
    return (o->memory_mib << 20) / 16 * 7;
}

/* Reads argv. False with one line in error (exit status 2). The caller frees with options_free in any case. */
bool options_parse(int argc, char **argv, struct options *out, char error[static OPTIONS_ERROR]);
/* After options_parse refused: was --check among what was given? Then its exit statuses hold for this, too. */
bool options_ask_check(int argc, char **argv);
void options_free(struct options *o);
extern const char options_help[];  /* at most 24 lines of 80 columns... it fits on a screen */

#endif
