/* Numbers for campaigns: node, second, and a count within the second. */
#include "engine/store_parts.h"

/* Wall seconds of 2020-01-01, from which they count. */
#define ID_EPOCH_S UINT64_C(1577836800)

/* No id of a process before is given again, though a power cut undid its campaign within this
 * second: behind the highest in the records, and from a number that was drawn, because records that
 * a checkpoint covers are not read. */
static void begin_ids(struct store *store)
{
    uint64_t highest = queue_id_max(store->queue);
    uint16_t drawn = 0;

    if (io_entropy(store->io, &drawn, sizeof(drawn)) == 0)
        store->created_first = drawn >> 1;
    store->created_last_s = 1;
    store->created_sequence = store->created_first;
    if (highest >> 48 != (store->options.node & UINT16_MAX))
        return;
    store->created_last_s = max_u64(highest >> 16 & UINT32_MAX, 1);
    store->created_sequence = highest & UINT16_MAX;
}

uint64_t store_parts_new_id(struct store *store)
{
    uint64_t now_s = store_parts_wall_s(store), id;

    now_s = now_s > ID_EPOCH_S ? now_s - ID_EPOCH_S : 1;
    if (store->created_last_s == 0)
        begin_ids(store);
    if (now_s > store->created_last_s) {
        store->created_last_s = now_s;
        store->created_sequence = store->created_first;
    } else if (++store->created_sequence > UINT16_MAX) { /* also when the clock was set back */
        store->created_last_s++;
        store->created_sequence = store->created_first;
    }
    id = (store->options.node & UINT16_MAX) << 48 | (store->created_last_s & UINT32_MAX) << 16 |
         store->created_sequence;
    return id;
}
