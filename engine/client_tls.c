#include "engine/client_tls.h"

#include <errno.h>
#include <string.h>

int client_tls_open(struct tls_context *context, const struct client_tls_options *options,
                    struct text *error)
{
    struct tls_identity identities[TLS_CONTEXT_IDENTITIES_MAX];
    struct tls_context_options given = {
        .role = TLS_CLIENT, .roots_pem = options->roots_pem, .identities = identities};

    if (options->identities_count > TLS_CONTEXT_IDENTITIES_MAX) {
        text_add_format(error, "routes: more than %d different tls_cert",
                        TLS_CONTEXT_IDENTITIES_MAX);
        return -EINVAL;
    }
    /* One by one, so that the complaint can say which. */
    for (uint32_t i = 0; i < options->identities_count; i++) {
        const struct client_tls_identity *identity = &options->identities[i];
        const struct tls_context_options one = {
            .role = TLS_CLIENT, .identities = &identity->pem, .identities_count = 1};
        int result;

        text_add_format(error, "%s, %s: ", identity->certificate_file, identity->key_file);
        result = tls_context_open(context, &one, error);
        if (result < 0)
            return result;
        text_reset(error);
        tls_context_close(context);
        identities[given.identities_count++] = identity->pem;
    }
    return tls_context_open(context, &given, error);
}

uint32_t client_tls_identity_of(const struct client_tls_options *options,
                                const struct policy_route *route)
{
    if (route == NULL || route->tls_cert[0] == '\0')
        return TLS_CONTEXT_IDENTITY_NONE;
    for (uint32_t i = 0; i < options->identities_count; i++)
        if (strcmp(options->identities[i].certificate_file, route->tls_cert) == 0 &&
            strcmp(options->identities[i].key_file, route->tls_key) == 0)
            return i;
    return TLS_CONTEXT_IDENTITY_NONE;
}
