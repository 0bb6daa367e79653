/* cmd_resolve.c - `ringpost resolve DOMAIN...`: where mail would go, and why. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/json_put.h"
#include "engine/resolver.h"
#include "engine/tag.h"
#include "message/address.h"
#include "tools/exit_code.h"
#include "tools/spool.h"
#include "tools/verb.h"

static void print_plain(const char *domain, const struct route *route,
                        const struct policy_limits *limits)
{
    (void)printf("%s: %s%s%s\n", domain, route_status_name(route->status),
                 route->problem[0] != '\0' ? ": " : "", route->problem);
    if (route->status != ROUTE_OK)
        return;
    (void)printf("  site %s%s\n", route->site, route->implicit ? " (implicit MX)" : "");
    for (uint32_t h = 0; h < route->hosts_count; h++) {
        const struct route_host *host = &route->hosts[h];

        (void)printf("  %5u %s", host->preference, host->name);
        for (uint32_t a = 0; a < host->addresses_count; a++) {
            char buffer[64];
            struct text text;

            text_init(&text, buffer, sizeof(buffer));
            ip_write(&text, &host->addresses[a]);
            (void)printf(" %s", text_cstr_end(&text));
        }
        (void)printf("\n");
    }
    (void)printf("  limits: %u connections, %u messages a connection, ",
                 limits->connections_per_site, limits->messages_per_connection);
    if (limits->messages_per_hour_per_site == 0)
        (void)printf("no message rate\n");
    else
        (void)printf("%llu messages an hour\n",
                     (unsigned long long)limits->messages_per_hour_per_site);
    (void)printf("  TLS: none (this version does not speak TLS yet)\n");
}

static void print_json(const char *domain, const struct route *route,
                       const struct policy_limits *limits)
{
    static char buffer[64 * KIB];
    struct text out;

    text_init(&out, buffer, sizeof(buffer));
    json_put_open(&out, '{');
    json_put_key_cstr(&out, "domain", domain);
    json_put_key_cstr(&out, "status", route_status_name(route->status));
    json_put_key_cstr(&out, "problem", route->problem[0] != '\0' ? route->problem : NULL);
    json_put_key_cstr(&out, "site", route->site[0] != '\0' ? route->site : NULL);
    json_put_key_bool(&out, "implicit_mx", route->implicit);
    json_put_key(&out, "hosts");
    json_put_open(&out, '[');
    for (uint32_t h = 0; h < route->hosts_count; h++) {
        const struct route_host *host = &route->hosts[h];

        json_put_open(&out, '{');
        json_put_key_u64(&out, "preference", host->preference);
        json_put_key_cstr(&out, "name", host->name);
        json_put_key(&out, "addresses");
        json_put_open(&out, '[');
        for (uint32_t a = 0; a < host->addresses_count; a++) {
            char address[64];
            struct text text;

            text_init(&text, address, sizeof(address));
            ip_write(&text, &host->addresses[a]);
            json_put_string(&out, text_span(&text));
        }
        json_put_close(&out, ']');
        json_put_close(&out, '}');
    }
    json_put_close(&out, ']');
    json_put_key_u64(&out, "connections_per_site", limits->connections_per_site);
    json_put_key_u64(&out, "messages_per_connection", limits->messages_per_connection);
    json_put_key_u64(&out, "messages_per_hour_per_site", limits->messages_per_hour_per_site);
    json_put_key_cstr(&out, "tls", "off");
    json_put_close(&out, '}');
    (void)printf("%s\n", text_cstr_end(&out));
}

static enum route_status wait_for_route(struct spool *spool, struct resolver *resolver,
                                        struct span name, struct route *route)
{
    struct io_event events[64];
    enum route_status status;
    uint64_t waiter;

    while ((status = dns_route(resolver->dns, io_now_ns(spool->io), name, 1, route)) ==
               ROUTE_PENDING ||
           status == ROUTE_BUSY) {
        bool done = false;

        while (!done) {
            uint32_t count;

            resolver_turn(resolver);
            count = io_wait(spool->io, resolver_deadline_ns(resolver), events, ARRAY_LEN(events));
            for (uint32_t i = 0; i < count; i++)
                if (tag_op_of(events[i].tag) >= TAG_DNS_SOCKET &&
                    tag_op_of(events[i].tag) <= TAG_DNS_SHUT)
                    resolver_event(resolver, &events[i]);
            resolver_expire(resolver);
            done = dns_done(resolver->dns, &waiter);
        }
    }
    return status;
}

static int resolve_one(struct spool *spool, struct resolver *resolver, const char *domain,
                       bool json)
{
    static struct route route;
    char buffer[ADDRESS_DOMAIN_KEY_MAX + 1];
    struct text name;
    struct policy_limits limits;

    text_init(&name, buffer, sizeof(buffer));
    if (!address_domain_key(span_cstr(domain), &name)) {
        (void)verb_complain("resolve", "\"%s\" cannot be a domain", domain);
        return EXIT_USAGE;
    }
    (void)wait_for_route(spool, resolver, text_span(&name), &route);
    limits = policy_limits_for(spool->settings.policy, span_cstr(route.site));
    if (json)
        print_json(domain, &route, &limits);
    else
        print_plain(domain, &route, &limits);
    return route.status == ROUTE_OK ? EXIT_ALL_ACCEPTED : EXIT_SOME_FAILED;
}

static int run(const char *config, char **domains, int count, bool json)
{
    struct spool spool;
    struct resolver resolver;
    struct resolver_options options = {.cache_entries_max = 1024, .questions_max = 64};
    struct arena arena;
    int result = spool_open(&spool, config, NULL, false), worst = EXIT_ALL_ACCEPTED;

    if (result != 0)
        return result;
    if (spool.settings.policy->dns_servers.count == 0) {
        (void)spool_close(&spool);
        return verb_complain("resolve", "no name server is configured");
    }
    options.policy = spool.settings.policy;
    if (io_entropy(spool.io, &options.seed, sizeof(options.seed)) < 0 ||
        arena_open(&arena, resolver_cost(&options)) < 0) {
        (void)spool_close(&spool);
        return EXIT_TRY_AGAIN;
    }
    resolver_init(&resolver, &arena, spool.io, &options);
    for (int i = 0; i < count; i++) {
        result = resolve_one(&spool, &resolver, domains[i], json);
        worst = result > worst ? result : worst;
    }
    (void)spool_close(&spool);
    arena_close(&arena);
    return worst;
}

int verb_resolve(int argc, char **argv)
{
    static const struct option long_options[] = {{"config", required_argument, NULL, 'f'},
                                                 {"json", no_argument, NULL, 'j'},
                                                 {NULL, 0, NULL, 0}};
    const char *config = NULL;
    bool json = false;
    int option;

    optind = 1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (option == 'j')
            json = true;
        else if (option == 'f')
            config = optarg;
        else
            return verb_complain("resolve", "%s is not an option, or lacks its value",
                                 argv[optind - 1]);
    }
    if (optind >= argc)
        return verb_complain("resolve", "which domain?");
    return run(config, argv + optind, argc - optind, json);
}
