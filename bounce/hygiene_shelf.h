/* hygiene_shelf.h - where the details lie: bytes under a number, as bounce/hygiene_dossier writes
 * them.
 *
 * The noun behind which a store on disk (engine/shelf_disk) and one in memory (below: small stores,
 * the simulator) look the same. What lies there is derived: it can be made again from the journal
 * of changes, and nothing that forbids mail depends on it. For one thread. */
#ifndef BOUNCE_HYGIENE_SHELF_H
#define BOUNCE_HYGIENE_SHELF_H

#include "base/arena.h"
#include "base/span.h"

struct hygiene_shelf;

struct hygiene_shelf_ops {
    /* 0; -ENOENT: nothing lies there; else -errno. The span holds until the next call. */
    int (*get)(struct hygiene_shelf *shelf, uint32_t number, struct span *ret_value);
    /* 0 or -errno: then the shelf is not to be asked again. */
    int (*put)(struct hygiene_shelf *shelf, uint32_t number, struct span value);
};

/* The first member of whatever implements it. */
struct hygiene_shelf {
    const struct hygiene_shelf_ops *ops;
};

size_t hygiene_shelf_memory_cost(uint32_t count_max);
/* Takes a kilobyte a number, whether it is used or not. */
struct hygiene_shelf *hygiene_shelf_memory_open(struct arena *arena, uint32_t count_max);

#endif
