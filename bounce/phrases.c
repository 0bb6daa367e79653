#include "bounce/phrases.h"

#include <string.h>

#include "base/check.h"
#include "bounce/reply_fold.h"

#define NONE UINT16_MAX
#define PARTS_MAX (2 * RULES_PHRASES_MAX * RULES_PARTS_MAX)
#define COLUMNS_MAX 128 /* folded text has 81 different bytes, 36 of them letters and digits */

/* A run of bytes that must stand in the text: a phrase, or what stands between two of its gaps. */
struct part {
    uint16_t phrase;
    uint16_t gap;  /* of a phrase with gaps: which of them */
    uint16_t next; /* another part with the same bytes, or NONE */
    uint8_t index; /* within the phrase */
    uint8_t size;
    bool last;
    bool border_before;
    bool border_after;
};

/* A letter or digit that begins a word is not the same as one within a word: what must stand at a
 * border is begun at borders alone, and most of a text is read in the first row. */
struct columns {
    uint8_t of[2][256]; /* [1]: behind a letter or digit; 0: stands so in no phrase */
    uint32_t count;
};

struct phrases {
    uint32_t phrases_count;
    uint32_t gaps_count; /* phrases that have some */
    uint32_t parts_count;
    uint32_t states_count;
    uint32_t telling_from;  /* states from here on end a part, or a suffix of them does */
    uint32_t columns_count; /* a power of two */
    uint32_t columns_shift;
    struct columns columns;
    uint8_t word[256]; /* 1: a letter or digit */
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

static bool is_word(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
}

/* In how many it is planted: without a border both at the beginning of a word and within one. */
static uint32_t ways(const struct part *part)
{
    return part->border_before ? 1 : 2;
}

/* Whether byte `i` stands behind a letter or digit. */
static bool is_inside(const uint8_t *bytes, uint32_t i, uint32_t way)
{
    return i > 0 ? is_word(bytes[i - 1]) : way > 0;
}

bool phrases_check(const char *const *list, uint32_t count, uint32_t *ret_bad)
{
    struct pieces pieces;
    uint32_t total = 1;

    for (*ret_bad = 0; *ret_bad < count; ++*ret_bad) {
        if (*ret_bad >= RULES_PHRASES_MAX || !cut(list[*ret_bad], &pieces))
            return false;
        for (uint32_t i = 0; i < pieces.count; i++)
            total += (uint32_t)pieces.parts[i].size * ways(&pieces.parts[i]);
        if (total > PHRASES_STATES_MAX)
            return false;
    }
    return true;
}

struct sizes {
    uint32_t states; /* at most */
    uint32_t parts;
};

static void add_columns(struct columns *columns, const struct part *part, const uint8_t *bytes)
{
    for (uint32_t way = 0; way < ways(part); way++) {
        for (uint32_t i = 0; i < part->size; i++) {
            uint8_t byte = bytes[i];
            bool inside = is_inside(bytes, i, way);

            if (columns->of[inside][byte] != 0)
                continue;
            columns->of[inside][byte] = (uint8_t)columns->count++;
            if (!is_word(byte))
                columns->of[!inside][byte] = columns->of[inside][byte];
        }
    }
}

static struct sizes measure(const char *const *list, uint32_t count, struct columns *ret_columns)
{
    struct sizes sizes = {.states = 1};
    struct pieces pieces;

    *ret_columns = (struct columns){.count = 1};
    for (uint32_t i = 0; i < count; i++) {
        CHECK(cut(list[i], &pieces));
        for (uint32_t p = 0; p < pieces.count; p++) {
            sizes.states += pieces.parts[p].size * ways(&pieces.parts[p]);
            sizes.parts += ways(&pieces.parts[p]);
            add_columns(ret_columns, &pieces.parts[p], pieces.bytes[p]);
        }
    }
    CHECK(sizes.states <= PHRASES_STATES_MAX && sizes.parts <= PARTS_MAX);
    CHECK(ret_columns->count <= COLUMNS_MAX);
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
    struct columns columns;
    struct sizes sizes = measure(list, count, &columns);
    size_t cells = (size_t)sizes.states << shift_for(columns.count);

    return arena_cost(1, sizeof(struct phrases)) + arena_cost(cells, sizeof(uint16_t)) +
           4 * arena_cost(sizes.states, sizeof(uint16_t)) +
           arena_cost(sizes.parts + 1, sizeof(struct part));
}

static uint16_t *cell(const struct phrases *phrases, uint32_t state, uint8_t column)
{
    return &phrases->next[((size_t)state << phrases->columns_shift) + column];
}

/* Walks the tree along the part's bytes, adding what is missing. */
static void plant(struct phrases *phrases, const struct part *part, const uint8_t *bytes,
                  uint32_t way)
{
    uint32_t state = 0;
    uint16_t number = (uint16_t)phrases->parts_count++;

    for (uint32_t i = 0; i < part->size; i++) {
        uint8_t column = phrases->columns.of[is_inside(bytes, i, way)][bytes[i]];
        uint16_t *next = cell(phrases, state, column);

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

static void plant_phrase(struct phrases *phrases, const char *phrase, uint16_t number)
{
    struct pieces pieces;

    CHECK(cut(phrase, &pieces));
    for (uint32_t i = 0; i < pieces.count; i++) {
        struct part *part = &pieces.parts[i];

        part->phrase = number;
        part->gap = (uint16_t)phrases->gaps_count;
        for (uint32_t way = 0; way < ways(part); way++)
            plant(phrases, part, pieces.bytes[i], way);
    }
    phrases->gaps_count += pieces.count > 1;
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

static bool tells(const struct phrases *phrases, uint32_t state)
{
    return phrases->ending[state] != NONE || phrases->shorter[state] != 0;
}

/* New numbers of the states: those that tell nothing first, else by their depth. */
static void number_states(struct phrases *phrases, const uint16_t *queue, uint16_t *place)
{
    uint32_t number = 1;

    place[0] = 0;
    for (uint32_t telling = 0; telling < 2; telling++) {
        if (telling == 1)
            phrases->telling_from = number;
        for (uint32_t i = 0; i + 1 < phrases->states_count; i++)
            if (tells(phrases, queue[i]) == (telling == 1))
                place[queue[i]] = (uint16_t)number++;
    }
}

/* States near the root, where most of a text is read, stand close together. `queue`: the states by
 * their depth; `place` is overwritten. */
static void sort_states(struct phrases *phrases, const uint16_t *queue, uint16_t *place)
{
    size_t cells = (size_t)phrases->states_count << phrases->columns_shift;

    number_states(phrases, queue, place);
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
    struct sizes sizes = measure(list, count, &phrases->columns);
    uint16_t *suffix, *queue;

    phrases->phrases_count = count;
    phrases->columns_shift = shift_for(phrases->columns.count);
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
    for (uint32_t i = 0; i < 256; i++)
        phrases->word[i] = is_word((uint8_t)i);
    for (uint32_t i = 0; i < count; i++)
        plant_phrase(phrases, list[i], (uint16_t)i);
    close_edges(phrases, suffix, queue);
    sort_states(phrases, queue, suffix);
    return phrases;
}

/* How far the phrases with gaps have come in one text. */
struct progress {
    uint8_t parts[RULES_PHRASES_MAX]; /* by gap; bit i: part i was found, behind part i - 1 */
    uint16_t ends[RULES_PHRASES_MAX][RULES_PARTS_MAX - 1]; /* where it ended last */
};

/* That the border before it is there, its first byte says. */
static bool border_holds(const struct part *part, struct span text, size_t end)
{
    return !part->border_after || end >= text.size || !is_word(text.data[end - 1]) ||
           !is_word(text.data[end]);
}

static void on_part(const struct part *part, size_t end, struct progress *progress,
                    struct phrases_found *found)
{
    size_t start = end - part->size;
    uint32_t phrase = part->phrase, gap = part->gap;

    if (part->index > 0) {
        size_t before = progress->ends[gap][part->index - 1];

        if ((progress->parts[gap] >> (part->index - 1) & 1) == 0 || start < before ||
            start - before > RULES_GAP_MAX)
            return;
    }
    if (part->last) {
        found->bits[phrase / 64] |= UINT64_C(1) << phrase % 64;
        return;
    }
    progress->parts[gap] |= (uint8_t)(1U << part->index);
    progress->ends[gap][part->index] = (uint16_t)end;
}

/* The parts that end with the state, and with its suffixes. */
static void on_state(const struct phrases *phrases, uint32_t state, struct span text, size_t end,
                     struct progress *progress, struct phrases_found *found)
{
    if (phrases->ending[state] == NONE)
        state = phrases->shorter[state];
    for (; state != 0; state = phrases->shorter[state]) {
        for (uint16_t i = phrases->ending[state]; i != NONE; i = phrases->parts[i].next) {
            if (border_holds(&phrases->parts[i], text, end))
                on_part(&phrases->parts[i], end, progress, found);
        }
    }
}

void phrases_scan(const struct phrases *phrases, struct span text, struct phrases_found *found)
{
    struct progress progress;
    uint32_t state = 0, inside = 0;

    CHECK(text.size <= UINT16_MAX);
    memset(progress.parts, 0, phrases->gaps_count);
    memset(found->bits, 0, (phrases->phrases_count + 63) / 64 * sizeof(uint64_t));
    for (size_t at = 0; at < text.size; at++) {
        uint8_t byte = text.data[at];

        state = *cell(phrases, state, phrases->columns.of[inside][byte]);
        inside = phrases->word[byte];
        if (state >= phrases->telling_from)
            on_state(phrases, state, text, at + 1, &progress, found);
    }
}

bool phrases_has(const struct phrases_found *found, uint32_t phrase)
{
    return (found->bits[phrase / 64] >> phrase % 64 & 1) != 0;
}
