#include "engine/delivery.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "engine/hygiene_feed.h"
#include "engine/shard.h"
#include "schedule/retry.h"

#define NS_PER_DAY (NS_PER_S * 86400)

/* MAIL FROM: a keyed tag where a return-path domain is configured, else the sender's address. */
static void write_return_path(struct shard *shard, struct delivery *delivery)
{
    const struct campaign *campaign = delivery->recipient.campaign;
    struct text text;

    text_init(&text, delivery->return_path, sizeof(delivery->return_path));
    if (shard->options.verp != NULL && shard->policy->return_domain[0] != '\0')
        verp_write(&text, shard->options.verp, &delivery->recipient.identity,
                   (uint16_t)(shard_wall_ns(shard) / NS_PER_DAY),
                   span_cstr(shard->policy->return_domain));
    else
        text_add(&text, campaign->descriptor.sender);
    CHECK(!text.overflow);
    delivery->return_path_size = (uint16_t)text.size;
}

/* 0, or -EINVAL: the stored values do not fit the template, the message cannot be made. */
static int fill(struct shard *shard, struct delivery *delivery)
{
    const struct content *content =
        content_of(shard->options.contents, delivery->recipient.campaign_index);

    CHECK(content != NULL);
    delivery->open = true;
    delivery->claimed_ns = shard_now_ns(shard);
    delivery->content_ns = 0;
    delivery->size = 0;
    delivery->preface = NULL;
    delivery->eight_bit = content_is_eight_bit(content);
    write_return_path(shard, delivery);
    return content_begin(&delivery->merge, content, &delivery->recipient, &delivery->size);
}

static void settle_unfit(struct shard *shard, struct delivery *delivery, enum outcome_kind kind,
                         struct span why)
{
    struct delivery_place nowhere = {.site = {NULL, 0}};
    struct outcome outcome = outcome_from_cause(
        kind, STAGE_QUEUE, kind == OUTCOME_DEFERRED ? CAUSE_LOCAL_SIGNATURE : CAUSE_LOCAL_CONTENT,
        0, why);

    delivery_settle(shard, delivery, &outcome, &nowhere);
}

/* Whether the claimed recipient is not to be mailed. */
static bool is_suppressed(const struct shard *shard, const struct delivery *delivery)
{
    const struct campaign *campaign = delivery->recipient.campaign;
    uint8_t key[HYGIENE_CHANGE_KEY_MAX];
    struct hygiene_target target;

    if (shard->options.hygiene == NULL || !hygiene_has_any(shard->options.hygiene))
        return false;
    target = (struct hygiene_target){.key = hygiene_feed_key(delivery->recipient.address, key),
                                     .tenant = campaign->descriptor.tenant,
                                     .stream = hygiene_feed_stream(campaign)};
    return hygiene_blocks(shard->options.hygiene, &target, shard_wall_ns(shard) / NS_PER_S);
}

static void settle_suppressed(struct shard *shard, struct delivery *delivery)
{
    struct delivery_place nowhere = {.site = {NULL, 0}};
    struct outcome outcome =
        outcome_from_cause(OUTCOME_SUPPRESSED, STAGE_QUEUE, CAUSE_LOCAL_SUPPRESSED, 0,
                           SPAN("the address is suppressed: see ringpost suppress show"));

    delivery->open = true;
    delivery->claimed_ns = shard_now_ns(shard);
    delivery->content_ns = 0;
    delivery->size = 0;
    delivery->preface = NULL;
    delivery->return_path_size = 0;
    delivery_settle(shard, delivery, &outcome, &nowhere);
}

/* Tells the schedule how many the flow still has; a drained flow's number is given back at once. */
static void refresh_flow(struct shard *shard, uint32_t flow)
{
    struct queue_flow info;
    struct queue_recipient nobody;
    uint32_t record;

    queue_flow(shard->queue, flow, &info);
    if (info.count == 0 && store_claim(shard->store, flow, &record, &nobody) == -ENOENT) {
        routing_flow_void(shard, flow);
        return;
    }
    schedule_flow_ready(shard->schedule, flow, info.count > 0 ? info.count : 1);
}

int delivery_take(struct shard *shard, uint32_t site, uint32_t has, struct delivery *delivery,
                  uint64_t *ret_until_ns)
{
    const struct schedule_session session = {.site = site, .has = has};

    CHECK(!delivery->open);
    for (;;) {
        uint32_t flow = schedule_next(shard->schedule, session, shard_now_ns(shard), ret_until_ns);
        struct span why;
        int claimed;

        if (flow == SCHEDULE_NONE)
            return -ENOENT;
        if (!throttle_pass(shard, flow))
            continue;
        claimed = store_claim(shard->store, flow, &delivery->record, &delivery->recipient);
        if (claimed == -ENOENT) {
            routing_flow_void(shard, flow);
            continue;
        }
        if (claimed < 0) {
            schedule_flow_ready(shard->schedule, flow, 1);
            *ret_until_ns = shard_now_ns(shard) + NS_PER_MS;
            return claimed;
        }
        refresh_flow(shard, flow);
        if (is_suppressed(shard, delivery)) {
            settle_suppressed(shard, delivery);
            continue;
        }
        if (fill(shard, delivery) < 0) {
            settle_unfit(shard, delivery, OUTCOME_FAILED,
                         SPAN("the stored values do not fit the template"));
            continue;
        }
        if (preface_begin(shard, delivery, &why) == 0)
            return 0;
        settle_unfit(shard, delivery, OUTCOME_DEFERRED, why); /* the configuration may change */
    }
}

void delivery_body(const struct shard *shard, struct delivery *delivery)
{
    if (delivery->preface != NULL)
        delivery->merge.preface = preface_span(&shard->prefaces, delivery->preface);
}

void delivery_envelope(const struct delivery *delivery, struct envelope *ret_envelope)
{
    CHECK(delivery->open);
    *ret_envelope = (struct envelope){
        .return_path = span_make(delivery->return_path, delivery->return_path_size),
        .recipient = delivery->recipient.address,
        .size = delivery->size,
        .eight_bit = delivery->eight_bit,
        .utf8 = !span_is_ascii(delivery->recipient.address),
        .require_tls = delivery->recipient.campaign->descriptor.require_tls,
    };
}

/* Decides between another attempt and the end of the lifetime. */
static void plan_retry(struct shard *shard, const struct delivery *delivery,
                       struct attempt *attempt)
{
    const struct campaign_descriptor *campaign = &delivery->recipient.campaign->descriptor;
    struct retry_plan plan = {
        .steps_ns = shard->policy->retry_items,
        .steps_count = shard->policy->retry_schedule.count,
        .lifetime_ns = campaign->lifetime_s > 0 ? campaign->lifetime_s * NS_PER_S
                                                : shard->policy->retry_lifetime_ns,
    };
    struct retry_times times = {
        .attempts_count = delivery->recipient.attempts + 1,
        .first_wall_ns =
            (campaign->not_before_s > 0 ? campaign->not_before_s : campaign->created_s) * NS_PER_S,
        .now_wall_ns = shard_wall_ns(shard),
    };
    struct retry_next next;

    if (shard->clock.jumped)
        plan.lifetime_ns = 0; /* nothing expires by a clock that jumped */
    next = retry_next(&plan, &times, &shard->prng);
    if (next.expired)
        attempt->outcome.kind = OUTCOME_EXPIRED;
    else
        attempt->next_due_ns = next.due_wall_ns;
}

static uint32_t delay_us(uint64_t from_ns, uint64_t to_ns)
{
    return from_ns == 0 || to_ns < from_ns
               ? 0
               : (uint32_t)min_u64((to_ns - from_ns) / NS_PER_US, UINT32_MAX);
}

static void drop_preface(struct shard *shard, struct delivery *delivery)
{
    preface_end(shard, delivery->preface);
    delivery->preface = NULL;
}

void delivery_settle(struct shard *shard, struct delivery *delivery, const struct outcome *outcome,
                     const struct delivery_place *place)
{
    struct attempt attempt;
    uint64_t now_ns = shard_now_ns(shard);

    CHECK(delivery->open);
    store_near(shard->store, delivery->record);
    if (outcome->kind == OUTCOME_RELEASED ||
        (outcome->kind == OUTCOME_DEFERRED && outcome->cause == CAUSE_LOCAL_STOP)) {
        delivery_release(shard, delivery);
        return;
    }
    attempt = (struct attempt){
        .outcome = *outcome,
        .counted = outcome->cause != CAUSE_LOCAL_SIGNATURE, /* nothing of the recipient's */
        .wall_ns = shard_wall_ns(shard),
        .size = delivery->size,
        .peer = place->peer,
        .source = place->source,
        .peer_name = place->peer_name,
        .site = place->site,
        .return_path = span_make(delivery->return_path, delivery->return_path_size),
        .tls_protocol = place->tls_protocol,
        .tls_cipher = place->tls_cipher,
    };
    if (delivery->recipient.attempts == 0)
        attempt.delays_us[ATTEMPT_DELAY_QUEUE] = delay_us(
            delivery->recipient.campaign->descriptor.created_s * NS_PER_S, attempt.wall_ns);
    attempt.delays_us[ATTEMPT_DELAY_DNS] =
        shard->routing.domains[delivery->recipient.domain].dns_us;
    attempt.delays_us[ATTEMPT_DELAY_CONNECT] = (uint32_t)(place->connect_ns / NS_PER_US);
    attempt.delays_us[ATTEMPT_DELAY_TLS] = place->tls_us;
    if (delivery->content_ns != 0) {
        attempt.delays_us[ATTEMPT_DELAY_ENVELOPE] =
            delay_us(delivery->claimed_ns, delivery->content_ns);
        attempt.delays_us[ATTEMPT_DELAY_DATA] = delay_us(delivery->content_ns, now_ns);
    } else {
        attempt.delays_us[ATTEMPT_DELAY_ENVELOPE] = delay_us(delivery->claimed_ns, now_ns);
    }
    if (outcome->kind == OUTCOME_DEFERRED || outcome->kind == OUTCOME_UNSURE)
        plan_retry(shard, delivery, &attempt);
    (void)store_settle(shard->store, delivery->record, &attempt);
    drop_preface(shard, delivery);
    delivery->open = false;
    stats_count(shard->stats, attempt.outcome.kind);
}

void delivery_release(struct shard *shard, struct delivery *delivery)
{
    CHECK(delivery->open);
    store_release(shard->store, delivery->record);
    drop_preface(shard, delivery);
    delivery->open = false;
}

int delivery_fail_one(struct shard *shard, uint32_t flow, const struct routing_failure *failure)
{
    static _Thread_local struct delivery delivery;
    struct delivery_place place = {.peer = failure->peer, .site = span_cstr(failure->site)};
    int claimed = store_claim(shard->store, flow, &delivery.record, &delivery.recipient);

    if (claimed < 0)
        return claimed;
    if (failure->outcome.kind == OUTCOME_FAILED && is_suppressed(shard, &delivery)) {
        settle_suppressed(shard, &delivery); /* no bounce of somebody who is not mailed */
        return 0;
    }
    (void)fill(shard, &delivery); /* nothing is sent: it need not fit */
    delivery_settle(shard, &delivery, &failure->outcome, &place);
    return 0;
}
