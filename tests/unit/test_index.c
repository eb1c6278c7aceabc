/* The index of hashes, beside a plain list of what was put in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "capture/wire/hash.h"
#include "capture/wire/index.h"

enum { ITEMS = 5000 };

static uint64_t hashes[ITEMS + 1]; /* of each item */
static bool present[ITEMS + 1];

static uint64_t hash_of_item(const void *owner, uint32_t item)
{
    (void)owner;
    return hashes[item];
}

static bool is_found(const struct index *x, uint32_t item)
{
    unsigned probe = 0;
    for (uint32_t found; (found = index_next(x, hashes[item], &probe)) != 0;)
        if (found == item)
            return true;
    return false;
}

/* Whatever has the same tag and bucket is found once, and nothing that is not there. */
static void check_all(const struct index *x)
{
    static unsigned seen[ITEMS + 1];
    uint32_t count = 0;
    for (uint32_t item = 1; item <= ITEMS; item++) {
        unsigned probe = 0;
        assert_int_equal(is_found(x, item), present[item]);
        memset(seen, 0, sizeof seen);
        bool any = false;
        for (uint32_t found; (found = index_next(x, hashes[item], &probe)) != 0; any = true) {
            assert_true(present[found]);
            assert_int_equal(++seen[found], 1);
        }
        assert_int_equal(index_may_have(x, hashes[item]), any);
        count += present[item];
    }
    assert_int_equal(x->used, count);
}

static void put(struct index *x, uint32_t item)
{
    index_make_room(x, hash_of_item, NULL);
    for (uint32_t victim; (victim = index_put(x, hashes[item], item)) != 0;) {
        assert_true(present[victim]);
        index_remove(x, hashes[victim], victim);
        present[victim] = false;
    }
    present[item] = true;
}

static void grows_and_shrinks_with_its_items(void **state)
{
    (void)state;
    struct index x;
    uint64_t random = 1;
    memset(present, 0, sizeof present);
    assert_true(index_init(&x, ITEMS));
    for (uint32_t item = 1; item <= ITEMS; item++)
        hashes[item] = hash_mix(item, 7);
    for (uint32_t item = 1; item <= ITEMS; item++)
        put(&x, item);
    uint32_t lost = ITEMS - x.used;
    assert_true(lost <= 2); /* chance, once in millions */
    check_all(&x);
    for (unsigned step = 0; step < 20000; step++) {
        random = hash_mix(random, step);
        uint32_t item = 1 + (uint32_t)(random % ITEMS);
        if (present[item]) {
            index_remove(&x, hashes[item], item);
            present[item] = false;
        } else {
            put(&x, item);
        }
    }
    check_all(&x);
    index_free(&x);
}

/* A stranger who always uses the same key fills two buckets, and every look-up still ends. */
static void one_key_again_and_again(void **state)
{
    (void)state;
    struct index x;
    memset(present, 0, sizeof present);
    assert_true(index_init(&x, ITEMS));
    for (uint32_t item = 1; item <= ITEMS; item++)
        hashes[item] = UINT64_C(0x0012345600abcdef);
    for (uint32_t item = 1; item <= 200; item++)
        put(&x, item);
    assert_int_equal(x.used, 2 * INDEX_WAYS);
    assert_true(is_found(&x, 200));
    unsigned probe = 0, found = 0;
    while (index_next(&x, hashes[1], &probe) != 0)
        found++;
    assert_int_equal(found, 2 * INDEX_WAYS);
    probe = 0;
    assert_int_equal(index_next(&x, hashes[1] ^ UINT64_C(1) << 60, &probe), 0); /* another tag in the same bucket */
    index_free(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_shrinks_with_its_items),
        cmocka_unit_test(one_key_again_and_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
