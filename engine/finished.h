/* finished.h - a finished message made ready for the wire, as a submission agent does it (RFC 6409
 * 8): what is missing of Date, Message-ID and From is put in front, what must not be sent (Bcc,
 * Resent-Bcc, Return-Path; the "From " line of a mailbox file) is left out, everything else stays
 * octet by octet.
 *
 * Added fields derive from stored things only: Date from the campaign's time, Message-ID from its
 * identity and the sender's domain, From from the sender. So every attempt and every recipient gets
 * the same message. A message that begins with no header field at all is taken for a body.
 *
 * Owns nothing. */
#ifndef ENGINE_FINISHED_H
#define ENGINE_FINISHED_H

#include "base/span.h"
#include "base/text.h"

struct finished_origin {
    uint64_t campaign;
    uint64_t date_s;
    struct span sender; /* an address */
};

/* Octets that the new header can take at most. */
MUST_USE size_t finished_head_size(struct span message, const struct finished_origin *origin);
/* Writes the header with its blank line into `head`; *ret_body is what follows it in `message`. */
void finished_write(struct span message, const struct finished_origin *origin, struct text *head,
                    struct span *ret_body);

#endif
