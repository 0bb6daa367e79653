#include "tools/progress.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    uint64_t sessions, opening, no_socket, broken, open_count;
    int event_error;
    double rate;
    const char *line;
} cases[] = {
    {.line = "0/s  accepted 7  deferred 0  failed 5  queued 0  sessions 0"},
    {.sessions = 5,
     .opening = 5,
     .open_count = 40,
     .line = "0/s  accepted 7  deferred 0  failed 5  queued 40  sessions 5 (5 opening)"},
    {.sessions = 5,
     .opening = 1,
     .open_count = 120,
     .rate = 2,
     .line =
         "2/s  accepted 7  deferred 0  failed 5  queued 120  sessions 5 (1 opening)  left 1m00s"},
    {.no_socket = EMFILE,
     .open_count = 1,
     .line = "0/s  accepted 7  deferred 0  failed 5  queued 1  sessions 0  NO CONNECTION CAN BE "
             "MADE: Too many open files"},
    {.event_error = -ENOSPC,
     .broken = EIO,
     .line = "0/s  accepted 7  deferred 0  failed 5  queued 0  sessions 0  EVENTS CANNOT BE "
             "WRITTEN: No space left on device  THE JOURNAL CANNOT BE WRITTEN: Input/output error"},
};

static void test_words(void **state)
{
    static const struct summary nothing;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct progress progress = {.rate = cases[i].rate};
        struct front_picture picture = {
            .summary = &nothing,
            .open_count = cases[i].open_count,
            .event_error = cases[i].event_error,
        };
        char buffer[512];
        struct text line;

        picture.stats.outcomes[OUTCOME_DELIVERED] = 7;
        picture.stats.outcomes[OUTCOME_FAILED] = 2;
        picture.stats.outcomes[OUTCOME_EXPIRED] = 3;
        picture.stats.gauges[STATS_SESSIONS] = cases[i].sessions;
        picture.stats.gauges[STATS_OPENING] = cases[i].opening;
        picture.stats.gauges[STATS_NO_SOCKET] = cases[i].no_socket;
        picture.stats.gauges[STATS_BROKEN] = cases[i].broken;
        text_init(&line, buffer, sizeof(buffer));
        progress_line(&progress, &picture, &line);
        assert_string_equal(text_cstr_end(&line), cases[i].line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_words)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
