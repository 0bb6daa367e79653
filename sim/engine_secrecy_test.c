/* The rules of secrecy.h in a shard that speaks to nobody: what mail needs, what a host lets
 * sessions reach, which address a session gets and for what, whose name a certificate may have. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dns/test_packet.h"
#include "engine/client_tls.h"
#include "engine/secrecy.h"
#include "engine/session.h"
#include "engine/session_tls.h"
#include "engine/shard.h"
#include "engine/sts_gate.h"
#include "engine/tag.h"
#include "sim/sim_world.h"

#define ENCRYPTED TLS_POLICY_ENCRYPTED
#define VERIFIED TLS_POLICY_VERIFIED
#define OBEYED TLS_POLICY_OBEYED
#define OFFERED TLS_POLICY_OFFERED
#define PROVEN (ENCRYPTED | VERIFIED)
#define DEMANDED (PROVEN | OFFERED)
#define PLAIN_MAIL "From: s@example.org\nSubject: x\n\nHi\n"
#define OPTIONAL_MAIL "From: s@example.org\nTLS-Required: No\nSubject: x\n\nHi\n"

struct scene {
    struct arena arena;
    struct io_group *group;
    struct io *io;
    struct policy policy;
    struct tls_context tls;
    struct stats stats;
    struct store *store;
    struct content_set *contents;
    struct shard *shard;
    uint32_t site;
    uint32_t campaigns_count;
};

static struct scene scene;

static const struct store_options store_options = {
    .folder = "spool",
    .segment_size = (uint64_t)256 * 1024,
    .journal_size = (uint64_t)256 * 1024,
    .claims_max = 32,
    .limits = {.recipients_max = 1000,
               .domains_max = 16,
               .campaigns_max = 8,
               .segments_max = 64,
               .runs_max = 64,
               .flows_max = 64,
               .shards_count = 1},
    .tag_base = ((uint64_t)TAG_STORE + 1) << 56,
    .wake_index = STORE_NO_WAKE,
};

static void turn(void)
{
    struct io_event events[16];
    uint32_t count = io_wait(scene.io, io_now_ns(scene.io) + NS_PER_MS, events, ARRAY_LEN(events));

    for (uint32_t i = 0; i < count; i++)
        if (!store_event(scene.store, &events[i]) &&
            !store_shard_event(scene.shard->store, &events[i]))
            assert_int_not_equal(tag_op_of(events[i].tag), TAG_STORE); /* of the shard's files */
    store_tick(scene.store);
    store_shard_tick(scene.shard->store);
}

static void open_policy(void)
{
    struct policy *policy = &scene.policy;

    policy_init(policy);
    memcpy(policy->spool, "spool", sizeof("spool"));
    memcpy(policy->hostname, "send.test", sizeof("send.test"));
    policy->dns_servers.count = 2;
    memcpy(policy->dns_servers_items[0], "11.255.0.1", sizeof("11.255.0.1"));
    memcpy(policy->dns_servers_items[1], "11.255.0.2", sizeof("11.255.0.2"));
    policy->tls_mta_sts = false;
    policy->dns_trust_ad = true;
    policy->tls_dane = true;
}

static int open_scene(void **state)
{
    struct shard_options options = {.count = 1,
                                    .sessions_max = 4,
                                    .sites_max = 4,
                                    .flows_max = 64,
                                    .domains_max = 16,
                                    .campaigns_max = 8,
                                    .buffers_max = 4,
                                    .cache_entries_max = 256,
                                    .tickets_max = 4,
                                    .policy = &scene.policy,
                                    .tls = &scene.tls,
                                    .seed = 1};
    struct io_options ring = {.wake_tag = tag_of(TAG_WAKE, 0)};
    char words[256];
    struct text error;

    (void)state;
    sim_world_open(1, NULL);
    memset(&scene, 0, sizeof(scene));
    scene.tls.roots_count = 1;
    open_policy();
    text_init(&error, words, sizeof(words));
    assert_int_equal(io_group_open(&scene.group, 1), 0);
    ring.group = scene.group;
    assert_int_equal(io_open(&scene.io, &ring, &error), 0);
    assert_int_equal(arena_open(&scene.arena, store_cost(&store_options) + shard_cost(&options)),
                     0);
    assert_int_equal(store_open(&scene.store, scene.io, &scene.arena, &store_options, &error), 0);
    assert_int_equal(content_set_open(&scene.contents, 8), 0);
    options.store = scene.store;
    options.contents = scene.contents;
    scene.shard = shard_open(&scene.arena, scene.io, &options, &scene.stats);
    return 0;
}

static int close_scene(void **state)
{
    (void)state;
    io_close(scene.io);
    io_group_close(scene.group);
    content_set_close(scene.contents);
    arena_close(&scene.arena);
    sim_world_close();
    return 0;
}

/* --- mail --- */

/* A message to somebody at each of these domains; the campaign's number. */
static uint32_t load(const char *content, bool require_tls, const char *const *domains,
                     uint32_t domains_count)
{
    const uint8_t digest[CAMPAIGN_DIGEST_SIZE] = {1};
    char name[] = {'c', (char)('0' + scene.campaigns_count++), 0};
    struct campaign_descriptor descriptor = {.name = span_cstr(name),
                                             .sender = SPAN("s@example.org"),
                                             .lane = LANE_BULK,
                                             .require_tls = require_tls};
    struct queue *queue = store_queue(scene.store);
    char words[256];
    struct store_load *loading;
    struct text error;
    uint32_t index;

    assert_int_equal(store_load_begin(scene.store, &descriptor, span_cstr(content), &loading), 0);
    store_load_keep_back(loading);
    for (uint32_t i = 0; i < domains_count; i++) {
        char bytes[64];
        struct text address;
        struct store_recipient recipient = {.domain = span_cstr(domains[i])};
        int result;

        text_init(&address, bytes, sizeof(bytes));
        text_add_format(&address, "u@%s", domains[i]);
        recipient.address = text_span(&address);
        while ((result = store_load_add(loading, &recipient)) == -EAGAIN)
            turn();
        assert_int_equal(result, 0);
    }
    store_load_commit(loading, digest);
    while (store_load_state(loading) == STORE_LOAD_COMMITTING)
        turn();
    index = store_load_campaign(loading);
    text_init(&error, words, sizeof(words));
    assert_int_equal(content_add(scene.contents, index, queue_campaign(queue, index), &error), 0);
    store_load_publish(loading);
    while (store_load_state(loading) == STORE_LOAD_DURABLE ||
           store_load_state(loading) == STORE_LOAD_COMMITTING)
        turn();
    assert_int_equal(store_load_state(loading), STORE_LOAD_READY);
    store_load_end(loading);
    for (uint32_t i = 0; i < 50; i++) { /* the shard finds its flows; names are asked for in vain */
        turn();
        routing_turn(scene.shard);
    }
    return index;
}

static uint32_t domain_of(const char *name)
{
    uint32_t domain = queue_find_domain(store_queue(scene.store), span_cstr(name));

    assert_int_not_equal(domain, QUEUE_NONE);
    return domain;
}

/* To these hosts: mx1, mx2 ... with an address each. */
static struct route *make_route(uint8_t hosts_count, bool secure)
{
    static struct route route;
    struct text site;

    memset(&route, 0, sizeof(route));
    route.status = ROUTE_OK;
    route.secure = secure;
    route.expires_ns = UINT64_MAX;
    route.hosts_count = hosts_count;
    for (uint8_t i = 0; i < hosts_count; i++) {
        struct route_host *host = &route.hosts[i];

        memcpy(host->name, (char[]){'m', 'x', (char)('1' + i), 0}, 4);
        host->preference = (uint16_t)(10 + i);
        host->addresses_count = 1;
        host->addresses[0] = (struct ip){IP_V4, {11, 0, 0, (uint8_t)(1 + i)}};
    }
    text_init(&site, route.site, sizeof(route.site));
    route_site_name(&route, &site);
    (void)text_cstr_end(&site);
    return &route;
}

/* The domain is at the site of these hosts. */
static void route_to(const char *name, uint8_t hosts_count, bool secure)
{
    uint16_t ports[ROUTE_HOSTS_MAX] = {25, 25, 25, 25, 25};

    assert_true(
        routing_enter(scene.shard, domain_of(name), make_route(hosts_count, secure), ports));
    scene.site = scene.shard->routing.domains[domain_of(name)].site;
}

static struct destination *destination(void)
{
    return destination_at(scene.shard, scene.site);
}

/* A host is known to have let sessions reach so much. */
static void know(uint32_t host, uint32_t has, enum tls_fault fault, bool definite)
{
    destination()->reached[host] =
        (struct destination_reach){.until_ns = shard_now_ns(scene.shard) + SECRECY_KNOWN_NS,
                                   .has = has,
                                   .fault = fault,
                                   .definite = definite};
}

static uint64_t settled(enum outcome_kind kind)
{
    return scene.stats.outcomes[kind];
}

/* A session at a host of the site. */
static struct session *session_at(const char *host)
{
    static struct session session;

    memset(&session, 0, sizeof(session));
    session.site = scene.site;
    memcpy(session.peer_name, host, strlen(host) + 1);
    session.dane = TLS_POLICY_DANE_NONE;
    session.tls_tried = true;
    return &session;
}

/* --- what mail needs --- */

static void test_needs(void **state)
{
    static const char *const domains[] = {"a.test"};
    static const struct {
        const char *label;
        bool secure, enforced, unnamed, vouched;
        uint32_t plain, optional, demanding; /* a campaign of each kind */
    } cases[] = {
        {"nothing is known", 0, 0, 0, 0, 0, 0, DEMANDED | TLS_POLICY_VOUCHED},
        {"signed", 1, 0, 0, 0, OBEYED, 0, DEMANDED | OBEYED},
        {"testing", 0, 0, 0, 1, 0, 0, DEMANDED},
        {"enforce", 0, 1, 0, 1, PROVEN, 0, DEMANDED},
        {"signed, enforce", 1, 1, 0, 1, PROVEN | OBEYED, 0, DEMANDED | OBEYED},
        {"no host is named", 0, 1, 1, 0, PROVEN | TLS_POLICY_NAMED, 0,
         DEMANDED | TLS_POLICY_VOUCHED | TLS_POLICY_NAMED},
        {"signed, no host is named", 1, 1, 1, 0, PROVEN | OBEYED | TLS_POLICY_NAMED, 0,
         DEMANDED | OBEYED | TLS_POLICY_NAMED},
    };
    uint32_t plain = load(PLAIN_MAIL, false, domains, 1);
    uint32_t optional = load(OPTIONAL_MAIL, false, domains, 1);
    uint32_t demanding = load(OPTIONAL_MAIL, true, domains, 1);
    struct routing_domain *domain = &scene.shard->routing.domains[domain_of("a.test")];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint32_t index = domain_of("a.test");

        domain->mx_secure = cases[i].secure;
        domain->sts_enforced = cases[i].enforced;
        domain->sts_unnamed = cases[i].unnamed;
        domain->sts_vouched = cases[i].vouched;
        print_message("%s\n", cases[i].label);
        assert_int_equal(secrecy_needs(scene.shard, index, plain), cases[i].plain);
        assert_int_equal(secrecy_needs(scene.shard, index, optional), cases[i].optional);
        assert_int_equal(secrecy_needs(scene.shard, index, demanding), cases[i].demanding);
    }
    assert_true(secrecy_is_wanted(scene.shard, domain_of("a.test")));
    scene.policy.tls_mode = POLICY_TLS_OFF; /* the operator's word; REQUIRETLS is above it */
    assert_false(secrecy_is_wanted(scene.shard, domain_of("a.test")));
    assert_int_equal(secrecy_needs(scene.shard, domain_of("a.test"), plain), 0);
    assert_int_equal(secrecy_needs(scene.shard, domain_of("a.test"), demanding),
                     DEMANDED | OBEYED | TLS_POLICY_NAMED);
}

/* --- whose name a certificate has --- */

static void test_limit(void **state)
{
    static const char *const domains[] = {"a.test", "b.test"};
    struct session *session;

    (void)state;
    (void)load(PLAIN_MAIL, false, domains, 2);
    route_to("a.test", 1, true);
    /* Alone at the host: what its name has proven stands. */
    session = session_at("mx1");
    session->has = PROVEN | OBEYED | OFFERED;
    session->named_domain = domain_of("a.test") + 1;
    secrecy_limit(scene.shard, session);
    assert_int_equal(session->has, PROVEN | OBEYED | OFFERED);
    /* Another domain's mail comes to the host: the session is proven for neither of them. */
    route_to("b.test", 1, true);
    secrecy_limit(scene.shard, session);
    assert_int_equal(session->has, ENCRYPTED | OFFERED);
    /* And never gets it back. */
    routing_leave(scene.shard, domain_of("b.test"));
    secrecy_limit(scene.shard, session);
    assert_int_equal(session->has, ENCRYPTED | OFFERED);
    /* The domain has gone and another one is alone there. */
    route_to("b.test", 1, true);
    routing_leave(scene.shard, domain_of("a.test"));
    session = session_at("mx1");
    session->has = PROVEN | OBEYED;
    session->named_domain = domain_of("a.test") + 1;
    secrecy_limit(scene.shard, session);
    assert_int_equal(session->has, ENCRYPTED);
    /* A certificate for the host itself is everybody's. */
    route_to("a.test", 1, true);
    session = session_at("mx1");
    session->has = PROVEN | OBEYED;
    secrecy_limit(scene.shard, session);
    assert_int_equal(session->has, PROVEN | OBEYED);
}

/* --- what a host let sessions reach --- */

static bool is_trouble(const char *host)
{
    bool due;

    return tls_trouble_find(&scene.shard->tls_trouble, span_cstr(host),
                            shard_wall_ns(scene.shard) / NS_PER_S, &due) != NULL;
}

static void test_reached(void **state)
{
    static const char *const domains[] = {"a.test"};
    static const struct {
        const char *label;
        enum tls_level level;
        enum tls_policy_dane dane;
        enum smtp_clear clear;
        enum tls_fault fault;
        bool offers;
        uint32_t has;
        enum tls_fault kept;
        bool definite, trouble;
    } cases[] = {
        {"good", TLS_LEVEL_VERIFIED, TLS_POLICY_DANE_NONE, SMTP_CLEAR_NONE, TLS_FAULT_NONE, true,
         DEMANDED | OBEYED, TLS_FAULT_NONE, false, false},
        {"no STARTTLS", TLS_LEVEL_CLEAR, TLS_POLICY_DANE_NONE, SMTP_CLEAR_NOT_OFFERED,
         TLS_FAULT_NONE, false, OBEYED, TLS_FAULT_NO_STARTTLS, true, false},
        {"REQUIRETLS in clear counts for nothing", TLS_LEVEL_CLEAR, TLS_POLICY_DANE_NONE,
         SMTP_CLEAR_NOT_OFFERED, TLS_FAULT_NONE, true, OBEYED, TLS_FAULT_NO_STARTTLS, true, false},
        {"STARTTLS refused", TLS_LEVEL_CLEAR, TLS_POLICY_DANE_NONE, SMTP_CLEAR_REFUSED,
         TLS_FAULT_NONE, false, OBEYED, TLS_FAULT_NO_STARTTLS, false, false},
        {"another name", TLS_LEVEL_ENCRYPTED, TLS_POLICY_DANE_NONE, SMTP_CLEAR_NONE, TLS_FAULT_NAME,
         true, ENCRYPTED | OFFERED | OBEYED, TLS_FAULT_NAME, true, true},
        {"no record fits", TLS_LEVEL_ENCRYPTED, TLS_POLICY_DANE_USABLE, SMTP_CLEAR_NONE,
         TLS_FAULT_TLSA_INVALID, true, ENCRYPTED | OFFERED, TLS_FAULT_TLSA_INVALID, true, true},
        {"expired", TLS_LEVEL_ENCRYPTED, TLS_POLICY_DANE_NONE, SMTP_CLEAR_NONE, TLS_FAULT_EXPIRED,
         false, ENCRYPTED | OBEYED, TLS_FAULT_EXPIRED, false, true},
        {"unknown issuer", TLS_LEVEL_ENCRYPTED, TLS_POLICY_DANE_NONE, SMTP_CLEAR_NONE,
         TLS_FAULT_UNTRUSTED, false, ENCRYPTED | OBEYED, TLS_FAULT_UNTRUSTED, true, true},
        {"the records are bogus", TLS_LEVEL_ENCRYPTED, TLS_POLICY_DANE_FAILED, SMTP_CLEAR_NONE,
         TLS_FAULT_NONE, false, ENCRYPTED, TLS_FAULT_DNSSEC_INVALID, false, false},
    };

    (void)state;
    (void)load(PLAIN_MAIL, false, domains, 1);
    route_to("a.test", 2, true);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct destination_reach *reach = &destination()->reached[1];
        struct session *session = session_at("mx2");

        tls_trouble_forget(&scene.shard->tls_trouble, SPAN("mx2"));
        session->level = cases[i].level;
        session->dane = cases[i].dane;
        session->smtp.clear = cases[i].clear;
        session->tls_fault = cases[i].fault;
        if (cases[i].offers)
            ehlo_read_line(&session->smtp.ehlo, SPAN("REQUIRETLS"));
        secrecy_reached(scene.shard, session);
        print_message("%s\n", cases[i].label);
        assert_int_equal(session->has, cases[i].has);
        assert_int_equal(reach->has, cases[i].has);
        assert_int_equal(reach->fault, cases[i].kept);
        assert_int_equal(reach->definite, cases[i].definite);
        assert_int_equal(is_trouble("mx2"), cases[i].trouble);
        assert_int_equal(destination_offers(destination(), 1, shard_now_ns(scene.shard)),
                         cases[i].has);
        assert_int_equal(destination_offers(destination(), 1, reach->until_ns), TLS_POLICY_ALL);
        assert_int_equal(destination()->reached[0].until_ns, 0); /* the other host */
    }
}

/* What is ours to mend is no refusal of the host's; what says nothing is not remembered. */
static void test_reached_in_doubt(void **state)
{
    static const char *const domains[] = {"a.test"};
    struct session *session;

    (void)state;
    (void)load(PLAIN_MAIL, false, domains, 1);
    route_to("a.test", 1, true);
    scene.tls.roots_count = 0;
    session = session_at("mx1");
    session->level = TLS_LEVEL_ENCRYPTED;
    session->tls_fault = TLS_FAULT_UNTRUSTED;
    secrecy_reached(scene.shard, session);
    assert_false(destination()->reached[0].definite);
    scene.tls.roots_count = 1;
    secrecy_reached(scene.shard, session);
    assert_true(destination()->reached[0].definite);
    /* TLS was not tried, or the host's records were not asked for, or the host has gone. */
    memset(&destination()->reached[0], 0, sizeof(destination()->reached[0]));
    session = session_at("mx1");
    session->tls_tried = false;
    secrecy_reached(scene.shard, session);
    assert_int_equal(destination()->reached[0].until_ns, 0);
    session = session_at("mx1");
    session->level = TLS_LEVEL_VERIFIED;
    session->dane = TLS_POLICY_DANE_UNASKED;
    secrecy_reached(scene.shard, session);
    assert_int_equal(session->has, PROVEN); /* and no mail of those whose MX records are signed */
    assert_int_equal(destination()->reached[0].until_ns, 0);
    session = session_at("mx9");
    session->level = TLS_LEVEL_VERIFIED;
    secrecy_reached(scene.shard, session);
    assert_int_equal(destination()->reached[0].until_ns, 0);
}

/* A handshake that broke is remembered, under a bogus answer too: mail that lifts the demand goes
 * in clear next time. An answer alone is no word about the host's TLS. */
static void test_failed(void **state)
{
    static const char *const domains[] = {"a.test"};
    static const struct {
        enum tls_policy_dane dane;
        enum tls_fault fault, kept;
        uint32_t has;
        bool tried, trouble;
    } cases[] = {
        {TLS_POLICY_DANE_NONE, TLS_FAULT_HANDSHAKE, TLS_FAULT_HANDSHAKE, OBEYED, true, true},
        {TLS_POLICY_DANE_NONE, TLS_FAULT_NONE, TLS_FAULT_HANDSHAKE, OBEYED, true, true},
        {TLS_POLICY_DANE_USABLE, TLS_FAULT_HANDSHAKE, TLS_FAULT_HANDSHAKE, 0, true, true},
        {TLS_POLICY_DANE_FAILED, TLS_FAULT_HANDSHAKE, TLS_FAULT_HANDSHAKE, 0, true, true},
        /* 220, then silence */
        {TLS_POLICY_DANE_FAILED, TLS_FAULT_DNSSEC_INVALID, TLS_FAULT_HANDSHAKE, 0, true, true},
        /* not even connected to */
        {TLS_POLICY_DANE_FAILED, TLS_FAULT_DNSSEC_INVALID, TLS_FAULT_DNSSEC_INVALID, DEMANDED,
         false, false},
    };

    (void)state;
    (void)load(OPTIONAL_MAIL, false, domains, 1);
    route_to("a.test", 1, true);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct session *session = session_at("mx1");

        tls_trouble_forget(&scene.shard->tls_trouble, SPAN("mx1"));
        session->dane = cases[i].dane;
        session->tls_fault = cases[i].fault;
        session->tls_tried = cases[i].tried;
        secrecy_failed(scene.shard, session);
        assert_int_equal(destination()->reached[0].has, cases[i].has);
        assert_int_equal(destination()->reached[0].fault, cases[i].kept);
        assert_false(destination()->reached[0].definite);
        assert_int_equal(is_trouble("mx1"), cases[i].trouble);
    }
    assert_int_equal(settled(OUTCOME_DEFERRED), 0); /* its mail may still go */
}

/* --- which address, and for what --- */

static uint32_t pick(uint32_t *ret_aim)
{
    uint32_t address = secrecy_pick(scene.shard, scene.site, ret_aim);

    return address == DESTINATION_NONE ? address : destination()->addresses[address].host;
}

/* Mail that only the second host can take gets every other session; the rest goes to the first. */
static void test_pick(void **state)
{
    static const char *const domains[] = {"a.test", "b.test"};
    uint32_t aim, first = 0, second = 0;

    (void)state;
    (void)load(PLAIN_MAIL, false, domains, 2);
    scene.shard->routing.domains[domain_of("b.test")].sts_enforced = true;
    route_to("a.test", 2, false);
    route_to("b.test", 2, false);
    assert_int_equal(pick(&aim), 0); /* nothing is known of either */
    assert_int_equal(aim, PROVEN);   /* and TLS is tried whatever is remembered of it */
    know(0, ENCRYPTED | OBEYED, TLS_FAULT_NAME, true);
    for (uint32_t i = 0; i < 10; i++) {
        uint32_t host = pick(&aim);

        first += host == 0;
        second += host == 1;
        assert_int_equal(aim, host == 1 ? PROVEN : 0);
    }
    assert_int_equal(first, 5);
    assert_int_equal(second, 5);
    assert_int_equal(settled(OUTCOME_DEFERRED), 0);
    /* The second one cannot either: that mail goes back, the other stays. */
    know(1, OBEYED, TLS_FAULT_NO_STARTTLS, true);
    assert_int_equal(pick(&aim), 0);
    assert_int_equal(pick(&aim), 0);
    assert_int_equal(aim, 0);
    assert_int_equal(settled(OUTCOME_DEFERRED), 1);
    assert_true(schedule_serves(scene.shard->schedule, scene.site, 0));
}

/* Mail that no host can take, and that cannot go back yet, does not hide the other mail's demand: a
 * session in clear would be of use to nobody. */
static void test_aim_behind_hopeless_mail(void **state)
{
    static const char *const domains[] = {"b.test", "a.test", "c.test"};
    uint32_t aim;

    (void)state;
    scene.policy.tls_mode = POLICY_TLS_OFF;
    (void)load(PLAIN_MAIL, true, domains, 3);
    for (size_t d = 0; d < ARRAY_LEN(domains); d++)
        route_to(domains[d], 1, d == 1);
    scene.shard->hopeless_due_ns = UINT64_MAX;
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(pick(&aim), 0);
        assert_int_equal(aim, DEMANDED | OBEYED);
    }
    routing_leave(scene.shard, domain_of("a.test"));
    assert_int_equal(pick(&aim), DESTINATION_NONE); /* what is left is for no session */
    assert_int_equal(settled(OUTCOME_DEFERRED), 0);
}

/* TLSA records and TLS that is broken: mail that lifts the demand is no reason to try TLS again. */
static void test_aim_of_lifted_mail(void **state)
{
    static const char *const domains[] = {"a.test"};
    uint32_t aim;

    (void)state;
    (void)load(OPTIONAL_MAIL, false, domains, 1);
    route_to("a.test", 1, true);
    assert_int_equal(pick(&aim), 0);
    assert_int_equal(aim, 0);
    (void)load(PLAIN_MAIL, false, domains, 1);
    assert_int_equal(pick(&aim), 0);
    assert_int_equal(aim, OBEYED); /* the other's is */
}

/* Whether TLS is tried, where a host has TLSA records and its handshake is known to break. */
static void test_tried_again(void **state)
{
    static const char *const domains[] = {"a.test"};
    static const struct {
        enum tls_policy_dane dane;
        uint32_t aim;
        bool broken, wanted;
        enum smtp_tls mode;
    } cases[] = {
        {TLS_POLICY_DANE_NONE, 0, false, true, SMTP_TLS_OFFERED},
        {TLS_POLICY_DANE_NONE, 0, true, true, SMTP_TLS_NEVER},
        {TLS_POLICY_DANE_NONE, OBEYED, true, true, SMTP_TLS_NEVER},
        {TLS_POLICY_DANE_NONE, PROVEN, true, true, SMTP_TLS_OFFERED},
        {TLS_POLICY_DANE_NONE, 0, false, false, SMTP_TLS_NEVER},
        {TLS_POLICY_DANE_USABLE, 0, false, false, SMTP_TLS_OFFERED},
        {TLS_POLICY_DANE_USABLE, 0, true, true, SMTP_TLS_NEVER},
        {TLS_POLICY_DANE_USABLE, OBEYED, true, true, SMTP_TLS_OFFERED},
        {TLS_POLICY_DANE_UNUSABLE, OBEYED, true, true, SMTP_TLS_OFFERED},
        {TLS_POLICY_DANE_FAILED, 0, true, true, SMTP_TLS_NEVER},
    };
    static struct client_tls_options client;

    (void)state;
    scene.shard->options.client = &client;
    (void)load(PLAIN_MAIL, false, domains, 1);
    route_to("a.test", 1, true);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct session *session = session_at("mx1");

        tls_trouble_forget(&scene.shard->tls_trouble, SPAN("mx1"));
        if (cases[i].broken)
            tls_trouble_note(&scene.shard->tls_trouble, SPAN("mx1"), TLS_FAULT_HANDSHAKE,
                             shard_wall_ns(scene.shard) / NS_PER_S);
        session->dane = cases[i].dane;
        session->aim = cases[i].aim;
        destination()->tls_wanted = cases[i].wanted;
        assert_int_equal(session_tls_mode(scene.shard, session, NULL), cases[i].mode);
        assert_int_equal(session->tls_tried, cases[i].mode != SMTP_TLS_NEVER);
    }
}

/* --- mail that no host can take --- */

/* A policy that names none of the hosts: its mail goes back, what lifts it stays and is carried. */
static void test_unnamed(void **state)
{
    static const char *const domains[] = {"a.test"};
    uint32_t aim;

    (void)state;
    (void)load(PLAIN_MAIL, false, domains, 1);
    (void)load(OPTIONAL_MAIL, false, domains, 1);
    scene.shard->routing.domains[domain_of("a.test")].sts_enforced = true;
    scene.shard->routing.domains[domain_of("a.test")].sts_unnamed = true;
    route_to("a.test", 1, false);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(pick(&aim), 0);
    assert_int_equal(aim, 0);
    assert_int_equal(settled(OUTCOME_DEFERRED), 1);
    assert_true(schedule_serves(scene.shard->schedule, scene.site, 0));
}

/* REQUIRETLS: for good once all hosts have refused, and only that mail. */
static void test_required_and_refused(void **state)
{
    static const char *const domains[] = {"a.test"};
    uint32_t aim;

    (void)state;
    (void)load(PLAIN_MAIL, false, domains, 1);
    (void)load(PLAIN_MAIL, true, domains, 1);
    route_to("a.test", 2, true);
    know(0, OBEYED, TLS_FAULT_NO_STARTTLS, true);
    assert_int_not_equal(pick(&aim), DESTINATION_NONE);
    assert_int_not_equal(pick(&aim), DESTINATION_NONE); /* the second host may have it */
    assert_int_equal(settled(OUTCOME_FAILED) + settled(OUTCOME_DEFERRED), 0);
    know(1, ENCRYPTED | OFFERED | OBEYED, TLS_FAULT_NAME, true);
    (void)pick(&aim);
    (void)pick(&aim);
    assert_int_equal(settled(OUTCOME_FAILED), 1);
    assert_int_equal(settled(OUTCOME_DEFERRED), 0);
    assert_true(schedule_serves(scene.shard->schedule, scene.site, OBEYED));
}

/* Nobody vouches for the hosts: deferred while it is not sure, here because policies are not asked
 * for. */
static void test_unvouched(void **state)
{
    static const char *const domains[] = {"a.test"};
    uint32_t aim;

    (void)state;
    (void)load(PLAIN_MAIL, true, domains, 1);
    route_to("a.test", 1, false);
    assert_int_equal(pick(&aim), DESTINATION_NONE);
    assert_int_equal(settled(OUTCOME_FAILED), 0);
    assert_int_equal(settled(OUTCOME_DEFERRED), 1);
}

/* --- MTA-STS policies that come and go --- */

static struct arena gate_arena;

static void open_gate(void)
{
    const struct sts_fetch_options options = {.io = scene.io,
                                              .dns = scene.shard->resolver.dns,
                                              .tls = &scene.tls,
                                              .port = 443,
                                              .domains_max = 8,
                                              .policies_max = 4};

    assert_int_equal(arena_open(&gate_arena, sts_fetch_cost(&options)), 0);
    assert_int_equal(sts_fetch_init(&scene.shard->sts, &gate_arena, &options), 0);
    scene.shard->has_sts = true;
    scene.policy.tls_mta_sts = true;
}

static void pass_time(uint64_t seconds)
{
    uint64_t until_ns = io_now_ns(scene.io) + seconds * NS_PER_S;
    struct io_event event;

    while (io_now_ns(scene.io) < until_ns)
        assert_int_equal(io_wait(scene.io, until_ns, &event, 1), 0);
}

/* The route of a.test passes the gate and is entered; how many seconds it holds. */
static uint64_t pass_gate(uint32_t said_by)
{
    struct routing_domain *domain = &scene.shard->routing.domains[domain_of("a.test")];
    uint16_t ports[ROUTE_HOSTS_MAX] = {25};
    struct route *route = make_route(1, false);
    struct outcome outcome;

    route->servers = said_by;
    assert_int_equal(sts_gate_pass(scene.shard, domain_of("a.test"), route, &outcome),
                     STS_GATE_OPEN);
    assert_true(routing_enter(scene.shard, domain_of("a.test"), route, ports));
    scene.site = domain->site;
    assert_int_equal(domain->fresh_until_ns, UINT64_MAX); /* what the names say holds on */
    assert_in_range(destination()->expires_ns, 0, domain->expires_ns); /* it will be asked */
    return (domain->expires_ns - shard_now_ns(scene.shard)) / NS_PER_S;
}

/* What was heard is for a while: a domain is not judged for its route's life, here for ever, by a
 * policy that it had when its mail came, nor by having had none. */
static void test_policy_that_ends(void **state)
{
    static const char *const domains[] = {"a.test"};
    struct sts_policy policy = {
        .mode = STS_ENFORCE, .max_age_s = 400, .patterns_size = 4, .patterns = "mx1\n"};
    struct sts_cache *cache = &scene.shard->sts.cache;
    const struct routing_domain *domain;
    uint64_t now_s;

    (void)state;
    (void)load(PLAIN_MAIL, false, domains, 1);
    open_gate();
    domain = &scene.shard->routing.domains[domain_of("a.test")];
    now_s = shard_wall_ns(scene.shard) / NS_PER_S;
    assert_true(sts_cache_want(cache, SPAN("a.test"), now_s));
    assert_false(sts_cache_announced(cache, SPAN("a.test"), SPAN(""), now_s));
    assert_int_equal(pass_gate(1), STS_CACHE_ASK_S); /* it has none, and that is sure */
    assert_true(domain->sts_known);
    assert_false(domain->sts_enforced);
    assert_true(sts_cache_announced(cache, SPAN("a.test"), SPAN("1"), now_s));
    sts_cache_fetched(cache, SPAN("a.test"), SPAN("1"), &policy, now_s);
    assert_int_equal(pass_gate(1), 400); /* as long as the policy */
    assert_true(domain->sts_known && domain->sts_enforced && domain->sts_vouched);
    pass_time(300);
    assert_in_range(pass_gate(1), 99, 101);
    assert_true(domain->sts_enforced);
    pass_time(101);
    assert_int_equal(pass_gate(1), STS_CACHE_RETRY_S); /* over, and nothing else was heard */
    assert_false(domain->sts_known);
    assert_false(domain->sts_enforced);
    assert_false(domain->sts_vouched);
    arena_close(&gate_arena);
}

/* In which words the first recipient was put off. */
static const char *first_words(void)
{
    static char words[REPLY_TEXT_MAX];
    static struct store_cursor cursor;
    struct attempt_event event;
    struct text text;

    memset(&cursor, 0, sizeof(cursor));
    words[0] = '\0';
    for (uint32_t i = 0; i < 2000 && words[0] == '\0'; i++) {
        turn(); /* the journal is written */
        if (store_events_next(scene.store, &cursor, &event) != 1)
            continue;
        text_init(&text, words, sizeof(words) - 1);
        text_add(&text, span_make(event.attempt.outcome.reply.text,
                                  event.attempt.outcome.reply.text_size));
        (void)text_cstr_end(&text);
    }
    return words;
}

/* Nor does mail with REQUIRETLS go back for good because nobody vouched long ago. */
static void test_policy_out_of_date(void **state)
{
    static const char *const domains[] = {"a.test"};
    uint64_t now_s;
    uint32_t aim;

    (void)state;
    (void)load(PLAIN_MAIL, true, domains, 1);
    open_gate();
    now_s = shard_wall_ns(scene.shard) / NS_PER_S;
    assert_true(sts_cache_want(&scene.shard->sts.cache, SPAN("a.test"), now_s));
    assert_false(sts_cache_announced(&scene.shard->sts.cache, SPAN("a.test"), SPAN(""), now_s));
    (void)pass_gate(1);
    pass_time(STS_CACHE_ASK_S);
    assert_int_equal(pick(&aim), DESTINATION_NONE);
    assert_int_equal(settled(OUTCOME_DEFERRED), 1);
    assert_non_null(strstr(first_words(), "whether it has a policy now is not known yet"));
    arena_close(&gate_arena);
}

/* Whatever is asked is answered with SERVFAIL, until the domain's route has been prolonged. */
static void fail_names(const struct routing_domain *domain)
{
    static struct test_packet packet;
    struct dns *dns = scene.shard->resolver.dns;
    struct dns_packet query;

    for (uint32_t i = 0; i < 100 && domain->expires_ns <= shard_now_ns(scene.shard); i++) {
        routing_turn(scene.shard);
        while (dns_output(dns, &query)) {
            test_packet_reply(&packet, query.bytes, 2);
            dns_input(dns, io_now_ns(scene.io), query.server_index, test_packet_span(&packet));
        }
        pass_time(1);
        dns_expire(dns, io_now_ns(scene.io));
    }
    assert_true(domain->expires_ns > shard_now_ns(scene.shard));
}

/* An old route serves on while its names cannot be had: whether the domain has a policy now is not
 * known, which does not mean that the policy could not be fetched. It is soon asked about again. */
static void test_policy_behind_an_old_route(void **state)
{
    static const char *const domains[] = {"a.test"};
    struct routing_domain *domain;
    uint64_t now_s;
    uint32_t aim;

    (void)state;
    (void)load(PLAIN_MAIL, true, domains, 1);
    open_gate();
    domain = &scene.shard->routing.domains[domain_of("a.test")];
    now_s = shard_wall_ns(scene.shard) / NS_PER_S;
    assert_true(sts_cache_want(&scene.shard->sts.cache, SPAN("a.test"), now_s));
    assert_false(sts_cache_announced(&scene.shard->sts.cache, SPAN("a.test"), SPAN(""), now_s));
    (void)pass_gate(1);
    pass_time(STS_CACHE_ASK_S);
    domain->fresh_until_ns = shard_now_ns(scene.shard);
    routing_refresh(scene.shard, scene.site);
    fail_names(domain);
    assert_int_equal(destination()->expires_ns, domain->expires_ns);
    assert_int_equal(pick(&aim), DESTINATION_NONE);
    assert_int_equal(settled(OUTCOME_FAILED), 0);
    assert_int_equal(settled(OUTCOME_DEFERRED), 1);
    assert_non_null(strstr(first_words(), "whether it has a policy now is not known yet"));
    arena_close(&gate_arena);
}

/* One name server has told something secure, of the other nobody knows whether it validates: that
 * DNSSEC does not vouch for a host's name is sure when the first one has said so, and it alone. */
static void test_resolvers_that_differ(void **state)
{
    static const char *const domains[] = {"a.test"};
    static struct test_packet packet;
    struct dns *dns = scene.shard->resolver.dns;
    static struct txt_set set;
    struct dns_packet query;
    uint32_t aim, good;
    uint64_t now_s;

    (void)state;
    (void)load(PLAIN_MAIL, true, domains, 1);
    open_gate();
    now_s = shard_wall_ns(scene.shard) / NS_PER_S;
    assert_true(sts_cache_want(&scene.shard->sts.cache, SPAN("a.test"), now_s));
    assert_false(sts_cache_announced(&scene.shard->sts.cache, SPAN("a.test"), SPAN(""), now_s));
    (void)dns_txt(dns, io_now_ns(scene.io), SPAN("signed.test"), 1000, &set);
    assert_true(dns_output(dns, &query));
    test_packet_reply(&packet, query.bytes, 0);
    packet.data[3] |= 0x20; /* AD */
    test_packet_soa(&packet, "test", 300, 300);
    good = UINT32_C(1) << query.server_index;
    dns_input(dns, io_now_ns(scene.io), query.server_index, test_packet_span(&packet));
    (void)pass_gate(good ^ 3);
    (void)pick(&aim);
    assert_int_equal(settled(OUTCOME_FAILED), 0);
    assert_int_equal(settled(OUTCOME_DEFERRED), 1);
    (void)load(PLAIN_MAIL, true, domains, 1);
    (void)pass_gate(3);
    (void)pick(&aim);
    assert_int_equal(settled(OUTCOME_FAILED), 0);
    assert_int_equal(settled(OUTCOME_DEFERRED), 2);
    (void)load(PLAIN_MAIL, true, domains, 1);
    (void)pass_gate(good);
    (void)pick(&aim);
    assert_int_equal(settled(OUTCOME_FAILED), 1);
    assert_int_equal(settled(OUTCOME_DEFERRED), 2);
    /* The other one was asked meanwhile, itself, and validates too. */
    do
        assert_true(dns_output(dns, &query));
    while (query.bytes.data[12] != 4 || (query.bytes.data[13] | 0x20) != 'a'); /* arpa */
    assert_int_equal(UINT32_C(1) << query.server_index, good ^ 3);
    test_packet_reply(&packet, query.bytes, 0);
    packet.data[3] |= 0x20;
    test_packet_soa(&packet, "arpa", 300, 300);
    dns_input(dns, io_now_ns(scene.io), query.server_index, test_packet_span(&packet));
    (void)load(PLAIN_MAIL, true, domains, 1);
    (void)pass_gate(3);
    (void)pick(&aim);
    assert_int_equal(settled(OUTCOME_FAILED), 2);
    assert_int_equal(settled(OUTCOME_DEFERRED), 2);
    arena_close(&gate_arena);
}

/* A session without mail ends when another host may take what waits, and stays when none can. */
static void test_useless(void **state)
{
    static const char *const domains[] = {"a.test"};
    struct session *session;

    (void)state;
    (void)load(PLAIN_MAIL, false, domains, 1);
    scene.shard->routing.domains[domain_of("a.test")].sts_enforced = true;
    route_to("a.test", 2, false);
    session = session_at("mx1");
    session->has = PROVEN | OBEYED;
    assert_false(secrecy_is_useless(scene.shard, session)); /* it can take it */
    session->has = ENCRYPTED | OBEYED;
    know(0, session->has, TLS_FAULT_NAME, true);
    assert_true(secrecy_is_useless(scene.shard, session)); /* the second host may */
    assert_int_equal(settled(OUTCOME_DEFERRED), 0);
    know(1, OBEYED, TLS_FAULT_NO_STARTTLS, true);
    assert_false(secrecy_is_useless(scene.shard, session)); /* nobody can: it went back */
    assert_int_equal(settled(OUTCOME_DEFERRED), 1);
}

/* --- what is told to the receivers (RFC 8460) --- */

static struct arena counts_arena;

static void begin_counting(void)
{
    const struct tlsrpt_table_options table = {.domains_max = 8, .details_max = 32};
    const struct sts_cache_options policies = {.domains_max = 8, .policies_max = 4};

    assert_int_equal(
        arena_open(&counts_arena, tlsrpt_table_cost(&table) + sts_cache_cost(&policies)), 0);
    tlsrpt_table_init(&scene.shard->tls_counting.table, &counts_arena, &table);
    sts_cache_init(&scene.shard->sts.cache, &counts_arena, &policies);
    scene.shard->sts.io = scene.io;
    scene.shard->tls_counting.on = true;
}

static void enforce(const char *name, const char *pattern)
{
    struct sts_policy policy = {.mode = STS_ENFORCE, .max_age_s = 86400};

    policy.patterns_size = (uint32_t)strlen(pattern);
    memcpy(policy.patterns, pattern, strlen(pattern));
    sts_cache_fetched(&scene.shard->sts.cache, span_cstr(name), SPAN("1"), &policy,
                      shard_wall_ns(scene.shard) / NS_PER_S);
    scene.shard->routing.domains[domain_of(name)].sts_enforced = true;
    scene.shard->routing.domains[domain_of(name)].sts_vouched = true;
}

static const struct tlsrpt_domain *counted(const char *name)
{
    const struct tlsrpt_domain *domain;
    uint32_t cursor = 0;

    while ((domain = tlsrpt_table_next(&scene.shard->tls_counting.table, &cursor)) != NULL)
        if (span_equal(span_make(domain->name, domain->name_size), span_cstr(name)))
            return domain;
    return NULL;
}

/* So many sessions of the domain, all under this policy. */
static void check_counts(const char *name, enum tlsrpt_policy policy, uint64_t good,
                         uint64_t failed)
{
    const struct tlsrpt_domain *domain = counted(name);

    assert_non_null(domain);
    for (enum tlsrpt_policy p = TLSRPT_NO_POLICY; p < TLSRPT_POLICIES; p++) {
        assert_int_equal(domain->counts[p].good, p == policy ? good : 0);
        assert_int_equal(domain->counts[p].failed, p == policy ? failed : 0);
    }
}

static void check_fault(const char *name, enum tls_fault fault)
{
    const struct tlsrpt_detail *detail =
        tlsrpt_table_detail(&scene.shard->tls_counting.table, counted(name), NULL);

    assert_non_null(detail);
    assert_int_equal(detail->fault, fault);
    assert_null(tlsrpt_table_detail(&scene.shard->tls_counting.table, counted(name), detail));
}

/* Each demand has its policy, whatever another domain's at the same host is: "dane" has signed MX
 * records, "sts" a policy in force, "free" nothing but mail that demands verified TLS. */
static void test_counted_policies(void **state)
{
    static const char *const domains[] = {"dane.test", "sts.test", "free.test"};
    static const struct {
        const char *label;
        enum tls_policy_dane dane;
        enum tls_fault fault;
        enum tls_level level;
        enum smtp_clear clear;
        bool dane_fails, free_fails;
        enum tls_fault sts_fault, free_fault;
        enum tlsrpt_policy dane_policy;
    } cases[] = {
        {"no record fits", TLS_POLICY_DANE_USABLE, TLS_FAULT_TLSA_INVALID, TLS_LEVEL_ENCRYPTED,
         SMTP_CLEAR_NONE, true, false, TLS_FAULT_CERTIFICATE, TLS_FAULT_NONE, TLSRPT_TLSA},
        {"the trust anchor's certificate has another name", TLS_POLICY_DANE_USABLE, TLS_FAULT_NAME,
         TLS_LEVEL_ENCRYPTED, SMTP_CLEAR_NONE, true, false, TLS_FAULT_NAME, TLS_FAULT_NONE,
         TLSRPT_TLSA},
        {"bogus", TLS_POLICY_DANE_FAILED, TLS_FAULT_NONE, TLS_LEVEL_ENCRYPTED, SMTP_CLEAR_NONE,
         true, false, TLS_FAULT_CERTIFICATE, TLS_FAULT_NONE, TLSRPT_TLSA},
        {"bogus, and no TLS", TLS_POLICY_DANE_FAILED, TLS_FAULT_NONE, TLS_LEVEL_CLEAR,
         SMTP_CLEAR_NOT_OFFERED, true, true, TLS_FAULT_NO_STARTTLS, TLS_FAULT_NO_STARTTLS,
         TLSRPT_TLSA},
        {"unusable records, and no TLS", TLS_POLICY_DANE_UNUSABLE, TLS_FAULT_NONE, TLS_LEVEL_CLEAR,
         SMTP_CLEAR_NOT_OFFERED, true, true, TLS_FAULT_NO_STARTTLS, TLS_FAULT_NO_STARTTLS,
         TLSRPT_TLSA},
        {"no records", TLS_POLICY_DANE_NONE, TLS_FAULT_EXPIRED, TLS_LEVEL_ENCRYPTED,
         SMTP_CLEAR_NONE, false, false, TLS_FAULT_EXPIRED, TLS_FAULT_NONE, TLSRPT_NO_POLICY},
    };

    (void)state;
    (void)load(PLAIN_MAIL, false, domains, 3);
    begin_counting();
    enforce("sts.test", "mx1\n");
    route_to("dane.test", 1, true);
    route_to("sts.test", 1, false);
    route_to("free.test", 1, false);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct session *session = session_at("mx1");
        struct tls_counting_host host = {.name = SPAN("mx1")};

        tlsrpt_table_clear(&scene.shard->tls_counting.table);
        session->dane = cases[i].dane;
        session->tls_fault = cases[i].fault;
        session->level = cases[i].level;
        session->smtp.clear = cases[i].clear;
        secrecy_reached(scene.shard, session);
        host.dane = session->dane;
        host.has = session->has;
        host.fault = session->tls_fault;
        for (size_t d = 0; d < ARRAY_LEN(domains); d++)
            tls_counting_add(scene.shard, domain_of(domains[d]), &host);
        print_message("%s\n", cases[i].label);
        check_counts("dane.test", cases[i].dane_policy, !cases[i].dane_fails, cases[i].dane_fails);
        check_counts("sts.test", TLSRPT_STS, 0, 1);
        check_fault("sts.test", cases[i].sts_fault);
        check_counts("free.test", TLSRPT_NO_POLICY, !cases[i].free_fails, cases[i].free_fails);
        if (cases[i].free_fails)
            check_fault("free.test", cases[i].free_fault);
    }
    arena_close(&counts_arena);
}

/* Records of which none is usable leave the proof to MTA-STS, where there is a policy. */
static void test_counted_unusable(void **state)
{
    static const char *const domains[] = {"a.test", "b.test"};
    const struct tls_counting_host host = {.name = SPAN("mx1"),
                                           .dane = TLS_POLICY_DANE_UNUSABLE,
                                           .has = ENCRYPTED | OBEYED,
                                           .fault = TLS_FAULT_NAME};

    (void)state;
    (void)load(PLAIN_MAIL, false, domains, 2);
    begin_counting();
    enforce("b.test", "mx1\n");
    route_to("a.test", 1, true);
    route_to("b.test", 1, true);
    tls_counting_add(scene.shard, domain_of("a.test"), &host);
    tls_counting_add(scene.shard, domain_of("b.test"), &host);
    check_counts("a.test", TLSRPT_TLSA, 1, 0);
    check_counts("b.test", TLSRPT_STS, 0, 1);
    arena_close(&counts_arena);
}

/* What no host can take is counted by the policy that refused it, once for each session that was
 * tried, however many campaigns wait; also of what comes while the rest is still going back. */
static void test_counted_unmet(void **state)
{
    static const char *const domains[] = {"a.test"};
    static const char *const others[] = {"b.test"};
    struct session *session;
    uint32_t aim;

    (void)state;
    (void)load(PLAIN_MAIL, false, domains, 1);
    (void)load("From: s@example.org\nSubject: y\n\nHi\n", false, domains, 1);
    (void)load(PLAIN_MAIL, false, others, 1);
    begin_counting();
    route_to("a.test", 2, true);
    for (uint32_t i = 0; i < 2; i++) {
        session = session_at(i == 0 ? "mx1" : "mx2");
        session->dane = TLS_POLICY_DANE_USABLE;
        session->level = TLS_LEVEL_ENCRYPTED;
        session->tls_fault = TLS_FAULT_NAME;
        secrecy_reached(scene.shard, session);
    }
    scene.shard->hopeless_due_ns = UINT64_MAX; /* for now nothing goes back */
    (void)pick(&aim);
    assert_int_equal(settled(OUTCOME_DEFERRED), 0);
    scene.shard->hopeless_due_ns = 0;
    secrecy_turn(scene.shard);
    assert_int_equal(settled(OUTCOME_DEFERRED), 2);
    check_counts("a.test", TLSRPT_TLSA, 0, 2);
    /* Another domain's mail meets the same refusals; then one host is tried once more. */
    route_to("b.test", 2, true);
    (void)pick(&aim);
    (void)pick(&aim);
    assert_int_equal(settled(OUTCOME_DEFERRED), 3);
    check_counts("b.test", TLSRPT_TLSA, 0, 2);
    (void)load("From: s@example.org\nSubject: z\n\nHi\n", false, domains, 1);
    route_to("a.test", 2, true);
    secrecy_reached(scene.shard, session);
    (void)pick(&aim);
    (void)pick(&aim);
    assert_int_equal(settled(OUTCOME_DEFERRED), 4);
    check_counts("a.test", TLSRPT_TLSA, 0, 3);
    check_counts("b.test", TLSRPT_TLSA, 0, 2);
    arena_close(&counts_arena);
}

/* The session is about to connect, and the answers about the host's records are bogus. */
static enum session_tls_answer ask_in_vain(struct session *session)
{
    static struct test_packet packet;
    struct dns *dns = scene.shard->resolver.dns;
    enum session_tls_answer answer;
    struct dns_packet query;

    session->dane = TLS_POLICY_DANE_UNASKED;
    session->tls_tried = false;
    session->peer.port = 25;
    while ((answer = session_tls_records(scene.shard, session, SESSION_WAITER | 1)) ==
           SESSION_TLS_ASKS) {
        while (dns_output(dns, &query)) {
            test_packet_reply(&packet, query.bytes, 2);
            dns_input(dns, io_now_ns(scene.io), query.server_index, test_packet_span(&packet));
        }
        pass_time(1);
        dns_expire(dns, io_now_ns(scene.io));
    }
    assert_int_equal(session->dane, TLS_POLICY_DANE_FAILED);
    return answer;
}

/* A bogus answer about the host's records keeps back mail of domains whose MX records are signed,
 * and no other domain's, whichever waits first; nor is it told to another. */
static void test_bogus_for_one_domain(void **state)
{
    static const char *const first[] = {"dane.test"}, *const second[] = {"sts.test"};
    struct session *session;
    uint32_t aim;

    (void)state;
    (void)load(PLAIN_MAIL, false, first, 1);
    begin_counting();
    route_to("dane.test", 1, true);
    session = session_at("mx1");
    assert_int_equal(ask_in_vain(session), SESSION_TLS_REFUSES);
    secrecy_failed(scene.shard, session);
    assert_int_equal(settled(OUTCOME_DEFERRED), 1);
    check_counts("dane.test", TLSRPT_TLSA, 0, 1);
    check_fault("dane.test", TLS_FAULT_DNSSEC_INVALID);
    (void)load(PLAIN_MAIL, false, second, 1);
    enforce("sts.test", "mx1\n");
    route_to("sts.test", 1, false);
    assert_int_equal(pick(&aim), 0);
    assert_int_equal(aim, PROVEN);
    (void)load("From: s@example.org\nSubject: y\n\nHi\n", false, first, 1);
    route_to("dane.test", 1, true);
    session = session_at("mx1");
    assert_int_equal(ask_in_vain(session), SESSION_TLS_KNOWS);
    session->tls_tried = true;
    session->level = TLS_LEVEL_VERIFIED;
    secrecy_reached(scene.shard, session);
    assert_int_equal(session->has, PROVEN); /* not what the records would demand */
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(pick(&aim), 0);
    assert_int_equal(settled(OUTCOME_DEFERRED), 2);
    assert_true(schedule_serves(scene.shard->schedule, scene.site, PROVEN));
    assert_int_equal(schedule_unmet(scene.shard->schedule, scene.site, &session->has, 1),
                     SCHEDULE_NONE);
    check_counts("dane.test", TLSRPT_TLSA, 0, 2);
    assert_null(counted("sts.test"));
    arena_close(&counts_arena);
}

/* What was reached long ago is no reason for what goes back now. */
static void test_counted_unmet_while_it_holds(void **state)
{
    static const char *const domains[] = {"a.test"};
    struct session *session;
    uint32_t aim;

    (void)state;
    (void)load(PLAIN_MAIL, true, domains, 1);
    begin_counting();
    route_to("a.test", 1, false); /* whatever its hosts have: nobody vouches for their names */
    session = session_at("mx1");
    session->level = TLS_LEVEL_ENCRYPTED;
    session->tls_fault = TLS_FAULT_NAME;
    secrecy_reached(scene.shard, session);
    pass_time(SECRECY_KNOWN_NS / NS_PER_S);
    (void)pick(&aim);
    assert_int_equal(settled(OUTCOME_DEFERRED), 1);
    assert_null(counted("a.test"));
    (void)load("From: s@example.org\nSubject: z\n\nHi\n", true, domains, 1);
    route_to("a.test", 1, false);
    secrecy_reached(scene.shard, session);
    (void)pick(&aim);
    assert_int_equal(settled(OUTCOME_DEFERRED), 2);
    check_counts("a.test", TLSRPT_NO_POLICY, 1, 0); /* nothing demands a certificate of it */
    arena_close(&counts_arena);
}

/* One that takes some of a domain's mail and is not enough for the rest counts for both. */
static void test_counted_twice(void **state)
{
    static const char *const domains[] = {"a.test"};
    struct queue_recipient recipient = {0};
    struct session *session;
    uint32_t aim, index;

    (void)state;
    (void)load(PLAIN_MAIL, false, domains, 1);
    index = load(OPTIONAL_MAIL, false, domains, 1);
    begin_counting();
    route_to("a.test", 1, true);
    session = session_at("mx1");
    session->dane = TLS_POLICY_DANE_USABLE;
    session->level = TLS_LEVEL_ENCRYPTED;
    session->tls_fault = TLS_FAULT_TLSA_INVALID;
    secrecy_reached(scene.shard, session);
    recipient.campaign = queue_campaign(store_queue(scene.store), index);
    recipient.domain = domain_of("a.test");
    for (uint32_t i = 0; i < 3; i++)
        tls_counting_mail(scene.shard, session, &recipient);
    check_counts("a.test", TLSRPT_TLSA, 0, 1);
    for (uint32_t i = 0; i < 4; i++)
        (void)pick(&aim);
    assert_int_equal(settled(OUTCOME_DEFERRED), 1);
    check_counts("a.test", TLSRPT_TLSA, 0, 2);
    arena_close(&counts_arena);
}

/* A session that takes mail of several domains by turns counts once for each. */
static void test_counted_by_turns(void **state)
{
    static const char *const domains[] = {"a.test", "b.test", "c.test"};
    uint32_t index = load(PLAIN_MAIL, false, domains, 3);
    struct queue_recipient recipient = {.campaign =
                                            queue_campaign(store_queue(scene.store), index)};
    struct session *session;

    (void)state;
    begin_counting();
    for (size_t d = 0; d < ARRAY_LEN(domains); d++)
        route_to(domains[d], 1, true);
    for (uint32_t sessions = 1; sessions <= 2; sessions++) {
        session = session_at("mx1");
        session->level = TLS_LEVEL_VERIFIED;
        session->dane = TLS_POLICY_DANE_USABLE;
        secrecy_reached(scene.shard, session);
        for (uint32_t i = 0; i < 30; i++) {
            recipient.domain = domain_of(domains[i % ARRAY_LEN(domains)]);
            tls_counting_mail(scene.shard, session, &recipient);
        }
        for (size_t d = 0; d < ARRAY_LEN(domains); d++)
            check_counts(domains[d], TLSRPT_TLSA, sessions, 0);
    }
    arena_close(&counts_arena);
}

int main(void)
{
#define SCENE(test) cmocka_unit_test_setup_teardown(test, open_scene, close_scene)
    const struct CMUnitTest tests[] = {
        SCENE(test_needs),
        SCENE(test_limit),
        SCENE(test_reached),
        SCENE(test_reached_in_doubt),
        SCENE(test_failed),
        SCENE(test_pick),
        SCENE(test_aim_of_lifted_mail),
        SCENE(test_aim_behind_hopeless_mail),
        SCENE(test_tried_again),
        SCENE(test_unnamed),
        SCENE(test_required_and_refused),
        SCENE(test_unvouched),
        SCENE(test_policy_that_ends),
        SCENE(test_policy_out_of_date),
        SCENE(test_policy_behind_an_old_route),
        SCENE(test_resolvers_that_differ),
        SCENE(test_useless),
        SCENE(test_counted_policies),
        SCENE(test_counted_unusable),
        SCENE(test_counted_unmet),
        SCENE(test_bogus_for_one_domain),
        SCENE(test_counted_unmet_while_it_holds),
        SCENE(test_counted_twice),
        SCENE(test_counted_by_turns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
