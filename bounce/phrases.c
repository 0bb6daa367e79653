#include "bounce/phrases.h"

#include <string.h>

#include "base/check.h"
#include "bounce/phrase_pieces.h"

#define NONE UINT16_MAX
#define PARTS_MAX (2 * RULES_PHRASES_MAX * RULES_PARTS_MAX)
#define COLUMNS_MAX 128 /* folded text has 81 different bytes, 36 of them letters and digits */

/* A piece of a phrase, as it ends in a state. */
struct part {
    uint16_t phrase;
    uint16_t gap;  /* of a phrase with gaps: which of them */
    uint16_t next; /* another part with the same bytes, or NONE */
    uint8_t index; /* within the phrase */
    uint8_t size;
    bool last;
    bool border_after;
};

/* A state: most have one byte that leads on, for all others it is as the longest suffix that is a
 * state. Such chains stand close together, eight in a cache line. */
struct node {
    uint16_t row;    /* of a state with several: where every byte leads; else NONE */
    uint16_t next;   /* with `only`; or NONE */
    uint16_t suffix; /* the longest that is a state */
    uint8_t only;    /* column; 0: none */
    bool tells;      /* a part ends here, or with a suffix */
};

static_assert(sizeof(struct node) == 8, "eight in a cache line");

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
    uint32_t rows_count;
    uint32_t columns_shift; /* a row has 1 << columns_shift */
    struct columns columns;
    uint8_t word[256]; /* 1: a letter or digit */
    struct part *parts;
    struct node *nodes;
    uint16_t *rows;
    uint16_t *ending;  /* of each state: the first part that ends there, or NONE */
    uint16_t *shorter; /* the nearest state with an ending that is a suffix of this one, or 0 */
};

/* While it is built: the states that follow one state. */
struct tree {
    uint16_t *child;   /* the first; or 0 */
    uint16_t *sibling; /* the next; or 0 */
    uint8_t *column;   /* that leads to a state */
    uint16_t *queue;   /* the states, by their depth */
};

static bool is_word(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
}

/* In how many it is planted: without a border both at the beginning of a word and within one. */
static uint32_t ways(const struct phrase_piece *piece)
{
    return piece->border_before ? 1 : 2;
}

/* Whether byte `i` stands behind a letter or digit. */
static bool is_inside(const struct phrase_piece *piece, uint32_t i, uint32_t way)
{
    return i > 0 ? is_word(piece->bytes[i - 1]) : way > 0;
}

bool phrases_check(const char *const *list, uint32_t count, uint32_t *ret_bad)
{
    struct phrase_pieces pieces;
    uint32_t total = 1;

    for (*ret_bad = 0; *ret_bad < count; ++*ret_bad) {
        if (*ret_bad >= RULES_PHRASES_MAX || !phrase_pieces_cut(list[*ret_bad], &pieces))
            return false;
        for (uint32_t i = 0; i < pieces.count; i++)
            total += pieces.list[i].size * ways(&pieces.list[i]);
        if (total > PHRASES_STATES_MAX)
            return false;
    }
    return true;
}

struct sizes {
    uint32_t states; /* at most */
    uint32_t parts;
};

static void add_columns(struct columns *columns, const struct phrase_piece *piece)
{
    for (uint32_t way = 0; way < ways(piece); way++) {
        for (uint32_t i = 0; i < piece->size; i++) {
            uint8_t byte = piece->bytes[i];
            bool inside = is_inside(piece, i, way);

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
    struct phrase_pieces pieces;

    *ret_columns = (struct columns){.count = 1};
    for (uint32_t i = 0; i < count; i++) {
        CHECK(phrase_pieces_cut(list[i], &pieces));
        for (uint32_t p = 0; p < pieces.count; p++) {
            sizes.states += pieces.list[p].size * ways(&pieces.list[p]);
            sizes.parts += ways(&pieces.list[p]);
            add_columns(ret_columns, &pieces.list[p]);
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

/* A state that leads to several has as many parts behind it: the root's row is one more. */
static size_t cells_for(const struct sizes *sizes, const struct columns *columns)
{
    return (size_t)(sizes->parts + 1) << shift_for(columns->count);
}

size_t phrases_memory(const char *const *list, uint32_t count)
{
    struct columns columns;
    struct sizes sizes = measure(list, count, &columns);

    return arena_cost(1, sizeof(struct phrases)) +
           arena_cost(cells_for(&sizes, &columns), sizeof(uint16_t)) +
           arena_cost(sizes.states, sizeof(struct node)) +
           5 * arena_cost(sizes.states, sizeof(uint16_t)) + arena_cost(sizes.states, 1) +
           arena_cost(sizes.parts + 1, sizeof(struct part));
}

/* --- the tree --- */

static uint16_t find_child(const struct tree *tree, uint16_t state, uint8_t column)
{
    uint16_t child = tree->child[state];

    while (child != 0 && tree->column[child] != column)
        child = tree->sibling[child];
    return child;
}

static uint16_t add_child(struct phrases *phrases, struct tree *tree, uint16_t state,
                          uint8_t column)
{
    uint16_t child = (uint16_t)phrases->states_count++;

    phrases->ending[child] = NONE;
    tree->column[child] = column;
    tree->sibling[child] = tree->child[state];
    tree->child[state] = child;
    return child;
}

/* Walks the tree along the piece's bytes, adding what is missing. */
static void plant(struct phrases *phrases, struct tree *tree, const struct phrase_piece *piece,
                  uint32_t way, const struct part *part)
{
    uint16_t state = 0, number = (uint16_t)phrases->parts_count++;

    for (uint32_t i = 0; i < piece->size; i++) {
        uint8_t column = phrases->columns.of[is_inside(piece, i, way)][piece->bytes[i]];
        uint16_t child = find_child(tree, state, column);

        state = child != 0 ? child : add_child(phrases, tree, state, column);
    }
    phrases->parts[number] = *part;
    phrases->parts[number].next = phrases->ending[state];
    phrases->ending[state] = number;
}

static void plant_phrase(struct phrases *phrases, struct tree *tree, const char *phrase,
                         uint16_t number)
{
    struct phrase_pieces pieces;

    CHECK(phrase_pieces_cut(phrase, &pieces));
    for (uint32_t i = 0; i < pieces.count; i++) {
        const struct phrase_piece *piece = &pieces.list[i];
        struct part part = {.phrase = number,
                            .gap = (uint16_t)phrases->gaps_count,
                            .index = (uint8_t)i,
                            .size = piece->size,
                            .last = i + 1 == pieces.count,
                            .border_after = piece->border_after};

        for (uint32_t way = 0; way < ways(piece); way++)
            plant(phrases, tree, piece, way, &part);
    }
    phrases->gaps_count += pieces.count > 1;
}

/* --- from the tree to what is scanned with --- */

/* The state behind this one. Every step but the last leads to a shorter suffix. */
static inline uint32_t step(const struct phrases *phrases, uint32_t state, uint8_t column)
{
    for (;;) {
        const struct node *node = &phrases->nodes[state];

        if (node->row != NONE)
            return phrases->rows[((size_t)node->row << phrases->columns_shift) + column];
        if (node->only == column && column != 0)
            return node->next;
        state = node->suffix;
    }
}

/* The state's suffix and those of its parents are known. */
static void link_state(struct phrases *phrases, const struct tree *tree, uint16_t state)
{
    struct node *node = &phrases->nodes[state];
    uint16_t child = tree->child[state], suffix = node->suffix;
    uint16_t *row;

    phrases->shorter[state] =
        phrases->ending[suffix] != NONE || state == 0 ? suffix : phrases->shorter[suffix];
    node->tells = phrases->ending[state] != NONE || phrases->shorter[state] != 0;
    for (uint16_t i = child; i != 0; i = tree->sibling[i])
        phrases->nodes[i].suffix =
            state == 0 ? 0 : (uint16_t)step(phrases, suffix, tree->column[i]);
    if (state != 0 && (child == 0 || tree->sibling[child] == 0)) {
        node->row = NONE;
        node->next = child;
        node->only = tree->column[child]; /* of no child: of the root, 0 */
        return;
    }
    node->row = (uint16_t)phrases->rows_count++;
    row = &phrases->rows[(size_t)node->row << phrases->columns_shift];
    for (uint32_t column = 0; state != 0 && column < phrases->columns.count; column++)
        row[column] = (uint16_t)step(phrases, suffix, (uint8_t)column);
    for (; child != 0; child = tree->sibling[child])
        row[tree->column[child]] = child;
}

/* Breadth first. */
static void link_states(struct phrases *phrases, struct tree *tree)
{
    uint32_t head = 0, tail = 0;

    tree->queue[tail++] = 0;
    while (head < tail) {
        uint16_t state = tree->queue[head++];

        link_state(phrases, tree, state);
        for (uint16_t i = tree->child[state]; i != 0; i = tree->sibling[i])
            tree->queue[tail++] = i;
    }
}

struct phrases *phrases_open(struct arena *arena, const char *const *list, uint32_t count)
{
    struct phrases *phrases = arena_alloc(arena, 1, sizeof(*phrases));
    struct sizes sizes = measure(list, count, &phrases->columns);
    struct tree tree;

    phrases->phrases_count = count;
    phrases->columns_shift = shift_for(phrases->columns.count);
    phrases->rows = arena_alloc(arena, cells_for(&sizes, &phrases->columns), sizeof(uint16_t));
    phrases->nodes = arena_alloc(arena, sizes.states, sizeof(struct node));
    phrases->ending = arena_alloc(arena, sizes.states, sizeof(uint16_t));
    phrases->shorter = arena_alloc(arena, sizes.states, sizeof(uint16_t));
    tree.child = arena_alloc(arena, sizes.states, sizeof(uint16_t));
    tree.sibling = arena_alloc(arena, sizes.states, sizeof(uint16_t));
    tree.queue = arena_alloc(arena, sizes.states, sizeof(uint16_t));
    tree.column = arena_alloc(arena, sizes.states, 1);
    phrases->parts = arena_alloc(arena, sizes.parts + 1, sizeof(struct part));
    for (uint32_t i = 0; i < 256; i++)
        phrases->word[i] = is_word((uint8_t)i);
    phrases->ending[0] = NONE;
    phrases->states_count = 1;
    for (uint32_t i = 0; i < count; i++)
        plant_phrase(phrases, &tree, list[i], (uint16_t)i);
    link_states(phrases, &tree);
    return phrases;
}

/* --- scanning --- */

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
        uint8_t byte = text.data[at], column = phrases->columns.of[inside][byte];

        /* The root's row is the first: within words that begin no phrase nothing else is read. */
        state = state == 0 ? phrases->rows[column] : step(phrases, state, column);
        inside = phrases->word[byte];
        if (state != 0 && phrases->nodes[state].tells)
            on_state(phrases, state, text, at + 1, &progress, found);
    }
}

bool phrases_has(const struct phrases_found *found, uint32_t phrase)
{
    return (found->bits[phrase / 64] >> phrase % 64 & 1) != 0;
}
