/* decision_program.h - tells a program of decisions, of each once at least.
 *
 * One whose program fails waits in a file (decision_failed.h) and is told again after a while, in
 * order, and none before an earlier one of the same address; what fails after seven days is
 * dropped, and so is the oldest when too many wait. What goes wrong is said on standard error.
 * Knows nothing of the journal and its cursor. Borrows the program's words and *stop. */
#ifndef TOOLS_DECISION_PROGRAM_H
#define TOOLS_DECISION_PROGRAM_H

#include <signal.h>

#include "engine/policy.h"
#include "tools/decision_command.h"
#include "tools/decision_failed.h"

struct decision_program {
    struct decision_command command;
    struct decision_failed failed;
    bool withdrawn;                    /* it is told of withdrawals too */
    uint64_t retry_ns;                 /* so long those that failed wait */
    const volatile sig_atomic_t *stop; /* not 0: no other one is begun */
    uint64_t retried_ns;
    bool tried[DECISION_FAILED_MAX]; /* of those that wait: in this round already */
};

/* The program that the policy names. 0, or an exit code after the complaint was printed. */
MUST_USE int decision_program_prepare(struct decision_program *program,
                                      const struct policy *policy);
/* Those that wait, in the file `path`. 0 or -errno. */
MUST_USE int decision_program_open(struct decision_program *program, const char *path);
void decision_program_close(struct decision_program *program);

/* A round begins: in it none is tried twice. */
void decision_program_round(struct decision_program *program);
/* One decision. 0: the program knows it, or it waits, durably; else an exit code after the
 * complaint was printed. */
MUST_USE int decision_program_tell(struct decision_program *program,
                                   const struct hygiene_change *change);
/* When it is time: each of those that wait, in order. After the journal has been read: what was
 * withdrawn meanwhile is not carried out. 0 or an exit code. */
MUST_USE int decision_program_retry(struct decision_program *program);

#endif
