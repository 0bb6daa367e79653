#include "queue/queue_recover.h"

#include "base/prng.h"
#include "queue/checkpoint.h"
#include "tests/queue_world.h"

static void test_recovered_recipients(void **state)
{
    struct queue_recipient recipient;
    struct span value;

    (void)state;
    start(5, &plain_limits);
    assert_int_equal(queue_campaigns_count(world.queue), 1);
    assert_int_equal(queue_recipients_count(world.queue), 5);
    assert_int_equal(queue_domains_count(world.queue), 2);
    assert_int_equal(queue_append_runs_count(world.queue), 1);
    assert_true(span_equal(queue_campaign(world.queue, 0)->content, SPAN("Hello {{name}}")));
    assert_int_equal(queue_campaign(world.queue, 0)->state, CAMPAIGN_READY);
    assert_int_equal(queue_find_campaign(world.queue, SPAN(""), SPAN("spring")), 0);
    assert_int_equal(queue_find_campaign(world.queue, SPAN("x"), SPAN("spring")), QUEUE_NONE);
    assert_int_equal(queue_find_campaign_id(world.queue, 7), 0);
    assert_int_equal(queue_find_campaign_id(world.queue, 8), QUEUE_NONE);
    for (uint32_t i = 0; i < 5; i++) {
        uint32_t record = queue_find(world.queue, (struct identity){7, i});

        assert_int_equal(queue_read(world.queue, record, &recipient), 0);
        assert_int_equal(recipient.identity.ordinal, i);
        assert_int_equal(recipient.address.data[1], '0' + i);
        assert_int_equal(recipient.domain_name.data[1], '0' + i % 2);
        assert_int_equal(queue_values(recipient.values, &value, 1), 1);
        assert_true(span_equal(value, SPAN("Ada")));
    }
    assert_int_equal(queue_find(world.queue, (struct identity){7, 5}), QUEUE_NONE);
    assert_int_equal(queue_find(world.queue, (struct identity){8, 0}), QUEUE_NONE);
    assert_int_equal(queue_read(world.queue, 5, &recipient), -ENOENT);
    assert_int_equal(queue_read(world.queue, QUEUE_NONE, &recipient), -ENOENT);
    assert_int_equal(total_counts().queued, 5);
}

static void test_outcomes_are_applied(void **state)
{
    static const struct {
        enum outcome_kind kinds[3]; /* in the order of the journal, numbered from 1 */
        enum outcome_kind wanted;
        uint32_t attempts;
        bool unsure;
    } cases[] = {
        {{OUTCOME_NONE}, OUTCOME_NONE, 0, false},
        {{OUTCOME_DEFERRED}, OUTCOME_DEFERRED, 1, false},
        {{OUTCOME_DEFERRED, OUTCOME_DELIVERED}, OUTCOME_DELIVERED, 2, false},
        {{OUTCOME_UNSURE, OUTCOME_DEFERRED, OUTCOME_FAILED}, OUTCOME_FAILED, 3, true},
        {{OUTCOME_DELIVERED, OUTCOME_DEFERRED}, OUTCOME_DELIVERED, 1, false},
        {{OUTCOME_SUPPRESSED}, OUTCOME_SUPPRESSED, 1, false},
        {{OUTCOME_EXPIRED}, OUTCOME_EXPIRED, 1, false},
        {{OUTCOME_CANCELLED}, OUTCOME_CANCELLED, 1, false},
    };
    struct queue_recovered found = {0};
    struct queue_image *image;

    (void)state;
    write_campaign(ARRAY_LEN(cases), false);
    image = write_ready(ARRAY_LEN(cases));
    for (uint32_t i = 0; i < ARRAY_LEN(cases); i++)
        for (uint32_t k = 0; k < 3 && cases[i].kinds[k] != OUTCOME_NONE; k++)
            (void)queue_image_outcome(image, (struct identity){7, i}, k + 1, cases[i].kinds[k],
                                      (NOW + k) * NS_PER_S);
    (void)queue_image_flush(image, true);
    open_queue(&plain_limits);
    assert_int_equal(take_segment(0, &found), 0);
    for (int twice = 0; twice < 2; twice++) {
        take_journal(1, &found);
        assert_int_equal(found.strangers_count, 0);
        for (uint32_t i = 0; i < ARRAY_LEN(cases); i++) {
            struct queue_standing standing;

            assert_int_equal(queue_standing(world.queue, i, &standing), 0);
            assert_int_equal(standing.kind, cases[i].wanted);
            assert_int_equal(standing.attempts, cases[i].attempts);
            assert_int_equal(standing.unsure, cases[i].unsure);
        }
    }
    queue_recover_finish(world.queue);
    check_sum(ARRAY_LEN(cases));
    assert_int_equal(total_counts().delivered, 2);
    assert_int_equal(total_counts().unsure, 1);
    assert_false(found.sealed);
}

/* Two journals of which each knows a part: either may be read first. */
static void test_order_of_journals(void **state)
{
    (void)state;
    for (int order = 0; order < 2; order++) {
        struct queue_recovered found = {0};
        struct queue_standing standing;
        struct queue_image *image;

        write_campaign(3, false);
        image = write_ready(3);
        (void)queue_image_outcome(image, (struct identity){7, 0}, 1, OUTCOME_DEFERRED, 0);
        (void)queue_image_outcome(image, (struct identity){7, 1}, 3, OUTCOME_DELIVERED, 0);
        (void)queue_image_flush(image, true);
        image = new_file(2, RECORD_FILE_JOURNAL);
        (void)queue_image_state(image, 7, 3, CAMPAIGN_READY, 3);
        (void)queue_image_state(image, 7, 2, CAMPAIGN_PAUSED, 3); /* older: changes nothing */
        (void)queue_image_outcome(image, (struct identity){7, 0}, 2, OUTCOME_DELIVERED, 0);
        (void)queue_image_outcome(image, (struct identity){7, 1}, 5, OUTCOME_DEFERRED, 0);
        (void)queue_image_flush(image, true);
        open_queue(&plain_limits);
        assert_int_equal(take_segment(0, &found), 0);
        take_journal(order == 0 ? 1 : 2, &found);
        take_journal(order == 0 ? 2 : 1, &found);
        for (uint32_t i = 0; i < 2; i++) {
            assert_int_equal(queue_standing(world.queue, i, &standing), 0);
            assert_int_equal(standing.kind, OUTCOME_DELIVERED);
            assert_int_equal(standing.attempts, i == 0 ? 2 : 3);
        }
        assert_int_equal(queue_campaign(world.queue, 0)->state, CAMPAIGN_READY);
        (void)close_queue(NULL);
    }
    open_queue(&plain_limits); /* for the teardown */
}

static void test_strangers(void **state)
{
    struct queue_recovered found = {0};
    struct queue_image *image;

    (void)state;
    image = new_file(0, RECORD_FILE_SEGMENT);
    (void)queue_image_content(image, 9, SPAN("of nobody"));
    (void)queue_image_recipient(image, (struct identity){9, 0}, 0, SPAN("a@b.example"));
    (void)queue_image_domain(image, plain_limits.domains_max, SPAN("out.example"));
    (void)queue_image_put(image, RECORD_CAMPAIGN, SPAN("too short"));
    (void)queue_image_put(image, RECORD_RECIPIENT, (struct span){0});
    (void)queue_image_put(image, RECORD_OUTCOME, SPAN("belongs to a journal"));
    (void)queue_image_put(image, 999, SPAN("of a newer program"));
    (void)queue_image_flush(image, true);
    image = new_file(1, RECORD_FILE_JOURNAL);
    (void)queue_image_outcome(image, (struct identity){9, 0}, 1, OUTCOME_DELIVERED, 0);
    (void)queue_image_state(image, 9, 1, CAMPAIGN_READY, 1);
    (void)queue_image_put(image, RECORD_OUTCOME, SPAN("x"));
    (void)queue_image_put(image, RECORD_STATE, SPAN("y"));
    (void)queue_image_put(image, RECORD_STOP, SPAN("z"));
    (void)queue_image_stop(image, 9, SPAN("b.example"), STOP_CANCELLED, 1);
    (void)queue_image_put(image, RECORD_RECIPIENT, SPAN("belongs to a segment"));
    (void)queue_image_put(image, RECORD_SEAL, (struct span){0});
    (void)queue_image_flush(image, true);
    open_queue(&plain_limits);
    assert_int_equal(take_segment(0, &found), 0);
    assert_int_equal(found.strangers_count, 5);
    assert_int_equal(found.records_count, 7);
    take_journal(1, &found);
    assert_int_equal(found.strangers_count, 6);
    assert_true(found.sealed);
    assert_int_equal(queue_stops(world.queue)->count, 0);
    queue_recover_finish(world.queue);
    assert_int_equal(queue_campaigns_count(world.queue), 0);
    assert_int_equal(queue_recipients_count(world.queue), 0);
}

/* What holds for campaign 7 at d0 and at a domain without mail, as the last words say. */
static void test_stops(void **state)
{
    static const struct {
        struct {
            uint64_t campaign;
            struct span domain;
            enum stop_kind kind;
        } orders[3];
        uint32_t orders_count;
        enum campaign_state end;
        enum stop_kind at_d0;
        enum stop_kind elsewhere;
    } cases[] = {
        {{{7, SPAN_INIT("d0.example"), STOP_PAUSED}}, 1, CAMPAIGN_READY, STOP_PAUSED, STOP_NONE},
        {{{0, SPAN_INIT("D0.Example"), STOP_PAUSED}}, 1, CAMPAIGN_READY, STOP_PAUSED, STOP_NONE},
        {{{0, SPAN_INIT("new.example"), STOP_PAUSED}}, 1, CAMPAIGN_READY, STOP_NONE, STOP_PAUSED},
        {{{7, SPAN_INIT("d0.example"), STOP_PAUSED}, {7, SPAN_INIT("d0.example"), STOP_NONE}},
         2,
         CAMPAIGN_READY,
         STOP_NONE,
         STOP_NONE},
        {{{0, SPAN_INIT("d0.example"), STOP_PAUSED},
          {7, SPAN_INIT("d0.example"), STOP_CANCELLED},
          {0, SPAN_INIT("d0.example"), STOP_NONE}},
         3,
         CAMPAIGN_PAUSED,
         STOP_CANCELLED,
         STOP_NONE},
        {{{7, SPAN_INIT("d0.example"), STOP_CANCELLED}, {0, SPAN_INIT("new.example"), STOP_PAUSED}},
         2,
         CAMPAIGN_DONE,
         STOP_NONE, /* it has ended, and with it what was ordered for it */
         STOP_PAUSED},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct queue_recovered found;
        struct queue_image *image;
        uint32_t elsewhere;

        write_campaign(4, false);
        image = write_ready(4);
        for (uint32_t k = 0; k < cases[i].orders_count; k++)
            (void)queue_image_stop(image, cases[i].orders[k].campaign, cases[i].orders[k].domain,
                                   cases[i].orders[k].kind, k + 1);
        if (cases[i].end != CAMPAIGN_READY)
            (void)queue_image_state(image, 7, 2, cases[i].end, 4);
        (void)queue_image_flush(image, true);
        open_queue(&plain_limits);
        assert_int_equal(take_segment(0, &found), 0);
        for (uint32_t times = 0; times < 2; times++) {
            take_journal(1, &found);
            assert_int_equal(found.strangers_count, 0);
            assert_false(found.no_room);
        }
        queue_recover_finish(world.queue);
        assert_int_equal(stops_kind(queue_stops(world.queue), 0, 0), cases[i].at_d0);
        elsewhere = queue_find_domain(world.queue, SPAN("new.example"));
        assert_int_equal(elsewhere == QUEUE_NONE
                             ? STOP_NONE
                             : stops_kind(queue_stops(world.queue), 0, elsewhere),
                         cases[i].elsewhere);
        queue_recover_reset(world.queue);
        assert_int_equal(queue_stops(world.queue)->count, 0);
        (void)close_queue(NULL);
    }
    open_queue(&plain_limits);
}

/* A pause must not be forgotten for want of room. */
static void test_no_room_for_a_stop(void **state)
{
    struct queue_limits limits = plain_limits;
    struct queue_recovered found;
    struct queue_image *image;

    (void)state;
    limits.domains_max = 2;
    write_campaign(4, false);
    image = write_ready(4);
    (void)queue_image_stop(image, 0, SPAN("new.example"), STOP_PAUSED, 1);
    (void)queue_image_flush(image, true);
    open_queue(&limits);
    assert_int_equal(take_segment(0, &found), 0);
    take_journal(1, &found);
    assert_true(found.no_room);
}

/* The record of a domain's number is lost: the address says it. */
static void test_domain_by_the_address(void **state)
{
    static const struct {
        struct span address;
        struct span domain; /* empty: cannot be used */
    } cases[] = {
        {SPAN_INIT("a@Lost.example"), SPAN_INIT("lost.example")},
        {SPAN_INIT("\"a@b\"@lost.example"), SPAN_INIT("lost.example")},
        {SPAN_INIT("bare.example"), SPAN_INIT("bare.example")},
        {SPAN_INIT("a@"), SPAN_INIT("")},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct queue_image *image = new_file(0, RECORD_FILE_SEGMENT);
        struct queue_recovered found = {0};
        struct queue_recipient recipient;

        (void)queue_image_campaign(image, 7, SPAN("spring"));
        (void)queue_image_content(image, 7, SPAN("x"));
        (void)queue_image_recipient(image, (struct identity){7, 0}, 3, cases[i].address);
        (void)queue_image_flush(image, true);
        open_queue(&plain_limits);
        assert_int_equal(take_segment(0, &found), 0);
        assert_int_equal(found.strangers_count, cases[i].domain.size == 0);
        if (cases[i].domain.size > 0) {
            assert_int_equal(queue_read(world.queue, 0, &recipient), 0);
            assert_true(span_equal(recipient.domain_name, cases[i].domain));
        }
        (void)close_queue(NULL);
    }
    open_queue(&plain_limits);
}

static void test_limits(void **state)
{
    static const struct {
        uint32_t recipients_max, domains_max, campaigns_max, runs_max;
        int result;
    } cases[] = {
        {5, 2, 1, 1, 0},
        {4, 2, 1, 1, -ENOSPC},
        {5, 1, 1, 1, -ENOSPC},
        {5, 2, 1, 1, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct queue_limits limits = plain_limits;
        struct queue_recovered found = {0};
        uint32_t slot;

        limits.recipients_max = cases[i].recipients_max;
        limits.domains_max = cases[i].domains_max;
        limits.campaigns_max = cases[i].campaigns_max;
        limits.runs_max = cases[i].runs_max;
        limits.segments_max = 1;
        write_campaign(5, false);
        open_queue(&limits);
        assert_int_equal(take_segment(0, &found), cases[i].result);
        assert_int_equal(queue_append_segment(world.queue, 5, (struct span){0}, 0, &slot), -ENOSPC);
        (void)close_queue(NULL);
    }
    /* Two campaigns in turn: a run each time. */
    for (uint32_t runs_max = 3; runs_max <= 4; runs_max++) {
        struct queue_image *image = new_file(0, RECORD_FILE_SEGMENT);
        struct queue_limits limits = plain_limits;
        struct queue_recovered found = {0};

        limits.runs_max = runs_max;
        (void)queue_image_campaign(image, 1, SPAN("a"));
        (void)queue_image_campaign(image, 2, SPAN("b"));
        for (uint32_t k = 0; k < 4; k++)
            (void)queue_image_recipient(image, (struct identity){1 + k % 2, k / 2}, 0, SPAN("a@b"));
        (void)queue_image_flush(image, true);
        open_queue(&limits);
        assert_int_equal(take_segment(0, &found), runs_max == 4 ? 0 : -ENOSPC);
        if (runs_max == 4)
            for (uint32_t k = 0; k < 4; k++)
                assert_int_equal(queue_find(world.queue, (struct identity){1 + k % 2, k / 2}), k);
        (void)close_queue(NULL);
    }
    open_queue(&plain_limits);
}

/* Bits of the segment flipped: what is lost is counted, the rest is there and is right. */
static void test_damaged_segment(void **state)
{
    const uint32_t count = 8;
    struct prng prng;

    (void)state;
    prng_seed(&prng, 3);
    for (uint32_t round = 0; round < 400; round++) {
        struct queue_recovered found = {0};
        uint64_t at;

        write_campaign(count, true);
        (void)queue_image_flush(write_ready(count), true);
        at = RECORD_PAGE + prng_below(&prng, world.images[0].appender.offset - RECORD_PAGE);
        world.memory[0][at] ^= (uint8_t)(1U << prng_below(&prng, 8));
        open_queue(&plain_limits);
        assert_int_equal(take_segment(0, &found), 0);
        assert_true(found.damages_count == 1 || found.torn_bytes > 0);
        take_journal(1, &found);
        queue_recover_finish(world.queue);
        assert_true(queue_recipients_count(world.queue) >= count - 1 ||
                    queue_campaigns_count(world.queue) == 0);
        if (queue_campaigns_count(world.queue) > 0)
            check_sum(count);
        for (uint32_t i = 0; i < queue_recipients_count(world.queue); i++) {
            struct queue_recipient recipient;

            assert_int_equal(queue_read(world.queue, i, &recipient), 0);
            assert_int_equal(recipient.address.data[1], '0' + recipient.identity.ordinal);
        }
        (void)close_queue(NULL);
    }
    open_queue(&plain_limits);
}

/* Content that is lost: nobody is mailed an empty message, everybody open counts as damaged. */
static void test_lost_content(void **state)
{
    struct queue_image *image = new_file(0, RECORD_FILE_SEGMENT);
    struct queue_recovered found = {0};

    (void)state;
    (void)queue_image_campaign(image, 7, SPAN("spring"));
    (void)queue_image_recipient(image, (struct identity){7, 0}, 0, SPAN("a@b.example"));
    (void)queue_image_recipient(image, (struct identity){7, 1}, 0, SPAN("c@b.example"));
    (void)queue_image_flush(image, true);
    image = write_ready(2);
    (void)queue_image_outcome(image, (struct identity){7, 1}, 1, OUTCOME_DELIVERED, 0);
    (void)queue_image_flush(image, true);
    open_queue(&plain_limits);
    assert_int_equal(take_segment(0, &found), 0);
    take_journal(1, &found);
    queue_recover_finish(world.queue);
    assert_null(queue_campaign(world.queue, 0)->content.data);
    assert_int_equal(total_counts().damaged, 1);
    assert_int_equal(total_counts().delivered, 1);
    check_sum(2);
}

/* A second copy of descriptor and content, in another segment, makes up for a lost one. */
static void test_content_from_another_segment(void **state)
{
    struct queue_recovered found = {0};
    struct queue_image *image;

    (void)state;
    image = new_file(0, RECORD_FILE_SEGMENT);
    (void)queue_image_campaign(image, 7, SPAN("spring"));
    (void)queue_image_recipient(image, (struct identity){7, 0}, 0, SPAN("a@b.example"));
    (void)queue_image_flush(image, true);
    image = new_file(2, RECORD_FILE_SEGMENT);
    (void)queue_image_campaign(image, 7, SPAN("spring"));
    (void)queue_image_content(image, 7, SPAN("whole"));
    (void)queue_image_recipient(image, (struct identity){7, 1}, 0, SPAN("c@b.example"));
    (void)queue_image_flush(image, true);
    (void)queue_image_flush(write_ready(2), true);
    open_queue(&plain_limits);
    assert_int_equal(take_segment(0, &found), 0);
    assert_int_equal(take_segment(2, &found), 0);
    take_journal(1, &found);
    queue_recover_finish(world.queue);
    assert_true(span_equal(queue_campaign(world.queue, 0)->content, SPAN("whole")));
    assert_int_equal(total_counts().queued, 2);
    assert_int_equal(queue_recover_slot(world.queue, 102), 1);
    assert_int_equal(queue_recover_slot(world.queue, 103), QUEUE_NONE);
    check_sum(2);
}

/* No watermark speaks for the batches of a load whose closing one was lost, but READY does. */
static void test_committed_but_torn(void **state)
{
    struct queue_image *image = new_file(0, RECORD_FILE_SEGMENT);
    struct queue_recovered found = {0};
    uint64_t places[5];

    (void)state;
    (void)queue_image_campaign(image, 7, SPAN("spring"));
    (void)queue_image_content(image, 7, SPAN("Hello {{name}}"));
    (void)queue_image_domain(image, 0, SPAN("d0.example"));
    for (uint32_t i = 0; i < 5; i++) {
        (void)queue_image_flush(image, false);
        places[i] = queue_image_recipient(image, (struct identity){7, i}, 0, SPAN("u@d0.example"));
    }
    (void)queue_image_flush(image, false);
    open_queue(&plain_limits);
    assert_int_equal(take_segment(0, &found), 0);
    (void)queue_image_flush(write_ready(5), true);
    take_journal(1, &found);
    assert_false(found.campaign_missing);
    assert_false(queue_recover_incomplete(world.queue));

    image->data[places[1] + 20] ^= 1;
    queue_recover_reset(world.queue);
    assert_int_equal(queue_recover_segment(world.queue, 0, RECORD_PAGE, &found), 0);
    assert_int_equal(found.damages_count, 0); /* a torn tail, as far as it can tell */
    take_journal(1, &found);
    assert_true(queue_recover_incomplete(world.queue));

    queue_recover_reset(world.queue);
    assert_int_equal(queue_recover_committed(world.queue, 0, &found), 0);
    assert_int_equal(found.damages_count, 1);
    take_journal(1, &found);
    queue_recover_finish(world.queue);
    assert_int_equal(queue_append_loaded(world.queue, 0), 4);
    assert_int_equal(queue_find(world.queue, (struct identity){7, 1}), QUEUE_NONE);
    assert_int_not_equal(queue_find(world.queue, (struct identity){7, 4}), QUEUE_NONE);
}

/* A READY of a campaign that stands nowhere. */
static void test_missing_campaign(void **state)
{
    static const enum campaign_state states[] = {CAMPAIGN_READY, CAMPAIGN_DONE, CAMPAIGN_DISCARDED};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        struct queue_image *image = new_file(1, RECORD_FILE_JOURNAL);
        struct queue_recovered found = {0};

        (void)queue_image_state(image, 7, 1, states[i], 5);
        (void)queue_image_flush(image, true);
        open_queue(&plain_limits);
        take_journal(1, &found);
        assert_int_equal(found.campaign_missing, states[i] != CAMPAIGN_DISCARDED);
        (void)close_queue(NULL);
    }
}

static void test_reset_and_again(void **state)
{
    struct queue_recovered found = {0};

    (void)state;
    start(5, &plain_limits);
    for (int i = 0; i < 3; i++) {
        queue_recover_reset(world.queue);
        assert_int_equal(queue_recipients_count(world.queue), 0);
        assert_int_equal(queue_find_campaign_id(world.queue, 7), QUEUE_NONE);
        assert_int_equal(queue_recover_segment(world.queue, 0, RECORD_PAGE, &found), 0);
        take_journal(1, &found);
        queue_recover_finish(world.queue);
        assert_int_equal(queue_recipients_count(world.queue), 5);
        check_sum(5);
    }
}

/* What a checkpoint covers is not added again, but its campaigns and domains are read. */
static void test_from_the_middle(void **state)
{
    struct queue_recovered found = {0};
    uint32_t slot;

    (void)state;
    write_campaign(5, true);
    open_queue(&plain_limits);
    assert_int_equal(
        queue_append_segment(world.queue, 100, queue_image_span(&world.images[0]), 0, &slot), 0);
    assert_int_equal(queue_recover_segment(world.queue, slot, RECORD_PAGE, &found), 0);
    assert_int_equal(queue_recover_segment(world.queue, slot, found.end, &found), 0);
    assert_int_equal(queue_recipients_count(world.queue), 5);
    assert_int_equal(queue_campaigns_count(world.queue), 1);
    assert_int_equal(queue_append_loaded(world.queue, 0), 5);
}

/* Writes a checkpoint of the queue and reads it into a fresh one. */
static void through_a_checkpoint(void)
{
    static uint8_t bytes[4 * CHECKPOINT_BLOCK], tables[4096];
    static uint32_t crcs[16];
    const struct checkpoint_memory memory = {tables, sizeof(tables), crcs, ARRAY_LEN(crcs)};
    const struct record_file file = {.kind = RECORD_FILE_CHECKPOINT, .id = 3};
    const struct checkpoint_journals journals = {0};
    struct checkpoint_writer writer;
    struct checkpoint_loaded loaded;
    struct span trailer;
    uint64_t offset;
    uint32_t slot;

    memset(bytes, 0, sizeof(bytes));
    checkpoint_begin(&writer, world.queue, &file, &journals, &memory);
    assert_true(writer.size <= sizeof(bytes));
    for (uint64_t i = 0; i < writer.blocks_count; i++) {
        uint8_t *data = bytes + checkpoint_block_offset(i);

        if (i < checkpoint_entry_blocks(&writer))
            checkpoint_fill_entries(&writer, i, QUEUE_NONE, data);
        else
            checkpoint_fill(&writer, i, data);
        checkpoint_add_crc(&writer, i, data);
    }
    trailer = checkpoint_trailer(&writer, &offset);
    memcpy(bytes + offset, trailer.data, trailer.size);
    checkpoint_header(&writer, bytes);
    (void)close_queue(NULL);
    open_queue(&plain_limits);
    assert_int_equal(checkpoint_read(span_make(bytes, sizeof(bytes)), &loaded), 0);
    assert_int_equal(
        queue_append_segment(world.queue, 100, queue_image_span(&world.images[0]), 0, &slot), 0);
    assert_int_equal(checkpoint_load(world.queue, span_make(bytes, sizeof(bytes))), 0);
}

/* The last ordinal there can be, and the first: no run goes around the end. */
static void test_ordinals_at_the_end(void **state)
{
    static const uint32_t ordinals[] = {UINT32_MAX - 1, UINT32_MAX, 0, 1};
    struct queue_image *image = new_file(0, RECORD_FILE_SEGMENT);
    struct queue_recovered found = {0};

    (void)state;
    (void)queue_image_campaign(image, 7, SPAN("spring"));
    (void)queue_image_content(image, 7, SPAN("x"));
    for (size_t i = 0; i < ARRAY_LEN(ordinals); i++)
        (void)queue_image_recipient(image, (struct identity){7, ordinals[i]}, 0, SPAN("a@b"));
    (void)queue_image_flush(image, true);
    open_queue(&plain_limits);
    assert_int_equal(take_segment(0, &found), 0);
    for (uint32_t i = 0; i < 2 * ARRAY_LEN(ordinals); i++) {
        uint32_t record = i % ARRAY_LEN(ordinals);
        struct queue_recipient recipient;

        if (i == ARRAY_LEN(ordinals))
            through_a_checkpoint();
        assert_int_equal(queue_recipients_count(world.queue), ARRAY_LEN(ordinals));
        assert_int_equal(queue_find(world.queue, (struct identity){7, ordinals[record]}), record);
        assert_int_equal(queue_read(world.queue, record, &recipient), 0);
        assert_true(recipient.identity.ordinal == ordinals[record]);
    }
}

int main(void)
{
#define TEST(test) cmocka_unit_test_teardown(test, close_queue)
    const struct CMUnitTest tests[] = {
        TEST(test_recovered_recipients),
        TEST(test_outcomes_are_applied),
        TEST(test_order_of_journals),
        TEST(test_strangers),
        TEST(test_stops),
        TEST(test_no_room_for_a_stop),
        TEST(test_domain_by_the_address),
        TEST(test_limits),
        TEST(test_damaged_segment),
        TEST(test_lost_content),
        TEST(test_content_from_another_segment),
        TEST(test_committed_but_torn),
        TEST(test_missing_campaign),
        TEST(test_reset_and_again),
        TEST(test_from_the_middle),
        TEST(test_ordinals_at_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
