/* confirmations.h - what reports without proof have said of subscribers of somebody else's lists,
 * and when enough of them agree.
 *
 * The return paths of other list software are not keyed (list_path.h): anybody can send a report to
 * one. So such a report only counts, for one address on one list, at most once a day, and is
 * believed when reports of enough different days agree:
 *
 *   classes that suppress at once (no-user, moved, null-mx, complaint ...): reports on
 *   `reports_min` different days within `days_max`, of any of these classes;
 *   classes that are counted (mailbox-full, inactive ...): what their action says
 *   (bounce_class.h), and no fewer than `reports_min` days;
 *   all others: never.
 *
 * A report that comes again, because its answer was lost on the way, is known by its `message` and
 * counts once, whatever day it is.
 *
 * Bounded: when it is full the address that was reported first is forgotten, and counted: whoever
 * floods it delays what is true and brings about nothing that is not.
 * Pure: what is added is journaled by the caller and added again in the same order at the next
 * start. Not for several threads. */
#ifndef BOUNCE_CONFIRMATIONS_H
#define BOUNCE_CONFIRMATIONS_H

#include "base/arena.h"
#include "base/table.h"
#include "bounce/hygiene_change.h"

#define CONFIRMATIONS_DAYS                                                                         \
    16 /* that are remembered of each address: the most a rule can ask for                         \
        */

/* One report. */
struct confirmation {
    struct span key;  /* canonical (message/address), at most HYGIENE_CHANGE_KEY_MAX */
    struct span list; /* at most HYGIENE_CHANGE_SCOPE_MAX */
    enum bounce_class class;
    uint16_t day;     /* days since 1970-01-01 */
    uint32_t message; /* a sum over what identifies it; 0: nothing does */
};

struct confirmation_rule {
    uint32_t reports_min; /* 1 to CONFIRMATIONS_DAYS */
    uint32_t days_max;
};

/* Where an address stands. */
struct confirmation_state {
    uint32_t days; /* different days of reports that agree with the one in question */
    bool confirmed;
};

/* Bytes of one in a journal, at most. */
#define CONFIRMATIONS_RECORD_SIZE_MAX (10 + HYGIENE_CHANGE_KEY_MAX + HYGIENE_CHANGE_SCOPE_MAX)

struct confirmations;

size_t confirmations_cost(uint32_t count_max);
struct confirmations *confirmations_open(struct arena *arena, uint32_t count_max,
                                         const struct table_key *seed);
/* Whether reports of this class can confirm something at all. */
MUST_USE bool confirmations_can(enum bounce_class class);
/* Whether the report would count: its class can confirm something, and none was counted for the
 * address on this list that day or later, nor this one before. */
MUST_USE bool confirmations_takes(const struct confirmations *confirmations,
                                  const struct confirmation *report);
/* Counts it; one that is not taken changes nothing. */
void confirmations_add(struct confirmations *confirmations, const struct confirmation *report);
/* What is known with this report, which was added before. */
void confirmations_state(const struct confirmations *confirmations,
                         const struct confirmation *report, const struct confirmation_rule *rule,
                         struct confirmation_state *ret_state);
/* Nothing is counted any more: it was believed, or somebody knows better. */
void confirmations_clear(struct confirmations *confirmations, struct span key, struct span list);

/* The reports that are in force, numbered from 0: `number` an address on a list, `part` its
 * reports. False: no such one; then, with part 0 of a number below confirmations_count, it is
 * empty. */
MUST_USE bool confirmations_at(const struct confirmations *confirmations, uint32_t number,
                               uint32_t part, struct confirmation *ret_report);
uint32_t confirmations_count(const struct confirmations *confirmations);
uint64_t confirmations_forgotten(const struct confirmations *confirmations);

/* Writes CONFIRMATIONS_RECORD_SIZE_MAX bytes at most. */
size_t confirmations_write(const struct confirmation *report, uint8_t *into);
/* 0 or -EBADMSG. Spans point into the payload. */
MUST_USE int confirmations_read(struct span payload, struct confirmation *ret_report);

#endif
