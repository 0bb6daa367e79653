/* hygiene_domains.h - how mail to whole domains fared of late, class by class.
 *
 * Every message that ended for good counts for its domain; counts lose half every 30 days. A domain
 * is remembered from its first failure on: of the many where nothing ever fails nothing is kept.
 * Decides nothing, is for people and tools to look at. Bounded: of the eight that share a place the
 * least used gives way. Knows no addresses and no clock; days are days since 1970. What is written
 * down is absolute: reading it twice changes nothing. */
#ifndef BOUNCE_HYGIENE_DOMAINS_H
#define BOUNCE_HYGIENE_DOMAINS_H

#include "base/arena.h"
#include "bounce/bounce_class.h"

#define HYGIENE_DOMAINS_NAME_MAX 128 /* longer ones are not counted */
#define HYGIENE_DOMAINS_HISTORY 16
#define HYGIENE_DOMAINS_UNIT 256 /* one message */
#define HYGIENE_DOMAINS_HALF_DAYS 30
#define HYGIENE_DOMAINS_RECORD_MAX                                                                 \
    (HYGIENE_DOMAINS_NAME_MAX + 8 + BOUNCE_CLASS_COUNT * 5 + HYGIENE_DOMAINS_HISTORY * 5)

struct hygiene_domain {
    uint64_t hash; /* 0: free */
    uint8_t name_size;
    bool dirty;   /* its place stands in the list of those */
    uint16_t day; /* of the last change; counts are as of then */
    uint8_t history_count;
    struct {
        uint16_t day;
        uint16_t count;
        uint8_t class;
    } history[HYGIENE_DOMAINS_HISTORY]; /* failures, oldest first; one item a day and class */
    uint32_t counts[BOUNCE_CLASS_COUNT];
    uint8_t name[HYGIENE_DOMAINS_NAME_MAX];
};

struct hygiene_domains {
    struct hygiene_domain *places;
    uint32_t *dirty; /* places of those that changed since they were written */
    uint32_t dirty_count;
};

size_t hygiene_domains_cost(void);
void hygiene_domains_init(struct hygiene_domains *domains, struct arena *arena);
void hygiene_domains_reset(struct hygiene_domains *domains);
/* A message to the domain (a key's, without '@') ended. */
void hygiene_domains_count(struct hygiene_domains *domains, struct span name,
                           enum bounce_class class, uint16_t day);
/* NULL: nothing is known. */
MUST_USE const struct hygiene_domain *hygiene_domains_find(const struct hygiene_domains *domains,
                                                           struct span name);
/* In messages, as it is on that day. */
double hygiene_domain_count_on(const struct hygiene_domain *domain, enum bounce_class class,
                               uint16_t day);

/* One that changed since it was written, written: at most HYGIENE_DOMAINS_RECORD_MAX bytes; its
 * size, or 0: there is none. */
MUST_USE size_t hygiene_domains_write_dirty(struct hygiene_domains *domains, uint8_t *into);
/* The same of each, whether it changed or not: the next one at or behind *place. */
MUST_USE size_t hygiene_domains_write_next(const struct hygiene_domains *domains, uint32_t *place,
                                           uint8_t *into);
/* Takes in what was written. 0 or -EBADMSG. */
MUST_USE int hygiene_domains_read(struct hygiene_domains *domains, struct span bytes);

#endif
