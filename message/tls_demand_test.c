#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "message/tls_demand.h"

static const struct {
    const char *label;
    enum tls_level demanded;
    bool dane;
    enum tls_fault refused;
    enum tls_level reached;
    bool by_dane;
    bool met;
} cases[] = {
    {"nothing demanded", TLS_LEVEL_CLEAR, false, 0, TLS_LEVEL_CLEAR, false, true},
    {"more than demanded", TLS_LEVEL_CLEAR, false, 0, TLS_LEVEL_VERIFIED, false, true},
    {"clear below encrypted", TLS_LEVEL_ENCRYPTED, false, 0, TLS_LEVEL_CLEAR, false, false},
    {"encrypted", TLS_LEVEL_ENCRYPTED, false, 0, TLS_LEVEL_ENCRYPTED, false, true},
    {"encrypted below verified", TLS_LEVEL_VERIFIED, false, 0, TLS_LEVEL_ENCRYPTED, 0, false},
    {"verified", TLS_LEVEL_VERIFIED, false, 0, TLS_LEVEL_VERIFIED, false, true},
    {"DANE instead of WebPKI", TLS_LEVEL_VERIFIED, false, 0, TLS_LEVEL_VERIFIED, true, true},
    {"WebPKI instead of DANE", TLS_LEVEL_VERIFIED, true, 0, TLS_LEVEL_VERIFIED, false, false},
    {"DANE", TLS_LEVEL_VERIFIED, true, 0, TLS_LEVEL_VERIFIED, true, true},
    {"DANE with unusable records wants TLS alone", TLS_LEVEL_ENCRYPTED, true, 0,
     TLS_LEVEL_ENCRYPTED, false, true},
    {"a refused host", TLS_LEVEL_CLEAR, false, TLS_FAULT_STS_HOST, TLS_LEVEL_VERIFIED, true, false},
};

static void test_no_mail_below_its_level(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct tls_demand demand;

        tls_demand_init(&demand);
        demand.level = cases[i].demanded;
        demand.dane = cases[i].dane;
        demand.refused = cases[i].refused;
        if (tls_demand_is_met(&demand, cases[i].reached, cases[i].by_dane) != cases[i].met)
            fail_msg("%s", cases[i].label);
    }
}

static void test_a_fresh_demand_keeps_nothing_back(void **state)
{
    struct tls_demand demand;

    (void)state;
    tls_demand_init(&demand);
    assert_true(tls_demand_is_met(&demand, TLS_LEVEL_CLEAR, false));
    assert_false(demand.off);
    assert_int_equal(demand.source, TLS_SOURCE_DEFAULT);
}

static void test_names_are_bounded(void **state)
{
    struct tls_demand demand;

    (void)state;
    tls_demand_init(&demand);
    assert_false(tls_demand_add_name(&demand, SPAN("")));
    for (uint32_t i = 0; i < TLS_DEMAND_NAMES_MAX; i++)
        assert_true(tls_demand_add_name(&demand, SPAN("mx.example.com")));
    assert_false(tls_demand_add_name(&demand, SPAN("mx.example.com")));
}

static void test_everything_has_a_name(void **state)
{
    (void)state;
    for (enum tls_fault fault = 0; fault < TLS_FAULT_COUNT; fault++) {
        assert_string_not_equal(tls_demand_fault_name(fault), "unknown");
        assert_true(strlen(tls_demand_fault_text(fault)) > 5);
    }
    assert_string_equal(tls_demand_level_name(TLS_LEVEL_VERIFIED), "verified");
    assert_string_equal(tls_demand_source_name(TLS_SOURCE_MTA_STS), "mta-sts");
    assert_string_equal(tls_demand_fault_name(TLS_FAULT_COUNT), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_mail_below_its_level),
        cmocka_unit_test(test_a_fresh_demand_keeps_nothing_back),
        cmocka_unit_test(test_names_are_bounded),
        cmocka_unit_test(test_everything_has_a_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
