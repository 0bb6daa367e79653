/* oracle_event.c - what the product says: its durable events. Rule 8, whether the world has done
 * what they give as the reason, and of rule 1 that an attempt has one event and no more.
 *
 * Counts in the recipient's entry; borrows the zones for what names explain. */
#include "sim/oracle_stop.h"

static bool was_replied(const struct oracle_recipient *recipient, enum outcome_stage stage,
                        uint16_t code)
{
    if (recipient->replies_count == ORACLE_REPLIES_MAX)
        return true; /* the list was cut */
    for (uint32_t i = 0; i < recipient->replies_count; i++) {
        if (recipient->replies[i].stage == stage && recipient->replies[i].code == code)
            return true;
    }
    return false;
}

static bool dns_explains(const struct oracle *oracle, const struct oracle_recipient *recipient,
                         enum outcome_cause cause)
{
    enum zone_kind kind = zones_kind(oracle->zones, recipient->zone);

    if (cause == CAUSE_NO_DOMAIN)
        return kind == ZONE_NXDOMAIN;
    if (cause == CAUSE_NULL_MX)
        return kind == ZONE_NULL_MX;
    if (cause == CAUSE_NO_ADDRESS)
        return !zones_delivers(oracle->zones, recipient->zone) && kind != ZONE_NXDOMAIN &&
               kind != ZONE_NULL_MX;
    return true;
}

/* Rule 8. A session's own replies (greeting, EHLO, MAIL) are not kept a recipient. */
static bool is_explained(const struct oracle *oracle, const struct oracle_recipient *recipient,
                         const struct outcome *outcome)
{
    const struct zone *zone = &oracle->zones->zones[recipient->zone];

    if (recipient->twisted)
        return true;
    if (outcome->kind == OUTCOME_DELIVERED)
        return recipient->accepted_count > 0;
    if (outcome->kind == OUTCOME_SUPPRESSED)
        return recipient->suppress_asked && outcome->cause == CAUSE_LOCAL_SUPPRESSED;
    if (outcome->kind == OUTCOME_CANCELLED)
        return (oracle->campaigns[recipient->campaign].cancel_asked ||
                oracle_stop_explains(oracle, recipient)) &&
               outcome->cause == CAUSE_LOCAL_STOP && outcome->reply.text_size > 0;
    if (outcome->kind == OUTCOME_UNSURE)
        return recipient->unsure_count <= recipient->data_count;
    /* TLS that does not work keeps nothing back where it is not demanded. */
    if (outcome->cause == CAUSE_TLS ||
        (outcome->stage == STAGE_TLS && outcome->cause != CAUSE_REPLY))
        return zone->demanded > TLS_LEVEL_CLEAR ||
               (oracle->dane && zone->secure && zone->tls_mode != 0);
    if (outcome->cause != CAUSE_REPLY)
        return dns_explains(oracle, recipient, outcome->cause);
    if (outcome->stage == STAGE_RCPT || outcome->stage == STAGE_DATA || outcome->stage == STAGE_DOT)
        return was_replied(recipient, outcome->stage, outcome->reply.code) ||
               outcome->reply.code == 421;
    return true;
}

static bool is_final(enum outcome_kind kind)
{
    return kind == OUTCOME_DELIVERED || kind == OUTCOME_FAILED || kind == OUTCOME_EXPIRED ||
           kind == OUTCOME_SUPPRESSED || kind == OUTCOME_CANCELLED;
}

/* Whether this very event was read before, from another journal. */
static bool is_repeated(struct oracle *oracle, struct oracle_recipient *recipient,
                        const struct attempt_event *event)
{
    uint64_t bit = UINT64_C(1) << (event->number % 64);
    uint64_t *seen =
        is_final(event->attempt.outcome.kind) ? recipient->ends_seen : recipient->waits_seen;
    bool repeated;

    seen += event->number / 64 % 4;
    repeated = (*seen & bit) != 0;
    *seen |= bit;
    if (repeated && !oracle->repeats)
        oracle_problem(oracle, "rule 1: %s: attempt %u has two events", recipient->address,
                       event->number);
    return repeated;
}

/* An attempt without an answer after the dot, also when it was the last one in its lifetime. */
static bool is_unsure(const struct outcome *outcome)
{
    return outcome->kind == OUTCOME_UNSURE ||
           (outcome->kind == OUTCOME_EXPIRED && outcome->stage == STAGE_DOT &&
            outcome->cause != CAUSE_REPLY);
}

void oracle_event(struct oracle *oracle, const struct attempt_event *event)
{
    const struct outcome *outcome = &event->attempt.outcome;
    uint32_t index = oracle_find_identity(oracle, &event->identity);
    struct oracle_recipient *recipient;

    oracle->events_count++;
    if (index == ORACLE_NONE) {
        oracle_problem(oracle, "rule 3: an event of nobody: campaign %llx ordinal %u",
                       (unsigned long long)event->identity.campaign, event->identity.ordinal);
        return;
    }
    recipient = &oracle->recipients[index];
    if (is_repeated(oracle, recipient, event))
        return;
    recipient->last = *outcome;
    recipient->delivered_count += outcome->kind == OUTCOME_DELIVERED;
    recipient->unsure_count += is_unsure(outcome);
    recipient->deferred_count += outcome->kind == OUTCOME_DEFERRED;
    if (is_final(outcome->kind)) {
        recipient->ended_count++;
        recipient->ended = outcome->kind;
    }
    if (!oracle->blind && !is_explained(oracle, recipient, outcome))
        oracle_problem(oracle, "rule 8: %s: %s at %s because of %s %u has not happened",
                       recipient->address, outcome_kind_name(outcome->kind),
                       outcome_stage_name(outcome->stage), outcome_cause_name(outcome->cause),
                       outcome->reply.code);
}
