/* session_waiting.c - sessions that wait their turn in one of the shard's lists: for mail (hungry),
 * for a step of the handshake (shakers), for an output buffer (buffer_waiters). A session is in one
 * of them at most.
 *
 * Knows nothing of why a session waits, nor of octets: who is woken goes on in talk.h. Owns
 * nothing; the lists are the shard's. */
#include "engine/session_tls.h"
#include "engine/shard.h"
#include "engine/talk.h"

#define FEED_MAX 128 /* hungry sessions looked at a turn */

void session_unlist(struct shard *shard, struct session *session)
{
    if (list_linked(&session->node))
        list_remove(&session->node);
    if (!session->hungry)
        return;
    shard->hungry_count--;
    session->hungry = false;
    leasing_works(shard, session->site);
}

/* Mail that it may take, or some that only another session may: then it makes room. */
static bool session_has_mail(struct shard *shard, const struct session *session)
{
    return schedule_serves(shard->schedule, session->site, session->has) ||
           schedule_unmet(shard->schedule, session->site, &session->has, 1) != SCHEDULE_NONE;
}

void session_feed(struct shard *shard)
{
    uint64_t now_ns = shard_now_ns(shard);
    uint32_t bound = shard->hungry_count < FEED_MAX ? shard->hungry_count : FEED_MAX;

    /* Those that are looked at in vain go to the end, so that everybody has a turn. */
    for (; bound > 0; bound--) {
        struct list_node *node = list_first(&shard->hungry);
        struct session *session;

        if (node == NULL)
            return;
        session = CONTAINER_OF(node, struct session, node);
        if (session->hungry_until_ns != UINT64_MAX ? session->hungry_until_ns > now_ns
                                                   : !session_has_mail(shard, session)) {
            list_remove(node);
            list_push_back(&shard->hungry, node);
            continue;
        }
        session_unlist(shard, session);
        smtp_wake(&session->smtp);
        talk_pump(shard, session);
    }
}

void session_make_room(struct shard *shard)
{
    if (!schedule_starving(shard->schedule))
        return;
    list_for_each(node, &shard->hungry) {
        struct session *session = CONTAINER_OF(node, struct session, node);

        if (session->hungry_until_ns != UINT64_MAX)
            continue;
        session_unlist(shard, session);
        smtp_quit(&session->smtp);
        talk_pump(shard, session);
        return;
    }
}

bool session_may_stay(const struct shard *shard, const struct session *session)
{
    const struct site *site = schedule_site_at(shard->schedule, session->site);
    uint64_t took_ns = session->ready_ns - session->started_ns;

    if (!session->ready || (site->refused && site->health == SITE_BACKED_OFF) ||
        site->sessions_count > site->window)
        return false;
    if (session->served && shard_now_ns(shard) - session->ready_ns >= took_ns)
        return false;
    return schedule_serves(shard->schedule, session->site, session->has);
}

void session_trim(struct shard *shard, uint32_t site)
{
    const struct site *entry = schedule_site_at(shard->schedule, site);
    uint32_t window = site_window(entry);
    uint32_t excess = entry->sessions_count > window ? entry->sessions_count - window : 0;
    struct list_node *node = list_first(&shard->hungry);

    /* Those that are on their way out already are not in the list. */
    for (uint32_t bound = shard->hungry_count; bound > 0 && excess > 0; bound--) {
        struct session *session = CONTAINER_OF(node, struct session, node);

        node = node->next;
        if (session->site != site || session_may_stay(shard, session))
            continue;
        excess--;
        session_unlist(shard, session);
        smtp_quit(&session->smtp);
        talk_pump(shard, session);
    }
}

void session_shake(struct shard *shard)
{
    shard->shakes_left = SESSION_TLS_SHAKES_MAX;
    while (shard->shakes_left > 0 && !list_empty(&shard->shakers)) {
        struct list_node *node = list_pop_front(&shard->shakers);

        talk_pump(shard, CONTAINER_OF(node, struct session, node));
    }
}

void session_resume(struct shard *shard)
{
    while (!list_empty(&shard->buffer_waiters) &&
           shard->buffers.claimed_count < shard->buffers.slots_max) {
        struct list_node *node = list_pop_front(&shard->buffer_waiters);

        talk_pump(shard, CONTAINER_OF(node, struct session, node));
    }
}
