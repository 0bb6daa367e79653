#include "engine/tls_tickets.h"

#include <errno.h>
#include <string.h>

#define NAMES_SIZE ((size_t)64 * 1024)
#define NAME "tickets."
#define FIRST_LINE "ringpost-tls-tickets 1\n"
/* So many entries that do not open say that the key is another one. */
#define STRANGE_MAX 4

static_assert(TLS_RESUME_SEALED_MAX <= UINT16_MAX, "two octets hold its size");
static_assert(SNAPSHOT_BUFFER_SIZE >= 2 * (TLS_RESUME_SEALED_MAX + 64), "a piece holds some");

/* Never the same under one key: the front was drawn at this start, the rest counts. */
static const uint8_t *next_nonce(struct tls_tickets *tickets)
{
    uint32_t count = ++tickets->nonce_count;

    for (uint32_t i = 0; i < 4; i++)
        tickets->nonce[TLS_RESUME_NONCE_SIZE - 1 - i] = (uint8_t)(count >> 8 * i);
    return tickets->nonce;
}

/* One entry with its size. False when there is none left, or no room. */
static bool add_entry(struct tls_tickets *tickets, uint32_t *cursor, struct text *out)
{
    size_t place = out->size;
    size_t size;

    if (text_room(out) < 2 + TLS_RESUME_SEALED_MAX)
        return false;
    text_add(out, span_make((const uint8_t[2]){0, 0}, 2));
    if (!tls_resume_seal(tickets->resume, cursor, tickets->key, next_nonce(tickets),
                         io_wall_ns(tickets->io) / NS_PER_S, out)) {
        out->size = place;
        return false;
    }
    size = out->size - place - 2;
    out->data[place] = (uint8_t)(size & 0xff);
    out->data[place + 1] = (uint8_t)(size >> 8);
    tickets->written_count++;
    return true;
}

static bool produce(void *context, uint32_t *cursor, struct text *out)
{
    struct tls_tickets *tickets = context;

    if (*cursor == 0) {
        tickets->written_count = 0;
        text_add_cstr(out, FIRST_LINE);
    }
    while (tickets->written_count < TLS_TICKETS_FILE_MAX && add_entry(tickets, cursor, out))
        ;
    /* Room for another one means that there was none. */
    return tickets->written_count == TLS_TICKETS_FILE_MAX ||
           text_room(out) >= 2 + TLS_RESUME_SEALED_MAX;
}

static void take_entries(struct tls_tickets *tickets, struct span rest)
{
    uint64_t now_s = io_wall_ns(tickets->io) / NS_PER_S;
    uint32_t strange = 0;

    if (!span_starts(rest, SPAN(FIRST_LINE)))
        return;
    rest = span_skip(rest, strlen(FIRST_LINE));
    for (uint32_t i = 0; i < TLS_TICKETS_FILE_MAX && rest.size > 2; i++) {
        size_t size = (size_t)rest.data[0] | (size_t)rest.data[1] << 8;

        rest = span_skip(rest, 2);
        if (size > rest.size || size > TLS_RESUME_SEALED_MAX)
            return;
        if (tls_resume_unseal(tickets->resume, tickets->key, span_first(rest, size), now_s) ==
                -EBADMSG &&
            ++strange == STRANGE_MAX)
            return;
        rest = span_skip(rest, size);
    }
}

static void read_one(struct tls_tickets *tickets, struct span folder, struct span name)
{
    char buffer[SNAPSHOT_PATH_MAX];
    struct io_mapping mapping;
    struct text path;

    text_init(&path, buffer, sizeof(buffer));
    text_add(&path, folder);
    text_add_byte(&path, '/');
    text_add(&path, name);
    if (path.overflow || io_map(tickets->io, text_cstr_end(&path), IO_MAP_READ, &mapping) < 0)
        return;
    take_entries(tickets, span_make(mapping.data, mapping.size));
    io_unmap(tickets->io, &mapping);
}

static void read_all(struct tls_tickets *tickets, struct arena *arena, struct span folder)
{
    char buffer[SNAPSHOT_PATH_MAX];
    struct text names, path;
    struct span rest;

    text_init(&names, arena_alloc(arena, 1, NAMES_SIZE), NAMES_SIZE);
    text_init(&path, buffer, sizeof(buffer));
    text_add(&path, folder);
    if (io_list(tickets->io, text_cstr_end(&path), &names) < 0)
        return;
    rest = text_span(&names);
    while (rest.size > 0) {
        struct span name = span_split(&rest, 0);
        uint64_t number;

        if (span_starts(name, SPAN(NAME)) &&
            span_number(span_skip(name, strlen(NAME)), UINT32_MAX, &number))
            read_one(tickets, folder, name);
    }
}

size_t tls_tickets_cost(void)
{
    return arena_cost(1, NAMES_SIZE) + arena_cost(1, SNAPSHOT_BUFFER_SIZE);
}

void tls_tickets_init(struct tls_tickets *tickets, struct arena *arena, struct tls_resume *resume,
                      const struct tls_tickets_options *options)
{
    char buffer[SNAPSHOT_PATH_MAX];
    struct snapshot_options snapshot = {.io = options->io,
                                        .number = TLS_TICKETS_SNAPSHOT,
                                        .sync = options->sync,
                                        .producer = produce,
                                        .context = tickets};
    struct text path;

    memset(tickets, 0, sizeof(*tickets));
    tickets->io = options->io;
    tickets->resume = resume;
    tickets->key = options->key;
    if (options->folder.size == 0 || options->folder.size >= sizeof(buffer) || options->key == NULL)
        return;
    text_init(&path, buffer, sizeof(buffer));
    text_add(&path, options->folder);
    if (io_folder(options->io, text_cstr_end(&path)) < 0 ||
        io_entropy(options->io, tickets->nonce, sizeof(tickets->nonce)) < 0)
        return;
    read_all(tickets, arena, options->folder);
    tickets->saved_changes = resume->changes;
    tickets->save_ns = io_now_ns(options->io) + TLS_TICKETS_SAVE_NS;
    text_add_format(&path, "/" NAME "%u", options->shard);
    snapshot.path = text_span(&path);
    snapshot.buffer = arena_alloc(arena, 1, SNAPSHOT_BUFFER_SIZE);
    tickets->kept = !path.overflow && snapshot_init(&tickets->snapshot, &snapshot) == 0;
}

void tls_tickets_event(struct tls_tickets *tickets, const struct io_event *event)
{
    (void)snapshot_event(&tickets->snapshot, event); /* a failure is tried again */
}

static bool is_changed(const struct tls_tickets *tickets)
{
    return tickets->kept && (tickets->saved_changes != tickets->resume->changes ||
                             (tickets->snapshot.error != 0 && !tickets->ending));
}

static void save(struct tls_tickets *tickets)
{
    tickets->saved_changes = tickets->resume->changes;
    tickets->save_ns = io_now_ns(tickets->io) + TLS_TICKETS_SAVE_NS;
    snapshot_start(&tickets->snapshot);
}

void tls_tickets_turn(struct tls_tickets *tickets)
{
    if (is_changed(tickets) && snapshot_is_idle(&tickets->snapshot) &&
        tls_tickets_deadline_ns(tickets) <= io_now_ns(tickets->io))
        save(tickets);
}

uint64_t tls_tickets_deadline_ns(const struct tls_tickets *tickets)
{
    if (!is_changed(tickets) || !snapshot_is_idle(&tickets->snapshot))
        return UINT64_MAX;
    return max_u64(tickets->save_ns, tickets->snapshot.retry_ns);
}

bool tls_tickets_stop(struct tls_tickets *tickets)
{
    tickets->ending = true;
    if (!tickets->kept)
        return true;
    if (is_changed(tickets) && snapshot_is_idle(&tickets->snapshot))
        save(tickets); /* once: what fails now costs full handshakes */
    return snapshot_is_idle(&tickets->snapshot);
}
