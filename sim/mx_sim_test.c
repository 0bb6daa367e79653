/* mx_sim and oracle, driven by a small client of its own over io.h. */
#include "sim/mx_sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "io/io.h"
#include "sim/sim_world.h"

#define BODY "Hello a,\r\n.leading dot\r\n\r\nbye\r\n"
#define CONTENT                                                                                    \
    "From: <s@x.test>\r\nMessage-ID: <1@x.test>\r\n\r\nHello a,\r\n..leading dot\r\n\r\nbye\r\n"

struct fixture {
    struct zones zones;
    struct oracle oracle;
    struct mx_sim mx;
    struct io *io;
    int socket;
    uint32_t a;
    uint32_t b;
    bool receiving;
    bool closed;
    char said[8192];
    size_t said_size;
    char problems[2000];
};

static const struct ip mail_server = {IP_V4, {11, 0, 0, 1}};

static void on_event(struct fixture *fixture, const struct io_event *event)
{
    if ((event->flags & IO_EVENT_BUFFER) != 0) {
        struct span bytes = io_buffer(fixture->io, event);

        CHECK(fixture->said_size + bytes.size < sizeof(fixture->said));
        memcpy(fixture->said + fixture->said_size, bytes.data, bytes.size);
        fixture->said_size += bytes.size;
        io_buffer_return(fixture->io, event);
    } else if (event->tag == 3) {
        fixture->closed = true;
    }
}

static void wait_ns(struct fixture *fixture, uint64_t duration_ns)
{
    uint64_t until_ns = io_now_ns(fixture->io) + duration_ns;
    struct io_event event;

    while (io_now_ns(fixture->io) < until_ns) {
        if (io_wait(fixture->io, until_ns, &event, 1) == 1)
            on_event(fixture, &event);
    }
}

static int32_t run(struct fixture *fixture, uint64_t tag)
{
    struct io_event event;

    for (;;) {
        if (io_wait(fixture->io, UINT64_MAX, &event, 1) == 0) {
            assert_false(sim_world_is_stuck());
            continue;
        }
        on_event(fixture, &event);
        if (event.tag == tag)
            return event.result;
    }
}

static void dial(struct fixture *fixture)
{
    struct io_address to = {.ip = {mail_server, 25}};

    io_socket(fixture->io, 1, &(struct io_socket_options){.kind = IO_TCP, .family = IP_V4});
    fixture->socket = run(fixture, 1);
    assert_true(fixture->socket >= 0);
    io_connect(fixture->io, 2, fixture->socket, &to);
    assert_int_equal(run(fixture, 2), 0);
    io_recv(fixture->io, 3, fixture->socket);
    fixture->closed = false;
    fixture->said_size = 0;
}

static void say(struct fixture *fixture, const char *bytes)
{
    struct span part = span_cstr(bytes);

    io_send(fixture->io, 4, fixture->socket, &part, 1);
    assert_int_equal(run(fixture, 4), part.size);
}

/* Everything that came since the last call, after a while. */
static const char *hear(struct fixture *fixture)
{
    static char heard[8192];

    wait_ns(fixture, NS_PER_S);
    memcpy(heard, fixture->said, fixture->said_size);
    heard[fixture->said_size] = 0;
    fixture->said_size = 0;
    return heard;
}

static void set_up(struct fixture *fixture, const struct mx_persona *persona)
{
    struct text problems;
    uint32_t zone;

    memset(fixture, 0, sizeof(*fixture));
    sim_world_open(1, NULL);
    text_init(&problems, fixture->problems, sizeof(fixture->problems) - 1);
    zones_open_empty(&fixture->zones);
    zone = zones_add(&fixture->zones, "x.test", ZONE_MX);
    zones_add_mx(&fixture->zones, zone, 10,
                 zones_add_host(&fixture->zones, "mx.x.test", &mail_server, NULL));
    oracle_open(&fixture->oracle, &fixture->zones, problems);
    fixture->oracle.sender = "s@x.test";
    assert_int_equal(oracle_add_campaign(&fixture->oracle, "c"), 0);
    fixture->a = oracle_add(&fixture->oracle, 0, "a@x.test", zone,
                            oracle_hash(ORACLE_HASH_START, SPAN(BODY)));
    fixture->b = oracle_add(&fixture->oracle, 0, "b@x.test", zone,
                            oracle_hash(ORACLE_HASH_START, SPAN(BODY)));
    oracle_acknowledge(&fixture->oracle, 0, 77);
    mx_sim_open(&fixture->mx, sim_world_net(), &fixture->oracle, 5);
    mx_sim_add(&fixture->mx, &mail_server, 25, persona);
    assert_int_equal(io_open(&fixture->io, &(struct io_options){0}, NULL), 0);
    dial(fixture);
}

static void tear_down(struct fixture *fixture, uint64_t problems)
{
    if (fixture->oracle.problems_count != problems)
        print_error("%s", text_cstr_end(&fixture->oracle.problems));
    assert_int_equal(fixture->oracle.problems_count, problems);
    mx_sim_close(&fixture->mx);
    oracle_close(&fixture->oracle);
    zones_close(&fixture->zones);
    sim_world_close();
}

static void event_of(struct fixture *fixture, uint32_t ordinal, enum outcome_kind kind,
                     enum outcome_stage stage, uint16_t code)
{
    struct attempt_event event = {.identity = {.campaign = 77, .ordinal = ordinal}};

    event.attempt.outcome = (struct outcome){.kind = kind, .stage = stage};
    event.attempt.outcome.reply.code = code;
    oracle_event(&fixture->oracle, &event);
}

static const struct mx_persona polite = {.pipelining = true, .enhanced = true};

static void test_a_message(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, &polite);
    assert_string_equal(hear(&f), "220 mx.test ESMTP\r\n");
    say(&f, "EHLO me\r\n");
    assert_string_equal(hear(&f), "250-mx.test\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n"
                                  "250 HELP\r\n");
    say(&f, "MAIL FROM:<s@x.test>\r\nRCPT TO:<a@x.test>\r\nDATA\r\n");
    assert_string_equal(hear(&f), "250 2.1.0 sender ok\r\n250 2.1.5 recipient ok\r\n"
                                  "354 go on, end with a dot\r\n");
    say(&f, CONTENT ".\r\nMAIL FROM:<s@x.test>\r\nRCPT TO:<b@x.test>\r\nDATA\r\n");
    assert_string_equal(hear(&f), "250 2.0.0 queued\r\n250 2.1.0 sender ok\r\n"
                                  "250 2.1.5 recipient ok\r\n354 go on, end with a dot\r\n");
    say(&f, CONTENT ".\r\nQUIT\r\n");
    assert_string_equal(hear(&f), "250 2.0.0 queued\r\n221 2.0.0 bye\r\n");
    assert_true(f.closed);
    assert_int_equal(f.oracle.accepted_count, 2);
    event_of(&f, 0, OUTCOME_DELIVERED, STAGE_DOT, 250);
    event_of(&f, 1, OUTCOME_DELIVERED, STAGE_DOT, 250);
    oracle_finish(&f.oracle, true);
    tear_down(&f, 0);
}

static void test_client_faults_are_seen(void **state)
{
    static const struct {
        const char *label;
        const char *says;
        bool pipelining;
    } cases[] = {
        {"pipelining not offered", "EHLO me\r\nMAIL FROM:<s@x.test>\r\n", true},
        {"bare LF", "EHLO me\n", true},
        {"no command", "HULLO\r\n", true},
        {"MAIL first", "MAIL FROM:<s@x.test>\r\n", true},
        {"stranger", "HELO me\r\n|RCPT TO:<z@x.test>\r\n", true},
        {"nested", "EHLO me\r\n|MAIL FROM:<>\r\nMAIL FROM:<>\r\n", true},
        {"parameter", "EHLO me\r\n|MAIL FROM:<> SIZE=1\r\n", true},
        {"early content", "EHLO me\r\n|MAIL FROM:<s@x.test>\r\nRCPT TO:<a@x.test>\r\nDATA\r\nHi",
         true},
        {"group", "EHLO me\r\n|MAIL FROM:<s@x.test>\r\nRCPT TO:<a@x.test>\r\n", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct mx_persona persona = {.pipelining = cases[i].pipelining};
        struct fixture f;
        struct span rest = span_cstr(cases[i].says);

        set_up(&f, &persona);
        (void)hear(&f);
        while (rest.size > 0) {
            struct span part = span_split(&rest, '|');
            char bytes[256];

            memcpy(bytes, part.data, part.size);
            bytes[part.size] = 0;
            say(&f, bytes);
            (void)hear(&f);
        }
        if (f.oracle.problems_count != 1)
            print_error("%s\n", cases[i].label);
        tear_down(&f, 1);
    }
}

/* Says a whole session to a server without pipelining; returns all that was heard. */
static const char *session(struct fixture *f, const char *content)
{
    static char all[8192];
    static const char *const commands[] = {"EHLO me\r\n", "MAIL FROM:<s@x.test>\r\n",
                                           "RCPT TO:<a@x.test>\r\n", "DATA\r\n"};

    memcpy(all, hear(f), strlen(hear(f)) + 1);
    all[0] = 0;
    for (size_t i = 0; i < ARRAY_LEN(commands) && !f->closed; i++) {
        say(f, commands[i]);
        strncat(all, hear(f), sizeof(all) - strlen(all) - 1);
    }
    if (!f->closed && strstr(all, "354") != NULL) {
        say(f, content);
        strncat(all, hear(f), sizeof(all) - strlen(all) - 1);
    }
    return all;
}

static void test_content_is_checked(void **state)
{
    static const char *const contents[] = {
        "Message-ID: <1@x>\r\n\r\nanother body\r\n.\r\n",
        "Message-ID: <1@x>\r\n\r\n" BODY "\r\n.\r\n",
        "No-Id: 1\r\n\r\nHello a,\r\n..leading dot\r\n\r\nbye\r\n.\r\n",
        "Message-ID: <1@x>\n\r\nHello a,\r\n..leading dot\r\n\r\nbye\r\n.\r\n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(contents); i++) {
        struct fixture f;

        set_up(&f, &(struct mx_persona){0});
        assert_non_null(strstr(session(&f, contents[i]), "250 queued"));
        assert_true(f.oracle.problems_count > 0);
        tear_down(&f, f.oracle.problems_count);
    }
}

static void test_personas(void **state)
{
    static const struct {
        struct mx_persona persona;
        const char *heard;
        uint32_t accepted;
        bool closed;
    } cases[] = {
        {{.helo_only = true}, "502", 0, false},
        {{.close_command = 3}, "421", 0, true},
        {{.tempfail_permille = {1000}}, "451", 0, false},
        {{.permfail_permille = {0, 1000}}, "550", 0, false},
        {{.permfail_permille = {0, 0, 1000}}, "554", 0, false},
        {{.tempfail_permille = {0, 0, 0, 1000}}, "451 content", 0, false},
        {{.lose_permille = 1000}, "354", 0, true},
        {{.unanswered_permille = 1000}, "354", 1, true},
        {{.drop_permille = 1000}, "", 0, true},
        {{.refuse_recipient = 1}, "452", 0, false},
        {{.greylist_ns = NS_PER_S * 300}, "450", 0, false},
        {{.byte_ns = NS_PER_MS}, "250 queued\r\n", 1, false},
        {{.bare_lf = true}, "250 queued\n", 1, false},
        {{.stall_ns = NS_PER_S / 2}, "250 queued", 1, false},
        {{.messages_an_hour = 0, .delay_max_ns = NS_PER_S / 2}, "250 queued", 1, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture f;

        set_up(&f, &cases[i].persona);
        if (strstr(session(&f, CONTENT ".\r\n"), cases[i].heard) == NULL)
            fail_msg("case %zu", i);
        assert_int_equal(f.oracle.accepted_count, cases[i].accepted);
        assert_int_equal(f.closed, cases[i].closed);
        /* This client goes on after a refusal, and is blamed for it. */
        tear_down(&f, cases[i].accepted == 0 ? f.oracle.problems_count : 0);
    }
}

/* What the product claims and what happened, put against each other. */
static void test_oracle_rules(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, &(struct mx_persona){0});
    assert_non_null(strstr(session(&f, CONTENT ".\r\n"), "250 queued"));
    event_of(&f, 0, OUTCOME_DELIVERED, STAGE_DOT, 250);
    oracle_finish(&f.oracle, true); /* b is lost */
    tear_down(&f, 1);

    set_up(&f, &(struct mx_persona){0});
    event_of(&f, 0, OUTCOME_DELIVERED, STAGE_DOT, 250); /* never was: rules 8 and 1 */
    event_of(&f, 1, OUTCOME_FAILED, STAGE_RCPT, 550);   /* nobody said so: rule 8 */
    oracle_finish(&f.oracle, true);
    tear_down(&f, 3);

    for (uint32_t crashed = 0; crashed < 2; crashed++) {
        set_up(&f, &(struct mx_persona){0});
        assert_non_null(strstr(session(&f, CONTENT ".\r\n"), "250 queued"));
        oracle_end_life(&f.oracle, crashed != 0);
        dial(&f);
        assert_non_null(strstr(session(&f, CONTENT ".\r\n"), "250 queued"));
        event_of(&f, 0, OUTCOME_DELIVERED, STAGE_DOT, 250);
        event_of(&f, 1, OUTCOME_DEFERRED, STAGE_CONNECT, 0);
        oracle_finish(&f.oracle, false);
        tear_down(&f, crashed != 0 ? 0 : 1); /* twice: only a crash explains it */
    }
    set_up(&f, &(struct mx_persona){0});
    oracle_missing(&f.oracle, 0);
    tear_down(&f, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_message),          cmocka_unit_test(test_client_faults_are_seen),
        cmocka_unit_test(test_content_is_checked), cmocka_unit_test(test_personas),
        cmocka_unit_test(test_oracle_rules),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
