/* run_signing.h - what `ringpost-bench run` signs with: key files, and a key for return paths. */
#ifndef BENCH_RUN_SIGNING_H
#define BENCH_RUN_SIGNING_H

#include "bench/run_options.h"
#include "engine/policy.h"
#include "message/verp.h"

/* Adds to the configuration what the options ask for. */
void run_signing_configure(const struct run_options *options, struct text *yaml);
/* Reads the keys that the policy names, for so many threads: shards and signers. 0 or -errno and
 * *error. */
MUST_USE int run_signing_open(struct policy *policy, uint32_t threads_count, struct text *error);
void run_signing_close(struct policy *policy);
/* One made-up key. */
void run_signing_verp(struct verp_keys *keys);

#endif
