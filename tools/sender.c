#include "tools/sender.h"

#include <stdio.h>

struct span sender_value(struct span line, const char *key)
{
    char pattern[64];
    size_t at;
    int size = snprintf(pattern, sizeof(pattern), "\"%s\":", key);

    at = span_find(line, span_make(pattern, (size_t)size));
    if (at == SPAN_NOT_FOUND)
        return (struct span){NULL, 0};
    line = span_skip(line, at + (size_t)size);
    if (line.size > 0 && line.data[0] == '"') {
        line = span_skip(line, 1);
        for (size_t i = 0; i < line.size; i++)
            if (line.data[i] == '"')
                return span_first(line, i);
            else if (line.data[i] == '\\')
                i++; /* what is escaped does not end it */
        return line;
    }
    for (size_t i = 0; i < line.size; i++)
        if (line.data[i] == ',' || line.data[i] == '}')
            return span_first(line, i);
    return line;
}
