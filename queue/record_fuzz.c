/* A journal's image: whatever stands in it, the walk ends, stays inside, and what it gives out
 * reads back the same when it is written again. The first eight bytes are where the walk begins. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "queue/journal.h"
#include "queue/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_outcome(struct span payload)
{
    static uint8_t again[JOURNAL_OUTCOME_MAX];
    struct attempt_event event, back;
    size_t written;

    if (journal_read_outcome(payload, &event) != 0)
        return;
    written = journal_write_outcome(event.identity, event.number, &event.attempt, again);
    CHECK(written <= sizeof(again));
    CHECK(journal_read_outcome(span_make(again, written), &back) == 0);
    CHECK(back.identity.campaign == event.identity.campaign);
    CHECK(back.attempt.outcome.kind == event.attempt.outcome.kind);
    CHECK(span_equal(back.attempt.site, event.attempt.site));
}

static void check_stop(struct span payload)
{
    static uint8_t again[64 + JOURNAL_STOP_NAME_MAX];
    struct journal_stop stop, back;

    if (journal_read_stop(payload, &stop) != 0)
        return;
    CHECK(journal_stop_size(&stop) <= payload.size);
    journal_write_stop(&stop, again);
    CHECK(journal_read_stop(span_make(again, journal_stop_size(&stop)), &back) == 0);
    CHECK(back.kind == stop.kind && span_equal(back.domain, stop.domain));
}

static void check_record(const struct record *record)
{
    struct journal_outcome outcome;
    struct journal_state state;

    check_outcome(record->payload);
    check_stop(record->payload);
    if (journal_peek_outcome(record->payload, &outcome) == 0)
        CHECK(outcome.kind < OUTCOME_RELEASED);
    if (journal_read_state(record->payload, &state) == 0)
        CHECK(state.state < CAMPAIGN_STATE_COUNT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct record_file file;
    struct record record;
    struct scan scan;
    uint64_t from, last = 0;
    int r;

    if (size < sizeof(from))
        return 0;
    memcpy(&from, data, sizeof(from));
    data += sizeof(from);
    size -= sizeof(from);
    (void)!record_read_file(span_make(data, size), true, &file);
    scan_init(&scan, span_make(data, size), 10, from, UINT64_MAX);
    while ((r = scan_next(&scan, &record)) != 0) {
        if (r < 0) {
            CHECK(scan.damage_offset + scan.damage_size <= size);
            continue;
        }
        CHECK(record.offset > last);
        CHECK(record.payload.data + record.payload.size <= data + size);
        last = record.offset;
        check_record(&record);
    }
    CHECK(scan.end <= record_align(size) || scan.records_count == 0);
    /* Payloads that carry no checksum of their own are read too. */
    check_outcome(span_make(data, size));
    return 0;
}
