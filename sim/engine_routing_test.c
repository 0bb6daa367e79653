/* Where mail goes, in a shard that opens no session: names out of simulated servers, mail out of a
 * store, verdicts back into it. Every kind of answer has its outcome here; sessions are played. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/shard.h"
#include "engine/tag.h"
#include "sim/dns_sim.h"
#include "sim/sim_world.h"

#define DOMAINS 700
#define FLOWS 1024
#define RECIPIENTS 8192
#define TIMEOUT_NS (5 * NS_PER_S) /* of a name */

/* What became of one recipient. */
struct verdict {
    uint32_t count;
    enum outcome_kind kind;
    enum outcome_stage stage;
    enum outcome_cause cause;
    uint64_t at_ns;  /* since the scene began */
    uint64_t wait_s; /* until the next attempt */
    char text[200];  /* in words */
    char site[ROUTE_SITE_SIZE];
    struct ip_port peer;
};

struct scene {
    struct arena arena;
    struct policy policy;
    struct zones zones;
    struct dns_sim names;
    struct store *store;
    struct content_set *contents;
    struct stats stats;
    struct io_group *group;
    struct io *io;
    struct shard *shard;
    uint64_t began_wall_ns;
    uint32_t campaigns_count;
    uint64_t campaigns[64]; /* id */
    uint32_t first[64];     /* verdict of its first recipient */
    uint32_t recipients_count;
    struct store_cursor cursor;
    struct verdict verdicts[RECIPIENTS];
};

static struct scene *scene;

static const struct ip_port name_server = {{IP_V4, {11, 255, 0, 1}}, 53};

/* --- the world --- */

static struct ip ip_of(const char *words)
{
    struct ip ip;

    assert_true(ip_parse(span_cstr(words), &ip));
    return ip;
}

static uint32_t add_host(const char *name, const char *v4, const char *v6)
{
    struct ip first = {0}, second = {0};

    if (v4 != NULL)
        first = ip_of(v4);
    if (v6 != NULL)
        second = ip_of(v6);
    return zones_add_host(&scene->zones, name, v4 == NULL ? NULL : &first,
                          v6 == NULL ? NULL : &second);
}

static struct zone *add_zone(const char *name, enum zone_kind kind)
{
    uint32_t zone = zones_add(&scene->zones, name, kind);

    return &scene->zones.zones[zone];
}

static struct zone *zone_of(const char *name)
{
    uint32_t zone = zones_find(&scene->zones, span_cstr(name));

    assert_true(zone != ZONES_NONE);
    return &scene->zones.zones[zone];
}

/* "10 mx1.test 20 mx2.test", of hosts that are there. */
static void add_mx(const char *domain, const char *records)
{
    uint32_t zone = zones_add(&scene->zones, domain, ZONE_MX);
    struct span rest = span_cstr(records);

    while (rest.size > 0) {
        uint64_t preference;
        uint32_t host;

        assert_true(span_number(span_split(&rest, ' '), UINT16_MAX, &preference));
        host = zones_find_host(&scene->zones, span_split(&rest, ' '));
        assert_true(host != ZONES_NONE);
        zones_add_mx(&scene->zones, zone, (uint16_t)preference, host);
    }
}

/* The zones and the policy are changed between begin_scene and open_scene. */
static void begin_scene(uint64_t seed)
{
    sim_world_open(seed, NULL);
    scene = calloc(1, sizeof(*scene));
    assert_non_null(scene);
    zones_open_empty(&scene->zones);
    policy_init(&scene->policy);
    memcpy(scene->policy.spool, "spool", 6);
    memcpy(scene->policy.hostname, "here.test", 10);
    scene->policy.dns_servers.count = 1;
    scene->policy.dns_addresses[0] = name_server;
    scene->policy.dns_timeout_ns = TIMEOUT_NS;
}

static void open_scene_with(uint32_t sites_max)
{
    struct io_options ring = {.entries = 8,
                              .handles_max = 64,
                              .buffers_count = 64,
                              .buffer_size = 2048,
                              .wake_tag = tag_of(TAG_WAKE, 0)};
    const struct store_options store = {
        .folder = "spool",
        .segment_size = (uint64_t)256 * 1024,
        .journal_size = (uint64_t)256 * 1024,
        .claims_max = 64,
        .limits = {.recipients_max = RECIPIENTS,
                   .domains_max = DOMAINS,
                   .campaigns_max = 64,
                   .segments_max = 64,
                   .runs_max = 256,
                   .flows_max = FLOWS,
                   .shards_count = 1},
        .tag_base = ((uint64_t)TAG_STORE + 0x40) << 56,
        .wake_index = STORE_NO_WAKE,
    };
    struct shard_options shard = {.count = 1,
                                  .sessions_max = 16,
                                  .sites_max = sites_max,
                                  .flows_max = FLOWS,
                                  .domains_max = DOMAINS,
                                  .campaigns_max = 64,
                                  .buffers_max = 1,
                                  .cache_entries_max = 4096,
                                  .tickets_max = 1,
                                  .policy = &scene->policy,
                                  .seed = 11};
    char words[256];
    struct text error;

    text_init(&error, words, sizeof(words));
    dns_sim_open(&scene->names, sim_world_net(), &scene->zones, 5);
    dns_sim_listen(&scene->names, &name_server);
    assert_int_equal(io_group_open(&scene->group, 1), 0);
    ring.group = scene->group;
    assert_int_equal(io_open(&scene->io, &ring, &error), 0);
    assert_int_equal(content_set_open(&scene->contents, 64), 0);
    shard.contents = scene->contents;
    assert_int_equal(arena_open(&scene->arena, store_cost(&store) + shard_cost(&shard)), 0);
    assert_int_equal(store_open(&scene->store, scene->io, &scene->arena, &store, &error), 0);
    shard.store = scene->store;
    scene->shard = shard_open(&scene->arena, scene->io, &shard, &scene->stats);
    scene->began_wall_ns = io_wall_ns(scene->io);
}

static void open_scene(void)
{
    open_scene_with(DOMAINS);
}

static void close_scene(void)
{
    io_close(scene->io);
    io_group_close(scene->group);
    content_set_close(scene->contents);
    arena_close(&scene->arena);
    dns_sim_close(&scene->names);
    zones_close(&scene->zones);
    free(scene);
    sim_world_close();
}

/* --- turns --- */

static void take_event(const struct attempt_event *event)
{
    const struct outcome *outcome = &event->attempt.outcome;
    struct verdict *verdict;
    struct text text;
    uint32_t i = 0;

    while (i < scene->campaigns_count && scene->campaigns[i] != event->identity.campaign)
        i++;
    assert_true(i < scene->campaigns_count);
    verdict = &scene->verdicts[scene->first[i] + event->identity.ordinal];
    verdict->count++;
    verdict->kind = outcome->kind;
    verdict->stage = outcome->stage;
    verdict->cause = outcome->cause;
    verdict->peer = event->attempt.peer;
    if (verdict->count == 1)
        verdict->at_ns = event->attempt.wall_ns - scene->began_wall_ns;
    verdict->wait_s = event->attempt.next_due_ns == 0
                          ? 0
                          : (event->attempt.next_due_ns - event->attempt.wall_ns) / NS_PER_S;
    text_init(&text, verdict->text, sizeof(verdict->text));
    text_add(&text, span_make(outcome->reply.text, outcome->reply.text_size));
    (void)text_cstr_end(&text);
    text_init(&text, verdict->site, sizeof(verdict->site));
    text_add(&text, event->attempt.site);
    (void)text_cstr_end(&text);
}

static void take_events(void)
{
    struct attempt_event event;

    while (store_events_next(scene->store, &scene->cursor, &event) == 1)
        take_event(&event);
}

/* As shard_tick, but for what opens sessions. */
static void turn(uint64_t until_ns)
{
    struct io_event events[64];
    struct shard *shard = scene->shard;
    uint64_t wake_ns =
        min_u64(min_u64(min_u64(until_ns, store_deadline_ns(scene->store)),
                        store_shard_deadline_ns(shard->store)),
                min_u64(resolver_deadline_ns(&shard->resolver), routing_deadline_ns(shard)));
    uint32_t count = io_wait(scene->io, wake_ns, events, ARRAY_LEN(events));

    for (uint32_t i = 0; i < count; i++) {
        enum tag_op op = tag_op_of(events[i].tag);

        if (op >= TAG_DNS_SOCKET && op <= TAG_DNS_SHUT)
            resolver_event(&shard->resolver, &events[i]);
        else if (op != TAG_WAKE && !store_event(scene->store, &events[i]))
            assert_true(store_shard_event(shard->store, &events[i]));
    }
    store_tick(scene->store);
    store_shard_tick(shard->store);
    resolver_expire(&shard->resolver);
    routing_turn(shard);
    resolver_turn(&shard->resolver);
    take_events();
}

static void pass(uint64_t duration_ns)
{
    uint64_t until_ns = sim_world_now_ns() + duration_ns;

    while (sim_world_now_ns() < until_ns)
        turn(until_ns);
}

/* One recipient in each domain, again for `each`. Returns the verdict of the first one; that of
 * another is behind it. */
static uint32_t send(const char *const *domains, uint32_t count, uint32_t each)
{
    const uint8_t digest[CAMPAIGN_DIGEST_SIZE] = {1};
    uint32_t index = scene->campaigns_count++, first = scene->recipients_count;
    char name[16] = "", words[256];
    struct campaign_descriptor descriptor = {.tenant = SPAN("t"),
                                             .sender = SPAN("s@example.org"),
                                             .lane = LANE_BULK,
                                             .kind = CAMPAIGN_MESSAGE,
                                             .created_s = io_wall_ns(scene->io) / NS_PER_S};
    struct queue *queue = store_queue(scene->store);
    struct store_load *load;
    struct text error;

    text_init(&error, words, sizeof(words));
    (void)snprintf(name, sizeof(name), "c%u", index);
    descriptor.name = span_cstr(name);
    assert_int_equal(store_load_begin(scene->store, &descriptor,
                                      SPAN("From: s@example.org\r\nSubject: x\r\n\r\nHi\r\n"),
                                      &load),
                     0);
    store_load_keep_back(load);
    scene->first[index] = first;
    for (uint32_t i = 0; i < count * each; i++) {
        char address[300] = "";
        struct store_recipient recipient = {.domain = span_cstr(domains[i % count])};
        int r;

        (void)snprintf(address, sizeof(address), "u%u@%s", i, domains[i % count]);
        recipient.address = span_cstr(address);
        while ((r = store_load_add(load, &recipient)) == -EAGAIN)
            turn(UINT64_MAX);
        assert_int_equal(r, 0);
        scene->recipients_count++;
    }
    store_load_commit(load, digest);
    while (store_load_state(load) == STORE_LOAD_COMMITTING)
        turn(UINT64_MAX);
    assert_int_equal(store_load_state(load), STORE_LOAD_DURABLE);
    assert_int_equal(content_add(scene->contents, store_load_campaign(load),
                                 queue_campaign(queue, store_load_campaign(load)), &error),
                     0);
    scene->campaigns[index] = queue_campaign(queue, store_load_campaign(load))->descriptor.id;
    store_load_publish(load);
    while (store_load_state(load) != STORE_LOAD_READY)
        turn(UINT64_MAX);
    store_load_end(load);
    return first;
}

static uint32_t send_one(const char *domain)
{
    return send(&domain, 1, 1);
}

static uint32_t domain_number(const char *name)
{
    const struct queue *queue = store_queue(scene->store);

    for (uint32_t i = 0; i < queue_domains_count(queue); i++)
        if (span_equal(queue_domain_name(queue, i), span_cstr(name)))
            return i;
    fail_msg("%s is not known", name);
    return 0;
}

static struct routing_domain *domain_of(const char *name)
{
    return &scene->shard->routing.domains[domain_number(name)];
}

static struct destination *destination_of(const char *name)
{
    assert_int_equal(domain_of(name)->state, DOMAIN_ROUTED);
    return destination_at(scene->shard, domain_of(name)->site);
}

/* "site: host=address:port ..." of where the domain's mail is. */
static const char *place_of(const char *name)
{
    static char words[1024];
    const struct destination *destination = destination_of(name);
    struct text text;

    text_init(&text, words, sizeof(words));
    text_add_format(&text, "%s:", destination->site);
    for (uint32_t i = 0; i < destination->addresses_count; i++) {
        const struct destination_address *address = &destination->addresses[i];
        struct ip_port port = {address->ip, destination->ports[address->host]};

        text_add_format(&text, " %s=", destination->hosts[address->host]);
        ip_write_port(&text, &port);
    }
    return text_cstr_end(&text);
}

static const char *pick(const char *domain)
{
    uint32_t index = destination_pick(scene->shard, domain_of(domain)->site, 0);
    const struct destination *destination = destination_of(domain);

    return index == DESTINATION_NONE ? "none"
                                     : destination->hosts[destination->addresses[index].host];
}

/* --- each kind of answer --- */

struct answer_case {
    const char *domain;
    enum outcome_kind kind; /* NONE: it has a place */
    enum outcome_cause cause;
    const char *words; /* of the place, or part of the outcome's */
};

static void check_answer(const struct answer_case *expected, uint32_t number)
{
    const struct verdict *verdict = &scene->verdicts[number];

    if (expected->kind == OUTCOME_NONE) {
        if (verdict->count != 0)
            fail_msg("%s: %s, not routed", expected->domain, verdict->text);
        if (strcmp(place_of(expected->domain), expected->words) != 0)
            fail_msg("%s: is at %s", expected->domain, place_of(expected->domain));
        return;
    }
    if (verdict->count != 1 || verdict->kind != expected->kind ||
        verdict->cause != expected->cause || verdict->stage != STAGE_RESOLVE ||
        strstr(verdict->text, expected->words) == NULL)
        fail_msg("%s: %u x %u ms %s %s %s \"%s\"", expected->domain, verdict->count,
                 (unsigned)(verdict->at_ns / NS_PER_MS), outcome_kind_name(verdict->kind),
                 outcome_stage_name(verdict->stage), outcome_cause_name(verdict->cause),
                 verdict->text);
    assert_string_equal(verdict->site, "");
    assert_int_equal(verdict->peer.ip.family, IP_NONE);
    assert_int_equal(verdict->wait_s > 0, expected->kind == OUTCOME_DEFERRED);
    assert_int_equal(domain_of(expected->domain)->state, DOMAIN_IDLE);
}

static void add_zones(void)
{
    uint32_t own = add_host("", "11.0.0.9", NULL), here = add_host("", "127.0.0.1", NULL);

    (void)add_host("mx1.test", "11.0.0.1", NULL);
    (void)add_host("mx2.test", "11.0.0.2", "2600::2");
    (void)add_host("bare.test", NULL, NULL);
    (void)add_host("loop.test", "127.0.0.1", "::1");
    (void)add_host("ten.test", "10.1.2.3", NULL);
    (void)add_host("half.test", "11.0.0.3", "fe80::1");
    add_mx("one.test", "10 mx1.test");
    add_mx("two.test", "20 mx1.test 10 mx2.test");
    add_mx("partly.test", "10 bare.test 20 mx1.test");
    add_mx("nowhere.test", "10 bare.test");
    add_mx("loopback.test", "10 loop.test");
    add_mx("private.test", "10 ten.test");
    add_mx("mixed.test", "10 loop.test 20 mx1.test");
    add_mx("halved.test", "10 half.test");
    (void)add_zone("null.test", ZONE_NULL_MX);
    (void)add_zone("none.test", ZONE_NXDOMAIN);
    (void)add_zone("empty.test", ZONE_EMPTY);
    add_zone("own.test", ZONE_IMPLICIT)->host = own;
    add_zone("home.test", ZONE_IMPLICIT)->host = here;
    add_zone("alias.test", ZONE_CNAME)->alias = zones_find(&scene->zones, SPAN("one.test"));
    add_zone("alias-none.test", ZONE_CNAME)->alias = zones_find(&scene->zones, SPAN("none.test"));
    add_zone("servfail.test", ZONE_MX)->trouble = ZONE_SERVFAIL;
    add_zone("refused.test", ZONE_MX)->trouble = ZONE_REFUSED;
    add_zone("lame.test", ZONE_MX)->trouble = ZONE_LAME;
    add_zone("circle.test", ZONE_MX)->trouble = ZONE_LOOP;
    add_mx("long.test", "10 mx1.test");
    zone_of("long.test")->trouble = ZONE_TRUNCATED;
    add_mx("twice.test", "10 mx1.test");
    zone_of("twice.test")->trouble = ZONE_DOUBLED;
    add_mx("forged.test", "10 mx1.test");
    zone_of("forged.test")->trouble = ZONE_WRONG_ID;
}

static void check_answers(const struct answer_case *cases, size_t count)
{
    const char *domains[64];
    uint32_t first;

    assert_true(count <= ARRAY_LEN(domains));
    for (size_t i = 0; i < count; i++)
        domains[i] = cases[i].domain;
    first = send(domains, (uint32_t)count, 1);
    pass(2 * TIMEOUT_NS);
    for (size_t i = 0; i < count; i++)
        check_answer(&cases[i], first + (uint32_t)i);
}

#define AT_ONE "mx1.test: mx1.test=11.0.0.1:25"

static void test_outcome_of_each_answer(void **state)
{
    static const struct answer_case cases[] = {
        {"one.test", OUTCOME_NONE, 0, AT_ONE},
        {"two.test", OUTCOME_NONE, 0,
         "mx2.test;mx1.test: mx2.test=11.0.0.2:25 mx2.test=[2600::2]:25 mx1.test=11.0.0.1:25"},
        {"partly.test", OUTCOME_NONE, 0, "bare.test;mx1.test: mx1.test=11.0.0.1:25"},
        {"own.test", OUTCOME_NONE, 0, "own.test: own.test=11.0.0.9:25"},
        {"alias.test", OUTCOME_NONE, 0, AT_ONE},
        {"long.test", OUTCOME_NONE, 0, AT_ONE},
        {"twice.test", OUTCOME_NONE, 0, AT_ONE},
        {"forged.test", OUTCOME_NONE, 0, AT_ONE},
        {"mixed.test", OUTCOME_NONE, 0, "loop.test;mx1.test: mx1.test=11.0.0.1:25"},
        {"halved.test", OUTCOME_NONE, 0, "half.test: half.test=11.0.0.3:25"},
        {"none.test", OUTCOME_FAILED, CAUSE_NO_DOMAIN, "NXDOMAIN"},
        {"alias-none.test", OUTCOME_FAILED, CAUSE_NO_DOMAIN, "NXDOMAIN"},
        {"null.test", OUTCOME_FAILED, CAUSE_NULL_MX, "null MX"},
        {"empty.test", OUTCOME_FAILED, CAUSE_NO_ADDRESS, "has an address"},
        {"nowhere.test", OUTCOME_FAILED, CAUSE_NO_ADDRESS, "has an address"},
        {"loopback.test", OUTCOME_FAILED, CAUSE_BAD_ROUTE, "loopback"},
        {"private.test", OUTCOME_FAILED, CAUSE_BAD_ROUTE, "private"},
        {"home.test", OUTCOME_FAILED, CAUSE_BAD_ROUTE, "special"},
        {"servfail.test", OUTCOME_DEFERRED, CAUSE_DNS_FAILURE, "SERVFAIL"},
        {"refused.test", OUTCOME_DEFERRED, CAUSE_DNS_FAILURE, "REFUSED"},
        {"lame.test", OUTCOME_DEFERRED, CAUSE_DNS_FAILURE,
         "no answer from any name server, asked for MX of lame.test"},
        {"circle.test", OUTCOME_DEFERRED, CAUSE_DNS_FAILURE, "without end"},
    };

    (void)state;
    begin_scene(1);
    add_zones();
    open_scene();
    check_answers(cases, ARRAY_LEN(cases));
    close_scene();
}

static void test_special_addresses_allowed(void **state)
{
    static const struct answer_case cases[] = {
        {"loopback.test", OUTCOME_NONE, 0, "loop.test: loop.test=127.0.0.1:25 loop.test=[::1]:25"},
        {"private.test", OUTCOME_NONE, 0, "ten.test: ten.test=10.1.2.3:25"},
        {"home.test", OUTCOME_NONE, 0, "home.test: home.test=127.0.0.1:25"},
        {"mixed.test", OUTCOME_NONE, 0,
         "loop.test;mx1.test: loop.test=127.0.0.1:25 loop.test=[::1]:25 mx1.test=11.0.0.1:25"},
        {"halved.test", OUTCOME_NONE, 0, "half.test: half.test=11.0.0.3:25 half.test=[fe80::1]:25"},
        {"null.test", OUTCOME_FAILED, CAUSE_NULL_MX, "null MX"},
    };

    (void)state;
    begin_scene(2);
    scene->policy.allow_private_addresses = true;
    add_zones();
    open_scene();
    check_answers(cases, ARRAY_LEN(cases));
    close_scene();
}

static void test_literals(void **state)
{
    static const struct answer_case cases[] = {
        {"[11.0.0.8]", OUTCOME_NONE, 0, "[11.0.0.8]: [11.0.0.8]=11.0.0.8:25"},
        {"[127.0.0.1]", OUTCOME_FAILED, CAUSE_BAD_ROUTE, "loopback"},
    };

    (void)state;
    begin_scene(3);
    open_scene();
    check_answers(cases, ARRAY_LEN(cases));
    assert_int_equal(scene->names.questions_count, 0);
    close_scene();
}

static void add_route(const char *domain, const char *first, const char *second)
{
    struct policy_route *route = &scene->policy.routes_items[scene->policy.routes.count++];

    memcpy(route->domain, domain, strlen(domain) + 1);
    memcpy(route->hosts_items[route->hosts.count++], first, strlen(first) + 1);
    if (second != NULL)
        memcpy(route->hosts_items[route->hosts.count++], second, strlen(second) + 1);
}

/* In the order of the configuration; what cannot be found is the operator's to mend. */
static void test_smart_hosts(void **state)
{
    static const struct answer_case cases[] = {
        {"relay.test", OUTCOME_NONE, 0,
         "smart mx1.test:2525,mx2.test: mx1.test=11.0.0.1:2525 mx2.test=11.0.0.2:26 "
         "mx2.test=[2600::2]:26"},
        {"near.test", OUTCOME_NONE, 0, "smart 127.0.0.1:2500: [127.0.0.1]=127.0.0.1:2500"},
        {"second.test", OUTCOME_NONE, 0, "smart none.test,mx1.test: mx1.test=11.0.0.1:26"},
        {"slow.test", OUTCOME_NONE, 0, "smart lame.test,mx1.test: mx1.test=11.0.0.1:26"},
        {"lost.test", OUTCOME_DEFERRED, CAUSE_DNS_FAILURE, "has an address"},
        {"bare-relay.test", OUTCOME_DEFERRED, CAUSE_DNS_FAILURE, "has an address"},
        {"down.test", OUTCOME_DEFERRED, CAUSE_DNS_FAILURE, "no answer from any name server"},
        {"one.test", OUTCOME_NONE, 0, "mx1.test: mx1.test=11.0.0.1:26"}, /* has no route */
    };

    (void)state;
    begin_scene(4);
    scene->policy.smtp_port = 26;
    add_zones();
    add_route("relay.test", "mx1.test:2525", "mx2.test");
    add_route("near.test", "127.0.0.1:2500", NULL);
    add_route("second.test", "none.test", "mx1.test");
    add_route("slow.test", "lame.test", "mx1.test");
    add_route("lost.test", "none.test", NULL);
    add_route("bare-relay.test", "empty.test", NULL);
    add_route("down.test", "lame.test", NULL);
    open_scene();
    check_answers(cases, ARRAY_LEN(cases));
    for (uint32_t i = 0; i < 10; i++)
        assert_string_equal(pick("relay.test"), "mx1.test"); /* not in turn */
    close_scene();
}

/* A name that nobody answers holds up nobody else. */
static void test_what_waits(void **state)
{
    const char *domains[] = {"lame.test", "one.test"};
    uint32_t first;

    (void)state;
    begin_scene(5);
    add_zones();
    open_scene();
    first = send(domains, 2, 1);
    pass(NS_PER_S);
    assert_string_equal(place_of("one.test"), AT_ONE);
    assert_int_equal(domain_of("lame.test")->state, DOMAIN_RESOLVING);
    assert_int_equal(scene->verdicts[first].count, 0);
    pass(TIMEOUT_NS);
    assert_int_equal(scene->verdicts[first].count, 1);
    assert_in_range(scene->verdicts[first].at_ns, TIMEOUT_NS - NS_PER_S, TIMEOUT_NS + NS_PER_S);
    close_scene();
}

static uint32_t flows_at_site(const char *domain)
{
    const struct routing *routing = &scene->shard->routing;
    uint32_t count = 0;

    for (uint32_t flow = domain_of(domain)->first_flow; flow != ROUTING_NONE;
         flow = routing->flows[flow].next)
        count += schedule_flow_site(scene->shard->schedule, flow) == domain_of(domain)->site;
    return count;
}

/* A domain is asked about once for all its campaigns; domains with the same hosts have one site. */
static void test_what_is_joined(void **state)
{
    const char *domains[] = {"one.test", "same.test", "also.test"};
    uint64_t questions;

    (void)state;
    begin_scene(6);
    add_zones();
    add_mx("same.test", "30 mx1.test");
    add_mx("also.test", "0 MX1.test");
    open_scene();
    for (uint32_t i = 0; i < 5; i++)
        (void)send_one("one.test");
    pass(NS_PER_S);
    questions = scene->names.questions_count; /* MX, A and AAAA */
    assert_in_range(questions, 1, 3);
    assert_int_equal(flows_at_site("one.test"), 5);
    (void)send(domains, 3, 1);
    pass(NS_PER_S);
    assert_int_equal(flows_at_site("one.test"), 6);
    assert_int_equal(scene->names.questions_count, questions + 2); /* the MX of two */
    assert_string_equal(place_of("same.test"), AT_ONE);
    assert_int_equal(domain_of("same.test")->site, domain_of("one.test")->site);
    assert_int_equal(domain_of("also.test")->site, domain_of("one.test")->site);
    assert_int_equal(schedule_site_ready_count(scene->shard->schedule, domain_of("one.test")->site),
                     8);
    /* The route has run out: what is there stays, what comes asks again. */
    pass(600 * NS_PER_S);
    questions = scene->names.questions_count;
    (void)send_one("one.test");
    pass(NS_PER_S);
    assert_true(scene->names.questions_count > questions);
    assert_int_equal(flows_at_site("one.test"), 7);
    close_scene();
}

/* --- hosts --- */

static void equals(uint32_t number, char host, char *name, char *address)
{
    (void)snprintf(name, 32, "%c%u.test", host, number);
    (void)snprintf(address, 32, "11.%u.0.%u", (unsigned)(host - 'a') + 1, number + 1);
}

/* By preference; who is first among equals is drawn. */
static void test_order_of_hosts(void **state)
{
    enum { COUNT = 60 };
    char names[COUNT][32];
    const char *domains[COUNT];
    uint32_t first_count[3] = {0};

    (void)state;
    begin_scene(7);
    for (uint32_t i = 0; i < COUNT; i++) {
        char records[128] = "", host[32] = "", address[32] = "";

        for (char h = 'a'; h <= 'd'; h++) {
            equals(i, h, host, address);
            (void)add_host(host, address, NULL);
        }
        (void)snprintf(records, sizeof(records), "20 d%u.test 10 a%u.test 10 b%u.test 10 c%u.test",
                       i, i, i, i);
        (void)snprintf(names[i], sizeof(names[i]), "order%u.test", i);
        add_mx(names[i], records);
        domains[i] = names[i];
    }
    open_scene();
    (void)send(domains, COUNT, 1);
    pass(NS_PER_S);
    for (uint32_t i = 0; i < COUNT; i++) {
        const struct destination *destination = destination_of(names[i]);

        assert_int_equal(destination->addresses_count, 4);
        assert_int_equal(destination->hosts[3][0], 'd');
        first_count[destination->hosts[0][0] - 'a']++;
    }
    for (uint32_t i = 0; i < 3; i++)
        assert_in_range(first_count[i], COUNT / 3 - 13, COUNT / 3 + 13);
    close_scene();
}

/* Which of the hosts a to c sixty sessions are opened to, a digit each: all, some or none. */
static const char *picks(const char *domain)
{
    static char words[32];
    uint32_t counts[3] = {0};

    for (uint32_t i = 0; i < 60; i++)
        counts[pick(domain)[0] - 'a']++;
    (void)snprintf(words, sizeof(words), "%u %u %u", counts[0], counts[1], counts[2]);
    return words;
}

static void add_hosts(void)
{
    (void)add_host("a.test", "11.0.1.1", NULL);
    (void)add_host("b.test", "11.0.1.2", NULL);
    (void)add_host("c.test", "11.0.1.3", NULL);
    (void)add_host("other.test", "11.0.2.1", NULL);
    add_mx("first.test", "10 a.test 10 b.test 20 c.test");
    add_mx("second.test", "1 b.test 1 a.test 2 c.test");
    add_mx("apart.test", "10 other.test");
}

static void fails(const char *domain, const char *address, const struct outcome *outcome)
{
    const struct ip_port peer = {ip_of(address), 25};

    routing_address_failed(scene->shard, domain_of(domain)->site, &peer, outcome);
}

/* Equals in turn; the next ones when those have failed lately; a minute later they are back. */
static void test_addresses_that_fail(void **state)
{
    const struct outcome refused = outcome_from_cause(OUTCOME_DEFERRED, STAGE_CONNECT,
                                                      CAUSE_CONNECT, ECONNREFUSED, SPAN("refused"));
    (void)state;
    begin_scene(8);
    add_hosts();
    open_scene();
    (void)send_one("first.test");
    pass(NS_PER_S);
    assert_string_equal(picks("first.test"), "30 30 0");
    fails("first.test", "11.0.1.1", &refused);
    assert_string_equal(picks("first.test"), "0 60 0");
    /* It is the site's: another domain, a fresh route do not make it good. */
    (void)send_one("second.test");
    pass(NS_PER_S);
    assert_int_equal(domain_of("second.test")->site, domain_of("first.test")->site);
    assert_string_equal(picks("second.test"), "0 60 0");
    fails("first.test", "11.0.1.2", &refused);
    assert_string_equal(picks("first.test"), "0 0 60");
    pass(DESTINATION_AVOID_NS - NS_PER_S / 2);
    assert_string_equal(picks("first.test"), "60 0 0");
    pass(NS_PER_S);
    assert_string_equal(picks("first.test"), "30 30 0");
    close_scene();
}

/* When no address is left, all mail of the site has failed; not that of others. */
static void test_all_addresses_fail(void **state)
{
    const char *domains[] = {"first.test", "second.test", "apart.test"};
    const struct outcome refused = outcome_from_cause(OUTCOME_DEFERRED, STAGE_CONNECT,
                                                      CAUSE_CONNECT, ECONNREFUSED, SPAN("refused"));

    (void)state;
    for (uint32_t talking = 0; talking < 2; talking++) {
        uint32_t first;

        begin_scene(9);
        add_hosts();
        open_scene();
        first = send(domains, 3, 2);
        pass(NS_PER_S);
        destination_of("first.test")->talking_count = talking;
        fails("first.test", "11.0.1.1", &refused);
        fails("first.test", "11.0.1.2", &refused);
        assert_int_equal(domain_of("first.test")->state, DOMAIN_ROUTED);
        fails("first.test", "11.0.1.3", &refused);
        pass(NS_PER_S);
        for (uint32_t i = 0; i < 6; i++) {
            const struct verdict *verdict = &scene->verdicts[first + i];

            if (talking > 0 || i % 3 == 2) { /* somebody is being served: it is not over */
                assert_int_equal(verdict->count, 0);
                assert_int_equal(domain_of(domains[i % 3])->state, DOMAIN_ROUTED);
                continue;
            }
            assert_int_equal(verdict->count, 1);
            assert_int_equal(verdict->kind, OUTCOME_DEFERRED);
            assert_int_equal(verdict->stage, STAGE_CONNECT);
            assert_int_equal(verdict->cause, CAUSE_CONNECT);
            assert_string_equal(verdict->text, "refused");
            assert_string_equal(verdict->site, "a.test,b.test;c.test");
            assert_int_equal(verdict->peer.ip.bytes[3], 3);
            assert_int_equal(domain_of(domains[i % 3])->state, DOMAIN_IDLE);
        }
        if (talking > 0)
            assert_string_equal(picks("first.test"), "30 30 0"); /* from the beginning */
        close_scene();
    }
}

/* What was not tried is put off, whatever was said to the mail that was. */
static void test_site_that_refuses(void **state)
{
    const char *domains[] = {"first.test", "second.test", "apart.test"};
    const struct ip_port peer = {{IP_V4, {11, 0, 1, 2}}, 25};
    struct reply reply = {.code = 550};
    struct outcome refused;
    uint32_t first;

    (void)state;
    begin_scene(10);
    add_hosts();
    open_scene();
    first = send(domains, 3, 1);
    pass(NS_PER_S);
    reply_set_text(&reply, SPAN("go away"));
    refused = outcome_from_reply(STAGE_MAIL, &reply);
    assert_int_equal(refused.kind, OUTCOME_FAILED);
    routing_site_refuses(scene->shard, domain_of("first.test")->site, &peer, &refused);
    pass(NS_PER_S);
    for (uint32_t i = 0; i < 2; i++) {
        const struct verdict *verdict = &scene->verdicts[first + i];

        assert_int_equal(verdict->count, 1);
        assert_int_equal(verdict->kind, OUTCOME_DEFERRED);
        assert_int_equal(verdict->stage, STAGE_MAIL);
        assert_int_equal(verdict->cause, CAUSE_REPLY);
        assert_string_equal(verdict->text, "go away");
        assert_true(verdict->wait_s > 0);
    }
    assert_int_equal(scene->verdicts[first + 2].count, 0);
    assert_int_equal(domain_of("apart.test")->state, DOMAIN_ROUTED);
    close_scene();
}

/* --- bounds --- */

/* A great domain fails in portions; mail that comes meanwhile shares its lot, unasked. */
static void test_fails_in_portions(void **state)
{
    const char *domain = "none.test";
    uint64_t settled = 0, most = 0, questions;
    uint32_t first, late;

    (void)state;
    begin_scene(11);
    add_zones();
    open_scene();
    scene->shard->routing.drain_after_ns = UINT64_MAX;
    first = send(&domain, 1, 1200);
    pass(NS_PER_S);
    assert_int_equal(domain_of(domain)->state, DOMAIN_FAILING);
    questions = scene->names.questions_count;
    late = send_one(domain);
    assert_int_equal(scene->stats.outcomes[OUTCOME_FAILED], 0);
    scene->shard->routing.drain_after_ns = 0;
    for (uint32_t i = 0; i < 200; i++) {
        turn(sim_world_now_ns() + NS_PER_MS);
        most = max_u64(most, scene->stats.outcomes[OUTCOME_FAILED] - settled);
        settled = scene->stats.outcomes[OUTCOME_FAILED];
    }
    assert_int_equal(settled, 1201);
    assert_in_range(most, 100, ROUTING_WORK_MAX);
    pass(NS_PER_S);
    for (uint32_t i = first; i <= late; i++) {
        assert_int_equal(scene->verdicts[i].count, 1);
        assert_int_equal(scene->verdicts[i].cause, CAUSE_NO_DOMAIN);
    }
    assert_int_equal(scene->names.questions_count, questions);
    assert_int_equal(scene->shard->routing.failures.claimed_count, 0);
    close_scene();
}

/* More domains fail at once than there are places for failures: the others wait. */
static void test_more_failures_than_places(void **state)
{
    enum { COUNT = 300 };
    static char names[COUNT][32];
    const char *domains[COUNT];
    uint32_t first, failing = 0;

    (void)state;
    begin_scene(12);
    for (uint32_t i = 0; i < COUNT; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "gone%u.test", i);
        domains[i] = names[i];
        (void)add_zone(names[i], ZONE_NXDOMAIN);
    }
    open_scene();
    scene->shard->routing.drain_after_ns = UINT64_MAX;
    first = send(domains, COUNT, 1);
    pass(3 * NS_PER_S);
    for (uint32_t i = 0; i < COUNT; i++)
        failing += domain_of(names[i])->state == DOMAIN_FAILING;
    assert_int_equal(failing, 256);
    scene->shard->routing.drain_after_ns = 0;
    pass(3 * NS_PER_S);
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(scene->verdicts[first + i].count, 1);
        assert_int_equal(scene->verdicts[first + i].kind, OUTCOME_FAILED);
    }
    close_scene();
}

/* All its mail that is at the site is delivered. */
static void deliver(const char *domain)
{
    struct shard *shard = scene->shard;
    uint32_t flow = domain_of(domain)->first_flow;

    while (flow != ROUTING_NONE) {
        uint32_t next = shard->routing.flows[flow].next, record;
        struct queue_recipient recipient;
        int r = -ENOENT;

        while (schedule_flow_site(shard->schedule, flow) != SCHEDULE_NONE &&
               (r = store_claim(shard->store, flow, &record, &recipient)) == 0) {
            const struct attempt attempt = {.outcome.kind = OUTCOME_DELIVERED,
                                            .counted = true,
                                            .wall_ns = io_wall_ns(scene->io)};

            (void)store_settle(shard->store, record, &attempt);
        }
        assert_int_equal(r, -ENOENT);
        if (schedule_flow_site(shard->schedule, flow) != SCHEDULE_NONE)
            routing_flow_void(shard, flow);
        flow = next;
    }
}

/* No site is free: the domain waits, without a verdict, and gets the first one that is. */
static void test_more_sites_than_places(void **state)
{
    uint32_t first;

    (void)state;
    begin_scene(13);
    add_zones();
    add_mx("three.test", "10 half.test");
    open_scene_with(2);
    first = send_one("one.test");
    (void)send_one("two.test");
    pass(NS_PER_S);
    (void)send_one("three.test");
    pass(10 * NS_PER_S);
    assert_int_equal(domain_of("one.test")->state, DOMAIN_ROUTED);
    assert_int_equal(domain_of("two.test")->state, DOMAIN_ROUTED);
    assert_int_equal(domain_of("three.test")->state, DOMAIN_RESOLVING);
    deliver("one.test");
    pass(NS_PER_S);
    assert_string_equal(place_of("three.test"), "half.test: half.test=11.0.0.3:25");
    /* The site of the first one is another's now; its number alone says nothing. */
    (void)send_one("one.test");
    pass(NS_PER_S);
    assert_int_equal(domain_of("one.test")->state, DOMAIN_RESOLVING);
    deliver("two.test");
    pass(NS_PER_S);
    assert_string_equal(place_of("one.test"), AT_ONE);
    pass(NS_PER_S);
    assert_int_equal(scene->verdicts[first].kind, OUTCOME_DELIVERED);
    for (uint32_t i = 0; i < scene->recipients_count; i++)
        assert_true(scene->verdicts[i].kind == OUTCOME_NONE ||
                    scene->verdicts[i].kind == OUTCOME_DELIVERED);
    close_scene();
}

/* More campaigns than shares: those with one are served, the others follow. */
static void test_more_flows_than_shares(void **state)
{
    uint32_t at_site, rounds = 0, delivered = 0;

    (void)state;
    begin_scene(14);
    add_zones();
    open_scene_with(2); /* eight shares */
    for (uint32_t i = 0; i < 20; i++)
        (void)send_one("one.test");
    (void)send_one("two.test");
    pass(NS_PER_S);
    at_site = flows_at_site("one.test");
    assert_in_range(at_site, 1, 8);
    assert_int_equal(domain_of("one.test")->state, DOMAIN_ROUTED);
    assert_int_equal(domain_of("two.test")->state, DOMAIN_RESOLVING);
    while (scene->shard->routing.listed_count > 0 && rounds++ < 20) {
        deliver("one.test");
        deliver("two.test");
        pass(NS_PER_S);
    }
    for (uint32_t i = 0; i < scene->recipients_count; i++)
        delivered += scene->verdicts[i].count == 1 && scene->verdicts[i].kind == OUTCOME_DELIVERED;
    assert_int_equal(delivered, 21);
    assert_in_range(rounds, 3, 12);
    close_scene();
}

/* --- routes that grow old --- */

/* As sessions do that are opened to the site: every ten seconds. */
static void pass_with_sessions(const char *domain, uint64_t duration_ns)
{
    for (uint64_t passed_ns = 0; passed_ns < duration_ns; passed_ns += 10 * NS_PER_S) {
        if (domain_of(domain)->state == DOMAIN_ROUTED &&
            destination_of(domain)->expires_ns <= sim_world_now_ns())
            routing_refresh(scene->shard, domain_of(domain)->site);
        pass(10 * NS_PER_S);
    }
}

/* The zone says something else meanwhile: mail that waits follows. */
static void test_route_that_changes(void **state)
{
    static const struct {
        enum zone_kind kind;
        enum zone_trouble trouble;
        enum outcome_kind outcome;
        const char *place;
    } cases[] = {
        {ZONE_MX, ZONE_WELL, OUTCOME_NONE, "mx2.test: mx2.test=11.0.0.2:25 mx2.test=[2600::2]:25"},
        {ZONE_NXDOMAIN, ZONE_WELL, OUTCOME_FAILED, NULL},
        {ZONE_NULL_MX, ZONE_WELL, OUTCOME_FAILED, NULL},
        {ZONE_MX, ZONE_SERVFAIL, OUTCOME_NONE, AT_ONE},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct zone *zone;
        uint32_t first;

        begin_scene(15);
        add_zones();
        zone = zone_of("one.test");
        zone->ttl_s = 60;
        open_scene();
        first = send_one("one.test");
        pass(NS_PER_S);
        assert_string_equal(place_of("one.test"), AT_ONE);
        zone->kind = cases[i].kind;
        zone->trouble = cases[i].trouble;
        zone->mx[0].host = zones_find_host(&scene->zones, SPAN("mx2.test"));
        pass_with_sessions("one.test", 5 * NS_PER_MINUTE);
        assert_int_equal(scene->verdicts[first].kind, cases[i].outcome);
        if (cases[i].place != NULL) {
            assert_string_equal(place_of("one.test"), cases[i].place);
            assert_int_equal(flows_at_site("one.test"), 1);
        }
        close_scene();
    }
}

static uint32_t at_site_count(uint32_t site, const char *const *domains, uint32_t count)
{
    uint32_t there = 0;

    for (uint32_t i = 0; i < count; i++)
        there +=
            domain_of(domains[i])->state == DOMAIN_ROUTED && domain_of(domains[i])->site == site;
    return there;
}

/* Domains share their hosts, not the ages of their routes: each moves when its own is over, however
 * many wait there and however long another's lasts. */
static void test_routes_that_end_apart(void **state)
{
    enum { COUNT = 600, SHORT = COUNT - 1 };
    static char names[COUNT][32];
    const char *domains[COUNT];
    uint32_t site;
    uint64_t questions;

    (void)state;
    begin_scene(17);
    add_zones();
    for (uint32_t i = 0; i < COUNT; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "apart%u.test", i);
        domains[i] = names[i];
        add_mx(names[i], "10 mx2.test"); /* its addresses last for 300 s */
        zone_of(names[i])->ttl_s = i < SHORT ? 60 : 86400;
    }
    open_scene();
    (void)send(domains, SHORT, 1);
    pass(NS_PER_S);
    (void)send_one(domains[SHORT]); /* the last answer, and the one that lasts */
    pass(NS_PER_S);
    site = domain_of(domains[0])->site;
    assert_int_equal(at_site_count(site, domains, COUNT), COUNT);
    for (uint32_t i = 0; i < SHORT; i++)
        zone_of(names[i])->mx[0].host = zones_find_host(&scene->zones, SPAN("mx1.test"));
    pass_with_sessions(domains[SHORT], 50 * NS_PER_S);
    assert_int_equal(at_site_count(site, domains, COUNT), COUNT);
    pass_with_sessions(domains[SHORT], 2 * NS_PER_MINUTE);
    assert_int_equal(at_site_count(site, domains, COUNT), 1);
    assert_int_equal(at_site_count(domain_of(domains[0])->site, domains, COUNT), SHORT);
    questions = scene->names.questions_count;
    pass_with_sessions(domains[SHORT], 5 * NS_PER_MINUTE); /* one is left, and its host */
    assert_in_range(scene->names.questions_count, questions, questions + 20);
    close_scene();
}

/* A domain without mail is no business of its site's: when it has mail again, its route ends when
 * it would have ended, whatever was looked at meanwhile. */
static void test_route_of_one_that_comes_back(void **state)
{
    static const char *const domains[] = {"brief.test", "again.test", "lasts.test"};
    static const uint32_t ttls_s[] = {30, 90, 86400};

    (void)state;
    begin_scene(18);
    add_zones();
    for (size_t i = 0; i < ARRAY_LEN(domains); i++) {
        add_mx(domains[i], "10 mx2.test"); /* its addresses last for 300 s */
        zone_of(domains[i])->ttl_s = ttls_s[i];
    }
    open_scene();
    (void)send(domains, ARRAY_LEN(domains), 1);
    pass(NS_PER_S);
    assert_int_equal(domain_of("again.test")->site, domain_of("lasts.test")->site);
    deliver("again.test");
    zone_of("again.test")->mx[0].host = zones_find_host(&scene->zones, SPAN("mx1.test"));
    pass(NS_PER_S);
    deliver("brief.test");
    pass_with_sessions("lasts.test", 50 * NS_PER_S); /* looked at when the first one was over */
    assert_true(destination_of("lasts.test")->expires_ns > domain_of("again.test")->expires_ns);
    (void)send_one("again.test");
    pass(NS_PER_S);
    assert_int_equal(domain_of("again.test")->site, domain_of("lasts.test")->site);
    assert_int_equal(destination_of("lasts.test")->expires_ns, domain_of("again.test")->expires_ns);
    pass_with_sessions("lasts.test", NS_PER_MINUTE);
    assert_string_equal(place_of("again.test"), AT_ONE);
    close_scene();
}

/* Nobody answers any more, or with SERVFAIL alone: for an hour what was known serves on, whoever
 * keeps it. */
static void test_old_route_serves_an_hour(void **state)
{
    (void)state;
    for (uint32_t silent = 0; silent < 2; silent++) {
        const struct verdict *verdict;
        uint32_t first;

        begin_scene(16);
        add_zones();
        zone_of("one.test")->ttl_s = 60;
        open_scene();
        first = send_one("one.test");
        verdict = &scene->verdicts[first];
        pass(NS_PER_S);
        scene->names.silence.all = silent != 0;
        if (silent == 0)
            zone_of("one.test")->trouble = ZONE_SERVFAIL;
        pass_with_sessions("one.test", 50 * NS_PER_MINUTE);
        assert_int_equal(verdict->count, 0);
        assert_string_equal(place_of("one.test"), AT_ONE);
        pass_with_sessions("one.test", 15 * NS_PER_MINUTE);
        assert_int_equal(verdict->count, 1);
        assert_int_equal(verdict->kind, OUTCOME_DEFERRED);
        assert_int_equal(verdict->cause, CAUSE_DNS_FAILURE);
        assert_in_range(verdict->at_ns, 59 * NS_PER_MINUTE, 63 * NS_PER_MINUTE);
        close_scene();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outcome_of_each_answer),
        cmocka_unit_test(test_special_addresses_allowed),
        cmocka_unit_test(test_literals),
        cmocka_unit_test(test_smart_hosts),
        cmocka_unit_test(test_what_waits),
        cmocka_unit_test(test_what_is_joined),
        cmocka_unit_test(test_order_of_hosts),
        cmocka_unit_test(test_addresses_that_fail),
        cmocka_unit_test(test_all_addresses_fail),
        cmocka_unit_test(test_site_that_refuses),
        cmocka_unit_test(test_fails_in_portions),
        cmocka_unit_test(test_more_failures_than_places),
        cmocka_unit_test(test_more_sites_than_places),
        cmocka_unit_test(test_more_flows_than_shares),
        cmocka_unit_test(test_route_that_changes),
        cmocka_unit_test(test_routes_that_end_apart),
        cmocka_unit_test(test_route_of_one_that_comes_back),
        cmocka_unit_test(test_old_route_serves_an_hour),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
