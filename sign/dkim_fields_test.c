#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "sign/dkim_fields.h"

#define OVER_SIGNED_REST                                                                           \
    "Subject:Date:Message-ID:Reply-To:Cc:MIME-Version:Content-Type:Content-Transfer-Encoding:"     \
    "List-Unsubscribe:List-Unsubscribe-Post:Feedback-ID"

static struct dkim_fields fields;

static void assert_names(const char *expected)
{
    char buffer[4000];
    struct text names;

    text_init(&names, buffer, sizeof(buffer));
    dkim_fields_names(&fields, &names);
    assert_false(names.overflow);
    assert_string_equal(text_cstr_end(&names), expected);
}

static void read_header(const char *header)
{
    dkim_fields_init(&fields);
    assert_int_equal(dkim_fields_add(&fields, span_cstr(header)), 0);
}

static void test_names(void **state)
{
    static const struct {
        const char *label, *header, *names;
    } cases[] = {
        {"absent ones are named", "", "From:To:" OVER_SIGNED_REST},
        {"present ones twice", "From: a\r\nTO: b\r\n", "From:From:To:To:" OVER_SIGNED_REST},
        {"repeated ones once more", "From: a\r\nFrom: b\r\n",
         "From:From:From:To:" OVER_SIGNED_REST},
        {"trace and unknown fields never",
         "Received: a\r\nReturn-Path: b\r\nBcc: c\r\nDKIM-Signature: d\r\nX-Mailer: e\r\n",
         "From:To:" OVER_SIGNED_REST},
        {"signed as they are",
         "Sender: a\r\nReferences: b\r\nIn-Reply-To: c\r\nCFBL-Address: d\r\n"
         "CFBL-Feedback-ID: e\r\n",
         "From:To:" OVER_SIGNED_REST
         ":Sender:In-Reply-To:References:CFBL-Address:CFBL-Feedback-ID"},
        {"families",
         "List-Id: a\r\nContent-ID: b\r\nContent-x: c\r\nList-Help: d\r\ncontent-id: e\r\n",
         "From:To:" OVER_SIGNED_REST
         ":content-id:Content-x:Content-ID:content-id:Content-x:List-Help:List-Id"},
        {"a name that h= cannot hold", "Content-;b: c\r\nContent-=: c\r\nList-\x7f: d\r\n",
         "From:To:" OVER_SIGNED_REST},
        {"the body does not count", "From: a\r\n\r\nTo: b\r\n", "From:From:To:" OVER_SIGNED_REST},
        {"LF, blanks before the colon", "From : a\n b\nTo: c\n\nCc: d\n",
         "From:From:To:To:" OVER_SIGNED_REST},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("%s\n", cases[i].label);
        if (strchr(cases[i].header, 0x7f) != NULL) { /* no field for header_next either */
            dkim_fields_init(&fields);
            assert_int_equal(dkim_fields_add(&fields, span_cstr(cases[i].header)), -EBADMSG);
            assert_names(cases[i].names);
            continue;
        }
        read_header(cases[i].header);
        assert_names(cases[i].names);
    }
}

/* RFC 6376 5.4.2: from the bottom up; an absent one is nothing. */
static void test_hash_order(void **state)
{
    static const char header[] = "Content-A: 1\r\nTo: top\r\nX: no\r\nFrom: f\r\nTo:  bottom\r\n"
                                 "content-a: 2\r\n";
    static const char relaxed[] = "from:f\r\nto:bottom\r\nto:top\r\ncontent-a:2\r\ncontent-a:1\r\n";
    static const char simple[] =
        "From: f\r\nTo:  bottom\r\nTo: top\r\ncontent-a: 2\r\nContent-A: 1\r\n";
    uint8_t hash[32], expected[32];

    (void)state;
    read_header(header);
    for (int round = 0; round < 2; round++) { /* the second time from memory */
        SHA256_CTX copy = *dkim_fields_hash(&fields, CANON_RELAXED);
        SHA256_Final(hash, &copy);
        SHA256((const uint8_t *)relaxed, sizeof(relaxed) - 1, expected);
        assert_memory_equal(hash, expected, 32);
        copy = *dkim_fields_hash(&fields, CANON_SIMPLE);
        SHA256_Final(hash, &copy);
        SHA256((const uint8_t *)simple, sizeof(simple) - 1, expected);
        assert_memory_equal(hash, expected, 32);
    }
}

static void test_added_in_two_goes(void **state)
{
    uint8_t hashes[2][32];

    (void)state;
    read_header("Feedback-ID: x\r\nFrom: a\r\nTo: b\r\n");
    SHA256_CTX copy = *dkim_fields_hash(&fields, CANON_RELAXED);
    SHA256_Final(hashes[0], &copy);
    read_header("Feedback-ID: x\r\n");
    (void)dkim_fields_hash(&fields, CANON_RELAXED); /* must not be kept */
    assert_int_equal(dkim_fields_add(&fields, SPAN("From: a\r\nTo: b\r\n\r\nTo: body")), 0);
    copy = *dkim_fields_hash(&fields, CANON_RELAXED);
    SHA256_Final(hashes[1], &copy);
    assert_memory_equal(hashes[0], hashes[1], 32);
    assert_int_equal(fields.count, 3);
}

static void test_limits(void **state)
{
    char header[DKIM_FIELDS_MAX * 8 + 40];
    struct text text;

    (void)state;
    text_init(&text, header, sizeof(header));
    for (int i = 0; i < DKIM_FIELDS_MAX; i++)
        text_add_cstr(&text, "To: b\r\n");
    dkim_fields_init(&fields);
    assert_int_equal(dkim_fields_add(&fields, text_span(&text)), 0);
    text_add_cstr(&text, "X-Other: c\r\n");
    dkim_fields_init(&fields);
    assert_int_equal(dkim_fields_add(&fields, text_span(&text)), 0);
    assert_int_equal(dkim_fields_add(&fields, SPAN("Cc: c\r\n")), -E2BIG);
    dkim_fields_init(&fields);
    assert_int_equal(dkim_fields_add(&fields, SPAN("From: a\r\nno field\r\nTo: b\r\n")), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_hash_order),
        cmocka_unit_test(test_added_in_two_goes),
        cmocka_unit_test(test_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
