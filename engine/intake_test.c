#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "engine/event_json.h"
#include "engine/intake.h"

static char buffer[EVENT_JSON_MAX];

/* A report about ann on the list team: day 2 of 3. */
static void given(struct notice *notice, struct intake_result *result)
{
    static const char address[] = "ann@example.com", list[] = "team@lists.example.org";

    *notice = (struct notice){.verdict = VERP_ABSENT,
                              .kind = REPORT_BOUNCE,
                              .class = BOUNCE_NO_USER,
                              .asks = true,
                              .code = 550,
                              .status = {5, 1, 1}};
    notice->list.reports_min = 3;
    notice->list.message = 7;
    notice->list.address_size = sizeof(address) - 1;
    memcpy(notice->list.address, address, sizeof(address) - 1);
    notice->list.list_size = sizeof(list) - 1;
    memcpy(notice->list.list, list, sizeof(list) - 1);
    *result = (struct intake_result){.decision = INTAKE_COUNTED, .ticket = 1, .days = 2};
}

static struct span event_of(const struct notice *notice, const struct intake_result *result,
                            char *into, size_t room)
{
    struct text out;

    text_init(&out, into, room);
    intake_event(notice, result, 1500 * NS_PER_MS, &out);
    assert_false(out.overflow);
    return text_span(&out);
}

static bool says(struct span line, const char *what)
{
    return span_find(line, span_cstr(what)) != SPAN_NOT_FOUND;
}

static void test_event_of_a_list(void **state)
{
    static const char *const parts[] = {
        "{\"type\":\"OOB\",\"event_id\":\"OOB-",
        "\"id\":null",
        "\"list\":\"team@lists.example.org\"",
        "\"recipient\":\"ann@example.com\"",
        "\"days\":2,\"days_wanted\":3",
        "\"code\":550,\"enhanced_code\":\"5.1.1\"",
        "\"timestamp\":1.500",
        "\"bounce_classification\":\"no-user\",\"decision\":\"counted\"}\n",
    };
    struct intake_result result;
    struct notice notice;
    struct span line;

    (void)state;
    given(&notice, &result);
    line = event_of(&notice, &result, buffer, sizeof(buffer));
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (!says(line, parts[i]))
            fail_msg("%.*s: no %s", (int)line.size, (const char *)line.data, parts[i]);
    assert_false(says(line, "campaign"));
    notice.class = BOUNCE_COMPLAINT;
    notice.kind = REPORT_COMPLAINT;
    result.decision = INTAKE_SUPPRESSED;
    line = event_of(&notice, &result, buffer, sizeof(buffer));
    assert_true(says(line, "{\"type\":\"Feedback\",\"event_id\":\"Feedback-"));
    assert_true(says(line, "\"decision\":\"suppressed\""));
}

/* Of what leaves no trace anybody could write as much as he likes. */
static void test_what_has_no_event(void **state)
{
    struct intake_result result;
    struct notice notice;

    (void)state;
    for (int decision = INTAKE_SUPPRESSED; decision < INTAKE_DECISION_COUNT; decision++) {
        given(&notice, &result);
        result.decision = (enum intake_decision)decision;
        assert_int_equal(event_of(&notice, &result, buffer, sizeof(buffer)).size > 0,
                         decision <= INTAKE_NOTED);
        result.ticket = 0;
        assert_int_equal(event_of(&notice, &result, buffer, sizeof(buffer)).size, 0);
    }
    given(&notice, &result);
    notice.asks = false;
    assert_int_equal(event_of(&notice, &result, buffer, sizeof(buffer)).size, 0);
}

/* The id up to its closing quotation mark. */
static struct span id_of(struct span line)
{
    line = span_skip(line, span_find(line, SPAN("\"event_id\":\"")) + 12);
    return span_first(line, span_find_byte(line, '"'));
}

static void test_ids(void **state)
{
    static char other_buffer[EVENT_JSON_MAX];
    struct intake_result result;
    struct notice notice, other;
    struct span id;

    (void)state;
    given(&notice, &result);
    id = id_of(event_of(&notice, &result, buffer, sizeof(buffer)));
    assert_int_equal(id.size, strlen("OOB-01234567-01234567-59682f00"));
    for (int what = 0; what < 4; what++) {
        other = notice;
        other.list.message += what == 1;
        other.list.address[0] ^= what == 2;
        other.list.list[0] ^= what == 3;
        assert_int_equal(
            span_equal(id, id_of(event_of(&other, &result, other_buffer, sizeof(other_buffer)))),
            what == 0);
    }
}

/* What strangers wrote is escaped, and the longest of all fits. */
static void test_the_longest(void **state)
{
    struct intake_result result;
    struct notice notice;
    struct span line;

    (void)state;
    given(&notice, &result);
    notice.list.address_size = HYGIENE_CHANGE_KEY_MAX;
    memset(notice.list.address, '"', sizeof(notice.list.address));
    notice.list.list_size = HYGIENE_CHANGE_SCOPE_MAX;
    memset(notice.list.list, 1, sizeof(notice.list.list));
    notice.note_size = NOTICE_NOTE_MAX;
    memset(notice.note, '\n', sizeof(notice.note));
    notice.host_size = NOTICE_HOST_MAX;
    memset(notice.host, '\\', sizeof(notice.host));
    line = event_of(&notice, &result, buffer, sizeof(buffer));
    assert_int_equal(span_find_byte(line, '\n'), line.size - 1);
    assert_int_equal(span_find_byte(line, 1), SPAN_NOT_FOUND);
    assert_true(line.size < 8 * KIB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_event_of_a_list),
        cmocka_unit_test(test_what_has_no_event),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_the_longest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
