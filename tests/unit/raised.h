/* What rules raised, as their tests look at it. */
#ifndef VS_TEST_RAISED_H
#define VS_TEST_RAISED_H

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "analyze/finding/rules.h"

/* The finding with that id, of FINDING_IDS the first; NULL when it was not raised. The set is finished. */
const struct finding *raised_in(const struct findings *set, enum finding_id id);
size_t number_in(const struct findings *set);
/* Fails with the title of what was raised. */
void none_in(const struct findings *set);

/* Was raised, and is that bad, that sure, with that client error. */
void graded(const struct finding *f, enum severity severity, enum confidence confidence, uint32_t error);
/* This one alone, graded so, with evidence and texts, and something to do unless it is for information. */
const struct finding *only_in(const struct findings *set, enum finding_id id, enum severity severity,
                              enum confidence confidence, uint32_t error);

/* Its texts hold that word. */
bool says(const struct finding *f, const char *word);

#endif
