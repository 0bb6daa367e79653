/* The part of engine/hygiene_store that is about reports without proof (bounce/confirmations). */
#include <errno.h>

#include "engine/hygiene_store_parts.h"

const struct confirmations *hygiene_store_confirmations(const struct hygiene_store *hygiene)
{
    return hygiene->confirmations;
}

int hygiene_store_confirm(struct hygiene_store *hygiene, const struct confirmation *report,
                          uint64_t *ret_ticket)
{
    uint8_t *place = hygiene_store_parts_room(hygiene, CONFIRMATIONS_RECORD_SIZE_MAX);

    if (place == NULL)
        return -EAGAIN;
    hygiene_store_parts_added(hygiene, RECORD_CONFIRMATION, confirmations_write(report, place));
    confirmations_add(hygiene->confirmations, report);
    *ret_ticket = hygiene->added_count;
    return 0;
}

bool hygiene_store_parts_read_report(struct hygiene_store *hygiene, struct span payload)
{
    struct confirmation report;

    if (confirmations_read(payload, &report) < 0)
        return false;
    confirmations_add(hygiene->confirmations, &report);
    return true;
}

void hygiene_store_parts_changed(struct hygiene_store *hygiene, const struct hygiene_change *change)
{
    if (change->kind == HYGIENE_SUPPRESS || change->kind == HYGIENE_WITHDRAW)
        confirmations_clear(hygiene->confirmations, change->key, change->stream);
}

int hygiene_store_parts_put_reports(struct hygiene_store *hygiene)
{
    uint32_t count = confirmations_count(hygiene->confirmations);
    struct confirmation report;

    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t k = 0; confirmations_at(hygiene->confirmations, i, k, &report); k++) {
            uint8_t *place;
            int result =
                hygiene_store_parts_make_room(hygiene, CONFIRMATIONS_RECORD_SIZE_MAX, &place);

            if (result < 0)
                return result;
            hygiene_store_parts_added(hygiene, RECORD_CONFIRMATION,
                                      confirmations_write(&report, place));
        }
    }
    return 0;
}
