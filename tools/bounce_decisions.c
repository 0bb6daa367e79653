/* bounce_decisions.c - `ringpost bounce decisions`: what hygiene decided about the subscribers of
 * somebody else's lists, handed back: as lines, or to a program, once at least. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "tools/bounce_verbs.h"
#include "tools/decision_command.h"
#include "tools/decision_failed.h"
#include "tools/decision_log.h"
#include "tools/exit_code.h"
#include "tools/option_reader.h"
#include "tools/settings.h"
#include "tools/verb.h"

#define LOOK_NS NS_PER_S
#define RETRY_NS (60 * NS_PER_S)
#define RETRIED_S ((time_t)7 * 24 * 3600) /* what is older and fails again is dropped */
#define PATH_ROOM (POLICY_PATH_MAX + 64)

struct decisions {
    const char *config;
    const char *folder;
    const char *cursor_given;
    bool csv;
    bool all;
    bool withdrawn; /* withdrawals go to the program too */
    bool run;
    bool follow;
    uint64_t retry_ns;
    struct settings settings;
    struct decision_command command;
    struct decision_log log;
    struct decision_failed failed;
    struct decision_cursor saved;
    char cursor_path[PATH_ROOM]; /* "": everything, always */
    int lock;
    bool headed;
    uint64_t retried_ns;
    bool tried[DECISION_FAILED_MAX]; /* of those that wait: in this round already */
};

static volatile sig_atomic_t stopped;

static void on_stop(int signal)
{
    (void)signal;
    stopped = 1;
}

static uint64_t now_ns(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
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

/* --- to a program --- */

static enum decision_fate run_one(struct decisions *decisions, const struct hygiene_change *change)
{
    struct decision_words words;
    char buffer[512];
    struct text why;
    enum decision_fate fate;

    if (!decision_words_make(change, &words))
        return DECISION_DONE;
    text_init(&why, buffer, sizeof(buffer) - 1);
    fate = decision_command_run(&decisions->command, &words, &why);
    if (fate != DECISION_DONE)
        (void)fprintf(stderr, "ringpost bounce: %s %s on %s: %s%s\n", words.words[DECISION_ADDRESS],
                      words.words[DECISION_WHAT], words.words[DECISION_LIST], text_cstr_end(&why),
                      fate == DECISION_FAILED    ? "; it is tried again later"
                      : fate == DECISION_REFUSED ? "; it is passed over"
                                                 : "");
    return fate;
}

/* After another try that failed. */
static bool is_too_old(const struct hygiene_change *change)
{
    struct decision_words words;

    if (time(NULL) < RETRIED_S || change->time_s > (uint64_t)(time(NULL) - RETRIED_S))
        return false;
    if (decision_words_make(change, &words))
        (void)fprintf(
            stderr, "ringpost bounce: %s %s on %s: it is older than seven days and is dropped\n",
            words.words[DECISION_ADDRESS], words.words[DECISION_WHAT], words.words[DECISION_LIST]);
    return true;
}

/* Only these go on waiting. */
static int keep_only(struct decisions *decisions, const bool *keep)
{
    uint32_t kept = 0;
    int result;

    for (uint32_t i = 0; i < decisions->failed.count; i++)
        if (keep[i])
            decisions->tried[kept++] = decisions->tried[i];
    result = decision_failed_keep(&decisions->failed, keep);
    return result < 0 ? complain(decisions->failed.path, result) : 0;
}

/* Each of those that failed, in order, but none behind an earlier one of the same address. After
 * the journal has been read: what was withdrawn meanwhile is not carried out. */
static int retry(struct decisions *decisions)
{
    static bool keep[DECISION_FAILED_MAX];
    static uint64_t still[DECISION_FAILED_MAX];
    uint32_t still_count = 0, left = 0;
    struct hygiene_change change;
    size_t offset = 0;
    bool started = true;

    for (uint32_t i = 0; decision_failed_next(&decisions->failed, &offset, &change); i++) {
        uint64_t hash = decisions->failed.hashes[i];
        bool waits = !started || stopped != 0 || decisions->tried[i];

        for (uint32_t k = 0; k < still_count && !waits; k++)
            waits = still[k] == hash;
        if (!waits) {
            enum decision_fate fate = run_one(decisions, &change);

            started = fate != DECISION_NOT_STARTED;
            waits =
                fate == DECISION_NOT_STARTED || (fate == DECISION_FAILED && !is_too_old(&change));
        }
        if (waits)
            still[still_count++] = hash;
        keep[i] = waits;
        left += waits;
    }
    decisions->retried_ns = now_ns();
    if (left == decisions->failed.count)
        return started ? 0 : EXIT_TRY_AGAIN;
    return keep_only(decisions, keep) == 0 && started ? 0 : EXIT_TRY_AGAIN;
}

/* The program is not told of withdrawals: then a suppression that still waits is not told either.
 */
static int forget_waiting(struct decisions *decisions, const struct hygiene_change *change)
{
    static bool keep[DECISION_FAILED_MAX];

    if (!decision_failed_has(&decisions->failed, change))
        return save(decisions);
    for (uint32_t i = 0; i < decisions->failed.count; i++)
        keep[i] = !decision_failed_is(&decisions->failed, i, change);
    return keep_only(decisions, keep) == 0 ? save(decisions) : EXIT_TRY_AGAIN;
}

static int drop_oldest(struct decisions *decisions)
{
    static bool keep[DECISION_FAILED_MAX];
    struct hygiene_change oldest;
    struct decision_words words;
    size_t offset = 0;

    if (decision_failed_next(&decisions->failed, &offset, &oldest) &&
        decision_words_make(&oldest, &words))
        (void)fprintf(stderr, "ringpost bounce: %s %s on %s: %u decisions wait: it is dropped\n",
                      words.words[DECISION_ADDRESS], words.words[DECISION_WHAT],
                      words.words[DECISION_LIST], decisions->failed.count);
    memset(keep, true, sizeof(keep));
    keep[0] = false;
    return keep_only(decisions, keep);
}

static int hand_to_program(struct decisions *decisions, const struct hygiene_change *change)
{
    enum decision_fate fate = DECISION_FAILED;
    bool tried = false;
    int result;

    if (!decisions->all && !decisions->withdrawn && change->kind == HYGIENE_WITHDRAW)
        return forget_waiting(decisions, change);
    if (!decision_failed_has(&decisions->failed, change)) {
        fate = run_one(decisions, change);
        tried = true;
    }
    if (fate == DECISION_NOT_STARTED)
        return EXIT_TRY_AGAIN;
    if (fate == DECISION_FAILED) {
        if (decisions->failed.count == DECISION_FAILED_MAX && drop_oldest(decisions) != 0)
            return EXIT_TRY_AGAIN;
        result = decision_failed_add(&decisions->failed, change);
        if (result < 0)
            return complain(decisions->failed.path, result);
        decisions->tried[decisions->failed.count - 1] = tried;
    }
    return save(decisions);
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

static int round_of(struct decisions *decisions)
{
    struct hygiene_change change;
    int found = 0, result = 0;

    memset(decisions->tried, 0, sizeof(decisions->tried));
    while (result == 0 && stopped == 0) {
        struct decision_cursor before = decisions->log.cursor;

        found = decision_log_next(&decisions->log, &change);
        if (found <= 0)
            break;
        if (!decisions->all && !decision_words_of_list(&change))
            continue;
        result = decisions->run ? hand_to_program(decisions, &change) : print(decisions, &change);
        if (result != 0)
            decisions->log.cursor = before; /* it was not handed over */
    }
    if (result == 0 && found == 0 && stopped == 0 && decisions->run &&
        now_ns() - decisions->retried_ns >= decisions->retry_ns)
        result = retry(decisions);
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
    if (result == 0 && decisions->run && decisions->failed.count > 0) {
        (void)fprintf(stderr, "ringpost bounce: %u decisions wait for another try\n",
                      decisions->failed.count);
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

    decisions->retry_ns = RETRY_NS;
    option_reader_init(&reader, argc, argv, long_options);
    while ((option = option_reader_next(&reader)) != -1) {
        decisions->csv = decisions->csv || option == 'v';
        decisions->all = decisions->all || option == 'a';
        decisions->run = decisions->run || option == 'x';
        decisions->withdrawn = decisions->withdrawn || option == 'w';
        decisions->follow = decisions->follow || option == 'f';
        if (option == 'c')
            decisions->config = optarg;
        else if (option == 's')
            decisions->folder = optarg;
        else if (option == 'u')
            decisions->cursor_given = optarg;
        else if (option == OPTION_READER_WRONG)
            return verb_complain("bounce", "%s", reader.problem);
        else if (option == 'r' && !config_parse_duration(span_cstr(optarg), &decisions->retry_ns))
            return verb_complain("bounce", "--retry takes a time such as 60s");
    }
    if (optind < argc)
        return verb_complain("bounce", "\"%s\" is not understood", argv[optind]);
    if (decisions->run && decisions->csv)
        return verb_complain("bounce", "--run prints nothing: drop --csv");
    return 0;
}

static int prepare_command(struct decisions *decisions)
{
    const struct policy *policy = decisions->settings.policy;
    struct decision_command *command = &decisions->command;
    const char *item = NULL;

    command->items_count = policy->decision_command.count;
    command->timeout_ns = policy->decision_timeout_ns;
    for (uint32_t i = 0; i < command->items_count; i++)
        command->items[i] = policy->decision_command_items[i];
    if (command->items_count == 0)
        return verb_complain("bounce", "--run needs bounces.decision_command");
    if (!decision_command_check(command, &item))
        return verb_complain("bounce", "bounces.decision_command: \"%s\" has an unknown name",
                             item);
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
        result = decision_failed_open(&decisions->failed, path);
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
    result = parse(&decisions, argc, argv);
    if (result == 0)
        result = settings_load_policy(&decisions.settings, decisions.config, decisions.folder);
    if (result != 0)
        return result;
    if (decisions.run)
        result = prepare_command(&decisions);
    if (result == 0)
        result = open_state(&decisions);
    if (result == 0) {
        catch_signals();
        result = rounds(&decisions);
    }
    decision_log_close(&decisions.log);
    decision_failed_close(&decisions.failed);
    if (decisions.lock >= 0)
        (void)close(decisions.lock);
    settings_free(&decisions.settings);
    return result;
}
