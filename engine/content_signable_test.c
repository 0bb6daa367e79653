#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/content_signable.h"

#define SOURCE_SIZE ((size_t)400 * 1024)

static struct policy policy;
static uint8_t source_bytes[SOURCE_SIZE];
static struct text source;
static uint8_t words_bytes[256];
static struct text words;
static enum lane lane = LANE_BULK;

static int open_policy(void **state)
{
    (void)state;
    policy_init(&policy);
    policy.dkim.count = 1;
    memcpy(policy.dkim_items[0].domain, "s.example", sizeof("s.example"));
    text_init(&source, source_bytes, sizeof(source_bytes));
    return 0;
}

static int check(enum campaign_content kind)
{
    struct campaign campaign = {
        .descriptor = {.id = 7, .sender = SPAN("a@s.example"), .kind = kind, .created_s = 1},
        .content = text_span(&source),
    };
    struct content_set *set;
    int result;

    assert_false(source.overflow);
    text_init(&words, words_bytes, sizeof(words_bytes));
    assert_int_equal(content_set_open(&set, 1), 0);
    if (content_add(set, 0, &campaign, &words) < 0)
        fail_msg("%.*s", (int)words.size, (const char *)words.data);
    result = content_signable_check(content_of(set, 0), lane, &policy, &words);
    assert_false(words.overflow);
    assert_int_equal(result == 0, words.size == 0);
    assert_int_equal(content_hold(set, 0, "x"), 0); /* it goes */
    assert_null(content_of(set, 0));
    content_set_close(set);
    return result;
}

static bool says(const char *part)
{
    return span_find(text_span(&words), span_cstr(part)) != SPAN_NOT_FOUND;
}

static void write_fields(const char *from, uint32_t references)
{
    text_reset(&source);
    text_add_format(&source, "From: %s\n", from);
    for (uint32_t i = 0; i < references; i++)
        text_add_cstr(&source, "List-Info: <a@b>\n");
}

/* Date and Message-ID are added to both kinds, To to a template: 64 are just enough. */
static void test_fields(void **state)
{
    static const enum campaign_content kinds[] = {CAMPAIGN_MESSAGE, CAMPAIGN_TEMPLATE};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        uint32_t most = 0;

        while (most < 80) {
            write_fields("a@s.example", most);
            text_add_cstr(&source, "\nbody\n");
            if (check(kinds[i]) < 0)
                break;
            most++;
        }
        assert_in_range(most, 50, 62);
        assert_true(says("more than 64"));
        assert_true(says("by the key of s.example"));
        write_fields("a@other.example", most);
        text_add_cstr(&source, "\nbody\n");
        assert_int_equal(check(kinds[i]), 0); /* nobody signs it */
        policy.dkim_items[0].also_sign = true;
        assert_int_equal(check(kinds[i]), -EINVAL);
        policy.dkim_items[0].also_sign = false;
        policy.dkim.count = 0;
        write_fields("a@s.example", most);
        text_add_cstr(&source, "\nbody\n");
        assert_int_equal(check(kinds[i]), 0);
        policy.dkim.count = 1;
    }
}

/* What is added counts. */
static void test_added(void **state)
{
    uint32_t most = 50;

    (void)state;
    for (; most < 80; most++) {
        write_fields("a@s.example", most);
        text_add_cstr(&source, "\nbody\n");
        if (check(CAMPAIGN_MESSAGE) < 0)
            break;
    }
    write_fields("a@s.example", most - 1);
    text_add_cstr(&source, "\nbody\n");
    assert_int_equal(check(CAMPAIGN_MESSAGE), 0);
    memcpy(policy.cfbl_address, "f@s.example", sizeof("f@s.example"));
    assert_int_equal(check(CAMPAIGN_MESSAGE), -EINVAL);
    /* CFBL-Feedback-ID too, on every lane, where there is a key for it. */
    write_fields("a@s.example", most - 2);
    text_add_cstr(&source, "\nbody\n");
    policy.cfbl_feedback_id = true;
    lane = LANE_TRANSACTIONAL;
    assert_int_equal(check(CAMPAIGN_MESSAGE), 0);
    memcpy(policy.return_domain, "b.example", sizeof("b.example"));
    assert_int_equal(check(CAMPAIGN_MESSAGE), -EINVAL);
    policy.return_domain[0] = policy.cfbl_address[0] = '\0';
    policy.cfbl_feedback_id = false;
    lane = LANE_BULK;
}

/* Not queued yet; whose mail it is is told. */
static void test_draft(void **state)
{
    const struct campaign_descriptor draft = {
        .id = 7, .sender = SPAN("a@s.example"), .kind = CAMPAIGN_MESSAGE};
    struct text author;
    char bytes[64];

    (void)state;
    text_init(&author, bytes, sizeof(bytes));
    text_init(&words, words_bytes, sizeof(words_bytes));
    write_fields("a@News.S.example", 3);
    text_add_cstr(&source, "\nbody\n");
    assert_int_equal(content_signable_draft(&draft, text_span(&source), &policy, &words, &author),
                     0);
    assert_string_equal(text_cstr_end(&author), "news.s.example");
    write_fields("a@s.example", 70);
    text_add_cstr(&source, "\nbody\n");
    assert_int_equal(content_signable_draft(&draft, text_span(&source), &policy, &words, NULL),
                     -EINVAL);
    assert_true(says("more than 64"));
}

static void test_header(void **state)
{
    (void)state;
    write_fields("{{name}} <a@s.example>", 0);
    for (uint32_t i = 0; i < 270; i++) {
        text_add_cstr(&source, "X-Long: ");
        for (uint32_t j = 0; j < 20; j++)
            text_add_cstr(&source, "012345678901234567890123456789012345678901234567\n ");
        text_add_cstr(&source, "x\n");
    }
    text_add_cstr(&source, "\nbody\n");
    assert_int_equal(check(CAMPAIGN_TEMPLATE), -EINVAL);
    assert_true(says("larger than 256 KiB"));
}

static void test_names(void **state)
{
    (void)state;
    write_fields("a@s.example", 0);
    for (uint32_t i = 0; i < 55; i++)
        text_add_format(&source,
                        "Content-012345678901234567890123456789012345678901234567890%u: x\n", i);
    text_add_cstr(&source, "\nbody\n");
    assert_int_equal(check(CAMPAIGN_MESSAGE), -EINVAL);
    assert_true(says("names of its header fields"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_draft, open_policy),
        cmocka_unit_test_setup(test_fields, open_policy),
        cmocka_unit_test_setup(test_added, open_policy),
        cmocka_unit_test_setup(test_header, open_policy),
        cmocka_unit_test_setup(test_names, open_policy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
