#include "tls/sts_record.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

static const struct {
    const char *label;
    const char *records[3];
    const char *id; /* NULL: no policy */
} cases[] = {
    {"as in the RFC", {"v=STSv1; id=20160831085700Z;"}, "20160831085700Z"},
    {"no final semicolon", {"v=STSv1; id=1"}, "1"},
    {"no blanks", {"v=STSv1;id=1;"}, "1"},
    {"many blanks", {"v=STSv1 \t;  id=1  ; "}, "1"},
    {"extensions", {"v=STSv1; a=b; id=1; x_y-z.0=!~;"}, "1"},
    {"32 characters",
     {"v=STSv1; id=01234567890123456789012345678901"},
     "01234567890123456789012345678901"},
    {"others beside it", {"v=spf1 -all", "v=STSv1; id=7", "STS"}, "7"},
    {"none", {NULL}, NULL},
    {"empty", {""}, NULL},
    {"only others", {"v=spf1 -all", "v=STSv2; id=1"}, NULL},
    {"two", {"v=STSv1; id=1", "v=STSv1; id=1"}, NULL},
    {"two, one malformed", {"v=STSv1; id=1", "v=STSv1; oops"}, NULL},
    {"two, one malformed, first", {"v=STSv1; oops", "v=STSv1; id=1"}, NULL},
    {"no id", {"v=STSv1;"}, NULL},
    {"no id but an extension", {"v=STSv1; a=b"}, NULL},
    {"version alone", {"v=STSv1"}, NULL},
    {"blank before", {" v=STSv1; id=1"}, NULL},
    {"version in lower case", {"v=stsv1; id=1"}, NULL},
    {"longer version", {"v=STSv10; id=1"}, NULL},
    {"id before version", {"id=1; v=STSv1;"}, NULL},
    {"empty id", {"v=STSv1; id=;"}, NULL},
    {"33 characters", {"v=STSv1; id=012345678901234567890123456789012"}, NULL},
    {"hyphen", {"v=STSv1; id=2016-08"}, NULL},
    {"blank inside", {"v=STSv1; id=1 2"}, NULL},
    {"id twice", {"v=STSv1; id=1; id=1"}, NULL},
    {"empty field", {"v=STSv1;; id=1"}, NULL},
    {"two equals signs", {"v=STSv1; id=1; a=b=c"}, NULL},
    {"extension with a bad name", {"v=STSv1; id=1; _a=b"}, NULL},
    {"control", {"v=STSv1; id=1; a=\x01"}, NULL},
    {"not ascii", {"v=STSv1; id=1; a=\xc3\xa9"}, NULL},
};

static void test_records(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sts_record record;
        struct span id;
        bool found;

        sts_record_init(&record);
        for (size_t n = 0; n < ARRAY_LEN(cases[i].records) && cases[i].records[n] != NULL; n++)
            sts_record_add(&record, span_cstr(cases[i].records[n]));
        found = sts_record_id(&record, &id);
        if (found != (cases[i].id != NULL))
            fail_msg("%s", cases[i].label);
        if (found && !span_equal(id, span_cstr(cases[i].id)))
            fail_msg("%s: another id", cases[i].label);
    }
}

static void test_nul_inside(void **state)
{
    struct sts_record record;
    struct span id;

    (void)state;
    sts_record_init(&record);
    sts_record_add(&record, SPAN("v=STSv1; id=1\0;"));
    assert_false(sts_record_id(&record, &id));
    sts_record_init(&record);
    sts_record_add(&record, span_make(NULL, 0));
    assert_int_equal(record.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_nul_inside),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
