#include "bounce/hygiene_breaker.h"

#include <errno.h>
#include <string.h>

#define PAST_MAX 100000
#define SET_SIZE 8
#define NUMBERS_SIZE 25 /* hard, total, past_hard, past_total, open */

size_t hygiene_breaker_cost(void)
{
    return arena_cost(HYGIENE_BREAKER_PROVIDERS, sizeof(struct hygiene_breaker_provider));
}

void hygiene_breaker_init(struct hygiene_breaker *breaker, struct arena *arena)
{
    breaker->providers =
        arena_alloc(arena, HYGIENE_BREAKER_PROVIDERS, sizeof(struct hygiene_breaker_provider));
}

void hygiene_breaker_reset(struct hygiene_breaker *breaker)
{
    memset(breaker->providers, 0,
           HYGIENE_BREAKER_PROVIDERS * sizeof(struct hygiene_breaker_provider));
}

struct span hygiene_breaker_name(struct span host)
{
    size_t dots = 0, from;

    if (host.size > 0 && host.data[host.size - 1] == '.')
        host.size--;
    if (host.size == 0 || (host.data[host.size - 1] >= '0' && host.data[host.size - 1] <= '9') ||
        host.data[0] == '[')
        return span_first(host, HYGIENE_BREAKER_NAME_MAX);
    for (from = host.size; from > 0; from--) {
        if (host.data[from - 1] == '.' && ++dots == 2)
            break;
    }
    host = span_skip(host, from);
    if (host.size > HYGIENE_BREAKER_NAME_MAX)
        host = span_skip(host, host.size - HYGIENE_BREAKER_NAME_MAX);
    return host;
}

/* The set in which a name stands, if it stands anywhere. */
static struct hygiene_breaker_provider *set_of(const struct hygiene_breaker *breaker,
                                               struct span provider)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < provider.size; i++)
        hash = (hash ^ span_lower_byte(provider.data[i])) * UINT64_C(0x100000001b3);
    return &breaker->providers[(hash >> 32) % (HYGIENE_BREAKER_PROVIDERS / SET_SIZE) * SET_SIZE];
}

static struct hygiene_breaker_provider *find(const struct hygiene_breaker *breaker,
                                             struct span provider)
{
    struct hygiene_breaker_provider *set = set_of(breaker, provider);

    for (uint32_t i = 0; i < SET_SIZE; i++)
        if (set[i].name[0] != '\0' && span_equal_nocase(span_cstr(set[i].name), provider))
            return &set[i];
    return NULL;
}

static uint64_t use_of(const struct hygiene_breaker_provider *provider)
{
    return provider->past_total + provider->total;
}

static struct hygiene_breaker_provider *find_or_add(struct hygiene_breaker *breaker,
                                                    struct span provider)
{
    struct hygiene_breaker_provider *place = find(breaker, provider);

    if (place != NULL || provider.size == 0)
        return place;
    for (uint32_t i = 0; i < SET_SIZE; i++) {
        struct hygiene_breaker_provider *candidate = &set_of(breaker, provider)[i];

        if (!candidate->open && (place == NULL || use_of(candidate) < use_of(place)))
            place = candidate;
    }
    if (place == NULL)
        return NULL;
    *place = (struct hygiene_breaker_provider){0};
    memcpy(place->name, provider.data, min_size(provider.size, HYGIENE_BREAKER_NAME_MAX));
    return place;
}

/* hard/total is at least ten times the past share, which is taken for at least 1 in 50. */
static bool jumped(const struct hygiene_breaker_provider *provider)
{
    uint64_t past_hard = provider->past_hard, past_total = provider->past_total;

    if (provider->hard < HYGIENE_BREAKER_HARD_MIN)
        return false;
    if (past_hard * 50 < past_total || past_total == 0) {
        past_hard = 1;
        past_total = 50;
    }
    return provider->hard * past_total >= 10 * past_hard * provider->total;
}

static void roll(struct hygiene_breaker_provider *provider)
{
    provider->past_hard += provider->hard;
    provider->past_total += provider->total;
    provider->hard = 0;
    provider->total = 0;
    if (provider->past_total > PAST_MAX) {
        provider->past_hard /= 2;
        provider->past_total /= 2;
    }
}

bool hygiene_breaker_count(struct hygiene_breaker *breaker, struct span provider, bool hard)
{
    struct hygiene_breaker_provider *place = find_or_add(breaker, provider);

    if (place == NULL)
        return false;
    if (place->open)
        return true;
    place->dirty = true;
    place->total++;
    place->hard += hard;
    place->open = hard && jumped(place);
    if (!place->open && place->total >= HYGIENE_BREAKER_WINDOW)
        roll(place);
    return place->open;
}

bool hygiene_breaker_is_open(const struct hygiene_breaker *breaker, struct span provider)
{
    const struct hygiene_breaker_provider *place = find(breaker, provider);

    return place != NULL && place->open;
}

void hygiene_breaker_open(struct hygiene_breaker *breaker, struct span provider)
{
    struct hygiene_breaker_provider *place = find_or_add(breaker, provider);

    if (place == NULL)
        return;
    place->dirty = place->dirty || !place->open;
    place->open = true;
}

void hygiene_breaker_close(struct hygiene_breaker *breaker, struct span provider)
{
    for (uint32_t i = 0; i < HYGIENE_BREAKER_PROVIDERS; i++) {
        struct hygiene_breaker_provider *place = &breaker->providers[i];

        if (provider.size > 0 && !span_equal_nocase(span_cstr(place->name), provider))
            continue;
        place->dirty = place->name[0] != '\0';
        place->open = false;
        place->hard = 0;
        place->total = 0;
    }
}

/* --- bytes: the numbers, whether it is open, the name --- */

size_t hygiene_breaker_write_next(struct hygiene_breaker *breaker, uint32_t *place, bool all,
                                  uint8_t *into)
{
    while (*place < HYGIENE_BREAKER_PROVIDERS) {
        struct hygiene_breaker_provider *provider = &breaker->providers[(*place)++];
        size_t size = strlen(provider->name);

        if (size == 0 || (!all && !provider->dirty))
            continue;
        provider->dirty = false;
        memcpy(into, &provider->hard, 4);
        memcpy(into + 4, &provider->total, 4);
        memcpy(into + 8, &provider->past_hard, 8);
        memcpy(into + 16, &provider->past_total, 8);
        into[24] = provider->open;
        memcpy(into + NUMBERS_SIZE, provider->name, size);
        return NUMBERS_SIZE + size;
    }
    return 0;
}

int hygiene_breaker_read(struct hygiene_breaker *breaker, struct span bytes)
{
    struct span name = span_skip(bytes, NUMBERS_SIZE);
    struct hygiene_breaker_provider *place;

    if (bytes.size <= NUMBERS_SIZE || name.size > HYGIENE_BREAKER_NAME_MAX ||
        span_find_byte(name, '\0') != SPAN_NOT_FOUND || bytes.data[24] > 1)
        return -EBADMSG;
    place = find_or_add(breaker, name);
    if (place == NULL) /* eight open ones stand there: of those, operators were told */
        return 0;
    memcpy(&place->hard, bytes.data, 4);
    memcpy(&place->total, bytes.data + 4, 4);
    memcpy(&place->past_hard, bytes.data + 8, 8);
    memcpy(&place->past_total, bytes.data + 16, 8);
    place->open = bytes.data[24] != 0;
    place->dirty = false;
    return 0;
}
