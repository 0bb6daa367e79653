#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "dns/test_packet.h"
#include "dns/wire_check.h"

static struct test_packet packet;

static void begin(uint16_t type)
{
    test_packet_begin(&packet, 7, 0x8180);
    test_packet_question(&packet, "www.example", type);
}

static bool check(struct wire_check *ret)
{
    return wire_check_records(test_packet_span(&packet), ret);
}

/* A copy without slack, so that a sanitizer sees a read past the end. */
static bool check_first(size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    struct wire_question question;
    struct wire_check result;

    assert_non_null(copy);
    memcpy(copy, packet.data, size);
    bool ok = wire_check_records(span_make(copy, size), &result);
    if (wire_check_question(span_make(copy, size), &question) && question.has_question)
        assert_true(question.name.size > 0);
    free(copy);
    return ok;
}

static void fill_good(void)
{
    begin(15);
    test_packet_cname(&packet, NULL, 60, "mail.example");
    test_packet_mx(&packet, "mail.example", 60, 10, "mx1.mail.example");
    test_packet_a(&packet, "mail.example", 60, 0xc6336401);
    test_packet_aaaa(&packet, "mail.example", 60, 1);
    test_packet_soa(&packet, "example", 60, 60);
    test_packet_put16(&packet, 10, 1);
    test_packet_bytes(&packet, "\0\0\x29\x04\xd0\0\0\0\0\0\0", 11); /* OPT */
}

static void finds_the_records_that_matter(void **state)
{
    struct wire_question question;
    struct wire_check result;

    (void)state;
    fill_good();
    assert_true(wire_check_question(test_packet_span(&packet), &question));
    assert_int_equal(question.id, 7);
    assert_true(question.response);
    assert_false(question.truncated);
    assert_true(question.has_question);
    assert_int_equal(question.type, 15);
    assert_int_equal(question.name.size, 13);
    assert_true(check(&result));
    assert_int_equal(result.answer.count, 4);
    assert_true(result.has_soa);
    assert_false(result.has_ns);
}

static void every_cut_is_refused(void **state)
{
    (void)state;
    fill_good();
    size_t whole = packet.size;
    for (size_t size = 0; size < whole; size++)
        assert_false(check_first(size));
    assert_true(check_first(whole));
    test_packet_u8(&packet, 0);
    assert_false(check_first(packet.size)); /* more than the counts say */
}

/* Each octet set to each of some values: no crash, no read past the end. */
static void every_octet_may_be_wrong(void **state)
{
    static const uint8_t values[] = {0, 1, 63, 64, 127, 128, 0xc0, 0xff};

    (void)state;
    fill_good();
    for (size_t i = 0; i < packet.size; i++) {
        uint8_t kept = packet.data[i];

        for (size_t k = 0; k < ARRAY_LEN(values); k++) {
            packet.data[i] = values[k];
            (void)check_first(packet.size);
        }
        packet.data[i] = kept;
    }
}

/* B1: an rdata that is shorter or longer than its type's fixed part or name. */
static void rdata_must_fit_its_type(void **state)
{
    static const struct {
        struct span rdata;
        uint16_t type;
        bool ok;
    } cases[] = {
        {SPAN_INIT(""), 15, false},
        {SPAN_INIT("\0"), 15, false},
        {SPAN_INIT("\0\x0a"), 15, false},
        {SPAN_INIT("\0\x0a\0"), 15, true},
        {SPAN_INIT("\0\x0a\xc0\x0c"), 15, true},
        {SPAN_INIT("\0\x0a\xc0"), 15, false},
        {SPAN_INIT("\0\x0a\2mx\0"), 15, true},
        {SPAN_INIT("\0\x0a\2mx"), 15, false},
        {SPAN_INIT("\0\x0a\3mx\0"), 15, false},
        {SPAN_INIT("\0\x0a\2mx\0\0"), 15, false},
        {SPAN_INIT("\0\x0a\2mx\xc0\x0c"), 15, true},
        {SPAN_INIT("\0\x0a\x7fmx\0"), 15, false},
        {SPAN_INIT("\0\x0a\x80mx\0"), 15, false},
        {SPAN_INIT(""), 5, false},
        {SPAN_INIT("\1a\0"), 5, true},
        {SPAN_INIT("\1a\0\0"), 5, false},
        {SPAN_INIT("\1\2\3"), 1, false},
        {SPAN_INIT("\1\2\3\4"), 1, true},
        {SPAN_INIT("\1\2\3\4\5"), 1, false},
        {SPAN_INIT("\1\2\3\4"), 28, false},
        {SPAN_INIT("0123456789abcdef"), 28, true},
        {SPAN_INIT("0123456789abcdefg"), 28, false},
        {SPAN_INIT("\0\0"), 6, false},
        {SPAN_INIT("\0\0"
                   "01234567890123456789"),
         6, true},
        {SPAN_INIT("\0\0"
                   "0123456789012345678"),
         6, false},
        {SPAN_INIT("\xff"
                   "short"),
         99, true}, /* not ours to read */
        {SPAN_INIT("\xff"
                   "short"),
         16, false},
        {SPAN_INIT(""), 16, false},
        {SPAN_INIT("\0"), 16, true},
        {SPAN_INIT("\1a\2bc"), 16, true},
        {SPAN_INIT("\1a\2b"), 16, false},
        {SPAN_INIT("\3\1"), 52, false},
        {SPAN_INIT("\3\1\1"), 52, true},
        {SPAN_INIT("\3\1\1digest"), 52, true},
        {SPAN_INIT("\7\0\0\0\xff"), 50, true}, /* NSEC3 of an unknown algorithm: ldns#307 */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct wire_check result;

        begin(cases[i].type);
        test_packet_data(&packet, NULL, cases[i].type, 60, cases[i].rdata);
        assert_int_equal(check(&result), cases[i].ok);
        assert_int_equal(check_first(packet.size), cases[i].ok);
        if (cases[i].ok && (cases[i].type == 50 || cases[i].type == 99))
            assert_int_equal(result.answer.count, 0);
    }
}

/* An MX whose exchange is two pointers of our own making. */
static void mx_pointing_to(uint16_t target)
{
    begin(15);
    size_t at = test_packet_record(&packet, TEST_ANSWER, NULL, 15, 60);
    test_packet_u16(&packet, 10);
    test_packet_u16(&packet, 0xc000U | target);
    test_packet_end(&packet, at);
}

static void pointers_go_backward_only(void **state)
{
    struct wire_check result;

    (void)state;
    mx_pointing_to(12);
    assert_true(check(&result));
    uint16_t self = (uint16_t)(packet.size - 2);
    mx_pointing_to(self);
    assert_false(check(&result));
    mx_pointing_to((uint16_t)(self + 1));
    assert_false(check(&result));
    mx_pointing_to((uint16_t)(self + 40));
    assert_false(check(&result));
    mx_pointing_to(11); /* into the header */
    assert_false(check(&result));
    mx_pointing_to(0);
    assert_false(check(&result));

    /* Forward, to a name that would be good. */
    begin(15);
    size_t forward = test_packet_record(&packet, TEST_ANSWER, NULL, 15, 60);
    test_packet_u16(&packet, 10);
    test_packet_u16(&packet, 0xc000U | (uint32_t)(packet.size + 2));
    test_packet_end(&packet, forward);
    test_packet_a(&packet, "a", 60, 1);
    assert_false(check(&result));

    /* Two names that point to each other. */
    begin(15);
    for (int i = 0; i < 2; i++) {
        size_t at = test_packet_record(&packet, TEST_ANSWER, NULL, 15, 60);

        test_packet_u16(&packet, 10);
        test_packet_bytes(&packet, "\1a", 2);
        test_packet_u16(&packet, 0xc000U | (uint32_t)(packet.size + (i == 0 ? 16 : 0)));
        test_packet_end(&packet, at);
    }
    assert_false(check(&result));

    /* "a" and then a pointer back to that "a": the walk comes to the same pointer again. */
    begin(15);
    size_t at = test_packet_record(&packet, TEST_ANSWER, NULL, 15, 60);
    test_packet_u16(&packet, 10);
    size_t here = packet.size;
    test_packet_bytes(&packet, "\1a", 2);
    test_packet_u16(&packet, 0xc000U | (uint32_t)here);
    test_packet_end(&packet, at);
    assert_false(check(&result));
}

/* Names that grow over the limit only through pointers; pointers to pointers without end. */
static void expansion_is_bounded(void **state)
{
    struct wire_check result;
    char label[64];
    size_t at, before = 12;

    (void)state;
    memset(label, 'x', 63);
    label[63] = '\0';
    begin(5);
    for (int i = 0; i < 5; i++) {
        at = test_packet_record(&packet, TEST_ANSWER, NULL, 5, 60);
        size_t here = packet.size;
        test_packet_u8(&packet, 63);
        test_packet_bytes(&packet, label, 63);
        test_packet_u16(&packet, 0xc000U | (uint32_t)before);
        test_packet_end(&packet, at);
        before = here;
        assert_int_equal(check(&result), i < 3); /* 13 + 4 * 64 > 255 */
        if (i == 2)
            assert_int_equal(result.answer.count, 3);
    }

    /* A type of which nobody reads the rdata holds a ladder of 1,000 pointers. */
    begin(99);
    at = test_packet_record(&packet, TEST_ANSWER, NULL, 99, 60);
    before = 12;
    for (int i = 0; i < 1000; i++) {
        size_t here = packet.size;

        test_packet_u16(&packet, 0xc000U | (uint32_t)before);
        before = here;
    }
    test_packet_end(&packet, at);
    assert_true(check(&result));
    at = test_packet_record(&packet, TEST_ANSWER, NULL, 5, 60);
    test_packet_u16(&packet, 0xc000U | (uint32_t)before);
    test_packet_end(&packet, at);
    assert_false(check(&result));
}

/* B2: 1,000 records, 100 are used. */
static void records_are_capped(void **state)
{
    struct wire_check result;

    (void)state;
    begin(1);
    for (uint32_t i = 0; i < 1000; i++)
        test_packet_a(&packet, NULL, 60, i);
    assert_true(check(&result));
    assert_int_equal(result.answer.count, WIRE_RECORDS_MAX);
    test_packet_put16(&packet, 6, 1001); /* one more than there are */
    assert_false(check(&result));
}

static void other_classes_are_passed_over(void **state)
{
    struct wire_check result;

    (void)state;
    begin(1);
    test_packet_a(&packet, NULL, 60, 1);
    packet.data[packet.size - 11] = 3; /* CHAOS */
    assert_true(check(&result));
    assert_int_equal(result.answer.count, 0);
}

static void questions_are_told_apart(void **state)
{
    struct wire_question question;

    (void)state;
    assert_false(wire_check_question(SPAN(""), &question));
    assert_false(wire_check_question(SPAN("12345678901"), &question));
    begin(15);
    packet.data[2] = 0x01; /* a query */
    assert_true(wire_check_question(test_packet_span(&packet), &question));
    assert_false(question.response);
    packet.data[2] = 0xa9; /* a response to NOTIFY */
    assert_true(wire_check_question(test_packet_span(&packet), &question));
    assert_false(question.response);
    packet.data[2] = 0x83;
    assert_true(wire_check_question(test_packet_span(&packet), &question));
    assert_true(question.response);
    assert_true(question.truncated);
    packet.data[5] = 0;
    assert_true(wire_check_question(test_packet_span(&packet), &question));
    assert_false(question.has_question);
    packet.data[5] = 2;
    assert_true(wire_check_question(test_packet_span(&packet), &question));
    assert_false(question.has_question);
    packet.data[5] = 1;
    packet.data[packet.size - 1] = 3; /* class */
    assert_true(wire_check_question(test_packet_span(&packet), &question));
    assert_false(question.has_question);
    test_packet_begin(&packet, 7, 0x8180);
    test_packet_put16(&packet, 4, 1);
    test_packet_bytes(&packet, "\xc0\x0c\0\1\0\1", 6); /* a name that points to itself */
    assert_true(wire_check_question(test_packet_span(&packet), &question));
    assert_false(question.has_question);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_records_that_matter),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(every_octet_may_be_wrong),
        cmocka_unit_test(rdata_must_fit_its_type),
        cmocka_unit_test(pointers_go_backward_only),
        cmocka_unit_test(expansion_is_bounded),
        cmocka_unit_test(records_are_capped),
        cmocka_unit_test(other_classes_are_passed_over),
        cmocka_unit_test(questions_are_told_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
