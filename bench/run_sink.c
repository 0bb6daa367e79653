#include "bench/run_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base.h"

#define ARGUMENTS_MAX 24
#define NUMBERS_SIZE 128
#define ANSWER_SIZE 4096
#define ANSWER_MS 60000 /* then the child is killed */

struct arguments {
    const char *words[ARGUMENTS_MAX];
    uint32_t count;
    char numbers[NUMBERS_SIZE];
    struct text text;
};

static void add_word(struct arguments *arguments, const char *word)
{
    arguments->words[arguments->count++] = word;
}

static void add_number(struct arguments *arguments, const char *word, uint64_t number)
{
    const char *written = arguments->numbers + arguments->text.size;

    text_add_u64(&arguments->text, number);
    text_add_byte(&arguments->text, 0);
    add_word(arguments, word);
    add_word(arguments, written);
}

static void make_arguments(struct arguments *arguments, const struct run_options *options,
                           const struct run_identity *identity)
{
    memset(arguments, 0, sizeof(*arguments));
    text_init(&arguments->text, arguments->numbers, sizeof(arguments->numbers));
    add_word(arguments, "ringpost-bench");
    add_word(arguments, "sink");
    add_word(arguments, "--listen");
    add_word(arguments, "127.0.0.1:0");
    add_number(arguments, "--threads", options->sink_threads);
    add_number(arguments, "--connections", options->connections + 64u);
    add_number(arguments, "--capacity", (uint64_t)options->messages * 2 + 65536);
    if (options->delay_ms > 0)
        add_number(arguments, "--delay", options->delay_ms);
    if (options->no_pipelining)
        add_word(arguments, "--no-pipelining");
    if (options->no_chunking)
        add_word(arguments, "--no-chunking");
    if (options->tls) {
        add_word(arguments, "--tls-cert");
        add_word(arguments, identity->certificate_path);
        add_word(arguments, "--tls-key");
        add_word(arguments, identity->key_path);
    }
}

/* In the child. */
static void become_sink(const struct arguments *arguments, const int *out, const int *err)
{
    char *words[ARGUMENTS_MAX + 1];
    sigset_t none;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    memcpy(words, arguments->words, sizeof(arguments->words));
    words[arguments->count] = NULL;
    if (dup2(out[1], STDOUT_FILENO) >= 0 && dup2(err[1], STDERR_FILENO) >= 0)
        (void)execv("/proc/self/exe", words);
    _exit(127);
}

/* Adds what comes until end of file, or until a whole line has come. -ETIME after a minute. */
static int read_answer(int file, struct text *answer, bool line_only)
{
    for (;;) {
        struct pollfd ready = {.fd = file, .events = POLLIN};
        int polled = poll(&ready, 1, ANSWER_MS);
        ssize_t size;

        if (polled < 0 && errno == EINTR)
            continue;
        if (polled <= 0)
            return polled < 0 ? -errno : -ETIME;
        if (text_room(answer) == 0)
            return -EFBIG;
        size = read(file, answer->data + answer->size, text_room(answer));
        if (size < 0)
            return -errno;
        answer->size += (size_t)size;
        if (size == 0 || (line_only && memchr(answer->data, '\n', answer->size) != NULL))
            return 0;
    }
}

static int read_port(struct run_sink *sink, struct text *error)
{
    char buffer[ANSWER_SIZE];
    struct text answer;
    struct span line, word;
    uint64_t port;
    int result;

    text_init(&answer, buffer, sizeof(buffer));
    result = read_answer(sink->err, &answer, true);
    line = text_span(&answer);
    line = span_split(&line, '\n');
    if (result == 0 && span_starts(line, SPAN("listening 127.0.0.1:"))) {
        word = span_skip(line, SPAN("listening 127.0.0.1:").size);
        if (span_number(word, 65535, &port)) {
            sink->port = (uint16_t)port;
            return 0;
        }
    }
    text_add_cstr(error, "the sink did not start: ");
    text_add_printable(error, line, 200);
    return result < 0 ? result : -EPROTO;
}

static void forget(struct run_sink *sink)
{
    (void)close(sink->out);
    (void)close(sink->err);
    memset(sink, 0, sizeof(*sink));
}

static void kill_now(struct run_sink *sink)
{
    (void)kill(sink->pid, SIGKILL);
    while (waitpid(sink->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    forget(sink);
}

static int open_pipes(int out[2], int err[2])
{
    int result;

    if (pipe2(out, O_CLOEXEC) < 0)
        return -errno;
    if (pipe2(err, O_CLOEXEC) == 0)
        return 0;
    result = -errno;
    (void)close(out[0]);
    (void)close(out[1]);
    return result;
}

int run_sink_start(struct run_sink *sink, const struct run_options *options,
                   const struct run_identity *identity, struct text *error)
{
    struct arguments arguments;
    int out[2] = {-1, -1}, err[2] = {-1, -1};
    int result = open_pipes(out, err);

    if (result < 0)
        return result;
    make_arguments(&arguments, options, identity);
    memset(sink, 0, sizeof(*sink));
    sink->pid = fork();
    if (sink->pid == 0)
        become_sink(&arguments, out, err);
    result = sink->pid < 0 ? -errno : 0;
    (void)close(out[1]);
    (void)close(err[1]);
    sink->out = out[0];
    sink->err = err[0];
    if (result < 0) {
        forget(sink);
        return result;
    }
    result = read_port(sink, error);
    if (result < 0)
        kill_now(sink);
    return result;
}

static uint64_t number_of(const json_t *object, const char *key)
{
    json_int_t value = json_integer_value(json_object_get(object, key));

    return value > 0 ? (uint64_t)value : 0;
}

static int read_account(struct span answer, struct run_sink_result *ret)
{
    json_t *object = json_loadb((const char *)answer.data, answer.size, 0, NULL);

    if (object == NULL)
        return -EPROTO;
    *ret = (struct run_sink_result){
        .connections = number_of(object, "connections"),
        .messages = number_of(object, "messages"),
        .bytes = number_of(object, "bytes"),
        .duplicates = number_of(object, "duplicates"),
        .untracked = number_of(object, "untracked"),
        .protocol_errors = number_of(object, "protocol_errors"),
        .peak_connections = number_of(object, "peak_connections"),
        .tls_sessions = number_of(object, "tls_sessions"),
        .tls_resumed = number_of(object, "tls_resumed"),
        .tls_messages = number_of(object, "tls_messages"),
        .cpu_s = json_number_value(json_object_get(object, "cpu_seconds")),
    };
    json_decref(object);
    return 0;
}

int run_sink_stop(struct run_sink *sink, struct run_sink_result *ret_result, struct text *error)
{
    char buffer[ANSWER_SIZE];
    struct text answer;
    int result;

    if (sink->pid == 0)
        return -ESRCH;
    (void)kill(sink->pid, SIGTERM);
    text_init(&answer, buffer, sizeof(buffer));
    result = read_answer(sink->out, &answer, false);
    if (result == 0)
        result = read_account(text_span(&answer), ret_result);
    kill_now(sink); /* it has ended, or it must */
    if (result < 0)
        text_add_cstr(error, "the sink gave no account of itself");
    return result;
}
