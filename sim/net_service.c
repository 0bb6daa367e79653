#include "sim/net_service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum piece_kind { PIECE_BYTES, PIECE_END, PIECE_RESET };

struct piece {
    struct list_node node;
    enum piece_kind kind;
    size_t size;
    size_t used;
    uint8_t bytes[];
};

struct net_session {
    struct list_node node;
    struct net_service *service;
    struct net_end *end; /* NULL: closed; the memory waits for its last task */
    void *connection;
    struct list pieces; /* to be sent */
    struct list timers;
    uint32_t released; /* so many of them may go */
    uint64_t due_ns;   /* of the last one */
    uint32_t tasks;    /* on the timeline */
    bool paused;
    bool busy; /* inside a call of the server's */
};

struct timer {
    struct list_node node;
    struct net_session *session;
    uint64_t argument;
};

struct answer {
    struct list_node node;
    struct net_service *service;
    struct net_place *place;
    struct ip_port to;
    size_t size;
    uint8_t bytes[];
};

/* --- life --- */

static void session_free(struct net_session *session)
{
    list_for_each_safe(node, after, &session->pieces)
        free(CONTAINER_OF(node, struct piece, node));
    list_for_each_safe(node, after, &session->timers)
        free(CONTAINER_OF(node, struct timer, node));
    list_remove(&session->node);
    free(session);
}

static void session_free_idle(struct net_session *session)
{
    if (session->end == NULL && session->tasks == 0 && !session->busy)
        session_free(session);
}

static void session_closed(struct net_session *session, int error)
{
    void *connection = session->connection;

    session->end = NULL;
    session->connection = NULL;
    if (connection != NULL && session->service->calls->closed != NULL)
        session->service->calls->closed(connection, error);
    session_free_idle(session);
}

/* --- out --- */

/* Sends what may go. False when the session has ended. */
static bool session_flush(struct net_session *session)
{
    while (session->released > 0 && session->end != NULL) {
        struct piece *piece = CONTAINER_OF(session->pieces.head.next, struct piece, node);
        struct net_end *end = session->end;
        int taken = 0;

        if (piece->kind == PIECE_END) {
            net_stream_close(end);
        } else if (piece->kind == PIECE_RESET) {
            net_stream_reset(end);
        } else {
            taken = net_stream_write(
                end, span_make(piece->bytes + piece->used, piece->size - piece->used));
            if (taken == 0)
                return true;
            piece->used += taken > 0 ? (size_t)taken : 0;
            if (taken > 0 && piece->used < piece->size)
                continue;
        }
        session->released--;
        list_remove(&piece->node);
        CHECK(session->pieces.head.next != &piece->node);
        if (piece->kind != PIECE_BYTES) {
            free(piece);
            session_closed(session, -ECONNABORTED);
            return false;
        }
        free(piece);
    }
    return session->end != NULL;
}

static void piece_due(void *object, uint64_t argument)
{
    struct net_session *session = object;

    (void)argument;
    session->tasks--;
    if (session->end == NULL) {
        session_free_idle(session);
        return;
    }
    session->released++;
    (void)session_flush(session);
}

static void piece_add(struct net_session *session, enum piece_kind kind, struct span bytes,
                      uint64_t delay_ns)
{
    struct timeline *timeline = session->service->net->timeline;
    struct piece *piece;

    if (session->end == NULL)
        return;
    piece = malloc(sizeof(*piece) + bytes.size);
    CHECK(piece != NULL);
    *piece = (struct piece){.kind = kind, .size = bytes.size};
    if (bytes.size > 0)
        memcpy(piece->bytes, bytes.data, bytes.size);
    list_push_back(&session->pieces, &piece->node);
    session->due_ns = max_u64(session->due_ns, timeline->now_ns + delay_ns);
    session->tasks++;
    timeline_add(timeline, session->due_ns - timeline->now_ns, piece_due, session, 0);
}

uint64_t net_service_send(struct net_session *session, struct span bytes, uint64_t delay_ns)
{
    if (bytes.size > 0)
        piece_add(session, PIECE_BYTES, bytes, delay_ns);
    return session->due_ns;
}

void net_service_end(struct net_session *session, uint64_t delay_ns)
{
    piece_add(session, PIECE_END, span_make(NULL, 0), delay_ns);
}

void net_service_reset(struct net_session *session, uint64_t delay_ns)
{
    piece_add(session, PIECE_RESET, span_make(NULL, 0), delay_ns);
}

/* --- in --- */

static void session_read(struct net_session *session)
{
    int error;

    if (session->busy)
        return;
    session->busy = true;
    while (session->end != NULL && !session->paused) {
        struct span bytes = net_stream_read(session->end);
        uint8_t copy[4096];

        if (bytes.size == 0)
            break;
        bytes = span_first(bytes, sizeof(copy));
        memcpy(copy, bytes.data, bytes.size);
        net_stream_consume(session->end, bytes.size);
        session->service->calls->received(session->connection, session,
                                          span_make(copy, bytes.size));
    }
    session->busy = false;
    if (session->end == NULL) {
        session_free_idle(session);
        return;
    }
    error = session->end->error;
    if (error == 0 &&
        (!session->end->ended || session->paused || net_stream_read(session->end).size > 0))
        return;
    if (error == 0 && !list_empty(&session->pieces)) {
        /* The other end has shut its half; what was said to it still goes. */
        net_service_end(session, 0);
        return;
    }
    net_stream_close(session->end);
    session_closed(session, -error);
}

static void on_readable(void *owner)
{
    session_read(owner);
}

static void on_writable(void *owner)
{
    (void)session_flush(owner);
}

static const struct net_end_calls session_calls = {
    .readable = on_readable,
    .writable = on_writable,
};

static void on_accepted(struct net_place *place, struct net_end *end)
{
    struct net_service *service = place->owner;
    struct net_session *session = calloc(1, sizeof(*session));

    CHECK(session != NULL);
    session->service = service;
    session->end = end;
    session->busy = true;
    list_init(&session->pieces);
    list_init(&session->timers);
    list_push_back(&service->sessions, &session->node);
    net_stream_take(end, &session_calls, session);
    session->connection = service->calls->accepted(service->server, session, place);
    session->busy = false;
    if (session->connection == NULL) {
        net_stream_reset(end);
        session_closed(session, -ECONNABORTED);
    }
}

void net_service_pause(struct net_session *session, bool pause)
{
    session->paused = pause;
    if (!pause && session->end != NULL)
        session_read(session);
}

static void timer_due(void *object, uint64_t argument)
{
    struct timer *timer = object;
    struct net_session *session = timer->session;

    (void)argument;
    list_remove(&timer->node);
    if (session->end != NULL)
        session->service->calls->timer(session->connection, session, timer->argument);
    session->tasks--;
    free(timer);
    session_free_idle(session);
}

void net_service_timer(struct net_session *session, uint64_t delay_ns, uint64_t argument)
{
    struct timer *timer = malloc(sizeof(*timer));

    CHECK(timer != NULL);
    *timer = (struct timer){.session = session, .argument = argument};
    list_push_back(&session->timers, &timer->node);
    session->tasks++;
    timeline_add(session->service->net->timeline, delay_ns, timer_due, timer, 0);
}

const struct ip_port *net_service_peer(const struct net_session *session)
{
    return net_stream_remote(session->end);
}

struct net_sim *net_service_net(const struct net_session *session)
{
    return session->service->net;
}

/* --- datagrams --- */

static void on_datagram(struct net_place *place, const struct ip_port *from, struct span bytes)
{
    struct net_service *service = place->owner;

    if (service->calls->datagram != NULL)
        service->calls->datagram(service->server, place, from, bytes);
}

static void answer_due(void *object, uint64_t argument)
{
    struct answer *answer = object;

    (void)argument;
    net_sim_datagram(answer->service->net, answer->place, &answer->to,
                     span_make(answer->bytes, answer->size));
    list_remove(&answer->node);
    free(answer);
}

void net_service_answer(struct net_service *service, struct net_place *place,
                        const struct ip_port *to, struct span bytes, uint64_t delay_ns)
{
    struct answer *answer = malloc(sizeof(*answer) + bytes.size);

    CHECK(answer != NULL);
    *answer = (struct answer){.service = service, .place = place, .to = *to, .size = bytes.size};
    if (bytes.size > 0)
        memcpy(answer->bytes, bytes.data, bytes.size);
    list_push_back(&service->answers, &answer->node);
    timeline_add(service->net->timeline, delay_ns, answer_due, answer, 0);
}

/* --- services --- */

static const struct net_place_calls place_calls = {
    .accepted = on_accepted,
    .datagram = on_datagram,
};

void net_service_open(struct net_service *service, struct net_sim *net,
                      const struct net_service_calls *calls, void *server)
{
    *service = (struct net_service){.net = net, .calls = calls, .server = server};
    list_init(&service->sessions);
    list_init(&service->answers);
}

struct net_place *net_service_listen(struct net_service *service, enum net_kind kind,
                                     const struct ip_port *address)
{
    return net_sim_listen(service->net, (struct net_place){.kind = kind,
                                                           .address = *address,
                                                           .calls = &place_calls,
                                                           .owner = service});
}

void net_service_close(struct net_service *service)
{
    list_for_each_safe(node, after, &service->sessions) {
        struct net_session *session = CONTAINER_OF(node, struct net_session, node);

        if (session->connection != NULL && service->calls->closed != NULL)
            service->calls->closed(session->connection, -ECONNABORTED);
        session_free(session);
    }
    list_for_each_safe(node, after, &service->answers)
        free(CONTAINER_OF(node, struct answer, node));
}
