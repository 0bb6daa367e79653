#include "engine/hygiene_store.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "bounce/hygiene_judge.h"
#include "engine/hygiene_feed.h"
#include "engine/hygiene_store_parts.h"
#include "engine/tag.h"

#define CAPACITY MIB /* of each of the journal's two buffers */
#define FILE_FIRST ((uint64_t)8 * KIB)
#define FILE_MAX ((uint64_t)64 * MIB)
#define INTERVAL_NS (2 * NS_PER_MS)
#define EVENTS_A_TURN 2000
#define EVENTS_A_CURSOR 50000 /* without a change: then it is written all the same */
#define LARGE_AT 2048         /* octets an address: then most small pages are in use */
#define LOOK_NS (20 * NS_PER_MS)
#define STANDING_NS (2 * NS_PER_S)

#define SMALL 1024 /* of what was not said how many are remembered */

static uint32_t some(uint32_t count_max)
{
    return count_max != 0 ? count_max : SMALL;
}

size_t hygiene_store_cost(const struct hygiene_store_options *options)
{
    struct hygiene_shelf disk;
    struct hygiene_options tables = {.addresses_max = options->addresses_max,
                                     .shelf = options->shelf_in_memory ? NULL : &disk};

    return arena_cost(1, sizeof(struct hygiene_store)) + hygiene_cost(&tables) +
           seen_tags_cost(some(options->tags_max)) +
           confirmations_cost(some(options->reports_max)) + store_log_cost(CAPACITY) +
           arena_cost(HYGIENE_STORE_PARTS_NAMES_SIZE, 1) +
           arena_cost(HYGIENE_STORE_PARTS_COPY_SIZE, 1) +
           arena_cost(HYGIENE_STORE_PARTS_LATE_SIZE, 1);
}

/* Many addresses touch every page of the filter, more of them those of the marks. Asked for before
 * they are touched, large pages cost a tenth of what their small ones would. */
void hygiene_store_expect(struct hygiene_store *hygiene, uint64_t count)
{
    struct hygiene_memory parts[HYGIENE_MEMORIES];
    struct hygiene_counts counts;

    hygiene_counts(hygiene->tables, &counts);
    hygiene_memory(hygiene->tables, parts);
    for (uint32_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (hygiene->large[i] || counts.known_count + count < parts[i].size / LARGE_AT)
            continue;
        io_large_pages(hygiene->io, parts[i].data, parts[i].size);
        hygiene->large[i] = true;
    }
}

/* Whoever found no room would be mailed, and the next compaction would forget him. Nothing is
 * refused by tables as large as those that wrote the journals. */
static int check_room(const struct hygiene_store *hygiene, struct text *error)
{
    uint32_t addresses_max = hygiene->options.addresses_max;
    struct hygiene_counts counts;

    hygiene_counts(hygiene->tables, &counts);
    if (counts.refused_count == 0)
        return 0;
    if (counts.known_count + 2 <= addresses_max) /* there was room but for who is held */
        text_add_format(error, "%s: more addresses are held than the %lu that there is room for",
                        hygiene->options.folder, (unsigned long)counts.held_count);
    else
        text_add_format(error,
                        "%s: more addresses are suppressed than hygiene.addresses: %u has room "
                        "for: raise hygiene.addresses to at least %lu (%lu is surely enough)",
                        hygiene->options.folder, addresses_max,
                        (unsigned long)max_u64(counts.known_count, addresses_max) + 1,
                        (unsigned long)(counts.known_count + 2 * counts.refused_count));
    return -ENOSPC;
}

int hygiene_store_open(struct hygiene_store **ret, struct io *io, struct arena *arena,
                       const struct hygiene_store_options *options, struct text *error)
{
    struct hygiene_store *hygiene = arena_alloc(arena, 1, sizeof(*hygiene));
    struct hygiene_options tables = {.addresses_max = options->addresses_max,
                                     .shelf =
                                         options->shelf_in_memory ? NULL : &hygiene->disk.shelf};
    struct store_log_options log = {.kind = RECORD_FILE_JOURNAL,
                                    .durability = options->durability,
                                    .renewing = true,
                                    .interval_ns = INTERVAL_NS,
                                    .write_size = CAPACITY / 2,
                                    .size_first = FILE_FIRST,
                                    .size_max = FILE_MAX,
                                    .id_step = 1};
    struct text folder;
    int result;

    *ret = hygiene;
    hygiene->options = *options;
    hygiene->io = io;
    text_init(&folder, hygiene->folder, sizeof(hygiene->folder));
    text_add_cstr(&folder, options->folder);
    (void)text_cstr_end(&folder);
    hygiene->names = arena_alloc(arena, HYGIENE_STORE_PARTS_NAMES_SIZE, 1);
    hygiene->copy = arena_alloc(arena, HYGIENE_STORE_PARTS_COPY_SIZE, 1);
    hygiene->late = arena_alloc(arena, HYGIENE_STORE_PARTS_LATE_SIZE, 1);
    result = folder.overflow ? -ENAMETOOLONG : io_entropy(io, &tables.seed, sizeof(tables.seed));
    hygiene->tables = hygiene_open(arena, &tables);
    hygiene->tags = seen_tags_open(arena, some(options->tags_max), &tables.seed);
    hygiene->confirmations = confirmations_open(arena, some(options->reports_max), &tables.seed);
    hygiene->mark_seed = tables.seed.words[0] ^ tables.seed.words[1] << 1;
    if (result == 0)
        hygiene_store_parts_open_shelf(hygiene);
    hygiene_store_expect(hygiene, hygiene->disk.mark.numbers_count); /* 0: the shelf is not known */
    if (result == 0)
        result = hygiene_store_parts_recover(hygiene, &log.id_first);
    if (result == 0 && hygiene->mark_wanted != 0) /* the journals do not have it */
        result = hygiene_store_parts_make_shelf(hygiene);
    if (result < 0)
        text_add_format(error, "%s: %s", options->folder, strerror(-result));
    else
        result = check_room(hygiene, error);
    log.spool = hygiene->folder;
    log.part = options->durability == STORE_DURABLE ? (uint32_t)(log.id_first - 1) : 0;
    store_log_init(&hygiene->log, arena, CAPACITY, &log);
    store_log_attach(&hygiene->log, io, tag_of(TAG_HYGIENE_LOG, 0), tag_of(TAG_HYGIENE_LOG, 1));
    if (result == 0)
        result = hygiene_store_parts_compact(hygiene);
    if (result == 0)
        hygiene_store_parts_settle_shelf(hygiene);
    if (result == 0)
        hygiene_store_expect(hygiene, 0);
    hygiene->opened = result == 0;
    return result;
}

/* --- changes --- */

uint8_t *hygiene_store_parts_room(struct hygiene_store *hygiene, size_t size)
{
    return appender_add(&hygiene->log.appender, size, NULL);
}

void hygiene_store_parts_added(struct hygiene_store *hygiene, uint16_t type, size_t size)
{
    appender_added(&hygiene->log.appender, type, size);
    store_log_added(&hygiene->log, io_now_ns(hygiene->io));
    hygiene->added_count++;
}

int hygiene_store_change(struct hygiene_store *hygiene, const struct hygiene_change *change,
                         uint64_t *ret_ticket)
{
    uint8_t *place = hygiene_store_parts_late_room(hygiene, 1)
                         ? hygiene_store_parts_room(hygiene, HYGIENE_CHANGE_SIZE_MAX)
                         : NULL;
    size_t size;
    int result;

    if (place == NULL)
        return -EAGAIN;
    size =
        hygiene_change_write(change, place); /* before applying: its spans may lie in the tables */
    result = hygiene_apply(hygiene->tables, change);
    if (result < 0)
        return result;
    if (result == 0)
        hygiene_store_parts_late(hygiene, span_make(place, size));
    hygiene_store_parts_added(hygiene, RECORD_CHANGE, size);
    hygiene_store_parts_changed(hygiene, change);
    if (ret_ticket != NULL)
        *ret_ticket = hygiene->added_count;
    return 0;
}

bool hygiene_store_has_tag(const struct hygiene_store *hygiene, const struct seen_tag *tag)
{
    return seen_tags_has(hygiene->tags, tag);
}

int hygiene_store_use_tag(struct hygiene_store *hygiene, const struct seen_tag *tag,
                          uint64_t *ret_ticket)
{
    uint8_t *place = hygiene_store_parts_room(hygiene, SEEN_TAGS_RECORD_SIZE);

    if (place == NULL)
        return -EAGAIN;
    seen_tags_write(tag, place);
    seen_tags_add(hygiene->tags, tag);
    hygiene_store_parts_added(hygiene, RECORD_TAG, SEEN_TAGS_RECORD_SIZE);
    *ret_ticket = hygiene->added_count;
    return 0;
}

uint64_t hygiene_store_ticket(const struct hygiene_store *hygiene)
{
    return hygiene->added_count;
}

uint64_t hygiene_store_durable_count(const struct hygiene_store *hygiene)
{
    return store_log_durable_count(&hygiene->log);
}

/* --- what the store's events say --- */

static void feed(struct hygiene_store *hygiene, const struct attempt_event *attempt,
                 const struct classifier *classifier)
{
    struct hygiene_change changes[HYGIENE_JUDGE_CHANGES_MAX];
    struct hygiene_feed fed;
    uint32_t count;

    if (!hygiene_feed_read(&fed, store_queue(hygiene->options.store), attempt, classifier))
        return;
    count = hygiene_judge(hygiene->tables, &fed.event, changes);
    for (uint32_t i = 0; i < count; i++) {
        /* Room for all was seen to be there; full tables lose the change, and count it. */
        int result = hygiene_store_change(hygiene, &changes[i], NULL);

        CHECK(result != -EAGAIN);
        hygiene->covers = true;
    }
}

bool hygiene_store_has_room(const struct hygiene_store *hygiene)
{
    return hygiene_store_parts_late_room(hygiene, HYGIENE_JUDGE_CHANGES_MAX) &&
           appender_room(&hygiene->log.appender) >=
               HYGIENE_JUDGE_CHANGES_MAX * record_cost(HYGIENE_CHANGE_SIZE_MAX) +
                   record_cost(STORE_CURSOR_TEXT_MAX) + record_cost(CONFIRMATIONS_RECORD_SIZE_MAX);
}

static void read_events(struct hygiene_store *hygiene, const struct classifier *classifier)
{
    struct attempt_event attempt;

    hygiene->drained = false;
    for (uint32_t i = 0; i < EVENTS_A_TURN && hygiene_store_has_room(hygiene); i++) {
        int found = store_events_next(hygiene->options.store, &hygiene->cursor, &attempt);

        if (found == -EBADMSG)
            continue;
        hygiene->drained = found <= 0;
        if (found <= 0)
            return;
        hygiene->uncovered_count++;
        feed(hygiene, &attempt, classifier);
    }
}

/* Behind the changes that the events up to it have made. */
void hygiene_store_parts_write_cursor(struct hygiene_store *hygiene)
{
    uint8_t *place = hygiene_store_parts_room(hygiene, STORE_CURSOR_TEXT_MAX);
    struct text text;

    if (place == NULL)
        return;
    text_init(&text, place, STORE_CURSOR_TEXT_MAX);
    store_cursor_write(&hygiene->cursor, &text);
    CHECK(!text.overflow);
    hygiene_store_parts_added(hygiene, RECORD_CURSOR, text.size);
    hygiene->covers = false;
    hygiene->uncovered_count = 0;
}

void hygiene_store_event(struct hygiene_store *hygiene, const struct io_event *event)
{
    if (event->tag == tag_of(TAG_HYGIENE_LOG, 0))
        store_log_event(&hygiene->log, event);
    store_log_step(&hygiene->log, io_now_ns(hygiene->io));
}

void hygiene_store_turn(struct hygiene_store *hygiene, const struct classifier *classifier,
                        bool hurry)
{
    uint64_t now_ns = io_now_ns(hygiene->io);

    if (hurry && !hygiene->hurried)
        hygiene->drained = false; /* what came last has not been looked for */
    hygiene->hurried = hurry;
    if (hurry && hygiene->drained && hygiene->uncovered_count > 0)
        hygiene->covers = true;

    if (classifier == NULL)
        hygiene->drained = true;
    else if (hygiene->options.store != NULL && (!hygiene->drained || now_ns >= hygiene->look_ns)) {
        read_events(hygiene, classifier);
        hygiene->look_ns = now_ns + LOOK_NS;
    }
    if (now_ns >= hygiene->standing_ns + STANDING_NS) {
        hygiene_store_parts_write_standing(hygiene, now_ns);
        hygiene->covers = hygiene->covers || hygiene->uncovered_count > 0;
    }
    if (hygiene->covers || hygiene->uncovered_count >= EVENTS_A_CURSOR)
        hygiene_store_parts_write_cursor(hygiene);
    hygiene_store_parts_turn_shelf(hygiene, now_ns);
    store_log_step(&hygiene->log, now_ns);
}

uint64_t hygiene_store_deadline_ns(const struct hygiene_store *hygiene)
{
    uint64_t deadline_ns = min_u64(store_log_deadline_ns(&hygiene->log),
                                   hygiene_store_parts_shelf_deadline_ns(hygiene));

    /* Drained, it looks again whenever there is a turn. */
    return hygiene->options.store == NULL || hygiene->drained || !hygiene_store_has_room(hygiene)
               ? deadline_ns
               : 0;
}

bool hygiene_store_quiet(const struct hygiene_store *hygiene)
{
    return (hygiene->drained || hygiene->options.store == NULL) && !hygiene->covers &&
           store_log_quiet(&hygiene->log) &&
           hygiene_store_durable_count(hygiene) >= hygiene->added_count;
}

int hygiene_store_error(const struct hygiene_store *hygiene)
{
    return hygiene->log.error;
}

struct io *hygiene_store_io(struct hygiene_store *hygiene)
{
    return hygiene->io;
}

struct hygiene *hygiene_store_tables(struct hygiene_store *hygiene)
{
    return hygiene->tables;
}

const struct hygiene_store_recovery *hygiene_store_recovery(const struct hygiene_store *hygiene)
{
    return &hygiene->recovery;
}

/* Waits for the journal, and serves the store that shares its ring. */
static void wait_for_log(struct hygiene_store *hygiene)
{
    struct io_event events[16];
    uint32_t count =
        io_wait(hygiene->io, store_log_deadline_ns(&hygiene->log), events, ARRAY_LEN(events));

    for (uint32_t i = 0; i < count; i++) {
        if (tag_op_of(events[i].tag) == TAG_HYGIENE_LOG)
            hygiene_store_event(hygiene, &events[i]);
        else if (tag_op_of(events[i].tag) >= TAG_STORE && hygiene->options.store != NULL)
            CHECK(store_event(hygiene->options.store, &events[i]));
    }
}

/* Writes what is gathered; a journal that cannot be written ends it. */
int hygiene_store_parts_drain(struct hygiene_store *hygiene)
{
    while (!store_log_quiet(&hygiene->log)) {
        hygiene->log.flush = true;
        store_log_step(&hygiene->log, io_now_ns(hygiene->io));
        if (hygiene->log.state == STORE_LOG_FAILED)
            return hygiene->log.error;
        if (!store_log_quiet(&hygiene->log))
            wait_for_log(hygiene);
    }
    return 0;
}

int hygiene_store_parts_make_room(struct hygiene_store *hygiene, size_t size, uint8_t **ret_place)
{
    uint8_t *place = hygiene_store_parts_room(hygiene, size);

    if (place == NULL) {
        int result = hygiene_store_parts_drain(hygiene);

        if (result < 0)
            return result;
        place = hygiene_store_parts_room(hygiene, size);
    }
    if (place == NULL)
        return -EIO;
    *ret_place = place;
    return 0;
}

int hygiene_store_close(struct hygiene_store *hygiene)
{
    int result;

    if (hygiene == NULL)
        return 0;
    result = hygiene_store_parts_drain(hygiene);
    if (result == 0 && hygiene->opened) {
        /* What was counted, and then that it was: else the next start counts it again. */
        hygiene_store_parts_write_standing(hygiene, io_now_ns(hygiene->io));
        if (hygiene->uncovered_count > 0)
            hygiene_store_parts_write_cursor(hygiene);
        result = hygiene_store_parts_drain(hygiene);
    }
    hygiene_store_parts_close_shelf(hygiene, result == 0 && hygiene->opened);
    store_log_close(&hygiene->log);
    return result;
}
