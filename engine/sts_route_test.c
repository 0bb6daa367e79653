#include "engine/sts_route.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

static const struct {
    const char *label;
    enum sts_knowledge knowledge;
    enum sts_mode mode;
    const char *patterns;
    enum sts_route_verdict verdict;
    const char *hosts; /* what is left */
    const char *site;
} cases[] = {
    {"unknown", STS_UNKNOWN, STS_NONE, "", STS_ROUTE_FREE, "b.x a.x c.y", "a.x,b.x;c.y"},
    {"without", STS_WITHOUT, STS_NONE, "", STS_ROUTE_FREE, "b.x a.x c.y", "a.x,b.x;c.y"},
    {"mode none", STS_POLICY, STS_NONE, "", STS_ROUTE_FREE, "b.x a.x c.y", "a.x,b.x;c.y"},
    {"testing", STS_POLICY, STS_TESTING, "z.z\n", STS_ROUTE_FREE, "b.x a.x c.y", "a.x,b.x;c.y"},
    {"all named", STS_POLICY, STS_ENFORCE, "*.x\nc.y\n", STS_ROUTE_ENFORCED, "b.x a.x c.y",
     "a.x,b.x;c.y"},
    {"the first named", STS_POLICY, STS_ENFORCE, "a.x\n", STS_ROUTE_ENFORCED, "a.x", "a.x"},
    {"the backup named", STS_POLICY, STS_ENFORCE, "c.y\n", STS_ROUTE_ENFORCED, "c.y", "c.y"},
    {"of the first group", STS_POLICY, STS_ENFORCE, "*.x\n", STS_ROUTE_ENFORCED, "b.x a.x",
     "a.x,b.x"},
    {"two named", STS_POLICY, STS_ENFORCE, "b.x\n*.y\n", STS_ROUTE_ENFORCED, "b.x c.y", "b.x;c.y"},
    {"none named", STS_POLICY, STS_ENFORCE, "x\n*.z\n", STS_ROUTE_EMPTY, "b.x a.x c.y",
     "a.x,b.x;c.y"},
};

static struct route route_make(void)
{
    static const char *const names[] = {"b.x", "a.x", "c.y"};
    struct route route = {.status = ROUTE_OK, .hosts_count = 3, .site = "a.x,b.x;c.y"};

    for (uint8_t i = 0; i < 3; i++) {
        route.hosts[i].preference = i < 2 ? 10 : 20;
        route.hosts[i].addresses_count = 1;
        route.hosts[i].addresses[0] = (struct ip){IP_V4, {192, 0, 2, (uint8_t)(names[i][0] - 'a')}};
        memcpy(route.hosts[i].name, names[i], 4);
    }
    return route;
}

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sts_policy policy = {.mode = cases[i].mode};
        struct sts_view view = {.knowledge = cases[i].knowledge};
        struct route route = route_make();
        char buffer[64];
        struct text hosts;

        policy.patterns_size = (uint32_t)strlen(cases[i].patterns);
        memcpy(policy.patterns, cases[i].patterns, policy.patterns_size);
        if (view.knowledge == STS_POLICY)
            view.policy = &policy;
        if (sts_route_judge(&view, &route) != cases[i].verdict)
            fail_msg("%s", cases[i].label);
        text_init(&hosts, buffer, sizeof(buffer));
        for (uint32_t n = 0; n < route.hosts_count; n++) {
            text_add_cstr(&hosts, n > 0 ? " " : "");
            text_add_cstr(&hosts, route.hosts[n].name);
            assert_int_equal(route.hosts[n].addresses[0].bytes[3], route.hosts[n].name[0] - 'a');
        }
        assert_string_equal(text_cstr_end(&hosts), cases[i].hosts);
        assert_string_equal(route.site, cases[i].site);
    }
}

static void test_vouched(void **state)
{
    static const struct {
        const char *patterns;
        enum sts_mode mode;
        bool vouched;
    } vouching[] = {
        {"*.x\nc.y\n", STS_ENFORCE, true},      {"*.?\n", STS_TESTING, false},
        {"*.x\n*.y\n", STS_NONE, false},        {"a.x\n", STS_TESTING, false},
        {"a.x\nb.x\n", STS_TESTING, false},     {"", STS_TESTING, false},
        {"a.x\nb.x\nc.y\n", STS_TESTING, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(vouching); i++) {
        struct sts_policy policy = {.mode = vouching[i].mode};
        struct sts_view view = {.knowledge = STS_POLICY, .policy = &policy};
        struct route route = route_make();

        policy.patterns_size = (uint32_t)strlen(vouching[i].patterns);
        memcpy(policy.patterns, vouching[i].patterns, policy.patterns_size);
        if (sts_route_vouched(&view, &route) != vouching[i].vouched)
            fail_msg("%s, mode %d", vouching[i].patterns, (int)vouching[i].mode);
        view.knowledge = STS_WITHOUT;
        assert_false(sts_route_vouched(&view, &route));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_vouched),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
