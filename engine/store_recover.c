#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "engine/store_parts.h"

#define ID_DIGITS 16

/* One walk through a folder's names. */
struct names {
    struct span rest;
};

static void add_problem(struct store *store)
{
    store->recovery.damaged_count++;
}

/* The next name, without its NUL. */
static bool next_name(struct names *names, struct span *ret_name)
{
    if (names->rest.size == 0)
        return false;
    *ret_name = span_split(&names->rest, 0);
    return true;
}

static bool parse_hex(struct span text, uint64_t *ret)
{
    uint64_t number = 0;

    if (text.size == 0 || text.size > ID_DIGITS)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];

        if (byte >= '0' && byte <= '9')
            number = number << 4 | (uint8_t)(byte - '0');
        else if (byte >= 'a' && byte <= 'f')
            number = number << 4 | (uint8_t)(byte - 'a' + 10);
        else
            return false;
    }
    *ret = number;
    return true;
}

/* "0123456789abcdef.seg" */
bool store_parts_file_id(struct span name, struct span suffix, uint64_t *ret_id)
{
    return name.size == ID_DIGITS + suffix.size && span_equal(span_skip(name, ID_DIGITS), suffix) &&
           parse_hex(span_first(name, ID_DIGITS), ret_id) && *ret_id != 0;
}

static int list(struct store *store, const char *below, struct names *ret)
{
    char path[STORE_LOG_PATH_MAX];
    struct text text, names;
    int r;

    text_init(&text, path, sizeof(path));
    text_add_cstr(&text, store->folder);
    text_add_cstr(&text, below);
    (void)text_cstr_end(&text);
    if (text.overflow)
        return -ENAMETOOLONG;
    text_init(&names, store->names, STORE_PARTS_NAMES_SIZE);
    r = io_list(store->io, path, &names);
    ret->rest = text_span(&names);
    return r;
}

/* Whether a file whose header is no good was in use: it holds a good first batch. */
static bool was_used(struct span image, uint64_t id)
{
    struct record_batch batch;

    return record_read_batch(image, id, RECORD_PAGE, &batch) == 0;
}

/* Maps a segment or journal and looks at its header. 0 with data NULL: nothing to read in it. */
static int map_file(struct store *store, enum record_file_kind kind, uint64_t id,
                    struct io_mapping *ret, struct record_file *ret_file)
{
    char path[STORE_LOG_PATH_MAX];
    struct text text;
    struct span image;
    int r;

    text_init(&text, path, sizeof(path));
    store_log_path(store->folder, kind, id, &text);
    r = io_map(store->io, path, IO_MAP_READ, ret);
    if (r < 0)
        return r;
    image = span_make(ret->data, ret->size);
    *ret_file = (struct record_file){.kind = kind, .id = id};
    r = record_read_file(image, true, ret_file);
    if (r == 0 && ret_file->id == id && ret_file->kind == kind)
        return 0;
    if (r != -ENOTSUP && was_used(image, id)) {
        add_problem(store); /* its header was damaged, its records are good */
        *ret_file = (struct record_file){.kind = kind, .id = id};
        return 0;
    }
    if (ret->data != NULL)
        io_unmap(store->io, ret);
    *ret = (struct io_mapping){0};
    return r == -ENOTSUP ? r : 0; /* else made, but never used: the power went */
}

/* --- segments --- */

static int register_segment(struct store *store, uint64_t id)
{
    struct io_mapping mapping;
    struct record_file file;
    uint32_t slot;
    int r;

    if (queue_recover_slot(store->queue, id) != QUEUE_NONE)
        return 0;
    r = map_file(store, RECORD_FILE_SEGMENT, id, &mapping, &file);
    if (r < 0 || mapping.data == NULL)
        return r;
    r = queue_append_segment(store->queue, id, span_make(mapping.data, mapping.size), file.part,
                             &slot);
    if (r < 0) {
        io_unmap(store->io, &mapping);
        return r;
    }
    store->segments[slot] = mapping;
    store->recovery.segments_count++;
    return 0;
}

static int register_segments(struct store *store)
{
    struct names names;
    struct span name;
    uint64_t id;
    int r = list(store, "/segments", &names);

    while (r == 0 && next_name(&names, &name)) {
        if (!store_parts_file_id(name, SPAN(".seg"), &id))
            continue; /* not ours */
        store->file_next = max_u64(store->file_next, id + 1);
        r = register_segment(store, id);
    }
    return r;
}

static void note_recovered(struct store *store, const struct queue_recovered *found)
{
    store->recovery.torn_bytes += found->torn_bytes;
    store->recovery.damaged_count += found->damages_count > 0;
    store->campaign_missing |= found->campaign_missing;
}

static bool is_blank(struct span bytes)
{
    static const uint8_t zeroes[RECORD_PAGE];

    while (bytes.size > 0) {
        struct span part = span_first(bytes, sizeof(zeroes));

        if (memcmp(part.data, zeroes, part.size) != 0)
            return false;
        bytes = span_skip(bytes, part.size);
    }
    return true;
}

/* Whether records that the tables do not have may stand in the file. Where no good batch follows, a
 * damaged one may, with good ones behind it; but not after an end in good order. */
static bool has_more(const struct store *store, struct span image, uint64_t file, uint64_t covered)
{
    struct record_batch batch;

    if (covered >= image.size)
        return false;
    return covered < RECORD_PAGE || record_read_batch(image, file, covered, &batch) == 0 ||
           (!store->recovery.clean && !is_blank(span_skip(image, (size_t)covered)));
}

static int replay_segments(struct store *store, bool committed)
{
    for (uint32_t i = 0; i < store->recovery.segments_count; i++) {
        struct queue_recovered found;
        uint64_t file, covered;
        struct span image = queue_append_image(store->queue, i, &file, &covered);
        int r;

        if (!has_more(store, image, file, covered))
            continue;
        r = committed ? queue_recover_committed(store->queue, i, &found)
                      : queue_recover_segment(store->queue, i, covered, &found);
        if (r < 0)
            return r;
        note_recovered(store, &found);
    }
    return 0;
}

/* --- journals --- */

static int list_journals(struct store *store)
{
    struct names names;
    struct span name;
    uint64_t id;
    int r = list(store, "/journals", &names);

    while (r == 0 && next_name(&names, &name)) {
        if (!store_parts_file_id(name, SPAN(".jnl"), &id))
            continue;
        store->file_next = max_u64(store->file_next, id + 1);
        if (store_parts_journal(store, id) == NULL)
            r = -ENOSPC;
        store->recovery.journals_count++;
    }
    return r;
}

static int replay_journal(struct store *store, struct store_journal *journal)
{
    struct queue_recovered found;
    struct io_mapping mapping;
    struct record_file file;
    struct span image;
    bool no_room = false;
    int r;

    if (journal->covered == UINT64_MAX)
        return 0;
    r = map_file(store, RECORD_FILE_JOURNAL, journal->file, &mapping, &file);
    if (r < 0 || mapping.data == NULL) {
        journal->covered = UINT64_MAX;
        return r;
    }
    image = span_make(mapping.data, mapping.size);
    journal->part = file.part < STORE_SHARDS_MAX ? file.part : RECORD_PART_CONTROL;
    if (has_more(store, image, journal->file, journal->covered)) {
        queue_recover_journal(store->queue, image, journal->file,
                              max_u64(journal->covered, RECORD_PAGE), &found);
        note_recovered(store, &found);
        no_room = found.no_room;
        store->recovery.replayed_count += found.records_count;
        store->recovery.clean &= found.records_count == 0;
        r = store_parts_secure(store, journal->file, image, &found);
    }
    journal->covered = UINT64_MAX;
    io_unmap(store->io, &mapping);
    return r == 0 && no_room ? -ENOSPC : r;
}

static int replay_journals(struct store *store)
{
    int r = 0;

    for (uint32_t i = 0; i < store->journals_count && r == 0; i++)
        r = replay_journal(store, &store->journals[i]);
    return r;
}

/* --- the checkpoint --- */

/* The newest, whole or not; 0: none. */
static int find_checkpoint(struct store *store, uint64_t *ret_number)
{
    const struct span prefix = SPAN("checkpoint.");
    struct names names;
    struct span name;
    uint64_t number;
    int r = list(store, "", &names);

    *ret_number = 0;
    while (r == 0 && next_name(&names, &name))
        if (span_starts(name, prefix) && parse_hex(span_skip(name, prefix.size), &number))
            *ret_number = max_u64(*ret_number, number);
    return r;
}

static int map_checkpoint(struct store *store, uint64_t number, struct io_mapping *ret_mapping)
{
    char path[STORE_LOG_PATH_MAX];
    struct text text;

    text_init(&text, path, sizeof(path));
    store_parts_checkpoint_path(store, number, &text);
    return io_map(store->io, path, IO_MAP_READ, ret_mapping);
}

static void drop_checkpoint(struct store *store)
{
    queue_recover_reset(store->queue);
    store->checkpoint.writer.size = 0;
    for (uint32_t i = 0; i < store->journals_count; i++)
        store->journals[i].covered = 0;
}

static int take_checkpoint(struct store *store, struct span image)
{
    struct checkpoint_loaded loaded;
    int r = checkpoint_read(image, &loaded);

    for (uint32_t i = 0; r == 0 && i < loaded.segments_count; i++) {
        r = register_segment(store, loaded.segments[i].file);
        if (r == 0 && store->recovery.segments_count != i + 1)
            r = -EBADMSG;
    }
    for (uint32_t i = 0; r == 0 && i < loaded.journals_count; i++) {
        struct store_journal *journal = store_parts_journal(store, loaded.journals[i].file);

        if (journal != NULL)
            journal->covered = loaded.journals[i].offset;
    }
    if (r == 0)
        r = checkpoint_load(store->queue, image);
    store->recovery.from_checkpoint = r == 0;
    store->recovery.clean = r == 0 && loaded.clean;
    store->checkpoint.writer.size = image.size;
    return r;
}

/* 0: the tables are loaded; -EBADMSG, -ENOENT: there is no use in it; -ENOSPC, -ENOTSUP: stop. */
static int load_checkpoint(struct store *store)
{
    struct io_mapping mapping;
    uint64_t number;
    int r = find_checkpoint(store, &number);

    if (r < 0 || number == 0)
        return r < 0 ? r : -ENOENT;
    store->checkpoint.number = number;
    r = map_checkpoint(store, number, &mapping);
    if (r < 0)
        return r;
    r = take_checkpoint(store, span_make(mapping.data, mapping.size));
    if (mapping.data != NULL)
        io_unmap(store->io, &mapping);
    return r;
}

/* --- all of it --- */

static int prepare_folders(struct store *store, struct text *error)
{
    static const char *const below[] = {"", "/segments", "/journals"};
    char path[STORE_LOG_PATH_MAX];
    uint32_t pid = 0;
    struct text text;
    int r = 0;

    for (uint32_t i = 0; i < ARRAY_LEN(below) && r == 0; i++) {
        text_init(&text, path, sizeof(path));
        text_add_cstr(&text, store->folder);
        text_add_cstr(&text, below[i]);
        (void)text_cstr_end(&text);
        r = text.overflow ? -ENAMETOOLONG : io_folder(store->io, path);
    }
    if (r < 0) {
        text_add_format(error, "cannot make the folder %s: %s", path, strerrordesc_np(-r));
        return r;
    }
    text_init(&text, path, sizeof(path));
    text_add_cstr(&text, store->folder);
    text_add_cstr(&text, "/lock");
    (void)text_cstr_end(&text);
    r = text.overflow ? -ENAMETOOLONG : io_lock(store->io, path, &pid);
    if (r == -EWOULDBLOCK)
        text_add_format(error, "the spool %s is in use by process %u", store->folder, pid);
    else if (r < 0)
        text_add_format(error, "cannot lock %s: %s", path, strerrordesc_np(-r));
    return r;
}

static void explain(const struct store *store, int r, struct text *error)
{
    if (r == -ENOSPC)
        text_add_format(error,
                        "the spool %s holds more recipients, domains, campaigns or files than the "
                        "limits allow: raise them and start again",
                        store->folder);
    else if (r == -ENOTSUP)
        text_add_format(error, "the spool %s was written by a newer version of ringpost",
                        store->folder);
    else
        text_add_format(error, "cannot recover the spool %s: %s", store->folder,
                        strerrordesc_np(-r));
}

static int replay(struct store *store, bool committed)
{
    int r = replay_segments(store, committed);

    return r < 0 ? r : replay_journals(store);
}

/* READY was durable only after everything of its load was: what looked like the torn tail of a
 * segment is damage, and good batches may stand behind it. Everything is read anew. */
static int replay_committed(struct store *store)
{
    drop_checkpoint(store);
    store->recovery.from_checkpoint = store->recovery.clean = false;
    store->recovery.replayed_count = store->recovery.torn_bytes = 0;
    store->recovery.damaged_count = 0;
    store->campaign_missing = false;
    return replay(store, true);
}

static int read_all(struct store *store)
{
    int r = list_journals(store);

    if (r == 0) {
        r = load_checkpoint(store);
        if (r == -ENOSPC || r == -ENOTSUP)
            return r;
        if (r < 0)
            drop_checkpoint(store);
        r = register_segments(store);
    }
    if (r == 0)
        r = replay(store, false);
    if (r == 0 && store->recovery.torn_bytes > 0 &&
        (store->campaign_missing || queue_recover_incomplete(store->queue)))
        r = replay_committed(store);
    if (r < 0)
        return r;
    if (store->campaign_missing)
        add_problem(store);
    queue_recover_finish(store->queue);
    return 0;
}

int store_parts_recover(struct store *store, struct text *error)
{
    int r = prepare_folders(store, error);

    if (r < 0)
        return r;
    store->file_next = 1;
    r = read_all(store);
    if (r < 0) {
        explain(store, r, error);
        return r;
    }
    store->recovery.recipients_count = queue_recipients_count(store->queue);
    store->recovery.campaigns_count = queue_campaigns_count(store->queue);
    if (store->recovery.from_checkpoint) /* it is not due at once */
        store->checkpoint.recipients_at_last = queue_recipients_count(store->queue);
    return 0;
}
