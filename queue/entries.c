#include "queue/entries.h"

#include <errno.h>
#include <string.h>

size_t entries_cost(uint32_t count_max)
{
    return arena_cost(count_max, sizeof(struct entry));
}

void entries_init(struct entries *entries, struct arena *arena, uint32_t count_max)
{
    *entries = (struct entries){.count_max = count_max};
    entries->list = arena_alloc(arena, count_max, sizeof(struct entry));
}

int entries_adopt(struct entries *entries, const struct entry *from, uint32_t count,
                  uint32_t domains_count)
{
    CHECK(entries->count == 0);
    if (count > entries->count_max)
        return -ENOSPC;
    for (uint32_t i = 0; i < count; i++)
        if (from[i].domain >= domains_count || from[i].state >= ENTRY_STATE_COUNT ||
            (from[i].flags & ~ENTRY_KEPT_FLAGS) != 0)
            return -EBADMSG;
    if (count > 0)
        memcpy(entries->list, from, (size_t)count * sizeof(*from));
    entries->count = count;
    return 0;
}

int entries_add(struct entries *entries, struct entry entry, uint32_t *ret_index)
{
    if (entries->count == entries->count_max)
        return -ENOSPC;
    entries->list[entries->count] = entry;
    *ret_index = entries->count++;
    return 0;
}

enum entry_state entries_state_of(enum outcome_kind kind)
{
    switch (kind) {
    case OUTCOME_DELIVERED:
        return ENTRY_DELIVERED;
    case OUTCOME_DEFERRED:
    case OUTCOME_UNSURE:
        return ENTRY_DEFERRED;
    case OUTCOME_FAILED:
        return ENTRY_FAILED;
    case OUTCOME_EXPIRED:
        return ENTRY_EXPIRED;
    case OUTCOME_SUPPRESSED:
        return ENTRY_SUPPRESSED;
    case OUTCOME_CANCELLED:
        return ENTRY_CANCELLED;
    case OUTCOME_NONE:
    case OUTCOME_RELEASED:
    case OUTCOME_KIND_COUNT:
        break;
    }
    UNREACHABLE("no verdict");
}
