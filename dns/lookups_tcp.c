/* The TCP connections that questions wait for (RFC 7766): one a server, kept while it is of use. */
#include "base/check.h"
#include "dns/lookups.h"

#define TCP_BACKOFF_NS (250 * NS_PER_MS)
/* Longer than the first try of a question, so that a slow answer is not cut off. */
#define TCP_HUNG_NS (2 * NS_PER_S)

bool lookups_tcp_next(struct lookups *lookups, uint32_t *ret_server)
{
    for (uint32_t i = 0; i < lookups->limits.servers_count; i++) {
        struct lookups_server *server = &lookups->links[i];

        if (server->tcp != LOOKUPS_TCP_WANTED)
            continue;
        server->tcp = LOOKUPS_TCP_CONNECTING;
        *ret_server = i;
        return true;
    }
    return false;
}

void lookups_tcp_opened(struct lookups *lookups, uint32_t server)
{
    CHECK(server < lookups->limits.servers_count);
    CHECK(lookups->links[server].tcp == LOOKUPS_TCP_CONNECTING);
    lookups->links[server].tcp = LOOKUPS_TCP_OPEN;
    lookups->links[server].asked_ns = 0;
    dns_stream_reset(&lookups->links[server].stream);
}

int lookups_tcp_input(struct lookups *lookups, uint64_t now_ns, uint32_t server, struct span bytes)
{
    struct lookup_event event = {.now_ns = now_ns, .server = server};
    int r;

    CHECK(server < lookups->limits.servers_count);
    lookups->links[server].asked_ns = 0;
    while ((r = dns_stream_next(&lookups->links[server].stream, &bytes, &event.packet)) > 0)
        lookups_take(lookups, &event, true);
    return r;
}

void lookups_tcp_failed(struct lookups *lookups, uint64_t now_ns, uint32_t server_index)
{
    struct lookup_event event = {.kind = LOOKUP_TCP_LOST, .now_ns = now_ns, .server = server_index};
    struct lookups_server *server = &lookups->links[server_index];
    struct list lost;
    struct list_node *node;

    CHECK(server_index < lookups->limits.servers_count);
    server->tcp =
        lookups_tcp_idle(lookups, server_index) ? LOOKUPS_TCP_CLOSED : LOOKUPS_TCP_BACKOFF;
    server->retry_ns = now_ns + TCP_BACKOFF_NS;
    list_init(&lost);
    while ((node = list_pop_front(&server->tcp_waiting)) != NULL ||
           (node = list_pop_front(&server->tcp_sending)) != NULL)
        list_push_back(&lost, node);
    while ((node = list_first(&lost)) != NULL)
        lookups_step(lookups, CONTAINER_OF(node, struct lookup, node), &event);
}

bool lookups_tcp_idle(const struct lookups *lookups, uint32_t server)
{
    CHECK(server < lookups->limits.servers_count);
    return list_empty(&lookups->links[server].tcp_sending) &&
           list_empty(&lookups->links[server].tcp_waiting);
}

bool lookups_tcp_hung(const struct lookups *lookups, uint64_t now_ns, uint32_t server)
{
    const struct lookups_server *link = &lookups->links[server];

    CHECK(server < lookups->limits.servers_count);
    return link->tcp == LOOKUPS_TCP_OPEN && link->asked_ns > 0 &&
           now_ns - link->asked_ns >= TCP_HUNG_NS;
}

uint64_t lookups_tcp_deadline_ns(const struct lookups *lookups)
{
    uint64_t deadline_ns = UINT64_MAX;

    for (uint32_t i = 0; i < lookups->limits.servers_count; i++) {
        if (lookups->links[i].tcp == LOOKUPS_TCP_BACKOFF)
            deadline_ns = min_u64(deadline_ns, lookups->links[i].retry_ns);
    }
    return deadline_ns;
}

void lookups_tcp_expire(struct lookups *lookups, uint64_t now_ns)
{
    for (uint32_t i = 0; i < lookups->limits.servers_count; i++) {
        struct lookups_server *server = &lookups->links[i];

        if (server->tcp == LOOKUPS_TCP_BACKOFF && server->retry_ns <= now_ns)
            server->tcp =
                list_empty(&server->tcp_sending) ? LOOKUPS_TCP_CLOSED : LOOKUPS_TCP_WANTED;
    }
}
