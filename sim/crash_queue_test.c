/* The queue on a disk that fails and loses power: nothing that was accepted is lost, no verdict
 * that was reported durable is forgotten, and every start succeeds. A failing case prints its seed.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/queue_driver.h"
#include "sim/sim_world.h"

static struct queue_driver driver;
static struct queue_driver_ledger ledger;
static char message[1024];

static void open_driver(const struct store_options *options, uint64_t seed)
{
    struct text error;
    int r;

    text_init(&error, message, sizeof(message) - 1);
    r = queue_driver_open(&driver, &ledger, options, seed, &error);
    if (r < 0)
        fail_msg("seed %lu: start failed with %d: %s", (unsigned long)seed, r,
                 text_cstr_end(&error));
}

static bool sleeping(void)
{
    for (uint32_t i = 0; i < driver.shards_count; i++)
        if (queue_next_due_s(store_shard_queue(driver.shards[i])) != UINT64_MAX)
            return true;
    return false;
}

static void run_to_the_end(void)
{
    for (uint32_t i = 0; i < 200000; i++) {
        queue_driver_run(&driver, 1);
        if (queue_driver_idle(&driver) && !sleeping()) {
            queue_driver_run(&driver, 50); /* until the shards' last reports have come */
            return;
        }
    }
    fail_msg("the queue does not drain");
}

static void test_load_settle_reopen(void **state)
{
    const struct store_options options = queue_driver_options(2);
    struct campaign_counts counts;
    uint32_t events;

    (void)state;
    memset(&ledger, 0, sizeof(ledger));
    sim_world_open(1, NULL);
    open_driver(&options, 1);
    assert_int_equal(queue_driver_load(&driver, queue_driver_campaign(&ledger, 300, LANE_BULK)), 0);
    assert_int_equal(
        queue_driver_load(&driver, queue_driver_campaign(&ledger, 5, LANE_TRANSACTIONAL)), 0);
    run_to_the_end();
    events = queue_driver_events(&driver);
    assert_true(events >= 305);
    assert_int_equal(queue_campaign(store_queue(driver.store), 0)->state, CAMPAIGN_DONE);
    assert_int_equal(queue_driver_close(&driver), 0);

    open_driver(&options, 2);
    assert_true(store_recovery(driver.store)->from_checkpoint);
    assert_true(store_recovery(driver.store)->clean);
    assert_int_equal(store_recovery(driver.store)->recipients_count, 305);
    queue_driver_check(&driver);
    assert_int_equal(queue_driver_events(&driver), events);
    store_counts(driver.store, 0, &counts);
    assert_int_equal(campaign_counts_open(&counts), 0);
    assert_int_equal(counts.delivered + counts.failed, 300);
    assert_int_equal(queue_driver_close(&driver), 0);
    sim_world_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_load_settle_reopen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
