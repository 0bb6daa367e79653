#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/query_suppress.h"

#define FOREVER HYGIENE_CHANGE_FOREVER

static const struct {
    const char *words;
    enum hygiene_change_kind kind;
    enum bounce_class class;
    enum hygiene_source source;
    uint64_t until_s;
    const char *key, *tenant, *stream, *note, *provider;
} orders[] = {
    {"add\tAnna@Example.COM\tno-user\toperator\t\t\t\t", HYGIENE_SUPPRESS, BOUNCE_NO_USER,
     HYGIENE_FROM_OPERATOR, FOREVER, "anna@example.com", "", "", "", ""},
    {"add\ta@b.test\tcomplaint\timport\t2026-12-24T18:00:00Z\tacme\tbulk\ttold us, twice",
     HYGIENE_SUPPRESS, BOUNCE_COMPLAINT, HYGIENE_FROM_IMPORT, 1798135200, "a@b.test", "acme",
     "bulk", "told us, twice", ""},
    {"add\ta@b.test\tcomplaint\tsession\t1798135200\t\tlist@c.test\ta\ttab", HYGIENE_SUPPRESS,
     BOUNCE_COMPLAINT, HYGIENE_FROM_SESSION, 1798135200, "a@b.test", "", "list@c.test", "a\ttab",
     ""},
    {"add\ta@b.test\tunsubscribe\tunsubscribe", HYGIENE_SUPPRESS, BOUNCE_UNSUBSCRIBE,
     HYGIENE_FROM_UNSUBSCRIBE, FOREVER, "a@b.test", "", "", "", ""},
    {"remove\tA@b.test\tacme\ttransactional\tasked for it", HYGIENE_WITHDRAW, 0,
     HYGIENE_FROM_OPERATOR, 0, "a@b.test", "acme", "transactional", "asked for it", ""},
    {"remove\ta@b.test", HYGIENE_WITHDRAW, 0, HYGIENE_FROM_OPERATOR, 0, "a@b.test", "", "", "", ""},
    {"release\tgoogle.com", HYGIENE_RELEASE, 0, HYGIENE_FROM_OPERATOR, 0, "", "", "", "",
     "google.com"},
    {"release\t*", HYGIENE_RELEASE, 0, HYGIENE_FROM_OPERATOR, 0, "", "", "", "", ""},
    {"confirm\tgoogle.com", HYGIENE_CONFIRM, 0, HYGIENE_FROM_OPERATOR, 0, "", "", "", "",
     "google.com"},
};

static bool is_text(struct span span, const char *text)
{
    return span_equal(span, span_cstr(text));
}

static void test_orders(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
        struct query_suppress query;
        const char *problem = query_suppress_parse(&query, span_cstr(orders[i].words));
        const struct hygiene_change *change = &query.change;

        if (problem != NULL)
            fail_msg("\"%s\": %s", orders[i].words, problem);
        if (query.verb != QUERY_SUPPRESS_ORDER || change->kind != orders[i].kind ||
            change->class != orders[i].class || change->source != orders[i].source ||
            change->until_s != orders[i].until_s || !is_text(change->key, orders[i].key) ||
            !is_text(change->tenant, orders[i].tenant) ||
            !is_text(change->stream, orders[i].stream) || !is_text(change->note, orders[i].note) ||
            !is_text(change->provider, orders[i].provider))
            fail_msg("\"%s\" is understood otherwise", orders[i].words);
    }
}

static const struct {
    const char *words;
    enum query_suppress_verb verb;
    const char *key, *path;
    bool held;
} questions[] = {
    {"list", QUERY_SUPPRESS_LIST, "", "", false},
    {"list\theld", QUERY_SUPPRESS_LIST, "", "", true},
    {"export", QUERY_SUPPRESS_EXPORT, "", "", false},
    {"export\theld", QUERY_SUPPRESS_EXPORT, "", "", true},
    {"show\tAnna@Example.com", QUERY_SUPPRESS_SHOW, "anna@example.com", "", false},
    {"show\t@Example.com", QUERY_SUPPRESS_SHOW_DOMAIN, "@example.com", "", false},
    {"import\t/spool/import 7", QUERY_SUPPRESS_IMPORT, "", "/spool/import 7", false},
};

static void test_questions(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(questions); i++) {
        struct query_suppress query;
        const char *problem = query_suppress_parse(&query, span_cstr(questions[i].words));

        if (problem != NULL)
            fail_msg("\"%s\": %s", questions[i].words, problem);
        if (query.verb != questions[i].verb || query.held != questions[i].held ||
            !is_text(query.change.key, questions[i].key) ||
            strcmp(query.path, questions[i].path) != 0)
            fail_msg("\"%s\" is understood otherwise", questions[i].words);
    }
}

/* What is wrong is said: each begins so. */
static const struct {
    const char *words, *problem;
} mistakes[] = {
    {"", "that is no mail address"},
    {"dance", "that is no mail address"},
    {"dance\ta@b.test", "suppress knows"},
    {"ADD\ta@b.test\tno-user\toperator", "suppress knows"},
    {"add", "that is no mail address"},
    {"add\ta b@c.test\tno-user\toperator", "that is no mail address"},
    {"add\ta@b.test", "that class"},
    {"add\ta@b.test\tno_user\toperator", "that class"},
    {"add\ta@b.test\tno-user", "the source is"},
    {"add\ta@b.test\tno-user\tnone", "the source is"},
    {"add\ta@b.test\tno-user\toperator\ttomorrow", "the end is"},
    {"add\ta@b.test\tno-user\toperator\t0", "the end is"},
    {"add\ta@b.test\tno-user\toperator\t-1", "the end is"},
    {"remove", "that is no mail address"},
    {"remove\t@b.test", "that is no mail address"},
    {"show", "that is no mail address"},
    {"show\t@", "that is no domain"},
    {"show\t@b..test", "that is no domain"},
    {"show\t@b.test@c.test", "that is no domain"},
    {"release", "which provider?"},
    {"confirm\t", "which provider?"},
    {"import", "import takes a file"},
};

static void test_mistakes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(mistakes); i++) {
        struct query_suppress query;
        const char *problem = query_suppress_parse(&query, span_cstr(mistakes[i].words));

        if (problem == NULL || !span_starts(span_cstr(problem), span_cstr(mistakes[i].problem)))
            fail_msg("\"%s\": %s", mistakes[i].words, problem == NULL ? "is fine" : problem);
    }
}

/* As long as may be, and one octet more. */
static void test_limits(void **state)
{
    static char line[QUERY_SUPPRESS_LINE_MAX + 1];
    struct query_suppress query;

    (void)state;
    memset(line, 'x', sizeof(line));
    memcpy(line, "import\t", 7);
    assert_null(query_suppress_parse(&query, span_make(line, QUERY_SUPPRESS_LINE_MAX)));
    assert_int_equal(strlen(query.path), QUERY_SUPPRESS_LINE_MAX - 7);
    assert_string_equal(query_suppress_parse(&query, span_make(line, sizeof(line))),
                        "the request is too long");
    memcpy(line, "show\t@", 6);
    assert_string_equal(query_suppress_parse(&query, span_make(line, QUERY_SUPPRESS_LINE_MAX)),
                        "that is no domain");
    memcpy(line, "show\tx@", 7);
    assert_string_equal(query_suppress_parse(&query, span_make(line, QUERY_SUPPRESS_LINE_MAX)),
                        "that is no mail address");
}

/* The line is given back to its lender: what is kept lies in the request. */
static void test_nothing_is_borrowed(void **state)
{
    char line[] = "add\tAnna@b.test\tno-user\toperator\t\tacme\tbulk\tbye";
    struct query_suppress query;

    (void)state;
    assert_null(query_suppress_parse(&query, span_cstr(line)));
    memset(line, '?', sizeof(line));
    assert_true(is_text(query.change.key, "anna@b.test"));
    assert_true(is_text(query.change.tenant, "acme"));
    assert_true(is_text(query.change.stream, "bulk"));
    assert_true(is_text(query.change.note, "bye"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_orders),
        cmocka_unit_test(test_questions),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_nothing_is_borrowed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
