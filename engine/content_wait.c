#include "engine/content_wait.h"

bool content_wait_add(struct content_wait *wait, struct content_set *set, const struct queue *queue,
                      uint32_t campaign_index, uint64_t now_ns)
{
    char buffer[256];
    struct text error;

    if (now_ns < wait->next_ns)
        return false;
    text_init(&error, buffer, sizeof(buffer));
    wait->error = content_add(set, campaign_index, queue_campaign(queue, campaign_index), &error);
    if (wait->error == 0)
        return true;
    wait->pause_ns =
        min_u64(max_u64(2 * wait->pause_ns, CONTENT_WAIT_FIRST_NS), CONTENT_WAIT_MAX_NS);
    wait->next_ns = now_ns + wait->pause_ns;
    return false;
}
