#include "queue/dictionary.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define DOMAINS_MAX 64

static struct arena arena;
static struct dictionary dictionary;

static void open_dictionary(uint32_t shards_count, uint64_t key)
{
    assert_int_equal(arena_open(&arena, dictionary_cost(DOMAINS_MAX)), 0);
    dictionary_init(&dictionary, &arena, DOMAINS_MAX, shards_count,
                    (struct table_key){{key, ~key}});
    arena_seal(&arena);
}

static void test_numbers_are_dense(void **state)
{
    char name[32];
    uint32_t domain;

    (void)state;
    open_dictionary(4, 1);
    for (int round = 0; round < 2; round++) /* repeated: the same numbers */
        for (uint32_t i = 0; i < DOMAINS_MAX; i++) {
            int size = snprintf(name, sizeof(name), "d%u.example", i);

            assert_int_equal(dictionary_add(&dictionary, span_make(name, (size_t)size), &domain),
                             0);
            assert_int_equal(domain, i);
            assert_true(span_equal(dictionary_name(&dictionary, i), span_cstr(name)));
            assert_int_equal(dictionary_find(&dictionary, span_cstr(name)), i);
            assert_true(dictionary.shards[i] < 4);
        }
    assert_int_equal(dictionary.count, DOMAINS_MAX);
    assert_int_equal(dictionary_add(&dictionary, SPAN("one.more"), &domain), -ENOSPC);
    assert_int_equal(dictionary_find(&dictionary, SPAN("one.more")), TABLE_NONE);
    assert_int_equal(dictionary_add(&dictionary, SPAN("d7.example"), &domain), 0);
    dictionary_clear(&dictionary);
    assert_int_equal(dictionary_find(&dictionary, SPAN("d7.example")), TABLE_NONE);
    assert_int_equal(dictionary_add(&dictionary, SPAN("one.more"), &domain), 0);
    assert_int_equal(domain, 0);
    assert_int_equal(dictionary.names_size, 8);
    arena_close(&arena);
}

static void test_letter_case(void **state)
{
    uint32_t first, second;

    (void)state;
    open_dictionary(1, 1);
    assert_int_equal(dictionary_add(&dictionary, SPAN("Example.ORG"), &first), 0);
    assert_int_equal(dictionary_add(&dictionary, SPAN("eXAMPLE.org"), &second), 0);
    assert_int_equal(first, second);
    assert_int_equal(dictionary_find(&dictionary, SPAN("EXAMPLE.ORG")), first);
    assert_true(span_equal(dictionary_name(&dictionary, first), SPAN("example.org")));
    /* Beyond ASCII and NUL: bytes are bytes. */
    assert_int_equal(dictionary_add(&dictionary, SPAN("\xc3\x84.org"), &first), 0);
    assert_int_equal(dictionary_add(&dictionary, SPAN("\xc3\xa4.org"), &second), 0);
    assert_int_not_equal(first, second);
    assert_int_equal(dictionary_add(&dictionary, SPAN("a\0b"), &first), 0);
    assert_int_equal(dictionary_add(&dictionary, SPAN("a"), &second), 0);
    assert_int_not_equal(first, second);
    arena_close(&arena);
}

static void test_sizes(void **state)
{
    uint8_t name[DICTIONARY_NAME_MAX + 1];
    uint32_t domain;

    (void)state;
    open_dictionary(1, 1);
    memset(name, 'n', sizeof(name));
    assert_int_equal(dictionary_add(&dictionary, (struct span){0}, &domain), -EINVAL);
    assert_int_equal(dictionary_add(&dictionary, span_make(name, sizeof(name)), &domain), -EINVAL);
    assert_int_equal(dictionary_find(&dictionary, (struct span){0}), TABLE_NONE);
    assert_int_equal(dictionary_find(&dictionary, span_make(name, sizeof(name))), TABLE_NONE);
    /* Names longer than average use up the bytes before the numbers. */
    for (uint32_t i = 0; i < DOMAINS_MAX; i++) {
        int r;

        name[0] = (uint8_t)('0' + i);
        r = dictionary_add(&dictionary, span_make(name, DICTIONARY_NAME_MAX), &domain);
        assert_int_equal(r, (i + 1) * DICTIONARY_NAME_MAX <=
                                    DOMAINS_MAX * DICTIONARY_NAME_AVERAGE + 255
                                ? 0
                                : -ENOSPC);
        assert_true(dictionary.names_size <= dictionary.names_max);
    }
    assert_int_equal(dictionary_add(&dictionary, SPAN("short"), &domain), 0); /* still fits */
    arena_close(&arena);
}

/* The key of the table is random; the shard must not be. */
static void test_shards_are_the_same_in_every_process(void **state)
{
    static const struct {
        const char *name;
        uint8_t of_7; /* worked out with another SipHash-2-4; a change would move domains */
    } cases[] = {{"example.org", 0}, {"gmail.com", 0}, {"web.de", 1}, {"yahoo.co.jp", 5}};
    uint8_t shards[ARRAY_LEN(cases)];
    bool spread = false;
    uint32_t domain;

    (void)state;
    for (uint64_t key = 1; key < 5; key++) {
        open_dictionary(7, key);
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
            assert_int_equal(dictionary_add(&dictionary, span_cstr(cases[i].name), &domain), 0);
            if (key == 1)
                shards[i] = dictionary.shards[domain];
            assert_int_equal(dictionary.shards[domain], shards[i]);
            assert_int_equal(dictionary.shards[domain], cases[i].of_7);
            spread |= shards[i] != shards[0];
        }
        arena_close(&arena);
    }
    assert_true(spread);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_are_dense),
        cmocka_unit_test(test_letter_case),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_shards_are_the_same_in_every_process),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
