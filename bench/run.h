/* run.h - `ringpost-bench run`: fills a queue, starts a sink, drains, and reports.
 *
 * The whole engine in this process with its front thread and its shards; the sink is a child
 * process on loopback with its own accounting; a smart-host route leads to it, so that no name is
 * looked up. Leaves nothing behind: the spool is a fresh folder that is removed at the end. */
#ifndef BENCH_RUN_H
#define BENCH_RUN_H

/* arguments[0] is the verb. The exit status: 1 when anything was lost, doubled or not delivered. */
int run_command(int count, char **arguments);

#endif
