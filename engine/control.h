/* control.h - the control socket in the spool: other processes of the same user ask and order.
 *
 * AF_UNIX, mode 0600 in a folder of mode 0700; the peer's user must be ours or root. One request
 * line a connection (query.h), one answer, then it is closed. Bounded: CONTROL_CLIENTS_MAX
 * connections, one output buffer each; a client that does not read is closed after
 * CONTROL_TIMEOUT_NS.
 *
 * A client that has closed its sending side gets its answer all the same. After the request `load`
 * a campaign comes through the connection (handover.h), and its end before the answer breaks it
 * off.
 *
 *   a client:  READING -> ANSWERING (a buffer in flight, or waiting for the store) -> CLOSING */
#ifndef ENGINE_CONTROL_H
#define ENGINE_CONTROL_H

#include "base/slab.h"
#include "engine/policy.h"
#include "engine/query.h"
#include "io/io.h"

#define CONTROL_CLIENTS_MAX 16
#define CONTROL_BUFFER_SIZE ((size_t)64 * 1024)
#define CONTROL_TIMEOUT_NS (NS_PER_S * 10)

struct control {
    struct io *io;
    uint32_t uid;
    int listening; /* handle, or -1 */
    char path[POLICY_PATH_MAX + 16];
    int error;    /* of listening, -errno */
    bool opening; /* the listening has not begun or failed yet */
    bool stopping;
    uint32_t strays; /* in flight: shuts of connections closed as they came, the socket's removal */
    struct slab clients;
    struct arena arena;
};

MUST_USE size_t control_cost(void);
/* Listens at `path` (copied by io). 0 or -ENOMEM; a failure to listen shows in control->error. */
MUST_USE int control_open(struct control *control, struct io *io, const char *path, uint32_t uid);
/* Closes every connection and the listening one and removes the socket, over the next turns. */
void control_stop(struct control *control);
MUST_USE bool control_stopped(const struct control *control);
/* After control_stopped, or when the io is gone. */
void control_close(struct control *control);
/* Takes an event whose op is TAG_CONTROL_*. */
void control_event(struct control *control, const struct io_event *event);
/* Once a turn: goes on with answers that wait. */
void control_turn(struct control *control, const struct query_world *world);
/* When a turn is due: soon while an answer waits for the store. */
MUST_USE uint64_t control_deadline_ns(const struct control *control);

#endif
