#include "bench/run_identity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static int write_file(char *path, size_t path_size, const char *folder, const char *name,
                      struct span data)
{
    int file, size = snprintf(path, path_size, "%s/%s", folder, name);
    ssize_t written;

    if (size < 0 || (size_t)size >= path_size)
        return -ENAMETOOLONG;
    file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0)
        return -errno;
    written = write(file, data.data, data.size);
    (void)close(file);
    return written == (ssize_t)data.size ? 0 : -EIO;
}

int run_identity_make(struct run_identity *identity, const char *folder)
{
    int result = identity_make(&identity->identity, IDENTITY_ECDSA_P256, "mx.bench.example",
                               (uint64_t)time(NULL));

    if (result == 0)
        result = write_file(identity->certificate_path, sizeof(identity->certificate_path), folder,
                            "sink.pem", identity->identity.certificate_pem);
    if (result == 0)
        result = write_file(identity->key_path, sizeof(identity->key_path), folder, "sink.key",
                            identity->identity.key_pem);
    return result;
}
