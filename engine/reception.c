#include "engine/reception.h"

#include <string.h>

#include "base/check.h"

void reception_init(struct reception *reception, int handle, const struct receive_options *options)
{
    reception->state = RECEPTION_TALKING;
    reception->handle = handle;
    receive_init(&reception->receive, options);
    text_init(&reception->pending, reception->pending_bytes, sizeof(reception->pending_bytes));
    text_init(&reception->replies, reception->replies_bytes, sizeof(reception->replies_bytes));
    text_init(&reception->wire, reception->wire_bytes, sizeof(reception->wire_bytes));
}

void reception_reset(struct reception *reception)
{
    tls_stream_reset(&reception->tls);
}

/* What was taken makes room at the front. */
static void compact(struct reception *reception)
{
    size_t left = reception->pending.size - reception->pending_taken;

    if (reception->pending_taken == 0)
        return;
    memmove(reception->pending.data, reception->pending.data + reception->pending_taken, left);
    reception->pending.size = left;
    reception->pending_taken = 0;
}

/* The wire is moved only when nothing of it is in flight. */
static void make_wire_room(struct reception *reception)
{
    size_t left = reception->wire.size - reception->sent;

    if (reception->sending || reception->sent == 0)
        return;
    memmove(reception->wire.data, reception->wire.data + reception->sent, left);
    reception->wire.size = left;
    reception->sent = 0;
}

static bool unseal(struct reception *reception, struct span octets, uint64_t wall_s)
{
    for (;;) {
        make_wire_room(reception);
        if (text_room(&reception->wire) < TLS_STREAM_OUT_MIN)
            return false; /* a flood of what must be answered */
        switch (tls_stream_read(&reception->tls, &octets, &reception->pending, &reception->wire,
                                wall_s)) {
        case TLS_WANT_READ:
            return true;
        case TLS_WANT_WRITE:
            continue;
        case TLS_WANT_CLOSE:
            reception->ended = true;
            return true;
        case TLS_WANT_ROOM:
        case TLS_WANT_OPEN:
            return false;
        }
    }
}

bool reception_take(struct reception *reception, struct span octets, uint64_t wall_s)
{
    if (reception->state == RECEPTION_LEAVING || reception->state == RECEPTION_CLOSING)
        return true; /* nobody reads it */
    compact(reception);
    if (reception->covered)
        return unseal(reception, octets, wall_s);
    if (octets.size > text_room(&reception->pending))
        return false;
    text_add(&reception->pending, octets);
    return true;
}

static void leave(struct reception *reception)
{
    reception->state = RECEPTION_LEAVING;
}

void reception_leave(struct reception *reception, const char *line)
{
    if (reception->state == RECEPTION_LEAVING || reception->state == RECEPTION_CLOSING)
        return;
    if (reception->state != RECEPTION_SHAKING &&
        text_room(&reception->replies) >= strlen(line) + 2) {
        text_add_cstr(&reception->replies, line);
        text_add(&reception->replies, SPAN("\r\n"));
    }
    leave(reception);
}

/* The 220 has to leave in clear before the handshake begins. */
static void begin_shaking(struct reception *reception, const struct tls_context *tls,
                          uint64_t wall_s)
{
    struct tls_stream_options options = {.identity = TLS_CONTEXT_IDENTITY_NONE};

    (void)reception_outgoing(reception);
    if (reception->replies.size > 0 ||
        tls_stream_start(&reception->tls, tls, &options, wall_s) < 0) {
        leave(reception);
        return;
    }
    reception->state = RECEPTION_SHAKING;
}

static void shake(struct reception *reception, uint64_t wall_s)
{
    for (;;) {
        struct span input = span_skip(text_span(&reception->pending), reception->pending_taken);
        enum tls_want want;

        make_wire_room(reception);
        if (text_room(&reception->wire) < TLS_STREAM_OUT_MIN)
            return; /* goes on when it was sent */
        want = tls_stream_step(&reception->tls, &input, &reception->wire, wall_s);
        reception->pending_taken = reception->pending.size - input.size;
        if (want == TLS_WANT_READ || want == TLS_WANT_WRITE)
            return;
        if (want != TLS_WANT_OPEN) {
            leave(reception);
            return;
        }
        break;
    }
    reception->covered = true;
    reception->state = RECEPTION_TALKING;
    receive_secured(&reception->receive);
    if (reception->pending_taken < reception->pending.size) { /* sealed octets came along */
        uint8_t bytes[RECEPTION_PENDING_MAX];
        size_t left = reception->pending.size - reception->pending_taken;

        memcpy(bytes, reception->pending.data + reception->pending_taken, left);
        reception->pending.size = reception->pending_taken = 0;
        if (!unseal(reception, span_make(bytes, left), wall_s))
            leave(reception);
        return;
    }
    compact(reception);
}

static enum receive_want talk(struct reception *reception)
{
    struct span input = span_skip(text_span(&reception->pending), reception->pending_taken);
    enum receive_want want = receive_step(&reception->receive, &input, &reception->replies);

    reception->pending_taken = reception->pending.size - input.size;
    return want;
}

static bool can_talk(struct reception *reception)
{
    if (text_room(&reception->replies) < RECEIVE_REPLY_MAX)
        (void)reception_outgoing(reception);
    return reception->state == RECEPTION_TALKING &&
           text_room(&reception->replies) >= RECEIVE_REPLY_MAX;
}

/* What the machine stopped for. */
static enum reception_want ask(struct reception *reception, enum receive_want want,
                               const struct tls_context *tls, uint64_t wall_s)
{
    switch (want) {
    case RECEIVE_WANT_INPUT:
        if (reception->ended)
            leave(reception);
        return RECEPTION_WANT_NOTHING;
    case RECEIVE_WANT_RECIPIENT:
        return RECEPTION_WANT_RECIPIENT;
    case RECEIVE_WANT_CONTENT:
        return RECEPTION_WANT_CONTENT;
    case RECEIVE_WANT_VERDICT:
        reception->state = RECEPTION_JUDGING;
        return RECEPTION_WANT_VERDICT;
    case RECEIVE_WANT_TLS:
        CHECK(tls != NULL); /* not offered otherwise */
        begin_shaking(reception, tls, wall_s);
        return RECEPTION_WANT_NOTHING;
    case RECEIVE_WANT_CLOSE:
        leave(reception);
        return RECEPTION_WANT_NOTHING;
    }
    UNREACHABLE("a want that is none");
}

enum reception_want reception_step(struct reception *reception, const struct tls_context *tls,
                                   uint64_t wall_s)
{
    if (reception->state == RECEPTION_SHAKING)
        shake(reception, wall_s);
    while (can_talk(reception)) {
        enum receive_want want = talk(reception);

        if (want == RECEIVE_WANT_INPUT && reception->pending_taken < reception->pending.size)
            continue; /* the replies were full */
        return ask(reception, want, tls, wall_s);
    }
    return RECEPTION_WANT_NOTHING;
}

void reception_answer(struct reception *reception, enum receive_verdict verdict)
{
    receive_answer(&reception->receive, verdict, &reception->replies);
    if (reception->state == RECEPTION_JUDGING)
        reception->state = RECEPTION_TALKING;
}

/* Replies are sealed as they go to the wire; before the handshake they go as they are. */
static void move_replies(struct reception *reception)
{
    struct span plain = text_span(&reception->replies);
    size_t moved;

    if (plain.size == 0)
        return;
    make_wire_room(reception);
    if (reception->covered) {
        moved = tls_stream_write(&reception->tls, plain, &reception->wire);
    } else {
        moved = min_size(plain.size, text_room(&reception->wire));
        text_add(&reception->wire, span_first(plain, moved));
    }
    memmove(reception->replies.data, reception->replies.data + moved, plain.size - moved);
    reception->replies.size = plain.size - moved;
}

struct span reception_outgoing(struct reception *reception)
{
    move_replies(reception);
    if (reception->state == RECEPTION_LEAVING && reception->covered &&
        reception->replies.size == 0 && text_room(&reception->wire) >= TLS_STREAM_OUT_MIN)
        tls_stream_close(&reception->tls, &reception->wire);
    if (reception->sending)
        return (struct span){NULL, 0};
    return span_skip(text_span(&reception->wire), reception->sent);
}

void reception_sent(struct reception *reception, size_t size)
{
    reception->sending = false;
    reception->sent += size;
    CHECK(reception->sent <= reception->wire.size);
    make_wire_room(reception);
}
