#include "queue/queue.h"

#include "tests/queue_world.h"

static void order(uint32_t shard)
{
    const struct queue_notice notice = {
        .kind = QUEUE_NOTICE_SWEEP,
        .state = CAMPAIGN_CANCELLED,
        .runs_count = queue_append_runs_count(world.queue),
    };

    queue_notice(queue_shard(world.queue, shard), &notice);
}

/* Ends all that is found, `work_max` entries a step; returns how many there were. */
static uint32_t end_all(struct queue_shard *shard, uint32_t work_max)
{
    const struct attempt cancelled = {.outcome.kind = OUTCOME_CANCELLED};
    uint32_t count = 0;

    for (uint32_t step = 0; queue_sweeping(shard); step++) {
        uint32_t work = work_max, record = queue_sweep(shard, &work);

        assert_in_range(step, 0, 1000);
        assert_true(work <= work_max);
        if (record == QUEUE_NONE)
            continue;
        queue_settle(shard, record, &cancelled);
        count++;
    }
    return count;
}

/* Waiting in a flow, deferred, and ended before: each open one is found once. */
static void test_open_ones_are_found(void **state)
{
    static const uint32_t works[] = {1, 2, 3, 1000};
    const struct attempt deferred = attempt_of(OUTCOME_DEFERRED, NOW + 50);
    const struct attempt delivered = attempt_of(OUTCOME_DELIVERED, 0);
    uint32_t records[8] = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(works); i++) {
        struct queue_shard *shard;

        start(6, &plain_limits);
        shard = queue_shard(world.queue, 0);
        tell(0, CAMPAIGN_READY);
        run_due(shard, NOW);
        assert_int_equal(claim_all(shard, records, 8), 6);
        queue_settle(shard, records[0], &deferred);
        queue_settle(shard, records[1], &delivered);
        for (uint32_t k = 2; k < 6; k++)
            queue_release(shard, records[k]);
        tell_state(0, CAMPAIGN_CANCELLED);
        assert_false(queue_sweeping(shard)); /* not before it is durable */
        order(0);
        order(0); /* is the same order */
        assert_true(queue_admitting(shard));
        assert_int_equal(end_all(shard, works[i]), 5);
        assert_false(queue_admitting(shard));
        assert_int_equal(total_counts().cancelled, 5);
        assert_int_equal(total_counts().delivered, 1);
        check_sum(6);
        run_due(shard, NOW + 100); /* those in flow and bucket are dropped */
        assert_int_equal(claim_all(shard, records, 8), 0);
        assert_int_equal(queue_waiting_count(shard), 0);
        assert_int_equal(queue_next_due_s(shard), UINT64_MAX);
        order(0);
        assert_false(queue_sweeping(shard)); /* still the same */
        (void)close_queue(NULL);
    }
    open_queue(&plain_limits);
}

/* What was in flight is passed over, and comes when it is given back: before the walk came by,
 * and after. */
static void test_in_flight(void **state)
{
    const struct attempt deferred = attempt_of(OUTCOME_DEFERRED, NOW + 50);
    const struct attempt delivered = attempt_of(OUTCOME_DELIVERED, 0);
    struct queue_shard *shard;
    uint32_t records[8], work = 1000;

    (void)state;
    start(6, &plain_limits);
    shard = queue_shard(world.queue, 0);
    tell(0, CAMPAIGN_READY);
    run_due(shard, NOW);
    assert_int_equal(claim_all(shard, records, 8), 6);
    tell_state(0, CAMPAIGN_CANCELLED);
    queue_release(shard, records[0]); /* before the order */
    order(0);
    queue_release(shard, records[1]); /* before the walk: it finds it, the list has it as well */
    assert_int_equal(end_all(shard, 2) + queue_claimed_count(shard), 2 + 4);
    assert_int_equal(queue_sweep(shard, &work), QUEUE_NONE);
    queue_release(shard, records[2]);
    queue_settle(shard, records[3], &deferred);
    queue_settle(shard, records[4], &delivered);
    assert_true(queue_sweeping(shard));
    assert_int_equal(end_all(shard, 1), 2);
    queue_settle(shard, records[5], &deferred);
    assert_int_equal(end_all(shard, 1), 1);
    assert_int_equal(total_counts().cancelled, 5);
    assert_int_equal(total_counts().delivered, 1);
    assert_int_equal(queue_claimed_count(shard), 0);
    check_sum(6);
}

static void test_damaged_ones_are_left(void **state)
{
    struct queue_shard *shard;
    uint32_t records[8] = {0};

    (void)state;
    start(3, &plain_limits);
    shard = queue_shard(world.queue, 0);
    tell(0, CAMPAIGN_READY);
    run_due(shard, NOW);
    assert_int_equal(claim_all(shard, records, 8), 3);
    queue_damaged(shard, records[1]);
    queue_release(shard, records[0]);
    queue_release(shard, records[2]);
    order(0);
    assert_int_equal(end_all(shard, 8), 2);
    assert_int_equal(total_counts().damaged, 1);
    check_sum(3);
}

/* Of six, three are at d0: waiting, deferred, in flight. The others stay where they are. */
static void test_a_domain_is_cancelled(void **state)
{
    const struct attempt deferred = attempt_of(OUTCOME_DEFERRED, NOW + 50);
    const struct attempt delivered = attempt_of(OUTCOME_DELIVERED, 0);
    struct queue_standing standing;
    struct queue_shard *shard;
    uint32_t records[8] = {0}, others = 0;

    (void)state;
    start(6, &plain_limits);
    shard = queue_shard(world.queue, 0);
    tell(0, CAMPAIGN_READY);
    run_due(shard, NOW);
    assert_int_equal(claim_all(shard, records, 8), 6);
    for (uint32_t i = 0; i < 6; i++) /* 0, 2 and 4 are at d0 */
        if (records[i] == 0 || records[i] == 1)
            queue_settle(shard, records[i], &deferred);
        else if (records[i] == 2 || records[i] == 3)
            queue_release(shard, records[i]);
    stop(0, "d0.example", STOP_CANCELLED);
    assert_true(queue_sweeping(shard));
    for (uint32_t i = 0; i < 6; i++) {
        assert_int_equal(queue_standing(world.queue, i, &standing), 0);
        assert_int_equal(standing.kind == OUTCOME_CANCELLED, i % 2 == 0);
    }
    assert_int_equal(end_all(shard, 2), 2); /* records 0 and 2: 4 is in flight */
    assert_int_equal(total_counts().cancelled, 2);
    queue_settle(shard, 4, &deferred);
    assert_true(queue_sweeping(shard));
    assert_true(queue_is_stopped(shard, 4));
    assert_int_equal(end_all(shard, 1), 1);
    queue_settle(shard, 5, &delivered);
    run_due(shard, NOW + 100);
    others = claim_all(shard, records, 8);
    assert_int_equal(others, 2);
    for (uint32_t i = 0; i < others; i++)
        assert_int_equal(records[i] % 2, 1);
    assert_int_equal(total_counts().cancelled, 3);
    assert_int_equal(queue_waiting_count(shard), 0);
    check_sum(6);
    stop(0, "d0.example", STOP_NONE); /* that is for good */
    assert_int_equal(
        queue_append_stop(world.queue, &(struct stop){.campaign = 0, .kind = STOP_PAUSED}, 99), 0);
    assert_int_equal(stops_kind(queue_stops(world.queue), 0, 0), STOP_CANCELLED);
}

/* First the domain, then all of it: those of the other domain wait until that is durable. */
static void test_the_domain_then_the_campaign(void **state)
{
    struct queue_shard *shard;
    uint32_t records[8] = {0}, count;

    (void)state;
    start(6, &plain_limits);
    shard = queue_shard(world.queue, 0);
    tell(0, CAMPAIGN_READY);
    run_due(shard, NOW);
    count = claim_all(shard, records, 8);
    assert_int_equal(count, 6);
    stop(0, "d0.example", STOP_CANCELLED);
    assert_int_equal(end_all(shard, 1000), 0); /* all are in flight */
    tell_state(0, CAMPAIGN_CANCELLED);
    for (uint32_t i = 0; i < count; i++)
        queue_release(shard, records[i]);
    assert_int_equal(end_all(shard, 1000), 0); /* nobody is, by an order that may be undone */
    order(0);
    assert_false(queue_is_stopped(shard, 0));
    assert_int_equal(end_all(shard, 1000), 6);
    check_sum(6);
}

/* After a restart: the stop is told before the recipients. */
static void test_a_domain_cancelled_before(void **state)
{
    struct queue_limits limits = plain_limits;
    uint32_t ended = 0, left = 0, records[8] = {0};

    (void)state;
    limits.shards_count = 3;
    start(8, &limits);
    for (uint32_t i = 0; i < 3; i++)
        tell_state(i, CAMPAIGN_READY);
    stop(0, "d1.example", STOP_CANCELLED);
    for (uint32_t i = 0; i < 3; i++)
        tell(i, CAMPAIGN_READY);
    for (uint32_t i = 0; i < 3; i++) {
        struct queue_shard *shard = queue_shard(world.queue, i);

        run_due(shard, NOW);
        left += claim_all(shard, records, 8);
        ended += end_all(shard, 3);
    }
    assert_int_equal(left, 4);
    assert_int_equal(ended, 4);
    check_sum(8);
}

/* Each shard ends its own. */
static void test_shards_share(void **state)
{
    struct queue_limits limits = plain_limits;
    uint32_t total = 0;

    (void)state;
    limits.shards_count = 5;
    start(9, &limits);
    for (uint32_t i = 0; i < 5; i++) {
        tell(i, CAMPAIGN_CANCELLED); /* as after a restart: nobody was admitted */
        order(i);
        total += end_all(queue_shard(world.queue, i), 4);
    }
    assert_int_equal(total, 9);
    assert_int_equal(total_counts().cancelled, 9);
    check_sum(9);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_teardown(test, close_queue)
    const struct CMUnitTest tests[] = {
        TEST(test_open_ones_are_found),
        TEST(test_in_flight),
        TEST(test_damaged_ones_are_left),
        TEST(test_a_domain_is_cancelled),
        TEST(test_the_domain_then_the_campaign),
        TEST(test_a_domain_cancelled_before),
        TEST(test_shards_share),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
