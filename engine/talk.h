/* talk.h - the dialogue of a connected session: replies in, commands and content out.
 *
 * Runs the SMTP machine over what was received, answers its wishes (mail, content, verdicts) and
 * keeps one output buffer only while octets are being written or sent. While the buffer is full,
 * received buffers are held back (SESSION_HELD_MAX); more than that is a flood and ends the
 * session.
 *
 * Every function that may end the session returns with state SESSION_CLOSING when it has. */
#ifndef ENGINE_TALK_H
#define ENGINE_TALK_H

#include "engine/session.h"

/* Everything that may have happened comes through here: run, then send and wait. */
void talk_pump(struct shard *shard, struct session *session);
/* The connection is lost for this cause: settles what is open and closes. */
void talk_lose(struct shard *shard, struct session *session, enum outcome_cause cause,
               int error_number);
/* The machine is over (a timeout): it has only verdicts left to give and nothing to say. */
void talk_run_out(struct shard *shard, struct session *session);
/* Begins to close a session in CONNECT or TALK whose transactions are all settled. */
void talk_close(struct shard *shard, struct session *session);
/* The session never came to speak: its address is avoided, the next one tried. */
void talk_failed_early(struct shard *shard, struct session *session, const struct outcome *outcome);
/* Signatures were made that this session may have waited for. */
void talk_signed(struct shard *shard, struct slab_handle handle);

#endif
