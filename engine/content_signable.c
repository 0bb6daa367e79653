#include "engine/content_signable.h"

#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "engine/content_parts.h"
#include "engine/policy_mail.h"
#include "engine/preface.h"
#include "sign/dkim.h"

static_assert(DKIM_FIELDS_MAX == 64, "as the words below say");
static_assert(PREFACE_HEADER_MAX == (size_t)256 * 1024, "as the words below say");

struct span content_signable_words(enum content_signable fault)
{
    switch (fault) {
    case CONTENT_SIGNABLE:
        break;
    case CONTENT_SIGNABLE_NO_FIELD:
        return SPAN("it cannot be signed: it has no header, or a line there is no header field");
    case CONTENT_SIGNABLE_FIELDS:
        return SPAN("it cannot be signed: more than 64 of its header fields would be signed");
    case CONTENT_SIGNABLE_HEADER:
        return SPAN("it cannot be signed: its header is larger than 256 KiB");
    case CONTENT_SIGNABLE_SIGNATURE:
        return SPAN("it cannot be signed: the names of its header fields are too long together");
    case CONTENT_SIGNABLE_ROOM:
        return SPAN("it cannot be signed: its signatures take more room than there is");
    }
    return (struct span){NULL, 0};
}

/* Whether a key of the policy signs mail with that From; yes when it is not known yet. */
static bool is_signed_by(const struct policy *policy, struct span author)
{
    for (uint32_t i = 0; i < policy->dkim.count; i++) {
        const struct policy_dkim *item = &policy->dkim_items[i];
        struct span domain = span_cstr(item->domain);

        if (item->also_sign || author.size == 0 || span_equal_nocase(author, domain) ||
            (author.size > domain.size && span_ends_nocase(author, domain) &&
             author.data[author.size - domain.size - 1] == '.'))
            return true;
    }
    return false;
}

static void write_added(const struct content *content, enum lane lane, const struct policy *policy,
                        struct text *out)
{
    struct added_fields_settings settings;
    struct added_fields_values values = {.own = content->own_fields, .is_bulk = lane == LANE_BULK};

    if (content->is_signed || !policy_mail_added(policy, &settings))
        return;
    if (policy->return_domain[0] != '\0')
        values.tag = SPAN("tag");
    added_fields_write(&settings, &values, out);
}

static void write_piece(const struct template *template, const struct template_piece *piece,
                        size_t size, struct text *out)
{
    if (piece->kind == TEMPLATE_LITERAL)
        text_add(out, span_make(template->data + piece->at, size));
    else if (piece->kind == TEMPLATE_DATE)
        text_add_cstr(out, "Date: x\r\n");
    else if (piece->kind == TEMPLATE_MESSAGE_ID)
        text_add_cstr(out, "Message-ID: x\r\n");
    else if (piece->kind == TEMPLATE_TO)
        text_add_cstr(out, "To: x\r\n");
}

/* The template's header without any value: the same fields, and no octet more than of anybody. */
static void write_header(const struct content *content, struct text *out)
{
    const struct template *template = &content->template;
    const struct merge_place *end = &content->fixed.body;

    for (uint32_t i = 0; i < end->piece; i++)
        write_piece(template, &template->pieces[i], template->pieces[i].size, out);
    if (end->offset > 0)
        write_piece(template, &template->pieces[end->piece], end->offset, out);
}

static enum content_signable judge(struct span added, struct span header)
{
    uint8_t buffer[DKIM_FIELD_MAX];
    struct dkim_fields fields;
    struct text names;
    int result;

    dkim_fields_init(&fields);
    result = dkim_fields_add(&fields, added);
    if (result == 0)
        result = dkim_fields_add(&fields, header);
    if (result < 0)
        return result == -E2BIG ? CONTENT_SIGNABLE_FIELDS : CONTENT_SIGNABLE_NO_FIELD;
    text_init(&names, buffer, sizeof(buffer));
    dkim_fields_names(&fields, &names);
    return names.overflow ? CONTENT_SIGNABLE_SIGNATURE : CONTENT_SIGNABLE;
}

int content_signable_check(const struct content *content, enum lane lane,
                           const struct policy *policy, struct text *why)
{
    uint8_t buffer[ADDED_FIELDS_MAX];
    enum content_signable fault;
    struct text added, header;
    uint8_t *space;

    if (!is_signed_by(policy, content_author(content)))
        return 0;
    space = malloc(PREFACE_HEADER_MAX);
    if (space == NULL)
        return -ENOMEM;
    text_init(&added, buffer, sizeof(buffer));
    write_added(content, lane, policy, &added);
    text_init(&header, space, PREFACE_HEADER_MAX);
    if (content->kind == CAMPAIGN_TEMPLATE)
        write_header(content, &header);
    fault = header.overflow
                ? CONTENT_SIGNABLE_HEADER
                : judge(text_span(&added),
                        content->kind == CAMPAIGN_TEMPLATE ? text_span(&header) : content->head);
    free(space);
    text_add(why, content_signable_words(fault));
    return fault == CONTENT_SIGNABLE ? 0 : -EINVAL;
}

int content_signable_add(struct content_set *set, uint32_t campaign_index,
                         const struct campaign *campaign, const struct policy *policy,
                         struct text *why)
{
    int result = content_add(set, campaign_index, campaign, why);

    return result < 0 ? result
                      : content_signable_check(content_of(set, campaign_index),
                                               campaign->descriptor.lane, policy, why);
}
