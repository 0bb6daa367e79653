/* run_identity.h - the sink's certificate for `ringpost-bench run --tls`: made anew for the run, as
 * two files in its folder. */
#ifndef BENCH_RUN_IDENTITY_H
#define BENCH_RUN_IDENTITY_H

#include "bench/identity.h"

struct run_identity {
    struct identity_pem identity;
    char certificate_path[1100];
    char key_path[1100];
};

/* Files of mode 0600 in `folder`. 0 or -errno. */
MUST_USE int run_identity_make(struct run_identity *identity, const char *folder);

#endif
