/* bounce_decisions.c - `ringpost bounce decisions`: what hygiene decided about the subscribers of
 * somebody else's lists, handed back: as lines, or to a program, once at least. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "tools/bounce_verbs.h"
#include "tools/decision_log.h"
#include "tools/decision_program.h"
#include "tools/exit_code.h"
#include "tools/option_reader.h"
#include "tools/settings.h"
#include "tools/verb.h"

#define LOOK_NS NS_PER_S
#define RETRY_NS (60 * NS_PER_S)
#define PATH_ROOM (POLICY_PATH_MAX + 64)

struct decisions {
    const char *config;
    const char *folder;
    const char *cursor_given;
    bool csv;
    bool all;
    bool run;
    bool follow;
    struct settings settings;
    struct decision_program program;
    struct decision_log log;
    struct decision_cursor saved;
    char cursor_path[PATH_ROOM]; /* "": everything, always */
    int lock;
    bool headed;
};

static volatile sig_atomic_t stopped;

static void on_stop(int signal)
{
    (void)signal;
    stopped = 1;
}

static int complain(const char *what, int result)
{
    (void)fprintf(stderr, "ringpost bounce: %s: %s\n", what, strerror(-result));
    return EXIT_TRY_AGAIN;
}

/* --- where it stands --- */

static int save(struct decisions *decisions)
{
    int result;

    if (decisions->cursor_path[0] == '\0' ||
        memcmp(&decisions->saved, &decisions->log.cursor, sizeof(decisions->saved)) == 0)
        return 0;
    result = decision_log_write_cursor(decisions->cursor_path, &decisions->log.cursor);
    if (result < 0)
        return complain(decisions->cursor_path, result);
    decisions->saved = decisions->log.cursor;
    return 0;
}

/* --- as lines --- */

static int print(struct decisions *decisions, const struct hygiene_change *change)
{
    char buffer[DECISION_LINE_MAX];
    struct decision_words words;
    struct text line;

    if (!decision_words_make(change, &words))
        return 0;
    text_init(&line, buffer, sizeof(buffer));
    if (decisions->csv && !decisions->headed)
        text_add_cstr(&line, DECISION_CSV_HEADER);
    decisions->headed = true;
    if (decisions->csv)
        decision_words_csv(&words, &line);
    else
        decision_words_json(&words, &line);
    if (fwrite(line.data, 1, line.size, stdout) != line.size)
        return complain("standard output", -errno);
    return 0;
}

/* --- rounds --- */

static int tell(struct decisions *decisions, const struct hygiene_change *change)
{
    int result;

    if (!decisions->run)
        return print(decisions, change);
    result = decision_program_tell(&decisions->program, change);
    return result == 0 ? save(decisions) : result;
}

static int round_of(struct decisions *decisions)
{
    struct hygiene_change change;
    int found = 0, result = 0;

    decision_program_round(&decisions->program);
    while (result == 0 && stopped == 0) {
        struct decision_cursor before = decisions->log.cursor;

        found = decision_log_next(&decisions->log, &change);
        if (found <= 0)
            break;
        if (!decisions->all && !decision_words_of_list(&change))
            continue;
        result = tell(decisions, &change);
        if (result != 0)
            decisions->log.cursor = before; /* it was not handed over */
    }
    if (result == 0 && found == 0 && stopped == 0 && decisions->run)
        result = decision_program_retry(&decisions->program);
    if (result == 0 && fflush(stdout) != 0)
        result = complain("standard output", -errno);
    if (found < 0)
        result = complain(decisions->log.folder, found);
    if (decisions->log.again)
        (void)fprintf(stderr, "ringpost bounce: the journal was compacted since: what is in force "
                              "comes once more\n");
    decisions->log.again = false;
    return result == 0 ? save(decisions) : result;
}

static void wait_a_while(void)
{
    struct timespec time = {.tv_sec = LOOK_NS / NS_PER_S};

    (void)ppoll(NULL, 0, &time, NULL); /* a signal ends it */
}

static int rounds(struct decisions *decisions)
{
    int result = round_of(decisions);

    while (result == 0 && decisions->follow && stopped == 0) {
        wait_a_while();
        result = round_of(decisions);
    }
    if (result == 0 && decisions->run && decisions->program.failed.count > 0) {
        (void)fprintf(stderr, "ringpost bounce: %u decisions wait for another try\n",
                      decisions->program.failed.count);
        return EXIT_TRY_AGAIN;
    }
    return result;
}

/* --- the command --- */

static int parse(struct decisions *decisions, int argc, char **argv)
{
    static const struct option long_options[] = {{"config", required_argument, NULL, 'c'},
                                                 {"spool", required_argument, NULL, 's'},
                                                 {"cursor", required_argument, NULL, 'u'},
                                                 {"retry", required_argument, NULL, 'r'},
                                                 {"csv", no_argument, NULL, 'v'},
                                                 {"json", no_argument, NULL, 'j'},
                                                 {"all", no_argument, NULL, 'a'},
                                                 {"withdrawn", no_argument, NULL, 'w'},
                                                 {"run", no_argument, NULL, 'x'},
                                                 {"follow", no_argument, NULL, 'f'},
                                                 {NULL, 0, NULL, 0}};
    struct option_reader reader;
    int option;

    decisions->program.retry_ns = RETRY_NS;
    option_reader_init(&reader, argc, argv, long_options);
    while ((option = option_reader_next(&reader)) != -1) {
        decisions->csv = decisions->csv || option == 'v';
        decisions->all = decisions->all || option == 'a';
        decisions->run = decisions->run || option == 'x';
        decisions->program.withdrawn =
            decisions->program.withdrawn || option == 'w' || option == 'a';
        decisions->follow = decisions->follow || option == 'f';
        if (option == 'c')
            decisions->config = optarg;
        else if (option == 's')
            decisions->folder = optarg;
        else if (option == 'u')
            decisions->cursor_given = optarg;
        else if (option == OPTION_READER_WRONG)
            return verb_complain("bounce", "%s", reader.problem);
        else if (option == 'r' &&
                 !config_parse_duration(span_cstr(optarg), &decisions->program.retry_ns))
            return verb_complain("bounce", "--retry takes a time such as 60s");
    }
    if (optind < argc)
        return verb_complain("bounce", "\"%s\" is not understood", argv[optind]);
    if (decisions->run && decisions->csv)
        return verb_complain("bounce", "--run prints nothing: drop --csv");
    return 0;
}

/* One of us at a time: two would tell everything twice. */
static int take_lock(struct decisions *decisions)
{
    char path[PATH_ROOM + 8];

    (void)snprintf(path, sizeof(path), "%s.lock", decisions->cursor_path);
    decisions->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (decisions->lock < 0)
        return complain(path, -errno);
    if (flock(decisions->lock, LOCK_EX | LOCK_NB) != 0)
        return complain("another one is at it", -errno);
    return 0;
}

static int open_state(struct decisions *decisions)
{
    const struct policy *policy = decisions->settings.policy;
    char path[PATH_ROOM + 8];
    int result = 0;

    if (decisions->cursor_given != NULL)
        (void)snprintf(decisions->cursor_path, sizeof(decisions->cursor_path), "%s",
                       decisions->cursor_given);
    else if (decisions->run)
        (void)snprintf(decisions->cursor_path, sizeof(decisions->cursor_path),
                       "%s/decisions.cursor", policy->hygiene_path);
    if (decisions->cursor_path[0] != '\0') {
        result = take_lock(decisions);
        if (result != 0)
            return result;
        result = decision_log_read_cursor(decisions->cursor_path, &decisions->saved);
        if (result < 0 && result != -ENOENT)
            return complain(decisions->cursor_path, result);
        result = 0;
    }
    decision_log_init(&decisions->log, policy->hygiene_path, &decisions->saved);
    if (decisions->run) {
        (void)snprintf(path, sizeof(path), "%s.failed", decisions->cursor_path);
        result = decision_program_open(&decisions->program, path);
    }
    return result < 0 ? complain(path, result) : 0;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_stop};

    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
}

int bounce_verbs_decisions(int argc, char **argv)
{
    static struct decisions decisions;
    int result;

    decisions.lock = -1;
    decisions.program.stop = &stopped;
    result = parse(&decisions, argc, argv);
    if (result == 0)
        result = settings_load_policy(&decisions.settings, decisions.config, decisions.folder);
    if (result != 0)
        return result;
    if (decisions.run)
        result = decision_program_prepare(&decisions.program, decisions.settings.policy);
    if (result == 0)
        result = open_state(&decisions);
    if (result == 0) {
        catch_signals();
        result = rounds(&decisions);
    }
    decision_log_close(&decisions.log);
    decision_program_close(&decisions.program);
    if (decisions.lock >= 0)
        (void)close(decisions.lock);
    settings_free(&decisions.settings);
    return result;
}
