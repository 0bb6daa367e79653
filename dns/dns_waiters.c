#include "dns/dns_waiters.h"

#include "base/check.h"

/* Numbers are the caller's own, not from outside: spreading them is enough. */
static uint64_t hash_of(uint64_t number)
{
    uint64_t hash = number * UINT64_C(0x9e3779b97f4a7c15);

    return hash ^ hash >> 32;
}

static bool matches(const void *context, uint32_t value, const void *key)
{
    const struct dns_waiters *waiters = context;
    const struct dns_waiter *waiter = slab_at(&waiters->slab, value);

    return waiter != NULL && waiter->number == *(const uint64_t *)key;
}

static void unhang(struct dns_wait *wait)
{
    list_remove(&wait->node);
    CHECK(wait->waiter->waits_count > 0);
    wait->waiter->waits_count--;
}

size_t dns_waiters_cost(uint32_t waiters_max)
{
    return slab_cost(waiters_max, sizeof(struct dns_waiter)) + table_cost(waiters_max);
}

void dns_waiters_init(struct dns_waiters *waiters, struct arena *arena, uint32_t waiters_max)
{
    slab_init(&waiters->slab, arena, waiters_max, sizeof(struct dns_waiter));
    table_init(&waiters->table, arena, waiters_max);
    list_init(&waiters->ready);
    list_init(&waiters->starving);
}

struct dns_waiter *dns_waiters_find(const struct dns_waiters *waiters, uint64_t number)
{
    uint32_t index = table_find(&waiters->table, hash_of(number), matches, waiters, &number);

    return index == TABLE_NONE ? NULL : slab_at(&waiters->slab, index);
}

struct dns_waiter *dns_waiters_enter(struct dns_waiters *waiters, uint64_t number)
{
    struct dns_waiter *waiter = slab_claim(&waiters->slab);

    if (waiter == NULL)
        return NULL;
    waiter->number = number;
    for (size_t i = 0; i < ARRAY_LEN(waiter->waits); i++)
        waiter->waits[i].waiter = waiter;
    int r = table_insert(&waiters->table, hash_of(number),
                         slab_handle_of(&waiters->slab, waiter).index);
    CHECK(r >= 0);
    return waiter;
}

void dns_waiters_leave(struct dns_waiters *waiters, struct dns_waiter *waiter)
{
    dns_waiters_ask(waiter);
    if (list_linked(&waiter->node))
        list_remove(&waiter->node);
    CHECK(table_remove(&waiters->table, hash_of(waiter->number),
                       slab_handle_of(&waiters->slab, waiter).index));
    slab_release(&waiters->slab, waiter);
}

void dns_waiters_ask(struct dns_waiter *waiter)
{
    for (size_t i = 0; i < ARRAY_LEN(waiter->waits); i++) {
        if (list_linked(&waiter->waits[i].node))
            unhang(&waiter->waits[i]);
    }
    CHECK(waiter->waits_count == 0);
    if (waiter->state == DNS_WAITER_READY)
        list_remove(&waiter->node);
    waiter->state = list_linked(&waiter->node) ? DNS_WAITER_STARVING : DNS_WAITER_ASKING;
}

void dns_waiters_wait(struct dns_waiter *waiter, struct list *waits)
{
    for (size_t i = 0; i < ARRAY_LEN(waiter->waits); i++) {
        if (list_linked(&waiter->waits[i].node))
            continue;
        list_push_back(waits, &waiter->waits[i].node);
        waiter->waits_count++;
        if (waiter->state == DNS_WAITER_STARVING)
            list_remove(&waiter->node);
        waiter->state = DNS_WAITER_WAITING;
        return;
    }
    UNREACHABLE("more waits than one route has questions");
}

void dns_waiters_starve(struct dns_waiters *waiters, struct dns_waiter *waiter)
{
    if (waiter->state == DNS_WAITER_STARVING)
        return;
    CHECK(waiter->state == DNS_WAITER_ASKING);
    list_push_back(&waiters->starving, &waiter->node);
    waiter->state = DNS_WAITER_STARVING;
}

void dns_waiters_wake(struct dns_waiters *waiters, struct list *waits)
{
    struct list_node *node;

    while ((node = list_first(waits)) != NULL) {
        struct dns_wait *wait = CONTAINER_OF(node, struct dns_wait, node);
        struct dns_waiter *waiter = wait->waiter;

        unhang(wait);
        if (waiter->waits_count > 0)
            continue;
        CHECK(waiter->state == DNS_WAITER_WAITING);
        list_push_back(&waiters->ready, &waiter->node);
        waiter->state = DNS_WAITER_READY;
    }
}

struct dns_waiter *dns_waiters_next(struct dns_waiters *waiters, bool question_free)
{
    struct list_node *node = list_pop_front(&waiters->ready);
    struct dns_waiter *waiter;

    if (node != NULL) {
        waiter = CONTAINER_OF(node, struct dns_waiter, node);
        waiter->rounds++;
        waiter->state = DNS_WAITER_ASKING;
        return waiter;
    }
    if (!question_free || (node = list_pop_front(&waiters->starving)) == NULL)
        return NULL;
    waiter = CONTAINER_OF(node, struct dns_waiter, node);
    waiter->state = DNS_WAITER_ASKING;
    return waiter;
}
