/* checkpoint: what was written loads into the same tables; anything else is refused. */
#include "queue/checkpoint.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "queue/queue_images.h"
#include "queue/queue_recover.h"

#define RECIPIENTS 200

static struct queue_images_file segment;
static struct arena arena, tables;
static struct queue *queue;
static struct checkpoint_memory memory;
static struct span_mut image;

static void open_queue(struct queue_images_file *file)
{
    struct queue_limits limits = queue_images_limits(2);
    uint32_t slot;

    assert_int_equal(arena_open(&arena, queue_cost(&limits)), 0);
    queue = queue_open(&arena, &limits);
    assert_int_equal(queue_append_segment(queue, 1, file->image, 0, &slot), 0);
}

static void fill_queue(void)
{
    const struct journal_state ready = {
        .campaign = 5, .sequence = 4, .state = CAMPAIGN_PAUSED, .recipients_count = RECIPIENTS};
    const struct stop stops[] = {{0, 1, STOP_CANCELLED, 77, false},
                                 {STOPS_EVERY, 0, STOP_PAUSED, 78, false}};
    struct queue_recovered found;

    queue_images_open(&segment, RECORD_FILE_SEGMENT, 1);
    queue_images_campaign(&segment, 5, "first");
    queue_images_campaign(&segment, 6, "second");
    queue_images_domain(&segment, 0, "a.example");
    queue_images_domain(&segment, 1, "b.example");
    for (uint32_t i = 0; i < RECIPIENTS; i++)
        (void)queue_images_recipient(&segment, (struct identity){i < 50 ? 6 : 5, i}, i % 2,
                                     i % 2 ? "x@b.example" : "x@a.example");
    queue_images_commit(&segment);
    open_queue(&segment);
    assert_int_equal(queue_recover_segment(queue, 0, 0, &found), 0);
    assert_true(queue_append_state(queue, 0, &ready));
    for (size_t i = 0; i < ARRAY_LEN(stops); i++)
        assert_int_equal(queue_append_stop(queue, &stops[i], 10 + i), 0);
    queue_recover_finish(queue);
}

/* Writes the queue's checkpoint into `image`. */
static void write_image(void)
{
    const struct checkpoint_cover covers[] = {{7, 8}, {9, UINT64_MAX}};
    const struct checkpoint_journals journals = {covers, 2};
    const struct record_file file = {.kind = RECORD_FILE_CHECKPOINT, .id = 3};
    struct checkpoint_writer writer;
    struct span trailer;
    uint64_t offset;

    checkpoint_begin(&writer, queue, &file, &journals, &memory);
    writer.clean = true;
    image = (struct span_mut){calloc(1, writer.size), writer.size};
    assert_non_null(image.data);
    for (uint64_t i = 0; i < writer.blocks_count; i++) {
        uint8_t *data = image.data + checkpoint_block_offset(i);

        if (i < checkpoint_entry_blocks(&writer)) {
            checkpoint_fill_entries(&writer, i, 0, data);
            checkpoint_fill_entries(&writer, i, 1, data);
        } else {
            checkpoint_fill(&writer, i, data);
        }
        checkpoint_add_crc(&writer, i, data);
    }
    trailer = checkpoint_trailer(&writer, &offset);
    memcpy(image.data + offset, trailer.data, trailer.size);
    assert_int_equal(offset + trailer.size, image.size);
    checkpoint_header(&writer, image.data);
}

static int setup(void **state)
{
    struct queue_limits limits = queue_images_limits(2);

    (void)state;
    memory.size = checkpoint_memory_size(&limits, 4);
    memory.crcs_count = checkpoint_crcs_count(&limits, 4);
    assert_int_equal(arena_open(&tables, arena_cost(memory.size, 1) +
                                             arena_cost(memory.crcs_count, sizeof(uint32_t))),
                     0);
    memory.data = arena_alloc(&tables, memory.size, 1);
    memory.crcs = arena_alloc(&tables, memory.crcs_count, sizeof(uint32_t));
    fill_queue();
    write_image();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(image.data);
    arena_close(&arena);
    arena_close(&tables);
    return 0;
}

static void test_round_trip(void **state)
{
    struct checkpoint_loaded loaded;
    struct queue_standing standing;
    struct queue_recipient recipient;

    (void)state;
    arena_close(&arena);
    assert_int_equal(checkpoint_read(span_from_mut(image), &loaded), 0);
    assert_true(loaded.clean);
    assert_int_equal(loaded.segments_count, 1);
    assert_int_equal(loaded.segments[0].file, 1);
    assert_int_equal(loaded.journals_count, 2);
    assert_int_equal(loaded.journals[1].offset, UINT64_MAX);
    open_queue(&segment);
    assert_int_equal(checkpoint_load(queue, span_from_mut(image)), 0);
    queue_recover_finish(queue);
    assert_int_equal(queue_recipients_count(queue), RECIPIENTS);
    assert_int_equal(queue_campaigns_count(queue), 2);
    assert_int_equal(queue_campaign(queue, 0)->state, CAMPAIGN_PAUSED);
    assert_true(span_equal(queue_campaign(queue, 0)->descriptor.name, SPAN("first")));
    assert_true(span_equal(queue_campaign(queue, 0)->content, SPAN("hello")));
    assert_int_equal(queue_domains_count(queue), 2);
    assert_int_equal(queue_stops(queue)->count, 2);
    assert_int_equal(queue_append_next_stop(queue), 12);
    assert_int_equal(stops_find(queue_stops(queue), 0, 1)->kind, STOP_CANCELLED);
    assert_true(stops_find(queue_stops(queue), 0, 1)->time_s == 77);
    assert_int_equal(stops_find(queue_stops(queue), STOPS_EVERY, 0)->kind, STOP_PAUSED);
    for (uint32_t i = 0; i < RECIPIENTS; i++) {
        uint32_t record = queue_find(queue, (struct identity){i < 50 ? 6 : 5, i});

        assert_int_equal(record, i);
        assert_int_equal(queue_read(queue, record, &recipient), 0);
        assert_int_equal(recipient.identity.ordinal, i);
        assert_int_equal(queue_standing(queue, record, &standing), 0);
    }
}

static void test_refuses_damage(void **state)
{
    struct checkpoint_loaded loaded;
    struct prng prng;

    (void)state;
    prng_seed(&prng, 1);
    for (uint32_t i = 0; i < 2000; i++) {
        /* The bytes between the header's two parts say nothing. */
        size_t at = i < 72 ? i : i < 150 ? 1024 + i - 72 : RECORD_PAGE;

        if (i >= 150 || at >= 1024 + 88)
            at = RECORD_PAGE + prng_below(&prng, image.size - RECORD_PAGE);
        image.data[at] ^= (uint8_t)(1U << prng_below(&prng, 8));
        if (checkpoint_read(span_from_mut(image), &loaded) == 0)
            fail_msg("a flipped bit at %zu goes unseen", at);
        image.data[at] = 0;
        free(image.data);
        write_image();
    }
    for (size_t cut = 0; cut < image.size; cut += 997)
        assert_int_not_equal(checkpoint_read(span_make(image.data, cut), &loaded), 0);
}

static void test_refuses_other_segments(void **state)
{
    struct queue_limits limits = queue_images_limits(2);
    uint32_t slot;

    (void)state;
    arena_close(&arena);
    assert_int_equal(arena_open(&arena, queue_cost(&limits)), 0);
    queue = queue_open(&arena, &limits);
    assert_int_equal(checkpoint_load(queue, span_from_mut(image)), -EBADMSG); /* no segment */
    assert_int_equal(queue_append_segment(queue, 2, segment.image, 0, &slot), 0);
    assert_int_equal(checkpoint_load(queue, span_from_mut(image)), -EBADMSG); /* another one */
    arena_close(&arena);
    limits.recipients_max = RECIPIENTS - 1;
    assert_int_equal(arena_open(&arena, queue_cost(&limits)), 0);
    queue = queue_open(&arena, &limits);
    assert_int_equal(queue_append_segment(queue, 1, segment.image, 0, &slot), 0);
    assert_int_equal(checkpoint_load(queue, span_from_mut(image)), -ENOSPC);
    queue_recover_reset(queue);
    assert_int_equal(queue_campaigns_count(queue), 0);
    assert_int_equal(queue_recipients_count(queue), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refuses_damage, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refuses_other_segments, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
