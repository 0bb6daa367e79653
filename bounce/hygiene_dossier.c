#include "bounce/hygiene_dossier.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"

enum { FLAG_TOLD = 1, FLAG_SCORED = 2, FLAGS_ALL = 3 };

/* The strings follow in the order of their sizes, then the counts. */
struct head {
    uint32_t next;
    uint32_t time_s;
    uint16_t key_size;
    uint8_t flags;
    uint8_t class;
    uint8_t source;
    uint8_t tenant_size;
    uint8_t stream_size;
    uint8_t note_size;
    uint8_t provider_size;
    uint8_t spares[3];
};

static_assert(sizeof(struct head) == 20, "on disk");
static_assert(sizeof(struct head) + HYGIENE_CHANGE_KEY_MAX + (size_t)2 * HYGIENE_CHANGE_SCOPE_MAX +
                      HYGIENE_CHANGE_NOTE_MAX + HYGIENE_CHANGE_PROVIDER_MAX +
                      sizeof(struct hygiene_score) <=
                  HYGIENE_DOSSIER_SIZE_MAX,
              "room for the longest");

static uint8_t *put(uint8_t *into, struct span span)
{
    if (span.size > 0)
        memmove(into, span.data, span.size);
    return into + span.size;
}

size_t hygiene_dossier_write(const struct hygiene_dossier *dossier, uint8_t *into)
{
    struct head head = {
        .next = dossier->next,
        .time_s = dossier->time_s,
        .key_size = (uint16_t)dossier->key.size,
        .flags = (uint8_t)((dossier->told ? FLAG_TOLD : 0) | (dossier->scored ? FLAG_SCORED : 0)),
        .class = (uint8_t)dossier->class,
        .source = (uint8_t)dossier->source,
        .tenant_size = (uint8_t)dossier->tenant.size,
        .stream_size = (uint8_t)dossier->stream.size,
        .note_size = (uint8_t)dossier->note.size,
        .provider_size = (uint8_t)dossier->provider.size,
    };
    uint8_t *end = into + sizeof(head);

    CHECK(dossier->key.size <= HYGIENE_CHANGE_KEY_MAX);
    CHECK(dossier->tenant.size <= HYGIENE_CHANGE_SCOPE_MAX);
    CHECK(dossier->stream.size <= HYGIENE_CHANGE_SCOPE_MAX);
    CHECK(dossier->note.size <= HYGIENE_CHANGE_NOTE_MAX);
    CHECK(dossier->provider.size <= HYGIENE_CHANGE_PROVIDER_MAX);
    memcpy(into, &head, sizeof(head));
    end = put(put(put(end, dossier->key), dossier->tenant), dossier->stream);
    end = put(put(end, dossier->note), dossier->provider);
    if (dossier->scored) {
        memcpy(end, &dossier->score, sizeof(dossier->score));
        end += sizeof(dossier->score);
    }
    return (size_t)(end - into);
}

static struct span take(struct span *rest, size_t size)
{
    struct span taken = span_first(*rest, size);

    *rest = span_skip(*rest, size);
    return taken;
}

static bool read_score(struct span bytes, struct hygiene_score *score)
{
    if (bytes.size != sizeof(*score))
        return false;
    memcpy(score, bytes.data, sizeof(*score));
    if (score->history_count > HYGIENE_SCORE_HISTORY)
        return false;
    for (uint32_t i = 0; i < score->history_count; i++)
        if (score->history[i].class >= BOUNCE_CLASS_COUNT)
            return false;
    return true;
}

int hygiene_dossier_read(struct span bytes, struct hygiene_dossier *ret_dossier)
{
    struct hygiene_dossier dossier = {0};
    struct head head;
    size_t size;

    if (bytes.size < sizeof(head))
        return -EBADMSG;
    memcpy(&head, bytes.data, sizeof(head));
    bytes = span_skip(bytes, sizeof(head));
    size = (size_t)head.key_size + head.tenant_size + head.stream_size + head.note_size +
           head.provider_size;
    if (size > bytes.size || head.key_size > HYGIENE_CHANGE_KEY_MAX ||
        head.tenant_size > HYGIENE_CHANGE_SCOPE_MAX ||
        head.stream_size > HYGIENE_CHANGE_SCOPE_MAX || head.note_size > HYGIENE_CHANGE_NOTE_MAX ||
        head.provider_size > HYGIENE_CHANGE_PROVIDER_MAX || head.class >= BOUNCE_CLASS_COUNT ||
        head.source >= HYGIENE_SOURCE_COUNT || head.flags > FLAGS_ALL)
        return -EBADMSG;
    dossier.next = head.next;
    dossier.time_s = head.time_s;
    dossier.told = (head.flags & FLAG_TOLD) != 0;
    dossier.scored = (head.flags & FLAG_SCORED) != 0;
    dossier.class = (enum bounce_class)head.class;
    dossier.source = (enum hygiene_source)head.source;
    dossier.key = take(&bytes, head.key_size);
    dossier.tenant = take(&bytes, head.tenant_size);
    dossier.stream = take(&bytes, head.stream_size);
    dossier.note = take(&bytes, head.note_size);
    dossier.provider = take(&bytes, head.provider_size);
    if (dossier.scored ? !read_score(bytes, &dossier.score) : bytes.size != 0)
        return -EBADMSG;
    *ret_dossier = dossier;
    return 0;
}
