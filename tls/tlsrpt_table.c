#include "tls/tlsrpt_table.h"

#include <string.h>

#include "base/check.h"

/* What tells one detail from another. */
struct detail_key {
    const struct tlsrpt_table *table;
    const struct tlsrpt_session *session;
    uint32_t domain;
};

static bool is_domain(const void *context, uint32_t value, const void *key)
{
    const struct tlsrpt_domain *domain =
        slab_at(&((const struct tlsrpt_table *)context)->domains, value);
    const struct span *name = key;

    return domain != NULL && span_equal(span_make(domain->name, domain->name_size), *name);
}

static struct span host_of(const struct tlsrpt_session *session)
{
    return span_first(session->mx_host, TLSRPT_TABLE_HOST_MAX);
}

static bool is_detail(const void *context, uint32_t value, const void *key)
{
    const struct tlsrpt_detail *detail =
        slab_at(&((const struct tlsrpt_table *)context)->details, value);
    const struct detail_key *wanted = key;
    const struct tlsrpt_session *session = wanted->session;

    return detail != NULL && detail->domain == wanted->domain &&
           detail->policy == session->policy && detail->fault == session->fault &&
           ip_equal(&detail->mx_ip, &session->mx_ip) &&
           ip_equal(&detail->source_ip, &session->source_ip) &&
           span_equal(span_make(detail->host, detail->host_size), host_of(session));
}

static uint64_t detail_hash(const struct tlsrpt_table *table, const struct detail_key *key)
{
    uint8_t bytes[TLSRPT_TABLE_HOST_MAX + 64];
    struct text text;

    text_init(&text, bytes, sizeof(bytes));
    text_add_u64(&text, key->domain);
    text_add_byte(&text, (uint8_t)key->session->policy);
    text_add_byte(&text, (uint8_t)key->session->fault);
    text_add(&text, span_make(key->session->mx_ip.bytes, sizeof(key->session->mx_ip.bytes)));
    text_add(&text,
             span_make(key->session->source_ip.bytes, sizeof(key->session->source_ip.bytes)));
    text_add(&text, host_of(key->session));
    CHECK(!text.overflow);
    return table_hash(&table->seed, text_span(&text));
}

/* NULL when there is no place. */
static struct tlsrpt_domain *domain_of(struct tlsrpt_table *table, struct span name)
{
    uint64_t hash = table_hash(&table->seed, name);
    uint32_t slot = table_find(&table->domain_index, hash, is_domain, table, &name);
    struct tlsrpt_domain *domain;

    if (slot != TABLE_NONE)
        return slab_at(&table->domains, slot);
    domain = slab_claim(&table->domains);
    if (domain == NULL)
        return NULL;
    domain->slot = slab_handle_of(&table->domains, domain).index;
    domain->first_detail = SLAB_NONE;
    domain->name_size = (uint8_t)name.size;
    memcpy(domain->name, name.data, name.size);
    CHECK(table_insert(&table->domain_index, hash, domain->slot) == 0);
    return domain;
}

/* Whole lines only. */
static void keep_lines(struct tlsrpt_count *count, struct span lines)
{
    if (count->lines_size > 0)
        return;
    while (lines.size > 0) {
        struct span line = span_split(&lines, '\n');

        if (line.size + 1 > sizeof(count->lines) - count->lines_size)
            return;
        if (line.size > 0)
            memcpy(count->lines + count->lines_size, line.data, line.size);
        count->lines_size += (uint32_t)line.size;
        count->lines[count->lines_size++] = '\n';
    }
}

/* NULL when there is no place. */
static struct tlsrpt_detail *make_detail(struct tlsrpt_table *table, struct tlsrpt_domain *domain,
                                         const struct tlsrpt_session *session)
{
    struct span host = host_of(session);
    struct span reason = span_first(session->reason, TLSRPT_TABLE_REASON_MAX);
    struct tlsrpt_detail *detail =
        domain->details_count < TLSRPT_TABLE_DETAILS_MAX ? slab_claim(&table->details) : NULL;

    if (detail == NULL)
        return NULL;
    detail->domain = domain->slot;
    detail->policy = session->policy;
    detail->fault = session->fault;
    detail->mx_ip = session->mx_ip;
    detail->source_ip = session->source_ip;
    detail->host_size = (uint8_t)host.size;
    detail->reason_size = (uint8_t)reason.size;
    if (host.size > 0)
        memcpy(detail->host, host.data, host.size);
    if (reason.size > 0)
        memcpy(detail->reason, reason.data, reason.size);
    detail->next = domain->first_detail;
    domain->first_detail = slab_handle_of(&table->details, detail).index;
    domain->details_count++;
    return detail;
}

static void add_failures(struct tlsrpt_table *table, struct tlsrpt_domain *domain,
                         const struct tlsrpt_session *session, uint64_t count)
{
    struct detail_key key = {table, session, domain->slot};
    uint64_t hash = detail_hash(table, &key);
    uint32_t slot = table_find(&table->detail_index, hash, is_detail, table, &key);
    struct tlsrpt_detail *detail;

    domain->counts[session->policy].failed += count;
    if (slot != TABLE_NONE) {
        detail = slab_at(&table->details, slot);
        CHECK(detail != NULL);
        detail->count += count;
        return;
    }
    detail = make_detail(table, domain, session);
    if (detail == NULL) {
        domain->counts[session->policy].unlisted += count;
        return;
    }
    detail->count = count;
    CHECK(table_insert(&table->detail_index, hash, domain->first_detail) == 0);
}

size_t tlsrpt_table_cost(const struct tlsrpt_table_options *options)
{
    return table_cost(options->domains_max) + table_cost(options->details_max) +
           slab_cost(options->domains_max, sizeof(struct tlsrpt_domain)) +
           slab_cost(options->details_max, sizeof(struct tlsrpt_detail));
}

void tlsrpt_table_init(struct tlsrpt_table *table, struct arena *arena,
                       const struct tlsrpt_table_options *options)
{
    memset(table, 0, sizeof(*table));
    table->seed = options->seed;
    table_init(&table->domain_index, arena, options->domains_max);
    table_init(&table->detail_index, arena, options->details_max);
    slab_init(&table->domains, arena, options->domains_max, sizeof(struct tlsrpt_domain));
    slab_init(&table->details, arena, options->details_max, sizeof(struct tlsrpt_detail));
}

void tlsrpt_table_add_many(struct tlsrpt_table *table, const struct tlsrpt_session *session,
                           uint64_t count, bool listed)
{
    bool is_name = session->domain.size > 0 && session->domain.size <= TLSRPT_TABLE_DOMAIN_MAX;
    struct tlsrpt_domain *domain = is_name ? domain_of(table, session->domain) : NULL;

    CHECK(session->policy < TLSRPT_POLICIES);
    if (domain == NULL) {
        table->overflow += count;
        return;
    }
    table->sessions += count;
    keep_lines(&domain->counts[session->policy], session->policy_lines);
    if (session->fault == TLS_FAULT_NONE) {
        domain->counts[session->policy].good += count;
    } else if (listed) {
        add_failures(table, domain, session, count);
    } else {
        domain->counts[session->policy].failed += count;
        domain->counts[session->policy].unlisted += count;
    }
}

void tlsrpt_table_add(struct tlsrpt_table *table, const struct tlsrpt_session *session)
{
    tlsrpt_table_add_many(table, session, 1, true);
}

const struct tlsrpt_domain *tlsrpt_table_next(const struct tlsrpt_table *table, uint32_t *cursor)
{
    while (*cursor < table->domains.slots_max) {
        const struct tlsrpt_domain *domain = slab_at(&table->domains, (*cursor)++);

        if (domain != NULL)
            return domain;
    }
    return NULL;
}

const struct tlsrpt_detail *tlsrpt_table_detail(const struct tlsrpt_table *table,
                                                const struct tlsrpt_domain *domain,
                                                const struct tlsrpt_detail *detail)
{
    uint32_t slot = detail == NULL ? domain->first_detail : detail->next;

    return slot == SLAB_NONE ? NULL : slab_at(&table->details, slot);
}

static void release_all(struct slab *slab)
{
    for (uint32_t i = 0; i < slab->slots_max && slab->claimed_count > 0; i++) {
        void *slot = slab_at(slab, i);

        if (slot != NULL)
            slab_release(slab, slot);
    }
}

void tlsrpt_table_clear(struct tlsrpt_table *table)
{
    table_clear(&table->domain_index);
    table_clear(&table->detail_index);
    release_all(&table->domains);
    release_all(&table->details);
    table->overflow = 0;
    table->sessions = 0;
}
