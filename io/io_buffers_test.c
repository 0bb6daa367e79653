#include "io/io_buffers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void open_buffers(struct arena *arena, struct io_buffers *buffers)
{
    assert_int_equal(arena_open(arena, io_buffers_cost(4, 100)), 0);
    io_buffers_init(buffers, arena, 4, 100);
    arena_seal(arena);
    /* What io_buffers_register does after the kernel's part: all are free. */
    buffers->free_count = 4;
}

static void test_lend_and_return(void **state)
{
    struct arena arena;
    struct io_buffers buffers;

    (void)state;
    open_buffers(&arena, &buffers);
    assert_int_equal((uintptr_t)buffers.ring % 4096, 0); /* the kernel wants whole pages */
    assert_true(io_buffers_lend(&buffers, 3));
    assert_int_equal(buffers.free_count, 3);
    assert_false(io_buffers_lend(&buffers, 3)); /* it is out */
    assert_false(io_buffers_lend(&buffers, 4)); /* there is none */
    assert_false(io_buffers_lend(&buffers, UINT32_MAX));
    assert_int_equal(buffers.free_count, 3);
    assert_ptr_equal(io_buffers_span(&buffers, 3, 100).data, buffers.data + 300);
    assert_int_equal(io_buffers_span(&buffers, 3, 17).size, 17);
    io_buffers_return(&buffers, 3);
    assert_int_equal(buffers.free_count, 4);
    assert_int_equal(buffers.ring->bufs[0].bid, 3); /* the next that the kernel takes */
    assert_int_equal(buffers.ring->bufs[0].len, 100);
    assert_int_equal(buffers.ring->tail, 1);
    for (uint32_t i = 0; i < 70000; i++) { /* the tail wraps at 65536 */
        assert_true(io_buffers_lend(&buffers, i % 4));
        io_buffers_return(&buffers, i % 4);
    }
    assert_int_equal(buffers.ring->tail, (70001 & 0xffff));
    arena_close(&arena);
}

enum misuse { RETURN_TWICE, RETURN_UNKNOWN, READ_UNLENT, READ_BEYOND };

static void test_misuse_dies(void **state)
{
    struct arena arena;
    struct io_buffers buffers;

    (void)state;
    open_buffers(&arena, &buffers);
    assert_true(io_buffers_lend(&buffers, 1));
    for (int misuse = RETURN_TWICE; misuse <= READ_BEYOND; misuse++) {
        int status;
        pid_t child = fork();

        assert_true(child >= 0);
        if (child == 0) {
            (void)close(STDERR_FILENO); /* the crash line is expected */
            if (misuse == RETURN_TWICE)
                io_buffers_return(&buffers, 1);
            if (misuse == RETURN_TWICE)
                io_buffers_return(&buffers, 1);
            if (misuse == RETURN_UNKNOWN)
                io_buffers_return(&buffers, 4);
            if (misuse == READ_UNLENT)
                (void)io_buffers_span(&buffers, 0, 1);
            if (misuse == READ_BEYOND)
                (void)io_buffers_span(&buffers, 1, 101);
            _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGABRT);
    }
    arena_close(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lend_and_return),
        cmocka_unit_test(test_misuse_dies),
    };

    return cmocka_run_group_tests_name("io_buffers", tests, NULL, NULL);
}
