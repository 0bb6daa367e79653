#include "engine/tls_tickets.h"

#include <errno.h>
#include <string.h>

#define FIRST_LINE "ringpost-tls-tickets 1\n"
/* So many entries that do not open say that the key is another one. */
#define STRANGE_MAX 4

static_assert(TLS_RESUME_SEALED_MAX <= UINT16_MAX, "two octets hold its size");
static_assert(SNAPSHOT_BUFFER_SIZE / 2 >= TLS_RESUME_SEALED_MAX + 64, "a piece holds some");

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

static void take_entries(void *context, struct span rest)
{
    struct tls_tickets *tickets = context;
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

void tls_tickets_init(struct tls_tickets *tickets, struct arena *arena, struct tls_resume *resume,
                      const uint8_t *key, const struct keepsake_place *place)
{
    const struct keepsake_options options = {.prefix = "tickets.",
                                             .number = TLS_TICKETS_SNAPSHOT,
                                             .interval_ns = TLS_TICKETS_SAVE_NS,
                                             .waits_at_start = true,
                                             .changes = &resume->changes,
                                             .producer = produce,
                                             .taker = take_entries,
                                             .context = tickets};
    struct keepsake_place nowhere = {.io = place->io};

    memset(tickets, 0, sizeof(*tickets));
    tickets->io = place->io;
    tickets->resume = resume;
    tickets->key = key;
    if (key == NULL || place->folder.size == 0 ||
        io_entropy(place->io, tickets->nonce, sizeof(tickets->nonce)) < 0)
        place = &nowhere;
    keepsake_init(&tickets->file, arena, &options, place);
}
