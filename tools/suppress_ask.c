#include "tools/suppress_ask.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/query.h"
#include "engine/tag.h"
#include "tools/exit_code.h"
#include "tools/sender_line.h"

#define ANSWER_SIZE MIB
#define LOCKED_TRIES_MAX 200
#define REFUSALS_MAX 2
#define LOCKED_PAUSE_MS 50

static int complain(int result, const char *what)
{
    (void)fprintf(stderr, "ringpost suppress: %s: %s\n", what, strerror(-result));
    return result == -EWOULDBLOCK ? EXIT_TRY_AGAIN : EXIT_CANNOT_CREATE;
}

static int lock(struct suppress_ask *ask, uint32_t *ret_pid)
{
    char path[POLICY_PATH_MAX + 16];
    int size = snprintf(path, sizeof(path), "%s/lock", ask->folder);
    int result = size > 0 && (size_t)size < sizeof(path) ? io_folder(ask->spool.io, ask->folder)
                                                         : -ENAMETOOLONG;

    if (result == 0)
        result = io_lock(ask->spool.io, path, ret_pid);
    return result;
}

/* The sender's socket, or the lock: one that starts or ends has the lock and no socket yet, or no
 * longer. 0: *ret_handle, which is negative with the lock. */
static int find_sender_or_lock(struct suppress_ask *ask, int *ret_handle)
{
    uint32_t pid = 0;
    int result = 0, refusals = 0;

    for (int i = 0; i < LOCKED_TRIES_MAX && refusals < REFUSALS_MAX; i++) {
        *ret_handle = sender_line_reach(ask->folder);
        if (*ret_handle >= 0)
            return 0;
        if (*ret_handle != -ECONNREFUSED && *ret_handle != -ENOENT)
            refusals++; /* somebody is there, and was waited for */
        result = lock(ask, &pid);
        if (result != -EWOULDBLOCK)
            return result;
        (void)poll(NULL, 0, LOCKED_PAUSE_MS);
    }
    (void)fprintf(stderr,
                  "ringpost suppress: the spool is in use by process %u, which does not answer\n",
                  pid);
    return result;
}

static int open_hygiene(struct suppress_ask *ask)
{
    const struct policy *policy = ask->spool.settings.policy;
    struct hygiene_store_options options = {
        .folder = policy->hygiene_path,
        .durability = policy->durability == DURABILITY_DURABLE ? STORE_DURABLE : STORE_OS,
        .addresses_max = policy->hygiene_addresses,
        /* As the sender: this start may compact what it reads. */
        .tags_max = HYGIENE_STORE_TAGS_MAX,
        .reports_max = policy->foreign.count > 0 ? HYGIENE_STORE_REPORTS_MAX : 0,
    };
    char message[512];
    struct text error;
    int result = arena_open(&ask->arena, hygiene_store_cost(&options));

    if (result < 0)
        return complain(result, "memory");
    text_init(&error, message, sizeof(message));
    result = hygiene_store_open(&ask->hygiene, ask->spool.io, &ask->arena, &options, &error);
    if (result == 0)
        return 0;
    (void)fprintf(stderr, "ringpost suppress: %s\n", text_cstr_end(&error));
    return EXIT_CANNOT_CREATE;
}

int suppress_ask_open(struct suppress_ask *ask, const char *config, const char *spool)
{
    int result = spool_open(&ask->spool, config, spool, false);
    const struct policy *policy;

    if (result != 0)
        return result;
    policy = ask->spool.settings.policy;
    ask->folder = policy->spool;
    if (!ask->looks_only || access(policy->hygiene_path, F_OK) == 0 ||
        spool_is_there(policy->spool))
        return 0;
    (void)fprintf(stderr, "ringpost suppress: %s is no spool: nobody was ever suppressed there\n",
                  ask->folder);
    (void)spool_close(&ask->spool);
    return EXIT_USAGE;
}

/* --- beside a running sender --- */

/* Gives out the complete lines and keeps the rest at the front. */
static void take_lines(struct suppress_ask *ask, struct text *text)
{
    struct span rest = text_span(text);
    size_t end;

    while ((end = span_find_byte(rest, '\n')) != SPAN_NOT_FOUND) {
        ask->take(ask->context, span_first(rest, end));
        rest = span_skip(rest, end + 1);
    }
    if (rest.size > 0)
        memmove(text->data, rest.data, rest.size);
    text->size = rest.size;
}

static uint8_t answer[ANSWER_SIZE];

static int ask_sender(struct suppress_ask *ask, int handle, struct span request)
{
    struct text text;
    ssize_t got = 1;
    bool any = false;

    text_init(&text, answer, sizeof(answer));
    if (send(handle, request.data, request.size, MSG_NOSIGNAL) != (ssize_t)request.size ||
        send(handle, "\n", 1, MSG_NOSIGNAL) != 1)
        got = -1;
    while (got > 0) {
        got = recv(handle, text.data + text.size, text.capacity - text.size, 0);
        if (got < 0 && errno == EINTR) {
            got = 1;
            continue;
        }
        if (got > 0) {
            any = true;
            text.size += (size_t)got;
            take_lines(ask, &text);
        }
    }
    (void)close(handle);
    if (got == 0 && (any || span_starts(request, SPAN("suppress\tlist"))))
        return 0;
    (void)fprintf(stderr, "ringpost suppress: the sender gave no answer: try again\n");
    return EXIT_TRY_AGAIN;
}

/* --- at rest --- */

static void turn(struct suppress_ask *ask)
{
    struct io *io = ask->spool.io;
    struct io_event events[16];
    uint64_t deadline_ns =
        min_u64(hygiene_store_deadline_ns(ask->hygiene), io_now_ns(io) + NS_PER_MS);
    uint32_t count = io_wait(io, deadline_ns, events, ARRAY_LEN(events));

    for (uint32_t i = 0; i < count; i++)
        if (tag_op_of(events[i].tag) == TAG_HYGIENE_LOG)
            hygiene_store_event(ask->hygiene, &events[i]);
    hygiene_store_turn(ask->hygiene, NULL, false);
}

static int ask_journal(struct suppress_ask *ask, struct span request)
{
    struct query_world world = {.hygiene = ask->hygiene};
    static struct query query;
    struct text text;
    bool complete = false;

    text_init(&text, answer, sizeof(answer));
    query_parse(&query, request);
    while (!complete) {
        world.wall_ns = io_wall_ns(ask->spool.io);
        complete = query_step(&query, &world, &text);
        if (!complete && text.size == 0)
            turn(ask);
        take_lines(ask, &text);
        if (hygiene_store_error(ask->hygiene) != 0)
            return complain(hygiene_store_error(ask->hygiene),
                            ask->spool.settings.policy->hygiene_path);
    }
    return 0;
}

int suppress_ask_request(struct suppress_ask *ask, struct span request)
{
    int result;

    if (ask->hygiene == NULL) {
        int handle;

        result = find_sender_or_lock(ask, &handle);
        if (result == -EWOULDBLOCK)
            return EXIT_TRY_AGAIN;
        if (result < 0)
            return complain(result, ask->folder);
        if (handle >= 0)
            return ask_sender(ask, handle, request);
        result = open_hygiene(ask);
        if (result != 0)
            return result;
    }
    return ask_journal(ask, request);
}

int suppress_ask_close(struct suppress_ask *ask)
{
    int result = hygiene_store_close(ask->hygiene);

    if (result < 0)
        result = complain(result, ask->spool.settings.policy->hygiene_path);
    (void)spool_close(&ask->spool);
    arena_close(&ask->arena);
    return result;
}
