#include "bench/sink.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "bench/sink_thread.h"

struct gathering {
    struct sink sink;
    pthread_barrier_t opened;  /* every thread has tried to open */
    pthread_barrier_t decided; /* the first has seen how they fared */
    bool go;
    pthread_t ids[SINK_THREADS_MAX]; /* apart: a thread sets up its own struct */
    struct sink_thread threads[SINK_THREADS_MAX];
};

static void add_counts(struct sink_counts *sum, const struct sink_counts *counts)
{
    sum->connections += counts->connections;
    sum->messages += counts->messages;
    sum->recipients += counts->recipients;
    sum->rejected += counts->rejected;
    sum->bytes += counts->bytes;
    sum->duplicates += counts->duplicates;
    sum->untracked += counts->untracked;
    sum->without_message_id += counts->without_message_id;
    sum->protocol_errors += counts->protocol_errors;
    sum->surplus += counts->surplus;
    sum->tls_sessions += counts->tls_sessions;
    sum->tls_resumed += counts->tls_resumed;
    sum->tls_failures += counts->tls_failures;
    sum->tls_messages += counts->tls_messages;
    if (sum->ledger_error == 0)
        sum->ledger_error = counts->ledger_error;
}

struct start {
    struct gathering *gathering;
    uint32_t index;
};

static void *thread_main(void *argument)
{
    struct start *start = argument;
    struct gathering *gathering = start->gathering;
    struct sink_thread *thread = &gathering->threads[start->index];

    thread->result = sink_thread_open(thread, &gathering->sink, start->index);
    (void)pthread_barrier_wait(&gathering->opened); /* says only who came last */
    (void)pthread_barrier_wait(&gathering->decided);
    if (gathering->go)
        sink_thread_run(thread);
    sink_thread_close(thread);
    return NULL;
}

static void print_listeners(const struct sink *sink)
{
    char buffer[64 * SINK_LISTENERS_MAX];
    struct text text;

    text_init(&text, buffer, sizeof(buffer));
    for (uint32_t i = 0; i < sink->options->listeners_count; i++) {
        struct ip_port address = sink->options->listeners[i];

        text_add_cstr(&text, sink->ports[i] != 0 ? "listening " : "refusing ");
        if (sink->ports[i] != 0)
            address.port = sink->ports[i];
        ip_write_port(&text, &address);
        text_add_byte(&text, '\n');
    }
    (void)fwrite(text.data, 1, text.size, stderr); /* nobody to tell */
    (void)fflush(stderr);
}

static int first_failure(const struct gathering *gathering, uint32_t count, struct text *error)
{
    for (uint32_t i = 0; i < count; i++) {
        if (gathering->threads[i].result == 0)
            continue;
        text_add(error, text_span(&gathering->threads[i].error));
        return gathering->threads[i].result;
    }
    return 0;
}

/* The wakes travel with the next wait; whatever comes with it is for nobody any more. */
static void wake_others(struct io *io, uint32_t count)
{
    struct io_event last;
    uint32_t late_count;

    for (uint32_t i = 1; i < count; i++)
        io_wake(io, i);
    late_count = io_wait(io, 0, &last, 1);
    (void)late_count;
}

/* The first thread is open. Starts the others, works, and waits for all. */
static int run_threads(struct gathering *gathering, struct text *error)
{
    uint32_t count = gathering->sink.options->threads;
    struct start starts[SINK_THREADS_MAX];
    int result;

    CHECK(pthread_barrier_init(&gathering->opened, NULL, count) == 0);
    CHECK(pthread_barrier_init(&gathering->decided, NULL, count) == 0);
    for (uint32_t i = 1; i < count; i++) {
        starts[i] = (struct start){.gathering = gathering, .index = i};
        /* A barrier of fewer than was promised would wait for ever: no way on from here. */
        CHECK(pthread_create(&gathering->ids[i], NULL, thread_main, &starts[i]) == 0);
    }
    (void)pthread_barrier_wait(&gathering->opened); /* says only who came last */
    result = first_failure(gathering, count, error);
    gathering->go = result == 0;
    if (gathering->go)
        print_listeners(&gathering->sink);
    (void)pthread_barrier_wait(&gathering->decided);
    if (gathering->go)
        sink_thread_run(&gathering->threads[0]);
    atomic_store(&gathering->sink.stopping, true);
    if (gathering->go)
        wake_others(gathering->threads[0].io, count);
    for (uint32_t i = 1; i < count; i++)
        (void)pthread_join(gathering->ids[i], NULL); /* it exists and is joined once */
    return result;
}

static int open_tls(struct sink *sink, struct text *error)
{
    const struct sink_options *options = sink->options;
    struct tls_context_options tls = {
        .role = TLS_SERVER, .identities = &options->identity, .identities_count = 1};

    if (options->identity.certificate_pem.size == 0)
        return 0;
    text_add_cstr(error, "TLS: ");
    return tls_context_open(&sink->tls, &tls, error);
}

static int open_shared(struct gathering *gathering, struct text *error)
{
    struct sink *sink = &gathering->sink;
    const struct sink_options *options = sink->options;

    int result = open_tls(sink, error);

    if (result < 0)
        return result;
    text_reset(error);
    sink->ledger_file = options->ledger != NULL ? ledger_create(options->ledger) : -1;
    if (options->ledger != NULL && sink->ledger_file < 0) {
        text_add_format(error, "%s: %s", options->ledger, strerrordesc_np(-sink->ledger_file));
        tls_context_close(&sink->tls);
        return sink->ledger_file;
    }
    doubles_open(&sink->doubles, options->doubles_max);
    return io_group_open(&sink->group, options->threads);
}

int sink_run(const struct sink_options *options, struct sink_counts *ret_counts, struct text *error)
{
    struct gathering *gathering = calloc(1, sizeof(*gathering));
    int result;

    if (gathering == NULL)
        return -ENOMEM;
    gathering->sink.options = options;
    result = open_shared(gathering, error);
    if (result < 0) {
        free(gathering);
        return result;
    }
    gathering->threads[0].result = sink_thread_open(&gathering->threads[0], &gathering->sink, 0);
    result = gathering->threads[0].result;
    if (result < 0)
        text_add(error, text_span(&gathering->threads[0].error));
    else
        result = run_threads(gathering, error);
    sink_thread_close(&gathering->threads[0]);
    memset(ret_counts, 0, sizeof(*ret_counts));
    for (uint32_t i = 0; i < options->threads; i++)
        add_counts(ret_counts, &gathering->threads[i].counts);
    ret_counts->peak_connections = gathering->sink.connections_peak;
    io_group_close(gathering->sink.group);
    doubles_close(&gathering->sink.doubles);
    tls_context_close(&gathering->sink.tls);
    if (gathering->sink.ledger_file >= 0 && close(gathering->sink.ledger_file) < 0 &&
        ret_counts->ledger_error == 0)
        ret_counts->ledger_error = errno;
    free(gathering);
    return result;
}
