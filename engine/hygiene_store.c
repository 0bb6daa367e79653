#include "engine/hygiene_store.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "bounce/hygiene_judge.h"
#include "engine/hygiene_feed.h"
#include "engine/hygiene_store_parts.h"
#include "engine/tag.h"
#include "queue/scan.h"

#define CAPACITY MIB /* of each of the journal's two buffers */
#define NAMES_SIZE MIB
#define FILE_FIRST ((uint64_t)8 * KIB)
#define FILE_MAX ((uint64_t)64 * MIB)
#define INTERVAL_NS (2 * NS_PER_MS)
#define EVENTS_A_TURN 2000
#define EVENTS_A_CURSOR 50000 /* without a change: then it is written all the same */
#define LOOK_NS (20 * NS_PER_MS)

#define SMALL 1024 /* of what was not said how many are remembered */

static uint32_t some(uint32_t count_max)
{
    return count_max != 0 ? count_max : SMALL;
}

size_t hygiene_store_cost(const struct hygiene_store_options *options)
{
    struct hygiene_options tables = {options->addresses_max, options->scores_max, {{0, 0}}};

    return arena_cost(1, sizeof(struct hygiene_store)) + hygiene_cost(&tables) +
           seen_tags_cost(some(options->tags_max)) +
           confirmations_cost(some(options->reports_max)) + store_log_cost(CAPACITY) +
           arena_cost(NAMES_SIZE, 1);
}

/* --- recovery --- */

static void apply_record(struct hygiene_store *hygiene, const struct record *record)
{
    struct hygiene_change change;
    struct seen_tag tag;

    if (record->type == RECORD_TAG) {
        if (seen_tags_read(record->payload, &tag) < 0)
            hygiene->recovery.damages_count++;
        else
            seen_tags_add(hygiene->tags, &tag);
        return;
    }
    if (record->type == RECORD_CONFIRMATION) {
        hygiene->recovery.damages_count +=
            !hygiene_store_parts_read_report(hygiene, record->payload);
        return;
    }
    if (record->type == RECORD_CURSOR) {
        if (!store_cursor_read(record->payload, &hygiene->cursor))
            hygiene->recovery.damages_count++;
        return;
    }
    if (record->type != RECORD_CHANGE)
        return; /* a seal */
    if (hygiene_change_read(record->payload, &change) < 0) {
        hygiene->recovery.damages_count++;
        return;
    }
    hygiene->recovery.changes_count++;
    if (hygiene_apply(hygiene->tables, &change) < 0)
        return; /* no room: counted by the tables */
    hygiene_store_parts_changed(hygiene, &change);
}

/* *secured: the journals up to this one were made durable before this one was begun. */
static int read_journal(struct hygiene_store *hygiene, uint64_t id, uint64_t *secured)
{
    char path[STORE_LOG_PATH_MAX];
    struct io_mapping mapping;
    struct record record;
    struct scan scan;
    struct text text;
    int result;

    text_init(&text, path, sizeof(path));
    store_log_path(hygiene->folder, RECORD_FILE_JOURNAL, id, &text);
    result = io_map(hygiene->io, path, IO_MAP_READ, &mapping);
    if (result < 0)
        return result;
    hygiene->recovery.journals_count++;
    hygiene->bytes += mapping.size;
    if (mapping.size > RECORD_PAGE) {
        struct record_file file;

        result = record_read_file(span_make(mapping.data, mapping.size), true, &file);
        if (result == -ENOTSUP) {
            io_unmap(hygiene->io, &mapping);
            return -ENOTSUP;
        }
        if (result == 0)
            *secured = max_u64(*secured, file.part);
        scan_init(&scan, span_make(mapping.data, mapping.size), id, RECORD_PAGE, mapping.size);
        while ((result = scan_next(&scan, &record)) != 0) {
            if (result == 1)
                apply_record(hygiene, &record);
        }
        hygiene->recovery.damages_count += scan.damages_count;
        hygiene->recovery.torn_bytes += scan.torn_bytes;
    }
    io_unmap(hygiene->io, &mapping);
    return 0;
}

int32_t hygiene_store_parts_wait(struct hygiene_store *hygiene)
{
    struct io_event event;

    for (;;) {
        if (io_wait(hygiene->io, UINT64_MAX, &event, 1) == 0)
            continue;
        if (event.tag == tag_of(TAG_HYGIENE_FILE, 0))
            return event.result;
        /* The store may have something under way. */
        if (tag_op_of(event.tag) >= TAG_STORE && hygiene->options.store != NULL)
            CHECK(store_event(hygiene->options.store, &event));
    }
}

/* What a crash left behind was read, so it counts: it must not vanish with the next power cut. The
 * header of each journal says up to which one this was done when its life began. */
static int secure_one(struct hygiene_store *hygiene, uint64_t id)
{
    char path[STORE_LOG_PATH_MAX];
    struct io_file_options options = {.path = path, .mode = IO_FILE_WRITE};
    struct text text;
    int32_t handle, result;

    text_init(&text, path, sizeof(path));
    store_log_path(hygiene->folder, RECORD_FILE_JOURNAL, id, &text);
    io_file(hygiene->io, tag_of(TAG_HYGIENE_FILE, 0), &options);
    handle = hygiene_store_parts_wait(hygiene);
    if (handle < 0) /* numbers may be missing: files that were never finished */
        return handle == -ENOENT ? 0 : handle;
    io_sync(hygiene->io, tag_of(TAG_HYGIENE_FILE, 0), handle);
    result = hygiene_store_parts_wait(hygiene);
    io_shut(hygiene->io, tag_of(TAG_HYGIENE_FILE, 0), handle);
    (void)hygiene_store_parts_wait(hygiene);
    return result < 0 ? result : 0;
}

static int secure(struct hygiene_store *hygiene, uint64_t secured, uint64_t last)
{
    int result = 0;

    if (hygiene->options.durability != STORE_DURABLE)
        return 0;
    for (uint64_t id = secured + 1; result == 0 && id <= last; id++)
        result = secure_one(hygiene, id);
    return result;
}

static bool id_of(struct span name, uint64_t *ret_id)
{
    uint64_t id = 0;

    if (name.size != 20 || !span_ends_nocase(name, SPAN(".jnl")))
        return false;
    for (size_t i = 0; i < 16; i++) {
        uint8_t byte = name.data[i];

        if (byte >= '0' && byte <= '9')
            id = id << 4 | (uint64_t)(byte - '0');
        else if (byte >= 'a' && byte <= 'f')
            id = id << 4 | (uint64_t)(byte - 'a' + 10);
        else
            return false;
    }
    *ret_id = id;
    return true;
}

/* The journals' names have fixed sizes: in order of their bytes they are in order of their ids. */
static int recover(struct hygiene_store *hygiene, uint64_t *ret_next)
{
    char path[STORE_LOG_PATH_MAX];
    struct text text, names;
    struct span rest;
    uint64_t id = 0, last = 0, secured = 0;
    int result;

    text_init(&text, path, sizeof(path));
    text_add_format(&text, "%s/journals", hygiene->folder);
    (void)text_cstr_end(&text);
    if (text.overflow)
        return -ENAMETOOLONG;
    result = io_folder(hygiene->io, hygiene->folder);
    if (result == 0)
        result = io_folder(hygiene->io, path);
    if (result == 0)
        result = hygiene_store_parts_read_start(hygiene);
    text_init(&names, hygiene->names, NAMES_SIZE);
    if (result == 0)
        result = io_list(hygiene->io, path, &names);
    rest = result == 0 ? text_span(&names) : (struct span){NULL, 0};
    while (result == 0 && rest.size > 0) {
        if (!id_of(span_split(&rest, '\0'), &id))
            continue;
        last = id;
        if (id < hygiene->first) { /* void: its removal was cut short */
            hygiene_store_parts_remove(hygiene, id);
            continue;
        }
        result = read_journal(hygiene, id, &secured);
    }
    if (result == 0)
        result =
            secure(hygiene, max_u64(secured, hygiene->first == 0 ? 0 : hygiene->first - 1), last);
    hygiene->last = last;
    *ret_next = max_u64(last, hygiene->first) + 1;
    return result;
}

int hygiene_store_open(struct hygiene_store **ret, struct io *io, struct arena *arena,
                       const struct hygiene_store_options *options, struct text *error)
{
    struct hygiene_store *hygiene = arena_alloc(arena, 1, sizeof(*hygiene));
    struct hygiene_options tables = {.addresses_max = options->addresses_max,
                                     .scores_max = options->scores_max};
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
    hygiene->names = arena_alloc(arena, NAMES_SIZE, 1);
    result = folder.overflow ? -ENAMETOOLONG : io_entropy(io, &tables.seed, sizeof(tables.seed));
    hygiene->tables = hygiene_open(arena, &tables);
    hygiene->tags = seen_tags_open(arena, some(options->tags_max), &tables.seed);
    hygiene->confirmations = confirmations_open(arena, some(options->reports_max), &tables.seed);
    if (result == 0)
        result = recover(hygiene, &log.id_first);
    if (result < 0)
        text_add_format(error, "%s: %s", options->folder, strerror(-result));
    log.spool = hygiene->folder;
    log.part = (uint32_t)(log.id_first - 1);
    store_log_init(&hygiene->log, arena, CAPACITY, &log);
    store_log_attach(&hygiene->log, io, tag_of(TAG_HYGIENE_LOG, 0), tag_of(TAG_HYGIENE_LOG, 1));
    return result < 0 ? result : hygiene_store_parts_compact(hygiene);
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
    uint8_t *place = hygiene_store_parts_room(hygiene, HYGIENE_CHANGE_SIZE_MAX);
    size_t size;
    int result;

    if (place == NULL)
        return -EAGAIN;
    size =
        hygiene_change_write(change, place); /* before applying: its spans may lie in the tables */
    result = hygiene_apply(hygiene->tables, change);
    if (result < 0)
        return result;
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
    return appender_room(&hygiene->log.appender) >=
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
    if (hygiene->covers || hygiene->uncovered_count >= EVENTS_A_CURSOR)
        hygiene_store_parts_write_cursor(hygiene);
    store_log_step(&hygiene->log, now_ns);
}

uint64_t hygiene_store_deadline_ns(const struct hygiene_store *hygiene)
{
    uint64_t deadline_ns = store_log_deadline_ns(&hygiene->log);

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

/* Writes what is gathered; a journal that cannot be written ends it. */
int hygiene_store_parts_drain(struct hygiene_store *hygiene)
{
    while (!store_log_quiet(&hygiene->log)) {
        struct io_event events[16];
        uint32_t count;

        hygiene->log.flush = true;
        store_log_step(&hygiene->log, io_now_ns(hygiene->io));
        if (hygiene->log.state == STORE_LOG_FAILED)
            return hygiene->log.error;
        if (store_log_quiet(&hygiene->log))
            break;
        count =
            io_wait(hygiene->io, store_log_deadline_ns(&hygiene->log), events, ARRAY_LEN(events));
        for (uint32_t i = 0; i < count; i++) {
            if (tag_op_of(events[i].tag) == TAG_HYGIENE_LOG)
                hygiene_store_event(hygiene, &events[i]);
            else if (tag_op_of(events[i].tag) >= TAG_STORE && hygiene->options.store != NULL)
                CHECK(store_event(hygiene->options.store, &events[i]));
        }
    }
    return 0;
}

int hygiene_store_close(struct hygiene_store *hygiene)
{
    int result;

    if (hygiene == NULL)
        return 0;
    result = hygiene_store_parts_drain(hygiene);
    store_log_close(&hygiene->log);
    return result;
}
