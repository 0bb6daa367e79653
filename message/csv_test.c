#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "message/csv.h"

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
    CASE("plain", "a,b\n1,2\n3,4\n", "2:1[1|2] 3:2[3|4] ", NULL),
    CASE("CRLF", "a,b\r\n1,2\r\n3,4\r\n", "2:1[1|2] 3:2[3|4] ", NULL),
    CASE("no last line end", "a,b\n1,2", "2:1[1|2] ", NULL),
    CASE("no last line end, empty field", "a,b\n1,", "2:1[1|] ", NULL),
    CASE("no last line end, quoted", "a,b\n1,\"2\"", "2:1[1|2] ", NULL),
    CASE("last CR", "a,b\n1,2\r", "2:1[1|2] ", NULL),
    CASE("byte order mark",
         "\xef\xbb\xbf"
         "a,b\n1,2\n",
         "2:1[1|2] ", NULL),
    CASE("header only", "a,b\n", "", NULL),
    CASE("header only, no line end", "a", "", NULL),
    CASE("empty lines", "\n\r\na\n\n\r\nx\n\n", "6:1[x] ", NULL),
    CASE("empty quoted field is a row", "a\n\"\"\n", "2:1[] ", NULL),
    CASE("all empty", "a,b,c\n,,\n", "2:1[||] ", NULL),
    CASE("quotes", "a,b\n\"x, y\",\"say \"\"hi\"\"\"\n", "2:1[x, y|say \"hi\"] ", NULL),
    CASE("only quotes", "a\n\"\"\"\"\n\"\"\"\"\"\"\n", "2:1[\"] 3:2[\"\"] ", NULL),
    CASE("line breaks inside", "a,b\n\"1\r\n2\n\n3\",x\ny,z\n", "2:1[1\r\n2\n\n3|x] 6:2[y|z] ",
         NULL),
    CASE("quoted header", "\"a\",\" b \"\n1,2\n", "2:1[1|2] ", NULL),
    CASE("blanks stay", "a,b\n 1 ,\t2\n", "2:1[ 1 |\t2] ", NULL),
    CASE("UTF-8", "n\xc3\xa4me\nJ\xc3\xbcrgen\n", "2:1[J\xc3\xbcrgen] ", NULL),

    CASE("empty", "", "", "x: the file is empty; it needs a header row"),
    CASE("only line ends", "\n\r\n\n", "", "x: the file is empty; it needs a header row"),
    CASE("only a mark", "\xef\xbb\xbf", "", "x: the file is empty; it needs a header row"),
    CASE("UTF-16 little",
         "\xff\xfe"
         "a\0,\0b\0\n\0",
         "", "x: the file is UTF-16; convert it to UTF-8"),
    CASE("UTF-16 big", "\xfe\xff\0a\0,\0b\0\n", "", "x: the file is UTF-16; convert it to UTF-8"),
    CASE("UTF-16 little, no mark", "a\0,\0b\0\n\0", "",
         "x: the file is UTF-16; convert it to UTF-8"),
    CASE("UTF-16 big, no mark", "\0a\0,\0b\0\n", "", "x: the file is UTF-16; convert it to UTF-8"),
    CASE("lone UTF-16 mark", "\xff\xfe", "", "x: the file is UTF-16; convert it to UTF-8"),
    CASE("NUL", "a,bcd\n1,x\0y\n", "",
         "x:2: row 1, column 2 (bcd): a NUL byte; this is not a text file, or it is damaged"),
    CASE("NUL in quotes", "a,bcd\n1,\"x\0\"\n", "",
         "x:2: row 1, column 2 (bcd): a NUL byte; this is not a text file, or it is damaged"),
    CASE("NUL behind quotes", "a,bcd\n1,\"x\"\0\n", "",
         "x:2: row 1, column 2 (bcd): a NUL byte; this is not a text file, or it is damaged"),
    CASE("invalid UTF-8", "a,b\n1,\xc3\n", "",
         "x:2: row 1, column 2 (b): the field is not valid UTF-8"),
    CASE("Latin-1 in quotes", "a,b\n\"J\xfcrgen\",1\n", "",
         "x:2: row 1, column 1 (a): the field is not valid UTF-8"),
    CASE("unclosed quote", "a,b\n1,2\n3,\"4\n5,6\n", "2:1[1|2] ",
         "x:3: row 2, column 2 (b): the quote is not closed"),
    CASE("lone quote at the end", "a\n\"", "", "x:2: row 1, column 1 (a): the quote is not closed"),
    CASE("text behind", "a,b\n\"1\" ,2\n", "",
         "x:2: row 1, column 1 (a): text behind the closing quote"),
    CASE("quote inside", "a,b\n1,2\"3\"\n", "",
         "x:2: row 1, column 2 (b): a quote inside a field that does not begin with one"),
    CASE("lone CR", "a,b\n1,2\r3,4\n", "",
         "x:2: row 1, column 3: a carriage return without a line feed; lines end in LF or CRLF"),
    CASE("too few", "a,b\n1,2\n3\n", "2:1[1|2] ", "x:3: row 2: 1 fields where the header has 2"),
    CASE("too many", "a,b\n1,2,3\n", "", "x:2: row 1: 3 fields where the header has 2"),
    CASE("same name", "a,b,a\n", "", "x:1: column 3: the name is the same as that of column 1"),
    CASE("same name but for blanks", "a, a\n", "",
         "x:1: column 2: the name is the same as that of column 1"),
    CASE("no name", "a,,b\n", "", "x:1: column 2: the column has no name in the header"),
    CASE("trailing comma", "a,b,\n", "", "x:1: column 3: the column has no name in the header"),
};

static struct arena arena;

static struct csv *fresh(void)
{
    static struct csv csv;

    arena_close(&arena);
    assert_int_equal(arena_open(&arena, csv_cost()), 0);
    csv_init(&csv, &arena);
    return &csv;
}

/* Feeds `in` in blocks of `block_size` and writes every row into `out`. */
static enum roster_want read_all(struct csv *csv, struct span in, size_t block_size,
                                 struct text *out)
{
    for (;;) {
        struct roster_row row;
        enum roster_want want = csv_next(csv, &row);
        struct span block = span_first(in, block_size);

        if (want == ROSTER_ROW) {
            text_add_format(out, "%u:%u[", (unsigned)row.line, (unsigned)row.row);
            for (uint32_t i = 0; i < row.fields_count; i++) {
                text_add_cstr(out, i > 0 ? "|" : "");
                text_add(out, row.fields[i]);
                assert_int_equal(row.kinds[i], ROSTER_TEXT);
                assert_non_null(row.fields[i].data);
            }
            text_add_cstr(out, "] ");
        } else if (want != ROSTER_MORE) {
            return want;
        } else if (in.size == 0) {
            roster_finish(&csv->roster);
        } else {
            size_t size = block.size;

            roster_feed(&csv->roster, &block);
            in = span_skip(in, size - block.size);
        }
    }
}

static void run_case(const struct list_case *item, size_t block_size)
{
    static uint8_t rows_buffer[4096];
    uint8_t problem_buffer[512];
    struct csv *csv = fresh();
    struct text rows;
    struct text problem;
    enum roster_want want;

    text_init(&rows, rows_buffer, sizeof(rows_buffer));
    text_init(&problem, problem_buffer, sizeof(problem_buffer));
    want = read_all(csv, item->in, block_size, &rows);
    if (want == ROSTER_FAILED) {
        struct roster_row row;

        roster_problem_write(&csv->roster, "x", &problem);
        assert_int_equal(csv_next(csv, &row), ROSTER_FAILED);
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

static void test_names(void **state)
{
    uint8_t buffer[64];
    struct csv *csv = fresh();
    struct text rows;

    (void)state;
    text_init(&rows, buffer, sizeof(buffer));
    assert_int_equal(read_all(csv, SPAN("email, First Name ,\"x\"\"y\"\n"), 4, &rows), ROSTER_END);
    assert_int_equal(csv->roster.names_count, 3);
    assert_int_equal(roster_column(&csv->roster, SPAN("email")), 0);
    assert_int_equal(roster_column(&csv->roster, SPAN("First Name")), 1);
    assert_int_equal(roster_column(&csv->roster, SPAN("x\"y")), 2);
    assert_int_equal(roster_column(&csv->roster, SPAN("Email")), ROSTER_COLUMN_NONE);
}

/* A list made of `head`, `count` times `piece` and `tail`; what comes of it. */
static enum roster_want read_repeated(struct csv *csv, struct span head, struct span piece,
                                      size_t count, struct span tail)
{
    size_t capacity = head.size + piece.size * count + tail.size;
    uint8_t *data = malloc(capacity);
    static uint8_t rows_buffer[3 * MIB];
    enum roster_want want;
    struct text text;
    struct text rows;

    assert_non_null(data);
    text_init(&text, data, capacity);
    text_init(&rows, rows_buffer, sizeof(rows_buffer));
    text_add(&text, head);
    for (size_t i = 0; i < count; i++)
        text_add(&text, piece);
    text_add(&text, tail);
    want = read_all(csv, text_span(&text), 65536, &rows);
    assert_false(rows.overflow);
    free(data);
    return want;
}

static void assert_problem(const struct csv *csv, const char *expected)
{
    uint8_t buffer[512];
    struct text problem;

    text_init(&problem, buffer, sizeof(buffer));
    roster_problem_write(&csv->roster, "x", &problem);
    assert_string_equal(text_cstr_end(&problem), expected);
}

static void test_field_limit(void **state)
{
    struct csv *csv = fresh();

    (void)state;
    assert_int_equal(read_repeated(csv, SPAN("a,b\n1,"), SPAN("x"), ROSTER_FIELD_MAX, SPAN("\n")),
                     ROSTER_END);
    csv = fresh();
    assert_int_equal(
        read_repeated(csv, SPAN("a,b\n1,"), SPAN("x"), ROSTER_FIELD_MAX + 1, SPAN("\n")),
        ROSTER_FAILED);
    assert_problem(csv, "x:2: row 1, column 2 (b): the field is larger than 64 KiB");
    csv = fresh();
    assert_int_equal(
        read_repeated(csv, SPAN("a\n\""), SPAN("\"\""), ROSTER_FIELD_MAX, SPAN("\"\n")),
        ROSTER_END);
    csv = fresh();
    assert_int_equal(read_repeated(csv, SPAN("a\n\""), SPAN("1,2\n"), ROSTER_FIELD_MAX, SPAN("")),
                     ROSTER_FAILED);
    assert_problem(csv, "x:2: row 1, column 1 (a): the field is larger than 64 KiB; is its quote "
                        "closed?");
}

static void test_row_limit(void **state)
{
    static uint8_t wide[ROSTER_FIELD_MAX / 2 + 1];
    struct csv *csv = fresh();

    (void)state;
    memset(wide, 'x', sizeof(wide) - 1);
    wide[sizeof(wide) - 1] = ',';
    assert_int_equal(
        read_repeated(csv, SPAN("a\n"), span_make(wide, sizeof(wide)), 100, SPAN("\n")),
        ROSTER_FAILED);
    assert_problem(csv, "x:2: row 1, column 32: the row is larger than 1 MiB");
}

static void test_column_limit(void **state)
{
    struct csv *csv = fresh();

    (void)state;
    assert_int_equal(read_repeated(csv, SPAN("\n"), SPAN("x,"), 1000000, SPAN("\n")),
                     ROSTER_FAILED);
    assert_problem(csv, "x:2: column 1001: more than 1000 columns");
    csv = fresh();
    assert_int_equal(read_repeated(csv, SPAN("a\n"), SPAN(","), ROSTER_COLUMNS_MAX, SPAN("\n")),
                     ROSTER_FAILED);
    assert_problem(csv, "x:2: row 1, column 1001: more than 1000 columns");
    csv = fresh();
    assert_int_equal(read_repeated(csv, SPAN("a\n"), SPAN(","), ROSTER_COLUMNS_MAX - 1, SPAN("\n")),
                     ROSTER_FAILED);
    assert_problem(csv, "x:2: row 1: 1000 fields where the header has 1");
}

/* One field of 1 GB: the reader stops asking after the limit. */
static void test_endless_field(void **state)
{
    static uint8_t block_data[65536];
    struct csv *csv = fresh();
    struct roster_row row;
    size_t fed = 0;

    (void)state;
    memset(block_data, 'x', sizeof(block_data));
    while (csv_next(csv, &row) == ROSTER_MORE) {
        struct span block = span_make(block_data, sizeof(block_data));

        roster_feed(&csv->roster, &block);
        fed += sizeof(block_data) - block.size;
    }
    assert_true(csv->roster.failed);
    assert_true(fed <= 3 * sizeof(block_data));
}

static void write_field(struct text *out, struct span field, bool quoted)
{
    if (!quoted) {
        text_add(out, field);
        return;
    }
    text_add_byte(out, '"');
    for (size_t i = 0; i < field.size; i++) {
        if (field.data[i] == '"')
            text_add_byte(out, '"');
        text_add_byte(out, field.data[i]);
    }
    text_add_byte(out, '"');
}

/* A list of drawn fields is written, read in drawn blocks, and is the same: enough bytes that the
 * window is moved many times. */
static void test_round_trip(void **state)
{
    static const char *const pieces[] = {"a", ",", "\"", "\n", "\r\n", " ", "\xc3\xbc", "xyz", ""};
    static uint8_t in_data[5 * MIB];
    static uint8_t expected_data[5 * MIB];
    static uint8_t out_data[5 * MIB];
    struct prng prng;
    struct text in;
    struct text expected;
    struct text out;
    uint64_t line = 2;
    struct csv *csv = fresh();

    (void)state;
    prng_seed(&prng, 42);
    text_init(&in, in_data, sizeof(in_data));
    text_init(&expected, expected_data, sizeof(expected_data));
    text_init(&out, out_data, sizeof(out_data));
    text_add_cstr(&in, "one,two,three\n");
    for (uint32_t r = 1; r <= 100000; r++) {
        text_add_format(&expected, "%u:%u[", (unsigned)line, r);
        for (uint32_t f = 0; f < 3; f++) {
            uint8_t field_data[64];
            struct text field;
            struct span span;
            bool needs;

            text_init(&field, field_data, sizeof(field_data));
            for (uint64_t n = prng_below(&prng, 8); n > 0; n--)
                text_add_cstr(&field, pieces[prng_below(&prng, ARRAY_LEN(pieces))]);
            span = text_span(&field);
            needs = span_find_byte(span, ',') != SPAN_NOT_FOUND ||
                    span_find_byte(span, '"') != SPAN_NOT_FOUND ||
                    span_find_byte(span, '\n') != SPAN_NOT_FOUND;
            text_add_cstr(&in, f > 0 ? "," : "");
            write_field(&in, span, needs || prng_percent(&prng, 20));
            text_add_cstr(&expected, f > 0 ? "|" : "");
            text_add(&expected, span);
            for (size_t i = 0; i < span.size; i++)
                line += span.data[i] == '\n';
        }
        text_add_cstr(&in, prng_percent(&prng, 50) ? "\n" : "\r\n");
        text_add_cstr(&expected, "] ");
        line++;
    }
    assert_false(in.overflow || expected.overflow);
    assert_int_equal(read_all(csv, text_span(&in), 777, &out), ROSTER_END);
    assert_true(span_equal(text_span(&out), text_span(&expected)));
    csv = fresh();
    text_reset(&out);
    assert_int_equal(read_all(csv, text_span(&in), sizeof(in_data), &out), ROSTER_END);
    assert_true(span_equal(text_span(&out), text_span(&expected)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),        cmocka_unit_test(test_names),
        cmocka_unit_test(test_field_limit),  cmocka_unit_test(test_row_limit),
        cmocka_unit_test(test_column_limit), cmocka_unit_test(test_endless_field),
        cmocka_unit_test(test_round_trip),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    arena_close(&arena);
    return failed;
}
