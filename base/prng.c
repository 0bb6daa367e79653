#include "base/prng.h"

#include <string.h>

static uint64_t rotate(uint64_t word, uint32_t bits)
{
    return (word << bits) | (word >> (64 - bits));
}

void prng_seed(struct prng *prng, uint64_t seed)
{
    /* splitmix64 spreads any seed, zero too, over the whole state. */
    for (size_t i = 0; i < ARRAY_LEN(prng->state); i++) {
        uint64_t word = seed += UINT64_C(0x9e3779b97f4a7c15);

        word = (word ^ (word >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        word = (word ^ (word >> 27)) * UINT64_C(0x94d049bb133111eb);
        prng->state[i] = word ^ (word >> 31);
    }
}

uint64_t prng_next(struct prng *prng)
{
    uint64_t *state = prng->state;
    uint64_t result = rotate(state[1] * 5, 7) * 9;
    uint64_t shifted = state[1] << 17;

    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotate(state[3], 45);
    return result;
}

uint64_t prng_below(struct prng *prng, uint64_t limit)
{
    uint64_t uneven, draw;

    if (limit == 0)
        return 0;
    /* Draws below 2^64 mod limit would favour the low results. */
    uneven = (0 - limit) % limit;
    do {
        draw = prng_next(prng);
    } while (draw < uneven);
    return draw % limit;
}

bool prng_percent(struct prng *prng, uint32_t percent)
{
    return prng_below(prng, 100) < percent;
}

void prng_fill(struct prng *prng, void *data, size_t size)
{
    uint8_t *place = data;

    while (size > 0) {
        uint64_t word = prng_next(prng);
        size_t part = min_size(size, sizeof(word));

        memcpy(place, &word, part);
        place += part;
        size -= part;
    }
}
