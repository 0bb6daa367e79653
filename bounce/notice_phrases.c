#include "bounce/notice_phrases.h"

#include "base/check.h"

#define SLOTS_BITS 12
#define SLOTS (1u << SLOTS_BITS)
#define NO_ENTRY UINT16_MAX

/* What tells most phrases of one slot apart: their first eight bytes, up to the first space. */
struct head {
    uint64_t bytes;
    uint64_t mask;
};

struct notice_phrases {
    const struct notice_phrases_entry *entries;
    struct head *heads; /* by entry */
    uint16_t *next;     /* of the entries with the same hash, by entry */
    uint8_t fold[256];  /* letters in lower case, all blanks one */
    uint8_t word[256];  /* letters and digits, and bytes within a character of UTF-8 */
    uint16_t first[SLOTS];
};

/* Of four bytes, folded. */
static uint32_t hash_of(const uint8_t *fold, const uint8_t *bytes)
{
    uint32_t four = (uint32_t)fold[bytes[0]] | (uint32_t)fold[bytes[1]] << 8 |
                    (uint32_t)fold[bytes[2]] << 16 | (uint32_t)fold[bytes[3]] << 24;

    return four * 0x9e3779b1u >> (32 - SLOTS_BITS);
}

size_t notice_phrases_cost(size_t count)
{
    return arena_cost(1, sizeof(struct notice_phrases)) + arena_cost(count, sizeof(struct head)) +
           arena_cost(count, sizeof(uint16_t));
}

static void fill_tables(struct notice_phrases *phrases)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint8_t lower = span_lower_byte((uint8_t)i);

        phrases->fold[i] = lower;
        phrases->word[i] =
            (lower >= 'a' && lower <= 'z') || (i >= '0' && i <= '9') || (i >= 0x80 && i < 0xc0);
    }
    phrases->fold['\t'] = phrases->fold['\r'] = phrases->fold['\n'] = ' ';
}

/* The first eight bytes of a text, folded; zeroes behind its end. */
static uint64_t eight_bytes(const uint8_t *fold, struct span text)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < 8 && i < text.size; i++)
        bytes |= (uint64_t)fold[text.data[i]] << 8 * i;
    return bytes;
}

static struct head head_of(const uint8_t *fold, struct span phrase)
{
    size_t space = span_find_byte(phrase, ' ');
    size_t size = min_size(min_size(space, phrase.size), 8);
    struct head head = {.mask = size == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * size) - 1};

    head.bytes = eight_bytes(fold, phrase) & head.mask;
    return head;
}

struct notice_phrases *notice_phrases_open(struct arena *arena,
                                           const struct notice_phrases_entry *entries, size_t count)
{
    struct notice_phrases *phrases = arena_alloc(arena, 1, sizeof(*phrases));

    CHECK(count < NO_ENTRY);
    phrases->entries = entries;
    phrases->heads = arena_alloc(arena, count, sizeof(phrases->heads[0]));
    phrases->next = arena_alloc(arena, count, sizeof(phrases->next[0]));
    fill_tables(phrases);
    for (uint32_t i = 0; i < SLOTS; i++)
        phrases->first[i] = NO_ENTRY;
    for (size_t i = 0; i < count; i++) {
        struct span text = entries[i].text;

        CHECK(text.size >= NOTICE_PHRASES_SIZE_MIN);
        uint32_t slot = hash_of(phrases->fold, text.data);
        phrases->next[i] = phrases->first[slot];
        phrases->first[slot] = (uint16_t)i;
        phrases->heads[i] = head_of(phrases->fold, text);
    }
    return phrases;
}

/* How much of the text from `at` on the phrase takes, or 0. */
static size_t match(const struct notice_phrases *phrases, struct span phrase, struct span text,
                    size_t at)
{
    size_t from = at;

    for (size_t i = 0; i < phrase.size; i++) {
        if (at == text.size || phrases->fold[text.data[at]] != phrase.data[i])
            return 0;
        at++;
        while (phrase.data[i] == ' ' && at < text.size && phrases->fold[text.data[at]] == ' ')
            at++;
    }
    return at - from;
}

static size_t longest(const struct notice_phrases *phrases, struct span text, size_t at,
                      uint32_t *ret_meaning)
{
    size_t best = 0;
    uint16_t entry = phrases->first[hash_of(phrases->fold, text.data + at)];

    if (entry == NO_ENTRY)
        return 0;
    uint64_t bytes = eight_bytes(phrases->fold, (struct span){text.data + at, text.size - at});
    for (; entry != NO_ENTRY; entry = phrases->next[entry]) {
        if ((bytes & phrases->heads[entry].mask) != phrases->heads[entry].bytes)
            continue;
        size_t size = match(phrases, phrases->entries[entry].text, text, at);

        if (size > best) {
            best = size;
            *ret_meaning = phrases->entries[entry].meaning;
        }
    }
    return best;
}

size_t notice_phrases_find(const struct notice_phrases *phrases, struct span text,
                           struct notice_phrases_hit *hits, size_t hits_max, size_t *ret_read)
{
    const uint8_t *word = phrases->word;
    size_t count = 0, at = 0;
    uint8_t before = 0;

    while (at + NOTICE_PHRASES_SIZE_MIN <= text.size && count < hits_max) {
        uint8_t byte = text.data[at];

        if (byte > ' ' && (!word[before] || byte >= 0xc0 || before >= 0x80)) {
            uint32_t meaning = 0;
            size_t size = longest(phrases, text, at, &meaning);

            if (size > 0)
                hits[count++] =
                    (struct notice_phrases_hit){.at = at, .size = size, .meaning = meaning};
        }
        before = byte;
        at++;
        while (at < text.size && word[before] && before < 0x80 && word[text.data[at]] &&
               text.data[at] < 0x80)
            before = text.data[at++]; /* within a word nothing begins */
    }
    *ret_read = at;
    return count;
}
