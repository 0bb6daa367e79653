/* notice_words.h - the phrases by which mail servers and their users say what a message is about.
 *
 * A table for notice_phrases.h, in the languages of the servers that were seen; each phrase is
 * general enough for more than one program. Borrows nothing, owns the table. */
#ifndef BOUNCE_NOTICE_WORDS_H
#define BOUNCE_NOTICE_WORDS_H

#include "bounce/notice_phrases.h"

/* What a phrase says; bits, for a phrase may say two things. */
enum notice_meaning {
    NOTICE_FAILED = 1 << 0,    /* something was not delivered */
    NOTICE_DELAYED = 1 << 1,   /* and is still being tried */
    NOTICE_EXPIRED = 1 << 2,   /* tries have ended */
    NOTICE_DELIVERED = 1 << 3, /* it was delivered */
    NOTICE_LIST = 1 << 4,      /* the recipients that failed are named next */
    NOTICE_SESSION = 1 << 5,   /* lines of an SMTP session come next */
    NOTICE_RETURNED = 1 << 6,  /* the returned message begins behind this line */
    NOTICE_COPY = 1 << 7,      /* the same, when the line begins with dashes or the like */
    NOTICE_AWAY = 1 << 8,      /* an answer of an absent person, or of a machine for one */
    NOTICE_CHALLENGE = 1 << 9,
    NOTICE_COMPLAINT = 1 << 10,
    NOTICE_RECEIPT = 1 << 11, /* read, displayed */
    NOTICE_DMARC = 1 << 12,
    NOTICE_DAEMON = 1 << 13, /* the name of a mail server, in From */
};

/* Above these bits: the enum outcome_stage of a command that the phrase names. */
#define NOTICE_STAGE_SHIFT 16

extern const struct notice_phrases_entry notice_words_table[];
extern const size_t notice_words_count;

#endif
