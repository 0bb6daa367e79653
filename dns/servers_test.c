#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "dns/servers.h"

#define SECOND NS_PER_S
#define MS NS_PER_MS

static struct servers servers;

static void fails(uint32_t server, uint32_t times, uint64_t now_ns)
{
    for (uint32_t i = 0; i < times; i++) {
        servers_waited(&servers, server, SECOND);
        servers_failed(&servers, now_ns, server);
    }
}

static uint32_t placed(uint32_t server, uint32_t questions)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < questions; i++)
        count += servers_pick(&servers) == server;
    return count;
}

static void the_first_until_another_is_faster(void **state)
{
    (void)state;
    servers_init(&servers, 3);
    assert_int_equal(placed(0, 24), 24);
    servers_answered(&servers, 0, 20 * MS);
    assert_int_equal(placed(0, 24), 21); /* the others are to become known */
    servers_answered(&servers, 1, 50 * MS);
    servers_answered(&servers, 2, 5 * MS);
    assert_int_equal(placed(2, 10), 10);
    for (int i = 0; i < 40; i++)
        servers_answered(&servers, 2, 90 * MS);
    assert_int_equal(placed(0, 3), 3);
}

static void all_are_asked_now_and_then(void **state)
{
    uint32_t counts[3] = {0};

    (void)state;
    servers_init(&servers, 3);
    servers_answered(&servers, 0, 5 * MS);
    servers_answered(&servers, 1, MS);
    fails(2, SERVERS_FAILURES_MAX, 0);
    for (uint32_t i = 0; i < 4 * SERVERS_LOOK_AROUND; i++)
        counts[servers_pick(&servers)]++;
    assert_int_equal(counts[0], 2);
    assert_int_equal(counts[1], 4 * SERVERS_LOOK_AROUND - 2);
    assert_int_equal(counts[2], 0); /* sick */
}

static void failures_in_a_row_make_sick(void **state)
{
    (void)state;
    servers_init(&servers, 2);
    servers_answered(&servers, 0, MS);
    fails(0, SERVERS_FAILURES_MAX - 1, SECOND);
    servers_answered(&servers, 0, MS);
    fails(0, SERVERS_FAILURES_MAX - 1, SECOND);
    assert_int_equal(servers.sick, 0);
    fails(0, 1, SECOND);
    assert_int_equal(servers.sick, 1);
    assert_int_equal(placed(1, 200), 200);
    servers_answered(&servers, 0, 0);
    assert_int_equal(servers.sick, 0);
    assert_int_equal(placed(0, 10), 10);
}

static void when_all_are_sick_one_is_asked(void **state)
{
    (void)state;
    servers_init(&servers, 2);
    fails(0, SERVERS_FAILURES_MAX, 0);
    fails(1, SERVERS_FAILURES_MAX, 0);
    assert_true(servers_pick(&servers) < 2);
    assert_int_equal(servers.sick, 3);
}

static void the_only_one_is_never_sick(void **state)
{
    uint32_t server;

    (void)state;
    servers_init(&servers, 1);
    fails(0, 100, 0);
    assert_int_equal(servers.sick, 0);
    assert_int_equal(placed(0, 200), 200);
    assert_false(servers_probe(&servers, 1000 * SECOND, &server));
}

/* After 1, 2, 4 .. seconds, a minute apart at most; an answer ends it. */
static void probes_get_rarer(void **state)
{
    uint64_t now_ns = 100 * SECOND, last_ns = now_ns;
    uint32_t server, count = 0;

    (void)state;
    servers_init(&servers, 4);
    assert_false(servers_probe(&servers, now_ns, &server));
    fails(2, SERVERS_FAILURES_MAX, now_ns);
    for (uint32_t second = 1; second <= 600; second++) {
        now_ns = (100 + second) * SECOND;
        fails(2, 1, now_ns); /* changes nothing any more */
        if (!servers_probe(&servers, now_ns, &server))
            continue;
        assert_int_equal(server, 2);
        assert_false(servers_probe(&servers, now_ns, &server));
        assert_true(now_ns - last_ns <= 60 * SECOND);
        if (count < 6)
            assert_true(now_ns - last_ns == SECOND << count);
        last_ns = now_ns;
        count++;
    }
    assert_in_range(count, 14, 16);
    servers_answered(&servers, 2, MS);
    assert_false(servers_probe(&servers, now_ns + 100 * SECOND, &server));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_until_another_is_faster),
        cmocka_unit_test(all_are_asked_now_and_then),
        cmocka_unit_test(failures_in_a_row_make_sick),
        cmocka_unit_test(when_all_are_sick_one_is_asked),
        cmocka_unit_test(the_only_one_is_never_sick),
        cmocka_unit_test(probes_get_rarer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
