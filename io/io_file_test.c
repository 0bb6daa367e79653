/* io_file_test.c - file operations at the limits, and locks between processes (kernel only). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/io.h"

#define FOLDER "io_file_test.tmp"
#define NAMES ((size_t)1000)

static struct io *open_ring(void)
{
    uint8_t buffer[512];
    struct text error;
    struct io *io = NULL;

    text_init(&error, buffer, sizeof(buffer));
    if (io_open(&io, &(struct io_options){.entries = 16, .handles_max = 64}, &error) < 0)
        return NULL;
    if (io_folder(io, FOLDER) < 0) {
        io_close(io);
        return NULL;
    }
    return io;
}

/* Waits for `count` events and gives them in `events`. */
static void gather(struct io *io, struct io_event *events, uint32_t count)
{
    uint64_t limit_ns = io_now_ns(io) + 5 * NS_PER_S;
    uint32_t have = 0;

    while (have < count && io_now_ns(io) < limit_ns)
        have += io_wait(io, limit_ns, events + have, count - have);
    assert_int_equal(have, count);
}

static int32_t result_of(struct io *io)
{
    struct io_event event = {0};

    gather(io, &event, 1);
    return event.result;
}

static void make(struct io *io, uint64_t tag, const char *path, uint64_t preallocate)
{
    io_file(io, tag, &(struct io_file_options){path, IO_FILE_CREATE, preallocate});
}

static void test_file_without_room_is_removed(void **state)
{
    struct io *io = open_ring();
    int handles[64];

    (void)state;
    assert_non_null(io);
    (void)unlink(FOLDER "/huge");  /* of a run that died */
    for (int i = 0; i < 20; i++) { /* more than there are places for it: they come back */
        int32_t result;

        make(io, 1, FOLDER "/huge", UINT64_C(1) << 62);
        result = result_of(io);
        assert_true(result == -ENOSPC || result == -EFBIG);
        assert_int_equal(access(FOLDER "/huge", F_OK), -1);
    }
    make(io, 1, FOLDER "/huge", UINT64_MAX);
    assert_int_equal(result_of(io), -EFBIG);
    assert_int_equal(access(FOLDER "/huge", F_OK), -1);
    /* Its handles came back as well: all 64 can be had. */
    for (int i = 0; i < 64; i++) {
        io_file(io, 1, &(struct io_file_options){FOLDER, IO_FILE_FOLDER, 0});
        handles[i] = result_of(io);
        assert_true(handles[i] >= 0);
    }
    io_file(io, 1, &(struct io_file_options){FOLDER, IO_FILE_FOLDER, 0});
    assert_int_equal(result_of(io), -ENFILE);
    for (int i = 0; i < 64; i++)
        io_shut(io, 2, handles[i]);
    for (int i = 0; i < 64; i++)
        assert_int_equal(result_of(io), 0);
    io_close(io);
}

/* The file may not grow beyond this, so the write ends short first, and then fails. */
static int short_write(void)
{
    static uint8_t bytes[300000];
    struct rlimit limit = {100000, 100000};
    struct io *io = open_ring();
    int file;

    (void)signal(SIGXFSZ, SIG_IGN);
    if (io == NULL || setrlimit(RLIMIT_FSIZE, &limit) < 0)
        return 10;
    (void)unlink(FOLDER "/short");
    make(io, 1, FOLDER "/short", 0);
    file = result_of(io);
    io_write(io, 2, file, span_make(bytes, sizeof(bytes)), 0);
    if (result_of(io) != -EFBIG)
        return 11;
    io_write(io, 3, file, span_make(bytes, 100000), 0);
    if (result_of(io) != 100000)
        return 12;
    io_read(io, 4, file, (struct span_mut){bytes, sizeof(bytes)}, 0);
    if (result_of(io) != 100000)
        return 13;
    io_close(io);
    return unlink(FOLDER "/short");
}

static void test_short_write_is_continued(void **state)
{
    int status;
    pid_t child = fork();

    (void)state;
    assert_true(child >= 0);
    if (child == 0)
        _exit(short_write());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_many_creates_at_once(void **state)
{
    struct io *io = open_ring();
    struct io_event events[20] = {0};
    uint32_t refused_count = 0;
    char path[64];
    struct text text;

    (void)state;
    assert_non_null(io);
    for (uint32_t i = 0; i < 20; i++) {
        text_init(&text, path, sizeof(path));
        text_add_format(&text, FOLDER "/created-%u", i);
        (void)unlink(text_cstr_end(&text));
        make(io, i, path, 4096);
    }
    gather(io, events, 20);
    for (uint32_t i = 0; i < 20; i++) {
        struct stat status;

        text_init(&text, path, sizeof(path));
        text_add_format(&text, FOLDER "/created-%llu", (unsigned long long)events[i].tag);
        if (events[i].result == -EAGAIN) {
            refused_count++;
            assert_int_equal(access(text_cstr_end(&text), F_OK), -1);
            continue;
        }
        assert_true(events[i].result >= 0);
        assert_int_equal(stat(text_cstr_end(&text), &status), 0);
        assert_int_equal(status.st_size, 4096);
        assert_int_equal(status.st_mode & 0777, 0600);
        assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(refused_count, 4);
    io_close(io);
}

static void test_long_paths(void **state)
{
    struct io *io = open_ring();
    char path[PATH_MAX + 1];
    struct io_event events[64];

    (void)state;
    assert_non_null(io);
    memset(path, 'a', sizeof(path));
    path[PATH_MAX] = 0;
    io_unlink(io, 1, path);
    assert_int_equal(result_of(io), -ENAMETOOLONG);
    io_rename(io, 1, "short", path);
    assert_int_equal(result_of(io), -ENAMETOOLONG);
    make(io, 1, path, 4096);
    assert_int_equal(result_of(io), -ENAMETOOLONG);
    /* Sound ones, more than are held between two submissions. */
    for (size_t i = 0; i < PATH_MAX; i += 2)
        path[i] = '/';
    path[0] = 'a';
    path[PATH_MAX - 1] = 0;
    for (int i = 0; i < 64; i++)
        io_rename(io, 1, path, path);
    gather(io, events, 64);
    for (int i = 0; i < 64; i++)
        assert_int_equal(events[i].result, -ENOENT);
    io_close(io);
}

static void test_long_list(void **state)
{
    struct io *io = open_ring();
    uint8_t *buffer = malloc(NAMES * 16);
    struct text names;
    char path[64];
    struct text text;
    struct io_event event = {0};
    const char *last = "";
    size_t count = 0;

    (void)state;
    assert_non_null(io);
    assert_non_null(buffer);
    assert_int_equal(io_folder(io, FOLDER "/list"), 0);
    assert_int_equal(io_folder(io, FOLDER "/list/below"), 0);
    for (uint32_t i = 0; i < (uint32_t)NAMES; i++) {
        text_init(&text, path, sizeof(path));
        text_add_format(&text, FOLDER "/list/%u", i * 7919 % (uint32_t)NAMES);
        (void)unlink(text_cstr_end(&text));
        make(io, 1, path, 0);
        gather(io, &event, 1);
        assert_true(event.result >= 0);
        io_shut(io, 1, event.result);
        assert_int_equal(result_of(io), 0);
    }
    text_init(&names, buffer, NAMES * 16);
    text_add_cstr(&names, "before"); /* what is there stays */
    assert_int_equal(io_list(io, FOLDER "/list", &names), 0);
    for (size_t at = 6; at < names.size; at += strlen(last) + 1) {
        assert_true(strcmp(last, (char *)buffer + at) < 0);
        last = (char *)buffer + at;
        count++;
        text_init(&text, path, sizeof(path));
        text_add_cstr(&text, FOLDER "/list/");
        text_add_cstr(&text, last);
        assert_int_equal(unlink(text_cstr_end(&text)), 0);
    }
    assert_int_equal(count, NAMES); /* without the folder below */
    free(buffer);
    io_close(io);
}

static void test_lock_between_processes(void **state)
{
    struct io *io = open_ring();
    int ready[2];
    int leave[2];
    char byte = 0;
    uint32_t owner = 0;
    int status;
    pid_t child;

    (void)state;
    assert_non_null(io);
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(leave), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct io *other = open_ring();

        if (other == NULL || io_lock(other, FOLDER "/lock", NULL) != 0 ||
            write(ready[1], "r", 1) != 1 || read(leave[0], &byte, 1) != 1)
            _exit(1);
        io_close(other);
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(io_lock(io, FOLDER "/lock", &owner), -EWOULDBLOCK);
    assert_int_equal(owner, child);
    assert_int_equal(io_lock(io, FOLDER "/lock", NULL), -EWOULDBLOCK);
    assert_int_equal(write(leave[1], "l", 1), 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(io_lock(io, FOLDER "/lock", &owner), 0);
    io_close(io);
    io = open_ring();
    assert_non_null(io);
    assert_int_equal(io_lock(io, FOLDER "/lock", &owner), 0); /* io_close gave it back */
    io_close(io);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file_without_room_is_removed),
        cmocka_unit_test(test_short_write_is_continued),
        cmocka_unit_test(test_many_creates_at_once),
        cmocka_unit_test(test_long_paths),
        cmocka_unit_test(test_long_list),
        cmocka_unit_test(test_lock_between_processes),
    };
    struct io *io = open_ring();

    if (io == NULL)
        return 77;
    io_close(io);
    return cmocka_run_group_tests_name("io_file", tests, NULL, NULL);
}
