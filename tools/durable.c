#include "tools/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int durable_write(int file, struct span content)
{
    while (content.size > 0) {
        ssize_t written = write(file, content.data, content.size);

        if (written < 0 && errno != EINTR)
            return -errno;
        if (written > 0)
            content = span_skip(content, (size_t)written);
    }
    return fsync(file) == 0 ? 0 : -errno;
}

int durable_name(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t size = slash == NULL || slash == path ? 1 : (size_t)(slash - path);
    int file, result;

    if (size >= sizeof(folder))
        return -ENAMETOOLONG;
    memcpy(folder, slash == NULL ? "." : path, size);
    folder[size] = '\0';
    file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0)
        return -errno;
    result = fsync(file) == 0 ? 0 : -errno;
    (void)close(file); /* only read from */
    return result;
}

int durable_replace(const char *path, struct span content)
{
    char fresh[PATH_MAX];
    int size = snprintf(fresh, sizeof(fresh), "%s.new", path);
    int file, result;

    if (size < 0 || (size_t)size >= sizeof(fresh))
        return -ENAMETOOLONG;
    file = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0)
        return -errno;
    result = durable_write(file, content);
    if (close(file) != 0 && result == 0)
        result = -errno;
    if (result == 0 && rename(fresh, path) != 0)
        result = -errno;
    return result == 0 ? durable_name(path) : result;
}
