/* Which certificates may be shown, which complaint names which file. With those of tests/ca.py. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/client_tls.h"
#include "tests/tls_pair.h"

static uint8_t roots[TEST_FILE_MAX], good_pem[TEST_FILE_MAX], good_key[TEST_FILE_MAX],
    rsa_pem[TEST_FILE_MAX], rsa_key[TEST_FILE_MAX];

static void test_client_open(void **state)
{
    struct span ca = test_file("ca", ".pem", roots);
    struct tls_identity good = {test_file("good", ".pem", good_pem),
                                test_file("good", ".key", good_key)};
    struct tls_identity rsa = {test_file("rsa", ".pem", rsa_pem),
                               test_file("rsa", ".key", rsa_key)};
    const struct {
        const char *label;
        struct span roots;
        struct tls_identity identities[3];
        uint32_t count;
        int error;
        const char *front; /* of the complaint */
    } cases[] = {
        {"nothing", SPAN(""), {good}, 0, 0, ""},
        {"roots", ca, {good}, 0, 0, ""},
        {"two", ca, {good, rsa}, 2, 0, ""},
        {"the same twice", ca, {good, good}, 2, 0, ""},
        {"the first is bad",
         ca,
         {{good.certificate_pem, rsa.key_pem}, rsa},
         2,
         -EINVAL,
         "0.pem, 0.key: "},
        {"the second has another's key",
         ca,
         {good, {rsa.certificate_pem, good.key_pem}, rsa},
         3,
         -EINVAL,
         "1.pem, 1.key: "},
        {"the last has no key",
         ca,
         {good, rsa, {good.certificate_pem, SPAN("")}},
         3,
         -EINVAL,
         "2.pem, 2.key: "},
        {"the last has no certificate",
         ca,
         {good, rsa, {SPAN(""), good.key_pem}},
         3,
         -EINVAL,
         "2.pem, 2.key: "},
        {"bad roots", SPAN("no certificate"), {good}, 1, -EINVAL, ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        static const char *const files[] = {"0.pem", "0.key", "1.pem", "1.key", "2.pem", "2.key"};
        struct client_tls_identity identities[3];
        struct client_tls_options options = {.roots_pem = cases[i].roots,
                                             .identities = identities,
                                             .identities_count = cases[i].count};
        size_t before = tls_memory_used();
        struct tls_context context;
        char words[400];
        struct text why;
        int error;

        for (uint32_t j = 0; j < 3; j++)
            identities[j] = (struct client_tls_identity){.certificate_file = files[2 * j],
                                                         .key_file = files[2 * j + 1],
                                                         .pem = cases[i].identities[j]};
        memset(&context, 0, sizeof(context));
        text_init(&why, words, sizeof(words));
        error = client_tls_open(&context, &options, &why);
        if (error != cases[i].error)
            fail_msg("%s: %d %s", cases[i].label, error, text_cstr_end(&why));
        if (strncmp(text_cstr_end(&why), cases[i].front, strlen(cases[i].front)) != 0)
            fail_msg("%s: %s", cases[i].label, text_cstr_end(&why));
        assert_int_equal(why.size > strlen(cases[i].front), error < 0); /* and why, in words */
        if (error < 0 && cases[i].front[0] == '\0')
            assert_null(strstr(words, ".key"));
        if (error == 0)
            assert_int_equal(context.identities_count, cases[i].count);
        tls_context_close(&context);
        if (i > 0 && tls_memory_used() > before + 4096) /* what the library keeps for itself */
            fail_msg("%s: %zu octets are left", cases[i].label, tls_memory_used() - before);
    }
}

static void test_too_many(void **state)
{
    struct client_tls_identity identities[TLS_CONTEXT_IDENTITIES_MAX + 1];
    struct client_tls_options options = {.identities = identities};
    struct tls_identity good = {test_file("good", ".pem", good_pem),
                                test_file("good", ".key", good_key)};
    struct tls_context context;
    char words[400];
    struct text why;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(identities); i++)
        identities[i] = (struct client_tls_identity){"c", "k", good};
    memset(&context, 0, sizeof(context));
    text_init(&why, words, sizeof(words));
    options.identities_count = TLS_CONTEXT_IDENTITIES_MAX;
    assert_int_equal(client_tls_open(&context, &options, &why), 0);
    assert_int_equal(context.identities_count, TLS_CONTEXT_IDENTITIES_MAX);
    assert_int_equal(why.size, 0);
    tls_context_close(&context);
    options.identities_count = TLS_CONTEXT_IDENTITIES_MAX + 1;
    assert_int_equal(client_tls_open(&context, &options, &why), -EINVAL);
    assert_non_null(strstr(text_cstr_end(&why), "more than 16"));
}

static void test_identity_of(void **state)
{
    static const struct client_tls_identity identities[] = {
        {.certificate_file = "/a.pem", .key_file = "/a.key"},
        {.certificate_file = "/a.pem", .key_file = "/b.key"},
        {.certificate_file = "/b.pem", .key_file = "/b.key"},
    };
    static const struct client_tls_options options = {.identities = identities,
                                                      .identities_count = ARRAY_LEN(identities)};
    static const struct {
        const char *certificate, *key;
        uint32_t index;
    } cases[] = {
        {"/a.pem", "/a.key", 0},
        {"/a.pem", "/b.key", 1},
        {"/b.pem", "/b.key", 2},
        {"/b.pem", "/a.key", TLS_CONTEXT_IDENTITY_NONE},
        {"/c.pem", "/c.key", TLS_CONTEXT_IDENTITY_NONE}, /* of a later configuration */
        {"/a.pe", "/a.key", TLS_CONTEXT_IDENTITY_NONE},
        {"", "", TLS_CONTEXT_IDENTITY_NONE},
        {"", "/a.key", TLS_CONTEXT_IDENTITY_NONE},
    };
    struct policy_route route;

    (void)state;
    assert_int_equal(client_tls_identity_of(&options, NULL), TLS_CONTEXT_IDENTITY_NONE);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        memset(&route, 0, sizeof(route));
        memcpy(route.tls_cert, cases[i].certificate, strlen(cases[i].certificate));
        memcpy(route.tls_key, cases[i].key, strlen(cases[i].key));
        if (client_tls_identity_of(&options, &route) != cases[i].index)
            fail_msg("%s %s", cases[i].certificate, cases[i].key);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_client_open),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_identity_of),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
