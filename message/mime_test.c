#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the above first */
#include <setjmp.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "message/mime.h"

static struct mime mime;

/* "0 multipart/mixed[preamble]|1 text/plain[body]" */
static void describe(char *out, size_t size)
{
    size_t used = 0;

    out[0] = '\0';
    for (uint32_t i = 0; i < mime.parts_count && used < size; i++) {
        const struct mime_part *part = &mime.parts[i];

        used += (size_t)snprintf(out + used, size - used, "%s%u %.*s/%.*s[%.*s]", i > 0 ? "|" : "",
                                 part->depth, (int)part->type.size, (const char *)part->type.data,
                                 (int)part->subtype.size, (const char *)part->subtype.data,
                                 (int)part->body.size, (const char *)part->body.data);
    }
}

#define MIXED "Content-Type: multipart/mixed; boundary=b\n\n"

static void test_structure(void **state)
{
    static const struct {
        const char *label, *message, *expected;
        bool nested;
    } cases[] = {
        {"empty", "", "0 text/plain[]", false},
        {"no header", "Hello\n", "0 text/plain[Hello\n]", false},
        {"plain", "To: x\n\nHello\n", "0 text/plain[Hello\n]", false},
        {"two parts", MIXED "pre\n--b\n\none\n--b\nContent-Type: text/html\n\ntwo\n--b--\nepilogue",
         "0 multipart/mixed[pre]|1 text/plain[one]|1 text/html[two]", false},
        {"CRLF", "Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\n--b\r\n\r\none\r\n--b--\r\n",
         "0 multipart/mixed[]|1 text/plain[one]", false},
        {"no end", MIXED "--b\n\none\n", "0 multipart/mixed[]|1 text/plain[one\n]", false},
        {"cut in a part's header", MIXED "--b\nContent-Type: te",
         "0 multipart/mixed[]|1 text/plain[]", false},
        {"header without a blank line", MIXED "--b\nContent-Type: text/html\n--b\n\nx\n--b--",
         "0 multipart/mixed[]|1 text/html[]|1 text/plain[x]", false},
        {"no boundary found", MIXED "--c\n\none\n", "0 multipart/mixed[--c\n\none\n]", false},
        {"a boundary that begins like ours", MIXED "--b\n\n--bb\n--b-\nx\n--b--",
         "0 multipart/mixed[]|1 text/plain[--bb\n--b-\nx]", false},
        {"two octets more", MIXED "--b\n\n--bcd\nx\n--b--",
         "0 multipart/mixed[]|1 text/plain[--bcd\nx]", false},
        {"blanks behind a boundary", MIXED "--b \t\n\none\n--b--  \n",
         "0 multipart/mixed[]|1 text/plain[one]", false},
        {"an empty part", MIXED "--b\n\n--b--", "0 multipart/mixed[]|1 text/plain[]", false},
        {"inner and outer",
         MIXED "--b\nContent-Type: multipart/alternative; boundary=c\n\n--c\n\none\n--c--\nmid\n"
               "--b\n\ntwo\n--b--",
         "0 multipart/mixed[]|1 multipart/alternative[]|2 text/plain[one]|1 text/plain[two]",
         false},
        {"the outer ends the inner",
         MIXED "--b\nContent-Type: multipart/alternative; boundary=c\n\n--c\n\none\n--b\n\ntwo",
         "0 multipart/mixed[]|1 multipart/alternative[]|2 text/plain[one]|1 text/plain[two]",
         false},
        {"same boundary inside",
         MIXED "--b\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--\n--b\n\ntwo",
         "0 multipart/mixed[]|1 multipart/mixed[]|2 text/plain[one]|1 text/plain[two]", false},
        {"nothing behind the end", MIXED "--b\n\none\n--b--\n--b\n\ntwo\n",
         "0 multipart/mixed[]|1 text/plain[one]", false},
        {"a message, unread", MIXED "--b\nContent-Type: message/rfc822\n\nTo: x\n\nhi\n--b--",
         "0 multipart/mixed[]|1 message/rfc822[To: x\n\nhi]", false},
        {"a message, read", MIXED "--b\nContent-Type: message/rfc822\n\nTo: x\n\nhi\n--b--",
         "0 multipart/mixed[]|1 message/rfc822[To: x\n\nhi]|2 text/plain[hi]", true},
        {"a multipart in a message",
         MIXED "--b\nContent-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=c\n\n"
               "--c\n\none\n--c--\n--b\n\ntwo",
         "0 multipart/mixed[]|1 message/rfc822[Content-Type: multipart/mixed; boundary=c\n\n"
         "--c\n\none\n--c--]|2 multipart/mixed[]|3 text/plain[one]|1 text/plain[two]",
         true},
        {"digest", "Content-Type: multipart/digest; boundary=b\n\n--b\n\nTo: x\n\nhi\n--b--",
         "0 multipart/digest[]|1 message/rfc822[To: x\n\nhi]|2 text/plain[hi]", true},
        {"no type", "Content-Type:\n\nhi", "0 text/plain[hi]", false},
        {"half a type", "Content-Type: image\n\nhi", "0 text/plain[hi]", false},
        {"type with a comment", "Content-Type: text/html (x); charset=a\n\nhi", "0 text/html[hi]",
         false},
        {"multipart without boundary", "Content-Type: multipart/mixed\n\n--b\n\nhi",
         "0 multipart/mixed[--b\n\nhi]", false},
        {"escaped boundary", "Content-Type: multipart/mixed; boundary=\"a\\\"b\"\n\n--a\"b\n\nhi",
         "0 multipart/mixed[]|1 text/plain[hi]", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char found[1024];

        mime_read(&mime, span_cstr(cases[i].message), cases[i].nested);
        describe(found, sizeof(found));
        if (strcmp(found, cases[i].expected) != 0)
            fail_msg("%s: %s", cases[i].label, found);
        assert_false(mime.cut);
    }
}

static void test_fields(void **state)
{
    (void)state;
    mime_read(&mime,
              SPAN("Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\n"
                   "Content-type: Text/HTML; charset=\"ISO-8859-1\"\n"
                   "content-transfer-encoding: Quoted-Printable\nX-A: b \n\nx\n--b\n"
                   "Content-Transfer-Encoding: base64\n\neA=="),
              false);
    assert_int_equal(mime.parts_count, 3);
    assert_true(header_list_has(&mime.header, SPAN("Subject")));
    assert_true(mime_is(&mime.parts[1], "text", "html"));
    assert_true(mime_is(&mime.parts[1], "text", "*"));
    assert_false(mime_is(&mime.parts[1], "text", "plain"));
    assert_int_equal(mime.parts[1].charset, CHARSET_WINDOWS_1252);
    assert_int_equal(mime.parts[1].encoding, MIME_QUOTED);
    assert_int_equal(mime.parts[1].parent, 0);
    assert_true(span_equal(mime_field(&mime.parts[1], SPAN("x-a")), SPAN("b")));
    assert_int_equal(mime_field(&mime.parts[1], SPAN("x-b")).size, 0);
    assert_int_equal(mime.parts[2].encoding, MIME_BASE64);
    assert_int_equal(mime.parts[2].charset, CHARSET_ASCII);
}

/* A message of `size` octets made of `head` and repeated `unit`s. */
static struct span bomb(const char *head, const char *unit, size_t size)
{
    char *message = malloc(size);
    size_t used = min_size(strlen(head), size);

    assert_non_null(message);
    memcpy(message, head, used);
    while (used < size) {
        size_t piece = min_size(strlen(unit), size - used);

        memcpy(message + used, unit, piece);
        used += piece;
    }
    return span_make(message, size);
}

/* Seconds of this thread. */
static double used_s(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* There in a build with AddressSanitizer, which is many times slower. */
extern void __asan_init(void) __attribute__((weak));

static void assert_cheap(struct span message)
{
    double best = 1e9;

    for (int i = 0; i < 3 && best > 0.05; i++) { /* neighbours may have the caches */
        double started = used_s();

        mime_read(&mime, message, true);
        best = used_s() - started < best ? used_s() - started : best;
    }
    if (best > (__asan_init != NULL ? 1 : 0.05))
        fail_msg("%.1f ms", best * 1e3);
    assert_true(mime.cut);
    for (uint32_t i = 0; i < mime.parts_count; i++)
        assert_true(mime.parts[i].depth < MIME_DEPTH_MAX);
    free((void *)(uintptr_t)message.data);
}

static void test_bombs(void **state)
{
    (void)state;
    /* A million parts. */
    assert_cheap(bomb("Content-Type: multipart/mixed; boundary=b\n\n", "--b\n\n", 8 * MIB));
    /* Parts in parts, each with a boundary of its own or the same. */
    assert_cheap(bomb("Content-Type: multipart/mixed; boundary=b\n\n",
                      "--b\nContent-Type: multipart/mixed; boundary=b\n\n", 8 * MIB));
    assert_cheap(
        bomb("Content-Type: message/rfc822\n\n", "Content-Type: message/rfc822\n\n", 8 * MIB));
    /* Lines that could be a boundary. */
    assert_cheap(bomb("Content-Type: multipart/mixed; boundary=b\n\n--b\n\n", "--\n", 8 * MIB));
    /* A header of 8 MiB, in one field and in many. */
    assert_cheap(bomb("Content-Type: multipart/mixed; boundary=b\n\n--b\nX: y\nX-Long: ", "long\n ",
                      8 * MIB));
    assert_cheap(bomb("Content-Type: multipart/mixed; boundary=b\n\n--b\n",
                      "Content-Type: a/b; c=d\n", 8 * MIB));
    /* A boundary that is too long. */
    assert_cheap(bomb("Content-Type: multipart/mixed; boundary=", "bbbbbbbb", 1 * MIB));
}

static void test_deep(void **state)
{
    char *message = malloc(1 * MIB);
    size_t used = 0;

    (void)state;
    assert_non_null(message);
    for (int i = 0; i < 10000 && used < 1 * MIB - 200; i++)
        used += (size_t)snprintf(message + used, 1 * MIB - used,
                                 "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i);
    assert_cheap(span_make(message, used));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_structure),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_bombs),
        cmocka_unit_test(test_deep),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
