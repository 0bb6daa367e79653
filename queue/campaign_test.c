#include "queue/campaign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/expect_abort.h"

static void test_may_become(void **state)
{
    /* Rows: from; columns: to; as the diagram in the header has it. */
    static const char *const table[CAMPAIGN_STATE_COUNT] = {
        /* to          LRPCDX */
        [CAMPAIGN_LOADING] = ".r...x", [CAMPAIGN_READY] = "..pcd.",
        [CAMPAIGN_PAUSED] = ".r.cd.",  [CAMPAIGN_CANCELLED] = "......",
        [CAMPAIGN_DONE] = "......",    [CAMPAIGN_DISCARDED] = "......",
    };

    (void)state;
    for (int from = 0; from < CAMPAIGN_STATE_COUNT; from++)
        for (int to = 0; to < CAMPAIGN_STATE_COUNT; to++)
            assert_int_equal(
                campaign_may_become((enum campaign_state)from, (enum campaign_state)to),
                table[from][to] != '.');
}

static void test_names_differ(void **state)
{
    (void)state;
    for (int i = 0; i < CAMPAIGN_STATE_COUNT; i++) {
        assert_true(strlen(campaign_state_name((enum campaign_state)i)) > 0);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(campaign_state_name((enum campaign_state)i),
                                    campaign_state_name((enum campaign_state)k));
    }
    assert_string_equal(campaign_state_name(CAMPAIGN_READY), "ready");
}

static void test_counts(void **state)
{
    struct campaign_counts sum = {0};
    const struct campaign_counts base = {.queued = 10, .deferred = 2, .unsure = 1};
    /* What shards report are changes: negative ones too. */
    const struct campaign_counts change = {.queued = -3,
                                           .deferred = -1,
                                           .in_flight = 1,
                                           .delivered = 2,
                                           .failed = 1,
                                           .expired = 5,
                                           .suppressed = 6,
                                           .cancelled = 7,
                                           .damaged = 8,
                                           .unsure = 9};

    (void)state;
    campaign_counts_add(&sum, &base);
    campaign_counts_add(&sum, &change);
    assert_int_equal(sum.queued, 7);
    assert_int_equal(sum.deferred, 1);
    assert_int_equal(sum.in_flight, 1);
    assert_int_equal(sum.delivered, 2);
    assert_int_equal(sum.failed, 1);
    assert_int_equal(sum.expired, 5);
    assert_int_equal(sum.suppressed, 6);
    assert_int_equal(sum.cancelled, 7);
    assert_int_equal(sum.damaged, 8);
    assert_int_equal(sum.unsure, 10);
    assert_int_equal(campaign_counts_open(&sum), 9); /* damaged ones cannot end */
}

static void name_of_nothing(void *context)
{
    (void)context;
    (void)campaign_state_name(CAMPAIGN_STATE_COUNT);
}

static void become_from_nothing(void *context)
{
    (void)context;
    (void)!campaign_may_become(CAMPAIGN_STATE_COUNT, CAMPAIGN_READY);
}

static void test_misuse_is_caught(void **state)
{
    (void)state;
    assert_true(expect_abort(name_of_nothing, NULL));
    assert_true(expect_abort(become_from_nothing, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_may_become),
        cmocka_unit_test(test_names_differ),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_misuse_is_caught),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
