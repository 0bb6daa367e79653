/* io_sim.h - the inside of the simulated back end of io/io.h: rings, operations, handles.
 *
 * Private to io_sim*.c and sim_world.c. An operation is made by a submission, runs when its time
 * comes on the timeline (only then has it an effect), and ends in an event in its ring's queue;
 * io_wait hands that out. Its generation makes a task of an operation that has already ended a
 * no-op.
 *
 *   submitted -> due: runs -> ended
 *                          -> waits (for bytes, for room, for connections) -> ended
 *   any       -> cancelled, or its handle shut: ended with -ECANCELED */
#ifndef SIM_IO_SIM_H
#define SIM_IO_SIM_H

#include "base/list.h"
#include "io/io.h"
#include "sim/net_sim.h"
#include "sim/sim_world.h"
#include "sim/timeline.h"

#define IO_SIM_TAGS 1024 /* chains of the index by tag */
#define IO_SIM_PARTS_MAX 8

enum io_sim_kind {
    OP_FILE,
    OP_WRITE,
    OP_READ,
    OP_SYNC,
    OP_RENAME,
    OP_UNLINK, /* the last one on files */
    OP_SOCKET,
    OP_CONNECT,
    OP_LISTEN,
    OP_SEND,
    OP_SENDTO,
    OP_RECV, /* the last one on sockets */
    OP_SHUT,
    OP_CANCEL,
    OP_SIGNALS,
};

struct io_sim_op {
    struct list_node node;   /* in its handle's list, or in io->loose */
    struct io_sim_op *chain; /* by tag; or the free list */
    struct io *io;
    uint64_t tag;
    uint64_t sequence; /* of submission */
    uint32_t generation;
    enum io_sim_kind kind;
    int handle; /* or -1 */
    char *paths[2];
    enum io_file_mode mode;
    uint32_t signal_set;
    uint64_t number; /* preallocate, offset or target tag */
    struct span data;
    struct span_mut into;
    struct disk_sync sync;
    struct io_socket_options socket;
    struct ip_port address;
    struct span parts[IO_SIM_PARTS_MAX];
    uint32_t parts_count;
    struct list_node wait; /* in the socket's sends */
};

enum io_sim_handle_kind { HANDLE_FREE, HANDLE_FILE, HANDLE_SOCKET };

struct io_sim_socket;

struct io_sim_handle {
    enum io_sim_handle_kind kind;
    struct list ops;
    struct disk_file *file;
    bool writable;
    struct io_sim_socket *socket;
};

struct io_sim_map {
    struct list_node node;
    uint8_t *data;
    size_t size;
};

struct io_sim_lock {
    struct list_node node;
    struct io *io;
    uint32_t pid;
    char path[DISK_PATH_MAX];
};

struct io {
    struct list_node node; /* in world->ios */
    uint32_t number;       /* counts up from 0 over the life of the world */
    bool dead;
    bool wake_pending;
    struct io_options options;
    struct io_sim_handle *handles;
    int *handles_free; /* the last one is given out next */
    uint32_t handles_free_count;
    struct list loose; /* operations on no handle */
    struct io_sim_op *tags[IO_SIM_TAGS];
    uint64_t in_flight;
    struct io_event *ready; /* a ring of ready_max, a power of two */
    uint32_t ready_first;
    uint32_t ready_count;
    uint32_t ready_max;
    struct list maps;
    uint8_t *buffers;
    uint16_t *buffers_free;
    bool *buffers_lent;
    uint32_t buffers_free_count;
    struct list starved; /* sockets that want a buffer */
    uint64_t turn_ns;    /* what the last turn cost */
    uint64_t now_ns;
    uint64_t wall_ns;
    uint64_t waits_idle; /* its last ones that asked not to wait, and gave no event */
    uint64_t waited_at;  /* world->waits at the last one */
    uint64_t bound_ns;   /* other rings may not move the clock beyond */
};

struct io_group {
    struct list_node node;
    uint32_t rings_max;
    struct io **rings;
};

struct sim_world {
    uint64_t seed;
    struct sim_world_options options;
    struct timeline timeline;
    struct prng prng; /* delays and draws of the rings */
    struct prng entropy;
    struct disk_sim *disk;
    struct net_sim net;
    struct list ios;
    struct list groups;
    struct list locks;
    struct io_sim_op *ops_free;
    struct list op_blocks;
    uint64_t ops_count; /* submissions so far */
    uint32_t ios_count;
    uint32_t pid; /* of the simulated process */
    uint64_t wall_offset_ns;
    uint64_t events_count;
    uint64_t cut_at; /* 0: never */
    jmp_buf *cut_jump;
    uint64_t hash;
    uint64_t waits; /* calls of io_wait, over all rings */
    bool stuck;
    bool trace;
};

/* The open world; one without faults when there was none. */
struct sim_world *io_sim_world(void);

/* A fresh operation, already in the index; NULL when the ring is dead. */
struct io_sim_op *io_sim_submit(struct io *io, enum io_sim_kind kind, uint64_t tag, int handle);
/* Lets it run after a delay drawn up to `max_ns`. */
void io_sim_schedule(struct io_sim_op *op, uint64_t max_ns);
void io_sim_schedule_after(struct io_sim_op *op, uint64_t delay_ns);
void io_sim_event(struct io *io, struct io_event event);
/* Ends the operation with its last event. */
void io_sim_end(struct io_sim_op *op, int32_t result);
/* Takes a handle; -ENFILE. */
MUST_USE int io_sim_handle_claim(struct io *io, enum io_sim_handle_kind kind);
/* The handle's state, or NULL when it is not of that kind. */
struct io_sim_handle *io_sim_handle_get(struct io *io, int handle, enum io_sim_handle_kind kind);
/* Ends what is on the handle with -ECANCELED and frees it. */
void io_sim_handle_close(struct io *io, int handle);

/* Runs an operation whose time has come; by kind. */
void io_sim_run_file(struct io_sim_op *op);
/* The process dies with this in flight: it happens, happens in part, or does not. */
void io_sim_kill_file(struct io_sim_op *op);
/* Adds to `counts`, by kind. */
void io_sim_count_in_flight(const struct io *io, uint32_t *counts);
void io_sim_clock_sample(struct io *io);
void io_sim_signal(struct io *io, uint32_t signal);
/* The machine has lost its power: streams end without a word. Before io_sim_kill. */
void io_sim_vanish(struct io *io);
/* The ring is dead from now on; what was in flight is settled as a kill does. */
void io_sim_kill(struct io *io);
void io_sim_free(struct io *io);

#endif
