#include "bounce/notice_phrases.h"

#include "base/check.h"

#define SLOTS 4096
#define NO_ENTRY UINT16_MAX

struct notice_phrases {
    const struct notice_phrases_entry *entries;
    uint16_t *next;    /* of the entries with the same hash, by entry */
    uint8_t fold[256]; /* letters in lower case, all blanks one */
    uint8_t word[256]; /* letters and digits, and bytes within a character of UTF-8 */
    uint16_t first[SLOTS];
};

static uint32_t hash_of(uint32_t a, uint32_t b, uint32_t c)
{
    return (a * 0x9e5u ^ b * 0x1f3u ^ c * 0x6du) & (SLOTS - 1);
}

size_t notice_phrases_cost(size_t count)
{
    return arena_cost(1, sizeof(struct notice_phrases)) + arena_cost(count, sizeof(uint16_t));
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

struct notice_phrases *notice_phrases_open(struct arena *arena,
                                           const struct notice_phrases_entry *entries, size_t count)
{
    struct notice_phrases *phrases = arena_alloc(arena, 1, sizeof(*phrases));

    CHECK(count < NO_ENTRY);
    phrases->entries = entries;
    phrases->next = arena_alloc(arena, count, sizeof(phrases->next[0]));
    fill_tables(phrases);
    for (uint32_t i = 0; i < SLOTS; i++)
        phrases->first[i] = NO_ENTRY;
    for (size_t i = 0; i < count; i++) {
        struct span text = entries[i].text;

        CHECK(text.size >= NOTICE_PHRASES_SIZE_MIN);
        uint32_t slot = hash_of(text.data[0], text.data[1], text.data[2]);
        phrases->next[i] = phrases->first[slot];
        phrases->first[slot] = (uint16_t)i;
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
    uint16_t entry =
        phrases->first[hash_of(phrases->fold[text.data[at]], phrases->fold[text.data[at + 1]],
                               phrases->fold[text.data[at + 2]])];

    for (; entry != NO_ENTRY; entry = phrases->next[entry]) {
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
    size_t count = 0, at = 0;
    uint8_t before = 0;

    while (at + NOTICE_PHRASES_SIZE_MIN <= text.size && count < hits_max) {
        uint32_t meaning = 0;
        uint8_t byte = text.data[at];
        bool begins = byte > ' ' && (!phrases->word[before] || byte >= 0xc0 || before >= 0x80);
        size_t size = begins ? longest(phrases, text, at, &meaning) : 0;

        if (size > 0)
            hits[count++] = (struct notice_phrases_hit){.at = at, .size = size, .meaning = meaning};
        before = byte;
        at++;
    }
    *ret_read = at;
    return count;
}
