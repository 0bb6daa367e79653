#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the above first */
#include <setjmp.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/io_secret.h"

/* The sanitizers' own mlock does nothing. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LOCKS_FOR_REAL 0
#elif defined(__has_feature)
#define LOCKS_FOR_REAL                                                                             \
    (!__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer) &&                      \
     !__has_feature(memory_sanitizer))
#else
#define LOCKS_FOR_REAL 1
#endif

/* The VmFlags of the mapping that begins at `data`, from /proc/self/smaps. */
static void flags_of(const void *data, char *ret_flags, size_t size)
{
    FILE *smaps = fopen("/proc/self/smaps", "re");
    char line[512], start[32];
    bool inside = false;

    assert_non_null(smaps);
    ret_flags[0] = 0;
    (void)snprintf(start, sizeof start, "%lx-", (unsigned long)(uintptr_t)data);
    while (fgets(line, sizeof line, smaps) != NULL) {
        if (strncmp(line, start, strlen(start)) == 0)
            inside = true;
        if (inside && strncmp(line, "VmFlags:", 8) == 0) {
            (void)snprintf(ret_flags, size, "%s", line);
            break;
        }
    }
    (void)fclose(smaps);
}

static void test_locked_and_in_no_dump(void **state)
{
    struct io_secret secret = {0};
    uint8_t buffer[256];
    struct text error;
    char flags[512];

    (void)state;
    text_init(&error, buffer, sizeof buffer);
    assert_int_equal(io_secret_open(&secret, 5000, &error), 0);
    assert_int_equal(secret.size, 8192);
    for (size_t i = 0; i < secret.size; i++)
        assert_int_equal(((uint8_t *)secret.data)[i], 0);
    flags_of(secret.data, flags, sizeof flags);
    if (LOCKS_FOR_REAL)
        assert_non_null(strstr(flags, " lo")); /* locked */
    assert_non_null(strstr(flags, " dd"));     /* do not dump */
    assert_non_null(strstr(flags, " wf"));     /* wipe on fork */
    io_secret_close(&secret);
    assert_null(secret.data);
    io_secret_close(&secret);
}

static void test_a_child_sees_zeroes(void **state)
{
    struct io_secret secret = {0};
    uint8_t buffer[256];
    struct text error;
    int status = 0;
    pid_t child;

    (void)state;
    text_init(&error, buffer, sizeof buffer);
    assert_int_equal(io_secret_open(&secret, 64, &error), 0);
    memset(secret.data, 0x5a, 64);
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(((volatile uint8_t *)secret.data)[7] == 0 ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(((uint8_t *)secret.data)[7], 0x5a);
    io_secret_close(&secret);
}

static void test_a_small_limit_is_explained(void **state)
{
    struct rlimit small = {.rlim_cur = 4096, .rlim_max = 4096};
    int status = 0;
    pid_t child;

    (void)state;
    if (!LOCKS_FOR_REAL)
        skip();
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct io_secret secret = {0};
        uint8_t buffer[256];
        struct text error;
        int result;

        text_init(&error, buffer, sizeof buffer);
        if (setrlimit(RLIMIT_MEMLOCK, &small) < 0)
            _exit(2);
        /* Root may lock what it likes. */
        if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
            _exit(77);
        result = io_secret_open(&secret, 64 * KIB, &error);
        _exit((result == -ENOMEM || result == -EPERM) && secret.data == NULL &&
                      span_find(text_span(&error), SPAN("LimitMEMLOCK")) != SPAN_NOT_FOUND
                  ? 0
                  : 4);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_nothing_is_refused(void **state)
{
    struct io_secret secret = {0};
    uint8_t buffer[256];
    struct text error;

    (void)state;
    text_init(&error, buffer, sizeof buffer);
    assert_int_equal(io_secret_open(&secret, 0, &error), -EINVAL);
    assert_int_equal(io_secret_open(&secret, SIZE_MAX, &error), -EINVAL);
    assert_null(secret.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_locked_and_in_no_dump),
        cmocka_unit_test(test_a_child_sees_zeroes),
        cmocka_unit_test(test_a_small_limit_is_explained),
        cmocka_unit_test(test_nothing_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
