#include "engine/engine.h"

#define RECIPIENTS_MAX_DEFAULT (1u << 25)
#define DOMAINS_MAX_DEFAULT (1u << 20)
#define CAMPAIGNS_MAX_DEFAULT 16384u
#define SITES_MAX_DEFAULT 8192u
#define TICKETS_MAX_DEFAULT 2048u /* 8 KiB of address space each */

void engine_limits_fill(struct engine_limits *limits, const struct policy *policy,
                        uint32_t cores_count)
{
    uint32_t per_shard;

    if (limits->shards_count == 0)
        limits->shards_count =
            policy->shards != 0 ? policy->shards : (uint32_t)max_u64(cores_count, 1);
    if (limits->shards_count > POLICY_SHARDS_MAX)
        limits->shards_count = POLICY_SHARDS_MAX;
    if (limits->connections_max == 0)
        limits->connections_max = policy->connections_max;
    per_shard = (limits->connections_max + limits->shards_count - 1) / limits->shards_count;
    if (limits->recipients_max == 0)
        limits->recipients_max = RECIPIENTS_MAX_DEFAULT;
    if (limits->domains_max == 0)
        limits->domains_max = DOMAINS_MAX_DEFAULT;
    if (limits->flows_max == 0)
        limits->flows_max = DOMAINS_MAX_DEFAULT;
    if (limits->sites_max == 0)
        limits->sites_max = SITES_MAX_DEFAULT;
    if (limits->campaigns_max == 0)
        limits->campaigns_max = CAMPAIGNS_MAX_DEFAULT;
    if (limits->buffers_max == 0)
        limits->buffers_max = per_shard < 1024 ? per_shard : 1024;
    if (limits->cache_entries_max == 0)
        limits->cache_entries_max = 65536;
    if (limits->tickets_max == 0)
        limits->tickets_max = TICKETS_MAX_DEFAULT;
    if (limits->signers_count == 0)
        limits->signers_count = policy->signing_threads;
}

uint32_t engine_limits_rings(const struct engine_limits *limits)
{
    return limits->shards_count + 1 + limits->signers_count;
}
