/* queue: claims and verdicts of a shard; recovery from images, in any order and with damage. */
#include "queue/queue.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "queue/queue_images.h"
#include "queue/queue_parts.h"
#include "queue/queue_recover.h"

#define CAMPAIGN 77
#define RECIPIENTS 30
#define DOMAINS 3

static struct queue_images_file segment, journals[2];
static struct arena arena;
static struct queue *queue;
static struct queue_shard *shard;
static uint64_t offsets[RECIPIENTS];

static void make_segment(void)
{
    queue_images_open(&segment, RECORD_FILE_SEGMENT, 1);
    queue_images_campaign(&segment, CAMPAIGN, "spring");
    queue_images_commit(&segment);
    for (uint32_t i = 0; i < DOMAINS; i++) {
        char name[32];

        (void)snprintf(name, sizeof(name), "D%u.example", i);
        queue_images_domain(&segment, i, name);
    }
    for (uint32_t i = 0; i < RECIPIENTS; i++) {
        char address[48];

        (void)snprintf(address, sizeof(address), "user%u@D%u.example", i, i % DOMAINS);
        offsets[i] =
            queue_images_recipient(&segment, (struct identity){CAMPAIGN, i}, i % DOMAINS, address);
        if (i % 10 == 9)
            queue_images_commit(&segment);
    }
}

static void open_queue(uint32_t shards_count)
{
    struct queue_limits limits = queue_images_limits(shards_count);
    struct queue_recovered found;
    uint32_t slot;

    assert_int_equal(arena_open(&arena, queue_cost(&limits)), 0);
    queue = queue_open(&arena, &limits);
    assert_int_equal(queue_append_segment(queue, 1, segment.image, LANE_BULK, &slot), 0);
    assert_int_equal(queue_recover_segment(queue, slot, 0, &found), 0);
}

static void replay(struct queue_images_file *journal, struct queue_recovered *found)
{
    queue_recover_journal(queue, journal->image, journal->appender.file, RECORD_PAGE, found);
}

static void ready(void)
{
    const struct journal_state state = {.campaign = CAMPAIGN,
                                        .sequence = 1,
                                        .state = CAMPAIGN_READY,
                                        .recipients_count = RECIPIENTS};
    struct queue_notice notice = {.kind = QUEUE_NOTICE_STATE, .state = CAMPAIGN_READY};

    assert_true(queue_append_state(queue, 0, &state));
    queue_recover_finish(queue);
    shard = queue_shard(queue, 0);
    notice.runs_count = queue_append_runs_count(queue);
    queue_notice(shard, &notice);
    notice.kind = QUEUE_NOTICE_RECIPIENTS;
    notice.campaign_index = QUEUE_NONE;
    queue_notice(shard, &notice);
}

static void set_state(enum campaign_state state)
{
    const struct queue_notice notice = {
        .kind = QUEUE_NOTICE_STATE, .state = state, .runs_count = queue_append_runs_count(queue)};

    queue_notice(shard, &notice);
}

static struct attempt verdict(enum outcome_kind kind, uint64_t due_s)
{
    return (struct attempt){
        .outcome = {.kind = kind}, .counted = true, .next_due_ns = due_s * NS_PER_S};
}

static int setup(void **state)
{
    (void)state;
    make_segment();
    open_queue(1);
    ready();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_close(&arena);
    return 0;
}

/* --- a shard --- */

static void test_claims(void **state)
{
    struct queue_recipient recipient;
    struct queue_flow flow;
    uint32_t seen = 0, given;

    (void)state;
    assert_true(queue_admitting(shard));
    while (queue_due(shard, 5000, 7))
        continue;
    assert_int_equal(queue_waiting_count(shard), RECIPIENTS);
    for (uint32_t i = 0; i < DOMAINS; i++) {
        uint32_t last = 0, record;

        given = queue_ready(shard);
        queue_flow(shard, given, &flow);
        assert_int_equal(flow.count, RECIPIENTS / DOMAINS);
        while ((record = queue_claim(shard, given)) != QUEUE_NONE) {
            struct attempt attempt = verdict(OUTCOME_DELIVERED, 0);
            struct span value;

            assert_int_equal(queue_view(shard, record, &recipient), 0);
            assert_int_equal(recipient.domain, flow.domain);
            assert_true(recipient.identity.ordinal >= last);
            last = recipient.identity.ordinal;
            assert_int_equal(last % DOMAINS, flow.domain);
            assert_int_equal(queue_values(recipient.values, &value, 1), 1);
            assert_true(span_equal(value, SPAN("value")));
            assert_true(span_equal(recipient.campaign->content, SPAN("hello")));
            assert_int_equal(queue_attempt_number(shard, record, &attempt), 1);
            queue_settle(shard, record, &attempt);
            seen++;
        }
    }
    assert_int_equal(queue_ready(shard), QUEUE_NONE);
    assert_int_equal(seen, RECIPIENTS);
    assert_int_equal(queue_counts(shard, 0)->delivered, RECIPIENTS);
    assert_int_equal(queue_counts(shard, 0)->queued, -RECIPIENTS);
    assert_int_equal(queue_base_counts(queue, 0)->queued, RECIPIENTS);
    assert_int_equal(queue_claimed_count(shard), 0);
}

static void test_deferral_and_release(void **state)
{
    struct attempt attempt = verdict(OUTCOME_UNSURE, 5060);
    struct queue_recipient recipient;
    uint32_t flow, first, second;

    (void)state;
    (void)!queue_due(shard, 5000, 1000);
    flow = queue_ready(shard);
    first = queue_claim(shard, flow);
    second = queue_claim(shard, flow);
    queue_release(shard, second);
    assert_int_equal(queue_claim(shard, flow), second); /* back at the head */
    queue_settle(shard, second, &attempt);
    assert_int_equal(queue_counts(shard, 0)->unsure, 1);
    assert_int_equal(queue_counts(shard, 0)->deferred, 1);
    assert_int_equal(queue_next_due_s(shard), 5060);
    attempt = verdict(OUTCOME_FAILED, 0);
    queue_settle(shard, first, &attempt);
    while (queue_claim(shard, flow) != QUEUE_NONE)
        continue;
    assert_false(queue_due(shard, 5059, 1000));
    for (uint32_t others = 2; others > 0; others--)
        assert_int_not_equal(queue_ready(shard), QUEUE_NONE);
    assert_int_equal(queue_ready(shard), QUEUE_NONE);
    (void)!queue_due(shard, 5060, 1000);
    flow = queue_ready(shard);
    assert_int_not_equal(flow, QUEUE_NONE);
    assert_int_equal(queue_claim(shard, flow), second);
    assert_int_equal(queue_view(shard, second, &recipient), 0);
    assert_int_equal(recipient.attempts, 1);
    assert_true(recipient.unsure);
}

static void test_pause_and_cancel(void **state)
{
    struct attempt attempt = verdict(OUTCOME_DEFERRED, 5001);
    uint32_t flow, record;

    (void)state;
    (void)!queue_due(shard, 5000, 1000);
    flow = queue_ready(shard);
    record = queue_claim(shard, flow);
    set_state(CAMPAIGN_PAUSED);
    assert_int_equal(queue_claim(shard, flow), QUEUE_NONE);
    assert_int_equal(queue_ready(shard), QUEUE_NONE);
    queue_settle(shard, record, &attempt);
    (void)!queue_due(shard, 5002, 1000);
    assert_int_equal(queue_waiting_count(shard), RECIPIENTS);
    assert_int_equal(queue_ready(shard), QUEUE_NONE);
    set_state(CAMPAIGN_READY);
    flow = queue_ready(shard);
    assert_int_not_equal(flow, QUEUE_NONE);
    record = queue_claim(shard, flow);
    assert_int_not_equal(record, QUEUE_NONE);
    set_state(CAMPAIGN_CANCELLED);
    assert_int_equal(queue_claim(shard, flow), QUEUE_NONE);
    assert_int_equal(queue_ready(shard), QUEUE_NONE);
    queue_settle(shard, record, &attempt);
    assert_int_equal(queue_waiting_count(shard), 0);
    assert_int_equal(queue_next_due_s(shard), UINT64_MAX);
}

static void test_damaged_record(void **state)
{
    struct queue_recipient recipient;
    uint32_t flow, record;

    (void)state;
    segment.bytes[offsets[0] + 30] ^= 1;
    (void)!queue_due(shard, 5000, 1000);
    flow = queue_ready(shard);
    record = queue_claim(shard, flow);
    assert_int_equal(record, 0);
    assert_int_equal(queue_view(shard, record, &recipient), -EBADMSG);
    queue_damaged(shard, record);
    assert_int_equal(queue_counts(shard, 0)->damaged, 1);
    assert_int_equal(queue_claim(shard, flow), DOMAINS);
    assert_int_equal(queue_read(queue, 0, &recipient), -EBADMSG);
    assert_int_equal(queue_read(queue, RECIPIENTS, &recipient), -ENOENT);
}

/* Every recipient belongs to exactly one shard. */
static void test_shards(void **state)
{
    uint32_t waiting = 0;

    (void)state;
    arena_close(&arena);
    open_queue(3);
    ready();
    for (uint32_t i = 0; i < 3; i++) {
        struct queue_notice notice = {.kind = QUEUE_NOTICE_STATE,
                                      .state = CAMPAIGN_READY,
                                      .runs_count = queue_append_runs_count(queue)};

        shard = queue_shard(queue, i);
        if (i > 0) {
            queue_notice(shard, &notice);
            notice.kind = QUEUE_NOTICE_RECIPIENTS;
            queue_notice(shard, &notice);
        }
        (void)!queue_due(shard, 5000, 1000);
        waiting += queue_waiting_count(shard);
    }
    assert_int_equal(waiting, RECIPIENTS);
}

/* --- recovery --- */

static void make_journals(void)
{
    struct identity identity = {CAMPAIGN, 0};

    for (uint32_t i = 0; i < 2; i++)
        queue_images_open(&journals[i], RECORD_FILE_JOURNAL, 10 + i);
    queue_images_state(&journals[0], CAMPAIGN, 1, CAMPAIGN_READY, RECIPIENTS);
    queue_images_state(&journals[1], CAMPAIGN, 3, CAMPAIGN_READY, RECIPIENTS);
    queue_images_state(&journals[0], CAMPAIGN, 2, CAMPAIGN_PAUSED, RECIPIENTS);
    queue_images_outcome(&journals[0], identity, 1, OUTCOME_DEFERRED, 500);
    queue_images_outcome(&journals[1], identity, 2, OUTCOME_UNSURE, 600);
    identity.ordinal = 1;
    queue_images_outcome(&journals[1], identity, 2, OUTCOME_DELIVERED, 0);
    queue_images_outcome(&journals[0], identity, 1, OUTCOME_DEFERRED, 700);
    identity.ordinal = 2;
    queue_images_outcome(&journals[0], identity, 1, OUTCOME_DEFERRED, 800);
    queue_images_outcome(&journals[1], identity, 1, OUTCOME_EXPIRED, 0); /* no attempt was made */
    identity.campaign = 12345;
    queue_images_outcome(&journals[1], identity, 1, OUTCOME_DELIVERED, 0); /* of nobody */
    queue_images_commit(&journals[0]);
    queue_images_commit(&journals[1]);
}

static void check_recovered(void)
{
    struct queue_standing standing;

    assert_int_equal(queue_campaign(queue, 0)->state, CAMPAIGN_READY);
    assert_int_equal(queue_campaign(queue, 0)->state_sequence, 3);
    assert_int_equal(queue_standing(queue, 0, &standing), 0);
    assert_int_equal(standing.kind, OUTCOME_DEFERRED);
    assert_int_equal(standing.attempts, 2);
    assert_int_equal(standing.due_s, 600);
    assert_true(standing.unsure);
    assert_int_equal(queue_standing(queue, 1, &standing), 0);
    assert_int_equal(standing.kind, OUTCOME_DELIVERED);
    assert_int_equal(queue_standing(queue, 2, &standing), 0);
    assert_int_equal(standing.kind, OUTCOME_EXPIRED);
    assert_int_equal(standing.attempts, 1);
    assert_int_equal(queue_base_counts(queue, 0)->queued, RECIPIENTS - 3);
    assert_int_equal(queue_base_counts(queue, 0)->deferred, 1);
    assert_int_equal(queue_base_counts(queue, 0)->unsure, 1);
    assert_int_equal(queue_base_counts(queue, 0)->damaged, 0);
}

static void test_replay_in_any_order(void **state)
{
    static const uint32_t orders[][4] = {{0, 1, 0, 1}, {1, 0, 1, 1}, {1, 0, 0, 0}, {0, 0, 1, 0}};
    struct queue_recovered found;

    (void)state;
    make_segment();
    make_journals();
    for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
        uint32_t strangers = 0;

        open_queue(1);
        for (uint32_t k = 0; k < 4; k++) {
            replay(&journals[orders[i][k]], &found);
            strangers += found.strangers_count;
            assert_int_equal(found.damages_count, 0);
        }
        assert_true(strangers > 0);
        queue_recover_finish(queue);
        check_recovered();
        arena_close(&arena);
    }
}

static void test_lost_recipients_are_counted(void **state)
{
    struct queue_limits limits = queue_images_limits(1);
    struct queue_recovered found;
    uint32_t slot;

    (void)state;
    make_segment();
    make_journals();
    segment.bytes[offsets[12]] ^= 4; /* in the middle batch of three */
    assert_int_equal(arena_open(&arena, queue_cost(&limits)), 0);
    queue = queue_open(&arena, &limits);
    assert_int_equal(queue_append_segment(queue, 1, segment.image, 0, &slot), 0);
    assert_int_equal(queue_recover_segment(queue, slot, 0, &found), 0);
    assert_int_equal(found.damages_count, 1);
    replay(&journals[0], &found);
    replay(&journals[1], &found);
    queue_recover_finish(queue);
    assert_int_equal(queue_recipients_count(queue), RECIPIENTS - 10);
    assert_int_equal(queue_base_counts(queue, 0)->damaged, 10);
    assert_int_equal(queue_find(queue, (struct identity){CAMPAIGN, 12}), QUEUE_NONE);
    assert_int_equal(queue_find(queue, (struct identity){CAMPAIGN, 25}), 15);
    arena_close(&arena);
}

/* The batch with the domains is lost: the address tells the domain. */
static void test_lost_domains(void **state)
{
    struct queue_recipient recipient;

    (void)state;
    make_segment();
    segment.bytes[offsets[0]] ^= 4;
    open_queue(1);
    assert_int_equal(queue_recipients_count(queue), RECIPIENTS - 10);
    assert_int_equal(queue_read(queue, 0, &recipient), 0);
    assert_true(span_equal(recipient.domain_name, SPAN("d1.example")));
    arena_close(&arena);
}

static void test_limits(void **state)
{
    (void)state;
    make_segment();
    for (uint32_t what = 0; what < 4; what++) {
        struct queue_limits limits = queue_images_limits(1);
        struct queue_recovered found;
        uint32_t slot;

        if (what == 0)
            limits.recipients_max = RECIPIENTS - 1;
        if (what == 1)
            limits.domains_max = DOMAINS - 1;
        if (what == 2)
            limits.segments_max = 1;
        assert_int_equal(arena_open(&arena, queue_cost(&limits)), 0);
        queue = queue_open(&arena, &limits);
        assert_int_equal(queue_append_segment(queue, 1, segment.image, 0, &slot), 0);
        assert_int_equal(queue_append_segment(queue, 2, segment.image, 0, &slot),
                         what == 2 ? -ENOSPC : 0);
        assert_int_equal(queue_recover_segment(queue, 0, 0, &found), what < 2 ? -ENOSPC : 0);
        arena_close(&arena);
    }
}

/* Recipients of two campaigns in turns: many short runs, each found again. */
static void test_many_runs(void **state)
{
    struct queue_limits limits = queue_images_limits(1);
    const struct campaign_descriptor descriptors[] = {{.id = 1}, {.id = 2}};
    uint32_t ordinals[2] = {0}, slot, domain, campaign = 0;
    uint32_t *expected = test_malloc(6000 * sizeof(*expected));
    struct prng prng;

    (void)state;
    limits.recipients_max = limits.runs_max = 6000;
    prng_seed(&prng, 3);
    assert_int_equal(arena_open(&arena, queue_cost(&limits)), 0);
    queue = queue_open(&arena, &limits);
    assert_int_equal(queue_append_segment(queue, 1, (struct span){0}, 0, &slot), 0);
    assert_int_equal(queue_append_domain(queue, SPAN("a"), &domain), 0);
    for (uint32_t i = 0; i < 2; i++)
        assert_int_equal(queue_append_campaign(queue, &descriptors[i], &campaign), 0);
    for (uint32_t i = 0; i < 6000; i++) {
        struct queue_new_recipient added = {.segment = slot, .domain = domain};

        if (prng_percent(&prng, i < 3000 ? 90 : 1))
            campaign ^= 1;
        added.campaign = campaign;
        added.ordinal = ordinals[campaign]++;
        assert_int_equal(queue_append_recipient(queue, &added), 0);
        expected[i] = queue_append_runs_count(queue) - 1;
        assert_int_equal(queue_find(queue, (struct identity){campaign + 1, added.ordinal}), i);
    }
    assert_true(queue_append_runs_count(queue) > 2500);
    for (uint32_t i = 0; i < 6000; i++)
        assert_int_equal(queue_parts_run(queue, queue->runs_count, i), expected[i]);
    test_free(expected);
    arena_close(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_claims, setup, teardown),
        cmocka_unit_test_setup_teardown(test_deferral_and_release, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pause_and_cancel, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged_record, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shards, setup, teardown),
        cmocka_unit_test(test_replay_in_any_order),
        cmocka_unit_test(test_lost_recipients_are_counted),
        cmocka_unit_test(test_lost_domains),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_many_runs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
