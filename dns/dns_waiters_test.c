#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "base/prng.h"
#include "dns/dns_waiters.h"

#define WAITERS_MAX 8

static struct arena arena;
static struct dns_waiters waiters;
static struct list questions[4];

static int setup(void **state)
{
    (void)state;
    assert_int_equal(arena_open(&arena, dns_waiters_cost(WAITERS_MAX)), 0);
    waiters = (struct dns_waiters){0};
    dns_waiters_init(&waiters, &arena, WAITERS_MAX);
    for (size_t i = 0; i < ARRAY_LEN(questions); i++)
        list_init(&questions[i]);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_close(&arena);
    return 0;
}

static struct dns_waiter *enter(uint64_t number)
{
    struct dns_waiter *waiter = dns_waiters_enter(&waiters, number);

    assert_non_null(waiter);
    assert_ptr_equal(dns_waiters_find(&waiters, number), waiter);
    return waiter;
}

static void is_ready_when_all_have_come(void **state)
{
    struct dns_waiter *one = enter(1), *two = enter(2);

    (void)state;
    dns_waiters_wait(one, &questions[0]);
    dns_waiters_wait(one, &questions[1]);
    dns_waiters_wait(two, &questions[1]);
    assert_null(dns_waiters_next(&waiters, true));
    dns_waiters_wake(&waiters, &questions[1]);
    assert_true(list_empty(&questions[1]));
    assert_ptr_equal(dns_waiters_next(&waiters, true), two);
    assert_null(dns_waiters_next(&waiters, true));
    dns_waiters_wake(&waiters, &questions[0]);
    assert_ptr_equal(dns_waiters_next(&waiters, false), one);
    assert_int_equal(one->rounds, 1);
    assert_int_equal(one->state, DNS_WAITER_ASKING);
    dns_waiters_leave(&waiters, one);
    dns_waiters_leave(&waiters, two);
    assert_int_equal(waiters.slab.claimed_count, 0);
}

static void the_starving_come_in_order_when_a_question_is_free(void **state)
{
    struct dns_waiter *one = enter(1), *two = enter(2);

    (void)state;
    dns_waiters_starve(&waiters, one);
    dns_waiters_starve(&waiters, two);
    dns_waiters_ask(one); /* asking again keeps the place */
    dns_waiters_starve(&waiters, one);
    assert_null(dns_waiters_next(&waiters, false));
    assert_ptr_equal(dns_waiters_next(&waiters, true), one);
    assert_int_equal(one->rounds, 0);
    dns_waiters_starve(&waiters, one);
    assert_ptr_equal(dns_waiters_next(&waiters, true), two);
    assert_ptr_equal(dns_waiters_next(&waiters, true), one);
    dns_waiters_starve(&waiters, two);
    dns_waiters_wait(two, &questions[0]); /* it has found a question to join */
    assert_null(dns_waiters_next(&waiters, true));
}

static void leaving_takes_it_out_of_every_list(void **state)
{
    struct dns_waiter *waiter = enter(1);

    (void)state;
    dns_waiters_wait(waiter, &questions[0]);
    dns_waiters_wait(waiter, &questions[1]);
    dns_waiters_leave(&waiters, waiter);
    assert_true(list_empty(&questions[0]));
    assert_true(list_empty(&questions[1]));
    assert_null(dns_waiters_find(&waiters, 1));

    waiter = enter(1);
    dns_waiters_wait(waiter, &questions[0]);
    dns_waiters_wake(&waiters, &questions[0]);
    dns_waiters_leave(&waiters, waiter); /* ready, and gone */
    assert_null(dns_waiters_next(&waiters, true));

    waiter = enter(1);
    dns_waiters_starve(&waiters, waiter);
    dns_waiters_leave(&waiters, waiter);
    assert_null(dns_waiters_next(&waiters, true));
}

static void asking_early_is_being_ready_no_more(void **state)
{
    struct dns_waiter *waiter = enter(1);

    (void)state;
    dns_waiters_wait(waiter, &questions[0]);
    dns_waiters_wake(&waiters, &questions[0]);
    assert_int_equal(waiter->state, DNS_WAITER_READY);
    dns_waiters_ask(waiter);
    assert_int_equal(waiter->state, DNS_WAITER_ASKING);
    assert_null(dns_waiters_next(&waiters, true));
}

static void no_more_than_there_is_room_for(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < WAITERS_MAX; i++)
        (void)enter(i);
    assert_null(dns_waiters_enter(&waiters, 100));
    dns_waiters_leave(&waiters, dns_waiters_find(&waiters, 3));
    assert_non_null(dns_waiters_enter(&waiters, 100));
}

/* Any order of calls: the counts agree, and nobody is in two lists. */
static void any_order_of_calls(void **state)
{
    struct prng prng;

    (void)state;
    prng_seed(&prng, 9);
    for (int i = 0; i < 50000; i++) {
        uint64_t number = prng_below(&prng, 12);
        struct list *question = &questions[prng_below(&prng, ARRAY_LEN(questions))];
        struct dns_waiter *waiter = dns_waiters_find(&waiters, number);
        uint64_t what = prng_below(&prng, 6);

        if (waiter == NULL)
            waiter = dns_waiters_enter(&waiters, number);
        if (waiter == NULL)
            continue;
        if (what == 0) {
            dns_waiters_leave(&waiters, waiter);
        } else if (what == 1) {
            dns_waiters_wake(&waiters, question);
        } else if (what == 2) {
            waiter = dns_waiters_next(&waiters, prng_percent(&prng, 50));
            assert_true(waiter == NULL || waiter->state == DNS_WAITER_ASKING);
        } else if (what == 3) {
            dns_waiters_ask(waiter);
            dns_waiters_starve(&waiters, waiter);
        } else {
            dns_waiters_ask(waiter);
            for (uint64_t k = prng_below(&prng, 4); k > 0; k--)
                dns_waiters_wait(waiter, question);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(questions); i++)
        dns_waiters_wake(&waiters, &questions[i]);
    while (dns_waiters_next(&waiters, true) != NULL)
        ;
    for (uint64_t i = 0; i < 12; i++) {
        struct dns_waiter *waiter = dns_waiters_find(&waiters, i);

        if (waiter == NULL)
            continue;
        assert_int_equal(waiter->state, DNS_WAITER_ASKING);
        assert_int_equal(waiter->waits_count, 0);
        dns_waiters_leave(&waiters, waiter);
    }
    assert_int_equal(waiters.slab.claimed_count, 0);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(is_ready_when_all_have_come),
        CASE(the_starving_come_in_order_when_a_question_is_free),
        CASE(leaving_takes_it_out_of_every_list),
        CASE(asking_early_is_being_ready_no_more),
        CASE(no_more_than_there_is_room_for),
        CASE(any_order_of_calls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
