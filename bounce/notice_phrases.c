#include "bounce/notice_phrases.h"

#include <string.h>

#include "base/check.h"
#include "base/word_starts.h"

#define SLOTS_BITS 11
#define SLOTS (1u << SLOTS_BITS)
#define HASHES_BITS 14
#define HASHES (1u << HASHES_BITS)
#define FRONT WORD_STARTS_FRONT
#define STEP 4 /* fronts are looked up by their first 16, 12, 8, 4 bytes */
#define CHAINS_BITS 11
#define CHAINS (1u << CHAINS_BITS)
#define NO_NODE UINT16_MAX

/* A phrase in the chain of as much of its front as it fills. */
struct node {
    uint64_t front[FRONT / 8]; /* its first bytes, then zeroes */
    const uint8_t *text;
    uint32_t meaning;
    uint16_t size;
    uint16_t next; /* of its chain */
};

static_assert(sizeof(struct node) == 32, "two in a cache line");

struct notice_phrases {
    struct node *nodes;
    uint8_t fold[256]; /* letters in lower case, all blanks one */
    uint8_t word[256]; /* of letters, digits and bytes that are not ASCII: the same; else 0 */
    bool cased[256];   /* the first byte of a letter of two bytes that has upper case */
    uint64_t masks[FRONT + 1][FRONT / 8]; /* so many bytes of a front */
    uint64_t eights[CHAINS / 64];         /* hashes of eight bytes that some phrase begins with */
    uint64_t present[HASHES / 64];        /* hashes that some phrase has */
    uint8_t sizes[SLOTS];                 /* bit i: of i + 1 STEPs, that some phrase fills */
    uint16_t chains[CHAINS];
};

/* How a text goes on: its next bytes, folded, each run of blanks as one. */
struct front {
    uint64_t words[FRONT / 8];
    size_t size; /* so many were taken one by one: FRONT, or 0 */
};

/* The first byte of a letter of two bytes that has upper case: Latin, Greek, Cyrillic. */
static bool is_cased(uint8_t byte)
{
    return byte == 0xc3 || byte == 0xce || byte == 0xcf || byte == 0xd0 || byte == 0xd1;
}

/* Such a letter in lower case. */
static void lower_cased(const uint8_t *bytes, uint8_t ret_bytes[2])
{
    uint8_t first = bytes[0], second = bytes[1];

    if ((first == 0xc3 && second >= 0x80 && second <= 0x9e) ||
        (first == 0xce && second >= 0x91 && second <= 0x9f) ||
        (first == 0xd0 && second >= 0x90 && second <= 0x9f)) {
        second += 0x20;
    } else if ((first == 0xce || first == 0xd0) && second >= 0xa0 && second <= 0xaf) {
        first++;
        second -= 0x20;
    }
    ret_bytes[0] = first;
    ret_bytes[1] = second;
}

/* Of the word that begins here, as far as it is within four bytes, folded. */
static uint32_t hash_of(const struct notice_phrases *phrases, const uint8_t *bytes)
{
    const uint8_t *word = phrases->word;
    uint32_t key, end;

    if (phrases->cased[bytes[0]]) {
        uint8_t two[2];

        lower_cased(bytes, two);
        key = (uint32_t)two[0] | (uint32_t)two[1] << 8 | (uint32_t)word[bytes[2]] << 16;
    } else {
        key = (uint32_t)phrases->fold[bytes[0]] | (uint32_t)word[bytes[1]] << 8 |
              (uint32_t)word[bytes[2]] << 16 | (uint32_t)word[bytes[3]] << 24;
        end = (key - UINT32_C(0x01010101)) & ~key & UINT32_C(0x80808080);
        key &= ((end & (0 - end)) >> 7) - 1; /* what stands before the first zero */
    }
    return key * 0x9e3779b1u >> (32 - HASHES_BITS);
}

/* Of the first `size` bytes of a front. */
static uint32_t chain_of(const struct notice_phrases *phrases, const uint64_t *front, size_t size)
{
    const uint64_t *mask = phrases->masks[size];
    uint64_t hash = (front[0] & mask[0]) * UINT64_C(0x9e3779b97f4a7c15);

    hash ^= (front[1] & mask[1]) * UINT64_C(0xc2b2ae3d27d4eb4f);
    return (uint32_t)(hash >> (64 - CHAINS_BITS));
}

static uint32_t slot_of(uint32_t hash)
{
    return hash >> (HASHES_BITS - SLOTS_BITS);
}

size_t notice_phrases_cost(size_t count)
{
    return arena_cost(1, sizeof(struct notice_phrases)) + arena_cost(count, sizeof(struct node));
}

static void fill_tables(struct notice_phrases *phrases)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint8_t lower = span_lower_byte((uint8_t)i);

        phrases->fold[i] = lower;
        phrases->cased[i] = is_cased((uint8_t)i);
        if ((lower >= 'a' && lower <= 'z') || (i >= '0' && i <= '9') || i >= 0x80)
            phrases->word[i] = lower;
    }
    phrases->fold['\t'] = phrases->fold['\r'] = phrases->fold['\n'] = ' ';
}

static void fill_masks(struct notice_phrases *phrases)
{
    static const uint8_t ones[FRONT] = {255, 255, 255, 255, 255, 255, 255, 255,
                                        255, 255, 255, 255, 255, 255, 255, 255};

    for (size_t size = 0; size <= FRONT; size++)
        memcpy(phrases->masks[size], ones, size);
}

static void add(struct notice_phrases *phrases, uint16_t index,
                const struct notice_phrases_entry *entry)
{
    struct node *node = &phrases->nodes[index];
    uint32_t hash = hash_of(phrases, entry->text.data), chain;
    size_t steps = min_size(entry->text.size, FRONT) / STEP;

    CHECK(entry->text.size >= NOTICE_PHRASES_SIZE_MIN && entry->text.size <= UINT16_MAX);
    phrases->present[hash / 64] |= UINT64_C(1) << hash % 64;
    phrases->sizes[slot_of(hash)] |= (uint8_t)(1u << (steps - 1));
    *node = (struct node){
        .text = entry->text.data, .meaning = entry->meaning, .size = (uint16_t)entry->text.size};
    memcpy(node->front, entry->text.data, min_size(entry->text.size, FRONT));
    if (steps >= 2) {
        chain = chain_of(phrases, node->front, 8);
        phrases->eights[chain / 64] |= UINT64_C(1) << chain % 64;
    }
    chain = chain_of(phrases, node->front, steps * STEP);
    node->next = phrases->chains[chain];
    phrases->chains[chain] = index;
}

struct notice_phrases *notice_phrases_open_some(struct arena *arena,
                                                const struct notice_phrases_entry *entries,
                                                size_t count, uint32_t meanings)
{
    struct notice_phrases *phrases = arena_alloc(arena, 1, sizeof(*phrases));

    CHECK(count < NO_NODE);
    phrases->nodes = arena_alloc(arena, count, sizeof(phrases->nodes[0]));
    fill_tables(phrases);
    fill_masks(phrases);
    for (uint32_t i = 0; i < CHAINS; i++)
        phrases->chains[i] = NO_NODE;
    for (size_t i = count; i-- > 0;)
        if ((entries[i].meaning & meanings) != 0)
            add(phrases, (uint16_t)i, &entries[i]);
    return phrases;
}

struct notice_phrases *notice_phrases_open(struct arena *arena,
                                           const struct notice_phrases_entry *entries, size_t count)
{
    return notice_phrases_open_some(arena, entries, count, UINT32_MAX);
}

/* Near the end of the text, or with blanks that are one: byte by byte. */
static void read_slowly(const struct notice_phrases *phrases, struct span text, size_t at,
                        uint8_t folded[FRONT])
{
    size_t size = 0;

    while (at < text.size && size < FRONT) {
        folded[size] = phrases->fold[text.data[at++]];
        if (folded[size++] != ' ')
            continue;
        while (at < text.size && phrases->fold[text.data[at]] == ' ')
            at++;
    }
    memset(folded + size, 0, FRONT - size);
}

static struct front read_front(const struct notice_phrases *phrases, struct span text, size_t at)
{
    struct front front = {.size = 0};
    uint8_t folded[FRONT];
    uint32_t blanks = 0;

    if (text.size - at >= FRONT) {
        blanks = word_starts_fold(text.data + at, folded);
        front.size = (blanks & blanks >> 1) == 0 ? FRONT : 0;
    }
    if (front.size == 0)
        read_slowly(phrases, text, at, folded);
    if (phrases->cased[text.data[at]])
        lower_cased(text.data + at, folded);
    memcpy(front.words, folded, sizeof(front.words));
    return front;
}

/* Where the phrase ends in the text at whose place `at` its first `size` bytes stand; 0: it does
 * not go on so. */
static size_t match(const struct notice_phrases *phrases, struct span phrase, struct span text,
                    size_t at, size_t size)
{
    const uint8_t *fold = phrases->fold;

    at += size;
    for (size_t i = size;; i++, at++) {
        while (phrase.data[i - 1] == ' ' && at < text.size && fold[text.data[at]] == ' ')
            at++;
        if (i == phrase.size)
            return at;
        if (at >= text.size || fold[text.data[at]] != phrase.data[i])
            return 0;
    }
}

/* The longest phrase that was found at a place. */
struct found {
    size_t end; /* in the text */
    uint32_t meaning;
};

static void try_node(const struct notice_phrases *phrases, const struct node *node,
                     const struct front *front, struct span text, size_t at, struct found *found)
{
    size_t size = min_size(node->size, FRONT), end;
    const uint64_t *mask = phrases->masks[size];

    if ((((front->words[0] ^ node->front[0]) & mask[0]) |
         ((front->words[1] ^ node->front[1]) & mask[1])) != 0)
        return;
    /* The first letter, which may have been one of two bytes, is known to be the same. */
    end = match(phrases, span_make(node->text, node->size), text, at,
                front->size == FRONT ? size : 2);
    if (end > found->end)
        *found = (struct found){.end = end, .meaning = node->meaning};
}

/* Whether some phrase may begin with the next eight bytes. */
static bool is_some(const struct notice_phrases *phrases, const struct front *front)
{
    uint32_t hash = chain_of(phrases, front->words, 8);

    return (phrases->eights[hash / 64] >> hash % 64 & 1) != 0;
}

/* Longer ones first: a phrase that fills more of the front than another is the longer one. */
static struct found find_at(const struct notice_phrases *phrases, struct span text, size_t at,
                            uint32_t sizes)
{
    struct front front = read_front(phrases, text, at);
    struct found found = {.end = 0};

    if (!is_some(phrases, &front))
        sizes &= 1;
    while (sizes != 0 && found.end == 0) {
        uint32_t top = 31 - (uint32_t)__builtin_clz(sizes);
        uint16_t i = phrases->chains[chain_of(phrases, front.words, (size_t)(top + 1) * STEP)];

        sizes ^= 1u << top;
        for (; i != NO_NODE; i = phrases->nodes[i].next)
            try_node(phrases, &phrases->nodes[i], &front, text, at, &found);
    }
    return found;
}

size_t notice_phrases_find(const struct notice_phrases *phrases, struct span text,
                           struct notice_phrases_hit *hits, size_t hits_max)
{
    size_t end = text.size >= NOTICE_PHRASES_SIZE_MIN ? text.size - NOTICE_PHRASES_SIZE_MIN + 1 : 0;
    size_t count = 0;
    bool in_word = false;

    for (size_t from = 0; from < end; from += WORD_STARTS_SIZE) {
        size_t size = min_size(end - from, WORD_STARTS_SIZE);
        uint64_t starts = word_starts(text.data + from, size, &in_word);

        for (; starts != 0; starts &= starts - 1) {
            size_t at = from + (size_t)__builtin_ctzll(starts);
            uint32_t hash = hash_of(phrases, text.data + at);
            struct found found;

            if ((phrases->present[hash / 64] >> hash % 64 & 1) == 0)
                continue;
            found = find_at(phrases, text, at, phrases->sizes[slot_of(hash)]);
            if (found.end == 0)
                continue;
            hits[count++] = (struct notice_phrases_hit){
                .at = at, .size = found.end - at, .meaning = found.meaning};
            if (count == hits_max)
                return count;
        }
    }
    return count;
}
