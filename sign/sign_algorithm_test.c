#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sign/sign_algorithm.h"

/* RFC 6376 3.5 and 3.6.1, RFC 8463 3 and 4: these words and no others are in the DNS and in mail.
 */
static void test_names(void **state)
{
    (void)state;
    assert_string_equal(sign_algorithm_name(SIGN_RSA_SHA256), "rsa-sha256");
    assert_string_equal(sign_algorithm_key(SIGN_RSA_SHA256), "rsa");
    assert_string_equal(sign_algorithm_words(SIGN_RSA_SHA256), "RSA");
    assert_string_equal(sign_algorithm_name(SIGN_ED25519_SHA256), "ed25519-sha256");
    assert_string_equal(sign_algorithm_key(SIGN_ED25519_SHA256), "ed25519");
    assert_string_equal(sign_algorithm_words(SIGN_ED25519_SHA256), "Ed25519");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
