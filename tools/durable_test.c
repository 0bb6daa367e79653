#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/durable.h"

static char folder[] = "/tmp/durable-XXXXXX";

static const char *path_of(const char *name)
{
    static char path[sizeof(folder) + 32];

    assert_true(snprintf(path, sizeof(path), "%s/%s", folder, name) < (int)sizeof(path));
    return path;
}

static struct span read_back(const char *path)
{
    static char data[65536];
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = read(file, data, sizeof(data));

    assert_true(file >= 0);
    assert_true(size >= 0);
    assert_int_equal(close(file), 0);
    return span_make(data, (size_t)size);
}

static void replaces_the_whole(void **state)
{
    static uint8_t large[40000];
    static const struct span contents[] = {
        SPAN_INIT("one"), {.data = large, .size = sizeof(large)}, SPAN_INIT("2"), SPAN_INIT("")};
    struct stat status;

    (void)state;
    memset(large, 'x', sizeof(large));
    for (size_t i = 0; i < ARRAY_LEN(contents); i++) {
        assert_int_equal(durable_replace(path_of("file"), contents[i]), 0);
        assert_true(span_equal(read_back(path_of("file")), contents[i]));
        assert_int_equal(access(path_of("file.new"), F_OK), -1);
    }
    assert_int_equal(stat(path_of("file"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(unlink(path_of("file")), 0);
}

static void takes_over_what_was_interrupted(void **state)
{
    int file;

    (void)state;
    file = open(path_of("file.new"), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    assert_int_equal(durable_write(file, SPAN("long and half")), 0);
    assert_int_equal(close(file), 0);
    assert_int_equal(durable_replace(path_of("file"), SPAN("whole")), 0);
    assert_true(span_equal(read_back(path_of("file")), SPAN("whole")));
    assert_int_equal(unlink(path_of("file")), 0);
}

/* A path that fits, but not with ".new" behind it. */
static const char *path_too_long(void)
{
    static char path[PATH_MAX];
    size_t size = strlen(folder);

    memcpy(path, folder, size);
    path[size++] = '/';
    while (size < PATH_MAX - 8) {
        path[size++] = '.';
        path[size++] = '/';
    }
    memcpy(path + size, "file", sizeof("file"));
    return path;
}

/* What was there stays. */
static void failures_change_nothing(void **state)
{
    static char endless[PATH_MAX + 16];

    (void)state;
    assert_int_equal(durable_replace(path_of("file"), SPAN("kept")), 0);
    assert_int_equal(mkdir(path_of("file.new"), 0700), 0);
    assert_int_equal(durable_replace(path_of("file"), SPAN("lost")), -EISDIR);
    assert_true(span_equal(read_back(path_of("file")), SPAN("kept")));
    assert_int_equal(rmdir(path_of("file.new")), 0);
    assert_int_equal(unlink(path_of("file")), 0);

    assert_int_equal(durable_replace(path_of("nowhere/file"), SPAN("lost")), -ENOENT);
    memset(endless, 'x', sizeof(endless) - 1);
    assert_int_equal(durable_replace(endless, SPAN("lost")), -ENAMETOOLONG);
    assert_int_equal(durable_replace(path_too_long(), SPAN("lost")), -ENAMETOOLONG);

    assert_int_equal(mkdir(path_of("file"), 0700), 0);
    assert_int_equal(durable_replace(path_of("file"), SPAN("lost")), -EISDIR);
    assert_int_equal(rmdir(path_of("file")), 0);
    assert_int_equal(unlink(path_of("file.new")), 0);
    assert_int_equal(durable_replace("/dev/null/file", SPAN("lost")), -ENOTDIR);
}

static void writes_to_what_is_open(void **state)
{
    int sink[2];

    (void)state;
    assert_int_equal(durable_write(-1, SPAN("x")), -EBADF);
    assert_int_equal(pipe(sink), 0);
    assert_int_equal(durable_write(sink[1], SPAN("x")), -EINVAL); /* a pipe has no disk */
    assert_int_equal(close(sink[0]), 0);
    assert_int_equal(close(sink[1]), 0);
}

static void names_in_any_folder(void **state)
{
    static char endless[PATH_MAX + 16];

    (void)state;
    assert_int_equal(durable_name("here"), 0);
    assert_int_equal(durable_name("/root-of-all"), 0);
    assert_int_equal(durable_name(path_of("file")), 0);
    assert_int_equal(durable_name(path_of("nowhere/file")), -ENOENT);
    memset(endless, 'x', sizeof(endless) - 1);
    endless[sizeof(endless) - 2] = '/';
    assert_int_equal(durable_name(endless), -ENAMETOOLONG);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replaces_the_whole),
        cmocka_unit_test(takes_over_what_was_interrupted),
        cmocka_unit_test(failures_change_nothing),
        cmocka_unit_test(writes_to_what_is_open),
        cmocka_unit_test(names_in_any_folder),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
