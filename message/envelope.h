/* envelope.h - the identity of a recipient and the envelope of one transaction (RFC 5321 2.3.1).
 *
 * Plain structs; spans are lent by the queue's mapped segment or the caller's buffers. */
#ifndef MESSAGE_ENVELOPE_H
#define MESSAGE_ENVELOPE_H

#include "base/span.h"

#define LANES_COUNT 2
enum lane { LANE_TRANSACTIONAL = 0, LANE_BULK = 1 };

/* Who it is, for ever: VERP, events, queue show. Where it lies on disk is kept apart. */
struct identity {
    uint64_t campaign; /* node (16 bits), seconds since 2020 (32), sequence (16) */
    uint32_t ordinal;  /* row in the list, from 0 */
};

struct envelope {
    struct span return_path; /* without angle brackets; empty = null sender */
    struct span recipient;   /* the mailbox as given, without angle brackets */
    uint64_t size;           /* octets of the content with CRLF, before dot-stuffing; for SIZE= */
    bool eight_bit;          /* the content needs 8BITMIME */
    bool utf8;               /* an address needs SMTPUTF8 (RFC 6531) */
    bool require_tls;        /* every hop must offer REQUIRETLS (RFC 8689) */
};

#endif
