/* io_start_test.c - the ring does no more than it may, and a refused ring says why (kernel only).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <seccomp.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/io_ring.h"
#include "io/io_start.h"

static int open_ring(struct io **ret_io, uint32_t handles_max, struct text *error)
{
    return io_open(ret_io, &(struct io_options){.entries = 8, .handles_max = handles_max}, error);
}

static bool says(const struct text *error, const char *words)
{
    return span_find(text_span(error), span_cstr(words)) != SPAN_NOT_FOUND;
}

static int32_t result_of(struct io *io)
{
    struct io_uring_cqe *cqe;
    int32_t result;

    assert_true(io_uring_submit_and_wait(&io->ring, 1) >= 0);
    assert_int_equal(io_uring_peek_cqe(&io->ring, &cqe), 0);
    result = cqe->res;
    io_uring_cqe_seen(&io->ring, cqe);
    return result;
}

static void test_other_requests_are_forbidden(void **state)
{
    uint8_t buffer[512];
    struct text error;
    struct io *io;
    struct io_uring_sqe *sqe;
    struct iovec memory = {buffer, sizeof(buffer)};

    (void)state;
    text_init(&error, buffer, sizeof(buffer));
    assert_int_equal(open_ring(&io, 8, &error), 0);
    sqe = io_ring_sqe(io);
    assert_non_null(sqe);
    io_uring_prep_nop(sqe);
    assert_int_equal(result_of(io), -EACCES);
    sqe = io_ring_sqe(io);
    assert_non_null(sqe);
    io_uring_prep_linkat(sqe, AT_FDCWD, "a", AT_FDCWD, "b", 0);
    assert_int_equal(result_of(io), -EACCES);
    sqe = io_ring_sqe(io);
    assert_non_null(sqe);
    io_uring_prep_close(sqe, 1000000);
    sqe->flags |= IOSQE_IO_DRAIN;
    assert_int_equal(result_of(io), -EACCES);
    assert_int_equal(io_uring_register_buffers(&io->ring, &memory, 1), -EACCES);
    assert_int_equal(io_uring_unregister_files(&io->ring), -EACCES);
    io_close(io);
}

static void test_explanations(void **state)
{
    static const struct {
        int error_number;
        int disabled;
        const char *cause;
        const char *remedy;
    } cases[] = {
        {EPERM, 2, "switched off", "set it to 0"},
        {EPERM, 1, "privileged", "io_uring_group"},
        {EPERM, 0, "seccomp", "--security-opt"},
        {EACCES, -1, "security module", "--security-opt"},
        {ENOSYS, -1, "no io_uring", "Linux 6.1"},
        {EINVAL, 0, "lacks", "Linux 6.1"},
        {ENOMEM, 0, "locked memory", "ulimit -l"},
        {EMFILE, 0, "open files", "ulimit -n"},
        {ENFILE, 0, "open files", "LimitNOFILE"},
        {EIO, 0, "could not be set up", "error 5"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t buffer[512];
        struct text error;

        text_init(&error, buffer, sizeof(buffer));
        io_start_explain(cases[i].error_number, cases[i].disabled, &error);
        assert_false(error.overflow);
        assert_true(says(&error, cases[i].cause));
        assert_true(says(&error, cases[i].remedy));
    }
}

/* In a process of its own: a filter and a lowered limit cannot be taken back. */
static void in_child(int (*body)(void))
{
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0)
        _exit(body());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int refused_by_filter(int error_number, const char *words)
{
    uint8_t buffer[512];
    struct text error;
    struct io *io = NULL;
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

    if (filter == NULL ||
        seccomp_rule_add(filter, SCMP_ACT_ERRNO((uint16_t)error_number), SCMP_SYS(io_uring_setup),
                         0) < 0 ||
        seccomp_load(filter) < 0)
        return 10;
    text_init(&error, buffer, sizeof(buffer));
    if (open_ring(&io, 8, &error) != -error_number)
        return 11;
    if (io != NULL)
        return 12;
    if (!says(&error, words) || error.overflow)
        return 13;
    return 0;
}

static int refused_with_eperm(void)
{
    return refused_by_filter(EPERM, "seccomp");
}

static int refused_with_enosys(void)
{
    return refused_by_filter(ENOSYS, "Linux 6.1");
}

static void test_refused_by_seccomp(void **state)
{
    (void)state;
    in_child(refused_with_eperm);
    in_child(refused_with_enosys);
}

static int too_many_files(void)
{
    struct rlimit limit = {100, 200};
    uint8_t buffer[512];
    struct text error;
    struct io *io = NULL;

    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 20;
    text_init(&error, buffer, sizeof(buffer));
    if (open_ring(&io, 300, &error) != -EMFILE || !says(&error, "ulimit -n"))
        return 21;
    /* The soft limit is raised by itself. */
    text_reset(&error);
    if (open_ring(&io, 150, &error) != 0)
        return 22;
    io_close(io);
    return 0;
}

static void test_open_files(void **state)
{
    (void)state;
    in_child(too_many_files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_other_requests_are_forbidden),
        cmocka_unit_test(test_explanations),
        cmocka_unit_test(test_refused_by_seccomp),
        cmocka_unit_test(test_open_files),
    };
    uint8_t buffer[512];
    struct text error;
    struct io *io;

    text_init(&error, buffer, sizeof(buffer));
    if (open_ring(&io, 8, &error) < 0) {
        print_message("skipped: %s\n", text_cstr_end(&error));
        return 77;
    }
    io_close(io);
    return cmocka_run_group_tests_name("io_start", tests, NULL, NULL);
}
