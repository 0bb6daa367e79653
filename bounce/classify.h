/* classify.h - one reply in, one class out: the same function for the reply that a sending session
 * just read and for the one that a report quotes.
 *
 * Pure: the same question always gets the same answer; no clock, no memory after classify_open.
 * The order of asking: a provider's own rules (they hold only for hosts of that provider), then
 * enhanced status codes that are trusted, then phrases in one pass over the text, then status codes
 * that say little, then the stage, then the code. Within a step the first rule of the file that
 * holds decides. Rules are data: bounce/rules.h.
 *
 * A classifier is immutable after classify_open and may be read by every thread. */
#ifndef BOUNCE_CLASSIFY_H
#define BOUNCE_CLASSIFY_H

#include "base/arena.h"
#include "bounce/bounce_class.h"
#include "bounce/rules.h"
#include "message/outcome.h"

#define CLASSIFY_TEXT_MAX 2048 /* of a longer text only this much is read */

struct classifier;

struct classify_question {
    struct span
        host; /* MX host that answered, or the reporting or remote MTA of a report; or empty */
    struct span text;     /* what it said; any bytes; the code and status may stand in it again */
    uint16_t code;        /* 200..599, or 0: none was given */
    uint16_t enhanced[3]; /* class 0: none was given; then one found in the text is used */
    enum outcome_stage stage; /* STAGE_NONE: not known */
};

/* What decided. */
enum classify_step {
    CLASSIFY_NOTHING = 0, /* class unknown */
    CLASSIFY_PROVIDER,
    CLASSIFY_STATUS,
    CLASSIFY_PHRASE,
    CLASSIFY_WEAK_STATUS,
    CLASSIFY_STAGE,
    CLASSIFY_CODE,
    CLASSIFY_CAUSE, /* no reply: what happened says it (classify_outcome) */
    CLASSIFY_STEP_COUNT
};

struct classify_answer {
    enum bounce_class class;
    enum classify_step step;
    const char *rule; /* its id, "" without one; lives as long as the classifier's rules */
};

/* What classify_open takes off an arena for these rules. */
size_t classify_memory(const struct rules *rules);
/* `rules` must outlive the classifier. */
struct classifier *classify_open(struct arena *arena, const struct rules *rules);

struct classify_answer classify_reply(const struct classifier *classifier,
                                      const struct classify_question *question);
/* For the end of an attempt: replies as above, everything else by its cause. A delivered one is
 * BOUNCE_SUCCESS. `host` is the MX host's name or empty. */
struct classify_answer classify_outcome(const struct classifier *classifier,
                                        const struct outcome *outcome, struct span host);
/* "status", "phrase". */
const char *classify_step_name(enum classify_step step);

#endif
