#include "tls/tlsrpt_record.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "base/text.h"

static const struct {
    const char *label;
    const char *records[2];
    const char *targets[3]; /* "m address" or "u URL"; none: no reports */
} cases[] = {
    {"as in the RFC", {"v=TLSRPTv1;rua=mailto:reports@example.com"}, {"m reports@example.com"}},
    {"a URL",
     {"v=TLSRPTv1; rua=https://reporting.example.com/v1/tlsrpt"},
     {"u https://reporting.example.com/v1/tlsrpt"}},
    {"both", {"v=TLSRPTv1; rua=mailto:a@b.c , https://d.e/f;"}, {"m a@b.c", "u https://d.e/f"}},
    {"encoded comma", {"v=TLSRPTv1; rua=mailto:a%2Cb@c.d,https://e.f/%2c"}, {NULL}},
    {"encoded plus",
     {"v=TLSRPTv1; rua=mailto:a%2Bb@c.d,https://e.f/%2c"},
     {"m a+b@c.d", "u https://e.f/%2c"}},
    {"mailto with fields", {"v=TLSRPTv1; rua=mailto:a@b.c?subject=x"}, {"m a@b.c"}},
    {"schemes in upper case",
     {"v=TLSRPTv1; rua=MAILTO:a@b.c,HTTPS://d.e/"},
     {"m a@b.c", "u HTTPS://d.e/"}},
    {"other schemes", {"v=TLSRPTv1; rua=ftp://a.b/,mailto:a@b.c"}, {"m a@b.c"}},
    {"extensions", {"v=TLSRPTv1; x=y; rua=mailto:a@b.c; z"}, {"m a@b.c"}},
    {"beside other records", {"v=spf1 -all", "v=TLSRPTv1; rua=mailto:a@b.c"}, {"m a@b.c"}},
    {"two", {"v=TLSRPTv1; rua=mailto:a@b.c", "v=TLSRPTv1; rua=mailto:a@b.c"}, {NULL}},
    {"two, the second bad", {"v=TLSRPTv1; rua=mailto:a@b.c", "v=TLSRPTv1; rua="}, {NULL}},
    {"none", {NULL}, {NULL}},
    {"version alone", {"v=TLSRPTv1"}, {NULL}},
    {"version in lower case", {"v=tlsrptv1; rua=mailto:a@b.c"}, {NULL}},
    {"version 10", {"v=TLSRPTv10; rua=mailto:a@b.c"}, {NULL}},
    {"no rua", {"v=TLSRPTv1; x=y"}, {NULL}},
    {"empty rua", {"v=TLSRPTv1; rua="}, {NULL}},
    {"rua twice", {"v=TLSRPTv1; rua=mailto:a@b.c; rua=mailto:a@b.c"}, {NULL}},
    {"empty item", {"v=TLSRPTv1; rua=mailto:a@b.c,,mailto:d@e.f"}, {NULL}},
    {"no address", {"v=TLSRPTv1; rua=mailto:nobody"}, {NULL}},
    {"two in one", {"v=TLSRPTv1; rua=mailto:a@b.c%2Cd@e.f"}, {NULL}},
    {"line break", {"v=TLSRPTv1; rua=mailto:a%0D%0Ax@b.c"}, {NULL}},
    {"bad encoding", {"v=TLSRPTv1; rua=mailto:a%4@b.c"}, {NULL}},
    {"cut encoding", {"v=TLSRPTv1; rua=mailto:a@b.c%"}, {NULL}},
    {"blank inside", {"v=TLSRPTv1; rua=https://a b/"}, {NULL}},
    {"not ascii", {"v=TLSRPTv1; rua=https://\xc3\xa9/"}, {NULL}},
    {"no ascii in the address", {"v=TLSRPTv1; rua=mailto:%C3%A9@b.c"}, {NULL}},
};

static void check_targets(size_t i, const struct tlsrpt_record *record)
{
    for (uint32_t n = 0; n < ARRAY_LEN(cases[i].targets); n++) {
        const char *wanted = cases[i].targets[n];

        if ((wanted != NULL) != (n < record->targets_count))
            fail_msg("%s: another number", cases[i].label);
        if (wanted == NULL)
            continue;
        assert_int_equal(record->targets[n].mail, wanted[0] == 'm');
        if (!span_equal(tlsrpt_record_target(record, n), span_cstr(wanted + 2)))
            fail_msg("%s: %s", cases[i].label, wanted);
    }
}

static void test_records(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct tlsrpt_record record;

        tlsrpt_record_init(&record);
        for (size_t n = 0; n < ARRAY_LEN(cases[i].records) && cases[i].records[n] != NULL; n++)
            tlsrpt_record_add(&record, span_cstr(cases[i].records[n]));
        if (tlsrpt_record_is_usable(&record) != (cases[i].targets[0] != NULL))
            fail_msg("%s", cases[i].label);
        if (cases[i].targets[0] != NULL)
            check_targets(i, &record);
    }
}

static void test_bounds(void **state)
{
    uint8_t buffer[4096];
    struct tlsrpt_record record;
    struct text text;

    (void)state;
    text_init(&text, buffer, sizeof(buffer));
    text_add_cstr(&text, "v=TLSRPTv1; rua=https://a.b/1");
    for (uint32_t i = 0; i < 20; i++)
        text_add_cstr(&text, ",https://a.b/2");
    tlsrpt_record_init(&record);
    tlsrpt_record_add(&record, text_span(&text));
    assert_true(tlsrpt_record_is_usable(&record));
    assert_int_equal(record.targets_count, TLSRPT_RECORD_TARGETS_MAX);

    text_reset(&text);
    text_add_cstr(&text, "v=TLSRPTv1; rua=https://a.b/");
    text_add_fill(&text, 'x', TLSRPT_RECORD_TEXT_MAX);
    text_add_cstr(&text, ",mailto:a@b.c");
    tlsrpt_record_init(&record);
    tlsrpt_record_add(&record, text_span(&text));
    assert_int_equal(record.targets_count, 1);
    assert_true(span_equal(tlsrpt_record_target(&record, 0), SPAN("a@b.c")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
