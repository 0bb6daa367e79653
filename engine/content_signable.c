#include "engine/content_signable.h"

#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "engine/content_parts.h"
#include "engine/policy_mail.h"
#include "engine/preface.h"
#include "sign/dkim.h"

static_assert(DKIM_FIELDS_MAX == 64, "as the words below say");
static_assert(PREFACE_HEADER_MAX / KIB == 256, "as the words below say");

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

/* A key of the policy that signs mail with that From; any when it is not known yet. NULL: none. */
static const struct policy_dkim *signer_of(const struct policy *policy, struct span author)
{
    const struct policy_dkim *signer = policy_mail_signer(policy, author);

    for (uint32_t i = 0; i < policy->dkim.count && signer == NULL; i++)
        if (policy->dkim_items[i].also_sign || author.size == 0)
            signer = &policy->dkim_items[i];
    return signer;
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
    const struct policy_dkim *signer;
    enum content_signable fault;
    struct text added, header;
    uint8_t *space;

    signer = signer_of(policy, content_author(content));
    if (signer == NULL)
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
    if (fault != CONTENT_SIGNABLE)
        text_add_format(why, " (dkim: by the key of %s)", signer->domain);
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

int content_signable_draft(const struct campaign_descriptor *draft, struct span content,
                           const struct policy *policy, struct text *why, struct text *ret_author)
{
    const struct campaign campaign = {.descriptor = *draft, .content = content};
    struct content_set *set;
    int result = content_set_open(&set, 1);

    if (result < 0)
        return result;
    result = content_signable_add(set, 0, &campaign, policy, why);
    if (result == 0 && ret_author != NULL)
        text_add(ret_author, content_author(content_of(set, 0)));
    content_set_close(set);
    return result;
}
