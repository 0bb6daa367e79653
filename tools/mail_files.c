/* mail_files.c - see mail_files.h. */
#include "tools/mail_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE_MAX 4096

struct reading {
    const struct mail_files *files;
    uint8_t *buffer; /* size_max octets */
    int failed;      /* paths */
};

static void complain(struct reading *reading, const char *path, int error)
{
    (void)fprintf(stderr, "ringpost bounce: %s: %s\n", path, strerror(error));
    reading->failed++;
}

/* Fills the buffer from `used` on; returns the octets in it. */
static ssize_t fill(struct reading *reading, int fd, size_t used)
{
    while (used < reading->files->size_max) {
        ssize_t got = read(fd, reading->buffer + used, reading->files->size_max - used);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        used += (size_t)got;
    }
    return (ssize_t)used;
}

static void read_one(struct reading *reading, const char *name, int fd)
{
    ssize_t size = fill(reading, fd, 0);

    if (size < 0)
        complain(reading, name, (int)-size);
    else
        reading->files->take(reading->files->context, name,
                             span_make(reading->buffer, (size_t)size));
}

/* Where the next message of an mbox begins, at or after `from`: behind "\n\nFrom ". */
static size_t next_message(struct span text, size_t from)
{
    while (from < text.size) {
        size_t found = span_find(span_skip(text, from), SPAN("\nFrom "));

        if (found == SPAN_NOT_FOUND)
            return SPAN_NOT_FOUND;
        size_t at = from + found;
        bool blank = at == 0 || text.data[at - 1] == '\n' ||
                     (at > 1 && text.data[at - 1] == '\r' && text.data[at - 2] == '\n');
        if (blank)
            return at + 1;
        from = at + 1;
    }
    return SPAN_NOT_FOUND;
}

struct mbox {
    const char *path;
    uint64_t number;
    bool skipping; /* the rest of a message that was too large */
};

static void give(struct reading *reading, struct mbox *mbox, struct span message)
{
    char name[PATH_SIZE_MAX + 24];

    if (mbox->skipping || message.size == 0)
        return;
    mbox->number++;
    (void)snprintf(name, sizeof(name), "%s#%llu", mbox->path, (unsigned long long)mbox->number);
    reading->files->take(reading->files->context, name, message);
}

static void read_mbox(struct reading *reading, const char *path, int fd)
{
    struct mbox mbox = {.path = path};
    size_t used = 0;

    while (true) {
        size_t full = reading->files->size_max, taken = 0, next;
        ssize_t size = fill(reading, fd, used);

        if (size < 0) {
            complain(reading, path, (int)-size);
            return;
        }
        struct span text = span_make(reading->buffer, (size_t)size);
        while ((next = next_message(text, taken)) != SPAN_NOT_FOUND) {
            give(reading, &mbox, span_slice(text, taken, next - taken));
            mbox.skipping = false;
            taken = next;
        }
        if ((size_t)size < full) { /* the end of the file */
            give(reading, &mbox, span_skip(text, taken));
            return;
        }
        if (taken == 0) { /* one message fills the buffer: its front is what is read of it */
            give(reading, &mbox, text);
            mbox.skipping = true;
            taken = text.size - 8; /* "\n\r\nFrom " may be cut in two here */
        }
        used = text.size - taken;
        memmove(reading->buffer, reading->buffer + taken, used);
    }
}

static void read_file(struct reading *reading, const char *path, bool mbox)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd < 0) {
        complain(reading, path, errno);
        return;
    }
    if (mbox)
        read_mbox(reading, path, fd);
    else
        read_one(reading, path, fd);
    (void)close(fd); /* only read from */
}

static bool is_mbox(const struct reading *reading, const char *path)
{
    return reading->files->mbox || span_ends_nocase(span_cstr(path), SPAN(".mbox"));
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* The files directly in a folder. */
static void read_folder(struct reading *reading, const char *path)
{
    struct dirent **entries;
    int count = scandir(path, &entries, visible, alphasort);

    if (count < 0) {
        complain(reading, path, errno);
        return;
    }
    for (int i = 0; i < count; i++) {
        char name[PATH_SIZE_MAX];
        struct stat info;
        int size = snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);

        if (size > 0 && (size_t)size < sizeof(name) && stat(name, &info) == 0 &&
            S_ISREG(info.st_mode))
            read_file(reading, name, is_mbox(reading, name));
        free(entries[i]);
    }
    free(entries);
}

/* True: the folder was there. */
static bool read_inner(struct reading *reading, const char *path, const char *inner)
{
    char name[PATH_SIZE_MAX];
    struct stat info;
    int size = snprintf(name, sizeof(name), "%s/%s", path, inner);

    if (size < 0 || (size_t)size >= sizeof(name) || stat(name, &info) != 0 ||
        !S_ISDIR(info.st_mode))
        return false;
    read_folder(reading, name);
    return true;
}

static void read_path(struct reading *reading, const char *path)
{
    struct stat info;

    if (strcmp(path, "-") == 0) {
        if (reading->files->mbox)
            read_mbox(reading, path, STDIN_FILENO);
        else
            read_one(reading, path, STDIN_FILENO);
    } else if (stat(path, &info) != 0) {
        complain(reading, path, errno);
    } else if (S_ISDIR(info.st_mode)) {
        bool cur = read_inner(reading, path, "cur");
        bool new = read_inner(reading, path, "new");

        if (!cur && !new)
            read_folder(reading, path);
    } else {
        read_file(reading, path, is_mbox(reading, path));
    }
}

int mail_files_read(const struct mail_files *files, char **paths, int count)
{
    struct reading reading = {.files = files, .buffer = malloc(files->size_max)};

    if (reading.buffer == NULL)
        return -ENOMEM;
    for (int i = 0; i < count; i++)
        read_path(&reading, paths[i]);
    free(reading.buffer);
    return reading.failed;
}
