#include "sim/world_loads.h"

#include <errno.h>

#include "sim/world_cancel.h"
#include "sim/world_mail.h"

#define FAILURES_MAX 200
#define AGAIN_NS (20 * NS_PER_S)
#define BATCH 64 /* recipients added a turn */

void world_loads_find(struct world_engine *process)
{
    struct oracle *oracle = &process->world->oracle;
    struct queue *queue = store_queue(engine_store(process->engine));

    for (uint32_t i = 0; i < oracle->campaigns_count; i++) {
        uint32_t index =
            queue_find_campaign(queue, SPAN("tenant"), span_cstr(oracle->campaigns[i].name));
        const struct campaign *campaign = index == QUEUE_NONE ? NULL : queue_campaign(queue, index);

        process->loads[i] = (struct world_load){.state = LOAD_WAITING};
        if (campaign == NULL ||
            (campaign->state != CAMPAIGN_READY && campaign->state != CAMPAIGN_DONE &&
             campaign->state != CAMPAIGN_CANCELLED)) {
            oracle_missing(oracle, i);
            continue;
        }
        if (campaign->recipients_count != oracle->campaigns[i].count)
            oracle_problem(oracle, "rule 1: %s has %u recipients, not %u",
                           oracle->campaigns[i].name, campaign->recipients_count,
                           oracle->campaigns[i].count);
        oracle_acknowledge(oracle, i, campaign->descriptor.id);
        world_cancel_found(process, i, campaign->state);
        process->loads[i].state = LOAD_READY;
    }
}

static void load_failed(struct world_engine *process, struct world_load *load)
{
    load->failures++;
    load->again_ns = io_now_ns(process->front) + AGAIN_NS;
    load->state = load->failures < FAILURES_MAX ? LOAD_WAITING : LOAD_GIVEN_UP;
}

static void load_begin(struct world_engine *process, uint32_t index)
{
    struct world_load *load = &process->loads[index];
    const struct world *world = process->world;
    struct campaign_descriptor draft = {
        .name = span_cstr(world->oracle.campaigns[index].name),
        .tenant = SPAN("tenant"),
        .sender = span_cstr(world->oracle.sender),
        .lane = index % 2 == 0 ? LANE_BULK : LANE_TRANSACTIONAL,
        .kind = world->options.messages ? CAMPAIGN_MESSAGE : CAMPAIGN_TEMPLATE,
        .require_tls = world->options.require_tls,
        .weight = 1,
        .created_s = io_wall_ns(process->front) / NS_PER_S,
    };
    int result;

    if (io_now_ns(process->front) < load->again_ns)
        return;
    result = store_load_begin(engine_store(process->engine), &draft, world_mail_content(world),
                              &load->load);
    if (result == 0) {
        store_load_keep_back(load->load);
        load->state = LOAD_ADDING;
        load->next = 0;
    } else if (result != -EBUSY) {
        load_failed(process, load);
    }
}

static void load_add(struct world_engine *process, uint32_t index)
{
    struct world_load *load = &process->loads[index];
    uint32_t count = process->world->oracle.campaigns[index].count;

    for (uint32_t i = 0; i < BATCH && load->next < count; i++) {
        const struct world_recipient *recipient =
            &process->world->recipients[process->world->oracle.campaigns[index].first + load->next];
        struct span values[2] = {span_cstr(recipient->number), span_cstr(recipient->name)};
        struct store_recipient item;
        int result;

        item = (struct store_recipient){
            .address = span_cstr(recipient->address),
            .domain = span_cstr(process->world->zones.zones[recipient->zone].name),
            .values = values,
            .values_count = process->world->options.messages ? 0 : 2,
        };
        result = store_load_add(load->load, &item);
        if (result == -EAGAIN)
            return;
        if (result < 0) {
            store_load_end(load->load);
            load_failed(process, load);
            return;
        }
        load->next++;
    }
    if (load->next == count) {
        store_load_commit(load->load, (const uint8_t[CAMPAIGN_DIGEST_SIZE]){1});
        load->state = LOAD_COMMITTING;
    }
}

/* As the front does: the shards learn of the campaign when its content is there. */
static void load_durable(struct world_engine *process, uint32_t index)
{
    struct world_load *load = &process->loads[index];
    uint32_t campaign_index = store_load_campaign(load->load);
    const struct campaign *campaign =
        queue_campaign(store_queue(engine_store(process->engine)), campaign_index);
    struct text error;
    char words[256];

    text_init(&error, words, sizeof(words) - 1);
    if (content_add(engine_contents(process->engine), campaign_index, campaign, &error) < 0)
        oracle_problem(&process->world->oracle, "content: %s", text_cstr_end(&error));
    store_load_publish(load->load);
}

static void load_ready(struct world_engine *process, uint32_t index)
{
    struct world_load *load = &process->loads[index];
    const struct queue *queue = store_queue(engine_store(process->engine));

    oracle_acknowledge(&process->world->oracle, index,
                       queue_campaign(queue, store_load_campaign(load->load))->descriptor.id);
    store_load_end(load->load);
    load->state = LOAD_READY;
}

static void load_commit(struct world_engine *process, uint32_t index)
{
    struct world_load *load = &process->loads[index];
    enum store_load_state state = store_load_state(load->load);

    if (state == STORE_LOAD_DURABLE) {
        load_durable(process, index);
        load->again_ns = io_now_ns(process->front); /* READY follows in the next turn */
    } else if (state == STORE_LOAD_READY) {
        load_ready(process, index);
    } else if (state == STORE_LOAD_FAILED) {
        store_load_end(load->load);
        load_failed(process, load);
    }
}

uint64_t world_loads_turn(struct world_engine *process)
{
    uint64_t deadline_ns = UINT64_MAX;

    for (uint32_t i = 0; i < process->world->oracle.campaigns_count; i++) {
        struct world_load *load = &process->loads[i];
        uint32_t next = load->next;
        uint64_t patience_ns;

        switch (load->state) {
        case LOAD_WAITING:
            load_begin(process, i);
            break;
        case LOAD_ADDING:
            load_add(process, i);
            break;
        case LOAD_COMMITTING:
            load_commit(process, i);
            break;
        case LOAD_READY:
        case LOAD_GIVEN_UP:
            break;
        }
        patience_ns = load->next != next ? NS_PER_MS : NS_PER_S;
        if (load->state < LOAD_READY)
            deadline_ns = min_u64(deadline_ns,
                                  max_u64(io_now_ns(process->front) + patience_ns, load->again_ns));
    }
    return deadline_ns;
}

uint32_t world_loads_open_count(const struct world_engine *process)
{
    uint32_t open_count = 0;

    for (uint32_t i = 0; i < process->world->oracle.campaigns_count; i++)
        open_count += process->loads[i].state != LOAD_READY;
    return open_count;
}

void world_loads_end(struct world_engine *process)
{
    for (uint32_t i = 0; i < process->world->oracle.campaigns_count; i++) {
        struct world_load *load = &process->loads[i];

        if (load->state == LOAD_ADDING || load->state == LOAD_COMMITTING)
            store_load_end(load->load);
        load->state = LOAD_GIVEN_UP;
    }
}
