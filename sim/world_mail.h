/* world_mail.h - what is sent in the simulated world, and to whom.
 *
 * One content for all campaigns, a template or a finished message, made to be hard on whoever has
 * to stuff dots and encode names; addresses and names follow from the number of the campaign and
 * the recipient's ordinal, and nothing is drawn. Knows what each body must hash to when it arrives,
 * and nothing of how it gets there. The recipients belong to the world. */
#ifndef SIM_WORLD_MAIL_H
#define SIM_WORLD_MAIL_H

#include "sim/world.h"

/* The campaigns that the options ask for, with their recipients. */
void world_mail_open(struct world *world);
/* One more recipient of the campaign that was added to the oracle last. */
void world_mail_add_recipient(struct world *world, uint32_t campaign,
                              const struct world_recipient *recipient);
/* The template, or the finished message, of every campaign; good until the next call. */
struct span world_mail_content(const struct world *world);

#endif
