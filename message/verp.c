#include "message/verp.h"

#include <errno.h>
#include <openssl/mem.h>
#include <string.h>

#include "base/big_endian.h"
#include "base/check.h"

#define KEY_DIGITS ((size_t)2 * VERP_KEY_SIZE)
#define VERSION 1
#define SIGNED_SIZE 15
#define MAC_SIZE 10
#define RAW_SIZE (SIGNED_SIZE + MAC_SIZE)
static_assert(RAW_SIZE * 8 == VERP_TAG_SIZE * 5, "the tag needs no padding");

/* RFC 2104 2: the key, padded and xor-ed, is the first block of either hash. */
static void hash_key_block(SHA256_CTX *hash, const uint8_t secret[VERP_KEY_SIZE], uint8_t pad)
{
    uint8_t block[SHA256_CBLOCK];

    memset(block, pad, sizeof(block));
    for (size_t i = 0; i < VERP_KEY_SIZE; i++)
        block[i] = (uint8_t)(secret[i] ^ pad);
    SHA256_Init(hash);
    SHA256_Update(hash, block, sizeof(block));
    OPENSSL_cleanse(block, sizeof(block));
}

static const struct verp_key *find_key(const struct verp_keys *keys, uint8_t id)
{
    for (uint32_t i = 0; i < keys->count; i++)
        if (keys->keys[i].id == id)
            return &keys->keys[i];
    return NULL;
}

int verp_add_key(struct verp_keys *keys, uint8_t id, const uint8_t secret[VERP_KEY_SIZE])
{
    struct verp_key *key;

    if (id > VERP_KEY_ID_MAX)
        return -EINVAL;
    if (find_key(keys, id) != NULL)
        return -EEXIST;
    if (keys->count == VERP_KEYS_MAX)
        return -ENOSPC;
    key = &keys->keys[keys->count++];
    key->id = id;
    hash_key_block(&key->inner, secret, 0x36);
    hash_key_block(&key->outer, secret, 0x5c);
    return 0;
}

void verp_forget(struct verp_keys *keys)
{
    OPENSSL_cleanse(keys, sizeof(*keys));
}

/* The first 80 bits of the HMAC over the signed octets. */
static void make_mac(const struct verp_key *key, const uint8_t signed_part[SIGNED_SIZE],
                     uint8_t ret_mac[MAC_SIZE])
{
    uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA256_CTX hash = key->inner;

    SHA256_Update(&hash, signed_part, SIGNED_SIZE);
    SHA256_Final(digest, &hash);
    hash = key->outer;
    SHA256_Update(&hash, digest, sizeof(digest));
    SHA256_Final(digest, &hash);
    memcpy(ret_mac, digest, MAC_SIZE);
}

static int hex_value(uint8_t byte)
{
    uint8_t lower = span_lower_byte(byte);

    if (byte >= '0' && byte <= '9')
        return byte - '0';
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static bool parse_secret(struct span hex, uint8_t ret_secret[VERP_KEY_SIZE])
{
    if (hex.size != KEY_DIGITS)
        return false;
    for (size_t i = 0; i < VERP_KEY_SIZE; i++) {
        int high = hex_value(hex.data[2 * i]);
        int low = hex_value(hex.data[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        ret_secret[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* One line of a key file: NULL, or what is wrong with it. */
static const char *add_line(struct verp_keys *keys, struct span line)
{
    uint8_t secret[VERP_KEY_SIZE];
    uint64_t id = 0;
    const char *problem = NULL;
    struct span word;

    line = span_trim(span_first(line, min_size(span_find_byte(line, '#'), line.size)));
    if (line.size == 0)
        return NULL;
    word = span_word(&line);
    if (word.size != KEY_DIGITS) { /* not the digits alone */
        if (!span_number(word, VERP_KEY_ID_MAX, &id))
            return "a key id from 0 to 15 and 64 hexadecimal digits are expected, or such digits "
                   "alone (openssl rand -hex 32): key id 0";
        word = span_word(&line);
    }
    if (!parse_secret(word, secret) || span_trim(line).size > 0)
        return "64 hexadecimal digits are expected behind the key id, or alone";
    switch (verp_add_key(keys, (uint8_t)id, secret)) {
    case 0:
        break;
    case -EEXIST:
        problem =
            "this key id is taken (digits alone have 0): give the new key another, \"1 \" and "
            "its digits";
        break;
    default:
        problem = "more than 8 keys";
        break;
    }
    OPENSSL_cleanse(secret, sizeof(secret));
    return problem;
}

int verp_add_file(struct verp_keys *keys, struct span text, struct text *error)
{
    struct verp_keys more = *keys;
    const char *problem = NULL;
    uint32_t line = 0;

    while (text.size > 0 && problem == NULL) {
        problem = add_line(&more, span_split(&text, '\n'));
        line++;
    }
    if (problem == NULL && more.count == keys->count) {
        problem = "no key in the file: it takes a line of 64 hexadecimal digits (openssl rand "
                  "-hex 32), a key id from 0 to 15 before them if it is not 0";
        line = 0;
    }
    if (problem != NULL) {
        if (line > 0)
            text_add_format(error, "line %u: ", line);
        text_add_cstr(error, problem);
    } else {
        *keys = more;
    }
    OPENSSL_cleanse(&more, sizeof(more));
    return problem == NULL ? 0 : -EINVAL;
}

void verp_write_key(struct text *out, uint8_t id, const uint8_t secret[VERP_KEY_SIZE])
{
    text_add_cstr(out,
                  "# ringpost VERP keys: id (0-15) and 64 hexadecimal digits; the first signs\n");
    text_add_u64(out, id);
    text_add_byte(out, ' ');
    for (size_t i = 0; i < VERP_KEY_SIZE; i++)
        text_add_hex(out, secret[i], 2);
    text_add_byte(out, '\n');
}

/* Five octets are eight characters (RFC 4648 6). */
static void encode(const uint8_t raw[RAW_SIZE], uint8_t ret_tag[VERP_TAG_SIZE])
{
    static const uint8_t alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

    for (uint32_t group = 0; group < RAW_SIZE / 5; group++) {
        uint64_t bits = big_endian_get(raw + (size_t)group * 5, 5);

        for (uint32_t i = 0; i < 8; i++)
            ret_tag[group * 8 + i] = alphabet[bits >> (35 - 5 * i) & 31];
    }
}

static bool decode_character(uint8_t character, uint64_t *ret_bits)
{
    uint8_t lower = span_lower_byte(character);

    if (lower >= 'a' && lower <= 'z') {
        *ret_bits = (uint64_t)(lower - 'a');
        return true;
    }
    if (lower >= '2' && lower <= '7') {
        *ret_bits = (uint64_t)lower - '2' + 26;
        return true;
    }
    return false;
}

static bool decode(struct span tag, uint8_t ret_raw[RAW_SIZE])
{
    for (uint32_t group = 0; group < RAW_SIZE / 5; group++) {
        uint64_t all = 0;

        for (uint32_t i = 0; i < 8; i++) {
            uint64_t bits;

            if (!decode_character(tag.data[group * 8 + i], &bits))
                return false;
            all = all << 5 | bits;
        }
        big_endian_put(ret_raw + (size_t)group * 5, all, 5);
    }
    return true;
}

void verp_write(struct text *out, const struct verp_keys *keys, const struct identity *identity,
                uint16_t day, struct span domain)
{
    uint8_t raw[RAW_SIZE];
    uint8_t tag[VERP_TAG_SIZE];

    CHECK(keys->count > 0);
    raw[0] = (uint8_t)(VERSION << 4 | keys->keys[0].id);
    big_endian_put(raw + 1, identity->campaign, 8);
    big_endian_put(raw + 9, identity->ordinal, 4);
    big_endian_put(raw + 13, day, 2);
    make_mac(&keys->keys[0], raw, raw + SIGNED_SIZE);
    encode(raw, tag);
    text_add(out, span_make(tag, sizeof(tag)));
    text_add_byte(out, '@');
    text_add(out, domain);
}

static bool decode_address(struct span address, uint8_t ret_raw[RAW_SIZE])
{
    struct span tag = span_first(address, min_size(span_find_byte(address, '@'), address.size));

    return tag.size == VERP_TAG_SIZE && decode(tag, ret_raw);
}

static void get_identity(const uint8_t raw[RAW_SIZE], struct identity *ret_identity,
                         uint16_t *ret_day)
{
    ret_identity->campaign = big_endian_get(raw + 1, 8);
    ret_identity->ordinal = (uint32_t)big_endian_get(raw + 9, 4);
    *ret_day = (uint16_t)big_endian_get(raw + 13, 2);
}

enum verp_verdict verp_read(struct span address, const struct verp_keys *keys, uint16_t today,
                            struct identity *ret_identity, uint16_t *ret_day)
{
    uint8_t raw[RAW_SIZE];
    uint8_t mac[MAC_SIZE];
    const struct verp_key *key;

    if (!decode_address(address, raw))
        return VERP_ABSENT;
    if (raw[0] >> 4 != VERSION)
        return VERP_VERSION;
    key = find_key(keys, raw[0] & 0xf);
    if (key == NULL)
        return VERP_UNKNOWN_KEY;
    make_mac(key, raw, mac);
    if (CRYPTO_memcmp(mac, raw + SIGNED_SIZE, MAC_SIZE) != 0)
        return VERP_FORGED;
    get_identity(raw, ret_identity, ret_day);
    if (key != &keys->keys[0] && (uint32_t)*ret_day + VERP_OLD_KEY_DAYS < today)
        return VERP_EXPIRED;
    return VERP_VALID;
}

bool verp_claim(struct span address, struct identity *ret_identity, uint16_t *ret_day)
{
    uint8_t raw[RAW_SIZE];

    if (!decode_address(address, raw) || raw[0] >> 4 != VERSION)
        return false;
    get_identity(raw, ret_identity, ret_day);
    return true;
}

const char *verp_verdict_name(enum verp_verdict verdict)
{
    static const char *const names[] = {"valid",       "absent", "unknown version",
                                        "unknown key", "forged", "expired"};
    static_assert(ARRAY_LEN(names) == VERP_VERDICT_COUNT, "a name for each verdict");

    return (size_t)verdict < ARRAY_LEN(names) ? names[verdict] : "unknown";
}
