#include "engine/query_order.h"

#include <errno.h>

#include "base/json_put.h"
#include "engine/query_error.h"

#define RECORDS_A_STEP 20000
#define LINE_ROOM ((size_t)8 * KIB)
#define WORDS_MAX 1024

bool query_order_parse(struct query_order *order, struct span verb)
{
    static const struct {
        struct span name;
        enum campaign_state state;
    } verbs[] = {
        {SPAN_INIT("pause"), CAMPAIGN_PAUSED},
        {SPAN_INIT("resume"), CAMPAIGN_READY},
        {SPAN_INIT("cancel"), CAMPAIGN_CANCELLED},
    };

    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        if (!span_equal(verb, verbs[i].name))
            continue;
        order->state = verbs[i].state;
        return true;
    }
    return false;
}

/* --- a whole campaign --- */

static bool complain_held(struct text *out, const char *name, const char *fault)
{
    char buffer[WORDS_MAX];
    struct text words;

    text_init(&words, buffer, sizeof(buffer));
    text_add_format(&words, "campaign %s is held and cannot be resumed: %s", name, fault);
    return query_error(out, text_cstr_end(&words));
}

/* The one campaign of that name, or a complaint. */
static bool find_campaign(struct query_order *order, const struct query_order_world *world,
                          struct text *out)
{
    const struct queue *queue = store_queue(world->store);
    uint32_t matches = 0;

    for (uint32_t i = 0; i < queue_campaigns_count(queue); i++) {
        const struct campaign *campaign = queue_campaign(queue, i);

        if (campaign->state == CAMPAIGN_DISCARDED || !query_campaign_is(campaign, world->campaign))
            continue;
        order->campaign_index = i;
        matches++;
    }
    if (matches == 1)
        return true;
    (void)query_error(out, matches == 0 ? "no campaign of that name in this spool"
                                        : "several tenants have a campaign of that name: say "
                                          "tenant/name");
    return false;
}

/* 0: it was ordered, or is so; -EBUSY: not now; else a complaint was written. */
static int order_state(struct query_order *order, const struct query_order_world *world,
                       struct text *out)
{
    const struct queue *queue = store_queue(world->store);
    const char *fault;
    int result;

    if (!find_campaign(order, world, out))
        return -ENOENT;
    fault = query_campaign_fault(queue, world->contents, order->campaign_index);
    if (order->state == CAMPAIGN_READY && fault != NULL) {
        (void)complain_held(out, world->campaign, fault);
        return -EINVAL;
    }
    if (queue_campaign(queue, order->campaign_index)->state == order->state)
        return 0;
    result = store_set_state(world->store, order->campaign_index, order->state);
    if (result < 0 && result != -EBUSY)
        (void)query_error(out, "the campaign's state does not allow that");
    return result;
}

static bool step_campaign(struct query_order *order, const struct query_order_world *world,
                          struct text *out)
{
    int result = order->ordered ? 0 : order_state(order, world, out);

    if (result < 0)
        return result != -EBUSY;
    order->ordered = true;
    if (!store_state_durable(world->store, order->campaign_index))
        return false;
    query_campaign_write(world->store, world->contents, order->campaign_index, out);
    return true;
}

/* --- pause and resume of a domain --- */

static void write_stop(const struct queue *queue, uint32_t campaign_index, struct span domain,
                       enum stop_kind kind, struct text *out)
{
    json_put_key_string(out, "domain", domain);
    json_put_key_cstr(out, "state", stops_kind_name(kind));
    if (campaign_index == STOPS_EVERY)
        return;
    json_put_key_string(out, "campaign", queue_campaign(queue, campaign_index)->descriptor.name);
    json_put_key_string(out, "tenant", queue_campaign(queue, campaign_index)->descriptor.tenant);
}

/* What holds now: a pause of every campaign may, where that of one was lifted. */
static void write_order(const struct query_order *order, const struct query_order_world *world,
                        struct text *out)
{
    const struct queue *queue = store_queue(world->store);
    uint32_t domain = queue_find_domain(queue, span_cstr(world->domain));

    json_put_open(out, '{');
    write_stop(queue, order->campaign_index, queue_domain_name(queue, domain),
               stops_kind(queue_stops(queue), order->campaign_index, domain), out);
    json_put_close(out, '}');
    text_add_byte(out, '\n');
}

/* Nothing of these words can be paused or lifted: what else there is. */
static void complain_of_domain(const struct query_order *order,
                               const struct query_order_world *world, struct text *out)
{
    const struct queue *queue = store_queue(world->store);
    const struct stops *stops = queue_stops(queue);
    uint32_t domain = queue_find_domain(queue, span_cstr(world->domain));
    const struct stop *other = NULL;
    char buffer[WORDS_MAX];
    struct text words;

    for (uint32_t i = 0; i < stops->count; i++)
        if (stops->list[i].domain == domain && stops->list[i].kind == STOP_PAUSED)
            other = &stops->list[i];
    text_init(&words, buffer, sizeof(buffer));
    text_add_cstr(&words, "mail to ");
    text_add_printable(&words, span_cstr(world->domain), CAMPAIGN_NAME_MAX);
    if (stops_kind(stops, order->campaign_index, domain) == STOP_CANCELLED) {
        text_add_cstr(&words, " was cancelled in this campaign: that is for good");
    } else if (other == NULL) {
        text_add_cstr(&words, " is not paused, and no such mail is known here");
    } else if (other->campaign == STOPS_EVERY) {
        text_add_cstr(&words, " is paused in every campaign: leave out --campaign");
    } else {
        text_add_cstr(&words, " is paused in one campaign only: say --campaign ");
        text_add_printable(&words, queue_campaign(queue, other->campaign)->descriptor.name,
                           CAMPAIGN_NAME_MAX);
    }
    (void)query_error(out, text_cstr_end(&words));
}

static const char *stop_trouble(int result)
{
    if (result == -ENOSPC)
        return "too many domains are stopped, or known: let some go on, or cancel whole campaigns "
               "(what was stopped before stays so)";
    return "the campaign is not there any more, or not yet, or cannot be read";
}

/* Whether mail to the domain, which is known, goes in every campaign. */
static bool is_open(const struct queue *queue, struct span domain)
{
    const struct stops *stops = queue_stops(queue);
    uint32_t index = queue_find_domain(queue, domain);

    for (uint32_t i = 0; i < stops->count; i++)
        if (stops->list[i].domain == index)
            return false;
    return index != QUEUE_NONE;
}

/* Like order_state. */
static int order_stop(struct query_order *order, const struct query_order_world *world,
                      struct text *out)
{
    const struct queue *queue = store_queue(world->store);
    struct span domain = span_cstr(world->domain);
    enum stop_kind kind = order->state == CAMPAIGN_PAUSED ? STOP_PAUSED : STOP_NONE;
    const struct stop *known;
    int result;

    order->campaign_index = STOPS_EVERY;
    if (world->campaign[0] != '\0' && !find_campaign(order, world, out))
        return -ENOENT;
    known = stops_find(queue_stops(queue), order->campaign_index, queue_find_domain(queue, domain));
    if (known != NULL ? known->kind == kind : kind == STOP_NONE && is_open(queue, domain))
        return 0; /* it is so already */
    if (known == NULL && kind == STOP_NONE)
        result = -EALREADY;
    else
        result = store_set_stop(world->store, order->campaign_index, domain, kind);
    if (result == -EALREADY)
        complain_of_domain(order, world, out);
    else if (result < 0 && result != -EBUSY)
        (void)query_error(out, stop_trouble(result));
    return result;
}

static bool step_stop(struct query_order *order, const struct query_order_world *world,
                      struct text *out)
{
    int result = order->ordered ? 0 : order_stop(order, world, out);

    if (result < 0)
        return result != -EBUSY;
    order->ordered = true;
    if (!store_stops_durable(world->store))
        return false;
    write_order(order, world, out);
    return true;
}

/* --- cancel of a domain --- */

/* Each campaign that is found to have open mail to the domain is stopped there. 0: all were looked
 * at; -EAGAIN: there are more; -EBUSY: not now; else a complaint was written. */
static int order_cancels(struct query_order *order, const struct query_order_world *world,
                         struct text *out)
{
    const struct queue *queue = store_queue(world->store);
    uint32_t domain = queue_find_domain(queue, span_cstr(world->domain));

    for (uint32_t i = 0; order->record < queue_recipients_count(queue); i++, order->record++) {
        const struct campaign *campaign;
        struct queue_standing standing;
        int result;

        if (i == RECORDS_A_STEP)
            return -EAGAIN;
        if (queue_standing(queue, order->record, &standing) < 0 || standing.domain != domain ||
            (standing.kind != OUTCOME_NONE && standing.kind != OUTCOME_DEFERRED))
            continue;
        campaign = queue_campaign(queue, standing.campaign_index);
        if (!campaign_is_alive(campaign->state) || !query_campaign_is(campaign, world->campaign))
            continue;
        result = store_set_stop(world->store, standing.campaign_index, span_cstr(world->domain),
                                STOP_CANCELLED);
        if (result == -EINVAL)
            continue; /* its content is lost: it is not sent anyway */
        if (result < 0 && result != -EBUSY)
            (void)query_error(out, stop_trouble(result));
        if (result < 0)
            return result;
        order->found_count++;
    }
    return 0;
}

/* It was ordered before, by the same words perhaps. */
static bool is_cancelled(const struct query_order_world *world)
{
    const struct queue *queue = store_queue(world->store);
    const struct stops *stops = queue_stops(queue);
    uint32_t domain = queue_find_domain(queue, span_cstr(world->domain));

    for (uint32_t i = 0; i < stops->count; i++)
        if (stops->list[i].domain == domain && stops->list[i].kind == STOP_CANCELLED &&
            query_campaign_is(queue_campaign(queue, stops->list[i].campaign), world->campaign))
            return true;
    return false;
}

static bool step_cancel(struct query_order *order, const struct query_order_world *world,
                        struct text *out)
{
    const struct queue *queue = store_queue(world->store);

    if (!order->ordered) {
        int result = 0;

        if (order->record == 0 && world->campaign[0] != '\0' && !find_campaign(order, world, out))
            return true;
        result = order_cancels(order, world, out);
        if (result < 0)
            return result != -EBUSY && result != -EAGAIN;
        if (order->found_count == 0 && !is_cancelled(world))
            return query_error(out, "no mail to that domain waits there");
        order->ordered = true;
    }
    if (!store_stops_durable(world->store))
        return false;
    return query_campaign_step(&order->told, queue, world->contents, world->campaign, world->domain,
                               out);
}

bool query_order_step(struct query_order *order, const struct query_order_world *world,
                      struct text *out)
{
    if (world->domain[0] == '\0')
        return step_campaign(order, world, out);
    if (order->state == CAMPAIGN_CANCELLED)
        return step_cancel(order, world, out);
    return step_stop(order, world, out);
}

/* --- what holds --- */

bool query_order_stops(const struct queue *queue, const char *campaign, const char *domain,
                       uint32_t *cursor, struct text *out)
{
    const struct stops *stops = queue_stops(queue);

    for (; *cursor < stops->count; ++*cursor) {
        const struct stop *stop = &stops->list[*cursor];
        struct span name = queue_domain_name(queue, stop->domain);

        if (text_room(out) < LINE_ROOM)
            return false;
        if ((domain[0] != '\0' && !span_equal_nocase(span_cstr(domain), name)) ||
            (stop->campaign != STOPS_EVERY &&
             !query_campaign_is(queue_campaign(queue, stop->campaign), campaign)))
            continue;
        json_put_open(out, '{');
        write_stop(queue, stop->campaign, name, stop->kind, out);
        json_put_key_u64(out, "since", stop->time_s);
        json_put_close(out, '}');
        text_add_byte(out, '\n');
    }
    return true;
}

uint32_t query_order_pauses(const struct queue *queue, uint32_t campaign_index)
{
    const struct stops *stops = queue_stops(queue);
    uint32_t count = 0;

    for (uint32_t i = 0; i < stops->count; i++)
        count += stops->list[i].kind == STOP_PAUSED && (stops->list[i].campaign == STOPS_EVERY ||
                                                        stops->list[i].campaign == campaign_index);
    return count;
}

const char *query_order_pause(const struct queue *queue, uint32_t campaign_index, uint32_t domain)
{
    if (campaign_index != STOPS_EVERY &&
        queue_campaign(queue, campaign_index)->state == CAMPAIGN_PAUSED)
        return "its campaign is paused";
    return stops_kind(queue_stops(queue), campaign_index, domain) == STOP_PAUSED
               ? "mail to its domain is paused"
               : NULL;
}
