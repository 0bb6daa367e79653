#include "smtp/reply_reader.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

/* Reads all of the input in chunks of `chunk` octets, up to the first reply. */
static enum reply_reader_result read_in_chunks(struct reply_reader *reader, struct span input,
                                               size_t chunk)
{
    enum reply_reader_result result = REPLY_READER_MORE;

    while (input.size > 0) {
        struct span part = span_first(input, chunk);

        input = span_skip(input, part.size);
        do
            result = reply_reader_next(reader, &part);
        while (result == REPLY_READER_LINE);
        if (result != REPLY_READER_MORE)
            return result;
        assert_int_equal(part.size, 0);
    }
    return result;
}

#define TEXT(literal) SPAN_INIT(literal)

static const struct {
    const char *label;
    struct span input;
    uint16_t code;
    uint16_t enhanced[3];
    const char *text;
} replies[] = {
    {"plain", TEXT("250 OK\r\n"), 250, {0, 0, 0}, "OK"},
    {"no text", TEXT("250\r\n"), 250, {0, 0, 0}, ""},
    {"blank text", TEXT("250 \r\n"), 250, {0, 0, 0}, ""},
    {"bare LF", TEXT("250 OK\n"), 250, {0, 0, 0}, "OK"},
    {"bare LF, no text", TEXT("250\n"), 250, {0, 0, 0}, ""},
    {"two CR", TEXT("250 OK\r\r\n"), 250, {0, 0, 0}, "OK"},
    {"bare CR is text", TEXT("250 a\rb\r\n"), 250, {0, 0, 0}, "a?b"},
    {"enhanced", TEXT("550 5.1.1 no such user\r\n"), 550, {5, 1, 1}, "no such user"},
    {"enhanced of another class", TEXT("550 4.1.1 huh\r\n"), 550, {0, 0, 0}, "4.1.1 huh"},
    {"several lines",
     TEXT("550-5.7.1 go\r\n550-5.7.1 far\r\n550 5.7.1 away\r\n"),
     550,
     {5, 7, 1},
     "go far away"},
    {"empty lines between", TEXT("450-\r\n450-a\r\n450-\r\n450 b\r\n"), 450, {0, 0, 0}, "a b"},
    {"escape sequences", TEXT("550 \x1b[31mred\x07\r\n"), 550, {0, 0, 0}, "?[31mred?"},
    {"not UTF-8", TEXT("550 \xff\xfe\r\n"), 550, {0, 0, 0}, "??"},
    {"UTF-8", TEXT("550 gr\xc3\xbc\xc3\x9f\r\n"), 550, {0, 0, 0}, "gr\xc3\xbc\xc3\x9f"},
    {"lowest", TEXT("200 x\r\n"), 200, {0, 0, 0}, "x"},
    {"highest", TEXT("599 x\r\n"), 599, {0, 0, 0}, "x"},
};

static void test_replies(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(replies); i++) {
        for (size_t chunk = 1; chunk <= replies[i].input.size; chunk++) {
            struct reply_reader reader;
            struct reply reply;

            reply_reader_init(&reader);
            assert_int_equal(read_in_chunks(&reader, replies[i].input, chunk), REPLY_READER_REPLY);
            reply_reader_reply(&reader, &reply);
            assert_int_equal(reply.code, replies[i].code);
            assert_memory_equal(reply.enhanced, replies[i].enhanced, sizeof(reply.enhanced));
            if (reply.text_size != strlen(replies[i].text) ||
                memcmp(reply.text, replies[i].text, reply.text_size) != 0)
                fail_msg("%s: got \"%.*s\"", replies[i].label, reply.text_size, reply.text);
            assert_false(reply_reader_is_inside(&reader));
        }
    }
}

static const struct span broken[] = {
    TEXT("\r\n"),
    TEXT("\n"),
    TEXT("hello\r\n"),
    TEXT("2\r\n"),
    TEXT("25 x\r\n"),
    TEXT("25\r\n"),
    TEXT("250x\r\n"),
    TEXT("250\tx\r\n"),
    TEXT("2500 x\r\n"),
    TEXT("-50 x\r\n"),
    TEXT(" 250 x\r\n"),
    TEXT("100 x\r\n"),
    TEXT("199 x\r\n"),
    TEXT("600 x\r\n"),
    TEXT("999 x\r\n"),
    TEXT("000 x\r\n"),
    TEXT("250 a\0b\r\n"),
    TEXT("250\0"),
    TEXT("250-a\r\n251 b\r\n"),
    TEXT("250-a\r\n550 b\r\n"),
    TEXT("250-a\r\n\r\n"),
    TEXT("250-a\r\nb\r\n"),
};

static void test_broken(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        for (size_t chunk = 1; chunk <= broken[i].size; chunk++) {
            struct reply_reader reader;
            struct span more = SPAN("250 OK\r\n");

            reply_reader_init(&reader);
            if (read_in_chunks(&reader, broken[i], chunk) != REPLY_READER_BROKEN)
                fail_msg("case %zu was read", i);
            assert_non_null(reply_reader_fault(&reader));
            assert_int_equal(reply_reader_next(&reader, &more), REPLY_READER_BROKEN);
        }
    }
}

/* "250" and the separator, `fill` octets, CRLF. */
static struct span long_line(struct text *text, const char *head, size_t fill)
{
    text_reset(text);
    text_add_cstr(text, head);
    text_add_fill(text, 'x', fill);
    text_add_cstr(text, "\r\n");
    assert_false(text->overflow);
    return text_span(text);
}

static void test_line_limit(void **state)
{
    static uint8_t buffer[4096];
    struct text text;
    struct reply_reader reader;
    struct reply reply;

    (void)state;
    text_init(&text, buffer, sizeof(buffer));
    for (size_t chunk = 1; chunk < 3000; chunk += 700) {
        reply_reader_init(&reader);
        assert_int_equal(read_in_chunks(&reader, long_line(&text, "250 ", 2042), chunk),
                         REPLY_READER_REPLY);
        reply_reader_reply(&reader, &reply);
        assert_int_equal(reply.text_size, REPLY_TEXT_MAX);
        reply_reader_init(&reader);
        assert_int_equal(read_in_chunks(&reader, long_line(&text, "250 ", 2043), chunk),
                         REPLY_READER_BROKEN);
    }
}

static void test_lines_limit(void **state)
{
    struct reply_reader reader;
    struct span line;

    (void)state;
    reply_reader_init(&reader);
    for (uint32_t i = 0; i < 127; i++) {
        line = SPAN("250-x\r\n");
        assert_int_equal(reply_reader_next(&reader, &line), REPLY_READER_LINE);
    }
    line = SPAN("250 x\r\n");
    assert_int_equal(reply_reader_next(&reader, &line), REPLY_READER_REPLY);
    for (uint32_t i = 0; i < 128; i++) {
        line = SPAN("250-x\r\n");
        assert_int_equal(reply_reader_next(&reader, &line), REPLY_READER_LINE);
    }
    line = SPAN("250 x\r\n");
    assert_int_equal(reply_reader_next(&reader, &line), REPLY_READER_BROKEN);
}

static void test_turn_limit(void **state)
{
    static uint8_t buffer[2048];
    struct text text;
    struct reply_reader reader;

    (void)state;
    text_init(&text, buffer, sizeof(buffer));
    reply_reader_init(&reader);
    for (uint32_t i = 0; i < 64; i++) { /* 64 KiB to the octet */
        struct span line = long_line(&text, "250 ", 1018);

        assert_int_equal(reply_reader_next(&reader, &line), REPLY_READER_REPLY);
    }
    for (uint32_t i = 0; i < 64; i++) {
        struct span line = SPAN("250 x\r\n");

        reply_reader_turn(&reader);
        assert_int_equal(reply_reader_next(&reader, &line), REPLY_READER_REPLY);
    }
    reply_reader_init(&reader);
    for (uint32_t i = 0; i < 65; i++) {
        struct span line = long_line(&text, "250 ", 1018);

        assert_int_equal(reply_reader_next(&reader, &line),
                         i < 64 ? REPLY_READER_REPLY : REPLY_READER_BROKEN);
    }
}

static void test_several_in_one_segment(void **state)
{
    struct reply_reader reader;
    struct span input = SPAN("250 a\r\n550-b\r\n550 c\r\n354 d\r\n2");
    static const uint16_t codes[] = {250, 550, 354};

    (void)state;
    reply_reader_init(&reader);
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        enum reply_reader_result result;

        do
            result = reply_reader_next(&reader, &input);
        while (result == REPLY_READER_LINE);
        assert_int_equal(result, REPLY_READER_REPLY);
        assert_int_equal(reader.code, codes[i]);
    }
    assert_int_equal(reply_reader_next(&reader, &input), REPLY_READER_MORE);
    assert_int_equal(input.size, 0);
    assert_true(reply_reader_is_inside(&reader));
}

/* The text of a long positive reply is kept line by line when asked for, that of a refusal whole.
 */
static void test_by_line(void **state)
{
    struct reply_reader reader;
    struct span input =
        SPAN("250-mx.test\r\n250-SIZE 1000\r\n250 PIPELINING\r\n550-a\r\n550 b\r\n");
    struct reply reply;

    (void)state;
    reply_reader_init(&reader);
    reader.by_line = true;
    assert_int_equal(reply_reader_next(&reader, &input), REPLY_READER_LINE);
    assert_true(span_equal(reply_reader_line(&reader), SPAN("mx.test")));
    assert_int_equal(reply_reader_next(&reader, &input), REPLY_READER_LINE);
    assert_true(span_equal(reply_reader_line(&reader), SPAN("SIZE 1000")));
    assert_int_equal(reply_reader_next(&reader, &input), REPLY_READER_REPLY);
    assert_true(span_equal(reply_reader_line(&reader), SPAN("PIPELINING")));
    assert_int_equal(reply_reader_next(&reader, &input), REPLY_READER_LINE);
    assert_int_equal(reply_reader_next(&reader, &input), REPLY_READER_REPLY);
    reply_reader_reply(&reader, &reply);
    assert_int_equal(reply.text_size, 3);
    assert_memory_equal(reply.text, "a b", 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replies),    cmocka_unit_test(test_broken),
        cmocka_unit_test(test_line_limit), cmocka_unit_test(test_lines_limit),
        cmocka_unit_test(test_turn_limit), cmocka_unit_test(test_several_in_one_segment),
        cmocka_unit_test(test_by_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
