#include "engine/ring_thread.h"

#include <errno.h>
#include <string.h>

static void say_over(struct ring_thread *thread)
{
    atomic_store_explicit(&thread->closed, true, memory_order_release);
}

/* Who is told is told before the ring is closed: the wake travels with it. */
static void end(struct ring_thread *thread, struct io *io)
{
    struct io_event events[16];

    if (thread->options.wakes == RING_THREAD_WAKES_NOBODY) {
        io_close(io);
        say_over(thread);
        return;
    }
    say_over(thread);
    io_wake(io, thread->options.wakes);
    while (io_wait(io, 0, events, ARRAY_LEN(events)) > 0)
        continue;
    io_close(io);
}

static void *run(void *argument)
{
    struct ring_thread *thread = argument;
    struct io *io = NULL;
    struct text error;

    text_init(&error, thread->open_error, sizeof(thread->open_error));
    thread->open_result = io_open(&io, &thread->options.ring, &error);
    (void)text_cstr_end(&error);
    if (thread->open_result < 0) {
        (void)sem_post(&thread->opened);
        return NULL;
    }
    thread->options.opened(thread->options.context, io);
    (void)sem_post(&thread->opened);
    thread->options.run(thread->options.context);
    end(thread, io);
    return NULL;
}

int ring_thread_start(struct ring_thread *thread, const struct ring_thread_options *options,
                      struct text *error)
{
    int result;

    thread->options = *options;
    if (sem_init(&thread->opened, 0, 0) != 0)
        return -errno;
    result = -pthread_create(&thread->thread, NULL, run, thread);
    if (result < 0) {
        text_add_format(error, "a thread cannot be started: %s", strerror(-result));
        return result;
    }
    while (sem_wait(&thread->opened) != 0)
        continue;
    if (thread->open_result < 0) {
        (void)pthread_join(thread->thread, NULL);
        text_add_cstr(error, thread->open_error);
        return thread->open_result;
    }
    thread->started = true;
    return 0;
}

bool ring_thread_is_over(const struct ring_thread *thread)
{
    return !thread->started || atomic_load_explicit(&thread->closed, memory_order_acquire);
}

void ring_thread_join(struct ring_thread *thread)
{
    if (thread->started)
        (void)pthread_join(thread->thread, NULL);
    thread->started = false;
}
