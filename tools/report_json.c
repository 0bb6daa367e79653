#include "tools/report_json.h"

#include "base/json_put.h"

void report_json_status(struct text *out, const uint16_t status[3])
{
    text_add_u64(out, status[0]);
    text_add_byte(out, '.');
    text_add_u64(out, status[1]);
    text_add_byte(out, '.');
    text_add_u64(out, status[2]);
}

static void put_recipient(struct text *out, const struct report_recipient *recipient)
{
    char buffer[32];
    struct text status;

    text_init(&status, buffer, sizeof(buffer));
    json_put_open(out, '{');
    json_put_key_string(out, "addr", recipient->address);
    json_put_key_cstr(out, "class", bounce_class_name(recipient->class));
    if (recipient->status[0] != 0) {
        report_json_status(&status, recipient->status);
        json_put_key_string(out, "status", text_span(&status));
    }
    if (recipient->action != REPORT_ACTION_NONE)
        json_put_key_cstr(out, "action", report_action_name(recipient->action));
    if (recipient->diagnostic.size > 0)
        json_put_key_string(out, "reply", recipient->diagnostic);
    json_put_close(out, '}');
}

void report_json_recipients(struct text *out, const struct report *report, uint32_t first,
                            uint32_t count)
{
    uint32_t more = report->recipients_more;

    json_put_key(out, "recipients");
    json_put_open(out, '[');
    for (uint32_t i = first; i < first + count; i++) {
        struct text before = *out;

        put_recipient(out, &report->recipients[i]);
        if (out->overflow || text_room(out) < REPORT_JSON_END) {
            *out = before;
            more++;
        }
    }
    json_put_close(out, ']');
    if (more > 0)
        json_put_key_u64(out, "recipients_more", more);
}
