/* oracle_pace.c - rule 5, messages: how fast a site may get them, and does. */
#include <stdlib.h>

#include "base/check.h"
#include "sim/oracle.h"

void oracle_limit(struct oracle *oracle, uint64_t per_hour, uint32_t slack)
{
    struct oracle_pace *pace = &oracle->pace;

    pace->interval_ns = 60 * NS_PER_MINUTE / per_hour;
    pace->tolerance_ns = slack * pace->interval_ns;
    pace->sites = calloc(oracle->zones->zones_count, sizeof(pace->sites[0]));
    CHECK(pace->sites != NULL);
}

void oracle_paced(struct oracle *oracle, uint32_t recipient, uint64_t now_ns)
{
    struct oracle_pace *pace = &oracle->pace;
    uint32_t zone = oracle->recipients[recipient].zone, first = 0;
    uint64_t site = zones_site(oracle->zones, zone);

    if (pace->interval_ns == 0)
        return;
    while (zones_site(oracle->zones, first) != site)
        first++;
    if (pace->sites[first].life != oracle->life)
        pace->sites[first].next_ns = 0;
    pace->sites[first].life = oracle->life;
    pace->sites[first].next_ns = max_u64(pace->sites[first].next_ns, now_ns) + pace->interval_ns;
    if (pace->sites[first].next_ns <= now_ns + pace->tolerance_ns || pace->sites[first].blamed)
        return;
    pace->sites[first].blamed = true;
    oracle_problem(oracle, "rule 5: messages for the site of %s come too fast",
                   oracle->zones->zones[zone].name);
}
