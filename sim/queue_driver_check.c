#include "sim/queue_driver.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "sim/sim_world.h"

static bool is_final(enum outcome_kind kind)
{
    return kind != OUTCOME_NONE && kind != OUTCOME_DEFERRED && kind != OUTCOME_UNSURE;
}

/* The next event, of a recipient that was loaded. */
static bool next_event(struct queue_driver *driver, struct store_cursor *cursor,
                       struct attempt_event *event, uint32_t *ret_campaign)
{
    struct queue *queue = store_queue(driver->store);
    int r = store_events_next(driver->store, cursor, event);
    struct queue_recipient recipient;
    uint32_t record;

    if (r == 0)
        return false;
    assert_int_equal(r, 1);
    record = queue_find(queue, event->identity);
    assert_int_not_equal(record, QUEUE_NONE);
    assert_int_equal(queue_read(queue, record, &recipient), 0);
    assert_true(event->number < 64);
    *ret_campaign = queue_driver_number(driver, &recipient);
    return true;
}

void queue_driver_export(struct queue_driver *driver, uint32_t count)
{
    struct attempt_event event;
    uint32_t campaign;

    while (count-- > 0 && next_event(driver, &driver->ledger->cursor, &event, &campaign)) {
        struct queue_driver_recipient *recipient =
            &driver->ledger->campaigns[campaign].recipients[event.identity.ordinal];
        enum outcome_kind kind = event.attempt.outcome.kind;

        recipient->exported |= UINT64_C(1) << event.number;
        if (is_final(kind) || recipient->durable == OUTCOME_NONE)
            recipient->durable = kind; /* what somebody has read must not be forgotten */
    }
}

/* --- checks --- */

static uint8_t seen[QUEUE_DRIVER_CAMPAIGNS][QUEUE_DRIVER_RECIPIENTS][64]; /* kind by number */

uint32_t queue_driver_events(struct queue_driver *driver)
{
    static struct store_cursor cursor;
    struct attempt_event event;
    uint32_t count = 0;
    uint32_t campaign;

    memset(seen, 0, sizeof(seen));
    memset(&cursor, 0, sizeof(cursor));
    for (; next_event(driver, &cursor, &event, &campaign); count++)
        seen[campaign][event.identity.ordinal][event.number] = (uint8_t)event.attempt.outcome.kind;
    for (uint32_t c = 0; c < driver->ledger->campaigns_count; c++)
        for (uint32_t i = 0; i < driver->ledger->campaigns[c].count; i++) {
            const struct queue_driver_recipient *recipient =
                &driver->ledger->campaigns[c].recipients[i];
            bool found = recipient->durable == OUTCOME_NONE;

            for (uint32_t k = 0; k < 64 && !found; k++)
                found = seen[c][i][k] == (uint8_t)recipient->durable;
            assert_true(found);
        }
    return count;
}

static void check_standing(const struct queue_driver_recipient *promised,
                           const struct queue_standing *standing)
{
    /* What was reported durable is not forgotten... */
    if (is_final(promised->durable))
        assert_int_equal(standing->kind, promised->durable);
    if (promised->durable != OUTCOME_NONE)
        assert_int_not_equal(standing->kind, OUTCOME_NONE);
    /* ...and nothing was made up... */
    if (promised->attempts == 0)
        assert_int_equal(standing->kind, OUTCOME_NONE);
    assert_true(standing->attempts <= promised->attempts);
    /* ...and the one who exports has been told. */
    if (standing->kind != OUTCOME_NONE)
        assert_true((promised->exported >> standing->attempts & 1) != 0);
}

void queue_driver_check(struct queue_driver *driver)
{
    struct queue *queue = store_queue(driver->store);

    (void)queue_driver_events(driver);
    queue_driver_export(driver, UINT32_MAX);
    for (uint32_t c = 0; c < driver->ledger->campaigns_count; c++) {
        const struct queue_driver_campaign *campaign = &driver->ledger->campaigns[c];
        uint32_t index = queue_find_campaign(queue, SPAN("tenant"), span_cstr(campaign->name));
        struct campaign_counts counts;

        if (!campaign->ready && index == QUEUE_NONE)
            continue;
        assert_int_not_equal(index, QUEUE_NONE);
        assert_int_equal(queue_campaign(queue, index)->recipients_count, campaign->count);
        store_counts(driver->store, index, &counts);
        assert_int_equal(counts.damaged, 0);
        for (uint32_t i = 0; i < campaign->count; i++) {
            struct identity identity = {queue_campaign(queue, index)->descriptor.id, i};
            uint32_t record = queue_find(queue, identity);
            struct queue_recipient recipient;
            struct queue_standing standing;

            assert_int_not_equal(record, QUEUE_NONE);
            assert_int_equal(queue_read(queue, record, &recipient), 0);
            queue_driver_check_recipient(driver, &recipient);
            assert_int_equal(queue_standing(queue, record, &standing), 0);
            check_standing(&campaign->recipients[i], &standing);
            if (standing.kind != OUTCOME_NONE) /* no verdict without its event */
                assert_int_not_equal(seen[c][i][standing.attempts], OUTCOME_NONE);
        }
    }
}
