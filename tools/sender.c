#include "tools/sender.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int sender_connect(const char *spool)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int size = snprintf(address.sun_path, sizeof(address.sun_path), "%s/control", spool);
    int handle;

    if (size < 0 || (size_t)size >= sizeof(address.sun_path))
        return -ENAMETOOLONG;
    handle = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (handle < 0)
        return -errno;
    if (connect(handle, (struct sockaddr *)&address, sizeof(address)) != 0) {
        int result = -errno;

        (void)close(handle);
        return result;
    }
    return handle;
}

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
