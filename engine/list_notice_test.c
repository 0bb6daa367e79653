#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "engine/list_notice.h"

static struct policy policy;
static struct report report;
static char problem[1024];

static int read_yaml(const char *yaml)
{
    struct text error;
    int result;

    policy_init(&policy);
    text_init(&error, problem, sizeof(problem) - 1);
    result = policy_read(&policy, span_cstr(yaml), "r.yaml", &error);
    if (result == 0)
        result = policy_complete(&policy, SPAN("host.example"), SPAN(""), &error);
    (void)text_cstr_end(&error);
    return result;
}

static void configure(void)
{
    static const char yaml[] =
        "bounces:\n"
        "  foreign_verp:\n"
        "  - {pattern: \"{list}-bounces+{local}={domain}@lists.example.org\"}\n"
        "  - {pattern: \"bounces-{token}@mail.example.org\", list: News, reports: 5, within: 60d}\n"
        "  - {pattern: \"owner@old.example.org\"}\n";

    if (read_yaml(yaml) != 0)
        fail_msg("%s", problem);
    memset(&report, 0, sizeof(report));
}

static void add_recipient(const char *address, enum bounce_class class)
{
    report.kind = REPORT_BOUNCE;
    report.recipients[report.recipients_count++] = (struct report_recipient){
        .address = span_cstr(address),
        .original = span_cstr(address),
        .diagnostic = SPAN("550 5.1.1 no such user"),
        .code = 550,
        .status = {5, 1, 1},
        .action = REPORT_FAILED,
        .class = class,
    };
}

static void check_list(const struct notice *notice, const char *list, const char *address)
{
    assert_true(notice_is_of_list(notice));
    assert_true(span_equal(span_make(notice->list.list, notice->list.list_size), span_cstr(list)));
    assert_true(
        span_equal(span_make(notice->list.address, notice->list.address_size), span_cstr(address)));
}

static void test_named_by_the_return_path(void **state)
{
    struct list_notice list;
    struct notice notice;

    (void)state;
    configure();
    add_recipient("other@elsewhere.example", BOUNCE_NO_USER); /* it was forwarded */
    assert_true(list_notice_find(&policy, SPAN("Team-bounces+Ann=Example.com@lists.example.org"),
                                 SPAN(""), &report, &list));
    assert_int_equal(list_notice_count(&list, &report), 1);
    assert_true(list_notice_make(&list, &report, 0, &notice));
    check_list(&notice, "team@lists.example.org", "ann@example.com");
    assert_int_equal(notice.list.reports_min, 3);
    assert_int_equal(notice.list.days_max, 30);
    assert_int_equal(notice.class, BOUNCE_NO_USER);
    assert_true(notice.asks);
}

static void test_named_by_the_report(void **state)
{
    struct list_notice list;
    struct notice notice;

    (void)state;
    configure();
    assert_true(list_notice_takes(&policy, SPAN("bounces-7f@mail.example.org"), &list));
    assert_int_equal(list_notice_count(&list, &report), 0); /* it names nobody */
    add_recipient("Ann@Example.com", BOUNCE_NO_USER);
    add_recipient("no address", BOUNCE_NO_USER);
    add_recipient("bob@example.net", BOUNCE_MAILBOX_FULL);
    assert_int_equal(list_notice_count(&list, &report), 3);
    assert_true(list_notice_make(&list, &report, 0, &notice));
    check_list(&notice, "news@mail.example.org", "ann@example.com");
    assert_int_equal(notice.list.reports_min, 5);
    assert_int_equal(notice.list.days_max, 60);
    assert_false(list_notice_make(&list, &report, 1, &notice));
    assert_true(list_notice_make(&list, &report, 2, &notice));
    check_list(&notice, "news@mail.example.org", "bob@example.net");
    assert_int_equal(notice.class, BOUNCE_MAILBOX_FULL);
    assert_true(list_notice_takes(&policy, SPAN("owner@old.example.org"), &list));
    assert_true(list_notice_make(&list, &report, 0, &notice));
    check_list(&notice, "@old.example.org", "ann@example.com");
}

/* The list knows whom the mail was for, not what his server made of it. */
static void test_named_by_what_it_was_made_from(void **state)
{
    static const struct {
        const char *original, *address;
    } rows[] = {
        {"Ann@Example.com", "ann@example.com"},
        {"", "bob@private.example"},
        {"no address", "bob@private.example"},
    };
    struct list_notice list;
    struct notice notice;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        configure();
        assert_true(list_notice_takes(&policy, SPAN("bounces-7f@mail.example.org"), &list));
        add_recipient("carl@private.example", BOUNCE_MAILBOX_FULL);
        add_recipient("bob@private.example", BOUNCE_NO_USER);
        report.recipients[0].original = SPAN("ann@example.com");
        report.recipients[1].original = span_cstr(rows[i].original);
        assert_true(list_notice_make(&list, &report, 1, &notice));
        check_list(&notice, "news@mail.example.org", rows[i].address);
        assert_int_equal(notice.class, BOUNCE_NO_USER); /* his own, beside another one of hers */
    }
}

/* No report is believed about more people than one message has in one transaction. */
static void test_named_at_most(void **state)
{
    struct list_notice list;

    (void)state;
    configure();
    while (report.recipients_count < LIST_NOTICE_NAMED_MAX)
        add_recipient("ann@example.com", BOUNCE_NO_USER);
    assert_true(list_notice_takes(&policy, SPAN("bounces-7f@mail.example.org"), &list));
    assert_int_equal(list_notice_count(&list, &report), LIST_NOTICE_NAMED_MAX);
    while (report.recipients_count < REPORT_RECIPIENTS_MAX)
        add_recipient("bob@example.com", BOUNCE_NO_USER);
    assert_int_equal(list_notice_count(&list, &report), 100);
    assert_true(
        list_notice_takes(&policy, SPAN("team-bounces+ann=example.com@lists.example.org"), &list));
    assert_int_equal(list_notice_count(&list, &report), 1);
}

static void test_where_it_is_looked_for(void **state)
{
    static const char *const headers[] = {
        "X-Original-To: team-bounces+ann=example.com@lists.example.org\n\n",
        "To: x@y.example\nDelivered-To: <team-bounces+ann=example.com@lists.example.org>\n\n",
        "Received: a\nEnvelope-To: team-bounces+ann=example.com@lists.example.org\r\n\r\n",
        "To: \"Bounces\" <team-bounces+ann=example.com@lists.example.org>\n\nbody\n",
    };
    static const char *const others[] = {
        "Subject: team-bounces+ann=example.com@lists.example.org\n\n",
        "To: x@y.example\n\nTo: team-bounces+ann=example.com@lists.example.org\n",
        "From: team-bounces+ann=example.com@lists.example.org\n\n",
        "",
    };
    struct list_notice list;

    (void)state;
    configure();
    for (size_t i = 0; i < ARRAY_LEN(headers); i++)
        assert_true(
            list_notice_find(&policy, SPAN("x@y.example"), span_cstr(headers[i]), &report, &list));
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_false(list_notice_find(&policy, SPAN(""), span_cstr(others[i]), &report, &list));
    report.returned.return_path = SPAN("<team-bounces+ann=example.com@lists.example.org>");
    assert_true(list_notice_find(&policy, SPAN("fbl@x.example"), SPAN(""), &report, &list));
    policy.foreign.count = 0;
    assert_false(list_notice_find(&policy, SPAN("fbl@x.example"), SPAN(""), &report, &list));
}

static void test_line(void **state)
{
    struct list_notice list;
    struct notice notice, back;
    char buffer[NOTICE_LINE_MAX], who[400];
    struct text out;

    (void)state;
    configure();
    add_recipient("x@y.example", BOUNCE_NO_USER);
    assert_true(
        list_notice_takes(&policy, SPAN("team-bounces+ann=example.com@lists.example.org"), &list));
    assert_true(list_notice_make(&list, &report, 0, &notice));
    text_init(&out, buffer, sizeof(buffer));
    notice_write(&notice, &out);
    assert_true(notice_read(text_span(&out), &back));
    assert_memory_equal(&back, &notice, sizeof(notice));
    /* The longest one. */
    text_init(&out, who, sizeof(who));
    text_add_fill(&out, 'l', LIST_PATH_LIST_MAX);
    text_add_cstr(&out, "-bounces+");
    text_add_fill(&out, 'a', 64);
    text_add_cstr(&out, "=example.com@lists.example.org");
    assert_true(list_notice_takes(&policy, text_span(&out), &list));
    report.recipients[0].host = report.recipients[0].diagnostic = span_make(buffer, 1000);
    memset(buffer, 'w', sizeof(buffer));
    assert_true(list_notice_make(&list, &report, 0, &notice));
    text_init(&out, buffer, sizeof(buffer));
    notice_write(&notice, &out);
    assert_false(out.overflow);
    assert_true(notice_read(text_span(&out), &back));
    assert_memory_equal(&back, &notice, sizeof(notice));
}

static void test_bad_lines(void **state)
{
    static const char *const lines[] = {
        "list\t0\t30\t9\tteam@l\ta@b\t1\tno-user\t1\t550\t5.1.1\th\tn",
        "list\t17\t30\t9\tteam@l\ta@b\t1\tno-user\t1\t550\t5.1.1\th\tn",
        "list\t3\t30\t9\t\ta@b\t1\tno-user\t1\t550\t5.1.1\th\tn",
        "list\t3\t30\t9\tteam@l\t\t1\tno-user\t1\t550\t5.1.1\th\tn",
        "list\t3\tx\t9\tteam@l\ta@b\t1\tno-user\t1\t550\t5.1.1\th\tn",
        "list\t3\t30\t9\tteam@l\ta@b\t1\tno-such-class\t1\t550\t5.1.1\th\tn",
        "list\t3\t30",
        "list",
    };
    struct notice back;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        assert_false(notice_read(span_cstr(lines[i]), &back));
    assert_true(
        notice_read(SPAN("list\t3\t30\t9\tteam@l\ta@b\t1\tno-user\t1\t550\t5.1.1\th\tn"), &back));
}

static void test_configuration(void **state)
{
    static const struct {
        const char *yaml;
        const char *problem;
    } rows[] = {
        {"bounces:\n  foreign_verp:\n  - {pattern: \"{list}-b+{lokal}={domain}@l.example\"}\n",
         "r.yaml:3:5: bounces.foreign_verp: \"{list}-b+{lokal}={domain}@l.example\" knows the "
         "names "
         "{list}, {local}, {domain} and {token} (column 11 of the pattern)"},
        {"bounces:\n  foreign_verp:\n  - {pattern: b@l.example, reports: 3, within: 2d}\n",
         "r.yaml:3:5: bounces.foreign_verp: \"b@l.example\" cannot have so many days within that "
         "time"},
        {"bounces:\n  foreign_verp:\n  - {pattern: \"{list}-b@l.example\", list: x}\n",
         "r.yaml:3:5: bounces.foreign_verp: \"{list}-b@l.example\" holds the list's name already: "
         "drop list"},
        {"bounces:\n  foreign_verp:\n  - {pattern: b@l.example, list: \"a b\"}\n",
         "r.yaml:3:5: bounces.foreign_verp: \"b@l.example\" has a list whose name is none"},
        {"bounces:\n  foreign_verp:\n  - {reports: 2}\n", "r.yaml:3:"},
        {"bounces:\n  foreign_verp:\n  - {pattern: b@l.example, reports: 17}\n", "r.yaml:3:"},
        {"bounces:\n  foreign_verp:\n  - {pattern: b@l.example, raports: 2}\n", "r.yaml:3:"},
        {"bounces: {listen: [\"127.0.0.1:2525\"]}\n", "needs return_path.domain or"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(read_yaml(rows[i].yaml), -EINVAL);
        if (strstr(problem, rows[i].problem) == NULL)
            fail_msg("%s: %s", rows[i].yaml, problem);
    }
    assert_int_equal(read_yaml("bounces: {listen: [\"127.0.0.1:2525\"], foreign_verp: [{pattern: "
                               "b@l.example}]}\n"),
                     0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_named_by_the_return_path),
        cmocka_unit_test(test_named_by_the_report),
        cmocka_unit_test(test_named_by_what_it_was_made_from),
        cmocka_unit_test(test_named_at_most),
        cmocka_unit_test(test_where_it_is_looked_for),
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_bad_lines),
        cmocka_unit_test(test_configuration),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
