#include "sign/rsa_batch.h"

#include <string.h>

#include "base/check.h"
#include "base/secret.h"

#define WORD_MASK ((UINT64_C(1) << RSA_BATCH_LIMB_BITS) - 1)

__extension__ typedef unsigned __int128 wide; /* two words' product */

/* One modulus ready for the lanes of one processor. */
struct field {
    const struct rsa_batch_limb *limb;
    const struct rsa_batch_modulus *modulus;
    struct rsa_batch_work *work;
    uint32_t limbs;
    struct rsa_batch_limb_modulus lanes;
};

static void open_field(struct field *field, const struct rsa_batch_limb *limb,
                       const struct rsa_batch_modulus *modulus, uint32_t tiles,
                       struct rsa_batch_work *work)
{
    _Alignas(64) uint64_t near[RSA_BATCH_LANES] = {modulus->near[0], modulus->near[1]};
    uint32_t limbs = tiles * RSA_BATCH_TILE;

    *field = (struct field){.limb = limb, .modulus = modulus, .work = work, .limbs = limbs};
    /* Eight limbs a step: the arrays have room for it. */
    limb->to_factors(work->modulus, modulus->words, (limbs + 7) / 8);
    limb->to_factors(near, near, 1);
    field->lanes.tiles = tiles;
    field->lanes.factors = work->modulus;
    memcpy(field->lanes.near, near, sizeof field->lanes.near);
}

static void multiply(const struct field *field, uint64_t *ret, const uint64_t *a, const uint64_t *b)
{
    field->limb->multiply(ret, a, b, &field->lanes, field->work->quotients);
}

static void square(const struct field *field, uint64_t *ret, const uint64_t *a)
{
    field->limb->square(ret, a, &field->lanes, field->work->quotients);
}

/* The same words in all lanes, as factors. */
static const uint64_t *spread(const struct field *field, const uint64_t *words)
{
    uint64_t *into = field->work->spread;

    for (size_t i = 0; i < field->limbs; i++)
        for (size_t lane = 0; lane < RSA_BATCH_LANES; lane++)
            into[i * 8 + lane] = words[i];
    field->limb->to_factors(into, into, field->limbs);
    return into;
}

/* Words of any size become words below 2^52; the last keeps what is above. */
static void carry_on(uint64_t *words, uint32_t limbs)
{
    for (size_t i = 0; i + 1 < limbs; i++) {
        for (size_t lane = 0; lane < RSA_BATCH_LANES; lane++) {
            words[i * 8 + 8 + lane] += words[i * 8 + lane] >> RSA_BATCH_LIMB_BITS;
            words[i * 8 + lane] &= WORD_MASK;
        }
    }
}

/* Takes the modulus off where the number is not below it: words below twice the modulus become
 * words below it. The borrow is the sign of a difference: no branch. */
static void reduce(uint64_t *words, const uint64_t *modulus, uint32_t limbs)
{
    uint64_t borrow[RSA_BATCH_LANES] = {0}, keep[RSA_BATCH_LANES];

    for (size_t i = 0; i < limbs; i++)
        for (size_t lane = 0; lane < RSA_BATCH_LANES; lane++)
            borrow[lane] = (words[i * 8 + lane] - modulus[i] - borrow[lane]) >> 63;
    for (size_t lane = 0; lane < RSA_BATCH_LANES; lane++) {
        keep[lane] = borrow[lane] - 1; /* all ones: take it off */
        borrow[lane] = 0;
    }
    for (size_t i = 0; i < limbs; i++) {
        for (size_t lane = 0; lane < RSA_BATCH_LANES; lane++) {
            uint64_t rest = words[i * 8 + lane] - (modulus[i] & keep[lane]) - borrow[lane];
            borrow[lane] = rest >> 63;
            words[i * 8 + lane] = rest & WORD_MASK;
        }
    }
}

/* table[i] = input^i in Montgomery's form. The input, of twice as many limbs, is high * R + low. */
static void fill_table(const struct field *field)
{
    struct rsa_batch_work *work = field->work;
    size_t step = (size_t)field->limbs * 8;
    uint64_t *table = work->table, *base = table + step;

    field->limb->to_factors(work->other, work->input, 2 * field->limbs);
    multiply(field, base, work->other, spread(field, field->modulus->square));
    multiply(field, work->other, work->other + step, spread(field, field->modulus->cube));
    field->limb->to_words(base, base, field->limbs);
    field->limb->to_words(work->other, work->other, field->limbs);
    for (size_t i = 0; i < step; i++)
        base[i] += work->other[i];
    carry_on(base, field->limbs);
    field->limb->to_factors(base, base, field->limbs);
    memcpy(table, spread(field, field->modulus->one), step * sizeof *table);
    for (size_t i = 2; i < RSA_BATCH_TABLE; i += 2) {
        square(field, table + i * step, table + i / 2 * step);
        multiply(field, table + (i + 1) * step, table + i * step, base);
    }
}

/* ret = input to the exponent, words below the modulus. Every exponent costs the same. */
static void raise(const struct field *field, const uint8_t *windows, uint32_t windows_count,
                  uint64_t *ret)
{
    static const uint64_t one[RSA_BATCH_LIMBS] = {1};
    struct rsa_batch_work *work = field->work;
    uint32_t tiles = field->lanes.tiles;

    fill_table(field);
    field->limb->pick(work->power, work->table, tiles, windows[0]);
    for (uint32_t i = 1; i < windows_count; i++) {
        for (int bit = 0; bit < RSA_BATCH_WINDOW; bit++)
            square(field, work->power, work->power);
        field->limb->pick(work->other, work->table, tiles, windows[i]);
        multiply(field, work->power, work->power, work->other);
    }
    multiply(field, work->power, work->power, spread(field, one));
    field->limb->to_words(ret, work->power, field->limbs);
    reduce(ret, field->modulus->words, field->limbs);
}

/* Octets `from` and up of a big-endian number as a little-endian word; what is missing is zero. */
static uint64_t read_octets(const uint8_t *number, size_t size, size_t from)
{
    uint64_t word = 0;

    for (size_t i = 0; i < 8; i++)
        if (from + i < size)
            word |= (uint64_t)number[size - 1 - from - i] << (8 * i);
    return word;
}

void rsa_batch_load(const struct rsa_batch_key *key, struct rsa_batch_work *work,
                    const uint8_t (*inputs)[RSA_BATCH_OCTETS], uint32_t count)
{
    uint32_t limbs = 2 * key->half_tiles * RSA_BATCH_TILE;

    memset(work->input, 0, sizeof work->input);
    for (uint32_t lane = 0; lane < count; lane++) {
        for (size_t i = 0; i < limbs; i++) {
            size_t bit = i * RSA_BATCH_LIMB_BITS; /* a multiple of four */
            work->input[i * 8 + lane] =
                (read_octets(inputs[lane], key->octets, bit / 8) >> (bit % 8)) & WORD_MASK;
        }
    }
}

void rsa_batch_halves(const struct rsa_batch_key *key, const struct rsa_batch_limb *limb,
                      struct rsa_batch_work *work)
{
    struct field field;

    open_field(&field, limb, &key->p, key->half_tiles, work);
    raise(&field, key->p_windows, key->windows, work->p_result);
    open_field(&field, limb, &key->q, key->half_tiles, work);
    raise(&field, key->q_windows, key->windows, work->q_result);
}

/* p_result - q_result + 2 p: both primes have as many bits, so that is above zero. */
static void subtract_halves(const struct rsa_batch_key *key, struct rsa_batch_work *work,
                            uint32_t limbs)
{
    for (size_t lane = 0; lane < RSA_BATCH_LANES; lane++) {
        uint64_t carry = 0; /* signed */

        for (size_t i = 0; i < limbs; i++) {
            uint64_t sum = work->p_result[i * 8 + lane] + 2 * key->p.words[i] -
                           work->q_result[i * 8 + lane] + carry;
            uint64_t sign = (uint64_t)0 - (sum >> 63);

            work->other[i * 8 + lane] = sum & WORD_MASK;
            carry = (sum >> RSA_BATCH_LIMB_BITS) | (sign << (64 - RSA_BATCH_LIMB_BITS));
        }
    }
}

/* result = q_result + other * q, in one lane. */
static void add_multiple(const struct rsa_batch_key *key, struct rsa_batch_work *work, size_t lane,
                         uint32_t limbs)
{
    wide sum = 0;

    for (size_t k = 0; k < 2 * (size_t)limbs; k++) {
        size_t from = k < limbs ? 0 : k - limbs + 1, end = k < limbs ? k + 1 : limbs;

        if (k < limbs)
            sum += work->q_result[k * 8 + lane];
        for (size_t i = from; i < end; i++)
            sum += (wide)work->other[i * 8 + lane] * key->q.words[k - i];
        work->result[k * 8 + lane] = (uint64_t)sum & WORD_MASK;
        sum >>= RSA_BATCH_LIMB_BITS;
    }
}

void rsa_batch_join(const struct rsa_batch_key *key, const struct rsa_batch_limb *limb,
                    struct rsa_batch_work *work)
{
    uint32_t limbs = key->half_tiles * RSA_BATCH_TILE;
    struct field field;

    open_field(&field, limb, &key->p, key->half_tiles, work);
    subtract_halves(key, work, limbs);
    limb->to_factors(work->other, work->other, limbs);
    multiply(&field, work->other, work->other, spread(&field, key->q_inverse));
    limb->to_words(work->other, work->other, limbs);
    reduce(work->other, key->p.words, limbs);
    for (size_t lane = 0; lane < RSA_BATCH_LANES; lane++)
        add_multiple(key, work, lane, limbs);
}

/* power = result to e, words below n. Plain binary: e is public. It is odd, so the last step
 * multiplies; with the result itself instead of its Montgomery form that leads out of the form. */
static void raise_public(const struct field *field, uint32_t e)
{
    struct rsa_batch_work *work = field->work;
    uint64_t *plain = work->table, *base = work->table + RSA_BATCH_WORDS;
    int bit = 31 - __builtin_clz(e);

    field->limb->to_factors(plain, work->result, field->limbs);
    multiply(field, base, plain, spread(field, field->modulus->square));
    memcpy(work->power, base, sizeof work->power);
    for (bit--; bit >= 0; bit--) {
        square(field, work->power, work->power);
        if ((e >> bit & 1) != 0)
            multiply(field, work->power, work->power, bit == 0 ? plain : base);
    }
    field->limb->to_words(work->power, work->power, field->limbs);
    reduce(work->power, field->modulus->words, field->limbs);
}

uint32_t rsa_batch_verify(const struct rsa_batch_key *key, const struct rsa_batch_limb *limb,
                          struct rsa_batch_work *work)
{
    uint64_t differs[RSA_BATCH_LANES] = {0};
    uint32_t good = 0;
    struct field field;

    open_field(&field, limb, &key->n, 2 * key->half_tiles, work);
    raise_public(&field, key->e);
    for (size_t i = 0; i < field.limbs; i++)
        for (size_t lane = 0; lane < RSA_BATCH_LANES; lane++)
            differs[lane] |= work->power[i * 8 + lane] ^ work->input[i * 8 + lane];
    secret_tell(differs, sizeof differs);
    for (uint32_t lane = 0; lane < RSA_BATCH_LANES; lane++)
        good |= (uint32_t)(differs[lane] == 0) << lane;
    return good;
}

static void write_result(const struct rsa_batch_key *key, struct rsa_batch_work *work,
                         uint32_t lane, uint8_t *ret)
{
    for (size_t i = 0; i < key->octets; i++) {
        size_t limb = i * 8 / RSA_BATCH_LIMB_BITS, bit = i * 8 % RSA_BATCH_LIMB_BITS;
        uint64_t octet = work->result[limb * 8 + lane] >> bit;

        if (bit > RSA_BATCH_LIMB_BITS - 8)
            octet |= work->result[limb * 8 + 8 + lane] << (RSA_BATCH_LIMB_BITS - bit);
        ret[key->octets - 1 - i] = (uint8_t)octet;
    }
    secret_tell(ret, key->octets);
}

uint32_t rsa_batch_run(const struct rsa_batch_key *key, const struct rsa_batch_limb *limb,
                       struct rsa_batch_work *work, const uint8_t (*inputs)[RSA_BATCH_OCTETS],
                       uint8_t (*results)[RSA_BATCH_OCTETS], uint32_t count)
{
    uint32_t good;

    CHECK(count >= 1 && count <= RSA_BATCH_LANES);
    rsa_batch_load(key, work, inputs, count);
    rsa_batch_halves(key, limb, work);
    rsa_batch_join(key, limb, work);
    good = rsa_batch_verify(key, limb, work) & ((UINT32_C(1) << count) - 1);
    for (uint32_t lane = 0; lane < count; lane++) {
        memset(results[lane], 0, RSA_BATCH_OCTETS);
        if ((good >> lane & 1) != 0)
            write_result(key, work, lane, results[lane]);
    }
    return good;
}
