#include "tools/suppress_import.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/utc.h"
#include "engine/hygiene_feed.h"
#include "engine/packed_changes.h"
#include "message/csv.h"
#include "tools/exit_code.h"
#include "tools/suppress_columns.h"

#define BLOCK_SIZE MIB

struct packing {
    struct suppress_import *import;
    struct arena arena;
    struct csv csv;
    FILE *in;
    FILE *out;
    uint64_t now_s;
    uint64_t ended_count; /* rows whose suppression has ended already */
    bool columns_known;
    struct suppress_columns columns;
};

static int complain(const struct packing *packing, const struct roster_row *row, const char *what,
                    struct span value)
{
    char buffer[128];
    struct text text;

    text_init(&text, buffer, sizeof(buffer));
    text_add_printable(&text, value, 30);
    (void)fprintf(stderr, "ringpost suppress: %s:%llu: row %llu: \"%s\" %s; nothing was imported\n",
                  packing->import->file, (unsigned long long)row->line,
                  (unsigned long long)row->row, text_cstr_end(&text), what);
    return EXIT_USAGE;
}

static struct span field_of(const struct packing *packing, const struct roster_row *row,
                            enum suppress_column column)
{
    uint32_t index = packing->columns.at[column];

    return index == ROSTER_COLUMN_NONE || index >= row->fields_count ? (struct span){NULL, 0}
                                                                     : row->fields[index];
}

/* The header, once it was read. */
static int find_columns(struct packing *packing)
{
    const struct roster *roster = &packing->csv.roster;
    char buffer[SUPPRESS_COLUMNS_TEXT_MAX];
    struct text words;
    uint32_t column;
    int result;

    text_init(&words, buffer, sizeof(buffer));
    packing->columns_known = true;
    result = suppress_columns_find(&packing->columns, roster, &words, &column);
    if (result < 0)
        (void)fprintf(stderr, "ringpost suppress: %s:%llu:%u: %s; nothing was imported\n",
                      packing->import->file, (unsigned long long)roster->names_line, column,
                      text_cstr_end(&words));
    else if (words.size > 0)
        (void)fprintf(stderr, "ringpost suppress: %s: %s\n", packing->import->file,
                      text_cstr_end(&words));
    return result < 0 ? EXIT_USAGE : 0;
}

static int read_moment(const struct packing *packing, const struct roster_row *row,
                       enum suppress_column column, uint64_t otherwise, uint64_t *ret)
{
    struct span field = field_of(packing, row, column);

    *ret = otherwise;
    if (field.size == 0 || (utc_read(field, ret) && *ret > 0))
        return 0;
    return complain(packing, row, "is no moment such as 2026-12-24T18:00:00Z", field);
}

static struct span or_else(struct span field, const char *otherwise)
{
    return field.size > 0 ? field : span_cstr(otherwise);
}

/* A row as a change; its spans lie in the row and in `key`. */
static int read_row(const struct packing *packing, const struct roster_row *row, uint8_t *key,
                    struct hygiene_change *change)
{
    const struct suppress_import *import = packing->import;
    struct span class = or_else(field_of(packing, row, SUPPRESS_COLUMN_CLASS), import->class);
    struct span source = or_else(field_of(packing, row, SUPPRESS_COLUMN_SOURCE), import->source);
    struct span address = span_trim(field_of(packing, row, SUPPRESS_COLUMN_ADDRESS));
    struct span scope = span_trim(field_of(packing, row, SUPPRESS_COLUMN_SCOPE));
    int result;

    *change = (struct hygiene_change){
        .kind = HYGIENE_SUPPRESS,
        .key = hygiene_feed_key(address, key),
        .tenant =
            or_else(span_trim(field_of(packing, row, SUPPRESS_COLUMN_TENANT)), import->tenant),
        .stream =
            or_else(span_trim(field_of(packing, row, SUPPRESS_COLUMN_STREAM)), import->stream),
        .note = or_else(field_of(packing, row, SUPPRESS_COLUMN_NOTE), import->note),
    };
    if (change->key.size == 0)
        return complain(packing, row, "is no mail address", address);
    if (scope.size > 0 && !suppress_columns_scope(scope, &change->tenant, &change->stream))
        return complain(packing, row,
                        "is no scope: tenant, tenant/stream, /stream or * (everything)", scope);
    if (!suppress_columns_is_stream(change->stream))
        return complain(packing, row, "is no stream: bulk, transactional or a list's address",
                        change->stream);
    if (!bounce_class_from_name(class, &change->class))
        return complain(packing, row, "is not a class of the vocabulary", class);
    if (!hygiene_change_source_from_name(source, &change->source))
        return complain(packing, row, "is not a source", source);
    result = read_moment(packing, row, SUPPRESS_COLUMN_TIME, packing->now_s, &change->time_s);
    return result != 0 ? result
                       : read_moment(packing, row, SUPPRESS_COLUMN_UNTIL, import->until_s,
                                     &change->until_s);
}

static int pack_row(struct packing *packing, const struct roster_row *row)
{
    uint8_t bytes[PACKED_CHANGES_SIZE_MAX], key[HYGIENE_CHANGE_KEY_MAX];
    struct hygiene_change change;
    int result = read_row(packing, row, key, &change);

    if (result != 0)
        return result;
    if (change.until_s <= packing->now_s) { /* in force no more: nor may it end what is */
        packing->ended_count++;
        return 0;
    }
    packing->import->rows_count++;
    (void)fwrite(bytes, 1, packed_changes_write(&change, bytes), packing->out);
    return 0;
}

static int fail_csv(const struct packing *packing)
{
    char buffer[1024];
    struct text text;

    text_init(&text, buffer, sizeof(buffer));
    roster_problem_write(&packing->csv.roster, packing->import->file, &text);
    (void)fprintf(stderr, "ringpost suppress: %s; nothing was imported\n", text_cstr_end(&text));
    return EXIT_USAGE;
}

/* Without a header the first line is a row as well. */
static int begin(struct packing *packing)
{
    const struct roster *roster = &packing->csv.roster;
    struct roster_row row = {
        .line = roster->names_line, .fields_count = 1, .fields = roster->names};
    int result = find_columns(packing);

    return result == 0 && packing->columns.headless ? pack_row(packing, &row) : result;
}

static void feed(struct packing *packing, uint8_t *block, struct span *fed)
{
    if (fed->size == 0)
        *fed = span_make(block, fread(block, 1, BLOCK_SIZE, packing->in));
    if (fed->size == 0)
        roster_finish(&packing->csv.roster);
    else
        roster_feed(&packing->csv.roster, fed);
}

static int pack_rows(struct packing *packing, uint8_t *block)
{
    struct span fed = {NULL, 0};
    struct roster_row row;
    int result = 0;

    while (result == 0) {
        enum roster_want want = csv_next(&packing->csv, &row);

        if (want != ROSTER_FAILED && packing->csv.roster.names_count > 0 && !packing->columns_known)
            result = begin(packing);
        if (result != 0)
            break;
        switch (want) {
        case ROSTER_ROW:
            result = pack_row(packing, &row);
            break;
        case ROSTER_MORE:
            feed(packing, block, &fed);
            break;
        case ROSTER_END:
            return 0;
        case ROSTER_FAILED:
            return fail_csv(packing);
        }
    }
    return result;
}

/* In the folder of hygiene, which is made if need be. */
static int open_packed(struct packing *packing, struct suppress_ask *ask)
{
    const char *folder = ask->spool.settings.policy->hygiene_path;
    char *path = packing->import->path;
    int result = io_folder(ask->spool.io, ask->spool.settings.policy->spool), file;

    if (result == 0)
        result = io_folder(ask->spool.io, folder);
    if (result == 0) {
        (void)snprintf(path, sizeof(packing->import->path), "%s/import.%ld", folder,
                       (long)getpid());
        file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        packing->out = file < 0 ? NULL : fdopen(file, "w");
        result = packing->out == NULL ? -errno : 0;
    }
    if (result == 0)
        return 0;
    (void)fprintf(stderr, "ringpost suppress: %s: %s\n", folder, strerror(-result));
    path[0] = '\0';
    return EXIT_CANNOT_CREATE;
}

/* False: something that was written is lost; errno says why. What failed on the way counts too: the
 * disk may have room again. */
static bool end_packed(FILE *out)
{
    bool lost = out != NULL && ferror(out) != 0;

    if (out != NULL && fclose(out) != 0)
        return false;
    if (lost)
        errno = EIO;
    return !lost;
}

int suppress_import_pack(struct suppress_import *import, struct suppress_ask *ask)
{
    struct packing packing = {.import = import, .now_s = io_wall_ns(ask->spool.io) / NS_PER_S};
    uint8_t *block = malloc(BLOCK_SIZE);
    int result;

    packing.in = strcmp(import->file, "-") == 0 ? stdin : fopen(import->file, "re");
    if (packing.in == NULL || block == NULL || arena_open(&packing.arena, csv_cost()) < 0) {
        perror(import->file);
        free(block);
        return EXIT_USAGE;
    }
    csv_init(&packing.csv, &packing.arena);
    result = open_packed(&packing, ask);
    if (result == 0)
        result = pack_rows(&packing, block);
    if (!end_packed(packing.out) && result == 0) {
        perror(import->path);
        result = EXIT_TRY_AGAIN;
    }
    if (result == 0 && ferror(packing.in) != 0) {
        perror(import->file);
        result = EXIT_IO;
    }
    if (result == 0 && packing.ended_count > 0)
        (void)fprintf(stderr, "ringpost suppress: %s: not imported: %llu that ended in the past\n",
                      import->file, (unsigned long long)packing.ended_count);
    if (packing.in != stdin)
        (void)fclose(packing.in);
    arena_close(&packing.arena);
    free(block);
    return result;
}

void suppress_import_remove(const struct suppress_import *import)
{
    if (import->path[0] != '\0')
        (void)unlink(import->path);
}
