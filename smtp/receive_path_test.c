#include "smtp/receive_path.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

struct path_case {
    struct span rest;
    enum receive_path_fault fault;
    struct span mailbox;
    uint64_t size;
};

/* More than the 64 octets of a local part. */
#define LONG "announcements-of-the-society-bounces+a-long-first-name.a-longer-name"

static const struct path_case senders[] = {
    {SPAN_INIT(" FROM:<>"), RECEIVE_PATH_GOOD, SPAN_INIT(""), 0},
    {SPAN_INIT(" from:<a@b.test>"), RECEIVE_PATH_GOOD, SPAN_INIT("a@b.test"), 0},
    {SPAN_INIT(" FROM: <a@b.test>  SIZE=12  BODY=7BIT SMTPUTF8"), RECEIVE_PATH_GOOD,
     SPAN_INIT("a@b.test"), 12},
    {SPAN_INIT(" FROM:<@x.test,@y.test:a@b.test>"), RECEIVE_PATH_GOOD, SPAN_INIT("a@b.test"), 0},
    {SPAN_INIT(" FROM:<\"a>b\"@b.test>"), RECEIVE_PATH_GOOD, SPAN_INIT("\"a>b\"@b.test"), 0},
    {SPAN_INIT(" FROM:<\"a\\\"> x\"@b.test>"), RECEIVE_PATH_GOOD, SPAN_INIT("\"a\\\"> x\"@b.test"),
     0},
    {SPAN_INIT(""), RECEIVE_PATH_SYNTAX, {NULL, 0}, 0},
    {SPAN_INIT(" TO:<a@b.test>"), RECEIVE_PATH_SYNTAX, {NULL, 0}, 0},
    {SPAN_INIT(" FROM:a@b.test"), RECEIVE_PATH_SYNTAX, {NULL, 0}, 0},
    {SPAN_INIT(" FROM:<a@b.test"), RECEIVE_PATH_SYNTAX, {NULL, 0}, 0},
    {SPAN_INIT(" FROM:<"), RECEIVE_PATH_SYNTAX, {NULL, 0}, 0},
    {SPAN_INIT(" FROM:<a@b.test>SIZE=1"), RECEIVE_PATH_SYNTAX, {NULL, 0}, 0},
    {SPAN_INIT(" FROM:<a>"), RECEIVE_PATH_ADDRESS, {NULL, 0}, 0},
    {SPAN_INIT(" FROM:<@x.test:>"), RECEIVE_PATH_GOOD, SPAN_INIT(""), 0},
    {SPAN_INIT(" FROM:<a b@c.test>"), RECEIVE_PATH_ADDRESS, {NULL, 0}, 0},
    {SPAN_INIT(" FROM:<a@b.test> SIZE="), RECEIVE_PATH_VALUE, {NULL, 0}, 0},
    {SPAN_INIT(" FROM:<a@b.test> SIZE=-1"), RECEIVE_PATH_VALUE, {NULL, 0}, 0},
    {SPAN_INIT(" FROM:<a@b.test> SIZE=9223372036854775808"), RECEIVE_PATH_VALUE, {NULL, 0}, 0},
    {SPAN_INIT(" FROM:<a@b.test> BODY=BINARYMIME"), RECEIVE_PATH_VALUE, {NULL, 0}, 0},
    {SPAN_INIT(" FROM:<a@b.test> AUTH=<>"), RECEIVE_PATH_PARAMETER, {NULL, 0}, 0},
    {SPAN_INIT(" FROM:<a@b.test> S S S S S S S S S S S S S S S S S"),
     RECEIVE_PATH_PARAMETER,
     {NULL, 0},
     0},
    {SPAN_INIT(" FROM:<" LONG "@b.test>"), RECEIVE_PATH_ADDRESS, {NULL, 0}, 0},
};

static const struct path_case recipients[] = {
    {SPAN_INIT(" TO:<a@b.test>"), RECEIVE_PATH_GOOD, SPAN_INIT("a@b.test"), 0},
    {SPAN_INIT(" TO:<Postmaster>"), RECEIVE_PATH_GOOD, SPAN_INIT("Postmaster"), 0},
    {SPAN_INIT(" TO:<>"), RECEIVE_PATH_ADDRESS, {NULL, 0}, 0},
    {SPAN_INIT(" TO:<a@b.test> SIZE=1"), RECEIVE_PATH_PARAMETER, {NULL, 0}, 0},
    {SPAN_INIT(" TO:<" LONG "=example.com@b.test>"), RECEIVE_PATH_GOOD,
     SPAN_INIT(LONG "=example.com@b.test"), 0},
    {SPAN_INIT(" TO:<" LONG " x@b.test>"), RECEIVE_PATH_ADDRESS, {NULL, 0}, 0},
    {SPAN_INIT(" TO:<" LONG "(x)@b.test>"), RECEIVE_PATH_ADDRESS, {NULL, 0}, 0},
    {SPAN_INIT(" TO:<" LONG "@b_.-test>"), RECEIVE_PATH_ADDRESS, {NULL, 0}, 0},
    {SPAN_INIT(" TO:<" LONG LONG LONG LONG "@b.test>"), RECEIVE_PATH_ADDRESS, {NULL, 0}, 0},
    {SPAN_INIT(" TO:<\xff@b.test>"), RECEIVE_PATH_ADDRESS, {NULL, 0}, 0},
};

static void check(const struct path_case *cases, size_t count,
                  enum receive_path_fault (*read)(struct span, struct receive_path *))
{
    for (size_t i = 0; i < count; i++) {
        struct receive_path path = {.mailbox = {NULL, 0}};

        assert_int_equal(read(cases[i].rest, &path), cases[i].fault);
        assert_true(span_equal(path.mailbox, cases[i].mailbox));
        assert_true(path.size == cases[i].size);
    }
}

static void test_senders(void **state)
{
    (void)state;
    check(senders, ARRAY_LEN(senders), receive_path_from);
}

static void test_recipients(void **state)
{
    (void)state;
    check(recipients, ARRAY_LEN(recipients), receive_path_to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_senders),
                                       cmocka_unit_test(test_recipients)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
