#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/policy.h"

static struct policy policy;

static void read_yaml(const char *yaml)
{
    char problem[1024];
    struct text error;
    int result;

    policy_init(&policy);
    text_init(&error, problem, sizeof(problem) - 1);
    result = policy_read(&policy, span_cstr(yaml), "r.yaml", &error);
    if (result == 0)
        result = policy_complete(&policy, SPAN("host.example"), SPAN(""), &error);
    if (result < 0)
        fail_msg("%s", text_cstr_end(&error));
}

static const struct {
    const char *domain;
    enum policy_tls mode;
    bool is_set;
} demands[] = {
    {"exact.test", POLICY_TLS_VERIFIED, true},
    {"EXACT.Test", POLICY_TLS_VERIFIED, true},
    {"sub.exact.test", POLICY_TLS_OPPORTUNISTIC, false},
    {"notexact.test", POLICY_TLS_OPPORTUNISTIC, false},
    {"a.wide.test", POLICY_TLS_REQUIRED, true},
    {"a.b.WIDE.test", POLICY_TLS_REQUIRED, true},
    {"wide.test", POLICY_TLS_OPPORTUNISTIC, false},
    {"notwide.test", POLICY_TLS_OPPORTUNISTIC, false},
    {"a.star.test", POLICY_TLS_OFF, true},
    {"star.test", POLICY_TLS_OPPORTUNISTIC, false},
    {"in.wide.test", POLICY_TLS_OFF, true},        /* its own name beats what is above it */
    {"told.test", POLICY_TLS_OPPORTUNISTIC, true}, /* the default, but said */
    {"smart.test", POLICY_TLS_REQUIRED, true},     /* the route's own word */
    {"plain.test", POLICY_TLS_OPPORTUNISTIC, false},
    {"both.test", POLICY_TLS_OFF, true}, /* the domain's word beats the route's */
    {"a.suffix.test", POLICY_TLS_OFF, true},
    {"", POLICY_TLS_OPPORTUNISTIC, false},
};

static const char domains[] = "tls:\n"
                              "  domains:\n"
                              "    Exact.test: verified\n"
                              "    .wide.test: required\n"
                              "    '*.star.test': off\n"
                              "    in.wide.test: off\n"
                              "    told.test: opportunistic\n"
                              "    both.test: off\n"
                              "    .suffix.test: off\n"
                              "routes:\n"
                              "  smart.test: {hosts: [relay], tls: required}\n"
                              "  plain.test: [relay]\n"
                              "  both.test: {hosts: [relay], tls: verified}\n"
                              "  .suffix.test: {hosts: [relay], tls: verified}\n";

static void test_tls_of_a_domain(void **state)
{
    (void)state;
    read_yaml(domains);
    for (size_t i = 0; i < ARRAY_LEN(demands); i++) {
        bool is_set = !demands[i].is_set;
        enum policy_tls mode = policy_tls_for(&policy, span_cstr(demands[i].domain), &is_set);

        if (mode != demands[i].mode || is_set != demands[i].is_set)
            fail_msg("%s: %d, %s", demands[i].domain, (int)mode, is_set ? "set" : "default");
    }
}

/* tls.mode is what holds elsewhere, and the configuration's word; a route has none of its own. */
static void test_tls_of_all(void **state)
{
    bool is_set = false;

    (void)state;
    read_yaml("tls: {mode: required, domains: {a.test: opportunistic}}\n"
              "routes: {b.test: [relay], c.test: {hosts: [relay], tls: off}}\n");
    assert_int_equal(policy_tls_for(&policy, SPAN("z.test"), &is_set), POLICY_TLS_REQUIRED);
    assert_true(is_set);
    assert_int_equal(policy_tls_for(&policy, SPAN("a.test"), &is_set), POLICY_TLS_OPPORTUNISTIC);
    assert_true(is_set);
    assert_int_equal(policy_tls_for(&policy, SPAN("b.test"), &is_set), POLICY_TLS_REQUIRED);
    assert_true(is_set);
    assert_int_equal(policy_tls_for(&policy, SPAN("c.test"), &is_set), POLICY_TLS_OFF);
    assert_true(is_set);
}

static void test_tls_from_the_first_octet(void **state)
{
    const struct policy_route *plain, *implicit;

    (void)state;
    read_yaml("routes: {a.test: [relay], b.test: {hosts: [relay], implicit_tls: true}}");
    plain = policy_route_for(&policy, SPAN("a.test"));
    implicit = policy_route_for(&policy, SPAN("b.test"));
    assert_false(policy_tls_is_first(plain, 25));
    assert_false(policy_tls_is_first(plain, 587));
    assert_true(policy_tls_is_first(plain, 465));
    assert_true(policy_tls_is_first(implicit, 25));
    assert_true(policy_tls_is_first(implicit, 465));
    assert_false(policy_tls_is_first(NULL, 465)); /* an MX host has it never */
}

/* Of several patterns that fit the first one counts; the last name of a site counts as the first.
 */
static void test_the_first_site(void **state)
{
    static const struct {
        const char *site, *match;
    } cases[] = {
        {"mx.one.test", "mx.one.test"},
        {"mx2.one.test", ".one.test"},
        {"10:mx.two.test,20:MX.One.TEST", "mx.one.test"},
        {"10:a.test;b.test|mx2.one.test", ".one.test"},
        {"10:mx2.one.test|a.test", ".one.test"},
        {"10:mx2.one.test;a.test", ".one.test"},
        {"10:mx2.one.test,20:a.test", ".one.test"},
        {"10:mx2.one.test-a.test", NULL},
        {"mx.one.test.", NULL},
        {"one.test", NULL},
        {",", NULL},
        {"", NULL},
    };

    (void)state;
    read_yaml("sites:\n"
              "  - {match: mx.one.test}\n"
              "  - {match: .one.test}\n"
              "  - {match: .mx.one.test}\n");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct policy_site *site = policy_site_for(&policy, span_cstr(cases[i].site));

        if ((site == NULL) != (cases[i].match == NULL) ||
            (site != NULL && strcmp(site->match, cases[i].match) != 0))
            fail_msg("%s: %s", cases[i].site, site == NULL ? "none" : site->match);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tls_of_a_domain),
        cmocka_unit_test(test_tls_of_all),
        cmocka_unit_test(test_tls_from_the_first_octet),
        cmocka_unit_test(test_the_first_site),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
