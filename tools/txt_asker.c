#include "tools/txt_asker.h"

#include <errno.h>

#include "base/check.h"
#include "engine/tag.h"

int txt_asker_open(struct txt_asker *asker, struct spool *spool)
{
    struct resolver_options options = {
        .policy = spool->settings.policy, .cache_entries_max = 256, .questions_max = 64};
    int result;

    if (spool->settings.policy->dns_servers.count == 0)
        return -ENODEV;
    asker->spool = spool;
    result = io_entropy(spool->io, &options.seed, sizeof(options.seed));
    if (result == 0)
        result = arena_open(&asker->arena, resolver_cost(&options));
    if (result == 0)
        resolver_init(&asker->resolver, &asker->arena, spool->io, &options);
    return result;
}

static void wait(struct txt_asker *asker, uint64_t deadline_ns)
{
    struct io_event events[64];
    uint32_t count = io_wait(asker->spool->io, deadline_ns, events, ARRAY_LEN(events));

    for (uint32_t i = 0; i < count; i++)
        if (tag_op_of(events[i].tag) >= TAG_DNS_SOCKET && tag_op_of(events[i].tag) <= TAG_DNS_SHUT)
            resolver_event(&asker->resolver, &events[i]);
}

/* Until some answer is there. False: it is too late for that. */
static bool turn(struct txt_asker *asker, uint64_t deadline_ns)
{
    struct resolver *resolver = &asker->resolver;
    bool answered = false;
    uint64_t waiter;

    while (!answered && io_now_ns(asker->spool->io) < deadline_ns) {
        resolver_turn(resolver);
        wait(asker, min_u64(resolver_deadline_ns(resolver), deadline_ns));
        resolver_expire(resolver);
        while (dns_done(resolver->dns, &waiter))
            answered = true; /* whoever it was: all that wait ask again */
    }
    return answered;
}

/* The first answer, or that there is none yet. */
static bool ask_once(struct txt_asker *asker, const struct span *names, uint32_t count,
                     struct txt_set *sets)
{
    bool pending = false;

    for (uint32_t i = 0; i < count; i++)
        if (sets[i].status == TXT_SET_PENDING)
            pending |= dns_txt(asker->resolver.dns, io_now_ns(asker->spool->io), names[i], i + 1,
                               &sets[i]) == TXT_SET_PENDING;
    return pending;
}

void txt_asker_ask(struct txt_asker *asker, const struct span *names, uint32_t count,
                   uint64_t timeout_ns, struct txt_set *ret_sets)
{
    uint64_t deadline_ns = io_now_ns(asker->spool->io) + timeout_ns;

    CHECK(count <= TXT_ASKER_NAMES_MAX);
    for (uint32_t i = 0; i < count; i++)
        ret_sets[i].status = TXT_SET_PENDING;
    while (ask_once(asker, names, count, ret_sets)) {
        if (turn(asker, deadline_ns))
            continue;
        for (uint32_t i = 0; i < count; i++)
            if (ret_sets[i].status == TXT_SET_PENDING)
                txt_set_empty(&ret_sets[i], TXT_SET_FAILED, 0, "no answer in time");
    }
}

void txt_asker_close(struct txt_asker *asker)
{
    while (!resolver_stop(&asker->resolver))
        wait(asker, io_now_ns(asker->spool->io) + NS_PER_S);
    arena_close(&asker->arena);
}
