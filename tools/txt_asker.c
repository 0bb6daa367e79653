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

/* Until some answer is there. */
static void turn(struct txt_asker *asker)
{
    struct resolver *resolver = &asker->resolver;
    struct io_event events[64];
    uint64_t waiter;

    do {
        uint32_t count;

        resolver_turn(resolver);
        count =
            io_wait(asker->spool->io, resolver_deadline_ns(resolver), events, ARRAY_LEN(events));
        for (uint32_t i = 0; i < count; i++)
            if (tag_op_of(events[i].tag) >= TAG_DNS_SOCKET &&
                tag_op_of(events[i].tag) <= TAG_DNS_SHUT)
                resolver_event(resolver, &events[i]);
        resolver_expire(resolver);
    } while (!dns_done(resolver->dns, &waiter));
    while (dns_done(resolver->dns, &waiter)) {
        /* whoever it was: all that wait ask again */
    }
}

void txt_asker_ask(struct txt_asker *asker, const struct span *names, uint32_t count,
                   struct txt_set *ret_sets)
{
    bool pending = true;

    CHECK(count <= TXT_ASKER_NAMES_MAX);
    for (uint32_t i = 0; i < count; i++)
        ret_sets[i].status = TXT_SET_PENDING;
    for (;;) {
        pending = false;
        for (uint32_t i = 0; i < count; i++)
            if (ret_sets[i].status == TXT_SET_PENDING)
                pending |= dns_txt(asker->resolver.dns, io_now_ns(asker->spool->io), names[i],
                                   i + 1, &ret_sets[i]) == TXT_SET_PENDING;
        if (!pending)
            return;
        turn(asker);
    }
}

void txt_asker_close(struct txt_asker *asker)
{
    arena_close(&asker->arena);
}
