/* exporter.h - durable events, written as NDJSON files with a durable cursor.
 *
 * The journals are the truth; the files are an export that may be made again. Events are written to
 * <directory>/events-<n>.ndjson and synced, then the cursor (two slots in <directory>/cursor, the
 * newer good one counts) is written and synced. After a crash the same octets are written again at
 * the same place: a reader of the files sees every event once, complete lines only below the
 * cursor's offset.
 *
 *   CLOSED -> OPENING -> IDLE -> WRITING -> SYNCING -> MARKING -> MARKED -> IDLE
 *   any -> FAILED (a full disk, say): tried again every second; nothing is dropped
 *
 * Belongs to the store's thread. Also counts reasons into a summary as they pass. */
#ifndef ENGINE_EXPORTER_H
#define ENGINE_EXPORTER_H

#include "engine/store.h"
#include "engine/summary.h"
#include "io/io.h"

#define EXPORTER_BUFFER_SIZE ((size_t)1024 * 1024)
#define EXPORTER_FILE_MAX ((uint64_t)256 * 1024 * 1024)
#define EXPORTER_CURSOR_SIZE ((size_t)8192)
#define EXPORTER_PATH_MAX 1100

enum exporter_state {
    EXPORTER_IDLE,    /* nothing in flight */
    EXPORTER_OPENING, /* the next events file is being opened */
    EXPORTER_WRITING, /* events are being written */
    EXPORTER_SYNCING, /* ...and made durable */
    EXPORTER_MARKING, /* the cursor is being written */
    EXPORTER_MARKED,  /* ...and made durable */
    EXPORTER_FAILED   /* waits to try again */
};

struct exporter {
    enum exporter_state state;
    struct io *io;
    struct store *store;
    bool sync;
    int error; /* -errno of the last failure, 0: none */
    int file;  /* of events, -1: none */
    int cursor_file;
    uint32_t file_number;
    uint64_t file_offset; /* where the next octet goes */
    uint64_t sequence;    /* of the cursor */
    uint64_t retry_ns;
    uint64_t next_ns; /* not before: gathers */
    bool drained;     /* the last look found no more events */
    uint64_t events_count;
    struct store_cursor cursor; /* behind what is in the buffer */
    struct summary summary;
    struct text text;
    char directory[1024];
    uint8_t *buffer;        /* EXPORTER_BUFFER_SIZE + one event */
    uint8_t *cursor_buffer; /* EXPORTER_CURSOR_SIZE */
};

/* Makes the folder, reads the cursor; waits on nothing but synchronous calls. 0 or -errno. */
MUST_USE int exporter_open(struct exporter *exporter, struct io *io, struct store *store,
                           const char *directory, bool sync, struct text *error);
void exporter_close(struct exporter *exporter);
/* Takes an event whose op is TAG_EXPORT_*. */
void exporter_event(struct exporter *exporter, const struct io_event *event);
void exporter_turn(struct exporter *exporter);
/* The shards are closed: looks once more, at once, before it is quiet. */
void exporter_drain(struct exporter *exporter);
MUST_USE uint64_t exporter_deadline_ns(const struct exporter *exporter);
/* Everything durable has been exported, nothing is in flight. */
MUST_USE bool exporter_quiet(const struct exporter *exporter);

#endif
