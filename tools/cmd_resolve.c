/* cmd_resolve.c - `ringpost resolve DOMAIN...`: where mail would go, and why. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/resolver.h"
#include "engine/smart_host.h"
#include "engine/tag.h"
#include "message/address.h"
#include "tools/exit_code.h"
#include "tools/option_reader.h"
#include "tools/resolve_answer.h"
#include "tools/resolve_sts.h"
#include "tools/spool.h"
#include "tools/verb.h"

/* One turn of the hall: until the waiter may ask again. */
static void turn(struct spool *spool, struct resolver *resolver)
{
    struct io_event events[64];
    uint64_t waiter;

    do {
        uint32_t count;

        resolver_turn(resolver);
        count = io_wait(spool->io, resolver_deadline_ns(resolver), events, ARRAY_LEN(events));
        for (uint32_t i = 0; i < count; i++)
            if (tag_op_of(events[i].tag) >= TAG_DNS_SOCKET &&
                tag_op_of(events[i].tag) <= TAG_DNS_SHUT)
                resolver_event(resolver, &events[i]);
        resolver_expire(resolver);
    } while (!dns_done(resolver->dns, &waiter));
}

static enum route_status ask(struct spool *spool, struct resolver *resolver, struct span name,
                             struct resolve_answer *answer)
{
    struct smart_host_question question = {
        .route = answer->smart, .default_port = (uint16_t)answer->policy->smtp_port, .waiter = 1};

    if (answer->smart != NULL)
        return smart_host_ask(resolver->dns, io_now_ns(spool->io), &question, &answer->route,
                              answer->ports);
    for (uint32_t i = 0; i < ROUTE_HOSTS_MAX; i++)
        answer->ports[i] = (uint16_t)answer->policy->smtp_port;
    return dns_route(resolver->dns, io_now_ns(spool->io), name, 1, &answer->route);
}

/* One asker at a time: nothing is ever BUSY. */
static void find_route(struct spool *spool, struct resolver *resolver, struct span name,
                       struct resolve_answer *answer)
{
    answer->cached = true;
    while (ask(spool, resolver, name, answer) == ROUTE_PENDING) {
        answer->cached = false;
        turn(spool, resolver);
    }
}

static void find_tlsa(struct spool *spool, struct resolver *resolver, uint32_t index,
                      struct resolve_answer *answer)
{
    struct dns_tlsa_host host = {.name = span_cstr(answer->route.hosts[index].name),
                                 .port = (uint16_t)answer->policy->smtp_port};

    while (dns_tlsa(resolver->dns, io_now_ns(spool->io), &host, 1, &answer->tlsa[index]) ==
           TLSA_SET_PENDING)
        turn(spool, resolver);
}

static int resolve_one(struct spool *spool, struct resolver *resolver, struct resolve_sts *sts,
                       const char *domain, bool json)
{
    static struct resolve_answer answer;
    char buffer[ADDRESS_DOMAIN_KEY_MAX + 1];
    struct text name;

    text_init(&name, buffer, sizeof(buffer));
    if (!address_domain_key(span_cstr(domain), &name)) {
        (void)verb_complain("resolve", "\"%s\" cannot be a domain", domain);
        return EXIT_USAGE;
    }
    answer.domain = domain;
    answer.key = text_span(&name);
    answer.policy = spool->settings.policy;
    answer.smart = policy_route_for(answer.policy, answer.key);
    find_route(spool, resolver, text_span(&name), &answer);
    memset(answer.tlsa, 0, sizeof(answer.tlsa)); /* those of smart hosts do not count */
    for (uint32_t i = 0;
         answer.policy->tls_dane && answer.smart == NULL && i < answer.route.hosts_count; i++)
        find_tlsa(spool, resolver, i, &answer);
    if (answer.route.status == ROUTE_OK && answer.smart == NULL)
        answer.sts = resolve_sts_find(sts, text_span(&name));
    else
        answer.sts = (struct sts_view){.knowledge = STS_WITHOUT};
    answer.now_ns = io_now_ns(spool->io);
    if (json)
        resolve_answer_print_json(&answer);
    else
        resolve_answer_print(&answer);
    return answer.route.status == ROUTE_OK ? EXIT_ALL_ACCEPTED : EXIT_SOME_FAILED;
}

static int resolve_all(struct spool *spool, struct resolver *resolver, uint64_t seed,
                       char **domains, int count, bool json)
{
    static struct resolve_sts sts;
    const struct resolve_sts_options options = {.policy = spool->settings.policy,
                                                .roots_pem = spool->settings.tls.roots_pem,
                                                .io = spool->io,
                                                .resolver = resolver,
                                                .seed = seed};
    int worst = EXIT_ALL_ACCEPTED;
    char message[256];
    struct text why;

    text_init(&why, message, sizeof(message));
    if (resolve_sts_open(&sts, &options, &why) < 0)
        return verb_complain("resolve", "%s", text_cstr_end(&why));
    for (int i = 0; i < count; i++) {
        int result = resolve_one(spool, resolver, &sts, domains[i], json);

        worst = result > worst ? result : worst;
    }
    resolve_sts_close(&sts);
    return worst;
}

static int run(const char *config, char **domains, int count, bool json)
{
    struct spool spool;
    struct resolver resolver;
    struct resolver_options options = {.cache_entries_max = 1024, .questions_max = 64};
    struct arena arena;
    int result = spool_open(&spool, config, NULL, false);

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
    result = resolve_all(&spool, &resolver, options.seed, domains, count, json);
    (void)spool_close(&spool);
    arena_close(&arena);
    return result;
}

int verb_resolve(int argc, char **argv)
{
    static const struct option long_options[] = {{"config", required_argument, NULL, 'f'},
                                                 {"json", no_argument, NULL, 'j'},
                                                 {NULL, 0, NULL, 0}};
    const char *config = NULL;
    bool json = false;
    struct option_reader reader;
    int option;

    option_reader_init(&reader, argc, argv, long_options);
    while ((option = option_reader_next(&reader)) != -1) {
        if (option == 'j')
            json = true;
        else if (option == 'f')
            config = optarg;
        else
            return verb_complain("resolve", "%s", reader.problem);
    }
    if (optind >= argc)
        return verb_complain("resolve", "which domain?");
    return run(config, argv + optind, argc - optind, json);
}
