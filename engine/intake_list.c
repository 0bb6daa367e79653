#include "engine/intake_list.h"

#include <errno.h>

#include "base/check.h"

#define SECONDS_A_DAY 86400

static struct span address_of(const struct notice *notice)
{
    return span_make(notice->list.address, notice->list.address_size);
}

static struct span list_of(const struct notice *notice)
{
    return span_make(notice->list.list, notice->list.list_size);
}

static int suppress(struct hygiene_store *hygiene, const struct notice *notice, uint64_t wall_s,
                    uint64_t *ret_ticket)
{
    struct bounce_action action = bounce_class_action(notice->class);
    struct hygiene_change change = {
        .kind = HYGIENE_SUPPRESS,
        .source = notice->kind == REPORT_COMPLAINT ? HYGIENE_FROM_COMPLAINT : HYGIENE_FROM_REPORT,
        .class = notice->class,
        .time_s = wall_s,
        .until_s = HYGIENE_CHANGE_FOREVER,
        .key = address_of(notice),
        .stream = list_of(notice),
        .note = span_make(notice->note, notice->note_size),
    };

    if (action.hygiene == BOUNCE_HYGIENE_SUPPRESS_RECHECK)
        change.until_s = wall_s + (uint64_t)action.window_days * SECONDS_A_DAY;
    return hygiene_store_change(hygiene, &change, ret_ticket);
}

/* Counts it if that day has none yet, and believes it when it is confirmed: also one that was
 * counted before a crash could follow it up. */
static enum intake_decision count(struct hygiene_store *hygiene, const struct notice *notice,
                                  uint64_t wall_s, struct intake_result *into)
{
    const struct confirmation_rule rule = {notice->list.reports_min, notice->list.days_max};
    const struct confirmation report = {address_of(notice), list_of(notice), notice->class,
                                        (uint16_t)(wall_s / SECONDS_A_DAY), notice->list.message};
    const struct confirmations *known = hygiene_store_confirmations(hygiene);
    bool fresh = confirmations_takes(known, &report);
    struct confirmation_state state;
    int result = 0;

    into->ticket = hygiene_store_ticket(hygiene);
    if (fresh)
        result = hygiene_store_confirm(hygiene, &report, &into->ticket);
    CHECK(result == 0); /* room was seen to be there */
    confirmations_state(known, &report, &rule, &state);
    into->days = state.days;
    if (state.confirmed) {
        result = suppress(hygiene, notice, wall_s, &into->ticket);
        CHECK(result != -EAGAIN);
        if (result == 0)
            return INTAKE_SUPPRESSED;
    }
    return fresh ? INTAKE_COUNTED : INTAKE_REPEATED;
}

void intake_list_take(struct hygiene_store *hygiene, const struct notice *notice, uint64_t wall_s,
                      struct intake_result *ret_result)
{
    const struct hygiene_target target = {.key = address_of(notice), .stream = list_of(notice)};

    *ret_result = (struct intake_result){.decision = INTAKE_NOTED};
    if (!notice->asks || !confirmations_can(notice->class))
        return;
    if (hygiene_suppresses(hygiene_store_tables(hygiene), &target, wall_s)) {
        ret_result->decision = INTAKE_REPEATED;
        ret_result->ticket = hygiene_store_ticket(hygiene); /* it may not be durable yet */
        return;
    }
    ret_result->decision = INTAKE_LATER;
    if (hygiene_store_has_room(hygiene) && hygiene_store_error(hygiene) == 0)
        ret_result->decision = count(hygiene, notice, wall_s, ret_result);
}
