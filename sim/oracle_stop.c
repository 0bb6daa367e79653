#include "sim/oracle_stop.h"

#include <stdlib.h>

#include "base/check.h"
#include "sim/sim_world.h"

void oracle_stop_open(struct oracle *oracle)
{
    oracle->stops = calloc((size_t)(ORACLE_STOP_EVERY + 1) * oracle->zones->zones_count,
                           sizeof(oracle->stops[0]));
    CHECK(oracle->stops != NULL);
}

void oracle_stop_close(struct oracle *oracle)
{
    free(oracle->stops);
}

struct oracle_stop *oracle_stop_at(const struct oracle *oracle, uint32_t campaign, uint32_t zone)
{
    CHECK(campaign <= ORACLE_STOP_EVERY);
    CHECK(zone < oracle->zones->zones_count);
    return &oracle->stops[(size_t)campaign * oracle->zones->zones_count + zone];
}

void oracle_stop_travels(struct oracle *oracle, const struct oracle_recipient *recipient)
{
    const struct oracle_stop *own, *every;
    uint64_t now_ns = sim_world_now_ns();

    if (oracle->stops == NULL)
        return;
    own = oracle_stop_at(oracle, recipient->campaign, recipient->zone);
    every = oracle_stop_at(oracle, ORACLE_STOP_EVERY, recipient->zone);
    if (own->cancelled && now_ns > own->cancelled_ns)
        oracle_problem(oracle, "rule 4: %s is mailed and its domain was cancelled long ago",
                       recipient->address);
    if ((own->paused && now_ns > own->paused_ns) || (every->paused && now_ns > every->paused_ns))
        oracle_problem(oracle, "rule 4: %s is mailed and its domain was paused long ago",
                       recipient->address);
}

bool oracle_stop_explains(const struct oracle *oracle, const struct oracle_recipient *recipient)
{
    return oracle->stops != NULL &&
           oracle_stop_at(oracle, recipient->campaign, recipient->zone)->cancel_asked;
}
