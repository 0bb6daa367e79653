#include "queue/entries.h"

#include <errno.h>

size_t entries_cost(uint32_t count_max)
{
    return arena_cost(count_max, sizeof(struct entry));
}

void entries_init(struct entries *entries, struct arena *arena, uint32_t count_max)
{
    *entries = (struct entries){.count_max = count_max};
    entries->fresh = arena_alloc(arena, count_max, sizeof(struct entry));
}

int entries_adopt(struct entries *entries, struct entry *mapped, uint32_t count,
                  uint32_t domains_count)
{
    CHECK(entries->count == 0);
    if (count > entries->count_max)
        return -ENOSPC;
    for (uint32_t i = 0; i < count; i++)
        if (mapped[i].domain >= domains_count || mapped[i].state >= ENTRY_STATE_COUNT ||
            (mapped[i].flags & ~ENTRY_KEPT_FLAGS) != 0)
            return -EBADMSG;
    entries->mapped = mapped;
    entries->mapped_count = count;
    entries->count = count;
    return 0;
}

int entries_add(struct entries *entries, struct entry entry, uint32_t *ret_index)
{
    if (entries->count == entries->count_max)
        return -ENOSPC;
    entries->fresh[entries->count] = entry;
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
