#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "bounce/hygiene_parts.h"

#define DAY_S 86400

/* --- the shelf --- */

void hygiene_shelve(struct hygiene *hygiene, bool on)
{
    hygiene->shelving = on && hygiene->shelf_error == 0;
}

bool hygiene_is_shelving(const struct hygiene *hygiene)
{
    return hygiene->shelving;
}

int hygiene_shelf_error(const struct hygiene *hygiene)
{
    return hygiene->shelf_error;
}

void hygiene_lose_shelf(struct hygiene *hygiene, int error)
{
    CHECK(error < 0);
    hygiene->shelf_error = error;
    hygiene->shelving = false;
}

/* Takes the dossier in hand. 0 or -errno. */
static int load(struct hygiene *hygiene, uint32_t number)
{
    struct span value;
    int result = hygiene->shelf_error;

    if (result < 0)
        return result;
    result = hygiene->shelf->ops->get(hygiene->shelf, number, &value);
    if (result == 0 && value.size > sizeof(hygiene->strings))
        result = -EBADMSG;
    if (result == 0) {
        memcpy(hygiene->strings, value.data, value.size);
        result = hygiene_dossier_read(span_make(hygiene->strings, value.size), &hygiene->dossier);
    }
    if (result == -ENOENT && !hygiene->shelving)
        return result;     /* not yet there */
    if (result == -ENOENT) /* every number has one */
        result = -EBADMSG;
    if (result < 0)
        hygiene_lose_shelf(hygiene, result);
    return result;
}

static void save(struct hygiene *hygiene, uint32_t number)
{
    struct span value = span_make(hygiene->bytes, 0);
    int result;

    value.size = hygiene_dossier_write(&hygiene->dossier, hygiene->bytes);
    result = hygiene->shelf->ops->put(hygiene->shelf, number, value);
    if (result < 0)
        hygiene_lose_shelf(hygiene, result);
}

/* --- what changes leave there --- */

static struct hygiene_dossier dossier_of(const struct hygiene_target *target, uint32_t next)
{
    return (struct hygiene_dossier){
        .key = target->key, .tenant = target->tenant, .stream = target->stream, .next = next};
}

/* Puts a new scoped one in front of the chain of its address. *ret_next: what follows it. */
static int chain(struct hygiene *hygiene, const struct hygiene_target *target,
                 const struct hygiene_parts_pair *pair, uint32_t *ret_next)
{
    uint32_t number = hygiene_marks_number(&hygiene->marks, pair->address);
    struct hygiene_target address = {.key = target->key};
    int result = 0;

    if (pair->address_fresh)
        hygiene->dossier = dossier_of(&address, HYGIENE_DOSSIER_NONE);
    else
        result = load(hygiene, number);
    if (result < 0)
        return result;
    *ret_next = hygiene->dossier.next;
    hygiene->dossier.next = hygiene_marks_number(&hygiene->marks, pair->cell);
    save(hygiene, number);
    return hygiene->shelf_error;
}

/* Who, when and in which words; of a withdrawal the class stays that of what it lifts. */
static void note_words(struct hygiene_dossier *dossier, const struct hygiene_change *change)
{
    if (change->kind != HYGIENE_WITHDRAW) {
        dossier->class = change->class;
        dossier->told = true;
    }
    dossier->source = change->source;
    dossier->time_s = (uint32_t)min_u64(change->time_s, UINT32_MAX);
    dossier->note = span_first(change->note, HYGIENE_CHANGE_NOTE_MAX);
    dossier->provider = span_first(change->provider, HYGIENE_CHANGE_PROVIDER_MAX);
}

static void note_count(struct hygiene_dossier *dossier, const struct hygiene_change *change)
{
    if (!dossier->scored)
        hygiene_score_clear(&dossier->score);
    dossier->scored = true;
    hygiene_score_add(&dossier->score, change->class, (uint16_t)(change->time_s / DAY_S));
}

void hygiene_parts_shelve(struct hygiene *hygiene, const struct hygiene_target *target,
                          const struct hygiene_parts_pair *pair,
                          const struct hygiene_change *change)
{
    uint32_t number = hygiene_marks_number(&hygiene->marks, pair->cell);
    uint32_t next = HYGIENE_DOSSIER_NONE;

    if (!hygiene->shelving)
        return;
    if (pair->fresh && pair->cell != pair->address && chain(hygiene, target, pair, &next) < 0)
        return;
    if (pair->fresh)
        hygiene->dossier = dossier_of(target, next);
    else if (load(hygiene, number) < 0)
        return;
    if (change->kind == HYGIENE_COUNT)
        note_count(&hygiene->dossier, change);
    else if (change->kind == HYGIENE_CLEAR)
        hygiene->dossier.scored = false;
    else
        note_words(&hygiene->dossier, change);
    save(hygiene, number);
}

static bool is_there(struct hygiene *hygiene, uint32_t cell)
{
    struct span value;

    return hygiene->shelf->ops->get(hygiene->shelf, hygiene_marks_number(&hygiene->marks, cell),
                                    &value) != -ENOENT;
}

void hygiene_shelve_late(struct hygiene *hygiene, const struct hygiene_change *change)
{
    static const struct hygiene_change clear = {.kind = HYGIENE_CLEAR};
    static const struct hygiene_score none;
    struct hygiene_target address = {.key = change->key}, target = hygiene_parts_scope(change);
    struct hygiene_parts_pair pair = {.address = hygiene_parts_find(hygiene, &address)};
    struct hygiene_parts_pair alone = {.cell = pair.address, .address = pair.address};
    bool counts = change->kind == HYGIENE_COUNT || change->kind == HYGIENE_CLEAR;

    if (!hygiene->shelving || pair.address == HYGIENE_MARKS_NONE)
        return;
    if (counts)
        target = address;
    pair.cell = hygiene_parts_find(hygiene, &target);
    pair.address_fresh = !is_there(hygiene, pair.address);
    if (change->kind == HYGIENE_COUNT && hygiene_score_count_of(&none, change->class) == NULL)
        return;
    if (change->kind == HYGIENE_WITHDRAW && hygiene_parts_clears(change) && !pair.address_fresh)
        hygiene_parts_shelve(hygiene, &address, &alone, &clear);
    if (pair.cell == HYGIENE_MARKS_NONE || !hygiene->shelving)
        return;
    pair.fresh = !is_there(hygiene, pair.cell);
    if (!pair.fresh || change->kind == HYGIENE_SUPPRESS || change->kind == HYGIENE_HOLD ||
        change->kind == HYGIENE_COUNT)
        hygiene_parts_shelve(hygiene, &target, &pair, change);
}

/* --- looking --- */

static uint64_t wide(uint32_t until_s)
{
    return until_s == HYGIENE_MARKS_FOREVER ? HYGIENE_CHANGE_FOREVER : until_s;
}

/* Of the dossier in hand; what forbids mail is told by the marks, not by the shelf. */
static int make_entry(struct hygiene *hygiene, uint32_t number, struct hygiene_entry *ret_entry)
{
    const struct hygiene_dossier *dossier = &hygiene->dossier;
    struct hygiene_target target = {dossier->key, dossier->tenant, dossier->stream};
    uint32_t cell = hygiene_parts_find(hygiene, &target);

    if (cell == HYGIENE_MARKS_NONE || hygiene_marks_number(&hygiene->marks, cell) != number) {
        hygiene_lose_shelf(hygiene, -EBADMSG); /* another address's */
        return -EBADMSG;
    }
    *ret_entry = (struct hygiene_entry){
        .key = dossier->key,
        .tenant = dossier->tenant,
        .stream = dossier->stream,
        .note = dossier->note,
        .provider = dossier->provider,
        .class = dossier->class,
        .source = dossier->source,
        .time_s = dossier->time_s,
        .until_s = wide(hygiene_marks_until(&hygiene->marks, cell)),
        .told = dossier->told,
    };
    if (hygiene_marks_flag(&hygiene->marks, cell, HYGIENE_PARTS_HELD))
        ret_entry->held_until_s = wide(hygiene_held_find(&hygiene->held, cell)->until_s);
    return 0;
}

int hygiene_entry_at(struct hygiene *hygiene, uint32_t number, struct hygiene_entry *ret_entry)
{
    int result;

    if (number >= hygiene_marks_count(&hygiene->marks))
        return -ENOENT;
    result = load(hygiene, number);
    return result < 0 ? result : make_entry(hygiene, number, ret_entry);
}

int hygiene_find(struct hygiene *hygiene, struct span key, uint32_t *next,
                 struct hygiene_entry *ret_entry)
{
    struct hygiene_target address = {.key = key};
    uint32_t number = *next, cell;
    int result;

    if (number == HYGIENE_FIND_FIRST) {
        cell = hygiene_parts_find(hygiene, &address);
        if (cell == HYGIENE_MARKS_NONE)
            return -ENOENT;
        number = hygiene_marks_number(&hygiene->marks, cell);
    }
    for (; number != HYGIENE_FIND_END; number = *next) {
        result = load(hygiene, number);
        if (result == 0)
            result = make_entry(hygiene, number, ret_entry);
        if (result < 0)
            return result;
        *next = hygiene->dossier.next == HYGIENE_DOSSIER_NONE ? HYGIENE_FIND_END
                                                              : hygiene->dossier.next;
        if (ret_entry->told)
            return 0;
    }
    return -ENOENT;
}

int hygiene_held_at(struct hygiene *hygiene, uint32_t index, struct hygiene_entry *ret_entry)
{
    const struct hygiene_held_item *item = hygiene_held_ranked(&hygiene->held, index);

    return item == NULL
               ? -ENOENT
               : hygiene_entry_at(hygiene, hygiene_marks_number(&hygiene->marks, item->cell),
                                  ret_entry);
}

int hygiene_score_at(struct hygiene *hygiene, uint32_t number, struct hygiene_score *ret_score)
{
    int result = load(hygiene, number);

    if (result == 0 && !hygiene->dossier.scored)
        return -ENOENT;
    if (result == 0)
        *ret_score = hygiene->dossier.score;
    return result;
}

int hygiene_score_of(struct hygiene *hygiene, struct span key, struct hygiene_score *ret_score)
{
    struct hygiene_target address = {.key = key};
    uint32_t cell = hygiene_parts_find(hygiene, &address);

    if (cell == HYGIENE_MARKS_NONE ||
        !hygiene_marks_flag(&hygiene->marks, cell, HYGIENE_PARTS_SCORED))
        return -ENOENT;
    return hygiene_score_at(hygiene, hygiene_marks_number(&hygiene->marks, cell), ret_score);
}
