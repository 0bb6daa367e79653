#include "tools/sender_line.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define TRIES_MAX 30
#define PAUSE_MS 100

static int connect_to(const char *spool)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int size = snprintf(address.sun_path, sizeof(address.sun_path), "%s/control", spool);
    int handle;

    if (size < 0 || (size_t)size >= sizeof(address.sun_path))
        return -ENAMETOOLONG;
    handle = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (handle < 0)
        return -errno;
    if (connect(handle, (struct sockaddr *)&address, sizeof(address)) != 0) {
        int result = -errno;

        (void)close(handle);
        return result;
    }
    return handle;
}

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
    int handle = connect_to(spool);
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

/* The kernel takes connections to a killed sender for some time after its end, and resets them. */
static int wait_for_answer(const char *spool)
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
    return result;
}

bool sender_line_is_there(const char *spool)
{
    return wait_for_answer(spool) == 0;
}

int sender_line_reach(const char *spool)
{
    int result = wait_for_answer(spool);

    return result < 0 ? result : connect_to(spool);
}
