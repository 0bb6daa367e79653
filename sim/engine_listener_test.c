/* Mail that comes back, over a network and onto a disk that fail: servers that deliver until they
 * are answered, others that break off, dribble, talk nonsense or never read; power cuts, kills,
 * full disks. What was answered with 250 counts in every later life, once; what was not comes again
 * and counts once; nobody is suppressed whom no valid tag and no three reports of different days
 * name. A failing case prints its seed. */
#include <stdio.h>

#include "engine/listener.h"
#include "engine/tag.h"
#include "sim/bounce_peer.h"
#include "sim/sim_world.h"
#include "tests/queue_world.h"

#define PEOPLE 10 /* of our campaign: u0@d0.example ... */
#define LISTED 6  /* of somebody's list: s0@example.com ... */
#define FEW 5     /* of them, the one with two reports in all */
#define PEERS 7   /* the last two only pretend */
#define HONEST 5
#define LIVES 4
#define DAY_NS (UINT64_C(86400) * NS_PER_S)
#define WALL_NS (UINT64_C(1795262400) * NS_PER_S) /* of the first day */
#define TURNS_MAX 400000
#define ADDRESSES_MAX 200

enum fact_kind {
    FACT_DEAD,   /* proven; suppresses */
    FACT_FULL,   /* proven; counts */
    FACT_FORGED, /* to a return path whose tag is forged: no recipient here */
    FACT_HIDDEN, /* a forged tag in a complaint: taken, and nothing follows */
    FACT_LISTED  /* of a list */
};

struct fact {
    enum fact_kind kind;
    uint32_t who;
    uint64_t sent_days; /* bits, from the first day */
    uint64_t accepted_days;
};

static const struct ip_port here = {.ip = {.family = IP_V4, .bytes = {198, 51, 100, 10}},
                                    .port = 25};
static struct fact facts[PEERS * BOUNCE_PEER_REPORTS_MAX];
static uint32_t facts_count;
static struct bounce_peer peers[PEERS];
static struct policy policy;
static struct verp_keys keys, wrong_keys;
static const struct classifier *classifier;
static struct arena rules_arena;

static struct io *io;
static struct arena arena;
static struct hygiene_store *hygiene;
static struct listener listener;
static uint32_t day; /* of the world, from 0 */
static uint32_t lists_added[LISTED];

/* What all cases together have seen: else they check nothing. */
static struct {
    uint64_t lives, accepted, later, refused, repeated, unanswered, full_disks;
} seen;

/* --- the reports --- */

static uint64_t wall_s(void)
{
    return (WALL_NS + sim_world_now_ns() + day * DAY_NS) / NS_PER_S;
}

static char *write_report(const char *to, const char *about, const char *status, uint32_t number)
{
    char buffer[2048];
    int size = snprintf(
        buffer, sizeof(buffer),
        "From: MAILER-DAEMON@mx.example\r\nTo: %s\r\nMessage-ID: <%u@mx.example>\r\n"
        "Subject: Undelivered Mail Returned to Sender\r\nAuto-Submitted: auto-replied\r\n"
        "MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; "
        "boundary=\"b\"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nnot delivered\r\n\r\n--b\r\n"
        "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n"
        "Final-Recipient: rfc822;%s\r\nAction: failed\r\nStatus: %s\r\n"
        "Diagnostic-Code: smtp; 550 %s as it is\r\n\r\n--b--\r\n",
        to, number, about, status, status);

    assert_true(size > 0 && (size_t)size < sizeof(buffer));
    return strdup(buffer);
}

static char *write_complaint(const char *tag, uint32_t number)
{
    char buffer[2048];
    int size = snprintf(
        buffer, sizeof(buffer),
        "From: fbl@provider.example\r\nTo: fbl@ringel.example\r\nMessage-ID: <%u@p.example>\r\n"
        "MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=feedback-report; "
        "boundary=\"b\"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nabuse\r\n\r\n--b\r\n"
        "Content-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nUser-Agent: x/1\r\n"
        "Version: 1\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nReturn-Path: <%s>\r\n"
        "From: news@example.com\r\nSubject: news\r\n\r\nbody\r\n\r\n--b--\r\n",
        number, tag);

    assert_true(size > 0 && (size_t)size < sizeof(buffer));
    return strdup(buffer);
}

static void write_address(uint32_t who, char into[32])
{
    (void)snprintf(into, 32, "u%u@d%u.example", who, who % 2);
}

static void write_path(const struct verp_keys *with, uint32_t who, char *into, size_t size)
{
    const struct identity identity = {7, who};
    struct text text;

    text_init(&text, into, size);
    verp_write(&text, with, &identity, (uint16_t)(wall_s() / 86400), SPAN("bounces.example"));
    (void)text_cstr_end(&text);
}

static void add(struct prng *prng, enum fact_kind kind, uint32_t who)
{
    struct bounce_peer *peer = &peers[prng_below(prng, HONEST)];
    struct fact *fact = &facts[facts_count];
    char to[128], address[32], list[128];
    char *text;

    if (peer->reports_count == BOUNCE_PEER_REPORTS_MAX)
        return;
    *fact = (struct fact){.kind = kind, .who = who};
    write_address(who, address);
    write_path(kind == FACT_FORGED || kind == FACT_HIDDEN ? &wrong_keys : &keys, who, to,
               sizeof(to));
    if (kind == FACT_LISTED) {
        (void)snprintf(address, sizeof(address), "s%u@example.com", who);
        (void)snprintf(list, sizeof(list), "team-bounces+s%u=example.com@lists.example", who);
        memcpy(to, list, sizeof(to));
        lists_added[who]++;
    }
    if (kind == FACT_HIDDEN) {
        text = write_complaint(to, facts_count);
        (void)snprintf(to, sizeof(to), "fbl@ringel.example");
    } else {
        text = write_report(to, address, kind == FACT_FULL ? "5.2.2" : "5.1.1", facts_count);
    }
    bounce_peer_add(peer, to, text)->user = fact;
    facts_count++;
}

static void on_sent(void *owner, struct bounce_report *report)
{
    struct fact *fact = report->user;

    (void)owner;
    seen.repeated += fact->sent_days != 0;
    fact->sent_days |= UINT64_C(1) << day;
}

static void on_answered(void *owner, struct bounce_report *report, uint32_t code)
{
    struct fact *fact = report->user;

    (void)owner;
    seen.later += code / 100 == 4;
    seen.refused += code / 100 == 5;
    if (code / 100 == 5 && fact->kind != FACT_FORGED)
        fail_msg("%s is answered %u", report->to, code);
    if (code / 100 != 2)
        return;
    assert_int_equal(code, 250);
    assert_true(fact->kind != FACT_FORGED);
    assert_true((fact->sent_days & (UINT64_C(1) << day)) != 0);
    fact->accepted_days |= UINT64_C(1) << day;
    seen.accepted++;
}

static const struct bounce_peer_calls calls = {on_sent, on_answered};

/* --- lives --- */

/* False: the disk does not even let it begin. */
static bool begin_life(void)
{
    struct hygiene_store_options options = {.folder = "hygiene",
                                            .durability = STORE_DURABLE,
                                            .addresses_max = ADDRESSES_MAX,
                                            .shelf_in_memory = true,
                                            .compact_bytes = (uint64_t)16 * 1024};
    struct io_options ring = {.entries = 256, .handles_max = 300, .buffers_count = 64};
    struct listener_options listening = {
        .policy = &policy, .keys = &keys, .queue = world.queue, .classifier = classifier};
    char message[512];
    struct text error;

    text_init(&error, message, sizeof(message));
    assert_int_equal(io_open(&io, &ring, &error), 0);
    assert_int_equal(arena_open(&arena, hygiene_store_cost(&options)), 0);
    if (hygiene_store_open(&hygiene, io, &arena, &options, &error) < 0)
        return false;
    listening.io = io;
    listening.hygiene = hygiene;
    assert_int_equal(listener_open(&listener, &listening, &error), 0);
    listener_begin(&listener);
    seen.lives++;
    return true;
}

static void end_life(void)
{
    listener_close(&listener);
    memset(&listener, 0, sizeof(listener));
    io_close(io);
    arena_close(&arena);
}

static void turn(void)
{
    struct io_event events[16];
    uint64_t deadline_ns;
    uint32_t count;

    listener_turn(&listener);
    hygiene_store_turn(hygiene, NULL, false);
    deadline_ns = min_u64(hygiene_store_deadline_ns(hygiene), listener_deadline_ns(&listener));
    count = io_wait(io, min_u64(deadline_ns, io_now_ns(io) + 50 * NS_PER_MS), events,
                    ARRAY_LEN(events));
    for (uint32_t i = 0; i < count; i++) {
        if (tag_op_of(events[i].tag) == TAG_HYGIENE_LOG)
            hygiene_store_event(hygiene, &events[i]);
        else
            listener_event(&listener, &events[i]);
    }
    assert_int_equal(listener.error, 0);
}

static void live(uint64_t duration_ns)
{
    uint64_t until_ns = sim_world_now_ns() + duration_ns;

    for (uint32_t i = 0; !sim_world_is_cut() && sim_world_now_ns() < until_ns; i++) {
        assert_true(i < TURNS_MAX);
        turn();
    }
}

/* --- what must hold --- */

static bool is_suppressed(const char *address, const char *stream)
{
    const struct hygiene_target target = {.key = span_cstr(address), .stream = span_cstr(stream)};

    return hygiene_suppresses(hygiene_store_tables(hygiene), &target, wall_s());
}

/* Of facts of this kind about this person: how many were sent whole, and the days on which some
 * were taken that were never sent on another day. */
static uint32_t look(enum fact_kind kind, uint32_t who, uint64_t *ret_days)
{
    uint32_t sent = 0;

    *ret_days = 0;
    for (uint32_t i = 0; i < facts_count; i++) {
        const struct fact *fact = &facts[i];

        if (fact->kind != kind || fact->who != who)
            continue;
        sent += fact->sent_days != 0;
        if (fact->accepted_days != 0 && fact->sent_days == fact->accepted_days)
            *ret_days |= fact->accepted_days;
    }
    return sent;
}

static bool was_accepted(enum fact_kind kind, uint32_t who)
{
    for (uint32_t i = 0; i < facts_count; i++)
        if (facts[i].kind == kind && facts[i].who == who && facts[i].accepted_days != 0)
            return true;
    return false;
}

static void check_people(void)
{
    struct hygiene *tables = hygiene_store_tables(hygiene);
    char address[32];
    uint64_t days;

    for (uint32_t who = 0; who < PEOPLE; who++) {
        struct hygiene_score score = {0};
        uint32_t full = look(FACT_FULL, who, &days);
        bool counted;

        write_address(who, address);
        counted = hygiene_score_of(tables, span_cstr(address), &score) == 0;
        if (was_accepted(FACT_DEAD, who) && !is_suppressed(address, ""))
            fail_msg("%s was answered 250 and is not suppressed", address);
        if (is_suppressed(address, "") && look(FACT_DEAD, who, &days) == 0)
            fail_msg("%s is suppressed without a proof", address);
        if (was_accepted(FACT_FULL, who) && !counted)
            fail_msg("%s was answered 250 and does not count", address);
        if (counted && (full == 0 || score.history_count != 1))
            fail_msg("%s counts %u times for %u reports of one tag", address, score.history_count,
                     full);
    }
}

static void check_lists(void)
{
    char address[32];
    uint64_t days;

    for (uint32_t who = 0; who < LISTED; who++) {
        uint32_t sent = look(FACT_LISTED, who, &days);
        bool suppressed;

        (void)snprintf(address, sizeof(address), "s%u@example.com", who);
        suppressed = is_suppressed(address, "team@lists.example");
        if (suppressed && sent < 3)
            fail_msg("%s is suppressed after %u reports", address, sent);
        if (!suppressed && __builtin_popcountll(days) >= 3)
            fail_msg("%s is not suppressed after days %lx", address, (unsigned long)days);
        assert_false(is_suppressed(address, "")); /* the list's, and nobody else's */
    }
}

static void check(void)
{
    check_people();
    check_lists();
    for (uint32_t i = 0; i < facts_count; i++)
        seen.unanswered += facts[i].sent_days != 0 && facts[i].accepted_days == 0;
}

/* --- a case --- */

static void add_everything(struct prng *prng)
{
    for (uint32_t who = 0; who < 4; who++)
        for (uint64_t n = 1 + prng_below(prng, 2); n > 0; n--)
            add(prng, FACT_DEAD, who);
    for (uint32_t who = 4; who < 6; who++)
        for (uint64_t n = 1 + prng_below(prng, 2); n > 0; n--)
            add(prng, FACT_FULL, who);
    for (uint32_t who = 6; who < 8; who++)
        add(prng, FACT_FORGED, who);
    add(prng, FACT_HIDDEN, 8);
}

static void add_for_lists(struct prng *prng, uint32_t percent)
{
    for (uint32_t who = 0; who < LISTED; who++)
        if (prng_percent(prng, percent) && (who != FEW || lists_added[who] < 2))
            add(prng, FACT_LISTED, who);
}

static void next_day(void)
{
    sim_world_shift_wall((int64_t)DAY_NS);
    day++;
}

static void open_peers(uint64_t seed, struct prng *prng)
{
    for (uint32_t i = 0; i < PEERS; i++) {
        struct bounce_peer *peer = &peers[i];

        bounce_peer_open(peer, sim_world_net(), seed * 100 + i, &calls, NULL);
        peer->from = (struct ip_port){
            .ip = {.family = IP_V4, .bytes = {203, 0, 113, (uint8_t)(1 + i)}}, .port = 30000};
        peer->to = here;
        peer->manner = i < HONEST ? (enum bounce_manner)prng_below(prng, BOUNCE_RUBBISH)
                                  : (enum bounce_manner)(BOUNCE_RUBBISH + i - HONEST);
    }
}

static void live_with_peers(struct prng *prng, bool full)
{
    for (uint32_t i = 0; i < PEERS; i++)
        bounce_peer_start(&peers[i]);
    live((1 + prng_below(prng, 5)) * NS_PER_S);
    if (full) {
        sim_world_disk_options()->capacity = 1;
        seen.full_disks++;
    }
    live((1 + prng_below(prng, 8)) * NS_PER_S);
    sim_world_disk_options()->capacity = 0;
    live((1 + prng_below(prng, 8)) * NS_PER_S);
}

static void one_life(struct prng *prng)
{
    bool power = prng_percent(prng, 60), full = prng_percent(prng, 25);
    jmp_buf jump;

    sim_world_cut_after(prng_percent(prng, 70) ? 20 + prng_below(prng, 600) : 3000);
    sim_world_cut_jump(&jump);
    if (prng_percent(prng, 30))
        sim_world_disk_options()->write_failure_permille = 20;
    if (prng_percent(prng, 20))
        sim_world_disk_options()->sync_failure_permille = 20;
    if (setjmp(jump) == 0 && begin_life()) {
        check();
        live_with_peers(prng, full);
    }
    sim_world_cut_jump(NULL);
    sim_world_disk_options()->capacity = 0;
    sim_world_disk_options()->write_failure_permille = 0;
    sim_world_disk_options()->sync_failure_permille = 0;
    for (uint32_t i = 0; i < PEERS; i++)
        bounce_peer_stop(&peers[i]);
    if (power)
        sim_world_power_loss();
    else
        sim_world_kill();
    sim_world_cut_after(0);
    end_life();
}

static void deliver_all(void)
{
    uint32_t open = 1;

    for (uint32_t i = 0; i < HONEST; i++)
        bounce_peer_start(&peers[i]);
    for (uint32_t seconds = 0; open > 0; seconds++) {
        if (seconds > 600)
            fail_msg("%u reports are not answered", open);
        live(NS_PER_S);
        open = 0;
        for (uint32_t i = 0; i < HONEST; i++)
            open += bounce_peer_open_count(&peers[i]);
    }
    for (uint32_t i = 0; i < HONEST; i++)
        bounce_peer_stop(&peers[i]);
    live(NS_PER_S);
}

/* Nothing fails any more: everything is delivered, and exactly the dead are suppressed. */
static void drain(struct prng *prng)
{
    char address[32];

    net_sim_heal(sim_world_net());
    assert_true(begin_life());
    deliver_all();
    check();
    for (uint32_t i = 0; i < 4; i++) {
        next_day();
        add_for_lists(prng, 100);
        deliver_all();
        check();
    }
    for (uint32_t who = 0; who < PEOPLE; who++) {
        write_address(who, address);
        assert_int_equal(is_suppressed(address, ""), who < 4);
    }
    for (uint32_t who = 0; who < LISTED; who++) {
        (void)snprintf(address, sizeof(address), "s%u@example.com", who);
        assert_int_equal(is_suppressed(address, "team@lists.example"), who != FEW);
    }
    listener_stop(&listener);
    for (uint32_t i = 0; !listener_stopped(&listener); i++) {
        assert_true(i < TURNS_MAX);
        turn();
    }
    assert_int_equal(listener.receptions.claimed_count, 0);
    assert_int_equal(listener.contents_count, LISTENER_CONTENTS_MAX);
    assert_int_equal(hygiene_store_close(hygiene), 0);
    end_life();
}

static void one_case(uint64_t seed)
{
    struct sim_world_options options = {
        .delay = {.file_max_ns = NS_PER_MS,
                  .sync_min_ns = NS_PER_MS,
                  .sync_max_ns = 20 * NS_PER_MS,
                  .sync_slow_percent = 3},
        .wall_ns = WALL_NS,
        .net = {.latency_max_ns = 20 * NS_PER_MS, .jitter_max_ns = NS_PER_MS}};
    struct prng prng;

    prng_seed(&prng, seed);
    options.disk.write_back_percent = (uint32_t)prng_below(&prng, 60);
    options.net.chop_percent = (uint32_t)prng_below(&prng, 50);
    options.net.reset_permille = (uint32_t)prng_below(&prng, 300);
    options.net.silence_permille = (uint32_t)prng_below(&prng, 100);
    options.net.window = prng_percent(&prng, 20) ? 600 : 0;
    facts_count = day = 0;
    memset(lists_added, 0, sizeof(lists_added));
    sim_world_open(seed, &options);
    open_peers(seed, &prng);
    add_everything(&prng);
    for (uint32_t life = 0; life < LIVES; life++) {
        add_for_lists(&prng, 80);
        one_life(&prng);
        if (prng_percent(&prng, 60))
            next_day();
    }
    drain(&prng);
    for (uint32_t i = 0; i < PEERS; i++)
        bounce_peer_close(&peers[i]);
    sim_world_close();
}

static uint64_t print_seed;

static void print_failure(void)
{
    if (print_seed != 0)
        printf("engine_listener: failed with seed %lu\n", (unsigned long)print_seed);
}

static void configure(void)
{
    static const char yaml[] = "return_path: {domain: bounces.example, key_file: x}\n"
                               "bounces:\n"
                               "  listen: [\"198.51.100.10:25\"]\n"
                               "  complaints_to: fbl@ringel.example\n"
                               "  timeout: 20s\n"
                               "  foreign_verp:\n"
                               "  - {pattern: \"{list}-bounces+{local}={domain}@lists.example\"}\n";
    static const uint8_t secret[VERP_KEY_SIZE] = {1, 2, 3}, other[VERP_KEY_SIZE] = {4, 5, 6};
    const struct rules *rules = rules_builtin();
    char message[512];
    struct text error;

    text_init(&error, message, sizeof(message));
    policy_init(&policy);
    assert_int_equal(policy_read(&policy, span_cstr(yaml), "r.yaml", &error), 0);
    assert_int_equal(policy_complete(&policy, SPAN("mx.ringel.example"), SPAN(""), &error), 0);
    assert_int_equal(verp_add_key(&keys, 0, secret), 0);
    assert_int_equal(verp_add_key(&wrong_keys, 0, other), 0);
    assert_int_equal(arena_open(&rules_arena, classify_memory(rules)), 0);
    classifier = classify_open(&rules_arena, rules);
}

static void test_lives(void **state)
{
    const char *given = getenv("CRASH_STATES"), *only = getenv("SEED");
    static const uint64_t kept[] = {1222}; /* a sync failed, and the power */
    uint64_t first = only != NULL ? strtoul(only, NULL, 10) : 1;
    uint64_t last = only != NULL ? first : given != NULL ? strtoul(given, NULL, 10) : 60;

    (void)state;
    memset(&seen, 0, sizeof(seen));
    for (uint64_t seed = first; seed <= last; seed++) {
        print_seed = seed;
        one_case(seed);
    }
    for (size_t i = 0; only == NULL && i < ARRAY_LEN(kept); i++) {
        print_seed = kept[i];
        one_case(kept[i]);
    }
    print_seed = 0;
    printf("%lu lives: %lu accepted, %lu later, %lu refused, %lu sent again, %lu unanswered, %lu "
           "full disks\n",
           (unsigned long)seen.lives, (unsigned long)seen.accepted, (unsigned long)seen.later,
           (unsigned long)seen.refused, (unsigned long)seen.repeated,
           (unsigned long)seen.unanswered, (unsigned long)seen.full_disks);
    if (only == NULL) { /* else it checks nothing */
        assert_true(seen.accepted > last * 20);
        assert_true(seen.refused > last);
        assert_true(seen.repeated > last);
        assert_true(seen.unanswered > last / 3);
        assert_true(seen.full_disks > last / 2);
        assert_true(last < 50 ||
                    seen.later > last / 10); /* a full disk must be hit at the right time */
    }
}

/* An address that an entry has already is no reason to think that somebody else listens there. */
static void test_addresses_that_meet(void **state)
{
    static const struct {
        const char *entry;
        bool shares;
    } entries[] = {
        {"192.0.2.1:25", false}, {"192.0.2.1:26", false},    {"192.0.2.2:25", false},
        {"192.0.2.1:25", true},  {"[::]:25", false},         {"0.0.0.0:25", true},
        {"0.0.0.0:27", false},   {"[2001:db8::1]:25", true},
    };
    static struct policy listening;

    (void)state;
    static_assert(ARRAY_LEN(entries) <= POLICY_LISTEN_MAX, "in one configuration");
    for (uint32_t i = 0; i < ARRAY_LEN(entries); i++) {
        assert_true(ip_parse_port(span_cstr(entries[i].entry), 0, &listening.bounces_addresses[i]));
        assert_int_equal(listener_shares(&listening, i), entries[i].shares);
    }
}

/* 451 while the disk is full, 250 when it is not, and then it is there. */
static void test_full_disk(void **state)
{
    struct prng prng;
    char address[32];

    (void)state;
    prng_seed(&prng, 1);
    facts_count = day = 0;
    sim_world_open(1, &(struct sim_world_options){.wall_ns = WALL_NS});
    open_peers(1, &prng);
    for (uint32_t who = 0; who < 4; who++)
        add(&prng, FACT_DEAD, who);
    memset(&seen, 0, sizeof(seen));
    sim_world_disk_options()->capacity = 1;
    assert_true(begin_life());
    for (uint32_t i = 0; i < HONEST; i++)
        bounce_peer_start(&peers[i]);
    live(20 * NS_PER_S);
    assert_int_equal(seen.accepted, 0);
    assert_true(seen.later > 4);
    assert_true(listener.counts.decisions[INTAKE_LATER] > 0);
    sim_world_disk_options()->capacity = 0;
    live(60 * NS_PER_S);
    assert_int_equal(seen.accepted, 4);
    sim_world_power_loss();
    end_life();
    assert_true(begin_life());
    for (uint32_t who = 0; who < PEOPLE; who++) {
        write_address(who, address);
        assert_int_equal(is_suppressed(address, ""), who < 4);
    }
    for (uint32_t i = 0; i < PEERS; i++)
        bounce_peer_close(&peers[i]);
    sim_world_kill();
    end_life();
    sim_world_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_that_meet), cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_lives), /* last: a case that fails leaves its world open */
    };
    int result;

    (void)atexit(print_failure);
    configure();
    start(PEOPLE, &plain_limits);
    result = cmocka_run_group_tests(tests, NULL, NULL);
    (void)close_queue(NULL);
    arena_close(&rules_arena);
    return result;
}
