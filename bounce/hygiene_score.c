#include "bounce/hygiene_score.h"

#include <string.h>

#define FADE_DAYS 45
#define HALVES_MAX 250

/* The count of each class, from 1; 0: never counted. */
static const uint8_t kind_of[BOUNCE_CLASS_COUNT] = {
    [BOUNCE_INACTIVE] = 1,  [BOUNCE_MAILBOX_FULL] = 2, [BOUNCE_RECIPIENT_REFUSED] = 3,
    [BOUNCE_EXPIRED] = 4,   [BOUNCE_NETWORK] = 4,      [BOUNCE_UNKNOWN] = 5,
    [BOUNCE_NO_DOMAIN] = 6, [BOUNCE_RELAY_DENIED] = 7,
};

const struct hygiene_score_count *hygiene_score_count_of(const struct hygiene_score *score,
                                                         enum bounce_class class)
{
    return kind_of[class] == 0 ? NULL : &score->counts[kind_of[class] - 1];
}

bool hygiene_score_takes(const struct hygiene_score *score, enum bounce_class class, uint16_t day)
{
    return kind_of[class] != 0 && day > score->last_day;
}

static void fade(struct hygiene_score_count *count, uint16_t day)
{
    uint32_t gap = (uint32_t)(day - count->last_day) / FADE_DAYS;

    if (count->last_day == 0 || gap == 0)
        return;
    if (gap > 1)
        *count = (struct hygiene_score_count){0};
    else
        count->halves /= 2;
}

void hygiene_score_add(struct hygiene_score *score, enum bounce_class class, uint16_t day)
{
    struct hygiene_score_count *count;

    if (!hygiene_score_takes(score, class, day))
        return;
    count = &score->counts[kind_of[class] - 1];
    fade(count, day);
    if (count->days == 0)
        count->first_day = day;
    count->last_day = day;
    if (count->days < UINT8_MAX)
        count->days++;
    count->halves =
        (uint8_t)(min_u64(count->halves + bounce_class_action(class).weight, HALVES_MAX));
    score->last_day = day;
    if (score->history_count == HYGIENE_SCORE_HISTORY)
        memmove(&score->history[0], &score->history[1],
                sizeof(score->history) - sizeof(score->history[0]));
    else
        score->history_count++;
    score->history[score->history_count - 1].class = (uint8_t) class;
    score->history[score->history_count - 1].day = day;
}

bool hygiene_score_is_full(const struct hygiene_score *score, enum bounce_class class)
{
    const struct hygiene_score_count *count = hygiene_score_count_of(score, class);
    struct bounce_action action = bounce_class_action(class);

    if (count == NULL || count->days == 0)
        return false;
    if (action.hygiene == BOUNCE_HYGIENE_DOMAIN_REPEATS)
        return count->last_day - count->first_day >= action.window_days;
    return action.limit > 0 && count->halves >= action.limit && count->days >= action.days &&
           count->last_day - count->first_day >= action.window_days;
}

void hygiene_score_clear(struct hygiene_score *score)
{
    memset(score, 0, sizeof(*score));
}

bool hygiene_score_is_empty(const struct hygiene_score *score)
{
    return score->last_day == 0;
}
