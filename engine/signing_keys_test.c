#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/signing_keys.h"

static struct policy policy;
static char problem[1024];
static char rsa_pem[4096], ed25519_pem[1024];

static int make_pems(void **state)
{
    struct text pem;

    (void)state;
    text_init(&pem, rsa_pem, sizeof(rsa_pem));
    if (sign_key_make(SIGN_RSA_SHA256, 1024, &pem) < 0)
        return -1;
    (void)text_cstr_end(&pem);
    text_init(&pem, ed25519_pem, sizeof(ed25519_pem));
    if (sign_key_make(SIGN_ED25519_SHA256, 0, &pem) < 0)
        return -1;
    (void)text_cstr_end(&pem);
    return 0;
}

struct item {
    const char *domain, *selector, *pem;
    bool also_sign;
};

static int add(struct signing_keys *keys, uint32_t index, const char *pem)
{
    struct text error;
    int result;

    text_init(&error, problem, sizeof(problem));
    result = signing_keys_add(keys, &policy.dkim_items[index], span_cstr(pem), &error);
    (void)text_cstr_end(&error);
    return result;
}

/* All but the last must be added; the result of that. */
static int open_keys(struct signing_keys **ret_keys, const struct item *items, uint32_t count)
{
    struct text error;
    int result = 0;

    memset(&policy, 0, sizeof(policy));
    policy_init(&policy);
    policy.dkim.count = count;
    text_init(&error, problem, sizeof(problem));
    assert_int_equal(signing_keys_open(ret_keys, &policy, 2, &error), 0);
    for (uint32_t i = 0; i < count; i++) {
        struct policy_dkim *item = &policy.dkim_items[i];

        assert_int_equal(result, 0);
        strncpy(item->domain, items[i].domain, sizeof(item->domain) - 1);
        strncpy(item->selector, items[i].selector, sizeof(item->selector) - 1);
        strncpy(item->key_file, "the.pem", sizeof(item->key_file) - 1);
        item->also_sign = items[i].also_sign;
        result = add(*ret_keys, i, items[i].pem);
    }
    return result;
}

/* "domain/algorithm" of all that sign. */
static const char *chosen(const struct signing_keys *keys, const char *domain)
{
    static char buffer[512];
    const struct signing_key *found[SIGNING_KEYS_USED_MAX];
    uint32_t count = signing_keys_for(keys, span_cstr(domain), found);
    struct text text;

    text_init(&text, buffer, sizeof(buffer));
    for (uint32_t i = 0; i < count; i++) {
        text_add_cstr(&text, i > 0 ? " " : "");
        text_add(&text, dkim_plan_domain(&found[i]->plan));
        text_add_cstr(&text, found[i]->plan.algorithm == SIGN_RSA_SHA256 ? "/rsa" : "/ed");
    }
    return text_cstr_end(&text);
}

static void test_choice(void **state)
{
    const struct item items[] = {
        {"example.com", "e", ed25519_pem, false}, {"esp.example", "s", rsa_pem, true},
        {"example.com", "r", rsa_pem, false},     {"Deep.Example.com", "r", rsa_pem, false},
        {"esp.example", "t", ed25519_pem, true},  {"aaa.example", "a", rsa_pem, false},
        {"zzz.example", "a", rsa_pem, false},
    };
    struct signing_keys *keys;

    (void)state;
    assert_int_equal(open_keys(&keys, items, ARRAY_LEN(items)), 0);
    assert_int_equal(signing_keys_count(keys), ARRAY_LEN(items));
    assert_string_equal(chosen(keys, "example.com"),
                        "example.com/rsa example.com/ed esp.example/rsa esp.example/ed");
    assert_string_equal(chosen(keys, "news.EXAMPLE.com"), chosen(keys, "example.com"));
    assert_string_equal(chosen(keys, "x.deep.example.com"),
                        "deep.example.com/rsa esp.example/rsa esp.example/ed");
    assert_string_equal(chosen(keys, "notexample.com"), "esp.example/rsa esp.example/ed");
    assert_string_equal(chosen(keys, "esp.example"), "esp.example/rsa esp.example/ed");
    assert_string_equal(chosen(keys, "m.esp.example"), "esp.example/rsa esp.example/ed");
    assert_string_equal(chosen(keys, "aaa.example"),
                        "aaa.example/rsa esp.example/rsa esp.example/ed");
    assert_string_equal(chosen(keys, "com"), "esp.example/rsa esp.example/ed");
    assert_string_equal(chosen(keys, ""), "esp.example/rsa esp.example/ed");
    assert_non_null(signing_keys_batch(keys, 1));
    assert_null(signing_keys_batch(keys, 2));
    signing_keys_close(keys);
}

static void test_nobody_else(void **state)
{
    const struct item items[] = {{"example.com", "r", rsa_pem, false}};
    struct signing_keys *keys;

    (void)state;
    assert_int_equal(open_keys(&keys, items, 1), 0);
    assert_string_equal(chosen(keys, "example.com"), "example.com/rsa");
    assert_string_equal(chosen(keys, "example.org"), "");
    assert_string_equal(chosen(keys, ".."), "");
    signing_keys_close(keys);
    signing_keys_close(NULL);
}

static void test_refused(void **state)
{
    const struct {
        struct item last;
        const char *says;
    } cases[] = {
        {{"b.example", "s", "no key", false}, "the.pem: "},
        {{"b.example", "s", "", false}, "the.pem: "},
        {{"a.example", "t", rsa_pem, false}, "the.pem: its domain has another key of this kind"},
        {{"A.EXAMPLE", "t", rsa_pem, true}, "the.pem: its domain has another key of this kind"},
        {{"b.example", "s..s", rsa_pem, false}, "the.pem: "},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct item items[] = {{"a.example", "s", rsa_pem, false}, cases[i].last};
        struct signing_keys *keys;

        assert_int_equal(open_keys(&keys, items, 2), -EINVAL);
        if (strncmp(problem, cases[i].says, strlen(cases[i].says)) != 0 ||
            strlen(problem) < strlen(cases[i].says) + 3)
            fail_msg("case %zu: %s", i, problem);
        assert_string_equal(chosen(keys, "a.example"), "a.example/rsa"); /* the rest stands */
        signing_keys_close(keys);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_nobody_else),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, make_pems, NULL);
}
