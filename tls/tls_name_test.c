#include "tls/tls_name.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <openssl/pem.h>

#include "tests/tls_pair.h"

static void test_match(void **state)
{
    (void)state;
    static const struct {
        struct span presented, reference;
        bool match;
    } cases[] = {
        {SPAN_INIT("mx.example.org"), SPAN_INIT("mx.example.org"), true},
        {SPAN_INIT("MX.Example.ORG"), SPAN_INIT("mx.eXample.org"), true},
        {SPAN_INIT("mx.example.org"), SPAN_INIT("mx.example.org."), true},
        {SPAN_INIT("mx.example.org."), SPAN_INIT("mx.example.org"), false},
        {SPAN_INIT("mx.example.org"), SPAN_INIT("mx2.example.org"), false},
        {SPAN_INIT("example.org"), SPAN_INIT("mx.example.org"), false},
        {SPAN_INIT("xn--mller-kva.example"), SPAN_INIT("XN--Mller-kva.example"), true},
        {SPAN_INIT("m\xc3\xbcller.example"), SPAN_INIT("m\xc3\xbcller.example"), false},
        {SPAN_INIT("mx.example.org\0.evil"), SPAN_INIT("mx.example.org"), false},
        {SPAN_INIT("mx.example.org\0.evil"), SPAN_INIT("mx.example.org\0.evil"), false},
        {SPAN_INIT("_25._tcp.example.org"), SPAN_INIT("_25._tcp.example.org"), true},
        /* Wildcards: the whole leftmost label, one label. */
        {SPAN_INIT("*.example.org"), SPAN_INIT("mx.example.org"), true},
        {SPAN_INIT("*.example.org"), SPAN_INIT("mx.EXAMPLE.org."), true},
        {SPAN_INIT("*.example.org"), SPAN_INIT("a.mx.example.org"), false},
        {SPAN_INIT("*.example.org"), SPAN_INIT("example.org"), false},
        {SPAN_INIT("*.example.org"), SPAN_INIT(".example.org"), false},
        {SPAN_INIT("*.org"), SPAN_INIT("example.org"), false},
        {SPAN_INIT("*"), SPAN_INIT("localhost"), false},
        {SPAN_INIT("*."), SPAN_INIT("localhost."), false},
        {SPAN_INIT("m*.example.org"), SPAN_INIT("mx.example.org"), false},
        {SPAN_INIT("*x.example.org"), SPAN_INIT("mx.example.org"), false},
        {SPAN_INIT("mx.*.org"), SPAN_INIT("mx.example.org"), false},
        {SPAN_INIT("*.*.org"), SPAN_INIT("mx.example.org"), false},
        {SPAN_INIT("*.example.org"), SPAN_INIT("*.example.org"), false},
        /* Not host names. */
        {SPAN_INIT(""), SPAN_INIT(""), false},
        {SPAN_INIT("."), SPAN_INIT("."), false},
        {SPAN_INIT("a..b"), SPAN_INIT("a..b"), false},
        {SPAN_INIT("192.0.2.1"), SPAN_INIT("192.0.2.1"), false},
        {SPAN_INIT("*.0.2.1"), SPAN_INIT("192.0.2.1"), false},
        {SPAN_INIT("a b.example"), SPAN_INIT("a b.example"), false},
        {SPAN_INIT("localhost"), SPAN_INIT("localhost"), true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (tls_name_match(cases[i].presented, cases[i].reference) != cases[i].match)
            fail_msg("case %zu: %.*s for %.*s", i, (int)cases[i].presented.size,
                     cases[i].presented.data, (int)cases[i].reference.size,
                     cases[i].reference.data);
}

static void test_lengths(void **state)
{
    (void)state;
    uint8_t name[300];
    memset(name, 'a', sizeof name);
    name[63] = '.';
    assert_true(tls_name_match(span_make(name, 70), span_make(name, 70)));
    name[63] = 'a';
    name[64] = '.';
    assert_false(tls_name_match(span_make(name, 70), span_make(name, 70)));
    for (size_t i = 1; i < sizeof name; i += 2)
        name[i - 1] = 'a', name[i] = '.';
    name[253] = 'a';
    assert_true(tls_name_match(span_make(name, 253), span_make(name, 253)));
    assert_false(tls_name_match(span_make(name, 255), span_make(name, 255)));
}

static X509 *load(const char *name)
{
    static uint8_t file[TEST_FILE_MAX];
    struct span pem = test_file(name, ".pem", file);
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.size);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    assert_non_null(certificate);
    return certificate;
}

static void test_identifiers_of_certificates(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct span reference;
        bool dns_id, with_common_name;
    } cases[] = {
        {"good", SPAN_INIT("mx.example.org"), true, true},
        {"good", SPAN_INIT("mx1.example.net"), true, true},
        {"good", SPAN_INIT("mx2.example.net"), false, false},
        {"wildcard", SPAN_INIT("any.example.org"), true, true},
        {"wrong", SPAN_INIT("mx.example.org"), false, false},
        /* The common name counts only without DNS-IDs, and only for DANE-TA. */
        {"nosan", SPAN_INIT("mx.example.org"), false, true},
        {"nosan", SPAN_INIT("mx.example.net"), false, false},
        {"commonname", SPAN_INIT("mx.example.org"), false, false},
        {"commonname", SPAN_INIT("elsewhere.example"), true, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        X509 *certificate = load(cases[i].name);
        struct span names[2] = {SPAN("none.example"), cases[i].reference};
        char words[TLS_FAILURE_TEXT_MAX];
        struct text why;
        text_init(&why, words, sizeof words);
        if (tls_name_of(certificate, names, 2, false) != cases[i].dns_id ||
            tls_name_of(certificate, names, 2, true) != cases[i].with_common_name)
            fail_msg("case %zu", i);
        assert_false(tls_name_of(certificate, names, 1, true));
        assert_false(tls_name_of(certificate, names, 0, true));
        assert_int_equal(tls_name_check(certificate, names, 2, false, &why),
                         cases[i].dns_id ? TLS_FAILURE_NONE : TLS_FAILURE_WRONG_NAME);
        assert_int_equal(why.size > 0, !cases[i].dns_id);
        X509_free(certificate);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_match),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_identifiers_of_certificates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
