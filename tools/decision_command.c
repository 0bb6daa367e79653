#include "tools/decision_command.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"

#define ARGUMENTS_ROOM ((size_t)64 * KIB)
#define ENVIRONMENT_MAX 512

struct arguments {
    char *items[DECISION_COMMAND_ARGS_MAX + 1];
    char bytes[ARGUMENTS_ROOM];
};

struct environment {
    char *items[ENVIRONMENT_MAX + 1];
    char bytes[4096];
};

/* "{address}" at the front: which word, and how long its name is with its braces. */
static bool name_at(const char *text, enum decision_word *ret_word, size_t *ret_size)
{
    for (unsigned i = 0; i < DECISION_WORD_COUNT; i++) {
        const char *name = decision_words_name((enum decision_word)i);
        size_t size = strlen(name);

        if (text[0] != '{' || strncmp(text + 1, name, size) != 0 || text[size + 1] != '}')
            continue;
        *ret_word = (enum decision_word)i;
        *ret_size = size + 2;
        return true;
    }
    return false;
}

static bool is_name(const char *text)
{
    size_t size = 1;

    while (text[size] == '_' || islower((unsigned char)text[size]))
        size++;
    return text[0] == '{' && size > 1 && text[size] == '}';
}

bool decision_command_check(const struct decision_command *command, const char **ret_item)
{
    enum decision_word word;
    size_t size;

    for (uint32_t i = 0; i < command->items_count; i++) {
        for (const char *at = command->items[i]; *at != '\0'; at++) {
            if (!is_name(at) || name_at(at, &word, &size))
                continue;
            *ret_item = command->items[i];
            return false;
        }
    }
    return true;
}

/* One argument with its words put in. False: a word would make an option of it. */
static bool fill(const char *item, const struct decision_words *decision, struct text *out)
{
    size_t begin = out->size;
    enum decision_word word;
    size_t size;

    for (const char *at = item; *at != '\0'; at += size) {
        size = 1;
        if (name_at(at, &word, &size))
            text_add_cstr(out, decision->words[word]);
        else
            text_add_byte(out, (uint8_t)*at);
    }
    text_add_byte(out, '\0');
    return item[0] == '-' || out->overflow || out->data[begin] != '-';
}

static bool fill_all(const struct decision_command *command, const struct decision_words *decision,
                     struct arguments *arguments, struct text *why)
{
    struct text text;

    CHECK(command->items_count > 0);
    text_init(&text, arguments->bytes, sizeof(arguments->bytes));
    for (uint32_t i = 0; i < command->items_count; i++) {
        arguments->items[i] = arguments->bytes + text.size;
        if (!fill(command->items[i], decision, &text)) {
            text_add_format(why, "\"%s\" would be taken for an option", arguments->items[i]);
            return false;
        }
    }
    arguments->items[command->items_count] = NULL;
    if (text.overflow)
        text_add_cstr(why, "the arguments are too long");
    return !text.overflow;
}

/* "RINGPOST_LIST_NAME=", whatever the locale's letters are. */
static void add_variable(const char *name, struct text *out)
{
    text_add_cstr(out, "RINGPOST_");
    for (; *name != '\0'; name++)
        text_add_byte(out, (uint8_t)(*name >= 'a' && *name <= 'z' ? *name - 'a' + 'A' : *name));
    text_add_byte(out, '=');
}

static void make_environment(const struct decision_words *decision, struct environment *into)
{
    uint32_t count = 0;
    struct text text;

    text_init(&text, into->bytes, sizeof(into->bytes));
    for (unsigned i = 0; i < DECISION_WORD_COUNT; i++) {
        into->items[count++] = into->bytes + text.size;
        add_variable(decision_words_name((enum decision_word)i), &text);
        text_add_cstr(&text, decision->words[i]);
        text_add_byte(&text, '\0');
    }
    for (uint32_t i = 0; environ[i] != NULL && count < ENVIRONMENT_MAX; i++)
        if (strncmp(environ[i], "RINGPOST_", strlen("RINGPOST_")) != 0)
            into->items[count++] = environ[i];
    into->items[count] = NULL;
}

/* A process group of its own, no input, signals as a program expects them. */
static int start(struct arguments *arguments, struct environment *environment, pid_t *ret_pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, defaults;
    int result;

    (void)sigemptyset(&none);
    (void)sigfillset(&defaults);
    (void)sigdelset(&defaults, SIGKILL);
    (void)sigdelset(&defaults, SIGSTOP);
    if (posix_spawn_file_actions_init(&files) != 0)
        return ENOMEM;
    if (posix_spawnattr_init(&attributes) != 0) {
        (void)posix_spawn_file_actions_destroy(&files);
        return ENOMEM;
    }
    result = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (result == 0)
        result = posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
    if (result == 0)
        result = posix_spawnattr_setflags(
            &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (result == 0)
        result = posix_spawnattr_setsigmask(&attributes, &none);
    if (result == 0)
        result = posix_spawnattr_setsigdefault(&attributes, &defaults);
    if (result == 0)
        result = posix_spawnp(ret_pid, arguments->items[0], &files, &attributes, arguments->items,
                              environment->items);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&files);
    return result;
}

/* True: it ended by itself in time. A child that cannot be watched is waited for. */
static bool watch(pid_t pid, uint64_t timeout_ns)
{
    int watched = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd wait = {.fd = watched, .events = POLLIN};
    int ready;

    if (watched < 0)
        return true;
    do
        ready = poll(&wait, 1, (int)(timeout_ns / NS_PER_MS));
    while (ready < 0 && errno == EINTR);
    (void)close(watched);
    return ready != 0;
}

enum decision_fate decision_command_run(const struct decision_command *command,
                                        const struct decision_words *decision, struct text *why)
{
    static struct arguments arguments;
    static struct environment environment;
    bool in_time;
    int status = 0, result;
    pid_t pid = 0;

    if (!fill_all(command, decision, &arguments, why))
        return DECISION_REFUSED;
    make_environment(decision, &environment);
    result = start(&arguments, &environment, &pid);
    if (result != 0) {
        text_add_format(why, "%s: %s", arguments.items[0], strerror(result));
        return DECISION_NOT_STARTED;
    }
    in_time = watch(pid, command->timeout_ns);
    if (!in_time)
        (void)kill(-pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (in_time && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return DECISION_DONE;
    if (!in_time)
        text_add_cstr(why, "it took too long and was killed");
    else if (WIFSIGNALED(status))
        text_add_format(why, "signal %d", WTERMSIG(status));
    else
        text_add_format(why, "exit status %d", WEXITSTATUS(status));
    return DECISION_FAILED;
}
