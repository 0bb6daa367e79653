#include "engine/preface.h"

#include "base/check.h"
#include "engine/delivery.h"
#include "engine/hygiene_feed.h"
#include "engine/policy_mail.h"
#include "engine/shard.h"
#include "smtp/smtp.h"

#define SECONDS_A_DAY 86400

static_assert(PREFACE_SIZE >= ADDED_FIELDS_MAX, "what is added always fits");

size_t preface_cost(uint32_t sessions_max)
{
    uint32_t slots_max = sessions_max * SMTP_TRANSACTIONS_MAX;

    return slab_cost(slots_max, sizeof(struct preface)) + arena_cost(slots_max, PREFACE_SIZE);
}

void preface_open(struct prefaces *prefaces, struct arena *arena, uint32_t sessions_max)
{
    uint32_t slots_max = sessions_max * SMTP_TRANSACTIONS_MAX;

    slab_init(&prefaces->slots, arena, slots_max, sizeof(struct preface));
    prefaces->bytes = arena_alloc(arena, slots_max, PREFACE_SIZE);
}

static uint8_t *bytes_of(const struct prefaces *prefaces, const struct preface *preface)
{
    size_t index = slab_handle_of(&prefaces->slots, preface).index;

    return prefaces->bytes + index * PREFACE_SIZE;
}

struct span preface_span(const struct prefaces *prefaces, const struct preface *preface)
{
    return span_make(bytes_of(prefaces, preface), preface->size);
}

void preface_end(struct prefaces *prefaces, struct preface *preface)
{
    if (preface != NULL)
        slab_release(&prefaces->slots, preface);
}

/* The tag by which the recipient unsubscribes. Its day is the campaign's, not the attempt's: every
 * attempt says the same. */
static void write_tag(const struct shard *shard, const struct delivery *delivery, struct text *out)
{
    const struct campaign_descriptor *campaign = &delivery->recipient.campaign->descriptor;
    char buffer[VERP_TAG_SIZE + 1 + POLICY_NAME_MAX];
    struct text address;

    if (campaign->lane != LANE_BULK || shard->options.verp == NULL)
        return;
    text_init(&address, buffer, sizeof(buffer));
    verp_write(&address, shard->options.verp, &delivery->recipient.identity,
               (uint16_t)(campaign->created_s / SECONDS_A_DAY),
               span_cstr(shard->policy->return_domain));
    text_add(out, span_first(text_span(&address), VERP_TAG_SIZE));
}

static void add_fields(const struct shard *shard, const struct delivery *delivery,
                       const struct added_fields_settings *settings, struct text *out)
{
    const struct campaign *campaign = delivery->recipient.campaign;
    struct added_fields_values values = {
        .own = content_own_fields(delivery->merge.content),
        .campaign = campaign->descriptor.name,
        .tenant = campaign->descriptor.tenant,
        .stream = hygiene_feed_stream(campaign),
    };
    char buffer[VERP_TAG_SIZE];
    struct text tag;

    text_init(&tag, buffer, sizeof(buffer));
    write_tag(shard, delivery, &tag);
    values.tag = text_span(&tag);
    added_fields_write(settings, &values, out);
}

void preface_begin(struct shard *shard, struct delivery *delivery)
{
    struct prefaces *prefaces = &shard->prefaces;
    struct added_fields_settings settings;
    struct preface *preface;
    struct text text;

    if (!policy_mail_added(shard->policy, &settings) || content_is_signed(delivery->merge.content))
        return;
    preface = slab_claim(&prefaces->slots);
    CHECK(preface != NULL); /* as many as there can be deliveries */
    text_init(&text, bytes_of(prefaces, preface), PREFACE_SIZE);
    add_fields(shard, delivery, &settings, &text);
    CHECK(!text.overflow);
    preface->size = (uint32_t)text.size;
    delivery->preface = preface;
    delivery->size += text.size;
}
