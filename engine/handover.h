/* handover.h - takes in campaigns that come through the control socket while mail is being sent.
 *
 * A load is a stream of frames (handover_frame.h), given in any pieces. The client may send as many
 * octets as the last {"room":N} allowed, counted from the start; more ends the load. Everything is
 * checked again: a client is another program, perhaps of another version. The content is compiled
 * before the list may come and stays: what is accepted has its memory.
 *
 *   OPENING (the descriptor) -> CONTENT -> ADDING -> COMMITTING -> ENDED -> (read, left) -> free
 *      any failure -> ENDED; the client leaves before its COMMIT -> free, and nothing is queued
 *
 * What was committed is taken in even if the client has gone. One load a lane at a time; a second
 * one is told to come again. A turn does a bounded piece of work. Owns its buffers; borrows store
 * and contents. Front thread only. */
#ifndef ENGINE_HANDOVER_H
#define ENGINE_HANDOVER_H

#include "engine/content.h"
#include "engine/handover_frame.h"

#define HANDOVER_LOADS_MAX LANES_COUNT
#define HANDOVER_BUFFER_SIZE ((size_t)512 * 1024)
#define HANDOVER_TOLD_STEP ((size_t)64 * 1024)  /* the room grows by so much before it is told */
#define HANDOVER_FRAMES_A_TURN 1000             /* a millisecond or two */
#define HANDOVER_SILENCE_NS (5 * NS_PER_MINUTE) /* of a client that is to send */
#define HANDOVER_WORDS_MAX 256
#define HANDOVER_ANSWER_MAX ((size_t)2048) /* room for an answer */

enum handover_state {
    HANDOVER_FREE = 0,
    HANDOVER_OPENING,    /* the descriptor is awaited */
    HANDOVER_CONTENT,    /* the content is being received */
    HANDOVER_ADDING,     /* recipients go to the store */
    HANDOVER_COMMITTING, /* the client has said that this was all */
    HANDOVER_ENDED       /* the answer is there: ready, or the error in words */
};

struct handover_load {
    enum handover_state state;
    bool left;    /* nobody waits for the answer */
    bool ready;   /* accepted and durable */
    bool again;   /* the error passes soon: the client may come again at once */
    bool later;   /* ...or when somebody has made room */
    bool starved; /* the store has no room now: back-pressure */
    bool begun;   /* the store has taken the campaign; to be told once */
    struct campaign_descriptor descriptor;
    uint8_t strings[5 * CAMPAIGN_NAME_MAX];
    struct span content;   /* of `space`, as much as has come */
    uint8_t *space;        /* CAMPAIGN_CONTENT_MAX of memory, touched when used */
    uint64_t content_size; /* announced */
    uint32_t fields_count; /* values that each recipient must have */
    struct text buffer;    /* what has come and is not yet taken */
    uint64_t taken_count;  /* octets, since the start */
    uint64_t told_count;   /* octets that the client may have sent */
    struct store_load *load;
    struct content_set *contents; /* `load` has its content there */
    char words[HANDOVER_WORDS_MAX];
};

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
