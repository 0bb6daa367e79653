#include "bounce/confirmations.h"

#include <errno.h>
#include <string.h>

#include "base/big_endian.h"
#include "base/check.h"
#include "base/text.h"

#define HEAD_SIZE 10 /* of a record, before its strings */

/* An address on a list, with its reports, oldest first. */
struct slot {
    uint64_t hash;
    uint16_t key_size;
    uint8_t list_size;
    uint8_t reports_count;
    uint16_t days[CONFIRMATIONS_DAYS];
    uint8_t classes[CONFIRMATIONS_DAYS];
    uint32_t messages[CONFIRMATIONS_DAYS];
    uint8_t strings[HYGIENE_CHANGE_KEY_MAX + HYGIENE_CHANGE_SCOPE_MAX];
};

struct confirmations {
    struct table table;
    struct table_key seed;
    struct slot *slots; /* a ring: the first one is at `next` once it is full */
    uint32_t count_max;
    uint32_t count;
    uint32_t next;
    uint64_t forgotten_count;
};

/* What is looked for. */
struct wanted {
    struct span key;
    struct span list;
};

size_t confirmations_cost(uint32_t count_max)
{
    return arena_cost(1, sizeof(struct confirmations)) + table_cost(count_max) +
           arena_cost(count_max, sizeof(struct slot));
}

struct confirmations *confirmations_open(struct arena *arena, uint32_t count_max,
                                         const struct table_key *seed)
{
    struct confirmations *confirmations = arena_alloc(arena, 1, sizeof(*confirmations));

    CHECK(count_max > 0);
    table_init(&confirmations->table, arena, count_max);
    confirmations->slots = arena_alloc(arena, count_max, sizeof(struct slot));
    confirmations->seed = *seed;
    confirmations->count_max = count_max;
    return confirmations;
}

/* --- slots --- */

static struct span key_of(const struct slot *slot)
{
    return span_make(slot->strings, slot->key_size);
}

static struct span list_of(const struct slot *slot)
{
    return span_make(slot->strings + slot->key_size, slot->list_size);
}

static uint64_t hash_of(const struct confirmations *confirmations, const struct wanted *wanted)
{
    uint8_t bytes[HYGIENE_CHANGE_KEY_MAX + HYGIENE_CHANGE_SCOPE_MAX + 1];
    struct text text;

    text_init(&text, bytes, sizeof(bytes));
    text_add(&text, wanted->key);
    text_add_byte(&text, '\0');
    text_add(&text, wanted->list);
    return table_hash(&confirmations->seed, text_span(&text));
}

static bool slot_matches(const void *context, uint32_t value, const void *key)
{
    const struct confirmations *confirmations = context;
    const struct slot *slot = &confirmations->slots[value];
    const struct wanted *wanted = key;

    return span_equal(key_of(slot), wanted->key) && span_equal(list_of(slot), wanted->list);
}

static struct slot *find(const struct confirmations *confirmations, const struct wanted *wanted)
{
    uint32_t place = table_find(&confirmations->table, hash_of(confirmations, wanted), slot_matches,
                                confirmations, wanted);

    CHECK(confirmations->slots != NULL);
    return place == TABLE_NONE ? NULL : &confirmations->slots[place];
}

static bool fits(struct span key, struct span list)
{
    return key.size > 0 && key.size <= HYGIENE_CHANGE_KEY_MAX &&
           list.size <= HYGIENE_CHANGE_SCOPE_MAX;
}

static struct slot *make(struct confirmations *confirmations, const struct wanted *wanted)
{
    struct slot *slot = &confirmations->slots[confirmations->next];
    int result;

    if (confirmations->count == confirmations->count_max) {
        bool removed = table_remove(&confirmations->table, slot->hash, confirmations->next);

        CHECK(removed);
        confirmations->forgotten_count += slot->reports_count > 0;
        confirmations->count--;
    }
    slot->hash = hash_of(confirmations, wanted);
    slot->key_size = (uint16_t)wanted->key.size;
    slot->list_size = (uint8_t)wanted->list.size;
    slot->reports_count = 0;
    memcpy(slot->strings, wanted->key.data, wanted->key.size);
    if (wanted->list.size > 0)
        memcpy(slot->strings + wanted->key.size, wanted->list.data, wanted->list.size);
    result = table_insert(&confirmations->table, slot->hash, confirmations->next);
    CHECK(result == 0); /* there is room for count_max */
    confirmations->count++;
    confirmations->next = (confirmations->next + 1) % confirmations->count_max;
    return slot;
}

/* --- the rule --- */

enum weight {
    WEIGHT_NONE, /* says nothing about the address */
    WEIGHT_SOFT, /* counted by the class's own action */
    WEIGHT_FIRM  /* would suppress at once if it were proven */
};

static enum weight weight_of(enum bounce_class class)
{
    struct bounce_action action = bounce_class_action(class);

    switch (action.hygiene) {
    case BOUNCE_HYGIENE_SUPPRESS:
    case BOUNCE_HYGIENE_SUPPRESS_IF_DNS:
    case BOUNCE_HYGIENE_SUPPRESS_RECHECK:
    case BOUNCE_HYGIENE_SUPPRESS_ALL:
        return WEIGHT_FIRM;
    case BOUNCE_HYGIENE_COUNT:
        return action.limit > 0 ? WEIGHT_SOFT : WEIGHT_NONE;
    case BOUNCE_HYGIENE_NONE:
    case BOUNCE_HYGIENE_UNSUBSCRIBE: /* whoever leaves, leaves with a proof or at the list itself */
    case BOUNCE_HYGIENE_CLEAR:
    case BOUNCE_HYGIENE_DOMAIN_REPEATS:
        break;
    }
    return WEIGHT_NONE;
}

bool confirmations_can(enum bounce_class class)
{
    return weight_of(class) != WEIGHT_NONE;
}

bool confirmations_takes(const struct confirmations *confirmations,
                         const struct confirmation *report)
{
    const struct wanted wanted = {report->key, report->list};
    const struct slot *slot;

    if (!fits(report->key, report->list) || weight_of(report->class) == WEIGHT_NONE)
        return false;
    slot = find(confirmations, &wanted);
    if (slot == NULL || slot->reports_count == 0)
        return true;
    for (uint32_t i = 0; i < slot->reports_count; i++)
        if (report->message != 0 && slot->messages[i] == report->message)
            return false;
    return report->day > slot->days[slot->reports_count - 1];
}

void confirmations_add(struct confirmations *confirmations, const struct confirmation *report)
{
    const struct wanted wanted = {report->key, report->list};
    struct slot *slot;

    if (!confirmations_takes(confirmations, report))
        return;
    slot = find(confirmations, &wanted);
    if (slot == NULL)
        slot = make(confirmations, &wanted);
    if (slot->reports_count == CONFIRMATIONS_DAYS) {
        memmove(&slot->days[0], &slot->days[1], sizeof(slot->days) - sizeof(slot->days[0]));
        memmove(&slot->classes[0], &slot->classes[1],
                sizeof(slot->classes) - sizeof(slot->classes[0]));
        memmove(&slot->messages[0], &slot->messages[1],
                sizeof(slot->messages) - sizeof(slot->messages[0]));
        slot->reports_count--;
    }
    slot->days[slot->reports_count] = report->day;
    slot->messages[slot->reports_count] = report->message;
    slot->classes[slot->reports_count++] = (uint8_t)report->class;
}

static bool agrees(enum bounce_class class, enum bounce_class with)
{
    return class == with || (weight_of(class) == WEIGHT_FIRM && weight_of(with) == WEIGHT_FIRM);
}

void confirmations_state(const struct confirmations *confirmations,
                         const struct confirmation *report, const struct confirmation_rule *rule,
                         struct confirmation_state *ret_state)
{
    const struct wanted wanted = {report->key, report->list};
    const struct bounce_action action = bounce_class_action(report->class);
    const struct slot *slot = find(confirmations, &wanted);
    uint32_t days = 0, first = report->day, wanted_days = rule->reports_min,
             window = rule->days_max;
    bool soft = weight_of(report->class) == WEIGHT_SOFT;

    if (soft) { /* as many as its own action wants, in time for that */
        wanted_days = (uint32_t)max_u64(wanted_days, action.days);
        wanted_days = (uint32_t)max_u64(wanted_days, (uint64_t)(action.limit + action.weight - 1) /
                                                         action.weight);
        window = (uint32_t)max_u64(window, UINT64_C(2) * action.window_days);
    }
    for (uint32_t i = 0; slot != NULL && i < slot->reports_count; i++) {
        if (!agrees((enum bounce_class)slot->classes[i], report->class) ||
            slot->days[i] + window <= report->day || slot->days[i] > report->day)
            continue;
        days++;
        first = (uint32_t)min_u64(first, slot->days[i]);
    }
    ret_state->days = days;
    ret_state->confirmed = weight_of(report->class) != WEIGHT_NONE && days >= wanted_days &&
                           (!soft || report->day - first >= action.window_days);
}

void confirmations_clear(struct confirmations *confirmations, struct span key, struct span list)
{
    const struct wanted wanted = {key, list};
    struct slot *slot = NULL;

    if (confirmations->count > 0 && fits(key, list))
        slot = find(confirmations, &wanted);
    if (slot != NULL)
        slot->reports_count = 0;
}

/* --- looking, bytes --- */

bool confirmations_at(const struct confirmations *confirmations, uint32_t number, uint32_t part,
                      struct confirmation *ret_report)
{
    uint32_t oldest = confirmations->count == confirmations->count_max ? confirmations->next : 0;
    const struct slot *slot = &confirmations->slots[(oldest + number) % confirmations->count_max];

    if (number >= confirmations->count || part >= slot->reports_count)
        return false;
    *ret_report = (struct confirmation){.key = key_of(slot),
                                        .list = list_of(slot),
                                        .class = (enum bounce_class)slot->classes[part],
                                        .day = slot->days[part],
                                        .message = slot->messages[part]};
    return true;
}

uint32_t confirmations_count(const struct confirmations *confirmations)
{
    return confirmations->count;
}

uint64_t confirmations_forgotten(const struct confirmations *confirmations)
{
    return confirmations->forgotten_count;
}

size_t confirmations_write(const struct confirmation *report, uint8_t *into)
{
    CHECK(fits(report->key, report->list));
    big_endian_put(into, report->day, 2);
    into[2] = (uint8_t)report->class;
    into[3] = (uint8_t)report->list.size;
    big_endian_put(into + 4, report->key.size, 2);
    big_endian_put(into + 6, report->message, 4);
    memcpy(into + HEAD_SIZE, report->key.data, report->key.size);
    if (report->list.size > 0)
        memcpy(into + HEAD_SIZE + report->key.size, report->list.data, report->list.size);
    return HEAD_SIZE + report->key.size + report->list.size;
}

int confirmations_read(struct span payload, struct confirmation *ret_report)
{
    size_t key_size, list_size;

    if (payload.size < HEAD_SIZE || payload.data[2] >= BOUNCE_CLASS_COUNT)
        return -EBADMSG;
    list_size = payload.data[3];
    key_size = (size_t)big_endian_get(payload.data + 4, 2);
    if (payload.size != HEAD_SIZE + key_size + list_size)
        return -EBADMSG;
    *ret_report =
        (struct confirmation){.day = (uint16_t)big_endian_get(payload.data, 2),
                              .class = (enum bounce_class)payload.data[2],
                              .message = (uint32_t)big_endian_get(payload.data + 6, 4),
                              .key = span_slice(payload, HEAD_SIZE, key_size),
                              .list = span_slice(payload, HEAD_SIZE + key_size, list_size)};
    return fits(ret_report->key, ret_report->list) ? 0 : -EBADMSG;
}
