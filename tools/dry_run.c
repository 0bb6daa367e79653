#include "tools/dry_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "engine/finished.h"
#include "message/merge.h"
#include "tools/preflight.h"
#include "tools/send_checks.h"

/* The rendering of the first message. */
struct showing {
    const struct plan *plan;
    bool shown;
};

static int render_first(void *context, const struct store_recipient *recipient)
{
    struct showing *showing = context;
    const struct plan *plan = showing->plan;
    struct merge_values values = {
        .fields = recipient->values,
        .recipient = recipient->address,
        .identity = {.campaign = 0, .ordinal = 0},
        .host = plan->from.domain,
        .date_s = (uint64_t)time(NULL),
    };
    struct merge merge;
    uint8_t buffer[16384];
    struct text out;
    enum merge_state state;

    if (!plan->has_template || showing->shown)
        return 0;
    showing->shown = true;
    if (merge_begin(&merge, &plan->template, &values, false) < 0)
        return 0;
    do {
        text_init(&out, buffer, sizeof(buffer));
        state = merge_step(&merge, &out);
        (void)fwrite(out.data, 1, out.size, stdout);
    } while (state == MERGE_MORE);
    return 0;
}

/* A finished message as it would go out; Date and Message-ID stand for those of the real one. */
static void show_finished(const struct plan *plan)
{
    struct span message = span_make(plan->content, plan->content_size), body;
    struct finished_origin origin = {.date_s = (uint64_t)time(NULL),
                                     .sender = span_cstr(plan->options->from)};
    size_t size = finished_head_size(message, &origin);
    uint8_t *bytes = malloc(size);
    struct text head;

    if (bytes == NULL)
        return;
    text_init(&head, bytes, size);
    finished_write(message, &origin, &head, &body);
    (void)fwrite(head.data, 1, head.size, stdout);
    (void)fwrite(body.data, 1, body.size, stdout);
    free(bytes);
}

/* What large receivers would say to it. */
static int look_ahead(const struct plan *plan)
{
    struct preflight preflight = {
        .from = plan->options->from,
        .message = span_make(plan->content, plan->content_size),
        .lane = plan->options->lane,
        .out = stderr,
    };
    struct spool spool;
    int result = spool_open(&spool, plan->options->config, plan->options->spool, false);

    if (result != 0)
        return result;
    preflight_run(&preflight, &spool);
    (void)spool_close(&spool); /* nothing was written */
    return 0;
}

int dry_run(struct plan *plan)
{
    struct showing showing = {.plan = plan};
    struct plan_list list;
    int result = plan_read_list(plan, render_first, &showing, &list);

    if (result != 0)
        return result;
    if (!plan->has_template)
        show_finished(plan);
    plan_choose_name(plan, &list);
    send_checks_samples(plan, &list);
    (void)fflush(stdout); /* warnings come behind the message */
    result = look_ahead(plan);
    (void)fprintf(stderr, "dry run: nothing was queued\n");
    return result;
}
