/* io_threads_test.c - two rings of one group on two threads wake each other (kernel only: the
 * simulator has no threads). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "io/io.h"
#include "io/io_group.h"

#define ROUNDS 2000
#define OPEN_TRIES 5000
#define STALL_NS (10 * NS_PER_S)

struct player {
    struct io_group *group;
    uint32_t index;
    uint32_t woken_count;
    uint32_t stalled_count;    /* waits that only the time limit ended: a wake was lost */
    pthread_barrier_t *opened; /* both rings are open: no wake finds nobody */
    uint64_t wrong_count;
    int result;
    _Atomic uint32_t *turn; /* whose move it is is counted here: a wake says only "look" */
};

static struct io *open_ring(struct io_group *group, uint32_t index)
{
    uint8_t buffer[512];
    struct text error;
    struct io *io = NULL;
    int result;

    text_init(&error, buffer, sizeof(buffer));
    result = io_open(&io,
                     &(struct io_options){.group = group,
                                          .index = index,
                                          .entries = 8,
                                          .handles_max = 8,
                                          .wake_tag = UINT64_C(0xfeed000000000000) + index},
                     &error);
    return result < 0 ? NULL : io;
}

/* Each waits until it is its move, moves, and wakes the other. */
static void *play(void *argument)
{
    struct player *player = argument;
    struct io *io = open_ring(player->group, player->index);
    struct io_event events[4];
    uint32_t moved = 0;

    player->result = io == NULL ? -EIO : 0;
    (void)pthread_barrier_wait(player->opened);
    while (io != NULL && moved < ROUNDS) {
        uint32_t turn = atomic_load(player->turn);
        uint64_t deadline_ns = 0;
        uint32_t count;

        if (turn % 2 == player->index) {
            atomic_store(player->turn, turn + 1);
            moved++;
            io_wake(io, 1 - player->index);
        }
        if (turn % 2 != player->index)
            deadline_ns = io_now_ns(io) + STALL_NS;
        count = io_wait(io, deadline_ns, events, ARRAY_LEN(events));
        player->stalled_count += deadline_ns > 0 && count == 0 && io_now_ns(io) >= deadline_ns;
        player->woken_count += count;
        for (uint32_t i = 0; i < count; i++)
            if (events[i].tag != UINT64_C(0xfeed000000000000) + player->index ||
                events[i].flags != 0)
                player->wrong_count++;
    }
    io_close(io);
    return NULL;
}

static void ping_pong(bool no_messages)
{
    struct io_group *group;
    _Atomic uint32_t turn = 0;
    struct player players[2] = {{.index = 0, .turn = &turn}, {.index = 1, .turn = &turn}};
    pthread_t threads[2];
    pthread_barrier_t opened;

    assert_int_equal(pthread_barrier_init(&opened, NULL, 2), 0);
    assert_int_equal(io_group_open(&group, 2), 0);
    group->no_messages = no_messages;
    for (int i = 0; i < 2; i++) {
        players[i].group = group;
        players[i].opened = &opened;
        assert_int_equal(pthread_create(&threads[i], NULL, play, &players[i]), 0);
    }
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(players[i].result, 0);
        assert_int_equal(players[i].wrong_count, 0);
        /* Several wakes may become one, but none is lost. */
        assert_int_equal(players[i].stalled_count, 0);
        assert_true(players[i].woken_count > 0);
    }
    io_group_close(group);
    (void)pthread_barrier_destroy(&opened);
}

static void test_wake_by_message(void **state)
{
    (void)state;
    ping_pong(false);
}

static void test_wake_by_eventfd(void **state)
{
    (void)state;
    ping_pong(true);
}

/* On one thread: what became of wakes that were sent before the other looked. */
static void wakes_wait_for_the_sleeper(bool no_messages)
{
    struct io_group *group;
    struct io *rings[2];
    struct io_event events[8];

    assert_int_equal(io_group_open(&group, 3), 0);
    group->no_messages = no_messages;
    rings[0] = open_ring(group, 0);
    rings[1] = open_ring(group, 1);
    assert_non_null(rings[0]);
    assert_non_null(rings[1]);
    assert_int_equal(io_wait(rings[1], 0, events, 8), 0);
    for (int i = 0; i < 5; i++)
        io_wake(rings[0], 1);
    io_wake(rings[0], 2); /* a ring that is not open: nothing */
    assert_int_equal(io_wait(rings[0], 0, events, 8), 0);
    assert_int_equal(io_wait(rings[1], io_now_ns(rings[1]) + 5 * NS_PER_S, events, 8), 1);
    assert_int_equal(events[0].tag, UINT64_C(0xfeed000000000001));
    assert_int_equal(io_wait(rings[1], 0, events, 8), 0); /* several became one */
    io_wake(rings[0], 0);
    assert_int_equal(io_wait(rings[0], UINT64_MAX, events, 8), 1);
    assert_int_equal(events[0].tag, UINT64_C(0xfeed000000000000));
    io_close(rings[1]);
    io_wake(rings[0], 1); /* it has gone: nothing */
    assert_int_equal(io_wait(rings[0], io_now_ns(rings[0]) + NS_PER_MS, events, 8), 0);
    io_close(rings[0]);
    io_group_close(group);
}

static void test_wakes_wait_for_the_sleeper(void **state)
{
    (void)state;
    wakes_wait_for_the_sleeper(false);
    wakes_wait_for_the_sleeper(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wake_by_message),
        cmocka_unit_test(test_wake_by_eventfd),
        cmocka_unit_test(test_wakes_wait_for_the_sleeper),
    };
    struct io *io = open_ring(NULL, 0);

    if (io == NULL)
        return 77;
    io_close(io);
    return cmocka_run_group_tests_name("io_threads", tests, NULL, NULL);
}
