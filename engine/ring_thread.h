/* ring_thread.h - a thread with a ring of its own, which only that thread may use: the starter
 * waits until the ring is open and hears why when it is not.
 *
 *   start: ring -> opened() on the thread -> the starter goes on -> run() until it returns ->
 * closed
 *
 * Knows nothing of what runs. Borrows the context until the join. The ring's group has a place for
 * it. Belongs to the starter's thread but for what runs. */
#ifndef ENGINE_RING_THREAD_H
#define ENGINE_RING_THREAD_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "base/text.h"
#include "io/io.h"

#define RING_THREAD_WAKES_NOBODY UINT32_MAX

struct ring_thread_options {
    struct io_options ring;
    uint32_t wakes;                               /* the ring that is told of the end */
    void (*opened)(void *context, struct io *io); /* the starter waits for it */
    void (*run)(void *context);
    void *context;
};

/* Zeroed before its start. */
struct ring_thread {
    struct ring_thread_options options;
    pthread_t thread;
    bool started;
    sem_t opened;
    int open_result;
    char open_error[512];
    _Atomic bool closed;
};

/* -errno with *error: it does not run, and need not be joined. */
MUST_USE int ring_thread_start(struct ring_thread *thread,
                               const struct ring_thread_options *options, struct text *error);
/* Its run is over, or it was never started. */
MUST_USE bool ring_thread_is_over(const struct ring_thread *thread);
void ring_thread_join(struct ring_thread *thread);

#endif
