/* tlsrpt_table.h - counts what became of TLS sessions on one day, for the reports to the receivers
 * (RFC 8460 4.1).
 *
 * By policy domain and the policy that applied; failures also by kind, mail host and addresses. All
 * in bounded tables: domains that find no place are counted as such, and so are failures whose
 * details find none - their number is in the totals all the same. Knows nothing of who wants
 * reports. Borrows an arena. */
#ifndef TLS_TLSRPT_TABLE_H
#define TLS_TLSRPT_TABLE_H

#include "base/ip.h"
#include "base/slab.h"
#include "base/table.h"
#include "message/tls_demand.h"

#define TLSRPT_TABLE_DOMAIN_MAX 253
#define TLSRPT_TABLE_HOST_MAX 255
#define TLSRPT_TABLE_POLICY_MAX 1024 /* octets of a policy's lines that are kept */
#define TLSRPT_TABLE_REASON_MAX 96
#define TLSRPT_TABLE_DETAILS_MAX 100 /* of one domain */

enum tlsrpt_policy {
    TLSRPT_NO_POLICY = 0, /* no-policy-found */
    TLSRPT_STS,           /* sts */
    TLSRPT_TLSA,          /* tlsa */
    TLSRPT_POLICIES
};

/* One session, or one policy that could not be had. */
struct tlsrpt_session {
    struct span domain; /* lower-case A-labels */
    enum tlsrpt_policy policy;
    struct span
        policy_lines;     /* as it was found, each line ended by LF; the first one seen is kept */
    enum tls_fault fault; /* TLS_FAULT_NONE: it went well */
    struct span mx_host;  /* empty: none was spoken to */
    struct ip mx_ip;      /* or IP_NONE */
    struct ip source_ip;  /* or IP_NONE */
    struct span reason;   /* words of ours; cut */
};

struct tlsrpt_count {
    uint64_t good;
    uint64_t failed;
    uint64_t unlisted; /* of the failed: without details */
    uint32_t lines_size;
    char lines[TLSRPT_TABLE_POLICY_MAX];
};

struct tlsrpt_domain {
    struct tlsrpt_count counts[TLSRPT_POLICIES];
    uint32_t slot;
    uint32_t details_count;
    uint32_t first_detail; /* SLAB_NONE: none */
    uint8_t name_size;
    char name[TLSRPT_TABLE_DOMAIN_MAX];
};

struct tlsrpt_detail {
    uint64_t count;
    uint32_t domain;
    uint32_t next; /* of the domain */
    enum tlsrpt_policy policy;
    enum tls_fault fault;
    struct ip mx_ip;
    struct ip source_ip;
    uint8_t host_size;
    uint8_t reason_size;
    char host[TLSRPT_TABLE_HOST_MAX];
    char reason[TLSRPT_TABLE_REASON_MAX]; /* of the first */
};

struct tlsrpt_table {
    struct table_key seed;
    struct table domain_index;
    struct table detail_index;
    struct slab domains;
    struct slab details;
    uint64_t overflow; /* sessions that were not counted: no place for their domain */
    uint64_t sessions; /* that were */
};

struct tlsrpt_table_options {
    uint32_t domains_max;
    uint32_t details_max;
    struct table_key seed;
};

size_t tlsrpt_table_cost(const struct tlsrpt_table_options *options);
void tlsrpt_table_init(struct tlsrpt_table *table, struct arena *arena,
                       const struct tlsrpt_table_options *options);
void tlsrpt_table_add(struct tlsrpt_table *table, const struct tlsrpt_session *session);
/* So many equal ones. Without `listed` failures go into the totals alone. */
void tlsrpt_table_add_many(struct tlsrpt_table *table, const struct tlsrpt_session *session,
                           uint64_t count, bool listed);
/* The domains one by one: *cursor is 0 at the start. NULL at the end. */
const struct tlsrpt_domain *tlsrpt_table_next(const struct tlsrpt_table *table, uint32_t *cursor);
/* The details of a domain: `detail` NULL gives the first one. NULL at the end. */
const struct tlsrpt_detail *tlsrpt_table_detail(const struct tlsrpt_table *table,
                                                const struct tlsrpt_domain *domain,
                                                const struct tlsrpt_detail *detail);
/* A new day. */
void tlsrpt_table_clear(struct tlsrpt_table *table);

#endif
