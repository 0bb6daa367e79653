/* policy.h - what the operator decided: the whole configuration, checked, immutable once published.
 *
 * A policy is one generation: read into a fresh struct, checked as a whole, then lent to every
 * shard, which swaps its `shard->policy` at a turn boundary and acknowledges; the old one is freed
 * when all have. Capacities (shards, limits.connections, spool, durability) are read at start only;
 * policy_needs_restart names those that a new generation would have to change.
 *
 * Knows nothing of files: the caller brings the bytes. Times are nanoseconds, rates per hour. */
#ifndef ENGINE_POLICY_H
#define ENGINE_POLICY_H

#include "base/config.h"
#include "base/ip.h"
#include "bounce/list_path.h"
#include "message/added_fields.h"
#include "message/envelope.h"
#include "smtp/command.h"

#define POLICY_NAME_MAX 255
#define POLICY_PATH_MAX 1023
#define POLICY_SERVERS_MAX 8
#define POLICY_SOURCES_MAX 64
#define POLICY_ROUTES_MAX 256
#define POLICY_ROUTE_HOSTS_MAX 8
#define POLICY_TLS_DOMAINS_MAX 1024
#define POLICY_SITES_MAX 256
#define POLICY_RETRY_MAX 32
#define POLICY_KEYS_MAX 8
#define POLICY_LISTEN_MAX 8
#define POLICY_DKIM_MAX 1000
#define POLICY_DKIM_OTHERS_MAX 2 /* with also_sign */
#define POLICY_FOREIGN_MAX 64
#define POLICY_COMMAND_MAX 32
#define POLICY_DAY_NS (UINT64_C(86400) * NS_PER_S)
#define POLICY_SHARDS_MAX 64
#define POLICY_SIGNERS_MAX 64

enum policy_durability { DURABILITY_DURABLE, DURABILITY_OS, DURABILITY_MEMORY };
enum policy_tls {
    POLICY_TLS_OFF,           /* is not tried */
    POLICY_TLS_OPPORTUNISTIC, /* where it works */
    POLICY_TLS_REQUIRED,      /* with whatever certificate, or no mail */
    POLICY_TLS_VERIFIED       /* with a certificate that proves the host, or no mail */
};

struct classifier;
struct signing_keys;

struct policy_limits {
    uint32_t connections_per_site;
    uint32_t messages_per_connection;
    uint64_t messages_per_hour_per_site; /* 0: no limit */
};

/* Smart hosts for a domain instead of its MX: "host:port" texts. */
struct policy_route {
    char domain[CONFIG_ITEM_MAX]; /* lower case; "*" = all others */
    struct config_list hosts;
    char hosts_items[POLICY_ROUTE_HOSTS_MAX][CONFIG_ITEM_MAX];
    uint32_t tls;               /* 0: as for all; else enum policy_tls + 1 */
    bool implicit_tls;          /* from the first octet, on every port; port 465 always has it */
    char user[CONFIG_ITEM_MAX]; /* "": no AUTH */
    char password_file[POLICY_PATH_MAX + 1];
    char password[CONFIG_ITEM_MAX];     /* out of the file, by whoever opens files */
    char tls_cert[POLICY_PATH_MAX + 1]; /* shown to servers that ask for it; "": none */
    char tls_key[POLICY_PATH_MAX + 1];
    uint32_t line; /* in the configuration file */
    uint32_t column;
};

/* What is demanded for one recipient domain. */
struct policy_tls_domain {
    char domain[CONFIG_ITEM_MAX]; /* lower case; a leading "." or "*.": all below it */
    uint32_t mode;                /* enum policy_tls */
    uint32_t line;                /* in the configuration file */
    uint32_t column;
};

/* Limits for the sites one of whose MX names ends in `match`. */
struct policy_site {
    char match[CONFIG_ITEM_MAX];
    struct policy_limits limits; /* 0: the general limit */
    uint32_t connections;        /* another name of limits.connections_per_site */
    uint32_t line;               /* in the configuration file */
    uint32_t column;
};

/* A key that signs mail (RFC 6376). */
struct policy_dkim {
    char domain[CONFIG_ITEM_MAX];
    char selector[CONFIG_ITEM_MAX];
    char key_file[POLICY_PATH_MAX + 1];
    bool also_sign; /* others' mail as well */
    uint32_t line;  /* in the configuration file */
    uint32_t column;
};

/* A form of return paths that is not ours: of other list software. */
struct policy_foreign {
    char pattern[LIST_PATH_TEXT_MAX + 1];
    uint32_t reports;                  /* on so many different days confirm each other... */
    uint64_t within_ns;                /* ... when they came within this time */
    char list[LIST_PATH_LIST_MAX + 1]; /* the list's name, when the pattern does not hold it */
    uint32_t line;                     /* in the configuration file */
    uint32_t column;
    struct list_path path; /* as checked */
};

struct policy {
    uint64_t generation;
    struct config_origin origin;
    char file[POLICY_PATH_MAX + 1]; /* "" when there was none */

    char hostname[POLICY_NAME_MAX + 1];
    char spool[POLICY_PATH_MAX + 1];
    uint32_t shards; /* 0 = one a core */

    char return_domain[POLICY_NAME_MAX + 1]; /* "": MAIL FROM is the sender */
    char return_key_file[POLICY_PATH_MAX + 1];
    struct config_list return_previous;
    char return_previous_items[POLICY_KEYS_MAX][CONFIG_ITEM_MAX];

    struct config_list dns_servers;
    char dns_servers_items[POLICY_SERVERS_MAX][CONFIG_ITEM_MAX];
    struct ip_port dns_addresses[POLICY_SERVERS_MAX]; /* as checked */
    bool dns_trust_ad;
    uint64_t dns_timeout_ns;

    uint32_t smtp_port;
    struct config_list sources;
    char sources_items[POLICY_SOURCES_MAX][CONFIG_ITEM_MAX];
    struct ip source_addresses[POLICY_SOURCES_MAX]; /* as checked */
    bool allow_private_addresses;
    uint64_t connect_timeout_ns;
    struct command_timeouts timeouts;
    uint64_t transaction_timeout_ns; /* from claim to outcome, as long as others answer */

    struct config_list routes;
    struct policy_route routes_items[POLICY_ROUTES_MAX];

    uint32_t tls_mode; /* enum policy_tls */
    bool tls_dane;
    bool tls_mta_sts;
    char tls_ca_file[POLICY_PATH_MAX + 1];
    struct config_list tls_domains;
    struct policy_tls_domain tls_domains_items[POLICY_TLS_DOMAINS_MAX];

    struct config_list dkim;
    struct policy_dkim dkim_items[POLICY_DKIM_MAX];
    struct signing_keys *signing_keys; /* of those files, by the caller; NULL: nothing is signed */
    uint32_t signing_threads;          /* beside the shards; 0: the shards sign */

    struct config_list retry_schedule;
    uint64_t retry_items[POLICY_RETRY_MAX];
    uint64_t retry_lifetime_ns;

    uint32_t connections_max; /* all shards together */
    struct policy_limits limits;
    struct config_list sites;
    struct policy_site sites_items[POLICY_SITES_MAX];

    uint32_t durability;
    char events_directory[POLICY_PATH_MAX + 1]; /* "" = <spool>/events */
    char hygiene_path[POLICY_PATH_MAX + 1];     /* "" = <spool>/hygiene */
    uint32_t hygiene_addresses;                 /* suppressed ones, at most */
    char rules_file[POLICY_PATH_MAX + 1];       /* "": the rules compiled in */

    struct config_list bounces_listen;
    char bounces_listen_items[POLICY_LISTEN_MAX][CONFIG_ITEM_MAX];
    struct ip_port bounces_addresses[POLICY_LISTEN_MAX]; /* as checked */
    char bounces_tls_cert[POLICY_PATH_MAX + 1];          /* "": no STARTTLS */
    char bounces_tls_key[POLICY_PATH_MAX + 1];
    char bounces_complaints_to[CONFIG_ITEM_MAX];
    uint64_t bounces_timeout_ns;
    struct config_list foreign;
    struct policy_foreign foreign_items[POLICY_FOREIGN_MAX];
    struct config_list decision_command;
    char decision_command_items[POLICY_COMMAND_MAX][CONFIG_ITEM_MAX];
    uint64_t decision_timeout_ns;
    char unsubscribe_mailto[CONFIG_ITEM_MAX];
    char unsubscribe_url[ADDED_FIELDS_URL_MAX + 1];
    char feedback_id[ADDED_FIELDS_FEEDBACK_MAX + 1];
    char cfbl_address[CONFIG_ITEM_MAX];
    bool cfbl_feedback_id;
    bool tlsrpt_enabled;                           /* as far as `from` is there */
    char tlsrpt_from[CONFIG_ITEM_MAX];             /* "": no reports are sent */
    char tlsrpt_contact[CONFIG_ITEM_MAX];          /* "": the same */
    char tlsrpt_organization[POLICY_NAME_MAX + 1]; /* "": the host name */
    const struct classifier *classifier; /* made of those rules by the caller; not owned */
};

const struct config_schema *policy_schema(void);
/* Defaults only; the hostname and resolvers are the caller's to add (policy_complete). */
void policy_init(struct policy *policy);
/* Reads and checks. 0, or -EINVAL with "file:line:column: what" in *error. */
MUST_USE int policy_read(struct policy *policy, struct span yaml, const char *name,
                         struct text *error);
/* Fills what the file left open: host name and name servers (the text of resolv.conf). Then checks
 * that the whole makes sense. 0 or -EINVAL with *error. */
MUST_USE int policy_complete(struct policy *policy, struct span hostname, struct span resolv_conf,
                             struct text *error);
/* Adds the keys whose new value in `fresh` has no effect before a restart; nothing when there is
 * none. */
void policy_needs_restart(const struct policy *policy, const struct policy *fresh,
                          struct text *ret_keys);
/* The route for a domain (exact name, then a leading "." or "*." suffix, then "*"), or NULL. */
const struct policy_route *policy_route_for(const struct policy *policy, struct span domain);
/* What the operator demands for the domain (tls.domains, else tls.mode; of a smart host's route,
 * its own word first); *ret_is_set: whether the configuration says so, or it is the default. */
enum policy_tls policy_tls_for(const struct policy *policy, struct span domain, bool *ret_is_set);
/* Whether a session to this smart host begins with the handshake. `route` may be NULL. */
MUST_USE bool policy_tls_is_first(const struct policy_route *route, uint16_t port);
/* What `sites:` says about a site, given its name (the canonical MX set): the first that matches,
 * or NULL. */
const struct policy_site *policy_site_for(const struct policy *policy, struct span site_name);
/* The limits of a site: what `sites:` says, else the general ones. */
struct policy_limits policy_limits_for(const struct policy *policy, struct span site_name);
/* Says "file:line:column: key: "value" what"; -EINVAL. */
int policy_complain(const struct policy *policy, struct text *error, const char *key,
                    const char *value, const char *what);
/* Says "file:line:column: key: ", to be followed by what is wrong with what the setting names. */
void policy_add_place(const struct policy *policy, const char *key, struct text *error);
/* The same of an item of `key` that begins there. */
void policy_add_item_place(const struct policy *policy, const char *key, uint32_t line,
                           uint32_t column, struct text *error);
/* The line of a setting ("limits.connections") in the file; 0: it was not given. */
MUST_USE uint32_t policy_line(const struct policy *policy, const char *key);

#endif
