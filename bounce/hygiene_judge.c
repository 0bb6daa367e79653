#include "bounce/hygiene_judge.h"

#include <errno.h>

#include "bounce/hygiene_breaker.h"
#include "bounce/hygiene_domains.h"

#define DAY_S 86400

/* "@example.com" of "user@example.com". */
static struct span domain_key(struct span key)
{
    size_t at = key.size;

    while (at > 0 && key.data[at - 1] != '@')
        at--;
    return at == 0 ? (struct span){NULL, 0} : span_skip(key, at - 1);
}

static struct hygiene_change change_for(const struct hygiene_event *event,
                                        enum hygiene_change_kind kind)
{
    return (struct hygiene_change){.kind = kind,
                                   .source = event->source,
                                   .class = event->class,
                                   .time_s = event->time_s,
                                   .key = event->key,
                                   .note = event->note};
}

static struct hygiene_change suppression(const struct hygiene_event *event, bool breaker_open)
{
    struct bounce_action action = bounce_class_action(event->class);
    struct hygiene_change change =
        change_for(event, breaker_open ? HYGIENE_HOLD : HYGIENE_SUPPRESS);

    change.until_s = HYGIENE_CHANGE_FOREVER;
    if (action.hygiene == BOUNCE_HYGIENE_SUPPRESS_RECHECK)
        change.until_s = event->time_s + (uint64_t)action.window_days * DAY_S;
    if (breaker_open)
        change.provider = hygiene_breaker_name(event->host);
    if (action.hygiene == BOUNCE_HYGIENE_UNSUBSCRIBE) {
        change.tenant = event->tenant;
        change.stream = event->stream;
    }
    return change;
}

/* Counts, and suppresses when that fills the limit. */
static uint32_t judge_count(struct hygiene *hygiene, const struct hygiene_event *event,
                            bool breaker_open, struct hygiene_change *ret_changes)
{
    uint16_t day = (uint16_t)(event->time_s / DAY_S);
    struct hygiene_score score;

    if (hygiene_score_of(hygiene, event->key, &score) < 0)
        hygiene_score_clear(&score);
    if (!hygiene_score_takes(&score, event->class, day))
        return 0;
    ret_changes[0] = change_for(event, HYGIENE_COUNT);
    ret_changes[0].note.size = 0;
    hygiene_score_add(&score, event->class, day);
    if (!hygiene_score_is_full(&score, event->class))
        return 1;
    ret_changes[1] = suppression(event, breaker_open);
    return 2;
}

/* Counts that cannot be read, for the shelf is lost, are forgotten all the same. */
static uint32_t judge_success(struct hygiene *hygiene, const struct hygiene_event *event,
                              struct hygiene_change *ret_changes)
{
    struct hygiene_counts counts;
    struct hygiene_score score;
    uint32_t count = 0;

    hygiene_counts(hygiene, &counts);
    if (counts.scored_count == 0)
        return 0;
    if (hygiene_score_of(hygiene, event->key, &score) != -ENOENT)
        ret_changes[count++] = change_for(event, HYGIENE_CLEAR);
    if (hygiene_score_of(hygiene, domain_key(event->key), &score) != -ENOENT) {
        ret_changes[count] = change_for(event, HYGIENE_CLEAR);
        ret_changes[count++].key = domain_key(event->key);
    }
    return count;
}

/* A server that does not know its own domain: once is its own trouble; for days, the domain is
 * gone. */
static uint32_t judge_domain(struct hygiene *hygiene, const struct hygiene_event *event,
                             bool breaker_open, struct hygiene_change *ret_changes)
{
    struct hygiene_event domain = *event;
    struct hygiene_score score;
    uint16_t day = (uint16_t)(event->time_s / DAY_S);
    uint32_t count = 0;

    domain.key = domain_key(event->key);
    if (domain.key.size < 2)
        return 0;
    if (hygiene_score_of(hygiene, domain.key, &score) < 0)
        hygiene_score_clear(&score);
    if (hygiene_score_takes(&score, event->class, day)) {
        ret_changes[count] = change_for(&domain, HYGIENE_COUNT);
        ret_changes[count++].note.size = 0;
        hygiene_score_add(&score, event->class, day);
    }
    if (!hygiene_score_is_full(&score, event->class))
        return count;
    domain = *event;
    domain.class = BOUNCE_NO_DOMAIN;
    ret_changes[count++] = suppression(&domain, breaker_open);
    return count;
}

uint32_t hygiene_judge(struct hygiene *hygiene, const struct hygiene_event *event,
                       struct hygiene_change ret_changes[HYGIENE_JUDGE_CHANGES_MAX])
{
    bool hard = bounce_class_severity(event->class) == BOUNCE_SEVERITY_HARD;
    bool open;

    if (!event->final || event->key.size == 0 || event->key.size > HYGIENE_CHANGE_KEY_MAX)
        return 0;
    hygiene_domains_count(hygiene_domain_counts(hygiene), span_skip(domain_key(event->key), 1),
                          event->class, (uint16_t)(event->time_s / DAY_S));
    /* Who complained or left said so himself: no provider's mistake. */
    if (event->class == BOUNCE_COMPLAINT || event->class == BOUNCE_UNSUBSCRIBE)
        open = false;
    else
        open = hygiene_breaker_count(hygiene_breakers(hygiene), hygiene_breaker_name(event->host),
                                     hard);
    switch (bounce_class_action(event->class).hygiene) {
    case BOUNCE_HYGIENE_SUPPRESS_IF_DNS:
        if (!event->confirmed)
            return judge_count(hygiene, event, open, ret_changes);
        ret_changes[0] = suppression(event, open);
        return 1;
    case BOUNCE_HYGIENE_SUPPRESS:
    case BOUNCE_HYGIENE_SUPPRESS_RECHECK:
    case BOUNCE_HYGIENE_SUPPRESS_ALL:
    case BOUNCE_HYGIENE_UNSUBSCRIBE:
        ret_changes[0] = suppression(event, open);
        return 1;
    case BOUNCE_HYGIENE_COUNT:
        return judge_count(hygiene, event, open, ret_changes);
    case BOUNCE_HYGIENE_CLEAR:
        return judge_success(hygiene, event, ret_changes);
    case BOUNCE_HYGIENE_DOMAIN_REPEATS:
        return judge_domain(hygiene, event, open, ret_changes);
    case BOUNCE_HYGIENE_NONE:
        break;
    }
    return 0;
}
