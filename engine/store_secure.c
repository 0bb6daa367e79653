/* What recovery read in a journal may stand in the page cache only: the process before was killed
 * while it wrote, or a sync failed and its pages were kept (clean, so that another sync would say
 * yes and write nothing). Before anything is built on it, it is written once more and synced. */
#include <errno.h>
#include <string.h>

#include "engine/store_parts.h"

#define CHUNK (STORE_PARTS_BLOCKS_AT_REST * CHECKPOINT_BLOCK)
#define TRIES_MAX 8

static uint64_t tag_of(const struct store *store)
{
    return store->options.tag_base + STORE_TAG_CHECKPOINT;
}

static int await(struct store *store)
{
    for (;;) {
        struct io_event event;

        if (io_wait(store->io, UINT64_MAX, &event, 1) == 1 && event.tag == tag_of(store))
            return event.result;
    }
}

static void shut(struct store *store, int file)
{
    io_shut(store->io, store->options.tag_base + STORE_TAG_IGNORED, file);
}

static int open_file(struct store *store, const char *path, enum io_file_mode mode)
{
    const struct io_file_options options = {.path = path, .mode = mode};

    io_file(store->io, tag_of(store), &options);
    return await(store);
}

/* A failed sync may have forgotten the pages: only our copy knows what stood there, so that it is
 * written again before each try. */
static int write_chunk(struct store *store, int file, struct span chunk, uint64_t offset)
{
    int r = -EIO;

    for (uint32_t i = 0; i < TRIES_MAX; i++) {
        io_write(store->io, tag_of(store), file, chunk, offset);
        r = await(store);
        if (r < 0)
            continue;
        if ((size_t)r != chunk.size)
            return -EIO;
        io_sync(store->io, tag_of(store), file);
        r = await(store);
        if (r == 0)
            return 0;
    }
    return r;
}

static int write_all(struct store *store, int file, struct span bytes, uint64_t offset)
{
    int r = 0;

    while (bytes.size > 0 && r == 0) {
        struct span part = span_first(bytes, CHUNK);

        memcpy(store->checkpoint.data, part.data, part.size);
        r = write_chunk(store, file, span_make(store->checkpoint.data, part.size), offset);
        bytes = span_skip(bytes, part.size);
        offset += part.size;
    }
    return r;
}

static int sync_folder(struct store *store)
{
    char path[STORE_LOG_PATH_MAX];
    struct text text;
    int folder, r;

    text_init(&text, path, sizeof(path));
    text_add_cstr(&text, store->folder);
    text_add_cstr(&text, "/journals");
    (void)text_cstr_end(&text);
    folder = open_file(store, path, IO_FILE_FOLDER);
    if (folder < 0)
        return folder;
    io_sync(store->io, tag_of(store), folder);
    r = await(store);
    shut(store, folder);
    return r;
}

int store_parts_secure(struct store *store, uint64_t journal, struct span image,
                       const struct queue_recovered *found)
{
    /* With nothing known durable, header and name may not be either (durability "os"). */
    uint64_t from = found->durable <= RECORD_PAGE ? 0 : found->durable;
    char path[STORE_LOG_PATH_MAX];
    struct text text;
    int file, r;

    if (store->options.durability != STORE_DURABLE || found->end <= max_u64(from, RECORD_PAGE))
        return 0;
    text_init(&text, path, sizeof(path));
    store_log_path(store->folder, RECORD_FILE_JOURNAL, journal, &text);
    file = open_file(store, path, IO_FILE_WRITE);
    if (file < 0)
        return file;
    r = write_all(store, file, span_skip(span_first(image, (size_t)found->end), (size_t)from),
                  from);
    shut(store, file);
    return r == 0 && from == 0 ? sync_folder(store) : r;
}
