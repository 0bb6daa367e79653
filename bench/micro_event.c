#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/json_put.h"
#include "bench/micro_small.h"
#include "bench/run_mail.h"
#include "engine/event_json.h"
#include "queue/journal.h"

/* A delivery as the exporter sees it: read from the journal, written as a line of JSON. */
struct event_work {
    struct attempt_event event;
    struct campaign campaign;
    struct queue_recipient recipient;
    struct run_mail_recipient mail;
    uint8_t record[JOURNAL_OUTCOME_MAX];
    size_t record_size;
    struct text line;
    uint8_t bytes[EVENT_JSON_MAX];
};

static void write_record(void *context)
{
    struct event_work *work = context;

    work->record_size =
        journal_write_outcome(work->event.identity, 1, &work->event.attempt, work->record);
}

static void read_record(void *context)
{
    struct event_work *work = context;
    struct attempt_event event;

    if (journal_read_outcome(span_make(work->record, work->record_size), &event) < 0)
        UNREACHABLE("it was written a moment ago");
}

static void write_line(void *context)
{
    struct event_work *work = context;

    text_reset(&work->line);
    event_json_write(&work->line, &work->event, &work->recipient, NULL);
}

static void fill(struct event_work *work)
{
    struct identity identity = {.campaign = UINT64_C(0xcf613b90000), .ordinal = 4711};

    run_mail_recipient(4711, 40, &work->mail);
    work->campaign.descriptor = (struct campaign_descriptor){
        .name = SPAN("spring"),
        .tenant = SPAN("ringel"),
        .sender = SPAN("news@ringel.example"),
        .created_s = 1800000000,
    };
    work->recipient = (struct queue_recipient){
        .identity = identity,
        .campaign = &work->campaign,
        .domain_name = work->mail.domain,
        .address = work->mail.address,
        .metadata = SPAN("{\"account\":\"K00004711\"}"),
    };
    work->event = (struct attempt_event){.identity = identity, .number = 1, .journal = 3};
    work->event.attempt = (struct attempt){
        .outcome = {.kind = OUTCOME_DELIVERED,
                    .cause = CAUSE_REPLY,
                    .stage = STAGE_DOT,
                    .reply = {.code = 250}},
        .counted = true,
        .wall_ns = UINT64_C(1800000100) * NS_PER_S,
        .size = 4096,
        .peer_name = SPAN("mx.example"),
        .site = SPAN("mx.example"),
        .return_path = SPAN("caaaadhwco4qaaaaaazb4ujkbdxtsxdgqnec63oy@bounces.ringel.example"),
    };
    reply_set_text(&work->event.attempt.outcome.reply, SPAN("2.0.0 queued as 4711ABCDEF"));
    CHECK(ip_parse_port(SPAN("192.0.2.1:25"), 25, &work->event.attempt.peer));
    text_init(&work->line, work->bytes, sizeof(work->bytes));
}

int micro_small_event(struct text *out)
{
    struct event_work *work = calloc(1, sizeof(*work));

    if (work == NULL)
        return -ENOMEM;
    fill(work);
    micro_small_put(out, "journal_write", micro_small_rate(write_record, work, 1));
    json_put_key_u64(out, "record_size", work->record_size);
    micro_small_put(out, "journal_read", micro_small_rate(read_record, work, 1));
    micro_small_put(out, "line", micro_small_rate(write_line, work, 1));
    json_put_key_u64(out, "line_size", work->line.size);
    free(work);
    return 0;
}
