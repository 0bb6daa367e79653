#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "engine/bounce_door.h"
#include "engine/notice.h"

static struct report report;
static const struct proof proof = {
    .verdict = VERP_VALID, .identity = {UINT64_C(0x1234), 5}, .day = 20000};

static void given(enum report_kind kind, enum report_action action, enum bounce_class class)
{
    memset(&report, 0, sizeof(report));
    report.kind = kind;
    report.reporter = SPAN("mx.example");
    report.recipients_count = 1;
    report.recipients[0] = (struct report_recipient){
        .address = SPAN("user@example.com"),
        .diagnostic = SPAN("550 5.1.1\tno\nsuch \xc3\xbcser\xff"),
        .code = 550,
        .status = {5, 1, 1},
        .action = action,
        .class = class,
    };
}

static void test_what_asks(void **state)
{
    static const struct {
        enum report_kind kind;
        enum report_action action;
        enum notice_door door;
        bool asks;
        enum bounce_class class;
        const char *type;
    } cases[] = {
        {REPORT_BOUNCE, REPORT_FAILED, NOTICE_DOOR_RETURN, true, BOUNCE_NO_USER, "OOB"},
        {REPORT_BOUNCE, REPORT_ACTION_NONE, NOTICE_DOOR_RETURN, true, BOUNCE_NO_USER, "OOB"},
        {REPORT_BOUNCE, REPORT_RETRIED, NOTICE_DOOR_RETURN, false, BOUNCE_NO_USER, "OOB"},
        {REPORT_BOUNCE, REPORT_DELIVERED, NOTICE_DOOR_RETURN, false, BOUNCE_NO_USER, "OOB"},
        {REPORT_DELAYED, REPORT_RETRIED, NOTICE_DOOR_RETURN, false, BOUNCE_NO_USER, "OOB"},
        {REPORT_SUCCESS, REPORT_DELIVERED, NOTICE_DOOR_RETURN, false, BOUNCE_NO_USER, "OOB"},
        {REPORT_AUTO_REPLY, REPORT_FAILED, NOTICE_DOOR_RETURN, false, BOUNCE_NO_USER, "OOB"},
        {REPORT_AUTO_REPLY, REPORT_FAILED, NOTICE_DOOR_UNSUBSCRIBE, false, BOUNCE_NO_USER, "OOB"},
        {REPORT_NORMAL, REPORT_FAILED, NOTICE_DOOR_RETURN, false, BOUNCE_NO_USER, "OOB"},
        {REPORT_MACHINE, REPORT_FAILED, NOTICE_DOOR_COMPLAINTS, false, BOUNCE_NO_USER, "OOB"},
        {REPORT_NORMAL, REPORT_FAILED, NOTICE_DOOR_UNSUBSCRIBE, true, BOUNCE_UNSUBSCRIBE,
         "Unsubscribe"},
        {REPORT_UNSUBSCRIBE, REPORT_FAILED, NOTICE_DOOR_RETURN, true, BOUNCE_UNSUBSCRIBE,
         "Unsubscribe"},
        {REPORT_COMPLAINT, REPORT_ACTION_NONE, NOTICE_DOOR_RETURN, true, BOUNCE_COMPLAINT,
         "Feedback"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct notice notice;

        given(cases[i].kind, cases[i].action, BOUNCE_NO_USER);
        notice_make(&notice, &report, &proof, cases[i].door, SPAN("user@example.com"));
        if (notice.asks != cases[i].asks || notice.class != cases[i].class ||
            strcmp(notice_event_type(&notice), cases[i].type) != 0)
            fail_msg("case %zu: asks %d, class %s, type %s", i, notice.asks,
                     bounce_class_name(notice.class), notice_event_type(&notice));
    }
    given(REPORT_BOUNCE, REPORT_FAILED, BOUNCE_NO_USER);
    report.recipients_count = 0;
    struct notice notice;
    notice_make(&notice, &report, &proof, NOTICE_DOOR_RETURN, SPAN(""));
    assert_true(notice.asks);
    assert_int_equal(notice.class, BOUNCE_UNKNOWN);
}

static void test_line(void **state)
{
    char buffer[NOTICE_LINE_MAX];
    struct notice notice, back;
    struct text out;

    (void)state;
    given(REPORT_BOUNCE, REPORT_FAILED, BOUNCE_MAILBOX_FULL);
    notice_make(&notice, &report, &proof, NOTICE_DOOR_RETURN, SPAN("user@example.com"));
    assert_int_equal(notice.note_size, strlen("550 5.1.1 no such \xc3\xbcser"));
    assert_memory_equal(notice.note, "550 5.1.1 no such \xc3\xbcser", notice.note_size);
    assert_memory_equal(notice.host, "mx.example", notice.host_size);
    text_init(&out, buffer, sizeof(buffer));
    notice_write(&notice, &out);
    assert_int_equal(span_find_byte(text_span(&out), '\n'), SPAN_NOT_FOUND);
    assert_true(notice_read(text_span(&out), &back));
    assert_memory_equal(&back, &notice, sizeof(notice));
    /* Cut anywhere before the words for people it is nothing. */
    for (size_t size = 0; size < out.size - notice.note_size - notice.host_size - 2; size++)
        assert_false(notice_read(span_make(buffer, size), &back) && back.status[2] == 1);
}

static void test_longest_line(void **state)
{
    static char words[5000];
    char buffer[NOTICE_LINE_MAX];
    struct notice notice;
    struct text out;

    (void)state;
    memset(words, 'w', sizeof(words));
    given(REPORT_BOUNCE, REPORT_FAILED, BOUNCE_RECIPIENT_REFUSED);
    report.recipients[0].diagnostic = report.recipients[0].host = span_make(words, sizeof(words));
    notice_make(&notice, &report, &proof, NOTICE_DOOR_RETURN, SPAN(""));
    text_init(&out, buffer, sizeof(buffer));
    notice_write(&notice, &out);
    assert_false(out.overflow);
}

static void test_doors(void **state)
{
    static struct policy policy;
    static const struct {
        const char *address;
        bool ours;
        enum notice_door door;
        bool taken;
    } cases[] = {
        {"fbl@example.com", true, NOTICE_DOOR_COMPLAINTS, true},
        {"FBL@EXAMPLE.COM", true, NOTICE_DOOR_COMPLAINTS, true},
        {"leave@example.com", true, NOTICE_DOOR_UNSUBSCRIBE, true},
        {"leave+x@example.com", true, NOTICE_DOOR_UNSUBSCRIBE, false},
        {"leave+x@example.org", false, NOTICE_DOOR_RETURN, false},
        {"leavex@example.com", false, NOTICE_DOOR_RETURN, false},
        {"x@bounces.example.com", true, NOTICE_DOOR_RETURN, false},
        {"postmaster@example.com", false, NOTICE_DOOR_RETURN, false},
        {"fbl", false, NOTICE_DOOR_RETURN, false},
        {"", false, NOTICE_DOOR_RETURN, false},
    };
    static const uint8_t secret[VERP_KEY_SIZE] = {9};
    struct verp_keys keys = {.count = 0};
    const uint64_t wall_s = UINT64_C(20000) * 86400;
    char buffer[128];
    struct text out;

    (void)state;
    policy_init(&policy);
    memcpy(policy.return_domain, "bounces.example.com", sizeof("bounces.example.com"));
    memcpy(policy.bounces_complaints_to, "fbl@example.com", sizeof("fbl@example.com"));
    memcpy(policy.unsubscribe_mailto, "leave@example.com", sizeof("leave@example.com"));
    assert_int_equal(verp_add_key(&keys, 1, secret), 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct span address = span_cstr(cases[i].address);
        enum notice_door door = NOTICE_DOOR_RETURN;

        assert_int_equal(bounce_door_of(&policy, address, &door), cases[i].ours);
        assert_int_equal(door, cases[i].door);
        assert_int_equal(bounce_door_takes(&policy, &keys, address, wall_s), cases[i].taken);
    }
    text_init(&out, buffer, sizeof(buffer));
    verp_write(&out, &keys, &proof.identity, 19990, SPAN("bounces.example.com"));
    assert_true(bounce_door_takes(&policy, &keys, text_span(&out), wall_s));
    text_reset(&out);
    verp_write(&out, &keys, &proof.identity, 19990, SPAN("bounces.example.org"));
    assert_false(bounce_door_takes(&policy, &keys, text_span(&out), wall_s));
    text_reset(&out);
    text_add_cstr(&out, "leave+");
    verp_write(&out, &keys, &proof.identity, 19990, SPAN("example.com"));
    assert_true(bounce_door_takes(&policy, &keys, text_span(&out), wall_s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_asks),
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_longest_line),
        cmocka_unit_test(test_doors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
