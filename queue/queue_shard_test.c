#include "queue/queue.h"

#include "tests/expect_abort.h"
#include "tests/queue_world.h"

static void test_claims_and_their_ends(void **state)
{
    static const struct {
        enum outcome_kind kind;
        size_t count; /* where it is counted in the end */
    } cases[] = {
        {OUTCOME_DELIVERED, offsetof(struct campaign_counts, delivered)},
        {OUTCOME_FAILED, offsetof(struct campaign_counts, failed)},
        {OUTCOME_EXPIRED, offsetof(struct campaign_counts, expired)},
        {OUTCOME_SUPPRESSED, offsetof(struct campaign_counts, suppressed)},
        {OUTCOME_CANCELLED, offsetof(struct campaign_counts, cancelled)},
        {OUTCOME_DEFERRED, offsetof(struct campaign_counts, deferred)},
        {OUTCOME_UNSURE, offsetof(struct campaign_counts, deferred)},
    };
    struct queue_shard *shard;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct attempt attempt = attempt_of(cases[i].kind, NOW + 60);
        struct campaign_counts counts;
        uint32_t records[8];

        start(1, &plain_limits);
        shard = queue_shard(world.queue, 0);
        assert_int_equal(queue_ready(shard), QUEUE_NONE); /* nobody was told of anything */
        tell(0, CAMPAIGN_READY);
        run_due(shard, NOW);
        assert_int_equal(queue_waiting_count(shard), 1);
        assert_int_equal(claim_all(shard, records, 8), 1);
        assert_int_equal(queue_claimed_count(shard), 1);
        assert_int_equal(total_counts().in_flight, 1);
        check_sum(1);
        assert_int_equal(queue_attempt_number(shard, records[0], &attempt), 1);
        queue_settle(shard, records[0], &attempt);
        assert_int_equal(queue_claimed_count(shard), 0);
        counts = total_counts();
        assert_int_equal(*(const int64_t *)(const void *)((const char *)&counts + cases[i].count),
                         1);
        assert_int_equal(counts.unsure, cases[i].kind == OUTCOME_UNSURE);
        check_sum(1);
        run_due(shard, NOW + 59);
        assert_int_equal(claim_all(shard, records, 8), 0);
        run_due(shard, NOW + 60);
        assert_int_equal(claim_all(shard, records, 8),
                         cases[i].count == offsetof(struct campaign_counts, deferred));
        check_sum(1);
        (void)close_queue(NULL);
    }
    open_queue(&plain_limits);
}

/* What ended before the start stays ended; what was deferred waits for its time, and knows. */
static void test_after_a_restart(void **state)
{
    static const enum outcome_kind kinds[] = {OUTCOME_DELIVERED, OUTCOME_FAILED,
                                              OUTCOME_EXPIRED,   OUTCOME_SUPPRESSED,
                                              OUTCOME_CANCELLED, OUTCOME_UNSURE};
    const uint32_t count = ARRAY_LEN(kinds);
    struct attempt unsure = attempt_of(OUTCOME_UNSURE, NOW + 200);
    struct queue_recipient recipient;
    struct queue_recovered found;
    struct queue_image *image;
    struct queue_shard *shard;
    uint32_t records[8];

    (void)state;
    write_campaign(count, false);
    image = write_ready(count);
    for (uint32_t i = 0; i < count; i++)
        (void)queue_image_outcome(image, (struct identity){7, i}, 1, kinds[i],
                                  (NOW + 100) * NS_PER_S);
    (void)queue_image_flush(image, true);
    open_queue(&plain_limits);
    assert_int_equal(take_segment(0, &found), 0);
    take_journal(1, &found);
    queue_recover_finish(world.queue);
    shard = queue_shard(world.queue, 0);
    tell(0, CAMPAIGN_READY);
    run_due(shard, NOW + 99);
    assert_int_equal(claim_all(shard, records, 8), 0);
    run_due(shard, NOW + 100);
    assert_int_equal(claim_all(shard, records, 8), 1);
    assert_int_equal(records[0], count - 1);
    assert_int_equal(queue_view(shard, records[0], &recipient), 0);
    assert_int_equal(recipient.attempts, 1);
    assert_true(recipient.unsure);
    unsure.next_due_ns++; /* a moment later is the next second */
    queue_settle(shard, records[0], &unsure);
    assert_int_equal(total_counts().unsure, 1); /* once a recipient */
    assert_int_equal(queue_next_due_s(shard), NOW + 201);
    check_sum(count);
}

static void test_first_unsure_attempt_is_remembered(void **state)
{
    const struct attempt unsure = attempt_of(OUTCOME_UNSURE, NOW + 1);
    struct queue_recipient recipient;
    struct queue_shard *shard;
    uint32_t records[8];

    (void)state;
    start(1, &plain_limits);
    shard = queue_shard(world.queue, 0);
    tell(0, CAMPAIGN_READY);
    for (uint32_t i = 0; i < 3; i++) {
        run_due(shard, NOW + i);
        assert_int_equal(claim_all(shard, records, 8), 1);
        assert_int_equal(queue_view(shard, records[0], &recipient), 0);
        assert_int_equal(recipient.unsure, i > 0);
        queue_settle(shard, records[0], &unsure);
        assert_int_equal(total_counts().unsure, 1);
    }
}

static void test_view_identity_and_flow(void **state)
{
    struct queue_shard *shard;
    struct queue_recipient recipient;
    struct queue_flow flow;
    uint32_t index, record;

    (void)state;
    start(5, &plain_limits);
    shard = queue_shard(world.queue, 0);
    tell(0, CAMPAIGN_READY);
    assert_true(queue_admitting(shard));
    run_due(shard, NOW);
    assert_false(queue_admitting(shard));
    index = queue_ready(shard);
    queue_flow(shard, index, &flow);
    assert_int_equal(flow.campaign_index, 0);
    assert_int_equal(flow.lane, LANE_BULK);
    assert_int_equal(flow.count, 3);
    assert_true(span_equal(queue_domain_name(world.queue, flow.domain), SPAN("d0.example")));
    for (uint32_t i = 0; i < 3; i++) {
        record = queue_claim(shard, index);
        assert_int_equal(queue_view(shard, record, &recipient), 0);
        assert_int_equal(recipient.identity.ordinal, 2 * i);
        assert_int_equal(recipient.attempts, 0);
        assert_int_equal(queue_identity(shard, record).ordinal, 2 * i);
        assert_int_equal(queue_identity(shard, record).campaign, 7);
        assert_int_equal(queue_campaign_of(shard, record), 0);
    }
    assert_int_equal(queue_claim(shard, index), QUEUE_NONE);
}

static void test_release_goes_to_the_head(void **state)
{
    struct queue_shard *shard;
    uint32_t flow, first;

    (void)state;
    start(6, &plain_limits);
    shard = queue_shard(world.queue, 0);
    tell(0, CAMPAIGN_READY);
    run_due(shard, NOW);
    flow = queue_ready(shard);
    first = queue_claim(shard, flow);
    queue_release(shard, first);
    check_sum(6);
    assert_int_equal(total_counts().queued, 6);
    assert_int_equal(queue_claim(shard, flow), first);
}

/* Damaged bytes under a claim: out of the way, counted once, never mailed. */
static void test_damaged_under_a_claim(void **state)
{
    struct queue_shard *shard;
    struct queue_recipient recipient;
    uint32_t records[8], count;

    (void)state;
    start(4, &plain_limits);
    for (size_t i = 0; i + 13 < SIZE; i++)
        if (memcmp(world.memory[0] + i, "u2@d0.example", 13) == 0)
            world.memory[0][i] ^= 1;
    shard = queue_shard(world.queue, 0);
    tell(0, CAMPAIGN_READY);
    run_due(shard, NOW);
    count = claim_all(shard, records, 8);
    assert_int_equal(count, 4);
    for (uint32_t i = 0; i < count; i++)
        if (queue_view(shard, records[i], &recipient) < 0) {
            assert_int_equal(records[i], 2);
            queue_damaged(shard, records[i]);
        } else {
            queue_release(shard, records[i]);
        }
    assert_int_equal(total_counts().damaged, 1);
    check_sum(4);
    run_due(shard, NOW + 100000);
    assert_int_equal(claim_all(shard, records, 8), 3);
}

static void test_paused_and_cancelled(void **state)
{
    struct queue_shard *shard;
    struct attempt deferred = attempt_of(OUTCOME_DEFERRED, NOW + 5);
    uint32_t records[8], flow, record;

    (void)state;
    start(6, &plain_limits);
    shard = queue_shard(world.queue, 0);
    tell(0, CAMPAIGN_PAUSED);
    run_due(shard, NOW);
    assert_int_equal(queue_waiting_count(shard), 6); /* admitted, and kept */
    assert_int_equal(queue_ready(shard), QUEUE_NONE);
    tell_state(0, CAMPAIGN_READY);
    flow = queue_ready(shard);
    record = queue_claim(shard, flow);
    assert_int_not_equal(record, QUEUE_NONE);
    tell_state(0, CAMPAIGN_PAUSED); /* in the middle of a flow */
    assert_int_equal(queue_claim(shard, flow), QUEUE_NONE);
    queue_release(shard, record);
    tell_state(0, CAMPAIGN_READY);
    assert_int_equal(claim_all(shard, records, 8), 6); /* nobody was lost, nobody came twice */
    check_sum(6);
    queue_settle(shard, records[0], &deferred);
    queue_release(shard, records[1]);
    tell_state(0, CAMPAIGN_CANCELLED);
    queue_release(shard, records[2]);
    queue_settle(shard, records[3], &deferred);
    assert_int_equal(claim_all(shard, records, 8), 0);
    run_due(shard, NOW + 100);
    assert_int_equal(queue_waiting_count(shard), 0); /* those that slept are not put back */
    assert_int_equal(claim_all(shard, records, 8), 0);
    assert_int_equal(queue_next_due_s(shard), UINT64_MAX);
    check_sum(6);
}

static void test_not_before(void **state)
{
    struct queue_shard *shard;
    struct queue_recovered found;
    const struct queue_new_recipient late = {.ordinal = 1, .domain = 0, .due_s = NOW + 100};
    uint32_t records[8];

    (void)state;
    write_campaign(1, false);
    (void)queue_image_flush(write_ready(2), true);
    open_queue(&plain_limits);
    assert_int_equal(take_segment(0, &found), 0);
    assert_int_equal(queue_append_recipient(world.queue, &late), 0);
    take_journal(1, &found);
    queue_recover_finish(world.queue);
    shard = queue_shard(world.queue, 0);
    tell(0, CAMPAIGN_READY);
    run_due(shard, NOW);
    assert_int_equal(claim_all(shard, records, 8), 1);
    assert_int_equal(queue_next_due_s(shard), NOW + 100);
    run_due(shard, NOW + 100);
    assert_int_equal(claim_all(shard, records, 8), 1);
    assert_int_equal(records[0], 1);
}

/* More domains than flows: all are served in the end. */
static void test_more_domains_than_flows(void **state)
{
    struct queue_image *image = new_file(0, RECORD_FILE_SEGMENT);
    struct queue_limits limits = plain_limits;
    struct queue_recovered found;
    struct queue_shard *shard;
    uint32_t served = 0;

    (void)state;
    limits.flows_max = 2;
    (void)queue_image_campaign(image, 7, SPAN("spring"));
    (void)queue_image_content(image, 7, SPAN("x"));
    for (uint32_t i = 0; i < 10; i++) {
        char address[] = "a@b?.example";

        address[3] = (char)('0' + i);
        (void)queue_image_recipient(image, (struct identity){7, i}, 99, span_cstr(address));
    }
    (void)queue_image_flush(image, true);
    (void)queue_image_flush(write_ready(10), true);
    open_queue(&limits);
    assert_int_equal(take_segment(0, &found), 0);
    take_journal(1, &found);
    queue_recover_finish(world.queue);
    shard = queue_shard(world.queue, 0);
    tell(0, CAMPAIGN_READY);
    for (uint64_t now = NOW; now < NOW + 20 && served < 10; now++) {
        const struct attempt delivered = attempt_of(OUTCOME_DELIVERED, 0);
        uint32_t records[16], count;

        run_due(shard, now);
        count = claim_all(shard, records, 16);
        assert_true(count <= 2);
        for (uint32_t i = 0; i < count; i++)
            queue_settle(shard, records[i], &delivered);
        served += count;
        check_sum(10);
    }
    assert_int_equal(served, 10);
}

/* However little work a call may do, it does no more, and none is admitted twice or forgotten. */
static void test_admission_in_small_steps(void **state)
{
    (void)state;
    for (uint32_t work = 1; work <= 40; work++) {
        struct queue_image *image = new_file(0, RECORD_FILE_SEGMENT);
        struct queue_recovered found;
        struct queue_shard *shard;
        uint32_t records[64], calls = 0, before = 0;
        bool more = true;

        (void)queue_image_campaign(image, 7, SPAN("spring"));
        (void)queue_image_content(image, 7, SPAN("x"));
        for (uint32_t i = 0; i < 50; i++) {
            char address[] = "a@b?.example";

            address[3] = (char)('0' + i % 7);
            (void)queue_image_recipient(image, (struct identity){7, i}, 99, span_cstr(address));
        }
        (void)queue_image_flush(image, true);
        (void)queue_image_flush(write_ready(50), true);
        open_queue(&plain_limits);
        assert_int_equal(take_segment(0, &found), 0);
        take_journal(1, &found);
        queue_recover_finish(world.queue);
        shard = queue_shard(world.queue, 0);
        tell(0, CAMPAIGN_READY);
        for (; more; calls++) {
            assert_true(calls < 200);
            more = queue_due(shard, NOW, work);
            assert_true(queue_waiting_count(shard) - before <= work);
            before = queue_waiting_count(shard);
        }
        assert_int_equal(before, 50);
        assert_int_equal(claim_all(shard, records, 64), 50);
        for (uint32_t i = 0; i < 50; i++) { /* those of one domain in the order of the list */
            uint32_t domain = queue_identity(shard, records[i]).ordinal % 7;

            for (uint32_t k = 0; k < i; k++)
                if (queue_identity(shard, records[k]).ordinal % 7 == domain)
                    assert_true(records[k] < records[i]);
        }
        (void)close_queue(NULL);
    }
}

/* Each recipient belongs to exactly one of the shards. */
static void test_shards_share(void **state)
{
    struct queue_limits limits = plain_limits;
    uint32_t records[8], total = 0;

    (void)state;
    limits.shards_count = 5;
    start(9, &limits);
    for (uint32_t i = 0; i < 5; i++) {
        struct queue_shard *shard = queue_shard(world.queue, i);
        uint32_t count;

        tell(i, CAMPAIGN_READY);
        run_due(shard, NOW);
        count = claim_all(shard, records, 8);
        for (uint32_t k = 0; k < count; k++) {
            struct queue_recipient recipient;

            assert_int_equal(queue_view(shard, records[k], &recipient), 0);
            assert_int_equal(queue_domain_shard(world.queue, recipient.domain), i);
        }
        total += count;
    }
    assert_int_equal(total, 9);
    check_sum(9);
}

static void test_notices_have_a_bound(void **state)
{
    struct queue_shard *shard;
    uint32_t records[8], told = 0;

    (void)state;
    start(4, &plain_limits);
    shard = queue_shard(world.queue, 0);
    tell(0, CAMPAIGN_READY);
    while (queue_can_notice(shard)) {
        struct queue_notice notice = {.kind = QUEUE_NOTICE_RECIPIENTS,
                                      .state = CAMPAIGN_READY,
                                      .run_first = 1, /* nothing new */
                                      .runs_count = 1};

        queue_notice(shard, &notice);
        assert_true(++told < 1000);
    }
    tell_state(0, CAMPAIGN_READY); /* needs no room */
    run_due(shard, NOW);
    assert_true(queue_can_notice(shard));
    assert_int_equal(claim_all(shard, records, 8), 4);
}

static void test_attempts_do_not_wrap(void **state)
{
    struct attempt deferred = attempt_of(OUTCOME_DEFERRED, NOW);
    struct queue_recovered found;
    struct queue_shard *shard;
    uint32_t records[8];
    struct queue_image *image;
    struct queue_standing standing;

    (void)state;
    write_campaign(1, false);
    image = write_ready(1);
    (void)queue_image_outcome(image, (struct identity){7, 0}, 65537, OUTCOME_DEFERRED, UINT64_MAX);
    (void)queue_image_flush(image, true);
    open_queue(&plain_limits);
    assert_int_equal(take_segment(0, &found), 0);
    take_journal(1, &found);
    queue_recover_finish(world.queue);
    assert_int_equal(queue_standing(world.queue, 0, &standing), 0);
    assert_int_equal(standing.attempts, UINT16_MAX);
    assert_int_equal(standing.due_s, UINT32_MAX);
    shard = queue_shard(world.queue, 0);
    tell(0, CAMPAIGN_READY);
    run_due(shard, UINT32_MAX);
    assert_int_equal(claim_all(shard, records, 8), 1);
    assert_int_equal(queue_attempt_number(shard, records[0], &deferred), UINT16_MAX);
    queue_settle(shard, records[0], &deferred);
    check_sum(1);
}

static void settle_what_was_not_claimed(void *context)
{
    const struct attempt attempt = attempt_of(OUTCOME_DELIVERED, 0);

    (void)context;
    queue_settle(queue_shard(world.queue, 0), 0, &attempt);
}

static void shard_that_is_not_there(void *context)
{
    (void)context;
    (void)queue_shard(world.queue, 1);
}

static void settle_twice(void *context)
{
    const struct attempt attempt = attempt_of(OUTCOME_DELIVERED, 0);
    struct queue_shard *shard = queue_shard(world.queue, 0);
    uint32_t records[8];

    (void)context;
    tell(0, CAMPAIGN_READY);
    run_due(shard, NOW);
    if (claim_all(shard, records, 8) != 2)
        return; /* and is not caught */
    queue_settle(shard, records[0], &attempt);
    queue_settle(shard, records[0], &attempt);
}

static void test_misuse_is_caught(void **state)
{
    (void)state;
    start(2, &plain_limits);
    assert_true(expect_abort(settle_what_was_not_claimed, NULL));
    assert_true(expect_abort(settle_twice, NULL));
    assert_true(expect_abort(shard_that_is_not_there, NULL));
}

/* Of six, three at each domain. What is not stopped goes, whoever else is. */
static void test_a_domain_is_paused(void **state)
{
    static const struct {
        uint32_t campaign;
        const char *domain;
        enum campaign_state state;
        uint32_t goes_count;
        uint32_t after_count; /* when the stop is lifted */
    } cases[] = {
        {0, "d0.example", CAMPAIGN_READY, 3, 3},
        {STOPS_EVERY, "d1.example", CAMPAIGN_READY, 3, 3},
        {STOPS_EVERY, "d1.example", CAMPAIGN_PAUSED, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct queue_shard *shard;
        uint32_t records[8];

        start(6, &plain_limits);
        shard = queue_shard(world.queue, 0);
        tell(0, CAMPAIGN_READY);
        stop(cases[i].campaign, cases[i].domain, STOP_PAUSED);
        tell_state(0, cases[i].state);
        run_due(shard, NOW);
        assert_int_equal(claim_all(shard, records, 8), cases[i].goes_count);
        assert_int_equal(queue_waiting_count(shard), 6 - cases[i].goes_count);
        assert_false(queue_admitting(shard));
        stop(cases[i].campaign, cases[i].domain, STOP_NONE);
        assert_int_equal(claim_all(shard, records, 8), cases[i].after_count);
        tell_state(0, CAMPAIGN_READY);
        assert_int_equal(claim_all(shard, records, 8),
                         6 - cases[i].goes_count - cases[i].after_count);
        (void)close_queue(NULL);
    }
    open_queue(&plain_limits);
}

/* In the middle of a flow; and what comes back waits as well. */
static void test_paused_while_it_goes(void **state)
{
    const struct attempt deferred = attempt_of(OUTCOME_DEFERRED, NOW + 50);
    struct queue_shard *shard;
    uint32_t flow, first, second, records[8] = {0};

    (void)state;
    start(6, &plain_limits);
    shard = queue_shard(world.queue, 0);
    tell(0, CAMPAIGN_READY);
    run_due(shard, NOW);
    flow = queue_ready(shard);
    first = queue_claim(shard, flow);
    second = queue_claim(shard, flow);
    stop(0, first % 2 == 0 ? "d0.example" : "d1.example", STOP_PAUSED);
    assert_int_equal(queue_claim(shard, flow), QUEUE_NONE);
    queue_release(shard, first);
    queue_settle(shard, second, &deferred);
    run_due(shard, NOW + 100);
    assert_int_equal(claim_all(shard, records, 8), 3);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_not_equal(records[i] % 2, first % 2);
    stop(0, first % 2 == 0 ? "d0.example" : "d1.example", STOP_NONE);
    assert_int_equal(claim_all(shard, records, 8), 3);
    assert_int_equal(records[0], first); /* back at the head */
    check_sum(6);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_teardown(test, close_queue)
    const struct CMUnitTest tests[] = {
        TEST(test_claims_and_their_ends),
        TEST(test_after_a_restart),
        TEST(test_first_unsure_attempt_is_remembered),
        TEST(test_view_identity_and_flow),
        TEST(test_release_goes_to_the_head),
        TEST(test_damaged_under_a_claim),
        TEST(test_paused_and_cancelled),
        TEST(test_not_before),
        TEST(test_more_domains_than_flows),
        TEST(test_admission_in_small_steps),
        TEST(test_shards_share),
        TEST(test_notices_have_a_bound),
        TEST(test_attempts_do_not_wrap),
        TEST(test_a_domain_is_paused),
        TEST(test_paused_while_it_goes),
        TEST(test_misuse_is_caught),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
