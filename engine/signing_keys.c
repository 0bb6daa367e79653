#include "engine/signing_keys.h"

#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "io/io_secret.h"

struct signing_keys {
    struct io_secret memory; /* of the secrets, then of the threads */
    struct signing_key *keys;
    struct signing_key **sorted; /* by domain, then algorithm */
    uint32_t count;
    uint32_t capacity;
    const struct signing_key *others[POLICY_DKIM_OTHERS_MAX];
    uint32_t others_count;
    struct sign_batch **batches;
    uint32_t batches_count;
};

static size_t aligned(size_t size)
{
    return (size + SIGN_KEY_ALIGNMENT - 1) / SIGN_KEY_ALIGNMENT * SIGN_KEY_ALIGNMENT;
}

static uint8_t *key_memory(const struct signing_keys *keys, uint32_t index)
{
    return (uint8_t *)keys->memory.data + index * aligned(sign_key_memory_size());
}

static void open_batches(struct signing_keys *keys, uint32_t count)
{
    uint8_t *memory = key_memory(keys, keys->capacity);

    for (uint32_t i = 0; i < count; i++)
        keys->batches[i] =
            sign_batch_open(memory + i * aligned(sign_batch_memory_size()), sign_batch_best());
    keys->batches_count = count;
}

int signing_keys_open(struct signing_keys **ret_keys, const struct policy *policy,
                      uint32_t threads_count, struct text *error)
{
    struct signing_keys *keys = calloc(1, sizeof(*keys));
    size_t size = policy->dkim.count * aligned(sign_key_memory_size()) +
                  threads_count * aligned(sign_batch_memory_size());
    int result = -ENOMEM;

    CHECK(policy->dkim.count > 0);
    CHECK(threads_count > 0);
    if (keys != NULL) {
        keys->capacity = policy->dkim.count;
        keys->keys = calloc(keys->capacity, sizeof(*keys->keys));
        keys->sorted = calloc(keys->capacity, sizeof(struct signing_key *));
        keys->batches = calloc(threads_count, sizeof(struct sign_batch *));
        if (keys->keys != NULL && keys->sorted != NULL && keys->batches != NULL)
            result = io_secret_open(&keys->memory, size, error);
    }
    if (result < 0) {
        signing_keys_close(keys);
        return result;
    }
    open_batches(keys, threads_count);
    *ret_keys = keys;
    return 0;
}

void signing_keys_close(struct signing_keys *keys)
{
    if (keys == NULL)
        return;
    for (uint32_t i = 0; i < keys->count; i++)
        sign_key_close(keys->keys[i].secret);
    for (uint32_t i = 0; i < keys->batches_count; i++)
        sign_batch_close(keys->batches[i]);
    io_secret_close(&keys->memory);
    free(keys->keys);
    free((void *)keys->sorted);
    free((void *)keys->batches);
    free(keys);
}

/* Domains are ASCII; their order is only for looking them up. */
static int compare_domains(struct span a, struct span b)
{
    size_t size = min_size(a.size, b.size);

    for (size_t i = 0; i < size; i++) {
        int difference = (int)span_lower_byte(a.data[i]) - (int)span_lower_byte(b.data[i]);

        if (difference != 0)
            return difference;
    }
    return a.size == b.size ? 0 : a.size < b.size ? -1 : 1;
}

/* Index of the first of that domain, or of where it would stand. */
static uint32_t find_domain(const struct signing_keys *keys, struct span domain)
{
    uint32_t begin = 0, end = keys->count;

    while (begin < end) {
        uint32_t middle = begin + (end - begin) / 2;

        if (compare_domains(dkim_plan_domain(&keys->sorted[middle]->plan), domain) < 0)
            begin = middle + 1;
        else
            end = middle;
    }
    return begin;
}

static bool has_domain(const struct signing_keys *keys, uint32_t at, struct span domain)
{
    return at < keys->count &&
           compare_domains(dkim_plan_domain(&keys->sorted[at]->plan), domain) == 0;
}

static int complain(const struct policy_dkim *item, const char *what, struct text *error)
{
    text_add_format(error, "%s: %s", item->key_file, what);
    return -EINVAL;
}

static int compile(struct signing_key *key, const struct policy_dkim *item, struct text *error)
{
    const struct dkim_plan_options options = {
        .domain = span_cstr(item->domain),
        .selector = span_cstr(item->selector),
        .algorithm = sign_key_algorithm(key->secret),
        .signature_size = (uint32_t)sign_key_signature_size(key->secret),
    };
    char buffer[256];
    struct text why;

    text_init(&why, buffer, sizeof(buffer) - 1);
    if (dkim_plan_compile(&key->plan, &options, &why) < 0)
        return complain(item, text_cstr_end(&why), error);
    key->also_sign = item->also_sign;
    key->is_wide =
        key->plan.algorithm == SIGN_RSA_SHA256 && sign_batch_best() != SIGN_PATH_BORINGSSL;
    return 0;
}

/* Which of two signatures by one algorithm counts nobody can say. */
static bool is_double(const struct signing_keys *keys, const struct signing_key *key)
{
    struct span domain = dkim_plan_domain(&key->plan);

    for (uint32_t at = find_domain(keys, domain); has_domain(keys, at, domain); at++)
        if (keys->sorted[at]->plan.algorithm == key->plan.algorithm)
            return true;
    return false;
}

/* RSA, which everybody can verify, before Ed25519. */
static void insert(struct signing_keys *keys, struct signing_key *key)
{
    struct span domain = dkim_plan_domain(&key->plan);
    uint32_t at = find_domain(keys, domain);

    while (has_domain(keys, at, domain) && keys->sorted[at]->plan.algorithm < key->plan.algorithm)
        at++;
    for (uint32_t i = keys->count; i > at; i--)
        keys->sorted[i] = keys->sorted[i - 1];
    keys->sorted[at] = key;
    key->index = keys->count++;
    if (key->also_sign)
        keys->others[keys->others_count++] = key;
}

int signing_keys_add(struct signing_keys *keys, const struct policy_dkim *item, struct span pem,
                     struct text *error)
{
    struct signing_key *key = &keys->keys[keys->count];
    const char *what = "";
    int result;

    CHECK(keys->count < keys->capacity);
    result = sign_key_open(key_memory(keys, keys->count), pem, &key->secret, &what);
    if (result < 0)
        return complain(item, what, error);
    result = compile(key, item, error);
    if (result == 0 && is_double(keys, key))
        result = complain(item, "its domain has another key of this kind already", error);
    if (result < 0) {
        sign_key_close(key->secret);
        return result;
    }
    insert(keys, key);
    return 0;
}

/* The domain, or the nearest one above it, that has keys; the count if none has. */
static uint32_t find_aligned(const struct signing_keys *keys, struct span domain)
{
    while (domain.size > 0) {
        uint32_t at = find_domain(keys, domain);
        size_t dot;

        if (has_domain(keys, at, domain))
            return at;
        dot = span_find_byte(domain, '.');
        domain = dot == SPAN_NOT_FOUND ? (struct span){NULL, 0} : span_skip(domain, dot + 1);
    }
    return keys->count;
}

uint32_t signing_keys_for(const struct signing_keys *keys, struct span from_domain,
                          const struct signing_key *ret_keys[SIGNING_KEYS_USED_MAX])
{
    uint32_t count = 0, at = find_aligned(keys, from_domain);
    struct span domain = {NULL, 0};

    if (at < keys->count)
        domain = dkim_plan_domain(&keys->sorted[at]->plan);
    for (; domain.size > 0 && has_domain(keys, at, domain); at++)
        ret_keys[count++] = keys->sorted[at];
    for (uint32_t i = 0; i < keys->others_count; i++) {
        struct span other = dkim_plan_domain(&keys->others[i]->plan);

        if (domain.size == 0 || compare_domains(other, domain) != 0)
            ret_keys[count++] = keys->others[i];
    }
    CHECK(count <= SIGNING_KEYS_USED_MAX);
    return count;
}

struct sign_batch *signing_keys_batch(const struct signing_keys *keys, uint32_t thread)
{
    return thread < keys->batches_count ? keys->batches[thread] : NULL;
}

uint32_t signing_keys_count(const struct signing_keys *keys)
{
    return keys->count;
}

const struct signing_key *signing_keys_at(const struct signing_keys *keys, uint32_t index)
{
    CHECK(index < keys->count);
    return keys->sorted[index];
}
