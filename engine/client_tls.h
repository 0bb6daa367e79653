/* client_tls.h - what outgoing TLS rests on: the trusted roots, and the certificates with which
 * routes prove who we are to their smart hosts.
 *
 * Certificates and keys are read by whoever opens files, at the start; a route that names others
 * later shows none until the next start. Owns nothing: paths and PEM texts outlive the engine. */
#ifndef ENGINE_CLIENT_TLS_H
#define ENGINE_CLIENT_TLS_H

#include "engine/policy.h"
#include "tls/tls_context.h"

struct client_tls_identity {
    const char *certificate_file; /* as the routes say them */
    const char *key_file;
    struct tls_identity pem;
};

struct client_tls_options {
    struct span roots_pem;                        /* trusted authorities; may be empty */
    const struct client_tls_identity *identities; /* different ones */
    uint32_t identities_count;                    /* at most TLS_CONTEXT_IDENTITIES_MAX */
};

/* As tls_context_open; *error names the files. */
MUST_USE int client_tls_open(struct tls_context *context, const struct client_tls_options *options,
                             struct text *error);
/* The route's certificate (NULL: no route), or TLS_CONTEXT_IDENTITY_NONE. */
MUST_USE uint32_t client_tls_identity_of(const struct client_tls_options *options,
                                         const struct policy_route *route);

#endif
