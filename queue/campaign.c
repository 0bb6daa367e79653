#include "queue/campaign.h"

#include "base/check.h"

static const char *const state_names[] = {
    [CAMPAIGN_LOADING] = "loading", [CAMPAIGN_READY] = "ready",
    [CAMPAIGN_PAUSED] = "paused",   [CAMPAIGN_CANCELLED] = "cancelled",
    [CAMPAIGN_DONE] = "done",       [CAMPAIGN_DISCARDED] = "discarded",
};
static_assert(ARRAY_LEN(state_names) == CAMPAIGN_STATE_COUNT, "one name a state");

void campaign_counts_add(struct campaign_counts *counts, const struct campaign_counts *more)
{
    counts->queued += more->queued;
    counts->deferred += more->deferred;
    counts->in_flight += more->in_flight;
    counts->delivered += more->delivered;
    counts->failed += more->failed;
    counts->expired += more->expired;
    counts->suppressed += more->suppressed;
    counts->cancelled += more->cancelled;
    counts->damaged += more->damaged;
    counts->unsure += more->unsure;
}

int64_t campaign_counts_open(const struct campaign_counts *counts)
{
    return counts->queued + counts->deferred + counts->in_flight;
}

bool campaign_is_alive(enum campaign_state state)
{
    return state == CAMPAIGN_READY || state == CAMPAIGN_PAUSED;
}

bool campaign_may_become(enum campaign_state from, enum campaign_state to)
{
    switch (from) {
    case CAMPAIGN_LOADING:
        return to == CAMPAIGN_READY || to == CAMPAIGN_DISCARDED;
    case CAMPAIGN_READY:
        return to == CAMPAIGN_PAUSED || to == CAMPAIGN_CANCELLED || to == CAMPAIGN_DONE;
    case CAMPAIGN_PAUSED:
        return to == CAMPAIGN_READY || to == CAMPAIGN_CANCELLED || to == CAMPAIGN_DONE;
    case CAMPAIGN_CANCELLED:
    case CAMPAIGN_DONE:
    case CAMPAIGN_DISCARDED:
        return false;
    case CAMPAIGN_STATE_COUNT:
        break;
    }
    UNREACHABLE("campaign state");
}

const char *campaign_state_name(enum campaign_state state)
{
    CHECK(state < CAMPAIGN_STATE_COUNT);
    return state_names[state];
}
