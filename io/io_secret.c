#include "io/io_secret.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/check.h"

static void explain_lock(size_t size, int result, struct text *error)
{
    struct rlimit limit = {0};

    (void)getrlimit(RLIMIT_MEMLOCK, &limit); /* cannot fail with these arguments */
    text_add_format(error,
                    "cannot lock %zu KiB of memory for keys (%s): the limit of locked memory is "
                    "%llu KiB; raise it (ulimit -l, or LimitMEMLOCK= of the systemd unit)",
                    size / KIB, strerror(-result), (unsigned long long)limit.rlim_cur / KIB);
}

static int lock(void *data, size_t size, struct text *error)
{
    int result = 0;

    if (mlock(data, size) < 0) {
        result = -errno;
        explain_lock(size, result, error);
    } else if (madvise(data, size, MADV_DONTDUMP) < 0 || madvise(data, size, MADV_WIPEONFORK) < 0) {
        result = -errno;
        text_add_format(error, "cannot keep keys out of core dumps and children: madvise: %s",
                        strerror(-result));
    }
    return result;
}

int io_secret_open(struct io_secret *ret_secret, size_t size, struct text *error)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *data;
    int result;

    if (size == 0 || size > SIZE_MAX - page)
        return -EINVAL;
    size = (size + page - 1) / page * page;
    data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED) {
        result = -errno;
        text_add_format(error, "no memory for keys: mmap: %s", strerror(-result));
        return result;
    }
    result = lock(data, size, error);
    if (result < 0) {
        CHECK(munmap(data, size) == 0);
        return result;
    }
    *ret_secret = (struct io_secret){.data = data, .size = size};
    return 0;
}

void io_secret_close(struct io_secret *secret)
{
    if (secret->size > 0) {
        explicit_bzero(secret->data, secret->size);
        CHECK(munmap(secret->data, secret->size) == 0);
    }
    *secret = (struct io_secret){0};
}
