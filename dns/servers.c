#include "dns/servers.h"

#include "base/check.h"

#define PROBE_FIRST_NS NS_PER_S
#define PROBE_DOUBLINGS_MAX 6
#define PROBE_MAX_NS (60 * NS_PER_S)
/* Weight of a new sample, as in RFC 6298. */
#define SMOOTHING 8

void servers_init(struct servers *servers, uint32_t count)
{
    CHECK(count >= 1);
    CHECK(count <= DNS_SERVERS_MAX);
    *servers = (struct servers){.count = count};
}

static bool is_better(const struct servers_one *one, const struct servers_one *best)
{
    if (one->sick != best->sick)
        return best->sick;
    if (one->round_trip_ns == 0)
        return false; /* not known: no reason to change */
    return best->round_trip_ns > one->round_trip_ns;
}

/* The next in turn that is well; `otherwise` when there is none. */
static uint32_t look_around(struct servers *servers, uint32_t otherwise)
{
    for (uint32_t i = 0; i < servers->count; i++) {
        servers->looked = (servers->looked + 1) % servers->count;
        if (!servers->one[servers->looked].sick)
            return servers->looked;
    }
    return otherwise;
}

/* One that is well and whose speed is not known; `otherwise` when there is none. */
static uint32_t unknown(const struct servers *servers, uint32_t otherwise)
{
    for (uint32_t i = 0; i < servers->count; i++) {
        if (!servers->one[i].sick && servers->one[i].round_trip_ns == 0)
            return i;
    }
    return otherwise;
}

uint32_t servers_pick(struct servers *servers)
{
    uint32_t best = 0;

    for (uint32_t i = 1; i < servers->count; i++)
        if (is_better(&servers->one[i], &servers->one[best]))
            best = i;
    servers->picks++;
    if (servers->picks % SERVERS_LOOK_AROUND == 0)
        return look_around(servers, best);
    return servers->picks % SERVERS_MEET == 0 ? unknown(servers, best) : best;
}

static void smooth(struct servers_one *one, uint64_t sample_ns)
{
    if (sample_ns == 0)
        return;
    if (one->round_trip_ns == 0)
        one->round_trip_ns = sample_ns;
    else
        one->round_trip_ns = (one->round_trip_ns * (SMOOTHING - 1) + sample_ns) / SMOOTHING;
}

void servers_answered(struct servers *servers, uint32_t server, uint64_t round_trip_ns)
{
    struct servers_one *one = &servers->one[server];

    CHECK(server < servers->count);
    if (one->sick)
        one->round_trip_ns = 0; /* what it was before counts no more */
    smooth(one, round_trip_ns);
    one->failures = 0;
    one->probes = 0;
    one->sick = false;
    servers->sick &= ~(UINT32_C(1) << server);
}

void servers_waited(struct servers *servers, uint32_t server, uint64_t waited_ns)
{
    CHECK(server < servers->count);
    smooth(&servers->one[server], waited_ns);
}

void servers_failed(struct servers *servers, uint64_t now_ns, uint32_t server)
{
    struct servers_one *one = &servers->one[server];

    CHECK(server < servers->count);
    if (one->sick || servers->count == 1 || ++one->failures < SERVERS_FAILURES_MAX)
        return;
    one->sick = true;
    one->probe_ns = now_ns + PROBE_FIRST_NS;
    servers->sick |= UINT32_C(1) << server;
}

bool servers_probe(struct servers *servers, uint64_t now_ns, uint32_t *ret_server)
{
    for (uint32_t i = 0; servers->sick != 0 && i < servers->count; i++) {
        struct servers_one *one = &servers->one[i];

        if (!one->sick || one->probe_ns > now_ns)
            continue;
        if (one->probes < PROBE_DOUBLINGS_MAX)
            one->probes++;
        one->probe_ns = now_ns + min_u64(PROBE_FIRST_NS << one->probes, PROBE_MAX_NS);
        *ret_server = i;
        return true;
    }
    return false;
}
