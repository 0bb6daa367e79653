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
    return campaign_is_alive(queue_campaign(queue, index)->state) ? content_fault(contents, index)
                                                                  : NULL;
}

static void write_counts(struct text *out, const struct campaign_counts *counts)
{
    json_put_key_u64(out, "queued", (uint64_t)counts->queued);
    json_put_key_u64(out, "deferred", (uint64_t)counts->deferred);
    json_put_key_u64(out, "in_flight", (uint64_t)counts->in_flight);
    json_put_key_u64(out, "accepted", (uint64_t)counts->delivered);
    json_put_key_u64(out, "failed", (uint64_t)counts->failed);
    json_put_key_u64(out, "expired", (uint64_t)counts->expired);
    json_put_key_u64(out, "suppressed", (uint64_t)counts->suppressed);
    json_put_key_u64(out, "cancelled", (uint64_t)counts->cancelled);
    json_put_key_u64(out, "damaged", (uint64_t)counts->damaged);
    json_put_key_u64(out, "unsure", (uint64_t)counts->unsure);
}

/* At rest, who was cancelled at a domain still counts as queued or deferred: the next sender ends
 * them. */
static void write_stops(const struct queue *queue, uint32_t index, struct text *out)
{
    const struct stops *stops = queue_stops(queue);
    uint32_t counts[STOP_KIND_COUNT] = {0};

    for (uint32_t i = 0; i < stops->count; i++)
        if (stops->list[i].campaign == index || stops->list[i].campaign == STOPS_EVERY)
            counts[stops->list[i].kind]++;
    if (counts[STOP_PAUSED] > 0)
        json_put_key_u64(out, "domains_paused", counts[STOP_PAUSED]);
    if (counts[STOP_CANCELLED] > 0)
        json_put_key_u64(out, "domains_cancelled", counts[STOP_CANCELLED]);
}

void query_campaign_fields(struct store *store, const struct content_set *contents, uint32_t index,
                           struct text *out)
{
    const struct queue *queue = store_queue(store);
    const struct campaign *campaign = queue_campaign(queue, index);
    const char *fault = query_campaign_fault(queue, contents, index);
    struct campaign_counts counts;

    store_counts(store, index, &counts);
    json_put_key_string(out, "campaign", campaign->descriptor.name);
    json_put_key_string(out, "tenant", campaign->descriptor.tenant);
    json_put_key_cstr(out, "lane",
                      campaign->descriptor.lane == LANE_BULK ? "bulk" : "transactional");
    json_put_key_cstr(out, "state", fault != NULL ? "held" : campaign_state_name(campaign->state));
    json_put_key_string(out, "sender", campaign->descriptor.sender);
    json_put_key_u64(out, "created", campaign->descriptor.created_s);
    json_put_key_u64(out, "recipients", campaign->recipients_count);
    write_counts(out, &counts);
    write_stops(queue, index, out);
    if (campaign->descriptor.require_tls)
        json_put_key_bool(out, "require_tls", true);
    if (fault != NULL)
        json_put_key_cstr(out, "held_because", fault);
}

void query_campaign_write(struct store *store, const struct content_set *contents, uint32_t index,
                          struct text *out)
{
    json_put_open(out, '{');
    query_campaign_fields(store, contents, index, out);
    json_put_close(out, '}');
    text_add_byte(out, '\n');
}

/* Counts the next records; false: there are more. */
static bool walk_on(struct query_campaign_domain *walk, const struct queue *queue, uint32_t domain)
{
    for (uint32_t i = 0; walk->record < queue_recipients_count(queue); i++, walk->record++) {
        struct query_campaign_counts *counts;
        struct queue_standing standing;

        if (i == RECORDS_A_STEP)
            return false;
        if (queue_standing(queue, walk->record, &standing) < 0 || standing.domain != domain ||
            standing.campaign_index < walk->first ||
            standing.campaign_index - walk->first >= QUERY_CAMPAIGN_WINDOW)
            continue;
        counts = &walk->counts[standing.campaign_index - walk->first];
        counts->recipients++;
        counts->unsure += standing.unsure;
        counts->kinds[standing.kind]++;
    }
    return true;
}

static void write_line(const struct query_campaign_counts *counts, const struct campaign *campaign,
                       const char *fault, struct span domain, enum stop_kind stop, struct text *out)
{
    json_put_open(out, '{');
    json_put_key_string(out, "campaign", campaign->descriptor.name);
    json_put_key_string(out, "tenant", campaign->descriptor.tenant);
    json_put_key_string(out, "domain", domain);
    json_put_key_cstr(out, "lane",
                      campaign->descriptor.lane == LANE_BULK ? "bulk" : "transactional");
    json_put_key_cstr(out, "state", fault != NULL ? "held" : campaign_state_name(campaign->state));
    if (stop != STOP_NONE)
        json_put_key_cstr(out, "at_domain", stops_kind_name(stop));
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
    uint32_t domain_index = queue_find_domain(queue, span_cstr(domain));
    uint32_t left, end;

    if (domain_index == QUEUE_NONE)
        return true;
    if (walk->record == 0)
        walk->first = next_wanted(queue, walk->first, name);
    left = queue_campaigns_count(queue) - walk->first;
    end = left < QUERY_CAMPAIGN_WINDOW ? left : QUERY_CAMPAIGN_WINDOW;
    if (left == 0)
        return true;
    if (!walk_on(walk, queue, domain_index))
        return false;
    for (; walk->told < end; walk->told++) {
        uint32_t index = walk->first + walk->told;
        const struct campaign *campaign = queue_campaign(queue, index);
        const struct query_campaign_counts *counts = &walk->counts[walk->told];

        if (text_room(out) < LINE_ROOM)
            return false;
        if (counts->recipients > 0 && campaign->state != CAMPAIGN_DISCARDED &&
            query_campaign_is(campaign, name))
            write_line(counts, campaign, query_campaign_fault(queue, contents, index),
                       queue_domain_name(queue, domain_index),
                       stops_kind(queue_stops(queue), index, domain_index), out);
    }
    *walk = (struct query_campaign_domain){.first = walk->first + end};
    return next_wanted(queue, walk->first, name) == queue_campaigns_count(queue);
}
