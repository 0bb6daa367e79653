/* What a program does with folders and lock files at its start and end, by plain system calls. */
#include <dirent.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "io/io_ring.h"

/* ---- listing ---- */

/* Where `name` belongs among the names in `names`. */
static size_t place_of(const struct text *names, size_t start, const char *name)
{
    size_t place = start;

    while (place < names->size) {
        const char *other = (const char *)names->data + place;

        if (strcmp(other, name) > 0)
            break;
        place += strlen(other) + 1;
    }
    return place;
}

/* Sorted insertion in place: needs no memory, and a spool folder holds hundreds of names. */
static int insert(struct text *names, size_t start, const char *name)
{
    size_t size = strlen(name) + 1;
    size_t place = place_of(names, start, name);

    if (size > text_room(names))
        return -ENOSPC;
    memmove(names->data + place + size, names->data + place, names->size - place);
    memcpy(names->data + place, name, size);
    names->size += size;
    return 0;
}

static bool is_file(int folder, const struct dirent64 *entry)
{
    struct stat status;

    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type == DT_REG;
    return fstatat(folder, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(status.st_mode);
}

static int list_entries(int folder, struct text *names)
{
    _Alignas(struct dirent64) char block[8192];
    size_t start = names->size;
    int result = 0;

    for (;;) {
        ssize_t size = getdents64(folder, block, sizeof(block));

        if (size <= 0)
            return size < 0 ? -errno : 0;
        for (ssize_t at = 0; at < size && result == 0;) {
            const struct dirent64 *entry = (const struct dirent64 *)(const void *)(block + at);

            if (entry->d_name[0] != '.' && is_file(folder, entry))
                result = insert(names, start, entry->d_name);
            at += entry->d_reclen;
        }
        if (result < 0)
            return result;
    }
}

int io_list(struct io *io, const char *folder, struct text *names)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result;

    (void)io; /* the simulator's folders are in its io */
    if (fd < 0)
        return -errno;
    result = list_entries(fd, names);
    (void)close(fd); /* was read only */
    return result;
}

/* ---- making ---- */

static int sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result;

    if (fd < 0)
        return -errno;
    result = fsync(fd) < 0 ? -errno : 0;
    (void)close(fd); /* was synced */
    return result;
}

static int sync_parent(const char *path)
{
    char parent[PATH_MAX];
    size_t size = strlen(path);

    while (size > 1 && path[size - 1] == '/')
        size--;
    while (size > 0 && path[size - 1] != '/')
        size--;
    if (size == 0)
        return sync_folder(".");
    memcpy(parent, path, size);
    parent[size] = 0;
    return sync_folder(parent);
}

int io_folder(struct io *io, const char *path)
{
    struct stat status;

    (void)io; /* the simulator's folders are in its io */
    if (strlen(path) >= PATH_MAX)
        return -ENAMETOOLONG;
    if (mkdir(path, S_IRWXU) < 0) {
        if (errno != EEXIST)
            return -errno;
        if (stat(path, &status) < 0)
            return -errno;
        if (!S_ISDIR(status.st_mode))
            return -ENOTDIR;
    }
    return sync_parent(path); /* an earlier process may have died between the two */
}

/* ---- locking ---- */

static uint32_t read_pid(int fd)
{
    uint8_t digits[16];
    uint64_t pid;
    ssize_t size = pread(fd, digits, sizeof(digits), 0);

    if (size <= 0 || !span_number(span_trim(span_make(digits, (size_t)size)), UINT32_MAX, &pid))
        return 0;
    return (uint32_t)pid;
}

static int write_pid(int fd)
{
    uint8_t digits[16];
    struct text text;
    ssize_t size;

    text_init(&text, digits, sizeof(digits));
    text_add_u64(&text, (uint64_t)getpid());
    text_add_byte(&text, '\n');
    if (ftruncate(fd, 0) < 0)
        return -errno;
    size = pwrite(fd, text.data, text.size, 0);
    if (size < 0)
        return -errno;
    return (size_t)size == text.size ? 0 : -EIO;
}

static int take(int fd, uint32_t *ret_pid)
{
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        int result = -errno;

        if (result == -EWOULDBLOCK && ret_pid != NULL)
            *ret_pid = read_pid(fd);
        return result;
    }
    return write_pid(fd);
}

int io_lock(struct io *io, const char *path, uint32_t *ret_pid)
{
    int fd;
    int result;

    if (io->locks_count == IO_LOCKS_MAX)
        return -ENOSPC;
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd < 0)
        return -errno;
    result = take(fd, ret_pid);
    if (result < 0) {
        (void)close(fd); /* holds nothing */
        return result;
    }
    io->locks[io->locks_count++] = fd;
    return 0;
}
