#include "tools/dkim_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/signing_keys.h"
#include "tools/exit_code.h"

struct pem_file {
    uint8_t data[SIGN_KEY_PEM_MAX + 1];
    size_t size;
};

static int read_whole(int file, struct pem_file *pem)
{
    ssize_t got;

    pem->size = 0;
    do {
        got = read(file, pem->data + pem->size, sizeof(pem->data) - pem->size);
        if (got < 0 && errno != EINTR)
            return -errno;
        if (got > 0)
            pem->size += (size_t)got;
    } while (got != 0 && pem->size < sizeof(pem->data));
    return 0;
}

static int read_key(const char *path, struct pem_file *pem, struct text *error)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const char *fault = NULL;
    struct stat status;
    int result = 0;

    if (file < 0 || fstat(file, &status) != 0)
        result = -errno;
    else
        fault = sign_key_mode_fault(status.st_mode);
    if (result == 0 && fault == NULL)
        result = read_whole(file, pem);
    if (fault != NULL)
        text_add_format(error, "%s: %s", path, fault);
    else if (result < 0)
        text_add_format(error, "%s: %s", path, strerror(-result));
    if (file >= 0)
        (void)close(file);
    return fault != NULL ? -EPERM : result;
}

static uint32_t threads_of(const struct policy *policy)
{
    long cores = sysconf(_SC_NPROCESSORS_CONF); /* of which those that run may become more */

    if (policy->shards != 0)
        return policy->shards;
    return cores < 1 ? 1 : (uint32_t)min_u64((uint64_t)cores, POLICY_SHARDS_MAX);
}

static int load(struct policy *policy, const struct policy *first, struct pem_file *pem,
                struct text *error)
{
    int result = signing_keys_open(&policy->signing_keys, policy, threads_of(first), error);

    for (uint32_t i = 0; result == 0 && i < policy->dkim.count; i++) {
        const struct policy_dkim *item = &policy->dkim_items[i];

        result = read_key(item->key_file, pem, error);
        if (result == 0)
            result = signing_keys_add(policy->signing_keys, item, span_make(pem->data, pem->size),
                                      error);
    }
    return result;
}

int dkim_keys_load(struct policy *policy, const struct policy *first)
{
    char buffer[POLICY_PATH_MAX + 512];
    struct pem_file pem;
    struct text error;
    int result;

    if (policy->dkim.count == 0)
        return 0;
    text_init(&error, buffer, sizeof(buffer));
    result = load(policy, first, &pem, &error);
    explicit_bzero(&pem, sizeof(pem));
    if (result == 0)
        return 0;
    if (error.size == 0)
        text_add_cstr(&error, strerror(-result));
    (void)fprintf(stderr, "ringpost: dkim: %s\n", text_cstr_end(&error));
    return EXIT_USAGE;
}
