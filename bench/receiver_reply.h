/* receiver_reply.h - what bench/receiver says: the usual reply of a step, or what the persona does.
 *
 * Knows nothing of commands, paths or content. A rule that demands another state than the usual one
 * leaves it in receiver->forced, and receiver_reply_next() takes it from there. Private to
 * bench/receiver. */
#ifndef BENCH_RECEIVER_REPLY_H
#define BENCH_RECEIVER_REPLY_H

#include "bench/receiver.h"

/* The rule in force for a step now, or NULL. */
const struct persona_rule *receiver_reply_rule(const struct receiver *receiver,
                                               enum persona_step step);
/* "250 2.0.0 ok", without the enhanced code for a persona that offers none. */
void receiver_reply_usual(const struct receiver *receiver, struct text *out, const char *usual);
/* The reply of a step: the usual one ("250 2.0.0 ok") or the persona's. The code that the client
 * sees; 0 when it sees none. */
uint16_t receiver_reply_to(struct receiver *receiver, enum persona_step step, struct text *out,
                           const char *usual);
/* A reply that no persona changes, to something that a client should not have said; it is counted.
 * The state is COMMAND. */
enum receiver_state receiver_reply_complain(struct receiver *receiver, struct text *out,
                                            const char *text);
/* What the rule for content does; the state that follows. */
enum receiver_state receiver_reply_body_rule(struct receiver *receiver,
                                             const struct persona_rule *rule, struct text *out);
/* The state after a reply: `next`, or what a rule demanded. */
enum receiver_state receiver_reply_next(struct receiver *receiver, enum receiver_state next);

#endif
