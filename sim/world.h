/* world.h - a whole run of ringpost in the simulated world, from one seed.
 *
 *   draw options -> life (load, send, stop) -> crash -> life ... -> heal -> drain -> stop -> check
 *
 * Everything is drawn from the seed by swarm: each seed switches whole classes of fault on or off
 * and picks sizes from one to the limit. What must hold is in oracle.h. Knows the product only
 * through world_engine.h. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "base/arena.h"
#include "base/prng.h"
#include "bounce/classify.h"
#include "sim/dns_sim.h"
#include "sim/mx_sim.h"
#include "sim/oracle.h"
#include "sim/sim_world.h"
#include "sim/zones.h"

#define WORLD_SHARDS_MAX 4
#define WORLD_SIGNERS_MAX 2
#define WORLD_CAMPAIGNS_MAX 8
#define WORLD_CRASHES_MAX 6
#define WORLD_PERSONAS_MAX 12

enum world_end {
    WORLD_STOP = 0, /* an orderly stop */
    WORLD_KILL,     /* kill -9 */
    WORLD_POWER_LOSS
};

/* One life of the process: so many events, then an end. */
struct world_life {
    uint64_t events;
    enum world_end end;
};

struct world_options {
    struct sim_world_options sim;
    struct zones_options zones;
    struct dns_sim_silence names_silence; /* until the world heals */
    struct mx_persona personas[WORLD_PERSONAS_MAX];
    uint32_t personas_count;
    uint32_t unknown_percent; /* recipients that no server knows */
    uint32_t tls_percent;     /* domains for which the configuration has a word */
    uint32_t dane_percent;    /* of domains and hosts are signed; 0: nobody asks for TLSA records */
    uint32_t tls_mode;        /* of all others: enum policy_tls */
    uint32_t shards_count;
    uint32_t connections_max;
    uint32_t connections_per_site;
    uint32_t messages_per_connection;
    uint64_t messages_per_minute; /* a site; 0: no limit */
    uint32_t wall_jumps_count;    /* of the time of day, forth and back */
    uint32_t buffers_max;         /* output buffers of a shard */
    uint32_t ring_buffers_count;
    uint32_t ring_buffer_size;
    uint32_t cache_entries_max;
    uint64_t segment_size;
    uint64_t journal_size;
    uint64_t disk_capacity; /* until the world heals; 0: no limit */
    bool return_path;       /* keyed return paths */
    bool suppresses;        /* addresses are suppressed as it runs, and bounces classed */
    uint32_t cancel_turns;  /* a campaign is cancelled in one of so many turns; 0: never */
    uint32_t stop_turns;    /* the mail to a domain is stopped in one of so many; 0: never */
    bool signs;             /* with DKIM; every message must come signed */
    bool adds_fields;       /* List-Unsubscribe and others */
    uint32_t signing_width; /* signatures gathered for a batch; 0: as the key wants it */
    uint32_t signers_count; /* who sign for the shards; 0: those sign themselves */
    uint64_t signer_ns_max; /* a batch takes a time drawn below this */
    bool messages;          /* finished messages instead of templates */
    uint32_t lines_count;   /* behind the body of either, to make it long */
    bool require_tls;       /* of every campaign: REQUIRETLS (only scenes) */
    bool lifts_tls;         /* every message says "TLS-Required: No" (only scenes) */
    uint64_t retry_s[3];
    uint64_t lifetime_s;
    uint32_t campaigns_count;
    uint32_t recipients[WORLD_CAMPAIGNS_MAX];
    struct world_life lives[WORLD_CRASHES_MAX];
    uint32_t lives_count;
    bool trace; /* a line for each event on standard error */
};

struct world_result {
    uint64_t hash;
    uint64_t events;
    uint64_t virtual_ns;
    uint64_t recipients;
    uint64_t accepted;
    uint64_t covered; /* RCPT commands behind TLS */
    uint64_t delivered;
    uint64_t cancelled; /* recipients whose campaign was, before they had ended */
    uint64_t problems_count;
    struct text problems; /* lent by the caller */
};

/* Address and field values of one recipient. */
struct world_recipient {
    char address[ORACLE_ADDRESS_MAX];
    char number[16];
    char name[128];
    uint32_t zone;
};

#define WORLD_SUPPRESS_MAX 32

/* Asked for, and not yet reported as durable. */
struct world_suppressed {
    uint32_t recipient;
    uint64_t ticket;
};

struct world_suppress {
    struct prng prng;
    struct arena arena;
    const struct classifier *classifier; /* NULL: replies are not classed, bounces do nothing */
    struct world_suppressed waiting[WORLD_SUPPRESS_MAX];
    uint32_t waiting_count;
};

struct world {
    struct world_options options;
    struct prng prng;
    struct zones zones;
    struct oracle oracle;
    struct dns_sim dns;
    struct mx_sim mx;
    struct verp_keys verp;
    struct world_suppress suppress;
    struct prng cancels;
    struct prng stops;
    uint64_t stop_end_ns; /* when the pauses of domains end; UINT64_MAX: there are none */
    struct world_recipient *recipients; /* as in the oracle */
    uint32_t recipients_count;
    bool healed;
    uint32_t wall_jumps_left;
};

/* The options that a seed means. */
void world_draw(struct world_options *options, uint64_t seed);
/* As YAML-like lines, for people. */
void world_print(const struct world_options *options, struct text *out);
/* Runs it all. True when nothing was wrong. */
bool world_run(uint64_t seed, const struct world_options *options, struct world_result *result);

#endif
