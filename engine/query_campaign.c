#include "engine/query_campaign.h"

#include <string.h>

#include "base/json_put.h"

#define RECORDS_A_STEP 20000
#define LINE_ROOM ((size_t)8 * KIB)

bool query_campaign_is(const struct campaign *campaign, const char *name)
{
    struct span wanted = span_cstr(name);
    const struct campaign_descriptor *descriptor = &campaign->descriptor;

    if (wanted.size == 0 || span_equal(wanted, descriptor->name))
        return true;
    return descriptor->tenant.size > 0 && span_starts(wanted, descriptor->tenant) &&
           wanted.size > descriptor->tenant.size && wanted.data[descriptor->tenant.size] == '/' &&
           span_equal(span_skip(wanted, descriptor->tenant.size + 1), descriptor->name);
}

const char *query_campaign_fault(const struct queue *queue, const struct content_set *contents,
                                 uint32_t index)
{
    enum campaign_state state = queue_campaign(queue, index)->state;

    return state == CAMPAIGN_READY || state == CAMPAIGN_PAUSED ? content_fault(contents, index)
                                                               : NULL;
}

/* Counts the next records; false: there are more. */
static bool walk_on(struct query_campaign_domain *walk, const struct queue *queue,
                    struct span domain)
{
    for (uint32_t i = 0; walk->record < queue_recipients_count(queue); i++, walk->record++) {
        struct query_campaign_counts *counts;
        struct queue_recipient recipient;
        struct queue_standing standing;

        if (i == RECORDS_A_STEP)
            return false;
        if (queue_standing(queue, walk->record, &standing) < 0 ||
            queue_read(queue, walk->record, &recipient) < 0 ||
            recipient.campaign_index < walk->first ||
            recipient.campaign_index - walk->first >= QUERY_CAMPAIGN_WINDOW ||
            !span_equal_nocase(domain, recipient.domain_name))
            continue;
        counts = &walk->counts[recipient.campaign_index - walk->first];
        counts->recipients++;
        counts->unsure += standing.unsure;
        counts->kinds[standing.kind]++;
    }
    return true;
}

static void write_line(const struct query_campaign_counts *counts, const struct campaign *campaign,
                       const char *fault, const char *domain, struct text *out)
{
    json_put_open(out, '{');
    json_put_key_string(out, "campaign", campaign->descriptor.name);
    json_put_key_string(out, "tenant", campaign->descriptor.tenant);
    json_put_key_cstr(out, "domain", domain);
    json_put_key_cstr(out, "lane",
                      campaign->descriptor.lane == LANE_BULK ? "bulk" : "transactional");
    json_put_key_cstr(out, "state", fault != NULL ? "held" : campaign_state_name(campaign->state));
    json_put_key_u64(out, "recipients", counts->recipients);
    json_put_key_u64(out, "queued", counts->kinds[OUTCOME_NONE]);
    json_put_key_u64(out, "deferred",
                     counts->kinds[OUTCOME_DEFERRED] + counts->kinds[OUTCOME_UNSURE]);
    json_put_key_u64(out, "accepted", counts->kinds[OUTCOME_DELIVERED]);
    json_put_key_u64(out, "failed", counts->kinds[OUTCOME_FAILED]);
    json_put_key_u64(out, "expired", counts->kinds[OUTCOME_EXPIRED]);
    json_put_key_u64(out, "suppressed", counts->kinds[OUTCOME_SUPPRESSED]);
    json_put_key_u64(out, "cancelled", counts->kinds[OUTCOME_CANCELLED]);
    json_put_key_u64(out, "unsure", counts->unsure);
    if (fault != NULL)
        json_put_key_cstr(out, "held_because", fault);
    json_put_close(out, '}');
    text_add_byte(out, '\n');
}

/* The first campaign from this one on that there is something to say of, or how many there are. */
static uint32_t next_wanted(const struct queue *queue, uint32_t index, const char *name)
{
    uint32_t count = queue_campaigns_count(queue);

    for (; index < count; index++) {
        const struct campaign *campaign = queue_campaign(queue, index);

        if (campaign->state != CAMPAIGN_DISCARDED && query_campaign_is(campaign, name))
            break;
    }
    return index;
}

bool query_campaign_step(struct query_campaign_domain *walk, const struct queue *queue,
                         const struct content_set *contents, const char *name, const char *domain,
                         struct text *out)
{
    uint32_t left, end;

    if (walk->record == 0)
        walk->first = next_wanted(queue, walk->first, name);
    left = queue_campaigns_count(queue) - walk->first;
    end = left < QUERY_CAMPAIGN_WINDOW ? left : QUERY_CAMPAIGN_WINDOW;
    if (left == 0)
        return true;
    if (!walk_on(walk, queue, span_cstr(domain)))
        return false;
    for (; walk->told < end; walk->told++) {
        uint32_t index = walk->first + walk->told;
        const struct campaign *campaign = queue_campaign(queue, index);
        const struct query_campaign_counts *counts = &walk->counts[walk->told];

        if (text_room(out) < LINE_ROOM)
            return false;
        if (counts->recipients > 0 && campaign->state != CAMPAIGN_DISCARDED &&
            query_campaign_is(campaign, name))
            write_line(counts, campaign, query_campaign_fault(queue, contents, index), domain, out);
    }
    *walk = (struct query_campaign_domain){.first = walk->first + end};
    return next_wanted(queue, walk->first, name) == queue_campaigns_count(queue);
}
