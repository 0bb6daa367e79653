#include "queue/queue_append.h"

#include "tests/expect_abort.h"
#include "tests/queue_world.h"

static void test_states_by_sequence(void **state)
{
    struct journal_state next;

    (void)state;
    start(2, &plain_limits);
    next = queue_append_next_state(world.queue, 0, CAMPAIGN_PAUSED, NOW);
    assert_int_equal(next.sequence, 2);
    assert_int_equal(next.campaign, 7);
    assert_int_equal(next.recipients_count, 2);
    assert_true(queue_append_state(world.queue, 0, &next));
    assert_false(queue_append_state(world.queue, 0, &next)); /* repeated */
    next.sequence = 1;
    next.state = CAMPAIGN_DONE;
    assert_false(queue_append_state(world.queue, 0, &next));
    assert_int_equal(queue_campaign(world.queue, 0)->state, CAMPAIGN_PAUSED);
    next.sequence = UINT32_MAX;
    next.state = CAMPAIGN_DISCARDED;
    assert_true(queue_append_state(world.queue, 0, &next));
    assert_int_equal(queue_find_campaign(world.queue, SPAN(""), SPAN("spring")), QUEUE_NONE);
}

static void test_campaigns_repeated_and_too_many(void **state)
{
    struct campaign_descriptor descriptor = {.id = 1};
    uint32_t index;

    (void)state;
    open_queue(&plain_limits);
    for (uint32_t i = 0; i < plain_limits.campaigns_max; i++) {
        descriptor.id = i + 1;
        assert_int_equal(queue_append_campaign(world.queue, &descriptor, &index), 0);
        assert_int_equal(queue_append_campaign(world.queue, &descriptor, &index), -EEXIST);
        assert_int_equal(index, i);
    }
    descriptor.id = 99;
    assert_int_equal(queue_append_campaign(world.queue, &descriptor, &index), -ENOSPC);
}

static void test_places_that_are_wrong(void **state)
{
    struct queue_image *image = new_file(0, RECORD_FILE_SEGMENT);
    uint64_t mine = queue_image_campaign(image, 7, SPAN("spring"));
    uint64_t content = queue_image_content(image, 7, SPAN("x"));
    uint64_t other = queue_image_campaign(image, 8, SPAN("autumn"));
    uint64_t other_content = queue_image_content(image, 8, SPAN("y"));
    const struct {
        uint32_t segment;
        uint64_t descriptor, content;
        int result;
    } cases[] = {
        {0, mine, content, 0},
        {0, mine, 0, 0}, /* content not known */
        {1, mine, content, -EBADMSG},
        {QUEUE_NONE, mine, content, -EBADMSG},
        {0, other, content, -EBADMSG},
        {0, other, other_content, -EBADMSG},
        {0, other, 0, -EBADMSG},
        {0, mine, other_content, -EBADMSG},
        {0, content, mine, -EBADMSG},
        {0, 0, content, -EBADMSG},
        {0, mine + 8, content, -EBADMSG},
        {0, UINT64_MAX, content, -EBADMSG},
        {0, mine, UINT64_MAX - 7, -EBADMSG},
    };
    struct queue_recovered found;

    (void)state;
    (void)queue_image_flush(image, true);
    open_queue(&plain_limits);
    assert_int_equal(take_segment(0, &found), 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(queue_append_place(world.queue, 0, cases[i].segment, cases[i].descriptor,
                                            cases[i].content),
                         cases[i].result);
}

static void next_state_that_may_not_be(void *context)
{
    (void)context;
    (void)queue_append_next_state(world.queue, 0, CAMPAIGN_LOADING, NOW);
}

static void recipient_of_no_domain(void *context)
{
    const struct queue_new_recipient recipient = {.domain = 99};

    (void)context;
    (void)!queue_append_recipient(world.queue, &recipient);
}

static void test_misuse_is_caught(void **state)
{
    (void)state;
    start(2, &plain_limits);
    assert_true(expect_abort(next_state_that_may_not_be, NULL));
    assert_true(expect_abort(recipient_of_no_domain, NULL));
}

int main(void)
{
#define TEST(test) cmocka_unit_test_teardown(test, close_queue)
    const struct CMUnitTest tests[] = {
        TEST(test_states_by_sequence),
        TEST(test_campaigns_repeated_and_too_many),
        TEST(test_places_that_are_wrong),
        TEST(test_misuse_is_caught),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
