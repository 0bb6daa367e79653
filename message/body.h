/* body.h - finished messages on their way to the wire: CRLF, dots, line length.
 *
 * A message that somebody else finished is sent as it is, except for what SMTP demands: lines end
 * with CRLF (RFC 5321 2.3.8: CR and LF never stand alone), no line is longer than 998 octets
 * (4.5.3.1.6), lines that begin with a dot get a second one (4.5.2), and the end is CRLF "." CRLF.
 * Everything works octet by octet over spans of any size: no border between two spans shows.
 *
 * body_scan says beforehand what it will take: size, and whether lines would have to be broken, so
 * that the caller can refuse such a message instead.
 * Knows nothing of headers, MIME or templates. Owns nothing. */
#ifndef MESSAGE_BODY_H
#define MESSAGE_BODY_H

#include "base/span.h"
#include "base/text.h"

#define BODY_LINE_MAX 998
/* body_put makes progress when the writer has this much room. */
#define BODY_STEP_MAX 8

/* Zeroed before the first body_scan. */
struct body_scan {
    uint64_t lines;        /* started */
    uint64_t line_longest; /* octets without the line end, unbroken */
    uint64_t breaks;       /* line ends put into lines that are too long */
    uint64_t bare_cr;      /* CR without LF */
    uint64_t bare_lf;      /* LF without CR */
    uint64_t nul;          /* NUL octets (RFC 5321 4.5.2 has no place for them) */
    uint64_t dots;         /* lines that begin with a dot; also those that breaking makes */
    uint64_t octets;       /* everything but line ends */
    uint64_t line_ends;
    bool eight_bit; /* needs 8BITMIME (RFC 6152) */
    /* Where it stands. */
    uint64_t line_size;
    bool after_cr;
};

void body_scan_add(struct body_scan *scan, struct span source);
/* The end: what stands open counts as a line. */
void body_scan_end(struct body_scan *scan);
/* After body_scan_end: octets of the message with CRLF, before dot-stuffing: for SIZE=. */
uint64_t body_scan_size(const struct body_scan *scan);

/* The writer. */
struct body {
    bool stuffed; /* dot-stuffing and the final dot: DATA; without: BDAT */
    bool after_cr;
    uint32_t column;
};

void body_init(struct body *body, bool stuffed);
/* Writes *source on, taking what was written off it. False: `out` is full; call again with room. */
MUST_USE bool body_put(struct body *body, struct span *source, struct text *out);
/* After the last span: closes an open line and, if stuffed, writes the final dot. False: `out` has
 * less than BODY_STEP_MAX octets of room. */
MUST_USE bool body_end(struct body *body, struct text *out);

#endif
