/* oracle_stop.h - what operators have ordered for the mail to a zone, of one campaign or of every
 * one, and whether what happens agrees.
 *
 * The world enters what it asks for, and what the product has reported as durable. */
#ifndef SIM_ORACLE_STOP_H
#define SIM_ORACLE_STOP_H

#include "sim/oracle.h"

#define ORACLE_STOP_EVERY ORACLE_CAMPAIGNS_MAX /* for a campaign */

struct oracle_stop {
    bool cancel_asked; /* the product may end who is open */
    bool cancelled;    /* that is durable: it holds for ever */
    bool pause_asked;
    bool paused;    /* durable, and nobody has asked for the end of it */
    bool end_asked; /* of a pause, and that is not durable */
    uint64_t cancelled_ns;
    uint64_t paused_ns;
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
