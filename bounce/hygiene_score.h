/* hygiene_score.h - the bounces that were counted for one address (or one domain), class by class.
 *
 * A plain value with the rules of counting: at most one bounce a day counts; what is old fades (by
 * half every 45 days without another of its kind, forgotten after 90); a limit is reached as the
 * class's action says (bounce/bounce_class.h). The transport's two classes, expired and network,
 * have one count. Days are days since 1970. */
#ifndef BOUNCE_HYGIENE_SCORE_H
#define BOUNCE_HYGIENE_SCORE_H

#include "bounce/bounce_class.h"

#define HYGIENE_SCORE_HISTORY 16 /* more than any limit takes: counts can be made from it */
#define HYGIENE_SCORE_KINDS 7

/* Of one kind of bounce. */
struct hygiene_score_count {
    uint8_t halves;
    uint8_t days; /* different days on which it was counted */
    uint16_t first_day;
    uint16_t last_day;
};

struct hygiene_score {
    struct hygiene_score_count counts[HYGIENE_SCORE_KINDS];
    uint16_t last_day; /* of any; 0: nothing is counted */
    uint8_t history_count;
    struct {
        uint8_t class;
        uint16_t day;
    } history[HYGIENE_SCORE_HISTORY]; /* the last ones, oldest first */
};

/* Whether a bounce of this class on that day would count. */
MUST_USE bool hygiene_score_takes(const struct hygiene_score *score, enum bounce_class class,
                                  uint16_t day);
/* Counts it. */
void hygiene_score_add(struct hygiene_score *score, enum bounce_class class, uint16_t day);
/* Whether the class's limit is reached. */
MUST_USE bool hygiene_score_is_full(const struct hygiene_score *score, enum bounce_class class);
/* The count that the class belongs to, as it is on that day; NULL: the class is never counted. */
MUST_USE const struct hygiene_score_count *hygiene_score_count_of(const struct hygiene_score *score,
                                                                  enum bounce_class class);
/* Mail arrived. */
void hygiene_score_clear(struct hygiene_score *score);
MUST_USE bool hygiene_score_is_empty(const struct hygiene_score *score);

#endif
