/* self_mail.h - a message that ringpost itself writes, into its own queue, while it sends.
 *
 * A campaign of the transactional lane with a finished message and a few recipients. Its name makes
 * it one of its kind: what was queued once is there, and is not queued again, whatever ended the
 * process in between. One letter at a time.
 *
 *   IDLE -> ADDING -> COMMITTING -> DONE | FAILED -> (self_mail_take) IDLE
 *
 * Knows nothing of what is written. Borrows store and contents, and the letter's content until it
 * has ended. Front thread only. */
#ifndef ENGINE_SELF_MAIL_H
#define ENGINE_SELF_MAIL_H

#include "engine/content.h"
#include "engine/store.h"
#include "message/address.h"

#define SELF_MAIL_RECIPIENTS_MAX 4
/* The stream of its campaigns: what becomes of them says nothing about anybody's recipients. */
#define SELF_MAIL_STREAM "ringpost"

enum self_mail_state {
    SELF_MAIL_IDLE = 0,   /* a letter may be begun */
    SELF_MAIL_ADDING,     /* the store has no room at this moment */
    SELF_MAIL_COMMITTING, /* it is being made durable */
    SELF_MAIL_DONE,       /* it is in the queue; to be taken */
    SELF_MAIL_FAILED      /* it is not; to be taken */
};

struct self_mail_letter {
    struct span name; /* of the campaign */
    struct span sender;
    struct span content; /* lines end with CRLF; with Date and Message-ID */
    struct span recipients[SELF_MAIL_RECIPIENTS_MAX]; /* addresses, ASCII */
    uint32_t recipients_count;
    uint64_t created_s;
};

struct self_mail {
    struct store *store;
    struct content_set *contents;
    enum self_mail_state state;
    struct store_load *load;
    uint32_t next; /* recipient */
    uint32_t recipients_count;
    size_t sizes[SELF_MAIL_RECIPIENTS_MAX];
    char recipients[SELF_MAIL_RECIPIENTS_MAX][ADDRESS_SIZE_MAX + 1];
};

void self_mail_init(struct self_mail *mail, struct store *store, struct content_set *contents);
/* When IDLE. 0; -EEXIST: it was queued before; -EBUSY: the lane loads something else, come again;
 * -ENOSPC, -ENOMEM and others: not now. */
MUST_USE int self_mail_begin(struct self_mail *mail, const struct self_mail_letter *letter);
/* Once a turn, after the store's tick. */
void self_mail_turn(struct self_mail *mail);
/* DONE or FAILED become IDLE. */
MUST_USE enum self_mail_state self_mail_take(struct self_mail *mail);
/* No shard runs any more: gives up what is not on its way yet.
 * True: nothing is under way. */
MUST_USE bool self_mail_stop(struct self_mail *mail);

#endif
