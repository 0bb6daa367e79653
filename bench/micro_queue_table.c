#include "bench/micro_queue_table.h"

#include <string.h>
#include <sys/mman.h>

#include "base/prng.h"
#include "bench/run_clock.h"
#include "queue/entries.h"

#define ACCESSES 2000000
#define LARGE_PAGE ((size_t)2 * 1024 * 1024)

static double access_ns(struct entry *entries, uint32_t count)
{
    struct prng prng;
    double begun_s;
    uint32_t next;

    prng_seed(&prng, 1);
    next = (uint32_t)prng_below(&prng, count);
    begun_s = run_clock_thread_s();
    for (uint32_t i = 0; i < ACCESSES; i++) {
        struct entry *entry = &entries[next];

        next = (uint32_t)prng_below(&prng, count);
        __builtin_prefetch(&entries[next], 1);
        entry->attempts++;
        entry->state = ENTRY_DELIVERED;
    }
    return (run_clock_thread_s() - begun_s) * 1e9 / ACCESSES;
}

double micro_queue_table_ns(uint32_t entries_count)
{
    size_t size = (size_t)entries_count * sizeof(struct entry);
    size_t all = (size / LARGE_PAGE + 2) * LARGE_PAGE;
    uint8_t *memory =
        mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    size_t before;
    double ns;

    if (memory == MAP_FAILED)
        return -1;
    before = (LARGE_PAGE - (uintptr_t)memory % LARGE_PAGE) % LARGE_PAGE;
    (void)madvise(memory + before, all - LARGE_PAGE, MADV_HUGEPAGE); /* a hint */
    memset(memory + before, 1, size);
    ns = access_ns((struct entry *)(void *)(memory + before), entries_count);
    CHECK(munmap(memory, all) == 0);
    return ns;
}
