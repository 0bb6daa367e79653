#include "schedule/site.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

static const struct site_limits limits = {.connections_max = 20};

struct scene {
    struct site site;
    struct prng prng;
    uint64_t now;
};

static void scene_init(struct scene *scene)
{
    site_init(&scene->site, SPAN("mx1.test,mx2.test"), &limits);
    prng_seed(&scene->prng, 7);
    scene->now = 1000 * NS_PER_S;
}

static enum site_change tell(struct scene *scene, enum outcome_stage stage, uint16_t code)
{
    struct reply reply = {.code = code};
    struct outcome outcome = outcome_from_reply(stage, &reply);

    return site_feedback(&scene->site, &outcome, scene->now, &scene->prng);
}

static enum site_change tell_cause(struct scene *scene, enum outcome_stage stage,
                                   enum outcome_cause cause)
{
    struct outcome outcome =
        outcome_from_cause(OUTCOME_DEFERRED, stage, cause, 0, SPAN("as the test says"));

    return site_feedback(&scene->site, &outcome, scene->now, &scene->prng);
}

static void test_back_off_doubles(void **state)
{
    struct scene scene;
    uint64_t expected = NS_PER_MINUTE;

    (void)state;
    scene_init(&scene);
    for (uint32_t i = 0; i < 12; i++) {
        uint64_t until;

        assert_int_equal(tell_cause(&scene, STAGE_CONNECT, CAUSE_CONNECT), SITE_CHANGE_BACKED_OFF);
        assert_int_equal(site_sessions_limit(&scene.site), 0);
        until = scene.site.backoff_until_ns;
        assert_in_range(until - scene.now, expected - expected / 10, expected + expected / 10);
        /* The others that fail in the same moment count once. */
        assert_int_equal(tell_cause(&scene, STAGE_GREETING, CAUSE_TIMEOUT), SITE_CHANGE_NONE);
        assert_true(scene.site.backoff_until_ns == until);
        assert_true(site_connect_ns(&scene.site, until - 1) == until);
        assert_true(site_connect_ns(&scene.site, until) == until);
        assert_int_equal(scene.site.health, SITE_PROBING);
        assert_int_equal(site_sessions_limit(&scene.site), 1);
        scene.now = until;
        expected = min_u64(expected * 2, 60 * NS_PER_MINUTE);
    }
    assert_int_equal(tell(&scene, STAGE_DOT, 250), SITE_CHANGE_CLEARED);
    assert_int_equal(scene.site.health, SITE_STEADY);
    assert_int_equal(site_sessions_limit(&scene.site), 10); /* half, to begin with */
    assert_int_equal(tell_cause(&scene, STAGE_CONNECT, CAUSE_CONNECT), SITE_CHANGE_BACKED_OFF);
    assert_in_range(scene.site.backoff_until_ns - scene.now, 54 * NS_PER_S, 66 * NS_PER_S);
}

/* What each ending says about the site. */
static void test_signs(void **state)
{
    static const struct {
        enum outcome_stage stage;
        uint16_t code; /* 0: the cause */
        enum outcome_cause cause;
        enum site_change change;
    } rows[] = {
        {STAGE_DOT, 250, CAUSE_REPLY, SITE_CHANGE_NONE},
        {STAGE_RCPT, 450, CAUSE_REPLY, SITE_CHANGE_NONE}, /* a recipient's own */
        {STAGE_RCPT, 550, CAUSE_REPLY, SITE_CHANGE_NONE},
        {STAGE_DATA, 451, CAUSE_REPLY, SITE_CHANGE_NONE},
        {STAGE_DOT, 451, CAUSE_REPLY, SITE_CHANGE_NONE},
        {STAGE_DOT, 554, CAUSE_REPLY, SITE_CHANGE_NONE},
        {STAGE_MAIL, 451, CAUSE_REPLY, SITE_CHANGE_SLOWED},
        {STAGE_MAIL, 550, CAUSE_REPLY, SITE_CHANGE_NONE},
        {STAGE_MAIL, 421, CAUSE_REPLY, SITE_CHANGE_SLOWED},
        {STAGE_RCPT, 421, CAUSE_REPLY, SITE_CHANGE_SLOWED},
        {STAGE_DOT, 421, CAUSE_REPLY, SITE_CHANGE_SLOWED},
        {STAGE_GREETING, 421, CAUSE_REPLY, SITE_CHANGE_BACKED_OFF},
        {STAGE_GREETING, 554, CAUSE_REPLY, SITE_CHANGE_BACKED_OFF},
        {STAGE_EHLO, 550, CAUSE_REPLY, SITE_CHANGE_BACKED_OFF},
        {STAGE_CONNECT, 0, CAUSE_CONNECT, SITE_CHANGE_BACKED_OFF},
        {STAGE_GREETING, 0, CAUSE_LOST, SITE_CHANGE_BACKED_OFF},
        {STAGE_EHLO, 0, CAUSE_PROTOCOL, SITE_CHANGE_BACKED_OFF},
        {STAGE_TLS, 0, CAUSE_TLS, SITE_CHANGE_BACKED_OFF},
        {STAGE_DOT, 0, CAUSE_LOST, SITE_CHANGE_NONE}, /* once */
        {STAGE_MAIL, 0, CAUSE_LOCAL_CONTENT, SITE_CHANGE_NONE},
        {STAGE_RCPT, 0, CAUSE_LOCAL_STOP, SITE_CHANGE_NONE},
        {STAGE_RESOLVE, 0, CAUSE_DNS_FAILURE, SITE_CHANGE_NONE},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scene scene;
        enum site_change change;

        scene_init(&scene);
        change = rows[i].code == 0 ? tell_cause(&scene, rows[i].stage, rows[i].cause)
                                   : tell(&scene, rows[i].stage, rows[i].code);
        if (change != rows[i].change)
            fail_msg("row %zu: %s", i, site_change_name(change));
    }
}

static enum site_change refuse(struct scene *scene, uint16_t subject)
{
    struct reply reply = {.code = 550, .enhanced = {5, subject, 1}};
    struct outcome outcome = outcome_from_reply(STAGE_RCPT, &reply);

    return site_feedback(&scene->site, &outcome, scene->now, &scene->prng);
}

/* A server that refuses one message after the other and accepts none has blocked us. */
static void test_everything_refused(void **state)
{
    static const struct {
        uint16_t subject; /* of the enhanced code: 7 is about the sender */
        uint32_t count;
    } rows[] = {{7, 10}, {1, 100}, {0, 100}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scene scene;

        scene_init(&scene);
        for (uint32_t k = 0; k < 5; k++) { /* one that is accepted, and nothing was */
            for (uint32_t n = 1; n < rows[i].count; n++)
                assert_int_equal(refuse(&scene, rows[i].subject), SITE_CHANGE_NONE);
            (void)tell(&scene, STAGE_DOT, 250);
        }
        for (uint32_t n = 1; n < rows[i].count; n++)
            assert_int_equal(refuse(&scene, rows[i].subject), SITE_CHANGE_NONE);
        (void)tell(&scene, STAGE_RCPT, 450); /* says neither */
        assert_int_equal(refuse(&scene, rows[i].subject), SITE_CHANGE_REFUSED);
        assert_int_equal(refuse(&scene, rows[i].subject), SITE_CHANGE_NONE);
        assert_int_equal(site_sessions_limit(&scene.site), 0);
        assert_in_range(scene.site.backoff_until_ns - scene.now, 13 * NS_PER_MINUTE,
                        17 * NS_PER_MINUTE);
    }
}

/* The probe ends with a delivery, not with an answer. */
static void test_refused_probe(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene);
    for (uint32_t n = 0; n < 10; n++)
        (void)tell(&scene, STAGE_MAIL, 550);
    for (uint32_t i = 0; i < 3; i++) {
        scene.now = scene.site.backoff_until_ns;
        assert_int_equal(site_connect_ns(&scene.site, scene.now), scene.now);
        assert_int_equal(tell(&scene, STAGE_RCPT, 450), SITE_CHANGE_NONE);
        assert_int_equal(scene.site.health, SITE_PROBING);
        assert_int_equal(refuse(&scene, i == 0 ? 1 : 7),
                         i == 0 ? SITE_CHANGE_NONE : SITE_CHANGE_REFUSED);
        assert_true(i == 0 || scene.site.backoff_until_ns - scene.now > 20 * NS_PER_MINUTE);
    }
    scene.now = scene.site.backoff_until_ns;
    assert_int_equal(site_connect_ns(&scene.site, scene.now), scene.now);
    assert_int_equal(tell(&scene, STAGE_DOT, 250), SITE_CHANGE_CLEARED);
    for (uint32_t n = 1; n < 10; n++)
        assert_int_equal(tell(&scene, STAGE_MAIL, 550), SITE_CHANGE_NONE);
}

static void test_window(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene);
    assert_int_equal(site_sessions_limit(&scene.site), 20);
    assert_int_equal(tell(&scene, STAGE_MAIL, 421), SITE_CHANGE_SLOWED);
    assert_int_equal(site_sessions_limit(&scene.site), 10);
    assert_int_equal(tell(&scene, STAGE_MAIL, 421), SITE_CHANGE_NONE); /* of the same moment */
    for (uint32_t i = 0; i < 6; i++) {
        scene.now += SITE_HALVE_EVERY_NS;
        (void)tell(&scene, STAGE_MAIL, 421);
    }
    assert_int_equal(site_sessions_limit(&scene.site), 1);
    for (uint32_t i = 0; i < 19 * SITE_GROW_AFTER; i++) {
        enum site_change change = tell(&scene, STAGE_DOT, 250);

        assert_int_equal(change, i % SITE_GROW_AFTER == SITE_GROW_AFTER - 1 ? SITE_CHANGE_GREW
                                                                            : SITE_CHANGE_NONE);
    }
    assert_int_equal(site_sessions_limit(&scene.site), 20);
    for (uint32_t i = 0; i < 200; i++)
        assert_int_equal(tell(&scene, STAGE_DOT, 250), SITE_CHANGE_NONE);
    assert_int_equal(site_sessions_limit(&scene.site), 20);
}

/* One connection too many is refused while others work: not a dead site, but so many and no more.
 */
static void test_refused_beside_working_sessions(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene);
    for (uint32_t i = 0; i < 9; i++)
        site_session_opened(&scene.site, scene.now);
    assert_int_equal(tell_cause(&scene, STAGE_CONNECT, CAUSE_CONNECT), SITE_CHANGE_BACKED_OFF);
    site_session_closed(&scene.site);
    assert_int_equal(tell(&scene, STAGE_DOT, 250), SITE_CHANGE_CLEARED);
    assert_int_equal(site_sessions_limit(&scene.site), 8);
}

static void test_sessions_that_break(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene);
    for (uint32_t i = 1; i < SITE_BREAKS_MAX; i++) {
        scene.now += NS_PER_S;
        assert_int_equal(tell_cause(&scene, STAGE_DATA, CAUSE_LOST), SITE_CHANGE_NONE);
        assert_int_equal(tell_cause(&scene, STAGE_DOT, CAUSE_LOST),
                         SITE_CHANGE_NONE); /* together */
    }
    (void)tell(&scene, STAGE_DOT, 250);
    for (uint32_t i = 1; i <= SITE_BREAKS_MAX; i++) {
        scene.now += NS_PER_S;
        assert_int_equal(tell_cause(&scene, STAGE_DATA, CAUSE_TIMEOUT),
                         i < SITE_BREAKS_MAX ? SITE_CHANGE_NONE : SITE_CHANGE_BACKED_OFF);
    }
}

static void test_lease(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene);
    site_change_lease(&scene.site, 5);
    assert_int_equal(site_sessions_limit(&scene.site), 5);
    site_change_lease(&scene.site, 0);
    assert_int_equal(site_sessions_limit(&scene.site), 0);
    site_change_lease(&scene.site, 8);
    assert_int_equal(site_sessions_limit(&scene.site), 8);
    (void)tell(&scene, STAGE_MAIL, 421);
    assert_int_equal(site_sessions_limit(&scene.site), 4);
    site_change_lease(&scene.site, 20); /* more is leased, but the server asked for less */
    assert_int_equal(site_sessions_limit(&scene.site), 4);
    site_change_lease(&scene.site, 3);
    assert_int_equal(site_sessions_limit(&scene.site), 3);
    site_change_lease(&scene.site, 20); /* nor does it forget when the lease comes and goes */
    assert_int_equal(site_sessions_limit(&scene.site), 4);
}

static void test_changed_limits(void **state)
{
    struct site_limits other = limits;
    struct scene scene;

    (void)state;
    scene_init(&scene);
    other.connections_max = 30;
    site_change_limits(&scene.site, &other);
    assert_int_equal(site_sessions_limit(&scene.site), 30);
    (void)tell(&scene, STAGE_MAIL, 421);
    other.connections_max = 40;
    site_change_limits(&scene.site, &other);
    assert_int_equal(site_sessions_limit(&scene.site), 15);
    other.connections_max = 10;
    site_change_limits(&scene.site, &other);
    assert_int_equal(site_sessions_limit(&scene.site), 10);
    site_change_lease(&scene.site, 4);
    other.connections_max = 20;
    site_change_limits(&scene.site, &other);
    assert_int_equal(site_sessions_limit(&scene.site), 4);
}

static void test_pace_of_connections(void **state)
{
    struct site_limits paced = limits;
    struct site site;

    (void)state;
    paced.connections = (struct pace_rate){6, NS_PER_MINUTE, 1};
    site_init(&site, SPAN("x"), &paced);
    assert_true(site_connect_ns(&site, NS_PER_S) == NS_PER_S);
    site_session_opened(&site, NS_PER_S);
    assert_true(site_connect_ns(&site, NS_PER_S) == 11 * NS_PER_S);
}

static void test_names_and_defaults(void **state)
{
    static const struct site_limits nothing = {.connections_max = 0};
    char name[200];
    struct site site;

    (void)state;
    memset(name, 'a', sizeof(name));
    site_init(&site, span_make(name, sizeof(name)), &nothing);
    assert_int_equal(site.name_size, SITE_NAME_MAX);
    assert_int_equal(site.limits.connections_max, 1);
    assert_int_equal(site.limits.messages_per_connection, 1);
    assert_int_equal(site_sessions_limit(&site), 1);
    assert_string_equal(site_health_name(SITE_BACKED_OFF), "backed-off");
    assert_string_equal(site_change_name(SITE_CHANGE_GREW), "grew");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_back_off_doubles),
        cmocka_unit_test(test_signs),
        cmocka_unit_test(test_everything_refused),
        cmocka_unit_test(test_refused_probe),
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_refused_beside_working_sessions),
        cmocka_unit_test(test_sessions_that_break),
        cmocka_unit_test(test_lease),
        cmocka_unit_test(test_changed_limits),
        cmocka_unit_test(test_pace_of_connections),
        cmocka_unit_test(test_names_and_defaults),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
