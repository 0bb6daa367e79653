#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/content.h"

static uint8_t wire[65536];
static char problem[512];

static struct campaign sample(enum campaign_content kind, const char *content)
{
    return (struct campaign){
        .descriptor = {.id = 0x77,
                       .name = SPAN("c"),
                       .sender = SPAN("a@s.example"),
                       .kind = kind,
                       .created_s = 1795262400},
        .content = span_cstr(content),
    };
}

/* The whole message through buffers of `room` octets; the announced size in *ret_size. */
static struct text render(const struct content *content, const struct queue_recipient *recipient,
                          size_t room, uint64_t *ret_size)
{
    static struct content_merge merge;
    struct text whole;
    bool done = false;

    text_init(&whole, wire, sizeof(wire));
    assert_int_equal(content_begin(&merge, content, recipient, ret_size), 0);
    while (!done) {
        uint8_t piece[8192];
        struct text out;

        text_init(&out, piece, room);
        done = content_step(&merge, &out);
        text_add(&whole, text_span(&out));
    }
    assert_false(whole.overflow);
    return whole;
}

static void test_tls_optional(void **state)
{
    static const struct {
        const char *message;
        bool optional;
    } cases[] = {
        {"Subject: s\nTLS-Required: No\n\nb", true},
        {"tls-required:no \r\nSubject: s\r\n\r\nb", true},
        {"Subject: s\n\nTLS-Required: No\n", false},
        {"TLS-Required: Yes\nSubject: s\n\nb", false},
        {"TLS-Required: No, please\nSubject: s\n\nb", false},
        {"TLS-Required: No\nTLS-Required: No\nSubject: s\n\nb", false},
        {"X-TLS-Required: No\nSubject: s\n\nb", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct campaign campaign = sample(CAMPAIGN_MESSAGE, cases[i].message);
        struct content_set *set;
        struct text error;

        text_init(&error, problem, sizeof(problem));
        assert_int_equal(content_set_open(&set, 1), 0);
        assert_int_equal(content_add(set, 0, &campaign, &error), 0);
        if (content_is_tls_optional(content_of(set, 0)) != cases[i].optional)
            fail_msg("case %zu", i);
        content_set_close(set);
    }
}

static void test_finished_message(void **state)
{
    static const char wanted[] = "Date: Sat, 21 Nov 2026 12:00:00 +0000\r\n"
                                 "Message-ID: <0000000000000077@s.example>\r\n"
                                 "From: a@s.example\r\n"
                                 "Subject: s\r\n\r\n"
                                 "..dot\r\nlast\r\n.\r\n";
    struct campaign campaign = sample(CAMPAIGN_MESSAGE, "Subject: s\nBcc: x@y\n\n.dot\nlast");
    struct queue_recipient recipient = {.campaign = &campaign, .address = SPAN("r@x.example")};
    struct content_set *set;
    struct text error;
    uint64_t size;

    (void)state;
    text_init(&error, problem, sizeof(problem));
    assert_int_equal(content_set_open(&set, 4), 0);
    assert_null(content_of(set, 2));
    assert_int_equal(content_add(set, 2, &campaign, &error), 0);
    assert_int_equal(content_add(set, 2, &campaign, &error), 0);
    assert_false(content_is_eight_bit(content_of(set, 2)));
    for (size_t room = MERGE_STEP_MAX + 1; room < 8192; room += 1111) {
        struct text out = render(content_of(set, 2), &recipient, room, &size);

        assert_true(span_equal(text_span(&out), SPAN(wanted)));
        assert_int_equal(size, sizeof(wanted) - 1 - strlen(".\r\n") - 1); /* no dots added */
    }
    content_set_close(set);
}

static void test_eight_bit(void **state)
{
    struct campaign campaign = sample(CAMPAIGN_MESSAGE, "Subject: s\n\nj\xc3\xb6\n");
    struct content_set *set;
    struct text error;

    (void)state;
    text_init(&error, problem, sizeof(problem));
    assert_int_equal(content_set_open(&set, 1), 0);
    assert_int_equal(content_add(set, 0, &campaign, &error), 0);
    assert_true(content_is_eight_bit(content_of(set, 0)));
    content_set_close(set);
}

/* By which keys that sign are looked up. */
static void test_author(void **state)
{
    static const struct {
        enum campaign_content kind;
        const char *source;
        const char *author;
    } rows[] = {
        {CAMPAIGN_MESSAGE, "From: <news@b\xc3\xbc\x63her.example>\n\n", "xn--bcher-kva.example"},
        {CAMPAIGN_MESSAGE, "Subject: s\nfrom: x\n (c@d.e) <n@B\xc3\x9c\x43her.Example>\n\n",
         "xn--bcher-kva.example"},
        {CAMPAIGN_MESSAGE, "From: a@Shop.Example\n\n", "shop.example"},
        {CAMPAIGN_MESSAGE, "From: \"{{x}}\" <a@shop.example>\n\n", "shop.example"}, /* no field */
        {CAMPAIGN_MESSAGE, "Subject: s\n\n", "x.example"}, /* the sender's is put there */
        {CAMPAIGN_MESSAGE, "From: nobody\n\n", ""},
        {CAMPAIGN_MESSAGE, "From: a@b_\xff.example\n\n", ""},
        {CAMPAIGN_TEMPLATE, "From: A <news@Shop.Example>\nSubject: s\n\n", "shop.example"},
        {CAMPAIGN_TEMPLATE, "From: {{name}} <news@shop.example>\nSubject: s\n\n", ""},
        {CAMPAIGN_TEMPLATE, "From: <news@x{{name}}.example>\nSubject: s\n\n", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct campaign campaign = sample(rows[i].kind, rows[i].source);
        struct content_set *set;
        struct text error;

        campaign.descriptor.sender = SPAN("s@x.example");
        text_init(&error, problem, sizeof(problem) - 1);
        assert_int_equal(content_set_open(&set, 1), 0);
        assert_int_equal(content_add(set, 0, &campaign, &error), 0);
        if (!span_equal(content_author(content_of(set, 0)), span_cstr(rows[i].author)))
            fail_msg("row %zu: %.*s", i, (int)content_author(content_of(set, 0)).size,
                     (const char *)content_author(content_of(set, 0)).data);
        content_set_close(set);
    }
}

static void test_bad_template(void **state)
{
    struct campaign campaign = sample(CAMPAIGN_TEMPLATE, "Subject: {{open\n\n");
    struct content_set *set;
    struct text error;

    (void)state;
    text_init(&error, problem, sizeof(problem) - 1);
    assert_int_equal(content_set_open(&set, 1), 0);
    assert_int_equal(content_add(set, 0, &campaign, &error), -EINVAL);
    assert_non_null(strstr(text_cstr_end(&error), "does not compile, line 1 column 10: "));
    assert_null(content_of(set, 0));
    assert_null(content_fault(set, 0));
    assert_int_equal(content_hold(set, 0, problem), 0);
    assert_int_equal(content_hold(set, 0, "something else"), 0);
    assert_string_equal(content_fault(set, 0), "something else");
    assert_null(content_of(set, 0));
    content_set_close(set);
    content_set_close(NULL);
}

/* 16 MiB are the most that a template may have; a campaign may store more. */
static void test_huge_template(void **state)
{
    struct campaign campaign = sample(CAMPAIGN_TEMPLATE, "");
    struct content_set *set;
    struct text error;
    char *bytes = malloc(TEMPLATE_SOURCE_MAX + 1);

    (void)state;
    assert_non_null(bytes);
    memset(bytes, 'x', TEMPLATE_SOURCE_MAX + 1);
    campaign.content = span_make(bytes, TEMPLATE_SOURCE_MAX + 1);
    text_init(&error, problem, sizeof(problem) - 1);
    assert_int_equal(content_set_open(&set, 1), 0);
    assert_int_equal(content_add(set, 0, &campaign, &error), -EINVAL);
    assert_non_null(strstr(text_cstr_end(&error), "larger than"));
    content_set_close(set);
    free(bytes);
}

static void test_values_must_fit(void **state)
{
    struct campaign campaign =
        sample(CAMPAIGN_TEMPLATE, "From: a@s.example\nSubject: {{name}}\n\nHi\n");
    struct queue_recipient recipient = {.campaign = &campaign, .address = SPAN("r@x.example")};
    static struct content_merge merge;
    struct content_set *set;
    struct text error;
    uint64_t size;

    (void)state;
    text_init(&error, problem, sizeof(problem));
    assert_int_equal(content_set_open(&set, 1), 0);
    assert_int_equal(content_add(set, 0, &campaign, &error), 0);
    assert_int_equal(content_begin(&merge, content_of(set, 0), &recipient, &size), -EINVAL);
    content_set_close(set);
}

/* What was drafted from the caller's memory goes out from the queue's, without another try. */
static void test_a_draft_finds_its_place(void **state)
{
    static const char *const sources[] = {"Subject: s\nBcc: x@y\n\n.dot\nlast",
                                          "From: a@s.example\nSubject: s\n\nHi\n"};
    static char octets[64];

    (void)state;
    for (uint32_t kind = 0; kind < ARRAY_LEN(sources); kind++) {
        struct campaign campaign =
            sample(kind == 0 ? CAMPAIGN_MESSAGE : CAMPAIGN_TEMPLATE, sources[kind]);
        struct queue_recipient recipient = {.campaign = &campaign, .address = SPAN("r@x.example")};
        struct campaign loading = campaign;
        struct span draft = span_make(octets, strlen(sources[kind]));
        char sender[] = "a@s.example", wanted[1024];
        struct content_set *set;
        struct text error, out;
        bool passes;
        uint64_t size;

        text_init(&error, problem, sizeof(problem));
        assert_int_equal(content_set_open(&set, 1), 0);
        assert_int_equal(content_add(set, 0, &campaign, &error), 0);
        out = render(content_of(set, 0), &recipient, 4096, &size);
        assert_true(out.size < sizeof(wanted));
        memcpy(wanted, out.data, out.size);
        content_drop(set, 0);
        assert_null(content_of(set, 0));
        memcpy(octets, sources[kind], draft.size);
        loading.content = (struct span){NULL, 0};
        loading.descriptor.sender = span_cstr(sender);
        assert_int_equal(content_draft(set, 0, &loading, draft, &error, &passes), 0);
        content_place(set, 0, &campaign);
        memset(octets, '#', sizeof(octets));
        memset(sender, '#', sizeof(sender));
        out = render(content_of(set, 0), &recipient, 4096, &size);
        assert_true(span_equal(text_span(&out), span_make(wanted, out.size)));
        content_drop(set, 0);
        content_drop(set, 0);
        assert_null(content_of(set, 0));
        content_set_close(set);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_author),           cmocka_unit_test(test_tls_optional),
        cmocka_unit_test(test_finished_message), cmocka_unit_test(test_eight_bit),
        cmocka_unit_test(test_bad_template),     cmocka_unit_test(test_huge_template),
        cmocka_unit_test(test_values_must_fit),  cmocka_unit_test(test_a_draft_finds_its_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
