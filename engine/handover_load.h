/* handover_load.h - one campaign that is taken in while mail is being sent.
 *
 * It comes as a stream of frames (handover_frame.h), in any pieces. Everything is checked again: a
 * client is another program, perhaps of another version. The content is compiled before the list
 * may come and stays: what is accepted has its memory.
 *
 *   OPENING (the descriptor) -> CONTENT -> ADDING -> COMMITTING -> ENDED -> (read, left) -> free
 *      any failure -> ENDED; the client leaves before its COMMIT -> free, and nothing is queued
 *
 * What was committed is taken in even if the client has gone. Knows nothing of what the client is
 * told, and when. Its place and its memory are the handover's (handover.h), whose store, contents
 * and policy it borrows. */
#ifndef ENGINE_HANDOVER_LOAD_H
#define ENGINE_HANDOVER_LOAD_H

#include "engine/content.h"
#include "engine/handover_frame.h"

#define HANDOVER_FRAMES_A_TURN 1000 /* a millisecond or two */
#define HANDOVER_WORDS_MAX 256

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

struct handover;

/* Takes the frames that are there, and what the store says to a commit; a bounded piece of work. */
void handover_load_turn(struct handover *handover, struct handover_load *load);
/* The client is to send: descriptor, content or recipients. */
MUST_USE bool handover_load_is_fed(const struct handover_load *load);
/* A whole frame, or one that is broken, can be taken out of the buffer. */
MUST_USE bool handover_load_has_frame(const struct handover_load *load);
/* Ends it with these words (static, or copied before anything is freed: they are cut at a limit).
 */
void handover_load_fail(struct handover_load *load, bool again, const char *words);
/* What was not accepted goes out of store and contents. The place is free if nobody waits for the
 * answer. */
void handover_load_end(struct handover_load *load);

#endif
