/* Threads on rings of the kernel: what is there when the start returns, who hears of the end, and
 * what is said when a ring cannot be opened. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "engine/ring_thread.h"

#define WAKE_TAG 77
#define THREADS 3

struct worker {
    struct io *io; /* set on the thread, read behind the start */
    uint32_t wakes;
    struct ring_thread thread;
};

static struct worker workers[THREADS];

static void opened(void *context, struct io *io)
{
    struct worker *worker = context;

    worker->io = io;
}

/* Until it is woken. */
static void run(void *context)
{
    struct worker *worker = context;
    struct io_event event;

    while (worker->wakes == 0)
        if (io_wait(worker->io, UINT64_MAX, &event, 1) == 1 && event.tag == WAKE_TAG)
            worker->wakes++;
}

static struct io_options ring_of(struct io_group *group, uint32_t index)
{
    return (struct io_options){.group = group,
                               .index = index,
                               .entries = 8,
                               .handles_max = 8,
                               .buffers_count = 8,
                               .buffer_size = 256,
                               .wake_tag = WAKE_TAG};
}

static void test_runs_and_ends(void **state)
{
    struct io_group *group;
    struct io_options front_options;
    struct io *front;
    char words[256];
    struct text error;
    uint32_t told = 0;

    (void)state;
    memset(workers, 0, sizeof(workers));
    text_init(&error, words, sizeof(words));
    assert_int_equal(io_group_open(&group, THREADS + 1), 0);
    front_options = ring_of(group, THREADS);
    assert_int_equal(io_open(&front, &front_options, &error), 0);
    for (uint32_t i = 0; i < THREADS; i++) {
        /* The last one tells nobody. */
        struct ring_thread_options options = {.ring = ring_of(group, i),
                                              .wakes = i + 1 < THREADS ? THREADS
                                                                       : RING_THREAD_WAKES_NOBODY,
                                              .opened = opened,
                                              .run = run,
                                              .context = &workers[i]};

        assert_true(ring_thread_is_over(&workers[i].thread)); /* never started */
        assert_int_equal(ring_thread_start(&workers[i].thread, &options, &error), 0);
        assert_non_null(workers[i].io);
        assert_false(ring_thread_is_over(&workers[i].thread));
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        uint64_t until_ns = io_now_ns(front) + 20 * NS_PER_S;

        io_wake(front, i);
        while (!ring_thread_is_over(&workers[i].thread) && io_now_ns(front) < until_ns) {
            struct io_event events[4];
            uint32_t count = io_wait(front, io_now_ns(front) + 10 * NS_PER_MS, events, 4);

            for (uint32_t e = 0; e < count; e++)
                told += events[e].tag == WAKE_TAG;
        }
        assert_true(ring_thread_is_over(&workers[i].thread));
        ring_thread_join(&workers[i].thread);
        ring_thread_join(&workers[i].thread); /* once more is nothing */
        assert_true(ring_thread_is_over(&workers[i].thread));
        assert_int_equal(workers[i].wakes, 1);
        for (uint32_t e = 0; e < 100 && told < i + 1 && i + 1 < THREADS; e++) {
            struct io_event event;

            if (io_wait(front, io_now_ns(front) + 10 * NS_PER_MS, &event, 1) == 1)
                told += event.tag == WAKE_TAG;
        }
    }
    assert_int_equal(told, THREADS - 1);
    io_close(front);
    io_group_close(group);
}

static void test_ring_that_cannot_be(void **state)
{
    struct ring_thread_options options = {
        .ring = {.entries = 8, .handles_max = 4096, .buffers_count = 8, .buffer_size = 256},
        .wakes = RING_THREAD_WAKES_NOBODY,
        .opened = opened,
        .run = run,
        .context = &workers[0]};
    const struct rlimit few = {64, 64}; /* for good: so this is the last test */
    char words[256];
    struct text error;

    (void)state;
    memset(workers, 0, sizeof(workers));
    text_init(&error, words, sizeof(words));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    assert_int_equal(ring_thread_start(&workers[0].thread, &options, &error), -EMFILE);
    assert_true(error.size > 0);
    assert_null(workers[0].io);
    assert_true(ring_thread_is_over(&workers[0].thread));
    ring_thread_join(&workers[0].thread);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs_and_ends),
        cmocka_unit_test(test_ring_that_cannot_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
