#include "bounce/notice_phrases.h"

#include "base/check.h"

#define SLOTS_BITS 12
#define SLOTS (1u << SLOTS_BITS)
#define NO_ENTRY UINT16_MAX

/* What a byte is to words. */
enum word {
    WORD_NOTHING = 0, /* a blank or mark */
    WORD_LETTER,      /* ASCII, or a digit */
    WORD_OTHER,       /* begins a character of UTF-8 */
    WORD_INSIDE       /* goes on with one */
};

struct notice_phrases {
    const struct notice_phrases_entry *entries;
    uint16_t *next;    /* in the row of a slot, which is sorted; by entry */
    uint16_t *shared;  /* bytes in common with the entry before in the row; by entry */
    uint8_t fold[256]; /* letters in lower case, all blanks one */
    uint8_t word[256]; /* enum word */
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
    return arena_cost(1, sizeof(struct notice_phrases)) + 2 * arena_cost(count, sizeof(uint16_t));
}

static void fill_tables(struct notice_phrases *phrases)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint8_t lower = span_lower_byte((uint8_t)i);

        phrases->fold[i] = lower;
        if ((lower >= 'a' && lower <= 'z') || (i >= '0' && i <= '9'))
            phrases->word[i] = WORD_LETTER;
        else if (i >= 0x80)
            phrases->word[i] = i < 0xc0 ? WORD_INSIDE : WORD_OTHER;
    }
    phrases->fold['\t'] = phrases->fold['\r'] = phrases->fold['\n'] = ' ';
}

/* Puts an entry where it belongs in the row of its slot. */
static void insert(struct notice_phrases *phrases, uint16_t entry)
{
    struct span text = phrases->entries[entry].text;
    uint16_t *place = &phrases->first[hash_of(phrases->fold, text.data)];

    while (*place != NO_ENTRY && span_compare(phrases->entries[*place].text, text) < 0)
        place = &phrases->next[*place];
    phrases->next[entry] = *place;
    *place = entry;
}

static void measure_shared(struct notice_phrases *phrases, uint32_t slot)
{
    struct span before = {NULL, 0};

    for (uint16_t entry = phrases->first[slot]; entry != NO_ENTRY; entry = phrases->next[entry]) {
        struct span text = phrases->entries[entry].text;
        uint16_t shared = 0;

        while (shared < text.size && shared < before.size &&
               text.data[shared] == before.data[shared])
            shared++;
        phrases->shared[entry] = shared;
        before = text;
    }
}

struct notice_phrases *notice_phrases_open(struct arena *arena,
                                           const struct notice_phrases_entry *entries, size_t count)
{
    struct notice_phrases *phrases = arena_alloc(arena, 1, sizeof(*phrases));

    CHECK(count < NO_ENTRY);
    phrases->entries = entries;
    phrases->next = arena_alloc(arena, count, sizeof(phrases->next[0]));
    phrases->shared = arena_alloc(arena, count, sizeof(phrases->shared[0]));
    fill_tables(phrases);
    for (uint32_t i = 0; i < SLOTS; i++)
        phrases->first[i] = NO_ENTRY;
    for (size_t i = 0; i < count; i++) {
        CHECK(entries[i].text.size >= NOTICE_PHRASES_SIZE_MIN);
        insert(phrases, (uint16_t)i);
    }
    for (uint32_t i = 0; i < SLOTS; i++)
        measure_shared(phrases, i);
    return phrases;
}

/* A text against one row: how many bytes of the entry looked at last are there, and where in the
 * text they end (0: not known, for it was passed over). */
struct matching {
    size_t matched;
    size_t end;
};

static void match(const struct notice_phrases *phrases, struct span phrase, struct span text,
                  struct matching *matching)
{
    const uint8_t *fold = phrases->fold;
    size_t i = matching->matched, at = matching->end;

    while (i < phrase.size && at < text.size && fold[text.data[at]] == phrase.data[i]) {
        at++;
        while (phrase.data[i] == ' ' && at < text.size && fold[text.data[at]] == ' ')
            at++;
        i++;
    }
    matching->matched = i;
    matching->end = at;
}

/* Entries of a row share beginnings: what one of them had in common with the text says where the
 * next one fails, or from where on it must be compared. */
static size_t longest(const struct notice_phrases *phrases, struct span text, size_t at,
                      uint32_t *ret_meaning)
{
    struct matching matching = {.matched = 0, .end = at};
    uint16_t entry = phrases->first[hash_of(phrases->fold, text.data + at)];
    size_t best = 0;

    for (; entry != NO_ENTRY; entry = phrases->next[entry]) {
        struct span phrase = phrases->entries[entry].text;
        size_t shared = phrases->shared[entry];

        if (shared > matching.matched)
            continue;                    /* fails where the one before did */
        if (shared < matching.matched) { /* the text goes on as the one before did */
            matching = (struct matching){.matched = shared, .end = 0};
            continue;
        }
        if (matching.end == 0)
            matching = (struct matching){.matched = 0, .end = at};
        match(phrases, phrase, text, &matching);
        if (matching.matched == phrase.size && matching.end - at > best) {
            best = matching.end - at;
            *ret_meaning = phrases->entries[entry].meaning;
        }
    }
    return best;
}

size_t notice_phrases_find(const struct notice_phrases *phrases, struct span text,
                           struct notice_phrases_hit *hits, size_t hits_max, size_t *ret_read)
{
    const uint8_t *word = phrases->word;
    size_t end = text.size >= NOTICE_PHRASES_SIZE_MIN ? text.size - NOTICE_PHRASES_SIZE_MIN + 1 : 0;
    size_t count = 0, at = 0;

    while (count < hits_max) {
        while (at < end && word[text.data[at]] == 0)
            at++; /* nothing begins with a blank or a mark */
        if (at >= end)
            break;
        uint32_t meaning = 0;
        size_t size = longest(phrases, text, at, &meaning);
        if (size > 0)
            hits[count++] = (struct notice_phrases_hit){.at = at, .size = size, .meaning = meaning};
        uint8_t kind = word[text.data[at++]];
        while (at < end && word[text.data[at]] == WORD_LETTER && kind == WORD_LETTER)
            at++; /* nor within a word; other scripts than Latin have no such borders */
        while (at < end && word[text.data[at]] == WORD_INSIDE)
            at++;
    }
    *ret_read = at;
    return count;
}
