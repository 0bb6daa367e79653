/* sink_command.h - `ringpost-bench sink`: options in, one JSON object out. */
#ifndef BENCH_SINK_COMMAND_H
#define BENCH_SINK_COMMAND_H

/* arguments[0] is the verb. Returns the exit status. */
int sink_command_run(int count, char **arguments);

#endif
