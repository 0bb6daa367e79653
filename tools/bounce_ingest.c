/* bounce_ingest.c - `ringpost bounce ingest PATH...`: what came back, taken in by hygiene.
 *
 * The reports are read and proven here; what they say goes into the store of a spool at rest, or as
 * one line to the sender that has the spool (engine/notice.h). */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/json_put.h"
#include "bounce/report.h"
#include "engine/bounce_door.h"
#include "engine/event_json.h"
#include "engine/exporter.h"
#include "engine/intake.h"
#include "engine/list_notice.h"
#include "message/header_list.h"
#include "tools/bounce_verbs.h"
#include "tools/exit_code.h"
#include "tools/mail_files.h"
#include "tools/option_reader.h"
#include "tools/report_json.h"
#include "tools/sender.h"
#include "tools/sender_line.h"
#include "tools/spool.h"
#include "tools/verb.h"

#define LINE_SIZE (2 * MIB) /* as `bounce read` */
#define SECONDS_A_DAY 86400

struct ingest {
    const char *config;
    const char *folder;
    const char *to;
    bool mbox;
    struct settings settings; /* beside a sender */
    struct spool spool;       /* at rest */
    struct exporter exporter; /* at rest, unless events are not kept */
    bool beside;
    const struct policy *policy;
    const struct verp_keys *keys;
    struct report_reader *reader;
    struct report report;
    uint32_t shown_first; /* of its recipients, in the next line */
    uint32_t shown_count;
    struct text line;
    bool later; /* something could not be recorded */
};

/* --- beside a running sender --- */

/* Asked for only when a report names several. */
static struct span ask_address(struct ingest *ingest, struct identity identity, struct text *answer)
{
    char buffer[64];
    struct text request;

    text_init(&request, buffer, sizeof(buffer));
    text_add_cstr(&request, "whose\t");
    event_json_id(&request, identity);
    if (sender_line_ask(ingest->policy->spool, text_span(&request), answer) < 0)
        return (struct span){NULL, 0};
    return sender_value(text_span(answer), "recipient");
}

/* The sender's line, with the file's name before all others. */
static int hand_over(struct ingest *ingest, const char *name, const struct notice *notice)
{
    char buffer[NOTICE_LINE_MAX + 16], answered[8192];
    struct intake_result unproven = {.decision = INTAKE_UNPROVEN};
    struct text request, answer;
    int result;

    if (notice->verdict != VERP_VALID && !notice_is_of_list(notice)) {
        intake_write(notice, &unproven, name, &ingest->line);
        return 0;
    }
    text_init(&request, buffer, sizeof(buffer));
    text_init(&answer, answered, sizeof(answered));
    text_add_cstr(&request, "report\t");
    notice_write(notice, &request);
    result = sender_line_ask(ingest->policy->spool, text_span(&request), &answer);
    if (result < 0)
        return result;
    json_put_open(&ingest->line, '{');
    json_put_key_cstr(&ingest->line, "file", name);
    text_add_byte(&ingest->line, ',');
    text_add(&ingest->line, span_skip(text_span(&answer), 1));
    ingest->later = ingest->later ||
                    span_find(text_span(&answer), SPAN("\"decision\":\"later\"")) != SPAN_NOT_FOUND;
    return 0;
}

/* --- at rest --- */

static void take_in(struct ingest *ingest, const char *name, const struct notice *notice)
{
    struct hygiene_store *hygiene = engine_hygiene(ingest->spool.engine);
    const struct queue *queue = store_queue(engine_store(ingest->spool.engine));
    struct exporter *exporter = ingest->spool.exporter;
    struct intake_result result = {.decision = INTAKE_LATER};

    while (exporter != NULL && text_room(&exporter->more) < EVENT_JSON_MAX && exporter->error == 0)
        spool_turn(&ingest->spool, NS_PER_MS);
    if (exporter != NULL && text_room(&exporter->more) < EVENT_JSON_MAX) {
        ingest->later = true; /* what is taken in is to be told */
        intake_write(notice, &result, name, &ingest->line);
        return;
    }
    intake_take(hygiene, queue, notice, (uint64_t)time(NULL), &result);
    while (result.decision == INTAKE_LATER && hygiene_store_error(hygiene) == 0 &&
           !hygiene_store_has_room(hygiene)) {
        spool_turn(&ingest->spool, NS_PER_MS);
        intake_take(hygiene, queue, notice, (uint64_t)time(NULL), &result);
    }
    if (exporter != NULL)
        intake_event(notice, &result, io_wall_ns(ingest->spool.io), &exporter->more);
    ingest->later = ingest->later || result.decision == INTAKE_LATER;
    intake_write(notice, &result, name, &ingest->line);
}

/* All that was decided is on disk, or cannot be. */
static bool settle(struct ingest *ingest)
{
    struct hygiene_store *hygiene = engine_hygiene(ingest->spool.engine);

    while (!hygiene_store_quiet(hygiene) && hygiene_store_error(hygiene) == 0)
        spool_turn(&ingest->spool, NS_PER_MS);
    return hygiene_store_error(hygiene) == 0;
}

/* The events of what came back, as beside a sender; what a killed one left unexported goes first.
 * 0 or an exit code. */
static int open_exporter(struct ingest *ingest)
{
    const struct policy *policy = ingest->policy;
    char message[512];
    struct text error;
    int result;

    if (policy->durability == DURABILITY_MEMORY)
        return 0;
    text_init(&error, message, sizeof(message));
    result =
        exporter_open(&ingest->exporter, ingest->spool.io, engine_store(ingest->spool.engine),
                      policy->events_directory, policy->durability == DURABILITY_DURABLE, &error);
    ingest->exporter.classifier = policy->classifier;
    ingest->spool.exporter = &ingest->exporter;
    if (result == 0)
        return 0;
    (void)fprintf(stderr, "ringpost bounce: %s\n", text_cstr_end(&error));
    return EXIT_CANNOT_CREATE;
}

/* Everything is written; false: it cannot be. */
static bool close_exporter(struct ingest *ingest)
{
    struct exporter *exporter = ingest->spool.exporter;
    bool written;

    if (exporter == NULL)
        return true;
    while (!exporter_quiet(exporter) && exporter->error == 0)
        spool_turn(&ingest->spool, NS_PER_MS);
    written = exporter_quiet(exporter);
    if (!written)
        (void)fprintf(stderr, "ringpost bounce: %s: %s\n", ingest->policy->events_directory,
                      strerror(-exporter->error));
    for (exporter_stop(exporter); !exporter_stopped(exporter);)
        spool_turn(&ingest->spool, NS_PER_MS);
    exporter_close(exporter);
    ingest->spool.exporter = NULL;
    return written;
}

/* --- messages --- */

/* The door that the mail came to, by what is said of its delivery. */
static enum notice_door door_of(const struct ingest *ingest, struct span message)
{
    enum notice_door door = NOTICE_DOOR_RETURN;
    struct header_list list;
    static const struct span fields[] = {SPAN_INIT("X-Original-To"), SPAN_INIT("Delivered-To"),
                                         SPAN_INIT("To")};

    if (ingest->to != NULL && bounce_door_of(ingest->policy, span_cstr(ingest->to), &door))
        return door;
    header_list_read(&list, &message);
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        struct span address = header_list_find(&list, fields[i]);
        size_t open = span_find_byte(address, '<');

        if (open != SPAN_NOT_FOUND)
            address = span_skip(address, open + 1);
        address = span_first(address, min_size(span_find_byte(address, '>'), address.size));
        if (bounce_door_of(ingest->policy, span_trim(address), &door))
            return door;
    }
    return NOTICE_DOOR_RETURN;
}

/* Whom the mail was for, where several are named. */
static struct span address_of(struct ingest *ingest, const struct proof *proof, struct text *answer)
{
    struct queue_recipient recipient;

    if (proof->verdict != VERP_VALID || ingest->report.recipients_count < 2)
        return (struct span){NULL, 0};
    if (ingest->beside)
        return ask_address(ingest, proof->identity, answer);
    if (!intake_recipient(store_queue(engine_store(ingest->spool.engine)), proof->identity,
                          &recipient))
        return (struct span){NULL, 0};
    return recipient.address;
}

/* What `read` says of it, behind what became of it. */
static void put_read(struct ingest *ingest)
{
    struct text *line = &ingest->line;

    if (!span_ends_nocase(text_span(line), SPAN("}\n")))
        return;
    line->size -= 2;
    report_json_recipients(line, &ingest->report, ingest->shown_first, ingest->shown_count);
    json_put_close(line, '}');
    text_add_byte(line, '\n');
}

static void take_notice(struct ingest *ingest, const char *name, const struct notice *notice)
{
    int result = 0;

    text_reset(&ingest->line);
    if (ingest->beside)
        result = hand_over(ingest, name, notice);
    else
        take_in(ingest, name, notice);
    if (result < 0) {
        (void)fprintf(stderr, "ringpost bounce: %s: the sender did not take it: %s\n", name,
                      strerror(-result));
        ingest->later = true;
        return;
    }
    put_read(ingest);
    (void)fwrite(ingest->line.data, 1, ingest->line.size, stdout); /* seen at the end */
}

/* Somebody else's list: a line for each subscriber that it is about. */
static void take_of_list(struct ingest *ingest, const char *name, const struct list_notice *list)
{
    uint32_t count = list_notice_count(list, &ingest->report), taken = 0;
    const struct proof none = {.verdict = VERP_ABSENT};
    struct notice notice;

    for (uint32_t i = 0; i < count; i++) {
        if (!list_notice_make(list, &ingest->report, i, &notice))
            continue;
        if (count > 1) { /* each has a line of its own */
            ingest->shown_first = i;
            ingest->shown_count = 1;
        }
        take_notice(ingest, name, &notice);
        taken++;
    }
    if (taken > 0)
        return;
    notice_make(&notice, &ingest->report, &none, NOTICE_DOOR_RETURN, (struct span){NULL, 0});
    take_notice(ingest, name, &notice); /* it names nobody: unproven */
}

static void take(void *context, const char *name, struct span message)
{
    struct ingest *ingest = context;
    struct proof_question question = {
        .keys = ingest->keys,
        .today = (uint16_t)((uint64_t)time(NULL) / SECONDS_A_DAY),
        .envelope = ingest->to != NULL ? span_cstr(ingest->to) : (struct span){NULL, 0},
        .message = message,
        .report = &ingest->report,
    };
    struct proof proof;
    struct notice notice;
    char buffer[2048];
    struct list_notice list;
    struct text answer;

    text_init(&answer, buffer, sizeof(buffer));
    report_read(ingest->reader, message, &ingest->report);
    ingest->shown_first = 0;
    ingest->shown_count = ingest->report.recipients_count;
    proof_find(&question, &proof);
    if (proof.verdict != VERP_VALID &&
        list_notice_find(ingest->policy, question.envelope, message, &ingest->report, &list)) {
        take_of_list(ingest, name, &list);
        return;
    }
    notice_make(&notice, &ingest->report, &proof, door_of(ingest, message),
                address_of(ingest, &proof, &answer));
    take_notice(ingest, name, &notice);
}

/* --- the command --- */

static int parse(struct ingest *ingest, int argc, char **argv)
{
    static const struct option long_options[] = {
        {"config", required_argument, NULL, 'c'}, {"spool", required_argument, NULL, 's'},
        {"to", required_argument, NULL, 't'},     {"mbox", no_argument, NULL, 'm'},
        {"json", no_argument, NULL, 'j'},         {NULL, 0, NULL, 0}};
    struct option_reader reader;
    int option;

    option_reader_init(&reader, argc, argv, long_options);
    while ((option = option_reader_next(&reader)) != -1) {
        if (option == 'c')
            ingest->config = optarg;
        else if (option == 's')
            ingest->folder = optarg;
        else if (option == 't')
            ingest->to = optarg;
        else if (option == 'm')
            ingest->mbox = true;
        else if (option != 'j') /* it is JSON in any case */
            return verb_complain("bounce", "%s", reader.problem);
    }
    return optind < argc ? 0 : verb_complain("bounce", "which files? (- is standard input)");
}

/* Where the spool is: with a sender, or at rest and then ours. */
static int open_store(struct ingest *ingest)
{
    int result = settings_load(&ingest->settings, ingest->config, ingest->folder);

    if (result != 0)
        return result;
    ingest->policy = ingest->settings.policy;
    ingest->keys = &ingest->settings.keys;
    if (!ingest->settings.has_keys && ingest->policy->foreign.count == 0) {
        settings_free(&ingest->settings);
        return verb_complain("bounce", "without return_path.domain and its key nothing is proven");
    }
    ingest->beside = sender_line_is_there(ingest->policy->spool);
    return ingest->beside ? 0 : spool_open(&ingest->spool, ingest->config, ingest->folder, true);
}

static int read_all(struct ingest *ingest, char **paths, int count)
{
    struct mail_files files = {
        .size_max = REPORT_MESSAGE_MAX, .mbox = ingest->mbox, .take = take, .context = ingest};
    struct arena arena;
    int result;

    if (arena_open(&arena, report_cost() + arena_cost(1, LINE_SIZE)) < 0)
        return EXIT_TRY_AGAIN;
    ingest->reader = report_open(&arena, ingest->policy->classifier);
    text_init(&ingest->line, arena_alloc(&arena, 1, LINE_SIZE), LINE_SIZE);
    arena_seal(&arena);
    result = mail_files_read(&files, paths, count);
    report_close(ingest->reader);
    arena_close(&arena);
    if (!ingest->beside && !settle(ingest))
        ingest->later = true;
    if (result < 0 || ingest->later || fflush(stdout) != 0 || ferror(stdout) != 0) {
        (void)fprintf(stderr, "ringpost bounce: %s\n",
                      result < 0 ? strerror(-result)
                                 : "not all of it could be recorded: try again");
        return EXIT_TRY_AGAIN;
    }
    return result > 0 ? EXIT_SOME_FAILED : EXIT_ALL_ACCEPTED;
}

/* A mail server returns what its pipe refuses with any other status than 75, to nobody here: the
 * report would be lost (Postfix, pipe(8)). So a lack of anything is for later, and for standard
 * input a broken configuration is too. */
static int or_later(int result, char **paths, int count)
{
    bool piped = false;

    for (int i = 0; i < count; i++)
        piped = piped || strcmp(paths[i], "-") == 0;
    return result == 0 || (result == EXIT_USAGE && !piped) ? result : EXIT_TRY_AGAIN;
}

int bounce_verbs_ingest(int argc, char **argv)
{
    static struct ingest ingest;
    int result = parse(&ingest, argc, argv);

    if (result != 0)
        return result;
    result = or_later(open_store(&ingest), argv + optind, argc - optind);
    if (result != 0)
        return result;
    if (!ingest.beside)
        result = or_later(open_exporter(&ingest), argv + optind, argc - optind);
    if (result == 0)
        result = read_all(&ingest, argv + optind, argc - optind);
    if (!close_exporter(&ingest))
        result = EXIT_TRY_AGAIN;
    if (!ingest.beside && spool_close(&ingest.spool) < 0)
        result = EXIT_TRY_AGAIN;
    settings_free(&ingest.settings);
    return result;
}
