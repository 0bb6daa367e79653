/* io_signals_test.c - signals arrive as events (kernel only). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "io/io.h"

static struct io *open_ring(void)
{
    uint8_t buffer[512];
    struct text error;
    struct io *io = NULL;

    text_init(&error, buffer, sizeof(buffer));
    return io_open(&io, &(struct io_options){.entries = 8, .handles_max = 8}, &error) < 0 ? NULL
                                                                                          : io;
}

static void test_signals_become_events(void **state)
{
    static const struct {
        int signal;
        int32_t result;
    } cases[] = {
        {SIGHUP, IO_SIGNAL_RELOAD},
        {SIGTERM, IO_SIGNAL_STOP},
        {SIGINT, IO_SIGNAL_STOP},
        {SIGHUP, IO_SIGNAL_RELOAD},
    };
    struct io *io = open_ring();
    struct io_event event;

    (void)state;
    assert_non_null(io);
    io_signals(io, 42, IO_SIGNAL_STOP | IO_SIGNAL_RELOAD);
    assert_int_equal(io_wait(io, 0, &event, 1), 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint32_t count = 0;

        assert_int_equal(kill(getpid(), cases[i].signal), 0); /* would kill us by default */
        for (int tries = 0; tries < 50 && count == 0; tries++)
            count = io_wait(io, io_now_ns(io) + 100 * NS_PER_MS, &event, 1);
        assert_int_equal(count, 1);
        assert_int_equal(event.tag, 42);
        assert_int_equal(event.result, cases[i].result);
        assert_int_equal(event.flags, IO_EVENT_MORE);
    }
    io_cancel(io, 43, 42);
    for (int ended = 0; ended < 2;) {
        assert_int_equal(io_wait(io, io_now_ns(io) + 5 * NS_PER_S, &event, 1), 1);
        assert_int_equal(event.result, event.tag == 42 ? -ECANCELED : 0);
        ended++;
    }
    io_close(io);
}

static void test_only_the_asked_for(void **state)
{
    struct io *io = open_ring();
    struct io_event event;
    sigset_t blocked;

    (void)state;
    assert_non_null(io);
    assert_int_equal(sigemptyset(&blocked), 0);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, &blocked, NULL), 0);
    io_signals(io, 7, IO_SIGNAL_RELOAD);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &blocked), 0);
    assert_int_equal(sigismember(&blocked, SIGHUP), 1);
    assert_int_equal(sigismember(&blocked, SIGTERM), 0);
    assert_int_equal(kill(getpid(), SIGHUP), 0);
    assert_int_equal(io_wait(io, io_now_ns(io) + 5 * NS_PER_S, &event, 1), 1);
    assert_int_equal(event.result, IO_SIGNAL_RELOAD);
    io_close(io); /* with the receive of signals under way */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signals_become_events),
        cmocka_unit_test(test_only_the_asked_for),
    };
    struct io *io = open_ring();

    if (io == NULL)
        return 77;
    io_close(io);
    return cmocka_run_group_tests_name("io_signals", tests, NULL, NULL);
}
