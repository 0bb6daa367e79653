#include "bench/audit.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_put.h"
#include "base/table.h"
#include "bench/doubles.h"
#include "bench/lines.h"
#include "bench/tally.h"
#include "message/json_cursor.h"
#include "message/verp.h"

#define EXIT_USAGE 2
#define CAPACITY_DEFAULT 50000000
#define STRANGERS_SHOWN 10
#define KEY_MAX 2048

static const char help[] =
    "usage: ringpost-bench audit [--capacity N] LEDGER EVENTS...\n"
    "\n"
    "Compares a ledger of `ringpost-bench sink` with exported events: lost, duplicates, "
    "strangers.\n"
    "One JSON object on standard output; exit 1 if there was any of the three.\n"
    "\n"
    "  --capacity N  recipients and events at most (50000000)\n";

struct audit {
    struct tally tally;
    struct doubles ids;    /* (key, recipient id) pairs */
    struct doubles events; /* event ids: an export may repeat an event */
    uint64_t events_count;
    uint64_t events_repeated;
    uint64_t messages;
    uint64_t accepted;
    uint64_t strangers;
    uint8_t nested[ROSTER_FIELD_MAX];
    struct text error;
    char error_buffer[1024];
};

/* The list is the operator's own: nobody plays with collisions. */
static const struct table_key hash_key = {{UINT64_C(0x72696e67706f7374), UINT64_C(0x6175646974)}};

static uint64_t hash_two(struct span a, struct span b)
{
    uint8_t buffer[KEY_MAX];
    struct text text;

    text_init(&text, buffer, sizeof(buffer));
    text_add_lower(&text, span_first(a, KEY_MAX / 2 - 1));
    text_add_byte(&text, 0);
    text_add_lower(&text, span_first(b, KEY_MAX / 2));
    return table_hash(&hash_key, text_span(&text));
}

static uint64_t hash_one(struct span a)
{
    return hash_two(a, span_make(NULL, 0));
}

/* By the identity when the return path is signed, whatever the day; else by address and path. */
static uint64_t make_key(struct span recipient, struct span return_path)
{
    struct identity identity;
    uint8_t buffer[32];
    struct text text;
    uint16_t day;

    if (!verp_claim(return_path, &identity, &day))
        return hash_two(recipient, return_path);
    text_init(&text, buffer, sizeof(buffer));
    text_add_hex(&text, identity.campaign, 16);
    text_add_hex(&text, identity.ordinal, 8);
    return hash_one(text_span(&text));
}

static int fail_full(struct audit *audit)
{
    text_add_cstr(&audit->error, "too many recipients or no memory; see --capacity");
    return -ENOSPC;
}

static int take_event(struct audit *audit, const struct lines *lines, const struct roster_row *row)
{
    struct span recipient = lines_field(lines, row, "recipient");
    struct span id = lines_field(lines, row, "id");
    struct span event_id = lines_field(lines, row, "event_id");
    uint64_t key = make_key(recipient, lines_field(lines, row, "return_path"));
    struct tally_row *entry;
    uint8_t buffer[16];
    struct text text;

    audit->events_count++;
    if (event_id.size > 0 && doubles_add(&audit->events, hash_one(event_id)) == DOUBLES_SEEN) {
        audit->events_repeated++;
        return 0;
    }
    entry = tally_add(&audit->tally, key);
    if (entry == NULL)
        return fail_full(audit);
    if (recipient.size > 0)
        entry->who = hash_one(recipient);
    text_init(&text, buffer, sizeof(buffer));
    text_add_hex(&text, key, 16);
    entry->ids += doubles_add(&audit->ids, hash_two(text_span(&text), id)) == DOUBLES_NEW;
    entry->delivered += span_equal(lines_field(lines, row, "type"), SPAN("Delivery"));
    entry->unsure += span_equal(lines_field(lines, row, "unsure"), SPAN("true"));
    return 0;
}

static void take_accepted(struct audit *audit, struct span recipient, struct span from)
{
    struct tally_row *entry = tally_find(&audit->tally, make_key(recipient, from));

    audit->accepted++;
    if (entry != NULL && (entry->who == 0 || entry->who == hash_one(recipient))) {
        entry->accepted++;
        return;
    }
    if (audit->strangers++ < STRANGERS_SHOWN)
        (void)fprintf(stderr, "stranger: from=<%.*s> to=<%.*s>\n", (int)from.size,
                      (const char *)from.data, (int)recipient.size,
                      (const char *)recipient.data); /* nobody to tell */
}

/* A line of the ledger; "rcpt" is an array of strings. */
static int take_message(struct audit *audit, const struct lines *lines,
                        const struct roster_row *row)
{
    struct span from = lines_field(lines, row, "from");
    struct span list = lines_field(lines, row, "rcpt");
    struct json_cursor cursor = {.data = audit->nested, .size = list.size};
    struct span recipient;

    if (list.size > sizeof(audit->nested) || list.size < 2 || list.data[0] != '[') {
        text_add_format(&audit->error, "%s:%llu: no list of recipients in \"rcpt\"", lines->path,
                        (unsigned long long)row->line);
        return -EINVAL;
    }
    memcpy(audit->nested, list.data, list.size);
    audit->messages++;
    (void)json_cursor_take(&cursor, '['); /* it is there */
    do {
        json_cursor_skip_blank(&cursor);
        if (!json_cursor_string(&cursor, &recipient))
            break;
        take_accepted(audit, recipient, from);
        json_cursor_skip_blank(&cursor);
    } while (json_cursor_take(&cursor, ','));
    return 0;
}

typedef int take_row(struct audit *audit, const struct lines *lines, const struct roster_row *row);

static int read_file(struct audit *audit, const char *path, take_row *take)
{
    struct lines lines;
    struct roster_row row;
    int result = lines_open(&lines, path);

    if (result < 0) {
        text_add_format(&audit->error, "%s: %s", path, strerrordesc_np(-result));
        return result;
    }
    do {
        result = lines_next(&lines, &row, &audit->error);
        if (result > 0) {
            int taken = take(audit, &lines, &row);

            result = taken < 0 ? taken : result;
        }
    } while (result > 0);
    lines_close(&lines);
    return result;
}

struct sums {
    uint64_t delivered;
    uint64_t lost;
    uint64_t duplicates;
    uint64_t duplicates_unsure;
    uint64_t unreported;
};

static struct sums sum_up(const struct audit *audit)
{
    struct sums sums = {0};

    for (uint64_t i = 0; i < audit->tally.rows_count; i++) {
        const struct tally_row *row = &audit->tally.rows[i];
        uint64_t entries = max_u64(row->ids, 1);
        uint64_t doubled = row->accepted > entries ? row->accepted - entries : 0;

        sums.delivered += row->delivered;
        sums.lost += row->delivered > row->accepted ? row->delivered - row->accepted : 0;
        sums.duplicates += doubled;
        sums.duplicates_unsure += min_u64(doubled, row->unsure);
        sums.unreported += row->delivered == 0 && row->accepted > 0;
    }
    return sums;
}

static int print_result(const struct audit *audit)
{
    struct sums sums = sum_up(audit);
    char buffer[512];
    struct text text;

    text_init(&text, buffer, sizeof(buffer));
    json_put_open(&text, '{');
    json_put_key_u64(&text, "messages", audit->messages);
    json_put_key_u64(&text, "accepted", audit->accepted);
    json_put_key_u64(&text, "events", audit->events_count);
    json_put_key_u64(&text, "events_repeated", audit->events_repeated);
    json_put_key_u64(&text, "delivered", sums.delivered);
    json_put_key_u64(&text, "lost", sums.lost);
    json_put_key_u64(&text, "duplicates", sums.duplicates);
    json_put_key_u64(&text, "duplicates_unsure", sums.duplicates_unsure);
    json_put_key_u64(&text, "strangers", audit->strangers);
    json_put_key_u64(&text, "unreported", sums.unreported);
    json_put_close(&text, '}');
    text_add_byte(&text, '\n');
    (void)fwrite(text.data, 1, text.size, stdout); /* fflush says whether it went out */
    if (fflush(stdout) != 0)
        return EXIT_FAILURE;
    return sums.lost + sums.duplicates + audit->strangers > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int compare(struct audit *audit, const char *ledger, char **events, int events_count)
{
    int result = 0;

    for (int i = 0; i < events_count && result == 0; i++)
        result = read_file(audit, events[i], take_event);
    if (result == 0)
        result = read_file(audit, ledger, take_message);
    if (result == 0)
        return print_result(audit);
    (void)fprintf(stderr, "ringpost-bench audit: %s\n", text_cstr_end(&audit->error));
    return EXIT_USAGE;
}

int audit_run(int count, char **arguments)
{
    static const struct option long_options[] = {
        {"capacity", required_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    static struct audit audit;
    uint64_t capacity = CAPACITY_DEFAULT;
    int option;
    int status;

    while ((option = getopt_long(count, arguments, "", long_options, NULL)) != -1) {
        if (option == 'h') {
            (void)fputs(help, stdout);
            return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
        }
        if (option != 'c' || !span_number(span_cstr(optarg), UINT32_MAX, &capacity)) {
            (void)fputs("try `ringpost-bench audit --help`\n", stderr);
            return EXIT_USAGE;
        }
    }
    if (count - optind < 2) {
        (void)fputs(help, stderr);
        return EXIT_USAGE;
    }
    text_init(&audit.error, audit.error_buffer, sizeof(audit.error_buffer));
    tally_open(&audit.tally, capacity);
    doubles_open(&audit.ids, capacity);
    doubles_open(&audit.events, capacity);
    status = compare(&audit, arguments[optind], arguments + optind + 1, count - optind - 1);
    tally_close(&audit.tally);
    doubles_close(&audit.ids);
    doubles_close(&audit.events);
    return status;
}
