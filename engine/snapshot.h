/* snapshot.h - a small file that is always written as a whole: what a shard knows, for its next
 * life.
 *
 *   IDLE -> CLEARING -> CREATING -> WRITING -> SYNCING -> CLOSING -> NAMING -> IDLE
 *             any failure -> CLOSING or IDLE; tried again a minute later
 *
 * The bytes go to <path>.new, which then takes the name <path>: after a crash an old file is there
 * or the new one, whole. Whose bytes they are is the producer's business. What is lost with the
 * file can be learned again; so the new name is not waited for.
 *
 * One operation at a time; its events carry TAG_SNAPSHOT and the snapshot's number. Borrows io, the
 * paths' memory is its own, the buffer is lent at init. */
#ifndef ENGINE_SNAPSHOT_H
#define ENGINE_SNAPSHOT_H

#include "base/text.h"
#include "io/io.h"

#define SNAPSHOT_PATH_MAX 1100
#define SNAPSHOT_BUFFER_SIZE ((size_t)32 * 1024)
#define SNAPSHOT_RETRY_NS NS_PER_MINUTE

enum snapshot_state {
    SNAPSHOT_IDLE,     /* nothing in flight */
    SNAPSHOT_CLEARING, /* what a crash left behind is being removed */
    SNAPSHOT_CREATING, /* the new file is being made */
    SNAPSHOT_WRITING,  /* a piece is being written */
    SNAPSHOT_SYNCING,  /* all is written; it is being made durable */
    SNAPSHOT_CLOSING,  /* the file is being closed; `error` says whether it is whole */
    SNAPSHOT_NAMING    /* it is being given its name */
};

/* Adds the next piece to *out; *cursor is 0 at the start and the producer's own. True when that was
 * the last one. Each call must add something that fits, or be the last. */
typedef bool snapshot_producer(void *context, uint32_t *cursor, struct text *out);

struct snapshot {
    enum snapshot_state state;
    struct io *io;
    uint32_t number; /* in the tags */
    bool sync;
    int error; /* -errno of the last failure, 0: none */
    int file;
    uint32_t cursor;
    bool last; /* the piece in flight is the last one */
    uint64_t offset;
    uint64_t retry_ns; /* not before */
    uint64_t written_count;
    snapshot_producer *producer;
    void *context;
    struct text piece;
    char path[SNAPSHOT_PATH_MAX];
    char fresh[SNAPSHOT_PATH_MAX]; /* <path>.new */
};

struct snapshot_options {
    struct io *io;
    uint32_t number;
    bool sync;
    struct span path;
    uint8_t *buffer; /* SNAPSHOT_BUFFER_SIZE */
    snapshot_producer *producer;
    void *context;
};

/* -ENAMETOOLONG. Touches no file. */
MUST_USE int snapshot_init(struct snapshot *snapshot, const struct snapshot_options *options);
/* Starts writing; nothing while it is being written, or too soon after a failure. */
void snapshot_start(struct snapshot *snapshot);
/* An event whose op is TAG_SNAPSHOT and whose index is this one's number. True when the file has
 * been written whole with it. */
bool snapshot_event(struct snapshot *snapshot, const struct io_event *event);
MUST_USE bool snapshot_is_idle(const struct snapshot *snapshot);

#endif
