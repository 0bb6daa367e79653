#include "engine/snapshot.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "engine/tag.h"

static uint64_t tag(const struct snapshot *snapshot)
{
    return tag_of(TAG_SNAPSHOT, snapshot->number);
}

static enum snapshot_state fail(struct snapshot *snapshot, int error)
{
    snapshot->error = error;
    snapshot->retry_ns = io_now_ns(snapshot->io) + SNAPSHOT_RETRY_NS;
    return SNAPSHOT_IDLE;
}

static enum snapshot_state close_file(struct snapshot *snapshot, int error)
{
    if (error != 0)
        (void)fail(snapshot, error); /* the state is the closing's */
    io_shut(snapshot->io, tag(snapshot), snapshot->file);
    snapshot->file = -1;
    return SNAPSHOT_CLOSING;
}

static enum snapshot_state create(struct snapshot *snapshot)
{
    struct io_file_options options = {.path = snapshot->fresh, .mode = IO_FILE_CREATE};

    io_file(snapshot->io, tag(snapshot), &options);
    return SNAPSHOT_CREATING;
}

static enum snapshot_state write_piece(struct snapshot *snapshot)
{
    text_reset(&snapshot->piece);
    snapshot->last = snapshot->producer(snapshot->context, &snapshot->cursor, &snapshot->piece);
    CHECK(!snapshot->piece.overflow && (snapshot->last || snapshot->piece.size > 0));
    io_write(snapshot->io, tag(snapshot), snapshot->file, text_span(&snapshot->piece),
             snapshot->offset);
    return SNAPSHOT_WRITING;
}

static enum snapshot_state on_created(struct snapshot *snapshot, int32_t result)
{
    if (result < 0)
        return fail(snapshot, result);
    snapshot->file = result;
    snapshot->offset = 0;
    snapshot->cursor = 0;
    return write_piece(snapshot);
}

static enum snapshot_state on_written(struct snapshot *snapshot, int32_t result)
{
    if (result < 0)
        return close_file(snapshot, result);
    if ((size_t)result < snapshot->piece.size)
        return close_file(snapshot, -EIO);
    snapshot->offset += snapshot->piece.size;
    if (!snapshot->last)
        return write_piece(snapshot);
    if (!snapshot->sync)
        return close_file(snapshot, 0);
    io_sync(snapshot->io, tag(snapshot), snapshot->file);
    return SNAPSHOT_SYNCING;
}

static enum snapshot_state on_closed(struct snapshot *snapshot)
{
    if (snapshot->error != 0)
        return SNAPSHOT_IDLE;
    io_rename(snapshot->io, tag(snapshot), snapshot->fresh, snapshot->path);
    return SNAPSHOT_NAMING;
}

static enum snapshot_state on_named(struct snapshot *snapshot, int32_t result)
{
    if (result < 0)
        return fail(snapshot, result);
    snapshot->written_count++;
    return SNAPSHOT_IDLE;
}

static enum snapshot_state next_state(struct snapshot *snapshot, int32_t result)
{
    switch (snapshot->state) {
    case SNAPSHOT_IDLE:
        break;
    case SNAPSHOT_CLEARING:
        return result == 0 || result == -ENOENT ? create(snapshot) : fail(snapshot, result);
    case SNAPSHOT_CREATING:
        return on_created(snapshot, result);
    case SNAPSHOT_WRITING:
        return on_written(snapshot, result);
    case SNAPSHOT_SYNCING:
        return close_file(snapshot, result < 0 ? result : 0);
    case SNAPSHOT_CLOSING:
        return on_closed(snapshot);
    case SNAPSHOT_NAMING:
        return on_named(snapshot, result);
    }
    UNREACHABLE("an event for a file that is not being written");
}

int snapshot_init(struct snapshot *snapshot, const struct snapshot_options *options)
{
    struct text path, fresh;

    memset(snapshot, 0, sizeof(*snapshot));
    text_init(&path, snapshot->path, sizeof(snapshot->path) - 1);
    text_init(&fresh, snapshot->fresh, sizeof(snapshot->fresh) - 1);
    text_add(&path, options->path);
    text_add(&fresh, options->path);
    text_add_cstr(&fresh, ".new");
    if (path.overflow || fresh.overflow)
        return -ENAMETOOLONG;
    snapshot->io = options->io;
    snapshot->number = options->number;
    snapshot->sync = options->sync;
    snapshot->file = -1;
    snapshot->producer = options->producer;
    snapshot->context = options->context;
    text_init(&snapshot->piece, options->buffer, SNAPSHOT_BUFFER_SIZE);
    return 0;
}

void snapshot_start(struct snapshot *snapshot)
{
    if (snapshot->state != SNAPSHOT_IDLE || io_now_ns(snapshot->io) < snapshot->retry_ns)
        return;
    snapshot->error = 0;
    snapshot->state = SNAPSHOT_CLEARING;
    io_unlink(snapshot->io, tag(snapshot), snapshot->fresh);
}

bool snapshot_event(struct snapshot *snapshot, const struct io_event *event)
{
    uint64_t before = snapshot->written_count;

    snapshot->state = next_state(snapshot, event->result);
    return snapshot->written_count > before;
}

bool snapshot_is_idle(const struct snapshot *snapshot)
{
    return snapshot->state == SNAPSHOT_IDLE;
}
