#include "sim/oracle.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "sim/oracle_stop.h"
#include "sim/sim_world.h"

/* What was claimed before a suppression may be under way so long. */
#define CLAIMED_NS (30 * NS_PER_MINUTE)

#define PROBLEM_MAX 400

void oracle_open(struct oracle *oracle, const struct zones *zones, struct text problems)
{
    *oracle = (struct oracle){.zones = zones, .problems = problems};
}

void oracle_close(struct oracle *oracle)
{
    free(oracle->recipients);
    free(oracle->index);
    free(oracle->pace.sites);
}

void oracle_problem(struct oracle *oracle, const char *format, ...)
{
    char line[PROBLEM_MAX];
    va_list arguments;

    oracle->problems_count++;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    if (text_room(&oracle->problems) > strlen(line)) {
        text_add_cstr(&oracle->problems, line);
        text_add_byte(&oracle->problems, '\n');
    }
}

uint64_t oracle_hash(uint64_t hash, struct span bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        hash = (hash ^ bytes.data[i]) * UINT64_C(1099511628211);
    return hash;
}

/* --- recipients --- */

static uint32_t *index_slot(const struct oracle *oracle, struct span address)
{
    uint64_t place = oracle_hash(ORACLE_HASH_START, address);

    for (;; place++) {
        uint32_t *slot = &oracle->index[place % oracle->index_max];

        if (*slot == ORACLE_NONE ||
            span_equal(span_cstr(oracle->recipients[*slot].address), address))
            return slot;
    }
}

static void index_grow(struct oracle *oracle)
{
    oracle->index_max = oracle->index_max == 0 ? 4096 : oracle->index_max * 2;
    oracle->index = realloc(oracle->index, oracle->index_max * sizeof(oracle->index[0]));
    CHECK(oracle->index != NULL);
    memset(oracle->index, 0xff, oracle->index_max * sizeof(oracle->index[0]));
    for (uint32_t i = 0; i < oracle->recipients_count; i++)
        *index_slot(oracle, span_cstr(oracle->recipients[i].address)) = i;
}

uint32_t oracle_add_campaign(struct oracle *oracle, const char *name)
{
    struct oracle_campaign *campaign = &oracle->campaigns[oracle->campaigns_count];

    CHECK(oracle->campaigns_count < ORACLE_CAMPAIGNS_MAX);
    CHECK(strlen(name) < sizeof(campaign->name));
    *campaign = (struct oracle_campaign){.first = oracle->recipients_count};
    memcpy(campaign->name, name, strlen(name) + 1);
    return oracle->campaigns_count++;
}

uint32_t oracle_add(struct oracle *oracle, uint32_t campaign, const char *address, uint32_t zone,
                    uint64_t body_hash)
{
    struct oracle_recipient *recipient;

    CHECK(campaign + 1 == oracle->campaigns_count);
    CHECK(strlen(address) < ORACLE_ADDRESS_MAX);
    if (oracle->recipients_count == oracle->recipients_max) {
        oracle->recipients_max = oracle->recipients_max == 0 ? 1024 : oracle->recipients_max * 2;
        oracle->recipients =
            realloc(oracle->recipients, oracle->recipients_max * sizeof(oracle->recipients[0]));
        CHECK(oracle->recipients != NULL);
    }
    if ((oracle->recipients_count + 1) * 2 > oracle->index_max)
        index_grow(oracle);
    recipient = &oracle->recipients[oracle->recipients_count];
    *recipient = (struct oracle_recipient){
        .zone = zone,
        .campaign = campaign,
        .ordinal = oracle->campaigns[campaign].count++,
        .body_hash = body_hash,
    };
    memcpy(recipient->address, address, strlen(address) + 1);
    CHECK(*index_slot(oracle, span_cstr(address)) == ORACLE_NONE);
    *index_slot(oracle, span_cstr(address)) = oracle->recipients_count;
    return oracle->recipients_count++;
}

void oracle_acknowledge(struct oracle *oracle, uint32_t campaign, uint64_t id)
{
    struct oracle_campaign *state = &oracle->campaigns[campaign];

    if (state->id != 0 && state->id != id)
        oracle_problem(oracle, "rule 1: campaign %s has changed its id", state->name);
    state->id = id;
    state->acknowledged = true;
}

void oracle_missing(struct oracle *oracle, uint32_t campaign)
{
    const struct oracle_campaign *state = &oracle->campaigns[campaign];

    if (state->acknowledged)
        oracle_problem(oracle, "rule 1: campaign %s was acknowledged and is gone", state->name);
}

void oracle_end_life(struct oracle *oracle, bool crashed)
{
    if (crashed)
        oracle->lives_crashed |= UINT64_C(1) << oracle->life;
    oracle->life++;
    CHECK(oracle->life < ORACLE_LIVES_MAX);
}

/* --- from the servers --- */

uint32_t oracle_look_up(struct oracle *oracle, const struct ip *server, struct span address)
{
    uint32_t recipient = oracle->index_max == 0 ? ORACLE_NONE : *index_slot(oracle, address);
    const struct oracle_recipient *state;

    if (recipient == ORACLE_NONE) {
        oracle_problem(oracle, "rule 3: RCPT for a stranger: %.*s", (int)address.size,
                       (const char *)address.data);
        return ORACLE_NONE;
    }
    state = &oracle->recipients[recipient];
    if (!zones_serves(oracle->zones, state->zone, server))
        oracle_problem(oracle, "rule 3: %s at a server that is not its domain's", state->address);
    return recipient;
}

void oracle_replied(struct oracle *oracle, uint32_t recipient, enum outcome_stage stage,
                    uint16_t code)
{
    struct oracle_recipient *state = &oracle->recipients[recipient];

    if (stage == STAGE_DATA && code == 354)
        state->data_count++;
    for (uint32_t i = 0; i < state->replies_count; i++) {
        if (state->replies[i].stage == stage && state->replies[i].code == code)
            return;
    }
    if (state->replies_count < ORACLE_REPLIES_MAX)
        state->replies[state->replies_count++] =
            (struct oracle_reply){.stage = (uint8_t)stage, .code = code};
}

void oracle_suppressed(struct oracle *oracle, uint32_t recipient)
{
    struct oracle_recipient *entry = &oracle->recipients[recipient];

    if (entry->suppressed_ns == 0)
        entry->suppressed_ns = sim_world_now_ns();
    oracle->suppressed_count++;
}

void oracle_cancelled(struct oracle *oracle, uint32_t campaign)
{
    struct oracle_campaign *state = &oracle->campaigns[campaign];

    if (!state->cancelled)
        state->cancelled_ns = sim_world_now_ns();
    state->cancelled = true;
    if (!state->cancel_asked)
        oracle_problem(oracle, "rule 1: campaign %s is cancelled, and nobody asked for it",
                       state->name);
}

/* What DANE says of the recipient's mail at this server, where the configuration listens to it. */
static enum zone_tlsa tlsa_of(const struct oracle *oracle, uint32_t zone, const struct ip *server)
{
    if (!oracle->dane || oracle->zones->zones[zone].tls_mode == 0)
        return ZONE_TLSA_NONE;
    return zones_tlsa(oracle->zones, zone, server);
}

/* Rule 6, the part that DANE has in it. */
static void check_dane(struct oracle *oracle, const struct oracle_recipient *entry,
                       const struct ip *server, enum tls_level level)
{
    enum zone_tlsa tlsa = tlsa_of(oracle, entry->zone, server);

    if (tlsa == ZONE_TLSA_OTHER || tlsa == ZONE_TLSA_BOGUS)
        oracle_problem(oracle, "rule 6: %s at a server whose TLSA records forbid it",
                       entry->address);
    else if (tlsa != ZONE_TLSA_NONE && level == TLS_LEVEL_CLEAR)
        oracle_problem(oracle, "rule 6: %s in clear, the server has TLSA records", entry->address);
}

/* Whether the server's key is proven by its records: to unsigned domains with that server as well.
 */
static bool is_proven(const struct oracle *oracle, const struct ip *server)
{
    for (uint32_t i = 0; oracle->dane && i < oracle->zones->zones_count; i++)
        if (zones_tlsa(oracle->zones, i, server) == ZONE_TLSA_FITS)
            return true;
    return false;
}

void oracle_travels(struct oracle *oracle, uint32_t recipient, const struct ip *server,
                    enum tls_level level)
{
    const struct oracle_recipient *entry = &oracle->recipients[recipient];
    const struct oracle_campaign *campaign = &oracle->campaigns[entry->campaign];
    enum tls_level demanded = oracle->zones->zones[entry->zone].demanded;

    oracle->levels[level]++;
    if (campaign->cancelled && sim_world_now_ns() > campaign->cancelled_ns + CLAIMED_NS)
        oracle_problem(oracle, "rule 4: %s is mailed and its campaign was cancelled long ago",
                       entry->address);
    if (entry->suppressed_ns != 0 && sim_world_now_ns() > entry->suppressed_ns + CLAIMED_NS)
        oracle_problem(
            oracle, "rule 4: %s was suppressed %llu s ago and is mailed", entry->address,
            (unsigned long long)((sim_world_now_ns() - entry->suppressed_ns) / NS_PER_S));
    oracle_stop_travels(oracle, entry);
    check_dane(oracle, entry, server, level);
    if (demanded == TLS_LEVEL_VERIFIED && level == TLS_LEVEL_ENCRYPTED && is_proven(oracle, server))
        return;
    if (level < demanded)
        oracle_problem(oracle, "rule 6: %s over a session that is %s, %s is demanded",
                       entry->address, tls_demand_level_name(level),
                       tls_demand_level_name(demanded));
}

void oracle_twisted(struct oracle *oracle, uint32_t recipient)
{
    oracle->recipients[recipient].twisted = true;
}

static void check_return_path(struct oracle *oracle, const struct oracle_mail *mail,
                              const struct oracle_recipient *recipient)
{
    const struct oracle_campaign *campaign = &oracle->campaigns[recipient->campaign];
    struct identity identity = {0};
    uint16_t day;

    if (oracle->verp == NULL) {
        if (!span_equal(mail->return_path, span_cstr(oracle->sender)))
            oracle_problem(oracle, "rule 3: %s: MAIL FROM is not the sender", recipient->address);
        return;
    }
    if (verp_read(mail->return_path, oracle->verp, 0, &identity, &day) != VERP_VALID) {
        oracle_problem(oracle, "rule 3: %s: the return path has no valid tag: %.*s",
                       recipient->address, (int)mail->return_path.size,
                       (const char *)mail->return_path.data);
        return;
    }
    if (identity.ordinal != recipient->ordinal ||
        (campaign->id != 0 && identity.campaign != campaign->id))
        oracle_problem(oracle, "rule 3: %s: the return path is somebody else's",
                       recipient->address);
}

static void accept_one(struct oracle *oracle, const struct oracle_mail *mail, uint32_t index)
{
    struct oracle_recipient *recipient = &oracle->recipients[index];
    uint64_t id_hash = oracle_hash(ORACLE_HASH_START, mail->message_id);

    recipient->accepted_count++;
    recipient->lives_accepted |= UINT64_C(1) << mail->life;
    if (recipient->body_hash != mail->body_hash)
        oracle_problem(oracle, "rule 3: %s: another body than was queued", recipient->address);
    if (mail->message_id.size == 0)
        oracle_problem(oracle, "rule 3: %s: no Message-ID", recipient->address);
    if (recipient->message_id_hash != 0 && recipient->message_id_hash != id_hash)
        oracle_problem(oracle, "rule 2: %s: another Message-ID than before", recipient->address);
    recipient->message_id_hash = id_hash;
    check_return_path(oracle, mail, recipient);
}

void oracle_content(struct oracle *oracle, uint32_t recipient, uint64_t content_hash)
{
    struct oracle_recipient *item = &oracle->recipients[recipient];

    if (item->content_hash != 0 && item->content_hash != content_hash)
        oracle_problem(oracle, "rule 3: %s: another content than before", item->address);
    item->content_hash = content_hash;
}

void oracle_accepted(struct oracle *oracle, const struct oracle_mail *mail)
{
    oracle->accepted_count++;
    for (uint32_t i = 0; i < mail->recipients_count; i++)
        accept_one(oracle, mail, mail->recipients[i]);
}

/* --- from the product --- */

static uint32_t find_identity(const struct oracle *oracle, const struct identity *identity)
{
    for (uint32_t i = 0; i < oracle->campaigns_count; i++) {
        const struct oracle_campaign *campaign = &oracle->campaigns[i];

        if (campaign->id == identity->campaign && identity->ordinal < campaign->count)
            return campaign->first + identity->ordinal;
    }
    return ORACLE_NONE;
}

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
    uint32_t index = find_identity(oracle, &event->identity);
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

/* --- the whole --- */

static void finish_one(struct oracle *oracle, const struct oracle_recipient *recipient,
                       bool drained)
{
    bool acknowledged = oracle->campaigns[recipient->campaign].acknowledged;
    uint64_t crashed = recipient->lives_accepted & oracle->lives_crashed;
    uint32_t allowed = recipient->delivered_count + recipient->unsure_count +
                       (uint32_t)__builtin_popcountll(crashed);

    if (!acknowledged && recipient->accepted_count > 0)
        oracle_problem(oracle, "rule 3: %s was mailed and its campaign is not READY",
                       recipient->address);
    if (recipient->ended_count > 1)
        oracle_problem(oracle, "rule 1: %s has ended %u times", recipient->address,
                       recipient->ended_count);
    if (drained && acknowledged && recipient->ended_count == 0)
        oracle_problem(oracle, "rule 1: %s is lost (deferred %u times)", recipient->address,
                       recipient->deferred_count);
    if (recipient->ended == OUTCOME_CANCELLED &&
        !oracle->campaigns[recipient->campaign].cancelled &&
        !oracle_stop_explains(oracle, recipient))
        oracle_problem(oracle, "rule 1: %s was cancelled, and neither its campaign nor its domain",
                       recipient->address);
    if (recipient->accepted_count > allowed)
        oracle_problem(oracle,
                       "rule 2: %s was accepted %u times; %u can be explained; last: %s at %s, "
                       "cause %s, code %u",
                       recipient->address, recipient->accepted_count, allowed,
                       outcome_kind_name(recipient->last.kind),
                       outcome_stage_name(recipient->last.stage),
                       outcome_cause_name(recipient->last.cause), recipient->last.reply.code);
    if (recipient->delivered_count > 0 && recipient->accepted_count == 0)
        oracle_problem(oracle, "rule 1: %s counts as delivered and never was", recipient->address);
}

void oracle_finish(struct oracle *oracle, bool drained)
{
    for (uint32_t i = 0; i < oracle->recipients_count; i++)
        finish_one(oracle, &oracle->recipients[i], drained);
}
