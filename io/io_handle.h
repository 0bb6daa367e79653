/* io_handle.h - the table of registered files, seen from our side; private to the kernel's back
 * end.
 *
 * The kernel chooses the place of each new file (IORING_FILE_INDEX_ALLOC), whether it comes from
 * accept, openat or a plain descriptor, so there is one allocator. Here stands what is under way on
 * each, so that io_shut can end it all before the close.
 *
 *   FREE -> OPEN -> DRAINING (io_shut; operations end) -> CLOSING (the kernel has the close) ->
 * FREE
 *
 * Borrows an arena. */
#ifndef IO_IO_HANDLE_H
#define IO_IO_HANDLE_H

#include "base/arena.h"
#include "base/ip.h"
#include "base/list.h"

struct io;
struct io_op;

enum io_handle_state {
    IO_HANDLE_FREE,     /* the kernel may give it out */
    IO_HANDLE_OPEN,     /* the caller's */
    IO_HANDLE_DRAINING, /* io_shut came; operations are still under way */
    IO_HANDLE_CLOSING,  /* nothing is under way but the close */
};

enum io_handle_kind {
    IO_HANDLE_STREAM,
    IO_HANDLE_DATAGRAM,
    IO_HANDLE_LISTENER,
    IO_HANDLE_FILE,
    IO_HANDLE_FOLDER,
};

struct io_handle {
    struct list ops;    /* under way, without the shut */
    struct io_op *shut; /* DRAINING, CLOSING */
    uint32_t peer_uid;  /* UINT32_MAX: unknown */
    struct ip peer;     /* family IP_NONE: unknown */
    uint16_t port;      /* local, 0: unknown */
    uint8_t state;      /* enum io_handle_state */
    uint8_t kind;       /* enum io_handle_kind */
    bool local;         /* AF_UNIX */
};

struct io_handles {
    struct io_handle *items;
    uint32_t count_max;
    uint32_t open_count; /* not FREE */
};

size_t io_handle_cost(uint32_t count_max);
void io_handle_init(struct io_handles *handles, struct arena *arena, uint32_t count_max);
/* An OPEN handle, or NULL. */
MUST_USE struct io_handle *io_handle_get(struct io *io, int handle);
/* No place for another one. */
MUST_USE bool io_handle_full(const struct io *io);
/* The kernel has put a new file there. If the close of the old one is not reported yet, that is
 * done first. */
struct io_handle *io_handle_adopt(struct io *io, int handle, enum io_handle_kind kind);
/* An operation on it ended: goes on with the shut when it was the last. */
void io_handle_op_ended(struct io *io, int handle);
/* Goes on with a parked shut. */
void io_handle_continue(struct io *io, struct io_op *shut);
/* The kernel's answer to the close. */
void io_handle_closed(struct io *io, struct io_op *shut, int32_t result);
/* Shuts all that is open, with tags that nobody reads. */
void io_handle_shut_all(struct io *io);

#endif
