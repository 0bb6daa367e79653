#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "engine/hygiene_store_parts.h"

#define PUTS_A_COMMIT 32768
#define PUTS_A_COMMIT_MAKING 262144 /* they come in order: few pages */
#define COMMIT_NS NS_PER_S

static bool has_shelf(const struct hygiene_store *hygiene)
{
    return !hygiene->options.shelf_in_memory && hygiene_shelf_error(hygiene->tables) == 0;
}

static void lose(struct hygiene_store *hygiene, int error)
{
    if (hygiene_shelf_error(hygiene->tables) == 0)
        hygiene_lose_shelf(hygiene->tables, error);
    hygiene->mark_written = 0;
    hygiene->late_size = 0;
}

void hygiene_store_parts_open_shelf(struct hygiene_store *hygiene)
{
    char folder[STORE_LOG_PATH_MAX];
    struct text text;
    int result;

    if (hygiene->options.shelf_in_memory)
        return;
    text_init(&text, folder, sizeof(folder));
    text_add_format(&text, "%s/derived", hygiene->folder);
    (void)text_cstr_end(&text);
    result = io_folder(hygiene->io, hygiene->folder);
    text_init(&text, hygiene->shelf_problem, sizeof(hygiene->shelf_problem));
    if (result == 0)
        result =
            shelf_disk_open(&hygiene->disk, hygiene->io, folder, &hygiene->recovery.shelf, &text);
    (void)text_cstr_end(&text);
    if (result < 0) {
        lose(hygiene, result);
        return;
    }
    hygiene->mark_wanted = hygiene->disk.mark.id;
    hygiene->recovery.shelf_made = hygiene->mark_wanted == 0;
    hygiene_shelve(hygiene->tables, hygiene->mark_wanted == 0);
}

int hygiene_store_parts_make_shelf(struct hygiene_store *hygiene)
{
    enum shelf_disk_found found = hygiene->recovery.shelf;
    bool compacted = hygiene->recovery.compacted;
    uint64_t next;
    int result = shelf_disk_empty(&hygiene->disk);

    hygiene_reset(hygiene->tables);
    if (result < 0)
        lose(hygiene, result);
    hygiene->recovery = (struct hygiene_store_recovery){
        .shelf = found, .shelf_made = result == 0, .compacted = compacted};
    hygiene->mark_wanted = 0;
    hygiene->mark_written = 0;
    hygiene->late_size = 0;
    hygiene->bytes = 0;
    return hygiene_store_parts_recover(hygiene, &next);
}

/* The same numbers must have been given by then: else the shelf speaks of others. */
void hygiene_store_parts_meet_mark(struct hygiene_store *hygiene, struct span payload)
{
    struct hygiene_counts counts;
    uint64_t id;

    if (payload.size != sizeof(id)) {
        hygiene->recovery.damages_count++;
        return;
    }
    memcpy(&id, payload.data, sizeof(id));
    hygiene_counts(hygiene->tables, &counts);
    if (!has_shelf(hygiene) || id != hygiene->mark_wanted || id == 0 ||
        counts.known_count != hygiene->disk.mark.numbers_count)
        return;
    hygiene->mark_wanted = 0;
    hygiene_shelve(hygiene->tables, true);
}

static void commit(struct hygiene_store *hygiene, uint64_t id, uint32_t numbers_count)
{
    struct shelf_disk_mark mark = {.id = id, .numbers_count = numbers_count};
    int result = shelf_disk_commit(&hygiene->disk, &mark);

    if (result < 0)
        lose(hygiene, result);
}

void hygiene_store_parts_shelved(struct hygiene_store *hygiene)
{
    if (!has_shelf(hygiene) || hygiene->mark_wanted != 0)
        return;
    hygiene->recovery.shelved_count++;
    if (hygiene->disk.puts_count >= PUTS_A_COMMIT_MAKING)
        commit(hygiene, 0, 0); /* half made, until the mark comes */
}

/* From now on until it is committed, changes do not go onto the shelf: they would be too early. */
static bool write_mark(struct hygiene_store *hygiene)
{
    struct hygiene_counts counts;
    uint8_t *place = hygiene_store_parts_room(hygiene, sizeof(uint64_t));
    uint64_t id = ++hygiene->mark_seed != 0 ? hygiene->mark_seed : ++hygiene->mark_seed;

    if (place == NULL)
        return false;
    memcpy(place, &id, sizeof(id));
    hygiene_store_parts_added(hygiene, RECORD_MARK, sizeof(id));
    hygiene->mark_written = id;
    hygiene->mark_ticket = hygiene_store_ticket(hygiene);
    hygiene_counts(hygiene->tables, &counts);
    hygiene->mark_numbers = (uint32_t)counts.known_count;
    hygiene_shelve(hygiene->tables, false);
    return true;
}

static void commit_written(struct hygiene_store *hygiene)
{
    struct span late = span_make(hygiene->late, hygiene->late_size);
    struct hygiene_change change;

    commit(hygiene, hygiene->mark_written, hygiene->mark_numbers);
    hygiene->mark_written = 0;
    hygiene->late_size = 0;
    hygiene->unshelved_ns = 0;
    hygiene_shelve(hygiene->tables, true); /* unless it is lost */
    while (late.size > 0) {
        uint16_t size;

        memcpy(&size, late.data, sizeof(size));
        CHECK(hygiene_change_read(span_slice(late, sizeof(size), size), &change) == 0);
        hygiene_shelve_late(hygiene->tables, &change);
        late = span_skip(late, sizeof(size) + size);
    }
}

bool hygiene_store_parts_late_room(const struct hygiene_store *hygiene, uint32_t count)
{
    return hygiene->mark_written == 0 || HYGIENE_STORE_PARTS_LATE_SIZE - hygiene->late_size >=
                                             count * (HYGIENE_CHANGE_SIZE_MAX + sizeof(uint16_t));
}

void hygiene_store_parts_late(struct hygiene_store *hygiene, struct span change)
{
    uint16_t size = (uint16_t)change.size;

    if (hygiene->mark_written == 0)
        return;
    memcpy(hygiene->late + hygiene->late_size, &size, sizeof(size));
    memcpy(hygiene->late + hygiene->late_size + sizeof(size), change.data, change.size);
    hygiene->late_size += sizeof(size) + change.size;
}

static bool is_behind(const struct hygiene_store *hygiene)
{
    struct hygiene_counts counts;

    hygiene_counts(hygiene->tables, &counts);
    return hygiene->disk.puts_count > 0 || (hygiene->disk.mark.id == 0 && counts.known_count > 0);
}

void hygiene_store_parts_turn_shelf(struct hygiene_store *hygiene, uint64_t now_ns)
{
    if (!has_shelf(hygiene)) {
        hygiene->mark_written = 0;
        return;
    }
    if (hygiene->mark_written != 0) {
        if (hygiene_store_durable_count(hygiene) >= hygiene->mark_ticket)
            commit_written(hygiene);
        return;
    }
    if (!is_behind(hygiene))
        return;
    if (hygiene->unshelved_ns == 0)
        hygiene->unshelved_ns = now_ns;
    if (hygiene->disk.puts_count >= PUTS_A_COMMIT || now_ns >= hygiene->unshelved_ns + COMMIT_NS)
        (void)write_mark(hygiene); /* without room, in another turn */
}

uint64_t hygiene_store_parts_shelf_deadline_ns(const struct hygiene_store *hygiene)
{
    return !has_shelf(hygiene) || hygiene->mark_written != 0 || hygiene->unshelved_ns == 0
               ? UINT64_MAX
               : hygiene->unshelved_ns + COMMIT_NS;
}

void hygiene_store_parts_settle_shelf(struct hygiene_store *hygiene)
{
    /* Twice, if changes came behind a mark that was written before. A journal that cannot be
     * written now: the turns go on trying. */
    for (uint32_t i = 0; i < 2 && has_shelf(hygiene); i++) {
        if (hygiene->mark_written == 0 && (!is_behind(hygiene) || !write_mark(hygiene)))
            return;
        if (hygiene_store_parts_drain(hygiene) < 0)
            return;
        commit_written(hygiene);
    }
}

void hygiene_store_parts_close_shelf(struct hygiene_store *hygiene, bool drained)
{
    int error = hygiene_shelf_error(hygiene->tables);

    if (hygiene->options.shelf_in_memory)
        return;
    if (drained)
        hygiene_store_parts_settle_shelf(hygiene);
    if (error == -EBADMSG) /* found to be wrong: not to be found again */
        error = shelf_disk_empty(&hygiene->disk) < 0 ? -EIO : error;
    shelf_disk_close(&hygiene->disk, drained && error == 0);
}
