#include "engine/store_log.h"

#include <errno.h>

#include "base/check.h"

#define RETRY_NS NS_PER_S
#define GROWTH 4
#define NEVER_FULL (UINT64_MAX / 2)

size_t store_log_cost(size_t capacity)
{
    return 2 * arena_cost(capacity, 1) + arena_cost(RECORD_PAGE, 1);
}

void store_log_init(struct store_log *log, struct arena *arena, size_t capacity,
                    const struct store_log_options *options)
{
    void *first = arena_alloc(arena, capacity, 1);
    void *second = arena_alloc(arena, capacity, 1);

    *log = (struct store_log){
        .options = *options,
        .folder = -1,
        .file = -1,
        .size_next = options->size_first,
        .id_next = options->id_first,
    };
    appender_init(&log->appender, first, second, capacity);
    log->page = arena_alloc(arena, RECORD_PAGE, 1);
}

void store_log_attach(struct store_log *log, struct io *io, uint64_t tag, uint64_t ignored_tag)
{
    log->io = io;
    log->tag = tag;
    log->ignored_tag = ignored_tag;
}

void store_log_path(const char *spool, enum record_file_kind kind, uint64_t id, struct text *path)
{
    text_add_cstr(path, spool);
    text_add_cstr(path, kind == RECORD_FILE_SEGMENT ? "/segments/" : "/journals/");
    text_add_hex(path, id, 16);
    text_add_cstr(path, kind == RECORD_FILE_SEGMENT ? ".seg" : ".jnl");
    (void)text_cstr_end(path);
}

/* In memory mode journals go nowhere; segments are written, because they are read by mapping. */
static bool goes_nowhere(const struct store_log *log)
{
    return log->options.durability == STORE_MEMORY && log->options.kind == RECORD_FILE_JOURNAL;
}

static bool syncs(const struct store_log *log)
{
    return log->options.durability == STORE_DURABLE;
}

static void close_file(struct store_log *log)
{
    if (log->file >= 0)
        io_shut(log->io, log->ignored_tag, log->file);
    log->file = -1;
}

static enum store_log_state fail(struct store_log *log, int error)
{
    log->error = error;
    log->retry_ns = io_now_ns(log->io) + RETRY_NS;
    close_file(log);
    return STORE_LOG_FAILED;
}

static enum store_log_state create(struct store_log *log)
{
    struct io_file_options options = {.path = log->path, .mode = IO_FILE_CREATE};
    struct text path;

    log->id = log->id_next;
    log->id_next += log->options.id_step;
    text_init(&path, log->path, sizeof(log->path));
    store_log_path(log->options.spool, log->options.kind, log->id, &path);
    if (path.overflow)
        return fail(log, -ENAMETOOLONG);
    options.preallocate = log->size;
    io_file(log->io, log->tag, &options);
    return STORE_LOG_CREATE;
}

static enum store_log_state open_folder(struct store_log *log)
{
    struct io_file_options options = {.path = log->path, .mode = IO_FILE_FOLDER};
    struct text path;

    if (log->folder >= 0)
        return create(log);
    text_init(&path, log->path, sizeof(log->path));
    text_add_cstr(&path, log->options.spool);
    text_add_cstr(&path, log->options.kind == RECORD_FILE_SEGMENT ? "/segments" : "/journals");
    (void)text_cstr_end(&path);
    if (path.overflow)
        return fail(log, -ENAMETOOLONG);
    io_file(log->io, log->tag, &options);
    return STORE_LOG_FOLDER;
}

void store_log_renew(struct store_log *log, uint64_t size_min)
{
    CHECK(log->state == STORE_LOG_NONE || log->state == STORE_LOG_OPEN ||
          log->state == STORE_LOG_FAILED);
    close_file(log);
    log->full = false;
    if (goes_nowhere(log)) {
        appender_open(&log->appender, log->id_next, NEVER_FULL);
        log->state = STORE_LOG_OPEN;
        return;
    }
    log->size = max_u64(log->size_next, size_min);
    log->size = (log->size + RECORD_PAGE - 1) / RECORD_PAGE * RECORD_PAGE;
    log->size_next = min_u64(log->size_next * GROWTH, log->options.size_max);
    log->state = open_folder(log);
}

static enum store_log_state write_header(struct store_log *log)
{
    const struct record_file file = {
        .kind = log->options.kind,
        .part = log->options.part,
        .id = log->id,
        .size = log->size,
        .created_ns = io_wall_ns(log->io),
        .features = log->options.features,
    };

    record_write_file(&file, log->page);
    io_write(log->io, log->tag, log->file, span_make(log->page, RECORD_PAGE), 0);
    return STORE_LOG_HEADER;
}

static enum store_log_state opened(struct store_log *log)
{
    log->error = 0;
    appender_open(&log->appender, log->id, log->size);
    return STORE_LOG_OPEN;
}

/* The file that could not be finished is of no use to anybody. */
static enum store_log_state give_up(struct store_log *log, int error)
{
    enum store_log_state state = fail(log, error);

    io_unlink(log->io, log->ignored_tag, log->path);
    return state;
}

/* --- batches --- */

static void write_part(struct store_log *log)
{
    io_write(log->io, log->tag, log->file, log->parts[0], log->offset);
}

static void sync_batches(struct store_log *log)
{
    appender_sync(&log->appender);
    log->sync_begun_ns = io_now_ns(log->io);
    io_sync(log->io, log->tag, log->file);
}

static void count_sync(struct store_log *log)
{
    uint64_t took_ns = io_now_ns(log->io) - log->sync_begun_ns;

    log->traffic.syncs_count++;
    log->traffic.sync_ns += took_ns;
    log->traffic.sync_max_ns = max_u64(log->traffic.sync_max_ns, took_ns);
}

/* After a batch is written: make it durable, or go on. */
static void settle_batch(struct store_log *log)
{
    appender_wrote(&log->appender);
    if (syncs(log) && log->options.renewing) {
        sync_batches(log);
        return;
    }
    appender_forget(&log->appender);
}

static enum store_log_state batch_event(struct store_log *log, int result)
{
    if (result < 0) {
        appender_fail(&log->appender);
        return fail(log, result);
    }
    if (log->appender.state == APPENDER_SYNCING) {
        count_sync(log);
        appender_synced(&log->appender);
        return STORE_LOG_OPEN;
    }
    CHECK(log->appender.state == APPENDER_WRITING);
    if ((size_t)result != log->parts[0].size) {
        appender_fail(&log->appender);
        return fail(log, -EIO);
    }
    log->offset += log->parts[0].size;
    log->parts[0] = log->parts[1];
    log->parts[1] = (struct span){0};
    if (log->parts[0].size > 0)
        write_part(log);
    else
        settle_batch(log);
    return STORE_LOG_OPEN;
}

static enum store_log_state next_state(struct store_log *log, int result)
{
    switch (log->state) {
    case STORE_LOG_FOLDER:
        if (result < 0)
            return fail(log, result);
        log->folder = result;
        return create(log);
    case STORE_LOG_CREATE:
        if (result == -EEXIST)
            return create(log);
        if (result < 0)
            return fail(log, result);
        log->file = result;
        return write_header(log);
    case STORE_LOG_HEADER:
        if (result < 0)
            return give_up(log, result);
        if (!syncs(log))
            return opened(log);
        io_sync(log->io, log->tag, log->file);
        return STORE_LOG_HEADER_SYNC;
    case STORE_LOG_HEADER_SYNC:
        if (result < 0)
            return give_up(log, result);
        io_sync(log->io, log->tag, log->folder);
        return STORE_LOG_FOLDER_SYNC;
    case STORE_LOG_FOLDER_SYNC:
        return result < 0 ? give_up(log, result) : opened(log);
    case STORE_LOG_OPEN:
        return batch_event(log, result);
    case STORE_LOG_NONE:
    case STORE_LOG_FAILED:
        break;
    }
    UNREACHABLE("an event for a log that waits for none");
}

void store_log_event(struct store_log *log, const struct io_event *event)
{
    log->state = next_state(log, event->result);
}

void store_log_added(struct store_log *log, uint64_t now_ns)
{
    if (log->oldest_ns == 0)
        log->oldest_ns = now_ns;
}

void store_log_seal(struct store_log *log, uint64_t now_ns)
{
    uint64_t offset;

    if (log->state != STORE_LOG_OPEN || log->appender.added_count == log->sealed_count ||
        appender_add(&log->appender, 0, &offset) == NULL)
        return;
    appender_added(&log->appender, RECORD_SEAL, 0);
    log->sealed_count = log->appender.added_count;
    store_log_added(log, now_ns);
    log->flush = true;
}

static size_t pending_size(const struct store_log *log)
{
    const struct appender *appender = &log->appender;

    if (appender->retry)
        return appender->buffers[appender->filling ^ 1].used;
    return appender->buffers[appender->filling].used +
           appender->buffers[appender->filling].tail.size;
}

static bool is_due(const struct store_log *log, uint64_t now_ns)
{
    return log->flush || log->appender.retry || pending_size(log) >= log->options.write_size ||
           now_ns >= log->oldest_ns + log->options.interval_ns;
}

static void take_batch(struct store_log *log)
{
    log->oldest_ns = 0;
    appender_take(&log->appender, log->parts, &log->offset);
    log->traffic.batches_count++;
    log->traffic.bytes += log->parts[0].size + log->parts[1].size;
    if (!goes_nowhere(log)) {
        write_part(log);
        return;
    }
    appender_wrote(&log->appender);
    appender_forget(&log->appender);
}

/* OPEN, and nothing is under way. */
static void step_open(struct store_log *log, uint64_t now_ns)
{
    if (appender_pending(&log->appender)) {
        if (!is_due(log, now_ns))
            return;
        if (appender_fits(&log->appender))
            take_batch(log);
        else if (log->options.renewing)
            store_log_renew(log, RECORD_PAGE + pending_size(log) + RECORD_PAGE);
        else
            log->full = true;
        return;
    }
    log->flush = false;
    if (!log->sync_wanted)
        return;
    if (!syncs(log) || log->appender.durable_offset == log->appender.written) {
        log->sync_wanted = false;
        return;
    }
    sync_batches(log);
}

void store_log_step(struct store_log *log, uint64_t now_ns)
{
    switch (log->state) {
    case STORE_LOG_NONE:
        if (log->options.renewing && appender_pending(&log->appender) && is_due(log, now_ns))
            store_log_renew(log, RECORD_PAGE + pending_size(log) + RECORD_PAGE);
        return;
    case STORE_LOG_OPEN:
        if (log->appender.state == APPENDER_IDLE)
            step_open(log, now_ns);
        return;
    case STORE_LOG_FAILED:
        if (log->options.renewing && now_ns >= log->retry_ns)
            store_log_renew(log, RECORD_PAGE + log->appender.capacity + RECORD_PAGE);
        return;
    case STORE_LOG_FOLDER:
    case STORE_LOG_CREATE:
    case STORE_LOG_HEADER:
    case STORE_LOG_HEADER_SYNC:
    case STORE_LOG_FOLDER_SYNC:
        return;
    }
    UNREACHABLE("log state");
}

uint64_t store_log_deadline_ns(const struct store_log *log)
{
    if (log->state == STORE_LOG_FAILED)
        return log->options.renewing ? log->retry_ns : UINT64_MAX;
    if ((log->state != STORE_LOG_OPEN && log->state != STORE_LOG_NONE) ||
        (log->state == STORE_LOG_OPEN && log->appender.state != APPENDER_IDLE))
        return UINT64_MAX; /* an event will come */
    if (!appender_pending(&log->appender))
        return log->sync_wanted ? 0 : UINT64_MAX;
    return is_due(log, 0) ? 0 : log->oldest_ns + log->options.interval_ns;
}

bool store_log_quiet(const struct store_log *log)
{
    if (appender_pending(&log->appender) || log->sync_wanted)
        return false;
    switch (log->state) {
    case STORE_LOG_NONE:
        return true;
    case STORE_LOG_FAILED:
        return log->appender.durable_count == log->appender.added_count;
    case STORE_LOG_OPEN:
        return log->appender.state == APPENDER_IDLE;
    case STORE_LOG_FOLDER:
    case STORE_LOG_CREATE:
    case STORE_LOG_HEADER:
    case STORE_LOG_HEADER_SYNC:
    case STORE_LOG_FOLDER_SYNC:
        return false;
    }
    UNREACHABLE("log state");
}

uint64_t store_log_durable_count(const struct store_log *log)
{
    return syncs(log) ? log->appender.durable_count : log->appender.written_count;
}

uint64_t store_log_durable_offset(const struct store_log *log)
{
    return syncs(log) ? log->appender.durable_offset : log->appender.written;
}

void store_log_traffic(const struct store_log *log, struct store_traffic *sum)
{
    sum->batches_count += log->traffic.batches_count;
    sum->bytes += log->traffic.bytes;
    sum->syncs_count += log->traffic.syncs_count;
    sum->sync_ns += log->traffic.sync_ns;
    sum->sync_max_ns = max_u64(sum->sync_max_ns, log->traffic.sync_max_ns);
}

void store_log_close(struct store_log *log)
{
    if (log->io == NULL)
        return;
    close_file(log);
    if (log->folder >= 0)
        io_shut(log->io, log->ignored_tag, log->folder);
    log->folder = -1;
    log->state = STORE_LOG_NONE;
}
