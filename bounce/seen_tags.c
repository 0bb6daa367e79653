#include "bounce/seen_tags.h"

#include <errno.h>
#include <string.h>

#include "base/big_endian.h"
#include "base/check.h"

struct slot {
    uint8_t record[SEEN_TAGS_RECORD_SIZE];
};

struct seen_tags {
    struct table table;
    struct table_key seed;
    struct slot *slots; /* a ring: the oldest is at `next` once it is full */
    uint32_t count_max;
    uint32_t count;
    uint32_t next;
    uint64_t forgotten_count;
};

size_t seen_tags_cost(uint32_t count_max)
{
    return arena_cost(1, sizeof(struct seen_tags)) + table_cost(count_max) +
           arena_cost(count_max, sizeof(struct slot));
}

struct seen_tags *seen_tags_open(struct arena *arena, uint32_t count_max,
                                 const struct table_key *seed)
{
    struct seen_tags *seen = arena_alloc(arena, 1, sizeof(*seen));

    CHECK(count_max > 0);
    table_init(&seen->table, arena, count_max);
    seen->slots = arena_alloc(arena, count_max, sizeof(struct slot));
    seen->seed = *seed;
    seen->count_max = count_max;
    return seen;
}

void seen_tags_write(const struct seen_tag *tag, uint8_t into[SEEN_TAGS_RECORD_SIZE])
{
    big_endian_put(into, tag->identity.campaign, 8);
    big_endian_put(into + 8, tag->identity.ordinal, 4);
    big_endian_put(into + 12, tag->day, 2);
    into[14] = (uint8_t)tag->about;
}

int seen_tags_read(struct span payload, struct seen_tag *ret_tag)
{
    if (payload.size != SEEN_TAGS_RECORD_SIZE || payload.data[14] >= SEEN_TAGS_ABOUT_COUNT)
        return -EBADMSG;
    ret_tag->identity.campaign = big_endian_get(payload.data, 8);
    ret_tag->identity.ordinal = (uint32_t)big_endian_get(payload.data + 8, 4);
    ret_tag->day = (uint16_t)big_endian_get(payload.data + 12, 2);
    ret_tag->about = (enum seen_tags_about)payload.data[14];
    return 0;
}

static uint64_t hash_of(const struct seen_tags *seen, const struct slot *slot)
{
    return table_hash(&seen->seed, span_make(slot->record, sizeof(slot->record)));
}

static bool slot_matches(const void *context, uint32_t value, const void *key)
{
    const struct seen_tags *seen = context;

    return memcmp(&seen->slots[value], key, sizeof(struct slot)) == 0;
}

static bool has_slot(const struct seen_tags *seen, const struct slot *slot)
{
    return table_find(&seen->table, hash_of(seen, slot), slot_matches, seen, slot) != TABLE_NONE;
}

bool seen_tags_has(const struct seen_tags *seen, const struct seen_tag *tag)
{
    struct slot slot;

    seen_tags_write(tag, slot.record);
    return has_slot(seen, &slot);
}

static void forget_oldest(struct seen_tags *seen)
{
    bool removed = table_remove(&seen->table, hash_of(seen, &seen->slots[seen->next]), seen->next);

    CHECK(removed);
    seen->forgotten_count++;
    seen->count--;
}

void seen_tags_add(struct seen_tags *seen, const struct seen_tag *tag)
{
    struct slot slot;
    int result;

    seen_tags_write(tag, slot.record);
    if (has_slot(seen, &slot))
        return;
    if (seen->count == seen->count_max)
        forget_oldest(seen);
    seen->slots[seen->next] = slot;
    result = table_insert(&seen->table, hash_of(seen, &slot), seen->next);
    CHECK(result == 0); /* there is room for count_max */
    seen->count++;
    seen->next = (seen->next + 1) % seen->count_max;
}

bool seen_tags_at(const struct seen_tags *seen, uint32_t number, struct seen_tag *ret_tag)
{
    uint32_t oldest = seen->count == seen->count_max ? seen->next : 0;

    if (number >= seen->count)
        return false;
    CHECK(seen_tags_read(span_make(seen->slots[(oldest + number) % seen->count_max].record,
                                   SEEN_TAGS_RECORD_SIZE),
                         ret_tag) == 0);
    return true;
}

uint32_t seen_tags_count(const struct seen_tags *seen)
{
    return seen->count;
}

uint64_t seen_tags_forgotten(const struct seen_tags *seen)
{
    return seen->forgotten_count;
}
