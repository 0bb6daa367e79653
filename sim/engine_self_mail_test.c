/* Mail that ringpost writes itself: it is in the queue once, whatever ended the process; what
 * cannot be queued leaves nothing behind. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/self_mail.h"
#include "engine/tag.h"
#include "sim/sim_world.h"

#define CONTENT                                                                                    \
    SPAN("Date: Sat, 21 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@here.test>\r\n"                  \
         "From: r@here.test\r\nSubject: a report\r\n\r\nText\r\n")

struct process {
    struct arena arena;
    struct io *io;
    struct store *store;
    struct store_shard *shard;
    struct content_set *contents;
    struct self_mail mail;
};

static struct process process;
static bool without_memory; /* for contents */

static const struct store_options options = {
    .folder = "spool",
    .segment_size = (uint64_t)64 * 1024,
    .journal_size = (uint64_t)64 * 1024,
    .claims_max = 32,
    .limits = {.recipients_max = 1000,
               .domains_max = 64,
               .campaigns_max = 64,
               .segments_max = 64,
               .runs_max = 256,
               .flows_max = 64,
               .shards_count = 1},
    .tag_base = (uint64_t)TAG_STORE << 56,
    .wake_index = STORE_NO_WAKE,
};

/* Linked in the place of content_draft (-Wl,--wrap). */
int __real_content_draft(struct content_set *set, uint32_t campaign_index,
                         const struct campaign *campaign, struct span source, struct text *error,
                         bool *ret_passes);
int __wrap_content_draft(struct content_set *set, uint32_t campaign_index,
                         const struct campaign *campaign, struct span source, struct text *error,
                         bool *ret_passes);

int __wrap_content_draft(struct content_set *set, uint32_t campaign_index,
                         const struct campaign *campaign, struct span source, struct text *error,
                         bool *ret_passes)
{
    return without_memory
               ? -ENOMEM
               : __real_content_draft(set, campaign_index, campaign, source, error, ret_passes);
}

static void start(void)
{
    const struct io_options io_options = {0};
    struct store_shard_options shard = {.tag_base = ((uint64_t)TAG_STORE + 1) << 56,
                                        .wake_index = STORE_NO_WAKE};
    char words[256];
    struct text error;

    memset(&process, 0, sizeof(process));
    text_init(&error, words, sizeof(words));
    assert_int_equal(io_open(&process.io, &io_options, &error), 0);
    assert_int_equal(arena_open(&process.arena, store_cost(&options)), 0);
    assert_int_equal(store_open(&process.store, process.io, &process.arena, &options, &error), 0);
    assert_int_equal(content_set_open(&process.contents, options.limits.campaigns_max), 0);
    shard.io = process.io;
    process.shard = store_shard(process.store, 0);
    store_shard_open(process.shard, &shard);
    self_mail_init(&process.mail, process.store, process.contents);
}

static void abandon(void)
{
    content_set_close(process.contents);
    io_close(process.io);
    arena_close(&process.arena);
}

/* False: the world was cut. */
static bool turn(void)
{
    struct io_event events[16];
    uint32_t count =
        io_wait(process.io, io_now_ns(process.io) + NS_PER_MS, events, ARRAY_LEN(events));

    for (uint32_t i = 0; i < count; i++)
        if (!store_event(process.store, &events[i]))
            assert_true(store_shard_event(process.shard, &events[i]));
    store_tick(process.store);
    self_mail_turn(&process.mail);
    store_shard_tick(process.shard);
    return !sim_world_is_cut();
}

static enum self_mail_state run(void)
{
    for (uint32_t i = 0; i < 10000 && (process.mail.state == SELF_MAIL_ADDING ||
                                       process.mail.state == SELF_MAIL_COMMITTING);
         i++)
        if (!turn())
            break;
    return process.mail.state;
}

static struct self_mail_letter letter_of(const char *name, const char *first, const char *second)
{
    struct self_mail_letter letter = {.name = span_cstr(name),
                                      .sender = SPAN("r@here.test"),
                                      .content = CONTENT,
                                      .recipients = {span_cstr(first)},
                                      .recipients_count = 1,
                                      .created_s = 1795262400};

    if (second != NULL)
        letter.recipients[letter.recipients_count++] = span_cstr(second);
    return letter;
}

static int begin(const char *name, const char *first, const char *second)
{
    struct self_mail_letter letter = letter_of(name, first, second);

    return self_mail_begin(&process.mail, &letter);
}

/* A copy; DISCARDED when there is none. */
static struct campaign campaign_of(const char *name)
{
    struct queue *queue = store_queue(process.store);
    uint32_t index = queue_find_campaign(queue, SPAN(""), span_cstr(name));
    const struct campaign nowhere = {.state = CAMPAIGN_DISCARDED};

    return index == QUEUE_NONE ? nowhere : *queue_campaign(queue, index);
}

/* "address in domain, ..." of all that can be claimed. */
static const char *claims(bool with_content)
{
    static char words[512];
    struct queue_shard *queue = store_shard_queue(process.shard);
    uint32_t flow;
    struct text text;

    text_init(&text, words, sizeof(words));
    while ((flow = queue_ready(queue)) != QUEUE_NONE) {
        struct queue_recipient recipient;
        struct queue_flow info;
        uint32_t record;

        queue_flow(queue, flow, &info);
        if (with_content) /* no shard claims after the end, so none needs it */
            assert_non_null(content_of(process.contents, info.campaign_index));
        while (store_claim(process.shard, flow, &record, &recipient) == 0) {
            struct span domain = queue_domain_name(store_queue(process.store), info.domain);

            if (text.size > 0)
                text_add_cstr(&text, ", ");
            text_add(&text, recipient.address);
            text_add_cstr(&text, " in ");
            text_add(&text, domain);
        }
    }
    return text_cstr_end(&text);
}

static void test_in_the_queue(void **state)
{
    static const struct {
        const char *first, *second, *claims;
    } cases[] = {
        {"reports@a.test", NULL, "reports@a.test in a.test"},
        {"Reports@B.Test", "other@b.test", "Reports@B.Test in b.test, other@b.test in b.test"},
        {"x@[IPv6:2001:DB8::0001]", NULL, "x@[IPv6:2001:DB8::0001] in [ipv6:2001:db8::1]"},
        {"x@[192.0.2.1]", NULL, "x@[192.0.2.1] in [192.0.2.1]"},
    };

    (void)state;
    sim_world_open(1, NULL);
    start();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char name[16] = "";
        struct campaign campaign;

        (void)snprintf(name, sizeof(name), "letter%zu", i);
        assert_int_equal(self_mail_take(&process.mail), SELF_MAIL_IDLE);
        assert_int_equal(begin(name, cases[i].first, cases[i].second), 0);
        assert_int_equal(run(), SELF_MAIL_DONE);
        assert_int_equal(self_mail_take(&process.mail), SELF_MAIL_DONE);
        assert_int_equal(self_mail_take(&process.mail), SELF_MAIL_IDLE);
        campaign = campaign_of(name);
        assert_int_equal(campaign.state, CAMPAIGN_READY);
        assert_int_equal(campaign.recipients_count, cases[i].second == NULL ? 1 : 2);
        assert_int_equal(campaign.descriptor.lane, LANE_TRANSACTIONAL);
        assert_int_equal(campaign.descriptor.kind, CAMPAIGN_MESSAGE);
        assert_int_equal(campaign.descriptor.created_s, 1795262400);
        assert_true(span_equal(campaign.descriptor.stream, SPAN(SELF_MAIL_STREAM)));
        assert_true(span_equal(campaign.descriptor.sender, SPAN("r@here.test")));
        assert_true(span_equal(campaign.content, CONTENT));
        for (uint32_t t = 0; t < 5; t++)
            assert_true(turn());
        assert_string_equal(claims(true), cases[i].claims);
    }
    abandon();
    sim_world_close();
}

/* What was queued is not queued again, by this process or the next. */
static void test_once(void **state)
{
    (void)state;
    sim_world_open(1, NULL);
    start();
    assert_int_equal(begin("one", "a@a.test", NULL), 0);
    assert_int_equal(run(), SELF_MAIL_DONE);
    assert_int_equal(self_mail_take(&process.mail), SELF_MAIL_DONE);
    assert_int_equal(begin("one", "a@a.test", NULL), -EEXIST);
    assert_int_equal(process.mail.state, SELF_MAIL_IDLE);
    sim_world_power_loss();
    abandon();
    start();
    assert_int_equal(begin("one", "a@a.test", NULL), -EEXIST);
    assert_int_equal(begin("two", "a@a.test", NULL), 0);
    assert_int_equal(run(), SELF_MAIL_DONE);
    abandon();
    sim_world_close();
}

/* Refused at once, or given up: nothing of it is queued, and a better one of that name may come. */
static void test_bad_recipients(void **state)
{
    static char long_address[ADDRESS_SIZE_MAX + 2];
    const struct {
        const char *first, *second;
        int result;
    } cases[] = {
        {"nobody", NULL, 0},
        {"a@", NULL, 0},
        {"a@b.test\r\nX: y", NULL, 0},
        {"good@a.test", "bad", 0},
        {"a@-.test..", NULL, 0},
        {long_address, NULL, -EINVAL},
        {"good@a.test", long_address, -EINVAL},
    };

    (void)state;
    memset(long_address, 'x', sizeof(long_address) - 1);
    sim_world_open(1, NULL);
    start();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int result = begin("name", cases[i].first, cases[i].second);

        if (result != cases[i].result)
            fail_msg("case %zu: %d", i, result);
        if (result == 0) {
            assert_int_equal(run(), SELF_MAIL_FAILED);
            assert_int_equal(self_mail_take(&process.mail), SELF_MAIL_FAILED);
        }
        assert_int_equal(process.mail.state, SELF_MAIL_IDLE);
        for (uint32_t t = 0; t < 20; t++)
            assert_true(turn());
        assert_int_equal(campaign_of("name").state, CAMPAIGN_DISCARDED);
        assert_string_equal(claims(true), "");
    }
    assert_int_equal(begin("name", "good@a.test", NULL), 0);
    assert_int_equal(run(), SELF_MAIL_DONE);
    for (uint32_t t = 0; t < 5; t++)
        assert_true(turn());
    assert_string_equal(claims(true), "good@a.test in a.test");
    abandon();
    sim_world_close();
}

/* The lane loads something else: come again. */
static void test_busy_lane(void **state)
{
    const struct campaign_descriptor other = {
        .name = SPAN("other"), .sender = SPAN("s@here.test"), .lane = LANE_TRANSACTIONAL};
    struct store_load *load;

    (void)state;
    sim_world_open(1, NULL);
    start();
    assert_int_equal(store_load_begin(process.store, &other, CONTENT, &load), 0);
    assert_int_equal(begin("name", "a@a.test", NULL), -EBUSY);
    assert_int_equal(process.mail.state, SELF_MAIL_IDLE);
    store_load_end(load);
    for (uint32_t t = 0; t < 20; t++)
        assert_true(turn());
    assert_int_equal(begin("name", "a@a.test", NULL), 0);
    assert_int_equal(run(), SELF_MAIL_DONE);
    abandon();
    sim_world_close();
}

/* At the end what is not on its way is given up, what is, is waited for. */
static void test_stop(void **state)
{
    bool adding = false, committing = false;

    (void)state;
    for (uint32_t turns = 0; turns < 60; turns++) {
        enum self_mail_state before;

        sim_world_open(1, NULL);
        start();
        assert_int_equal(begin("name", "a@a.test", NULL), 0);
        for (uint32_t i = 0; i < turns; i++)
            assert_true(turn());
        before = process.mail.state;
        adding = adding || before == SELF_MAIL_ADDING;
        committing = committing || before == SELF_MAIL_COMMITTING;
        if (self_mail_stop(&process.mail) != (before != SELF_MAIL_COMMITTING))
            fail_msg("after %u turns", turns);
        if (before == SELF_MAIL_ADDING)
            assert_int_equal(self_mail_take(&process.mail), SELF_MAIL_FAILED);
        else
            assert_int_equal(run(), SELF_MAIL_DONE);
        assert_true(self_mail_stop(&process.mail));
        for (uint32_t t = 0; t < 20; t++)
            assert_true(turn());
        assert_string_equal(claims(false), before == SELF_MAIL_ADDING ? "" : "a@a.test in a.test");
        before = process.mail.state;
        assert_int_equal(self_mail_take(&process.mail), before);
        assert_int_equal(begin("next", "a@a.test", NULL), 0); /* the lane is free */
        abandon();
        sim_world_close();
    }
    assert_true(adding && committing);
}

/* The power goes at any moment: afterwards it is there whole or can be queued, and then is there
 * once. What was told DONE is there. */
static void test_power_cut_anywhere(void **state)
{
    uint32_t before = 0, kept = 0;

    (void)state;
    for (uint64_t events = 1; events <= 40; events++) {
        bool done;
        int result;

        sim_world_open(events * 7, NULL);
        start();
        sim_world_cut_after(events);
        assert_int_equal(begin("name", "a@a.test", "b@b.test"), 0);
        done = run() == SELF_MAIL_DONE;
        sim_world_power_loss();
        abandon();
        start();
        result = begin("name", "a@a.test", "b@b.test");
        if (result != -EEXIST && result != 0)
            fail_msg("%u events: %d", (unsigned)events, result);
        if (done)
            assert_int_equal(result, -EEXIST);
        before += !done;
        kept += result == -EEXIST;
        if (result == 0)
            assert_int_equal(run(), SELF_MAIL_DONE);
        assert_int_equal(campaign_of("name").state, CAMPAIGN_READY);
        assert_int_equal(campaign_of("name").recipients_count, 2);
        abandon();
        sim_world_close();
    }
    assert_in_range(before, 3, 39);
    assert_in_range(kept, 3, 39);
}

static void test_full_disk(void **state)
{
    (void)state;
    sim_world_open(1, NULL);
    start();
    sim_world_disk_options()->capacity = 1;
    assert_int_equal(begin("name", "a@a.test", NULL), 0);
    assert_int_equal(run(), SELF_MAIL_FAILED);
    assert_int_equal(self_mail_take(&process.mail), SELF_MAIL_FAILED);
    sim_world_disk_options()->capacity = 0;
    for (uint32_t t = 0; t < 3000; t++)
        assert_true(turn());
    assert_int_equal(begin("name", "a@a.test", NULL), 0);
    assert_int_equal(run(), SELF_MAIL_DONE);
    abandon();
    sim_world_close();
}

static void test_without_memory(void **state)
{
    (void)state;
    sim_world_open(1, NULL);
    start();
    without_memory = true;
    assert_int_equal(begin("name", "a@a.test", NULL), -ENOMEM);
    without_memory = false;
    assert_int_equal(self_mail_take(&process.mail), SELF_MAIL_IDLE);
    assert_int_equal(campaign_of("name").state, CAMPAIGN_DISCARDED);
    assert_int_equal(begin("name", "a@a.test", NULL), 0);
    assert_int_equal(run(), SELF_MAIL_DONE);
    abandon();
    sim_world_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_the_queue),   cmocka_unit_test(test_once),
        cmocka_unit_test(test_bad_recipients), cmocka_unit_test(test_busy_lane),
        cmocka_unit_test(test_stop),           cmocka_unit_test(test_power_cut_anywhere),
        cmocka_unit_test(test_full_disk),      cmocka_unit_test(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
