#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/prng.h"
#include "bounce/seen_tags.h"

static const struct table_key seed = {{7, 9}};

static struct seen_tag numbered(uint32_t number)
{
    return (struct seen_tag){.identity = {UINT64_C(1) << 40 | number / 5, number / 3},
                             .day = (uint16_t)(number % 3),
                             .about = (enum seen_tags_about)(number % SEEN_TAGS_ABOUT_COUNT)};
}

static void test_once_each(void **state)
{
    struct arena arena;
    struct seen_tags *seen;
    struct seen_tag tag = {.identity = {5, 6}, .day = 7, .about = SEEN_TAGS_BOUNCE}, other;

    (void)state;
    assert_int_equal(arena_open(&arena, seen_tags_cost(16)), 0);
    seen = seen_tags_open(&arena, 16, &seed);
    assert_false(seen_tags_has(seen, &tag));
    seen_tags_add(seen, &tag);
    seen_tags_add(seen, &tag);
    assert_true(seen_tags_has(seen, &tag));
    assert_int_equal(seen_tags_count(seen), 1);
    other = tag;
    other.about = SEEN_TAGS_COMPLAINT;
    assert_false(seen_tags_has(seen, &other));
    other = tag;
    other.day++;
    assert_false(seen_tags_has(seen, &other));
    other = tag;
    other.identity.ordinal++;
    assert_false(seen_tags_has(seen, &other));
    other = tag;
    other.identity.campaign++;
    assert_false(seen_tags_has(seen, &other));
    arena_close(&arena);
}

/* Against a naive list: the last `max` different ones are known, nothing else. */
static void test_forgets_the_oldest(void **state)
{
    enum { MAX = 50, STEPS = 5000, NUMBERS = 200 };
    uint32_t model[STEPS], model_count = 0;
    struct arena arena;
    struct seen_tags *seen;
    struct prng prng;

    (void)state;
    prng_seed(&prng, 11);
    assert_int_equal(arena_open(&arena, seen_tags_cost(MAX)), 0);
    seen = seen_tags_open(&arena, MAX, &seed);
    for (uint32_t i = 0; i < STEPS; i++) {
        uint32_t number = (uint32_t)(prng_next(&prng) % NUMBERS);
        uint32_t from = model_count > MAX ? model_count - MAX : 0;
        struct seen_tag tag = numbered(number * 15);
        bool known = false;

        for (uint32_t k = from; k < model_count; k++)
            known = known || model[k] == number;
        assert_int_equal(seen_tags_has(seen, &tag), known);
        seen_tags_add(seen, &tag);
        if (!known)
            model[model_count++] = number;
        assert_true(seen_tags_has(seen, &tag));
        assert_int_equal(seen_tags_count(seen), model_count < MAX ? model_count : MAX);
    }
    assert_int_equal(seen_tags_forgotten(seen), model_count - MAX);
    arena_close(&arena);
}

static void test_in_order(void **state)
{
    struct seen_tags *seen;
    struct seen_tag tag = {.day = 5}, got;
    struct arena arena;

    (void)state;
    assert_int_equal(arena_open(&arena, seen_tags_cost(4)), 0);
    seen = seen_tags_open(&arena, 4, &seed);
    assert_false(seen_tags_at(seen, 0, &got));
    for (uint32_t i = 0; i < 6; i++) {
        tag.identity.ordinal = i;
        seen_tags_add(seen, &tag);
    }
    for (uint32_t i = 0; i < 4; i++) {
        assert_true(seen_tags_at(seen, i, &got));
        assert_int_equal(got.identity.ordinal, 2 + i);
    }
    assert_false(seen_tags_at(seen, 4, &got));
    arena_close(&arena);
}

static void test_bytes(void **state)
{
    uint8_t record[SEEN_TAGS_RECORD_SIZE + 1] = {0};
    struct seen_tag tag = {.identity = {UINT64_C(0x1122334455667788), 0x99aabbcc},
                           .day = 0xddee,
                           .about = SEEN_TAGS_UNSUBSCRIBE};
    struct seen_tag back;

    (void)state;
    seen_tags_write(&tag, record);
    assert_int_equal(seen_tags_read(span_make(record, SEEN_TAGS_RECORD_SIZE), &back), 0);
    assert_int_equal(back.identity.campaign, tag.identity.campaign);
    assert_int_equal(back.identity.ordinal, tag.identity.ordinal);
    assert_int_equal(back.day, tag.day);
    assert_int_equal(back.about, tag.about);
    for (size_t size = 0; size <= sizeof(record); size++)
        if (size != SEEN_TAGS_RECORD_SIZE)
            assert_int_equal(seen_tags_read(span_make(record, size), &back), -EBADMSG);
    record[14] = SEEN_TAGS_ABOUT_COUNT;
    assert_int_equal(seen_tags_read(span_make(record, SEEN_TAGS_RECORD_SIZE), &back), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_once_each),
        cmocka_unit_test(test_forgets_the_oldest),
        cmocka_unit_test(test_in_order),
        cmocka_unit_test(test_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
