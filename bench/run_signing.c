#include "bench/run_signing.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "engine/signing_keys.h"

void run_signing_configure(const struct run_options *options, struct text *yaml)
{
    if (options->verp)
        text_add_cstr(yaml, "return_path: {domain: bounces.ringel.example, key_file: none}\n");
    text_add_format(yaml, "signing: {threads: %u}\n", options->sign_threads);
    if (options->dkim_count > 0)
        text_add_cstr(yaml, "dkim:\n");
    for (uint32_t i = 0; i < options->dkim_count; i++)
        text_add_format(yaml, "  - {domain: ringel.example, selector: bench%u, key_file: \"%s\"}\n",
                        i, options->dkim[i]);
}

static int add_key(struct policy *policy, const struct policy_dkim *item, struct text *error)
{
    uint8_t pem[SIGN_KEY_PEM_MAX];
    FILE *file = fopen(item->key_file, "r");
    size_t size;
    int result;

    if (file == NULL) {
        text_add_cstr(error, item->key_file);
        return -errno;
    }
    size = fread(pem, 1, sizeof(pem), file);
    (void)fclose(file);
    result = signing_keys_add(policy->signing_keys, item, span_make(pem, size), error);
    explicit_bzero(pem, sizeof(pem));
    return result;
}

int run_signing_open(struct policy *policy, uint32_t threads_count, struct text *error)
{
    int result = 0;

    if (policy->dkim.count > 0)
        result = signing_keys_open(&policy->signing_keys, policy, threads_count, error);
    for (uint32_t i = 0; result == 0 && i < policy->dkim.count; i++)
        result = add_key(policy, &policy->dkim_items[i], error);
    return result;
}

void run_signing_close(struct policy *policy)
{
    signing_keys_close(policy->signing_keys);
    policy->signing_keys = NULL;
}

void run_signing_verp(struct verp_keys *keys)
{
    static const uint8_t secret[VERP_KEY_SIZE] = {1, 2, 3};

    memset(keys, 0, sizeof(*keys));
    CHECK(verp_add_key(keys, 1, secret) == 0);
}
