#include "engine/https_exchange.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "engine/tag.h"

#define OUT_RESERVE 2048 /* of the output, for answers of the TLS protocol */

static uint64_t tag(const struct https *https, enum tag_op op,
                    const struct https_exchange *exchange)
{
    return tag_pack(op, slab_handle_of(&https->exchanges, exchange));
}

static uint64_t waiter_of(const struct https *https, const struct https_exchange *exchange)
{
    return HTTPS_WAITER | slab_handle_of(&https->exchanges, exchange).index;
}

static void add_text(struct https_exchange *exchange, struct span words)
{
    struct text text;

    text_init(&text, exchange->text, sizeof(exchange->text) - 1);
    text_add_printable(&text, words, sizeof(exchange->text) / 4);
    (void)text_cstr_end(&text); /* ends in place */
}

void https_exchange_finish(struct https *https, struct https_exchange *exchange,
                           enum https_failure failure, struct span words)
{
    if (!exchange->over) {
        exchange->failure = failure;
        add_text(exchange, words);
    }
    exchange->over = true;
    switch (exchange->state) {
    case HTTPS_RESOLVE:
        if (exchange->asked)
            dns_forget(https->dns, waiter_of(https, exchange));
        exchange->state = HTTPS_ENDED;
        return;
    case HTTPS_CONNECT:
    case HTTPS_TALK:
        exchange->state = HTTPS_CLOSING;
        io_shut(https->io, tag(https, TAG_HTTPS_SHUT, exchange), exchange->handle);
        return;
    case HTTPS_SOCKET: /* closed when it is there */
    case HTTPS_CLOSING:
    case HTTPS_ENDED:
        return;
    }
    UNREACHABLE("a state that there is not");
}

static void open_socket(struct https *https, struct https_exchange *exchange)
{
    struct io_socket_options options = {.kind = IO_TCP,
                                        .family = exchange->addresses[exchange->address_at].family};

    exchange->state = HTTPS_SOCKET;
    io_socket(https->io, tag(https, TAG_HTTPS_SOCKET, exchange), &options);
}

static void take_addresses(const struct https *https, struct https_exchange *exchange,
                           const struct route *route)
{
    for (uint32_t i = 0; i < route->hosts_count; i++)
        for (uint32_t n = 0; n < route->hosts[i].addresses_count; n++) {
            const struct ip *address = &route->hosts[i].addresses[n];

            if (exchange->addresses_count < HTTPS_ADDRESSES_MAX &&
                (https->allow_special || !ip_is_special(address)))
                exchange->addresses[exchange->addresses_count++] = *address;
        }
}

void https_exchange_resolve(struct https *https, struct https_exchange *exchange)
{
    static _Thread_local struct route route;
    struct span host = span_cstr(exchange->host);

    exchange->asked = false;
    switch (dns_route_host(https->dns, io_now_ns(https->io), host, waiter_of(https, exchange),
                           &route)) {
    case ROUTE_PENDING:
        exchange->asked = true;
        return;
    case ROUTE_BUSY: /* asked again at the next turn */
        return;
    case ROUTE_OK:
        take_addresses(https, exchange, &route);
        if (exchange->addresses_count > 0)
            open_socket(https, exchange);
        else
            https_exchange_finish(https, exchange, HTTPS_NO_ADDRESS,
                                  SPAN("only private addresses"));
        return;
    case ROUTE_DNS_FAILURE:
        https_exchange_finish(https, exchange, HTTPS_NO_NAMES, span_cstr(route.problem));
        return;
    case ROUTE_NO_DOMAIN:
    case ROUTE_NULL_MX:
    case ROUTE_NO_ADDRESS:
    case ROUTE_SPECIAL_ONLY:
    case ROUTE_STATUS_COUNT:
        break;
    }
    https_exchange_finish(https, exchange, HTTPS_NO_ADDRESS, span_cstr(route.problem));
}

/* --- the conversation --- */

static void send_out(struct https *https, struct https_exchange *exchange)
{
    struct span rest = span_skip(text_span(&exchange->out), exchange->sent);

    if (exchange->sending > 0 || rest.size == 0 || exchange->state != HTTPS_TALK)
        return;
    exchange->sending = rest.size;
    io_send(https->io, tag(https, TAG_HTTPS_SEND, exchange), exchange->handle, &rest, 1);
}

/* As much of the request as there is room for. */
static void write_request(struct https_exchange *exchange)
{
    struct span head = text_span(&exchange->head);

    if (exchange->stream.state != TLS_OPEN)
        return;
    while (exchange->request_at < head.size + exchange->body.size &&
           text_room(&exchange->out) > OUT_RESERVE + TLS_STREAM_OVERHEAD_MAX) {
        bool inside = exchange->request_at < head.size;
        struct span piece = inside ? span_skip(head, exchange->request_at)
                                   : span_skip(exchange->body, exchange->request_at - head.size);
        size_t room = text_room(&exchange->out) - OUT_RESERVE - TLS_STREAM_OVERHEAD_MAX;
        size_t taken = tls_stream_write(&exchange->stream, span_first(piece, room), &exchange->out);

        if (taken == 0)
            return;
        exchange->request_at += taken;
    }
}

static void on_tls_failure(struct https *https, struct https_exchange *exchange)
{
    enum tls_failure failure = exchange->stream.failure;
    bool certificate = failure > TLS_FAILURE_NONE && failure < TLS_FAILURE_CHAIN_TOO_LARGE;
    enum https_failure kind = certificate ? HTTPS_UNVERIFIED : HTTPS_NO_TLS;

    if (failure == TLS_FAILURE_LOCAL)
        kind = HTTPS_LOCAL;
    https_exchange_finish(https, exchange, kind, tls_stream_text(&exchange->stream));
}

/* After each piece of the response: is there enough of it? */
static void watch_response(struct https *https, struct https_exchange *exchange)
{
    struct http_response *response = &exchange->response;

    if (response->state == HTTP_RESPONSE_FAILED)
        https_exchange_finish(https, exchange, HTTPS_NO_RESPONSE,
                              span_cstr(http_response_problem_text(response->problem)));
    else if (response->state == HTTP_RESPONSE_DONE ||
             (http_response_has_head(response) && (exchange->posts || response->status != 200)))
        https_exchange_finish(https, exchange, HTTPS_FINE, SPAN(""));
}

static void read_response(struct https *https, struct https_exchange *exchange, struct span *in)
{
    enum tls_want want = TLS_WANT_ROOM;
    struct text plain;

    while (want == TLS_WANT_ROOM && exchange->state == HTTPS_TALK) {
        text_init(&plain, https->plain, TLS_STREAM_RECORD_MAX);
        want = tls_stream_read(&exchange->stream, in, &plain, &exchange->out,
                               io_wall_ns(https->io) / NS_PER_S);
        (void)http_response_feed(&exchange->response, text_span(&plain)); /* the end is watched */
        if (want == TLS_WANT_CLOSE)
            http_response_end(&exchange->response, exchange->stream.state == TLS_CLOSED);
        watch_response(https, exchange);
    }
    if (want == TLS_WANT_WRITE && exchange->state == HTTPS_TALK)
        https_exchange_finish(https, exchange, HTTPS_NO_TLS, SPAN("the server does not read"));
}

/* Octets from the server, or none to begin with. */
static void talk(struct https *https, struct https_exchange *exchange, struct span in)
{
    if (exchange->stream.state == TLS_HANDSHAKE) {
        switch (tls_stream_step(&exchange->stream, &in, &exchange->out,
                                io_wall_ns(https->io) / NS_PER_S)) {
        case TLS_WANT_READ:
        case TLS_WANT_OPEN:
            break;
        case TLS_WANT_CLOSE:
            on_tls_failure(https, exchange);
            return;
        case TLS_WANT_WRITE:
        case TLS_WANT_ROOM:
            https_exchange_finish(https, exchange, HTTPS_NO_TLS, SPAN("the server does not read"));
            return;
        }
    }
    if (exchange->stream.state != TLS_HANDSHAKE)
        read_response(https, exchange, &in);
    write_request(exchange);
    send_out(https, exchange);
}

/* --- events --- */

void https_exchange_next_address(struct https *https, struct https_exchange *exchange, int error)
{
    if (++exchange->address_at < exchange->addresses_count && !exchange->over) {
        exchange->state = HTTPS_CLOSING;
        io_shut(https->io, tag(https, TAG_HTTPS_SHUT, exchange), exchange->handle);
        return;
    }
    https_exchange_finish(https, exchange, HTTPS_NO_CONNECT,
                          error == -ECANCELED ? SPAN("no answer to the connection")
                                              : span_cstr(strerrordesc_np(-error)));
}

static void on_socket(struct https *https, struct https_exchange *exchange, int32_t result)
{
    struct io_address address = {
        .ip = {.ip = exchange->addresses[exchange->address_at], .port = exchange->port}};

    if (result < 0) {
        exchange->state = HTTPS_RESOLVE; /* nothing is open */
        https_exchange_finish(https, exchange, HTTPS_LOCAL, span_cstr(strerrordesc_np(-result)));
        return;
    }
    exchange->handle = result;
    exchange->state = HTTPS_CONNECT;
    if (exchange->over) {
        https_exchange_finish(https, exchange, exchange->failure, SPAN(""));
        return;
    }
    exchange->connect_by_ns = io_now_ns(https->io) + HTTPS_CONNECT_NS;
    io_connect(https->io, tag(https, TAG_HTTPS_CONNECT, exchange), result, &address);
}

static void on_connect(struct https *https, struct https_exchange *exchange, int32_t result)
{
    struct tls_stream_options options = {
        .server_name = exchange->names[0],
        .verify = {.method = TLS_METHOD_PKIX,
                   .demanded = true,
                   .names = exchange->names,
                   .names_count = 1},
        .identity = TLS_CONTEXT_IDENTITY_NONE,
    };

    if (exchange->state != HTTPS_CONNECT)
        return;
    if (result < 0) {
        https_exchange_next_address(https, exchange, result);
        return;
    }
    exchange->state = HTTPS_TALK;
    io_recv(https->io, tag(https, TAG_HTTPS_RECV, exchange), exchange->handle);
    if (tls_stream_start(&exchange->stream, https->tls, &options,
                         io_wall_ns(https->io) / NS_PER_S) < 0)
        https_exchange_finish(https, exchange, HTTPS_LOCAL, SPAN("no TLS session can be started"));
    else
        talk(https, exchange, span_make(NULL, 0));
}

static void on_recv(struct https *https, struct https_exchange *exchange,
                    const struct io_event *event)
{
    if ((event->flags & IO_EVENT_BUFFER) != 0) {
        if (exchange->state == HTTPS_TALK)
            talk(https, exchange, io_buffer(https->io, event));
        io_buffer_return(https->io, event);
    }
    if ((event->flags & IO_EVENT_MORE) != 0 || exchange->state != HTTPS_TALK)
        return;
    if (exchange->stream.state == TLS_HANDSHAKE) {
        (void)tls_stream_lost(&exchange->stream); /* it says so itself */
        on_tls_failure(https, exchange);
        return;
    }
    http_response_end(&exchange->response, tls_stream_lost(&exchange->stream));
    watch_response(https, exchange);
}

static void on_send(struct https *https, struct https_exchange *exchange, int32_t result)
{
    exchange->sending = 0;
    if (result < 0 || exchange->state != HTTPS_TALK)
        return; /* what was received, or its end, says more */
    exchange->sent += (size_t)result;
    if (exchange->sent == exchange->out.size) {
        text_reset(&exchange->out);
        exchange->sent = 0;
    }
    write_request(exchange);
    send_out(https, exchange);
}

static void on_shut(struct https *https, struct https_exchange *exchange)
{
    exchange->handle = -1;
    tls_stream_reset(&exchange->stream);
    if (exchange->over)
        exchange->state = HTTPS_ENDED;
    else
        open_socket(https, exchange);
}

void https_exchange_event(struct https *https, struct https_exchange *exchange,
                          const struct io_event *event)
{
    switch ((int)tag_op_of(event->tag)) {
    case TAG_HTTPS_SOCKET:
        on_socket(https, exchange, event->result);
        break;
    case TAG_HTTPS_CONNECT:
        on_connect(https, exchange, event->result);
        break;
    case TAG_HTTPS_SEND:
        on_send(https, exchange, event->result);
        break;
    case TAG_HTTPS_RECV:
        on_recv(https, exchange, event);
        break;
    case TAG_HTTPS_SHUT:
        on_shut(https, exchange);
        break;
    default:
        UNREACHABLE("not an event of https");
    }
}
