/* Verdicts on translation, as their tests look at them. */
#ifndef VS_TEST_NAT_BY_HAND_H
#define VS_TEST_NAT_BY_HAND_H

#include <stdio.h>

#include "addresses_by_hand.h"
#include "analyze/nat/nat.h"

/* Of the only server. */
static inline struct nat_verdict only_verdict(struct nat *n)
{
    struct nat_verdict v;
    assert_int_equal(nat_verdicts(n), 1);
    assert_true(nat_verdict_at(n, 0, &v));
    assert_false(nat_verdict_at(n, 1, &v));
    return v;
}

/* That kind, that sure, and what it rests on; an unknown one says what a capture would have to show. */
static inline void expect(const struct nat_verdict *v, enum nat_kind kind, enum confidence sure)
{
    if (v->kind != kind || v->confidence != sure) {
        printf("got %s (%d), %s\n", nat_kind_name(v->kind), (int)v->confidence, v->reason);
        for (size_t i = 0; i < v->evidence_count; i++)
            printf("  %s\n", v->evidence[i].what);
    }
    assert_string_equal(nat_kind_name(v->kind), nat_kind_name(kind));
    assert_int_equal(v->confidence, sure);
    if (kind == NAT_UNKNOWN) {
        assert_non_null(strstr(v->reason, "capture"));
        return;
    }
    assert_true(v->evidence_count > 0 && v->sessions > 0);
    for (size_t i = 0; i < v->evidence_count; i++)
        assert_true(v->evidence[i].place.frame > 0 && v->evidence[i].what[0] != '\0');
}

#endif
