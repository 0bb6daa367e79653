/* queue_driver.h - one process with a store and its shards on one ring, for the tests of the queue.
 *
 * Loads lists of made-up recipients, claims and settles them with drawn verdicts, and notes in a
 * ledger what was promised: a load reported READY, a settle reported durable, an event exported.
 * Knows of the simulated world only what io/io.h shows, but for sim_world_is_cut. */
#ifndef SIM_QUEUE_DRIVER_H
#define SIM_QUEUE_DRIVER_H

#include "base/prng.h"
#include "engine/store.h"

#define QUEUE_DRIVER_CAMPAIGNS 8
#define QUEUE_DRIVER_RECIPIENTS 400

/* What the outside knows of one recipient. */
struct queue_driver_recipient {
    uint32_t attempts;         /* made */
    uint32_t durable_attempts; /* that were reported durable */
    enum outcome_kind last;
    enum outcome_kind durable; /* the last verdict reported durable; NONE: none */
    uint32_t deliveries;
    uint64_t exported; /* attempts whose event was read, a bit for each number */
};

struct queue_driver_campaign {
    char name[32];
    uint32_t count;
    enum lane lane;
    bool begun;
    bool ready; /* reported */
    struct queue_driver_recipient recipients[QUEUE_DRIVER_RECIPIENTS];
};

/* Survives the process, and a power cut: so does the place of the one who exports events. */
struct queue_driver_ledger {
    struct store_cursor cursor;
    struct queue_driver_campaign campaigns[QUEUE_DRIVER_CAMPAIGNS];
    uint32_t campaigns_count;
};

#define QUEUE_DRIVER_PENDING 8192

struct queue_driver {
    struct arena arena;
    struct io *io;
    struct store *store;
    struct store_shard *shards[4];
    uint32_t shards_count;
    struct prng prng;
    struct queue_driver_ledger *ledger;
    struct store_options options;
    uint32_t flows[4][256]; /* given out, to be claimed from */
    uint32_t flows_count[4];
    struct {
        uint32_t record;
        uint32_t campaign;
        uint32_t ordinal;
    } claimed[4][32];
    uint32_t claimed_count[4];
    struct {
        uint64_t number; /* of the settle on its shard */
        uint32_t campaign;
        uint32_t ordinal;
        uint32_t attempts;
        enum outcome_kind kind;
    } pending[4][QUEUE_DRIVER_PENDING]; /* settles that are not reported durable yet */
    uint32_t pending_count[4];
    bool unsure_off;  /* verdicts are delivered, deferred and failed only */
    bool final_only;  /* nothing is deferred */
    uint32_t batches; /* of so many recipients are loaded; 0: as large as they get */
    uint64_t damaged; /* claims that could not be read */
};

struct store_options queue_driver_options(uint32_t shards_count);
/* 0 or what io_open or store_open said; the message goes to *error. */
MUST_USE int queue_driver_open(struct queue_driver *driver, struct queue_driver_ledger *ledger,
                               const struct store_options *options, uint64_t seed,
                               struct text *error);
/* In good order. */
MUST_USE int queue_driver_close(struct queue_driver *driver);
/* As after a kill or a power loss: only memory is given back. */
void queue_driver_abandon(struct queue_driver *driver);

/* One io_wait, events and ticks; waits at most max_ns. */
void queue_driver_turn(struct queue_driver *driver, uint64_t max_ns);
/* A new campaign in the ledger. */
struct queue_driver_campaign *queue_driver_campaign(struct queue_driver_ledger *ledger,
                                                    uint32_t count, enum lane lane);
/* Loads it. 0 when READY was reported, -ECANCELED when the world was cut, else the load's error. */
MUST_USE int queue_driver_load(struct queue_driver *driver, struct queue_driver_campaign *campaign);
/* Turns, claims and settles until everything is settled for good or waits for a later second, or
 * the world is cut, or `turns` are over. */
void queue_driver_run(struct queue_driver *driver, uint32_t turns);
/* Nothing can be claimed now. */
bool queue_driver_idle(struct queue_driver *driver);
/* Reads at most `count` events on from the ledger's cursor, as an exporter does. */
void queue_driver_export(struct queue_driver *driver, uint32_t count);
/* Reads all events and checks them against the ledger: each verdict that was reported durable is
 * there. Returns their number. */
uint32_t queue_driver_events(struct queue_driver *driver);
/* Asserts that what the ledger was promised holds in a freshly opened store. */
void queue_driver_check(struct queue_driver *driver);

/* Shared by the two halves of the driver: the campaign's place in the ledger, and whether the
 * queue's recipient is the one that was loaded. */
uint32_t queue_driver_number(const struct queue_driver *driver,
                             const struct queue_recipient *recipient);
void queue_driver_check_recipient(const struct queue_driver *driver,
                                  const struct queue_recipient *recipient);

#endif
