#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/json_put.h"
#include "bench/micro_small.h"
#include "bench/run_mail.h"
#include "message/merge.h"

#define MESSAGE_SIZE 4096
#define BUFFER_SIZE ((size_t)16 * 1024)

struct template_work {
    struct template template;
    struct span source;
    struct span_mut memory;
    struct run_mail_recipient mail;
    struct merge_values values;
    bool stuffed;
    size_t merged_size;
    uint8_t buffer[BUFFER_SIZE];
};

static void compile(void *context)
{
    struct template_work *work = context;
    struct template_error error;

    if (template_compile(&work->template, work->source, work->memory, &error) < 0)
        UNREACHABLE("the bench's own template is sound");
}

static void merge(void *context)
{
    struct template_work *work = context;
    struct merge merge;
    struct text out;

    if (merge_begin(&merge, &work->template, &work->values, work->stuffed) < 0)
        UNREACHABLE("the bench's own values are sound");
    (void)merge_size(&merge); /* asked for SIZE= of every message */
    text_init(&out, work->buffer, sizeof(work->buffer));
    CHECK(merge_step(&merge, &out) == MERGE_DONE);
    work->merged_size = out.size;
}

static void check(void *context)
{
    struct template_work *work = context;
    struct text why;

    text_init(&why, work->buffer, sizeof(work->buffer));
    for (uint32_t i = 0; i < work->template.fields_count; i++)
        if (template_check_value(&work->template, i, work->values.fields[i], &why) < 0)
            UNREACHABLE("the bench's own values are sound");
}

static void measure(struct template_work *work, struct text *out)
{
    run_mail_recipient(4711, 40, &work->mail);
    work->values = (struct merge_values){
        .fields = work->mail.values,
        .recipient = work->mail.address,
        .identity = {.campaign = UINT64_C(0x123456789abcdef), .ordinal = 4711},
        .host = SPAN("ringel.example"),
        .date_s = UINT64_C(1800000000),
    };
    micro_small_put(out, "compile", micro_small_rate(compile, work, 1));
    CHECK(work->template.fields_count == RUN_MAIL_FIELDS);
    work->stuffed = true;
    micro_small_put(out, "merge", micro_small_rate(merge, work, 1));
    json_put_key_u64(out, "merged_size", work->merged_size);
    work->stuffed = false;
    micro_small_put(out, "merge_unstuffed", micro_small_rate(merge, work, 1));
    micro_small_put(out, "check_values", micro_small_rate(check, work, 1));
}

int micro_small_template(struct text *out)
{
    struct template_work *work = calloc(1, sizeof(*work));
    uint8_t source_bytes[MESSAGE_SIZE + KIB];
    struct text source;

    if (work == NULL)
        return -ENOMEM;
    text_init(&source, source_bytes, sizeof(source_bytes));
    run_mail_template(&source, MESSAGE_SIZE);
    work->source = text_span(&source);
    work->memory.size = template_memory_size(source.size);
    work->memory.data = malloc(work->memory.size);
    if (work->memory.data == NULL) {
        free(work);
        return -ENOMEM;
    }
    measure(work, out);
    free(work->memory.data);
    free(work);
    return 0;
}
