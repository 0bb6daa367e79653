#include "engine/query_report.h"

#include "base/json_put.h"
#include "engine/event_json.h"

bool query_report_parse(struct query_report *report, struct span line)
{
    return notice_read(line, &report->notice);
}

bool query_report_step(struct query_report *report, struct hygiene_store *hygiene,
                       const struct queue *queue, uint64_t wall_ns, struct text *events,
                       struct text *out)
{
    if (!report->is_taken) {
        if (events != NULL && text_room(events) < EVENT_JSON_MAX)
            return false; /* until some have been written */
        intake_take(hygiene, queue, &report->notice, wall_ns / NS_PER_S, &report->taken);
        if (events != NULL)
            intake_event(&report->notice, &report->taken, wall_ns, events);
        report->is_taken = true;
    }
    if (hygiene_store_durable_count(hygiene) < report->taken.ticket) {
        if (hygiene_store_error(hygiene) == 0)
            return false;
        report->taken.decision = INTAKE_LATER; /* it is in force, but may be forgotten */
    }
    intake_write(&report->notice, &report->taken, NULL, out);
    return true;
}

bool query_report_whose(const struct queue *queue, struct identity identity, struct text *out)
{
    struct queue_recipient recipient = {.address = {NULL, 0}};

    json_put_open(out, '{');
    if (intake_recipient(queue, identity, &recipient))
        json_put_key_string(out, "recipient", recipient.address);
    else
        json_put_key_cstr(out, "error", "no such recipient in this spool");
    json_put_close(out, '}');
    text_add_byte(out, '\n');
    return true;
}
