#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "message/base64.h"
#include "sign/dkim_record.h"

#define RSA_1024                                                                                   \
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J1" \
    "6JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2" \
    "EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
#define ED25519 "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="

static struct dkim_record record;

static void test_verdicts(void **state)
{
    static const struct {
        const char *label, *text;
        enum dkim_record_verdict verdict;
    } cases[] = {
        {"RFC 8463 A.2", "v=DKIM1; k=ed25519; p=" ED25519, DKIM_RECORD_VALID},
        {"rsa is the default", "v=DKIM1; p=" RSA_1024, DKIM_RECORD_VALID},
        {"RFC 6376 3.6.1: v= is optional", "k=rsa; p=" RSA_1024, DKIM_RECORD_VALID},
        {"blanks anywhere", " v = DKIM1 ;\tk = rsa ; p = MI GfMA0G\r\n CSo= ; ", DKIM_RECORD_VALID},
        {"unknown tags", "v=DKIM1; x=y; n=a note, with p inside; p=" ED25519, DKIM_RECORD_VALID},
        {"empty tag value", "v=DKIM1; n=; p=" ED25519, DKIM_RECORD_VALID},
        {"no padding", "v=DKIM1; p=QUI", DKIM_RECORD_VALID},
        {"revoked", "v=DKIM1; p=", DKIM_RECORD_REVOKED},
        {"revoked, with blanks and end", "v=DKIM1; k=rsa; p= ;", DKIM_RECORD_REVOKED},
        {"nothing", "", DKIM_RECORD_FOREIGN},
        {"SPF", "v=spf1 -all", DKIM_RECORD_FOREIGN},
        {"DMARC", "v=DMARC1; p=none", DKIM_RECORD_FOREIGN},
        {"a later version", "v=DKIM2; p=" ED25519, DKIM_RECORD_FOREIGN},
        {"versions are compared octet by octet", "v=dkim1; p=" ED25519, DKIM_RECORD_FOREIGN},
        {"any text", "google-site-verification=abc", DKIM_RECORD_FOREIGN},
        {"no p=", "v=DKIM1; k=rsa", DKIM_RECORD_BROKEN},
        {"v= is not first", "p=" ED25519 "; v=DKIM1", DKIM_RECORD_BROKEN},
        {"a tag twice", "v=DKIM1; p=" ED25519 "; p=" ED25519, DKIM_RECORD_BROKEN},
        {"a version twice", "v=DKIM1; v=DKIM1; p=" ED25519, DKIM_RECORD_BROKEN},
        {"a tag without =", "v=DKIM1; p=QUI=; rsa", DKIM_RECORD_BROKEN},
        {"an empty tag", "v=DKIM1;; p=QUI=", DKIM_RECORD_BROKEN},
        {"a bad name", "v=DKIM1; 1a=b; p=QUI=", DKIM_RECORD_BROKEN},
        {"quotes that were published too", "v=DKIM1; p=\"QUI=\"", DKIM_RECORD_BROKEN},
        {"one digit too many", "v=DKIM1; p=QUJDR", DKIM_RECORD_BROKEN},
        {"padding too long", "v=DKIM1; p=QUI===", DKIM_RECORD_BROKEN},
        {"padding too short", "v=DKIM1; p=QQ=", DKIM_RECORD_BROKEN},
        {"more behind the padding", "v=DKIM1; p=QUI=QUI=", DKIM_RECORD_BROKEN},
        {"only padding", "v=DKIM1; p===", DKIM_RECORD_BROKEN},
        {"another kind", "v=DKIM1; k=ed448; p=QUI=", DKIM_RECORD_UNKNOWN_KEY},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        enum dkim_record_verdict verdict;

        memset(&record, 0x5a, sizeof(record));
        verdict = dkim_record_read(span_cstr(cases[i].text), &record);
        print_message("%s: %s\n", cases[i].label, dkim_record_verdict_name(verdict));
        assert_int_equal(verdict, cases[i].verdict);
        if (verdict != DKIM_RECORD_VALID && verdict != DKIM_RECORD_REVOKED)
            assert_int_equal(record.key_size, 0x5a5a5a5a); /* untouched */
        else
            assert_int_equal(record.key_size == 0, verdict == DKIM_RECORD_REVOKED);
    }
}

static void test_flags(void **state)
{
    static const struct {
        const char *tags;
        bool testing, strict, takes_sha256, takes_email;
    } cases[] = {
        {"", false, false, true, true},
        {"t=y; ", true, false, true, true},
        {"t=s; ", false, true, true, true},
        {"t= Y : s:z; ", true, true, true, true},
        {"t=yes; ", false, false, true, true},
        {"t=; ", false, false, true, true},
        {"h=sha256; ", false, false, true, true},
        {"h=sha1; ", false, false, false, true},
        {"h=sha1 : SHA256; ", false, false, true, true},
        {"s=email; ", false, false, true, true},
        {"s=*; ", false, false, true, true},
        {"s=tlsrpt; ", false, false, true, false},
        {"s=tlsrpt:email; ", false, false, true, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char buffer[300];
        struct text text;

        text_init(&text, buffer, sizeof(buffer));
        text_add_format(&text, "v=DKIM1; %sp=QUI=", cases[i].tags);
        print_message("%s\n", text_cstr_end(&text));
        assert_int_equal(dkim_record_read(text_span(&text), &record), DKIM_RECORD_VALID);
        assert_int_equal(record.testing, cases[i].testing);
        assert_int_equal(record.strict, cases[i].strict);
        assert_int_equal(record.takes_sha256, cases[i].takes_sha256);
        assert_int_equal(record.takes_email, cases[i].takes_email);
    }
}

static struct text decoded(const char *base64, uint8_t *buffer, size_t capacity)
{
    struct text text;

    text_init(&text, buffer, capacity);
    assert_true(base64_decode(span_cstr(base64), &text));
    return text;
}

static void test_holds(void **state)
{
    uint8_t rsa_buffer[400], ed_buffer[32], written[DKIM_RECORD_TEXT_MAX];
    struct text rsa = decoded(RSA_1024, rsa_buffer, sizeof(rsa_buffer));
    struct text ed = decoded(ED25519, ed_buffer, sizeof(ed_buffer));
    struct text out;

    (void)state;
    text_init(&out, written, sizeof(written));
    dkim_record_write(SIGN_RSA_SHA256, text_span(&rsa), &out);
    assert_true(span_equal(text_span(&out), SPAN("v=DKIM1; k=rsa; p=" RSA_1024)));
    assert_int_equal(dkim_record_read(text_span(&out), &record), DKIM_RECORD_VALID);
    assert_true(dkim_record_holds(&record, SIGN_RSA_SHA256, text_span(&rsa)));
    assert_false(dkim_record_holds(&record, SIGN_ED25519_SHA256, text_span(&rsa)));
    rsa.data[100] ^= 1;
    assert_false(dkim_record_holds(&record, SIGN_RSA_SHA256, text_span(&rsa)));
    rsa.data[100] ^= 1;

    text_reset(&out); /* the RSAPublicKey alone: 22 octets of SubjectPublicKeyInfo are left out */
    dkim_record_write(SIGN_RSA_SHA256, span_skip(text_span(&rsa), 22), &out);
    assert_int_equal(dkim_record_read(text_span(&out), &record), DKIM_RECORD_VALID);
    assert_int_equal(record.key[0], 0x30);
    assert_int_equal(record.key_size, 140);
    assert_true(dkim_record_holds(&record, SIGN_RSA_SHA256, text_span(&rsa)));

    text_reset(&out);
    dkim_record_write(SIGN_ED25519_SHA256, text_span(&ed), &out);
    assert_true(span_equal(text_span(&out), SPAN("v=DKIM1; k=ed25519; p=" ED25519)));
    assert_int_equal(dkim_record_read(text_span(&out), &record), DKIM_RECORD_VALID);
    assert_true(dkim_record_holds(&record, SIGN_ED25519_SHA256, text_span(&ed)));
    assert_false(dkim_record_holds(&record, SIGN_RSA_SHA256, text_span(&ed)));

    assert_int_equal(dkim_record_read(SPAN("v=DKIM1; k=ed25519; p="), &record),
                     DKIM_RECORD_REVOKED);
    assert_false(dkim_record_holds(&record, SIGN_ED25519_SHA256, SPAN("")));
}

static void test_sizes(void **state)
{
    static uint8_t key[DKIM_RECORD_KEY_MAX + 1], written[2 * DKIM_RECORD_TEXT_MAX];
    struct text out;

    (void)state;
    text_init(&out, written, DKIM_RECORD_TEXT_MAX);
    dkim_record_write(SIGN_RSA_SHA256, span_make(key, DKIM_RECORD_KEY_MAX), &out);
    assert_false(out.overflow);
    assert_int_equal(dkim_record_read(text_span(&out), &record), DKIM_RECORD_VALID);
    assert_int_equal(record.key_size, DKIM_RECORD_KEY_MAX);
    text_init(&out, written, sizeof(written));
    dkim_record_write(SIGN_RSA_SHA256, span_make(key, DKIM_RECORD_KEY_MAX + 1), &out);
    assert_int_equal(dkim_record_read(text_span(&out), &record), DKIM_RECORD_BROKEN);
    text_reset(&out);
    text_add_cstr(&out, "v=DKIM1; p=QUI=");
    for (int i = 0; i < 30; i++)
        text_add_format(&out, "; a%d=x", i);
    assert_int_equal(dkim_record_read(text_span(&out), &record), DKIM_RECORD_VALID);
    text_add_cstr(&out, "; a30=x");
    assert_int_equal(dkim_record_read(text_span(&out), &record), DKIM_RECORD_BROKEN);
}

static void test_zone_line(void **state)
{
    char record_text[600], buffer[900];
    struct text out;

    (void)state;
    memset(record_text, 'a', sizeof(record_text));
    text_init(&out, buffer, sizeof(buffer));
    dkim_record_write_zone(SPAN("s1._domainkey.example.com"), span_make(record_text, 600), &out);
    const char *line = text_cstr_end(&out);
    assert_memory_equal(line, "s1._domainkey.example.com. IN TXT ( \"aaa", 39);
    assert_memory_equal(line + out.size - 3, "\" )", 3);
    size_t strings = 0, octets = 0;
    for (const char *at = strchr(line, '"'); at != NULL; at = strchr(at, '"')) {
        const char *end = strchr(at + 1, '"');
        assert_non_null(end);
        assert_true(end - at - 1 <= 255);
        octets += (size_t)(end - at - 1);
        strings++;
        at = end + 1;
    }
    assert_int_equal(strings, 3);
    assert_int_equal(octets, 600);
    text_reset(&out);
    dkim_record_write_zone(SPAN("a"), span_make(record_text, 255), &out);
    assert_int_equal(out.size, sizeof("a. IN TXT ( \"\" )") - 1 + 255);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),  cmocka_unit_test(test_flags),
        cmocka_unit_test(test_holds),     cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_zone_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
