/* report_evidence.h - what the header of a message says about its kind.
 *
 * Facts only: who it claims to come from, how it was made, what its subject says. report.c weighs
 * them. Knows nothing of bodies. Spans point into the header. Owns nothing. */
#ifndef BOUNCE_REPORT_EVIDENCE_H
#define BOUNCE_REPORT_EVIDENCE_H

#include "bounce/notice_words.h"
#include "message/header_list.h"

struct report_evidence {
    struct span from;     /* address, or empty */
    struct span to;       /* address, or empty */
    struct span failed;   /* X-Failed-Recipients, as it stands */
    uint32_t subject;     /* meanings of its phrases */
    bool daemon;          /* From says that it is a mail server */
    bool null_sender;     /* Return-Path: <> */
    bool made_by_program; /* Auto-Submitted: auto-generated */
    bool answered;        /* Auto-Submitted: auto-replied */
    bool notified;        /* Auto-Submitted: auto-notified */
    bool away;            /* a field that only vacation programs write */
    bool personal;        /* an answer or mail of a list: In-Reply-To with Re:, List-Id, ... */
    bool subject_reply;   /* begins with Re:, Fwd: and the like */
    bool unsubscribe;     /* asks to be taken off: subject or addressee */
    bool bulk;            /* List-Id or List-Unsubscribe */
};

/* `subject`: decoded. */
void report_evidence_read(const struct header_list *header, struct span subject,
                          const struct notice_phrases *phrases, struct report_evidence *ret);

#endif
