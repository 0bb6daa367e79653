#include "sim/world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "sim/world_cancel.h"
#include "sim/world_life.h"
#include "sim/world_mail.h"
#include "sim/world_stop.h"
#include "sim/world_suppress.h"

/* --- the world --- */

/* What the configuration will demand, domain by domain. */
static void draw_demands(struct world *world)
{
    for (uint32_t i = 0; i < world->zones.zones_count; i++) {
        struct zone *zone = &world->zones.zones[i];

        zone->tls_mode = world->options.tls_mode;
        if (prng_percent(&world->prng, world->options.tls_percent))
            zone->tls_mode = (uint32_t)prng_below(&world->prng, 4);
        zone->demanded = zone->tls_mode < 2    ? TLS_LEVEL_CLEAR
                         : zone->tls_mode == 2 ? TLS_LEVEL_ENCRYPTED
                                               : TLS_LEVEL_VERIFIED;
    }
}

/* Apart from everything else: a seed without signatures stays what it was. */
static void draw_signatures(struct world *world, uint64_t seed)
{
    const struct zones *zones = &world->zones;
    bool *offers = calloc(zones->hosts_count + 1, sizeof(*offers));

    CHECK(offers != NULL);
    for (uint32_t h = 0; h < zones->hosts_count; h++)
        for (uint32_t i = 0; i < world->mx.hosts_count; i++)
            if (ip_equal(&world->mx.hosts[i].ip, &zones->hosts[h].v4) ||
                ip_equal(&world->mx.hosts[i].ip, &zones->hosts[h].v6))
                offers[h] = world->mx.hosts[i].persona.tls != MX_TLS_NONE;
    zones_sign(&world->zones, seed ^ UINT64_C(0x64616e65), world->options.dane_percent, offers);
    world->oracle.dane = true;
    free(offers);
}

static void add_servers(struct world *world)
{
    const struct world_options *options = &world->options;
    const struct ip_port names_at[] = {{{IP_V4, {11, 255, 0, 1}}, 53},
                                       {{IP_V4, {11, 255, 0, 2}}, 53}};

    for (size_t i = 0; i < ARRAY_LEN(names_at); i++)
        dns_sim_listen(&world->dns, &names_at[i]);
    for (uint32_t i = 0; i < world->zones.hosts_count; i++) {
        const struct zone_host *host = &world->zones.hosts[i];
        const struct mx_persona *persona =
            &options->personas[prng_below(&world->prng, options->personas_count)];

        if (host->alias != ZONES_NONE || prng_percent(&world->prng, 3))
            continue; /* nobody listens there */
        if (host->v4.family != IP_NONE)
            mx_sim_add(&world->mx, &host->v4, 25, persona);
        if (host->v6.family != IP_NONE)
            mx_sim_add(&world->mx, &host->v6, 25, persona);
    }
}

static void world_open(struct world *world, uint64_t seed, const struct world_options *options,
                       struct text problems)
{
    uint8_t secret[VERP_KEY_SIZE];

    memset(world, 0, sizeof(*world));
    world->options = *options;
    prng_seed(&world->prng, seed ^ UINT64_C(0x736565));
    sim_world_open(seed, &options->sim);
    sim_world_trace(options->trace);
    zones_open(&world->zones, prng_next(&world->prng), &options->zones);
    oracle_open(&world->oracle, &world->zones, problems);
    world->oracle.sender = "sender@send.test";
    world->oracle.repeats = options->sim.disk.sync_failure_permille > 0 ||
                            options->sim.disk.write_failure_permille > 0 ||
                            options->disk_capacity > 0;
    prng_fill(&world->prng, secret, sizeof(secret));
    CHECK(verp_add_key(&world->verp, 1, secret) == 0);
    if (options->return_path)
        world->oracle.verp = &world->verp;
    dns_sim_open(&world->dns, sim_world_net(), &world->zones, prng_next(&world->prng));
    world->dns.silence = options->names_silence;
    mx_sim_open(&world->mx, sim_world_net(), &world->oracle, prng_next(&world->prng));
    world->mx.unknown_percent = options->unknown_percent;
    world->mx.messages_max = options->messages_per_connection;
    world->mx.seals = options->signs;
    add_servers(world);
    draw_demands(world);
    if (options->dane_percent > 0)
        draw_signatures(world, seed);
    world_mail_open(world);
    world_suppress_open(world, seed);
    world_cancel_open(world, seed);
    world_stop_open(world, seed);
    sim_world_disk_options()->capacity = options->disk_capacity;
    world->wall_jumps_left = options->wall_jumps_count;
    if (options->messages_per_minute > 0) /* two transactions may be under way in each session */
        oracle_limit(&world->oracle, options->messages_per_minute * 60,
                     options->shards_count + (uint32_t)(options->messages_per_minute / 60) +
                         4 * options->connections_per_site);
}

static void world_close(struct world *world)
{
    mx_sim_close(&world->mx);
    dns_sim_close(&world->dns);
    world_suppress_close(world);
    world_stop_close(world);
    oracle_close(&world->oracle);
    zones_close(&world->zones);
    free(world->recipients);
    sim_world_close();
}

static void world_heal(struct world *world)
{
    world->healed = true;
    *sim_world_disk_options() = (struct disk_options){0};
    net_sim_heal(sim_world_net());
    zones_heal(&world->zones);
    mx_sim_heal(&world->mx);
    world->dns.silence = (struct dns_sim_silence){0};
}

/* --- the end --- */

/* Rule 5: of the sites that a host belongs to, each may have its connections. */
static void check_pacing(struct world *world)
{
    const struct zones *zones = &world->zones;
    struct net_sim *net = sim_world_net();

    for (uint32_t i = 0; i < world->mx.hosts_count; i++) {
        const struct net_host *host = net_sim_host(net, &world->mx.hosts[i].ip);
        uint64_t sites[64];
        uint32_t sites_count = 0;

        for (uint32_t z = 0; z < zones->zones_count && sites_count < ARRAY_LEN(sites); z++) {
            uint64_t site = zones_site(zones, z);
            uint32_t known = 0;

            if (!zones_serves(zones, z, &world->mx.hosts[i].ip))
                continue;
            while (known < sites_count && sites[known] != site)
                known++;
            if (known == sites_count)
                sites[sites_count++] = site;
        }
        if (sites_count < ARRAY_LEN(sites) &&
            host->open_peak > sites_count * world->options.connections_per_site)
            oracle_problem(&world->oracle,
                           "rule 5: %u connections at once to host 11.%u.%u.%u of %u sites",
                           host->open_peak, host->ip.bytes[1], host->ip.bytes[2], host->ip.bytes[3],
                           sites_count);
    }
}

static void finish(struct world *world, struct world_engine *process)
{
    uint64_t patience_s = world->options.lifetime_s + 3 * world->options.retry_s[2] + 7200 +
                          UINT64_C(7200) * world->options.wall_jumps_count;
    uint64_t open_count;
    int result;

    world_heal(world);
    if (!world_life_begin(world, process))
        return;
    world_life_go_on(world, process, UINT64_MAX / 2, patience_s * NS_PER_S);
    if (world_life_spun())
        return;
    open_count = world_engine_open_count(process);
    if (open_count > 0)
        oracle_problem(&world->oracle, "liveness: %llu recipients or loads are still open",
                       (unsigned long long)open_count);
    result = world_engine_close(process, true);
    if (result < 0)
        oracle_problem(&world->oracle, "stop fails in a healthy world: %d", result);
    if (result != -ETIME) /* then its events could not be read */
        oracle_finish(&world->oracle, open_count == 0);
    check_pacing(world);
}

static void count(const struct world *world, struct world_result *result)
{
    *result = (struct world_result){
        .hash = sim_world_hash(),
        .events = sim_world_events_count(),
        .virtual_ns = sim_world_now_ns(),
        .recipients = world->oracle.recipients_count,
        .accepted = world->oracle.accepted_count,
        .covered =
            world->oracle.levels[TLS_LEVEL_ENCRYPTED] + world->oracle.levels[TLS_LEVEL_VERIFIED],
        .problems_count = world->oracle.problems_count,
        .problems = world->oracle.problems,
    };
    for (uint32_t i = 0; i < world->oracle.recipients_count; i++) {
        result->delivered += world->oracle.recipients[i].delivered_count;
        result->cancelled += world->oracle.recipients[i].ended == OUTCOME_CANCELLED;
    }
}

bool world_run(uint64_t seed, const struct world_options *options, struct world_result *result)
{
    struct world *world = calloc(1, sizeof(*world));
    struct world_engine *process = calloc(1, sizeof(*process));
    bool goes_on = true;

    CHECK(world != NULL);
    CHECK(process != NULL);
    world_open(world, seed, options, result->problems);
    for (uint32_t i = 0; i < options->lives_count && goes_on; i++)
        goes_on = world_life_run(world, process, &options->lives[i]);
    if (goes_on)
        finish(world, process);
    count(world, result);
    world_close(world);
    free(process);
    free(world);
    return result->problems_count == 0;
}
