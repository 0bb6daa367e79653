/* The program that holds ldns loads no OpenSSL, and what ldns could call of it is never reached. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dns/question.h"

/* NOLINTBEGIN(readability-identifier-naming): the names are OpenSSL's */
int EVP_PKEY_get_id(const void *key);
void *ENGINE_load_private_key(void *engine, const char *name, void *method, void *data);
/* NOLINTEND(readability-identifier-naming) */

static void no_openssl_is_loaded(void **state)
{
    struct question question = {.type = 1, .name = SPAN("\1a\0")};
    uint8_t buffer[QUESTION_SIZE_MAX];
    char line[1024];
    FILE *maps = fopen("/proc/self/maps", "r");

    (void)state;
    assert_true(question_write(&question, (struct span_mut){buffer, sizeof(buffer)}) > 0);
    assert_non_null(maps);
    while (fgets(line, sizeof(line), maps) != NULL) {
        assert_null(strstr(line, "libcrypto.so.3"));
        assert_null(strstr(line, "libcrypto.so.1"));
        assert_null(strstr(line, "libldns.so"));
    }
    assert_int_equal(fclose(maps), 0);
}

static void the_shim_aborts(void **state)
{
    (void)state;
    for (int which = 0; which < 2; which++) {
        int status;
        pid_t child = fork();

        assert_true(child >= 0);
        if (child == 0) {
            (void)freopen("/dev/null", "w", stderr); /* the crash line is expected */
            (void)signal(SIGABRT, SIG_DFL);
            if (which == 0)
                (void)EVP_PKEY_get_id(NULL);
            else
                (void)ENGINE_load_private_key(NULL, "", NULL, NULL);
            _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGABRT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_openssl_is_loaded),
        cmocka_unit_test(the_shim_aborts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
