#include "sim/mx_seal.h"

#include <openssl/curve25519.h>
#include <string.h>

#include "base/text.h"
#include "message/base64.h"
#include "message/header.h"

#define FIELDS_MAX 64
#define HASH_START UINT64_C(14695981039346656037)

/* RFC 8463 A.2. */
static const char key_pem[] = "-----BEGIN PRIVATE KEY-----\n"
                              "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
                              "-----END PRIVATE KEY-----\n";
static const char public_key[] = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

struct span mx_seal_key(void)
{
    return span_cstr(key_pem);
}

void mx_seal_begin(struct mx_seal *seal)
{
    seal->header_size = seal->staged_size = 0;
    seal->header_is_cut = false;
    seal->content_hash = HASH_START;
    canon_body_begin(&seal->body, CANON_RELAXED);
}

static void flush(struct mx_seal *seal)
{
    canon_body_add(&seal->body, span_make(seal->staged, seal->staged_size));
    seal->staged_size = 0;
}

void mx_seal_take(struct mx_seal *seal, bool in_body, uint8_t byte)
{
    seal->content_hash = (seal->content_hash ^ byte) * UINT64_C(1099511628211);
    if (in_body) {
        seal->staged[seal->staged_size++] = byte;
        if (seal->staged_size == sizeof(seal->staged))
            flush(seal);
    } else if (seal->header_size < sizeof(seal->header)) {
        seal->header[seal->header_size++] = byte;
    } else {
        seal->header_is_cut = true;
    }
}

struct seal_reader {
    struct header_field fields[FIELDS_MAX];
    bool used[FIELDS_MAX];
    uint32_t count;
};

/* The value of a tag with all white space taken out (RFC 6376 3.2). */
static bool find_tag(struct span field, const char *name, struct text *value)
{
    struct span rest = span_skip(field, span_find_byte(field, ':') + 1);

    while (rest.size > 0) {
        struct span value_part, tag = span_split(&rest, ';');
        struct span tag_name;

        value_part = tag;
        tag_name = span_trim(span_split(&value_part, '='));
        while (tag_name.size > 0 && (tag_name.data[0] == '\r' || tag_name.data[0] == '\n' ||
                                     tag_name.data[0] == ' ' || tag_name.data[0] == '\t'))
            tag_name = span_skip(tag_name, 1);
        if (!span_equal(tag_name, span_cstr(name)))
            continue;
        for (size_t i = 0; i < value_part.size; i++)
            if (value_part.data[i] > ' ')
                text_add_byte(value, value_part.data[i]);
        return !value->overflow;
    }
    return false;
}

static bool tag_is(struct span field, const char *name, struct span wanted)
{
    uint8_t buffer[512];
    struct text value;

    text_init(&value, buffer, sizeof(buffer));
    return find_tag(field, name, &value) && span_equal(text_span(&value), wanted);
}

/* The last of that name that was not taken yet (RFC 6376 5.4.2). */
static void hash_named(struct seal_reader *reader, struct span name, SHA256_CTX *hash)
{
    for (uint32_t i = reader->count; i > 1; i--) {
        if (reader->used[i - 1] || !span_equal_nocase(reader->fields[i - 1].name, name))
            continue;
        reader->used[i - 1] = true;
        canon_field(CANON_RELAXED, reader->fields[i - 1].whole, hash);
        return;
    }
}

static bool hash_header(struct seal_reader *reader, uint8_t ret_digest[SHA256_DIGEST_LENGTH])
{
    struct span field = reader->fields[0].whole, rest;
    uint8_t buffer[2048];
    struct text names;
    SHA256_CTX hash;
    size_t end = field.size;

    text_init(&names, buffer, sizeof(buffer));
    if (!find_tag(field, "h", &names))
        return false;
    SHA256_Init(&hash);
    rest = text_span(&names);
    while (rest.size > 0)
        hash_named(reader, span_split(&rest, ':'), &hash);
    while (end > 2 && !(field.data[end - 1] == '=' && field.data[end - 2] == 'b' &&
                        (field.data[end - 3] == ' ' || field.data[end - 3] == ';')))
        end--;
    canon_field_last(CANON_RELAXED, span_first(field, end), &hash);
    SHA256_Final(ret_digest, &hash);
    return end > 2;
}

static bool decode(struct span from, uint8_t *into, size_t size)
{
    struct text text;

    text_init(&text, into, size);
    return base64_decode(from, &text) && text.size == size;
}

/* All of what is signed has a From; without one a forger could add it. */
static bool names_from(const struct seal_reader *reader)
{
    for (uint32_t i = 0; i < reader->count; i++)
        if (reader->used[i] && span_equal_nocase(reader->fields[i].name, SPAN("From")))
            return true;
    return false;
}

static const char *judge_signature(struct seal_reader *reader, struct span body_hash)
{
    uint8_t digest[SHA256_DIGEST_LENGTH], signature[64], key[32], buffer[512];
    struct span field = reader->fields[0].whole;
    struct text value;

    if (!tag_is(field, "d", SPAN(MX_SEAL_DOMAIN)) || !tag_is(field, "a", SPAN("ed25519-sha256")))
        return "a signature of somebody else";
    if (!tag_is(field, "bh", body_hash))
        return "the signature's body hash is another body's";
    text_init(&value, buffer, sizeof(buffer));
    if (!find_tag(field, "b", &value) || !decode(text_span(&value), signature, sizeof(signature)) ||
        !decode(span_cstr(public_key), key, sizeof(key)))
        return "a signature that is none";
    if (!hash_header(reader, digest) || !names_from(reader))
        return "a signature over no From";
    return ED25519_verify(digest, sizeof(digest), signature, key) == 1
               ? NULL
               : "a signature that does not verify";
}

const char *mx_seal_judge(struct mx_seal *seal)
{
    struct span rest = span_make(seal->header, seal->header_size);
    struct seal_reader reader = {.count = 0};
    uint8_t hash[CANON_HASH_SIZE], buffer[64];
    struct text body_hash;

    if (seal->header_is_cut)
        return "a header that is too large";
    while (reader.count < FIELDS_MAX && header_next(&rest, &reader.fields[reader.count]) == 1)
        reader.count++;
    if (reader.count == 0 || !span_equal_nocase(reader.fields[0].name, SPAN("DKIM-Signature")))
        return "no signature";
    flush(seal);
    canon_body_end(&seal->body, hash);
    text_init(&body_hash, buffer, sizeof(buffer));
    base64_encode(span_make(hash, sizeof(hash)), &body_hash);
    return judge_signature(&reader, text_span(&body_hash));
}
