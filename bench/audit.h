/* audit.h - `ringpost-bench audit`: what the sink accepted against what the events say.
 *
 * A recipient is known by the identity in a signed return path, else by address and return path.
 *   lost        said to be delivered, more often than the sink accepted it
 *   duplicates  accepted more often than there are entries of the list for it
 *   strangers   accepted, and no event knows of it, or another recipient's return path was used
 *   unreported  accepted, but no event says delivered (the answer was lost, or not written down) */
#ifndef BENCH_AUDIT_H
#define BENCH_AUDIT_H

/* arguments[0] is the verb. Returns the exit status: 1 when any was lost, doubled or strange. */
int audit_run(int count, char **arguments);

#endif
