/* campaign: which states follow which; sums. */
#include "queue/campaign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_states(void **state)
{
    static const char *const allowed[CAMPAIGN_STATE_COUNT] = {
        [CAMPAIGN_LOADING] = "RX", [CAMPAIGN_READY] = "PCD", [CAMPAIGN_PAUSED] = "RCD",
        [CAMPAIGN_CANCELLED] = "", [CAMPAIGN_DONE] = "",     [CAMPAIGN_DISCARDED] = "",
    };
    static const char letters[] = "LRPCDX";

    (void)state;
    for (uint32_t from = 0; from < CAMPAIGN_STATE_COUNT; from++)
        for (uint32_t to = 0; to < CAMPAIGN_STATE_COUNT; to++)
            assert_int_equal(
                campaign_may_become((enum campaign_state)from, (enum campaign_state)to),
                strchr(allowed[from], letters[to]) != NULL);
    assert_string_equal(campaign_state_name(CAMPAIGN_DISCARDED), "discarded");
}

static void test_counts(void **state)
{
    const struct campaign_counts one = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    struct campaign_counts sum = one;

    (void)state;
    campaign_counts_add(&sum, &one);
    assert_int_equal(sum.queued, 2);
    assert_int_equal(sum.deferred, 4);
    assert_int_equal(sum.in_flight, 6);
    assert_int_equal(sum.delivered, 8);
    assert_int_equal(sum.failed, 10);
    assert_int_equal(sum.expired, 12);
    assert_int_equal(sum.suppressed, 14);
    assert_int_equal(sum.cancelled, 16);
    assert_int_equal(sum.damaged, 18);
    assert_int_equal(sum.unsure, 20);
    assert_int_equal(campaign_counts_open(&sum), 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_states),
                                       cmocka_unit_test(test_counts)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
