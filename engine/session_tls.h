/* session_tls.h - TLS between a session's socket and its SMTP machine.
 *
 * The glue of tls/ and the session: how TLS is tried, the handshake, and both directions through
 * the filter. Octets in clear that came before the handshake never get here (smtp.h). The machine
 * writes into shard->plain_out, lent to one session within a turn; at the end of the turn it is
 * encrypted into the session's own buffer, so that a flight stays one send.
 *
 * Decides nothing about mail: what came of it stands in level, tls_fault and tls_words of the
 * session, for secrecy.h to judge. */
#ifndef ENGINE_SESSION_TLS_H
#define ENGINE_SESSION_TLS_H

#include "engine/policy.h"
#include "engine/session.h"

/* The filter may add so much to a flight: records' overhead and answers of the protocol. */
#define SESSION_TLS_RESERVE 1024
/* Plaintext is read only with so much room for what the machine writes in answer to it. */
#define SESSION_TLS_ROOM_MIN ((size_t)8 * SMTP_BURST_MAX)

/* Steps of handshakes in one turn: each may cost a millisecond of public-key work, and everybody
 * else waits meanwhile. */
#define SESSION_TLS_SHAKES_MAX 4

enum session_tls_step {
    SESSION_TLS_WAITS, /* the input is used up: send, then wait */
    SESSION_TLS_FULL,  /* send first */
    SESSION_TLS_UP,    /* the machine has been told; what is left of the input is to be read */
    SESSION_TLS_OVER   /* the handshake failed; session->tls_fault says why */
};

enum session_tls_answer {
    SESSION_TLS_KNOWS,  /* session->dane says it */
    SESSION_TLS_ASKS,   /* the dns room will name the waiter: call again */
    SESSION_TLS_REFUSES /* no mail that waits may go there: session->tls_fault */
};

/* Before the connection: the host's TLSA records (RFC 7672), where they count. */
enum session_tls_answer session_tls_records(struct shard *shard, struct session *session,
                                            uint64_t waiter);
/* Before smtp_init: how TLS is tried on this session; sets tls_tried and tls_first. */
enum smtp_tls session_tls_mode(struct shard *shard, struct session *session,
                               const struct policy_route *route);
/* SMTP_WANT_TLS: false when no handshake can begin (memory). Writes nothing yet. */
MUST_USE bool session_tls_begin(struct shard *shard, struct session *session);
/* Whether the next step of the handshake may be taken in this turn. If not, the session waits among
 * shard->shakers, first come first served, and is pumped in a later turn. One that cannot hold more
 * of what comes in does not wait. */
MUST_USE bool session_tls_may_shake(struct shard *shard, struct session *session,
                                    struct span input);
/* Consumes what belongs to the handshake; session->wire must be there. */
MUST_USE enum session_tls_step session_tls_shake(struct shard *shard, struct session *session,
                                                 struct span *input);
/* It ended over TLS before TLS itself could say why: in the words of the session's end. */
void session_tls_explain(struct session *session, const struct outcome *end);
/* A session without input that waits for TLS: nothing comes any more. */
void session_tls_lost(struct session *session);
/* Encrypts what the machine has written; false when the filter is broken. */
MUST_USE bool session_tls_seal(struct shard *shard, struct session *session);
/* Gives back what TLS holds; in any state. */
void session_tls_release(struct shard *shard, struct session *session);
/* The last word of TLS, behind everything else. */
void session_tls_close(struct session *session);

#endif
