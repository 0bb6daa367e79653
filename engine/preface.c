#include "engine/preface.h"

#include <errno.h>

#include "base/check.h"
#include "engine/content_hash.h"
#include "engine/content_signable.h"
#include "engine/delivery.h"
#include "engine/hygiene_feed.h"
#include "engine/policy_mail.h"
#include "engine/shard.h"
#include "message/author.h"
#include "sign/dkim.h"
#include "smtp/smtp.h"

#define SECONDS_A_DAY 86400

#define CHUNK_SIZE ((size_t)16 * 1024)

static_assert(PREFACE_SIZE >= SIGNING_KEYS_USED_MAX * DKIM_FIELD_MAX + ADDED_FIELDS_MAX,
              "signatures and what is added always fit");

/* What making one takes, and nobody needs afterwards. */
struct preface_work {
    struct dkim_fields fields;
    uint8_t added[ADDED_FIELDS_MAX];
    uint8_t header[PREFACE_HEADER_MAX];
    uint8_t chunk[CHUNK_SIZE];
};

size_t preface_cost(uint32_t sessions_max)
{
    uint32_t slots_max = sessions_max * SMTP_TRANSACTIONS_MAX;

    return slab_cost(slots_max, sizeof(struct preface)) + arena_cost(slots_max, PREFACE_SIZE) +
           arena_cost(1, sizeof(struct preface_work));
}

void preface_open(struct prefaces *prefaces, struct arena *arena, uint32_t sessions_max)
{
    uint32_t slots_max = sessions_max * SMTP_TRANSACTIONS_MAX;

    slab_init(&prefaces->slots, arena, slots_max, sizeof(struct preface));
    prefaces->bytes = arena_alloc(arena, slots_max, PREFACE_SIZE);
    prefaces->work = arena_alloc(arena, 1, sizeof(struct preface_work));
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

enum preface_state preface_ask(struct preface *preface, struct slab_handle session)
{
    if (preface == NULL || preface->pending == 0)
        return preface != NULL && preface->has_failed ? PREFACE_FAILED : PREFACE_READY;
    preface->waiter = session;
    return PREFACE_WAITS;
}

struct slab_handle preface_waiter(const struct preface *preface)
{
    return preface->waiter;
}

void preface_end(struct shard *shard, struct preface *preface)
{
    if (preface == NULL)
        return;
    for (uint32_t i = 0; i < preface->signatures_count; i++)
        signing_drop(shard, &preface->signatures[i]);
    slab_release(&shard->prefaces.slots, preface);
}

/* The tag by which the recipient unsubscribes, or complains. Its day is the campaign's, not the
 * attempt's: every attempt says the same. */
static void write_tag(const struct shard *shard, const struct delivery *delivery, struct text *out)
{
    const struct campaign_descriptor *campaign = &delivery->recipient.campaign->descriptor;
    char buffer[VERP_TAG_SIZE + 1 + POLICY_NAME_MAX];
    struct text address;

    if (shard->options.verp == NULL)
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
        .is_bulk = campaign->descriptor.lane == LANE_BULK,
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

/* --- signatures --- */

/* The keys that sign the message whose fields stand in work->fields. Where values of a recipient
 * are in its From, the domain is taken as it stands there: in ASCII, of either case. */
static uint32_t choose_keys(const struct shard *shard, const struct content *content,
                            const struct preface_work *work,
                            const struct signing_key *ret_keys[SIGNING_KEYS_USED_MAX])
{
    struct span domain = content_author(content);

    for (uint32_t i = 0; i < work->fields.count && domain.size == 0; i++) {
        const struct dkim_field *field = &work->fields.fields[i];

        if (span_equal_nocase(field->name, SPAN("From")))
            domain = author_domain(span_skip(field->whole, span_find_byte(field->whole, ':') + 1));
    }
    return signing_keys_for(shard->policy->signing_keys, domain, ret_keys);
}

/* One header field up to its signature, and what is to be signed. The place of the signature itself
 * is left open. */
static int begin_signature(struct preface *preface, const struct signing_key *key,
                           struct dkim_fields *fields, const uint8_t hash[CANON_HASH_SIZE],
                           uint64_t time_s, struct text *out)
{
    struct signature *signature = &preface->signatures[preface->signatures_count];
    size_t size = dkim_size(&key->plan, fields, time_s);
    size_t at = out->size;
    int result = size == 0 ? -E2BIG : 0;

    if (result == 0)
        result = dkim_begin(&key->plan, fields, hash, time_s, out, signature->digest);
    if (result < 0)
        return result;
    signature->key = key;
    signature->preface = preface;
    signature->at = (uint32_t)at;
    signature->begun_size = (uint32_t)(out->size - at);
    signature->size = (uint32_t)size;
    out->size = at + size;
    preface->signatures_count++;
    return 0;
}

/* Reads what is to be signed. */
static enum content_signable read_fields(struct preface_work *work,
                                         const struct content_merge *merge, struct span added)
{
    struct text scratch;
    struct span header;
    int result;

    text_init(&scratch, work->header, sizeof(work->header));
    if (content_hash_header(merge, &scratch, &header) < 0)
        return CONTENT_SIGNABLE_HEADER;
    dkim_fields_init(&work->fields);
    result = dkim_fields_add(&work->fields, added);
    if (result == 0)
        result = dkim_fields_add(&work->fields, header);
    if (result < 0)
        return result == -E2BIG ? CONTENT_SIGNABLE_FIELDS : CONTENT_SIGNABLE_NO_FIELD;
    return CONTENT_SIGNABLE;
}

/* Writes the signatures' fields for what stands in `added` and behind it. */
static enum content_signable sign(struct shard *shard, struct delivery *delivery,
                                  struct preface *preface, struct span added, struct text *out)
{
    struct preface_work *work = shard->prefaces.work;
    const struct content *content = delivery->merge.content;
    const struct signing_key *keys[SIGNING_KEYS_USED_MAX];
    uint8_t hash[CANON_HASH_SIZE];
    enum content_signable fault;
    uint32_t keys_count;
    int result = 0;

    work->fields.count = 0;
    if (content_author(content).size > 0 && choose_keys(shard, content, work, keys) == 0)
        return CONTENT_SIGNABLE; /* nobody wants to */
    fault = read_fields(work, &delivery->merge, added);
    if (fault != CONTENT_SIGNABLE)
        return fault;
    keys_count = choose_keys(shard, content, work, keys);
    if (keys_count == 0)
        return CONTENT_SIGNABLE;
    content_hash_body(&delivery->merge, (struct span_mut){work->chunk, sizeof(work->chunk)}, hash);
    for (uint32_t i = 0; i < keys_count && result == 0; i++)
        result = begin_signature(preface, keys[i], &work->fields, hash,
                                 content_hash_time_s(&delivery->merge), out);
    if (result == -ENOSPC)
        return CONTENT_SIGNABLE_ROOM;
    return result < 0 ? CONTENT_SIGNABLE_SIGNATURE : CONTENT_SIGNABLE;
}

void preface_signed(struct shard *shard, const struct signature *signature, struct span octets)
{
    struct preface *preface = signature->preface;
    struct text text;

    text_init(&text, bytes_of(&shard->prefaces, preface) + signature->at, signature->size);
    text.size = signature->begun_size;
    dkim_end(&signature->key->plan, octets, &text);
    CHECK(!text.overflow);
    CHECK(text.size == signature->size);
    preface->pending--;
}

void preface_unsigned(const struct signature *signature)
{
    signature->preface->has_failed = true;
    signature->preface->pending--;
}

/* --- the whole --- */

static enum content_signable write_all(struct shard *shard, struct delivery *delivery,
                                       struct preface *preface, struct text *out)
{
    struct added_fields_settings settings;
    enum content_signable fault = CONTENT_SIGNABLE;
    struct text added;

    text_init(&added, shard->prefaces.work->added, sizeof(shard->prefaces.work->added));
    if (policy_mail_added(shard->policy, &settings) && !content_is_signed(delivery->merge.content))
        add_fields(shard, delivery, &settings, &added);
    CHECK(!added.overflow);
    if (shard->policy->signing_keys != NULL)
        fault = sign(shard, delivery, preface, text_span(&added), out);
    text_add(out, text_span(&added));
    return fault == CONTENT_SIGNABLE && out->overflow ? CONTENT_SIGNABLE_ROOM : fault;
}

int preface_begin(struct shard *shard, struct delivery *delivery, struct span *ret_why)
{
    struct prefaces *prefaces = &shard->prefaces;
    struct added_fields_settings settings;
    enum content_signable fault;
    struct preface *preface;
    struct text text;

    if (shard->policy->signing_keys == NULL && !policy_mail_added(shard->policy, &settings))
        return 0;
    preface = slab_claim(&prefaces->slots);
    CHECK(preface != NULL); /* as many as there can be deliveries */
    text_init(&text, bytes_of(prefaces, preface), PREFACE_SIZE);
    fault = write_all(shard, delivery, preface, &text);
    if (fault != CONTENT_SIGNABLE) {
        slab_release(&prefaces->slots, preface);
        *ret_why = content_signable_words(fault);
        return -EINVAL;
    }
    preface->size = (uint32_t)text.size;
    preface->pending = preface->signatures_count;
    for (uint32_t i = 0; i < preface->signatures_count; i++)
        signing_add(shard, &preface->signatures[i]);
    delivery->preface = preface;
    delivery->size += text.size;
    return 0;
}
