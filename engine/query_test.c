#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/query.h"

static const struct {
    const char *line;
    enum query_verb verb;
    enum campaign_state state;
    const char *campaign;
    const char *domain;
} samples[] = {
    {"status", QUERY_STATUS, 0, "", ""},
    {"summary", QUERY_SUMMARY, 0, "", ""},
    {"summary\tacme/may", QUERY_SUMMARY, 0, "acme/may", ""},
    {"summary\t\texample.com", QUERY_SUMMARY, 0, "", "example.com"},
    {"list", QUERY_LIST, 0, "", ""},
    {"list\t\texample.com", QUERY_LIST, 0, "", "example.com"},
    {"list\tmay\texample.com", QUERY_LIST, 0, "may", "example.com"},
    {"pause\tmay", QUERY_ORDER, CAMPAIGN_PAUSED, "may", ""},
    {"resume\tmay day", QUERY_ORDER, CAMPAIGN_READY, "may day", ""},
    {"cancel\tmay", QUERY_ORDER, CAMPAIGN_CANCELLED, "may", ""},
    {"pause\t\ta.example", QUERY_ORDER, CAMPAIGN_PAUSED, "", "a.example"},
    {"resume\tmay\ta.example", QUERY_ORDER, CAMPAIGN_READY, "may", "a.example"},
    {"cancel\t\ta.example", QUERY_ORDER, CAMPAIGN_CANCELLED, "", "a.example"},
    {"show\t000000000000000a.7", QUERY_SHOW, 0, "", ""},
    {"find\tacme\tmay", QUERY_FIND, 0, "may", ""},
    {"find\t\tmay day", QUERY_FIND, 0, "may day", ""},
    {"load", QUERY_LOAD, 0, "", ""},
    {"tlsrpt\t1795219200", QUERY_TLSRPT, 0, "", ""},
    {"tlsrpt\t", QUERY_INVALID, 0, NULL, NULL},
    {"tlsrpt\t-1", QUERY_INVALID, 0, NULL, NULL},
    {"tlsrpt\t9999999999999999999", QUERY_INVALID, 0, NULL, NULL},
    /* An order names its campaign or its domain: nothing would be everything. */
    {"cancel", QUERY_INVALID, 0, NULL, NULL},
    {"cancel\t", QUERY_INVALID, 0, NULL, NULL},
    {"cancel\t\t", QUERY_INVALID, 0, NULL, NULL},
    {"show", QUERY_INVALID, 0, NULL, NULL},
    {"show\tx.1", QUERY_INVALID, 0, NULL, NULL},
    {"show\t1.4294967296", QUERY_INVALID, 0, NULL, NULL},
    {"", QUERY_INVALID, 0, NULL, NULL},
    {"STATUS", QUERY_INVALID, 0, NULL, NULL},
    {"statusx", QUERY_INVALID, 0, NULL, NULL},
    {" status", QUERY_INVALID, 0, NULL, NULL},
};

static void test_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        struct query query;

        query_parse(&query, span_cstr(samples[i].line));
        if (query.verb != samples[i].verb)
            fail_msg("\"%s\": verb %d", samples[i].line, (int)query.verb);
        if (samples[i].campaign == NULL)
            continue;
        assert_string_equal(query.campaign, samples[i].campaign);
        assert_string_equal(query.domain, samples[i].domain);
        if (query.verb == QUERY_ORDER)
            assert_int_equal(query.order.state, samples[i].state);
    }
}

static void test_long_words(void **state)
{
    char line[QUERY_WORD_MAX + 16] = "pause\t";
    struct query query;

    (void)state;
    memset(line + 6, 'x', QUERY_WORD_MAX - 1);
    query_parse(&query, span_make(line, 6 + QUERY_WORD_MAX - 1));
    assert_int_equal(query.verb, QUERY_ORDER);
    memset(line + 6, 'x', QUERY_WORD_MAX);
    query_parse(&query, span_make(line, 6 + QUERY_WORD_MAX));
    assert_int_equal(query.verb, QUERY_INVALID);
}

static void test_invalid_is_answered(void **state)
{
    static uint8_t buffer[QUERY_STEP_MAX];
    struct query_world world = {0};
    struct query query;
    struct text out;

    (void)state;
    text_init(&out, buffer, sizeof(buffer));
    query_parse(&query, SPAN("dance"));
    assert_true(query_step(&query, &world, &out));
    assert_string_equal(text_cstr_end(&out), "{\"error\":\"the request is not understood\"}\n");
    text_reset(&out);
    query_parse(&query, SPAN("status"));
    assert_true(query_step(&query, &world, &out));
    assert_string_equal(text_cstr_end(&out),
                        "{\"error\":\"no sender is running on this spool\"}\n");
    text_reset(&out);
    query_parse(&query, SPAN("tlsrpt\t1795219200"));
    assert_true(query_step(&query, &world, &out));
    assert_string_equal(text_cstr_end(&out), "{\"error\":\"no service is running that sends "
                                             "reports about TLS\",\"later\":true}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_long_words),
        cmocka_unit_test(test_invalid_is_answered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
