#include "engine/tls_trouble_file.h"

#include <string.h>

#define NAMES_SIZE ((size_t)64 * 1024)
#define NAME "tls-trouble."

static bool produce(void *context, uint32_t *cursor, struct text *out)
{
    return tls_trouble_write(context, cursor, out);
}

static void read_one(struct tls_trouble_file *file, struct span folder, struct span name)
{
    char buffer[SNAPSHOT_PATH_MAX];
    struct io_mapping mapping;
    struct text path;

    text_init(&path, buffer, sizeof(buffer));
    text_add(&path, folder);
    text_add_byte(&path, '/');
    text_add(&path, name);
    if (io_map(file->io, text_cstr_end(&path), IO_MAP_READ, &mapping) < 0)
        return;
    (void)tls_trouble_read(file->trouble, span_make(mapping.data, mapping.size)); /* how many */
    io_unmap(file->io, &mapping);
}

static void read_all(struct tls_trouble_file *file, struct arena *arena, struct span folder)
{
    char buffer[SNAPSHOT_PATH_MAX];
    struct text names, path;
    struct span rest;

    text_init(&names, arena_alloc(arena, 1, NAMES_SIZE), NAMES_SIZE);
    text_init(&path, buffer, sizeof(buffer));
    text_add(&path, folder);
    if (io_list(file->io, text_cstr_end(&path), &names) < 0)
        return;
    rest = text_span(&names);
    while (rest.size > 0) {
        struct span name = span_split(&rest, 0);

        uint64_t number;

        if (span_starts(name, SPAN(NAME)) &&
            span_number(span_skip(name, strlen(NAME)), UINT32_MAX, &number))
            read_one(file, folder, name);
    }
}

size_t tls_trouble_file_cost(void)
{
    return arena_cost(1, NAMES_SIZE) + arena_cost(1, SNAPSHOT_BUFFER_SIZE);
}

void tls_trouble_file_init(struct tls_trouble_file *file, struct arena *arena,
                           struct tls_trouble *trouble,
                           const struct tls_trouble_file_options *options)
{
    char buffer[SNAPSHOT_PATH_MAX];
    struct snapshot_options snapshot = {.io = options->io,
                                        .number = TLS_TROUBLE_FILE_SNAPSHOT,
                                        .sync = options->sync,
                                        .producer = produce,
                                        .context = trouble};
    struct text path;

    memset(file, 0, sizeof(*file));
    file->io = options->io;
    file->trouble = trouble;
    if (options->folder.size == 0 || options->folder.size >= sizeof(buffer))
        return;
    text_init(&path, buffer, sizeof(buffer));
    text_add(&path, options->folder);
    if (io_folder(options->io, text_cstr_end(&path)) < 0)
        return;
    read_all(file, arena, options->folder);
    file->saved_changes = trouble->changes;
    text_add_format(&path, "/" NAME "%u", options->shard);
    snapshot.path = text_span(&path);
    snapshot.buffer = arena_alloc(arena, 1, SNAPSHOT_BUFFER_SIZE);
    file->kept = !path.overflow && snapshot_init(&file->snapshot, &snapshot) == 0;
}

void tls_trouble_file_event(struct tls_trouble_file *file, const struct io_event *event)
{
    (void)snapshot_event(&file->snapshot, event); /* a failure is tried again */
}

static bool is_changed(const struct tls_trouble_file *file)
{
    return file->kept && (file->saved_changes != file->trouble->changes ||
                          (file->snapshot.error != 0 && !file->ending));
}

static void save(struct tls_trouble_file *file)
{
    file->saved_changes = file->trouble->changes;
    file->save_ns = io_now_ns(file->io) + TLS_TROUBLE_FILE_SAVE_NS;
    snapshot_start(&file->snapshot);
}

void tls_trouble_file_turn(struct tls_trouble_file *file)
{
    if (is_changed(file) && snapshot_is_idle(&file->snapshot) &&
        tls_trouble_file_deadline_ns(file) <= io_now_ns(file->io))
        save(file);
}

uint64_t tls_trouble_file_deadline_ns(const struct tls_trouble_file *file)
{
    if (!is_changed(file) || !snapshot_is_idle(&file->snapshot))
        return UINT64_MAX;
    return max_u64(file->save_ns, file->snapshot.retry_ns);
}

bool tls_trouble_file_stop(struct tls_trouble_file *file)
{
    file->ending = true;
    if (!file->kept)
        return true;
    if (is_changed(file) && snapshot_is_idle(&file->snapshot))
        save(file); /* once: what fails now is learned again */
    return snapshot_is_idle(&file->snapshot);
}
