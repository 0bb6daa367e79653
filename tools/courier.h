/* courier.h - carries one campaign to a running sender: frames through its control socket, as fast
 * as it has room (engine/handover.h).
 *
 *   courier_open -> _campaign -> _recipient ... -> _commit -> courier_close
 *
 * Each call waits as long as it must, and ends early when *stop is set. Knows nothing of lists. */
#ifndef TOOLS_COURIER_H
#define TOOLS_COURIER_H

#include <signal.h>

#include "engine/handover.h"

enum courier_result {
    COURIER_FINE = 0,
    COURIER_GONE,    /* the sender has ended, or broken the connection off */
    COURIER_REFUSED, /* it says why: words, again */
    COURIER_STOPPED, /* *stop was set */
    COURIER_TOO_LONG /* a row that no sender takes */
};

struct courier {
    int handle;
    const volatile sig_atomic_t *stop;
    struct text out;
    size_t sent;    /* of `out` */
    uint64_t count; /* octets sent, altogether */
    uint64_t room;  /* octets that may have been sent, altogether */
    bool begun;     /* the sender has taken the campaign, the list may come */
    bool committed; /* the sender was told that this was all, and may act on it */
    bool ready;     /* it is durable */
    bool refused;
    bool again;       /* what was refused may go in a moment */
    bool later;       /* ...or some time */
    struct text line; /* of its answers, not yet whole */
    char line_bytes[2048];
    char words[4 * HANDOVER_WORDS_MAX]; /* printable: an octet may take four */
};

/* GONE: nobody is there. */
MUST_USE enum courier_result courier_open(struct courier *courier, const char *spool,
                                          const volatile sig_atomic_t *stop);
void courier_close(struct courier *courier);
/* FINE: the list may come. */
MUST_USE enum courier_result courier_campaign(struct courier *courier,
                                              const struct campaign_descriptor *descriptor,
                                              struct span content);
MUST_USE enum courier_result courier_recipient(struct courier *courier,
                                               const struct store_recipient *recipient);
/* FINE: it is queued, durably. GONE and `committed`: perhaps it is. */
MUST_USE enum courier_result courier_commit(struct courier *courier,
                                            const uint8_t digest[CAMPAIGN_DIGEST_SIZE]);

#endif
