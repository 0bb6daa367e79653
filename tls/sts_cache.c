#include "tls/sts_cache.h"

#include <errno.h>
#include <string.h>

#include "base/crc.h"

static struct span entry_domain(const struct sts_entry *entry)
{
    return span_make(entry->domain, entry->domain_size);
}

static bool is_domain(const void *context, uint32_t value, const void *key)
{
    const struct sts_cache *cache = context;
    const struct sts_entry *entry = slab_at(&cache->entries, value);
    const struct span *domain = key;

    return entry != NULL && span_equal(entry_domain(entry), *domain);
}

static struct sts_entry *find(const struct sts_cache *cache, struct span domain)
{
    uint32_t slot =
        table_find(&cache->index, table_hash(&cache->seed, domain), is_domain, cache, &domain);

    return slot == TABLE_NONE ? NULL : slab_at(&cache->entries, slot);
}

static struct sts_policy *policy_of(const struct sts_cache *cache, const struct sts_entry *entry)
{
    return slab_get(&cache->policies, entry->policy);
}

static void drop_policy(struct sts_cache *cache, struct sts_entry *entry)
{
    struct sts_policy *policy = policy_of(cache, entry);

    if (policy == NULL)
        return;
    slab_release(&cache->policies, policy);
    entry->policy = (struct slab_handle){0, 0};
    entry->id_size = 0;
    list_remove(&entry->node);
    list_push_back(&cache->plain, &entry->node);
    cache->changes++;
}

static void forget(struct sts_cache *cache, struct sts_entry *entry)
{
    drop_policy(cache, entry);
    (void)table_remove(&cache->index, table_hash(&cache->seed, entry_domain(entry)), entry->slot);
    list_remove(&entry->node);
    slab_release(&cache->entries, entry);
}

static struct sts_entry *oldest(struct list *list)
{
    struct list_node *node = list_first(list);

    return node == NULL ? NULL : CONTAINER_OF(node, struct sts_entry, node);
}

static struct sts_entry *insert(struct sts_cache *cache, struct span domain)
{
    struct sts_entry *entry = slab_claim(&cache->entries);
    struct sts_entry *old = oldest(list_empty(&cache->plain) ? &cache->lasting : &cache->plain);
    int added;

    if (entry == NULL) {
        CHECK(old != NULL);
        forget(cache, old);
        entry = slab_claim(&cache->entries);
        CHECK(entry != NULL);
    }
    entry->slot = slab_handle_of(&cache->entries, entry).index;
    entry->domain_size = (uint8_t)domain.size;
    memcpy(entry->domain, domain.data, domain.size);
    list_push_back(&cache->plain, &entry->node);
    added = table_insert(&cache->index, table_hash(&cache->seed, domain), entry->slot);
    CHECK(added == 0); /* as many places as entries */
    return entry;
}

/* The entry, made at need; NULL for what is no name. */
static struct sts_entry *touch(struct sts_cache *cache, struct span domain)
{
    struct sts_entry *entry;

    if (domain.size == 0 || domain.size > STS_CACHE_DOMAIN_MAX)
        return NULL;
    entry = find(cache, domain);
    return entry != NULL ? entry : insert(cache, domain);
}

static void used(struct sts_cache *cache, struct sts_entry *entry, uint64_t now_s)
{
    entry->used_s = now_s;
    list_remove(&entry->node);
    list_push_back(policy_of(cache, entry) != NULL ? &cache->lasting : &cache->plain, &entry->node);
}

static bool refresh_is_due(const struct sts_entry *entry, uint64_t now_s)
{
    uint64_t life_s = entry->expires_s - entry->fetched_s;

    return now_s >= entry->fetched_s + min_u64(STS_CACHE_REFRESH_S, life_s / 2);
}

/* Marks it as asked for, when it may be. */
static bool ask(struct sts_entry *entry, uint64_t now_s)
{
    if (now_s < entry->ask_s || now_s < entry->busy_s)
        return false;
    entry->busy_s = now_s + STS_CACHE_BUSY_S;
    return true;
}

size_t sts_cache_cost(const struct sts_cache_options *options)
{
    return table_cost(options->domains_max) +
           slab_cost(options->domains_max, sizeof(struct sts_entry)) +
           slab_cost(options->policies_max, sizeof(struct sts_policy));
}

void sts_cache_init(struct sts_cache *cache, struct arena *arena,
                    const struct sts_cache_options *options)
{
    CHECK(options->domains_max > 0 && options->policies_max > 0);
    memset(cache, 0, sizeof(*cache));
    cache->seed = options->seed;
    table_init(&cache->index, arena, options->domains_max);
    slab_init(&cache->entries, arena, options->domains_max, sizeof(struct sts_entry));
    slab_init(&cache->policies, arena, options->policies_max, sizeof(struct sts_policy));
    list_init(&cache->plain);
    list_init(&cache->lasting);
}

struct sts_view sts_cache_look(struct sts_cache *cache, struct span domain, uint64_t now_s)
{
    struct sts_entry *entry = find(cache, domain);
    struct sts_view view = {.knowledge = STS_UNKNOWN};

    if (entry == NULL)
        return view;
    used(cache, entry, now_s);
    view.fault = entry->fault;
    if (policy_of(cache, entry) != NULL && now_s >= entry->expires_s) {
        drop_policy(cache, entry);
        entry->sure = false;
    }
    view.sure = entry->sure && now_s < entry->ask_s + STS_CACHE_SURE_S;
    view.policy = policy_of(cache, entry);
    if (view.policy == NULL) {
        view.knowledge = entry->known ? STS_WITHOUT : STS_UNKNOWN;
        return view;
    }
    view.knowledge = STS_POLICY;
    view.id = span_make(entry->id, entry->id_size);
    view.fetched_s = entry->fetched_s;
    view.expires_s = entry->expires_s;
    return view;
}

bool sts_cache_want(struct sts_cache *cache, struct span domain, uint64_t now_s)
{
    struct sts_entry *entry = touch(cache, domain);

    if (entry == NULL)
        return false;
    used(cache, entry, now_s);
    return ask(entry, now_s);
}

bool sts_cache_due(struct sts_cache *cache, uint32_t count, uint64_t now_s, struct span *ret_domain)
{
    for (uint32_t i = 0; i < count && i < cache->entries.slots_max; i++) {
        struct sts_entry *entry = slab_at(&cache->entries, cache->due_at);

        cache->due_at = (cache->due_at + 1) % cache->entries.slots_max;
        if (entry == NULL || policy_of(cache, entry) == NULL || now_s >= entry->expires_s ||
            !refresh_is_due(entry, now_s) || now_s >= entry->used_s + STS_CACHE_IDLE_S ||
            now_s < entry->fetch_s || !ask(entry, now_s))
            continue;
        *ret_domain = entry_domain(entry);
        return true;
    }
    return false;
}

bool sts_cache_announced(struct sts_cache *cache, struct span domain, struct span id,
                         uint64_t now_s)
{
    struct sts_entry *entry = touch(cache, domain);
    bool same;

    if (entry == NULL)
        return false;
    entry->ask_s = now_s + STS_CACHE_ASK_S;
    entry->busy_s = 0;
    if (id.size == 0) {
        entry->known = true;
        entry->sure = true;
        entry->fault = TLS_FAULT_NONE;
        return false;
    }
    same = policy_of(cache, entry) != NULL && now_s < entry->expires_s &&
           span_equal(id, span_make(entry->id, entry->id_size));
    entry->sure = same;
    if ((same && !refresh_is_due(entry, now_s)) || now_s < entry->fetch_s) {
        entry->known = true;
        return false;
    }
    entry->busy_s = now_s + STS_CACHE_BUSY_S;
    entry->fetch_s = now_s + STS_CACHE_RETRY_S;
    return true;
}

void sts_cache_fetched(struct sts_cache *cache, struct span domain, struct span id,
                       const struct sts_policy *policy, uint64_t now_s)
{
    struct sts_entry *entry = touch(cache, domain);
    struct sts_policy *place;

    if (entry == NULL || id.size > sizeof(entry->id))
        return;
    drop_policy(cache, entry);
    place = slab_claim(&cache->policies);
    if (place == NULL) {
        struct sts_entry *old = oldest(&cache->lasting);

        CHECK(old != NULL);
        forget(cache, old); /* not "without a policy": nothing is known of it now */
        place = slab_claim(&cache->policies);
    }
    CHECK(place != NULL);
    *place = *policy;
    entry->policy = slab_handle_of(&cache->policies, place);
    entry->id_size = (uint8_t)id.size;
    if (id.size > 0)
        memcpy(entry->id, id.data, id.size);
    entry->fetched_s = now_s;
    entry->expires_s = now_s + max_u64(policy->max_age_s, STS_CACHE_LIFE_MIN_S);
    entry->busy_s = 0;
    entry->known = true;
    entry->sure = true;
    entry->fault = TLS_FAULT_NONE;
    list_remove(&entry->node);
    list_push_back(&cache->lasting, &entry->node);
    cache->changes++;
}

void sts_cache_failed(struct sts_cache *cache, struct span domain, enum tls_fault fault,
                      uint64_t now_s)
{
    struct sts_entry *entry = touch(cache, domain);

    if (entry == NULL)
        return;
    entry->busy_s = 0;
    entry->known = true;
    entry->sure = false;
    entry->fault = fault;
    entry->ask_s = now_s + STS_CACHE_RETRY_S;
    entry->fetch_s = now_s + STS_CACHE_RETRY_S;
}

/* --- the file --- */

/* "mx: a\n" for each "a\n" and the rest of a record fit. */
static_assert(STS_POLICY_PATTERNS_SIZE * 3 + STS_CACHE_DOMAIN_MAX + STS_RECORD_ID_MAX + 256 <=
                  STS_CACHE_RECORD_MAX,
              "a record does not fit");

#define FILE_HEAD "ringpost-sts 1\n"

/* "<domain> <id> <fetched> <expires> <used>\n" and the policy's own lines. */
static void add_entry(const struct sts_cache *cache, const struct sts_entry *entry,
                      struct text *out)
{
    const uint64_t times[] = {entry->fetched_s, entry->expires_s, entry->used_s};

    text_add(out, entry_domain(entry));
    text_add_byte(out, ' ');
    text_add(out, span_make(entry->id, entry->id_size));
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        text_add_byte(out, ' ');
        text_add_u64(out, times[i]);
    }
    text_add_byte(out, '\n');
    sts_policy_write(policy_of(cache, entry), out);
}

bool sts_cache_write(const struct sts_cache *cache, uint32_t *cursor, uint64_t now_s,
                     struct text *out)
{
    uint8_t buffer[STS_CACHE_RECORD_MAX];

    if (*cursor == 0) {
        text_add_cstr(out, FILE_HEAD);
        *cursor = 1;
    }
    for (; *cursor <= cache->entries.slots_max; (*cursor)++) {
        const struct sts_entry *entry = slab_at(&cache->entries, *cursor - 1);
        size_t before = out->size;
        struct text record;

        if (entry == NULL || policy_of(cache, entry) == NULL || now_s >= entry->expires_s)
            continue;
        text_init(&record, buffer, sizeof(buffer));
        add_entry(cache, entry, &record);
        CHECK(!record.overflow);
        text_add_cstr(out, "policy ");
        text_add_u64(out, record.size);
        text_add_byte(out, ' ');
        text_add_u64(out, crc_add(crc_seed(record.size, 1), text_span(&record)));
        text_add_byte(out, '\n');
        text_add(out, text_span(&record));
        if (!out->overflow)
            continue;
        out->size = before;
        out->overflow = false;
        return false;
    }
    return true;
}

struct file_reading {
    struct sts_cache *cache;
    uint64_t now_s;
    sts_cache_filter *filter;
    const void *context;
};

/* Whether a policy out of a file is wanted in place of what there is. */
static bool is_wanted(const struct file_reading *reading, struct span domain, uint64_t fetched_s)
{
    const struct sts_entry *entry = find(reading->cache, domain);

    if (reading->filter != NULL && !reading->filter(reading->context, domain))
        return false;
    return entry == NULL || policy_of(reading->cache, entry) == NULL ||
           entry->fetched_s < fetched_s;
}

static bool read_entry(const struct file_reading *reading, struct span record)
{
    struct span line = span_split(&record, '\n');
    struct span domain = span_word(&line);
    struct span id = span_word(&line);
    uint64_t fetched_s, expires_s, used_s;
    struct sts_policy policy;
    struct sts_cache *cache = reading->cache;
    uint64_t now_s = reading->now_s;
    struct sts_entry *entry;
    const char *problem;

    if (domain.size == 0 || domain.size > STS_CACHE_DOMAIN_MAX || id.size > STS_RECORD_ID_MAX ||
        !span_number(span_word(&line), INT64_MAX, &fetched_s) ||
        !span_number(span_word(&line), INT64_MAX, &expires_s) ||
        !span_number(span_word(&line), INT64_MAX, &used_s) ||
        !sts_policy_read(record, &policy, &problem))
        return false;
    /* A clock that was wrong then or is wrong now must not make a policy last for ever. */
    expires_s = min_u64(expires_s, now_s + STS_POLICY_AGE_MAX_S);
    if (now_s >= expires_s || !is_wanted(reading, domain, fetched_s))
        return true;
    sts_cache_fetched(cache, domain, id, &policy, min_u64(fetched_s, now_s));
    entry = find(cache, domain);
    CHECK(entry != NULL);
    entry->expires_s = expires_s;
    entry->used_s = min_u64(used_s, now_s);
    return true;
}

int sts_cache_read(struct sts_cache *cache, struct span file, uint64_t now_s,
                   sts_cache_filter *filter, const void *context)
{
    const struct file_reading reading = {cache, now_s, filter, context};

    if (!span_starts(file, SPAN(FILE_HEAD)))
        return -EBADMSG;
    file = span_skip(file, sizeof(FILE_HEAD) - 1);
    while (file.size > 0) {
        struct span head = span_split(&file, '\n');
        struct span word = span_word(&head);
        struct span record;
        uint64_t size, crc;

        if (!span_equal(word, SPAN("policy")) ||
            !span_number(span_word(&head), STS_CACHE_RECORD_MAX, &size) ||
            !span_number(span_word(&head), UINT32_MAX, &crc) || size > file.size)
            return -EBADMSG;
        record = span_first(file, size);
        if (crc_add(crc_seed(size, 1), record) != crc || !read_entry(&reading, record))
            return -EBADMSG;
        file = span_skip(file, size);
    }
    return 0;
}
