#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "bounce/classify.h"

static struct arena arena;
static struct classifier *classifier;

static int open_classifier(void **state)
{
    (void)state;
    if (arena_open(&arena, classify_memory(rules_builtin())) != 0)
        return -1;
    classifier = classify_open(&arena, rules_builtin());
    arena_seal(&arena);
    return 0;
}

static int close_classifier(void **state)
{
    (void)state;
    arena_close(&arena);
    return 0;
}

static void test_replies(void **state)
{
    static const struct {
        uint16_t code;
        uint16_t enhanced[3];
        const char *text;
        enum bounce_class want;
    } table[] = {
        {550, {5, 1, 1}, "User unknown", BOUNCE_NO_USER},
        {552, {5, 2, 2}, "Mailbox full", BOUNCE_MAILBOX_FULL},
        {0, {0, 0, 0}, "", BOUNCE_UNKNOWN},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct classify_question question = {
            .text = span_cstr(table[i].text),
            .code = table[i].code,
            .enhanced = {table[i].enhanced[0], table[i].enhanced[1], table[i].enhanced[2]},
        };

        assert_int_equal(classify_reply(classifier, &question).class, table[i].want);
    }
}

static void test_causes(void **state)
{
    static const struct {
        enum outcome_cause cause;
        enum bounce_class want;
    } table[] = {
        {CAUSE_NO_DOMAIN, BOUNCE_NO_DOMAIN}, {CAUSE_NULL_MX, BOUNCE_NULL_MX},
        {CAUSE_TIMEOUT, BOUNCE_NETWORK},     {CAUSE_TLS, BOUNCE_TLS},
        {CAUSE_LOCAL_STOP, BOUNCE_UNKNOWN},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct outcome outcome =
            outcome_from_cause(OUTCOME_FAILED, STAGE_RESOLVE, table[i].cause, 0, SPAN("words"));
        struct classify_answer answer = classify_outcome(classifier, &outcome, SPAN(""));

        assert_int_equal(answer.class, table[i].want);
        assert_int_equal(answer.step, CLASSIFY_CAUSE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_causes),
    };

    return cmocka_run_group_tests(tests, open_classifier, close_classifier);
}
