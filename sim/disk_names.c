#include "sim/disk_names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

void disk_names_close(struct disk_names *names)
{
    for (uint32_t i = 0; i < names->names_count; i++)
        free(names->names[i]);
    free(names->names);
    free(names->changes);
    *names = (struct disk_names){0};
}

/* --- paths --- */

static int path_clean(const char *path, char *ret_path)
{
    size_t size = 0;

    if (*path == '/')
        ret_path[size++] = *path;
    while (*path != 0) {
        size_t part = strcspn(path, "/");

        if (part > 0 && !(part == 1 && path[0] == '.')) {
            if (size + part + 2 > DISK_PATH_MAX)
                return -ENAMETOOLONG;
            if (size > 0 && ret_path[size - 1] != '/')
                ret_path[size++] = '/';
            memcpy(ret_path + size, path, part);
            size += part;
        }
        path += part;
        path += strspn(path, "/");
    }
    if (size == 0)
        ret_path[size++] = '.';
    ret_path[size] = 0;
    return 0;
}

static void path_parent(const char *path, char *ret_parent)
{
    const char *slash = strrchr(path, '/');
    size_t size;

    if (slash == NULL) {
        ret_parent[0] = '.';
        ret_parent[1] = 0;
        return;
    }
    size = slash == path ? 1 : (size_t)(slash - path);
    memcpy(ret_parent, path, size);
    ret_parent[size] = 0;
}

static uint32_t place_find(const struct disk_names *names, const char *path)
{
    for (uint32_t i = 0; i < names->names_count; i++) {
        if (strcmp(names->names[i]->path, path) == 0)
            return i;
    }
    return DISK_NAMES_NONE;
}

static uint32_t place_make(struct disk_names *names, const char *path)
{
    uint32_t place = place_find(names, path);
    struct disk_name *name;

    if (place != DISK_NAMES_NONE)
        return place;
    if (names->names_count == names->names_max) {
        names->names_max = names->names_max == 0 ? 64 : names->names_max * 2;
        names->names = realloc(names->names, names->names_max * sizeof(struct disk_name *));
        CHECK(names->names != NULL);
    }
    name = calloc(1, sizeof(*name));
    CHECK(name != NULL);
    memcpy(name->path, path, strlen(path) + 1);
    names->names[names->names_count] = name;
    return names->names_count++;
}

int disk_names_find(const struct disk_names *names, const char *path, uint32_t *ret_name)
{
    char clean[DISK_PATH_MAX];
    uint32_t name;
    int r = path_clean(path, clean);

    if (r < 0)
        return r;
    name = place_find(names, clean);
    if (name == DISK_NAMES_NONE || names->names[name]->cached == NULL)
        return -ENOENT;
    *ret_name = name;
    return 0;
}

int disk_names_make(struct disk_names *names, const char *path, uint32_t *ret_name,
                    uint32_t *ret_folder)
{
    char clean[DISK_PATH_MAX];
    char parent[DISK_PATH_MAX];
    uint32_t folder;
    int r = path_clean(path, clean);

    if (r < 0)
        return r;
    path_parent(clean, parent);
    folder = place_find(names, parent);
    if (folder == DISK_NAMES_NONE || names->names[folder]->cached == NULL)
        return -ENOENT;
    if (!names->names[folder]->cached->folder)
        return -ENOTDIR;
    *ret_folder = folder;
    *ret_name = place_make(names, clean);
    return 0;
}

void disk_names_root(struct disk_names *names, const char *path, struct disk_file *folder)
{
    char clean[DISK_PATH_MAX];
    struct disk_name *name;
    uint32_t place;

    CHECK(path_clean(path, clean) == 0);
    place = place_make(names, clean);
    name = names->names[place];
    name->cached = folder;
    name->durable = folder;
}

/* --- changes --- */

void disk_names_change(struct disk_names *names, struct disk_change change)
{
    if (names->changes_count == names->changes_max) {
        names->changes_max = names->changes_max == 0 ? 64 : names->changes_max * 2;
        names->changes = realloc(names->changes, names->changes_max * sizeof(names->changes[0]));
        CHECK(names->changes != NULL);
    }
    change.sequence = ++names->sequence;
    names->changes[names->changes_count++] = change;
    if (change.from != DISK_NAMES_NONE)
        names->names[change.from]->cached = NULL;
    if (change.to != DISK_NAMES_NONE)
        names->names[change.to]->cached = change.file;
}

static void change_to_platter(struct disk_names *names, const struct disk_change *change)
{
    if (change->from != DISK_NAMES_NONE)
        names->names[change->from]->durable = NULL;
    if (change->to != DISK_NAMES_NONE)
        names->names[change->to]->durable = change->file;
}

bool disk_names_sync(struct disk_names *names, const struct disk_file *folder, uint64_t sequence)
{
    size_t kept = 0;
    bool ended = false;

    for (size_t i = 0; i < names->changes_count; i++) {
        const struct disk_change *change = &names->changes[i];

        if (names->names[change->folder]->cached == folder && change->sequence <= sequence) {
            ended = ended || change->from != DISK_NAMES_NONE;
            change_to_platter(names, change);
        } else {
            names->changes[kept++] = *change;
        }
    }
    names->changes_count = kept;
    return ended;
}

static bool builds_on_lost(const struct disk_change *change, const bool *lost)
{
    return (change->from != DISK_NAMES_NONE && lost[change->from]) ||
           (change->to != DISK_NAMES_NONE && lost[change->to]);
}

void disk_names_power_loss(struct disk_names *names, struct prng *prng)
{
    static const uint32_t biases[] = {0, 20, 50, 80, 100};
    uint32_t survive_percent = biases[prng_below(prng, ARRAY_LEN(biases))];
    bool *lost = calloc(names->names_count, sizeof(lost[0]));

    CHECK(lost != NULL);
    for (size_t i = 0; i < names->changes_count; i++) {
        const struct disk_change *change = &names->changes[i];

        if (prng_percent(prng, survive_percent) && !builds_on_lost(change, lost)) {
            change_to_platter(names, change);
            continue;
        }
        if (change->from != DISK_NAMES_NONE)
            lost[change->from] = true;
        if (change->to != DISK_NAMES_NONE)
            lost[change->to] = true;
    }
    free(lost);
    names->changes_count = 0;
    for (uint32_t i = 0; i < names->names_count; i++)
        names->names[i]->cached = names->names[i]->durable;
}

bool disk_names_hold(const struct disk_names *names, const struct disk_file *file)
{
    for (uint32_t i = 0; i < names->names_count; i++) {
        if (names->names[i]->cached == file || names->names[i]->durable == file)
            return true;
    }
    for (size_t i = 0; i < names->changes_count; i++) {
        if (names->changes[i].file == file)
            return true;
    }
    return false;
}

/* --- listing --- */

static int names_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int disk_names_list(const struct disk_names *names, const char *path, struct text *list)
{
    const char **found;
    size_t found_count = 0;
    char parent[DISK_PATH_MAX];
    uint32_t folder;
    int r = disk_names_find(names, path, &folder);

    if (r < 0)
        return r;
    if (!names->names[folder]->cached->folder)
        return -ENOTDIR;
    found = calloc(names->names_count, sizeof(found[0]));
    CHECK(found != NULL);
    for (uint32_t i = 0; i < names->names_count; i++) {
        const struct disk_name *name = names->names[i];
        const char *slash = strrchr(name->path, '/');
        const char *last = slash == NULL ? name->path : slash + 1;

        path_parent(name->path, parent);
        if (name->cached != NULL && !name->cached->folder && last[0] != '.' &&
            strcmp(parent, names->names[folder]->path) == 0)
            found[found_count++] = last;
    }
    qsort(found, found_count, sizeof(found[0]), names_compare);
    for (size_t i = 0; i < found_count; i++)
        text_add(list, span_make(found[i], strlen(found[i]) + 1));
    free(found);
    return list->overflow ? -ENOSPC : 0;
}
