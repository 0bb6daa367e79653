#include "tls/tls_memory.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <openssl/mem.h>
#include <openssl/ssl.h>
#include <string.h>

/* The shared library finds the hooks in this program: what it allocates is seen. */
static void test_the_library_is_counted(void **state)
{
    (void)state;
    assert_true(tls_memory_is_counted());
    size_t before = tls_memory_used();
    void *memory = OPENSSL_malloc(1000);
    assert_non_null(memory);
    assert_int_equal(tls_memory_used() - before, 1016);
    memory = OPENSSL_realloc(memory, 5000);
    assert_int_equal(tls_memory_used() - before, 5016);
    OPENSSL_free(memory);
    assert_int_equal(tls_memory_used(), before);
    SSL_CTX *context = SSL_CTX_new(TLS_with_buffers_method());
    assert_non_null(context);
    assert_true(tls_memory_used() > before + 500);
    SSL_CTX_free(context);
    assert_true(tls_memory_peak() >= before + 5016);
    OPENSSL_free(NULL);
}

static void test_limit_refuses(void **state)
{
    (void)state;
    size_t before = tls_memory_used();
    uint64_t refused = tls_memory_refused();
    tls_memory_set_limit(before + 1000);
    assert_null(OPENSSL_malloc(1000));
    assert_int_equal(tls_memory_refused(), refused + 1);
    assert_int_equal(tls_memory_used(), before);
    void *memory = OPENSSL_malloc(900);
    assert_non_null(memory);
    assert_null(OPENSSL_malloc(100));
    assert_null(SSL_CTX_new(TLS_method()));
    /* A lowered limit takes nothing away, and gives nothing more. */
    tls_memory_set_limit(1);
    memset(memory, 1, 900);
    assert_null(OPENSSL_malloc(1));
    OPENSSL_free(memory);
    assert_null(OPENSSL_malloc(SIZE_MAX - 4));
    tls_memory_set_limit(0);
    assert_null(OPENSSL_malloc(SIZE_MAX - 4));
    memory = OPENSSL_malloc(100000);
    assert_non_null(memory);
    OPENSSL_free(memory);
    assert_int_equal(tls_memory_used(), before);
}

static void test_one_failure_on_demand(void **state)
{
    (void)state;
    tls_memory_fail_after(1);
    void *first = OPENSSL_malloc(1), *second = OPENSSL_malloc(1), *third = OPENSSL_malloc(1);
    assert_non_null(first);
    assert_null(second);
    assert_non_null(third);
    tls_memory_fail_after(UINT64_MAX);
    OPENSSL_free(first);
    OPENSSL_free(third);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_library_is_counted),
        cmocka_unit_test(test_limit_refuses),
        cmocka_unit_test(test_one_failure_on_demand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
