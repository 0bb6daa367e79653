/* sink.h - an SMTP server that accepts mail as fast as the machine and keeps nothing but counts
 * and, when asked, a ledger.
 *
 * One thread a core if wanted, each with a ring, listeners of its own on the same ports and its own
 * connections; they share the set of messages seen, and nothing else that is written often. */
#ifndef BENCH_SINK_H
#define BENCH_SINK_H

#include <stdatomic.h>

#include "base/ip.h"
#include "base/table.h"
#include "bench/doubles.h"
#include "bench/receiver.h"
#include "io/io.h"
#include "tls/tls_context.h"

#define SINK_LISTENERS_MAX 64
#define SINK_THREADS_MAX 64

struct sink_options {
    struct receiver_options receiver;
    struct ip_port listeners[SINK_LISTENERS_MAX];
    uint32_t listeners_count;
    uint32_t threads;
    uint32_t connections_max; /* a thread */
    uint64_t delay_ns;
    uint64_t for_ns;              /* 0: until a signal */
    uint64_t doubles_max;         /* recipient and Message-ID pairs that are remembered */
    const char *ledger;           /* path, or NULL */
    struct tls_identity identity; /* for STARTTLS; empty: none */
    bool tls_at_once;             /* TLS before the greeting (RFC 8314) instead of STARTTLS */
};

struct sink_counts {
    uint64_t connections;
    uint64_t messages;
    uint64_t recipients;
    uint64_t rejected; /* recipients refused */
    uint64_t bytes;    /* of content after unstuffing */
    uint64_t duplicates;
    uint64_t untracked;          /* pairs that the set had no room for */
    uint64_t without_message_id; /* messages that cannot be told apart */
    uint64_t protocol_errors;
    uint64_t surplus; /* connections turned away, because all places were taken */
    uint64_t peak_connections;
    uint64_t tls_sessions; /* handshakes that succeeded */
    uint64_t tls_resumed;  /* of them, with a ticket */
    uint64_t tls_failures; /* handshakes and sessions that broke */
    uint64_t tls_messages; /* that came over TLS */
    int ledger_error;      /* errno, or 0 */
};

/* What the threads share. */
struct sink {
    const struct sink_options *options;
    struct io_group *group;
    struct doubles doubles;
    struct tls_context tls; /* zeroed without TLS */
    struct table_key hash_key;
    uint16_t ports[SINK_LISTENERS_MAX]; /* as bound by the first thread */
    int ledger_file;
    atomic_bool stopping;
    _Atomic uint64_t connections_now;
    _Atomic uint64_t connections_peak;
    _Atomic uint64_t connections_count;
};

/* Listens, says so on standard error ("listening ADDR:PORT"), and works until a signal or for_ns.
 * 0, or -errno and *error. */
MUST_USE int sink_run(const struct sink_options *options, struct sink_counts *ret_counts,
                      struct text *error);

#endif
