/* oracle_ledger.c - who is to get mail: campaigns, their recipients, and the lives of the product.
 *
 * Entered by the world before the product learns of anybody. Knows whom an address or an identity
 * means, and nothing of what has become of them. Owns the oracle's recipients and their index by
 * address (malloc), which oracle_close frees. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "sim/oracle.h"

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

uint32_t oracle_find(const struct oracle *oracle, struct span address)
{
    return oracle->index_max == 0 ? ORACLE_NONE : *index_slot(oracle, address);
}

uint32_t oracle_find_identity(const struct oracle *oracle, const struct identity *identity)
{
    for (uint32_t i = 0; i < oracle->campaigns_count; i++) {
        const struct oracle_campaign *campaign = &oracle->campaigns[i];

        if (campaign->id == identity->campaign && identity->ordinal < campaign->count)
            return campaign->first + identity->ordinal;
    }
    return ORACLE_NONE;
}
