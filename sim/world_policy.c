#include "sim/world_policy.h"

#include <stdlib.h>

#include "base/check.h"
#include "engine/signing_keys.h"
#include "sim/mx_seal.h"

#define CONFIG_MAX 16384
#define SWAP_NS (200 * NS_PER_MS) /* between two swaps, and twice as long each time */

static void write_tls(const struct world *world, struct text *yaml)
{
    static const char *const modes[] = {"off", "opportunistic", "required", "verified"};
    bool first = true;

    text_add_format(yaml, "tls: {mode: %s, dane: %s, mta_sts: false, domains: {",
                    modes[world->options.tls_mode],
                    world->options.dane_percent > 0 ? "true" : "false");
    for (uint32_t i = 0; i < world->zones.zones_count; i++) {
        const struct zone *zone = &world->zones.zones[i];

        if (zone->tls_mode == world->options.tls_mode)
            continue;
        text_add_format(yaml, "%s\"%s\": %s", first ? "" : ", ", zone->name, modes[zone->tls_mode]);
        first = false;
    }
    text_add_cstr(yaml, "}}\n");
}

static void write_limits(const struct world_options *options, struct text *yaml)
{
    text_add_format(
        yaml,
        "hostname: send.test\nspool: spool\nshards: %u\n"
        "dns: {servers: [11.255.0.1, 11.255.0.2], trust_ad: %s}\n"
        "retry: {schedule: [%llus, %llus, %llus], lifetime: %llus}\n",
        options->shards_count, options->dane_percent > 0 ? "true" : "false",
        (unsigned long long)options->retry_s[0], (unsigned long long)options->retry_s[1],
        (unsigned long long)options->retry_s[2], (unsigned long long)options->lifetime_s);
    text_add_format(
        yaml,
        "limits: {connections: %u, connections_per_site: %u, "
        "messages_per_connection: %u, messages_per_second_per_site: %llu/min}\n%s",
        options->connections_max, options->connections_per_site, options->messages_per_connection,
        (unsigned long long)options->messages_per_minute,
        options->return_path ? "return_path: {domain: bounce.test, key_file: verp.key}\n" : "");
}

/* What the sender adds to its mail. */
static void write_mail(const struct world_options *options, struct text *yaml)
{
    if (options->adds_fields && options->return_path)
        text_add_cstr(yaml,
                      "unsubscribe: {mailto: leave@bounce.test, url: 'https://u.test/?t='}\n");
    if (options->adds_fields)
        text_add_format(yaml,
                        "headers: {feedback_id: '{{campaign}}:{{tenant}}:{{stream}}:s',"
                        " cfbl_address: fbl@send.test, cfbl_feedback_id: %s}\n",
                        options->return_path ? "true" : "false");
    if (options->signs)
        text_add_format(yaml,
                        "dkim: [{domain: " MX_SEAL_DOMAIN ", selector: s, key_file: s.pem}%s]\n",
                        options->signing_width > 2
                            ? ", {domain: esp.test, selector: t, key_file: t.pem, also_sign: true}"
                            : "");
}

static int open_keys(struct policy *policy, uint32_t threads_count, struct text *error)
{
    int result;

    if (policy->dkim.count == 0)
        return 0;
    result = signing_keys_open(&policy->signing_keys, policy, threads_count, error);
    for (uint32_t i = 0; i < policy->dkim.count && result == 0; i++)
        result =
            signing_keys_add(policy->signing_keys, &policy->dkim_items[i], mx_seal_key(), error);
    return result;
}

static void close_policy(struct policy *policy)
{
    if (policy != NULL)
        signing_keys_close(policy->signing_keys);
    free(policy);
}

static int make(const struct world *world, struct policy **ret_policy, struct text *error)
{
    struct policy *policy = calloc(1, sizeof(*policy));
    char yaml[CONFIG_MAX];
    struct text text;
    int result;

    CHECK(policy != NULL);
    policy_init(policy);
    text_init(&text, yaml, sizeof(yaml));
    write_limits(&world->options, &text);
    write_tls(world, &text);
    write_mail(&world->options, &text);
    CHECK(!text.overflow);
    result = policy_read(policy, text_span(&text), "sim.yaml", error);
    if (result == 0)
        result = policy_complete(policy, SPAN("send.test"), SPAN(""), error);
    if (result == 0)
        result =
            open_keys(policy, world->options.shards_count + world->options.signers_count, error);
    if (result < 0)
        close_policy(policy);
    else
        *ret_policy = policy;
    return result;
}

int world_policy_open(struct world_engine *process, struct text *error)
{
    return make(process->world, &process->policy, error);
}

/* The same again, with keys read again: what is under way has the old ones. */
static void swap(struct world_engine *process)
{
    struct policy *fresh = NULL;
    char buffer[256];
    struct text error;

    text_init(&error, buffer, sizeof(buffer));
    CHECK(make(process->world, &fresh, &error) == 0);
    fresh->generation = process->policy->generation + 1;
    process->swap_ns = sim_world_now_ns() + (SWAP_NS << fresh->generation);
    if (engine_order_policy(process->engine, fresh) < 0) {
        close_policy(fresh);
        return;
    }
    process->retiring = process->policy;
    process->policy = fresh;
}

void world_policy_turn(struct world_engine *process)
{
    struct stats_sum stats;

    if (process->retiring != NULL) {
        engine_stats(process->engine, &stats);
        if (stats.gauges[STATS_POLICY] < process->policy->generation)
            return;
        close_policy(process->retiring);
        process->retiring = NULL;
    }
    if (process->world->options.signs && sim_world_now_ns() >= process->swap_ns)
        swap(process);
}

void world_policy_close(struct world_engine *process)
{
    close_policy(process->policy);
    close_policy(process->retiring);
    process->policy = process->retiring = NULL;
}
