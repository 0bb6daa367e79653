/* store_log.h - one append-only sequence of files: makes them, writes and syncs their batches.
 *
 * Joins an appender (queue/appender.h) with io/io.h. Knows nothing of what records say. At most one
 * operation is under way; its event comes back with the log's tag.
 *
 *   NONE -> FOLDER -> CREATE -> HEADER -> HEADER_SYNC -> FOLDER_SYNC -> OPEN
 *   OPEN -> CREATE (the file is full)    any -> FAILED -> CREATE (a second later, `renewing` logs)
 *
 * A failed write or sync is final for its file: what was not durable is still in memory and goes to
 * the next one. */
#ifndef ENGINE_STORE_LOG_H
#define ENGINE_STORE_LOG_H

#include "base/arena.h"
#include "engine/store.h"
#include "io/io.h"
#include "queue/appender.h"
#include "queue/record.h"

#define STORE_LOG_PATH_MAX 4096

enum store_log_state {
    STORE_LOG_NONE = 0,
    STORE_LOG_FOLDER,      /* the folder is being opened, for its syncs */
    STORE_LOG_CREATE,      /* the file is being made and preallocated */
    STORE_LOG_HEADER,      /* its header page is being written */
    STORE_LOG_HEADER_SYNC, /* ...and synced */
    STORE_LOG_FOLDER_SYNC, /* its name is being made durable */
    STORE_LOG_OPEN,        /* batches are written; see appender.state */
    STORE_LOG_FAILED,      /* the file is given up: `error` */
};

struct store_log_options {
    const char *spool;
    enum record_file_kind kind;
    uint32_t part;
    enum store_durability durability;
    bool renewing;        /* a journal: makes new files itself, syncs every batch */
    uint64_t interval_ns; /* records wait at most this long */
    size_t write_size;    /* ...or until so many bytes are there */
    uint64_t size_first;  /* of the first file; each is four times larger, up to... */
    uint64_t size_max;
    uint64_t id_first;               /* of the first file */
    uint64_t id_step;                /* so that several logs draw from disjoint numbers */
    struct record_features features; /* of files made from now on */
};

struct store_log {
    struct store_log_options options;
    struct appender appender;
    enum store_log_state state;
    struct io *io;
    uint64_t tag;
    uint64_t ignored_tag;
    int folder; /* handles, or -1 */
    int file;
    uint64_t id; /* of the file; of the next one while there is none */
    uint64_t size;
    uint64_t size_next;
    uint64_t id_next;
    uint8_t *page;
    struct span parts[2];
    uint64_t offset; /* of the part being written */
    uint64_t oldest_ns;
    uint64_t retry_ns;
    uint64_t sealed_count; /* records, when the last seal was added */
    bool flush;            /* write what is gathered at once */
    bool sync_wanted;      /* logs that do not sync every batch: make everything durable */
    bool full;             /* of a log that does not renew itself: the batch does not fit */
    int error;
    uint64_t sync_begun_ns;
    struct store_traffic traffic;
    char path[STORE_LOG_PATH_MAX];
};

size_t store_log_cost(size_t capacity);
void store_log_init(struct store_log *log, struct arena *arena, size_t capacity,
                    const struct store_log_options *options);
/* Tags for its operations, and for those whose end nobody waits for. */
void store_log_attach(struct store_log *log, struct io *io, uint64_t tag, uint64_t ignored_tag);

/* Records were added at now_ns. */
void store_log_added(struct store_log *log, uint64_t now_ns);
/* Adds a record that says nothing: the watermark of its batch makes damage to what is durable by
 * then tell itself from a torn tail. It need not be durable itself. */
void store_log_seal(struct store_log *log, uint64_t now_ns);
/* Another file of at least `size_min` bytes; nothing is under way in the present one. */
void store_log_renew(struct store_log *log, uint64_t size_min);
void store_log_event(struct store_log *log, const struct io_event *event);
/* Takes the next step that is due: to be called after events and in every tick. */
void store_log_step(struct store_log *log, uint64_t now_ns);
uint64_t store_log_deadline_ns(const struct store_log *log);
/* Nothing to write, to sync or to wait for. */
bool store_log_quiet(const struct store_log *log);
/* Records that are as safe as the durability says, since the start. */
uint64_t store_log_durable_count(const struct store_log *log);
/* End of what is as safe in the present file. */
uint64_t store_log_durable_offset(const struct store_log *log);
/* The path of a file in the spool. */
void store_log_path(const char *spool, enum record_file_kind kind, uint64_t id, struct text *path);
/* Adds its traffic to *sum. */
void store_log_traffic(const struct store_log *log, struct store_traffic *sum);
/* Closes the handles. */
void store_log_close(struct store_log *log);

#endif
