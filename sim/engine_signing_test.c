/* Batches of signatures in a shard that is nothing else: when each goes, what is dropped, and when
 * a policy is acknowledged; made by the shard itself, and by two signers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/session.h"
#include "engine/shard.h"
#include "engine/tag.h"
#include "sign/dkim.h"
#include "sign/sign_key_parts.h"
#include "sim/mx_seal.h"
#include "sim/sim_world.h"
#include "smtp/smtp.h"

#define SESSIONS 16
#define SIGNERS 2
#define SIGNATURES (SESSIONS * SMTP_TRANSACTIONS_MAX * SIGNING_KEYS_USED_MAX)

struct scene {
    struct arena arena;
    struct policy policies[2];
    struct io_group *group;
    struct stats stats;
    struct shard *shard;
    struct io *front;
    struct signer_links links;
    struct signer signers[SIGNERS];
    struct preface *prefaces[SESSIONS];
};

static struct scene scene;

/* An RSA key whose signatures are wrong, as a processor that errs makes them. */
static void add_bad_key(struct policy *policy)
{
    static uint8_t bytes[4096];
    static struct text pem;
    const struct signing_key *keys[SIGNING_KEYS_USED_MAX];
    struct policy_dkim *item = &policy->dkim_items[2];
    char words[256];
    struct text error;

    text_init(&error, words, sizeof(words));
    if (pem.data == NULL) {
        text_init(&pem, bytes, sizeof(bytes));
        assert_int_equal(sign_key_make(SIGN_RSA_SHA256, 1024, &pem), 0);
    }
    memcpy(item->domain, "bad.test", sizeof("bad.test"));
    memcpy(item->selector, "s", 2);
    assert_int_equal(signing_keys_add(policy->signing_keys, item, text_span(&pem), &error), 0);
    assert_int_equal(signing_keys_for(policy->signing_keys, SPAN("bad.test"), keys), 1);
    keys[0]->secret->rsa.dp[20] ^= 1;
    keys[0]->secret->lanes.p_windows[5] ^= 1;
}

/* Two domains, the key of the example for both, and one that cannot sign. */
static void open_policy(struct policy *policy, uint64_t generation)
{
    char words[256];
    struct text error;

    policy_init(policy);
    policy->generation = generation;
    policy->dkim.count = 3;
    text_init(&error, words, sizeof(words));
    assert_int_equal(signing_keys_open(&policy->signing_keys, policy, 1 + SIGNERS, &error), 0);
    for (uint32_t i = 0; i < 2; i++) {
        struct policy_dkim *item = &policy->dkim_items[i];

        memcpy(item->domain, i == 0 ? "a.test" : "b.test", sizeof("a.test"));
        memcpy(item->selector, "s", 2);
        assert_int_equal(signing_keys_add(policy->signing_keys, item, mx_seal_key(), &error), 0);
    }
    add_bad_key(policy);
}

static int open_scene(void **state)
{
    struct io_options ring = {.index = 0, .wake_tag = tag_of(TAG_WAKE, 0)};
    struct shard *shard;
    char words[256];
    struct text error;

    (void)state;
    sim_world_open(1, NULL);
    memset(&scene, 0, sizeof(scene));
    text_init(&error, words, sizeof(words));
    open_policy(&scene.policies[0], 0);
    open_policy(&scene.policies[1], 1);
    assert_int_equal(arena_open(&scene.arena, 64 * MIB), 0);
    assert_int_equal(io_group_open(&scene.group, 2 + SIGNERS), 0);
    shard = scene.shard = arena_alloc(&scene.arena, 1, sizeof(*shard));
    ring.group = scene.group;
    assert_int_equal(io_open(&shard->io, &ring, &error), 0);
    shard->options.signing_width = SIGN_BATCH_MAX;
    shard->policy = &scene.policies[0];
    shard->stats = &scene.stats;
    slab_init(&shard->sessions, &scene.arena, 1, sizeof(struct session));
    preface_open(&shard->prefaces, &scene.arena, SESSIONS);
    signing_open(&shard->signing, &scene.arena, SIGNATURES);
    return 0;
}

static struct io *open_ring(uint32_t index)
{
    struct io_options ring = {
        .group = scene.group, .index = index, .wake_tag = tag_of(TAG_WAKE, 0)};
    char words[256];
    struct text error;
    struct io *io;

    text_init(&error, words, sizeof(words));
    assert_int_equal(io_open(&io, &ring, &error), 0);
    return io;
}

/* Others make the signatures. */
static int open_signers(void **state)
{
    if (open_scene(state) != 0)
        return -1;
    scene.front = open_ring(1);
    signer_links_init(&scene.links, &scene.arena, 1, SIGNERS);
    for (uint32_t i = 0; i < SIGNERS; i++)
        signer_init(&scene.signers[i], open_ring(signer_ring(&scene.links, i)), &scene.links, i);
    scene.shard->options.signers = &scene.links;
    return 0;
}

static int close_scene(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < SIGNERS; i++)
        io_close(scene.signers[i].io);
    io_close(scene.front);
    io_close(scene.shard->io);
    io_group_close(scene.group);
    arena_close(&scene.arena);
    for (uint32_t i = 0; i < 2; i++)
        signing_keys_close(scene.policies[i].signing_keys);
    sim_world_close();
    return 0;
}

/* One message that wants a signature by the key of this domain. */
static void want(uint32_t index, const char *domain)
{
    static const uint8_t nothing[SIGN_SIGNATURE_MAX];
    const struct signing_key *keys[SIGNING_KEYS_USED_MAX];
    struct preface *preface = slab_claim(&scene.shard->prefaces.slots);
    struct signature *signature = &preface->signatures[0];
    uint8_t buffer[512];
    struct text text;

    assert_int_equal(signing_keys_for(scene.shard->policy->signing_keys, span_cstr(domain), keys),
                     1);
    signature->key = keys[0];
    signature->preface = preface;
    memset(signature->digest, (int)index, sizeof(signature->digest));
    text_init(&text, buffer, sizeof(buffer));
    dkim_end(&keys[0]->plan, span_make(nothing, keys[0]->plan.signature_size), &text);
    signature->size = (uint32_t)text.size;
    preface->pending = preface->signatures_count = 1;
    preface->size = signature->size;
    scene.prefaces[index] = preface;
    signing_add(scene.shard, signature);
}

static void end(uint32_t index)
{
    preface_end(scene.shard, scene.prefaces[index]);
    scene.prefaces[index] = NULL;
}

/* How many of the first `count` are made. */
static uint32_t made(uint32_t count)
{
    const struct slab_handle nobody = {0, 0};
    uint32_t ready_count = 0;

    for (uint32_t i = 0; i < count; i++)
        ready_count +=
            scene.prefaces[i] != NULL && preface_ask(scene.prefaces[i], nobody) == PREFACE_READY;
    return ready_count;
}

static void sleep_until(uint64_t until_ns)
{
    struct io_event events[4];

    while (shard_now_ns(scene.shard) < until_ns) {
        uint32_t count = io_wait(scene.shard->io, until_ns, events, ARRAY_LEN(events));

        for (uint32_t i = 0; i < count; i++) /* of a signer */
            assert_int_equal(tag_op_of(events[i].tag), TAG_WAKE);
    }
}

/* That signer does all that it has been asked. How many batches. */
static uint32_t let_sign(uint32_t index)
{
    struct signer *signer = &scene.signers[index];
    uint32_t count = 0;

    do {
        assert_int_equal(signer_tick(signer, 0), SIGNER_RUNNING);
        count += signer->found;
    } while (signer->found);
    return count;
}

static uint64_t acknowledged(void)
{
    return atomic_load(&scene.stats.gauges[STATS_POLICY]);
}

static void end_all(void)
{
    for (uint32_t i = 0; i < SESSIONS; i++)
        end(i);
    assert_int_equal(scene.shard->signing.batches.claimed_count, 0);
    assert_int_equal(scene.shard->prefaces.slots.claimed_count, 0);
    assert_int_equal(signing_deadline_ns(scene.shard), UINT64_MAX);
}

/* Eight go at once, in one turn; the ninth waits for its millisecond. */
static void test_full_and_due(void **state)
{
    uint64_t started_ns = shard_now_ns(scene.shard);

    (void)state;
    for (uint32_t i = 0; i < 9; i++)
        want(i, "a.test");
    assert_int_equal(signing_deadline_ns(scene.shard), 0);
    signing_turn(scene.shard);
    assert_int_equal(made(9), 8);
    assert_int_equal(signing_deadline_ns(scene.shard), started_ns + SIGNING_GATHER_NS);
    sleep_until(started_ns + SIGNING_GATHER_NS - 1000);
    if (shard_now_ns(scene.shard) < started_ns + SIGNING_GATHER_NS) {
        signing_turn(scene.shard);
        assert_int_equal(made(9), 8);
    }
    sleep_until(started_ns + SIGNING_GATHER_NS);
    signing_turn(scene.shard);
    assert_int_equal(made(9), 9);
    for (uint32_t i = 1; i < 9; i++) /* each has its own */
        assert_false(span_equal(preface_span(&scene.shard->prefaces, scene.prefaces[i]),
                                preface_span(&scene.shard->prefaces, scene.prefaces[0])));
    end_all();
}

/* The first that waits says when; batches of two keys are two turns. */
static void test_one_batch_a_turn(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 16; i++)
        want(i, i % 2 == 0 ? "a.test" : "b.test");
    signing_turn(scene.shard);
    assert_int_equal(made(16), 8);
    assert_int_equal(signing_deadline_ns(scene.shard), 0);
    signing_turn(scene.shard);
    assert_int_equal(made(16), 16);
    assert_int_equal(atomic_load(&scene.stats.counters[STATS_SIGNATURES]), 16);
    assert_int_equal(atomic_load(&scene.stats.counters[STATS_SIGN_BATCHES]), 2);
    end_all();
}

/* A session that ends takes its message out of the batch, which then has room for another. */
static void test_dropped(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 7; i++)
        want(i, "a.test");
    end(3);
    want(7, "a.test");
    signing_turn(scene.shard);
    assert_int_equal(made(8), 0); /* seven wait */
    want(3, "a.test");
    signing_turn(scene.shard);
    assert_int_equal(made(8), 8);
    want(8, "b.test");
    end(8);
    assert_int_equal(scene.shard->signing.batches.claimed_count, 0);
    end_all();
}

/* What waits goes at once with the old keys; the new policy is acknowledged behind the last. */
static void test_policy(void **state)
{
    (void)state;
    want(0, "a.test");
    want(1, "b.test");
    want(2, "b.test");
    scene.shard->policy = &scene.policies[1];
    signing_policy(scene.shard);
    want(3, "a.test");
    assert_int_equal(atomic_load(&scene.stats.gauges[STATS_POLICY]), 0);
    signing_turn(scene.shard);
    assert_int_equal(made(3), 1);
    assert_int_equal(atomic_load(&scene.stats.gauges[STATS_POLICY]), 0);
    end(1);
    assert_int_equal(atomic_load(&scene.stats.gauges[STATS_POLICY]), 0);
    end(2); /* dropped: nobody uses the old keys any more */
    assert_int_equal(atomic_load(&scene.stats.gauges[STATS_POLICY]), 1);
    signing_turn(scene.shard);
    assert_int_equal(made(4), 1); /* the one under the new policy gathers */
    end_all();
    scene.policies[0].generation = 2;
    scene.shard->policy = &scene.policies[0];
    signing_policy(scene.shard); /* nothing waits */
    assert_int_equal(atomic_load(&scene.stats.gauges[STATS_POLICY]), 2);
}

/* A key that makes one as fast as eight waits for nobody. */
static void test_narrow(void **state)
{
    (void)state;
    scene.shard->options.signing_width = 0;
    want(0, "a.test");
    assert_int_equal(signing_deadline_ns(scene.shard), 0);
    for (uint32_t i = 1; i < 10; i++)
        want(i, "a.test"); /* those that come before the turn go along */
    signing_turn(scene.shard);
    assert_int_equal(made(10), 8);
    signing_turn(scene.shard);
    assert_int_equal(made(10), 10);
    end_all();
}

static uint32_t nobody_signs(void)
{
    return 0;
}

/* A signature that fails is tried three times, then its message is told; the others go on. `away`:
 * what signers do in a turn. */
static void fail_three_times(uint32_t (*away)(void))
{
    const struct slab_handle nobody = {0, 0};

    want(0, "bad.test");
    want(1, "a.test");
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(preface_ask(scene.prefaces[0], nobody),
                         i < 3 ? PREFACE_WAITS : PREFACE_FAILED);
        sleep_until(shard_now_ns(scene.shard) + SIGNING_GATHER_NS);
        signing_turn(scene.shard);
        (void)away();
        signing_turn(scene.shard);
    }
    assert_int_equal(preface_ask(scene.prefaces[1], nobody), PREFACE_READY);
    assert_int_equal(atomic_load(&scene.stats.counters[STATS_SIGN_FAILURES]), 1);
    assert_int_equal(atomic_load(&scene.stats.counters[STATS_SIGNATURES]), 1);
    end_all();
}

static void test_failing(void **state)
{
    (void)state;
    fail_three_times(nobody_signs);
}

/* --- made by signers --- */

/* The octets are the same, whoever makes them; the shard makes none. */
static void test_away_and_back(void **state)
{
    static uint8_t octets[SESSIONS][512];
    uint32_t sizes[SESSIONS];

    (void)state;
    scene.shard->options.signers = NULL;
    for (uint32_t i = 0; i < 16; i++)
        want(i, i % 2 == 0 ? "a.test" : "b.test");
    signing_turn(scene.shard);
    signing_turn(scene.shard);
    assert_int_equal(made(16), 16);
    for (uint32_t i = 0; i < 16; i++) {
        struct span span = preface_span(&scene.shard->prefaces, scene.prefaces[i]);

        memcpy(octets[i], span.data, span.size);
        sizes[i] = (uint32_t)span.size;
    }
    end_all();
    scene.shard->options.signers = &scene.links;
    for (uint32_t i = 0; i < 16; i++)
        want(i, i % 2 == 0 ? "a.test" : "b.test");
    assert_int_equal(signing_deadline_ns(scene.shard), 0);
    signing_turn(scene.shard);
    assert_int_equal(signing_deadline_ns(scene.shard), UINT64_MAX);
    signing_turn(scene.shard);
    assert_int_equal(made(16), 0);
    assert_false(signing_stop(scene.shard));
    assert_int_equal(let_sign(1), 1); /* in whatever order */
    signing_turn(scene.shard);
    assert_int_equal(made(16), 8);
    assert_int_equal(let_sign(0), 1);
    signing_turn(scene.shard);
    assert_int_equal(made(16), 16);
    assert_true(signing_stop(scene.shard));
    for (uint32_t i = 0; i < 16; i++)
        assert_true(span_equal(preface_span(&scene.shard->prefaces, scene.prefaces[i]),
                               span_make(octets[i], sizes[i])));
    assert_int_equal(atomic_load(&scene.stats.counters[STATS_SIGNATURES]), 32);
    assert_int_equal(atomic_load(&scene.stats.counters[STATS_SIGN_BATCHES]), 4);
    end_all();
}

/* Rings that do not turn hold the clock for a while. */
static bool is_woken(struct io *io)
{
    struct io_event event;

    for (uint32_t i = 0; i < 200; i++)
        if (io_wait(io, io_now_ns(io) + NS_PER_MS, &event, 1) == 1)
            return tag_op_of(event.tag) == TAG_WAKE;
    return false;
}

/* A signer that sleeps is woken by the batch, the shard by the answer. */
static void test_wakes(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 8; i++)
        want(i, "a.test");
    signing_turn(scene.shard);
    assert_true(is_woken(scene.signers[0].io));
    assert_false(is_woken(scene.signers[1].io));
    assert_int_equal(let_sign(0), 1);
    assert_true(is_woken(scene.shard->io));
    signing_turn(scene.shard);
    assert_int_equal(made(8), 8);
    end_all();
}

/* Sessions that end while their signatures are away: the others get their own, the places of those
 * that went are nobody's, though the same slots are wanted again. */
static void test_ended_meanwhile(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 8; i++)
        want(i, "a.test");
    signing_turn(scene.shard);
    end(3);
    end(0);
    want(3, "a.test");
    want(0, "a.test");
    assert_int_equal(let_sign(0), 1);
    signing_turn(scene.shard);
    assert_int_equal(made(8), 6);
    for (uint32_t i = 2; i < 8; i++)
        assert_true(i == 3 ||
                    preface_ask(scene.prefaces[i], (struct slab_handle){0, 0}) == PREFACE_READY);
    sleep_until(shard_now_ns(scene.shard) + SIGNING_GATHER_NS);
    signing_turn(scene.shard);
    assert_int_equal(let_sign(0), 1);
    signing_turn(scene.shard);
    assert_int_equal(made(8), 8);
    end_all();
}

/* A stop: all sessions end, the batch is away. Nothing of it may be touched before the answer. */
static void test_stop_in_flight(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 8; i++)
        want(i, "a.test");
    signing_turn(scene.shard);
    for (uint32_t i = 0; i < 8; i++)
        end(i);
    assert_int_equal(scene.shard->signing.batches.claimed_count, 1);
    signing_turn(scene.shard);
    assert_false(signing_stop(scene.shard));
    assert_int_equal(let_sign(0), 1);
    assert_false(signing_stop(scene.shard));
    signing_turn(scene.shard);
    assert_true(signing_stop(scene.shard));
    assert_int_equal(atomic_load(&scene.stats.counters[STATS_SIGNATURES]), 0);
    end_all();
    for (uint32_t i = 0; i < SIGNERS; i++) {
        signer_order_stop(&scene.links, scene.front, i);
        assert_int_equal(signer_tick(&scene.signers[i], 0), SIGNER_STOPPED);
        assert_false(scene.signers[i].found);
    }
}

/* No room: the shard neither signs nor spins; what waits fills its batch and goes when there is. */
static void test_no_room(void **state)
{
    const uint32_t room = SIGNERS * SIGNER_UNDER_WAY_MAX;

    (void)state;
    scene.shard->options.signing_width = 0; /* a key that gathers nothing */
    for (uint32_t i = 0; i < room; i++) {
        want(i, "a.test");
        signing_turn(scene.shard);
    }
    assert_int_equal(scene.shard->signing.under_way_count, room);
    for (uint32_t i = 0; i < SIGNERS; i++)
        assert_int_equal(scene.shard->signing.under_way[i], SIGNER_UNDER_WAY_MAX);
    for (uint32_t i = room; i < SESSIONS; i++) {
        want(i, "a.test");
        signing_turn(scene.shard);
        assert_int_equal(signing_deadline_ns(scene.shard), UINT64_MAX);
    }
    assert_int_equal(scene.shard->signing.batches.claimed_count, room + 1);
    assert_int_equal(made(SESSIONS), 0);
    assert_int_equal(let_sign(1), SIGNER_UNDER_WAY_MAX);
    signing_turn(scene.shard);
    assert_int_equal(made(SESSIONS), SIGNER_UNDER_WAY_MAX);
    assert_int_equal(scene.shard->signing.under_way[1], 1);
    assert_int_equal(let_sign(0) + let_sign(1), SIGNER_UNDER_WAY_MAX + 1);
    signing_turn(scene.shard);
    assert_int_equal(made(SESSIONS), SESSIONS);
    end_all();
}

/* Old keys are kept for what is away, also when nobody wants it any more; then they may be wiped at
 * once. */
static void test_policy_away(void **state)
{
    struct policy *old = &scene.policies[0];

    (void)state;
    for (uint32_t i = 0; i < 8; i++)
        want(i, "a.test");
    signing_turn(scene.shard); /* with signer 0 */
    want(8, "a.test");
    scene.shard->policy = &scene.policies[1];
    signing_policy(scene.shard);
    signing_turn(scene.shard); /* what gathered goes at once, with signer 1 */
    for (uint32_t i = 0; i < 8; i++)
        end(i);
    for (uint32_t i = 9; i < 16; i++)
        want(i, "a.test");
    want(7, "a.test");
    signing_turn(scene.shard); /* new keys, and signer 0 again */
    assert_int_equal(let_sign(1), 1);
    signing_turn(scene.shard);
    assert_int_equal(made(16), 1);
    assert_int_equal(acknowledged(), 0);
    assert_int_equal(signer_tick(&scene.signers[0], 0), SIGNER_RUNNING);
    assert_int_equal(acknowledged(), 0);
    signing_turn(scene.shard);
    assert_int_equal(acknowledged(), 1);
    signing_keys_close(old->signing_keys);
    old->signing_keys = NULL;
    assert_int_equal(let_sign(0), 1);
    signing_turn(scene.shard);
    assert_int_equal(made(16), 9);
    end_all();
}

static uint32_t let_both_sign(void)
{
    return let_sign(0) + let_sign(1); /* whoever it went to */
}

static void test_failing_away(void **state)
{
    (void)state;
    fail_three_times(let_both_sign);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_full_and_due, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(test_one_batch_a_turn, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(test_dropped, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(test_policy, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(test_failing, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(test_narrow, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(test_away_and_back, open_signers, close_scene),
        cmocka_unit_test_setup_teardown(test_wakes, open_signers, close_scene),
        cmocka_unit_test_setup_teardown(test_ended_meanwhile, open_signers, close_scene),
        cmocka_unit_test_setup_teardown(test_stop_in_flight, open_signers, close_scene),
        cmocka_unit_test_setup_teardown(test_no_room, open_signers, close_scene),
        cmocka_unit_test_setup_teardown(test_policy_away, open_signers, close_scene),
        cmocka_unit_test_setup_teardown(test_failing_away, open_signers, close_scene),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
