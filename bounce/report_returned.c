#include "bounce/report_returned.h"

/* Lines between the server's words and the returned header. */
#define LINES_MAX 12

static const struct {
    struct span name;
    size_t offset; /* in struct report_returned */
} fields[] = {
    {SPAN_INIT("From"), offsetof(struct report_returned, from)},
    {SPAN_INIT("To"), offsetof(struct report_returned, to)},
    {SPAN_INIT("Subject"), offsetof(struct report_returned, subject)},
    {SPAN_INIT("Message-ID"), offsetof(struct report_returned, message_id)},
    {SPAN_INIT("Return-Path"), offsetof(struct report_returned, return_path)},
    {SPAN_INIT("List-Id"), offsetof(struct report_returned, list_id)},
    {SPAN_INIT("List-Unsubscribe"), offsetof(struct report_returned, list_unsubscribe)},
    {SPAN_INIT("Feedback-ID"), offsetof(struct report_returned, feedback_id)},
};

static struct span *member(struct report_returned *returned, size_t offset)
{
    return (struct span *)(void *)((char *)returned + offset);
}

static void read_feedback_ids(const struct header_list *list, struct report_returned *ret)
{
    for (uint32_t i = 0; i < list->count && ret->cfbl_feedback_ids_count < REPORT_FEEDBACK_IDS_MAX;
         i++)
        if (span_equal_nocase(list->fields[i].name, SPAN("CFBL-Feedback-ID")))
            ret->cfbl_feedback_ids[ret->cfbl_feedback_ids_count++] =
                span_trim(list->fields[i].body);
}

void report_returned_read(struct span text, struct header_list *list, struct report_returned *ret)
{
    struct span rest = text;
    struct header_field field;

    *ret = (struct report_returned){.from = {NULL, 0}};
    for (uint32_t line = 0; line < LINES_MAX && text.size > 0; line++) {
        rest = text;
        if (header_list_next(&rest, &field) == 1)
            break;
        (void)span_split(&text, '\n');
    }
    header_list_read(list, &text);
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        *member(ret, fields[i].offset) = header_list_find(list, fields[i].name);
    read_feedback_ids(list, ret);
}
