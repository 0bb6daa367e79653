#include "base/log.h"

#include "base/check.h"

static const char *level_name(enum log_level level)
{
    switch (level) {
    case LOG_ERROR:
        return "error";
    case LOG_WARNING:
        return "warning";
    case LOG_NOTICE:
        return "notice";
    case LOG_INFO:
        return "info";
    case LOG_DEBUG:
        return "debug";
    }
    UNREACHABLE("log level");
}

void log_init(struct log *log, void *buffer, size_t capacity, enum log_level level)
{
    *log = (struct log){.level = level};
    text_init(&log->text, buffer, capacity);
}

void log_line(struct log *log, enum log_level level, const char *format, ...)
{
    size_t start = log->text.size;
    va_list arguments;

    if (level > log->level)
        return;
    if (log->with_priority)
        text_add_format(&log->text, "<%u>", (unsigned)level);
    text_add_cstr(&log->text, "level=");
    text_add_cstr(&log->text, level_name(level));
    text_add_byte(&log->text, ' ');
    va_start(arguments, format);
    text_add_format_list(&log->text, format, arguments);
    va_end(arguments);
    /* One call is one line: nothing within may start another. */
    for (size_t i = start; i < log->text.size; i++) {
        if (log->text.data[i] < 0x20 || log->text.data[i] == 0x7f)
            log->text.data[i] = ' ';
    }
    text_add_byte(&log->text, '\n');
    if (log->text.overflow) {
        log->text.size = start;
        log->text.overflow = false;
        log->dropped_count++;
    }
}

struct span log_take(struct log *log)
{
    struct span lines = text_span(&log->text);

    text_reset(&log->text);
    return lines;
}
