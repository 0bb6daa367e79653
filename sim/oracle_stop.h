/* oracle_stop.h - what operators have ordered for the mail to a zone, of one campaign or of every
 * one, and whether what happens agrees.
 *
 * The world enters what it asks for, and what the product has reported as durable. */
#ifndef SIM_ORACLE_STOP_H
#define SIM_ORACLE_STOP_H

#include "sim/oracle.h"

#define ORACLE_STOP_EVERY ORACLE_CAMPAIGNS_MAX /* for a campaign */
/* What was claimed before a stop may be under way so long; of a process that has died, so long. */
#define ORACLE_STOP_CLAIMED_NS (30 * NS_PER_MINUTE)
#define ORACLE_STOP_WIRE_NS NS_PER_MINUTE

struct oracle_stop {
    bool cancel_asked; /* the product may end who is open */
    bool cancelled;    /* that is durable: it holds for ever */
    bool pause_asked;
    bool paused;           /* durable, and nobody has asked for the end of it */
    bool end_asked;        /* of a pause, and that is not durable */
    uint64_t cancelled_ns; /* nothing may travel any more from then on */
    uint64_t paused_ns;    /* the same, as long as it is paused */
};

/* From now on there may be stops; the zones are known. */
void oracle_stop_open(struct oracle *oracle);
void oracle_stop_close(struct oracle *oracle);
struct oracle_stop *oracle_stop_at(const struct oracle *oracle, uint32_t campaign, uint32_t zone);
/* Rule 4: a RCPT came. */
void oracle_stop_travels(struct oracle *oracle, const struct oracle_recipient *recipient);
/* Whether the recipient may have been cancelled with its domain. */
MUST_USE bool oracle_stop_explains(const struct oracle *oracle,
                                   const struct oracle_recipient *recipient);

#endif
