/* attempt.h - everything that is known about one finished attempt: the journal's record and the
 * event.
 *
 * A plain value; spans are lent (by the engine when settling, by a mapped journal when reading).
 * Times are wall time, delays are microseconds. */
#ifndef QUEUE_ATTEMPT_H
#define QUEUE_ATTEMPT_H

#include "base/ip.h"
#include "message/envelope.h"
#include "message/outcome.h"

#define ATTEMPT_NAME_MAX 255 /* longer names are cut when journaled */

enum attempt_delay {
    ATTEMPT_DELAY_QUEUE = 0, /* from due to claimed */
    ATTEMPT_DELAY_DNS,
    ATTEMPT_DELAY_CONNECT,
    ATTEMPT_DELAY_TLS,
    ATTEMPT_DELAY_ENVELOPE, /* EHLO to the last RCPT answer */
    ATTEMPT_DELAY_DATA,     /* content and the answer to the dot */
    ATTEMPT_DELAY_COUNT
};

struct attempt {
    struct outcome outcome;  /* kind is never NONE or RELEASED */
    bool counted;            /* an attempt was made: the recipient's attempt number grows by one.
                                False for suppressed, cancelled and an expiry found while waiting */
    uint64_t wall_ns;        /* when it ended */
    uint64_t next_due_ns;    /* wall time of the next attempt; DEFERRED and UNSURE only */
    uint64_t size;           /* octets of content given to the server */
    struct ip_port peer;     /* family IP_NONE: no connection */
    struct ip source;        /* the local address; family IP_NONE: unknown */
    struct span peer_name;   /* the MX host */
    struct span site;        /* the site's name */
    struct span return_path; /* MAIL FROM as sent */
    struct span tls_protocol;
    struct span tls_cipher;
    uint32_t delays_us[ATTEMPT_DELAY_COUNT];
};

/* An attempt as read back from a journal. */
struct attempt_event {
    struct attempt attempt;
    struct identity identity;
    uint32_t number;  /* the recipient's attempts when it was written, this one included */
    uint64_t journal; /* file id and offset: the event's id, unique in this spool for ever */
    uint64_t offset;
};

#endif
