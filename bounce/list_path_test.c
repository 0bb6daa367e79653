#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/prng.h"
#include "base/text.h"
#include "bounce/list_path.h"

#define MAILMAN "{list}-bounces+{local}={domain}@lists.example.org"
#define EZMLM "{list}-return-{token}-{local}={domain}@lists.example.org"
#define SYMPA "bounce+{local}==a=={domain}=={list}@lists.example.org"
#define TOKEN "bounces-{token}@mail.example.org"

static void compile(const char *pattern, struct list_path *path)
{
    const char *problem = "";
    uint32_t column = 0;

    if (list_path_compile(span_cstr(pattern), path, &column, &problem) < 0)
        fail_msg("%s: column %u: %s", pattern, column, problem);
}

static void test_forms(void **state)
{
    static const struct {
        const char *pattern, *address, *list, *who; /* list NULL: no match */
    } rows[] = {
        {MAILMAN, "team-bounces+ann=example.com@lists.example.org", "team", "ann@example.com"},
        {MAILMAN, "TEAM-Bounces+Ann=EXAMPLE.com@LISTS.example.org", "team", "ann@example.com"},
        /* Of several '=' the last one splits; the list's name ends at the first "-bounces+". */
        {MAILMAN, "team-bounces+a=b=c=example.com@lists.example.org", "team", "a=b=c@example.com"},
        {MAILMAN, "t-bounces+x-bounces+y=example.com@lists.example.org", "t",
         "x-bounces+y@example.com"},
        {MAILMAN, "my.team_2-x-bounces+a+b=example.com@lists.example.org", "my.team_2-x",
         "a+b@example.com"},
        {MAILMAN, "team-bounces+ann=xn--bcher-kva.example@lists.example.org", "team",
         "ann@xn--bcher-kva.example"},
        {MAILMAN, "team-bounces+ann=3dprint.example@lists.example.org", "team",
         "ann@3dprint.example"},
        /* Mangled on the way. */
        {MAILMAN, "team-bounces%2Bann%3Dexample.com@lists.example.org", "team", "ann@example.com"},
        {MAILMAN, "team-bounces=2bann=example.com@lists.example.org", "team", "ann@example.com"},
        {MAILMAN, "prvs=1234abcdef=team-bounces+ann=example.com@lists.example.org", "team",
         "ann@example.com"},
        {EZMLM, "news-return-117-ann=example.com@lists.example.org", "news", "ann@example.com"},
        {EZMLM, "news-return-117-a-b=example.com@lists.example.org", "news", "a-b@example.com"},
        {SYMPA, "bounce+ann==a==example.com==team@lists.example.org", "team", "ann@example.com"},
        {SYMPA, "bounce+ann==a==b==a==example.com==team@lists.example.org", "team",
         "ann==a==b@example.com"},
        {TOKEN, "bounces-7f3a9c@mail.example.org", "", ""},
        {"owner-{list}@lists.example.org", "Owner-Team@lists.example.org", "team", ""},
        {"bounces@mail.example.org", "bounces@mail.example.org", "", ""},
        {"b-{list}-x@l.example", "b-a-x-x@l.example", "a-x",
         ""}, /* text at the end is at the end */
        /* No match. */
        {MAILMAN, "team-bounces+ann=example.com@lists.example.net", NULL, NULL},
        {MAILMAN, "team-bounces+ann=example.com@xlists.example.org", NULL, NULL},
        {MAILMAN, "team-bounces+ann@lists.example.org", NULL, NULL},
        {MAILMAN, "team-bounces+=example.com@lists.example.org", NULL, NULL},
        {MAILMAN, "team-bounces+ann=@lists.example.org", NULL, NULL},
        {MAILMAN, "-bounces+ann=example.com@lists.example.org", NULL, NULL},
        {MAILMAN, "te/am-bounces+ann=example.com@lists.example.org", NULL, NULL},
        {MAILMAN, "team-bounces+ann=exa_mple..com@lists.example.org", NULL, NULL},
        {MAILMAN, "team-bounces+ann=[192.0.2.1]@lists.example.org", NULL, NULL},
        {MAILMAN, "team-bounces+a\nb=example.com@lists.example.org", NULL, NULL},
        {MAILMAN, "team-bounces+a@b=example.com@lists.example.org", NULL, NULL},
        {MAILMAN, "@lists.example.org", NULL, NULL},
        {MAILMAN, "lists.example.org", NULL, NULL},
        {MAILMAN, "", NULL, NULL},
        {EZMLM, "news-return-11/7-ann=example.com@lists.example.org", NULL, NULL},
        {SYMPA, "bounce+ann==a==example.com@lists.example.org", NULL, NULL},
        {TOKEN, "bounces-@mail.example.org", NULL, NULL},
        {TOKEN, "bounces-a+b@mail.example.org", NULL, NULL},
        {"bounces@mail.example.org", "bounces2@mail.example.org", NULL, NULL},
        {"bounces@mail.example.org", "xbounces@mail.example.org", NULL, NULL},
        {MAILMAN, "prvs=toolongtobeatagofbatv=team-bounces+ann@lists.example.org", NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct list_path path;
        struct list_path_match match;
        bool good;

        compile(rows[i].pattern, &path);
        good = list_path_matches(&path, span_cstr(rows[i].address), &match);
        if (good != (rows[i].list != NULL))
            fail_msg("%s: %s: %s", rows[i].pattern, rows[i].address,
                     good ? "matches" : "does not match");
        if (good && (!span_equal(match.list, span_cstr(rows[i].list)) ||
                     !span_equal(match.address, span_cstr(rows[i].who))))
            fail_msg("%s: %s: list %.*s of %.*s", rows[i].pattern, rows[i].address,
                     (int)match.list.size, (const char *)match.list.data, (int)match.address.size,
                     (const char *)match.address.data);
    }
}

static void test_long_addresses(void **state)
{
    struct list_path path;
    struct list_path_match match;
    char buffer[600];
    struct text text;

    (void)state;
    compile(MAILMAN, &path);
    text_init(&text, buffer, sizeof(buffer));
    text_add_cstr(&text, "announcements-of-the-society-bounces+");
    text_add_fill(&text, 'a', 64);
    text_add_cstr(&text, "=a-long-name-of-a-subsidiary.example.com@lists.example.org");
    assert_true(list_path_matches(&path, text_span(&text), &match)); /* beyond the 64 octets */
    text_reset(&text);
    text_add_cstr(&text, "team-bounces+");
    text_add_fill(&text, 'a', 65); /* nobody has such a local part */
    text_add_cstr(&text, "=example.com@lists.example.org");
    assert_false(list_path_matches(&path, text_span(&text), &match));
    text_reset(&text);
    text_add_fill(&text, 'l', LIST_PATH_LIST_MAX + 1);
    text_add_cstr(&text, "-bounces+a=example.com@lists.example.org");
    assert_false(list_path_matches(&path, text_span(&text), &match));
    text_reset(&text);
    text_add_fill(&text, '=', LIST_PATH_ADDRESS_MAX);
    text_add_cstr(&text, "@lists.example.org");
    assert_false(list_path_matches(&path, text_span(&text), &match));
}

static void test_bad_patterns(void **state)
{
    static const struct {
        const char *pattern;
        uint32_t column;
        const char *word;
    } rows[] = {
        {"", 1, "no @"},
        {"bounces", 8, "no @"},
        {"{list}@example.org", 1, "needs some text"},
        {"{list}-bounces+{local}@example.org", 1, "both {local} and {domain}"},
        {"bounces+{domain}@example.org", 1, "both {local} and {domain}"},
        {"{list}-b+{lokal}={domain}@example.org", 11, "knows the names"},
        {"{list}-b+{local={domain}@example.org", 11, "knows the names"},
        {"b+{list@example.org", 3, "not closed"},
        {"b+{}@example.org", 4, "knows the names"},
        {"b+{list}-{list}@example.org", 10, "twice"},
        {"b+{list}{token}@example.org", 9, "text between"},
        {"b+{list@}@example.org", 4, "knows the names"},
        {"b c@example.org", 2, "no return path has"},
        {"b}c@example.org", 2, "no return path has"},
        {"b\tc@example.org", 2, "no return path has"},
        {"bounces@{list}.example.org", 9, "behind the @"},
        {"bounces@", 9, "no domain"},
        {"bounces@exa mple", 9, "no domain"},
        {"bounces@[192.0.2.1]", 9, "no domain"},
        {"bounces@a@b", 9, "no domain"},
        {"{token}-{token}-{token}-{token}-{token}-{token}-{token}@example.org", 49, "too many"},
    };
    char buffer[300];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct list_path path;
        const char *problem = "";
        uint32_t column = 0;

        if (list_path_compile(span_cstr(rows[i].pattern), &path, &column, &problem) != -EINVAL)
            fail_msg("%s is good", rows[i].pattern);
        if (column != rows[i].column || strstr(problem, rows[i].word) == NULL)
            fail_msg("%s: column %u: %s", rows[i].pattern, column, problem);
    }
    memset(buffer, 'a', sizeof(buffer));
    memcpy(buffer + 250, "@example.org", 12);
    {
        struct list_path path;
        const char *problem = "";
        uint32_t column = 0;

        assert_int_equal(list_path_compile(span_make(buffer, 262), &path, &column, &problem),
                         -EINVAL);
        assert_int_equal(column, LIST_PATH_TEXT_MAX + 1);
    }
}

/* What is written in a form is read from it, whatever stands in the local part. */
static void test_written_is_read(void **state)
{
    static const char letters[] = "abcxyz0129=+-._=+";
    struct list_path path;
    struct prng prng;

    (void)state;
    prng_seed(&prng, 7);
    compile(MAILMAN, &path);
    for (int round = 0; round < 20000; round++) {
        struct list_path_match match;
        char buffer[200], wanted[200];
        struct text text, who;
        size_t size = 1 + prng_below(&prng, 12);

        text_init(&text, buffer, sizeof(buffer));
        text_init(&who, wanted, sizeof(wanted));
        for (size_t i = 0; i < size; i++) {
            /* No dots at the ends or side by side, no list's end. */
            bool edge = i == 0 || i + 1 == size || who.data[who.size - 1] == '.';
            uint8_t byte = (uint8_t)letters[prng_below(&prng, sizeof(letters) - 1)];

            text_add_byte(&who, byte == '.' && edge ? 'q' : byte);
        }
        text_add_cstr(&text, "team-bounces+");
        text_add(&text, text_span(&who));
        text_add_cstr(&text, "=example.com@lists.example.org");
        text_add_cstr(&who, "@example.com");
        if (!list_path_matches(&path, text_span(&text), &match) ||
            !span_equal(match.address, text_span(&who)) || !span_equal(match.list, SPAN("team")))
            fail_msg("%.*s", (int)text.size, buffer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_long_addresses),
        cmocka_unit_test(test_bad_patterns),
        cmocka_unit_test(test_written_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
