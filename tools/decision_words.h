/* decision_words.h - one decision of hygiene in words: for a line of CSV or NDJSON, and for a
 * command's arguments and environment.
 *
 * Every word is free of control characters and NUL-terminated. Owns its buffer. */
#ifndef TOOLS_DECISION_WORDS_H
#define TOOLS_DECISION_WORDS_H

#include "base/text.h"
#include "bounce/hygiene_change.h"

enum decision_word {
    DECISION_WHAT = 0,  /* suppressed, withdrawn; held, released, confirmed */
    DECISION_ADDRESS,   /* empty: released, confirmed: all of the provider */
    DECISION_LIST,      /* team@lists.example.org; or a stream of ours */
    DECISION_LIST_NAME, /* before its '@' */
    DECISION_CLASS,
    DECISION_SOURCE,
    DECISION_TIME,
    DECISION_UNTIL, /* empty: for ever */
    DECISION_TENANT,
    DECISION_PROVIDER,
    DECISION_NOTE,
    DECISION_WORD_COUNT
};

#define DECISION_CSV_HEADER "decision,address,list,class,source,time,until,tenant,provider,note\n"
#define DECISION_LINE_MAX ((size_t)8192)

struct decision_words {
    const char *words[DECISION_WORD_COUNT];
    char buffer[2048];
};

/* False: the change decides nothing (it counts). */
MUST_USE bool decision_words_make(const struct hygiene_change *change, struct decision_words *ret);
/* Whether it is about somebody else's list, which its scope names. */
MUST_USE bool decision_words_of_list(const struct hygiene_change *change);
/* "address", as in {address} and RINGPOST_ADDRESS. */
const char *decision_words_name(enum decision_word word);
/* A line with its end. */
void decision_words_csv(const struct decision_words *decision, struct text *out);
void decision_words_json(const struct decision_words *decision, struct text *out);

#endif
