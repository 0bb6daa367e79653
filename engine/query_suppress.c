#include "engine/query_suppress.h"

#include <errno.h>
#include <string.h>

#include "base/json_put.h"
#include "bounce/hygiene_domains.h"
#include "engine/packed_changes.h"
#include "engine/standing_json.h"
#include "engine/suppression_json.h"

#define ENTRIES_A_STEP 20000
#define AHEAD 16
#define LINE_ROOM ((size_t)8 * KIB) /* more than one line takes */

/* --- answers --- */

static bool complain(struct text *out, const char *what)
{
    json_put_open(out, '{');
    json_put_key_cstr(out, "error", what);
    json_put_close(out, '}');
    text_add_byte(out, '\n');
    return true;
}

/* What is behind the '@' of an address or of a domain's key. */
static struct span domain_of(struct span key)
{
    size_t at = key.size;

    while (at > 0 && key.data[at - 1] != '@')
        at--;
    return span_skip(key, at);
}

static void put_standing(struct text *out, struct hygiene *tables, struct span key, uint64_t now_s)
{
    struct span name = domain_of(key);

    standing_json_put(out, name, hygiene_domains_find(hygiene_domain_counts(tables), name), now_s);
}

/* False: no room now. */
static bool step_lists(struct query_suppress *query, const struct confirmations *known,
                       struct text *out)
{
    struct confirmation report;

    for (; query->list < confirmations_count(known); query->list++) {
        if (!confirmations_at(known, query->list, 0, &report) ||
            !span_equal(report.key, query->change.key))
            continue;
        if (text_room(out) < LINE_ROOM)
            return false;
        suppression_json_list(out, known, query->list);
    }
    return true;
}

/* What forbids mail is in memory; why, is not to be had. */
static bool complain_of_shelf(struct text *out, const struct hygiene *tables)
{
    char bytes[256];
    struct text text;

    text_init(&text, bytes, sizeof(bytes));
    text_add_format(&text,
                    "the details cannot be read (%s), though every suppression is in force: the "
                    "next start makes them anew",
                    strerror(-hygiene_shelf_error(tables)));
    return complain(out, text_cstr_end(&text));
}

/* Some milliseconds, while the shelf is committed: then what came last can be told. */
static bool is_pending(const struct hygiene *tables)
{
    return !hygiene_is_shelving(tables) && hygiene_shelf_error(tables) == 0;
}

/* Ends an object about the address with how mail to its domain fared. */
static void close_shown(struct text *out, struct hygiene *tables, struct span key, uint64_t now_s)
{
    json_put_key(out, "standing");
    put_standing(out, tables, key, now_s);
    json_put_close(out, '}');
    text_add_byte(out, '\n');
}

/* The entries; the first has the counts (NULL: none) and the domain's standing as well. -ENOENT:
 * all are told; 0: no room now; or the shelf's error. */
static int show_entries(struct query_suppress *query, struct hygiene *tables,
                        const struct hygiene_score *score, uint64_t now_s, struct text *out)
{
    struct hygiene_entry entry;
    int result = 0;

    for (; text_room(out) >= LINE_ROOM; query->any = true) {
        result = hygiene_find(tables, query->change.key, &query->number, &entry);
        if (result < 0)
            break;
        if (query->any) {
            suppression_json_entry(out, &entry, now_s);
            continue;
        }
        suppression_json_begin(out, &entry, now_s);
        if (score != NULL)
            suppression_json_counts(out, score);
        close_shown(out, tables, query->change.key, now_s);
    }
    return result;
}

static bool step_show(struct query_suppress *query, const struct confirmations *known,
                      struct hygiene *tables, uint64_t now_s, struct text *out)
{
    struct hygiene_score score;
    const struct hygiene_score *counted;
    int result;

    if (is_pending(tables))
        return false;
    if (!query->begun)
        query->number = HYGIENE_FIND_FIRST;
    query->begun = true;
    result = hygiene_score_of(tables, query->change.key, &score);
    counted = result == 0 ? &score : NULL;
    if (result == 0 || result == -ENOENT)
        result = show_entries(query, tables, counted, now_s, out);
    if (result == 0 || !step_lists(query, known, out) || text_room(out) < LINE_ROOM)
        return false;
    if (result != -ENOENT)
        return complain_of_shelf(out, tables);
    if (query->any) /* an entry says what holds: nothing is "free" beside it */
        return true;
    suppression_json_score(out, query->change.key, counted);
    close_shown(out, tables, query->change.key, now_s);
    return true;
}

/* The counts of "@domain" are those that may suppress who is refused there (relay-denied). */
static bool step_show_domain(const struct query_suppress *query, struct hygiene *tables,
                             uint64_t now_s, struct text *out)
{
    struct hygiene_score score;
    int result;

    if (is_pending(tables))
        return false;
    result = hygiene_score_of(tables, query->change.key, &score);
    json_put_open(out, '{');
    json_put_key_string(out, "domain", domain_of(query->change.key));
    json_put_key(out, "standing");
    put_standing(out, tables, query->change.key, now_s);
    if (result == 0)
        suppression_json_counts(out, &score);
    json_put_key_cstr(out, "explanation",
                      "what became of mail to this domain, half of it forgotten every 30 days; it "
                      "decides nothing, but for days of relay-denied");
    json_put_close(out, '}');
    text_add_byte(out, '\n');
    return true;
}

static bool step_list(struct query_suppress *query, struct hygiene *tables, uint64_t now_s,
                      struct text *out)
{
    struct hygiene_entry entry;
    int result;

    if (is_pending(tables))
        return false;
    if (query->verb == QUERY_SUPPRESS_EXPORT && !query->begun)
        text_add_cstr(out, QUERY_SUPPRESS_CSV_HEADER);
    query->begun = true;
    for (uint32_t i = 0;; i++, query->number++) {
        if (i == ENTRIES_A_STEP || text_room(out) < LINE_ROOM)
            return false;
        result = query->held ? hygiene_held_at(tables, query->number, &entry)
                             : hygiene_entry_at(tables, query->number, &entry);
        if (result < 0)
            break;
        if (!query->held && entry.until_s <= now_s)
            continue;
        if (query->verb == QUERY_SUPPRESS_EXPORT)
            suppression_json_row(out, &entry);
        else
            suppression_json_entry(out, &entry, now_s);
    }
    return result == -ENOENT || complain_of_shelf(out, tables);
}

/* --- orders --- */

static bool write_done(const struct query_suppress *query, struct text *out)
{
    json_put_open(out, '{');
    json_put_key_u64(out, "done", query->done_count);
    json_put_key_u64(out, "refused", query->refused_count);
    json_put_close(out, '}');
    text_add_byte(out, '\n');
    return true;
}

/* -EAGAIN: try later; -ENOSPC: counted as refused. */
static int make(struct query_suppress *query, struct hygiene_store *hygiene,
                const struct hygiene_change *change)
{
    int result = hygiene_store_change(hygiene, change, &query->ticket);

    query->done_count += result == 0;
    query->refused_count += result == -ENOSPC;
    return result;
}

/* Whether the withdrawal has something to lift: in exactly its scope, or counted. When the shelf
 * cannot be read it may be so. */
static bool is_there(const struct hygiene_change *withdrawal, struct hygiene *tables,
                     const struct confirmations *known)
{
    struct span tenant = span_first(withdrawal->tenant, HYGIENE_CHANGE_SCOPE_MAX);
    struct span stream = span_first(withdrawal->stream, HYGIENE_CHANGE_SCOPE_MAX);
    uint32_t next = HYGIENE_FIND_FIRST;
    struct confirmation report;
    struct hygiene_entry entry;
    struct hygiene_score score;
    int result;

    while ((result = hygiene_find(tables, withdrawal->key, &next, &entry)) == 0)
        if ((entry.until_s != 0 || entry.held_until_s != 0) && span_equal(entry.tenant, tenant) &&
            span_equal(entry.stream, stream))
            return true;
    if (result == -ENOENT && span_find_byte(stream, '@') == SPAN_NOT_FOUND) /* of no list */
        result = hygiene_score_of(tables, withdrawal->key, &score);
    if (result != -ENOENT)
        return true;
    for (uint32_t i = 0; i < confirmations_count(known); i++)
        if (confirmations_at(known, i, 0, &report) && span_equal(report.key, withdrawal->key) &&
            span_equal(report.list, stream))
            return true;
    return false;
}

static bool complain_of_nothing(struct text *out, struct span key)
{
    char bytes[HYGIENE_CHANGE_KEY_MAX + 256];
    struct text text;

    text_init(&text, bytes, sizeof(bytes));
    text_add_printable(&text, key, HYGIENE_CHANGE_KEY_MAX);
    text_add_cstr(&text,
                  ": nothing was removed: in this scope it is not suppressed, and nothing is "
                  "counted for it (suppress show tells its scopes)");
    return complain(out, text_cstr_end(&text));
}

static bool step_order(struct query_suppress *query, struct hygiene_store *hygiene,
                       uint64_t wall_ns, struct text *out)
{
    struct hygiene *tables = hygiene_store_tables(hygiene);

    if (!query->ordered && query->change.kind == HYGIENE_WITHDRAW) {
        if (is_pending(tables))
            return false;
        if (!is_there(&query->change, tables, hygiene_store_confirmations(hygiene)))
            return complain_of_nothing(out, query->change.key);
    }
    if (!query->ordered) {
        query->change.time_s = wall_ns / NS_PER_S;
        if (make(query, hygiene, &query->change) == -EAGAIN)
            return false;
        query->ordered = true;
        if (query->refused_count > 0)
            return complain(out, "there is no room for more addresses: raise hygiene.addresses");
    }
    return hygiene_store_durable_count(hygiene) >= query->ticket && write_done(query, out);
}

/* Has the memory come that the next change needs; some changes before it is made. */
static void look_ahead(const struct hygiene *tables, struct span image, uint64_t *offset)
{
    struct hygiene_change change;

    if (packed_changes_next(image, offset, &change) == 0)
        hygiene_prefetch(tables, change.key);
}

static bool step_import(struct query_suppress *query, struct hygiene_store *hygiene,
                        struct text *out)
{
    struct io *io = hygiene_store_io(hygiene);
    struct io_mapping mapping;
    struct hygiene_change change;
    uint64_t ahead = query->offset;
    struct span image;
    int result = 0;

    if (query->ordered)
        return hygiene_store_durable_count(hygiene) >= query->ticket && write_done(query, out);
    if (io_map(io, query->path, IO_MAP_READ, &mapping) < 0)
        return complain(out, "the file for import cannot be read");
    image = span_make(mapping.data, mapping.size);
    if (query->offset == 0)
        hygiene_store_expect(hygiene, image.size / PACKED_CHANGES_SIZE_USUAL);
    for (uint32_t i = 0; i < AHEAD; i++)
        look_ahead(hygiene_store_tables(hygiene), image, &ahead);
    for (uint32_t i = 0; i < ENTRIES_A_STEP && result != -EAGAIN; i++) {
        uint64_t next = query->offset;

        result = packed_changes_next(image, &next, &change);
        if (result < 0)
            break;
        look_ahead(hygiene_store_tables(hygiene), image, &ahead);
        result = make(query, hygiene, &change);
        if (result != -EAGAIN)
            query->offset = next;
    }
    io_unmap(io, &mapping);
    if (result == -EBADMSG)
        return complain(out, "the file for import is damaged");
    query->ordered = result == -ENOENT;
    return false;
}

bool query_suppress_step(struct query_suppress *query, struct hygiene_store *hygiene,
                         uint64_t wall_ns, struct text *out)
{
    uint64_t now_s = wall_ns / NS_PER_S;

    if (text_room(out) < LINE_ROOM)
        return false;
    switch (query->verb) {
    case QUERY_SUPPRESS_ORDER:
        return step_order(query, hygiene, wall_ns, out);
    case QUERY_SUPPRESS_SHOW:
        return step_show(query, hygiene_store_confirmations(hygiene), hygiene_store_tables(hygiene),
                         now_s, out);
    case QUERY_SUPPRESS_SHOW_DOMAIN:
        return step_show_domain(query, hygiene_store_tables(hygiene), now_s, out);
    case QUERY_SUPPRESS_LIST:
    case QUERY_SUPPRESS_EXPORT:
        return step_list(query, hygiene_store_tables(hygiene), now_s, out);
    case QUERY_SUPPRESS_IMPORT:
        return step_import(query, hygiene, out);
    }
    return true;
}
