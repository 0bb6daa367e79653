#include "sign/dkim_record.h"

#include <string.h>

#include "message/base64.h"

#define ZONE_STRING_MAX 255 /* RFC 1035 3.3 */
#define TAGS_MAX 32         /* with names of their own; a longer list is broken */
#define TAG_NAME_MAX 63

/* SubjectPublicKeyInfo of an RSA key: SEQUENCE, then this algorithm (rsaEncryption, NULL), then a
 * BIT STRING that holds the RSAPublicKey. */
static const uint8_t rsa_algorithm[] = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                        0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00};

static const char *const verdict_names[] = {
    [DKIM_RECORD_VALID] = "is valid",
    [DKIM_RECORD_FOREIGN] = "is no DKIM record",
    [DKIM_RECORD_REVOKED] = "revokes the key: its p= is empty",
    [DKIM_RECORD_BROKEN] = "cannot be read as a DKIM record",
    [DKIM_RECORD_UNKNOWN_KEY] = "holds a key of a kind that is neither rsa nor ed25519",
};
static_assert(ARRAY_LEN(verdict_names) == DKIM_RECORD_VERDICT_COUNT, "a clause for each");

struct tag {
    struct span name;
    struct span value;
};

struct tag_list {
    struct tag tags[TAGS_MAX];
    uint32_t count;
};

static bool is_tag_name(struct span name)
{
    for (size_t i = 0; i < name.size; i++) {
        uint8_t byte = span_lower_byte(name.data[i]);
        bool letter = byte >= 'a' && byte <= 'z';

        if (!letter && (i == 0 || (byte != '_' && !(byte >= '0' && byte <= '9'))))
            return false;
    }
    return name.size > 0 && name.size <= TAG_NAME_MAX;
}

static const struct tag *find(const struct tag_list *list, struct span name)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (span_equal(list->tags[i].name, name))
            return &list->tags[i];
    return NULL;
}

/* RFC 6376 3.2: name = value; with white space around each; the last semicolon may be missing.
 * False: it is no such list, or a name stands in it twice. */
static bool read_tags(struct span text, struct tag_list *ret_list)
{
    ret_list->count = 0;
    for (text = span_trim(text); text.size > 0; text = span_trim(text)) {
        struct span value = span_split(&text, ';');
        bool equals = span_find_byte(value, '=') != SPAN_NOT_FOUND;
        struct span name = span_trim(span_split(&value, '='));

        if (!equals || !is_tag_name(name) || find(ret_list, name) != NULL ||
            ret_list->count == TAGS_MAX)
            return false;
        ret_list->tags[ret_list->count++] = (struct tag){name, span_trim(value)};
    }
    return true;
}

/* Whether a list with colons names it; a list that is absent names everything. */
static bool names(const struct tag *tag, struct span wanted, struct span all)
{
    struct span rest;

    if (tag == NULL)
        return true;
    rest = tag->value;
    while (rest.size > 0) {
        struct span word = span_trim(span_split(&rest, ':'));

        if (span_equal_nocase(word, wanted) || (all.size > 0 && span_equal(word, all)))
            return true;
    }
    return false;
}

/* RFC 6376 3.2: white space anywhere, '=' only at the end. */
static bool read_key(struct span value, struct dkim_record *record)
{
    struct text key;
    size_t end = min_size(span_find_byte(value, '='), value.size);
    uint32_t digits = 0;
    uint32_t padding = 0;

    for (size_t i = 0; i < value.size; i++) {
        uint8_t byte = value.data[i];

        if (byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n')
            continue;
        if (i >= end && byte != '=')
            return false;
        digits += i < end;
        padding += i >= end;
    }
    text_init(&key, record->key, sizeof(record->key));
    if (digits % 4 == 1 || padding > 2 || (padding > 0 && (digits + padding) % 4 != 0) ||
        !base64_decode(value, &key) || key.overflow)
        return false;
    record->key_size = (uint32_t)key.size;
    return true;
}

enum dkim_record_verdict dkim_record_read(struct span text, struct dkim_record *ret_record)
{
    struct tag_list list;
    struct dkim_record record = {.algorithm = SIGN_RSA_SHA256};
    bool readable = read_tags(text, &list);
    const struct tag *version = find(&list, SPAN("v"));
    const struct tag *key = find(&list, SPAN("p"));
    const struct tag *kind = find(&list, SPAN("k"));

    if (version != NULL ? !span_equal(version->value, SPAN("DKIM1")) : key == NULL)
        return DKIM_RECORD_FOREIGN;
    if (!readable || key == NULL || (version != NULL && version != list.tags))
        return DKIM_RECORD_BROKEN;
    if (kind != NULL && span_equal_nocase(kind->value, SPAN("ed25519")))
        record.algorithm = SIGN_ED25519_SHA256;
    else if (kind != NULL && !span_equal_nocase(kind->value, SPAN("rsa")))
        return DKIM_RECORD_UNKNOWN_KEY;
    const struct tag *flags = find(&list, SPAN("t"));
    record.testing = flags != NULL && names(flags, SPAN("y"), SPAN(""));
    record.strict = flags != NULL && names(flags, SPAN("s"), SPAN(""));
    record.takes_sha256 = names(find(&list, SPAN("h")), SPAN("sha256"), SPAN(""));
    record.takes_email = names(find(&list, SPAN("s")), SPAN("email"), SPAN("*"));
    if (key->value.size > 0 && !read_key(key->value, &record))
        return DKIM_RECORD_BROKEN;
    *ret_record = record;
    return record.key_size > 0 ? DKIM_RECORD_VALID : DKIM_RECORD_REVOKED;
}

const char *dkim_record_verdict_name(enum dkim_record_verdict verdict)
{
    return verdict_names[verdict];
}

/* The RSAPublicKey in a SubjectPublicKeyInfo, or all of it when it is none. */
static struct span bare_key(struct span key)
{
    size_t at = span_find(key, span_make(rsa_algorithm, sizeof(rsa_algorithm)));

    if (at != 2 && at != 3 && at != 4) /* tag and 1 to 3 octets of length */
        return key;
    struct span bits = span_skip(key, at + sizeof(rsa_algorithm));
    if (bits.size < 2 || bits.data[0] != 0x03)
        return key;
    size_t head = 2 + (bits.data[1] & 0x80 ? bits.data[1] & 0x7fU : 0);
    if (head >= bits.size || bits.data[head] != 0) /* no unused bits */
        return key;
    return span_skip(bits, head + 1);
}

bool dkim_record_holds(const struct dkim_record *record, enum sign_algorithm algorithm,
                       struct span public_key)
{
    struct span key = span_make(record->key, record->key_size);

    if (record->algorithm != algorithm || key.size == 0)
        return false;
    if (algorithm == SIGN_RSA_SHA256)
        return span_equal(bare_key(key), bare_key(public_key));
    return span_equal(key, public_key);
}

void dkim_record_write(enum sign_algorithm algorithm, struct span public_key, struct text *out)
{
    text_add_cstr(out, "v=DKIM1; k=");
    text_add_cstr(out, sign_algorithm_key(algorithm));
    text_add_cstr(out, "; p=");
    base64_encode(public_key, out);
}

void dkim_record_write_zone(struct span name, struct span record, struct text *out)
{
    text_add(out, name);
    text_add_cstr(out, ". IN TXT (");
    while (record.size > 0) {
        text_add_cstr(out, " \"");
        text_add(out, span_first(record, ZONE_STRING_MAX));
        text_add_byte(out, '"');
        record = span_skip(record, ZONE_STRING_MAX);
    }
    text_add_cstr(out, " )");
}
