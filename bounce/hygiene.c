#include "bounce/hygiene.h"

#include <errno.h>

#include "base/check.h"
#include "bounce/hygiene_parts.h"

size_t hygiene_cost(const struct hygiene_options *options)
{
    return arena_cost(1, sizeof(struct hygiene)) + hygiene_filter_cost(options->addresses_max) +
           hygiene_marks_cost(options->addresses_max) + hygiene_held_cost(options->addresses_max) +
           hygiene_breaker_cost() + hygiene_domains_cost() +
           (options->shelf != NULL ? 0 : hygiene_shelf_memory_cost(options->addresses_max));
}

struct hygiene *hygiene_open(struct arena *arena, const struct hygiene_options *options)
{
    struct hygiene *hygiene = arena_alloc(arena, 1, sizeof(*hygiene));

    CHECK(options->addresses_max > 0);
    hygiene->options = *options;
    hygiene_filter_init(&hygiene->filter, arena, options->addresses_max);
    hygiene_marks_init(&hygiene->marks, arena, options->addresses_max, &options->seed);
    hygiene_held_init(&hygiene->held, arena, options->addresses_max);
    hygiene_breaker_init(&hygiene->breaker, arena);
    hygiene_domains_init(&hygiene->domains, arena);
    hygiene->shelf = options->shelf != NULL
                         ? options->shelf
                         : hygiene_shelf_memory_open(arena, options->addresses_max);
    hygiene->shelving = true;
    return hygiene;
}

void hygiene_reset(struct hygiene *hygiene)
{
    hygiene_filter_clear(&hygiene->filter);
    hygiene_marks_clear(&hygiene->marks);
    hygiene_held_clear(&hygiene->held);
    hygiene_breaker_reset(&hygiene->breaker);
    hygiene_domains_reset(&hygiene->domains);
    hygiene->counts = (struct hygiene_counts){0};
    atomic_store_explicit(&hygiene->any, false, memory_order_relaxed);
    atomic_store_explicit(&hygiene->any_scoped, false, memory_order_relaxed);
    hygiene->shelf_error = 0;
    hygiene->shelving = true;
}

/* --- asking: any thread --- */

struct span hygiene_parts_name(const struct hygiene_target *target,
                               uint8_t into[HYGIENE_PARTS_NAME_MAX])
{
    struct text text;

    if (target->tenant.size == 0 && target->stream.size == 0)
        return target->key;
    text_init(&text, into, HYGIENE_PARTS_NAME_MAX);
    text_add(&text, target->key);
    text_add_byte(&text, '\0');
    text_add(&text, target->tenant);
    text_add_byte(&text, '\0');
    text_add(&text, target->stream);
    return text_span(&text);
}

uint32_t hygiene_parts_find(const struct hygiene *hygiene, const struct hygiene_target *target)
{
    uint8_t bytes[HYGIENE_PARTS_NAME_MAX];
    struct span name = hygiene_parts_name(target, bytes);

    return hygiene_marks_find(&hygiene->marks, hygiene_marks_hash(&hygiene->marks, name), name);
}

static bool scope_blocks(const struct hygiene *hygiene, const struct hygiene_target *target,
                         uint64_t now_s)
{
    uint32_t cell = hygiene_parts_find(hygiene, target), until_s;

    if (cell == HYGIENE_MARKS_NONE)
        return false;
    until_s = hygiene_marks_until(&hygiene->marks, cell);
    return until_s == HYGIENE_MARKS_FOREVER || until_s > now_s;
}

bool hygiene_has_any(const struct hygiene *hygiene)
{
    return atomic_load_explicit(&hygiene->any, memory_order_acquire);
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
        !hygiene_filter_has(&hygiene->filter, hygiene_marks_hash(&hygiene->marks, target->key)))
        return false;
    if (scope_blocks(hygiene, &scope, now_s))
        return true;
    if (!atomic_load_explicit(&hygiene->any_scoped, memory_order_acquire))
        return false;
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

/* --- marks: the applying thread --- */

struct hygiene_target hygiene_parts_scope(const struct hygiene_change *change)
{
    return (struct hygiene_target){change->key,
                                   span_first(change->tenant, HYGIENE_CHANGE_SCOPE_MAX),
                                   span_first(change->stream, HYGIENE_CHANGE_SCOPE_MAX)};
}

static uint32_t add_mark(struct hygiene *hygiene, uint64_t hash, struct span name)
{
    uint32_t cell = hygiene_marks_add(&hygiene->marks, hash, name);

    CHECK(cell != HYGIENE_MARKS_NONE); /* room was seen to be there */
    hygiene->counts.known_count++;
    return cell;
}

/* The marks of a target; false when there is no room for those that are missing. */
static bool find_or_add(struct hygiene *hygiene, const struct hygiene_target *target,
                        struct hygiene_parts_pair *ret_pair)
{
    uint8_t bytes[HYGIENE_PARTS_NAME_MAX];
    struct span name;
    bool scoped = target->tenant.size > 0 || target->stream.size > 0;
    uint64_t hash = hygiene_marks_hash(&hygiene->marks, target->key);
    struct hygiene_parts_pair pair = {.address =
                                          hygiene_marks_find(&hygiene->marks, hash, target->key)};
    uint32_t room = hygiene->options.addresses_max - hygiene_marks_count(&hygiene->marks);

    pair.cell = scoped ? hygiene_parts_find(hygiene, target) : pair.address;
    pair.address_fresh = pair.address == HYGIENE_MARKS_NONE;
    pair.fresh = pair.cell == HYGIENE_MARKS_NONE;
    if (room < (uint32_t)pair.address_fresh + (uint32_t)(scoped && pair.fresh))
        return false;
    if (pair.address_fresh) {
        pair.address = add_mark(hygiene, hash, target->key);
        hygiene_filter_add(&hygiene->filter, hash);
    }
    if (!scoped) {
        pair.cell = pair.address;
    } else if (pair.fresh) {
        name = hygiene_parts_name(target, bytes);
        pair.cell = add_mark(hygiene, hygiene_marks_hash(&hygiene->marks, name), name);
    }
    *ret_pair = pair;
    return true;
}

static void set_until(struct hygiene *hygiene, uint32_t cell, uint32_t until_s)
{
    hygiene->counts.suppressed_count +=
        (until_s != 0) - (uint64_t)(hygiene_marks_until(&hygiene->marks, cell) != 0);
    hygiene_marks_set_until(&hygiene->marks, cell, until_s);
}

static void drop_held(struct hygiene *hygiene, uint32_t cell)
{
    if (!hygiene_marks_flag(&hygiene->marks, cell, HYGIENE_PARTS_HELD))
        return;
    hygiene_held_remove(&hygiene->held, hygiene_held_find(&hygiene->held, cell));
    hygiene_marks_set_flag(&hygiene->marks, cell, HYGIENE_PARTS_HELD, false);
}

static uint32_t narrow(uint64_t until_s)
{
    return until_s >= HYGIENE_MARKS_FOREVER ? HYGIENE_MARKS_FOREVER : (uint32_t)until_s;
}

static int refuse(struct hygiene *hygiene)
{
    hygiene->counts.refused_count++;
    return -ENOSPC;
}

static bool is_held(const struct hygiene *hygiene, const struct hygiene_target *target)
{
    uint32_t cell = hygiene_parts_find(hygiene, target);

    return cell != HYGIENE_MARKS_NONE &&
           hygiene_marks_flag(&hygiene->marks, cell, HYGIENE_PARTS_HELD);
}

/* Whether it would end sooner what stands: that people may ask for, nothing else. A null MX of now
 * must not shorten what a complaint has forbidden for ever. */
static bool is_weaker(struct hygiene *hygiene, const struct hygiene_target *target,
                      const struct hygiene_change *change)
{
    uint32_t cell, until_s;

    if (change->source == HYGIENE_FROM_OPERATOR || change->source == HYGIENE_FROM_IMPORT)
        return false;
    cell = hygiene_parts_find(hygiene, target);
    if (cell == HYGIENE_MARKS_NONE)
        return false;
    until_s = hygiene_marks_until(&hygiene->marks, cell);
    if (change->kind == HYGIENE_HOLD &&
        hygiene_marks_flag(&hygiene->marks, cell, HYGIENE_PARTS_HELD))
        until_s = (uint32_t)max_u64(until_s, hygiene_held_find(&hygiene->held, cell)->until_s);
    return narrow(change->until_s) < until_s;
}

static int apply_suppress(struct hygiene *hygiene, const struct hygiene_change *change)
{
    struct hygiene_target target = hygiene_parts_scope(change);
    struct hygiene_parts_pair pair;

    if (is_weaker(hygiene, &target, change))
        return 1;
    if (!find_or_add(hygiene, &target, &pair))
        return refuse(hygiene);
    drop_held(hygiene, pair.cell);
    set_until(hygiene, pair.cell, narrow(change->until_s));
    if (pair.cell != pair.address)
        atomic_store_explicit(&hygiene->any_scoped, true, memory_order_release);
    atomic_store_explicit(&hygiene->any, true, memory_order_release);
    hygiene_parts_shelve(hygiene, &target, &pair, change);
    return 0;
}

/* What was suppressed already stays so. */
static int apply_hold(struct hygiene *hygiene, const struct hygiene_change *change)
{
    struct hygiene_target target = hygiene_parts_scope(change);
    struct hygiene_held_item item = {.provider = hygiene_held_provider(change->provider),
                                     .until_s = narrow(change->until_s)};
    struct hygiene_parts_pair pair;

    if (is_weaker(hygiene, &target, change)) {
        hygiene_breaker_open(&hygiene->breaker, change->provider);
        return 1;
    }
    if ((hygiene->held.count == hygiene->held.count_max && !is_held(hygiene, &target)) ||
        !find_or_add(hygiene, &target, &pair))
        return refuse(hygiene);
    drop_held(hygiene, pair.cell);
    item.cell = pair.cell;
    if (item.until_s != 0) {
        CHECK(hygiene_held_put(&hygiene->held, &item));
        hygiene_marks_set_flag(&hygiene->marks, pair.cell, HYGIENE_PARTS_HELD, true);
    }
    hygiene_breaker_open(&hygiene->breaker, change->provider);
    hygiene_parts_shelve(hygiene, &target, &pair, change);
    return 0;
}

static void settle_held(struct hygiene *hygiene, const struct hygiene_change *change)
{
    struct hygiene_held *held = &hygiene->held;
    uint64_t provider = hygiene_held_provider(change->provider);
    struct hygiene_held_item *item;
    uint32_t index = 0;

    while ((item = hygiene_held_next(held, &index)) != NULL) {
        if (change->provider.size > 0 && item->provider != provider)
            continue;
        hygiene_marks_set_flag(&hygiene->marks, item->cell, HYGIENE_PARTS_HELD, false);
        if (change->kind == HYGIENE_CONFIRM) {
            uint32_t stands_s = hygiene_marks_until(&hygiene->marks, item->cell);

            set_until(hygiene, item->cell, (uint32_t)max_u64(stands_s, item->until_s));
            atomic_store_explicit(&hygiene->any_scoped, true, memory_order_release);
            atomic_store_explicit(&hygiene->any, true, memory_order_release);
        }
        hygiene_held_remove(held, item);
    }
    hygiene_breaker_close(&hygiene->breaker, change->provider);
}

static int apply_count(struct hygiene *hygiene, const struct hygiene_change *change)
{
    static const struct hygiene_score none;
    struct hygiene_target address = {.key = change->key};
    struct hygiene_parts_pair pair;

    if (hygiene_score_count_of(&none, change->class) == NULL)
        return 0;
    if (!find_or_add(hygiene, &address, &pair))
        return refuse(hygiene);
    if (!hygiene_marks_flag(&hygiene->marks, pair.cell, HYGIENE_PARTS_SCORED)) {
        hygiene->counts.scored_count++;
        hygiene_marks_set_flag(&hygiene->marks, pair.cell, HYGIENE_PARTS_SCORED, true);
    }
    hygiene_parts_shelve(hygiene, &address, &pair, change);
    return 0;
}

static void apply_clear(struct hygiene *hygiene, const struct hygiene_change *change)
{
    struct hygiene_change clear = {.kind = HYGIENE_CLEAR};
    struct hygiene_target address = {.key = change->key};
    uint32_t cell = hygiene_parts_find(hygiene, &address);
    struct hygiene_parts_pair pair = {.cell = cell, .address = cell};

    if (cell == HYGIENE_MARKS_NONE ||
        !hygiene_marks_flag(&hygiene->marks, cell, HYGIENE_PARTS_SCORED))
        return;
    hygiene->counts.scored_count--;
    hygiene_marks_set_flag(&hygiene->marks, cell, HYGIENE_PARTS_SCORED, false);
    hygiene_parts_shelve(hygiene, &address, &pair, &clear);
}

/* Who lifts a suppression also means what led to it: of ours, not of somebody else's list. */
bool hygiene_parts_clears(const struct hygiene_change *withdrawal)
{
    return span_find_byte(withdrawal->stream, '@') == SPAN_NOT_FOUND;
}

static void apply_withdraw(struct hygiene *hygiene, const struct hygiene_change *change)
{
    struct hygiene_target target = hygiene_parts_scope(change);
    uint32_t cell = hygiene_parts_find(hygiene, &target);
    struct hygiene_parts_pair pair = {.cell = cell, .address = cell};

    if (hygiene_parts_clears(change))
        apply_clear(hygiene, change);
    if (cell == HYGIENE_MARKS_NONE)
        return;
    set_until(hygiene, cell, 0);
    drop_held(hygiene, cell);
    hygiene_parts_shelve(hygiene, &target, &pair, change);
}

void hygiene_prefetch(const struct hygiene *hygiene, struct span key)
{
    uint64_t hash = hygiene_marks_hash(&hygiene->marks, key);

    hygiene_marks_prefetch(&hygiene->marks, hash);
    hygiene_filter_prefetch(&hygiene->filter, hash);
}

int hygiene_apply(struct hygiene *hygiene, const struct hygiene_change *change)
{
    switch (change->kind) {
    case HYGIENE_SUPPRESS:
        return apply_suppress(hygiene, change);
    case HYGIENE_HOLD:
        return apply_hold(hygiene, change);
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

struct hygiene_breaker *hygiene_breakers(struct hygiene *hygiene)
{
    return &hygiene->breaker;
}

struct hygiene_domains *hygiene_domain_counts(struct hygiene *hygiene)
{
    return &hygiene->domains;
}

void hygiene_memory(struct hygiene *hygiene, struct hygiene_memory ret_parts[HYGIENE_MEMORIES])
{
    ret_parts[0] = (struct hygiene_memory){hygiene->filter.words,
                                           hygiene_filter_size(hygiene->options.addresses_max)};
    ret_parts[1] =
        (struct hygiene_memory){hygiene->marks.cells, hygiene_marks_size(&hygiene->marks)};
    ret_parts[2] = (struct hygiene_memory){hygiene->marks.numbers,
                                           hygiene->marks.cells_count * sizeof(uint32_t)};
}

void hygiene_counts(const struct hygiene *hygiene, struct hygiene_counts *ret_counts)
{
    *ret_counts = hygiene->counts;
    ret_counts->held_count = hygiene->held.count;
}
