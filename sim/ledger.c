#include "sim/ledger.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

#define PROBLEM_MAX 400

void ledger_open(struct ledger *ledger, const struct zones *zones, struct text problems)
{
    *ledger = (struct ledger){.zones = zones, .problems = problems};
}

void ledger_close(struct ledger *ledger)
{
    free(ledger->recipients);
    free(ledger->index);
}

void ledger_problem(struct ledger *ledger, const char *format, ...)
{
    char line[PROBLEM_MAX];
    va_list arguments;

    ledger->problems_count++;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    if (text_room(&ledger->problems) > strlen(line)) {
        text_add_cstr(&ledger->problems, line);
        text_add_byte(&ledger->problems, '\n');
    }
}

uint64_t ledger_hash(uint64_t hash, struct span bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        hash = (hash ^ bytes.data[i]) * UINT64_C(1099511628211);
    return hash;
}

/* --- recipients --- */

static uint32_t *index_slot(const struct ledger *ledger, struct span address)
{
    uint64_t place = ledger_hash(LEDGER_HASH_START, address);

    for (;; place++) {
        uint32_t *slot = &ledger->index[place % ledger->index_max];

        if (*slot == LEDGER_NONE ||
            span_equal(span_cstr(ledger->recipients[*slot].address), address))
            return slot;
    }
}

static void index_grow(struct ledger *ledger)
{
    ledger->index_max = ledger->index_max == 0 ? 4096 : ledger->index_max * 2;
    ledger->index = realloc(ledger->index, ledger->index_max * sizeof(ledger->index[0]));
    CHECK(ledger->index != NULL);
    memset(ledger->index, 0xff, ledger->index_max * sizeof(ledger->index[0]));
    for (uint32_t i = 0; i < ledger->recipients_count; i++)
        *index_slot(ledger, span_cstr(ledger->recipients[i].address)) = i;
}

uint32_t ledger_add_campaign(struct ledger *ledger, const char *name)
{
    struct ledger_campaign *campaign = &ledger->campaigns[ledger->campaigns_count];

    CHECK(ledger->campaigns_count < LEDGER_CAMPAIGNS_MAX);
    CHECK(strlen(name) < sizeof(campaign->name));
    *campaign = (struct ledger_campaign){.first = ledger->recipients_count};
    memcpy(campaign->name, name, strlen(name) + 1);
    return ledger->campaigns_count++;
}

uint32_t ledger_add(struct ledger *ledger, uint32_t campaign, const char *address, uint32_t zone,
                    uint64_t body_hash)
{
    struct ledger_recipient *recipient;

    CHECK(campaign + 1 == ledger->campaigns_count);
    CHECK(strlen(address) < LEDGER_ADDRESS_MAX);
    if (ledger->recipients_count == ledger->recipients_max) {
        ledger->recipients_max = ledger->recipients_max == 0 ? 1024 : ledger->recipients_max * 2;
        ledger->recipients =
            realloc(ledger->recipients, ledger->recipients_max * sizeof(ledger->recipients[0]));
        CHECK(ledger->recipients != NULL);
    }
    if ((ledger->recipients_count + 1) * 2 > ledger->index_max)
        index_grow(ledger);
    recipient = &ledger->recipients[ledger->recipients_count];
    *recipient = (struct ledger_recipient){
        .zone = zone,
        .campaign = campaign,
        .ordinal = ledger->campaigns[campaign].count++,
        .body_hash = body_hash,
    };
    memcpy(recipient->address, address, strlen(address) + 1);
    CHECK(*index_slot(ledger, span_cstr(address)) == LEDGER_NONE);
    *index_slot(ledger, span_cstr(address)) = ledger->recipients_count;
    return ledger->recipients_count++;
}

void ledger_acknowledge(struct ledger *ledger, uint32_t campaign, uint64_t id)
{
    struct ledger_campaign *state = &ledger->campaigns[campaign];

    if (state->id != 0 && state->id != id)
        ledger_problem(ledger, "rule 1: campaign %s has changed its id", state->name);
    state->id = id;
    state->acknowledged = true;
}

void ledger_missing(struct ledger *ledger, uint32_t campaign)
{
    const struct ledger_campaign *state = &ledger->campaigns[campaign];

    if (state->acknowledged)
        ledger_problem(ledger, "rule 1: campaign %s was acknowledged and is gone", state->name);
}

void ledger_end_life(struct ledger *ledger, bool crashed)
{
    if (crashed)
        ledger->lives_crashed |= UINT64_C(1) << ledger->life;
    ledger->life++;
    CHECK(ledger->life < LEDGER_LIVES_MAX);
}

/* --- from the servers --- */

uint32_t ledger_look_up(struct ledger *ledger, const struct ip *server, struct span address)
{
    uint32_t recipient = ledger->index_max == 0 ? LEDGER_NONE : *index_slot(ledger, address);
    const struct ledger_recipient *state;

    if (recipient == LEDGER_NONE) {
        ledger_problem(ledger, "rule 3: RCPT for a stranger: %.*s", (int)address.size,
                       (const char *)address.data);
        return LEDGER_NONE;
    }
    state = &ledger->recipients[recipient];
    if (!zones_serves(ledger->zones, state->zone, server))
        ledger_problem(ledger, "rule 3: %s at a server that is not its domain's", state->address);
    return recipient;
}

void ledger_replied(struct ledger *ledger, uint32_t recipient, enum outcome_stage stage,
                    uint16_t code)
{
    struct ledger_recipient *state = &ledger->recipients[recipient];

    if (stage == STAGE_DATA && code == 354)
        state->data_count++;
    for (uint32_t i = 0; i < state->replies_count; i++) {
        if (state->replies[i].stage == stage && state->replies[i].code == code)
            return;
    }
    if (state->replies_count < LEDGER_REPLIES_MAX)
        state->replies[state->replies_count++] =
            (struct ledger_reply){.stage = (uint8_t)stage, .code = code};
}

void ledger_twisted(struct ledger *ledger, uint32_t recipient)
{
    ledger->recipients[recipient].twisted = true;
}

static void check_return_path(struct ledger *ledger, const struct ledger_mail *mail,
                              const struct ledger_recipient *recipient)
{
    const struct ledger_campaign *campaign = &ledger->campaigns[recipient->campaign];
    struct identity identity = {0};
    uint16_t day;

    if (ledger->verp == NULL) {
        if (!span_equal(mail->return_path, span_cstr(ledger->sender)))
            ledger_problem(ledger, "rule 3: %s: MAIL FROM is not the sender", recipient->address);
        return;
    }
    if (verp_read(mail->return_path, ledger->verp, 0, &identity, &day) != VERP_VALID) {
        ledger_problem(ledger, "rule 3: %s: the return path has no valid tag: %.*s",
                       recipient->address, (int)mail->return_path.size,
                       (const char *)mail->return_path.data);
        return;
    }
    if (identity.ordinal != recipient->ordinal ||
        (campaign->id != 0 && identity.campaign != campaign->id))
        ledger_problem(ledger, "rule 3: %s: the return path is somebody else's",
                       recipient->address);
}

static void accept_one(struct ledger *ledger, const struct ledger_mail *mail, uint32_t index)
{
    struct ledger_recipient *recipient = &ledger->recipients[index];
    uint64_t id_hash = ledger_hash(LEDGER_HASH_START, mail->message_id);

    recipient->accepted_count++;
    recipient->lives_accepted |= UINT64_C(1) << mail->life;
    if (recipient->body_hash != mail->body_hash)
        ledger_problem(ledger, "rule 3: %s: another body than was queued", recipient->address);
    if (mail->message_id.size == 0)
        ledger_problem(ledger, "rule 3: %s: no Message-ID", recipient->address);
    if (recipient->message_id_hash != 0 && recipient->message_id_hash != id_hash)
        ledger_problem(ledger, "rule 2: %s: another Message-ID than before", recipient->address);
    recipient->message_id_hash = id_hash;
    check_return_path(ledger, mail, recipient);
}

void ledger_accepted(struct ledger *ledger, const struct ledger_mail *mail)
{
    ledger->accepted_count++;
    for (uint32_t i = 0; i < mail->recipients_count; i++)
        accept_one(ledger, mail, mail->recipients[i]);
}

/* --- from the product --- */

static uint32_t find_identity(const struct ledger *ledger, const struct identity *identity)
{
    for (uint32_t i = 0; i < ledger->campaigns_count; i++) {
        const struct ledger_campaign *campaign = &ledger->campaigns[i];

        if (campaign->id == identity->campaign && identity->ordinal < campaign->count)
            return campaign->first + identity->ordinal;
    }
    return LEDGER_NONE;
}

static bool was_replied(const struct ledger_recipient *recipient, enum outcome_stage stage,
                        uint16_t code)
{
    if (recipient->replies_count == LEDGER_REPLIES_MAX)
        return true; /* the list was cut */
    for (uint32_t i = 0; i < recipient->replies_count; i++) {
        if (recipient->replies[i].stage == stage && recipient->replies[i].code == code)
            return true;
    }
    return false;
}

static bool dns_explains(const struct ledger *ledger, const struct ledger_recipient *recipient,
                         enum outcome_cause cause)
{
    enum zone_kind kind = zones_kind(ledger->zones, recipient->zone);

    if (cause == CAUSE_NO_DOMAIN)
        return kind == ZONE_NXDOMAIN;
    if (cause == CAUSE_NULL_MX)
        return kind == ZONE_NULL_MX;
    if (cause == CAUSE_NO_ADDRESS)
        return !zones_delivers(ledger->zones, recipient->zone) && kind != ZONE_NXDOMAIN &&
               kind != ZONE_NULL_MX;
    return true;
}

/* Rule 8. A session's own replies (greeting, EHLO, MAIL) are not kept a recipient. */
static bool is_explained(const struct ledger *ledger, const struct ledger_recipient *recipient,
                         const struct outcome *outcome)
{
    if (recipient->twisted)
        return true;
    if (outcome->kind == OUTCOME_DELIVERED)
        return recipient->accepted_count > 0;
    if (outcome->kind == OUTCOME_UNSURE)
        return recipient->unsure_count <= recipient->data_count;
    if (outcome->cause != CAUSE_REPLY)
        return dns_explains(ledger, recipient, outcome->cause);
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

void ledger_event(struct ledger *ledger, const struct attempt_event *event)
{
    const struct outcome *outcome = &event->attempt.outcome;
    uint32_t index = find_identity(ledger, &event->identity);
    struct ledger_recipient *recipient;

    ledger->events_count++;
    if (index == LEDGER_NONE) {
        ledger_problem(ledger, "rule 3: an event of nobody: campaign %llx ordinal %u",
                       (unsigned long long)event->identity.campaign, event->identity.ordinal);
        return;
    }
    recipient = &ledger->recipients[index];
    recipient->delivered_count += outcome->kind == OUTCOME_DELIVERED;
    recipient->unsure_count += outcome->kind == OUTCOME_UNSURE;
    recipient->deferred_count += outcome->kind == OUTCOME_DEFERRED;
    if (is_final(outcome->kind)) {
        recipient->ended_count++;
        recipient->ended = outcome->kind;
    }
    if (!is_explained(ledger, recipient, outcome))
        ledger_problem(ledger, "rule 8: %s: %s at %s because of %s %u has not happened",
                       recipient->address, outcome_kind_name(outcome->kind),
                       outcome_stage_name(outcome->stage), outcome_cause_name(outcome->cause),
                       outcome->reply.code);
}

/* --- the whole --- */

static void finish_one(struct ledger *ledger, const struct ledger_recipient *recipient,
                       bool drained)
{
    bool acknowledged = ledger->campaigns[recipient->campaign].acknowledged;
    uint64_t crashed = recipient->lives_accepted & ledger->lives_crashed;
    uint32_t allowed = recipient->delivered_count + recipient->unsure_count +
                       (uint32_t)__builtin_popcountll(crashed);

    if (!acknowledged && recipient->accepted_count > 0)
        ledger_problem(ledger, "rule 3: %s was mailed and its campaign is not READY",
                       recipient->address);
    if (recipient->ended_count > 1)
        ledger_problem(ledger, "rule 1: %s has ended %u times", recipient->address,
                       recipient->ended_count);
    if (drained && acknowledged && recipient->ended_count == 0)
        ledger_problem(ledger, "rule 1: %s is lost (deferred %u times)", recipient->address,
                       recipient->deferred_count);
    if (recipient->accepted_count > allowed)
        ledger_problem(ledger, "rule 2: %s was accepted %u times; %u can be explained",
                       recipient->address, recipient->accepted_count, allowed);
    if (recipient->delivered_count > 0 && recipient->accepted_count == 0)
        ledger_problem(ledger, "rule 1: %s counts as delivered and never was", recipient->address);
}

void ledger_finish(struct ledger *ledger, bool drained)
{
    for (uint32_t i = 0; i < ledger->recipients_count; i++)
        finish_one(ledger, &ledger->recipients[i], drained);
}
