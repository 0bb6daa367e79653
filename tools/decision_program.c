#include "tools/decision_program.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tools/exit_code.h"
#include "tools/verb.h"

#define RETRIED_S ((time_t)7 * 24 * 3600) /* what is older and fails again is dropped */

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

static enum decision_fate run_one(const struct decision_program *program,
                                  const struct hygiene_change *change)
{
    struct decision_words words;
    char buffer[512];
    struct text why;
    enum decision_fate fate;

    if (!decision_words_make(change, &words))
        return DECISION_DONE;
    text_init(&why, buffer, sizeof(buffer) - 1);
    fate = decision_command_run(&program->command, &words, &why);
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
static int keep_only(struct decision_program *program, const bool *keep)
{
    uint32_t kept = 0;
    int result;

    for (uint32_t i = 0; i < program->failed.count; i++)
        if (keep[i])
            program->tried[kept++] = program->tried[i];
    result = decision_failed_keep(&program->failed, keep);
    return result < 0 ? complain(program->failed.path, result) : 0;
}

/* The program is not told of withdrawals: then a suppression that still waits is not told either.
 */
static int forget_waiting(struct decision_program *program, const struct hygiene_change *change)
{
    static bool keep[DECISION_FAILED_MAX];

    if (!decision_failed_has(&program->failed, change))
        return 0;
    for (uint32_t i = 0; i < program->failed.count; i++)
        keep[i] = !decision_failed_is(&program->failed, i, change);
    return keep_only(program, keep);
}

static int drop_oldest(struct decision_program *program)
{
    static bool keep[DECISION_FAILED_MAX];
    struct hygiene_change oldest;
    struct decision_words words;
    size_t offset = 0;

    if (decision_failed_next(&program->failed, &offset, &oldest) &&
        decision_words_make(&oldest, &words))
        (void)fprintf(stderr, "ringpost bounce: %s %s on %s: %u decisions wait: it is dropped\n",
                      words.words[DECISION_ADDRESS], words.words[DECISION_WHAT],
                      words.words[DECISION_LIST], program->failed.count);
    memset(keep, true, sizeof(keep));
    keep[0] = false;
    return keep_only(program, keep);
}

int decision_program_prepare(struct decision_program *program, const struct policy *policy)
{
    struct decision_command *command = &program->command;
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

int decision_program_open(struct decision_program *program, const char *path)
{
    return decision_failed_open(&program->failed, path);
}

void decision_program_close(struct decision_program *program)
{
    decision_failed_close(&program->failed);
}

void decision_program_round(struct decision_program *program)
{
    memset(program->tried, 0, sizeof(program->tried));
}

int decision_program_tell(struct decision_program *program, const struct hygiene_change *change)
{
    enum decision_fate fate = DECISION_FAILED;
    bool tried = false;
    int result;

    if (!program->withdrawn && change->kind == HYGIENE_WITHDRAW)
        return forget_waiting(program, change);
    if (!decision_failed_has(&program->failed, change)) {
        fate = run_one(program, change);
        tried = true;
    }
    if (fate == DECISION_NOT_STARTED)
        return EXIT_TRY_AGAIN;
    if (fate == DECISION_FAILED) {
        if (program->failed.count == DECISION_FAILED_MAX && drop_oldest(program) != 0)
            return EXIT_TRY_AGAIN;
        result = decision_failed_add(&program->failed, change);
        if (result < 0)
            return complain(program->failed.path, result);
        program->tried[program->failed.count - 1] = tried;
    }
    return 0;
}

int decision_program_retry(struct decision_program *program)
{
    static bool keep[DECISION_FAILED_MAX];
    static uint64_t still[DECISION_FAILED_MAX];
    uint32_t still_count = 0, left = 0;
    struct hygiene_change change;
    size_t offset = 0;
    bool started = true;

    if (now_ns() - program->retried_ns < program->retry_ns)
        return 0;
    for (uint32_t i = 0; decision_failed_next(&program->failed, &offset, &change); i++) {
        uint64_t hash = program->failed.hashes[i];
        bool waits = !started || *program->stop != 0 || program->tried[i];

        for (uint32_t k = 0; k < still_count && !waits; k++)
            waits = still[k] == hash;
        if (!waits) {
            enum decision_fate fate = run_one(program, &change);

            started = fate != DECISION_NOT_STARTED;
            waits =
                fate == DECISION_NOT_STARTED || (fate == DECISION_FAILED && !is_too_old(&change));
        }
        if (waits)
            still[still_count++] = hash;
        keep[i] = waits;
        left += waits;
    }
    program->retried_ns = now_ns();
    if (left == program->failed.count)
        return started ? 0 : EXIT_TRY_AGAIN;
    return keep_only(program, keep) == 0 && started ? 0 : EXIT_TRY_AGAIN;
}
