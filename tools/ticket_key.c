#include "tools/ticket_key.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/policy.h"

#define PATH_SIZE (POLICY_PATH_MAX + 32)

static bool read_key(const char *path, uint8_t *ret)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t got = -1;

    if (file < 0)
        return false;
    got = read(file, ret, TLS_RESUME_KEY_SIZE);
    (void)close(file);
    return got == TLS_RESUME_KEY_SIZE;
}

static bool make_key(struct io *io, const char *path, uint8_t *ret)
{
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool done;

    if (file < 0)
        return read_key(path, ret); /* somebody else was faster */
    done = io_entropy(io, ret, TLS_RESUME_KEY_SIZE) == 0 &&
           write(file, ret, TLS_RESUME_KEY_SIZE) == TLS_RESUME_KEY_SIZE;
    if (close(file) != 0 || !done) {
        (void)unlink(path);
        return false;
    }
    return true;
}

bool ticket_key_read(struct io *io, const char *spool, uint8_t ret[TLS_RESUME_KEY_SIZE])
{
    char path[PATH_SIZE];
    int size = snprintf(path, sizeof(path), "%s/tls", spool);

    if (size < 0 || (size_t)size + sizeof("/ticket.key") > sizeof(path))
        return false;
    (void)mkdir(spool, 0700); /* they are mostly there; if they cannot be made, nor can the key */
    (void)mkdir(path, 0700);
    (void)snprintf(path + size, sizeof(path) - (size_t)size, "/ticket.key");
    if (read_key(path, ret))
        return true;
    (void)unlink(path); /* what a crash left of it */
    return make_key(io, path, ret);
}
