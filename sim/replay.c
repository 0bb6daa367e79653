/* replay - plays hand-written scenes: `replay FILE.scene...` (sim/scenes/README.md).
 *
 * Seeds find bugs; scenes explain them and keep them dead. Exit status: 0 every scene went as
 * written, 1 some did not, 2 a scene cannot be read. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "sim/scene.h"
#include "sim/scene_mx.h"
#include "sim/scene_options.h"
#include "sim/scene_zones.h"
#include "sim/scripted_mx.h"
#include "sim/world.h"
#include "sim/world_engine.h"
#include "sim/world_mail.h"

#define SCENE_MAX ((size_t)64 * 1024)
#define NAME_SERVER                                                                                \
    {                                                                                              \
        {IP_V4, {11, 255, 0, 1}}, 53                                                               \
    }

struct replay {
    struct scene scene;
    struct world world;
    struct world_engine process;
    bool running;
    bool trace; /* REPLAY_TRACE is set: a line for each event */
    struct scripted_mx mx;
    struct scripted_server *server; /* the one that indented lines speak of */
    struct store_cursor cursor;
    uint64_t names_asked; /* questions before the last `names` */
    uint32_t failures;
    char complaints[4000];
    char problems[4000];
};

static void fail(struct replay *replay, const char *what, struct span word)
{
    replay->failures++;
    printf("%s:%u: %s %.*s\n", replay->scene.file, replay->scene.line, what, (int)word.size,
           word.size > 0 ? (const char *)word.data : "");
}

/* --- names --- */

/* names down | up */
static void do_names(struct replay *replay, struct span rest)
{
    struct span word = span_word(&rest);

    if (!span_equal(word, SPAN("down")) && !span_equal(word, SPAN("up")))
        scene_unreadable(&replay->scene, "down or up is expected");
    replay->world.dns.silence.all = span_equal(word, SPAN("down"));
    replay->names_asked = replay->world.dns.questions_count;
}

/* --- the product --- */

static void begin(struct replay *replay)
{
    if (replay->running)
        return;
    sim_world_trace(replay->trace);
    if (world_engine_open(&replay->process, &replay->world) < 0)
        scene_unreadable(&replay->scene, replay->process.error);
    replay->running = true;
}

static void do_inject(struct replay *replay, struct span rest)
{
    struct world *world = &replay->world;
    uint32_t campaign;
    char name[16] = "campaign-0";

    name[9] = (char)('0' + world->oracle.campaigns_count);
    campaign = oracle_add_campaign(&world->oracle, name);
    for (struct span word = span_word(&rest); word.size > 0; word = span_word(&rest)) {
        struct world_recipient recipient = {.number = "1", .name = "Ada"};
        size_t at = span_find_byte(word, '@');

        (void)scene_copy(&replay->scene, recipient.address, sizeof(recipient.address), word);
        recipient.zone =
            zones_find(&world->zones, at == SPAN_NOT_FOUND ? word : span_skip(word, at + 1));
        if (recipient.zone == ZONES_NONE)
            scene_unreadable(&replay->scene, "the recipient's domain is no zone");
        world_mail_add_recipient(world, campaign, &recipient);
    }
    begin(replay);
}

static void pass_ns(struct replay *replay, uint64_t duration_ns)
{
    uint64_t until_ns = sim_world_now_ns() + duration_ns;

    begin(replay);
    while (sim_world_now_ns() < until_ns)
        world_engine_turn(&replay->process, until_ns);
    world_engine_events(&replay->process, &replay->cursor);
}

static void do_crash(struct replay *replay, bool power)
{
    world_engine_abandon(&replay->process);
    if (power)
        sim_world_power_loss();
    else
        sim_world_kill();
    oracle_end_life(&replay->world.oracle, true);
    replay->running = false;
    replay->cursor = (struct store_cursor){0};
    begin(replay);
}

/* --- checks --- */

static void check_server(struct replay *replay, const struct ip *ip, struct span rest)
{
    for (uint32_t i = 0; i < replay->mx.servers_count; i++) {
        const struct scripted_server *server = replay->mx.servers[i];

        if (!ip_equal(&server->address.ip, ip))
            continue;
        if (!span_equal(span_word(&rest), SPAN("sessions")))
            scene_unreadable(&replay->scene, "sessions N is expected");
        if (server->connections_count != scene_number(&replay->scene, span_word(&rest))) {
            replay->failures++;
            printf("%s:%u: %u sessions\n", replay->scene.file, replay->scene.line,
                   server->connections_count);
        }
        return;
    }
    scene_unreadable(&replay->scene, "there is no such server");
}

static bool check_detail(const struct outcome *outcome, struct span word)
{
    struct span value = word;
    struct span key = span_split(&value, '=');
    uint64_t code = 0;

    if (span_equal(key, SPAN("code")))
        return span_number(value, 999, &code) && outcome->reply.code == code;
    if (span_equal(key, SPAN("stage")))
        return span_equal(value, span_cstr(outcome_stage_name(outcome->stage)));
    if (span_equal(key, SPAN("cause")))
        return span_equal(value, span_cstr(outcome_cause_name(outcome->cause)));
    return false;
}

/* check names N: at most so many questions since the last `names` */
static void check_names(struct replay *replay, struct span rest)
{
    uint64_t asked = replay->world.dns.questions_count - replay->names_asked;

    if (asked <= scene_number(&replay->scene, span_word(&rest)))
        return;
    replay->failures++;
    printf("%s:%u: %llu questions\n", replay->scene.file, replay->scene.line,
           (unsigned long long)asked);
}

/* check ADDRESS KIND [code=N] [stage=S] [cause=C] | check ADDRESS none | check IP sessions N */
static void do_check(struct replay *replay, struct span rest)
{
    struct span word = span_word(&rest);
    const struct oracle_recipient *recipient = NULL;
    struct ip ip;

    if (span_equal(word, SPAN("names"))) {
        check_names(replay, rest);
        return;
    }
    if (ip_parse(word, &ip)) {
        check_server(replay, &ip, rest);
        return;
    }
    for (uint32_t i = 0; i < replay->world.oracle.recipients_count; i++) {
        if (span_equal(word, span_cstr(replay->world.oracle.recipients[i].address)))
            recipient = &replay->world.oracle.recipients[i];
    }
    if (recipient == NULL)
        scene_unreadable(&replay->scene, "nobody of that address was injected");
    word = span_word(&rest);
    if (!span_equal(word, span_cstr(outcome_kind_name(recipient->last.kind))))
        fail(replay, "the last outcome is", span_cstr(outcome_kind_name(recipient->last.kind)));
    for (word = span_word(&rest); word.size > 0; word = span_word(&rest)) {
        if (check_detail(&recipient->last, word))
            continue;
        fail(replay, "is not so:", word);
        printf("    %s at %s, cause %s, code %u\n", outcome_kind_name(recipient->last.kind),
               outcome_stage_name(recipient->last.stage), outcome_cause_name(recipient->last.cause),
               recipient->last.reply.code);
    }
}

/* --- scenes --- */

static void do_line(struct replay *replay, struct span line)
{
    struct span rest = line;
    struct span verb = span_word(&rest);

    if (verb.size == 0 || verb.data[0] == '#')
        return;
    if (line.data[0] == ' ')
        scene_mx_step(&replay->scene, replay->server, line);
    else if (span_equal(verb, SPAN("scene")))
        printf("%s: %.*s\n", replay->scene.file, (int)rest.size, (const char *)rest.data);
    else if (span_equal(verb, SPAN("set")))
        scene_options_set(&replay->scene, &replay->world, rest);
    else if (span_equal(verb, SPAN("zone")))
        scene_zone(&replay->scene, &replay->world.zones, rest);
    else if (span_equal(verb, SPAN("host")))
        scene_host(&replay->scene, &replay->world.zones, rest);
    else if (span_equal(verb, SPAN("mx")))
        replay->server = scene_mx(&replay->scene, &replay->mx, sim_world_net(), rest);
    else if (span_equal(verb, SPAN("names")))
        do_names(replay, rest);
    else if (span_equal(verb, SPAN("inject")))
        do_inject(replay, rest);
    else if (span_equal(verb, SPAN("pass")))
        pass_ns(replay, scene_duration(&replay->scene, span_word(&rest)));
    else if (span_equal(verb, SPAN("kill")))
        do_crash(replay, false);
    else if (span_equal(verb, SPAN("power-loss")))
        do_crash(replay, true);
    else if (span_equal(verb, SPAN("check")))
        do_check(replay, rest);
    else
        scene_unreadable(&replay->scene, "this verb is not known");
}

static void open_scene(struct replay *replay, const char *file)
{
    const struct ip_port name_server = NAME_SERVER;
    struct world *world = &replay->world;
    struct text problems;

    memset(replay, 0, sizeof(*replay));
    replay->scene.file = file;
    replay->trace = getenv("REPLAY_TRACE") != NULL;
    text_init(&replay->mx.complaints, replay->complaints, sizeof(replay->complaints) - 1);
    text_init(&problems, replay->problems, sizeof(replay->problems) - 1);
    scene_options_init(&world->options);
    sim_world_open(1, NULL);
    prng_seed(&world->prng, 1);
    zones_open_empty(&world->zones);
    oracle_open(&world->oracle, &world->zones, problems);
    world->oracle.sender = "sender@send.test";
    world->oracle.blind = true;
    dns_sim_open(&world->dns, sim_world_net(), &world->zones, 1);
    dns_sim_listen(&world->dns, &name_server);
}

static void close_scene(struct replay *replay)
{
    if (replay->mx.complaints_count > 0) {
        replay->failures += replay->mx.complaints_count;
        printf("%s", text_cstr_end(&replay->mx.complaints));
    }
    if (replay->running && world_engine_close(&replay->process, false) < 0)
        fail(replay, "the product does not stop", span_make(NULL, 0));
    if (replay->world.oracle.problems_count > 0) {
        replay->failures++;
        printf("%s", text_cstr_end(&replay->world.oracle.problems));
    }
    scripted_mx_close(&replay->mx);
    dns_sim_close(&replay->world.dns);
    oracle_close(&replay->world.oracle);
    zones_close(&replay->world.zones);
    free(replay->world.recipients);
    sim_world_close();
}

static bool play(struct replay *replay, const char *file)
{
    static char scene[SCENE_MAX];
    FILE *stream = fopen(file, "r");
    size_t size;
    struct span rest;

    if (stream == NULL) {
        printf("%s: %s\n", file, strerror(errno));
        return false;
    }
    size = fread(scene, 1, sizeof(scene), stream);
    (void)fclose(stream);
    open_scene(replay, file);
    for (rest = span_make(scene, size); rest.size > 0;) {
        struct span line = span_split(&rest, '\n');

        replay->scene.line++;
        if (line.size > 0)
            do_line(replay, line);
    }
    close_scene(replay);
    return replay->failures == 0;
}

int main(int argc, char **argv)
{
    struct replay *replay;
    uint32_t failed_count = 0;

    if (argc < 2) {
        (void)fprintf(stderr, "usage: replay FILE.scene...\n");
        return 2;
    }
    replay = malloc(sizeof(*replay));
    CHECK(replay != NULL);
    for (int i = 1; i < argc; i++)
        failed_count += !play(replay, argv[i]);
    printf("replay: %d scenes, %u failed\n", argc - 1, failed_count);
    (void)fflush(stdout);
    _exit(failed_count == 0 ? 0 : 1); /* what killed processes had in memory goes with this one */
}
