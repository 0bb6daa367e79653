/* receiver_command.h - what bench/receiver answers, command by command.
 *
 * Each function writes the reply that is due, or what the persona does instead, and returns the
 * state that follows. Private to bench/receiver. */
#ifndef BENCH_RECEIVER_COMMAND_H
#define BENCH_RECEIVER_COMMAND_H

#include "bench/receiver.h"

enum receiver_state receiver_command_greeting(struct receiver *receiver, struct text *out);
/* One command line without its end. `more`: other octets came along behind it. */
enum receiver_state receiver_command(struct receiver *receiver, struct span line, bool more,
                                     struct text *out);
/* The content is whole. */
enum receiver_state receiver_command_dot(struct receiver *receiver, struct text *out);
enum receiver_state receiver_command_chunk_end(struct receiver *receiver, struct text *out);
/* Forgets the transaction. */
void receiver_command_reset(struct receiver *receiver);

#endif
