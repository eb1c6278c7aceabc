/* sort_by_key says what qsort says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capture/wire/hash.h"
#include "capture/wire/sort.h"

enum { MOST = 3000 };

struct item {
    int64_t time;
    uint32_t second;
    uint8_t rest[3];
};

static uint64_t key_of(const void *item)
{
    return (uint64_t)((const struct item *)item)->time ^ UINT64_C(1) << 63;
}

static int compare(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    return (x->second > y->second) - (x->second < y->second);
}

/* Times of so many values, from `least` on in steps. */
static void check(size_t count, uint64_t values, int64_t least, int64_t step)
{
    static struct item ours[MOST], theirs[MOST];
    memset(ours, 0, sizeof ours);
    for (size_t i = 0; i < count; i++) {
        uint64_t random = hash_mix(i, values);
        ours[i].time = (int64_t)((uint64_t)least + random % values * (uint64_t)step);
        ours[i].second = (uint32_t)(hash_mix(random, 1) % 1000000);
        ours[i].rest[2] = (uint8_t)i;
    }
    memcpy(theirs, ours, sizeof ours);
    sort_by_key(ours, count, sizeof *ours, key_of, compare);
    qsort(theirs, count, sizeof *theirs, compare);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(ours[i].time, theirs[i].time);
        assert_int_equal(ours[i].second, theirs[i].second);
    }
    sort_by_key(ours, count, sizeof *ours, key_of, compare); /* what is sorted stays */
    for (size_t i = 0; i < count; i++)
        assert_int_equal(ours[i].second, theirs[i].second);
}

static void sorts_as_qsort_does(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 2, 63, 64, 65, 1000, MOST};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        check(counts[i], 1, 0, 1);
        check(counts[i], 7, -3, 1);
        check(counts[i], UINT64_C(1) << 40, -(INT64_C(1) << 39), 1);
        check(counts[i], UINT64_C(1) << 20, INT64_MIN, INT64_C(1) << 44);
        check(counts[i], 3, INT64_MIN, INT64_MAX); /* the widest there are */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sorts_as_qsort_does)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
