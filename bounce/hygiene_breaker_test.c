#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bounce/hygiene_breaker.h"

static struct arena arena;
static struct hygiene_breaker breaker;

static int begin(void **state)
{
    (void)state;
    if (arena_open(&arena, hygiene_breaker_cost()) != 0)
        return -1;
    hygiene_breaker_init(&breaker, &arena);
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_close(&arena);
    return 0;
}

/* Of `total` ends, `hard` a hundred are hard. Whether it is open in the end. */
static bool feed(struct span provider, uint32_t total, uint32_t hard)
{
    for (uint32_t i = 0; i < total; i++)
        (void)hygiene_breaker_count(&breaker, provider, i % 100 < hard);
    return hygiene_breaker_is_open(&breaker, provider);
}

static void test_a_jump_opens(void **state)
{
    (void)state;
    assert_false(feed(SPAN("calm.example"), 20000, 3));
    assert_false(feed(SPAN("calm.example"), 400, 15)); /* five times as many */
    assert_true(feed(SPAN("calm.example"), 500, 100));
    assert_true(hygiene_breaker_count(&breaker, SPAN("CALM.example"), false)); /* stays open */
    assert_false(hygiene_breaker_is_open(&breaker, SPAN("other.example")));
    hygiene_breaker_close(&breaker, SPAN("calm.example"));
    assert_false(hygiene_breaker_is_open(&breaker, SPAN("calm.example")));
}

static void test_few_bounces_prove_nothing(void **state)
{
    (void)state;
    assert_false(feed(SPAN("small.example"), HYGIENE_BREAKER_HARD_MIN - 1, 100));
    assert_true(hygiene_breaker_count(&breaker, SPAN("small.example"), true));
}

static void test_a_bad_list_as_ever_does_not_open(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 30; i++) { /* grows slowly: it is the list */
        assert_false(feed(SPAN("list.example"), 1000, 1 + i));
    }
}

static void test_names(void **state)
{
    static const struct {
        const char *host;
        const char *want;
    } table[] = {
        {"", ""},
        {"gmail-smtp-in.l.google.com", "google.com"},
        {"google.com.", "google.com"},
        {"localhost", "localhost"},
        {"192.0.2.1", "192.0.2.1"},
        {"[192.0.2.1]", "[192.0.2.1]"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        assert_true(
            span_equal(hygiene_breaker_name(span_cstr(table[i].host)), span_cstr(table[i].want)));
}

static void test_many_providers(void **state)
{
    char name[32];

    (void)state;
    hygiene_breaker_open(&breaker, SPAN("held.example"));
    for (uint32_t i = 0; i < 20000; i++) {
        (void)snprintf(name, sizeof(name), "p%u.example", i);
        assert_false(hygiene_breaker_count(&breaker, span_cstr(name), true));
    }
    assert_true(hygiene_breaker_is_open(&breaker, SPAN("held.example")));
    assert_false(hygiene_breaker_count(&breaker, SPAN(""), true));
    hygiene_breaker_close(&breaker, SPAN(""));
    assert_false(hygiene_breaker_is_open(&breaker, SPAN("held.example")));
}

/* What is written goes on where it was: another bounce or two, and it opens. */
static void test_there_and_back(void **state)
{
    uint8_t bytes[4][HYGIENE_BREAKER_RECORD_MAX];
    size_t sizes[4];
    uint32_t place = 0;

    (void)state;
    for (uint32_t i = 0; i < HYGIENE_BREAKER_HARD_MIN - 1; i++)
        assert_false(hygiene_breaker_count(&breaker, SPAN("p.example"), true));
    hygiene_breaker_open(&breaker, SPAN("o.example"));
    for (uint32_t i = 0; i < 3; i++)
        sizes[i] = hygiene_breaker_write_next(&breaker, &place, false, bytes[i]);
    assert_true(sizes[0] > 0 && sizes[1] > 0 && sizes[2] == 0);
    place = 0;
    assert_int_equal(hygiene_breaker_write_next(&breaker, &place, false, bytes[3]), 0);
    assert_true(hygiene_breaker_write_next(&breaker, &place, true, bytes[3]) == 0);
    place = 0;
    assert_true(hygiene_breaker_write_next(&breaker, &place, true, bytes[3]) > 0);
    hygiene_breaker_reset(&breaker);
    assert_false(hygiene_breaker_is_open(&breaker, SPAN("o.example")));
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(hygiene_breaker_read(&breaker, span_make(bytes[i % 2], sizes[i % 2])), 0);
    assert_true(hygiene_breaker_is_open(&breaker, SPAN("o.example")));
    assert_false(hygiene_breaker_is_open(&breaker, SPAN("p.example")));
    assert_true(hygiene_breaker_count(&breaker, SPAN("p.example"), true));
    for (size_t cut = 0; cut < 26; cut++)
        assert_int_equal(hygiene_breaker_read(&breaker, span_make(bytes[0], cut)), -EBADMSG);
    bytes[0][24] = 2;
    assert_int_equal(hygiene_breaker_read(&breaker, span_make(bytes[0], sizes[0])), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_jump_opens, begin, end),
        cmocka_unit_test_setup_teardown(test_few_bounces_prove_nothing, begin, end),
        cmocka_unit_test_setup_teardown(test_a_bad_list_as_ever_does_not_open, begin, end),
        cmocka_unit_test_setup_teardown(test_names, begin, end),
        cmocka_unit_test_setup_teardown(test_many_providers, begin, end),
        cmocka_unit_test_setup_teardown(test_there_and_back, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
