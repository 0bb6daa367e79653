/* A program that forgot the hooks, as one whose linker hid them: the library goes uncounted, and
 * the context says so instead of running without a limit. Linked without tls_hooks_dep. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <errno.h>

#include "tests/tls_pair.h"

static void test_an_uncounted_library_is_refused(void **state)
{
    (void)state;
    struct tls_context context;
    assert_false(tls_memory_is_counted());
    assert_int_equal(test_open(&context, TLS_CLIENT, "ca", NULL), -ENOTSUP);
    assert_null(context.library);
    assert_int_equal(tls_memory_used(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_uncounted_library_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
