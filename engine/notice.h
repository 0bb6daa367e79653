/* notice.h - what a message that came back says, proven and boiled down to what hygiene needs.
 *
 * A plain value, made of a report and the proof of its identity by whoever has read the message:
 * the listener, or `ringpost bounce ingest` in a process of its own, which hands it to the running
 * sender as one line. Knows nothing of the store, sockets or files. */
#ifndef ENGINE_NOTICE_H
#define ENGINE_NOTICE_H

#include "base/text.h"
#include "bounce/hygiene_change.h"
#include "bounce/proof.h"
#include "bounce/report.h"
#include "bounce/seen_tags.h"

#define NOTICE_NOTE_MAX 200
#define NOTICE_HOST_MAX 128
#define NOTICE_LINE_MAX ((size_t)1500)

/* Where it came to. */
enum notice_door {
    NOTICE_DOOR_RETURN = 0,  /* a return path, or nobody knows */
    NOTICE_DOOR_COMPLAINTS,  /* bounces.complaints_to */
    NOTICE_DOOR_UNSUBSCRIBE, /* unsubscribe.mailto */
    NOTICE_DOOR_COUNT
};

/* Of a subscriber of somebody else's list (list_notice.h): named by a return path without a proof.
 */
struct notice_list {
    uint8_t
        reports_min; /* what confirms it (bounce/confirmations.h); 0: the notice is not of a list */
    uint16_t days_max;
    uint32_t message; /* what tells it from others, or 0 */
    uint16_t address_size;
    uint8_t list_size;
    char address[HYGIENE_CHANGE_KEY_MAX]; /* canonical */
    char list[HYGIENE_CHANGE_SCOPE_MAX];  /* "team@lists.example.org": the scope */
};

struct notice {
    enum verp_verdict verdict;
    struct identity identity; /* VERP_VALID */
    uint16_t day;
    enum report_kind kind; /* mail of a person to the unsubscribe address is REPORT_UNSUBSCRIBE */
    enum bounce_class class;
    bool asks; /* it is about something that hygiene learns from: a final failure, a complaint, an
                  unsubscription; false: it is noted only */
    uint16_t code;
    uint16_t status[3];
    uint8_t host_size;
    uint8_t note_size;
    char host[NOTICE_HOST_MAX];
    char note[NOTICE_NOTE_MAX];
    struct notice_list list;
};

/* `address`: whom the mail was for, to tell the recipients of a report from each other; empty: not
 * known. */
void notice_make(struct notice *notice, const struct report *report, const struct proof *proof,
                 enum notice_door door, struct span address);
/* What the tag speaks about; only of a notice that asks. */
enum seen_tags_about notice_about(const struct notice *notice);
/* "OOB", "Feedback", "Unsubscribe": the type of its event. */
const char *notice_event_type(const struct notice *notice);
/* Of a list, and not proven by a tag of ours. */
MUST_USE bool notice_is_of_list(const struct notice *notice);
/* One line of words with tabs between, without its end; only of a valid one or one of a list. */
void notice_write(const struct notice *notice, struct text *out);
MUST_USE bool notice_read(struct span line, struct notice *ret_notice);

#endif
