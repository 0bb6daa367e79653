#include "tools/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/durable.h"

static int read_whole(int file, struct key_file *ret)
{
    ssize_t got;

    ret->size = 0;
    do {
        got = read(file, ret->data + ret->size, sizeof(ret->data) - ret->size);
        if (got < 0 && errno != EINTR)
            return -errno;
        if (got > 0)
            ret->size += (size_t)got;
    } while (got != 0 && ret->size < sizeof(ret->data));
    return 0;
}

/* Who owns a file can change it, and its mode. */
static const char *fault_of(const struct stat *status)
{
    if (status->st_uid != 0 && status->st_uid != geteuid())
        return "the key file belongs to another user: chown it to the one that ringpost runs as";
    return sign_key_mode_fault(status->st_mode);
}

int key_file_read(const char *path, struct key_file *ret, struct text *error)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const char *fault = NULL;
    struct stat status;
    int result = 0;

    if (file < 0 || fstat(file, &status) != 0)
        result = -errno;
    else
        fault = fault_of(&status);
    if (result == 0 && fault == NULL)
        result = read_whole(file, ret);
    if (fault != NULL)
        text_add_format(error, "%s: %s", path, fault);
    else if (result < 0)
        text_add_format(error, "%s: %s", path, strerror(-result));
    if (file >= 0)
        (void)close(file); /* only read from */
    return fault != NULL ? -EPERM : result;
}

static int write_whole(int file, struct span pem)
{
    if (fchmod(file, S_IRUSR | S_IWUSR) != 0) /* whatever the umask says */
        return -errno;
    return durable_write(file, pem);
}

int key_file_write(const char *path, struct span pem, struct text *error)
{
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    int result = file < 0 ? -errno : write_whole(file, pem);

    if (file >= 0 && close(file) != 0 && result == 0)
        result = -errno;
    if (result == 0)
        result = durable_name(path);
    if (result < 0 && file >= 0)
        (void)unlink(path); /* half a key is none; that it stays changes nothing */
    if (result == -EEXIST)
        text_add_format(error, "%s is there already, and a key is never overwritten", path);
    else if (result < 0)
        text_add_format(error, "%s: %s", path, strerror(-result));
    return result;
}
