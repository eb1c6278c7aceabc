/* The set of findings while it grows: one entry per cause (id, subject, variant), with counts and the first examples. */
#ifndef VS_ANALYZE_FINDINGS_H
#define VS_ANALYZE_FINDINGS_H

#include "analyze/finding/finding.h"
#include "capture/wire/like_printf.h"

struct findings;

struct findings *findings_new(void);
void findings_free(struct findings *f);

/*
 * The entry of this cause. The first time *fresh is true and the caller writes its texts; later he only adds sessions and
 * evidence. Once findings_finish was called nothing is changed any more: the entry is looked up, *fresh is false, and the
 * session collects its index. NULL when the room is full: for FINDINGS_MAX causes, of which each id has FINDINGS_OF_EACH
 * to itself, so that a flood of one kind does not hide another.
 */
struct finding *findings_raise(struct findings *f, enum finding_id id, const char *subject, uint64_t variant, bool *fresh);

/* The session that the rules are looking at now: raised findings are noted for it. 0: none (rules about the capture). */
void findings_session(struct findings *f, uint32_t number);
/* Indexes noted for that session since, ascending; valid after findings_finish. */
const uint32_t *findings_noted(struct findings *f, size_t *count);

/* printf-like; they do nothing on an entry that is complete (not fresh), except evidence, of which the first few are kept. */
void finding_title(struct finding *f, const char *format, ...) LIKE_PRINTF(2, 3);
void finding_explain(struct finding *f, const char *format, ...) LIKE_PRINTF(2, 3); /* appends a sentence */
void finding_fix(struct finding *f, const char *format, ...) LIKE_PRINTF(2, 3);     /* appends a step */
void finding_evidence(struct findings *set, struct finding *f, struct place place, const char *format, ...) LIKE_PRINTF(4, 5);

/* Makes the entries of this id one step less sure, and says why in a sentence; before findings_finish. */
void findings_doubt(struct findings *f, enum finding_id id, const char *why);

/* No more raising: sorts worst first (severity, then what explains most logins best), gives every entry its index. */
void findings_finish(struct findings *f);
const struct finding *findings_all(const struct findings *f, size_t *count);

#endif
