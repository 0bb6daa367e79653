/* intake_list.h - what came back to somebody else's list, taken in: counted, and believed when
 * enough reports of different days agree (bounce/confirmations.h).
 *
 * What is believed is a suppression of that list's scope, for the list's operator to be told
 * (docs/how-to-mailing-lists.md); it stops no mail of ours. Provider breakers neither count such
 * reports nor hold them back: whoever forges them could open one.
 *
 * Belongs to the store's thread. Owns nothing. */
#ifndef ENGINE_INTAKE_LIST_H
#define ENGINE_INTAKE_LIST_H

#include "engine/intake.h"

/* Only of a notice of a list (notice_is_of_list). */
void intake_list_take(struct hygiene_store *hygiene, const struct notice *notice, uint64_t wall_s,
                      struct intake_result *ret_result);

#endif
