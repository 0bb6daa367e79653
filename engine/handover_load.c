#include "engine/handover_load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/content_signable.h"
#include "engine/handover.h"
#include "engine/memory_lack.h"
#include "message/address.h"

/* --- the end of a load --- */

static void free_load(struct handover_load *load)
{
    load->state = HANDOVER_FREE;
    load->load = NULL;
}

void handover_load_end(struct handover_load *load)
{
    if (load->load != NULL && !load->ready)
        content_drop(load->contents, store_load_campaign(load->load));
    if (load->load != NULL)
        store_load_end(load->load);
    load->load = NULL;
    load->state = HANDOVER_ENDED;
    if (load->left)
        free_load(load);
}

void handover_load_fail(struct handover_load *load, bool again, const char *words)
{
    struct text text;

    text_init(&text, load->words, sizeof(load->words));
    text_add(&text, span_first(span_cstr(words), sizeof(load->words) - 1));
    (void)text_cstr_end(&text);
    load->again = again;
    handover_load_end(load);
}

static void fail_by_store(struct handover_load *load, int error)
{
    char buffer[HANDOVER_WORDS_MAX];
    struct text text;

    text_init(&text, buffer, sizeof(buffer));
    switch (error) {
    case -EEXIST:
        text_add_cstr(&text, "there is a campaign of that name");
        break;
    case -EBUSY:
        text_add_cstr(&text, "another campaign is being loaded");
        break;
    case -ENOSPC:
        text_add_cstr(&text, "there is no room in the spool, or a limit of the queue is reached");
        break;
    case -EINVAL:
        text_add_cstr(&text, "a recipient, a name or the content is too long");
        break;
    default:
        text_add_format(&text, "the spool cannot be written: %s", strerror(-error));
    }
    load->later = error != -EINVAL;
    handover_load_fail(load, error == -EEXIST || error == -EBUSY, text_cstr_end(&text));
}

/* --- the frames --- */

/* The descriptor's strings, whose lender goes away. */
static void keep_strings(struct handover_load *load)
{
    struct campaign_descriptor *descriptor = &load->descriptor;
    struct span *const strings[] = {&descriptor->name, &descriptor->tenant, &descriptor->stream,
                                    &descriptor->egress_pool, &descriptor->sender};
    uint8_t *place = load->strings;

    for (size_t i = 0; i < ARRAY_LEN(strings); i++) {
        if (strings[i]->size > 0)
            memcpy(place, strings[i]->data, strings[i]->size);
        *strings[i] = span_make(place, strings[i]->size);
        place += strings[i]->size;
    }
}

static void take_campaign(struct handover_load *load, struct span payload)
{
    struct address sender;
    const char *problem;

    if (handover_frame_read_campaign(payload, &load->descriptor, &load->content_size) < 0) {
        handover_load_fail(load, false,
                           "the campaign is not understood: is the client of another version?");
        return;
    }
    keep_strings(load);
    load->content = span_make(load->space, 0);
    if (load->descriptor.name.size == 0 || span_has_control(load->descriptor.name) ||
        span_has_control(load->descriptor.tenant) ||
        !address_parse(load->descriptor.sender, &sender, &problem))
        handover_load_fail(load, false, "the campaign's name, tenant or sender is malformed");
    else
        load->state = HANDOVER_CONTENT;
}

static void fail_by_memory(struct handover_load *load)
{
    char buffer[HANDOVER_WORDS_MAX];
    struct text text;

    text_init(&text, buffer, sizeof(buffer));
    load->later = memory_lack_write(content_memory_size(&load->descriptor, load->content), &text);
    handover_load_fail(load, false, text_cstr_end(&text));
}

/* Compiled to see that it can be sent, before the store knows of it. */
static bool compile(struct handover_load *load)
{
    size_t size = template_memory_size(load->content.size);
    struct template_error error = {0};
    char buffer[HANDOVER_WORDS_MAX];
    struct template template;
    struct text text;
    void *memory = malloc(size);
    int result;

    if (memory == NULL) {
        fail_by_memory(load);
        return false;
    }
    result = template_compile(&template, load->content, (struct span_mut){memory, size}, &error);
    load->fields_count = result == 0 ? template.fields_count : 0;
    free(memory);
    if (result == 0)
        return true;
    text_init(&text, buffer, sizeof(buffer));
    text_add_format(&text, "the template does not compile here, line %u column %u: %s", error.line,
                    error.column, result == -EFBIG ? "it is too large" : error.what);
    handover_load_fail(load, false, text_cstr_end(&text));
    return false;
}

/* The client has asked the same of its own configuration, which may be another. */
static bool is_signable(const struct handover *handover, struct handover_load *load)
{
    char buffer[2 * HANDOVER_WORDS_MAX];
    struct text why;
    int result;

    if (handover->policy == NULL)
        return true;
    text_init(&why, buffer, sizeof(buffer));
    result = content_signable_draft(&load->descriptor, load->content, handover->policy, &why, NULL);
    if (result == -ENOMEM)
        fail_by_memory(load);
    else if (result < 0)
        handover_load_fail(load, false, text_cstr_end(&why));
    return result == 0;
}

/* From now on its memory is there. */
static bool draft(struct handover *handover, struct handover_load *load)
{
    uint32_t index = store_load_campaign(load->load);
    char buffer[HANDOVER_WORDS_MAX];
    struct text why;

    text_init(&why, buffer, sizeof(buffer));
    load->contents = handover->contents;
    if (content_draft(handover->contents, index,
                      queue_campaign(store_queue(handover->store), index), load->content, &why,
                      &load->later) == 0)
        return true;
    handover_load_fail(load, false, text_cstr_end(&why));
    return false;
}

static void begin_adding(struct handover *handover, struct handover_load *load)
{
    int result;

    if (load->descriptor.kind == CAMPAIGN_TEMPLATE && !compile(load))
        return;
    if (!is_signable(handover, load))
        return;
    result = store_load_begin(handover->store, &load->descriptor, load->content, &load->load);
    if (result < 0) {
        load->load = NULL;
        fail_by_store(load, result);
        return;
    }
    store_load_keep_back(load->load);
    if (!draft(handover, load))
        return;
    load->begun = true;
    load->state = HANDOVER_ADDING;
}

static void take_content(struct handover *handover, struct handover_load *load, struct span piece)
{
    if (piece.size > load->content_size - load->content.size) {
        handover_load_fail(load, false, "the content is longer than was announced");
        return;
    }
    if (piece.size > 0)
        memcpy(load->space + load->content.size, piece.data, piece.size);
    load->content.size += piece.size;
    if (load->content.size == load->content_size)
        begin_adding(handover, load);
}

static bool is_good(const struct handover_load *load, const struct store_recipient *recipient)
{
    uint8_t bytes[ADDRESS_DOMAIN_KEY_MAX + 16];
    struct address address;
    const char *problem;
    struct text key;

    text_init(&key, bytes, sizeof(bytes));
    return recipient->values_count == load->fields_count &&
           address_parse(recipient->address, &address, &problem) &&
           address_domain_key(address.domain, &key) &&
           span_equal(text_span(&key), recipient->domain);
}

/* False: back-pressure, the frame stays. */
static bool take_recipient(struct handover_load *load, struct span payload)
{
    struct span values[QUEUE_VALUES_MAX];
    struct store_recipient recipient;
    int result;

    if (handover_frame_read_recipient(payload, values, &recipient) < 0 ||
        !is_good(load, &recipient)) {
        handover_load_fail(load, false, "a recipient is malformed");
        return true;
    }
    result = store_load_add(load->load, &recipient);
    if (result == -EAGAIN)
        return false;
    if (result < 0)
        fail_by_store(load, result);
    return true;
}

static void take_commit(struct handover_load *load, struct span payload)
{
    uint8_t digest[CAMPAIGN_DIGEST_SIZE];

    if (handover_frame_read_commit(payload, digest) < 0 || store_load_count(load->load) == 0) {
        handover_load_fail(load, false, "the list is empty, or its end is malformed");
        return;
    }
    store_load_commit(load->load, digest);
    load->state = HANDOVER_COMMITTING;
}

/* One frame. False: not now. */
static bool take_frame(struct handover *handover, struct handover_load *load,
                       const struct handover_frame *frame)
{
    switch (frame->kind) {
    case HANDOVER_FRAME_CAMPAIGN:
        if (load->state != HANDOVER_OPENING)
            break;
        take_campaign(load, frame->payload);
        return true;
    case HANDOVER_FRAME_CONTENT:
        if (load->state != HANDOVER_CONTENT)
            break;
        take_content(handover, load, frame->payload);
        return true;
    case HANDOVER_FRAME_RECIPIENT:
        if (load->state != HANDOVER_ADDING)
            break;
        return take_recipient(load, frame->payload);
    case HANDOVER_FRAME_COMMIT:
        if (load->state != HANDOVER_ADDING)
            break;
        take_commit(load, frame->payload);
        return true;
    }
    handover_load_fail(load, false, "frames in an order that is none");
    return true;
}

bool handover_load_is_fed(const struct handover_load *load)
{
    return load->state == HANDOVER_OPENING || load->state == HANDOVER_CONTENT ||
           load->state == HANDOVER_ADDING;
}

static void take_frames(struct handover *handover, struct handover_load *load)
{
    struct span rest = text_span(&load->buffer);
    size_t size = 0;

    load->starved = false;
    for (uint32_t i = 0; i < HANDOVER_FRAMES_A_TURN && handover_load_is_fed(load); i++) {
        struct handover_frame frame;
        int result = handover_frame_read(rest, &frame, &size);

        if (result < 0)
            handover_load_fail(load, false, "what comes is not a campaign");
        if (result <= 0)
            break;
        if (!take_frame(handover, load, &frame)) {
            load->starved = true;
            break;
        }
        rest = span_skip(rest, size);
    }
    load->taken_count += load->buffer.size - rest.size;
    if (rest.size > 0 && rest.size < load->buffer.size)
        memmove(load->buffer.data, rest.data, rest.size);
    load->buffer.size = rest.size;
}

/* --- the commit --- */

static void step_commit(struct handover *handover, struct handover_load *load)
{
    uint32_t index = store_load_campaign(load->load);

    switch (store_load_state(load->load)) {
    case STORE_LOAD_DURABLE:
        content_place(handover->contents, index,
                      queue_campaign(store_queue(handover->store), index));
        store_load_publish(load->load);
        return;
    case STORE_LOAD_READY:
        load->ready = true;
        handover_load_end(load);
        return;
    case STORE_LOAD_FAILED:
        fail_by_store(load, store_load_error(load->load));
        return;
    case STORE_LOAD_ADDING:
    case STORE_LOAD_COMMITTING:
        return;
    }
}

void handover_load_turn(struct handover *handover, struct handover_load *load)
{
    if (handover_load_is_fed(load))
        take_frames(handover, load);
    if (load->state == HANDOVER_COMMITTING)
        step_commit(handover, load);
}

bool handover_load_has_frame(const struct handover_load *load)
{
    struct handover_frame frame;
    size_t size;

    return handover_frame_read(text_span(&load->buffer), &frame, &size) != 0;
}
