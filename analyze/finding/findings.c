#include "analyze/finding/findings.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "capture/wire/hash.h"

enum { SLOTS = 2 * FINDINGS_MAX, NOTED_MAX = 64 };

struct entry {
    struct finding finding;
    uint32_t index; /* after findings_finish */
};

struct findings {
    struct entry *entries[FINDINGS_MAX]; /* in the order raised */
    uint16_t slots[SLOTS];               /* index + 1 */
    size_t count;
    uint16_t of_id[FINDING_IDS];
    size_t shared; /* entries beyond FINDINGS_OF_EACH of their id */
    struct finding *sorted;
    bool finished;
    uint32_t session;
    uint32_t noted[NOTED_MAX];
    size_t noted_count;
};

const char *finding_name(enum finding_id id)
{
    static const char *const names[] = {
#define FINDING(id, name) name,
#include "analyze/finding/findings.def"
#undef FINDING
    };
    return (size_t)id < FINDING_IDS ? names[id] : "unknown";
}

const char *severity_name(enum severity s)
{
    return s == SEVERITY_CRITICAL ? "critical" : s == SEVERITY_WARNING ? "warning" : "info";
}

const char *confidence_name(enum confidence c)
{
    return c == CONFIDENCE_CERTAIN ? "certain" : c == CONFIDENCE_STRONG ? "strong" : "hint";
}

struct findings *findings_new(void)
{
    return calloc(1, sizeof(struct findings));
}

void findings_free(struct findings *f)
{
    if (f == NULL)
        return;
    for (size_t i = 0; i < f->count; i++) {
        free(f->entries[i]->finding.sessions);
        free(f->entries[i]);
    }
    free(f->sorted);
    free(f);
}

static void note_session(struct findings *f, struct entry *e)
{
    struct finding *finding = &e->finding;
    if (f->session == 0)
        return;
    if (f->finished) {
        for (size_t i = 0; i < f->noted_count; i++)
            if (f->noted[i] == e->index)
                return;
        if (f->noted_count < NOTED_MAX)
            f->noted[f->noted_count++] = e->index;
        return;
    }
    size_t n = finding->session_count;
    if (n > 0 && finding->sessions[n - 1] == f->session)
        return;
    finding->session_total++;
    if (n == finding->session_room && n < FINDING_SESSIONS_MAX) {
        size_t room = n == 0 ? 16 : n * 2;
        uint32_t *grown = realloc(finding->sessions, room * sizeof *grown);
        if (grown == NULL)
            return;
        finding->sessions = grown;
        finding->session_room = room;
    }
    if (n < finding->session_room && n < FINDING_SESSIONS_MAX)
        finding->sessions[finding->session_count++] = f->session;
}

/* Room for one more of this id. */
static bool take_room(struct findings *f, enum finding_id id)
{
    static_assert(FINDINGS_OF_EACH * FINDING_IDS < FINDINGS_MAX, "no room is left for more of an id");
    if (f->of_id[id] >= FINDINGS_OF_EACH) {
        if (f->shared == FINDINGS_MAX - FINDINGS_OF_EACH * FINDING_IDS)
            return false;
        f->shared++;
    }
    f->of_id[id]++;
    return true;
}

struct finding *findings_raise(struct findings *f, enum finding_id id, const char *subject, uint64_t variant,
                               bool *fresh)
{
    size_t slot = hash_bytes(subject, strlen(subject), hash_mix(id, variant)) % SLOTS;
    *fresh = false;
    for (; f->slots[slot] != 0; slot = (slot + 1) % SLOTS) {
        struct entry *e = f->entries[f->slots[slot] - 1];
        if (e->finding.id == id && e->finding.variant == variant && strcmp(e->finding.subject, subject) == 0) {
            note_session(f, e);
            return &e->finding;
        }
    }
    struct entry *e = !f->finished && take_room(f, id) ? calloc(1, sizeof *e) : NULL;
    if (e == NULL)
        return NULL;
    e->finding.id = id;
    e->finding.variant = variant;
    snprintf(e->finding.subject, sizeof e->finding.subject, "%s", subject);
    f->entries[f->count++] = e;
    f->slots[slot] = (uint16_t)f->count;
    note_session(f, e);
    *fresh = true;
    return &e->finding;
}

void findings_session(struct findings *f, uint32_t number)
{
    f->session = number;
    f->noted_count = 0;
}

static int by_number(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

const uint32_t *findings_noted(struct findings *f, size_t *count)
{
    qsort(f->noted, f->noted_count, sizeof *f->noted, by_number);
    *count = f->noted_count;
    return f->noted;
}

void finding_title(struct finding *f, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(f->title, sizeof f->title, format, args);
    va_end(args);
}

void finding_explain(struct finding *f, const char *format, ...)
{
    size_t at = strlen(f->explanation);
    if (at > 0 && at + 2 < sizeof f->explanation) {
        f->explanation[at++] = ' ';
        f->explanation[at] = '\0';
    }
    va_list args;
    va_start(args, format);
    vsnprintf(f->explanation + at, sizeof f->explanation - at, format, args);
    va_end(args);
}

void finding_fix(struct finding *f, const char *format, ...)
{
    if (f->fix_count == FINDING_FIXES_MAX)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(f->fix[f->fix_count++], FINDING_FIX, format, args);
    va_end(args);
}

void finding_evidence(struct findings *set, struct finding *f, struct place place, const char *format, ...)
{
    if (set->finished || place.frame == 0 || f->evidence_count == FINDING_EVIDENCE_MAX)
        return;
    struct evidence *e = &f->evidence[f->evidence_count];
    va_list args;
    va_start(args, format);
    vsnprintf(e->what, sizeof e->what, format, args);
    va_end(args);
    for (size_t i = 0; i < f->evidence_count; i++)
        if (f->evidence[i].place.frame == place.frame && f->evidence[i].place.capture == place.capture &&
            strcmp(f->evidence[i].what, e->what) == 0)
            return;
    e->place = place;
    f->evidence_count++;
}

/*
 * Which finding names the cause: the certificate's own fault before the client's refusal of it and other reasons, these
 * before what may only follow from them. Smaller is nearer to the cause.
 */
static int cause_order(enum finding_id id, enum severity severity)
{
    switch (id) {
    case FINDING_CERT_WEAK_KEY:
    case FINDING_CERT_WEAK_SIGNATURE:
        return severity == SEVERITY_CRITICAL ? 0 : 3;
    case FINDING_CERT_DIFFERS_BETWEEN_SERVERS:
    case FINDING_CERT_EXPIRES_SOON:
    case FINDING_CERT_WILDCARD_SUBJECT:
    case FINDING_CERT_CHAIN_ORDER:
        return 3;
    case FINDING_RADIUS_REJECTED:
    case FINDING_EAP_UNFINISHED:
    case FINDING_CERT_UNSEEN:
        return 4;
    case FINDING_RADIUS_BAD_AUTHENTICATOR:
    case FINDING_RADIUS_FRAGMENTS_LOST:
        return 0;
    default:
        return id <= FINDING_CERT_REVOKED ? 0 : 1;
    }
}

static int by_rank(const void *a, const void *b)
{
    const struct finding *x = &(*(struct entry *const *)a)->finding, *y = &(*(struct entry *const *)b)->finding;
    if (x->rank != y->rank)
        return x->rank > y->rank ? -1 : 1;
    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    int subject = strcmp(x->subject, y->subject);
    return subject != 0 ? subject : strcmp(x->title, y->title);
}

/*
 * By severity; what is only a hint after what is shown; what explains many logins before what explains few, in powers
 * of two, so that a cause and its consequence keep their order though one of them was read in a login more.
 */
static int64_t rank_of(const struct finding *x)
{
    uint64_t logins = x->session_total < 1000000000 ? x->session_total : 1000000000;
    int64_t octave = 0;
    for (uint64_t n = logins; n > 0; n /= 2)
        octave++;
    return ((int64_t)(SEVERITY_INFO - x->severity) << 52) + ((int64_t)(x->confidence != CONFIDENCE_HINT) << 50) +
           (octave << 44) + ((int64_t)(8 - cause_order(x->id, x->severity)) << 40) +
           ((int64_t)(CONFIDENCE_HINT - x->confidence) << 36) + (int64_t)logins;
}

void findings_doubt(struct findings *f, enum finding_id id, const char *why)
{
    for (size_t i = 0; i < f->count; i++) {
        struct finding *x = &f->entries[i]->finding;
        if (x->id != id)
            continue;
        x->confidence = x->confidence == CONFIDENCE_CERTAIN ? CONFIDENCE_STRONG : CONFIDENCE_HINT;
        finding_explain(x, "%s", why);
    }
}

void findings_finish(struct findings *f)
{
    struct entry *order[FINDINGS_MAX];
    for (size_t i = 0; i < f->count; i++) {
        struct finding *x = &f->entries[i]->finding;
        x->rank = rank_of(x);
        order[i] = f->entries[i];
    }
    if (f->count > 0)
        qsort(order, f->count, sizeof *order, by_rank);
    f->sorted = calloc(f->count > 0 ? f->count : 1, sizeof *f->sorted);
    for (size_t i = 0; i < f->count; i++) {
        order[i]->index = (uint32_t)i;
        if (f->sorted != NULL)
            f->sorted[i] = order[i]->finding;
    }
    f->finished = true;
}

const struct finding *findings_all(const struct findings *f, size_t *count)
{
    *count = f->sorted != NULL ? f->count : 0;
    return f->sorted;
}
