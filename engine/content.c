#include "engine/content.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "engine/content_parts.h"
#include "engine/finished.h"
#include "engine/memory_lack.h"
#include "message/author.h"
#include "message/header.h"

struct content_set {
    uint32_t campaigns_max;
    struct content **contents;
    char **faults; /* why a campaign is held, or NULL */
};

int content_set_open(struct content_set **ret_set, uint32_t campaigns_max)
{
    struct content_set *set = calloc(1, sizeof(*set));

    if (set == NULL)
        return -ENOMEM;
    set->contents = calloc(campaigns_max, sizeof(struct content *));
    set->faults = calloc(campaigns_max, sizeof(char *));
    if (set->contents == NULL || set->faults == NULL) {
        content_set_close(set);
        return -ENOMEM;
    }
    set->campaigns_max = campaigns_max;
    *ret_set = set;
    return 0;
}

static void close_content(struct content *content)
{
    if (content != NULL)
        free(content->memory);
    free(content);
}

void content_set_close(struct content_set *set)
{
    if (set == NULL)
        return;
    for (uint32_t i = 0; i < set->campaigns_max; i++) {
        close_content(set->contents[i]);
        free(set->faults[i]);
    }
    free(set->contents);
    free(set->faults);
    free(set);
}

static struct span domain_of(struct span address)
{
    struct span domain = address;

    for (size_t i = 0; i < address.size; i++)
        if (address.data[i] == '@')
            domain = span_skip(address, i + 1);
    return domain;
}

/* The template in as much memory as it needs; what it was compiled in is six times its source. */
static int keep(struct content *content)
{
    size_t size = template_packed_size(&content->template);

    content->memory = malloc(size);
    if (content->memory == NULL)
        return -ENOMEM;
    template_pack(&content->template, (struct span_mut){content->memory, size});
    return 0;
}

static int compile(struct content *content, const struct campaign *campaign, struct text *error)
{
    size_t size = template_memory_size(campaign->content.size);
    struct template_error where = {0};
    void *memory = malloc(size);
    int result;

    if (memory == NULL)
        return -ENOMEM;
    result = template_compile(&content->template, campaign->content,
                              (struct span_mut){memory, size}, &where);
    if (result == 0)
        result = keep(content);
    else if (result == -EFBIG)
        text_add_cstr(error, "the stored template is larger than a template may be");
    else
        text_add_format(error, "the stored template does not compile, line %u column %u: %s",
                        where.line, where.column, where.what);
    free(memory);
    return result == -EFBIG ? -EINVAL : result;
}

/* The header as it goes out. */
static int keep_head(struct content *content, struct span head)
{
    struct body_scan scan = {0};
    struct body body;
    struct text text;
    size_t room;

    body_scan_add(&scan, head);
    body_scan_end(&scan);
    room = body_scan_size(&scan) + (size_t)2 * BODY_STEP_MAX;
    content->memory = malloc(room);
    if (content->memory == NULL)
        return -ENOMEM;
    text_init(&text, content->memory, room);
    body_init(&body, false);
    CHECK(body_put(&body, &head, &text) && body_end(&body, &text));
    content->head = text_span(&text);
    return 0;
}

static int finish(struct content *content, const struct campaign *campaign)
{
    struct finished_origin origin = {
        .campaign = campaign->descriptor.id,
        .date_s = campaign->descriptor.created_s,
        .sender = campaign->descriptor.sender,
    };
    size_t size = finished_head_size(campaign->content, &origin);
    void *memory = malloc(size);
    struct text head;
    int result;

    if (memory == NULL)
        return -ENOMEM;
    text_init(&head, memory, size);
    finished_write(campaign->content, &origin, &head, &content->body);
    result = keep_head(content, text_span(&head));
    free(memory);
    if (result < 0)
        return result;
    body_scan_add(&content->scan, content->head);
    body_scan_add(&content->scan, content->body);
    body_scan_end(&content->scan);
    return 0;
}

/* RFC 8689 3: one field, and nothing but "No" in it; others mean nothing. */
static bool says_tls_optional(struct span message)
{
    struct header_field field;

    return header_count(message, SPAN("TLS-Required")) == 1 &&
           header_find(message, SPAN("TLS-Required"), &field) &&
           span_equal_nocase(span_trim(field.body), SPAN("No"));
}

uint32_t content_own_fields(const struct content *content)
{
    return content->own_fields;
}

struct span content_author(const struct content *content)
{
    return span_make(content->author, content->author_size);
}

bool content_is_signed(const struct content *content)
{
    return content->is_signed;
}

bool content_is_tls_optional(const struct content *content)
{
    return content->tls_optional;
}

/* Once, because what makes A-labels allocates; keys are configured in A-labels. */
static void keep_author(struct content *content, const struct campaign *campaign)
{
    bool merged = content->kind == CAMPAIGN_TEMPLATE;
    struct header_field field;
    struct text text;

    text_init(&text, content->author, sizeof(content->author));
    if (header_find(merged ? campaign->content : content->head, SPAN("From"), &field) &&
        !(merged && span_find(field.body, SPAN("{{")) != SPAN_NOT_FOUND) &&
        address_domain_key(author_domain(field.body), &text))
        content->author_size = text.size;
}

int content_add(struct content_set *set, uint32_t campaign_index, const struct campaign *campaign,
                struct text *error)
{
    struct content *content;
    int result = 0;

    CHECK(campaign_index < set->campaigns_max);
    if (set->contents[campaign_index] != NULL)
        return 0;
    content = calloc(1, sizeof(*content));
    if (content == NULL)
        return -ENOMEM;
    content->kind = campaign->descriptor.kind;
    content->host = domain_of(campaign->descriptor.sender);
    content->date_s = campaign->descriptor.created_s;
    content->tls_optional = says_tls_optional(campaign->content);
    content->own_fields = added_fields_own(campaign->content);
    content->is_signed = header_count(campaign->content, SPAN("DKIM-Signature")) > 0;
    result = content->kind == CAMPAIGN_TEMPLATE ? compile(content, campaign, error)
                                                : finish(content, campaign);
    if (result < 0) {
        close_content(content);
        return result;
    }
    keep_author(content, campaign);
    content_hash_prepare(content);
    set->contents[campaign_index] = content;
    return 0;
}

uint64_t content_memory_size(const struct campaign_descriptor *descriptor, struct span source)
{
    struct finished_origin origin = {.sender = descriptor->sender};

    return descriptor->kind == CAMPAIGN_TEMPLATE ? template_memory_size(source.size)
                                                 : finished_head_size(source, &origin);
}

int content_draft(struct content_set *set, uint32_t campaign_index, const struct campaign *campaign,
                  struct span source, struct text *error, bool *ret_passes)
{
    const struct campaign draft = {.descriptor = campaign->descriptor, .content = source};
    int result = content_add(set, campaign_index, &draft, error);

    if (result == -ENOMEM)
        *ret_passes = memory_lack_write(content_memory_size(&draft.descriptor, source), error);
    return result;
}

void content_place(struct content_set *set, uint32_t campaign_index,
                   const struct campaign *campaign)
{
    struct content *content;

    CHECK(campaign_index < set->campaigns_max);
    content = set->contents[campaign_index];
    CHECK(content != NULL);
    CHECK(content->body.size <= campaign->content.size);
    content->host = domain_of(campaign->descriptor.sender);
    /* A template keeps nothing of its source; of a message the body is its end. */
    if (content->kind == CAMPAIGN_MESSAGE)
        content->body = span_skip(campaign->content, campaign->content.size - content->body.size);
}

void content_drop(struct content_set *set, uint32_t campaign_index)
{
    CHECK(campaign_index < set->campaigns_max);
    close_content(set->contents[campaign_index]);
    set->contents[campaign_index] = NULL;
}

int content_hold(struct content_set *set, uint32_t campaign_index, const char *why)
{
    content_drop(set, campaign_index);
    free(set->faults[campaign_index]);
    set->faults[campaign_index] = strdup(why);
    return set->faults[campaign_index] == NULL ? -ENOMEM : 0;
}

const char *content_fault(const struct content_set *set, uint32_t campaign_index)
{
    CHECK(campaign_index < set->campaigns_max);
    return set->faults[campaign_index];
}

const struct content *content_of(const struct content_set *set, uint32_t campaign_index)
{
    CHECK(campaign_index < set->campaigns_max);
    return set->contents[campaign_index];
}

bool content_is_eight_bit(const struct content *content)
{
    return content->kind == CAMPAIGN_MESSAGE && content->scan.eight_bit;
}

static int begin_template(struct content_merge *merge, const struct content *content,
                          const struct queue_recipient *recipient, uint64_t *ret_size)
{
    uint32_t count = queue_values(recipient->values, merge->fields, TEMPLATE_FIELDS_MAX);
    int result;

    if (count != content->template.fields_count)
        return -EINVAL;
    merge->values = (struct merge_values){
        .fields = merge->fields,
        .recipient = recipient->address,
        .identity = recipient->identity,
        .host = content->host,
        .date_s = content->date_s,
    };
    result = merge_begin(&merge->merge, &content->template, &merge->values, true);
    if (result == 0)
        *ret_size = merge_size(&merge->merge);
    return result;
}

int content_begin(struct content_merge *merge, const struct content *content,
                  const struct queue_recipient *recipient, uint64_t *ret_size)
{
    merge->content = content;
    merge->preface = (struct span){NULL, 0};
    if (content->kind == CAMPAIGN_TEMPLATE)
        return begin_template(merge, content, recipient, ret_size);
    body_init(&merge->body, true);
    merge->head = content->head;
    merge->rest = content->body;
    *ret_size = body_scan_size(&content->scan);
    return 0;
}

/* Its lines begin with no dot. False: `out` is full. */
static bool put_preface(struct content_merge *merge, struct text *out)
{
    struct span part = span_first(merge->preface, text_room(out));

    text_add(out, part);
    merge->preface = span_skip(merge->preface, part.size);
    return merge->preface.size == 0;
}

bool content_step(struct content_merge *merge, struct text *out)
{
    if (merge->preface.size > 0 && !put_preface(merge, out))
        return false;
    if (merge->content->kind == CAMPAIGN_TEMPLATE)
        return merge_step(&merge->merge, out) == MERGE_DONE;
    if (merge->head.size > 0 && !body_put(&merge->body, &merge->head, out))
        return false;
    if (merge->rest.size > 0 && !body_put(&merge->body, &merge->rest, out))
        return false;
    return body_end(&merge->body, out);
}
