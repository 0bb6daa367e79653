/* transcript_cut.h - where in a report's text the returned message begins.
 *
 * At a phrase that says so, at a rule with a word like "original message" in it, or where fields
 * stand that only a message's header has. Part of transcript.c's work. Owns nothing. */
#ifndef BOUNCE_TRANSCRIPT_CUT_H
#define BOUNCE_TRANSCRIPT_CUT_H

#include "bounce/notice_words.h"

#define TRANSCRIPT_CUT_HITS_MAX 256
/* A line is looked for so far back. */
#define TRANSCRIPT_CUT_LINE_MAX 256

/* The text in front, its phrases, and what stands behind. */
struct transcript_cut {
    struct span text;
    struct span returned; /* may be empty */
    struct notice_phrases_hit hits[TRANSCRIPT_CUT_HITS_MAX];
    size_t hits_count;
};

void transcript_cut_find(const struct notice_phrases *phrases, struct span text,
                         struct transcript_cut *ret);
/* Where the line with index `at` in it begins (a long one: some way before), and behind its end. */
size_t transcript_cut_line_begin(struct span text, size_t at);
size_t transcript_cut_line_end(struct span text, size_t at);

#endif
