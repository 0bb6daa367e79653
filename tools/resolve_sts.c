#include "tools/resolve_sts.h"

#include <string.h>

#include "engine/tag.h"

#define HTTPS_PORT 443
#define DOMAINS_MAX 1024

int resolve_sts_open(struct resolve_sts *sts, const struct resolve_sts_options *options,
                     struct text *why)
{
    struct tls_context_options tls = {.role = TLS_CLIENT, .roots_pem = options->roots_pem};
    struct sts_fetch_options fetch = {
        .io = options->io,
        .dns = options->resolver->dns,
        .tls = &sts->tls,
        .allow_special = options->policy->allow_private_addresses,
        .port = HTTPS_PORT,
        .domains_max = DOMAINS_MAX,
        .policies_max = DOMAINS_MAX,
        .seed = {{options->seed, ~options->seed}},
    };
    int r;

    memset(sts, 0, sizeof(*sts));
    sts->io = options->io;
    sts->resolver = options->resolver;
    if (!options->policy->tls_mta_sts || options->roots_pem.size == 0)
        return 0;
    r = tls_context_open(&sts->tls, &tls, why);
    if (r < 0)
        return r;
    r = arena_open(&sts->arena, sts_fetch_cost(&fetch));
    if (r == 0)
        r = sts_fetch_init(&sts->fetch, &sts->arena, &fetch);
    if (r < 0) {
        text_add_cstr(why, "no memory for MTA-STS policies");
        resolve_sts_close(sts);
        return r;
    }
    sts->on = true;
    return 0;
}

void resolve_sts_close(struct resolve_sts *sts)
{
    tls_context_close(&sts->tls);
    arena_close(&sts->arena);
    sts->on = false;
}

static void turn(struct resolve_sts *sts)
{
    struct io_event events[64];
    uint64_t deadline_ns =
        min_u64(resolver_deadline_ns(sts->resolver), sts_fetch_deadline_ns(&sts->fetch));
    uint64_t waiter;
    uint32_t count;

    resolver_turn(sts->resolver);
    count = io_wait(sts->io, deadline_ns, events, ARRAY_LEN(events));
    for (uint32_t i = 0; i < count; i++) {
        enum tag_op op = tag_op_of(events[i].tag);

        if (op >= TAG_DNS_SOCKET && op <= TAG_DNS_SHUT)
            resolver_event(sts->resolver, &events[i]);
        else if (op >= TAG_HTTPS_SOCKET && op <= TAG_HTTPS_SHUT)
            sts_fetch_event(&sts->fetch, &events[i]);
    }
    resolver_expire(sts->resolver);
    while (dns_done(sts->resolver->dns, &waiter))
        if (sts_fetch_owns(waiter))
            sts_fetch_answered(&sts->fetch, waiter);
    sts_fetch_turn(&sts->fetch);
}

struct sts_view resolve_sts_find(struct resolve_sts *sts, struct span domain)
{
    struct sts_view view = {.knowledge = STS_WITHOUT};

    while (sts->on && sts_fetch_ask(&sts->fetch, domain, 0, &view) != STS_FETCH_KNOWN) {
        uint32_t owner;

        turn(sts);
        while (sts_fetch_done(&sts->fetch, &owner))
            ; /* there is only this one */
    }
    return view;
}
