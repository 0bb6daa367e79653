#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json_put.h"
#include "tools/report_json.h"

#define RECIPIENTS 3

static struct report report;

static void fill(void)
{
    static const char *const said[RECIPIENTS] = {"550 no", "\x01\x02\x03\x04\x05\x06\x07\x08", ""};

    report.recipients_count = RECIPIENTS;
    report.recipients_more = 4;
    for (uint32_t i = 0; i < RECIPIENTS; i++)
        report.recipients[i] = (struct report_recipient){.address = SPAN("a@x.example"),
                                                         .diagnostic = span_cstr(said[i]),
                                                         .action = REPORT_FAILED,
                                                         .class = BOUNCE_NO_USER,
                                                         .status = {5, 1, 1}};
}

static void write_line(struct text *out)
{
    json_put_open(out, '{');
    json_put_key_cstr(out, "file", "a");
    report_json_recipients(out, &report, 0, report.recipients_count);
    json_put_close(out, '}');
    text_add_byte(out, '\n');
}

static uint32_t count_of(struct span text, struct span what)
{
    uint32_t count = 0;
    size_t at;

    while ((at = span_find(text, what)) != SPAN_NOT_FOUND) {
        text = span_skip(text, at + what.size);
        count++;
    }
    return count;
}

static void test_whole(void **state)
{
    char buffer[1024];
    struct text out;

    (void)state;
    fill();
    text_init(&out, buffer, sizeof(buffer));
    write_line(&out);
    assert_string_equal(
        text_cstr_end(&out),
        "{\"file\":\"a\",\"recipients\":[{\"addr\":\"a@x.example\",\"class\":\"no-user\","
        "\"status\":\"5.1.1\",\"action\":\"failed\",\"reply\":\"550 "
        "no\"},{\"addr\":\"a@x.example\","
        "\"class\":\"no-user\",\"status\":\"5.1.1\",\"action\":\"failed\",\"reply\":"
        "\"\\u0001\\u0002"
        "\\u0003\\u0004\\u0005\\u0006\\u0007\\u0008\"},{\"addr\":\"a@x.example\",\"class\":"
        "\"no-user\",\"status\":\"5.1.1\",\"action\":\"failed\"}],\"recipients_more\":4}\n");
}

/* Whatever the room: the line ends, and who is not in it is counted. */
static void test_no_room(void **state)
{
    const size_t least = 10 + 15 + REPORT_JSON_END; /* in front of them, and behind */
    char buffer[1024];
    uint32_t last = 0;

    (void)state;
    fill();
    for (size_t size = least; size <= sizeof(buffer); size++) {
        char end[64];
        struct text out, wanted;
        uint32_t told;

        text_init(&out, buffer, size);
        write_line(&out);
        assert_false(out.overflow);
        told = count_of(text_span(&out), SPAN("\"addr\":"));
        text_init(&wanted, end, sizeof(end));
        text_add_format(&wanted, "],\"recipients_more\":%u}\n", RECIPIENTS - told + 4);
        if (!span_ends_nocase(text_span(&out), text_span(&wanted)))
            fail_msg("%zu: %s", size, text_cstr_end(&out));
        assert_int_equal(count_of(text_span(&out), SPAN("{\"addr\":\"a@x.example\",\"class\":")),
                         told);
        assert_true(told >= last);
        last = told;
    }
    assert_int_equal(last, RECIPIENTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_no_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
