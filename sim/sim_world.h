/* sim_world.h - the simulated world behind io/io.h, and what a test does to it.
 *
 * One world at a time, one thread. A test opens a world from a seed, runs product code on io.h as
 * if it were a machine, cuts its power or kills its process at a moment of its choice, opens the
 * product again on what is left, and checks. Everything that happens is a function of the seed and
 * of what the product does.
 *
 *   sim_world_open -> (io_open ... io_wait ...) -> sim_world_kill or sim_world_power_loss ->
 * io_open again -> ... -> sim_world_close
 *
 * After a kill or a power loss the old struct io are dead: io_wait gives nothing, submissions are
 * ignored, io_unmap and io_close may still be called on them (so that the product's own close
 * functions can free its memory). They are freed by sim_world_close. */
#ifndef SIM_SIM_WORLD_H
#define SIM_SIM_WORLD_H

#include <setjmp.h>

#include "sim/disk_sim.h"
#include "sim/net_sim.h"

/* How completions come. Zero in `..._max_ns` means a microsecond. */
struct sim_delay_options {
    uint64_t turn_max_ns; /* what one io_wait costs the shard, drawn below this */
    uint64_t file_max_ns; /* open, read, write, rename, unlink */
    uint64_t sync_min_ns;
    uint64_t sync_max_ns;
    uint32_t sync_slow_percent;   /* a hundred times as long */
    uint32_t empty_wait_percent;  /* io_wait gives nothing though something is there */
    uint32_t small_batch_percent; /* io_wait gives one event though more are there */
    uint32_t cancel_race_percent; /* the target completes although it is being cancelled */
};

struct sim_world_options {
    struct disk_options disk;
    struct net_options net;
    struct sim_delay_options delay;
    uint64_t wall_ns; /* the time of day at the start; 0 = 2026-11-21 12:00 UTC */
};

/* `options` may be NULL: no faults, small delays. A program that opens no world gets such a one. */
void sim_world_open(uint64_t seed, const struct sim_world_options *options);
void sim_world_close(void);
/* The knobs; they may be turned while the world runs. */
struct sim_world_options *sim_world_options(void);
struct disk_options *sim_world_disk_options(void);
/* The network, to plug servers in (net_service.h), to turn its knobs and to heal it. */
struct net_sim *sim_world_net(void);

/* The process dies (kill -9): operations in flight have happened, in part or not; files keep what
 * was written to the page cache, locks and sockets are gone. */
void sim_world_kill(void);
/* The machine dies: as a kill, and only what had reached the platter is left (disk_sim.h). */
void sim_world_power_loss(void);
/* After `events_count` more events io_wait gives nothing any more, at any ring; sim_world_is_cut()
 * is true then and the test can kill or cut the power. 0: never. */
void sim_world_cut_after(uint64_t events_count);
MUST_USE bool sim_world_is_cut(void);
/* At the cut io_wait does not return but jumps there, out of whatever the product is doing: so a
 * recovery that waits inside can be cut too. NULL: it returns 0. Taken back by kill. */
void sim_world_cut_jump(jmp_buf *jump);

/* Events handed out by io_wait since the world was opened, and a hash over all of them in order. */
MUST_USE uint64_t sim_world_events_count(void);
MUST_USE uint64_t sim_world_hash(void);
MUST_USE uint64_t sim_world_now_ns(void);
/* Moves the time of day (not the monotonic clock) by so much. */
void sim_world_shift_wall(int64_t shift_ns);
/* A signal (IO_SIGNAL_*) for every ring that asked for it. */
void sim_world_signal(uint32_t signal);
/* Operations that were submitted and have not ended, over all rings. */
MUST_USE uint64_t sim_world_in_flight(void);
/* The same by kind, for people, without those of which a process that ends need not see the end
 * (closing and removing of files): " write x 2 sync x 1". */
void sim_world_describe_in_flight(struct text *out);
struct io;
/* Whether a turn of this ring would do anything now: events are there, or its time has come. When
 * no ring has anything to do, a turn of any one moves the clock. */
MUST_USE bool sim_world_wants_turn(const struct io *io);
/* Sockets and files that are open, over all living rings. */
MUST_USE uint64_t sim_world_handles(void);
/* A ring waited without limit while nothing in the world was left to happen. */
MUST_USE bool sim_world_is_stuck(void);
/* So many calls of io_wait in a row, at one ring, asked not to wait and gave no event: a great
 * number is a product that spins. */
MUST_USE uint64_t sim_world_idle_waits(void);
/* A line for each event on standard error. */
void sim_world_trace(bool on);

/* What a file holds now, and changes to it behind the product's back: a test's bit flips, truncated
 * or foreign files. -errno. */
MUST_USE int sim_world_file_size(const char *path, uint64_t *ret_size);
MUST_USE int sim_world_file_read(const char *path, struct span_mut into, uint64_t offset);
MUST_USE int sim_world_file_poke(const char *path, struct span data, uint64_t offset);
MUST_USE int sim_world_file_append(const char *path, struct span content); /* durable */
MUST_USE int sim_world_file_make(const char *path, struct span content);   /* durable */

#endif
