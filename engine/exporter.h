/* exporter.h - durable events, written as NDJSON files with a durable cursor.
 *
 * The journals are the truth; the files are an export that may be made again. Events are written to
 * <directory>/events-<n>.ndjson and synced, then the cursor (export_cursor.h, <directory>/cursor)
 * is written and synced. What a crash left behind the cursor is cut off when the exporter is opened
 * (exporter_open.c) and exported again: a file holds every event once and complete lines only,
 * but for its end while it is being written.
 *
 *   IDLE -> OPENING (-> NAMING) -> WRITING -> SYNCING -> MARKING -> MARKED -> IDLE
 *   any -> FAILED (a full disk, say): tried again every second; nothing is dropped
 *
 * Belongs to the store's thread. Also counts reasons into a summary as they pass. */
#ifndef ENGINE_EXPORTER_H
#define ENGINE_EXPORTER_H

#include "bounce/classify.h"
#include "engine/export_cursor.h"
#include "engine/store.h"
#include "engine/summary.h"
#include "io/io.h"

#define EXPORTER_BUFFER_SIZE ((size_t)1024 * 1024)
#define EXPORTER_MORE_SIZE ((size_t)1024 * 1024)
#define EXPORTER_FILE_MAX ((uint64_t)64 * 1024 * 1024)
#define EXPORTER_PATH_MAX 1100

enum exporter_state {
    EXPORTER_IDLE,    /* nothing in flight but closes */
    EXPORTER_OPENING, /* the next events file is being opened */
    EXPORTER_NAMING,  /* it is new: its name is being made durable */
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
    int error;  /* -errno of the last failure, 0: none */
    int folder; /* handles; -1: none */
    int file;   /* of events */
    int cursor_file;
    uint32_t in_flight; /* operations */
    uint64_t retry_ns;
    uint64_t next_ns; /* not before: gathers */
    bool drained;     /* the last look found no more events */
    bool hurried;
    bool stopping;
    uint64_t file_max; /* then the next file; EXPORTER_FILE_MAX */
    uint64_t events_count;
    struct export_cursor cursor;  /* as last marked */
    struct export_cursor marking; /* as it will be: behind what is in the buffer */
    struct summary summary;
    const struct classifier *classifier; /* lent by the policy in force; NULL: no classes */
    struct text text;
    char directory[1024];
    struct text more; /* lines that stand in no journal (what came back): the store's thread adds
                         them, and looks for room before; a crash may lose them */
    uint8_t *more_buffer;
    uint8_t *buffer; /* EXPORTER_BUFFER_SIZE + one event */
    uint8_t *slot;   /* EXPORT_CURSOR_SLOT_SIZE */
};

/* Makes the folder, reads the cursor, mends the last file; waits on `io` itself (the store's events
 * are given to it meanwhile). 0 or -errno with *error. Also after a failure: exporter_stop, _close.
 */
MUST_USE int exporter_open(struct exporter *exporter, struct io *io, struct store *store,
                           const char *directory, bool sync, struct text *error);
/* No more exports: ends what is in flight and closes the files, over the next turns. */
void exporter_stop(struct exporter *exporter);
MUST_USE bool exporter_stopped(const struct exporter *exporter);
/* After exporter_stopped, or when the io is gone. */
void exporter_close(struct exporter *exporter);
/* Takes an event whose op is TAG_EXPORT_*. */
void exporter_event(struct exporter *exporter, const struct io_event *event);
/* Once a turn. `hurry`: nothing more will come, do not gather. */
void exporter_turn(struct exporter *exporter, bool hurry);
MUST_USE uint64_t exporter_deadline_ns(const struct exporter *exporter);
/* Everything durable has been exported, nothing is in flight. */
MUST_USE bool exporter_quiet(const struct exporter *exporter);

/* For exporter_open.c: the path of an events file. */
void exporter_path(const struct exporter *exporter, struct text *path, uint32_t number);

#endif
