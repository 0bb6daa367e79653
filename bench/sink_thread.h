/* sink_thread.h - one thread of the sink: its ring, its listeners, its connections. */
#ifndef BENCH_SINK_THREAD_H
#define BENCH_SINK_THREAD_H

#include "base/slab.h"
#include "bench/ledger.h"
#include "bench/sink.h"
#include "bench/sink_connection.h"
#include "bench/sink_tls.h"

#define SINK_THREAD_EVENTS 256

struct sink_thread {
    struct sink *sink;
    uint32_t index;
    struct io *io;
    struct arena arena;
    struct slab connections;
    struct sink_held *held; /* by receive buffer */
    uint8_t *lines;         /* by connection */
    uint8_t *envelopes;
    uint8_t *outs;
    struct sink_tls *tls; /* by connection; NULL without TLS */
    struct list dirty;
    struct wheel wheel;
    struct prng prng;
    struct ledger ledger;
    uint64_t ledger_due_ns;
    uint64_t end_ns;
    bool bound[SINK_LISTENERS_MAX];
    uint32_t bound_count;
    int listen_error;
    struct sink_counts counts;
    int result;
    struct text error;
    char error_buffer[512];
};

/* By the thread that will run it. 0 or -errno; then thread->error says what. */
MUST_USE int sink_thread_open(struct sink_thread *thread, struct sink *sink, uint32_t index);
void sink_thread_run(struct sink_thread *thread);
void sink_thread_close(struct sink_thread *thread);

#endif
