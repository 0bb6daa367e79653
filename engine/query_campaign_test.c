/* How campaigns fare at a domain: each is told once, by no more walks over the recipients than it
 * takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/query_campaign.h"
#include "queue/queue_images.h"
#include "queue/queue_recover.h"

#define CAMPAIGNS_MAX 256
#define LINE_ROOM ((size_t)8 * KIB) /* of the one who asks, at least */

static struct queue_images_file segment;
static struct arena arena;
static struct queue *queue;
static struct content_set *contents;
static bool few; /* of the campaigns the spool knows two still */
static uint8_t said[CAMPAIGNS_MAX * 512 + LINE_ROOM];

static void set_state(uint32_t index, enum campaign_state state)
{
    const struct journal_state record = {
        .campaign = index + 1, .sequence = 1, .state = state, .recipients_count = 1};

    assert_true(queue_append_state(queue, index, &record));
}

/* Campaigns c0, c1 ... with one recipient each at here.example. */
static void open_queue(uint32_t campaigns_count)
{
    struct queue_limits limits = queue_images_limits(1);
    struct queue_recovered found;
    uint32_t slot;

    queue_images_open(&segment, RECORD_FILE_SEGMENT, 1);
    queue_images_domain(&segment, 0, "here.example");
    for (uint32_t i = 0; i < campaigns_count; i++) {
        char name[16];

        (void)snprintf(name, sizeof(name), "c%u", i);
        queue_images_campaign(&segment, i + 1, name);
        (void)queue_images_recipient(&segment, (struct identity){i + 1, 0}, 0, "u@here.example");
    }
    queue_images_commit(&segment);
    limits.campaigns_max = CAMPAIGNS_MAX;
    limits.runs_max = CAMPAIGNS_MAX;
    assert_int_equal(arena_open(&arena, queue_cost(&limits)), 0);
    queue = queue_open(&arena, &limits);
    assert_int_equal(queue_append_segment(queue, 1, segment.image, LANE_BULK, &slot), 0);
    assert_int_equal(queue_recover_segment(queue, slot, 0, &found), 0);
    assert_int_equal(queue_campaigns_count(queue), campaigns_count);
    for (uint32_t i = 0; i < campaigns_count; i++)
        set_state(i, few && i != 70 && i != 133 ? CAMPAIGN_DISCARDED : CAMPAIGN_READY);
    assert_int_equal(content_set_open(&contents, CAMPAIGNS_MAX), 0);
}

static void close_queue(void)
{
    content_set_close(contents);
    arena_close(&arena);
}

/* How many lines were written; with room for all of them each call is a walk. */
static uint32_t ask(const char *name, size_t room, uint32_t *ret_calls)
{
    struct query_campaign_domain walk = {0};
    uint32_t lines = 0;
    bool done = false;

    for (*ret_calls = 0; !done && *ret_calls < 1000; ++*ret_calls) {
        struct text out;

        text_init(&out, said, room);
        done = query_campaign_step(&walk, queue, contents, name, "HERE.example", &out);
        for (size_t i = 0; i < text_span(&out).size; i++)
            lines += said[i] == '\n';
    }
    assert_true(done);
    return lines;
}

static void test_walks(void **state)
{
    static const struct {
        uint32_t campaigns;
        const char *name;
        uint32_t lines, walks;
    } cases[] = {
        {0, "", 0, 1},     {1, "", 1, 1},       {63, "", 63, 1},      {64, "", 64, 1},
        {65, "", 65, 2},   {128, "", 128, 2},   {129, "", 129, 3},    {128, "c0", 1, 1},
        {128, "c5", 1, 1}, {128, "c127", 1, 1}, {129, "t/c64", 1, 1}, {129, "c200", 0, 1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint32_t walks, lines;

        open_queue(cases[i].campaigns);
        lines = ask(cases[i].name, sizeof(said), &walks);
        if (lines != cases[i].lines || walks != cases[i].walks)
            fail_msg("%u campaigns, \"%s\": %u lines in %u walks", cases[i].campaigns,
                     cases[i].name, lines, walks);
        lines = ask(cases[i].name, LINE_ROOM, &walks); /* one line at a time */
        assert_int_equal(lines, cases[i].lines);
        close_queue();
    }
}

/* Nobody walks for campaigns that the spool does not know any more. */
static void test_discarded(void **state)
{
    uint32_t walks;

    (void)state;
    few = true;
    open_queue(200);
    few = false;
    assert_int_equal(ask("", sizeof(said), &walks), 2);
    assert_int_equal(walks, 1);
    assert_non_null(strstr((const char *)said, "c70"));
    assert_non_null(strstr((const char *)said, "c133"));
    assert_int_equal(ask("c71", sizeof(said), &walks), 0);
    close_queue();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walks),
        cmocka_unit_test(test_discarded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
