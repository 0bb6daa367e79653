#include "tls/tls_context.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <errno.h>

#include "tests/expect_abort.h"
#include "tests/tls_pair.h"

static char why_words[200];
static struct text why;
static uint8_t file_a[TEST_FILE_MAX], file_b[TEST_FILE_MAX], file_c[TEST_FILE_MAX];

static int open_with(struct tls_context *context, enum tls_role role, struct span roots,
                     const struct tls_identity *identities, uint32_t count)
{
    struct tls_context_options options = {
        .role = role, .roots_pem = roots, .identities = identities, .identities_count = count};
    text_init(&why, why_words, sizeof why_words);
    return tls_context_open(context, &options, &why);
}

static void test_roots(void **state)
{
    (void)state;
    struct tls_context context;
    struct text pem;
    struct span good = test_file("ca", ".pem", file_a);
    text_init(&pem, file_b, sizeof file_b);
    text_add_cstr(&pem, "# Some authority\nSerial: 1\n");
    text_add(&pem, good);
    text_add_cstr(&pem, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    text_add_cstr(&pem, "\n\n");
    text_add(&pem, test_file("other", ".pem", file_c));
    assert_int_equal(open_with(&context, TLS_CLIENT, text_span(&pem), NULL, 0), 0);
    assert_int_equal(context.roots_count, 2); /* the broken one between them is skipped */
    tls_context_close(&context);
    tls_context_close(&context);
    /* None at all may be meant; a file without any is a mistake. */
    assert_int_equal(open_with(&context, TLS_CLIENT, span_make(NULL, 0), NULL, 0), 0);
    assert_int_equal(context.roots_count, 0);
    tls_context_close(&context);
    static const char *const bad[] = {
        "no PEM here", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nMIIB", "-----BEGIN CERTIFICATE-----", "-----BEGIN"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(open_with(&context, TLS_CLIENT, span_cstr(bad[i]), NULL, 0), -EINVAL);
        assert_true(why.size > 0);
        assert_null(context.library);
    }
}

static void test_identities(void **state)
{
    (void)state;
    struct tls_context context;
    struct span certificate = test_file("good", ".pem", file_a);
    struct span key = test_file("good", ".key", file_b);
    struct span other_key = test_file("rsa", ".key", file_c);
    static const char encrypted[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n"
                                    "-----END ENCRYPTED PRIVATE KEY-----\n";
    const struct {
        const char *label;
        struct tls_identity identity;
        int error;
    } cases[] = {
        {"good", {certificate, key}, 0},
        {"key of another", {certificate, other_key}, -EINVAL},
        {"no key", {certificate, span_make(NULL, 0)}, -EINVAL},
        {"no certificate", {span_make(NULL, 0), key}, -EINVAL},
        {"exchanged", {key, certificate}, -EINVAL},
        {"cut certificate", {span_first(certificate, certificate.size / 2), key}, -EINVAL},
        {"cut key", {certificate, span_first(key, key.size / 2)}, -EINVAL},
        {"encrypted key", {certificate, SPAN(encrypted)}, -EINVAL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases) * 2; i++) {
        enum tls_role role = i % 2 == 0 ? TLS_CLIENT : TLS_SERVER;
        int error = open_with(&context, role, span_make(NULL, 0), &cases[i / 2].identity, 1);
        if (error != cases[i / 2].error)
            fail_msg("%s: %d %.*s", cases[i / 2].label, error, (int)why.size, why_words);
        assert_int_equal(why.size > 0, error != 0);
        tls_context_close(&context);
    }
    assert_int_equal(open_with(&context, TLS_SERVER, span_make(NULL, 0), NULL, 0), -EINVAL);
    struct tls_identity authority = {test_file("ca", ".pem", file_a),
                                     test_file("ca", ".key", file_b)};
    assert_int_equal(open_with(&context, TLS_SERVER, span_make(NULL, 0), &authority, 1), -EINVAL);
    assert_true(span_find(text_span(&why), SPAN("key usage")) != SPAN_NOT_FOUND);
    certificate = test_file("good", ".pem", file_a);
    key = test_file("good", ".key", file_b);
    struct tls_identity many[TLS_CONTEXT_IDENTITIES_MAX + 1];
    for (size_t i = 0; i < ARRAY_LEN(many); i++)
        many[i] = (struct tls_identity){certificate, key};
    assert_int_equal(open_with(&context, TLS_SERVER, span_make(NULL, 0), many, 2), -EINVAL);
    assert_int_equal(open_with(&context, TLS_CLIENT, span_make(NULL, 0), many, ARRAY_LEN(many)),
                     -EINVAL);
    assert_int_equal(open_with(&context, TLS_CLIENT, span_make(NULL, 0), many, ARRAY_LEN(many) - 1),
                     0);
    assert_int_equal(context.identities_count, TLS_CONTEXT_IDENTITIES_MAX);
    tls_context_close(&context);
}

static void test_every_refused_allocation(void **state)
{
    (void)state;
    struct tls_context context;
    struct tls_identity identity = {test_file("chained", ".pem", file_a),
                                    test_file("chained", ".key", file_b)};
    struct span roots = test_file("ca", ".pem", file_c);
    assert_int_equal(open_with(&context, TLS_CLIENT, roots, &identity, 1), 0);
    tls_context_close(&context);
    size_t before = tls_memory_used();
    uint32_t failures = 0;
    for (uint64_t n = 1; n < 5000; n++) { /* 0 is the probe of the hooks */
        uint64_t refused = tls_memory_refused();
        tls_memory_fail_after(n);
        int error = open_with(&context, TLS_CLIENT, roots, &identity, 1);
        tls_memory_fail_after(UINT64_MAX);
        assert_true(error == 0 || error == -ENOMEM);
        failures += error != 0;
        if (error == 0)
            assert_int_equal(context.roots_count, 1);
        tls_context_close(&context);
        if (tls_memory_used() > before + 1024)
            fail_msg("allocation %u: %zu left", (unsigned)n, tls_memory_used() - before);
        if (tls_memory_refused() == refused)
            break;
    }
    assert_true(failures > 50);
}

static void close_in_use(void *unused)
{
    (void)unused;
    static struct test_pair pair;
    struct tls_context client, server;
    struct span host = SPAN("mx.example.org");
    struct tls_stream_options options = test_options(&host, false);
    (void)test_open(&client, TLS_CLIENT, "ca", NULL); /* seen to work above */
    (void)test_open(&server, TLS_SERVER, NULL, "good");
    test_start(&pair, &client, &server, &options);
    tls_context_close(&client);
}

static void test_streams_are_counted(void **state)
{
    (void)state;
    assert_true(expect_abort(close_in_use, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roots),
        cmocka_unit_test(test_identities),
        cmocka_unit_test(test_every_refused_allocation),
        cmocka_unit_test(test_streams_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
