/* config_sample.h - a made-up table with every type of setting, for the tests and the fuzz target.
 *
 * Not part of any program. */
#ifndef BASE_CONFIG_SAMPLE_H
#define BASE_CONFIG_SAMPLE_H

#include <string.h>

#include "base/config.h"

#define SAMPLE_ITEMS_MAX 3

struct sample_site {
    char domain[64];
    char selector[32];
    uint32_t connections;
    bool signed_too;
    uint64_t timeout_ns;
};

struct sample_route {
    char key[CONFIG_ITEM_MAX];
    struct config_list hosts;
    char hosts_items[4][CONFIG_ITEM_MAX];
    uint32_t tls;
};

struct sample_settings {
    char hostname[16];
    char required[8];
    uint32_t shards;
    uint32_t port;
    bool allow;
    uint64_t size;
    uint64_t timeout_ns;
    uint64_t rate_per_hour;
    uint32_t mode;
    struct config_list schedule;
    uint64_t schedule_items[4];
    struct config_list servers;
    char servers_items[4][CONFIG_ITEM_MAX];
    struct config_list sites;
    struct sample_site sites_items[SAMPLE_ITEMS_MAX];
    struct config_list routes;
    struct sample_route routes_items[SAMPLE_ITEMS_MAX];
};

static const char *const sample_modes[] = {"off", "opportunistic", "required", NULL};

static const struct config_row sample_site_rows[] = {
    {.name = "domain",
     .type = CONFIG_STRING,
     .offset = offsetof(struct sample_site, domain),
     .min = 1,
     .max = 63,
     .doc = "The domain."},
    {.name = "selector",
     .type = CONFIG_STRING,
     .offset = offsetof(struct sample_site, selector),
     .max = 31,
     .initial = "s1",
     .doc = "The selector."},
    {.name = "limits.connections",
     .type = CONFIG_U32,
     .offset = offsetof(struct sample_site, connections),
     .min = 1,
     .max = 100,
     .initial = "7",
     .doc = "Connections."},
    {.name = "limits.timeout",
     .type = CONFIG_DURATION,
     .offset = offsetof(struct sample_site, timeout_ns),
     .initial = "5s",
     .doc = "Timeout."},
    {.name = "also_sign",
     .type = CONFIG_BOOL,
     .offset = offsetof(struct sample_site, signed_too),
     .initial = "false",
     .doc = "A second signature."},
};

static const struct config_subtree sample_sites_subtree = {.rows = sample_site_rows,
                                                           .rows_count =
                                                               ARRAY_LEN(sample_site_rows),
                                                           .item_size = sizeof(struct sample_site),
                                                           .key_offset = SIZE_MAX};

static const struct config_row sample_route_rows[] = {
    {.name = "hosts",
     .type = CONFIG_STRING_LIST,
     .offset = offsetof(struct sample_route, hosts),
     .max = 4,
     .initial = "[]",
     .doc = "Smart hosts."},
    {.name = "tls",
     .type = CONFIG_ENUM,
     .offset = offsetof(struct sample_route, tls),
     .names = sample_modes,
     .initial = "opportunistic",
     .doc = "TLS."},
};

static const struct config_subtree sample_routes_subtree = {
    .rows = sample_route_rows,
    .rows_count = ARRAY_LEN(sample_route_rows),
    .item_size = sizeof(struct sample_route),
    .key_offset = offsetof(struct sample_route, key),
    .scalar_items = true};

static const struct config_row sample_rows[] = {
    {.name = "hostname",
     .type = CONFIG_STRING,
     .offset = offsetof(struct sample_settings, hostname),
     .max = 15,
     .initial = "null",
     .doc = "EHLO name | as it is."},
    {.name = "required",
     .type = CONFIG_STRING,
     .offset = offsetof(struct sample_settings, required),
     .min = 2,
     .max = 7,
     .initial = "abc",
     .doc = "Never empty."},
    {.name = "shards",
     .type = CONFIG_U32,
     .offset = offsetof(struct sample_settings, shards),
     .max = 64,
     .initial = "0",
     .doc = "Shards."},
    {.name = "smtp.port",
     .type = CONFIG_U32,
     .offset = offsetof(struct sample_settings, port),
     .min = 1,
     .max = 65535,
     .initial = "25",
     .doc = "Port."},
    {.name = "smtp.allow_private_addresses",
     .type = CONFIG_BOOL,
     .offset = offsetof(struct sample_settings, allow),
     .initial = "false",
     .doc = "For tests."},
    {.name = "smtp.deep.size",
     .type = CONFIG_SIZE,
     .offset = offsetof(struct sample_settings, size),
     .min = 1024,
     .max = 10000000,
     .initial = "64KiB",
     .doc = "Size."},
    {.name = "smtp.deep.timeout",
     .type = CONFIG_DURATION,
     .offset = offsetof(struct sample_settings, timeout_ns),
     .min = NS_PER_MS,
     .initial = "300ms",
     .doc = "Timeout."},
    {.name = "smtp.rate",
     .type = CONFIG_RATE,
     .offset = offsetof(struct sample_settings, rate_per_hour),
     .initial = "0",
     .doc = "Rate."},
    {.name = "tls.mode",
     .type = CONFIG_ENUM,
     .offset = offsetof(struct sample_settings, mode),
     .names = sample_modes,
     .initial = "opportunistic",
     .doc = "Mode."},
    {.name = "retry.schedule",
     .type = CONFIG_DURATION_LIST,
     .offset = offsetof(struct sample_settings, schedule),
     .max = 4,
     .initial = "[5m, 20m, 1h]",
     .doc = "Waits."},
    {.name = "dns.servers",
     .type = CONFIG_STRING_LIST,
     .offset = offsetof(struct sample_settings, servers),
     .max = 3,
     .initial = "[]",
     .doc = "Servers."},
    {.name = "dkim",
     .type = CONFIG_SUBTREE,
     .offset = offsetof(struct sample_settings, sites),
     .max = SAMPLE_ITEMS_MAX,
     .initial = "[]",
     .subtree = &sample_sites_subtree,
     .doc = "Keys."},
    {.name = "routes",
     .type = CONFIG_SUBTREE,
     .offset = offsetof(struct sample_settings, routes),
     .max = SAMPLE_ITEMS_MAX,
     .initial = "{}",
     .subtree = &sample_routes_subtree,
     .doc = "Routes."},
};

static const struct config_schema sample_schema = {sample_rows, ARRAY_LEN(sample_rows)};

static inline void sample_prepare(struct sample_settings *settings)
{
    memset(settings, 0, sizeof(*settings));
    settings->schedule = (struct config_list){.capacity = 4, .items = settings->schedule_items};
    settings->servers = (struct config_list){.capacity = 4, .items = settings->servers_items};
    settings->sites =
        (struct config_list){.capacity = SAMPLE_ITEMS_MAX, .items = settings->sites_items};
    settings->routes =
        (struct config_list){.capacity = SAMPLE_ITEMS_MAX, .items = settings->routes_items};
    for (size_t i = 0; i < SAMPLE_ITEMS_MAX; i++)
        settings->routes_items[i].hosts =
            (struct config_list){.capacity = 4, .items = settings->routes_items[i].hosts_items};
    config_defaults(&sample_schema, settings);
}

#endif
