/* Files in memory, to read or as a private copy. */
#include <sys/mman.h>
#include <unistd.h>

#include "io/io_ring.h"

static int map_file(int fd, enum io_map_kind kind, struct io_mapping *ret_mapping)
{
    bool copy = kind == IO_MAP_PRIVATE;
    struct stat status;
    void *data;

    if (fstat(fd, &status) < 0)
        return -errno;
    if (!S_ISREG(status.st_mode))
        return -EINVAL;
    if (status.st_size == 0) {
        *ret_mapping = (struct io_mapping){0};
        return 0;
    }
    data = mmap(NULL, (size_t)status.st_size, copy ? PROT_READ | PROT_WRITE : PROT_READ,
                copy ? MAP_PRIVATE : MAP_SHARED, fd, 0);
    if (data == MAP_FAILED)
        return -errno;
    *ret_mapping = (struct io_mapping){.data = data, .size = (size_t)status.st_size};
    return 0;
}

int io_map(struct io *io, const char *path, enum io_map_kind kind, struct io_mapping *ret_mapping)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int result;

    (void)io; /* the simulator's files are in its io */
    if (fd < 0)
        return -errno;
    result = map_file(fd, kind, ret_mapping);
    (void)close(fd); /* the mapping holds the file */
    return result;
}

void io_unmap(struct io *io, struct io_mapping *mapping)
{
    (void)io;
    if (mapping->data != NULL)
        CHECK(munmap(mapping->data, mapping->size) == 0);
    *mapping = (struct io_mapping){0};
}

void io_prefetch(struct io *io, const struct io_mapping *mapping, size_t offset, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t start = offset / page * page;

    (void)io;
    if (offset >= mapping->size || size == 0)
        return;
    size = min_size(size, mapping->size - offset);
    /* Advice: a refusal costs a page fault later, nothing else. */
    (void)madvise(mapping->data + start, size + (offset - start), MADV_WILLNEED);
}

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1 */
#endif
#define LARGE_PAGE ((uintptr_t)2 * 1024 * 1024)

void io_large_pages(struct io *io, void *data, size_t size)
{
    uintptr_t start = ((uintptr_t)data + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
    uintptr_t end = ((uintptr_t)data + size) / LARGE_PAGE * LARGE_PAGE;

    (void)io;
    if (end <= start)
        return;
    /* Advice: a refusal costs time, nothing else. */
    data = (uint8_t *)data + (start - (uintptr_t)data);
    (void)madvise(data, end - start, MADV_HUGEPAGE);
    (void)madvise(data, end - start, MADV_COLLAPSE);
}
