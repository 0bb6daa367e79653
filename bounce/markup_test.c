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

/* What tells an address from a tag stands in the first 2 KiB; no further does it look. */
static void test_looks_no_further(void **state)
{
    static const struct {
        size_t before; /* octets of the tag in front of its '@' */
        const char *expected;
    } cases[] = {{2000, "<b"}, {2 * KIB - 1, "<b"}, {2 * KIB, "x"}, {60 * KIB, "x"}};
    static uint8_t html[64 * KIB], buffer[64 * KIB];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct text page, out;

        text_init(&page, html, sizeof(html));
        text_add_byte(&page, '<');
        for (size_t n = 0; n < cases[i].before; n++)
            text_add_byte(&page, 'b');
        text_add_cstr(&page, "@c>x");
        text_init(&out, buffer, sizeof(buffer));
        markup_text(text_span(&page), &out);
        if (!span_starts(text_span(&out), span_cstr(cases[i].expected)))
            fail_msg("%zu: \"%.*s\"", cases[i].before, (int)min_size(out.size, 32),
                     (const char *)buffer);
        /* a tag goes whole, an address stays whole */
        assert_int_equal(out.size, cases[i].expected[0] == 'x' ? 1 : page.size);
    }
}

/* Brackets that open and never close: each is looked at, and stays. */
static void test_never_closed(void **state)
{
    static uint8_t html[48 * KIB], buffer[48 * KIB];
    struct text page, out;

    (void)state;
    text_init(&page, html, sizeof(html));
    while (text_room(&page) >= 3)
        text_add_cstr(&page, "<a@");
    text_init(&out, buffer, sizeof(buffer));
    markup_text(text_span(&page), &out);
    assert_true(span_equal(text_span(&out), text_span(&page)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_stops_when_full),
        cmocka_unit_test(test_looks_no_further),
        cmocka_unit_test(test_never_closed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
