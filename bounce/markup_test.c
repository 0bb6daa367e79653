#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the above first */
#include <setjmp.h>

#include <cmocka.h>
#include <string.h>

#include "bounce/markup.h"

static void test_text(void **state)
{
    static const struct {
        const char *html, *expected;
    } cases[] = {
        {"plain", "plain"},
        {"<p>one</p><p>two", "\none\n\ntwo"},
        {"a<br>b<BR/>c", "a\nb\nc"},
        {"<b>bold</b> text", "bold text"},
        {"<a href=\"mailto:a@b.example\">a@b.example</a>", "a@b.example"},
        {"&lt;a@b.example&gt; &amp; &quot;x&quot;", "<a@b.example> & \"x\""},
        {"a&nbsp;b&#64;c&#x40;d&#160;e", "a b@c@d e"},
        {"&unknown; &; &#; &#xzz; & b", "&unknown; &; &#; &#xzz; & b"},
        {"&#0;&#xd800;&#x110000;&#99999999;x", "&#99999999;x"},
        {"<style>a@b.example</style>x<script>c@d.example</script>y", "xy"},
        {"<!-- a@b.example -->x", "x"},
        {"<!DOCTYPE html><?xml?>x", "x"},
        {"see <a@b.example> there", "see <a@b.example> there"},
        {"1 < 2", "1 < 2"},
        {"<style>never closed a@b.example", ""},
        {"<!-- never closed", ""},
        {"<p", "\n"},
        {"<", "<"},
        {"", ""},
        {"one\r\ntwo", "one \ntwo"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t buffer[256];
        struct text out;

        text_init(&out, buffer, sizeof(buffer));
        markup_text(span_cstr(cases[i].html), &out);
        if (!span_equal(text_span(&out), span_cstr(cases[i].expected)))
            fail_msg("%s: \"%.*s\"", cases[i].html, (int)out.size, (const char *)buffer);
    }
}

static void test_stops_when_full(void **state)
{
    uint8_t buffer[4];
    struct text out;

    (void)state;
    text_init(&out, buffer, sizeof(buffer));
    markup_text(SPAN("abc&#252;def"), &out);
    assert_false(out.overflow);
    assert_int_equal(out.size, 4);
    assert_memory_equal(buffer, "abcd", 4); /* what did not fit whole is left out */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_stops_when_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
