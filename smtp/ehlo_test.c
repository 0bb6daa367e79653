#include "smtp/ehlo.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

static const struct {
    struct span line;
    uint32_t extensions;
    uint64_t size_max;
} lines[] = {
    {SPAN_INIT("PIPELINING"), EHLO_PIPELINING, 0},
    {SPAN_INIT("pipelining"), EHLO_PIPELINING, 0},
    {SPAN_INIT("PIPELINING "), EHLO_PIPELINING, 0},
    {SPAN_INIT("PIPELINING-NOT"), 0, 0},
    {SPAN_INIT("XPIPELINING"), 0, 0},
    {SPAN_INIT("SIZE 10240000"), EHLO_SIZE, 10240000},
    {SPAN_INIT("SIZE"), EHLO_SIZE, 0},
    {SPAN_INIT("SIZE 0"), EHLO_SIZE, 0},
    {SPAN_INIT("SIZE 1"), EHLO_SIZE, 1},
    {SPAN_INIT("SIZE 9223372036854775807"), EHLO_SIZE, INT64_MAX},
    {SPAN_INIT("SIZE 9223372036854775808"), EHLO_SIZE, 0},
    {SPAN_INIT("SIZE 18446744073709551616"), EHLO_SIZE, 0},
    {SPAN_INIT("SIZE -1"), EHLO_SIZE, 0},
    {SPAN_INIT("SIZE many"), EHLO_SIZE, 0},
    {SPAN_INIT("8BITMIME"), EHLO_8BITMIME, 0},
    {SPAN_INIT("ENHANCEDSTATUSCODES"), EHLO_ENHANCEDSTATUS, 0},
    {SPAN_INIT("SMTPUTF8"), EHLO_SMTPUTF8, 0},
    {SPAN_INIT("CHUNKING"), EHLO_CHUNKING, 0},
    {SPAN_INIT("STARTTLS"), EHLO_STARTTLS, 0},
    {SPAN_INIT("DSN"), EHLO_DSN, 0},
    {SPAN_INIT("REQUIRETLS"), EHLO_REQUIRETLS, 0},
    {SPAN_INIT("AUTH PLAIN LOGIN"), EHLO_AUTH_PLAIN | EHLO_AUTH_LOGIN, 0},
    {SPAN_INIT("auth cram-md5  login "), EHLO_AUTH_LOGIN, 0},
    {SPAN_INIT("AUTH"), 0, 0},
    {SPAN_INIT("AUTH   "), 0, 0},
    {SPAN_INIT("AUTH PLAINER XLOGIN"), 0, 0},
    {SPAN_INIT("AUTHPLAIN"), 0, 0},
    {SPAN_INIT(""), 0, 0},
    {SPAN_INIT("   "), 0, 0},
    {SPAN_INIT("\xff\x01"), 0, 0},
};

static void test_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct ehlo ehlo;

        ehlo_init(&ehlo);
        ehlo_read_line(&ehlo, lines[i].line);
        assert_int_equal(ehlo.extensions, lines[i].extensions);
        assert_true(ehlo.size_max == lines[i].size_max);
    }
}

static void test_offers(void **state)
{
    struct ehlo ehlo;

    (void)state;
    ehlo_init(&ehlo);
    ehlo_read_line(&ehlo, SPAN("8BITMIME"));
    ehlo_read_line(&ehlo, SPAN("SIZE 5"));
    assert_true(ehlo_offers(&ehlo, EHLO_8BITMIME));
    assert_true(ehlo_offers(&ehlo, EHLO_SIZE));
    assert_false(ehlo_offers(&ehlo, EHLO_PIPELINING));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_offers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
