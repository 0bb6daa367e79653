/* queue_world.h - a queue recovered from small images, and shards that claim from it; for unit
 * tests only.
 *
 * One world a program. close_queue is the teardown of every test. */
#ifndef TESTS_QUEUE_WORLD_H
#define TESTS_QUEUE_WORLD_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "queue/queue_append.h"
#include "queue/queue_recover.h"
#include "tests/queue_image.h"

#define SIZE ((size_t)64 * 1024)
#define FILES_MAX 3
#define NOW UINT64_C(1790000000)

struct world {
    struct arena arena;
    struct queue *queue;
    struct queue_limits limits;
    uint8_t memory[FILES_MAX][SIZE];
    struct queue_image images[FILES_MAX];
};

static struct world world;

static const struct queue_limits plain_limits = {
    .recipients_max = 64,
    .domains_max = 16,
    .campaigns_max = 4,
    .segments_max = 3,
    .runs_max = 8,
    .flows_max = 8,
    .shards_count = 1,
};

static inline void open_queue(const struct queue_limits *limits)
{
    world.limits = *limits;
    assert_int_equal(arena_open(&world.arena, queue_cost(limits)), 0);
    world.queue = queue_open(&world.arena, limits);
    arena_seal(&world.arena);
}

static inline int close_queue(void **state)
{
    (void)state;
    arena_close(&world.arena);
    world.queue = NULL;
    return 0;
}

static inline struct queue_image *new_file(uint32_t file, enum record_file_kind kind)
{
    queue_image_open(&world.images[file], (struct span_mut){world.memory[file], SIZE}, kind,
                     100 + file);
    return &world.images[file];
}

/* Registers a segment and reads it. */
static inline int take_segment(uint32_t file, struct queue_recovered *ret)
{
    uint32_t slot;
    int r = queue_append_segment(world.queue, 100 + file, queue_image_span(&world.images[file]), 0,
                                 &slot);

    return r < 0 ? r : queue_recover_segment(world.queue, slot, RECORD_PAGE, ret);
}

static inline void take_journal(uint32_t file, struct queue_recovered *ret)
{
    queue_recover_journal(world.queue, queue_image_span(&world.images[file]), 100 + file,
                          RECORD_PAGE, ret);
}

/* Segment 0: campaign 7 "spring" with `count` recipients u0@d0.example, u1@d1.example, u2@d0...,
 * each in a batch of its own when `apart`. */
static inline void write_campaign(uint32_t count, bool apart)
{
    struct queue_image *image = new_file(0, RECORD_FILE_SEGMENT);

    (void)queue_image_campaign(image, 7, SPAN("spring"));
    (void)queue_image_content(image, 7, SPAN("Hello {{name}}"));
    (void)queue_image_domain(image, 0, SPAN("d0.example"));
    (void)queue_image_domain(image, 1, SPAN("d1.example"));
    for (uint32_t i = 0; i < count; i++) {
        char address[] = "u?@d?.example";

        if (apart)
            (void)queue_image_flush(image, true);
        address[1] = (char)('0' + i);
        address[4] = (char)('0' + i % 2);
        (void)queue_image_recipient(image, (struct identity){7, i}, i % 2, span_cstr(address));
    }
    (void)queue_image_flush(image, true);
    (void)queue_image_put(image, RECORD_SEAL, (struct span){0});
    (void)queue_image_flush(image, true);
}

/* Journal 1: campaign 7 is READY with `count` recipients, and what the caller adds. */
static inline struct queue_image *write_ready(uint32_t count)
{
    struct queue_image *image = new_file(1, RECORD_FILE_JOURNAL);

    (void)queue_image_state(image, 7, 1, CAMPAIGN_READY, count);
    return image;
}

/* The whole way to a queue whose shards know everything. */
static inline void start(uint32_t count, const struct queue_limits *limits)
{
    struct queue_recovered found;

    write_campaign(count, false);
    (void)queue_image_flush(write_ready(count), true);
    open_queue(limits);
    assert_int_equal(take_segment(0, &found), 0);
    take_journal(1, &found);
    queue_recover_finish(world.queue);
}

static inline void tell(uint32_t shard, enum campaign_state state)
{
    const struct queue_notice notice = {
        .kind = QUEUE_NOTICE_RECIPIENTS,
        .campaign_index = 0,
        .state = state,
        .runs_count = queue_append_runs_count(world.queue),
    };

    queue_notice(queue_shard(world.queue, shard), &notice);
}

static inline void tell_state(uint32_t shard, enum campaign_state state)
{
    const struct queue_notice notice = {
        .kind = QUEUE_NOTICE_STATE,
        .campaign_index = 0,
        .state = state,
        .runs_count = queue_append_runs_count(world.queue),
    };

    queue_notice(queue_shard(world.queue, shard), &notice);
}

/* The stop is ordered of the store, and each shard is told. */
static inline void stop(uint32_t campaign, const char *domain, enum stop_kind kind)
{
    struct queue_notice notice = {
        .kind = QUEUE_NOTICE_STOP,
        .campaign_index = campaign,
        .stop = {.campaign = campaign, .kind = kind},
        .runs_count = queue_append_runs_count(world.queue),
    };

    notice.stop.domain = queue_find_domain(world.queue, span_cstr(domain));
    assert_int_not_equal(notice.stop.domain, QUEUE_NONE);
    assert_int_equal(
        queue_append_stop(world.queue, &notice.stop, queue_append_next_stop(world.queue)), 0);
    for (uint32_t i = 0; i < world.limits.shards_count; i++)
        queue_notice(queue_shard(world.queue, i), &notice);
}

static inline void run_due(struct queue_shard *shard, uint64_t now_s)
{
    for (uint32_t i = 0; queue_due(shard, now_s, 3); i++)
        assert_true(i < 1000);
}

/* Claims everything there is; returns how many, and the first few. */
static inline uint32_t claim_all(struct queue_shard *shard, uint32_t *ret_records,
                                 uint32_t records_max)
{
    uint32_t count = 0, flow, record;

    while ((flow = queue_ready(shard)) != QUEUE_NONE)
        while ((record = queue_claim(shard, flow)) != QUEUE_NONE) {
            assert_true(count < records_max);
            ret_records[count++] = record;
        }
    return count;
}

static inline struct campaign_counts total_counts(void)
{
    struct campaign_counts counts = *queue_base_counts(world.queue, 0);

    for (uint32_t i = 0; i < world.limits.shards_count; i++)
        campaign_counts_add(&counts, queue_counts(queue_shard(world.queue, i), 0));
    return counts;
}

/* Where everybody stands: the promise of struct campaign_counts. */
static inline void check_sum(int64_t recipients)
{
    struct campaign_counts counts = total_counts();

    assert_int_equal(campaign_counts_open(&counts) + counts.delivered + counts.failed +
                         counts.expired + counts.suppressed + counts.cancelled + counts.damaged,
                     recipients);
    assert_true(counts.queued >= 0 && counts.deferred >= 0 && counts.in_flight >= 0);
    assert_true(counts.damaged >= 0);
}

static inline struct attempt attempt_of(enum outcome_kind kind, uint64_t next_due_s)
{
    return (struct attempt){
        .outcome = {.kind = kind}, .counted = true, .next_due_ns = next_due_s * NS_PER_S};
}

#endif
