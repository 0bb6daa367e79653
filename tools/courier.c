#include "tools/courier.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/sender.h"
#include "tools/sender_line.h"

#define OUT_SIZE (HANDOVER_FRAME_MAX * 2)
#define FLUSH_SIZE ((size_t)64 * 1024) /* gathered before they are sent */
#define POLL_MS 200                    /* a signal may come between a look at *stop and the poll */

/* --- what the sender says --- */

static uint64_t number_of(struct span digits)
{
    uint64_t number = 0;

    for (size_t i = 0; i < digits.size && digits.data[i] >= '0' && digits.data[i] <= '9'; i++)
        number = number * 10 + (uint64_t)(digits.data[i] - '0');
    return number;
}

static void take_line(struct courier *courier, struct span line)
{
    struct span error = sender_value(line, "error");
    struct text words;

    courier->room = max_u64(courier->room, number_of(sender_value(line, "room")));
    courier->begun = courier->begun || sender_value(line, "begun").size > 0;
    courier->ready = courier->ready || sender_value(line, "ready").size > 0;
    if (error.size == 0)
        return;
    courier->refused = true;
    courier->again = span_equal(sender_value(line, "again"), SPAN("true"));
    courier->later = span_equal(sender_value(line, "later"), SPAN("true"));
    text_init(&words, courier->words, sizeof(courier->words));
    text_add_printable(&words, error, sizeof(courier->words) / 4 - 1);
    (void)text_cstr_end(&words);
}

static void take_lines(struct courier *courier)
{
    struct span rest = text_span(&courier->line);
    size_t end;

    while ((end = span_find_byte(rest, '\n')) != SPAN_NOT_FOUND) {
        take_line(courier, span_first(rest, end));
        rest = span_skip(rest, end + 1);
    }
    if (rest.size > 0 && rest.size < courier->line.size)
        memmove(courier->line.data, rest.data, rest.size);
    courier->line.size = rest.size;
}

/* Reads what is there. False: the connection has ended. */
static bool listen_once(struct courier *courier)
{
    ssize_t got = recv(courier->handle, courier->line.data + courier->line.size,
                       text_room(&courier->line), MSG_DONTWAIT);

    if (got > 0)
        courier->line.size += (size_t)got;
    take_lines(courier);
    return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

static enum courier_result how_it_stands(const struct courier *courier, bool there)
{
    if (courier->refused)
        return COURIER_REFUSED;
    if (*courier->stop != 0)
        return COURIER_STOPPED;
    return there || courier->ready ? COURIER_FINE : COURIER_GONE;
}

/* Waits until it says something or, with `more`, takes more. */
static enum courier_result await(struct courier *courier, bool more)
{
    struct pollfd poll_on = {.fd = courier->handle, .events = POLLIN};
    bool there = true;

    if (more && courier->count < courier->room)
        poll_on.events |= POLLOUT;
    if (poll(&poll_on, 1, POLL_MS) > 0 && (poll_on.revents & ~POLLOUT) != 0)
        there = listen_once(courier);
    return how_it_stands(courier, there);
}

/* --- what it is told --- */

static enum courier_result send_some(struct courier *courier)
{
    struct span rest = span_skip(text_span(&courier->out), courier->sent);
    uint64_t room = courier->room - courier->count;
    ssize_t sent;

    rest = span_first(rest, room < rest.size ? (size_t)room : rest.size);
    sent = rest.size == 0
               ? 0
               : send(courier->handle, rest.data, rest.size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        (void)listen_once(courier); /* why, perhaps */
        return how_it_stands(courier, false);
    }
    if (sent <= 0)
        return await(courier, true);
    courier->sent += (size_t)sent;
    courier->count += (uint64_t)sent;
    return COURIER_FINE;
}

static enum courier_result flush(struct courier *courier)
{
    enum courier_result result = COURIER_FINE;

    while (courier->sent < courier->out.size && result == COURIER_FINE)
        result = send_some(courier);
    text_reset(&courier->out);
    courier->sent = 0;
    return result;
}

enum courier_result courier_open(struct courier *courier, const char *spool,
                                 const volatile sig_atomic_t *stop)
{
    enum courier_result result = COURIER_FINE;
    void *memory;

    memset(courier, 0, sizeof(*courier));
    courier->stop = stop;
    text_init(&courier->line, courier->line_bytes, sizeof(courier->line_bytes));
    courier->handle = sender_line_reach(spool);
    if (courier->handle < 0)
        return COURIER_GONE;
    memory = malloc(OUT_SIZE);
    if (memory == NULL)
        return COURIER_GONE;
    text_init(&courier->out, memory, OUT_SIZE);
    if (send(courier->handle, "load\n", 5, MSG_NOSIGNAL) != 5)
        return COURIER_GONE;
    while (result == COURIER_FINE && courier->room == 0)
        result = await(courier, false);
    return result;
}

void courier_close(struct courier *courier)
{
    if (courier->handle >= 0)
        (void)close(courier->handle);
    free(courier->out.data);
    courier->handle = -1;
    courier->out.data = NULL;
}

enum courier_result courier_campaign(struct courier *courier,
                                     const struct campaign_descriptor *descriptor,
                                     struct span content)
{
    enum courier_result result;

    if (handover_frame_add_campaign(&courier->out, descriptor, content.size) < 0)
        return COURIER_TOO_LONG;
    do {
        struct span piece = span_first(content, content.size < HANDOVER_FRAME_CONTENT_MAX
                                                    ? content.size
                                                    : HANDOVER_FRAME_CONTENT_MAX);

        if (handover_frame_add_content(&courier->out, piece) < 0)
            return COURIER_TOO_LONG;
        content = span_skip(content, piece.size);
        result = flush(courier);
    } while (result == COURIER_FINE && content.size > 0);
    while (result == COURIER_FINE && !courier->begun)
        result = await(courier, false);
    return result;
}

enum courier_result courier_recipient(struct courier *courier,
                                      const struct store_recipient *recipient)
{
    int added = handover_frame_add_recipient(&courier->out, recipient);

    if (added < 0) /* -ENOSPC cannot be: there is room for two frames */
        return COURIER_TOO_LONG;
    return courier->out.size < FLUSH_SIZE ? COURIER_FINE : flush(courier);
}

enum courier_result courier_commit(struct courier *courier,
                                   const uint8_t digest[CAMPAIGN_DIGEST_SIZE])
{
    enum courier_result result = COURIER_FINE;

    if (handover_frame_add_commit(&courier->out, digest) < 0)
        return COURIER_TOO_LONG;
    result = flush(courier);
    courier->committed = result == COURIER_FINE;
    while (result == COURIER_FINE && !courier->ready)
        result = await(courier, false);
    return courier->ready ? COURIER_FINE : result;
}
