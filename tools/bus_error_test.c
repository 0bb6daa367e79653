#include "tools/bus_error.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base.h"
#include "tools/exit_code.h"

#define PAGE 4096

enum deed { DEED_CUT_FILE, DEED_RAISE, DEED_NOTHING };

/* In a child whose standard error is `pipe`: reads the third page of a file that has two now. */
static void do_it(enum deed deed, const char *path, int pipe)
{
    const struct rlimit no_core = {0};
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    volatile uint8_t *bytes;
    uint8_t sum = 0;

    (void)setrlimit(RLIMIT_CORE, &no_core);
    if (file < 0 || dup2(pipe, STDERR_FILENO) < 0 || ftruncate(file, 4 * PAGE) != 0 ||
        bus_error_install("prog") != 0)
        _exit(99);
    bytes = mmap(NULL, (size_t)3 * PAGE, PROT_READ, MAP_SHARED, file, PAGE);
    if (bytes == MAP_FAILED || (deed == DEED_CUT_FILE && ftruncate(file, 2 * PAGE) != 0))
        _exit(98);
    if (deed == DEED_RAISE)
        (void)raise(SIGBUS);
    for (size_t i = 0; i < (size_t)2 * PAGE; i += PAGE / 2)
        sum = (uint8_t)(sum + bytes[i]);
    _exit(sum);
}

static int run(enum deed deed, const char *path, char *ret_message, size_t size)
{
    int ends[2], status = 0;
    size_t used = 0;
    ssize_t got;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    (void)fflush(NULL);
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        do_it(deed, path, ends[1]);
    (void)close(ends[1]);
    while ((got = read(ends[0], ret_message + used, size - 1 - used)) > 0)
        used += (size_t)got;
    ret_message[used] = '\0';
    (void)close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void test_says_which_file(void **state)
{
    char folder[] = "/tmp/bus_error_XXXXXX", path[64], message[8192], *place;
    int status;

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/a\tb.seg", folder);
    status = run(DEED_NOTHING, path, message, sizeof(message));
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_string_equal(message, "");

    status = run(DEED_CUT_FILE, path, message, sizeof(message));
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), EXIT_IO);
    assert_int_equal(strncmp(message, "prog: the file ", 15), 0);
    assert_non_null(strstr(message, folder));
    place = strstr(message, "b.seg cannot be read at offset ");
    assert_non_null(place);
    assert_int_equal(strtoul(strstr(place, "offset ") + 7, NULL, 10), 2 * PAGE);
    assert_null(strchr(message, '\t'));
    assert_int_equal(message[strlen(message) - 1], '\n');
    (void)unlink(path);
    (void)rmdir(folder);
}

/* A SIGBUS that has nothing to do with a file ends the program as ever. */
static void test_others_are_not_hidden(void **state)
{
    char folder[] = "/tmp/bus_error_XXXXXX", path[64], message[8192];
    int status;

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/file", folder);
    status = run(DEED_RAISE, path, message, sizeof(message));
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGBUS);
    (void)unlink(path);
    (void)rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_says_which_file),
        cmocka_unit_test(test_others_are_not_hidden),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
