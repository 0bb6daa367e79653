#include "tls/sts_policy.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

static const struct {
    const char *label, *body;
    enum sts_mode mode;
    uint32_t max_age_s;
    const char *patterns;
} good[] = {
    {"as in the RFC",
     "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\n"
     "mx: backupmx.example.com\r\nmax_age: 604800\r\n",
     STS_ENFORCE, 604800, "mail.example.com\n*.example.net\nbackupmx.example.com\n"},
    {"line feeds, none at the end", "version: STSv1\nmode: testing\nmx: a.b\nmax_age: 1",
     STS_TESTING, 1, "a.b\n"},
    {"another order", "max_age:1\nmx:a.b\nmode:testing\nversion:STSv1\n", STS_TESTING, 1, "a.b\n"},
    {"blanks", "version: \t STSv1 \t\nmode: testing \nmx: a.b \nmax_age: 1 \n", STS_TESTING, 1,
     "a.b\n"},
    {"empty lines", "\n\nversion: STSv1\n\nmode: testing\nmx: a.b\nmax_age: 1\n\n \n", STS_TESTING,
     1, "a.b\n"},
    {"none needs no mx", "version: STSv1\nmode: none\nmax_age: 86400\n", STS_NONE, 86400, ""},
    {"unknown fields",
     "version: STSv1\nx-y.z: anything: at all\nmode: enforce\nmx: a.b\nmax_age: 9\n", STS_ENFORCE,
     9, "a.b\n"},
    {"the first counts",
     "version: STSv1\nversion: STSv9\nmode: enforce\nmode: none\nmx: a.b\nmax_age: 9\n"
     "max_age: never\n",
     STS_ENFORCE, 9, "a.b\n"},
    {"upper case", "version: STSv1\nmode: enforce\nmx: *.EXAMPLE.Com\nmax_age: 9\n", STS_ENFORCE, 9,
     "*.example.com\n"},
    {"age zero", "version: STSv1\nmode: enforce\nmx: a.b\nmax_age: 0\n", STS_ENFORCE, 0, "a.b\n"},
    {"a year", "version: STSv1\nmode: enforce\nmx: a.b\nmax_age: 31557600\n", STS_ENFORCE, 31557600,
     "a.b\n"},
    {"huge age is cut", "version: STSv1\nmode: enforce\nmx: a.b\nmax_age: 9999999999\n",
     STS_ENFORCE, 31557600, "a.b\n"},
};

static const struct {
    const char *label, *body, *problem;
} bad[] = {
    {"empty", "", "the version is missing"},
    {"a page", "<html>\r\n<body>hello</body></html>", "a line is not \"name: value\""},
    {"no version", "mode: enforce\nmx: a.b\nmax_age: 1\n", "the version is missing"},
    {"no mode", "version: STSv1\nmx: a.b\nmax_age: 1\n", "the mode is missing"},
    {"no age", "version: STSv1\nmode: enforce\nmx: a.b\n", "max_age is missing"},
    {"no mx", "version: STSv1\nmode: enforce\nmax_age: 1\n", "no mx pattern is given"},
    {"no mx when testing", "version: STSv1\nmode: testing\nmax_age: 1\n", "no mx pattern is given"},
    {"version 2", "version: STSv2\nmode: enforce\nmx: a.b\nmax_age: 1\n",
     "the version is not STSv1"},
    {"another mode", "version: STSv1\nmode: Enforce\nmx: a.b\nmax_age: 1\n",
     "the mode is not enforce, testing or none"},
    {"empty mode", "version: STSv1\nmode:\nmx: a.b\nmax_age: 1\n",
     "the mode is not enforce, testing or none"},
    {"negative age", "version: STSv1\nmode: enforce\nmx: a.b\nmax_age: -1\n",
     "max_age is no number"},
    {"age with a unit", "version: STSv1\nmode: enforce\nmx: a.b\nmax_age: 1d\n",
     "max_age is no number"},
    {"11 digits", "version: STSv1\nmode: enforce\nmx: a.b\nmax_age: 00000000001\n",
     "max_age is no number"},
    {"any host", "version: STSv1\nmode: enforce\nmx: *\nmax_age: 1\n",
     "an mx pattern is no domain name"},
    {"star and dot", "version: STSv1\nmode: enforce\nmx: *.\nmax_age: 1\n",
     "an mx pattern is no domain name"},
    {"star inside", "version: STSv1\nmode: enforce\nmx: a.*.b\nmax_age: 1\n",
     "an mx pattern is no domain name"},
    {"star without dot", "version: STSv1\nmode: enforce\nmx: *xb.c\nmax_age: 1\n",
     "an mx pattern is no domain name"},
    {"half a star", "version: STSv1\nmode: enforce\nmx: mx*.b.c\nmax_age: 1\n",
     "an mx pattern is no domain name"},
    {"leading dot", "version: STSv1\nmode: enforce\nmx: .b.c\nmax_age: 1\n",
     "an mx pattern is no domain name"},
    {"final dot", "version: STSv1\nmode: enforce\nmx: b.c.\nmax_age: 1\n",
     "an mx pattern is no domain name"},
    {"two dots", "version: STSv1\nmode: enforce\nmx: b..c\nmax_age: 1\n",
     "an mx pattern is no domain name"},
    {"not ascii", "version: STSv1\nmode: enforce\nmx: \xc3\xa9.c\nmax_age: 1\n",
     "an mx pattern is no domain name"},
    {"a list", "version: STSv1\nmode: enforce\nmx: a.b, c.d\nmax_age: 1\n",
     "an mx pattern is no domain name"},
    {"blank before the colon", "version : STSv1\nmode: enforce\nmx: a.b\nmax_age: 1\n",
     "a line is not \"name: value\""},
    {"carriage returns", "version: STSv1\rmode: enforce\rmx: a.b\rmax_age: 1\r",
     "a line is not text"},
    {"control", "version: STSv1\nx: \x1b[1m\nmode: enforce\nmx: a.b\nmax_age: 1\n",
     "a line is not text"},
};

static const struct {
    const char *pattern, *host;
    bool names;
} hosts[] = {
    {"mail.example.com", "mail.example.com", true},
    {"mail.example.com", "MAIL.example.COM", true},
    {"mail.example.com", "mail.example.com.", true},
    {"mail.example.com", "xmail.example.com", false},
    {"mail.example.com", "x.mail.example.com", false},
    {"mail.example.com", "example.com", false},
    {"mail.example.com", "", false},
    {"*.example.com", "mail.example.com", true},
    {"*.example.com", "mail.example.com.", true},
    {"*.example.com", "a.mail.example.com", false},
    {"*.example.com", "example.com", false},
    {"*.example.com", ".example.com", false},
    {"*.example.com", "mail.example.com.evil.org", false},
    {"*.example.com", "mailexample.com", false},
    {"*.example.com", "*.example.com", true},
};

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct sts_policy policy, again;
        const char *problem = NULL;
        uint8_t buffer[4096];
        struct text text;

        if (!sts_policy_read(span_cstr(good[i].body), &policy, &problem))
            fail_msg("%s: %s", good[i].label, problem);
        assert_int_equal(policy.mode, good[i].mode);
        assert_int_equal(policy.max_age_s, good[i].max_age_s);
        assert_true(span_equal(sts_policy_patterns(&policy), span_cstr(good[i].patterns)));
        text_init(&text, buffer, sizeof(buffer));
        sts_policy_write(&policy, &text);
        assert_true(sts_policy_read(text_span(&text), &again, &problem));
        assert_int_equal(again.mode, policy.mode);
        assert_true(span_equal(sts_policy_patterns(&again), sts_policy_patterns(&policy)));
    }
}

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct sts_policy policy = {.max_age_s = 7};
        const char *problem = NULL;

        if (sts_policy_read(span_cstr(bad[i].body), &policy, &problem))
            fail_msg("%s: accepted", bad[i].label);
        if (strcmp(problem, bad[i].problem) != 0)
            fail_msg("%s: %s", bad[i].label, problem);
        assert_int_equal(policy.max_age_s, 7);
    }
}

static void test_bounds(void **state)
{
    static uint8_t body[STS_POLICY_BODY_MAX + 1];
    static const char head[] = "version: STSv1\nmode: enforce\nmax_age: 1\nmx: a.b\n";
    struct sts_policy policy;
    const char *problem = NULL;
    struct text text;

    (void)state;
    text_init(&text, body, sizeof(body));
    text_add_cstr(&text, head);
    text_add_fill(&text, '\n', STS_POLICY_BODY_MAX - text.size);
    assert_true(sts_policy_read(text_span(&text), &policy, &problem));
    text_add_byte(&text, '\n');
    assert_false(sts_policy_read(text_span(&text), &policy, &problem));
    assert_string_equal(problem, "the policy is too large");

    text_reset(&text);
    text_add_cstr(&text, head);
    for (size_t i = 0; i < STS_POLICY_PATTERNS_SIZE / 4; i++)
        text_add_cstr(&text, "mx: c.d\n");
    assert_false(sts_policy_read(text_span(&text), &policy, &problem));
    assert_string_equal(problem, "too many mx patterns");
}

static void test_hosts(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        struct sts_policy policy;
        const char *problem = NULL;
        uint8_t buffer[512];
        struct text text;

        text_init(&text, buffer, sizeof(buffer));
        text_add_cstr(&text, "version: STSv1\nmode: enforce\nmax_age: 1\nmx: other.example\nmx: ");
        text_add_cstr(&text, hosts[i].pattern);
        assert_true(sts_policy_read(text_span(&text), &policy, &problem));
        if (sts_policy_names(&policy, span_cstr(hosts[i].host)) != hosts[i].names)
            fail_msg("%s and %s", hosts[i].pattern, hosts[i].host);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_hosts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
