#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/content_hash.h"

static uint8_t wire[256 * 1024];

/* The message as it goes out, with the dots taken off again. */
static struct span render(struct content_merge *merge)
{
    struct text whole;
    bool done = false;

    text_init(&whole, wire, sizeof(wire));
    while (!done) {
        uint8_t piece[5000];
        struct text out;

        text_init(&out, piece, sizeof(piece));
        done = content_step(merge, &out);
        text_add(&whole, text_span(&out));
    }
    assert_false(whole.overflow);
    assert_true(whole.size >= 3 && memcmp(wire + whole.size - 3, ".\r\n", 3) == 0);
    whole.size -= 3;
    for (size_t at = 0; at < whole.size;) {
        size_t end = span_find(span_skip(text_span(&whole), at), SPAN("\r\n"));

        assert_true(end != SPAN_NOT_FOUND);
        if (wire[at] == '.') {
            memmove(wire + at, wire + at + 1, whole.size - at - 1);
            whole.size--;
            end--;
        }
        at += end + 2;
    }
    return text_span(&whole);
}

/* Header and hash beforehand are those of what goes out. */
static void check_content(enum campaign_content kind, const char *source, uint32_t fields)
{
    struct campaign campaign = {
        .descriptor = {.id = 0x77,
                       .sender = SPAN("a@s.example"),
                       .kind = kind,
                       .created_s = 1795262400},
        .content = span_cstr(source),
    };
    struct queue_recipient recipient = {.address = SPAN("to@r.example"), .identity = {0x77, 3}};
    static struct content_merge merge;
    uint8_t scratch_bytes[65536], chunk[CONTENT_HASH_CHUNK_MIN + 5];
    uint8_t before[CANON_HASH_SIZE], after[CANON_HASH_SIZE];
    struct text scratch, error;
    struct span header, sent, values[2] = {SPAN("Ann"), SPAN(".\r\n.x \t y ")};
    struct content_set *set;
    uint8_t stored[256];
    uint64_t size;

    text_init(&error, stored, sizeof(stored));
    assert_int_equal(content_set_open(&set, 1), 0);
    assert_int_equal(content_add(set, 0, &campaign, &error), 0);
    text_init(&scratch, stored, sizeof(stored));
    for (uint32_t i = 0; i < fields; i++) { /* as they lie in a segment */
        uint32_t value_size = (uint32_t)values[i].size;

        text_add(&scratch, span_make(&value_size, sizeof(value_size)));
        text_add(&scratch, values[i]);
    }
    recipient.values = text_span(&scratch);
    assert_int_equal(content_begin(&merge, content_of(set, 0), &recipient, &size), 0);
    text_init(&scratch, scratch_bytes, sizeof(scratch_bytes));
    assert_int_equal(content_hash_header(&merge, &scratch, &header), 0);
    content_hash_body(&merge, (struct span_mut){chunk, sizeof(chunk)}, before);
    sent = render(&merge);
    assert_int_equal(sent.size, size);
    assert_true(span_starts(sent, header));
    assert_int_equal(span_find(sent, SPAN("\r\n\r\n")), header.size - 4);
    canon_body_hash(CANON_RELAXED, span_skip(sent, header.size), after);
    assert_memory_equal(before, after, sizeof(after));
    content_set_close(set);
}

#define HEAD "From: a@s.example\nSubject: s\n"

static void test_templates(void **state)
{
    static char longer[20000];
    size_t at = 0;

    (void)state;
    check_content(CAMPAIGN_TEMPLATE, HEAD "\nthe same for all\n.\n..x\n \t \n\n\n", 0);
    check_content(CAMPAIGN_TEMPLATE, HEAD "\n", 0);
    check_content(CAMPAIGN_TEMPLATE, HEAD, 0);
    check_content(CAMPAIGN_TEMPLATE, HEAD "\nfixed\n\n\n{{name}} and {{more}}", 2);
    check_content(CAMPAIGN_TEMPLATE, HEAD "\n{{name}}\n.{{more}}\n\n\n", 2);
    check_content(CAMPAIGN_TEMPLATE, "From: {{name}} <a@s.example>\nSubject: {{name}}\n\nfixed\n",
                  1);
    check_content(CAMPAIGN_TEMPLATE,
                  "From: {{name}} <a@s.example>\nContent-Type: multipart/mixed; boundary=b\n\n"
                  "--b\n\nfixed\n--b\nContent-Type: text/html\n\n<p>{{more}}</p>\n--b--\n",
                  2);
    memcpy(longer, HEAD "\n", sizeof(HEAD));
    at = sizeof(HEAD);
    for (; at + 40 < sizeof(longer); at++)
        longer[at] = at % 70 == 0 ? '\n' : at % 9 == 0 ? ' ' : 'x';
    check_content(CAMPAIGN_TEMPLATE, longer, 0);
    memcpy(longer + 9000, "{{name}}", 8);
    memcpy(longer + 12000, "{{more}}", 8);
    check_content(CAMPAIGN_TEMPLATE, longer, 2);
}

static void test_messages(void **state)
{
    static char longer[9000];

    (void)state;
    check_content(CAMPAIGN_MESSAGE, HEAD "\nbody\r\n.\r..x\n\xc3\xa4 \n\n", 0);
    check_content(CAMPAIGN_MESSAGE, HEAD "\nno line end ", 0);
    check_content(CAMPAIGN_MESSAGE, HEAD, 0);
    check_content(CAMPAIGN_MESSAGE, "Received: x\r\n" HEAD "\r\n\r\n\r\n", 0);
    check_content(CAMPAIGN_MESSAGE, "no header\n", 0);
    memset(longer, 'x', sizeof(longer) - 1);
    memcpy(longer, HEAD "\n", sizeof(HEAD));
    check_content(CAMPAIGN_MESSAGE, longer, 0); /* its lines are broken */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_templates),
        cmocka_unit_test(test_messages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
