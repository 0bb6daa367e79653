#include "bench/doubles.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_FIRST 1024

void doubles_open(struct doubles *doubles, uint64_t hashes_max)
{
    memset(doubles, 0, sizeof(*doubles));
    doubles->stripe_max = hashes_max / DOUBLES_STRIPES + 1;
    for (uint32_t i = 0; i < DOUBLES_STRIPES; i++)
        (void)pthread_mutex_init(&doubles->stripes[i].mutex, NULL); /* cannot fail on Linux */
}

void doubles_close(struct doubles *doubles)
{
    for (uint32_t i = 0; i < DOUBLES_STRIPES; i++) {
        free(doubles->stripes[i].hashes);
        (void)pthread_mutex_destroy(&doubles->stripes[i].mutex); /* nobody holds it */
    }
}

/* The slot of the hash, or the empty one where it belongs. */
static uint64_t *find(uint64_t *hashes, uint64_t slots_count, uint64_t hash)
{
    uint64_t at = hash & (slots_count - 1);

    while (hashes[at] != 0 && hashes[at] != hash)
        at = (at + 1) & (slots_count - 1);
    return &hashes[at];
}

/* At most three quarters full. */
static bool grow(struct doubles_stripe *stripe)
{
    uint64_t slots_count = stripe->slots_count == 0 ? SLOTS_FIRST : stripe->slots_count * 2;
    uint64_t *hashes = calloc(slots_count, sizeof(*hashes));

    if (hashes == NULL)
        return false;
    for (uint64_t i = 0; i < stripe->slots_count; i++)
        if (stripe->hashes[i] != 0)
            *find(hashes, slots_count, stripe->hashes[i]) = stripe->hashes[i];
    free(stripe->hashes);
    stripe->hashes = hashes;
    stripe->slots_count = slots_count;
    return true;
}

static enum doubles_answer add(struct doubles_stripe *stripe, uint64_t hash, uint64_t count_max)
{
    uint64_t *slot;

    if (stripe->count >= stripe->slots_count / 4 * 3 && stripe->count < count_max && !grow(stripe))
        count_max = 0;
    if (stripe->slots_count == 0)
        return DOUBLES_FULL;
    slot = find(stripe->hashes, stripe->slots_count, hash);
    if (*slot == hash)
        return DOUBLES_SEEN;
    if (stripe->count >= count_max)
        return DOUBLES_FULL;
    *slot = hash;
    stripe->count++;
    return DOUBLES_NEW;
}

enum doubles_answer doubles_add(struct doubles *doubles, uint64_t hash)
{
    struct doubles_stripe *stripe = &doubles->stripes[hash >> 58];
    enum doubles_answer answer;

    static_assert(DOUBLES_STRIPES == 64, "the top six bits choose the stripe");
    hash |= hash == 0;
    (void)pthread_mutex_lock(&stripe->mutex); /* cannot fail: default kind, initialised */
    answer = add(stripe, hash, doubles->stripe_max);
    (void)pthread_mutex_unlock(&stripe->mutex);
    return answer;
}
