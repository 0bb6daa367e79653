#include "bounce/phrases.h"

#include <string.h>

#include "base/check.h"
#include "bounce/reply_fold.h"

#define NONE UINT16_MAX
#define PARTS_MAX (RULES_PHRASES_MAX * RULES_PARTS_MAX)

/* A run of bytes that must stand in the text: a phrase, or what stands between two of its gaps. */
struct part {
    uint16_t phrase;
    uint16_t next; /* another part with the same bytes, or NONE */
    uint8_t index; /* within the phrase */
    uint8_t size;
    bool last;
    bool border_before;
    bool border_after;
};

struct phrases {
    uint32_t phrases_count;
    uint32_t parts_count;
    uint32_t states_count;
    uint32_t columns_count; /* a power of two */
    uint32_t columns_shift;
    uint8_t column_of[256]; /* 0: stands in no phrase */
    struct part *parts;
    uint16_t *next;    /* states_count rows of columns */
    uint16_t *ending;  /* of each state: the first part that ends there, or NONE */
    uint16_t *shorter; /* the nearest state with an ending that is a suffix of this one, or 0 */
};

struct pieces {
    struct part parts[RULES_PARTS_MAX];
    uint8_t bytes[RULES_PARTS_MAX][RULES_PHRASE_SIZE_MAX];
    uint32_t count;
};

static bool add_piece(struct pieces *pieces, struct span bytes)
{
    struct part *part;

    if (pieces->count == RULES_PARTS_MAX)
        return false;
    part = &pieces->parts[pieces->count];
    part->index = (uint8_t)pieces->count;
    part->border_before = bytes.size > 0 && bytes.data[0] != '*';
    part->border_after = bytes.size > 0 && bytes.data[bytes.size - 1] != '*';
    if (!part->border_before)
        bytes = span_skip(bytes, 1);
    if (!part->border_after && bytes.size > 0)
        bytes = span_first(bytes, bytes.size - 1);
    part->size = (uint8_t)reply_fold(bytes, pieces->bytes[pieces->count], RULES_PHRASE_SIZE_MAX);
    pieces->count++;
    return part->size > 0;
}

/* A phrase's parts; false when it is none. */
static bool cut(const char *phrase, struct pieces *pieces)
{
    struct span rest = span_cstr(phrase);

    *pieces = (struct pieces){0};
    if (rest.size == 0 || rest.size > RULES_PHRASE_SIZE_MAX)
        return false;
    for (;;) {
        size_t gap = span_find(rest, SPAN(" * "));

        if (!add_piece(pieces, span_first(rest, gap == SPAN_NOT_FOUND ? rest.size : gap)))
            return false;
        if (gap == SPAN_NOT_FOUND)
            break;
        rest = span_skip(rest, gap + 3);
    }
    pieces->parts[pieces->count - 1].last = true;
    return true;
}

bool phrases_check(const char *const *list, uint32_t count, uint32_t *ret_bad)
{
    struct pieces pieces;
    uint32_t total = 1;

    for (*ret_bad = 0; *ret_bad < count; ++*ret_bad) {
        if (*ret_bad >= RULES_PHRASES_MAX || !cut(list[*ret_bad], &pieces))
            return false;
        for (uint32_t i = 0; i < pieces.count; i++)
            total += pieces.parts[i].size;
        if (total > PHRASES_STATES_MAX)
            return false;
    }
    return true;
}

struct sizes {
    uint32_t states; /* at most */
    uint32_t parts;
    uint32_t columns;
};

static struct sizes measure(const char *const *list, uint32_t count, uint8_t column_of[256])
{
    struct sizes sizes = {.states = 1, .columns = 1};
    struct pieces pieces;

    memset(column_of, 0, 256);
    for (uint32_t i = 0; i < count; i++) {
        CHECK(cut(list[i], &pieces));
        for (uint32_t p = 0; p < pieces.count; p++) {
            sizes.states += pieces.parts[p].size;
            for (uint32_t b = 0; b < pieces.parts[p].size; b++) {
                uint8_t byte = pieces.bytes[p][b];

                if (column_of[byte] == 0)
                    column_of[byte] = (uint8_t)sizes.columns++;
            }
        }
        sizes.parts += pieces.count;
    }
    CHECK(sizes.states <= PHRASES_STATES_MAX && sizes.parts <= PARTS_MAX && sizes.columns <= 128);
    return sizes;
}

static uint32_t shift_for(uint32_t columns)
{
    uint32_t shift = 0;

    while ((UINT32_C(1) << shift) < columns)
        shift++;
    return shift;
}

size_t phrases_memory(const char *const *list, uint32_t count)
{
    uint8_t column_of[256];
    struct sizes sizes = measure(list, count, column_of);
    size_t cells = (size_t)sizes.states << shift_for(sizes.columns);

    return arena_cost(1, sizeof(struct phrases)) + arena_cost(cells, sizeof(uint16_t)) +
           4 * arena_cost(sizes.states, sizeof(uint16_t)) +
           arena_cost(sizes.parts + 1, sizeof(struct part));
}

static uint16_t *cell(const struct phrases *phrases, uint32_t state, uint8_t column)
{
    return &phrases->next[((size_t)state << phrases->columns_shift) + column];
}

/* Walks the tree along the part's bytes, adding what is missing. */
static void plant(struct phrases *phrases, const struct part *part, const uint8_t *bytes)
{
    uint32_t state = 0;
    uint16_t number = (uint16_t)phrases->parts_count++;

    for (uint32_t i = 0; i < part->size; i++) {
        uint16_t *next = cell(phrases, state, phrases->column_of[bytes[i]]);

        if (*next == 0) {
            phrases->ending[phrases->states_count] = NONE;
            *next = (uint16_t)phrases->states_count++;
        }
        state = *next;
    }
    phrases->parts[number] = *part;
    phrases->parts[number].next = phrases->ending[state];
    phrases->ending[state] = number;
}

/* Breadth first: every missing edge becomes the edge of the longest suffix that is a state. */
static void close_edges(struct phrases *phrases, uint16_t *suffix, uint16_t *queue)
{
    uint32_t head = 0, tail = 0;

    for (uint32_t column = 0; column < phrases->columns_count; column++) {
        uint16_t state = *cell(phrases, 0, (uint8_t)column);

        if (state != 0)
            queue[tail++] = state;
    }
    while (head < tail) {
        uint16_t state = queue[head++];
        uint16_t fallback = suffix[state];

        phrases->shorter[state] =
            phrases->ending[fallback] != NONE ? fallback : phrases->shorter[fallback];
        for (uint32_t column = 0; column < phrases->columns_count; column++) {
            uint16_t *next = cell(phrases, state, (uint8_t)column);
            uint16_t other = *cell(phrases, fallback, (uint8_t)column);

            if (*next == 0) {
                *next = other;
            } else {
                suffix[*next] = other;
                queue[tail++] = *next;
            }
        }
    }
}

static void swap_u16(uint16_t *a, uint16_t *b)
{
    uint16_t other = *a;

    *a = *b;
    *b = other;
}

/* Numbers the states by their depth: those near the root, where most of a text is read, stand close
 * together. `queue`: the states in that order; `place` is overwritten. */
static void sort_states(struct phrases *phrases, const uint16_t *queue, uint16_t *place)
{
    size_t cells = (size_t)phrases->states_count << phrases->columns_shift;

    place[0] = 0;
    for (uint32_t i = 0; i + 1 < phrases->states_count; i++)
        place[queue[i]] = (uint16_t)(i + 1);
    for (size_t i = 0; i < cells; i++)
        phrases->next[i] = place[phrases->next[i]];
    for (uint32_t i = 0; i < phrases->states_count; i++)
        phrases->shorter[i] = place[phrases->shorter[i]];
    for (uint32_t i = 1; i < phrases->states_count; i++) {
        while (place[i] != i) {
            uint32_t to = place[i];

            for (uint32_t column = 0; column < phrases->columns_count; column++)
                swap_u16(cell(phrases, i, (uint8_t)column), cell(phrases, to, (uint8_t)column));
            swap_u16(&phrases->ending[i], &phrases->ending[to]);
            swap_u16(&phrases->shorter[i], &phrases->shorter[to]);
            swap_u16(&place[i], &place[to]);
        }
    }
}

struct phrases *phrases_open(struct arena *arena, const char *const *list, uint32_t count)
{
    struct phrases *phrases = arena_alloc(arena, 1, sizeof(*phrases));
    struct sizes sizes = measure(list, count, phrases->column_of);
    uint16_t *suffix, *queue;

    phrases->phrases_count = count;
    phrases->columns_shift = shift_for(sizes.columns);
    phrases->columns_count = UINT32_C(1) << phrases->columns_shift;
    phrases->next =
        arena_alloc(arena, (size_t)sizes.states << phrases->columns_shift, sizeof(uint16_t));
    phrases->ending = arena_alloc(arena, sizes.states, sizeof(uint16_t));
    phrases->shorter = arena_alloc(arena, sizes.states, sizeof(uint16_t));
    suffix = arena_alloc(arena, sizes.states, sizeof(uint16_t));
    queue = arena_alloc(arena, sizes.states, sizeof(uint16_t));
    phrases->parts = arena_alloc(arena, sizes.parts + 1, sizeof(struct part));
    phrases->ending[0] = NONE;
    phrases->states_count = 1;
    for (uint32_t i = 0; i < count; i++) {
        struct pieces pieces;

        CHECK(cut(list[i], &pieces));
        for (uint32_t p = 0; p < pieces.count; p++) {
            pieces.parts[p].phrase = (uint16_t)i;
            plant(phrases, &pieces.parts[p], pieces.bytes[p]);
        }
    }
    close_edges(phrases, suffix, queue);
    sort_states(phrases, queue, suffix);
    return phrases;
}

/* How far the phrases with gaps have come in one text. */
struct progress {
    uint8_t parts[RULES_PHRASES_MAX]; /* bit i: part i was found, behind part i - 1 */
    uint16_t ends[RULES_PHRASES_MAX][RULES_PARTS_MAX - 1]; /* where it ended last */
};

static bool is_word(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
}

static bool borders_hold(const struct part *part, struct span text, size_t end)
{
    size_t start = end - part->size;

    if (part->border_before && start > 0 && is_word(text.data[start]) &&
        is_word(text.data[start - 1]))
        return false;
    return !part->border_after || end >= text.size || !is_word(text.data[end - 1]) ||
           !is_word(text.data[end]);
}

static void on_part(const struct part *part, size_t end, struct progress *progress,
                    struct phrases_found *found)
{
    size_t start = end - part->size;
    uint32_t phrase = part->phrase;

    if (part->index > 0) {
        size_t before = progress->ends[phrase][part->index - 1];

        if ((progress->parts[phrase] >> (part->index - 1) & 1) == 0 || start < before ||
            start - before > RULES_GAP_MAX)
            return;
    }
    if (part->last) {
        found->bits[phrase / 64] |= UINT64_C(1) << phrase % 64;
        return;
    }
    progress->parts[phrase] |= (uint8_t)(1U << part->index);
    progress->ends[phrase][part->index] = (uint16_t)end;
}

void phrases_scan(const struct phrases *phrases, struct span text, struct phrases_found *found)
{
    struct progress progress;
    uint32_t state = 0;

    CHECK(text.size <= UINT16_MAX);
    memset(progress.parts, 0, phrases->phrases_count);
    memset(found->bits, 0, (phrases->phrases_count + 63) / 64 * sizeof(uint64_t));
    for (size_t at = 0; at < text.size; at++) {
        uint32_t ended;

        state = *cell(phrases, state, phrases->column_of[text.data[at]]);
        ended = phrases->ending[state] != NONE ? state : phrases->shorter[state];
        for (; ended != 0; ended = phrases->shorter[ended]) {
            for (uint16_t i = phrases->ending[ended]; i != NONE; i = phrases->parts[i].next) {
                if (borders_hold(&phrases->parts[i], text, at + 1))
                    on_part(&phrases->parts[i], at + 1, &progress, found);
            }
        }
    }
}

bool phrases_has(const struct phrases_found *found, uint32_t phrase)
{
    return (found->bits[phrase / 64] >> phrase % 64 & 1) != 0;
}
