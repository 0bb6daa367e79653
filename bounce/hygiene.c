#include "bounce/hygiene.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "base/check.h"
#include "bounce/hygiene_breaker.h"
#include "bounce/hygiene_filter.h"

#define DAY_S 86400
#define BYTES_A_KEY 96 /* of strings, on the average; a full buffer refuses */
#define PLACE_EMPTY 0

/* A (key, tenant, stream) that was suppressed once. Written by one thread before its place in the
 * index is published; after that only `until_s` changes what other threads see. */
struct slot {
    uint64_t hash;
    uint64_t strings; /* offset: key, tenant, stream; then, of the applying thread, what follows */
    _Atomic uint64_t until_s; /* 0: mail may go */
    uint64_t time_s;
    uint64_t held_until_s; /* of a held one; 0: not held */
    uint64_t words;        /* offset of note and provider */
    uint16_t key_size;
    uint8_t tenant_size;
    uint8_t stream_size;
    uint8_t note_size;
    uint8_t provider_size;
    uint8_t class;
    uint8_t source;
};

struct score_slot {
    uint64_t string;
    uint16_t key_size;
    struct hygiene_score score;
};

struct hygiene {
    struct hygiene_options options;
    struct hygiene_filter filter;
    struct hygiene_breaker breaker;
    _Atomic uint32_t *index; /* of slots: number + 1 */
    uint32_t index_mask;
    _Atomic uint32_t slots_count;
    struct slot *slots;
    struct table scores_index;
    struct score_slot *scores;
    uint32_t scores_count;
    uint8_t *bytes;
    size_t bytes_used;
    size_t bytes_size;
    struct hygiene_counts counts;
};

static uint32_t index_size(uint32_t count)
{
    uint32_t size = 64;

    while (size < count * UINT64_C(2))
        size *= 2;
    return size;
}

static size_t bytes_for(const struct hygiene_options *options)
{
    return (size_t)options->addresses_max * BYTES_A_KEY + (size_t)options->scores_max * 48;
}

size_t hygiene_cost(const struct hygiene_options *options)
{
    return arena_cost(1, sizeof(struct hygiene)) + hygiene_filter_cost(options->addresses_max) +
           hygiene_breaker_cost() +
           arena_cost(index_size(options->addresses_max), sizeof(uint32_t)) +
           arena_cost(options->addresses_max, sizeof(struct slot)) +
           table_cost(options->scores_max) +
           arena_cost(options->scores_max, sizeof(struct score_slot)) +
           arena_cost(bytes_for(options), 1);
}

struct hygiene *hygiene_open(struct arena *arena, const struct hygiene_options *options)
{
    struct hygiene *hygiene = arena_alloc(arena, 1, sizeof(*hygiene));

    CHECK(options->addresses_max > 0 && options->scores_max > 0);
    hygiene->options = *options;
    hygiene_filter_init(&hygiene->filter, arena, options->addresses_max);
    hygiene_breaker_init(&hygiene->breaker, arena);
    hygiene->index_mask = index_size(options->addresses_max) - 1;
    hygiene->index = arena_alloc(arena, hygiene->index_mask + 1, sizeof(uint32_t));
    hygiene->slots = arena_alloc(arena, options->addresses_max, sizeof(struct slot));
    table_init(&hygiene->scores_index, arena, options->scores_max);
    hygiene->scores = arena_alloc(arena, options->scores_max, sizeof(struct score_slot));
    hygiene->bytes_size = bytes_for(options);
    hygiene->bytes = arena_alloc(arena, hygiene->bytes_size, 1);
    return hygiene;
}

/* --- strings --- */

static bool keep(struct hygiene *hygiene, struct span span, uint64_t *ret_offset)
{
    if (hygiene->bytes_size - hygiene->bytes_used < span.size)
        return false;
    *ret_offset = hygiene->bytes_used;
    if (span.size > 0)
        memcpy(hygiene->bytes + hygiene->bytes_used, span.data, span.size);
    hygiene->bytes_used += span.size;
    return true;
}

static struct span bytes_at(const struct hygiene *hygiene, uint64_t offset, size_t size)
{
    return span_make(hygiene->bytes + offset, size);
}

/* --- the index of suppressions: any thread --- */

static uint64_t hash_of(const struct hygiene *hygiene, const struct hygiene_target *target)
{
    uint8_t bytes[HYGIENE_CHANGE_KEY_MAX + 2 * HYGIENE_CHANGE_SCOPE_MAX + 2];
    struct text text;

    if (target->tenant.size == 0 && target->stream.size == 0)
        return table_hash(&hygiene->options.seed, target->key);
    text_init(&text, bytes, sizeof(bytes));
    text_add(&text, target->key);
    text_add_byte(&text, '\0');
    text_add(&text, target->tenant);
    text_add_byte(&text, '\0');
    text_add(&text, target->stream);
    return table_hash(&hygiene->options.seed, text_span(&text));
}

static bool slot_is(const struct hygiene *hygiene, const struct slot *slot, uint64_t hash,
                    const struct hygiene_target *target)
{
    return slot->hash == hash && slot->key_size == target->key.size &&
           slot->tenant_size == target->tenant.size && slot->stream_size == target->stream.size &&
           span_equal(bytes_at(hygiene, slot->strings, slot->key_size), target->key) &&
           span_equal(bytes_at(hygiene, slot->strings + slot->key_size, slot->tenant_size),
                      target->tenant) &&
           span_equal(bytes_at(hygiene, slot->strings + slot->key_size + slot->tenant_size,
                               slot->stream_size),
                      target->stream);
}

static struct slot *find_slot(const struct hygiene *hygiene, const struct hygiene_target *target)
{
    uint64_t hash = hash_of(hygiene, target);

    for (uint32_t at = (uint32_t)hash & hygiene->index_mask;; at = (at + 1) & hygiene->index_mask) {
        uint32_t place = atomic_load_explicit(&hygiene->index[at], memory_order_acquire);

        if (place == PLACE_EMPTY)
            return NULL;
        if (slot_is(hygiene, &hygiene->slots[place - 1], hash, target))
            return &hygiene->slots[place - 1];
    }
}

static bool scope_blocks(const struct hygiene *hygiene, const struct hygiene_target *target,
                         uint64_t now_s)
{
    const struct slot *slot = find_slot(hygiene, target);

    return slot != NULL && atomic_load_explicit(&slot->until_s, memory_order_acquire) > now_s;
}

bool hygiene_has_any(const struct hygiene *hygiene)
{
    return atomic_load_explicit(&hygiene->slots_count, memory_order_acquire) > 0;
}

bool hygiene_suppresses(const struct hygiene *hygiene, const struct hygiene_target *target,
                        uint64_t now_s)
{
    return scope_blocks(hygiene, target, now_s);
}

bool hygiene_blocks(const struct hygiene *hygiene, const struct hygiene_target *target,
                    uint64_t now_s)
{
    struct hygiene_target scope = {.key = target->key};

    if (!hygiene_has_any(hygiene) || target->key.size > HYGIENE_CHANGE_KEY_MAX ||
        !hygiene_filter_has(&hygiene->filter, hash_of(hygiene, &scope)))
        return false;
    if (scope_blocks(hygiene, &scope, now_s))
        return true;
    scope.tenant = span_first(target->tenant, HYGIENE_CHANGE_SCOPE_MAX);
    if (scope.tenant.size > 0 && scope_blocks(hygiene, &scope, now_s))
        return true;
    scope.stream = span_first(target->stream, HYGIENE_CHANGE_SCOPE_MAX);
    if (scope.stream.size == 0)
        return false;
    if (scope_blocks(hygiene, &scope, now_s))
        return true;
    scope.tenant.size = 0;
    return scope_blocks(hygiene, &scope, now_s);
}

/* --- suppressions: the applying thread --- */

static struct hygiene_target scope_of(const struct hygiene_change *change)
{
    return (struct hygiene_target){change->key,
                                   span_first(change->tenant, HYGIENE_CHANGE_SCOPE_MAX),
                                   span_first(change->stream, HYGIENE_CHANGE_SCOPE_MAX)};
}

static void publish(struct hygiene *hygiene, uint32_t number)
{
    struct slot *slot = &hygiene->slots[number];
    struct hygiene_target address = {.key = bytes_at(hygiene, slot->strings, slot->key_size)};
    uint32_t at = (uint32_t)slot->hash & hygiene->index_mask;

    while (atomic_load_explicit(&hygiene->index[at], memory_order_relaxed) != PLACE_EMPTY)
        at = (at + 1) & hygiene->index_mask;
    atomic_store_explicit(&hygiene->index[at], number + 1, memory_order_release);
    hygiene_filter_add(&hygiene->filter, hash_of(hygiene, &address));
    atomic_store_explicit(&hygiene->slots_count, number + 1, memory_order_release);
}

/* A new slot, not yet to be found; NULL when there is no room. */
static struct slot *add_slot(struct hygiene *hygiene, const struct hygiene_target *target)
{
    uint32_t number = atomic_load_explicit(&hygiene->slots_count, memory_order_relaxed);
    struct slot *slot = &hygiene->slots[number];
    uint64_t ignored;

    if (number == hygiene->options.addresses_max ||
        hygiene->bytes_size - hygiene->bytes_used <
            target->key.size + target->tenant.size + target->stream.size)
        return NULL;
    memset(slot, 0, sizeof(*slot));
    CHECK(keep(hygiene, target->key, &slot->strings) && keep(hygiene, target->tenant, &ignored) &&
          keep(hygiene, target->stream, &ignored));
    slot->hash = hash_of(hygiene, target);
    slot->key_size = (uint16_t)target->key.size;
    slot->tenant_size = (uint8_t)target->tenant.size;
    slot->stream_size = (uint8_t)target->stream.size;
    return slot;
}

/* The words of an entry; without room they are left out. Words that were there already are kept. */
static void set_words(struct hygiene *hygiene, struct slot *slot,
                      const struct hygiene_change *change)
{
    struct span note = span_first(change->note, HYGIENE_CHANGE_NOTE_MAX);
    struct span provider = span_first(change->provider, HYGIENE_CHANGE_PROVIDER_MAX);
    uint64_t ignored;

    if (span_equal(bytes_at(hygiene, slot->words, slot->note_size), note) &&
        span_equal(bytes_at(hygiene, slot->words + slot->note_size, slot->provider_size), provider))
        return;
    slot->note_size = slot->provider_size = 0;
    if (hygiene->bytes_size - hygiene->bytes_used < note.size + provider.size)
        return;
    CHECK(keep(hygiene, note, &slot->words) && keep(hygiene, provider, &ignored));
    slot->note_size = (uint8_t)note.size;
    slot->provider_size = (uint8_t)provider.size;
}

static uint64_t until_of(const struct slot *slot)
{
    return atomic_load_explicit(&slot->until_s, memory_order_relaxed);
}

static void set_until(struct hygiene *hygiene, struct slot *slot, uint64_t until_s)
{
    hygiene->counts.suppressed_count += (until_s != 0) - (uint64_t)(until_of(slot) != 0);
    atomic_store_explicit(&slot->until_s, until_s, memory_order_release);
}

static void set_held(struct hygiene *hygiene, struct slot *slot, uint64_t until_s)
{
    hygiene->counts.held_count += (until_s != 0) - (uint64_t)(slot->held_until_s != 0);
    slot->held_until_s = until_s;
}

static int apply_suppress(struct hygiene *hygiene, const struct hygiene_change *change)
{
    struct hygiene_target target = scope_of(change);
    struct slot *slot = find_slot(hygiene, &target);
    bool fresh = slot == NULL;

    if (fresh)
        slot = add_slot(hygiene, &target);
    if (slot == NULL) {
        hygiene->counts.refused_count++;
        return -ENOSPC;
    }
    set_words(hygiene, slot, change);
    slot->class = (uint8_t)change->class;
    slot->source = (uint8_t)change->source;
    slot->time_s = change->time_s;
    if (change->kind == HYGIENE_HOLD) {
        set_held(hygiene, slot, change->until_s);
        hygiene_breaker_open(&hygiene->breaker, change->provider);
    } else {
        set_held(hygiene, slot, 0);
        set_until(hygiene, slot, change->until_s);
    }
    if (fresh)
        publish(hygiene, (uint32_t)(slot - hygiene->slots));
    return 0;
}

static void settle_held(struct hygiene *hygiene, const struct hygiene_change *change)
{
    uint32_t count = atomic_load_explicit(&hygiene->slots_count, memory_order_relaxed);

    for (uint32_t i = 0; hygiene->counts.held_count > 0 && i < count; i++) {
        struct slot *slot = &hygiene->slots[i];
        uint64_t until_s = slot->held_until_s;

        if (until_s == 0 || (change->provider.size > 0 &&
                             !span_equal_nocase(bytes_at(hygiene, slot->words + slot->note_size,
                                                         slot->provider_size),
                                                change->provider)))
            continue;
        set_held(hygiene, slot, 0);
        if (change->kind == HYGIENE_CONFIRM)
            set_until(hygiene, slot, until_s);
    }
    hygiene_breaker_close(&hygiene->breaker, change->provider);
}

/* --- scores --- */

static bool score_matches(const void *context, uint32_t value, const void *key)
{
    const struct hygiene *hygiene = context;
    const struct score_slot *slot = &hygiene->scores[value];
    const struct span *wanted = key;

    return span_equal(bytes_at(hygiene, slot->string, slot->key_size), *wanted);
}

static struct score_slot *find_score(const struct hygiene *hygiene, struct span key)
{
    uint32_t place = table_find(&hygiene->scores_index, table_hash(&hygiene->options.seed, key),
                                score_matches, hygiene, &key);

    return place == TABLE_NONE ? NULL : &hygiene->scores[place];
}

const struct hygiene_score *hygiene_score_of(const struct hygiene *hygiene, struct span key)
{
    const struct score_slot *slot = find_score(hygiene, key);

    return slot == NULL || hygiene_score_is_empty(&slot->score) ? NULL : &slot->score;
}

static struct score_slot *add_score(struct hygiene *hygiene, struct span key)
{
    struct score_slot *slot = &hygiene->scores[hygiene->scores_count];

    if (hygiene->scores_count == hygiene->options.scores_max || !keep(hygiene, key, &slot->string))
        return NULL;
    slot->key_size = (uint16_t)key.size;
    hygiene_score_clear(&slot->score);
    CHECK(table_insert(&hygiene->scores_index, table_hash(&hygiene->options.seed, key),
                       hygiene->scores_count) == 0);
    hygiene->scores_count++;
    return slot;
}

static int apply_count(struct hygiene *hygiene, const struct hygiene_change *change)
{
    struct score_slot *slot = find_score(hygiene, change->key);

    if (slot == NULL)
        slot = add_score(hygiene, change->key);
    if (slot == NULL) {
        hygiene->counts.refused_count++;
        return -ENOSPC;
    }
    hygiene->counts.scored_count += hygiene_score_is_empty(&slot->score);
    hygiene_score_add(&slot->score, change->class, (uint16_t)(change->time_s / DAY_S));
    return 0;
}

static void apply_clear(struct hygiene *hygiene, const struct hygiene_change *change)
{
    struct score_slot *slot = find_score(hygiene, change->key);

    if (slot == NULL || hygiene_score_is_empty(&slot->score))
        return;
    hygiene_score_clear(&slot->score);
    hygiene->counts.scored_count--;
}

/* Who lifts a suppression also means what led to it: of ours, not of somebody else's list. */
static void apply_withdraw(struct hygiene *hygiene, const struct hygiene_change *change)
{
    struct hygiene_target target = scope_of(change);
    struct slot *slot = find_slot(hygiene, &target);

    if (span_find_byte(change->stream, '@') == SPAN_NOT_FOUND)
        apply_clear(hygiene, change);
    if (slot == NULL)
        return;
    set_until(hygiene, slot, 0);
    set_held(hygiene, slot, 0);
    set_words(hygiene, slot, change);
    slot->source = (uint8_t)change->source;
    slot->time_s = change->time_s;
}

int hygiene_apply(struct hygiene *hygiene, const struct hygiene_change *change)
{
    switch (change->kind) {
    case HYGIENE_SUPPRESS:
    case HYGIENE_HOLD:
        return apply_suppress(hygiene, change);
    case HYGIENE_WITHDRAW:
        apply_withdraw(hygiene, change);
        return 0;
    case HYGIENE_COUNT:
        return apply_count(hygiene, change);
    case HYGIENE_CLEAR:
        apply_clear(hygiene, change);
        return 0;
    case HYGIENE_RELEASE:
    case HYGIENE_CONFIRM:
        settle_held(hygiene, change);
        return 0;
    case HYGIENE_CHANGE_KIND_COUNT:
        break;
    }
    UNREACHABLE("kind of a change");
}

/* --- looking --- */

int hygiene_entry_at(const struct hygiene *hygiene, uint32_t number,
                     struct hygiene_entry *ret_entry)
{
    const struct slot *slot = &hygiene->slots[number];
    uint64_t until_s;

    if (number >= atomic_load_explicit(&hygiene->slots_count, memory_order_relaxed))
        return -ENOENT;
    until_s = until_of(slot);
    *ret_entry = (struct hygiene_entry){
        .key = bytes_at(hygiene, slot->strings, slot->key_size),
        .tenant = bytes_at(hygiene, slot->strings + slot->key_size, slot->tenant_size),
        .stream = bytes_at(hygiene, slot->strings + slot->key_size + slot->tenant_size,
                           slot->stream_size),
        .note = bytes_at(hygiene, slot->words, slot->note_size),
        .provider = bytes_at(hygiene, slot->words + slot->note_size, slot->provider_size),
        .class = (enum bounce_class)slot->class,
        .source = (enum hygiene_source)slot->source,
        .time_s = slot->time_s,
        .until_s = slot->held_until_s != 0 ? slot->held_until_s : until_s,
        .held = slot->held_until_s != 0,
        .withdrawn = slot->held_until_s == 0 && until_s == 0,
    };
    return 0;
}

int hygiene_find(const struct hygiene *hygiene, struct span key, uint32_t *number,
                 struct hygiene_entry *ret_entry)
{
    struct hygiene_target address = {.key = key};

    if (!hygiene_filter_has(&hygiene->filter, hash_of(hygiene, &address)))
        return -ENOENT;
    for (; hygiene_entry_at(hygiene, *number, ret_entry) == 0; ++*number)
        if (span_equal(ret_entry->key, key))
            return 0;
    return -ENOENT;
}

bool hygiene_score_at(const struct hygiene *hygiene, uint32_t number, struct span *ret_key,
                      const struct hygiene_score **ret_score)
{
    const struct score_slot *slot = &hygiene->scores[number];

    if (number >= hygiene->scores_count)
        return false;
    *ret_key = bytes_at(hygiene, slot->string, slot->key_size);
    *ret_score = &slot->score;
    return true;
}

struct hygiene_breaker *hygiene_breakers(struct hygiene *hygiene)
{
    return &hygiene->breaker;
}

void hygiene_counts(const struct hygiene *hygiene, struct hygiene_counts *ret_counts)
{
    *ret_counts = hygiene->counts;
}
