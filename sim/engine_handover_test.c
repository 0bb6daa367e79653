/* Campaigns that come while mail is sent, on a disk that loses power, from clients that send in any
 * pieces, send nonsense, or leave: a campaign is there whole, or not at all; what was told ready
 * stays; the shards see no campaign before its content. A failing case prints its seed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "engine/handover.h"
#include "engine/tag.h"
#include "sim/sim_world.h"

#define CLIENTS 3
#define CAMPAIGNS 24
#define COUNT_MAX 4000
#define STREAM_SIZE ((size_t)2 * 1024 * 1024)
#define CONTENT SPAN("From: a@b.test\nSubject: x\n\n{{n}}\n")

enum fate { UNKNOWN, READY, REFUSED, LEFT };

/* One campaign that a client tries to hand over. */
struct campaign_case {
    char name[16];
    uint32_t count;
    enum fate fate; /* as the client knows it */
    bool spoiled;   /* the client sent nonsense */
    bool committed; /* it sent everything */
};

struct client {
    struct handover_load *load;
    struct campaign_case *campaign;
    struct text stream;
    size_t sent;
    uint64_t room;
    size_t leave_at; /* after so many octets */
    uint8_t *bytes;
};

static struct {
    uint64_t seed;
    struct prng prng;
    struct arena arena;
    struct io *io;
    struct store *store;
    struct store_shard *shard;
    struct content_set *contents;
    struct handover handover;
    struct client clients[CLIENTS];
    struct campaign_case campaigns[CAMPAIGNS];
    uint32_t campaigns_count;
    uint32_t ready_count, refused_count, left_count;
    bool without_memory; /* for contents */
} test;

static char message[1024];

static const struct store_options options = {
    .folder = "spool",
    .segment_size = (uint64_t)256 * 1024,
    .journal_size = (uint64_t)64 * 1024,
    .claims_max = 32,
    .limits = {.recipients_max = 200000,
               .domains_max = 64,
               .campaigns_max = 256,
               .segments_max = 512,
               .runs_max = 4096,
               .flows_max = 4096,
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
    if (!test.without_memory)
        return __real_content_draft(set, campaign_index, campaign, source, error, ret_passes);
    text_add_cstr(error, "it takes a lot of memory");
    *ret_passes = true;
    return -ENOMEM;
}

/* --- a process --- */

static void start(void)
{
    const struct io_options io_options = {0};
    struct store_shard_options shard = {.tag_base = ((uint64_t)TAG_STORE + 1) << 56,
                                        .wake_index = STORE_NO_WAKE};
    struct text error;
    struct queue *queue;

    text_init(&error, message, sizeof(message) - 1);
    assert_int_equal(io_open(&test.io, &io_options, &error), 0);
    assert_int_equal(arena_open(&test.arena, store_cost(&options)), 0);
    if (store_open(&test.store, test.io, &test.arena, &options, &error) < 0)
        fail_msg("seed %llu: %s", (unsigned long long)test.seed, text_cstr_end(&error));
    assert_int_equal(content_set_open(&test.contents, options.limits.campaigns_max), 0);
    assert_int_equal(handover_open(&test.handover, test.store, test.contents), 0);
    queue = store_queue(test.store);
    for (uint32_t i = 0; i < queue_campaigns_count(queue); i++)
        if (queue_campaign(queue, i)->state == CAMPAIGN_READY)
            assert_int_equal(content_add(test.contents, i, queue_campaign(queue, i), &error), 0);
    shard.io = test.io;
    test.shard = store_shard(test.store, 0);
    store_shard_open(test.shard, &shard);
}

static void abandon(void)
{
    handover_close(&test.handover);
    content_set_close(test.contents);
    io_close(test.io);
    arena_close(&test.arena);
}

/* No flow of a campaign that cannot be written yet. */
static void look_at_flows(void)
{
    struct queue_shard *queue = store_shard_queue(test.shard);
    uint32_t flow;

    while ((flow = queue_ready(queue)) != QUEUE_NONE) {
        struct queue_flow info;

        queue_flow(queue, flow, &info);
        if (content_of(test.contents, info.campaign_index) == NULL)
            fail_msg("seed %llu: a shard has campaign %u, whose content is not there",
                     (unsigned long long)test.seed, info.campaign_index);
    }
}

/* --- what clients do --- */

static void write_stream(struct client *client, enum lane lane)
{
    struct campaign_descriptor draft = {.name = span_cstr(client->campaign->name),
                                        .sender = SPAN("news@ringel.example"),
                                        .lane = lane,
                                        .kind = CAMPAIGN_TEMPLATE};
    const uint8_t digest[CAMPAIGN_DIGEST_SIZE] = {1};

    text_init(&client->stream, client->bytes, STREAM_SIZE);
    assert_int_equal(handover_frame_add_campaign(&client->stream, &draft, CONTENT.size), 0);
    assert_int_equal(handover_frame_add_content(&client->stream, span_first(CONTENT, 7)), 0);
    assert_int_equal(handover_frame_add_content(&client->stream, span_skip(CONTENT, 7)), 0);
    for (uint32_t i = 0; i < client->campaign->count; i++) {
        char address[64] = "", domain[32] = "";
        struct span value = SPAN("7");
        struct store_recipient recipient = {.values = &value, .values_count = 1};

        (void)snprintf(domain, sizeof(domain), "d%u.test", i % 17);
        (void)snprintf(address, sizeof(address), "u%u@%s", i, domain);
        recipient.address = span_cstr(address);
        recipient.domain = span_cstr(domain);
        assert_int_equal(handover_frame_add_recipient(&client->stream, &recipient), 0);
    }
    assert_int_equal(handover_frame_add_commit(&client->stream, digest), 0);
}

static void begin_client(struct client *client)
{
    struct campaign_case *campaign = &test.campaigns[test.campaigns_count];

    if (test.campaigns_count == CAMPAIGNS || prng_percent(&test.prng, 90))
        return;
    client->load = handover_begin(&test.handover);
    if (client->load == NULL)
        return;
    *campaign = (struct campaign_case){.count = 1 + (uint32_t)prng_below(&test.prng, COUNT_MAX)};
    (void)snprintf(campaign->name, sizeof(campaign->name), "c%u", test.campaigns_count++);
    client->campaign = campaign;
    client->sent = 0;
    client->room = 0;
    write_stream(client, prng_percent(&test.prng, 50) ? LANE_BULK : LANE_TRANSACTIONAL);
    client->leave_at = SIZE_MAX;
    if (prng_percent(&test.prng, 30))
        client->leave_at = (size_t)prng_below(&test.prng, client->stream.size);
    campaign->spoiled = prng_percent(&test.prng, 20);
    if (campaign->spoiled)
        client->bytes[prng_below(&test.prng, client->stream.size)] ^=
            (uint8_t)(1u << prng_below(&test.prng, 8));
}

static void end_client(struct client *client, enum fate fate)
{
    client->campaign->fate = fate;
    test.ready_count += fate == READY;
    test.refused_count += fate == REFUSED;
    test.left_count += fate == LEFT;
    handover_leave(client->load);
    client->load = NULL;
}

static void hear(struct client *client, struct span line)
{
    struct span key = SPAN("{\"room\":");

    if (!span_starts(line, key))
        return;
    line = span_skip(line, key.size);
    assert_true(span_number(span_split(&line, '}'), UINT64_MAX, &client->room));
}

static void send_some(struct client *client)
{
    size_t size = (size_t)prng_below(&test.prng, 70000);

    size = min_size(size, client->stream.size - client->sent);
    size = min_size(size, (size_t)(client->room - client->sent));
    if (client->sent + size > client->leave_at) {
        end_client(client, LEFT);
        return;
    }
    assert_true(handover_take(client->load, span_make(client->stream.data + client->sent, size)));
    client->sent += size;
    client->campaign->committed = client->sent == client->stream.size;
}

static void step_client(struct client *client)
{
    uint8_t bytes[HANDOVER_ANSWER_MAX * 2];
    struct text answer;
    bool last;

    if (client->load == NULL) {
        begin_client(client);
        return;
    }
    text_init(&answer, bytes, sizeof(bytes));
    last = handover_answer(client->load, &answer);
    if (answer.size > 0)
        hear(client, text_span(&answer));
    if (last)
        end_client(client, client->load->ready ? READY : REFUSED);
    else
        send_some(client);
}

static void turn(void)
{
    struct io_event events[16];
    uint64_t deadline = io_now_ns(test.io) + 5 * NS_PER_MS;
    uint32_t count;

    deadline = min_u64(deadline, store_deadline_ns(test.store));
    deadline = min_u64(deadline, store_shard_deadline_ns(test.shard));
    deadline = min_u64(deadline, handover_deadline_ns(&test.handover, io_now_ns(test.io)));
    count = io_wait(test.io, deadline, events, ARRAY_LEN(events));
    for (uint32_t i = 0; i < count; i++)
        assert_true(store_event(test.store, &events[i]) ||
                    store_shard_event(test.shard, &events[i]));
    store_tick(test.store);
    handover_turn(&test.handover);
    if (prng_percent(&test.prng, 50))
        store_shard_tick(test.shard);
    look_at_flows();
    for (uint32_t i = 0; i < CLIENTS; i++)
        step_client(&test.clients[i]);
}

/* --- what must hold --- */

static void check_campaign(const struct campaign_case *campaign)
{
    struct queue *queue = store_queue(test.store);
    uint32_t index = queue_find_campaign(queue, SPAN(""), span_cstr(campaign->name));
    const struct campaign *found = index == QUEUE_NONE ? NULL : queue_campaign(queue, index);

    if (found == NULL && campaign->fate == READY)
        fail_msg("seed %llu: %s was ready and is gone", (unsigned long long)test.seed,
                 campaign->name);
    if (found == NULL || campaign->spoiled)
        return;
    if (found->state == CAMPAIGN_LOADING || found->recipients_count != campaign->count)
        fail_msg("seed %llu: %s: state %d, %u of %u", (unsigned long long)test.seed, campaign->name,
                 (int)found->state, found->recipients_count, campaign->count);
    if (!campaign->committed)
        fail_msg("seed %llu: %s is there and was never committed", (unsigned long long)test.seed,
                 campaign->name);
}

/* What is in the queue has its content, and nothing else has: no load is open. */
static void check_contents(void)
{
    const struct queue *queue = store_queue(test.store);

    for (uint32_t i = 0; i < queue_campaigns_count(queue); i++)
        if ((content_of(test.contents, i) != NULL) !=
            (queue_campaign(queue, i)->state == CAMPAIGN_READY))
            fail_msg("seed %llu: campaign %u", (unsigned long long)test.seed, i);
}

static void check(void)
{
    for (uint32_t i = 0; i < test.campaigns_count; i++)
        check_campaign(&test.campaigns[i]);
}

static void forget_clients(void)
{
    for (uint32_t i = 0; i < CLIENTS; i++)
        test.clients[i].load = NULL;
}

static void one_case(uint64_t seed)
{
    struct sim_world_options world = {
        .delay = {.file_max_ns = 200 * NS_PER_US, .sync_max_ns = 3 * NS_PER_MS}};

    test.seed = seed;
    prng_seed(&test.prng, seed);
    test.campaigns_count = 0;
    world.disk.write_back_percent = (uint32_t)prng_below(&test.prng, 60);
    sim_world_open(seed, &world);
    for (uint32_t life = 0; life < 3; life++) {
        start();
        check();
        sim_world_cut_after(1 + prng_below(&test.prng, 600));
        if (prng_percent(&test.prng, 15))
            sim_world_disk_options()->write_failure_permille = 20;
        for (uint32_t i = 0; i < 1500 && !sim_world_is_cut(); i++)
            turn();
        sim_world_disk_options()->write_failure_permille = 0;
        sim_world_power_loss();
        forget_clients();
        abandon();
        sim_world_cut_after(0);
    }
    /* And an end in good order, with whatever is under way. */
    start();
    check();
    for (uint32_t i = 0; i < 300; i++)
        turn();
    handover_stop(&test.handover);
    for (uint32_t i = 0; i < 20000 && !handover_quiet(&test.handover); i++)
        turn();
    assert_true(handover_quiet(&test.handover));
    check_contents();
    forget_clients();
    assert_int_equal(store_shard_close(test.shard), 0);
    assert_int_equal(store_close(test.store), 0);
    abandon();
    start();
    check();
    abandon();
    sim_world_close();
}

static void test_whole_or_not_at_all(void **state)
{
    const char *given = getenv("CRASH_STATES");
    uint64_t cases = given != NULL ? strtoull(given, NULL, 10) : 40;

    (void)state;
    for (uint32_t i = 0; i < CLIENTS; i++)
        test.clients[i].bytes = malloc(STREAM_SIZE);
    for (uint64_t seed = 1; seed <= cases; seed++)
        one_case(seed);
    for (uint32_t i = 0; i < CLIENTS; i++)
        free(test.clients[i].bytes);
    printf("%u ready, %u refused, %u left\n", test.ready_count, test.refused_count,
           test.left_count);
    assert_true(test.ready_count > cases && test.refused_count > 0 && test.left_count > 0);
}

static void test_more_than_the_room_ends_it(void **state)
{
    struct handover_load *load;
    uint8_t bytes[HANDOVER_ANSWER_MAX], zero[64] = {0};
    struct text answer;

    (void)state;
    sim_world_open(7, NULL);
    start();
    load = handover_begin(&test.handover);
    assert_non_null(load);
    assert_false(handover_take(load, span_make(zero, 1))); /* nothing was allowed yet */
    text_init(&answer, bytes, sizeof(bytes));
    assert_false(handover_answer(load, &answer));
    assert_true(handover_awaits(load));
    assert_true(handover_take(load, span_make(zero, sizeof(zero))));
    handover_turn(&test.handover); /* a frame of kind 0 */
    text_reset(&answer);
    assert_true(handover_answer(load, &answer));
    assert_true(span_find(text_span(&answer), SPAN("what comes is not a campaign")) !=
                SPAN_NOT_FOUND);
    handover_leave(load);
    /* A place for each lane, and no more. */
    for (uint32_t i = 0; i < HANDOVER_LOADS_MAX; i++)
        assert_non_null(handover_begin(&test.handover));
    assert_null(handover_begin(&test.handover));
    handover_stop(&test.handover);
    assert_true(handover_quiet(&test.handover));
    assert_null(handover_begin(&test.handover));
    assert_int_equal(store_shard_close(test.shard), 0);
    assert_int_equal(store_close(test.store), 0);
    abandon();
    sim_world_close();
}

/* One client, who leaves after so many octets, and nobody who begins by chance. */
static void begin_alone(struct client *client, struct campaign_case *campaign, size_t leave_at)
{
    client->load = handover_begin(&test.handover);
    assert_non_null(client->load);
    client->campaign = campaign;
    client->sent = 0;
    client->room = 0;
    client->leave_at = leave_at;
    write_stream(client, LANE_BULK);
}

static void start_alone(struct client *client, uint64_t seed)
{
    forget_clients();
    test.campaigns_count = CAMPAIGNS;
    sim_world_open(seed, NULL);
    prng_seed(&test.prng, seed);
    start();
    client->bytes = malloc(STREAM_SIZE);
    assert_non_null(client->bytes);
}

static void end_alone(struct client *client)
{
    free(client->bytes);
    assert_int_equal(store_shard_close(test.shard), 0);
    assert_int_equal(store_close(test.store), 0);
    abandon();
    sim_world_close();
}

/* Before its list comes, and it has left nothing: the same name is taken when there is memory. */
static void test_without_memory_it_is_refused(void **state)
{
    struct client *client = &test.clients[0];
    struct campaign_case campaign = {.name = "large", .count = 30};

    (void)state;
    start_alone(client, 8);
    for (int with_memory = 0; with_memory < 2; with_memory++) {
        begin_alone(client, &campaign, SIZE_MAX);
        test.without_memory = with_memory == 0;
        for (uint32_t i = 0; i < 5000 && client->load != NULL; i++) {
            if (client->load->state == HANDOVER_ENDED && with_memory == 0) {
                assert_string_equal(client->load->words, "it takes a lot of memory");
                assert_true(client->load->later);
                assert_false(client->load->again);
            }
            turn();
        }
        assert_null(client->load);
        assert_int_equal(campaign.fate, with_memory == 0 ? REFUSED : READY);
        assert_true(handover_quiet(&test.handover));
        check_contents();
    }
    end_alone(client);
}

static void turn_until_quiet(void)
{
    for (uint32_t i = 0; i < 20000 && !handover_quiet(&test.handover); i++)
        turn();
    for (uint32_t i = 0; i < HANDOVER_LOADS_MAX; i++)
        assert_int_equal(test.handover.loads[i].state, HANDOVER_FREE);
}

/* Nothing is queued, and the place is free for the next one, who leaves as well. */
static void test_who_leaves_has_given_nothing(void **state)
{
    static const size_t octets[] = {0, 1, 100, 50000, 90000, 120000};
    struct client *client = &test.clients[0];
    struct campaign_case campaign = {.name = "half", .count = COUNT_MAX};
    uint32_t seen[HANDOVER_ENDED] = {0}; /* how far they had come */

    (void)state;
    start_alone(client, 9);
    for (size_t i = 0; i < 4 * ARRAY_LEN(octets); i++) {
        enum handover_state left_in = HANDOVER_FREE;

        begin_alone(client, &campaign, octets[i % ARRAY_LEN(octets)]);
        assert_true(client->stream.size > 120000);
        for (uint32_t k = 0; k < 5000 && client->load != NULL; k++) {
            left_in = client->load->state;
            turn();
        }
        assert_null(client->load);
        assert_int_equal(campaign.fate, LEFT);
        seen[left_in]++;
        turn_until_quiet();
        assert_int_equal(queue_find_campaign(store_queue(test.store), SPAN(""), SPAN("half")),
                         QUEUE_NONE);
        check_contents();
    }
    assert_true(seen[HANDOVER_OPENING] > 0 && seen[HANDOVER_ADDING] > 0);
    end_alone(client);
}

/* Who said that this was all may go: it is taken in, and then the place is free. */
static void test_who_leaves_after_all_was_given(void **state)
{
    struct client *client = &test.clients[0];
    struct campaign_case campaign = {.name = "whole", .count = COUNT_MAX};
    const struct campaign *found;

    (void)state;
    start_alone(client, 10);
    begin_alone(client, &campaign, SIZE_MAX);
    for (uint32_t i = 0; i < 5000 && client->load->state != HANDOVER_COMMITTING; i++)
        turn();
    assert_int_equal(client->load->state, HANDOVER_COMMITTING);
    end_client(client, LEFT);
    assert_false(handover_quiet(&test.handover));
    turn_until_quiet();
    check_contents();
    found = queue_campaign(store_queue(test.store),
                           queue_find_campaign(store_queue(test.store), SPAN(""), SPAN("whole")));
    assert_int_equal(found->state, CAMPAIGN_READY);
    assert_int_equal(found->recipients_count, COUNT_MAX);
    end_alone(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_more_than_the_room_ends_it),
        cmocka_unit_test(test_without_memory_it_is_refused),
        cmocka_unit_test(test_who_leaves_has_given_nothing),
        cmocka_unit_test(test_who_leaves_after_all_was_given),
        cmocka_unit_test(test_whole_or_not_at_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
