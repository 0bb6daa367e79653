#include "tools/dkim_keys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/signing_keys.h"
#include "tools/exit_code.h"
#include "tools/key_file.h"

static uint32_t threads_of(const struct policy *policy)
{
    long cores = sysconf(_SC_NPROCESSORS_CONF); /* of which those that run may become more */

    if (policy->shards != 0)
        return policy->shards + policy->signing_threads;
    return policy->signing_threads +
           (cores < 1 ? 1 : (uint32_t)min_u64((uint64_t)cores, POLICY_SHARDS_MAX));
}

static int load(struct policy *policy, const struct policy *first, struct key_file *pem,
                struct text *error)
{
    size_t place_size;
    int result;

    policy_add_place(policy, "dkim", error);
    place_size = error->size;
    result = signing_keys_open(&policy->signing_keys, policy, threads_of(first), error);
    if (result < 0 && error->size == place_size)
        text_add_cstr(error, strerror(-result));
    for (uint32_t i = 0; result == 0 && i < policy->dkim.count; i++) {
        const struct policy_dkim *item = &policy->dkim_items[i];

        text_reset(error);
        policy_add_item_place(policy, "dkim", item->line, item->column, error);
        result = key_file_read(item->key_file, pem, error);
        if (result == 0)
            result = signing_keys_add(policy->signing_keys, item, span_make(pem->data, pem->size),
                                      error);
    }
    return result;
}

int dkim_keys_load(struct policy *policy, const struct policy *first)
{
    char buffer[2 * POLICY_PATH_MAX + 512];
    struct key_file pem;
    struct text error;
    int result;

    if (policy->dkim.count == 0)
        return 0;
    text_init(&error, buffer, sizeof(buffer));
    result = load(policy, first, &pem, &error);
    explicit_bzero(&pem, sizeof(pem));
    if (result == 0)
        return 0;
    (void)fprintf(stderr, "ringpost: %s\n", text_cstr_end(&error));
    return EXIT_USAGE;
}

int dkim_keys_fit_again(const struct policy *policy, struct text *error)
{
    struct signing_keys *again = NULL;
    int result = 0;

    if (policy->dkim.count > 0)
        result = signing_keys_open(&again, policy, threads_of(policy), error);
    if (result == 0)
        signing_keys_close(again);
    return result;
}
