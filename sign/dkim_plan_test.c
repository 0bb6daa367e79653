#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "sign/dkim_plan.h"

#define LABEL_63 "a23456789012345678901234567890123456789012345678901234567890123"
#define DOMAIN_191 LABEL_63 "." LABEL_63 "." LABEL_63

static void assert_head(const struct dkim_plan *plan, const char *expected)
{
    assert_int_equal(plan->head_size, strlen(expected));
    assert_memory_equal(plan->head, expected, plan->head_size);
}

static void test_heads(void **state)
{
    struct dkim_plan_options options = {
        .domain = SPAN("Example.com"), .selector = SPAN("S1"), .signature_size = 256};
    struct dkim_plan plan;
    char buffer[200];
    struct text why;

    (void)state;
    text_init(&why, buffer, sizeof(buffer));
    assert_int_equal(dkim_plan_compile(&plan, &options, &why), 0);
    assert_head(&plan,
                "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=s1;");
    assert_int_equal(plan.head_column, 74);
    options.algorithm = SIGN_ED25519_SHA256;
    options.signature_size = 64;
    options.header_form = CANON_SIMPLE;
    options.identity = SPAN("a=b@News.example.com");
    assert_int_equal(dkim_plan_compile(&plan, &options, &why), 0);
    assert_head(&plan,
                "DKIM-Signature: v=1; a=ed25519-sha256; c=simple/relaxed; d=example.com; s=s1;"
                "\r\n\ti=a=3Db@News.example.com;");
    assert_int_equal(why.size, 0);
    assert_true(span_equal(dkim_plan_domain(&plan), SPAN("example.com")));
}

static void test_faults(void **state)
{
    static const struct {
        const char *domain, *selector, *identity;
        enum sign_algorithm algorithm;
        uint32_t signature_size;
        const char *why; /* part of the sentence; NULL: it is fine */
    } cases[] = {
        {"example.com", "s", "", SIGN_RSA_SHA256, 128, NULL},
        {"example.com", "s", "", SIGN_RSA_SHA256, 512, NULL},
        {"example.com", "a.b_c-1", "@example.com", SIGN_RSA_SHA256, 256, NULL},
        {"example.com", "s", "x@a.example.com", SIGN_ED25519_SHA256, 64, NULL},
        {"example.com", "s", "", SIGN_RSA_SHA256, 127, "1016 bits"},
        {"example.com", "s", "", SIGN_RSA_SHA256, 513, "bits"},
        {"example.com", "s", "", SIGN_ED25519_SHA256, 256, "ed25519-sha256"},
        {"", "s", "", SIGN_RSA_SHA256, 256, "the domain"},
        {"example.com.", "s", "", SIGN_RSA_SHA256, 256, "the domain"},
        {"example..com", "s", "", SIGN_RSA_SHA256, 256, "the domain"},
        {"-x.com", "s", "", SIGN_RSA_SHA256, 256, "the domain"},
        {"x;.com", "s", "", SIGN_RSA_SHA256, 256, "the domain"},
        {"b\xc3\xbc.com", "s", "", SIGN_RSA_SHA256, 256, "ASCII"},
        {LABEL_63 "4.com", "s", "", SIGN_RSA_SHA256, 256, "the domain"},
        {"example.com", "", "", SIGN_RSA_SHA256, 256, "the selector"},
        {"example.com", "a b", "", SIGN_RSA_SHA256, 256, "the selector"},
        {"example.com", "s\r\nX", "", SIGN_RSA_SHA256, 256, "the selector \"s\\x0d\\x0aX\""},
        {DOMAIN_191, "s2345678901234567890123456789012345678901234567890", "", SIGN_RSA_SHA256, 256,
         NULL}, /* 50 + 12 + 191 = 253 */
        {DOMAIN_191, "s23456789012345678901234567890123456789012345678901", "", SIGN_RSA_SHA256,
         256, "too long together"},
        {"example.com", "s", "x@example.net", SIGN_RSA_SHA256, 256, "the identity"},
        {"example.com", "s", "x@notexample.com", SIGN_RSA_SHA256, 256, "the identity"},
        {"example.com", "s", "example.com", SIGN_RSA_SHA256, 256, "the identity"},
        {"example.com", "s", "a b@example.com", SIGN_RSA_SHA256, 256, "the identity"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct dkim_plan_options options = {.domain = span_cstr(cases[i].domain),
                                            .selector = span_cstr(cases[i].selector),
                                            .identity = span_cstr(cases[i].identity),
                                            .algorithm = cases[i].algorithm,
                                            .signature_size = cases[i].signature_size};
        struct dkim_plan plan = {.head_size = 7};
        char buffer[400];
        struct text why;

        text_init(&why, buffer, sizeof(buffer));
        print_message("%s %s %s\n", cases[i].selector, cases[i].domain, cases[i].identity);
        int result = dkim_plan_compile(&plan, &options, &why);
        print_message("%s\n", text_cstr_end(&why));
        assert_int_equal(result, cases[i].why == NULL ? 0 : -EINVAL);
        if (cases[i].why == NULL) {
            assert_int_equal(why.size, 0);
            continue;
        }
        assert_non_null(strstr(text_cstr_end(&why), cases[i].why));
        assert_int_equal(plan.head_size, 7); /* untouched */
    }
}

static void test_record_name(void **state)
{
    char buffer[100];
    struct text name;

    (void)state;
    text_init(&name, buffer, sizeof(buffer));
    dkim_plan_record_name(SPAN("S1.x"), SPAN("Example.com"), &name);
    assert_string_equal(text_cstr_end(&name), "s1.x._domainkey.example.com");
}

static void test_covers(void **state)
{
    static const struct {
        const char *from;
        bool covered;
    } cases[] = {{"example.com", true},       {"EXAMPLE.com", true},  {"news.Example.com", true},
                 {"badexample.com", false},   {"com", false},         {"", false},
                 {"example.com.evil", false}, {".example.com", true}, {"example.org", false}};
    struct dkim_plan_options options = {
        .domain = SPAN("example.com"), .selector = SPAN("s1"), .signature_size = 256};
    struct dkim_plan plan;
    struct text why = {0};

    (void)state;
    assert_int_equal(dkim_plan_compile(&plan, &options, &why), 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(dkim_plan_covers(&plan, span_cstr(cases[i].from)), cases[i].covered);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heads),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_record_name),
        cmocka_unit_test(test_covers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
