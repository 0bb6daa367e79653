/* run_sink.h - the sink as a child process of the bench, on a free port of loopback.
 *
 * The child dies with this process. Owns the process and two pipes between start and stop. */
#ifndef BENCH_RUN_SINK_H
#define BENCH_RUN_SINK_H

#include <sys/types.h>

#include "base/text.h"
#include "bench/run_identity.h"
#include "bench/run_options.h"

struct run_sink {
    pid_t pid; /* 0: none */
    int out;   /* its standard output and error */
    int err;
    uint16_t port;
};

struct run_sink_result {
    uint64_t connections;
    uint64_t messages;
    uint64_t bytes;
    uint64_t duplicates;
    uint64_t untracked;
    uint64_t protocol_errors;
    uint64_t peak_connections;
    uint64_t tls_sessions;
    uint64_t tls_resumed;
    uint64_t tls_messages;
    double cpu_s;
};

/* `identity` when options->tls. 0, or -errno and *error; then nothing runs. */
MUST_USE int run_sink_start(struct run_sink *sink, const struct run_options *options,
                            const struct run_identity *identity, struct text *error);
/* Ends it, waits for it, reads its account. 0, or -errno and *error; nothing runs afterwards. */
MUST_USE int run_sink_stop(struct run_sink *sink, struct run_sink_result *ret_result,
                           struct text *error);

#endif
