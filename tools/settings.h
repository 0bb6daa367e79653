/* settings.h - the configuration as a command finds it: file, host name, resolvers, keys. */
#ifndef TOOLS_SETTINGS_H
#define TOOLS_SETTINGS_H

#include "engine/client_tls.h"
#include "message/verp.h"

/* `ringpost run` without a setting. */
#define SETTINGS_SERVICE_SPOOL "/var/lib/ringpost"

struct settings {
    struct policy *policy; /* owned */
    struct verp_keys keys;
    bool has_keys;
    struct client_tls_options tls; /* owned, but for the names of files: the policy's */
    struct client_tls_identity identities[TLS_CONTEXT_IDENTITIES_MAX];
};

/* `file` NULL: /etc/ringpost/ringpost.yaml if it exists. `spool` NULL: as configured. 0, or an exit
 * code after the complaint was printed. */
MUST_USE int settings_load(struct settings *settings, const char *file, const char *spool);
/* Only the configuration: no key files are read. */
MUST_USE int settings_load_policy(struct settings *settings, const char *file, const char *spool);
void settings_free(struct settings *settings);
/* One that another has taken the place of. */
void settings_free_policy(const struct policy *policy);

/* Reads a whole file (or standard input for "-"), at most size_max octets. 0 or -errno (-EFBIG). */
MUST_USE int settings_read_file(const char *path, size_t size_max, uint8_t **ret_data,
                                size_t *ret_size);

#endif
