/*
 * How attempts are spread over the VPN servers in windows of time, counted while it happens: an attempt in the window in which it
 * begins, what it came to in the one in which that is known. The report's own account (balance.h) knows more in the end: which
 * parts belong together, and which servers do. Pure; time is given.
 */
#ifndef VS_ANALYZE_WINDOWS_H
#define VS_ANALYZE_WINDOWS_H

#include "analyze/balance/balance.h"

enum { WINDOWS_BACKENDS_MAX = STATISTICS_MAX };
#define WINDOWS_USUAL_NS (60 * INT64_C(1000000000)) /* where no length is given */

/* Whom the counts are about: VPN servers by the tunnels asked of them, or by the logins that they asked RADIUS for. */
enum window_basis { WINDOW_TUNNELS, WINDOW_RADIUS, WINDOW_BASES };
const char *window_basis_name(enum window_basis b); /* "tunnels", "radius": as in the report */

struct window_backend {
    struct address address;
    const char *name; /* NULL: none was given; lent by the settings */
    double weight;
    uint64_t attempts, established, failed; /* in this window */
    uint64_t established_ever;
};

struct window {
    enum window_basis basis;
    int64_t start_ns, length_ns;
    bool whole;           /* false: the packets ended in it */
    const struct window_backend *backends; size_t backend_count; /* those named, else all seen so far; lent for the call */
    uint64_t attempts;    /* at these */
    uint64_t elsewhere;   /* attempts at servers that are not named, or beyond WINDOWS_BACKENDS_MAX */
    struct evenness evenness; /* of the attempts */
};

/* Called for each window that is over and in which anything happened, the tunnels' first. */
typedef void window_fn(void *ctx, const struct window *w);

struct windows;

/* settings: names, weights and length of the windows; what they point to is lent. NULL when memory is short. */
struct windows *windows_new(const struct balance_settings *settings, window_fn *tell, void *ctx);
void windows_free(struct windows *w);

/* Time has come to now_ns: windows that are over are told. A time before the window at hand ends it, too. */
void windows_time(struct windows *w, int64_t now_ns);
/* No more: the window at hand is told. */
void windows_finish(struct windows *w);

/* In the window at hand; before the first time nothing is counted. */
void windows_began(struct windows *w, enum window_basis basis, const struct address *server);
void windows_ended(struct windows *w, enum window_basis basis, const struct address *server, bool established);

const struct window_backend *windows_backends(const struct windows *w, enum window_basis basis, size_t *count);

#endif
