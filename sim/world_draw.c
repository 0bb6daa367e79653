/* What a seed means: whole classes of fault on or off, sizes from one to the limit. */
#include "sim/world.h"

#include <string.h>

static uint64_t pick(struct prng *prng, const uint64_t *values, size_t count)
{
    return values[prng_below(prng, count)];
}

#define HOUR_S UINT64_C(3600)
#define PICK(prng, ...)                                                                            \
    pick(prng, (const uint64_t[]){__VA_ARGS__},                                                    \
         sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))
#define PICK_U32(prng, ...) ((uint32_t)PICK(prng, __VA_ARGS__))

static void draw_disk(struct prng *prng, struct world_options *options)
{
    struct disk_options *disk = &options->sim.disk;

    disk->write_back_percent = PICK_U32(prng, 0, 5, 30);
    disk->sync_failure_permille = PICK_U32(prng, 0, 0, 0, 5, 30);
    disk->write_failure_permille = PICK_U32(prng, 0, 0, 0, 2);
    disk->evict_after_failure = prng_percent(prng, 20);
    options->disk_capacity = PICK(prng, 0, 0, 0, 0, 512 * KIB, 2 * MIB);
}

static void draw_delays(struct prng *prng, struct sim_delay_options *delay)
{
    delay->turn_max_ns = PICK(prng, 0, 10 * NS_PER_US, NS_PER_MS, 20 * NS_PER_MS);
    delay->file_max_ns = PICK(prng, 0, 100 * NS_PER_US, 5 * NS_PER_MS);
    delay->sync_min_ns = 50 * NS_PER_US;
    delay->sync_max_ns = PICK(prng, 100 * NS_PER_US, 2 * NS_PER_MS, 50 * NS_PER_MS);
    delay->sync_slow_percent = PICK_U32(prng, 0, 0, 2);
    delay->empty_wait_percent = PICK_U32(prng, 0, 0, 5);
    delay->small_batch_percent = PICK_U32(prng, 0, 20, 100);
    delay->cancel_race_percent = PICK_U32(prng, 0, 50);
}

static void draw_net(struct prng *prng, struct net_options *net)
{
    net->latency_max_ns = PICK(prng, NS_PER_MS, 20 * NS_PER_MS, 300 * NS_PER_MS);
    net->jitter_max_ns = PICK(prng, 0, NS_PER_MS, 100 * NS_PER_MS);
    net->window = PICK(prng, 0, 512, 4096);
    net->connect_refused_permille = PICK_U32(prng, 0, 20, 200);
    net->connect_lost_permille = PICK_U32(prng, 0, 20);
    net->connect_slow_percent = PICK_U32(prng, 0, 5);
    net->reset_permille = PICK_U32(prng, 0, 20, 100);
    net->silence_permille = PICK_U32(prng, 0, 10);
    net->fault_bytes_max = PICK_U32(prng, 300, 3000);
    net->chop_percent = PICK_U32(prng, 0, 5, 50);
    net->send_short_percent = PICK_U32(prng, 0, 10, 60);
    net->clog_permille = PICK_U32(prng, 0, 5);
    net->clog_max_ns = PICK(prng, NS_PER_S, 100 * NS_PER_S);
    net->datagram_lost_percent = PICK_U32(prng, 0, 2, 20);
    net->datagram_doubled_percent = PICK_U32(prng, 0, 5);
}

static void draw_refusals(struct prng *prng, struct mx_persona *persona)
{
    for (uint32_t i = 0; i < MX_SIM_STAGES; i++) {
        persona->tempfail_permille[i] = PICK_U32(prng, 0, 0, 20, 300);
        persona->permfail_permille[i] = PICK_U32(prng, 0, 0, 10);
    }
    persona->refuse_recipient = PICK_U32(prng, 0, 0, 1, 3);
    persona->close_command = PICK_U32(prng, 0, 0, 1, 2, 3, 4, 5, 9);
    persona->messages_max = PICK_U32(prng, 0, 0, 1, 3);
    persona->connections_max = PICK_U32(prng, 0, 0, 1);
    persona->messages_an_hour = PICK_U32(prng, 0, 0, 20);
    persona->greylist_ns = PICK(prng, 0, 0, 60 * NS_PER_S);
    persona->greeting_code = (uint16_t)PICK(prng, 0, 0, 0, 0, 421, 554);
}

static void draw_breaks(struct prng *prng, struct mx_persona *persona)
{
    persona->drop_permille = PICK_U32(prng, 0, 5, 50);
    persona->reset_permille = PICK_U32(prng, 0, 5);
    persona->lose_permille = PICK_U32(prng, 0, 20, 200);
    persona->unanswered_permille = PICK_U32(prng, 0, 20, 200);
    persona->extra_reply_permille = PICK_U32(prng, 0, 10);
    persona->short_reply_permille = PICK_U32(prng, 0, 10);
}

static void draw_manners(struct prng *prng, struct mx_persona *persona)
{
    persona->delay_max_ns = PICK(prng, 0, NS_PER_MS, NS_PER_S, 40 * NS_PER_S);
    persona->greeting_ns = PICK(prng, 0, 0, 10 * NS_PER_S, 400 * NS_PER_S);
    persona->byte_ns = PICK(prng, 0, 0, 0, NS_PER_MS, 2 * NS_PER_S);
    persona->stall_ns = PICK(prng, 0, 0, 0, 30 * NS_PER_S);
    persona->bare_lf = prng_percent(prng, 20);
    persona->lower_case = prng_percent(prng, 20);
    persona->helo_only = prng_percent(prng, 15);
    persona->silent = prng_percent(prng, 4);
    persona->flood_lines = PICK_U32(prng, 0, 0, 0, 20, 500);
    persona->size_max = PICK(prng, 0, 100, 50000, UINT64_MAX);
}

static void draw_personas(struct prng *prng, struct world_options *options)
{
    bool troubles = prng_percent(prng, 70);

    options->personas_count = 1 + (uint32_t)prng_below(prng, WORLD_PERSONAS_MAX);
    for (uint32_t i = 0; i < options->personas_count; i++) {
        struct mx_persona *persona = &options->personas[i];

        *persona = (struct mx_persona){0};
        persona->pipelining = prng_percent(prng, 70);
        persona->eight_bit = prng_percent(prng, 70);
        persona->enhanced = prng_percent(prng, 70);
        if (troubles && prng_percent(prng, 40))
            draw_refusals(prng, persona);
        if (troubles && prng_percent(prng, 40))
            draw_breaks(prng, persona);
        if (troubles && prng_percent(prng, 40))
            draw_manners(prng, persona);
    }
}

static void draw_sizes(struct prng *prng, struct world_options *options)
{
    bool tiny = prng_percent(prng, 40);

    options->shards_count = 1 + (uint32_t)prng_below(prng, 3);
    options->connections_max = PICK_U32(prng, 2, 8, 40);
    if (tiny || options->connections_max < options->shards_count)
        options->connections_max = options->shards_count;
    options->connections_per_site = PICK_U32(prng, 1, 2, 5);
    options->messages_per_connection = PICK_U32(prng, 1, 2, 10, 100);
    options->buffers_max = tiny ? 1 : PICK_U32(prng, 2, 16);
    options->ring_buffers_count = tiny ? 2 : PICK_U32(prng, 8, 64);
    options->ring_buffer_size = PICK_U32(prng, 512, 1024, 2048);
    options->cache_entries_max = tiny ? 64 : PICK_U32(prng, 64, 512);
    options->segment_size = tiny ? 64 * KIB : PICK(prng, 64 * KIB, 256 * KIB, MIB);
    options->journal_size = tiny ? 64 * KIB : PICK(prng, 64 * KIB, 256 * KIB, MIB);
    options->retry_s[0] = PICK(prng, 30, 300);
    options->retry_s[1] = PICK(prng, 120, 600);
    options->retry_s[2] = PICK(prng, 600, HOUR_S);
    options->lifetime_s = PICK(prng, HOUR_S, 6 * HOUR_S, 24 * HOUR_S);
}

static void draw_lives(struct prng *prng, struct world_options *options)
{
    options->lives_count = PICK_U32(prng, 0, 1, 1, 2, 4);
    for (uint32_t i = 0; i < options->lives_count; i++) {
        options->lives[i].events = 1 + prng_below(prng, UINT64_C(1) << (4 + prng_below(prng, 12)));
        options->lives[i].end = (enum world_end)prng_below(prng, 3);
        if (prng_percent(prng, 50))
            options->lives[i].end = WORLD_POWER_LOSS;
    }
}

/* Drawn apart from everything else. */
static void draw_tls(struct world_options *options, uint64_t seed)
{
    struct prng prng;

    prng_seed(&prng, seed ^ UINT64_C(0x746c73));
    if (prng_percent(&prng, 30))
        return; /* nobody offers it, nobody demands it */
    for (uint32_t i = 0; i < options->personas_count; i++)
        options->personas[i].tls =
            prng_percent(&prng, 40) ? MX_TLS_GOOD : (enum mx_tls)prng_below(&prng, MX_TLS_COUNT);
    options->tls_percent = PICK_U32(&prng, 0, 20, 60, 100);
    options->tls_mode = PICK_U32(&prng, 0, 1, 1, 1, 2, 3);
    options->dane_percent = PICK_U32(&prng, 0, 0, 50, 80, 100);
}

/* Drawn apart as well. */
static void draw_late_comers(struct world_options *options, uint64_t seed)
{
    struct prng prng;

    prng_seed(&prng, seed ^ UINT64_C(0x70616365));
    if (prng_percent(&prng, 40))
        options->messages_per_minute = PICK(&prng, 6, 30, 120, 600);
    if (prng_percent(&prng, 30))
        options->wall_jumps_count = 1 + (uint32_t)prng_below(&prng, 5);
    if (prng_percent(&prng, 20))
        options->sim.disk.read_failure_permille = PICK_U32(&prng, 2, 20, 100);
    if (prng_percent(&prng, 15) && options->recipients[0] <= 64)
        options->lines_count = PICK_U32(&prng, 250, 700);
}

/* Apart as well. */
static void draw_signing(struct world_options *options, uint64_t seed)
{
    struct prng prng;

    prng_seed(&prng, seed ^ UINT64_C(0x646b696d));
    options->signs = prng_percent(&prng, 50);
    options->adds_fields = prng_percent(&prng, 30);
    options->signing_width = PICK_U32(&prng, 0, 2, 8, 8);
    if (options->signs && prng_percent(&prng, 50)) {
        options->signers_count = 1 + (uint32_t)prng_below(&prng, WORLD_SIGNERS_MAX);
        options->signer_ns_max = PICK(&prng, 1, NS_PER_MS, 20 * NS_PER_MS, 2 * NS_PER_S);
    }
}

/* Apart as well. */
static void draw_cancels(struct world_options *options, uint64_t seed)
{
    struct prng prng;

    prng_seed(&prng, seed ^ UINT64_C(0x61646d69));
    if (prng_percent(&prng, 30))
        options->cancel_turns = PICK_U32(&prng, 30, 100, 400, 2000);
}

static void draw_stops(struct world_options *options, uint64_t seed)
{
    struct prng prng;

    prng_seed(&prng, seed ^ UINT64_C(0x73746f70));
    if (prng_percent(&prng, 30))
        options->stop_turns = PICK_U32(&prng, 10, 30, 100, 400);
}

void world_draw(struct world_options *options, uint64_t seed)
{
    struct prng prng;

    memset(options, 0, sizeof(*options));
    prng_seed(&prng, seed ^ UINT64_C(0x77726c64));
    draw_sizes(&prng, options);
    draw_delays(&prng, &options->sim.delay);
    options->sim.net.latency_max_ns = 20 * NS_PER_MS;
    if (prng_percent(&prng, 60))
        draw_disk(&prng, options);
    if (prng_percent(&prng, 60))
        draw_net(&prng, &options->sim.net);
    draw_personas(&prng, options);
    options->unknown_percent = PICK_U32(&prng, 0, 0, 10);
    options->zones.zones_count =
        1 + (uint32_t)prng_below(&prng, UINT64_C(1) << prng_below(&prng, 7));
    options->zones.plain_percent = PICK_U32(&prng, 100, 80, 30);
    options->zones.trouble_percent = PICK_U32(&prng, 0, 20, 60);
    options->zones.ipv6_percent = PICK_U32(&prng, 0, 30);
    options->return_path = prng_percent(&prng, 70);
    options->messages = prng_percent(&prng, 20);
    options->campaigns_count = 1 + (uint32_t)prng_below(&prng, 3);
    for (uint32_t i = 0; i < options->campaigns_count; i++)
        options->recipients[i] =
            1 + (uint32_t)prng_below(&prng, UINT64_C(1) << prng_below(&prng, 9));
    draw_lives(&prng, options);
    if (prng_percent(&prng, 30))
        options->names_silence.dead = PICK_U32(&prng, 1, 2, 3);
    if (prng_percent(&prng, 30))
        options->names_silence.spell_ns = PICK(&prng, 1, 20, 200, 2000) * NS_PER_S;
    options->tls_mode = 1;
    draw_tls(options, seed);
    options->suppresses = (seed * UINT64_C(0x9e3779b97f4a7c15) >> 40) % 3 == 0;
    draw_late_comers(options, seed);
    draw_signing(options, seed);
    draw_cancels(options, seed);
    draw_stops(options, seed);
}

void world_print(const struct world_options *options, struct text *out)
{
    static const char *const ends[] = {"stop", "kill", "power loss"};
    const struct disk_options *disk = &options->sim.disk;
    const struct net_options *net = &options->sim.net;

    text_add_format(out,
                    "  shards %u connections %u per site %u messages a connection %u\n"
                    "  buffers %u ring %u x %u cache %u segment %llu journal %llu\n",
                    options->shards_count, options->connections_max, options->connections_per_site,
                    options->messages_per_connection, options->buffers_max,
                    options->ring_buffers_count, options->ring_buffer_size,
                    options->cache_entries_max, (unsigned long long)options->segment_size,
                    (unsigned long long)options->journal_size);
    text_add_format(out,
                    "  disk: write-back %u%% sync EIO %u/1000 write EIO %u/1000 read EIO %u/1000 "
                    "capacity %llu\n",
                    disk->write_back_percent, disk->sync_failure_permille,
                    disk->write_failure_permille, disk->read_failure_permille,
                    (unsigned long long)options->disk_capacity);
    text_add_format(
        out, "  a site: %llu messages a minute; jumps of the time of day: %u; long by %u lines\n",
        (unsigned long long)options->messages_per_minute, options->wall_jumps_count,
        options->lines_count);
    text_add_format(out,
                    "  net: refused %u lost %u reset %u silent %u clog %u (of 1000) chop %u%% "
                    "short %u%% datagrams lost %u%% window %zu\n",
                    net->connect_refused_permille, net->connect_lost_permille, net->reset_permille,
                    net->silence_permille, net->clog_permille, net->chop_percent,
                    net->send_short_percent, net->datagram_lost_percent, net->window);
    text_add_format(out, "  name servers: dead %x, silent every third %llu s\n",
                    options->names_silence.dead,
                    (unsigned long long)(options->names_silence.spell_ns / NS_PER_S));
    text_add_format(out, "  TLS: mode %u, of its own for %u%% of the domains; signed %u%%; servers",
                    options->tls_mode, options->tls_percent, options->dane_percent);
    for (uint32_t i = 0; i < options->personas_count; i++)
        text_add_format(out, " %u", (unsigned)options->personas[i].tls);
    text_add_format(out, "\n  zones %u plain %u%% in trouble %u%%; personas %u; unknown %u%%\n",
                    options->zones.zones_count, options->zones.plain_percent,
                    options->zones.trouble_percent, options->personas_count,
                    options->unknown_percent);
    text_add_format(out, "  campaigns %u (%u %u %u) %s return path %s lifetime %llu s; lives:",
                    options->campaigns_count, options->recipients[0], options->recipients[1],
                    options->recipients[2], options->messages ? "messages" : "template",
                    options->return_path ? "keyed" : "plain",
                    (unsigned long long)options->lifetime_s);
    for (uint32_t i = 0; i < options->lives_count; i++)
        text_add_format(out, " %llu events, %s;", (unsigned long long)options->lives[i].events,
                        ends[options->lives[i].end]);
    text_add_format(out, "%s%s", options->suppresses ? " suppresses" : "",
                    options->adds_fields ? " adds fields" : "");
    if (options->cancel_turns > 0)
        text_add_format(out, " cancels one turn in %u", options->cancel_turns);
    if (options->stop_turns > 0)
        text_add_format(out, " stops one turn in %u", options->stop_turns);
    if (options->signs)
        text_add_format(out, " signs by %u, %u beside the shards, below %llu us",
                        options->signing_width, options->signers_count,
                        (unsigned long long)(options->signer_ns_max / NS_PER_US));
    text_add_cstr(out, "\n");
}
