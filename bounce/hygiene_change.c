#include "bounce/hygiene_change.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"

/* As it lies in the journal; the strings follow in this order, without ends. */
struct head {
    uint64_t time_s;
    uint64_t until_s;
    uint8_t kind;
    uint8_t source;
    uint8_t class;
    uint8_t tenant_size;
    uint8_t stream_size;
    uint8_t note_size;
    uint8_t provider_size;
    uint8_t spare;
    uint16_t key_size;
    uint8_t spares[6];
};

static_assert(sizeof(struct head) == 32, "on disk");

static const char *const source_names[HYGIENE_SOURCE_COUNT] = {
    "none", "session", "report", "complaint", "unsubscribe", "operator", "import"};

static uint8_t *put(uint8_t *into, struct span span)
{
    if (span.size > 0)
        memcpy(into, span.data, span.size);
    return into + span.size;
}

size_t hygiene_change_write(const struct hygiene_change *change, uint8_t *into)
{
    struct span tenant = span_first(change->tenant, HYGIENE_CHANGE_SCOPE_MAX);
    struct span stream = span_first(change->stream, HYGIENE_CHANGE_SCOPE_MAX);
    struct span note = span_first(change->note, HYGIENE_CHANGE_NOTE_MAX);
    struct span provider = span_first(change->provider, HYGIENE_CHANGE_PROVIDER_MAX);
    struct head head = {
        .time_s = change->time_s,
        .until_s = change->until_s,
        .kind = (uint8_t)change->kind,
        .source = (uint8_t)change->source,
        .class = (uint8_t)change->class,
        .tenant_size = (uint8_t)tenant.size,
        .stream_size = (uint8_t)stream.size,
        .note_size = (uint8_t)note.size,
        .provider_size = (uint8_t)provider.size,
        .key_size = (uint16_t)change->key.size,
    };
    uint8_t *end = into + sizeof(head);

    CHECK(change->key.size <= HYGIENE_CHANGE_KEY_MAX);
    memcpy(into, &head, sizeof(head));
    end = put(put(put(put(put(end, change->key), tenant), stream), note), provider);
    return (size_t)(end - into);
}

int hygiene_change_read(struct span payload, struct hygiene_change *ret_change)
{
    struct head head;
    size_t size;

    if (payload.size < sizeof(head))
        return -EBADMSG;
    memcpy(&head, payload.data, sizeof(head));
    payload = span_skip(payload, sizeof(head));
    size = (size_t)head.key_size + head.tenant_size + head.stream_size + head.note_size +
           head.provider_size;
    if (size != payload.size || head.kind == 0 || head.kind >= HYGIENE_CHANGE_KIND_COUNT ||
        head.source == 0 || head.source >= HYGIENE_SOURCE_COUNT ||
        head.class >= BOUNCE_CLASS_COUNT || head.key_size > HYGIENE_CHANGE_KEY_MAX ||
        head.tenant_size > HYGIENE_CHANGE_SCOPE_MAX ||
        head.stream_size > HYGIENE_CHANGE_SCOPE_MAX || head.note_size > HYGIENE_CHANGE_NOTE_MAX ||
        head.provider_size > HYGIENE_CHANGE_PROVIDER_MAX)
        return -EBADMSG;
    if (head.key_size == 0 && head.kind != HYGIENE_RELEASE && head.kind != HYGIENE_CONFIRM)
        return -EBADMSG;
    *ret_change = (struct hygiene_change){
        .kind = (enum hygiene_change_kind)head.kind,
        .source = (enum hygiene_source)head.source,
        .class = (enum bounce_class)head.class,
        .time_s = head.time_s,
        .until_s = head.until_s,
    };
    ret_change->key = span_first(payload, head.key_size);
    payload = span_skip(payload, head.key_size);
    ret_change->tenant = span_first(payload, head.tenant_size);
    payload = span_skip(payload, head.tenant_size);
    ret_change->stream = span_first(payload, head.stream_size);
    payload = span_skip(payload, head.stream_size);
    ret_change->note = span_first(payload, head.note_size);
    ret_change->provider = span_skip(payload, head.note_size);
    return 0;
}

const char *hygiene_change_source_name(enum hygiene_source source)
{
    CHECK(source < HYGIENE_SOURCE_COUNT);
    return source_names[source];
}

bool hygiene_change_source_from_name(struct span name, enum hygiene_source *ret_source)
{
    for (unsigned i = 1; i < HYGIENE_SOURCE_COUNT; i++) {
        if (span_equal(name, span_cstr(source_names[i]))) {
            *ret_source = (enum hygiene_source)i;
            return true;
        }
    }
    return false;
}
