/* What recovery read in a journal and no watermark says is durable (rewrite.h). */
#include "engine/rewrite.h"
#include "engine/store_parts.h"

#define CHUNK (STORE_PARTS_BLOCKS_AT_REST * CHECKPOINT_BLOCK)

static uint64_t tag_of(const struct store *store)
{
    return store->options.tag_base + STORE_TAG_CHECKPOINT;
}

static int32_t await(void *context)
{
    struct store *store = context;

    for (;;) {
        struct io_event event;

        if (io_wait(store->io, UINT64_MAX, &event, 1) == 1 && event.tag == tag_of(store))
            return event.result;
    }
}

int store_parts_secure(struct store *store, uint64_t journal, struct span image,
                       const struct queue_recovered *found)
{
    /* With nothing known durable, header and name may not be either (durability "os"). */
    uint64_t from = found->durable <= RECORD_PAGE ? 0 : found->durable;
    const struct rewrite rewrite = {.io = store->io,
                                    .tag = tag_of(store),
                                    .room = {store->checkpoint.data, CHUNK},
                                    .await = await,
                                    .context = store};
    char path[STORE_LOG_PATH_MAX];
    struct text text;
    int r;

    if (store->options.durability != STORE_DURABLE || found->end <= max_u64(from, RECORD_PAGE))
        return 0;
    text_init(&text, path, sizeof(path));
    store_log_path(store->folder, RECORD_FILE_JOURNAL, journal, &text);
    r = rewrite_durable(&rewrite, path,
                        span_skip(span_first(image, (size_t)found->end), (size_t)from), from);
    if (r != 0 || from != 0)
        return r;
    text_reset(&text);
    text_add_format(&text, "%s/journals", store->folder);
    return rewrite_sync_folder(&rewrite, text_cstr_end(&text));
}
