#include "analyze/report/standing.h"

#include <stdlib.h>

#include "capture/platform.h"
#include "capture/wire/hash.h"

enum { SHARE = 20 };

/* A finding of the last look, or one that was told. */
struct stood {
    enum finding_id id;
    uint64_t cause;    /* hash of its subject and variant */
    int64_t since_ns;
    uint64_t told;     /* hash of the title that it was told with; 0: not told */
    bool seen;         /* in this look */
};

struct standing {
    struct standing_options options;
    struct so_far *so_far;
    struct stood list[FINDINGS_MAX];
    size_t count;
    int64_t looked_ns; /* capture time, 0: not yet */
    int64_t not_before_ns; /* monotonic */
};

struct standing *standing_new(struct analysis *a, const struct standing_options *options)
{
    struct standing *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->options = *options;
    s->so_far = so_far_new(a, options->balance);
    if (s->so_far == NULL) {
        free(s);
        return NULL;
    }
    return s;
}

void standing_free(struct standing *s)
{
    if (s == NULL)
        return;
    so_far_free(s->so_far);
    free(s);
}

void standing_session(struct standing *s, const struct session *session)
{
    so_far_add(s->so_far, session);
}

static uint64_t text_hash(const char *text, uint64_t seed)
{
    return hash_bytes(text, strlen(text), seed) | 1;
}

static struct stood *entry_of(struct standing *s, const struct finding *f, int64_t now_ns)
{
    uint64_t cause = text_hash(f->subject, f->variant);
    for (size_t i = 0; i < s->count; i++)
        if (s->list[i].id == f->id && s->list[i].cause == cause)
            return &s->list[i];
    if (s->count == FINDINGS_MAX)
        return NULL;
    s->list[s->count] = (struct stood){.id = f->id, .cause = cause, .since_ns = now_ns};
    return &s->list[s->count++];
}

bool standing_comes_and_goes(enum finding_id id)
{
    return id == FINDING_BACKEND_DOWN || id == FINDING_BACKEND_ATTEMPTS_TO_DEAD;
}

/* What is wrong for a server with two NICs may be right for one with a single NIC: which it is shows by and by. */
static bool is_of_nic(enum finding_id id)
{
    return id == FINDING_NIC_NAME_RESOLUTION || id == FINDING_NIC_DNS_CLIENT || id == FINDING_NIC_SMB || id == FINDING_NIC_DHCP ||
           id == FINDING_NIC_DISCOVERY || id == FINDING_NIC_SAME_SUBNET || id == FINDING_NIC_UNEXPECTED_PROTOCOL;
}

static int64_t has_to_stand(const struct finding *f)
{
    if (f->confidence == CONFIDENCE_HINT)
        return INT64_MAX;
    bool at_once = standing_comes_and_goes(f->id) || (f->confidence == CONFIDENCE_CERTAIN && !is_of_nic(f->id));
    return at_once ? 0 : STANDING_STRONG_NS;
}

static void take(struct standing *s, const struct finding *f, int64_t now_ns)
{
    struct stood *e = f->severity != SEVERITY_INFO ? entry_of(s, f, now_ns) : NULL;
    uint64_t title = text_hash(f->title, 0);
    if (e == NULL)
        return;
    e->seen = true;
    if (now_ns - e->since_ns < has_to_stand(f) || (e->told != 0 && (!standing_comes_and_goes(f->id) || e->told == title)))
        return;
    e->told = title;
    s->options.tell(s->options.ctx, f);
}

/* What did not stand begins anew; what was told is remembered. */
static void forget_gone(struct standing *s)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->count; i++) {
        struct stood e = s->list[i];
        if (!e.seen && e.told == 0)
            continue;
        e.seen = false;
        s->list[kept++] = e;
    }
    s->count = kept;
}

static void look(struct standing *s, int64_t now_ns)
{
    struct so_far_sight sights[STANDING_SIGHTS_MAX];
    size_t count = s->options.sights != NULL ? s->options.sights(s->options.sights_ctx, sights) : 0, found = 0;
    struct findings *set = findings_new();
    if (set == NULL)
        return;
    if (so_far_look(s->so_far, sights, count, set)) {
        const struct finding *all = findings_all(set, &found);
        for (size_t i = 0; i < found; i++)
            take(s, &all[i], now_ns);
        forget_gone(s);
    }
    findings_free(set);
}

void standing_time(struct standing *s, int64_t now_ns)
{
    if (s->looked_ns == 0 || now_ns < s->looked_ns - STANDING_LOOK_NS) { /* the clock was set back */
        s->looked_ns = now_ns;
        for (size_t i = 0; i < s->count; i++)
            s->list[i].since_ns = now_ns;
        return;
    }
    if (now_ns - s->looked_ns < STANDING_LOOK_NS)
        return;
    int64_t begin = platform_monotonic_ns();
    if (begin < s->not_before_ns)
        return;
    s->looked_ns = now_ns;
    look(s, now_ns);
    int64_t end = platform_monotonic_ns();
    s->not_before_ns = end + (end - begin) * SHARE;
}
