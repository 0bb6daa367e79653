/* transcript.h - what mail servers write for people: which addresses failed, and where it says why.
 *
 * qmail, Exim, Postfix, sendmail, Exchange and a hundred others use forms of their own, without any
 * machine-readable part. General rules read them: the text ends where the returned message begins;
 * addresses count by where they stand - alone at the start of a line behind "the following
 * addresses", in an SMTP reply, behind "sender" - and those that stand best are the recipients.
 *
 * Knows nothing of classes or headers. Spans point into the text. Owns nothing. */
#ifndef BOUNCE_TRANSCRIPT_H
#define BOUNCE_TRANSCRIPT_H

#include "bounce/notice_words.h"

/* Of a text only so much is read. */
#define TRANSCRIPT_SIZE_MAX (16 * KIB)
#define TRANSCRIPT_PLACES_MAX 256
#define TRANSCRIPT_BARE_MAX 8
#define TRANSCRIPT_COMMANDS_MAX 32

/* How well an address stands. */
enum transcript_rank {
    TRANSCRIPT_NOBODY = 0, /* the sender, a contact */
    TRANSCRIPT_NAMED,      /* somewhere in the text */
    TRANSCRIPT_SAID,       /* in an SMTP command or reply, or in a sentence about failure */
    TRANSCRIPT_LISTED,     /* in the list of those that failed */
};

struct transcript_place {
    struct span mailbox;
    struct span reason; /* of a listed one: the paragraph behind the address, up to the next; may
                           be empty */
    enum transcript_rank rank;
    bool foreign; /* stood as somebody else's before it stood in a list */
};

struct transcript {
    struct span text;     /* what the server wrote */
    struct span returned; /* and the message it returned below; or empty */
    uint32_t meanings;    /* bits of enum notice_meaning that stand in the text */
    struct transcript_place places[TRANSCRIPT_PLACES_MAX];
    uint32_t places_count;
    /* Names without a domain where an address should stand. */
    struct span bare[TRANSCRIPT_BARE_MAX];
    uint32_t bare_count;
    /* Phrases that name the command that was answered, in their order. */
    struct notice_phrases_hit commands[TRANSCRIPT_COMMANDS_MAX];
    uint32_t commands_count;
};

/* `own`: the address that the report was sent to; it is no recipient when others are there. */
void transcript_read(const struct notice_phrases *phrases, struct span text, struct span own,
                     struct transcript *ret);
/* The part of the text that speaks of this address, outside its place: the line of an SMTP session
 * with its reply; or empty. */
struct span transcript_said(const struct transcript *transcript, struct span mailbox);
/* The enum outcome_stage of the first command that a part of the text names; 0: none. */
MUST_USE uint32_t transcript_command(const struct transcript *transcript, struct span part);

#endif
