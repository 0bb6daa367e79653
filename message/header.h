/* header.h - the header fields of a message: taking them apart, and what kind each is.
 *
 * Reads messages as authors and mail programs write them: lines may end with CRLF, LF or CR. Spans
 * point into the text that was given. Nothing here decodes: words.h does.
 * Knows nothing of templates, bodies or MIME structure. Owns nothing. */
#ifndef MESSAGE_HEADER_H
#define MESSAGE_HEADER_H

#include "base/span.h"
#include "base/text.h"

/* RFC 5322 has no limit; a longer name could not be folded properly. */
#define HEADER_NAME_MAX 70

/* One field as it stands. */
struct header_field {
    struct span name;
    struct span body;  /* after the colon, folds included, without the last line end */
    struct span whole; /* name to last line end */
};

enum header_kind {
    HEADER_TEXT,       /* unstructured: Subject, Comments, X-..., everything unknown */
    HEADER_ADDRESSES,  /* lists of mailboxes: From, To, Reply-To ... */
    HEADER_MESSAGE_ID, /* Message-ID, In-Reply-To, References */
    HEADER_TOKENS,     /* URLs and other words for machines: List-..., Feedback-ID */
    HEADER_FIXED,      /* no place for a field: Date, MIME-Version, Content-..., trace fields */
    HEADER_REMOVED     /* never sent: Bcc, Resent-Bcc, Return-Path */
};

enum header_kind header_kind(struct span name);
/* May stand at most once in a message (RFC 5322 3.6, RFC 2045). */
MUST_USE bool header_is_single(struct span name);

/* Takes one line off the front of *rest, without its end (CRLF, LF or CR). */
struct span header_line(struct span *rest);
/* Takes one field off *rest. 1: *ret; 0: the blank line was taken, or the end reached: *rest is the
 * body; -EBADMSG: the line at the front is no header field: nothing was taken. */
MUST_USE int header_next(struct span *rest, struct header_field *ret);
/* The first field of that name in a message or header block. */
MUST_USE bool header_find(struct span message, struct span name, struct header_field *ret);
/* How many fields of that name. */
uint32_t header_count(struct span message, struct span name);

/* The body with its line ends taken out (RFC 5322 2.2.3). places[i] is the index in `body` of octet
 * i; NULL if not wanted. Writes at most body.size. */
void header_unfold(struct span body, struct text *out, uint32_t *places);
/* The value of a parameter (RFC 2045 5.1) in an unfolded body, without its quotes; false when there
 * is none. Comments and backslashes are not read. */
MUST_USE bool header_parameter(struct span body, struct span name, struct span *ret);

/* One mailbox that may stand in a header without quoting or encoding: ASCII, within RFC 5321's
 * limits, a dot-atom or a quoted string with nothing in it that a careless reader could take for
 * the end of the address (< > , ; : " \ and parentheses); a domain of letters, digits, hyphens and
 * dots, or an address literal. */
MUST_USE bool header_is_mailbox(struct span text);
/* RFC 5322 3.2.3: dot-atom-text. */
MUST_USE bool header_is_dot_atom(struct span text);
/* Letters, digits, hyphens and dots, no empty label. */
MUST_USE bool header_is_domain(struct span text);

#endif
