#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the above first */
#include <setjmp.h>

#include <cmocka.h>
#include <string.h>

#include "base/log.h"

static char buffer[128];

static void test_lines(void **state)
{
    struct log log;

    (void)state;
    log_init(&log, buffer, sizeof(buffer), LOG_NOTICE);
    assert_int_equal(log_take(&log).size, 0);
    log_line(&log, LOG_ERROR, "event=%s number=%d", "stop", 5);
    log_line(&log, LOG_INFO, "event=too-detailed");
    log_line(&log, LOG_NOTICE, "event=on");
    assert_true(span_equal(log_take(&log), SPAN("level=error event=stop number=5\n"
                                                "level=notice event=on\n")));
    assert_int_equal(log_take(&log).size, 0);
    log.with_priority = true;
    log_line(&log, LOG_WARNING, "event=x");
    assert_true(span_equal(log_take(&log), SPAN("<4>level=warning event=x\n")));
    assert_int_equal(log.dropped_count, 0);
}

static void test_one_call_one_line(void **state)
{
    struct log log;

    (void)state;
    log_init(&log, buffer, sizeof(buffer), LOG_DEBUG);
    log_line(&log, LOG_DEBUG, "text=%s", "a\r\nlevel=error forged\x7f");
    assert_true(span_equal(log_take(&log), SPAN("level=debug text=a  level=error forged \n")));
}

static void test_full(void **state)
{
    struct log log;
    struct span lines;

    (void)state;
    log_init(&log, buffer, sizeof(buffer), LOG_INFO);
    for (int i = 0; i < 20; i++)
        log_line(&log, LOG_INFO, "number=%02d", i);
    lines = log_take(&log);
    assert_int_equal(lines.size % 21, 0);
    assert_int_equal(log.dropped_count, 20 - lines.size / 21);
    assert_int_equal(lines.data[lines.size - 1], 0x0a);
    log_line(&log, LOG_INFO, "number=20");
    assert_true(span_equal(log_take(&log), SPAN("level=info number=20\n")));
    log_line(&log, LOG_INFO, "%*d", 500, 1);
    log_line(&log, LOG_INFO, "number=21");
    assert_true(span_equal(log_take(&log), SPAN("level=info number=21\n")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_one_call_one_line),
        cmocka_unit_test(test_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
