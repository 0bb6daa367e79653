#include "sim/world.h"

#include <errno.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "sim/world_cancel.h"
#include "sim/world_engine.h"
#include "sim/world_stop.h"
#include "sim/world_suppress.h"

#define LIFE_MAX_NS (UINT64_C(2) * 86400 * NS_PER_S)
#define TURN_MAX_NS (60 * NS_PER_S)
#define EVENTS_MAX UINT64_C(30000000) /* more in one run is a spin */
#define OPEN_TRIES_MAX 4
#define IDLE_WAITS_MAX 100000

/* --- what is sent --- */

static const char *const names[] = {
    "Ada",
    "",
    ".",
    "..",
    "O'Neil & Sons <x>",
    "J\xc3\xb6rg",
    "=3D",
    "a=",
    "tab\there",
    "{{name}}",
    "250 ok",
    "From me",
    " leading",
    "trailing ",
    "\xe2\x82\xac\xf0\x9f\x8e\x89",
    "QUIT",
    "-",
    "=?utf-8?q?",
    "a,b;c:d@e.f>",
    "long long long long long long long long",
};

#define TEMPLATE                                                                                   \
    "From: Sender <sender@send.test>\r\nSubject: Number {{number}}\r\nMIME-Version: 1.0\r\n"       \
    "Content-Type: text/plain; charset=utf-8\r\n\r\nDear {{name}},\r\n.\r\n..\r\n=3D "             \
    "{{number}}\r\n"
#define MESSAGE_BODY ".\r\n..\r\n\r\n.leading\r\nQUIT\r\n=3D\r\n\r\n"
#define MESSAGE                                                                                    \
    "From: Sender <sender@send.test>\r\nMessage-ID: <1@send.test>\r\nSubject: "                    \
    "hello\r\n\r\n" MESSAGE_BODY

#define LIFTED "TLS-Required: No\r\n"
#define LINE "Sixty-four octets of a line that says nothing and takes its time.\r\n"
#define LINES_MAX 4000

struct span world_content(const struct world *world)
{
    static char
        buffer[LINES_MAX * sizeof(LINE) + sizeof(TEMPLATE) + sizeof(MESSAGE) + sizeof(LIFTED)];
    struct text text;

    text_init(&text, buffer, sizeof(buffer));
    text_add_cstr(&text, world->options.lifts_tls ? LIFTED : "");
    text_add_cstr(&text, world->options.messages ? MESSAGE : TEMPLATE);
    for (uint32_t i = 0; i < world->options.lines_count; i++)
        text_add_cstr(&text, LINE);
    CHECK(!text.overflow);
    return text_span(&text);
}

/* "<before><number><after>" */
static void put(char *ret, size_t size, const char *before, uint32_t number, const char *after)
{
    struct text text;

    text_init(&text, ret, size);
    text_add_cstr(&text, before);
    text_add_u64(&text, number);
    text_add_cstr(&text, after);
    CHECK(!text.overflow);
    (void)text_cstr_end(&text);
}

static void recipient_draw(const struct world *world, uint32_t campaign, uint32_t ordinal,
                           struct world_recipient *ret)
{
    uint64_t mixed = ((uint64_t)campaign << 32 | ordinal) * UINT64_C(0x9e3779b97f4a7c15) ^ campaign;
    const char *name = names[(mixed >> 40) % ARRAY_LEN(names)];
    const char *domain;
    char local[24];

    mixed ^= mixed >> 29;
    ret->zone = mixed % 3 == 0 ? 0 : (uint32_t)((mixed >> 8) % world->zones.zones_count);
    memcpy(ret->name, name, strlen(name) + 1);
    put(ret->number, sizeof(ret->number), "", ordinal, "");
    put(local, sizeof(local), "u", campaign, "x");
    put(ret->address, sizeof(ret->address), local, ordinal, "@");
    domain = world->zones.zones[ret->zone].name;
    CHECK(strlen(ret->address) + strlen(domain) < sizeof(ret->address));
    memcpy(ret->address + strlen(ret->address), domain, strlen(domain) + 1);
}

static uint64_t lines_hash(const struct world *world, uint64_t hash)
{
    for (uint32_t i = 0; i < world->options.lines_count; i++)
        hash = oracle_hash(hash, SPAN(LINE));
    return hash;
}

static uint64_t body_hash(const struct world *world, const struct world_recipient *recipient)
{
    uint64_t hash = ORACLE_HASH_START;

    if (world->options.messages)
        return lines_hash(world, oracle_hash(hash, SPAN(MESSAGE_BODY)));
    hash = oracle_hash(hash, SPAN("Dear "));
    hash = oracle_hash(hash, span_cstr(recipient->name));
    hash = oracle_hash(hash, SPAN(",\r\n.\r\n..\r\n=3D "));
    hash = oracle_hash(hash, span_cstr(recipient->number));
    return lines_hash(world, oracle_hash(hash, SPAN("\r\n")));
}

void world_add_recipient(struct world *world, uint32_t campaign,
                         const struct world_recipient *recipient)
{
    world->recipients =
        realloc(world->recipients, (world->recipients_count + 1) * sizeof(world->recipients[0]));
    CHECK(world->recipients != NULL);
    world->recipients[world->recipients_count++] = *recipient;
    (void)oracle_add(&world->oracle, campaign, recipient->address, recipient->zone,
                     body_hash(world, recipient));
}

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

static void add_campaigns(struct world *world)
{
    for (uint32_t i = 0; i < world->options.campaigns_count; i++) {
        char name[32];
        uint32_t campaign;

        put(name, sizeof(name), "campaign-", i, "");
        campaign = oracle_add_campaign(&world->oracle, name);
        for (uint32_t j = 0; j < world->options.recipients[i]; j++) {
            struct world_recipient recipient;

            recipient_draw(world, i, j, &recipient);
            world_add_recipient(world, campaign, &recipient);
        }
    }
}

/* --- the world --- */

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
    add_campaigns(world);
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

static void disk_faults_end(void)
{
    *sim_world_disk_options() = (struct disk_options){0};
}

static void world_heal(struct world *world)
{
    world->healed = true;
    disk_faults_end();
    net_sim_heal(sim_world_net());
    zones_heal(&world->zones);
    mx_sim_heal(&world->mx);
    world->dns.silence = (struct dns_sim_silence){0};
}

/* --- lives --- */

/* Opens the product; faults of the disk may make that fail a few times, but not for ever. */
static bool life_begin(struct world *world, struct world_engine *process)
{
    for (uint32_t i = 0; i < OPEN_TRIES_MAX; i++) {
        int result = world_engine_open(process, world);

        if (result == 0)
            return true;
        if (i + 2 >= OPEN_TRIES_MAX || world->healed) {
            oracle_problem(&world->oracle, "start fails: %d %s", result, process->error);
            return false;
        }
        sim_world_kill();
        oracle_end_life(&world->oracle, true);
        if (i + 3 >= OPEN_TRIES_MAX)
            disk_faults_end();
    }
    return false;
}

static bool spins(struct world *world)
{
    if (sim_world_idle_waits() > IDLE_WAITS_MAX)
        oracle_problem(&world->oracle, "liveness: the product turns and does not wait");
    else if (sim_world_events_count() > EVENTS_MAX)
        oracle_problem(&world->oracle, "liveness: %llu events and no end",
                       (unsigned long long)sim_world_events_count());
    else
        return false;
    return true;
}

/* Now and then somebody sets the clock. */
static void jump(struct world *world)
{
    static const int64_t seconds[] = {-3600, -600, -1, 1, 600, 3600, 86400};

    if (world->wall_jumps_left == 0 || prng_below(&world->prng, 500) != 0)
        return;
    world->wall_jumps_left--;
    sim_world_shift_wall(seconds[prng_below(&world->prng, ARRAY_LEN(seconds))] * (int64_t)NS_PER_S);
}

/* Runs until so many events were handed out, or nothing is left to do. */
static void life_go_on(struct world *world, struct world_engine *process, uint64_t events,
                       uint64_t duration_ns)
{
    uint64_t until_ns = sim_world_now_ns() + duration_ns;
    uint64_t until_events = sim_world_events_count() + events;

    while (sim_world_events_count() < until_events && sim_world_now_ns() < until_ns &&
           world_engine_open_count(process) > 0 && !spins(world)) {
        jump(world);
        world_engine_turn(process, min_u64(until_ns, sim_world_now_ns() + TURN_MAX_NS));
    }
}

static void crash(struct world *world, struct world_engine *process, enum world_end end)
{
    world_engine_abandon(process);
    if (end == WORLD_POWER_LOSS)
        sim_world_power_loss();
    else
        sim_world_kill();
    oracle_end_life(&world->oracle, true);
}

/* One life with its end. False: nothing more can be learned from this seed. */
static bool live(struct world *world, struct world_engine *process, const struct world_life *life)
{
    static jmp_buf jump;
    int result;

    if (life->end != WORLD_STOP) {
        if (setjmp(jump) != 0) {
            crash(world, process, life->end);
            return true;
        }
        sim_world_cut_jump(&jump);
        sim_world_cut_after(life->events);
    }
    if (!life_begin(world, process))
        return false;
    life_go_on(world, process, life->events, LIFE_MAX_NS);
    if (sim_world_idle_waits() > IDLE_WAITS_MAX)
        return false;
    if (life->end != WORLD_STOP) {
        crash(world, process, life->end); /* all was done before the cut */
        return true;
    }
    result = world_engine_close(process, false);
    if (result < 0 && world->options.sim.disk.sync_failure_permille == 0 &&
        world->options.sim.disk.write_failure_permille == 0 &&
        world->options.sim.disk.read_failure_permille == 0 && world->options.disk_capacity == 0)
        oracle_problem(&world->oracle, "stop fails: %d", result);
    sim_world_kill();
    oracle_end_life(&world->oracle, result < 0);
    return true;
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
    if (!life_begin(world, process))
        return;
    life_go_on(world, process, UINT64_MAX / 2, patience_s * NS_PER_S);
    if (sim_world_idle_waits() > IDLE_WAITS_MAX)
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
        goes_on = live(world, process, &options->lives[i]);
    if (goes_on)
        finish(world, process);
    count(world, result);
    world_close(world);
    free(process);
    free(world);
    return result->problems_count == 0;
}
