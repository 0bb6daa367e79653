/* oracle.h - the ledger of the world: what it saw, what the product says, and whether both can be
 * true.
 *
 * The world enters every recipient before the product gets it (oracle_add), the mail servers enter
 * what they answered and accepted, the world enters the product's durable events and its lives.
 * Checked as things happen, and as a whole by oracle_finish:
 *
 *   1 no loss       an acknowledged recipient is settled once, or still queued, unless its campaign
 *                    was cancelled: then it is settled as well
 *   2 no double     accepted more often than delivered + unsure + crashed lives allow: never
 *   3 no stranger   right server, right return path, right body, nobody who was not acknowledged
 *   4 suppressed    nobody sees an address once its suppression, the cancelling of its campaign, or
 *                    a stop of its domain is durable (and what was claimed before has had half an
 *                    hour)
 *   5 pacing        connections, messages a connection and a second within the limits (connections:
 *                   net_sim)
 *   6 no downgrade  no RCPT below the TLS level that the recipient's domain demands
 *   8 explainable   the class, stage and code of an event are what the world did
 *
 * A broken rule is a line in *problems and counts. Owns its arrays (malloc). */
#ifndef SIM_ORACLE_H
#define SIM_ORACLE_H

#include "message/outcome.h"
#include "message/tls_demand.h"
#include "message/verp.h"
#include "queue/attempt.h"
#include "sim/zones.h"

#define ORACLE_ADDRESS_MAX 96
#define ORACLE_NONE UINT32_MAX
#define ORACLE_REPLIES_MAX 12
#define ORACLE_CAMPAIGNS_MAX 64
#define ORACLE_LIVES_MAX 64

/* A reply that a server gave about a recipient or to a whole session. */
struct oracle_reply {
    uint8_t stage; /* enum outcome_stage */
    uint16_t code;
};

struct oracle_recipient {
    char address[ORACLE_ADDRESS_MAX];
    uint32_t zone;
    uint32_t campaign; /* in oracle->campaigns */
    uint32_t ordinal;
    uint64_t body_hash;
    uint64_t content_hash;    /* of the first time that a server had all of it; 0: none */
    uint64_t message_id_hash; /* of the first acceptance; 0: none */
    uint64_t lives_accepted;  /* bit n: accepted by a session that began in life n */
    uint32_t accepted_count;
    uint32_t data_count; /* times that a server asked for the content */
    uint32_t delivered_count;
    uint32_t unsure_count;
    uint32_t deferred_count;
    uint32_t ended_count;   /* final events */
    uint64_t ends_seen[4];  /* bit n: a final event of attempt n was read */
    uint64_t waits_seen[4]; /* bit n: another event of attempt n was read */
    enum outcome_kind ended;
    struct outcome last;    /* of the last event, for scenes */
    bool suppress_asked;    /* somebody asked for it: the product may suppress it */
    uint64_t suppressed_ns; /* when it was durable; 0: not yet */
    bool twisted; /* a server has answered out of step: its replies cannot be told apart */
    uint8_t replies_count;
    struct oracle_reply replies[ORACLE_REPLIES_MAX];
};

struct oracle_campaign {
    char name[32];
    uint64_t id;       /* 0: not known yet */
    bool acknowledged; /* READY was reported, or found after a restart */
    bool cancel_asked; /* somebody asked for it: the product may cancel it */
    bool cancelled;    /* that is durable */
    uint64_t cancelled_ns;
    uint32_t first; /* its recipients stand together */
    uint32_t count;
};

/* How fast a site may get messages, and how fast it does. */
struct oracle_pace {
    uint64_t interval_ns;  /* of the limit; 0: none */
    uint64_t tolerance_ns; /* bursts, and what may be under way in the open sessions */
    struct {
        uint64_t next_ns; /* when the next one is due at the limit's rate */
        uint32_t life;    /* each process begins anew */
        bool blamed;
    } * sites; /* by zone: the first one of the site */
};

/* What a mail server has accepted. */
struct oracle_mail {
    struct ip server;
    uint32_t life; /* in which the session began */
    struct span return_path;
    const uint32_t *recipients;
    uint32_t recipients_count;
    uint64_t body_hash;
    struct span message_id;
};

struct oracle {
    const struct zones *zones;
    const struct verp_keys *verp; /* NULL: the return path must be `sender` */
    const char *sender;
    struct oracle_recipient *recipients;
    uint32_t recipients_count;
    uint32_t recipients_max;
    struct oracle_campaign campaigns[ORACLE_CAMPAIGNS_MAX];
    uint32_t campaigns_count;
    uint32_t *index; /* by address */
    uint32_t index_max;
    uint32_t life; /* of the product's process, from 0 */
    bool blind;    /* scenes: no server reports here, so nothing can be explained */
    bool dane;     /* TLSA records are obeyed */
    bool repeats;  /* syncs fail: a journal written anew repeats what may stand in the old one */
    uint64_t lives_crashed; /* bit n: life n ended without a proper stop */
    struct oracle_pace pace;
    struct oracle_stop *stops; /* oracle_stop.h; NULL: nobody stops anything */
    uint64_t accepted_count;
    uint64_t suppressed_count;        /* suppressions that were reported as durable */
    uint64_t levels[TLS_LEVEL_COUNT]; /* RCPT commands that came over each */
    uint64_t events_count;
    uint64_t problems_count;
    struct text problems; /* lent */
};

void oracle_open(struct oracle *oracle, const struct zones *zones, struct text problems);
void oracle_close(struct oracle *oracle);

/* --- the ledger (oracle_ledger.c) --- */

uint32_t oracle_add_campaign(struct oracle *oracle, const char *name);
/* The next ordinal of the campaign added last. */
uint32_t oracle_add(struct oracle *oracle, uint32_t campaign, const char *address, uint32_t zone,
                    uint64_t body_hash);
/* The load was reported READY, or is found so after a restart, under this id. */
void oracle_acknowledge(struct oracle *oracle, uint32_t campaign, uint64_t id);
/* After a restart: the campaign is not there, or not READY. */
void oracle_missing(struct oracle *oracle, uint32_t campaign);
/* The process has ended; the next life begins. */
void oracle_end_life(struct oracle *oracle, bool crashed);
/* By address, and as the product names its recipients; ORACLE_NONE. */
MUST_USE uint32_t oracle_find(const struct oracle *oracle, struct span address);
MUST_USE uint32_t oracle_find_identity(const struct oracle *oracle,
                                       const struct identity *identity);

/* --- what the servers and the world see (oracle.c, oracle_pace.c) --- */

/* A mail server looks a recipient up: ORACLE_NONE and a problem for a stranger. */
uint32_t oracle_look_up(struct oracle *oracle, const struct ip *server, struct span address);
void oracle_replied(struct oracle *oracle, uint32_t recipient, enum outcome_stage stage,
                    uint16_t code);
void oracle_twisted(struct oracle *oracle, uint32_t recipient);
/* A RCPT came to this server over a connection that had reached this by its certificate. */
void oracle_travels(struct oracle *oracle, uint32_t recipient, const struct ip *server,
                    enum tls_level level);
/* A server has read the whole message, and accepted it or not. */
void oracle_content(struct oracle *oracle, uint32_t recipient, uint64_t content_hash);
/* The product has reported the recipient's suppression as durable. */
void oracle_suppressed(struct oracle *oracle, uint32_t recipient);
/* The campaign's cancelling was reported as durable, or is found so after a restart. */
void oracle_cancelled(struct oracle *oracle, uint32_t campaign);
/* The limit of every site, in messages an hour; `slack` of them may come at once. */
void oracle_limit(struct oracle *oracle, uint64_t per_hour, uint32_t slack);
/* A RCPT came over a session that began in the life that runs. */
void oracle_paced(struct oracle *oracle, uint32_t recipient, uint64_t now_ns);
void oracle_accepted(struct oracle *oracle, const struct oracle_mail *mail);

/* --- what the product says (oracle_event.c) --- */

/* One durable event of the product's, each exactly once. */
void oracle_event(struct oracle *oracle, const struct attempt_event *event);

/* --- the whole --- */

/* The whole: with `drained` every acknowledged recipient must have ended. */
void oracle_finish(struct oracle *oracle, bool drained);

/* A rule was broken: one line, "rule N: ...". */
void oracle_problem(struct oracle *oracle, const char *format, ...) PRINTF_LIKE(2, 3);
/* FNV-1a, for bodies. */
uint64_t oracle_hash(uint64_t hash, struct span bytes);
#define ORACLE_HASH_START UINT64_C(14695981039346656037)

#endif
