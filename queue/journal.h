/* journal.h - what stands in a journal: outcomes of attempts, states of campaigns, stops of
 * domains.
 *
 * Knows nothing of files. Builds payloads into lent memory and reads them back from lent spans.
 * Outcomes and states are applied in any order and any number of times with the same result: see
 * journal_newer and the sequence of states. Stops are applied in the order in which they stand,
 * file by file, and those whose sequence is not higher than all before are passed over. */
#ifndef QUEUE_JOURNAL_H
#define QUEUE_JOURNAL_H

#include "queue/attempt.h"
#include "queue/campaign.h"
#include "queue/record.h"
#include "queue/stops.h"

/* No outcome's payload is larger. */
#define JOURNAL_OUTCOME_MAX ((size_t)2 * 1024)

struct journal_state {
    uint64_t campaign;
    uint32_t sequence; /* the highest wins */
    enum campaign_state state;
    uint64_t time_s;
    uint32_t recipients_count; /* as committed; 0 before READY */
    uint8_t list_digest[CAMPAIGN_DIGEST_SIZE];
};

/* An operator stopped the mail to a domain, or lets it go on. */
struct journal_stop {
    uint64_t campaign; /* id; 0: every campaign */
    uint64_t time_s;
    uint64_t sequence; /* of all stops of the spool, from 1 */
    enum stop_kind kind;
    struct span domain; /* 1 to JOURNAL_STOP_NAME_MAX octets */
};

#define JOURNAL_STOP_NAME_MAX 255

/* What recovery needs of an outcome. */
struct journal_outcome {
    struct identity identity;
    uint32_t number;
    enum outcome_kind kind;
    uint64_t next_due_s; /* rounded up */
    bool unsure;
};

/* Writes the payload (JOURNAL_OUTCOME_MAX bytes of room) and returns its size. */
size_t journal_write_outcome(struct identity identity, uint32_t number,
                             const struct attempt *attempt, uint8_t *payload);
/* Everything but journal and offset. Spans point into the payload. */
MUST_USE int journal_read_outcome(struct span payload, struct attempt_event *ret);
/* Only the head, without copying texts. */
MUST_USE int journal_peek_outcome(struct span payload, struct journal_outcome *ret);

size_t journal_state_size(void);
void journal_write_state(const struct journal_state *state, uint8_t *payload);
MUST_USE int journal_read_state(struct span payload, struct journal_state *ret);

size_t journal_stop_size(const struct journal_stop *stop);
void journal_write_stop(const struct journal_stop *stop, uint8_t *payload);
/* The domain points into the payload. */
MUST_USE int journal_read_stop(struct span payload, struct journal_stop *ret);

/* Whether an outcome says more than what is known: an end says more than a deferral, among two ends
 * or two deferrals the higher attempt number does. */
MUST_USE bool journal_newer(uint32_t number, bool final, uint32_t known_number, bool known_final);
MUST_USE bool journal_is_final(enum outcome_kind kind);

#endif
