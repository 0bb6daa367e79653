#include "tools/sender_line.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/sender.h"

#define TRIES_MAX 30
#define PAUSE_MS 100

static int send_all(int handle, struct span bytes)
{
    while (bytes.size > 0) {
        ssize_t sent = send(handle, bytes.data, bytes.size, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return -errno;
        bytes = span_skip(bytes, (size_t)sent);
    }
    return 0;
}

static int read_all(int handle, struct text *answer)
{
    while (text_room(answer) > 0) {
        ssize_t got = recv(handle, answer->data + answer->size, text_room(answer), 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -errno : 0;
        answer->size += (size_t)got;
    }
    return 0;
}

int sender_line_ask(const char *spool, struct span request, struct text *answer)
{
    int handle = sender_connect(spool);
    int result;

    if (handle < 0)
        return handle;
    result = send_all(handle, request);
    if (result == 0)
        result = send_all(handle, SPAN("\n"));
    if (result == 0)
        result = read_all(handle, answer);
    (void)close(handle); /* everything was written */
    if (result == 0 && answer->size == 0)
        result = -ECONNRESET;
    return result;
}

/* The kernel takes connections to a killed sender for some time after its end. */
bool sender_line_is_there(const char *spool)
{
    char buffer[8192];
    struct text answer;
    int result = -ECONNRESET;

    for (int i = 0; i < TRIES_MAX && (result == -ECONNRESET || result == -EPIPE); i++) {
        if (i > 0)
            (void)poll(NULL, 0, PAUSE_MS);
        text_init(&answer, buffer, sizeof(buffer));
        result = sender_line_ask(spool, SPAN("status"), &answer);
    }
    return result == 0;
}
