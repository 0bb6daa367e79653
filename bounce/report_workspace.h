/* report_workspace.h - what reading one report needs beside the message: the inside of a
 * report_reader.
 *
 * Shared by the files that fill a struct report; nobody else looks in. Everything is overwritten by
 * the next message. */
#ifndef BOUNCE_REPORT_WORKSPACE_H
#define BOUNCE_REPORT_WORKSPACE_H

#include "bounce/report.h"
#include "bounce/report_evidence.h"
#include "bounce/report_survey.h"
#include "bounce/report_verdict.h"
#include "bounce/transcript.h"

/* Of all texts for people, decoded: */
#define REPORT_WORKSPACE_TEXT_MAX (128 * KIB)
/* Unfolded diagnostics, decoded subjects, recipients put together: */
#define REPORT_WORKSPACE_STORE_MAX (256 * KIB)
/* Of recipients with long texts only so many are looked up in the transcript. */
#define REPORT_WORKSPACE_LOOKUPS_MAX 32

struct report_reader {
    struct report_verdict verdict;
    struct notice_phrases *phrases;
    struct charset *charset;
    struct mime mime;
    struct report_survey survey;
    struct report_evidence evidence;
    struct header_list returned_header;
    struct transcript transcript; /* of the text that was read last */
    bool transcript_read;
    struct text octets; /* decoded, not converted */
    struct text texts;  /* converted, or HTML made text */
    struct text store;
    uint8_t octets_buffer[REPORT_WORKSPACE_TEXT_MAX];
    uint8_t texts_buffer[REPORT_WORKSPACE_TEXT_MAX];
    uint8_t store_buffer[REPORT_WORKSPACE_STORE_MAX];
};

/* The text of part `index` for people, HTML as plain text. */
struct span report_workspace_text(struct report_reader *reader, uint16_t index);
/* Reads the transcript of the first text part that names a recipient; of the first one otherwise.
 */
void report_workspace_transcript(struct report_reader *reader);
/* The next free recipient, all zero; NULL: full, counted as one more. */
struct report_recipient *report_workspace_add(struct report *report);
/* What the transcript says of a recipient where he is listed; or empty. */
struct span report_workspace_reason(const struct report_reader *reader,
                                    const struct report_recipient *recipient);
/* Text behind the server's words for this mailbox: his own reason, the session's line about him. */
void report_workspace_judge(struct report_reader *reader, struct span host,
                            struct report_recipient *recipient);

#endif
