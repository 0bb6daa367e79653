#include "engine/control.h"

#include <string.h>

#include "base/check.h"
#include "engine/tag.h"

#define POLL_NS (5 * NS_PER_MS)

enum client_state {
    CLIENT_READING,   /* the request line is not complete */
    CLIENT_ANSWERING, /* query_step is to be called, or a buffer is in flight */
    CLIENT_CLOSING    /* the shut is in flight */
};

struct client {
    enum client_state state;
    int handle;
    bool sending;
    bool complete; /* the answer is wholly in the buffer */
    uint64_t until_ns;
    size_t sent;
    struct query query;
    struct handover_load *load; /* a campaign comes through this connection */
    struct text line;
    struct text out;
    uint8_t line_bytes[QUERY_LINE_MAX];
    uint8_t bytes[CONTROL_BUFFER_SIZE];
};

static uint64_t tag_for(const struct control *control, enum tag_op op, const struct client *client)
{
    return tag_pack(op, slab_handle_of(&control->clients, client));
}

size_t control_cost(void)
{
    return slab_cost(CONTROL_CLIENTS_MAX, sizeof(struct client));
}

int control_open(struct control *control, struct io *io, const char *path, uint32_t uid)
{
    struct io_address address = {.path = path};
    struct text text;
    int result;

    memset(control, 0, sizeof(*control));
    control->io = io;
    control->uid = uid;
    control->listening = -1;
    result = arena_open(&control->arena, control_cost());
    if (result < 0)
        return result;
    slab_init(&control->clients, &control->arena, CONTROL_CLIENTS_MAX, sizeof(struct client));
    text_init(&text, control->path, sizeof(control->path));
    text_add_cstr(&text, path);
    (void)text_cstr_end(&text);
    control->opening = true;
    io_listen(io, tag_of(TAG_CONTROL_LISTEN, 0), &address);
    return 0;
}

void control_close(struct control *control)
{
    arena_close(&control->arena);
}

static void close_client(struct control *control, struct client *client)
{
    if (client->state == CLIENT_CLOSING)
        return;
    client->state = CLIENT_CLOSING;
    if (client->load != NULL)
        handover_leave(client->load);
    client->load = NULL;
    io_shut(control->io, tag_for(control, TAG_CONTROL_SHUT, client), client->handle);
}

static void shut_stray(struct control *control, int handle)
{
    control->strays++;
    io_shut(control->io, tag_of(TAG_CONTROL_SHUT, SLAB_NONE), handle);
}

static void stop_listening(struct control *control)
{
    int handle = control->listening;

    control->listening = -1;
    if (handle < 0)
        return;
    shut_stray(control, handle);
    control->strays++; /* the lock of the spool is held: it is ours */
    io_unlink(control->io, tag_of(TAG_CONTROL_SHUT, SLAB_NONE), control->path);
}

void control_stop(struct control *control)
{
    control->stopping = true;
    stop_listening(control);
    for (uint32_t i = 0; i < control->clients.slots_max; i++) {
        struct client *client = slab_at(&control->clients, i);

        if (client != NULL)
            close_client(control, client);
    }
}

bool control_stopped(const struct control *control)
{
    return control->stopping && !control->opening && control->listening < 0 &&
           control->strays == 0 && control->clients.claimed_count == 0;
}

static void on_listen(struct control *control, const struct io_event *event)
{
    struct client *client;
    uint32_t uid = 0;

    if (event->result < 0) {
        control->opening = false;
        if (!control->stopping)
            control->error = event->result;
        return;
    }
    if (control->opening) {
        control->opening = false;
        control->listening = event->result;
        if (control->stopping)
            stop_listening(control);
        return;
    }
    client = control->stopping ? NULL : slab_claim(&control->clients);
    if (client == NULL) {
        shut_stray(control, event->result);
        return;
    }
    client->handle = event->result;
    client->until_ns = io_now_ns(control->io) + CONTROL_TIMEOUT_NS;
    text_init(&client->line, client->line_bytes, sizeof(client->line_bytes));
    text_init(&client->out, client->bytes, sizeof(client->bytes));
    if (io_peer_uid(control->io, client->handle, &uid) < 0 || (uid != control->uid && uid != 0)) {
        close_client(control, client);
        return;
    }
    io_recv(control->io, tag_for(control, TAG_CONTROL_RECV, client), client->handle);
}

/* More of the request line. */
static void take_bytes(struct control *control, struct client *client, struct span bytes)
{
    size_t end = span_find_byte(bytes, '\n');

    if (client->load != NULL) {
        client->until_ns = io_now_ns(control->io) + HANDOVER_SILENCE_NS;
        if (!handover_take(client->load, bytes))
            close_client(control, client);
    }
    if (client->state != CLIENT_READING)
        return;
    text_add(&client->line, span_first(bytes, end));
    if (client->line.overflow) {
        close_client(control, client);
    } else if (end != SPAN_NOT_FOUND) {
        query_parse(&client->query, text_span(&client->line));
        client->state = CLIENT_ANSWERING;
    }
}

static void on_recv(struct control *control, struct client *client, const struct io_event *event)
{
    if ((event->flags & IO_EVENT_BUFFER) != 0) {
        take_bytes(control, client, io_buffer(control->io, event));
        io_buffer_return(control->io, event);
    }
    if ((event->flags & IO_EVENT_MORE) == 0 &&
        (event->result < 0 || client->state == CLIENT_READING || client->load != NULL))
        close_client(control, client);
}

static void send_rest(struct control *control, struct client *client)
{
    struct span part = span_skip(text_span(&client->out), client->sent);

    client->sending = true;
    if (client->load == NULL)
        client->until_ns = io_now_ns(control->io) + CONTROL_TIMEOUT_NS;
    io_send(control->io, tag_for(control, TAG_CONTROL_SEND, client), client->handle, &part, 1);
}

static void on_send(struct control *control, struct client *client, int32_t result)
{
    client->sending = false;
    if (client->state == CLIENT_CLOSING)
        return;
    if (result <= 0) {
        close_client(control, client);
        return;
    }
    client->sent += (size_t)result;
    if (client->sent < client->out.size) {
        send_rest(control, client);
        return;
    }
    text_reset(&client->out);
    client->sent = 0;
    if (client->complete)
        close_client(control, client);
}

void control_event(struct control *control, const struct io_event *event)
{
    enum tag_op op = tag_op_of(event->tag);
    struct client *client;

    if (op == TAG_CONTROL_LISTEN) {
        on_listen(control, event);
        return;
    }
    client = slab_get(&control->clients, tag_handle(event->tag));
    if (client == NULL) { /* one connection too many, or the listening one */
        CHECK(op == TAG_CONTROL_SHUT && control->strays > 0);
        control->strays--;
        return;
    }
    switch ((int)op) {
    case TAG_CONTROL_RECV:
        on_recv(control, client, event);
        break;
    case TAG_CONTROL_SEND:
        on_send(control, client, event->result);
        break;
    case TAG_CONTROL_SHUT:
        slab_release(&control->clients, client);
        break;
    default:
        UNREACHABLE("not an event of the control socket");
    }
}

/* The next piece of the answer. */
static bool answer_load(struct control *control, struct client *client,
                        const struct query_world *world)
{
    if (client->load == NULL && world->handover != NULL)
        client->load = handover_begin(world->handover);
    if (client->load == NULL) {
        text_add_cstr(
            &client->out,
            "{\"error\":\"another campaign is being loaded\",\"again\":true,\"later\":true}\n");
        return true;
    }
    if (handover_answer(client->load, &client->out)) {
        handover_leave(client->load);
        client->load = NULL;
        return true;
    }
    if (!handover_awaits(client->load)) /* only its own silence counts */
        client->until_ns = io_now_ns(control->io) + CONTROL_TIMEOUT_NS;
    else if (client->out.size > 0)
        client->until_ns = io_now_ns(control->io) + HANDOVER_SILENCE_NS;
    return false;
}

static bool answer(struct control *control, struct client *client, const struct query_world *world)
{
    const struct query_order *order = &client->query.order;
    uint32_t record = order->record + order->told.record;
    bool complete;

    if (client->query.verb == QUERY_LOAD)
        return answer_load(control, client, world);
    complete = query_step(&client->query, world, &client->out);
    /* Who searches goes on; only a slow disk may be too slow. */
    if (client->query.verb != QUERY_ORDER || record != order->record + order->told.record)
        client->until_ns = io_now_ns(control->io) + CONTROL_TIMEOUT_NS;
    return complete;
}

void control_turn(struct control *control, const struct query_world *world)
{
    for (uint32_t i = 0; i < control->clients.slots_max; i++) {
        struct client *client = slab_at(&control->clients, i);

        if (client == NULL || client->state == CLIENT_CLOSING)
            continue;
        if (client->until_ns <= io_now_ns(control->io)) {
            close_client(control, client);
            continue;
        }
        if (client->state != CLIENT_ANSWERING || client->sending || client->complete)
            continue;
        client->complete = answer(control, client, world);
        if (client->out.size > 0)
            send_rest(control, client);
        else if (client->complete)
            close_client(control, client);
    }
}

uint64_t control_deadline_ns(const struct control *control)
{
    uint64_t deadline_ns = UINT64_MAX;

    for (uint32_t i = 0; i < control->clients.slots_max; i++) {
        const struct client *client = slab_at(&control->clients, i);

        if (client == NULL || client->state == CLIENT_CLOSING)
            continue;
        deadline_ns = min_u64(deadline_ns, client->until_ns);
        if (client->state == CLIENT_ANSWERING && !client->sending && client->load == NULL)
            deadline_ns = min_u64(deadline_ns, io_now_ns(control->io) + POLL_NS);
    }
    return deadline_ns;
}
