#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/prng.h"
#include "message/base64.h"
#include "message/header.h"
#include "sign/dkim.h"
#include "tests/expect_abort.h"

static struct dkim_fields fields;

static void compile(struct dkim_plan *plan, const struct dkim_plan_options *options)
{
    char buffer[200];
    struct text why;

    text_init(&why, buffer, sizeof(buffer));
    assert_int_equal(dkim_plan_compile(plan, options, &why), 0);
}

static void read_header(const char *header)
{
    dkim_fields_init(&fields);
    assert_int_equal(dkim_fields_add(&fields, span_cstr(header)), 0);
}

/* No line over 78 octets but those of one word; CRLF everywhere; folds are tabs. */
static void assert_lines(struct span field)
{
    size_t line = 0;

    assert_true(field.size > 2);
    assert_memory_equal(field.data + field.size - 2, "\r\n", 2);
    for (size_t i = 0; i < field.size; i++) {
        if (field.data[i] == '\n') {
            assert_int_equal(field.data[i - 1], '\r');
            assert_true(i + 1 == field.size || field.data[i + 1] == '\t');
            assert_true(line <= 78);
            line = 0;
        } else if (field.data[i] != '\r') {
            assert_true(field.data[i] == '\t' ? line == 0 : field.data[i] >= ' ');
            line++;
        }
    }
}

static void test_whole_field(void **state)
{
    const struct dkim_plan_options options = {.domain = SPAN("example.com"),
                                              .selector = SPAN("s1"),
                                              .identity = SPAN("@example.com"),
                                              .algorithm = SIGN_ED25519_SHA256,
                                              .signature_size = 64,
                                              .lifetime_s = 604800};
    static const char expected[] =
        "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.com; s=s1;\r\n"
        "\ti=@example.com; t=1700000000; x=1700604800; h=From:From:To:To:Subject:Date:\r\n"
        "\tMessage-ID:Reply-To:Cc:MIME-Version:Content-Type:Content-Transfer-Encoding:\r\n"
        "\tList-Unsubscribe:List-Unsubscribe-Post:Feedback-ID;\r\n"
        "\tbh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=QUFBQUFBQUFBQUFBQUFBQUFBQU\r\n"
        "\tFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQQ==\r\n";
    uint8_t buffer[DKIM_FIELD_MAX], body_hash[32], signature[64], digest[32];
    struct dkim_plan plan;
    struct text out;

    (void)state;
    memset(signature, 'A', sizeof(signature));
    compile(&plan, &options);
    read_header("From: a@example.com\r\nTo: b@example.net\r\n");
    canon_body_hash(CANON_RELAXED, SPAN(""), body_hash);
    text_init(&out, buffer, sizeof(buffer));
    assert_int_equal(dkim_begin(&plan, &fields, body_hash, 1700000000, &out, digest), 0);
    dkim_end(&plan, span_make(signature, sizeof(signature)), &out);
    print_message("%.*s", (int)out.size, (const char *)out.data);
    assert_int_equal(out.size, sizeof(expected) - 1);
    assert_memory_equal(out.data, expected, out.size);
    assert_int_equal(dkim_size(&plan, &fields, 1700000000), out.size);

    static const char hashed[] =
        "from:a@example.com\r\nto:b@example.net\r\ndkim-signature:v=1; a=ed25519-sha256; "
        "c=relaxed/relaxed; d=example.com; s=s1; i=@example.com; t=1700000000; x=1700604800; "
        "h=From:From:To:To:Subject:Date: Message-ID:Reply-To:Cc:MIME-Version:Content-Type:"
        "Content-Transfer-Encoding: List-Unsubscribe:List-Unsubscribe-Post:Feedback-ID; "
        "bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=";
    uint8_t expected_digest[32];
    SHA256((const uint8_t *)hashed, sizeof(hashed) - 1, expected_digest);
    assert_memory_equal(digest, expected_digest, 32);
}

/* Two signatures in one buffer, of which neither depends on the other. */
static void test_two_signatures(void **state)
{
    const struct dkim_plan_options options[] = {
        {.domain = SPAN("customer.example"), .selector = SPAN("a"), .signature_size = 256},
        {.domain = SPAN("provider.example"),
         .selector = SPAN("b"),
         .signature_size = 128,
         .header_form = CANON_SIMPLE,
         .body_form = CANON_SIMPLE,
         .untimed = true}};
    uint8_t both[4000], alone[2000], body_hash[32] = {1}, signature[256] = {0};
    uint8_t digests[2][32], digest[32];
    struct dkim_plan plan;
    struct text out, single;
    size_t sum = 0;

    (void)state;
    text_init(&out, both, sizeof(both));
    read_header("From: a@customer.example\r\nSubject:  x\r\n");
    for (size_t i = 0; i < 2; i++) {
        compile(&plan, &options[i]);
        assert_int_equal(dkim_begin(&plan, &fields, body_hash, 5, &out, digests[i]), 0);
        dkim_end(&plan, span_make(signature, plan.signature_size), &out);
        sum += dkim_size(&plan, &fields, 5);
    }
    assert_int_equal(out.size, sum);
    assert_true(span_find(text_span(&out), SPAN("s=a;\r\n\tt=5; h=")) != SPAN_NOT_FOUND);
    assert_true(span_find(text_span(&out), SPAN("s=b;\r\n\th=")) != SPAN_NOT_FOUND);
    assert_true(span_find(text_span(&out), SPAN("c=simple/simple; d=provider.example;")) !=
                SPAN_NOT_FOUND);
    struct span rest = text_span(&out);
    struct header_field field;
    for (size_t i = 0; i < 2; i++) { /* each stands alone */
        compile(&plan, &options[i]);
        assert_int_equal(header_next(&rest, &field), 1);
        assert_lines(field.whole);
        text_init(&single, alone, sizeof(alone));
        dkim_fields_init(&fields);
        assert_int_equal(
            dkim_fields_add(&fields, SPAN("From: a@customer.example\r\nSubject:  x\r\n")), 0);
        assert_int_equal(dkim_begin(&plan, &fields, body_hash, 5, &single, digest), 0);
        assert_memory_equal(digest, digests[i], 32);
        dkim_end(&plan, span_make(signature, plan.signature_size), &single);
        assert_true(span_equal(field.whole, text_span(&single)));
    }
    /* The second is in the simple form: the very octets, up to b=. */
    SHA256_CTX hash;
    SHA256_Init(&hash);
    SHA256_Update(&hash, "From: a@customer.example\r\nSubject:  x\r\n", 39);
    SHA256_Update(&hash, field.whole.data,
                  span_find(field.whole, SPAN("b=A")) + (sizeof("b=") - 1));
    SHA256_Final(digest, &hash);
    assert_memory_equal(digest, digests[1], 32);
}

static void test_room(void **state)
{
    const struct dkim_plan_options options = {
        .domain = SPAN("example.com"), .selector = SPAN("s1"), .signature_size = 512};
    uint8_t buffer[DKIM_FIELD_MAX], body_hash[32] = {0}, signature[512] = {0}, digest[32];
    struct dkim_plan plan;
    struct text out;

    (void)state;
    compile(&plan, &options);
    read_header("From: a\r\n");
    size_t size = dkim_size(&plan, &fields, 1);
    for (size_t room = 0; room <= size; room++) {
        text_init(&out, buffer, room + 3);
        text_add_cstr(&out, "abc");
        int result = dkim_begin(&plan, &fields, body_hash, 1, &out, digest);
        assert_int_equal(result, room < size ? -ENOSPC : 0);
        assert_false(out.overflow);
        if (result < 0)
            assert_int_equal(out.size, 3);
    }
    dkim_end(&plan, span_make(signature, sizeof(signature)), &out);
    assert_int_equal(out.size, size + 3);
    assert_false(out.overflow);
    assert_memory_equal(out.data, "abcDKIM-Signature: ", 19);
}

static void test_too_many_names(void **state)
{
    const struct dkim_plan_options options = {
        .domain = SPAN("example.com"), .selector = SPAN("s1"), .signature_size = 256};
    static uint8_t header[DKIM_FIELDS_MAX * 80], buffer[2 * DKIM_FIELD_MAX];
    uint8_t body_hash[32] = {0}, digest[32];
    struct dkim_plan plan;
    struct text text, out;

    (void)state;
    text_init(&text, header, sizeof(header));
    for (uint32_t i = 0; i < DKIM_FIELDS_MAX; i++) {
        text_add_cstr(&text, "Content-Long-Long-Long-Long-Long-Long-Long-Long-Long-Long-");
        text_add_padded(&text, i, 2);
        text_add_cstr(&text, ": x\r\n");
    }
    compile(&plan, &options);
    dkim_fields_init(&fields);
    assert_int_equal(dkim_fields_add(&fields, text_span(&text)), 0);
    assert_int_equal(dkim_size(&plan, &fields, 1), 0);
    text_init(&out, buffer, sizeof(buffer));
    assert_int_equal(dkim_begin(&plan, &fields, body_hash, 1, &out, digest), -E2BIG);
    assert_int_equal(out.size, 0);
    assert_false(out.overflow);
}

/* Any names and sizes: lines are short, the size is as foretold, every tag is there once. */
static void test_random_fields(void **state)
{
    static const char *const names[] = {
        "From",    "To",         "Subject",   "Content-Language",
        "List-Id", "References", "X-Nothing", "Content-Disposition"};
    uint8_t header[2000], buffer[DKIM_FIELD_MAX], body_hash[32] = {7}, signature[512] = {9};
    struct prng prng;

    (void)state;
    prng_seed(&prng, 5);
    for (int round = 0; round < 2000; round++) {
        char label[70];
        size_t domain_size = 1 + (size_t)prng_below(&prng, 60);
        const struct dkim_plan_options options = {
            .domain = span_make(memset(label, 'd', sizeof(label)), domain_size),
            .selector = SPAN("selector-2026"),
            .signature_size = 128 + 8 * (uint32_t)prng_below(&prng, 49),
            .lifetime_s = prng_below(&prng, 2) * 1000};
        uint8_t digest[32];
        struct dkim_plan plan;
        struct text text, out;

        compile(&plan, &options);
        text_init(&text, header, sizeof(header));
        for (uint64_t left = prng_below(&prng, 20); left > 0; left--) {
            text_add_cstr(&text, names[(size_t)prng_below(&prng, ARRAY_LEN(names))]);
            text_add_cstr(&text, ": x\r\n");
        }
        dkim_fields_init(&fields);
        assert_int_equal(dkim_fields_add(&fields, text_span(&text)), 0);
        text_init(&out, buffer, sizeof(buffer));
        assert_int_equal(dkim_begin(&plan, &fields, body_hash, 1700000000, &out, digest), 0);
        dkim_end(&plan, span_make(signature, plan.signature_size), &out);
        assert_int_equal(out.size, dkim_size(&plan, &fields, 1700000000));
        assert_lines(text_span(&out));
    }
}

struct ending {
    const struct dkim_plan *plan;
    struct span signature;
    struct text *out;
};

static void end_it(void *context)
{
    const struct ending *ending = context;

    dkim_end(ending->plan, ending->signature, ending->out);
}

static void test_signature_of_another_size(void **state)
{
    const struct dkim_plan_options options = {
        .domain = SPAN("example.com"), .selector = SPAN("s1"), .signature_size = 256};
    uint8_t buffer[DKIM_FIELD_MAX], signature[512] = {0};
    struct dkim_plan plan;
    struct text out;

    (void)state;
    compile(&plan, &options);
    text_init(&out, buffer, sizeof(buffer));
    struct ending ending = {&plan, span_make(signature, 255), &out};
    assert_true(expect_abort(end_it, &ending));
    ending.signature.size = 256;
    assert_false(expect_abort(end_it, &ending));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_field),   cmocka_unit_test(test_two_signatures),
        cmocka_unit_test(test_room),          cmocka_unit_test(test_too_many_names),
        cmocka_unit_test(test_random_fields), cmocka_unit_test(test_signature_of_another_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
