#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "message/ndjson.h"

struct list_case {
    const char *label;
    struct span in;
    const char *rows;    /* "line:row[field|field] ..." */
    const char *problem; /* NULL: the list ends properly */
};

#define CASE(label, in, rows, problem)                                                             \
    {                                                                                              \
        label, SPAN_INIT(in), rows, problem                                                        \
    }

static const struct list_case cases[] = {
    CASE("plain", "{\"a\":\"1\",\"b\":\"2\"}\n{\"a\":\"3\",\"b\":\"4\"}\n", "1:1[1|2] 2:2[3|4] ",
         NULL),
    CASE("CRLF, blanks, no last end", " { \"a\" : 1 } \r\n{\"a\":2}", "1:1[#1] 2:2[#2] ", NULL),
    CASE("byte order mark", "\xef\xbb\xbf{\"a\":1}\n", "1:1[#1] ", NULL),
    CASE("empty lines", "\n\r\n {\"a\":1}\n \t\n\n{\"a\":2}\n\n", "3:1[#1] 6:2[#2] ", NULL),
    CASE("other order", "{\"a\":1,\"b\":2}\n{\"b\":3,\"a\":4}\n", "1:1[#1|#2] 2:2[#4|#3] ", NULL),
    CASE("new and absent", "{\"a\":1}\n{\"b\":2}\n{\"a\":3,\"c\":\"\"}\n",
         "1:1[#1] 2:2[-|#2] 3:3[#3|-|] ", NULL),
    CASE("kinds", "{\"a\":true,\"b\":false,\"c\":null,\"d\":-1.5e3}\n",
         "1:1[?true|?false|0|#-1.5e3] ", NULL),
    CASE("escaped key", "{\"a\":1}\n{\"\\u0061\":2}\n", "1:1[#1] 2:2[#2] ", NULL),
    CASE("escapes", "{\"a\":\"x\\n\\u00fc\\ud83d\\ude00\"}\n", "1:1[x\n\xc3\xbc\xf0\x9f\x98\x80] ",
         NULL),
    CASE("nested", "{\"a\":[1,{\"b\":\"\\n\"}],\"c\":{}}\n", "1:1[*[1,{\"b\":\"\\n\"}]|*{}] ",
         NULL),
    CASE("empty objects", "{}\n{ }\n", "1:1[] 2:2[] ", NULL),

    CASE("empty", "", "", "x: the file is empty; it needs one object a line"),
    CASE("only line ends", "\n\n", "", "x: the file is empty; it needs one object a line"),
    CASE("UTF-16", "{\0\"\0", "", "x: the file is UTF-16; convert it to UTF-8"),
    CASE("array", "[{\"a\":1}]\n", "", "x:1: row 1: a JSON array; one object a line is needed"),
    CASE("string", "\"a\"\n", "", "x:1: row 1: the line is not a JSON object"),
    CASE("CSV", "email,name\n", "", "x:1: row 1: the line is not a JSON object"),
    CASE("twice", "{\"a\":1}\n{\"a\":1,\"a\":2}\n", "1:1[#1] ",
         "x:2: row 2, column 1 (a): the key stands twice in the line"),
    CASE("twice in its first line", "{\"a\":1,\"\\u0061\":2}\n", "",
         "x:1: row 1, column 1 (a): the key stands twice in the line"),
    CASE("empty key", "{\"\":1}\n", "", "x:1: row 1: an empty key"),
    CASE("two objects", "{\"a\":1}{\"a\":2}\n", "", "x:1: row 1: text behind the object"),
    CASE("not closed", "{\"a\":1", "", "x:1: row 1: the object is not closed"),
    CASE("over two lines", "{\"a\":\n1}\n", "", "x:1: row 1, column 1 (a): a value is expected"),
    CASE("trailing comma", "{\"a\":1,}\n", "", "x:1: row 1: a string in quotes is expected"),
    CASE("no colon", "{\"a\" 1}\n", "",
         "x:1: row 1, column 1 (a): a colon is expected behind a key"),
    CASE("no comma", "{\"a\":1 \"b\":2}\n", "", "x:1: row 1: a comma or } is expected"),
    CASE("not closed string", "{\"a\":\"x\n", "",
         "x:1: row 1, column 1 (a): a string is not closed"),
    CASE("lone surrogate", "{\"a\":\"\\ud800\"}\n", "",
         "x:1: row 1, column 1 (a): a lone surrogate"),
    CASE("escaped NUL", "{\"a\":\"\\u0000\"}\n", "",
         "x:1: row 1, column 1 (a): an escaped NUL is not allowed"),
    CASE("NUL", "{\"abc\":\"x\0\"}\n", "",
         "x:1: row 1: a NUL byte; this is not a text file, or it is damaged"),
    CASE("Latin-1", "{\"a\":\"\xfc\"}\n", "", "x:1: row 1: the line is not valid UTF-8"),
    CASE("nested too deep",
         "{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}\n", "",
         "x:1: row 1, column 1 (a): nested deeper than 32 levels"),
    CASE("nested broken", "{\"a\":[1}\n", "",
         "x:1: row 1, column 1 (a): a comma or a closing bracket is expected"),
};

static struct arena arena;

static struct ndjson *fresh(bool nested_allowed)
{
    static struct ndjson ndjson;

    arena_close(&arena);
    assert_int_equal(arena_open(&arena, ndjson_cost()), 0);
    ndjson_init(&ndjson, &arena, nested_allowed);
    return &ndjson;
}

/* Feeds `in` in blocks of `block_size` and writes every row into `out`. */
static enum roster_want read_all(struct ndjson *ndjson, struct span in, size_t block_size,
                                 struct text *out)
{
    static const char *const marks[] = {"-", "", "#", "?", "0", "*"};

    for (;;) {
        struct roster_row row;
        enum roster_want want = ndjson_next(ndjson, &row);
        struct span block = span_first(in, block_size);

        if (want == ROSTER_ROW) {
            text_add_format(out, "%u:%u[", (unsigned)row.line, (unsigned)row.row);
            for (uint32_t i = 0; i < row.fields_count; i++) {
                text_add_cstr(out, i > 0 ? "|" : "");
                text_add_cstr(out, marks[row.kinds[i]]);
                text_add(out, row.fields[i]);
                assert_int_equal(row.fields[i].data == NULL, row.kinds[i] == ROSTER_ABSENT);
            }
            text_add_cstr(out, "] ");
        } else if (want != ROSTER_MORE) {
            return want;
        } else if (in.size == 0) {
            roster_finish(&ndjson->roster);
        } else {
            size_t size = block.size;

            roster_feed(&ndjson->roster, &block);
            in = span_skip(in, size - block.size);
        }
    }
}

static void run_case(const struct list_case *item, size_t block_size)
{
    static uint8_t rows_buffer[4096];
    uint8_t problem_buffer[512];
    struct ndjson *ndjson = fresh(true);
    struct text rows;
    struct text problem;
    enum roster_want want;

    text_init(&rows, rows_buffer, sizeof(rows_buffer));
    text_init(&problem, problem_buffer, sizeof(problem_buffer));
    want = read_all(ndjson, item->in, block_size, &rows);
    if (want == ROSTER_FAILED) {
        struct roster_row row;

        roster_problem_write(&ndjson->roster, "x", &problem);
        assert_int_equal(ndjson_next(ndjson, &row), ROSTER_FAILED);
    }
    text_cstr_end(&problem);
    assert_string_equal((const char *)problem_buffer, item->problem == NULL ? "" : item->problem);
    assert_true(span_equal(text_span(&rows), span_cstr(item->rows)));
    assert_int_equal(want, item->problem == NULL ? ROSTER_END : ROSTER_FAILED);
}

static void test_cases(void **state)
{
    static const size_t block_sizes[] = {1, 2, 3, 5, 1000};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("%s\n", cases[i].label);
        for (size_t b = 0; b < ARRAY_LEN(block_sizes); b++)
            run_case(&cases[i], block_sizes[b]);
    }
}

static void test_flat_only(void **state)
{
    uint8_t buffer[256];
    struct ndjson *ndjson = fresh(false);
    struct text rows;
    struct text problem;

    (void)state;
    text_init(&rows, buffer, sizeof(buffer));
    assert_int_equal(read_all(ndjson, SPAN("{\"a\":{}}\n"), 99, &rows), ROSTER_FAILED);
    text_init(&problem, buffer, sizeof(buffer));
    roster_problem_write(&ndjson->roster, "x", &problem);
    assert_string_equal(text_cstr_end(&problem),
                        "x:1: row 1, column 1 (a): an object or array as a "
                        "value; the list must be flat");
}

/* `head`, `count` times 'x', `tail`. */
static enum roster_want read_long(struct span head, size_t count, struct span tail,
                                  const char *expected)
{
    static uint8_t data[3 * MIB];
    static uint8_t rows_buffer[3 * MIB];
    uint8_t buffer[256];
    struct ndjson *ndjson = fresh(true);
    enum roster_want want;
    struct text text;

    text_init(&text, data, sizeof(data));
    text_add(&text, head);
    text_add_fill(&text, 'x', count);
    text_add(&text, tail);
    assert_false(text.overflow);
    struct text rows;
    text_init(&rows, rows_buffer, sizeof(rows_buffer));
    want = read_all(ndjson, text_span(&text), 65536, &rows);
    if (want == ROSTER_FAILED) {
        text_init(&text, buffer, sizeof(buffer));
        roster_problem_write(&ndjson->roster, "x", &text);
        assert_string_equal(text_cstr_end(&text), expected);
    }
    return want;
}

static void test_limits(void **state)
{
    (void)state;
    assert_int_equal(read_long(SPAN("{\"a\":\""), ROSTER_FIELD_MAX, SPAN("\"}\n"), NULL),
                     ROSTER_END);
    assert_int_equal(read_long(SPAN("{\"a\":\""), ROSTER_FIELD_MAX + 1, SPAN("\"}\n"),
                               "x:1: row 1, column 1 (a): the field is larger than 64 KiB"),
                     ROSTER_FAILED);
    assert_int_equal(read_long(SPAN("{\"a\":[\""), ROSTER_FIELD_MAX, SPAN("\"]}\n"),
                               "x:1: row 1, column 1 (a): the field is larger than 64 KiB"),
                     ROSTER_FAILED);
    assert_int_equal(read_long(SPAN("{\"a\":1}\n{\"a\":\""), ROSTER_ROW_MAX, SPAN("\"}\n"),
                               "x:2: row 1: the line is larger than 1 MiB"),
                     ROSTER_FAILED);
    assert_int_equal(read_long(SPAN("{\""), ROSTER_NAMES_MAX + 1, SPAN("\":1}\n"),
                               "x:1: row 1: the different keys exceed 64 KiB"),
                     ROSTER_FAILED);
}

static void test_too_many_keys(void **state)
{
    static uint8_t data[64 * KIB];
    static uint8_t rows_buffer[64 * KIB];
    uint8_t buffer[256];
    struct ndjson *ndjson = fresh(true);
    struct text text;
    struct text rows;

    (void)state;
    text_init(&text, data, sizeof(data));
    text_init(&rows, rows_buffer, sizeof(rows_buffer));
    for (uint32_t i = 1; i <= ROSTER_COLUMNS_MAX + 1; i++)
        text_add_format(&text, "{\"k%u\":1}\n", i);
    rows.overflow = false;
    assert_int_equal(read_all(ndjson, text_span(&text), 4096, &rows), ROSTER_FAILED);
    text_init(&text, buffer, sizeof(buffer));
    roster_problem_write(&ndjson->roster, "x", &text);
    assert_string_equal(text_cstr_end(&text), "x:1001: row 1001: more than 1000 different keys");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_flat_only),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_too_many_keys),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    arena_close(&arena);
    return failed;
}
