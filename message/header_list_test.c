#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the above first */
#include <setjmp.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "message/header_list.h"

static struct header_list list;

static struct span read_all(const char *message)
{
    struct span rest = span_cstr(message);

    header_list_read(&list, &rest);
    return rest;
}

static void assert_span(struct span span, const char *expected)
{
    assert_int_equal(span.size, strlen(expected));
    assert_memory_equal(span.data, expected, span.size);
}

static void test_fields_and_body(void **state)
{
    (void)state;
    assert_span(read_all("From: a@b\r\nSubject: one\r\n two\r\nTO : x\r\n\r\nbody\r\n"),
                "body\r\n");
    assert_int_equal(list.count, 3);
    assert_span(header_list_find(&list, SPAN("subject")), "one\r\n two");
    assert_span(header_list_find(&list, SPAN("To")), "x");
    assert_int_equal(header_list_find(&list, SPAN("Cc")).size, 0);
    assert_true(header_list_has(&list, SPAN("FROM")));
    assert_false(header_list_has(&list, SPAN("Fro")));
}

static void test_broken_headers(void **state)
{
    static const struct {
        const char *label, *message, *rest;
        uint32_t count;
    } cases[] = {
        {"empty", "", "", 0},
        {"blank line only", "\n", "", 0},
        {"a body alone", "\nhello", "hello", 0},
        {"mbox line", "From a@b Mon Jan 1\nTo: x\n\nbody", "body", 1},
        {"quoted mbox line", ">From a@b\nTo: x\n\nbody", "body", 1},
        {"no header at all", "Hello, world\nTo: x\n", "Hello, world\nTo: x\n", 0},
        {"no blank line", "To: x\nthis is no field\nX: y\n", "this is no field\nX: y\n", 1},
        {"a parameter without its fold", "Content-Type: a/b;\nboundary=\"x:y\"\n\nbody", "body", 1},
        {"no parameter behind it", "X: a;\nhello\n\nbody", "hello\n\nbody", 1},
        {"a field behind it", "X: a;\nY: b=c\n\nbody", "body", 2},
        {"a lost fold", "To: x\nthis is no field\nFrom: y\n\nbody", "body", 2},
        {"a body that begins too early", "To: x\nthis is no field\n\nFrom: y\n",
         "this is no field\n\nFrom: y\n", 1},
        {"blank lines in front", "\n  \r\nTo: x\n\nbody", "body", 1},
        {"byte order mark", "\xef\xbb\xbfTo: x\n\nbody", "body", 1},
        {"cut off in a field", "To: x\nFrom", "From", 1},
        {"cut off behind a field", "To: x", "", 1},
        {"a fold first", " folded\nTo: x\n\n", " folded\nTo: x\n\n", 0},
        {"a boundary with a colon", "To: x\n--a:b\n", "--a:b\n", 1},
        {"no name", ": x\n\n", ": x\n\n", 0},
        {"blanks in the name", "To x: y\n\n", "To x: y\n\n", 0},
        {"eight-bit name", "T\xf6: y\n\n", "T\xf6: y\n\n", 0},
        {"empty body", "To:\n\nb", "b", 1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_span(read_all(cases[i].message), cases[i].rest);
        assert_int_equal(list.count, cases[i].count);
    }
}

static void test_a_thousand_fields(void **state)
{
    size_t size = 1000 * 8;
    char *message = malloc(size + 16);
    struct span rest;

    (void)state;
    assert_non_null(message);
    for (size_t i = 0; i < 1000; i++)
        memcpy(message + i * 8, "X-A: 1\r\n", 8);
    memcpy(message + size, "\r\nbody", 6);
    rest = span_make(message, size + 6);
    header_list_read(&list, &rest);
    assert_int_equal(list.count, HEADER_LIST_MAX);
    assert_span(rest, "body");
    free(message);
}

static void test_a_field_behind_the_limit_is_not_found(void **state)
{
    size_t size = HEADER_LIST_SIZE_MAX;
    char *message = malloc(size + 64);
    struct span rest;

    (void)state;
    assert_non_null(message);
    memset(message, 'x', size);
    memcpy(message, "X-Long: ", 8);
    memcpy(message + size, "\nTo: y\n\nbody", 12);
    rest = span_make(message, size + 12);
    header_list_read(&list, &rest);
    assert_true(header_list_has(&list, SPAN("X-Long")));
    assert_false(header_list_has(&list, SPAN("To")));
    assert_span(rest, "body");
    free(message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_and_body),
        cmocka_unit_test(test_broken_headers),
        cmocka_unit_test(test_a_thousand_fields),
        cmocka_unit_test(test_a_field_behind_the_limit_is_not_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
