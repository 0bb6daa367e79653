#include "sim/oracle.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* --- from the servers --- */

uint32_t oracle_look_up(struct oracle *oracle, const struct ip *server, struct span address)
{
    uint32_t recipient = oracle_find(oracle, address);
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
