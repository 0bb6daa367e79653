/* handover.h - takes in campaigns that come through the control socket while mail is being sent.
 *
 * Has the places for loads (handover_load.h) and speaks with their clients. A client may send as
 * many octets as the last {"room":N} allowed, counted from the start; more ends the load. One load
 * a lane at a time; a second one is told to come again. A turn does a bounded piece of work. Owns
 * the loads' buffers; borrows store and contents. Front thread only. */
#ifndef ENGINE_HANDOVER_H
#define ENGINE_HANDOVER_H

#include "base/arena.h"
#include "engine/handover_load.h"

#define HANDOVER_LOADS_MAX LANES_COUNT
#define HANDOVER_BUFFER_SIZE ((size_t)512 * 1024)
#define HANDOVER_TOLD_STEP ((size_t)64 * 1024)  /* the room grows by so much before it is told */
#define HANDOVER_SILENCE_NS (5 * NS_PER_MINUTE) /* of a client that is to send */
#define HANDOVER_ANSWER_MAX ((size_t)2048)      /* room for an answer */

struct handover {
    struct store *store;
    struct content_set *contents;
    const struct policy *policy; /* that mail is signed under from now on */
    bool stopping;
    struct arena arena;
    struct handover_load loads[HANDOVER_LOADS_MAX];
};

MUST_USE size_t handover_cost(void);
/* 0 or -ENOMEM. */
MUST_USE int handover_open(struct handover *handover, struct store *store,
                           struct content_set *contents);
void handover_close(struct handover *handover);
/* Content that cannot be signed under it is refused. Without one (NULL) nothing is signed. */
void handover_policy(struct handover *handover, const struct policy *policy);
/* Once a turn, after the store's tick. */
void handover_turn(struct handover *handover);
/* When a turn has work to do; what waits for the store is woken by its events. */
MUST_USE uint64_t handover_deadline_ns(const struct handover *handover, uint64_t now_ns);
/* No load is open: nothing is half accepted. */
MUST_USE bool handover_quiet(const struct handover *handover);
/* The process ends: takes no more, breaks off what was not committed. */
void handover_stop(struct handover *handover);

/* A client begins: NULL when there is no place. */
MUST_USE struct handover_load *handover_begin(struct handover *handover);
/* Octets from the client. False: it may not send so many. */
MUST_USE bool handover_take(struct handover_load *load, struct span bytes);
/* Adds a line when there is something to say (HANDOVER_ANSWER_MAX of room): {"room":N}, {"begun":
 * true} when the list may come, {"ready":true} or {"error":"...","again":bool,"later":bool}. True:
 * that was the last one. */
MUST_USE bool handover_answer(struct handover_load *load, struct text *out);
/* The client is to send: its silence counts. */
MUST_USE bool handover_awaits(const struct handover_load *load);
/* The client has gone, with the last answer or without. */
void handover_leave(struct handover_load *load);

#endif
