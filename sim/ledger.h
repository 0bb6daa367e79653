/* ledger.h - the oracle: what the world saw, what the product says, and whether both can be true.
 *
 * The world enters every recipient before the product gets it (ledger_add), the mail servers enter
 * what they answered and accepted, the world enters the product's durable events and its lives.
 * Checked as things happen, and as a whole by ledger_finish (docs/simulation.md, the numbers):
 *
 *   1 no loss       an acknowledged recipient is settled once, or still queued
 *   2 no double     accepted more often than delivered + unsure + crashed lives allow: never
 *   3 no stranger   right server, right return path, right body, nobody who was not acknowledged
 *   5 pacing        connections and messages a connection within the limits (sessions: net_sim)
 *   8 explainable   the class, stage and code of an event are what the world did
 *
 * A broken rule is a line in *problems and counts. Owns its arrays (malloc). */
#ifndef SIM_LEDGER_H
#define SIM_LEDGER_H

#include "message/outcome.h"
#include "message/verp.h"
#include "queue/attempt.h"
#include "sim/zones.h"

#define LEDGER_ADDRESS_MAX 96
#define LEDGER_NONE UINT32_MAX
#define LEDGER_REPLIES_MAX 12
#define LEDGER_CAMPAIGNS_MAX 64
#define LEDGER_LIVES_MAX 64

/* A reply that a server gave about a recipient or to a whole session. */
struct ledger_reply {
    uint8_t stage; /* enum outcome_stage */
    uint16_t code;
};

struct ledger_recipient {
    char address[LEDGER_ADDRESS_MAX];
    uint32_t zone;
    uint32_t campaign; /* in ledger->campaigns */
    uint32_t ordinal;
    uint64_t body_hash;
    uint64_t message_id_hash; /* of the first acceptance; 0: none */
    uint64_t lives_accepted;  /* bit n: accepted by a session that began in life n */
    uint32_t accepted_count;
    uint32_t data_count; /* times that a server asked for the content */
    uint32_t delivered_count;
    uint32_t unsure_count;
    uint32_t deferred_count;
    uint32_t ended_count; /* final events */
    enum outcome_kind ended;
    bool twisted; /* a server has answered out of step: its replies cannot be told apart */
    uint8_t replies_count;
    struct ledger_reply replies[LEDGER_REPLIES_MAX];
};

struct ledger_campaign {
    char name[32];
    uint64_t id;       /* 0: not known yet */
    bool acknowledged; /* READY was reported, or found after a restart */
    uint32_t first;    /* its recipients stand together */
    uint32_t count;
};

/* What a mail server has accepted. */
struct ledger_mail {
    struct ip server;
    uint32_t life; /* in which the session began */
    struct span return_path;
    const uint32_t *recipients;
    uint32_t recipients_count;
    uint64_t body_hash;
    struct span message_id;
};

struct ledger {
    const struct zones *zones;
    const struct verp_keys *verp; /* NULL: the return path must be `sender` */
    const char *sender;
    struct ledger_recipient *recipients;
    uint32_t recipients_count;
    uint32_t recipients_max;
    struct ledger_campaign campaigns[LEDGER_CAMPAIGNS_MAX];
    uint32_t campaigns_count;
    uint32_t *index; /* by address */
    uint32_t index_max;
    uint32_t life;          /* of the product's process, from 0 */
    uint64_t lives_crashed; /* bit n: life n ended without a proper stop */
    uint64_t accepted_count;
    uint64_t events_count;
    uint64_t problems_count;
    struct text problems; /* lent */
};

void ledger_open(struct ledger *ledger, const struct zones *zones, struct text problems);
void ledger_close(struct ledger *ledger);

uint32_t ledger_add_campaign(struct ledger *ledger, const char *name);
/* The next ordinal of the campaign added last. */
uint32_t ledger_add(struct ledger *ledger, uint32_t campaign, const char *address, uint32_t zone,
                    uint64_t body_hash);
/* The load was reported READY, or is found so after a restart, under this id. */
void ledger_acknowledge(struct ledger *ledger, uint32_t campaign, uint64_t id);
/* After a restart: the campaign is not there, or not READY. */
void ledger_missing(struct ledger *ledger, uint32_t campaign);
/* The process has ended; the next life begins. */
void ledger_end_life(struct ledger *ledger, bool crashed);

/* A mail server looks a recipient up: LEDGER_NONE and a problem for a stranger. */
uint32_t ledger_look_up(struct ledger *ledger, const struct ip *server, struct span address);
void ledger_replied(struct ledger *ledger, uint32_t recipient, enum outcome_stage stage,
                    uint16_t code);
void ledger_twisted(struct ledger *ledger, uint32_t recipient);
void ledger_accepted(struct ledger *ledger, const struct ledger_mail *mail);

/* One durable event of the product's, each exactly once. */
void ledger_event(struct ledger *ledger, const struct attempt_event *event);
/* The whole: with `drained` every acknowledged recipient must have ended. */
void ledger_finish(struct ledger *ledger, bool drained);

/* A rule was broken: one line, "rule N: ...". */
void ledger_problem(struct ledger *ledger, const char *format, ...) PRINTF_LIKE(2, 3);
/* FNV-1a, for bodies. */
uint64_t ledger_hash(uint64_t hash, struct span bytes);
#define LEDGER_HASH_START UINT64_C(14695981039346656037)

#endif
