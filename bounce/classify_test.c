#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bounce/classify.h"

static const char *lines_path; /* made from the rules' own tests: rule, class, line */
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

static enum outcome_stage stage_named(struct span name)
{
    for (unsigned stage = 0; stage < STAGE_COUNT; stage++)
        if (span_equal(name, span_cstr(outcome_stage_name((enum outcome_stage)stage))))
            return (enum outcome_stage)stage;
    return STAGE_COUNT;
}

/* "[@host ][/stage ][code ][status ]text" */
static struct classify_question read_question(struct span line)
{
    struct classify_question question = {.text = line};
    struct span rest = line, word = span_word(&rest);
    uint64_t code;

    if (word.size > 0 && word.data[0] == '@') {
        question.host = span_skip(word, 1);
        line = rest;
        word = span_word(&rest);
    }
    if (word.size > 0 && word.data[0] == '/') {
        question.stage = stage_named(span_skip(word, 1));
        assert_in_range(question.stage, STAGE_QUEUE, STAGE_COUNT - 1);
        line = rest;
        word = span_word(&rest);
    }
    question.text = span_trim(line);
    if (word.size == 3 && span_number(word, 599, &code)) {
        question.code = (uint16_t)code;
        question.text = span_trim(rest);
        if (!reply_take_enhanced(question.code, &question.text, question.enhanced))
            memset(question.enhanced, 0, sizeof(question.enhanced));
    }
    return question;
}

static void test_every_rule_decides_its_own_lines(void **state)
{
    FILE *file = fopen(lines_path, "r");
    char line[2048];
    size_t count = 0, wrong = 0;

    (void)state;
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        struct span rest = span_trim(span_cstr(line));
        struct span rule = span_split(&rest, '\t'), class = span_split(&rest, '\t');
        struct classify_question question = read_question(rest);
        struct classify_answer answer = classify_reply(classifier, &question);

        count++;
        if (!span_equal(class, span_cstr(bounce_class_name(answer.class))) ||
            !span_equal(rule, span_cstr(answer.rule))) {
            print_message("%.*s: %.*s became %s by %s\n", (int)rule.size, (const char *)rule.data,
                          (int)rest.size, (const char *)rest.data, bounce_class_name(answer.class),
                          answer.rule);
            wrong++;
        }
    }
    (void)fclose(file);
    assert_int_equal(wrong, 0);
    assert_true(count >= rules_builtin()->count);
}

static void test_what_no_rule_knows_is_unknown(void **state)
{
    static const char *const lines[] = {"", "550 qwertz", "250 ok", "xyzzy"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct classify_question question = read_question(span_cstr(lines[i]));
        struct classify_answer answer = classify_reply(classifier, &question);

        assert_int_equal(answer.class, BOUNCE_UNKNOWN);
        assert_int_equal(answer.step, CLASSIFY_NOTHING);
        assert_string_equal(answer.rule, "");
    }
}

static void test_a_name_is_no_reason(void **state)
{
    static const char *const texts[] = {"550 <user-unknown@example.com>: qwertz",
                                        "550 <mailbox.full@spamhaus.example>: qwertz",
                                        "550 virus@example.com qwertz"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct classify_question question = read_question(span_cstr(texts[i]));

        assert_int_equal(classify_reply(classifier, &question).class, BOUNCE_UNKNOWN);
    }
}

static void test_hostile_texts(void **state)
{
    static uint8_t text[100000];
    struct classify_question question = {.code = 550, .text = span_make(text, sizeof(text))};

    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        memset(text, (int)byte, sizeof(text));
        (void)classify_reply(classifier, &question);
    }
    memset(text, ' ', sizeof(text));
    memcpy(text + CLASSIFY_TEXT_MAX, "user unknown", 12);
    assert_int_equal(classify_reply(classifier, &question).class, BOUNCE_UNKNOWN);
    memcpy(text + CLASSIFY_TEXT_MAX - 12, "user unknown", 12);
    assert_int_equal(classify_reply(classifier, &question).class, BOUNCE_NO_USER);
}

static void test_codes_inside_the_text(void **state)
{
    struct classify_question question = {.text = SPAN("550-5.1.1 qwertz")};

    (void)state;
    assert_int_equal(classify_reply(classifier, &question).class, BOUNCE_NO_USER);
    question = (struct classify_question){
        .code = 550, .enhanced = {5, 0, 0}, .text = SPAN("qwertz (#5.2.2)")};
    assert_int_equal(classify_reply(classifier, &question).class, BOUNCE_MAILBOX_FULL);
    question.code = 450; /* a status of another class is none of this reply's */
    question.enhanced[0] = 0;
    assert_int_not_equal(classify_reply(classifier, &question).class, BOUNCE_MAILBOX_FULL);
}

/* Before RCPT the server has not heard whose mailbox it is. */
static void test_before_the_name(void **state)
{
    static const struct {
        const char *line;
        bool may_blame; /* the recipient or his domain */
    } cases[] = {
        {"/greeting 554 no such user", false},
        {"/greeting 521 host does not accept mail", true},
        {"/ehlo 550 5.1.1 user unknown", false},
        {"/tls 550 5.2.2 mailbox full", false},
        {"/mail 550 5.1.1 user unknown", false},
        {"/mail 550 5.2.1 account disabled", false},
        {"/mail 550 5.1.2 no such domain", false},
        {"/mail 556 5.1.10 null MX", false},
        {"/mail 450 4.1.1 user unknown", false},
        {"/mail 551 user has moved", false},
        {"/rcpt 550 5.1.1 user unknown", true},
        {"/rcpt 450 4.1.1 user unknown", true},
        {"/connect 550 5.1.1 user unknown", true},
        {"/dot 550 5.1.1 user unknown", true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct classify_question question = read_question(span_cstr(cases[i].line));
        enum bounce_class class = classify_reply(classifier, &question).class;
        enum bounce_scope scope = bounce_class_scope(class);

        if ((scope == BOUNCE_SCOPE_ADDRESS || scope == BOUNCE_SCOPE_DOMAIN) != cases[i].may_blame)
            fail_msg("%s: %s", cases[i].line, bounce_class_name(class));
    }
}

static void test_causes(void **state)
{
    static const struct {
        enum outcome_kind kind;
        enum outcome_cause cause;
        enum bounce_class want;
    } table[] = {
        {OUTCOME_FAILED, CAUSE_NO_DOMAIN, BOUNCE_NO_DOMAIN},
        {OUTCOME_FAILED, CAUSE_NULL_MX, BOUNCE_NULL_MX},
        {OUTCOME_DEFERRED, CAUSE_TIMEOUT, BOUNCE_NETWORK},
        {OUTCOME_DEFERRED, CAUSE_TLS, BOUNCE_TLS},
        {OUTCOME_EXPIRED, CAUSE_LOCAL_LIFETIME, BOUNCE_EXPIRED},
        {OUTCOME_FAILED, CAUSE_LOCAL_STOP, BOUNCE_UNKNOWN},
        {OUTCOME_DELIVERED, CAUSE_REPLY, BOUNCE_SUCCESS},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct outcome outcome =
            outcome_from_cause(table[i].kind, STAGE_RESOLVE, table[i].cause, 0, SPAN("words"));
        struct classify_answer answer = classify_outcome(classifier, &outcome, SPAN(""));

        assert_int_equal(answer.class, table[i].want);
        assert_int_equal(answer.step, CLASSIFY_CAUSE);
    }
}

static void test_a_reply_in_the_session(void **state)
{
    struct reply reply = {.code = 550, .enhanced = {5, 4, 1}};
    struct outcome outcome;
    struct classify_answer answer;

    (void)state;
    reply_set_text(&reply, SPAN("Recipient address rejected: Access denied. [x]"));
    outcome = outcome_from_reply(STAGE_RCPT, &reply);
    answer = classify_outcome(classifier, &outcome, SPAN("a-com.mail.protection.outlook.com"));
    assert_int_equal(answer.class, BOUNCE_NO_USER);
    assert_int_equal(answer.step, CLASSIFY_PROVIDER);
    answer = classify_outcome(classifier, &outcome, SPAN("xprotection.outlook.com.example"));
    assert_int_equal(answer.class, BOUNCE_NO_USER);
    assert_int_equal(answer.step, CLASSIFY_STATUS);
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_rule_decides_its_own_lines),
        cmocka_unit_test(test_what_no_rule_knows_is_unknown),
        cmocka_unit_test(test_a_name_is_no_reason),
        cmocka_unit_test(test_hostile_texts),
        cmocka_unit_test(test_codes_inside_the_text),
        cmocka_unit_test(test_before_the_name),
        cmocka_unit_test(test_causes),
        cmocka_unit_test(test_a_reply_in_the_session),
    };

    if (count != 2)
        return 2;
    lines_path = arguments[1];
    return cmocka_run_group_tests(tests, open_classifier, close_classifier);
}
