#include "engine/tls_report_day.h"

#include <string.h>

#include "base/check.h"
#include "engine/tag.h"
#include "tls/tlsrpt_file.h"
#include "tls/tlsrpt_report.h"

/* At once, and so in a day: each shard leaves one behind, and the list of what was posted. */
#define FILES_UNLINKED_MAX (4 * POLICY_SHARDS_MAX)

static struct tlsrpt_table_options table_options(uint64_t seed)
{
    return (struct tlsrpt_table_options){.domains_max = TLS_REPORT_DAY_DOMAINS_MAX,
                                         .details_max = TLS_REPORT_DAY_DETAILS_MAX,
                                         .seed = {{seed, ~seed}}};
}

size_t tls_report_day_cost(void)
{
    struct tlsrpt_table_options table = table_options(0);

    return tlsrpt_table_cost(&table) + arena_cost(1, TLS_REPORT_DAY_NAMES_SIZE) +
           arena_cost(1, TLS_REPORT_DAY_POSTED_SIZE) + arena_cost(1, SNAPSHOT_BUFFER_SIZE);
}

void tls_report_day_init(struct tls_report_day *day, struct arena *arena, struct io *io,
                         const struct policy *policy)
{
    struct tlsrpt_table_options table = table_options(0);
    struct text folder;

    memset(day, 0, sizeof(*day));
    if (io_entropy(io, &table.seed, sizeof(table.seed)) < 0)
        table.seed.words[0] = io_wall_ns(io); /* weaker: names that collide cost time */
    day->io = io;
    tlsrpt_table_init(&day->table, arena, &table);
    text_init(&day->names, arena_alloc(arena, 1, TLS_REPORT_DAY_NAMES_SIZE),
              TLS_REPORT_DAY_NAMES_SIZE);
    text_init(&day->posted, arena_alloc(arena, 1, TLS_REPORT_DAY_POSTED_SIZE),
              TLS_REPORT_DAY_POSTED_SIZE);
    day->buffer = arena_alloc(arena, 1, SNAPSHOT_BUFFER_SIZE);
    text_init(&folder, day->folder, sizeof(day->folder));
    text_add_format(&folder, "%s/tls", policy->spool);
    (void)text_cstr_end(&folder);
}

static const char *write_path(const struct tls_report_day *day, struct span name, struct text *path)
{
    text_add_cstr(path, day->folder);
    text_add_byte(path, '/');
    text_add(path, name);
    return text_cstr_end(path);
}

/* The day in "rpt.<day>..." or "posted.<day>..."; false: it is another file. */
static bool day_of(struct span name, struct span prefix, uint64_t *ret_day_s)
{
    uint64_t day = 0;
    size_t digits = 0;

    if (!span_starts(name, prefix))
        return false;
    name = span_skip(name, prefix.size);
    for (; digits < name.size && name.data[digits] >= '0' && name.data[digits] <= '9'; digits++) {
        if (digits == 9)
            return false;
        day = day * 10 + (uint64_t)(name.data[digits] - '0');
    }
    *ret_day_s = day * TLSRPT_REPORT_DAY_S;
    return digits > 0;
}

static bool produce(void *context, uint32_t *cursor, struct text *out)
{
    const struct tls_report_day *day = context;
    struct span rest = span_first(text_span(&day->posted), day->posted_saved);

    rest = span_skip(rest, *cursor);
    rest = span_first(rest, rest.size < text_room(out) ? rest.size : text_room(out));
    text_add(out, rest);
    *cursor += (uint32_t)rest.size;
    return *cursor == day->posted_saved;
}

/* What follows the last whole line would swallow the next one. */
static void cut_last_line(struct text *text)
{
    while (text->size > 0 && text->data[text->size - 1] != '\n')
        text->size--;
}

static void read_posted(struct tls_report_day *day, const char *path)
{
    struct io_mapping mapping;

    if (io_map(day->io, path, IO_MAP_READ, &mapping) < 0)
        return;
    text_add(&day->posted,
             span_first(span_make(mapping.data, mapping.size),
                        mapping.size < text_room(&day->posted) ? mapping.size
                                                               : text_room(&day->posted)));
    cut_last_line(&day->posted);
    io_unmap(day->io, &mapping);
}

static void list_names(struct tls_report_day *day)
{
    text_reset(&day->names);
    day->names_at = 0;
    if (io_list(day->io, day->folder, &day->names) < 0)
        text_reset(&day->names); /* nothing was counted, or it cannot be read: no reports */
}

void tls_report_day_begin(struct tls_report_day *day, uint64_t day_s, bool sync)
{
    struct snapshot_options options = {.io = day->io,
                                       .number = TLS_REPORT_DAY_SNAPSHOT,
                                       .sync = sync,
                                       .buffer = day->buffer,
                                       .producer = produce,
                                       .context = day};
    char path[SNAPSHOT_PATH_MAX], name[64];
    struct text text, leaf;

    bool again = day->day_s == day_s && !tls_report_day_is_saved(day);

    CHECK(tls_report_day_is_idle(day));
    day->day_s = day_s;
    day->failed = false;
    day->told = false;
    tlsrpt_table_clear(&day->table);
    text_init(&leaf, name, sizeof(name));
    text_add_cstr(&leaf, "posted.");
    text_add_u64(&leaf, day_s / TLSRPT_REPORT_DAY_S);
    text_init(&text, path, sizeof(path) - 1);
    (void)write_path(day, text_span(&leaf), &text);
    if (!again) {
        text_reset(&day->posted);
        read_posted(day, text_cstr_end(&text));
    }
    day->posted_saved = again ? 0 : day->posted.size;
    options.path = text_span(&text);
    day->keeps = !text.overflow && snapshot_init(&day->snapshot, &options) == 0;
    list_names(day);
}

static void read_counts(struct tls_report_day *day, struct span name)
{
    char path[SNAPSHOT_PATH_MAX];
    struct io_mapping mapping;
    struct text text;
    uint64_t day_s;
    int r = 0;

    text_init(&text, path, sizeof(path) - 1);
    if (io_map(day->io, write_path(day, name, &text), IO_MAP_READ, &mapping) < 0)
        return;
    if (tlsrpt_file_day(span_make(mapping.data, mapping.size), &day_s) && day_s == day->day_s)
        r = tlsrpt_file_read(&day->table, span_make(mapping.data, mapping.size));
    (void)r; /* what is damaged is lost: it is only counts */
    io_unmap(day->io, &mapping);
}

bool tls_report_day_read(struct tls_report_day *day)
{
    struct span rest = span_skip(text_span(&day->names), day->names_at);

    while (rest.size > 0) {
        struct span name = span_split(&rest, '\0');
        uint64_t day_s;

        day->names_at = day->names.size - rest.size;
        if (!day_of(name, SPAN("rpt."), &day_s) || day_s != day->day_s ||
            span_ends_nocase(name, SPAN(".new")))
            continue;
        read_counts(day, name);
        return false;
    }
    return true;
}

/* --- what was posted --- */

static void add_line(struct text *out, struct span domain, struct span url)
{
    text_add(out, domain);
    text_add_byte(out, ' ');
    text_add(out, url);
    text_add_byte(out, '\n');
}

bool tls_report_day_was_posted(const struct tls_report_day *day, struct span domain,
                               struct span url)
{
    uint8_t bytes[TLSRPT_TABLE_DOMAIN_MAX + 1100];
    struct span rest = text_span(&day->posted);
    struct text wanted;

    text_init(&wanted, bytes, sizeof(bytes));
    add_line(&wanted, domain, url);
    while (rest.size > 0) {
        size_t end = span_find_byte(rest, '\n');

        if (end == SPAN_NOT_FOUND)
            return false;
        if (span_equal(span_first(rest, end + 1), text_span(&wanted)))
            return true;
        rest = span_skip(rest, end + 1);
    }
    return false;
}

void tls_report_day_note_posted(struct tls_report_day *day, struct span domain, struct span url)
{
    if (text_room(&day->posted) >= domain.size + url.size + 2)
        add_line(&day->posted, domain, url);
}

/* --- the files --- */

void tls_report_day_clean(struct tls_report_day *day, uint64_t today_s)
{
    struct span rest;
    uint64_t kept_s = (uint64_t)TLS_REPORT_DAY_KEPT * TLSRPT_REPORT_DAY_S, day_s;

    list_names(day);
    rest = text_span(&day->names);
    while (rest.size > 0 && day->unlinking < FILES_UNLINKED_MAX) {
        struct span name = span_split(&rest, '\0');
        char path[SNAPSHOT_PATH_MAX];
        struct text text;

        if ((!day_of(name, SPAN("rpt."), &day_s) && !day_of(name, SPAN("posted."), &day_s)) ||
            day_s + kept_s >= today_s)
            continue;
        text_init(&text, path, sizeof(path) - 1);
        day->unlinking++;
        io_unlink(day->io, tag_of(TAG_SNAPSHOT, TLS_REPORT_DAY_UNLINK),
                  write_path(day, name, &text));
    }
    day->names_at = day->names.size; /* they were not listed to be read */
}

static void write_failed(struct tls_report_day *day)
{
    day->posted_saved = 0; /* it is tried again */
    day->failed = true;
}

void tls_report_day_event(struct tls_report_day *day, const struct io_event *event)
{
    if (tag_handle(event->tag).index == TLS_REPORT_DAY_UNLINK)
        day->unlinking--; /* what could not be removed is tried again the next day */
    else if (!snapshot_event(&day->snapshot, event) && snapshot_is_idle(&day->snapshot))
        write_failed(day);
}

void tls_report_day_turn(struct tls_report_day *day)
{
    if (!day->keeps || tls_report_day_is_saved(day) || !snapshot_is_idle(&day->snapshot) ||
        io_now_ns(day->io) < day->snapshot.retry_ns)
        return;
    day->posted_saved = day->posted.size;
    snapshot_start(&day->snapshot);
    if (snapshot_is_idle(&day->snapshot))
        write_failed(day);
}

bool tls_report_day_is_idle(const struct tls_report_day *day)
{
    return day->unlinking == 0 && (!day->keeps || snapshot_is_idle(&day->snapshot));
}

bool tls_report_day_is_saved(const struct tls_report_day *day)
{
    return !day->keeps ||
           (day->posted_saved == day->posted.size && snapshot_is_idle(&day->snapshot));
}

bool tls_report_day_is_settled(const struct tls_report_day *day)
{
    return tls_report_day_is_saved(day) || (day->failed && snapshot_is_idle(&day->snapshot));
}

bool tls_report_day_take_failure(struct tls_report_day *day, int *ret_error)
{
    if (!day->failed || day->told)
        return false;
    day->told = true;
    *ret_error = day->snapshot.error;
    return true;
}
