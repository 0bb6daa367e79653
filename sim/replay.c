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

/* --- zones --- */

/* names down | up */
static void do_names(struct replay *replay, struct span rest)
{
    struct span word = span_word(&rest);

    if (!span_equal(word, SPAN("down")) && !span_equal(word, SPAN("up")))
        scene_unreadable(&replay->scene, "down or up is expected");
    replay->world.dns.silence.all = span_equal(word, SPAN("down"));
    replay->names_asked = replay->world.dns.questions_count;
}

/* --- servers --- */

static void do_mx(struct replay *replay, struct span rest)
{
    struct ip_port at = {.ip = scene_address(&replay->scene, span_word(&rest)), .port = 25};

    replay->server = scripted_mx_add(&replay->mx, sim_world_net(), &at);
    replay->server->sessions_count = 1;
}

static void take_replies(struct replay *replay, struct scripted_step *step, struct span *rest)
{
    struct text text;

    text_init(&text, step->reply, sizeof(step->reply) - 1);
    for (;;) {
        struct span line;

        *rest = span_trim(*rest);
        if (rest->size == 0 || rest->data[0] != '"')
            break;
        line = scene_quoted(&replay->scene, rest);
        text_add(&text, line);
        text_add(&text, SPAN("\r\n"));
    }
    if (text.size == 0 || text.overflow)
        scene_unreadable(&replay->scene, "replies are missing or too long");
    (void)text_cstr_end(&text);
}

/* session | [expect WORD|"WORDS"] [after DURATION] reply "..." ... | close | reset | nothing */
static void do_step(struct replay *replay, struct span rest)
{
    struct scripted_session *session;
    struct scripted_step *step;
    struct span word = span_word(&rest);

    if (replay->server == NULL)
        scene_unreadable(&replay->scene, "an indented line belongs to a mx");
    if (span_equal(word, SPAN("session"))) {
        if (replay->server->sessions[0].steps_count > 0)
            replay->server->sessions_count++;
        if (replay->server->sessions_count > SCRIPTED_SESSIONS_MAX)
            scene_unreadable(&replay->scene, "too many sessions");
        return;
    }
    if (span_equal(word, SPAN("slow"))) {
        replay->server->octets_per_second =
            (uint32_t)scene_number(&replay->scene, span_word(&rest));
        return;
    }
    session = &replay->server->sessions[replay->server->sessions_count - 1];
    if (session->steps_count == SCRIPTED_STEPS_MAX)
        scene_unreadable(&replay->scene, "too many steps");
    step = &session->steps[session->steps_count++];
    if (span_equal(word, SPAN("expect"))) {
        struct span quoted = scene_quoted(&replay->scene, &rest);

        (void)scene_copy(&replay->scene, step->expect, sizeof(step->expect),
                         quoted.size > 0 ? quoted : span_word(&rest));
        word = span_word(&rest);
    }
    if (span_equal(word, SPAN("after"))) {
        step->delay_ns = scene_duration(&replay->scene, span_word(&rest));
        word = span_word(&rest);
    }
    if (span_equal(word, SPAN("reply"))) {
        step->action = SCRIPTED_REPLY;
        take_replies(replay, step, &rest);
    } else if (span_equal(word, SPAN("close"))) {
        step->action = SCRIPTED_CLOSE;
    } else if (span_equal(word, SPAN("reset"))) {
        step->action = SCRIPTED_RESET;
    } else if (span_equal(word, SPAN("nothing"))) {
        step->action = SCRIPTED_NOTHING;
    } else {
        scene_unreadable(&replay->scene, "reply, close, reset or nothing is expected");
    }
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

/* set KEY VALUE: as sim/scenes/README.md has them */
static void do_set(struct replay *replay, struct span rest)
{
    struct world_options *options = &replay->world.options;
    struct span key = span_word(&rest);
    struct span value = span_word(&rest);

    if (span_equal(key, SPAN("retry"))) {
        for (size_t i = 0; i < ARRAY_LEN(options->retry_s); i++)
            options->retry_s[i] = scene_duration(&replay->scene, value) / NS_PER_S;
    } else if (span_equal(key, SPAN("lifetime"))) {
        options->lifetime_s = scene_duration(&replay->scene, value) / NS_PER_S;
    } else if (span_equal(key, SPAN("shards"))) {
        options->shards_count = (uint32_t)scene_number(&replay->scene, value);
        CHECK(options->shards_count <= WORLD_SHARDS_MAX);
    } else if (span_equal(key, SPAN("connections_per_site"))) {
        options->connections_per_site = (uint32_t)scene_number(&replay->scene, value);
    } else if (span_equal(key, SPAN("messages_per_connection"))) {
        options->messages_per_connection = (uint32_t)scene_number(&replay->scene, value);
    } else if (span_equal(key, SPAN("window"))) {
        sim_world_net()->options.window = (size_t)scene_number(&replay->scene, value);
    } else if (span_equal(key, SPAN("lines"))) {
        options->lines_count = (uint32_t)scene_number(&replay->scene, value);
    } else if (span_equal(key, SPAN("requiretls"))) {
        options->require_tls = true;
    } else if (span_equal(key, SPAN("lifted"))) {
        options->lifts_tls = true;
    } else if (span_equal(key, SPAN("dane"))) {
        options->dane_percent = 100;
        options->tls_mode = 1;
        for (uint32_t i = 0; i < replay->world.zones.zones_count; i++)
            replay->world.zones.zones[i].tls_mode = 1;
    } else {
        scene_unreadable(&replay->scene, "this setting is not known");
    }
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
        do_step(replay, line);
    else if (span_equal(verb, SPAN("scene")))
        printf("%s: %.*s\n", replay->scene.file, (int)rest.size, (const char *)rest.data);
    else if (span_equal(verb, SPAN("set")))
        do_set(replay, rest);
    else if (span_equal(verb, SPAN("zone")))
        scene_zone(&replay->scene, &replay->world.zones, rest);
    else if (span_equal(verb, SPAN("host")))
        scene_host(&replay->scene, &replay->world.zones, rest);
    else if (span_equal(verb, SPAN("mx")))
        do_mx(replay, rest);
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
    world->options = (struct world_options){
        .shards_count = 1,
        .connections_max = 10,
        .connections_per_site = 1,
        .messages_per_connection = 100,
        .buffers_max = 10,
        .ring_buffers_count = 64,
        .ring_buffer_size = 2048,
        .cache_entries_max = 256,
        .segment_size = MIB,
        .journal_size = MIB,
        .retry_s = {300, 300, 300},
        .lifetime_s = 86400,
        .zones = {.zones_count = 32},
    };
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
