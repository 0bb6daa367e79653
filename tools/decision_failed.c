#include "tools/decision_failed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/table.h"
#include "tools/durable.h"
#include "tools/settings.h"

#define ONE_MAX (HYGIENE_CHANGE_SIZE_MAX + sizeof(uint16_t))
#define ROOM (DECISION_FAILED_MAX * (size_t)ONE_MAX)

static uint64_t hash_of(const struct hygiene_change *change)
{
    static const struct table_key seed = {{5, 6}};

    return table_hash(&seed, change->key) * 31 + table_hash(&seed, change->stream) * 7 +
           table_hash(&seed, change->tenant);
}

/* The change at *offset; *offset moves behind it. */
static bool read_one(struct span data, size_t *offset, struct hygiene_change *ret_change)
{
    uint16_t size;

    if (data.size - *offset < sizeof(size))
        return false;
    memcpy(&size, data.data + *offset, sizeof(size));
    if (data.size - *offset - sizeof(size) < size ||
        hygiene_change_read(span_slice(data, *offset + sizeof(size), size), ret_change) < 0)
        return false;
    *offset += sizeof(size) + size;
    return true;
}

static void index_all(struct decision_failed *failed)
{
    struct hygiene_change change;
    size_t offset = 0;

    failed->count = 0;
    while (failed->count < DECISION_FAILED_MAX &&
           read_one(span_make(failed->data, failed->size), &offset, &change))
        failed->hashes[failed->count++] = hash_of(&change);
    failed->size = offset;
}

int decision_failed_open(struct decision_failed *failed, const char *path)
{
    uint8_t *data = NULL;
    size_t size = 0;
    int result;

    memset(failed, 0, sizeof(*failed));
    (void)snprintf(failed->path, sizeof(failed->path), "%s", path);
    failed->data = calloc(1, ROOM);
    failed->hashes = calloc(DECISION_FAILED_MAX, sizeof(uint64_t));
    if (failed->data == NULL || failed->hashes == NULL)
        return -ENOMEM;
    result = settings_read_file(path, ROOM, &data, &size);
    if (result == -ENOENT)
        return 0;
    if (result < 0)
        return result;
    memcpy(failed->data, data, size);
    failed->size = size;
    free(data);
    index_all(failed);
    return failed->size == size
               ? 0
               : durable_replace(failed->path, span_make(failed->data, failed->size));
}

void decision_failed_close(struct decision_failed *failed)
{
    free(failed->data);
    free(failed->hashes);
    failed->data = NULL;
    failed->hashes = NULL;
}

bool decision_failed_is(const struct decision_failed *failed, uint32_t number,
                        const struct hygiene_change *change)
{
    return failed->hashes[number] == hash_of(change);
}

bool decision_failed_has(const struct decision_failed *failed, const struct hygiene_change *change)
{
    uint64_t hash = hash_of(change);

    for (uint32_t i = 0; i < failed->count; i++)
        if (failed->hashes[i] == hash)
            return true;
    return false;
}

static int append(const char *path, struct span bytes)
{
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int result = 0;

    if (file < 0)
        return -errno;
    if (write(file, bytes.data, bytes.size) != (ssize_t)bytes.size)
        result = -EIO; /* what is torn is dropped by the next open */
    else if (fsync(file) != 0)
        result = -errno;
    (void)close(file);
    return result;
}

int decision_failed_add(struct decision_failed *failed, const struct hygiene_change *change)
{
    uint8_t *place = failed->data + failed->size;
    uint16_t size;
    int result;

    if (failed->count == DECISION_FAILED_MAX)
        return -ENOSPC;
    size = (uint16_t)hygiene_change_write(change, place + sizeof(size));
    memcpy(place, &size, sizeof(size));
    /* The first one makes the file's name durable too. */
    result = failed->count == 0
                 ? durable_replace(failed->path, span_make(place, size + sizeof(size)))
                 : append(failed->path, span_make(place, size + sizeof(size)));
    if (result < 0)
        return result;
    failed->size += size + sizeof(size);
    failed->hashes[failed->count++] = hash_of(change);
    return 0;
}

bool decision_failed_next(const struct decision_failed *failed, size_t *offset,
                          struct hygiene_change *ret_change)
{
    return *offset < failed->size &&
           read_one(span_make(failed->data, failed->size), offset, ret_change);
}

int decision_failed_keep(struct decision_failed *failed, const bool *keep)
{
    size_t offset = 0, kept = 0;
    struct hygiene_change change;

    for (uint32_t i = 0; offset < failed->size; i++) {
        size_t begin = offset;

        if (!read_one(span_make(failed->data, failed->size), &offset, &change))
            break;
        if (!keep[i])
            continue;
        memmove(failed->data + kept, failed->data + begin, offset - begin);
        kept += offset - begin;
    }
    failed->size = kept;
    index_all(failed);
    return durable_replace(failed->path, span_make(failed->data, failed->size));
}
