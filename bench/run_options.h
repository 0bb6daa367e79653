/* run_options.h - what `ringpost-bench run` is asked for. */
#ifndef BENCH_RUN_OPTIONS_H
#define BENCH_RUN_OPTIONS_H

#include "base/base.h"

#define RUN_OPTIONS_KEYS_MAX 2

struct run_options {
    uint32_t messages;
    uint32_t size; /* octets of one message, about */
    uint32_t recipients_per_domain;
    uint32_t shards;                  /* 0: one a core */
    uint32_t connections;             /* at once, all together: there is one site */
    uint32_t messages_per_connection; /* before it is closed */
    uint32_t sink_threads;
    uint32_t delay_ms;
    const char *durability; /* as in the configuration */
    const char *spool;      /* the folder in which the spool is made */
    bool no_pipelining;
    bool no_chunking;
    bool tls;
    bool verp;
    uint32_t dkim_count;
    const char *dkim[RUN_OPTIONS_KEYS_MAX]; /* files of keys that sign every message */
    uint32_t sign_threads;                  /* who make the signatures; 0: the shards */
    bool json;
    bool keep;
};

/* 0; -1: go no further, *ret_status is the exit status (help was printed, or a complaint). */
MUST_USE int run_options_parse(struct run_options *options, int count, char **arguments,
                               int *ret_status);

#endif
