#include "engine/handover.h"

#include <string.h>

#include "base/check.h"
#include "base/json_put.h"

size_t handover_cost(void)
{
    return HANDOVER_LOADS_MAX *
           (arena_cost(1, CAMPAIGN_CONTENT_MAX) + arena_cost(1, HANDOVER_BUFFER_SIZE));
}

int handover_open(struct handover *handover, struct store *store, struct content_set *contents)
{
    int result;

    memset(handover, 0, sizeof(*handover));
    handover->store = store;
    handover->contents = contents;
    result = arena_open(&handover->arena, handover_cost());
    for (uint32_t i = 0; i < HANDOVER_LOADS_MAX && result == 0; i++) {
        struct handover_load *load = &handover->loads[i];

        load->space = arena_alloc(&handover->arena, 1, CAMPAIGN_CONTENT_MAX);
        text_init(&load->buffer, arena_alloc(&handover->arena, 1, HANDOVER_BUFFER_SIZE),
                  HANDOVER_BUFFER_SIZE);
    }
    return result;
}

void handover_close(struct handover *handover)
{
    arena_close(&handover->arena);
}

void handover_policy(struct handover *handover, const struct policy *policy)
{
    handover->policy = policy;
}

void handover_turn(struct handover *handover)
{
    for (uint32_t i = 0; i < HANDOVER_LOADS_MAX; i++)
        handover_load_turn(handover, &handover->loads[i]);
}

uint64_t handover_deadline_ns(const struct handover *handover, uint64_t now_ns)
{
    uint64_t deadline_ns = UINT64_MAX;

    for (uint32_t i = 0; i < HANDOVER_LOADS_MAX; i++) {
        const struct handover_load *load = &handover->loads[i];

        if (handover_load_is_fed(load) && !load->starved && handover_load_has_frame(load))
            return now_ns;
        if (load->state == HANDOVER_COMMITTING || (handover_load_is_fed(load) && load->starved))
            deadline_ns = min_u64(deadline_ns, now_ns + NS_PER_MS);
    }
    return deadline_ns;
}

bool handover_quiet(const struct handover *handover)
{
    for (uint32_t i = 0; i < HANDOVER_LOADS_MAX; i++)
        if (handover_load_is_fed(&handover->loads[i]) ||
            handover->loads[i].state == HANDOVER_COMMITTING)
            return false;
    return true;
}

void handover_stop(struct handover *handover)
{
    handover->stopping = true;
    for (uint32_t i = 0; i < HANDOVER_LOADS_MAX; i++)
        if (handover_load_is_fed(&handover->loads[i]))
            handover_load_fail(&handover->loads[i], true, "the sender is stopping");
}

/* --- the client's side --- */

struct handover_load *handover_begin(struct handover *handover)
{
    for (uint32_t i = 0; i < HANDOVER_LOADS_MAX && !handover->stopping; i++) {
        struct handover_load *load = &handover->loads[i];
        uint8_t *space = load->space, *buffer = load->buffer.data;

        if (load->state != HANDOVER_FREE)
            continue;
        memset(load, 0, sizeof(*load));
        load->space = space;
        text_init(&load->buffer, buffer, HANDOVER_BUFFER_SIZE);
        load->state = HANDOVER_OPENING;
        return load;
    }
    return NULL;
}

bool handover_take(struct handover_load *load, struct span bytes)
{
    if (load->taken_count + load->buffer.size + bytes.size > load->told_count)
        return false;
    if (handover_load_is_fed(load))
        text_add(&load->buffer, bytes);
    CHECK(!load->buffer.overflow); /* as the room that was told says */
    return true;
}

bool handover_awaits(const struct handover_load *load)
{
    return handover_load_is_fed(load) && !load->starved;
}

bool handover_answer(struct handover_load *load, struct text *out)
{
    uint64_t room = load->taken_count + HANDOVER_BUFFER_SIZE;
    bool ended = load->state == HANDOVER_ENDED;

    CHECK(text_room(out) >= HANDOVER_ANSWER_MAX);
    if (!ended && !load->begun &&
        (!handover_load_is_fed(load) || room - load->told_count < HANDOVER_TOLD_STEP))
        return false;
    json_put_open(out, '{');
    if (!ended && load->begun) {
        json_put_key_bool(out, "begun", true);
        load->begun = false;
    } else if (!ended) {
        json_put_key_u64(out, "room", room);
        load->told_count = room;
    } else if (load->ready) {
        json_put_key_bool(out, "ready", true);
    } else {
        json_put_key_cstr(out, "error", load->words);
        json_put_key_bool(out, "again", load->again);
        json_put_key_bool(out, "later", load->later || load->again);
    }
    json_put_close(out, '}');
    text_add_byte(out, '\n');
    return ended;
}

void handover_leave(struct handover_load *load)
{
    load->left = true;
    if (load->state != HANDOVER_COMMITTING)
        handover_load_end(load);
}
