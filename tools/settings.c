#include "tools/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "engine/signing_keys.h"
#include "tools/exit_code.h"
#include "tools/reply_rules.h"

#define CONFIG_SIZE_MAX MIB
#define KEY_SIZE_MAX (64 * KIB)
#define ROOTS_SIZE_MAX (16 * MIB)
#define PEM_SIZE_MAX MIB
#define ERROR_SIZE (2 * POLICY_PATH_MAX + 512)
static const char default_file[] = "/etc/ringpost/ringpost.yaml";
static const char default_roots[] = "/etc/ssl/certs/ca-certificates.crt";

/* A policy and what it lends, freed together. */
struct owned_policy {
    struct policy policy;
    struct reply_rules *rules;
};

int settings_read_file(const char *path, size_t size_max, uint8_t **ret_data, size_t *ret_size)
{
    int file = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    size_t size = 0, capacity = 64 * KIB;
    uint8_t *data = NULL;
    int result = 0;

    if (file < 0)
        return -errno;
    for (;;) {
        uint8_t *more = data == NULL || size == capacity ? realloc(data, capacity *= 2) : data;
        ssize_t got;

        if (more == NULL) {
            result = -ENOMEM;
            break;
        }
        data = more;
        got = read(file, data + size, capacity - size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            result = got < 0 ? -errno : 0;
            break;
        }
        size += (size_t)got;
        if (size > size_max) {
            result = -EFBIG;
            break;
        }
    }
    (void)close(file);
    if (result < 0) {
        free(data);
        return result;
    }
    *ret_data = data;
    *ret_size = size;
    return 0;
}

static int complain(const struct text *error)
{
    (void)fprintf(stderr, "ringpost: %.*s\n", (int)error->size, (const char *)error->data);
    return EXIT_USAGE;
}

static int complain_file(const char *path, int result)
{
    (void)fprintf(stderr, "ringpost: %s: %s\n", path, strerror(-result));
    return EXIT_USAGE;
}

/* Of the files that a setting names: where the setting stands. */
static int complain_setting(const struct policy *policy, const char *key, const char *path,
                            int result)
{
    char buffer[ERROR_SIZE];
    struct text error;

    text_init(&error, buffer, sizeof(buffer));
    policy_add_place(policy, key, &error);
    text_add_format(&error, "%s: %s", path, strerror(-result));
    return complain(&error);
}

static int complain_route(const struct policy *policy, const struct policy_route *route,
                          const char *path, const char *what)
{
    char buffer[ERROR_SIZE];
    struct text error;

    text_init(&error, buffer, sizeof(buffer));
    policy_add_item_place(policy, "routes", route->line, route->column, &error);
    text_add_format(&error, "%s: %s", path, what);
    return complain(&error);
}

static int read_config(struct policy *policy, const char *file, struct text *error)
{
    uint8_t *data = NULL;
    size_t size = 0;
    int result;

    if (file == NULL) {
        if (access(default_file, F_OK) != 0)
            return 0;
        file = default_file;
    }
    result = settings_read_file(file, CONFIG_SIZE_MAX, &data, &size);
    if (result < 0) {
        text_add_format(error, "%s: %s", file, strerror(-result));
        return result;
    }
    result = policy_read(policy, span_make(data, size), file, error);
    free(data);
    return result;
}

static int complete(struct policy *policy, struct text *error)
{
    char hostname[256] = "localhost";
    uint8_t *resolv = NULL;
    size_t size = 0;
    int result;

    if (gethostname(hostname, sizeof(hostname) - 1) != 0)
        (void)snprintf(hostname, sizeof(hostname), "localhost");
    if (settings_read_file("/etc/resolv.conf", CONFIG_SIZE_MAX, &resolv, &size) < 0)
        size = 0;
    result = policy_complete(policy, span_cstr(hostname), span_make(resolv, size), error);
    free(resolv);
    return result;
}

static int load_rules(struct policy *policy, struct text *error)
{
    struct owned_policy *owned = CONTAINER_OF(policy, struct owned_policy, policy);
    int result;

    policy_add_place(policy, "hygiene.rules_file", error);
    result = reply_rules_open(&owned->rules, policy->rules_file, error);
    if (result == 0)
        policy->classifier = reply_rules_classifier(owned->rules);
    return result;
}

/* The first line of the file, without its end. */
static int read_password(const struct policy *policy, struct policy_route *route)
{
    uint8_t *data = NULL;
    size_t size = 0;
    int result = settings_read_file(route->password_file, KEY_SIZE_MAX, &data, &size);
    struct span rest, line;
    bool fits;

    if (result < 0)
        return complain_route(policy, route, route->password_file, strerror(-result));
    CHECK(data != NULL);
    rest = span_make(data, size);
    line = span_trim(span_split(&rest, '\n'));
    fits = line.size > 0 && line.size < sizeof(route->password) && !span_has_control(line);
    if (fits)
        memcpy(route->password, line.data, line.size);
    explicit_bzero(data, size);
    free(data);
    if (fits)
        return 0;
    static_assert(sizeof(route->password) == 256, "as the words below say");
    return complain_route(policy, route, route->password_file,
                          "the first line is no password of at most 255 octets");
}

static int read_passwords(struct policy *policy)
{
    int result = 0;

    for (uint32_t i = 0; result == 0 && i < policy->routes.count; i++)
        if (policy->routes_items[i].password_file[0] != '\0')
            result = read_password(policy, &policy->routes_items[i]);
    return result;
}

/* Without authorities no certificate is ever good: told, unless nobody asks. */
static int read_roots(struct settings *settings)
{
    const struct policy *policy = settings->policy;
    bool chosen = policy->tls_ca_file[0] != '\0';
    const char *path = chosen ? policy->tls_ca_file : default_roots;
    uint8_t *data = NULL;
    size_t size = 0;
    int result = settings_read_file(path, ROOTS_SIZE_MAX, &data, &size);

    if (result < 0 && chosen)
        return complain_setting(policy, "tls.ca_file", path, result);
    if (result < 0 && policy->tls_mode == POLICY_TLS_VERIFIED)
        return complain_file(path, result);
    if (result == 0)
        settings->tls.roots_pem = span_make(data, size);
    return 0;
}

static int read_pem(const struct policy *policy, const struct policy_route *route, const char *path,
                    struct span *ret)
{
    uint8_t *data = NULL;
    size_t size = 0;
    int result = settings_read_file(path, PEM_SIZE_MAX, &data, &size);

    if (result < 0)
        return complain_route(policy, route, path, strerror(-result));
    *ret = span_make(data, size);
    return 0;
}

static int read_identity(struct settings *settings, const struct policy_route *route)
{
    struct client_tls_identity *identity;
    int result;

    if (settings->tls.identities_count == TLS_CONTEXT_IDENTITIES_MAX) {
        static_assert(TLS_CONTEXT_IDENTITIES_MAX == 16, "as the words below say");
        return complain_route(settings->policy, route, route->tls_cert,
                              "is the 17th certificate of the routes, 16 is the limit");
    }
    identity = &settings->identities[settings->tls.identities_count++];
    *identity = (struct client_tls_identity){.certificate_file = route->tls_cert,
                                             .key_file = route->tls_key};
    result = read_pem(settings->policy, route, route->tls_cert, &identity->pem.certificate_pem);
    return result != 0 ? result
                       : read_pem(settings->policy, route, route->tls_key, &identity->pem.key_pem);
}

/* Routes may share certificates. */
static int read_identities(struct settings *settings)
{
    const struct policy *policy = settings->policy;
    int result = 0;

    settings->tls.identities = settings->identities;
    for (uint32_t i = 0; result == 0 && i < policy->routes.count; i++) {
        const struct policy_route *route = &policy->routes_items[i];

        if (route->tls_cert[0] != '\0' &&
            client_tls_identity_of(&settings->tls, route) == TLS_CONTEXT_IDENTITY_NONE)
            result = read_identity(settings, route);
    }
    return result;
}

int settings_load_policy(struct settings *settings, const char *file, const char *spool)
{
    struct owned_policy *owned;
    char buffer[ERROR_SIZE];
    struct text error;
    int result;

    memset(settings, 0, sizeof(*settings));
    text_init(&error, buffer, sizeof(buffer));
    owned = calloc(1, sizeof(*owned));
    if (owned == NULL)
        return complain_file("memory", -ENOMEM);
    settings->policy = &owned->policy;
    policy_init(settings->policy);
    result = read_config(settings->policy, file, &error);
    if (result == 0 && spool != NULL)
        (void)snprintf(settings->policy->spool, sizeof(settings->policy->spool), "%s", spool);
    if (result == 0)
        result = complete(settings->policy, &error);
    if (result == 0)
        result = load_rules(settings->policy, &error);
    if (result < 0) {
        settings_free(settings);
        return complain(&error);
    }
    result = read_passwords(settings->policy);
    if (result != 0)
        settings_free(settings);
    return result;
}

static int add_keys(struct settings *settings, const char *key, const char *path)
{
    char buffer[ERROR_SIZE];
    struct text error;
    uint8_t *data = NULL;
    size_t size = 0;
    int result = settings_read_file(path, KEY_SIZE_MAX, &data, &size);

    if (result < 0)
        return complain_setting(settings->policy, key, path, result);
    CHECK(data != NULL);
    text_init(&error, buffer, sizeof(buffer));
    policy_add_place(settings->policy, key, &error);
    text_add_format(&error, "%s: ", path);
    result = verp_add_file(&settings->keys, span_make(data, size), &error);
    explicit_bzero(data, size);
    free(data);
    return result < 0 ? complain(&error) : 0;
}

/* That the listener will be able to read it; it does so itself. */
static int check_file(const struct policy *policy, const char *key, const char *path)
{
    uint8_t *data = NULL;
    size_t size = 0;
    int result = path[0] != '\0' ? settings_read_file(path, PEM_SIZE_MAX, &data, &size) : 0;

    if (result < 0)
        return complain_setting(policy, key, path, result);
    if (data != NULL)
        explicit_bzero(data, size);
    free(data);
    return 0;
}

int settings_load(struct settings *settings, const char *file, const char *spool)
{
    int result = settings_load_policy(settings, file, spool);
    const struct policy *policy = settings->policy;

    if (result == 0)
        result = read_roots(settings);
    if (result == 0)
        result = read_identities(settings);
    if (result == 0)
        result = check_file(policy, "bounces.tls_cert", policy->bounces_tls_cert);
    if (result == 0)
        result = check_file(policy, "bounces.tls_key", policy->bounces_tls_key);
    if (result != 0 || policy->return_domain[0] == '\0') {
        if (result != 0)
            settings_free(settings);
        return result;
    }
    result = add_keys(settings, "return_path.key_file", policy->return_key_file);
    for (uint32_t i = 0; result == 0 && i < policy->return_previous.count; i++)
        result = add_keys(settings, "return_path.previous_keys", policy->return_previous_items[i]);
    settings->has_keys = result == 0;
    if (result != 0)
        settings_free(settings);
    return result;
}

/* Read-only for everybody else, ours to free. */
static void *to_free(const void *lent)
{
    union {
        const void *lent;
        void *owned;
    } ours = {.lent = lent};

    return ours.owned;
}

void settings_free_policy(const struct policy *policy)
{
    const struct owned_policy *owned = CONTAINER_OF_CONST(policy, struct owned_policy, policy);

    reply_rules_close(owned->rules);
    signing_keys_close(policy->signing_keys);
    free(to_free(owned));
}

void settings_free(struct settings *settings)
{
    verp_forget(&settings->keys);
    if (settings->policy != NULL)
        settings_free_policy(settings->policy);
    settings->policy = NULL;
    free(to_free(settings->tls.roots_pem.data));
    for (uint32_t i = 0; i < settings->tls.identities_count; i++) {
        struct tls_identity *pem = &settings->identities[i].pem;

        if (pem->key_pem.size > 0)
            explicit_bzero(to_free(pem->key_pem.data), pem->key_pem.size);
        free(to_free(pem->certificate_pem.data));
        free(to_free(pem->key_pem.data));
    }
    memset(&settings->tls, 0, sizeof(settings->tls));
}
