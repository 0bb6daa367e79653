#include "engine/https.h"

#include <errno.h>

#include "base/check.h"
#include "engine/https_exchange.h"
#include "engine/tag.h"
#include "http/http_request.h"

size_t https_cost(void)
{
    return slab_cost(HTTPS_EXCHANGES_MAX, sizeof(struct https_exchange)) +
           arena_cost(HTTPS_EXCHANGES_MAX, HTTPS_BODY_MAX) +
           arena_cost(HTTPS_EXCHANGES_MAX, HTTPS_OUT_SIZE) + arena_cost(1, TLS_STREAM_RECORD_MAX);
}

void https_init(struct https *https, struct arena *arena, const struct https_options *options)
{
    *https = (struct https){.io = options->io,
                            .dns = options->dns,
                            .tls = options->tls,
                            .allow_special = options->allow_special};
    slab_init(&https->exchanges, arena, HTTPS_EXCHANGES_MAX, sizeof(struct https_exchange));
    https->bodies = arena_alloc(arena, HTTPS_EXCHANGES_MAX, HTTPS_BODY_MAX);
    https->outs = arena_alloc(arena, HTTPS_EXCHANGES_MAX, HTTPS_OUT_SIZE);
    https->plain = arena_alloc(arena, 1, TLS_STREAM_RECORD_MAX);
}

/* False when it cannot be written. */
static bool write_head(struct https_exchange *exchange, const struct https_request *request)
{
    char authority[264];
    struct text host, text;
    struct http_request head = {.target = request->target,
                                .agent = SPAN("ringpost"),
                                .content_type = request->content_type,
                                .body_size = request->body.size};

    text_init(&host, exchange->host, sizeof(exchange->host) - 1);
    text_add_lower(&host, request->host);
    exchange->names[0] = text_span(&host);
    text_init(&text, authority, sizeof(authority));
    text_add(&text, exchange->names[0]);
    if (request->port != 443) {
        text_add_byte(&text, ':');
        text_add_u64(&text, request->port);
    }
    if (host.overflow || text.overflow)
        return false;
    (void)text_cstr_end(&host); /* ends in place */
    head.host = text_span(&text);
    text_init(&exchange->head, exchange->head_bytes, sizeof(exchange->head_bytes));
    return http_request_write(&head, &exchange->head) == 0;
}

int https_start(struct https *https, const struct https_request *request)
{
    struct https_exchange *exchange = https->stopping ? NULL : slab_claim(&https->exchanges);
    uint64_t timeout_ns = request->timeout_ns > 0 ? request->timeout_ns : HTTPS_TIMEOUT_NS;
    uint32_t slot;

    if (exchange == NULL)
        return -EAGAIN;
    if (!write_head(exchange, request)) {
        slab_release(&https->exchanges, exchange);
        return -EINVAL;
    }
    slot = slab_handle_of(&https->exchanges, exchange).index;
    exchange->state = HTTPS_RESOLVE;
    exchange->owner = request->owner;
    exchange->posts = request->content_type.size > 0;
    exchange->handle = -1;
    exchange->port = request->port;
    exchange->body = request->body;
    exchange->deadline_ns = io_now_ns(https->io) + timeout_ns;
    text_init(&exchange->out, https->outs + slot * HTTPS_OUT_SIZE, HTTPS_OUT_SIZE);
    http_response_init(&exchange->response,
                       (struct span_mut){https->bodies + slot * HTTPS_BODY_MAX, HTTPS_BODY_MAX},
                       exchange->deadline_ns);
    https_exchange_resolve(https, exchange);
    return 0;
}

void https_event(struct https *https, const struct io_event *event)
{
    struct https_exchange *exchange = slab_get(&https->exchanges, tag_handle(event->tag));

    CHECK(exchange != NULL); /* a slot is released after its last event */
    https_exchange_event(https, exchange, event);
}

void https_answered(struct https *https, uint64_t waiter)
{
    struct https_exchange *exchange = slab_at(&https->exchanges, (uint32_t)waiter);

    CHECK((waiter & HTTPS_WAITER) != 0);
    if (exchange == NULL || exchange->state != HTTPS_RESOLVE)
        dns_forget(https->dns, waiter);
    else
        https_exchange_resolve(https, exchange);
}

void https_turn(struct https *https)
{
    uint64_t now_ns = io_now_ns(https->io);

    for (uint32_t i = 0; i < https->exchanges.slots_max; i++) {
        struct https_exchange *exchange = slab_at(&https->exchanges, i);

        if (exchange == NULL || exchange->state == HTTPS_ENDED)
            continue;
        if (now_ns >= exchange->deadline_ns)
            https_exchange_finish(https, exchange, HTTPS_TOO_LATE,
                                  SPAN("no whole response in time"));
        else if (exchange->state == HTTPS_CONNECT && now_ns >= exchange->connect_by_ns)
            https_exchange_next_address(https, exchange, -ECANCELED);
        else if (exchange->state == HTTPS_RESOLVE && !exchange->asked)
            https_exchange_resolve(https, exchange);
    }
}

uint64_t https_deadline_ns(const struct https *https)
{
    uint64_t deadline_ns = UINT64_MAX;

    for (uint32_t i = 0; i < https->exchanges.slots_max; i++) {
        const struct https_exchange *exchange = slab_at(&https->exchanges, i);

        if (exchange == NULL)
            continue;
        if (exchange->state == HTTPS_ENDED)
            return 0;
        if (exchange->state == HTTPS_RESOLVE && !exchange->asked)
            deadline_ns = min_u64(deadline_ns, io_now_ns(https->io) + 50 * NS_PER_MS);
        if (exchange->state == HTTPS_CONNECT)
            deadline_ns = min_u64(deadline_ns, exchange->connect_by_ns);
        if (!exchange->over)
            deadline_ns = min_u64(deadline_ns, exchange->deadline_ns);
    }
    return deadline_ns;
}

bool https_done(struct https *https, struct https_result *ret_result)
{
    for (uint32_t i = 0; i < https->exchanges.slots_max; i++) {
        struct https_exchange *exchange = slab_at(&https->exchanges, i);

        if (exchange == NULL || exchange->state != HTTPS_ENDED)
            continue;
        *ret_result = (struct https_result){.exchange = exchange,
                                            .owner = exchange->owner,
                                            .failure = exchange->failure,
                                            .text = span_cstr(exchange->text)};
        if (exchange->failure != HTTPS_FINE)
            return true;
        ret_result->status = exchange->response.status;
        ret_result->type = http_response_type(&exchange->response);
        if (exchange->response.state == HTTP_RESPONSE_DONE)
            ret_result->body = http_response_body(&exchange->response);
        return true;
    }
    return false;
}

void https_release(struct https *https, struct https_exchange *exchange)
{
    CHECK(exchange->state == HTTPS_ENDED);
    slab_release(&https->exchanges, exchange);
}

bool https_stop(struct https *https)
{
    https->stopping = true;
    for (uint32_t i = 0; i < https->exchanges.slots_max; i++) {
        struct https_exchange *exchange = slab_at(&https->exchanges, i);

        if (exchange == NULL)
            continue;
        https_exchange_finish(https, exchange, HTTPS_LOCAL, SPAN("ringpost is stopping"));
        if (exchange->state == HTTPS_ENDED)
            slab_release(&https->exchanges, exchange);
    }
    return https->exchanges.claimed_count == 0;
}
