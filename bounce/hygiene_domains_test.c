#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bounce/hygiene_domains.h"

static struct arena arena;
static struct hygiene_domains domains;

static int begin(void **state)
{
    (void)state;
    if (arena_open(&arena, hygiene_domains_cost()) != 0)
        return -1;
    hygiene_domains_init(&domains, &arena);
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_close(&arena);
    return 0;
}

static double count_of(const char *name, enum bounce_class class, uint16_t day)
{
    const struct hygiene_domain *domain = hygiene_domains_find(&domains, span_cstr(name));

    return domain == NULL ? -1 : hygiene_domain_count_on(domain, class, day);
}

static void count(const char *name, enum bounce_class class, uint16_t day, uint32_t times)
{
    for (uint32_t i = 0; i < times; i++)
        hygiene_domains_count(&domains, span_cstr(name), class, day);
}

static void test_remembered_from_the_first_failure(void **state)
{
    (void)state;
    count("x.example", BOUNCE_SUCCESS, 20000, 5);
    assert_true(count_of("x.example", BOUNCE_SUCCESS, 20000) < 0);
    count("x.example", BOUNCE_NO_USER, 20000, 1);
    count("x.example", BOUNCE_SUCCESS, 20001, 3);
    assert_true(count_of("x.example", BOUNCE_SUCCESS, 20001) == 3);
    assert_true(count_of("x.example", BOUNCE_NO_USER, 20001) == 1);
    assert_true(count_of("y.example", BOUNCE_NO_USER, 20001) < 0);
}

static void test_halves_fade(void **state)
{
    (void)state;
    count("x.example", BOUNCE_BLOCKED, 20000, 8);
    assert_true(count_of("x.example", BOUNCE_BLOCKED, 20029) == 8);
    assert_true(count_of("x.example", BOUNCE_BLOCKED, 20030) == 4);
    assert_true(count_of("x.example", BOUNCE_BLOCKED, 20060) == 2);
    count("x.example", BOUNCE_BLOCKED, 20045, 1); /* 4 and 1 */
    assert_true(count_of("x.example", BOUNCE_BLOCKED, 20045) == 5);
    assert_true(count_of("x.example", BOUNCE_BLOCKED, 20060) == 2.5); /* since 20030 */
    assert_true(count_of("x.example", BOUNCE_BLOCKED, 65000) == 0);
    count("x.example", BOUNCE_BLOCKED, 19000, 1); /* a clock that went back */
    assert_true(count_of("x.example", BOUNCE_BLOCKED, 20045) == 6);
}

static void test_history_is_bounded(void **state)
{
    const struct hygiene_domain *domain;

    (void)state;
    for (uint16_t day = 0; day < 40; day++)
        count("x.example", day % 2 == 0 ? BOUNCE_NO_USER : BOUNCE_SPAM, (uint16_t)(20000 + day), 3);
    domain = hygiene_domains_find(&domains, SPAN("x.example"));
    assert_int_equal(domain->history_count, HYGIENE_DOMAINS_HISTORY);
    assert_int_equal(domain->history[0].day, 20024);
    assert_int_equal(domain->history[15].day, 20039);
    assert_int_equal(domain->history[15].class, BOUNCE_SPAM);
    assert_int_equal(domain->history[15].count, 3);
}

static void test_crowds_leave_the_busy_ones(void **state)
{
    uint8_t bytes[HYGIENE_DOMAINS_RECORD_MAX];
    uint32_t written = 0;
    size_t size;
    char name[32];

    (void)state;
    count("busy.example", BOUNCE_NO_USER, 20000, 100);
    for (uint32_t i = 0; i < 200000; i++) {
        (void)snprintf(name, sizeof(name), "d%u.example", i);
        count(name, BOUNCE_NO_USER, 20000, 1);
    }
    assert_true(count_of("busy.example", BOUNCE_NO_USER, 20000) == 100);
    assert_true(count_of("d199999.example", BOUNCE_NO_USER, 20000) == 1);
    for (size = 1; size > 0; written += size > 0) {
        size = hygiene_domains_write_dirty(&domains, bytes);
        assert_true(size <= sizeof(bytes));
    }
    assert_true(written > 20000 && written <= 32768); /* a place once */
}

static void test_there_and_back(void **state)
{
    uint8_t bytes[HYGIENE_DOMAINS_RECORD_MAX + 1];
    uint32_t place = 0, refused;
    size_t size;

    (void)state;
    for (uint32_t i = 0; i < BOUNCE_CLASS_COUNT; i++)
        count("x.example", (enum bounce_class)((i + BOUNCE_SUCCESS + 1) % BOUNCE_CLASS_COUNT),
              (uint16_t)(20000 + i / 8), i + 1);
    size = hygiene_domains_write_dirty(&domains, bytes);
    assert_true(size > 0 && size <= HYGIENE_DOMAINS_RECORD_MAX);
    assert_int_equal(hygiene_domains_write_dirty(&domains, bytes), 0);
    assert_int_equal(hygiene_domains_write_next(&domains, &place, bytes), size);
    assert_int_equal(hygiene_domains_write_next(&domains, &place, bytes), 0);
    for (int round = 0; round < 2; round++) {
        struct hygiene_domain before = *hygiene_domains_find(&domains, SPAN("x.example"));

        hygiene_domains_reset(&domains);
        assert_int_equal(hygiene_domains_read(&domains, span_make(bytes, size)), 0);
        assert_int_equal(hygiene_domains_read(&domains, span_make(bytes, size)), 0);
        assert_memory_equal(&before, hygiene_domains_find(&domains, SPAN("x.example")),
                            sizeof(before));
    }
    for (size_t cut = 0; cut < size; cut++)
        assert_int_equal(hygiene_domains_read(&domains, span_make(bytes, cut)), -EBADMSG);
    bytes[size] = 0;
    assert_int_equal(hygiene_domains_read(&domains, span_make(bytes, size + 1)), -EBADMSG);
    refused = 0;
    for (size_t bit = 0; bit < size * 8; bit++) { /* refused, or within bounds */
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (hygiene_domains_read(&domains, span_make(bytes, size)) < 0)
            refused++;
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_true(refused > 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_remembered_from_the_first_failure, begin, end),
        cmocka_unit_test_setup_teardown(test_halves_fade, begin, end),
        cmocka_unit_test_setup_teardown(test_history_is_bounded, begin, end),
        cmocka_unit_test_setup_teardown(test_crowds_leave_the_busy_ones, begin, end),
        cmocka_unit_test_setup_teardown(test_there_and_back, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
