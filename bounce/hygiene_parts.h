/* hygiene_parts.h - what the parts of bounce/hygiene share: marks (hygiene.c) and details
 * (hygiene_details.c). */
#ifndef BOUNCE_HYGIENE_PARTS_H
#define BOUNCE_HYGIENE_PARTS_H

#include <stdatomic.h>

#include "bounce/hygiene.h"
#include "bounce/hygiene_breaker.h"
#include "bounce/hygiene_domains.h"
#include "bounce/hygiene_dossier.h"
#include "bounce/hygiene_filter.h"
#include "bounce/hygiene_held.h"
#include "bounce/hygiene_marks.h"

/* Flags of a mark. */
enum { HYGIENE_PARTS_SCORED = 0, HYGIENE_PARTS_HELD = 1 };

/* The name of a mark: the key alone, or with its scope. */
#define HYGIENE_PARTS_NAME_MAX (HYGIENE_CHANGE_KEY_MAX + 2 * HYGIENE_CHANGE_SCOPE_MAX + 2)

struct hygiene {
    struct hygiene_options options;
    struct hygiene_filter filter;
    struct hygiene_marks marks;
    struct hygiene_held held;
    struct hygiene_breaker breaker;
    struct hygiene_domains domains;
    struct hygiene_shelf *shelf;
    bool shelving;
    int shelf_error;
    _Atomic bool any;        /* somebody was suppressed */
    _Atomic bool any_scoped; /* ...within a scope */
    struct hygiene_counts counts;
    struct hygiene_dossier dossier; /* the one in hand; its strings lie in `strings` */
    uint8_t strings[HYGIENE_DOSSIER_SIZE_MAX];
    uint8_t bytes[HYGIENE_DOSSIER_SIZE_MAX];
};

/* A mark and that of its address, which are one without a scope. */
struct hygiene_parts_pair {
    uint32_t cell;
    uint32_t address;
    bool fresh;
    bool address_fresh;
};

/* Key and scope of a change, as they are kept. */
struct hygiene_target hygiene_parts_scope(const struct hygiene_change *change);
/* Of a mark's name, written into `into` unless it is the key. */
struct span hygiene_parts_name(const struct hygiene_target *target,
                               uint8_t into[HYGIENE_PARTS_NAME_MAX]);
uint32_t hygiene_parts_find(const struct hygiene *hygiene, const struct hygiene_target *target);

/* Whether a withdrawal clears the address's counts too: one from a list of others does not. */
bool hygiene_parts_clears(const struct hygiene_change *withdrawal);

/* hygiene_details.c: what a change leaves on the shelf, one put for each dossier that it touches.
 * Does nothing while not shelving. */
void hygiene_parts_shelve(struct hygiene *hygiene, const struct hygiene_target *target,
                          const struct hygiene_parts_pair *pair,
                          const struct hygiene_change *change);

#endif
