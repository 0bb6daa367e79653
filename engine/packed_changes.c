#include "engine/packed_changes.h"

#include <errno.h>
#include <string.h>

size_t packed_changes_write(const struct hygiene_change *change, uint8_t *into)
{
    uint16_t size = (uint16_t)hygiene_change_write(change, into + sizeof(uint16_t));

    memcpy(into, &size, sizeof(size));
    return size + sizeof(size);
}

int packed_changes_next(struct span image, uint64_t *offset, struct hygiene_change *ret_change)
{
    uint16_t size;

    if (*offset == image.size)
        return -ENOENT;
    if (image.size - *offset < sizeof(size))
        return -EBADMSG;
    memcpy(&size, image.data + *offset, sizeof(size));
    if (image.size - *offset - sizeof(size) < size)
        return -EBADMSG;
    if (hygiene_change_read(span_slice(image, *offset + sizeof(size), size), ret_change) < 0)
        return -EBADMSG;
    *offset += size + sizeof(size);
    return 0;
}
