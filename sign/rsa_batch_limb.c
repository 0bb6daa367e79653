/* Compiled once for each LANE_HEADER (lane_model.h says what the operations are) as RSA_LIMB_NAME.
 *
 * Product scanning by tiles of five limbs: all that falls on columns 5k .. 5k+9 is summed in ten
 * words that stay in registers, 25 products at a time; the upper five are carried to the next k.
 * Sums stay below 2^64: at most 4 * 80 parts of 52 bits. Tiles are written out row by row, for not
 * every compiler unrolls two loops, and arrays in registers need it. */
#include "sign/rsa_batch_limb.h"

#include LANE_HEADER

enum { TILE = RSA_BATCH_TILE, COLUMNS = 2 * TILE, TILE_STEP = TILE * RSA_BATCH_LANES };

struct columns {
    lane_word low[COLUMNS];
    lane_word high[COLUMNS]; /* used when LANE_SPLIT */
};

/* How many low and high parts a tile adds to each column: of all its products; of the ten above the
 * diagonal; of its five squares; of what link() adds. */
static const uint8_t whole_low[COLUMNS] = {1, 2, 3, 4, 5, 4, 3, 2, 1, 0};
static const uint8_t whole_high[COLUMNS] = {0, 1, 2, 3, 4, 5, 4, 3, 2, 1};
static const uint8_t above_low[COLUMNS] = {0, 1, 1, 2, 2, 2, 1, 1, 0, 0};
static const uint8_t above_high[COLUMNS] = {0, 0, 1, 1, 2, 2, 2, 1, 1, 0};
static const uint8_t square_low[COLUMNS] = {1, 0, 1, 0, 1, 0, 1, 0, 1, 0};
static const uint8_t square_high[COLUMNS] = {0, 1, 0, 1, 0, 1, 0, 1, 0, 1};
static const uint8_t link_low[COLUMNS] = {0, 1, 2, 3, 4, 4, 3, 2, 1, 0};

/* Takes off what `count` tiles added too much. */
LANE_INLINE void unbias(lane_word *sum, const uint8_t *low, const uint8_t *high, uint64_t count)
{
    if (LANE_BIAS_LOW == 0)
        return;
    for (int c = 0; c < COLUMNS; c++)
        sum[c] = lane_add(
            sum[c], lane_spread(-(count * (low[c] * LANE_BIAS_LOW + high[c] * LANE_BIAS_HIGH))));
}

LANE_INLINE void clear(lane_word *sum)
{
    for (int c = 0; c < COLUMNS; c++)
        sum[c] = lane_spread(0);
}

LANE_INLINE void clear_columns(struct columns *columns)
{
    clear(columns->low);
    clear(columns->high);
}

/* Where the high parts that belong to column c + 1 go. */
LANE_INLINE lane_word *high_of(struct columns *columns)
{
    return LANE_SPLIT ? columns->high + 1 : columns->low + 1;
}

LANE_INLINE void join(struct columns *columns)
{
    if (!LANE_SPLIT)
        return;
    for (int c = 0; c < COLUMNS; c++)
        columns->low[c] = lane_add(columns->low[c], columns->high[c]);
    clear(columns->high);
}

LANE_INLINE void add_row(lane_word *low, lane_word *high, lane_factor x, const lane_factor *row)
{
    lane_add_product(low, high, x, row[0]);
    lane_add_product(low + 1, high + 1, x, row[1]);
    lane_add_product(low + 2, high + 2, x, row[2]);
    lane_add_product(low + 3, high + 3, x, row[3]);
    lane_add_product(low + 4, high + 4, x, row[4]);
}

LANE_INLINE void load_row(lane_factor *ret_row, const uint64_t *from)
{
    ret_row[0] = lane_factor_load(from);
    ret_row[1] = lane_factor_load(from + 8);
    ret_row[2] = lane_factor_load(from + 16);
    ret_row[3] = lane_factor_load(from + 24);
    ret_row[4] = lane_factor_load(from + 32);
}

LANE_INLINE void add_tile(struct columns *columns, const uint64_t *a, const uint64_t *b)
{
    lane_word *low = columns->low, *high = high_of(columns);
    lane_factor row[TILE];

    load_row(row, b);
    add_row(low, high, lane_factor_load(a), row);
    add_row(low + 1, high + 1, lane_factor_load(a + 8), row);
    add_row(low + 2, high + 2, lane_factor_load(a + 16), row);
    add_row(low + 3, high + 3, lane_factor_load(a + 24), row);
    add_row(low + 4, high + 4, lane_factor_load(a + 32), row);
}

/* `shared` is of the modulus: the same in all lanes. */
LANE_INLINE void add_shared_tile(struct columns *columns, const uint64_t *a, const uint64_t *shared)
{
    lane_word *low = columns->low, *high = high_of(columns);
    lane_factor row[TILE];

    load_row(row, a);
    add_row(low, high, lane_factor_spread(shared), row);
    add_row(low + 1, high + 1, lane_factor_spread(shared + 1), row);
    add_row(low + 2, high + 2, lane_factor_spread(shared + 2), row);
    add_row(low + 3, high + 3, lane_factor_spread(shared + 3), row);
    add_row(low + 4, high + 4, lane_factor_spread(shared + 4), row);
}

/* The products of a tile with itself: each pair once into `pairs`, to be doubled. */
LANE_INLINE void add_square_tile(struct columns *columns, struct columns *pairs, const uint64_t *a)
{
    lane_word *low = pairs->low, *high = high_of(pairs);
    lane_word *sum = columns->low;
    lane_factor row[TILE];

    load_row(row, a);
    lane_add_product(low + 1, high + 1, row[0], row[1]);
    lane_add_product(low + 2, high + 2, row[0], row[2]);
    lane_add_product(low + 3, high + 3, row[0], row[3]);
    lane_add_product(low + 4, high + 4, row[0], row[4]);
    lane_add_product(low + 3, high + 3, row[1], row[2]);
    lane_add_product(low + 4, high + 4, row[1], row[3]);
    lane_add_product(low + 5, high + 5, row[1], row[4]);
    lane_add_product(low + 5, high + 5, row[2], row[3]);
    lane_add_product(low + 6, high + 6, row[2], row[4]);
    lane_add_product(low + 7, high + 7, row[3], row[4]);
    lane_add_product(sum, sum + 1, row[0], row[0]);
    lane_add_product(sum + 2, sum + 3, row[1], row[1]);
    lane_add_product(sum + 4, sum + 5, row[2], row[2]);
    lane_add_product(sum + 6, sum + 7, row[3], row[3]);
    lane_add_product(sum + 8, sum + 9, row[4], row[4]);
}

/* One quotient: makes the low 52 bits of sum[0] zero by adding a multiple of the modulus, and
 * carries the rest on. What the product's lowest part would carry is known without computing it:
 * one when there is anything to cancel, else nothing. The second lowest part comes from sum[0] by
 * the prepared product and not by way of the quotient, which would take twice as long: every link
 * waits for the one before. */
LANE_INLINE void link(lane_word *sum, uint64_t *ret_quotient, const lane_factor *modulus,
                      lane_factor near, lane_factor near_second)
{
    lane_factor lowest = lane_factor_near(sum[0]);
    lane_factor quotient = lane_low(lowest, near);

    sum[1] = lane_add(sum[1], lane_above(lane_add(sum[0], lane_spread(LANE_MASK))));
    lane_add_low(sum + 1, lowest, near_second);
    lane_add_high(sum + 1, quotient, modulus[0]);
    lane_add_high(sum + 2, quotient, modulus[1]);
    lane_add_product(sum + 2, sum + 3, quotient, modulus[2]);
    lane_add_product(sum + 3, sum + 4, quotient, modulus[3]);
    lane_add_product(sum + 4, sum + 5, quotient, modulus[4]);
    lane_factor_store(ret_quotient, quotient);
}

LANE_INLINE void find_quotients(lane_word *sum, uint64_t *ret_quotients,
                                const struct rsa_batch_limb_modulus *modulus)
{
    lane_factor near = lane_factor_spread(&modulus->near[0]);
    lane_factor second = lane_factor_spread(&modulus->near[1]);
    lane_factor row[TILE];

    for (int i = 0; i < TILE; i++)
        row[i] = lane_factor_spread(modulus->factors + i);
    unbias(sum, link_low, whole_high, 1);
    link(sum, ret_quotients, row, near, second);
    link(sum + 1, ret_quotients + 8, row, near, second);
    link(sum + 2, ret_quotients + 16, row, near, second);
    link(sum + 3, ret_quotients + 24, row, near, second);
    link(sum + 4, ret_quotients + 32, row, near, second);
}

LANE_INLINE void put_limb(lane_word *sum, uint64_t *ret)
{
    lane_factor_store(ret, lane_factor_of(sum[0]));
    sum[1] = lane_add(sum[1], lane_above(sum[0]));
}

/* The quotients that are known, times the modulus. Returns how many tiles. */
LANE_INLINE uint32_t add_quotients(struct columns *columns, uint32_t k, const uint64_t *quotients,
                                   const struct rsa_batch_limb_modulus *modulus)
{
    uint32_t from = k < modulus->tiles ? 0 : k - modulus->tiles + 1;
    uint32_t end = k < modulus->tiles ? k : modulus->tiles;

    for (uint32_t i = from; i < end; i++)
        add_shared_tile(columns, quotients + (size_t)i * TILE_STEP,
                        modulus->factors + (size_t)(k - i) * TILE);
    return end > from ? end - from : 0;
}

/* Adds the quotients' part; then the lower five columns are done with. `count`: of the tiles that
 * were added before and still have their bias. */
LANE_INLINE void finish_columns(struct columns *columns, uint32_t k, uint32_t count, uint64_t *ret,
                                const struct rsa_batch_limb_modulus *modulus, uint64_t *quotients)
{
    lane_word *sum = columns->low;

    count += add_quotients(columns, k, quotients, modulus);
    join(columns);
    unbias(sum, whole_low, whole_high, count);
    if (k < modulus->tiles) {
        find_quotients(sum, quotients + (size_t)k * TILE_STEP, modulus);
    } else {
        ret += (size_t)(k - modulus->tiles) * TILE_STEP;
        put_limb(sum, ret);
        put_limb(sum + 1, ret + 8);
        put_limb(sum + 2, ret + 16);
        put_limb(sum + 3, ret + 24);
        put_limb(sum + 4, ret + 32);
    }
    for (int c = 0; c < TILE; c++) {
        sum[c] = sum[c + TILE];
        sum[c + TILE] = lane_spread(0);
    }
}

static void limb_multiply(uint64_t *ret, const uint64_t *a, const uint64_t *b,
                          const struct rsa_batch_limb_modulus *modulus, uint64_t *quotients)
{
    uint32_t tiles = modulus->tiles, from, end;
    struct columns columns;

    clear_columns(&columns);
    for (uint32_t k = 0; k < 2 * tiles; k++) {
        from = k < tiles ? 0 : k - tiles + 1;
        end = k < tiles ? k + 1 : tiles;
        for (uint32_t i = from; i < end; i++)
            add_tile(&columns, a + (size_t)i * TILE_STEP, b + (size_t)(k - i) * TILE_STEP);
        finish_columns(&columns, k, end - from, ret, modulus, quotients);
    }
}

/* The columns of the square itself, each pair of limbs multiplied once. */
LANE_INLINE void add_square(struct columns *columns, uint32_t k, const uint64_t *a, uint32_t tiles)
{
    uint32_t from = k < tiles ? 0 : k - tiles + 1, end = (k + 1) / 2;
    struct columns pairs;

    clear_columns(&pairs);
    for (uint32_t i = from; i < end; i++)
        add_tile(&pairs, a + (size_t)i * TILE_STEP, a + (size_t)(k - i) * TILE_STEP);
    if (end > from)
        unbias(pairs.low, whole_low, whole_high, end - from);
    if (k % 2 == 0 && k / 2 < tiles) {
        add_square_tile(columns, &pairs, a + (size_t)(k / 2) * TILE_STEP);
        unbias(pairs.low, above_low, above_high, 1);
        unbias(columns->low, square_low, square_high, 1);
    }
    join(&pairs);
    for (int c = 0; c < COLUMNS; c++)
        columns->low[c] = lane_add(columns->low[c], lane_add(pairs.low[c], pairs.low[c]));
}

static void limb_square(uint64_t *ret, const uint64_t *a,
                        const struct rsa_batch_limb_modulus *modulus, uint64_t *quotients)
{
    uint32_t tiles = modulus->tiles;
    struct columns columns;

    clear_columns(&columns);
    for (uint32_t k = 0; k < 2 * tiles; k++) {
        add_square(&columns, k, a, tiles);
        finish_columns(&columns, k, 0, ret, modulus, quotients);
    }
}

/* All ones when the two are equal, else zero. */
static uint64_t equal_mask(uint32_t a, uint32_t b)
{
    return (uint64_t)0 - (((uint64_t)(a ^ b) - 1) >> 63);
}

static void limb_pick(uint64_t *ret, const uint64_t *table, uint32_t tiles, uint32_t index)
{
    size_t step = (size_t)tiles * TILE_STEP;

    for (size_t at = 0; at < step; at += TILE_STEP) {
        lane_word sum[TILE];

        for (int i = 0; i < TILE; i++)
            sum[i] = lane_spread(0);
        for (uint32_t entry = 0; entry < RSA_BATCH_TABLE; entry++) {
            lane_word mask = lane_spread(equal_mask(entry, index));
            const uint64_t *from = table + entry * step + at;

            sum[0] = lane_or(sum[0], lane_and(lane_load(from), mask));
            sum[1] = lane_or(sum[1], lane_and(lane_load(from + 8), mask));
            sum[2] = lane_or(sum[2], lane_and(lane_load(from + 16), mask));
            sum[3] = lane_or(sum[3], lane_and(lane_load(from + 24), mask));
            sum[4] = lane_or(sum[4], lane_and(lane_load(from + 32), mask));
        }
        for (int i = 0; i < TILE; i++)
            lane_store(ret + at + (size_t)i * 8, sum[i]);
    }
}

static void limb_to_factors(uint64_t *ret, const uint64_t *words, uint32_t count)
{
    for (size_t i = 0; i < count; i++)
        lane_factor_store(ret + i * 8, lane_factor_of(lane_load(words + i * 8)));
}

static void limb_to_words(uint64_t *ret, const uint64_t *factors, uint32_t count)
{
    for (size_t i = 0; i < count; i++)
        lane_store(ret + i * 8, lane_word_of(lane_factor_load(factors + i * 8)));
}

const struct rsa_batch_limb RSA_LIMB_NAME = {
    .name = RSA_LIMB_LABEL,
    .multiply = limb_multiply,
    .square = limb_square,
    .pick = limb_pick,
    .to_factors = limb_to_factors,
    .to_words = limb_to_words,
};
