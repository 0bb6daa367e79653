/* The room as a whole: a client and a server of its own, back to back in memory. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "tests/tls_pair.h"

static struct test_pair pair;
static const struct span host = SPAN_INIT("mx.example.org");

static void open_both(struct tls_context *client, struct tls_context *server, const char *name)
{
    assert_int_equal(test_open(client, TLS_CLIENT, "ca", NULL), 0);
    assert_int_equal(test_open(server, TLS_SERVER, NULL, name), 0);
}

static void start_both(const struct tls_context *client, const struct tls_context *server,
                       const struct tls_stream_options *options)
{
    struct tls_stream_options none = {.identity = TLS_CONTEXT_IDENTITY_NONE};
    test_reset(&pair);
    assert_int_equal(tls_stream_start(&pair.client, client, options, TEST_NOW_S), 0);
    assert_int_equal(tls_stream_start(&pair.server, server, &none, TEST_NOW_S), 0);
}

static void test_good_certificate_is_verified(void **state)
{
    (void)state;
    struct tls_context client, server;
    open_both(&client, &server, "good");
    struct tls_stream_options options = test_options(&host, true);
    start_both(&client, &server, &options);
    test_shake(&pair);
    assert_int_equal(pair.client.state, TLS_OPEN);
    assert_int_equal(pair.server.state, TLS_OPEN);
    assert_true(tls_stream_is_verified(&pair.client));
    assert_string_equal(tls_stream_version(&pair.client), "TLSv1.3");
    test_reset(&pair);
    tls_context_close(&client);
    tls_context_close(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_certificate_is_verified),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
