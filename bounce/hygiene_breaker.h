/* hygiene_breaker.h - a provider that suddenly calls everybody unknown is not believed.
 *
 * For each provider the share of hard bounces among what ended there: a long memory and a window of
 * the last few hundred. When the window's share is ten times the memory's (taken for at least 2 %),
 * and at least 50 bounces stand behind it, the breaker opens: suppressions of that provider are
 * held until an operator decides. Knows no addresses, no time. The least used provider of eight
 * that share a place gives way to a new one, never an open one. What is written down is absolute:
 * reading it twice changes nothing. */
#ifndef BOUNCE_HYGIENE_BREAKER_H
#define BOUNCE_HYGIENE_BREAKER_H

#include "base/arena.h"
#include "base/span.h"

#define HYGIENE_BREAKER_PROVIDERS 512
#define HYGIENE_BREAKER_NAME_MAX 63
#define HYGIENE_BREAKER_HARD_MIN 50
#define HYGIENE_BREAKER_WINDOW 512
#define HYGIENE_BREAKER_RECORD_MAX (HYGIENE_BREAKER_NAME_MAX + 26)

struct hygiene_breaker_provider {
    char name[HYGIENE_BREAKER_NAME_MAX + 1]; /* "" : free */
    bool open;
    bool dirty;    /* changed since it was written */
    uint32_t hard; /* in the window */
    uint32_t total;
    uint64_t past_hard; /* before it, halved now and then */
    uint64_t past_total;
};

struct hygiene_breaker {
    struct hygiene_breaker_provider *providers;
};

size_t hygiene_breaker_cost(void);
void hygiene_breaker_init(struct hygiene_breaker *breaker, struct arena *arena);
void hygiene_breaker_reset(struct hygiene_breaker *breaker);
/* The provider of a host: its last two labels ("google.com"), an address or a single label whole.
 */
struct span hygiene_breaker_name(struct span host);
/* An attempt ended for good there. Whether the provider's breaker is open (now). */
bool hygiene_breaker_count(struct hygiene_breaker *breaker, struct span provider, bool hard);
MUST_USE bool hygiene_breaker_is_open(const struct hygiene_breaker *breaker, struct span provider);
/* As the journal says (something is held), or an operator (it is believed again; empty: all). */
void hygiene_breaker_open(struct hygiene_breaker *breaker, struct span provider);
void hygiene_breaker_close(struct hygiene_breaker *breaker, struct span provider);

/* The next changed provider at or behind *place, which then is the one behind it, written (at most
 * HYGIENE_BREAKER_RECORD_MAX bytes) and no longer dirty; its size, or 0: none. `all`: changed or
 * not. */
MUST_USE size_t hygiene_breaker_write_next(struct hygiene_breaker *breaker, uint32_t *place,
                                           bool all, uint8_t *into);
/* Takes in what was written. 0 or -EBADMSG. */
MUST_USE int hygiene_breaker_read(struct hygiene_breaker *breaker, struct span bytes);

#endif
