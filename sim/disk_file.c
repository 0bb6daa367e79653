#include "sim/disk_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"

enum {
    PAGE_DIRTY = 1,   /* the next sync writes it */
    PAGE_DIFFERS = 2, /* cached and durable may differ (without PAGE_DIRTY: a failed sync) */
};

static size_t round_up_page(size_t size)
{
    return (size + DISK_PAGE_SIZE - 1) / DISK_PAGE_SIZE * DISK_PAGE_SIZE;
}

static void file_reserve(struct disk_file *file, size_t size)
{
    size_t capacity = file->capacity == 0 ? 16 * DISK_PAGE_SIZE : file->capacity;
    void *image;

    if (size <= file->capacity)
        return;
    while (capacity < size)
        capacity *= 2;
    CHECK(ftruncate(file->memory, (off_t)capacity) == 0);
    if (file->cached != NULL)
        CHECK(munmap(file->cached, file->capacity) == 0);
    image = mmap(NULL, capacity, PROT_READ | PROT_WRITE, MAP_SHARED, file->memory, 0);
    CHECK(image != MAP_FAILED);
    file->cached = image;
    image = file->durable == NULL ? mmap(NULL, capacity, PROT_READ | PROT_WRITE,
                                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
                                  : mremap(file->durable, file->capacity, capacity, MREMAP_MAYMOVE);
    CHECK(image != MAP_FAILED);
    file->durable = image;
    file->pages = realloc(file->pages, capacity / DISK_PAGE_SIZE * sizeof(file->pages[0]));
    CHECK(file->pages != NULL);
    memset(file->pages + file->capacity / DISK_PAGE_SIZE, 0,
           (capacity - file->capacity) / DISK_PAGE_SIZE * sizeof(file->pages[0]));
    file->capacity = capacity;
}

struct disk_file *disk_file_open(uint64_t number, bool folder)
{
    struct disk_file *file = calloc(1, sizeof(*file));

    CHECK(file != NULL);
    file->number = number;
    file->folder = folder;
    file->memory = -1;
    if (!folder) {
        file->memory = memfd_create("sim", MFD_CLOEXEC);
        CHECK(file->memory >= 0);
    }
    return file;
}

void disk_file_close(struct disk_file *file)
{
    if (file == NULL)
        return;
    if (file->cached != NULL)
        (void)munmap(file->cached, file->capacity);
    if (file->durable != NULL)
        (void)munmap(file->durable, file->capacity);
    if (file->memory >= 0)
        (void)close(file->memory);
    free(file->pages);
    free(file->touched);
    free(file);
}

void disk_file_extend(struct disk_file *file, uint64_t size)
{
    if (size <= file->size)
        return;
    file_reserve(file, size);
    file->size = size;
}

static void page_to_platter(struct disk_file *file, uint32_t page)
{
    size_t offset = page * DISK_PAGE_SIZE;

    memcpy(file->durable + offset, file->cached + offset, DISK_PAGE_SIZE);
    file->pages[page].flags = 0;
}

static void page_from_platter(struct disk_file *file, uint32_t page)
{
    size_t offset = page * DISK_PAGE_SIZE;

    memcpy(file->cached + offset, file->durable + offset, DISK_PAGE_SIZE);
    file->pages[page].flags = 0;
}

/* Forgets the pages of `touched` that have no flags any more. */
static void touched_compact(struct disk_file *file)
{
    size_t kept = 0;

    for (size_t i = 0; i < file->touched_count; i++) {
        if (file->pages[file->touched[i]].flags != 0)
            file->touched[kept++] = file->touched[i];
    }
    file->touched_count = kept;
}

static void touched_add(struct disk_file *file, uint32_t page)
{
    if (file->touched_count == file->touched_max) {
        file->touched_max = file->touched_max == 0 ? 64 : file->touched_max * 2;
        file->touched = realloc(file->touched, file->touched_max * sizeof(file->touched[0]));
        CHECK(file->touched != NULL);
    }
    file->touched[file->touched_count++] = page;
}

static void page_touch(struct disk_file *file, uint32_t page)
{
    struct disk_page *state = &file->pages[page];

    /* A sync that has begun promises what stood here when it began. */
    if ((state->flags & PAGE_DIRTY) != 0 && state->sequence <= file->sync_begun)
        memcpy(file->durable + page * DISK_PAGE_SIZE, file->cached + page * DISK_PAGE_SIZE,
               DISK_PAGE_SIZE);
    if (state->flags == 0)
        touched_add(file, page);
    state->flags = PAGE_DIRTY | PAGE_DIFFERS;
    state->sequence = file->sequence;
}

void disk_file_write(struct disk_file *file, struct span data, uint64_t offset)
{
    if (data.size == 0)
        return;
    disk_file_extend(file, offset + data.size);
    file->sequence++;
    for (uint64_t page = offset / DISK_PAGE_SIZE; page * DISK_PAGE_SIZE < offset + data.size;
         page++)
        page_touch(file, (uint32_t)page);
    memcpy(file->cached + offset, data.data, data.size);
}

size_t disk_file_read(const struct disk_file *file, struct span_mut into, uint64_t offset)
{
    size_t size;

    if (offset >= file->size)
        return 0;
    size = min_size(into.size, file->size - offset);
    if (size > 0)
        memcpy(into.data, file->cached + offset, size);
    return size;
}

struct disk_sync disk_file_sync_begin(struct disk_file *file)
{
    file->sync_begun = file->sequence;
    return (struct disk_sync){.sequence = file->sequence, .size = file->size};
}

void disk_file_sync_end(struct disk_file *file, struct disk_sync sync)
{
    for (size_t i = 0; i < file->touched_count; i++) {
        struct disk_page *state = &file->pages[file->touched[i]];

        if ((state->flags & PAGE_DIRTY) != 0 && state->sequence <= sync.sequence)
            page_to_platter(file, file->touched[i]);
    }
    touched_compact(file);
    file->durable_size = max_u64(file->durable_size, sync.size);
}

void disk_file_sync_fail(struct disk_file *file, struct disk_sync sync, struct prng *prng,
                         bool evict)
{
    for (size_t i = 0; i < file->touched_count; i++) {
        struct disk_page *state = &file->pages[file->touched[i]];

        if ((state->flags & PAGE_DIRTY) == 0 || state->sequence > sync.sequence)
            continue;
        if (prng_percent(prng, 50))
            page_to_platter(file, file->touched[i]);
        else if (evict)
            page_from_platter(file, file->touched[i]);
        else
            state->flags = PAGE_DIFFERS;
    }
    touched_compact(file);
    if (prng_percent(prng, 50))
        file->durable_size = max_u64(file->durable_size, sync.size);
}

void disk_file_write_back(struct disk_file *file, struct prng *prng)
{
    uint32_t folio_pages = 1U << prng_below(prng, 10);
    uint32_t folio;

    if (file->touched_count == 0)
        return;
    folio = file->touched[prng_below(prng, file->touched_count)] / folio_pages;
    for (size_t i = 0; i < file->touched_count; i++) {
        uint32_t page = file->touched[i];

        if (page / folio_pages == folio && (file->pages[page].flags & PAGE_DIRTY) != 0)
            page_to_platter(file, page);
    }
    touched_compact(file);
}

enum fate { FATE_LOST, FATE_WRITTEN, FATE_TORN };

/* One draw for all the pages of a folio. */
static enum fate folio_fate(uint64_t salt, uint64_t folio, uint32_t written_percent)
{
    uint64_t mixed = (salt ^ (folio + 1)) * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t draw = (uint32_t)((mixed ^ (mixed >> 31)) >> 7) % 100;

    if (draw < 15)
        return FATE_TORN;
    return draw % 85 * 100 / 85 < written_percent ? FATE_WRITTEN : FATE_LOST;
}

static void page_tear(struct disk_file *file, uint32_t page, struct prng *prng)
{
    uint64_t sectors = prng_next(prng);

    for (size_t i = 0; i < DISK_PAGE_SIZE / DISK_SECTOR_SIZE; i++) {
        size_t offset = page * DISK_PAGE_SIZE + i * DISK_SECTOR_SIZE;

        if ((sectors >> i & 1) != 0)
            memcpy(file->durable + offset, file->cached + offset, DISK_SECTOR_SIZE);
    }
}

/* Zeroes both images from `size` on. */
static void images_cut(struct disk_file *file, size_t size)
{
    size_t whole = round_up_page(size);

    if (file->capacity == 0)
        return;
    memset(file->durable + size, 0, whole - size);
    memset(file->cached + size, 0, whole - size);
    if (whole == file->capacity)
        return;
    CHECK(madvise(file->durable + whole, file->capacity - whole, MADV_DONTNEED) == 0);
    CHECK(fallocate(file->memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)whole,
                    (off_t)(file->capacity - whole)) == 0);
}

/* A size that was not synced: the old one, the new one, or a page in between. */
static void size_draw(struct disk_file *file, struct prng *prng)
{
    uint64_t size = file->durable_size;

    if (size < file->size) {
        uint64_t pages = (file->size - size) / DISK_PAGE_SIZE;

        switch (prng_below(prng, 3)) {
        case 0:
            break;
        case 1:
            size = file->size;
            break;
        default:
            size += prng_below(prng, pages + 1) * DISK_PAGE_SIZE;
            break;
        }
    }
    file->durable_size = size;
}

void disk_file_power_loss(struct disk_file *file, struct prng *prng)
{
    static const uint32_t biases[] = {0, 10, 50, 90, 100};
    uint64_t salt = prng_next(prng);
    uint32_t folio_pages = 1U << prng_below(prng, 10);
    uint32_t written_percent = biases[prng_below(prng, ARRAY_LEN(biases))];

    for (size_t i = 0; i < file->touched_count; i++) {
        uint32_t page = file->touched[i];

        if ((file->pages[page].flags & PAGE_DIRTY) == 0)
            continue;
        switch (folio_fate(salt, page / folio_pages, written_percent)) {
        case FATE_LOST:
            break;
        case FATE_WRITTEN:
            memcpy(file->durable + page * DISK_PAGE_SIZE, file->cached + page * DISK_PAGE_SIZE,
                   DISK_PAGE_SIZE);
            break;
        case FATE_TORN:
            page_tear(file, page, prng);
            break;
        }
    }
    size_draw(file, prng);
    for (size_t i = 0; i < file->touched_count; i++)
        page_from_platter(file, file->touched[i]);
    file->touched_count = 0;
    if (file->size != file->durable_size)
        images_cut(file, file->durable_size);
    file->size = file->durable_size;
}

uint8_t *disk_file_map(const struct disk_file *file, size_t size, bool private)
{
    void *data;

    CHECK(size > 0 && size <= file->size);
    data = mmap(NULL, size, private ? PROT_READ | PROT_WRITE : PROT_READ,
                private ? MAP_PRIVATE : MAP_SHARED, file->memory, 0);
    return data == MAP_FAILED ? NULL : data;
}

void disk_file_unmap(uint8_t *data, size_t size)
{
    if (data != NULL)
        CHECK(munmap(data, round_up_page(size)) == 0);
}

void disk_file_poke(struct disk_file *file, struct span data, uint64_t offset)
{
    CHECK(offset + data.size <= file->size);
    memcpy(file->cached + offset, data.data, data.size);
    memcpy(file->durable + offset, data.data, data.size);
}
