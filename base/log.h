/* log.h - diagnostic lines (logfmt) gathered in a lent buffer, for the owner to write out.
 *
 * Knows no file and no clock. When the buffer is full a line is dropped and counted, never waited
 * for. L0 to L2 rooms do not log; engine and tools do. Remote text goes through text_add_printable.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/text.h"

enum log_level { LOG_ERROR = 3, LOG_WARNING = 4, LOG_NOTICE = 5, LOG_INFO = 6, LOG_DEBUG = 7 };

struct log {
    struct text text;
    uint64_t dropped_count;
    enum log_level level;
    bool
        with_priority; /* lines begin with "<4>" (sd-daemon(3)); the owner sets it after log_init */
};

void log_init(struct log *log, void *buffer, size_t capacity, enum log_level level);
/* Adds "level=warning " and the formatted rest as one line; a control character becomes a space.
 * Lines above the log's level are left out. */
void log_line(struct log *log, enum log_level level, const char *format, ...) PRINTF_LIKE(3, 4);
/* What has gathered, and empties the buffer. The span is valid until the next log_line. */
MUST_USE struct span log_take(struct log *log);

#endif
