/* verdict.h - why a transaction or a session ended, small enough to keep until somebody asks.
 *
 * Knows nothing of transactions. The words of a server stay in the reply reader, which reads
 * nothing more until the verdict is made into a struct outcome. A plain value. */
#ifndef SMTP_VERDICT_H
#define SMTP_VERDICT_H

#include "message/outcome.h"
#include "smtp/command.h"
#include "smtp/reply_reader.h"

struct verdict {
    enum outcome_kind kind; /* NONE with cause REPLY: as the reply says */
    enum outcome_stage stage;
    enum outcome_cause cause;
    int error_number;
    enum command awaited; /* for the words */
    const char *text;     /* static */
};

/* The reader's reply to this command decides. */
struct verdict verdict_reply(enum command command);
/* The reader's reply to this command ends the session: deferred, whatever it says. */
struct verdict verdict_refused(enum command command);
/* Replies that cannot be matched or read: deferred; after the dot unsure. */
struct verdict verdict_fault(enum command command, const char *text);
/* No reply: the connection went, time ran out, the process stops. */
struct verdict verdict_cause(enum command command, enum outcome_cause cause, int error_number);
/* No reply says it, but we: deferred. */
struct verdict verdict_failing(enum outcome_stage stage, enum outcome_cause cause,
                               const char *text);
/* A session ended as it should. */
struct verdict verdict_peace(void);
/* The envelope does not fit this server: failed. */
struct verdict verdict_unfit(enum command_fault fault);

void verdict_outcome(const struct verdict *verdict, const struct reply_reader *reader,
                     struct outcome *ret_outcome);

#endif
