#include "engine/rewrite.h"

#include <errno.h>
#include <string.h>

#define TRIES_MAX 8

/* A failed sync may have forgotten the pages: only our copy knows what stood there, so that it is
 * written again before each try. */
static int write_chunk(const struct rewrite *rewrite, int file, struct span chunk, uint64_t offset)
{
    int r = -EIO;

    for (uint32_t i = 0; i < TRIES_MAX; i++) {
        io_write(rewrite->io, rewrite->tag, file, chunk, offset);
        r = rewrite->await(rewrite->context);
        if (r < 0)
            continue;
        if ((size_t)r != chunk.size)
            return -EIO;
        io_sync(rewrite->io, rewrite->tag, file);
        r = rewrite->await(rewrite->context);
        if (r == 0)
            return 0;
    }
    return r;
}

static int open_file(const struct rewrite *rewrite, const char *path, enum io_file_mode mode)
{
    const struct io_file_options options = {.path = path, .mode = mode};

    io_file(rewrite->io, rewrite->tag, &options);
    return rewrite->await(rewrite->context);
}

static void shut(const struct rewrite *rewrite, int file)
{
    io_shut(rewrite->io, rewrite->tag, file);
    (void)rewrite->await(rewrite->context);
}

int rewrite_durable(const struct rewrite *rewrite, const char *path, struct span bytes,
                    uint64_t offset)
{
    int file = open_file(rewrite, path, IO_FILE_WRITE), r = 0;

    if (file < 0)
        return file;
    while (bytes.size > 0 && r == 0) {
        struct span part = span_first(bytes, rewrite->room.size);

        memcpy(rewrite->room.data, part.data, part.size);
        r = write_chunk(rewrite, file, span_make(rewrite->room.data, part.size), offset);
        bytes = span_skip(bytes, part.size);
        offset += part.size;
    }
    shut(rewrite, file);
    return r;
}

int rewrite_sync_folder(const struct rewrite *rewrite, const char *path)
{
    int folder = open_file(rewrite, path, IO_FILE_FOLDER), r;

    if (folder < 0)
        return folder;
    io_sync(rewrite->io, rewrite->tag, folder);
    r = rewrite->await(rewrite->context);
    shut(rewrite, folder);
    return r;
}
