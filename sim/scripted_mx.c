#include "sim/scripted_mx.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

struct scripted_connection {
    struct scripted_server *server;
    const struct scripted_session *script;
    struct net_session *session;
    uint32_t step;
    bool content; /* between 354 and the lone dot */
    bool closed;
    uint32_t line_size;
    char line[SCRIPTED_LINE_MAX];
};

static void play(struct scripted_connection *connection, const struct scripted_step *step)
{
    connection->step++;
    switch (step->action) {
    case SCRIPTED_REPLY:
        (void)net_service_send(connection->session, span_cstr(step->reply), step->delay_ns);
        connection->content = strncmp(step->reply, "354", 3) == 0;
        break;
    case SCRIPTED_CLOSE:
        net_service_end(connection->session, step->delay_ns);
        connection->closed = true;
        break;
    case SCRIPTED_RESET:
        net_service_reset(connection->session, step->delay_ns);
        connection->closed = true;
        break;
    case SCRIPTED_NOTHING:
        break;
    }
}

/* Steps that wait for nothing. */
static void play_on(struct scripted_connection *connection)
{
    while (!connection->closed && connection->step < connection->script->steps_count &&
           connection->script->steps[connection->step].expect[0] == 0)
        play(connection, &connection->script->steps[connection->step]);
}

static void complain(struct scripted_connection *connection, struct span line)
{
    struct scripted_mx *mx = connection->server->mx;
    bool at_end = connection->step >= connection->script->steps_count;

    mx->complaints_count++;
    text_add_cstr(&mx->complaints, "connection ");
    text_add_u64(&mx->complaints, connection->server->connections_count);
    text_add_cstr(&mx->complaints, ": expected ");
    text_add_cstr(&mx->complaints,
                  at_end ? "nothing more" : connection->script->steps[connection->step].expect);
    text_add_cstr(&mx->complaints, ", got ");
    text_add_printable(&mx->complaints, line, 100);
    text_add_byte(&mx->complaints, '\n');
    net_service_reset(connection->session, 0);
    connection->closed = true;
}

static void take_line(struct scripted_connection *connection, struct span line)
{
    const struct scripted_step *step = &connection->script->steps[connection->step];

    if (connection->content && !span_equal(line, SPAN(".")))
        return;
    connection->content = false;
    if (connection->step >= connection->script->steps_count ||
        !span_starts_nocase(line, span_cstr(step->expect))) {
        complain(connection, line);
        return;
    }
    play(connection, step);
    play_on(connection);
}

static void *on_accepted(void *state, struct net_session *session, const struct net_place *place)
{
    struct scripted_server *server = state;
    struct scripted_connection *connection = calloc(1, sizeof(*connection));
    uint32_t number = server->connections_count++;

    (void)place;
    CHECK(connection != NULL);
    CHECK(server->sessions_count > 0);
    connection->server = server;
    connection->session = session;
    connection->script =
        &server->sessions[number < server->sessions_count ? number : server->sessions_count - 1];
    play_on(connection);
    return connection;
}

/* The window stays shut for as long as these octets take. */
static void take_slowly(struct scripted_connection *connection, size_t size)
{
    uint32_t rate = connection->server->octets_per_second;

    if (rate == 0 || !connection->content || connection->closed)
        return;
    net_service_pause(connection->session, true);
    net_service_timer(connection->session, size * NS_PER_S / rate, 0);
}

static void on_timer(void *state, struct net_session *session, uint64_t argument)
{
    (void)state;
    (void)argument;
    net_service_pause(session, false);
}

static void on_received(void *state, struct net_session *session, struct span bytes)
{
    struct scripted_connection *connection = state;

    (void)session;
    for (size_t i = 0; i < bytes.size && !connection->closed; i++) {
        if (bytes.data[i] != '\n' && connection->line_size < sizeof(connection->line)) {
            connection->line[connection->line_size++] = (char)bytes.data[i];
            continue;
        }
        take_line(connection, span_trim(span_make(connection->line, connection->line_size)));
        connection->line_size = 0;
    }
    take_slowly(connection, bytes.size);
}

static void on_closed(void *state, int error)
{
    (void)error;
    free(state);
}

static const struct net_service_calls service_calls = {
    .accepted = on_accepted,
    .received = on_received,
    .timer = on_timer,
    .closed = on_closed,
};

struct scripted_server *scripted_mx_add(struct scripted_mx *mx, struct net_sim *net,
                                        const struct ip_port *address)
{
    struct scripted_server *server = calloc(1, sizeof(*server));

    CHECK(server != NULL);
    CHECK(mx->servers_count < SCRIPTED_SERVERS_MAX);
    server->mx = mx;
    server->address = *address;
    net_service_open(&server->service, net, &service_calls, server);
    CHECK(net_service_listen(&server->service, NET_TCP, address) != NULL);
    mx->servers[mx->servers_count++] = server;
    return server;
}

void scripted_mx_close(struct scripted_mx *mx)
{
    for (uint32_t i = 0; i < mx->servers_count; i++) {
        net_service_close(&mx->servers[i]->service);
        free(mx->servers[i]);
    }
}
