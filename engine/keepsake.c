#include "engine/keepsake.h"

#include <string.h>

#define NAMES_SIZE ((size_t)64 * 1024)

static void read_one(struct keepsake *keepsake, struct span folder, struct span name)
{
    char buffer[SNAPSHOT_PATH_MAX];
    struct io_mapping mapping;
    struct text path;

    text_init(&path, buffer, sizeof(buffer));
    text_add(&path, folder);
    text_add_byte(&path, '/');
    text_add(&path, name);
    if (path.overflow || io_map(keepsake->io, text_cstr_end(&path), IO_MAP_READ, &mapping) < 0)
        return;
    keepsake->options.taker(keepsake->options.context, span_make(mapping.data, mapping.size));
    io_unmap(keepsake->io, &mapping);
}

static void read_all(struct keepsake *keepsake, struct arena *arena, struct span folder)
{
    struct span prefix = span_cstr(keepsake->options.prefix);
    char buffer[SNAPSHOT_PATH_MAX];
    struct text names, path;
    struct span rest;

    text_init(&names, arena_alloc(arena, 1, NAMES_SIZE), NAMES_SIZE);
    text_init(&path, buffer, sizeof(buffer));
    text_add(&path, folder);
    if (io_list(keepsake->io, text_cstr_end(&path), &names) < 0)
        return;
    rest = text_span(&names);
    while (rest.size > 0) {
        struct span name = span_split(&rest, 0);
        uint64_t number;

        if (span_starts(name, prefix) &&
            span_number(span_skip(name, prefix.size), UINT32_MAX, &number))
            read_one(keepsake, folder, name);
    }
}

size_t keepsake_cost(void)
{
    return arena_cost(1, NAMES_SIZE) + arena_cost(1, SNAPSHOT_BUFFER_SIZE);
}

void keepsake_init(struct keepsake *keepsake, struct arena *arena,
                   const struct keepsake_options *options, const struct keepsake_place *place)
{
    char buffer[SNAPSHOT_PATH_MAX];
    struct snapshot_options snapshot = {.io = place->io,
                                        .number = options->number,
                                        .sync = place->sync,
                                        .producer = options->producer,
                                        .context = options->context};
    struct text path;

    memset(keepsake, 0, sizeof(*keepsake));
    keepsake->io = place->io;
    keepsake->options = *options;
    if (place->folder.size == 0 || place->folder.size >= sizeof(buffer))
        return;
    text_init(&path, buffer, sizeof(buffer));
    text_add(&path, place->folder);
    if (io_folder(place->io, text_cstr_end(&path)) < 0)
        return;
    read_all(keepsake, arena, place->folder);
    keepsake->saved_changes = *options->changes;
    if (options->waits_at_start)
        keepsake->save_ns = io_now_ns(place->io) + options->interval_ns;
    text_add_format(&path, "/%s%u", options->prefix, place->shard);
    snapshot.path = text_span(&path);
    snapshot.buffer = arena_alloc(arena, 1, SNAPSHOT_BUFFER_SIZE);
    keepsake->kept = !path.overflow && snapshot_init(&keepsake->snapshot, &snapshot) == 0;
}

void keepsake_event(struct keepsake *keepsake, const struct io_event *event)
{
    (void)snapshot_event(&keepsake->snapshot, event); /* a failure is tried again */
}

static bool is_changed(const struct keepsake *keepsake)
{
    return keepsake->kept && (keepsake->saved_changes != *keepsake->options.changes ||
                              (keepsake->snapshot.error != 0 && !keepsake->ending));
}

static void save(struct keepsake *keepsake)
{
    keepsake->saved_changes = *keepsake->options.changes;
    keepsake->save_ns = io_now_ns(keepsake->io) + keepsake->options.interval_ns;
    snapshot_start(&keepsake->snapshot);
}

void keepsake_turn(struct keepsake *keepsake)
{
    if (is_changed(keepsake) && snapshot_is_idle(&keepsake->snapshot) &&
        keepsake_deadline_ns(keepsake) <= io_now_ns(keepsake->io))
        save(keepsake);
}

uint64_t keepsake_deadline_ns(const struct keepsake *keepsake)
{
    if (!is_changed(keepsake) || !snapshot_is_idle(&keepsake->snapshot))
        return UINT64_MAX;
    return max_u64(keepsake->save_ns, keepsake->snapshot.retry_ns);
}

bool keepsake_stop(struct keepsake *keepsake)
{
    keepsake->ending = true;
    if (!keepsake->kept)
        return true;
    if (is_changed(keepsake) && snapshot_is_idle(&keepsake->snapshot))
        save(keepsake); /* once: what fails now is learned again */
    return snapshot_is_idle(&keepsake->snapshot);
}
