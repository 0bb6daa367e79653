#include "tools/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TERMINAL_NS (200 * NS_PER_MS)
#define PLAIN_NS (10 * NS_PER_S)
#define REASONS_SHOWN 12

void progress_init(struct progress *progress, uint64_t now_ns, uint64_t to_do)
{
    memset(progress, 0, sizeof(*progress));
    progress->terminal = isatty(STDERR_FILENO) == 1;
    progress->started_ns = now_ns;
    progress->last_ns = now_ns;
    progress->to_do = to_do;
    progress->next_ns = now_ns + (progress->terminal ? TERMINAL_NS : PLAIN_NS);
}

static void write_time(struct text *text, double seconds)
{
    uint64_t whole = seconds > 0 ? (uint64_t)seconds : 0;

    if (whole >= 3600)
        text_add_format(text, "%lluh%02llum", (unsigned long long)(whole / 3600),
                        (unsigned long long)(whole % 3600 / 60));
    else
        text_add_format(text, "%llum%02llus", (unsigned long long)(whole / 60),
                        (unsigned long long)(whole % 60));
}

static void measure(struct progress *progress, const struct front_picture *picture)
{
    uint64_t accepted = picture->stats.outcomes[OUTCOME_DELIVERED];
    double seconds = (double)(picture->now_ns - progress->last_ns) / (double)NS_PER_S;
    double now_rate;

    if (seconds <= 0)
        return;
    now_rate = (double)(accepted - progress->last_accepted) / seconds;
    progress->rate = progress->rate <= 0 ? now_rate : progress->rate * 0.7 + now_rate * 0.3;
    progress->last_ns = picture->now_ns;
    progress->last_accepted = accepted;
}

/* Why nothing may be moving: receivers that have not greeted, or none that could be asked. */
static void write_waits(const struct front_picture *picture, struct text *line)
{
    const uint64_t *gauges = picture->stats.gauges;

    if (gauges[STATS_OPENING] > 0)
        text_add_format(line, " (%llu opening)", (unsigned long long)gauges[STATS_OPENING]);
    if (gauges[STATS_NO_SOCKET] != 0)
        text_add_format(line, "  NO CONNECTION CAN BE MADE: %s",
                        strerror((int)gauges[STATS_NO_SOCKET]));
}

void progress_line(const struct progress *progress, const struct front_picture *picture,
                   struct text *line)
{
    const uint64_t *outcomes = picture->stats.outcomes;
    const struct summary_reason *reason = summary_top(picture->summary, OUTCOME_DEFERRED);
    const uint64_t failed = outcomes[OUTCOME_FAILED] + outcomes[OUTCOME_EXPIRED];

    text_add_format(line,
                    "%.0f/s  accepted %llu  deferred %llu  failed %llu  queued %llu  sessions %llu",
                    progress->rate, (unsigned long long)outcomes[OUTCOME_DELIVERED],
                    (unsigned long long)picture->deferred_count, (unsigned long long)failed,
                    (unsigned long long)picture->open_count,
                    (unsigned long long)picture->stats.gauges[STATS_SESSIONS]);
    write_waits(picture, line);
    if (progress->rate > 0 && picture->open_count > 0) {
        text_add_cstr(line, "  left ");
        write_time(line, (double)picture->open_count / progress->rate);
    }
    if (picture->event_error != 0)
        text_add_format(line, "  EVENTS CANNOT BE WRITTEN: %s", strerror(-picture->event_error));
    if (picture->stats.gauges[STATS_BROKEN] != 0)
        text_add_format(line, "  THE JOURNAL CANNOT BE WRITTEN: %s",
                        strerror((int)picture->stats.gauges[STATS_BROKEN]));
    if (reason != NULL)
        text_add_format(line, "  deferred for: %.*s", (int)min_size(reason->text_size, 60),
                        reason->text);
}

void progress_show(struct progress *progress, const struct front_picture *picture)
{
    char buffer[512];
    struct text line;

    if (picture->now_ns < progress->next_ns)
        return;
    progress->next_ns = picture->now_ns + (progress->terminal ? TERMINAL_NS : PLAIN_NS);
    measure(progress, picture);
    text_init(&line, buffer, sizeof(buffer));
    progress_line(progress, picture, &line);
    if (progress->terminal) {
        (void)fprintf(stderr, "\r\033[K%.110s", text_cstr_end(&line));
        (void)fflush(stderr);
        progress->shown = true;
    } else {
        (void)fprintf(stderr, "%s\n", text_cstr_end(&line));
    }
}

void progress_end(struct progress *progress)
{
    if (progress->shown)
        (void)fprintf(stderr, "\n");
    progress->shown = false;
}

void progress_reasons(const struct summary *summary)
{
    struct summary sorted = *summary;
    uint32_t shown = 0;

    summary_sort(&sorted);
    for (; shown < sorted.reasons_count && shown < REASONS_SHOWN; shown++) {
        const struct summary_reason *reason = &sorted.reasons[shown];

        (void)fprintf(stderr, "  %8llu %-10s %-17s %.*s\n", (unsigned long long)reason->count,
                      outcome_kind_name(reason->kind), reason->class != NULL ? reason->class : "-",
                      (int)reason->text_size, reason->text);
    }
    for (uint64_t rest = sorted.other_count; shown < sorted.reasons_count || rest > 0;) {
        for (; shown < sorted.reasons_count; shown++)
            rest += sorted.reasons[shown].count;
        (void)fprintf(stderr, "  %8llu for other reasons\n", (unsigned long long)rest);
        break;
    }
}
