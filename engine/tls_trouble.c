#include "engine/tls_trouble.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"

static const struct span magic = SPAN_INIT("ringpost-tls-trouble 1");

static bool is_named(const void *context, uint32_t value, const void *key)
{
    const struct tls_trouble *trouble = context;
    const struct span *host = key;

    return span_equal_nocase(span_cstr(trouble->hosts[value].name), *host);
}

static uint64_t hash_of(const struct tls_trouble *trouble, struct span host)
{
    uint8_t buffer[TLS_TROUBLE_HOST_SIZE];
    struct text lower;

    text_init(&lower, buffer, sizeof(buffer));
    text_add_lower(&lower, host);
    return table_hash(&trouble->key, text_span(&lower));
}

static uint32_t find(const struct tls_trouble *trouble, struct span host)
{
    return table_find(&trouble->table, hash_of(trouble, host), is_named, trouble, &host);
}

static void give_up(struct tls_trouble *trouble, uint32_t place)
{
    struct tls_trouble_host *entry = &trouble->hosts[place];

    if (entry->name[0] == '\0')
        return;
    (void)table_remove(&trouble->table, hash_of(trouble, span_cstr(entry->name)), place);
    memset(entry, 0, sizeof(*entry));
    trouble->changes++;
}

size_t tls_trouble_cost(void)
{
    return arena_cost(TLS_TROUBLE_HOSTS_MAX, sizeof(struct tls_trouble_host)) +
           table_cost(TLS_TROUBLE_HOSTS_MAX);
}

void tls_trouble_init(struct tls_trouble *trouble, struct arena *arena, const struct table_key *key)
{
    memset(trouble, 0, sizeof(*trouble));
    trouble->hosts = arena_alloc(arena, TLS_TROUBLE_HOSTS_MAX, sizeof(*trouble->hosts));
    table_init(&trouble->table, arena, TLS_TROUBLE_HOSTS_MAX);
    trouble->key = *key;
}

/* The place of a host that is not there yet. */
static struct tls_trouble_host *add(struct tls_trouble *trouble, struct span host)
{
    uint32_t place = trouble->turn++ % TLS_TROUBLE_HOSTS_MAX;
    struct tls_trouble_host *entry = &trouble->hosts[place];
    struct text name;

    give_up(trouble, place);
    text_init(&name, entry->name, sizeof(entry->name));
    text_add_lower(&name, host);
    (void)text_cstr_end(&name);
    if (table_insert(&trouble->table, hash_of(trouble, host), place) < 0)
        UNREACHABLE("the table has room for every place");
    return entry;
}

void tls_trouble_note(struct tls_trouble *trouble, struct span host, enum tls_fault fault,
                      uint64_t now_s)
{
    uint32_t place = find(trouble, host);
    struct tls_trouble_host *entry;

    if (host.size == 0 || host.size >= TLS_TROUBLE_HOST_SIZE)
        return;
    entry = place == TABLE_NONE ? add(trouble, host) : &trouble->hosts[place];
    if (place == TABLE_NONE || entry->fault != fault)
        entry->since_s = now_s;
    entry->fault = fault;
    entry->last_s = now_s;
    trouble->changes++;
}

void tls_trouble_forget(struct tls_trouble *trouble, struct span host)
{
    uint32_t place = find(trouble, host);

    if (place != TABLE_NONE)
        give_up(trouble, place);
}

const struct tls_trouble_host *tls_trouble_find(const struct tls_trouble *trouble, struct span host,
                                                uint64_t now_s, bool *ret_due)
{
    uint32_t place = find(trouble, host);
    const struct tls_trouble_host *entry;

    if (place == TABLE_NONE)
        return NULL;
    entry = &trouble->hosts[place];
    /* A clock that went back must not keep a host in clear for years. */
    *ret_due = now_s >= entry->last_s + TLS_TROUBLE_AGAIN_S || now_s + 3600 < entry->last_s;
    return entry;
}

bool tls_trouble_write(const struct tls_trouble *trouble, uint32_t *cursor, struct text *out)
{
    if (*cursor == 0) {
        text_add(out, magic);
        text_add_byte(out, '\n');
    }
    for (; *cursor < TLS_TROUBLE_HOSTS_MAX; ++*cursor) {
        const struct tls_trouble_host *entry = &trouble->hosts[*cursor];

        if (entry->name[0] == '\0')
            continue;
        if (text_room(out) < TLS_TROUBLE_LINE_MAX)
            return false;
        text_add_format(out, "%llu %llu %u %s\n", (unsigned long long)entry->since_s,
                        (unsigned long long)entry->last_s, (unsigned)entry->fault, entry->name);
    }
    return true;
}

static bool is_host(struct span host)
{
    return host.size > 0 && host.size < TLS_TROUBLE_HOST_SIZE && !span_has_control(host) &&
           span_is_ascii(host) && span_find_byte(host, ' ') == SPAN_NOT_FOUND;
}

uint32_t tls_trouble_read(struct tls_trouble *trouble, struct span file)
{
    uint32_t count = 0;

    if (!span_equal(span_split(&file, '\n'), magic))
        return 0;
    while (file.size > 0 && count < TLS_TROUBLE_HOSTS_MAX) {
        struct span line = span_split(&file, '\n');
        uint64_t since_s, last_s, fault;
        struct tls_trouble_host *entry;

        if (!span_number(span_split(&line, ' '), UINT32_MAX, &since_s) ||
            !span_number(span_split(&line, ' '), UINT32_MAX, &last_s) ||
            !span_number(span_split(&line, ' '), TLS_FAULT_COUNT - 1, &fault) || fault == 0 ||
            !is_host(line) || find(trouble, line) != TABLE_NONE)
            continue;
        entry = add(trouble, line);
        entry->since_s = since_s;
        entry->last_s = last_s;
        entry->fault = (enum tls_fault)fault;
        count++;
    }
    return count;
}
