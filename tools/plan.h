/* plan.h - one campaign to be: its content, and each row of its list turned into a recipient.
 *
 * Everything that can be wrong with a template, a list or an address is found here, with file, row
 * and column, before anything is queued. The same code reads the list twice: first to check and
 * count it, then to load it; the digests of both readings must agree. */
#ifndef TOOLS_PLAN_H
#define TOOLS_PLAN_H

#include <openssl/sha.h>

#include "engine/store.h"
#include "message/address.h"
#include "message/body.h"
#include "message/template.h"
#include "tools/list_file.h"
#include "tools/send_options.h"

#define PLAN_SAMPLES 3
#define PLAN_METADATA_COLUMNS_MAX 32
#define PLAN_METADATA_MAX ((size_t)16 * 1024)

/* What the reading of a list has found. */
struct plan_list {
    uint64_t recipients_count;
    uint8_t digest[SHA256_DIGEST_LENGTH];
    char samples[PLAN_SAMPLES][ADDRESS_SIZE_MAX + 1];
};

struct plan {
    const struct send_options *options;
    struct address from;
    uint8_t *content;
    size_t content_size;
    uint8_t content_digest[SHA256_DIGEST_LENGTH];
    bool has_template;
    struct template template;
    void *template_memory;
    char name[CAMPAIGN_NAME_MAX + 1];        /* of the campaign */
    char author[ADDRESS_DOMAIN_KEY_MAX + 1]; /* of From, when it is known and dkim: has a key */
    /* while a list is read */
    uint32_t names_known; /* of the roster, when the columns below were found */
    uint32_t email_column;
    uint32_t columns[TEMPLATE_FIELDS_MAX];
    uint32_t metadata_columns[PLAN_METADATA_COLUMNS_MAX];
    char metadata_names[PLAN_METADATA_COLUMNS_MAX][64];
    uint32_t metadata_count;
    SHA256_CTX list_hash;
    struct span values[TEMPLATE_FIELDS_MAX];
    struct text metadata;
    uint8_t metadata_bytes[PLAN_METADATA_MAX];
    struct text domain;
    uint8_t domain_bytes[ADDRESS_DOMAIN_KEY_MAX + 16];
    struct text address;
    uint8_t address_bytes[ADDRESS_SIZE_MAX + ADDRESS_DOMAIN_KEY_MAX];
};

/* Called for each recipient. 0, or an exit code that ends the reading (the complaint is printed).
 */
typedef int plan_take(void *context, const struct store_recipient *recipient);

/* Reads and checks the content. 0, or an exit code after the complaint was printed. */
MUST_USE int plan_open(struct plan *plan, const struct send_options *options);
void plan_close(struct plan *plan);
/* Reads the whole list (or the --to addresses) and gives every recipient to `take` (NULL: only
 * checks). */
MUST_USE int plan_read_list(struct plan *plan, plan_take *take, void *context,
                            struct plan_list *ret_list);
/* The campaign's name when none was given: made from the digests, so that the same command resumes.
 */
void plan_choose_name(struct plan *plan, const struct plan_list *list);
/* The campaign as it is to be queued now. Lends out strings of the plan and its options. */
struct campaign_descriptor plan_describe(const struct plan *plan);
/* Adds a span, its size first, so that two spans are never taken for one. */
void plan_hash(SHA256_CTX *hash, struct span span);

#endif
