#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "base/prng.h"
#include "engine/packed_changes.h"

static const struct hygiene_change samples[] = {
    {.kind = HYGIENE_SUPPRESS,
     .source = HYGIENE_FROM_IMPORT,
     .class = BOUNCE_NO_USER,
     .time_s = 1800000000,
     .until_s = HYGIENE_CHANGE_FOREVER,
     .key = SPAN_INIT("user@example.com"),
     .tenant = SPAN_INIT("ringel"),
     .stream = SPAN_INIT("bulk"),
     .note = SPAN_INIT("said so")},
    {.kind = HYGIENE_SUPPRESS,
     .source = HYGIENE_FROM_COMPLAINT,
     .class = BOUNCE_COMPLAINT,
     .until_s = 1900000000,
     .key = SPAN_INIT("a@b")},
    {.kind = HYGIENE_WITHDRAW, .source = HYGIENE_FROM_OPERATOR, .key = SPAN_INIT("@example.net")},
    {.kind = HYGIENE_RELEASE, .source = HYGIENE_FROM_OPERATOR, .provider = SPAN_INIT("google.com")},
};

static bool is_same(const struct hygiene_change *a, const struct hygiene_change *b)
{
    return a->kind == b->kind && a->source == b->source && a->class == b->class &&
           a->time_s == b->time_s && a->until_s == b->until_s && span_equal(a->key, b->key) &&
           span_equal(a->tenant, b->tenant) && span_equal(a->stream, b->stream) &&
           span_equal(a->note, b->note) && span_equal(a->provider, b->provider);
}

/* All samples; where each ends. */
static size_t write_image(uint8_t *image, size_t ends[ARRAY_LEN(samples)])
{
    size_t size = 0;

    for (size_t i = 0; i < ARRAY_LEN(samples); i++)
        ends[i] = size += packed_changes_write(&samples[i], image + size);
    return size;
}

static void test_one_behind_the_other(void **state)
{
    uint8_t image[ARRAY_LEN(samples) * PACKED_CHANGES_SIZE_MAX];
    size_t ends[ARRAY_LEN(samples)], size = write_image(image, ends);
    struct hygiene_change change;
    uint64_t offset = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        assert_int_equal(packed_changes_next(span_make(image, size), &offset, &change), 0);
        assert_true(is_same(&change, &samples[i]));
        assert_int_equal(offset, ends[i]);
    }
    assert_int_equal(packed_changes_next(span_make(image, size), &offset, &change), -ENOENT);
    assert_int_equal(offset, size);
}

static void test_the_longest_has_room(void **state)
{
    static uint8_t longest[HYGIENE_CHANGE_KEY_MAX], image[PACKED_CHANGES_SIZE_MAX];
    struct hygiene_change change = samples[0];
    uint64_t offset = 0;

    (void)state;
    memset(longest, 'x', sizeof(longest));
    change.key = change.tenant = change.stream = change.note = change.provider =
        span_make(longest, sizeof(longest));
    assert_int_equal(packed_changes_write(&change, image), PACKED_CHANGES_SIZE_MAX);
    assert_int_equal(packed_changes_next(span_make(image, sizeof(image)), &offset, &change), 0);
    assert_int_equal(change.key.size, HYGIENE_CHANGE_KEY_MAX);
    assert_int_equal(offset, PACKED_CHANGES_SIZE_MAX);
}

/* A file that is cut off is damaged but where a change ends; what stands before the cut is read,
 * and nothing behind it: the copy has just the size. */
static void test_every_cut(void **state)
{
    uint8_t image[ARRAY_LEN(samples) * PACKED_CHANGES_SIZE_MAX];
    size_t ends[ARRAY_LEN(samples)], size = write_image(image, ends);

    (void)state;
    for (size_t cut = 0; cut <= size; cut++) {
        uint8_t *copy = malloc(cut + (cut == 0));
        struct hygiene_change change;
        uint64_t offset = 0, whole = 0;
        int result;

        assert_non_null(copy);
        memcpy(copy, image, cut);
        for (size_t i = 0; i < ARRAY_LEN(samples) && ends[i] <= cut; i++) {
            assert_int_equal(packed_changes_next(span_make(copy, cut), &offset, &change), 0);
            assert_true(is_same(&change, &samples[i]));
            whole = ends[i];
        }
        result = packed_changes_next(span_make(copy, cut), &offset, &change);
        if (result != (cut == whole ? -ENOENT : -EBADMSG) || offset != whole)
            fail_msg("cut at %zu: %d at %llu", cut, result, (unsigned long long)offset);
        free(copy);
    }
}

/* Any bytes: sound changes, then the end or damage, and never beyond. */
static void test_noise(void **state)
{
    struct prng prng;
    size_t read_count = 0, damaged_count = 0;

    (void)state;
    prng_seed(&prng, 7);
    for (uint32_t round = 0; round < 5000; round++) {
        uint8_t image[ARRAY_LEN(samples) * PACKED_CHANGES_SIZE_MAX];
        size_t ends[ARRAY_LEN(samples)], size = write_image(image, ends);
        uint8_t *copy = malloc(size);
        struct hygiene_change change;
        uint64_t offset = 0, before = 0;
        int result;

        assert_non_null(copy);
        memcpy(copy, image, size);
        for (uint64_t n = 1 + prng_below(&prng, 4); n > 0; n--)
            copy[prng_below(&prng, size)] = (uint8_t)prng_next(&prng);
        while ((result = packed_changes_next(span_make(copy, size), &offset, &change)) == 0) {
            assert_true(offset > before && offset <= size);
            assert_true(change.key.data >= copy &&
                        change.key.data + change.key.size <= copy + offset);
            before = offset;
            read_count++;
        }
        assert_true(result == -ENOENT ? offset == size : result == -EBADMSG && offset == before);
        damaged_count += result == -EBADMSG;
        free(copy);
    }
    assert_true(read_count > 5000 && damaged_count > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_behind_the_other),
        cmocka_unit_test(test_the_longest_has_room),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_noise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
