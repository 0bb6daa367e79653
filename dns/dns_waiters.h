/* dns_waiters.h - who waits for which questions, and who may ask again.
 *
 * Knows nothing of questions: a question lends a list, on which its waiters hang. A waiter is
 * known by the caller's number from its first PENDING until it leaves.
 *
 *   ASKING -> WAITING (for answers) -> READY -> ASKING
 *   ASKING -> STARVING (for a free question) -> ASKING
 *
 * Borrows its memory from an arena. */
#ifndef DNS_DNS_WAITERS_H
#define DNS_DNS_WAITERS_H

#include "base/list.h"
#include "base/slab.h"
#include "base/table.h"

/* Questions that one waiter may wait for at once: two types for five hosts. */
#define DNS_WAITERS_WAITS_MAX 10

enum dns_waiter_state {
    DNS_WAITER_ASKING = 0, /* the caller has it */
    DNS_WAITER_WAITING,    /* at least one wait is in a question's list */
    DNS_WAITER_READY,      /* all its questions are answered; in `ready` */
    DNS_WAITER_STARVING    /* no question was free; in `starving` */
};

struct dns_waiter;

struct dns_wait {
    struct list_node node; /* in the question's list */
    struct dns_waiter *waiter;
};

struct dns_waiter {
    uint64_t number;
    enum dns_waiter_state state;
    uint32_t rounds;       /* times that its answers had all come */
    uint32_t waits_count;  /* in a question's list now */
    struct list_node node; /* in ready or starving */
    struct dns_wait waits[DNS_WAITERS_WAITS_MAX];
};

struct dns_waiters {
    struct slab slab;
    struct table table;
    struct list ready;
    struct list starving;
};

size_t dns_waiters_cost(uint32_t waiters_max); /* bytes of arena */
void dns_waiters_init(struct dns_waiters *waiters, struct arena *arena, uint32_t waiters_max);
/* The waiter of this number, or NULL. */
MUST_USE struct dns_waiter *dns_waiters_find(const struct dns_waiters *waiters, uint64_t number);
/* A new one, ASKING; NULL when all are taken. */
MUST_USE struct dns_waiter *dns_waiters_enter(struct dns_waiters *waiters, uint64_t number);
void dns_waiters_leave(struct dns_waiters *waiters, struct dns_waiter *waiter);

/* Back to ASKING: out of every list, but a starving one keeps its place. */
void dns_waiters_ask(struct dns_waiter *waiter);
/* Hangs the waiter on a question's list. CHECKs that a wait is free. */
void dns_waiters_wait(struct dns_waiter *waiter, struct list *waits);
void dns_waiters_starve(struct dns_waiters *waiters, struct dns_waiter *waiter);
/* The question is answered: empties its list; who waits for nothing more becomes READY. */
void dns_waiters_wake(struct dns_waiters *waiters, struct list *waits);
/* The next that should ask again: READY ones, then STARVING ones if `question_free`; or NULL. */
MUST_USE struct dns_waiter *dns_waiters_next(struct dns_waiters *waiters, bool question_free);

#endif
