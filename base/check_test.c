#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the above first */
#include <setjmp.h>

#include <cmocka.h>
#include <string.h>

#include "base/check.h"
#include "tests/expect_abort.h"

static void fail_it(void *context)
{
    CHECK(context != NULL);
}

static void reach_it(void *context)
{
    (void)context;
    UNREACHABLE("here");
}

static void test_check(void **state)
{
    int anything = 0;

    (void)state;
    assert_true(expect_abort(fail_it, NULL));
    assert_false(expect_abort(fail_it, &anything));
    assert_true(expect_abort(reach_it, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_check)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
