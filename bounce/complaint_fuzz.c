/* Any feedback report: its spans lie in the input, its kind is one of the three. */
#include "base/check.h"
#include "bounce/complaint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_within(struct span inner, struct span outer)
{
    if (inner.size > 0)
        CHECK(inner.data >= outer.data && inner.data + inner.size <= outer.data + outer.size);
}

static void check(const struct complaint *complaint, struct span input)
{
    CHECK(complaint->kind == REPORT_COMPLAINT || complaint->kind == REPORT_UNSUBSCRIBE ||
          complaint->kind == REPORT_MACHINE);
    check_within(complaint->recipient, input);
    check_within(complaint->mail_from, input);
    check_within(complaint->source_ip, input);
    check_within(complaint->removal, input);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct header_list header;
    struct span input = span_make(data, size), rest = input;
    struct complaint complaint;

    complaint_read(input, &complaint);
    check(&complaint, input);
    check_within(complaint.feedback, input);
    header_list_read(&header, &rest);
    if (complaint_recognise(&header, header_list_find(&header, SPAN("Subject")), &complaint))
        check(&complaint, input);
    return 0;
}
