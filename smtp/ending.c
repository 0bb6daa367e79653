#include "smtp/ending.h"

#include "smtp/dialogue.h"

/* Nothing that was asked was answered yet on a session that did deliver; or the stop is our own. */
static bool is_untried(const struct smtp *smtp, const struct window_transaction *transaction)
{
    if (smtp->end.cause == CAUSE_LOCAL_STOP)
        return true;
    return transaction->state == WINDOW_COMMANDS && !transaction->answered &&
           smtp->delivered_count > 0 &&
           (smtp->end.cause == CAUSE_REPLY || smtp->end.cause == CAUSE_LOST);
}

/* The end's verdict for a transaction that is still open. */
static struct verdict verdict_of_end(const struct smtp *smtp, uint8_t place)
{
    const struct window_transaction *transaction = &smtp->window.transactions[place];
    struct verdict verdict = smtp->end;
    enum command awaited = window_awaited_of(&smtp->window, place);

    verdict.kind = OUTCOME_DEFERRED;
    if (awaited != COMMAND_NONE)
        verdict.stage = command_stage(awaited);
    if (transaction->state == WINDOW_BODY)
        verdict.stage = STAGE_BODY;
    if (transaction->state == WINDOW_DOT) {
        verdict.stage = STAGE_DOT;
        verdict.kind = OUTCOME_UNSURE;
    } else if (is_untried(smtp, transaction)) {
        verdict.kind = OUTCOME_RELEASED;
    }
    return verdict;
}

bool ending_settle(struct smtp *smtp)
{
    for (uint32_t i = 0; i < smtp->window.transactions_count; i++) {
        uint8_t place = window_place(&smtp->window, i);

        if (window_is_open(&smtp->window.transactions[place])) {
            dialogue_settle(smtp, place, verdict_of_end(smtp, place));
            return true;
        }
    }
    return false;
}
