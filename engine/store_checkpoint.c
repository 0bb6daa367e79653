#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "engine/store_parts.h"

#define BLOCKS_RUNNING 4 /* a write while shards copy them, which must not stall them */
#define RETRY_NS (60 * NS_PER_S)
#define RECIPIENTS_MORE 1000000 /* a load of so many is worth a checkpoint */
#define SIZES_JOURNALED 4       /* ...and so many times its size in journals */

size_t store_parts_checkpoint_cost(const struct store_options *options)
{
    return arena_cost(checkpoint_memory_size(&options->limits, STORE_PARTS_JOURNALS), 1) +
           arena_cost(checkpoint_crcs_count(&options->limits, STORE_PARTS_JOURNALS),
                      sizeof(uint32_t)) +
           arena_cost(STORE_PARTS_JOURNALS, sizeof(struct checkpoint_cover)) +
           arena_cost(STORE_PARTS_BLOCKS_AT_REST, CHECKPOINT_BLOCK);
}

void store_parts_checkpoint_init(struct store *store, struct arena *arena)
{
    struct store_checkpoint *checkpoint = &store->checkpoint;
    struct checkpoint_memory *memory = &checkpoint->memory;

    memory->size = checkpoint_memory_size(&store->options.limits, STORE_PARTS_JOURNALS);
    memory->data = arena_alloc(arena, memory->size, 1);
    memory->crcs_count = checkpoint_crcs_count(&store->options.limits, STORE_PARTS_JOURNALS);
    memory->crcs = arena_alloc(arena, memory->crcs_count, sizeof(uint32_t));
    checkpoint->covers = arena_alloc(arena, STORE_PARTS_JOURNALS, sizeof(struct checkpoint_cover));
    checkpoint->data = arena_alloc(arena, STORE_PARTS_BLOCKS_AT_REST, CHECKPOINT_BLOCK);
    checkpoint->file = -1;
    checkpoint->folder = -1;
}

void store_parts_checkpoint_path(const struct store *store, uint64_t number, struct text *path)
{
    text_add_cstr(path, store->folder);
    text_add_cstr(path, "/checkpoint.");
    if (number == 0)
        text_add_cstr(path, "new");
    else
        text_add_hex(path, number, 16);
    (void)text_cstr_end(path);
}

static const char *make_path(struct store *store, uint64_t number)
{
    struct text text;

    text_init(&text, store->checkpoint.path, sizeof(store->checkpoint.path));
    store_parts_checkpoint_path(store, number, &text);
    return store->checkpoint.path;
}

static uint64_t tag_of(const struct store *store)
{
    return store->options.tag_base + STORE_TAG_CHECKPOINT;
}

static uint64_t ignored_tag(const struct store *store)
{
    return store->options.tag_base + STORE_TAG_IGNORED;
}

static uint64_t journaled_bytes(const struct store *store)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < store->options.limits.shards_count; i++)
        bytes += store->shards[i].progress.bytes;
    return bytes;
}

/* --- what it covers --- */

static void cover_segments(struct store *store)
{
    for (uint32_t i = 0; i < LANES_COUNT; i++) {
        const struct store_lane *lane = &store->lanes[i];

        if (lane->slot != QUEUE_NONE && lane->log.state == STORE_LOG_OPEN &&
            store_log_quiet(&lane->log))
            queue_append_covered(store->queue, lane->slot, lane->log.appender.written);
    }
}

/* Files that are done with are covered to their end, those that are written to as far as they are
 * durable: what is in the tables beyond that is applied once more, which changes nothing. */
static struct checkpoint_journals cover_journals(struct store *store, bool at_rest)
{
    struct checkpoint_cover *covers = store->checkpoint.covers;
    const struct store_log *control = &store->control;

    if (control->state != STORE_LOG_NONE && control->appender.file != 0) {
        struct store_journal *journal = store_parts_journal(store, control->appender.file);

        if (journal != NULL) {
            journal->part = RECORD_PART_CONTROL;
            journal->live = !at_rest;
            journal->end = store_log_durable_offset(control);
        }
    }
    for (uint32_t i = 0; i < store->journals_count; i++) {
        const struct store_journal *journal = &store->journals[i];

        covers[i] = (struct checkpoint_cover){
            .file = journal->file,
            .offset = journal->live && !at_rest ? journal->end : UINT64_MAX,
        };
    }
    return (struct checkpoint_journals){covers, store->journals_count};
}

void store_parts_checkpoint_begin(struct store *store, bool at_rest)
{
    struct store_checkpoint *checkpoint = &store->checkpoint;
    struct checkpoint_journals journals;
    struct record_file file = {
        .kind = RECORD_FILE_CHECKPOINT,
        .id = checkpoint->number + 1,
        .created_ns = io_wall_ns(store->io),
    };

    CHECK(checkpoint->step == STORE_CHECKPOINT_IDLE);
    cover_segments(store);
    journals = cover_journals(store, at_rest);
    checkpoint_begin(&checkpoint->writer, store->queue, &file, &journals, &checkpoint->memory);
    checkpoint->writer.clean = at_rest;
    checkpoint->at_rest = at_rest;
    checkpoint->block = 0;
    checkpoint->error = 0;
    checkpoint->bytes_at_last = journaled_bytes(store);
    checkpoint->recipients_at_last = queue_recipients_count(store->queue);
    memset(checkpoint->settled, 0, sizeof(checkpoint->settled));
    io_unlink(store->io, tag_of(store), make_path(store, 0));
    checkpoint->step = STORE_CHECKPOINT_UNLINK;
}

/* --- the steps --- */

static void close_file(struct store *store)
{
    if (store->checkpoint.file >= 0)
        io_shut(store->io, ignored_tag(store), store->checkpoint.file);
    store->checkpoint.file = -1;
}

static enum store_checkpoint_step fail(struct store *store, int error)
{
    store->checkpoint.error = error;
    store->checkpoint.retry_ns = io_now_ns(store->io) + RETRY_NS;
    close_file(store);
    io_unlink(store->io, ignored_tag(store), make_path(store, 0));
    return STORE_CHECKPOINT_IDLE;
}

static enum store_checkpoint_step create(struct store *store)
{
    const struct io_file_options options = {
        .path = make_path(store, 0),
        .mode = IO_FILE_CREATE,
        .preallocate = store->checkpoint.writer.size,
    };

    io_file(store->io, tag_of(store), &options);
    return STORE_CHECKPOINT_CREATE;
}

static enum store_checkpoint_step write_data(struct store *store)
{
    struct store_checkpoint *checkpoint = &store->checkpoint;

    for (uint64_t i = 0; i < checkpoint->data_blocks; i++)
        checkpoint_add_crc(&checkpoint->writer, checkpoint->block + i,
                           checkpoint->data + i * CHECKPOINT_BLOCK);
    io_write(store->io, tag_of(store), checkpoint->file,
             span_make(checkpoint->data, (size_t)checkpoint->data_blocks * CHECKPOINT_BLOCK),
             checkpoint_block_offset(checkpoint->block));
    return STORE_CHECKPOINT_WRITE;
}

static enum store_checkpoint_step write_trailer(struct store *store)
{
    uint64_t offset;
    struct span trailer = checkpoint_trailer(&store->checkpoint.writer, &offset);

    io_write(store->io, tag_of(store), store->checkpoint.file, trailer, offset);
    return STORE_CHECKPOINT_TRAILER;
}

static enum store_checkpoint_step write_header(struct store *store)
{
    checkpoint_header(&store->checkpoint.writer, store->checkpoint.data);
    io_write(store->io, tag_of(store), store->checkpoint.file,
             span_make(store->checkpoint.data, RECORD_PAGE), 0);
    return STORE_CHECKPOINT_HEADER;
}

static void order_copies(struct store *store)
{
    struct store_checkpoint *checkpoint = &store->checkpoint;
    const struct store_order order = {
        .kind = STORE_ORDER_COPY,
        .writer = &checkpoint->writer,
        .block = checkpoint->block,
        .blocks_count = checkpoint->data_blocks,
        .data = checkpoint->data,
    };

    for (uint32_t i = 0; i < store->options.limits.shards_count; i++) {
        struct store_shard *shard = &store->shards[i];

        if (checkpoint->ordered[i] || !channel_send(&shard->orders, &order))
            continue;
        checkpoint->ordered[i] = true;
        if (shard->wake_index != STORE_NO_WAKE)
            io_wake(store->io, shard->wake_index);
    }
}

/* The next blocks: the store's own tables at once, entries by the shards. */
static enum store_checkpoint_step fill(struct store *store)
{
    struct store_checkpoint *checkpoint = &store->checkpoint;
    struct checkpoint_writer *writer = &checkpoint->writer;
    uint64_t entry_blocks = checkpoint_entry_blocks(writer);
    bool entries = checkpoint->block < entry_blocks;
    uint64_t end = entries ? entry_blocks : writer->blocks_count;

    if (checkpoint->block == writer->blocks_count)
        return write_trailer(store);
    checkpoint->data_blocks = min_u64(
        end - checkpoint->block, checkpoint->at_rest ? STORE_PARTS_BLOCKS_AT_REST : BLOCKS_RUNNING);
    memset(checkpoint->data, 0, (size_t)checkpoint->data_blocks * CHECKPOINT_BLOCK);
    if (entries && !checkpoint->at_rest) {
        checkpoint->copies_left = store->options.limits.shards_count;
        memset(checkpoint->ordered, 0, sizeof(checkpoint->ordered));
        order_copies(store);
        return STORE_CHECKPOINT_FILL;
    }
    for (uint64_t i = 0; i < checkpoint->data_blocks; i++) {
        uint8_t *data = checkpoint->data + i * CHECKPOINT_BLOCK;

        if (entries)
            checkpoint_fill_entries(writer, checkpoint->block + i, QUEUE_NONE, data);
        else
            checkpoint_fill(writer, checkpoint->block + i, data);
    }
    return write_data(store);
}

static enum store_checkpoint_step rename_it(struct store *store)
{
    struct text from;
    char path[STORE_LOG_PATH_MAX];

    close_file(store);
    text_init(&from, path, sizeof(path));
    store_parts_checkpoint_path(store, 0, &from);
    io_rename(store->io, tag_of(store), path, make_path(store, store->checkpoint.writer.file.id));
    return STORE_CHECKPOINT_RENAME;
}

static enum store_checkpoint_step open_folder(struct store *store)
{
    const struct io_file_options options = {.path = store->folder, .mode = IO_FILE_FOLDER};

    if (store->checkpoint.folder >= 0) {
        io_sync(store->io, tag_of(store), store->checkpoint.folder);
        return STORE_CHECKPOINT_FOLDER_SYNC;
    }
    io_file(store->io, tag_of(store), &options);
    return STORE_CHECKPOINT_FOLDER;
}

/* It counts: the one before it is of no use any more. */
static enum store_checkpoint_step finish(struct store *store)
{
    struct store_checkpoint *checkpoint = &store->checkpoint;

    if (checkpoint->number != 0)
        io_unlink(store->io, ignored_tag(store), make_path(store, checkpoint->number));
    checkpoint->number = checkpoint->writer.file.id;
    if (checkpoint->at_rest && checkpoint->folder >= 0) {
        io_shut(store->io, ignored_tag(store), checkpoint->folder);
        checkpoint->folder = -1;
    }
    return STORE_CHECKPOINT_IDLE;
}

/* The tables are in the file: it may count when the journals know everything that it knows. */
static enum store_checkpoint_step settled(struct store *store)
{
    if (store->checkpoint.at_rest)
        for (uint32_t i = 0; i < store->options.limits.shards_count; i++)
            store->checkpoint.settled[i] = store->shards[i].settled_count;
    store->checkpoint.states_count = store->control.appender.added_count;
    return STORE_CHECKPOINT_SETTLE;
}

static enum store_checkpoint_step after(struct store *store, int result)
{
    struct store_checkpoint *checkpoint = &store->checkpoint;
    bool syncs = store->options.durability == STORE_DURABLE;

    switch (checkpoint->step) {
    case STORE_CHECKPOINT_UNLINK:
        return create(store);
    case STORE_CHECKPOINT_CREATE:
        checkpoint->file = result;
        return fill(store);
    case STORE_CHECKPOINT_WRITE:
        checkpoint->block += checkpoint->data_blocks;
        return fill(store);
    case STORE_CHECKPOINT_TRAILER:
        return write_header(store);
    case STORE_CHECKPOINT_HEADER:
        if (!syncs)
            return settled(store);
        io_sync(store->io, tag_of(store), checkpoint->file);
        return STORE_CHECKPOINT_SYNC;
    case STORE_CHECKPOINT_SYNC:
        return settled(store);
    case STORE_CHECKPOINT_RENAME:
        return syncs ? open_folder(store) : finish(store);
    case STORE_CHECKPOINT_FOLDER:
        checkpoint->folder = result;
        return open_folder(store);
    case STORE_CHECKPOINT_FOLDER_SYNC:
        return finish(store);
    case STORE_CHECKPOINT_IDLE:
    case STORE_CHECKPOINT_FILL:
    case STORE_CHECKPOINT_SETTLE:
        break;
    }
    UNREACHABLE("an event for a checkpoint that waits for none");
}

void store_parts_checkpoint_event(struct store *store, const struct io_event *event)
{
    struct store_checkpoint *checkpoint = &store->checkpoint;

    if (event->result < 0 && checkpoint->step != STORE_CHECKPOINT_UNLINK)
        checkpoint->step = fail(store, event->result);
    else
        checkpoint->step = after(store, event->result);
    store_parts_checkpoint_step(store);
}

static bool all_settled(const struct store *store)
{
    for (uint32_t i = 0; i < store->options.limits.shards_count; i++)
        if (store->shards[i].progress.durable_count < store->checkpoint.settled[i])
            return false;
    return store_log_durable_count(&store->control) >= store->checkpoint.states_count;
}

static bool is_due(const struct store *store)
{
    const struct store_checkpoint *checkpoint = &store->checkpoint;

    if (store->options.durability == STORE_MEMORY || store->shards_closed ||
        io_now_ns(store->io) < checkpoint->retry_ns)
        return false;
    for (uint32_t i = 0; i < LANES_COUNT; i++)
        if (store_parts_loading(&store->lanes[i]))
            return false;
    for (uint32_t i = 0; i < store->options.limits.shards_count; i++)
        if (store->shards[i].progress.kind != STORE_REPORT_PROGRESS)
            return false; /* it does not run yet */
    return journaled_bytes(store) - checkpoint->bytes_at_last >= store->options.checkpoint_bytes ||
           queue_recipients_count(store->queue) - checkpoint->recipients_at_last >= RECIPIENTS_MORE;
}

void store_parts_checkpoint_step(struct store *store)
{
    struct store_checkpoint *checkpoint = &store->checkpoint;

    switch (checkpoint->step) {
    case STORE_CHECKPOINT_IDLE:
        if (is_due(store))
            store_parts_checkpoint_begin(store, false);
        return;
    case STORE_CHECKPOINT_FILL:
        if (checkpoint->copies_left == 0)
            checkpoint->step = write_data(store);
        else if (store->shards_closed)
            checkpoint->step = fail(store, -ECANCELED); /* the last one follows */
        else
            order_copies(store);
        return;
    case STORE_CHECKPOINT_SETTLE:
        if (all_settled(store))
            checkpoint->step = rename_it(store);
        else if (store->shards_closed)
            checkpoint->step = fail(store, -EIO); /* journals are the truth, not this */
        return;
    case STORE_CHECKPOINT_UNLINK:
    case STORE_CHECKPOINT_CREATE:
    case STORE_CHECKPOINT_WRITE:
    case STORE_CHECKPOINT_TRAILER:
    case STORE_CHECKPOINT_HEADER:
    case STORE_CHECKPOINT_SYNC:
    case STORE_CHECKPOINT_RENAME:
    case STORE_CHECKPOINT_FOLDER:
    case STORE_CHECKPOINT_FOLDER_SYNC:
        return;
    }
    UNREACHABLE("checkpoint step");
}
