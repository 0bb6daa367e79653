#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the above first */
#include <setjmp.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "base/channel.h"
#include "base/check.h"
#include "tests/expect_abort.h"

struct message {
    uint64_t number;
    uint64_t copies[4]; /* to see a torn one */
};

static struct arena arena;
static struct channel *channel;

static void open_channel(uint32_t messages_max)
{
    assert_int_equal(arena_open(&arena, arena_cost(1, sizeof(*channel)) +
                                            channel_cost(messages_max, sizeof(struct message))),
                     0);
    channel = arena_alloc(&arena, 1, sizeof(*channel));
    channel_init(channel, &arena, messages_max, sizeof(struct message));
    assert_int_equal(arena.used, arena.size);
}

static void test_full_and_empty(void **state)
{
    struct message message = {0};

    (void)state;
    for (uint32_t messages_max = 1; messages_max <= 8; messages_max *= 2) {
        open_channel(messages_max);
        for (uint64_t round = 0; round < 5; round++) {
            assert_false(channel_receive(channel, &message));
            for (message.number = 0; message.number < messages_max; message.number++)
                assert_true(channel_send(channel, &message));
            assert_false(channel_send(channel, &message));
            for (uint64_t i = 0; i < messages_max; i++) {
                assert_true(channel_receive(channel, &message));
                assert_int_equal(message.number, i);
            }
        }
        arena_close(&arena);
    }
}

/* The counters are 64 bits; positions wrap with the mask. */
static void test_counters_near_the_end(void **state)
{
    struct message message = {0};

    (void)state;
    open_channel(4);
    atomic_store(&channel->written, UINT64_MAX - 1);
    atomic_store(&channel->read, UINT64_MAX - 1);
    for (uint64_t i = 0; i < 4; i++) {
        message.number = i;
        assert_true(channel_send(channel, &message));
    }
    assert_false(channel_send(channel, &message));
    for (uint64_t i = 0; i < 4; i++) {
        assert_true(channel_receive(channel, &message));
        assert_int_equal(message.number, i);
    }
    assert_false(channel_receive(channel, &message));
    arena_close(&arena);
}

#define MESSAGES 200000

static void *send_all(void *unused)
{
    (void)unused;
    for (uint64_t i = 0; i < MESSAGES; i++) {
        struct message message = {i, {i, ~i, i * 3, i ^ 0x55}};

        while (!channel_send(channel, &message))
            (void)sched_yield(); /* cannot fail on Linux */
    }
    return NULL;
}

static void test_two_threads(void **state)
{
    pthread_t sender;
    uint64_t wrong_count = 0;

    (void)state;
    open_channel(64);
    assert_int_equal(pthread_create(&sender, NULL, send_all, NULL), 0);
    for (uint64_t i = 0; i < MESSAGES; i++) {
        struct message message;

        while (!channel_receive(channel, &message))
            (void)sched_yield(); /* cannot fail on Linux */
        wrong_count += message.number != i || message.copies[0] != i || message.copies[1] != ~i ||
                       message.copies[2] != i * 3 || message.copies[3] != (i ^ 0x55);
    }
    assert_int_equal(pthread_join(sender, NULL), 0);
    assert_int_equal(wrong_count, 0);
    arena_close(&arena);
}

static void init_with_three(void *context)
{
    channel_init(channel, context, 3, 8);
}

static void test_checks(void **state)
{
    (void)state;
    open_channel(64);
    arena.used = 0;
    assert_true(expect_abort(init_with_three, &arena));
    arena_close(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_and_empty),
        cmocka_unit_test(test_counters_near_the_end),
        cmocka_unit_test(test_two_threads),
        cmocka_unit_test(test_checks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
