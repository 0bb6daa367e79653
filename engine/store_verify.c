#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/table.h"
#include "engine/store_parts.h"
#include "queue/scan.h"
#include "queue/segment.h"

#define CAMPAIGNS_MAX 65536 /* whose recipients are counted against what was committed */

/* What a campaign promised and what was found of it. */
struct expected {
    uint64_t campaign;
    uint64_t found_count;
    uint32_t committed_count;
    uint32_t sequence;
    bool discarded;
    bool described;
    bool content;
};

struct walk {
    struct io *io;
    const char *folder;
    store_report_problem *report;
    void *context;
    struct store_verify_totals totals;
    struct expected *campaigns;
    struct table table;
    uint32_t campaigns_count;
    uint8_t *names;
    char file[64]; /* the one that is being walked, below the spool */
};

static void problem(struct walk *walk, uint64_t offset, const char *what, bool lost)
{
    const struct store_problem found = {walk->file, offset, what, lost};

    walk->totals.problems_count += lost;
    walk->report(walk->context, &found);
}

/* --- campaigns --- */

static bool has_id(const void *context, uint32_t value, const void *key)
{
    const struct walk *walk = context;

    return walk->campaigns[value].campaign == *(const uint64_t *)key;
}

/* NULL when there are too many to keep. */
static struct expected *campaign_of(struct walk *walk, uint64_t id)
{
    uint64_t hash = (id + 1) * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t index = table_find(&walk->table, hash, has_id, walk, &id);

    if (index != TABLE_NONE)
        return &walk->campaigns[index];
    if (walk->campaigns_count == CAMPAIGNS_MAX ||
        table_insert(&walk->table, hash, walk->campaigns_count) != 0)
        return NULL;
    walk->campaigns[walk->campaigns_count] = (struct expected){.campaign = id};
    return &walk->campaigns[walk->campaigns_count++];
}

static void compare_campaigns(struct walk *walk)
{
    walk->file[0] = 0;
    for (uint32_t i = 0; i < walk->campaigns_count; i++) {
        const struct expected *campaign = &walk->campaigns[i];

        if (campaign->discarded || campaign->sequence == 0)
            continue;
        if (campaign->found_count < campaign->committed_count)
            problem(walk, campaign->committed_count - campaign->found_count,
                    "recipients of a campaign are missing (their number stands as the offset)",
                    true);
        else if (!campaign->described || !campaign->content)
            problem(walk, 0, "a campaign has lost its descriptor or its content", true);
    }
}

/* --- records --- */

static int check_descriptor(struct walk *walk, struct span payload)
{
    struct campaign_descriptor descriptor;
    struct expected *campaign;
    int r = segment_read_campaign(payload, &descriptor);

    campaign = r == 0 ? campaign_of(walk, descriptor.id) : NULL;
    if (campaign != NULL)
        campaign->described = true;
    return r;
}

static int check_content(struct walk *walk, struct span payload)
{
    struct expected *campaign;
    struct span content;
    uint64_t id;
    int r = segment_read_content(payload, &id, &content);

    campaign = r == 0 ? campaign_of(walk, id) : NULL;
    if (campaign != NULL)
        campaign->content = true;
    return r;
}

static int check_recipient(struct walk *walk, struct span payload)
{
    struct segment_recipient recipient;
    struct expected *campaign;
    struct span value, values;
    uint32_t count = 0;

    if (segment_read_recipient(payload, &recipient) != 0)
        return -EBADMSG;
    values = recipient.values;
    while (segment_next_value(&values, &value))
        count++;
    if (count != recipient.values_count || values.size > 0)
        return -EBADMSG;
    walk->totals.recipients_count++;
    campaign = campaign_of(walk, recipient.identity.campaign);
    if (campaign != NULL)
        campaign->found_count++;
    return 0;
}

static int check_state(struct walk *walk, struct span payload)
{
    struct journal_state state;
    struct expected *campaign;
    int r = journal_read_state(payload, &state);

    campaign = r == 0 ? campaign_of(walk, state.campaign) : NULL;
    if (campaign == NULL || state.sequence <= campaign->sequence)
        return r;
    campaign->sequence = state.sequence;
    campaign->committed_count = state.recipients_count;
    campaign->discarded = state.state == CAMPAIGN_DISCARDED;
    return 0;
}

static int check_outcome(struct walk *walk, struct span payload)
{
    struct attempt_event event;

    walk->totals.outcomes_count++;
    return journal_read_outcome(payload, &event);
}

static int check_domain(struct span payload)
{
    struct span name;
    uint32_t number;

    return segment_read_domain(payload, &number, &name);
}

static int check_stop(struct span payload)
{
    struct journal_stop stop;

    return journal_read_stop(payload, &stop);
}

static int check_record(struct walk *walk, const struct record *record)
{
    switch (record->type) {
    case RECORD_CAMPAIGN:
        return check_descriptor(walk, record->payload);
    case RECORD_CONTENT:
        return check_content(walk, record->payload);
    case RECORD_DOMAIN:
        return check_domain(record->payload);
    case RECORD_RECIPIENT:
        return check_recipient(walk, record->payload);
    case RECORD_OUTCOME:
        return check_outcome(walk, record->payload);
    case RECORD_STATE:
        return check_state(walk, record->payload);
    case RECORD_STOP:
        return check_stop(record->payload);
    default:
        return 0; /* a seal, or of a newer program which says that it may be ignored */
    }
}

/* --- files --- */

static void check_batches(struct walk *walk, struct span image, uint64_t id)
{
    struct record record;
    struct scan scan;
    int r;

    scan_init(&scan, image, id, RECORD_PAGE, UINT64_MAX);
    while ((r = scan_next(&scan, &record)) != 0) {
        if (r < 0)
            problem(walk, scan.damage_offset, "damaged: written and durable, but not readable",
                    true);
        else if (check_record(walk, &record) != 0)
            problem(walk, record.offset, "a record that makes no sense", true);
    }
    walk->totals.batches_count += scan.batches_count;
    walk->totals.records_count += scan.records_count;
    if (scan.torn_bytes > 0)
        problem(walk, scan.end, "a torn tail: written, but never acknowledged", false);
}

static void check_image(struct walk *walk, struct span image, enum record_file_kind kind,
                        uint64_t id)
{
    struct record_batch batch;
    struct record_file file;
    int r = record_read_file(image, false, &file);
    bool used = record_read_batch(image, id, RECORD_PAGE, &batch) == 0;

    if (r == -ENOTSUP) {
        problem(walk, 0, "written by a newer version of ringpost", true);
        return;
    }
    if (r < 0 && !used) {
        problem(walk, 0, "left by a process that died while making it; nothing is in it", false);
        return;
    }
    if (r < 0 || file.kind != kind || file.id != id)
        problem(walk, 0, "the file's header is damaged or belongs to another file", true);
    check_batches(walk, image, id);
}

static void name_file(struct walk *walk, const char *below, struct span name)
{
    struct text text;

    text_init(&text, walk->file, sizeof(walk->file));
    text_add_cstr(&text, below);
    text_add_printable(&text, name, 40);
    (void)text_cstr_end(&text);
}

static int map(struct walk *walk, const char *below, struct span name, struct io_mapping *ret)
{
    char path[STORE_LOG_PATH_MAX];
    struct text text;

    text_init(&text, path, sizeof(path));
    text_add_cstr(&text, walk->folder);
    text_add_byte(&text, '/');
    text_add_cstr(&text, below);
    text_add(&text, name);
    (void)text_cstr_end(&text);
    return text.overflow ? -ENAMETOOLONG : io_map(walk->io, path, IO_MAP_READ, ret);
}

static int list(struct walk *walk, const char *below, struct span *ret_names)
{
    char path[STORE_LOG_PATH_MAX];
    struct text text, names;
    int r;

    text_init(&text, path, sizeof(path));
    text_add_cstr(&text, walk->folder);
    text_add_cstr(&text, below);
    (void)text_cstr_end(&text);
    if (text.overflow)
        return -ENAMETOOLONG;
    text_init(&names, walk->names, STORE_PARTS_NAMES_SIZE);
    r = io_list(walk->io, path, &names);
    *ret_names = text_span(&names);
    return r;
}

static int check_folder(struct walk *walk, const char *below, enum record_file_kind kind)
{
    struct span suffix = kind == RECORD_FILE_SEGMENT ? SPAN(".seg") : SPAN(".jnl");
    struct span names;
    int r = list(walk, kind == RECORD_FILE_SEGMENT ? "/segments" : "/journals", &names);

    while (r == 0 && names.size > 0) {
        struct span name = span_split(&names, 0);
        struct io_mapping mapping;
        uint64_t id;

        name_file(walk, below, name);
        if (!store_parts_file_id(name, suffix, &id)) {
            problem(walk, 0, "not a file of ringpost", false);
            continue;
        }
        r = map(walk, below, name, &mapping);
        if (r < 0) {
            problem(walk, 0, "cannot be read", true);
            r = 0;
            continue;
        }
        walk->totals.files_count++;
        walk->totals.bytes += mapping.size;
        check_image(walk, span_make(mapping.data, mapping.size), kind, id);
        if (mapping.data != NULL)
            io_unmap(walk->io, &mapping);
    }
    return r;
}

static int check_checkpoints(struct walk *walk)
{
    struct span names, prefix = SPAN("checkpoint.");
    int r = list(walk, "", &names);

    while (r == 0 && names.size > 0) {
        struct span name = span_split(&names, 0);
        struct checkpoint_loaded loaded;
        struct io_mapping mapping;

        if (!span_starts(name, prefix))
            continue;
        name_file(walk, "", name);
        if (map(walk, "", name, &mapping) < 0)
            continue;
        walk->totals.files_count++;
        walk->totals.bytes += mapping.size;
        if (checkpoint_read(span_make(mapping.data, mapping.size), &loaded) != 0)
            problem(walk, 0, "not whole: the next start reads segments and journals instead",
                    false);
        if (mapping.data != NULL)
            io_unmap(walk->io, &mapping);
    }
    return r;
}

static int lock(struct walk *walk)
{
    char path[STORE_LOG_PATH_MAX];
    struct text text;

    text_init(&text, path, sizeof(path));
    text_add_cstr(&text, walk->folder);
    text_add_cstr(&text, "/lock");
    (void)text_cstr_end(&text);
    return text.overflow ? -ENAMETOOLONG : io_lock(walk->io, path, NULL);
}

static int check_spool(struct walk *walk)
{
    struct span names;
    int r = list(walk, "/segments", &names); /* no spool: before anything is made in it */

    if (r == 0)
        r = lock(walk);
    if (r == 0)
        r = check_folder(walk, "segments/", RECORD_FILE_SEGMENT);
    if (r == 0)
        r = check_folder(walk, "journals/", RECORD_FILE_JOURNAL);
    if (r == 0)
        r = check_checkpoints(walk);
    if (r == 0)
        compare_campaigns(walk);
    return r;
}

int store_verify(struct io *io, const char *folder, store_report_problem *report, void *context,
                 struct store_verify_totals *ret_totals)
{
    struct walk walk = {.io = io, .folder = folder, .report = report, .context = context};
    struct arena arena;
    int r =
        arena_open(&arena, arena_cost(CAMPAIGNS_MAX, sizeof(struct expected)) +
                               table_cost(CAMPAIGNS_MAX) + arena_cost(STORE_PARTS_NAMES_SIZE, 1));

    if (r < 0)
        return r;
    walk.campaigns = arena_alloc(&arena, CAMPAIGNS_MAX, sizeof(struct expected));
    table_init(&walk.table, &arena, CAMPAIGNS_MAX);
    walk.names = arena_alloc(&arena, STORE_PARTS_NAMES_SIZE, 1);
    r = check_spool(&walk);
    arena_close(&arena);
    if (r == 0)
        *ret_totals = walk.totals;
    return r;
}
