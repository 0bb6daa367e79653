#include "bounce/delivery_status.h"

#include <stddef.h>

#include "message/header_list.h"

static const struct {
    struct span name;
    size_t offset; /* in struct delivery_status */
} fields[] = {
    {SPAN_INIT("Final-Recipient"), offsetof(struct delivery_status, final)},
    {SPAN_INIT("Original-Recipient"), offsetof(struct delivery_status, original)},
    {SPAN_INIT("X-Actual-Recipient"), offsetof(struct delivery_status, actual)},
    {SPAN_INIT("Action"), offsetof(struct delivery_status, action)},
    {SPAN_INIT("Status"), offsetof(struct delivery_status, status)},
    {SPAN_INIT("Diagnostic-Code"), offsetof(struct delivery_status, diagnostic)},
    {SPAN_INIT("Remote-MTA"), offsetof(struct delivery_status, remote_mta)},
};

static struct span *member(struct delivery_status *group, size_t offset)
{
    return (struct span *)(void *)((char *)group + offset);
}

/* Files a field. False: it is of the kind that the group has already, so that a new group begins.
 */
static bool file(struct delivery_status *group, const struct header_field *field)
{
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        struct span *place;

        if (field->name.size != fields[i].name.size ||
            !span_equal_nocase(field->name, fields[i].name))
            continue;
        place = member(group, fields[i].offset);
        if (place->size > 0)
            return fields[i].offset != offsetof(struct delivery_status, final);
        *place = span_trim(field->body);
        break;
    }
    return true;
}

static bool is_recipient(const struct delivery_status *group)
{
    return group->final.size > 0 || group->original.size > 0 ||
           (group->action.size > 0 && group->status.size > 0);
}

/* A line that is no field. Continuations of one that was skipped belong here too. */
static void skip_line(struct span *rest)
{
    (void)span_split(rest, '\n');
}

static void read_about_message(struct delivery_status_reader *reader,
                               const struct header_field *field)
{
    if (field->name.size < 13) /* the shorter of the two */
        return;
    if (span_equal_nocase(field->name, SPAN("Reporting-MTA")) && reader->reporting_mta.size == 0)
        reader->reporting_mta = span_trim(field->body);
    else if (span_equal_nocase(field->name, SPAN("Received-From-MTA")))
        reader->queue_from = span_trim(field->body);
}

bool delivery_status_next(struct delivery_status_reader *reader, struct delivery_status *ret)
{
    struct delivery_status group = {.final = {NULL, 0}};

    while (reader->rest.size > 0) {
        struct span before = reader->rest;
        struct header_field field;
        int result = header_list_next(&reader->rest, &field);

        if (result < 0) {
            skip_line(&reader->rest);
            continue;
        }
        if (result == 0) { /* a blank line ends a group */
            if (is_recipient(&group))
                break;
            group = (struct delivery_status){.final = {NULL, 0}};
            continue;
        }
        read_about_message(reader, &field);
        if (!file(&group, &field)) {
            reader->rest = before;
            break;
        }
    }
    if (!is_recipient(&group))
        return false;
    *ret = group;
    return true;
}
