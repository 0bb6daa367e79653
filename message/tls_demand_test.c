#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "message/tls_demand.h"

static void test_everything_has_a_name(void **state)
{
    (void)state;
    for (enum tls_fault fault = 0; fault < TLS_FAULT_COUNT; fault++) {
        assert_string_not_equal(tls_demand_fault_name(fault), "unknown");
        assert_true(strlen(tls_demand_fault_text(fault)) > 5);
    }
    assert_string_equal(tls_demand_level_name(TLS_LEVEL_VERIFIED), "verified");
    assert_string_equal(tls_demand_level_name(TLS_LEVEL_COUNT), "unknown");
    assert_string_equal(tls_demand_fault_name(TLS_FAULT_COUNT), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_has_a_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
