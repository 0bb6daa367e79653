#include "sign/canon.h"

#include <endian.h>
#include <string.h>

#include "base/text.h"

#define EACH_OCTET UINT64_C(0x0101010101010101)

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

static bool is_line_end(uint8_t byte)
{
    return byte == '\r' || byte == '\n';
}

/* 0x80 in every octet of `word` that is zero, exactly. */
static uint64_t zero_octets(uint64_t word)
{
    uint64_t low = EACH_OCTET * 0x7f;

    return ~(((word & low) + low) | word | low);
}

/* Sixteen octets; what the compiler makes of them is its business. */
typedef uint8_t octets_16 __attribute__((vector_size(16)));

/* Whether plain_size, below, would pass over data[0 .. 16); reads one more. */
static bool is_plain_16(const uint8_t *data)
{
    octets_16 here, next;
    uint64_t halves[2];

    memcpy(&here, data, sizeof(here));
    memcpy(&next, data + 1, sizeof(next));
    octets_16 stops = (octets_16)((here & 0xf8) == 0x08) |
                      ((octets_16)(here == ' ') &
                       ((octets_16)(next == ' ') | (octets_16)((next & 0xf8) == 0x08)));
    memcpy(halves, &stops, sizeof(halves));
    return (halves[0] | halves[1]) == 0;
}

/* The octets at the front that need no look: neither tab nor line end, nor a space that anything
 * but a visible octet follows. Eight at a time; a space in the eighth place is looked at again. May
 * stop early at a control character or before the end. */
static size_t plain_size(const uint8_t *data, size_t size)
{
    size_t at = 0;

    while (at + 17 <= size && is_plain_16(data + at))
        at += 16;
    while (at + 8 <= size) {
        uint64_t word;

        memcpy(&word, data + at, 8);
        word = le64toh(word);
        uint64_t space = zero_octets(word ^ (EACH_OCTET * ' '));
        uint64_t control = zero_octets((word & (EACH_OCTET * 0xf8)) ^ (EACH_OCTET * 0x08));
        uint64_t stop = control | (space & ((space | control) >> 8));
        if (stop != 0)
            return at + (size_t)__builtin_ctzll(stop) / 8;
        at += 7;
    }
    while (at + 1 < size && !is_line_end(data[at]) && data[at] != '\t' &&
           (data[at] != ' ' || data[at + 1] > ' '))
        at++;
    return at;
}

/* The octets at the front that are hashed as they stand: no white space to be folded, and no line
 * end but CRLF between two lines that have something in them. */
static size_t run_size(const uint8_t *data, size_t size, bool simple)
{
    size_t at = 0;

    for (;;) {
        at += plain_size(data + at, size - at);
        if (at == size)
            return at;
        if (simple ? !is_line_end(data[at]) : data[at] > ' ') {
            at++;
            continue;
        }
        if (!is_line_end(
                data[at])) /* white space: the machine's business, or a control character */
            return at;
        if (at + 2 >= size || data[at] != '\r' || data[at + 1] != '\n' || data[at + 2] <= ' ')
            return at;
        at += 2;
    }
}

static void hash_some(struct canon_body *body, const void *data, size_t size)
{
    SHA256_Update(&body->hash, data, size);
    body->hashed_size += size;
}

/* What had to wait until an octet followed that counts. */
static void hash_waiting(struct canon_body *body)
{
    static const char line_ends[] = "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n";

    while (body->line_ends > 0) {
        uint64_t count = min_u64(body->line_ends, (sizeof(line_ends) - 1) / 2);

        hash_some(body, line_ends, (size_t)count * 2);
        body->line_ends -= count;
    }
    if (body->blank)
        hash_some(body, " ", 1);
    body->blank = false;
}

void canon_body_begin(struct canon_body *body, enum canon_form form)
{
    *body = (struct canon_body){.simple = form == CANON_SIMPLE};
    SHA256_Init(&body->hash);
}

void canon_body_add(struct canon_body *body, struct span piece)
{
    size_t at = 0;

    while (at < piece.size) {
        uint8_t byte = piece.data[at];

        if (is_line_end(byte)) {
            body->line_ends += byte == '\r' || !body->after_cr;
            body->after_cr = byte == '\r';
            body->blank = false;
            at++;
            continue;
        }
        body->after_cr = false;
        if (is_blank(byte) && !body->simple) {
            body->blank = true;
            at++;
            continue;
        }
        hash_waiting(body);
        size_t run = 1 + run_size(piece.data + at + 1, piece.size - at - 1, body->simple);
        hash_some(body, piece.data + at, run);
        at += run;
    }
}

void canon_body_end(struct canon_body *body, uint8_t ret_hash[CANON_HASH_SIZE])
{
    if (body->hashed_size > 0 || body->simple)
        hash_some(body, "\r\n", 2);
    SHA256_Final(ret_hash, &body->hash);
}

void canon_body_hash(enum canon_form form, struct span body, uint8_t ret_hash[CANON_HASH_SIZE])
{
    struct canon_body state;

    canon_body_begin(&state, form);
    canon_body_add(&state, body);
    canon_body_end(&state, ret_hash);
}

/* Short text on its way into a hash. */
struct chunk {
    SHA256_CTX *hash;
    size_t size;
    uint8_t data[256];
};

static void chunk_flush(struct chunk *chunk)
{
    SHA256_Update(chunk->hash, chunk->data, chunk->size);
    chunk->size = 0;
}

static void chunk_add(struct chunk *chunk, uint8_t byte)
{
    if (chunk->size == sizeof(chunk->data))
        chunk_flush(chunk);
    chunk->data[chunk->size++] = byte;
}

/* The value of a field: unfolded, white space as one space, none at either end. */
static void hash_value(struct chunk *chunk, struct span value)
{
    bool blank = false;
    bool first = true;

    for (size_t i = 0; i < value.size; i++) {
        uint8_t byte = value.data[i];

        if (is_line_end(byte))
            continue;
        if (is_blank(byte)) {
            blank = true;
            continue;
        }
        if (blank && !first)
            chunk_add(chunk, ' ');
        chunk_add(chunk, byte);
        blank = false;
        first = false;
    }
}

static void hash_relaxed_field(struct chunk *chunk, struct span field)
{
    struct span name = span_split(&field, ':');

    while (name.size > 0 &&
           (is_blank(name.data[name.size - 1]) || is_line_end(name.data[name.size - 1])))
        name.size--;
    for (size_t i = 0; i < name.size; i++)
        chunk_add(chunk, span_lower_byte(name.data[i]));
    chunk_add(chunk, ':');
    hash_value(chunk, field);
}

static void hash_simple_field(struct chunk *chunk, struct span field)
{
    bool cr = false;

    if (field.size > 0 && field.data[field.size - 1] == '\n')
        field.size--;
    if (field.size > 0 && field.data[field.size - 1] == '\r')
        field.size--;
    for (size_t i = 0; i < field.size; i++) {
        uint8_t byte = field.data[i];

        if (byte == '\r' || (byte == '\n' && !cr)) {
            chunk_add(chunk, '\r');
            chunk_add(chunk, '\n');
        } else if (byte != '\n') {
            chunk_add(chunk, byte);
        }
        cr = byte == '\r';
    }
}

void canon_field_last(enum canon_form form, struct span field, SHA256_CTX *hash)
{
    struct chunk chunk = {.hash = hash};

    if (form == CANON_SIMPLE)
        hash_simple_field(&chunk, field);
    else
        hash_relaxed_field(&chunk, field);
    chunk_flush(&chunk);
}

void canon_field(enum canon_form form, struct span field, SHA256_CTX *hash)
{
    canon_field_last(form, field, hash);
    SHA256_Update(hash, "\r\n", 2);
}
