#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/check.h"
#include "base/json_put.h"
#include "base/prng.h"
#include "bench/micro_small.h"
#include "bounce/hygiene.h"
#include "bounce/hygiene_filter.h"

#define SUPPRESSED 1000000
#define ROOM 50000000    /* for so many: what is asked lies far apart */
#define FILTERED 5000000 /* as dense as at any size */
#define ASKED (1 << 20)  /* their lines of the filter are more than caches hold */
#define LARGE_PAGE (2 * MIB)

/* Addresses that nobody suppressed, and some that somebody did. */
struct hygiene_work {
    struct arena arena;
    struct hygiene *hygiene;
    char strangers[ASKED][48];
    char members[ASKED][48];
    uint64_t blocked_count;
};

static void ask(struct hygiene_work *work, char keys[ASKED][48])
{
    for (uint32_t i = 0; i < ASKED; i++) {
        struct hygiene_target target = {
            .key = span_cstr(keys[i]), .tenant = SPAN("ringel"), .stream = SPAN("bulk")};

        work->blocked_count += hygiene_blocks(work->hygiene, &target, 1800000000);
    }
}

static void ask_strangers(void *context)
{
    struct hygiene_work *work = context;

    ask(work, work->strangers);
}

static void ask_members(void *context)
{
    struct hygiene_work *work = context;

    ask(work, work->members);
}

/* As a store of that size asks for. */
static void use_large_pages(const struct hygiene_work *work)
{
    struct hygiene_memory parts[HYGIENE_MEMORIES];

    hygiene_memory(work->hygiene, parts);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        size_t skipped = LARGE_PAGE - (uintptr_t)parts[i].data % LARGE_PAGE;

        /* Advice: a refusal costs time, nothing else. */
        if (parts[i].size > 2 * LARGE_PAGE)
            (void)madvise((uint8_t *)parts[i].data + skipped,
                          (parts[i].size - skipped) / LARGE_PAGE * LARGE_PAGE, MADV_HUGEPAGE);
    }
}

static int fill(struct hygiene_work *work)
{
    struct hygiene_shelf shelf; /* none is asked */
    struct hygiene_options options = {ROOM, {{7, 9}}, &shelf};
    int result = arena_open(&work->arena, hygiene_cost(&options));

    if (result < 0)
        return result;
    work->hygiene = hygiene_open(&work->arena, &options);
    hygiene_shelve(work->hygiene, false);
    use_large_pages(work);
    for (uint32_t i = 0; i < SUPPRESSED; i++) {
        char key[48];
        struct hygiene_change change = {.kind = HYGIENE_SUPPRESS,
                                        .source = HYGIENE_FROM_SESSION,
                                        .class = BOUNCE_NO_USER,
                                        .time_s = 1,
                                        .until_s = HYGIENE_CHANGE_FOREVER};

        (void)snprintf(key, sizeof(key), "user%u@domain%u.example", i, i % 5000);
        change.key = span_cstr(key);
        CHECK(hygiene_apply(work->hygiene, &change) == 0);
    }
    for (uint32_t i = 0; i < ASKED; i++) {
        (void)snprintf(work->strangers[i], 48, "other%u@domain%u.example", i, i);
        (void)snprintf(work->members[i], 48, "user%u@domain%u.example", i % SUPPRESSED,
                       i % SUPPRESSED % 5000);
    }
    return 0;
}

/* The filter alone: what it takes, how often it errs. */
static int measure_filter(struct text *out)
{
    struct hygiene_filter filter;
    struct arena arena;
    struct prng prng;
    uint64_t wrong = 0;
    int result = arena_open(&arena, hygiene_filter_cost(FILTERED));

    if (result < 0)
        return result;
    hygiene_filter_init(&filter, &arena, FILTERED);
    prng_seed(&prng, 1);
    for (uint32_t i = 0; i < FILTERED; i++)
        hygiene_filter_add(&filter, prng_next(&prng));
    for (uint32_t i = 0; i < 1000000; i++)
        wrong += hygiene_filter_has(&filter, prng_next(&prng));
    json_put_key_u64(out, "filter_addresses", FILTERED);
    json_put_key_u64(out, "filter_bytes", hygiene_filter_size(FILTERED));
    json_put_key_u64(out, "filter_bytes_50_million", hygiene_filter_size(50000000));
    json_put_key_u64(out, "filter_wrong_ppm", wrong);
    arena_close(&arena);
    return 0;
}

int micro_small_hygiene(struct text *out)
{
    static struct hygiene_work work;
    int result = fill(&work);

    if (result < 0)
        return result;
    json_put_key_u64(out, "suppressed", SUPPRESSED);
    json_put_key_u64(out, "room", ROOM);
    micro_small_put(out, "free", micro_small_rate(ask_strangers, &work, ASKED));
    micro_small_put(out, "blocked", micro_small_rate(ask_members, &work, ASKED));
    arena_close(&work.arena);
    return measure_filter(out);
}
