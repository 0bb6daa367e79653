#include "bounce/notice_phrases.h"

#include "base/check.h"
#include "base/word_starts.h"

#define SLOTS_BITS 12
#define SLOTS (1u << SLOTS_BITS)
#define NO_ROW UINT16_MAX

/* A phrase in the row of its slot. A row is sorted and stands in one piece. */
struct node {
    struct span text;
    uint32_t meaning;
    uint16_t shared; /* bytes in common with the phrase before in the row */
    bool last;       /* of its row */
};

struct notice_phrases {
    struct node *nodes;
    uint8_t fold[256]; /* letters in lower case, all blanks one */
    uint8_t word[256]; /* of letters, digits and bytes that are not ASCII: the same; else 0 */
    uint16_t first[SLOTS];
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
static uint32_t slot_of(const struct notice_phrases *phrases, const uint8_t *bytes)
{
    uint32_t key = phrases->fold[bytes[0]], part;

    if (is_cased(bytes[0])) {
        uint8_t two[2];

        lower_cased(bytes, two);
        key = (uint32_t)two[0] | (uint32_t)two[1] << 8 | (uint32_t)phrases->word[bytes[2]] << 16;
    } else if ((part = phrases->word[bytes[1]]) != 0) {
        key |= part << 8;
        if ((part = phrases->word[bytes[2]]) != 0) {
            key |= part << 16;
            key |= (uint32_t)phrases->word[bytes[3]] << 24;
        }
    }
    return key * 0x9e3779b1u >> (32 - SLOTS_BITS);
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
        if ((lower >= 'a' && lower <= 'z') || (i >= '0' && i <= '9') || i >= 0x80)
            phrases->word[i] = lower;
    }
    phrases->fold['\t'] = phrases->fold['\r'] = phrases->fold['\n'] = ' ';
}

/* By slot, then by text. */
static int compare(const struct notice_phrases *phrases, struct span a, struct span b)
{
    uint32_t slot_a = slot_of(phrases, a.data), slot_b = slot_of(phrases, b.data);

    return slot_a != slot_b ? (slot_a > slot_b ? 1 : -1) : span_compare(a, b);
}

static void insert(struct notice_phrases *phrases, size_t count,
                   const struct notice_phrases_entry *entry)
{
    struct node *nodes = phrases->nodes;

    CHECK(entry->text.size >= NOTICE_PHRASES_SIZE_MIN);
    for (; count > 0 && compare(phrases, entry->text, nodes[count - 1].text) < 0; count--)
        nodes[count] = nodes[count - 1];
    nodes[count] = (struct node){.text = entry->text, .meaning = entry->meaning};
}

static uint16_t shared_size(struct span a, struct span b)
{
    uint16_t shared = 0;

    while (shared < a.size && shared < b.size && a.data[shared] == b.data[shared])
        shared++;
    return shared;
}

static void mark_rows(struct notice_phrases *phrases, size_t count)
{
    uint32_t before = SLOTS;

    for (size_t i = 0; i < count; i++) {
        struct node *node = &phrases->nodes[i];
        uint32_t slot = slot_of(phrases, node->text.data);

        if (slot == before) {
            node->shared = shared_size(node->text, node[-1].text);
        } else {
            phrases->first[slot] = (uint16_t)i;
            if (i > 0)
                node[-1].last = true;
        }
        before = slot;
    }
    if (count > 0)
        phrases->nodes[count - 1].last = true;
}

struct notice_phrases *notice_phrases_open(struct arena *arena,
                                           const struct notice_phrases_entry *entries, size_t count)
{
    struct notice_phrases *phrases = arena_alloc(arena, 1, sizeof(*phrases));

    CHECK(count < NO_ROW);
    phrases->nodes = arena_alloc(arena, count, sizeof(phrases->nodes[0]));
    fill_tables(phrases);
    for (uint32_t i = 0; i < SLOTS; i++)
        phrases->first[i] = NO_ROW;
    for (size_t i = 0; i < count; i++)
        insert(phrases, i, &entries[i]);
    mark_rows(phrases, count);
    return phrases;
}

/* A text against one row: how many bytes of the entry looked at last are there, and where in the
 * text they end (0: not known, for it was passed over). */
struct matching {
    size_t matched;
    size_t end;
    bool before; /* the text comes before that phrase, and so before all behind it */
};

static void match(const struct notice_phrases *phrases, struct span phrase, struct span text,
                  struct matching *matching)
{
    const uint8_t *fold = phrases->fold;
    size_t i = matching->matched, at = matching->end;

    if (i < 2 && is_cased(phrase.data[0])) { /* the whole letter once more */
        uint8_t two[2];

        at -= i;
        lower_cased(text.data + at, two);
        i = two[0] != phrase.data[0] ? 0 : two[1] != phrase.data[1] ? 1 : 2;
        *matching = (struct matching){.matched = i, .end = at + i};
        if (i < 2)
            return;
        at += i;
    }
    while (i < phrase.size && at < text.size && fold[text.data[at]] == phrase.data[i]) {
        at++;
        while (phrase.data[i] == ' ' && at < text.size && fold[text.data[at]] == ' ')
            at++;
        i++;
    }
    matching->matched = i;
    matching->end = at;
    matching->before = i < phrase.size && (at >= text.size || fold[text.data[at]] < phrase.data[i]);
}

/* Phrases of a row share beginnings: what one of them had in common with the text says where the
 * next one fails, or from where on it must be compared. */
static size_t longest(const struct notice_phrases *phrases, const struct node *node,
                      struct span text, size_t at, uint32_t *ret_meaning)
{
    struct matching matching = {.matched = 0, .end = at};
    size_t best = 0;

    for (;; node++) {
        if (node->shared < matching.matched) { /* the text goes on as the one before did */
            matching = (struct matching){.matched = node->shared, .end = 0};
        } else if (node->shared == matching.matched) {
            if (matching.end == 0)
                matching = (struct matching){.matched = 0, .end = at};
            match(phrases, node->text, text, &matching);
            if (matching.matched == node->text.size && matching.end - at > best) {
                best = matching.end - at;
                *ret_meaning = node->meaning;
            }
        } /* else it fails where the one before did */
        if (node->last || matching.before)
            return best;
    }
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
            uint32_t meaning = 0;
            size_t found;

            uint16_t row = phrases->first[slot_of(phrases, text.data + at)];

            if (row == NO_ROW)
                continue;
            found = longest(phrases, &phrases->nodes[row], text, at, &meaning);
            if (found == 0)
                continue;
            hits[count++] =
                (struct notice_phrases_hit){.at = at, .size = found, .meaning = meaning};
            if (count == hits_max)
                return count;
        }
    }
    return count;
}
