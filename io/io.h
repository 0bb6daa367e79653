/* io.h - THE SEAM: network, files, clock, entropy and signals, for one shard.
 *
 * Two back ends stand behind these symbols and are bound at link time: io/io_uring.c (the kernel)
 * and sim/io_sim.c (a simulated world in virtual time). io/io_test.c is linked against both. Knows
 * no mail.
 *
 * Every submission takes a `tag`, returns nothing and ends in exactly one event without
 * IO_EVENT_MORE carrying that tag (multishot operations send events with IO_EVENT_MORE before it).
 * Events come only out of io_wait; nothing calls back. A full submission queue is flushed inside.
 * Failures to submit come as events with a negative result too.
 *
 * Handles: sockets and files share one space of small non-negative numbers (registered files); a
 * handle is free again after the event of its io_shut. After that event nothing with that handle
 * completes.
 *
 * At most 4 * handles_max + entries operations may be under way at once; more is a bug and dies.
 *
 * Memory given to io_send, io_sendto, io_write and io_read must stay as it is until the event.
 * Paths, addresses and options are copied before the call returns.
 *
 * Not thread-safe: one struct io belongs to one thread, but for io_wake, which names a peer of the
 * same group. */
#ifndef IO_IO_H
#define IO_IO_H

#include "base/base.h"
#include "base/ip.h"
#include "base/span.h"
#include "base/text.h"

struct io;
struct io_group; /* the rings that may wake each other: one a process */

enum { IO_EVENT_MORE = 1, IO_EVENT_BUFFER = 2 };

struct io_event {
    uint64_t tag;    /* as given at submission */
    int32_t result;  /* bytes, a handle, or -errno */
    uint16_t flags;  /* IO_EVENT_MORE, IO_EVENT_BUFFER */
    uint16_t buffer; /* with IO_EVENT_BUFFER: which provided buffer holds the bytes */
};

struct io_options {
    struct io_group *group; /* NULL: no io_wake */
    uint32_t index;         /* this ring's place in the group */
    uint32_t entries;       /* submission queue, a power of two; 0 = 1024 */
    uint32_t handles_max;   /* sockets and files at once; 0 = 4096 */
    uint32_t buffers_count; /* provided receive buffers, a power of two; 0 = 256 */
    uint32_t buffer_size;   /* 0 = 4096 */
    uint64_t wake_tag;      /* tag of the event that io_wake causes here */
    bool processor_clock;   /* io_turn_cpu_ns is wanted: a system call a turn */
};

enum io_kind { IO_TCP, IO_UDP, IO_UNIX /* stream; source and family do not matter */ };

struct io_socket_options {
    enum io_kind kind;
    struct ip source;        /* bound to when given; its family, or... */
    uint8_t family;          /* ...this one (IP_V4, IP_V6) when source is absent */
    uint32_t receive_buffer; /* SO_RCVBUF, 0 = the system's */
    uint32_t send_buffer;    /* SO_SNDBUF, 0 = the system's */
};

struct io_address {
    struct ip_port ip;
    const char *path; /* AF_UNIX stream when not NULL; io_listen replaces an old socket file and
                         makes the new one with mode 0600 */
    bool shared;      /* for io_listen: this process listens there too, or on a part of it; else an
                         address that anybody listens on is -EADDRINUSE, after a second in which
                         a killed process's would go */
};

enum io_file_mode {
    IO_FILE_READ,   /* must exist */
    IO_FILE_CREATE, /* must not exist (-EEXIST); read and write */
    IO_FILE_WRITE,  /* must exist; read and write */
    IO_FILE_FOLDER, /* a folder, for io_sync */
};

struct io_file_options {
    const char *path;
    enum io_file_mode mode;
    uint64_t preallocate; /* IO_FILE_CREATE: fallocate to this size, zeroes; 0 = none */
};

enum io_map_kind { IO_MAP_READ, IO_MAP_PRIVATE };

struct io_mapping {
    uint8_t *data; /* IO_MAP_READ: writing is a bug and dies */
    size_t size;   /* of the file when mapped; 0 (data NULL) for an empty one */
};

enum { IO_SIGNAL_STOP = 1, IO_SIGNAL_RELOAD = 2 }; /* SIGINT and SIGTERM; SIGHUP */

/* --- one process --- */
MUST_USE int io_group_open(struct io_group **ret_group, uint32_t rings_max);
void io_group_close(struct io_group *group);

/* --- one ring --- */
/* Must be called by the thread that will use it. Opcodes are restricted before the first use.
 * -errno; *error then says the cause (sysctl, seccomp, memlock, old kernel, open files) and the
 * remedy. */
/* Bytes that io_open asks for, but for small things; nothing where the kernel is a simulated one.
 */
MUST_USE size_t io_cost(const struct io_options *options);
MUST_USE int io_open(struct io **ret_io, const struct io_options *options, struct text *error);
/* By the same thread. Ends all that is under way, without events, and closes every handle. */
void io_close(struct io *io); /* NULL is a no-op */

uint64_t io_now_ns(const struct io *io); /* monotonic; sampled once per io_wait; never goes back */
/* Since 1970-01-01 UTC; sampled together with io_now_ns. */
uint64_t io_wall_ns(const struct io *io);
/* How long the caller's last turn took: from the return of one io_wait to the call of the next. */
uint64_t io_turn_ns(const struct io *io);
/* Processor time of this thread from the call of one io_wait to the call of the next, the last:
 * what others had of the processor meanwhile is not in it, what the kernel did for this thread is.
 * Only with the option processor_clock, else 0. */
uint64_t io_turn_cpu_ns(const struct io *io);
MUST_USE int io_entropy(struct io *io, void *data, size_t size); /* at start only; fails closed */

/* Submits what is pending, waits until an event is there or the clock reaches deadline_ns (0: do
 * not wait; UINT64_MAX: no limit), and gives at most events_max events. May return 0 early. */
MUST_USE uint32_t io_wait(struct io *io, uint64_t deadline_ns, struct io_event *events,
                          uint32_t events_max);

/* --- network --- */
void io_socket(struct io *io, uint64_t tag, const struct io_socket_options *options); /* a handle */
void io_connect(struct io *io, uint64_t tag, int socket, const struct io_address *address);
/* Result of the first event (MORE): the listening handle. Then one event (MORE) for each
 * connection: its handle. Ends with -ECANCELED after io_shut of the listening handle. Accepted TCP
 * has NODELAY. */
void io_listen(struct io *io, uint64_t tag, const struct io_address *address);
/* The other end of an accepted AF_UNIX connection. */
MUST_USE int io_peer_uid(struct io *io, int socket, uint32_t *ret_uid);
/* As io_listen, TCP only, and io_peer_ip answers for the connections, which come one at a time: for
 * listeners that are not in a hurry. At most IO_PEERS_MAX in the life of a ring, then -EMFILE. */
#define IO_PEERS_MAX 16
void io_listen_peers(struct io *io, uint64_t tag, const struct io_address *address);
/* The other end of a connection of io_listen_peers; -ENOTCONN: it is not known. */
MUST_USE int io_peer_ip(struct io *io, int socket, struct ip *ret_ip);
/* The port of a listening TCP socket, or of a UDP socket with a source; else -EINVAL. */
MUST_USE int io_local_port(struct io *io, int socket, uint16_t *ret_port);
/* Result: bytes sent, perhaps fewer than given. At most 8 parts. One send at a time on a stream:
 * the bytes of two could change places. */
void io_send(struct io *io, uint64_t tag, int socket, const struct span *parts,
             uint32_t parts_count);
/* Nothing follows until the other end speaks: its event may come up to a millisecond late, so that
 * nobody is woken for it alone. */
void io_answer(struct io *io, uint64_t tag, int socket, struct span data);
void io_sendto(struct io *io, uint64_t tag, int socket, struct span data,
               const struct io_address *to);
/* Multishot: events with IO_EVENT_BUFFER and IO_EVENT_MORE for bytes; the last event, without MORE,
 * has result 0 (the other end closed) or -errno. Want of buffers does not end it: io re-arms
 * starved sockets in the order in which they starved, as buffers come back, so that one flooding
 * host cannot starve the others. One datagram an event for UDP, cut to the buffer's size; empty
 * ones are dropped. One receive at a time on a socket. */
void io_recv(struct io *io, uint64_t tag, int socket);
struct span io_buffer(const struct io *io, const struct io_event *event);
void io_buffer_return(struct io *io, const struct io_event *event);
/* Cancels what is in flight on the handle (each ends in its own event first), then closes it. */
void io_shut(struct io *io, uint64_t tag, int handle);
/* The target ends with its own result or -ECANCELED; this call's event: 0, or -ENOENT. */
void io_cancel(struct io *io, uint64_t tag, uint64_t target_tag);

/* --- files --- */
/* A handle. A new file that gets no room (-ENOSPC) is removed again. At most 16 files are being
 * created with a size at once, else -EAGAIN. */
void io_file(struct io *io, uint64_t tag, const struct io_file_options *options);
/* Result: the whole size, or -errno; at most 2 GiB less one. Short writes are continued inside. */
void io_write(struct io *io, uint64_t tag, int file, struct span data, uint64_t offset);
/* Result: bytes read, fewer than asked for only at the end of the file. */
void io_read(struct io *io, uint64_t tag, int file, struct span_mut into, uint64_t offset);
void io_sync(struct io *io, uint64_t tag, int file); /* fdatasync; fsync for a folder */
void io_rename(struct io *io, uint64_t tag, const char *from, const char *to);
void io_unlink(struct io *io, uint64_t tag, const char *path);

/* Synchronous, for start and end: */
/* The names of the regular files in a folder (no dot files), each ended by NUL, sorted bytewise,
 * added to *names. -ENOSPC when they do not fit. */
MUST_USE int io_list(struct io *io, const char *folder, struct text *names);
/* Makes the folder (mode 0700) if it is not there; its name is durable when this returns 0. */
MUST_USE int io_folder(struct io *io, const char *path);
/* Takes the lock file for as long as this io lives (made if absent; it holds the pid as text).
 * -EWOULDBLOCK: another process has it, and *ret_pid (may be NULL) says which. */
MUST_USE int io_lock(struct io *io, const char *path, uint32_t *ret_pid);
MUST_USE int io_map(struct io *io, const char *path, enum io_map_kind kind,
                    struct io_mapping *ret_mapping);
void io_unmap(struct io *io, struct io_mapping *mapping);
/* Asks for pages ahead of their use (MADV_WILLNEED); returns at once. */
void io_prefetch(struct io *io, const struct io_mapping *mapping, size_t offset, size_t size);
/* Memory of our own that is used at random and whole: in large pages, if they can be had. Waits
 * while what is there is moved together. */
void io_large_pages(struct io *io, void *data, size_t size);

/* --- others --- */
/* One event on ring `index` of the group, with its wake_tag (several wakes may become one). Travels
 * with the next io_wait of this ring; nothing happens when that ring is not open. */
void io_wake(struct io *io, uint32_t index);
/* Multishot: an event (MORE) with result IO_SIGNAL_* each time one of the set arrives. Blocks their
 * default effect in this thread; call before other threads start. */
void io_signals(struct io *io, uint64_t tag, uint32_t signal_set);

#endif
