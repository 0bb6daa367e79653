#include "engine/memory_sheet.h"

#include "engine/control.h"
#include "engine/handover.h"
#include "engine/listener.h"
#include "engine/session.h"
#include "engine/shard.h"
#include "engine/shelf_disk.h"
#include "engine/signers.h"
#include "engine/tls_reporting.h"

/* Returns the line's total. */
static uint64_t add_line(struct text *out, const char *name, uint64_t count, uint64_t size)
{
    uint64_t total = count * size;

    text_add_format(out, "%-28s %12llu x %10llu = %14llu\n", name, (unsigned long long)count,
                    (unsigned long long)size, (unsigned long long)total);
    return total;
}

static uint64_t add_front(const struct memory_sheet *sheet, struct text *out)
{
    uint64_t total = 0;

    total += add_line(out, "front: its ring", 1, sheet->front_ring_size);
    total += add_line(out, "front: campaigns handed over", 1, handover_cost());
    total += add_line(out, "front: control socket", 1, control_cost());
    total += add_line(out, "front: mail that comes back", 1, listener_cost(sheet->policy));
    total += add_line(out, "front: reports about TLS", 1, tls_reporting_cost(sheet->policy));
    return total;
}

void memory_sheet_write(const struct memory_sheet *sheet, struct text *out)
{
    const struct engine_limits *limits = &sheet->limits;
    struct engine_costs costs;
    uint64_t total = 0, mapped = 0;

    engine_costs(limits, sheet->policy, &costs);
    total += add_line(out, "queue and store", 1, costs.shared_size);
    total += add_line(out, "shards", limits->shards_count, costs.shard_size);
    (void)add_line(out, "  of it: sessions", costs.sessions_a_shard, sizeof(struct session));
    (void)add_line(out, "  of it: output buffers", limits->buffers_max, SHARD_BUFFER_SIZE);
    total += add_line(out, "shards: their rings", limits->shards_count, costs.ring_size);
    if (limits->signers_count > 0)
        total += add_line(out, "signing threads: their rings", limits->signers_count,
                          signers_ring_size());
    total += add_front(sheet, out);
    text_add_format(out, "%-28s %45llu\n", "asked of the allocator", (unsigned long long)total);
    mapped += add_line(out, "stacks of threads", limits->shards_count + limits->signers_count,
                       sheet->stack_size);
    mapped += add_line(out, "suppressions, a mapped file", 1, SHELF_DISK_MAP_MIN);
    mapped += total;
    text_add_format(out, "%-28s %45llu\n", "address space at least", (unsigned long long)mapped);
    text_add_cstr(out,
                  "Memory is touched as it is used. Of ringpost run; send has no mail that comes "
                  "back and no\nreports. Beside it: program and libraries, small things, and the "
                  "files of the queue, mapped.\nThe allocator (jemalloc) rounds each item up by "
                  "a quarter at most, and reserves up to twice\nthe whole, unless MALLOC_CONF "
                  "says retain:false.\n");
}
