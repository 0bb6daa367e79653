/* A body in any pieces, a copy of a state in the middle, and header fields: the same hashes as the
 * slow forms of tests/canon_reference.h. The first octet says how large the pieces are, its lowest
 * bit which form. What body.h makes of a body has the same hash. */
#include <stdlib.h>

#include "base/check.h"
#include "message/body.h"
#include "message/header.h"
#include "sign/canon.h"
#include "tests/canon_reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_same(const uint8_t *hash, struct span expected)
{
    uint8_t digest[CANON_HASH_SIZE];

    SHA256(expected.data, expected.size, digest);
    CHECK(memcmp(hash, digest, sizeof(digest)) == 0);
}

static void check_body(struct span body, size_t step, enum canon_form form)
{
    struct text expected = canon_reference_body(body, form == CANON_SIMPLE);
    struct canon_body state, copy;
    uint8_t hash[CANON_HASH_SIZE];
    size_t at = 0;

    canon_body_begin(&state, form);
    copy = state;
    for (; at < body.size; at += step) {
        canon_body_add(&state, span_slice(body, at, step));
        if (at == step * 3)
            copy = state;
    }
    canon_body_end(&state, hash);
    check_same(hash, text_span(&expected));
    canon_body_add(&copy, span_skip(body, body.size > step * 3 ? step * 4 : 0));
    canon_body_end(&copy, hash);
    check_same(hash, text_span(&expected));
    canon_body_hash(form, body, hash);
    check_same(hash, text_span(&expected));
    free(expected.data);
}

/* As it goes out. */
static void check_sent(struct span body, enum canon_form form)
{
    size_t capacity = body.size * 4 + 64;
    struct body_scan scan = {0};
    struct span rest = body;
    struct text sent;
    struct body writer;
    uint8_t hashes[2][CANON_HASH_SIZE];

    body_scan_add(&scan, body);
    body_scan_end(&scan);
    if (scan.breaks > 0)
        return;
    text_init(&sent, malloc(capacity), capacity);
    CHECK(sent.data != NULL);
    body_init(&writer, false);
    CHECK(body_put(&writer, &rest, &sent) && body_end(&writer, &sent));
    canon_body_hash(form, body, hashes[0]);
    canon_body_hash(form, text_span(&sent), hashes[1]);
    CHECK(memcmp(hashes[0], hashes[1], CANON_HASH_SIZE) == 0);
    free(sent.data);
}

static void check_fields(struct span header, enum canon_form form)
{
    struct header_field field;

    while (header_next(&header, &field) == 1) {
        struct text expected = canon_reference_field(field.whole, form == CANON_SIMPLE);
        uint8_t hash[CANON_HASH_SIZE];
        SHA256_CTX state;

        SHA256_Init(&state);
        canon_field_last(form, field.whole, &state);
        SHA256_Final(hash, &state);
        check_same(hash, text_span(&expected));
        text_add(&expected, SPAN("\r\n"));
        SHA256_Init(&state);
        canon_field(form, field.whole, &state);
        SHA256_Final(hash, &state);
        check_same(hash, text_span(&expected));
        free(expected.data);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct span source = span_make(data + 1, size - 1);
    size_t step = (size_t)data[0] / 2 + 1;
    enum canon_form form = data[0] % 2 == 0 ? CANON_RELAXED : CANON_SIMPLE;

    check_body(source, step, form);
    check_sent(source, form);
    check_fields(source, form);
    return 0;
}
