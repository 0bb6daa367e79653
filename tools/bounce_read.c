/* bounce_read.c - `ringpost bounce read PATH...`: what came back, one line a message. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_put.h"
#include "bounce/report.h"
#include "tools/bounce_verbs.h"
#include "tools/exit_code.h"
#include "tools/mail_files.h"
#include "tools/option_reader.h"
#include "tools/reply_rules.h"
#include "tools/report_json.h"
#include "tools/verb.h"

#define LINE_SIZE (2 * MIB)
/* Of what a server said, in plain output. */
#define SAID_MAX 200

struct reading {
    struct reply_rules *rules;
    struct report_reader *reader;
    struct report report;
    struct text line;
    bool json;
};

static void put_json(struct text *out, const char *name, const struct report *report)
{
    json_put_open(out, '{');
    json_put_key_cstr(out, "file", name);
    json_put_key_cstr(out, "kind", report_kind_name(report->kind));
    report_json_recipients(out, report, 0, report->recipients_count);
    json_put_close(out, '}');
    text_add_byte(out, '\n');
}

static void put_plain(struct text *out, const char *name, const struct report *report)
{
    text_add_printable(out, span_cstr(name), SIZE_MAX);
    text_add_format(out, ": %s\n", report_kind_name(report->kind));
    for (uint32_t i = 0; i < report->recipients_count; i++) {
        const struct report_recipient *recipient = &report->recipients[i];

        text_add_cstr(out, "  ");
        text_add_printable(out, recipient->address, SAID_MAX);
        text_add_format(out, " %s", bounce_class_name(recipient->class));
        if (recipient->status[0] != 0) {
            text_add_byte(out, ' ');
            report_json_status(out, recipient->status);
        }
        if (recipient->action != REPORT_ACTION_NONE)
            text_add_format(out, " %s", report_action_name(recipient->action));
        if (recipient->diagnostic.size > 0) {
            text_add_cstr(out, ": ");
            text_add_printable(out, recipient->diagnostic, SAID_MAX);
        }
        text_add_byte(out, '\n');
    }
}

static void take(void *context, const char *name, struct span message)
{
    struct reading *reading = context;

    report_read(reading->reader, message, &reading->report);
    text_reset(&reading->line);
    if (reading->json)
        put_json(&reading->line, name, &reading->report);
    else
        put_plain(&reading->line, name, &reading->report);
    (void)fwrite(reading->line.data, 1, reading->line.size, stdout); /* seen at the end */
}

static int read_all(struct mail_files *files, struct reading *reading, char **paths, int count)
{
    struct arena arena;
    int result;

    if (arena_open(&arena, report_cost() + arena_cost(1, LINE_SIZE)) < 0)
        return EXIT_TRY_AGAIN;
    reading->reader = report_open(&arena, reply_rules_classifier(reading->rules));
    text_init(&reading->line, arena_alloc(&arena, 1, LINE_SIZE), LINE_SIZE);
    arena_seal(&arena);
    result = mail_files_read(files, paths, count);
    report_close(reading->reader);
    arena_close(&arena);
    if (result < 0 || fflush(stdout) != 0 || ferror(stdout) != 0) {
        (void)fprintf(stderr, "ringpost bounce: %s\n",
                      result < 0 ? strerror(-result) : "cannot write the result");
        return EXIT_TRY_AGAIN;
    }
    return result > 0 ? EXIT_SOME_FAILED : EXIT_ALL_ACCEPTED;
}

static int open_rules(struct reading *reading, const char *file)
{
    char buffer[512];
    struct text error;
    int result;

    text_init(&error, buffer, sizeof(buffer));
    result = reply_rules_open(&reading->rules, file, &error);
    if (result == 0)
        return 0;
    (void)fprintf(stderr, "ringpost bounce: %s\n", text_cstr_end(&error));
    return result == -ENOMEM ? EXIT_TRY_AGAIN : EXIT_USAGE;
}

int bounce_verbs_read(int argc, char **argv)
{
    static const struct option long_options[] = {{"json", no_argument, NULL, 'j'},
                                                 {"mbox", no_argument, NULL, 'm'},
                                                 {"rules", required_argument, NULL, 'r'},
                                                 {NULL, 0, NULL, 0}};
    static struct reading reading;
    struct mail_files files = {.size_max = REPORT_MESSAGE_MAX, .take = take, .context = &reading};
    const char *rules = NULL;
    struct option_reader reader;
    int option, result;

    option_reader_init(&reader, argc, argv, long_options);
    while ((option = option_reader_next(&reader)) != -1) {
        if (option == 'j')
            reading.json = true;
        else if (option == 'm')
            files.mbox = true;
        else if (option == 'r')
            rules = optarg;
        else
            return verb_complain("bounce", "%s", reader.problem);
    }
    if (optind >= argc)
        return verb_complain("bounce", "which files? (- is standard input)");
    result = open_rules(&reading, rules);
    if (result == 0) {
        result = read_all(&files, &reading, argv + optind, argc - optind);
        reply_rules_close(reading.rules);
    }
    return result;
}
