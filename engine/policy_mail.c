#include "engine/policy_mail.h"

#include "message/address.h"

#include <errno.h>

#include "message/header.h"

/* Who leaves is known by a keyed tag, and keys belong to the return path. */
static const char *keyless_problem(const struct policy *policy)
{
    return policy->return_domain[0] == '\0'
               ? "needs return_path.domain and its key: they tell who unsubscribes"
               : NULL;
}

/* The tag that proves a complaint is one of the return path's too. */
static const char *feedback_id_problem(const struct policy *policy)
{
    if (policy->cfbl_address[0] == '\0')
        return "needs headers.cfbl_address: it says where complaints go";
    return policy->return_domain[0] == '\0'
               ? "needs return_path.domain and its key: they tell who complains"
               : NULL;
}

static int complain_key(const struct policy *policy, const struct policy_dkim *key,
                        const char *what, struct text *error)
{
    policy_add_item_place(policy, "dkim", key->line, key->column, error);
    text_add_format(error, "\"%s\" %s", key->domain, what);
    return -EINVAL;
}

/* One name in the DNS holds one key. */
static bool is_named_before(const struct policy *policy, uint32_t index)
{
    const struct policy_dkim *key = &policy->dkim_items[index];

    for (uint32_t i = 0; i < index; i++)
        if (span_equal_nocase(span_cstr(policy->dkim_items[i].domain), span_cstr(key->domain)) &&
            span_equal_nocase(span_cstr(policy->dkim_items[i].selector), span_cstr(key->selector)))
            return true;
    return false;
}

/* Whether the texts make a key's record is for sign/dkim_plan to say. */
static int check_keys(const struct policy *policy, struct text *error)
{
    uint32_t others_count = 0;

    for (uint32_t i = 0; i < policy->dkim.count; i++) {
        const struct policy_dkim *key = &policy->dkim_items[i];

        if (!header_is_domain(span_cstr(key->domain)))
            return complain_key(policy, key, "is not a domain (in ASCII)", error);
        if (is_named_before(policy, i))
            return complain_key(policy, key, "has a key with this selector already", error);
        others_count += key->also_sign;
        if (others_count > POLICY_DKIM_OTHERS_MAX)
            return complain_key(policy, key, "is one too many with also_sign: two may have it",
                                error);
    }
    return 0;
}

/* It stands in header fields and in the envelope of our own mail. */
static const char *address_problem(const char *value)
{
    struct address address;
    const char *problem = NULL;

    if (!address_parse(span_cstr(value), &address, &problem))
        return problem;
    return address.utf8 || address.literal || address.quoted ? "is not a plain address" : NULL;
}

static const char *words_problem(const char *value)
{
    return span_has_control(span_cstr(value)) ? "holds control characters" : NULL;
}

int policy_mail_check(const struct policy *policy, struct text *error)
{
    const char *mailto = policy->unsubscribe_mailto, *url = policy->unsubscribe_url;
    const char *feedback = policy->feedback_id, *cfbl = policy->cfbl_address;
    const char *complaints = policy->bounces_complaints_to;
    const struct {
        const char *key, *value, *problem;
    } settings[] = {
        {"bounces.complaints_to", complaints, address_problem(complaints)},
        {"unsubscribe.mailto", mailto, added_fields_mailto_problem(span_cstr(mailto))},
        {"unsubscribe.mailto", mailto, keyless_problem(policy)},
        {"unsubscribe.url", url, added_fields_url_problem(span_cstr(url))},
        {"unsubscribe.url", url, keyless_problem(policy)},
        {"headers.feedback_id", feedback, added_fields_feedback_problem(span_cstr(feedback))},
        {"headers.cfbl_address", cfbl, added_fields_cfbl_problem(span_cstr(cfbl))},
        {"headers.cfbl_feedback_id", policy->cfbl_feedback_id ? "true" : "",
         feedback_id_problem(policy)},
        {"tlsrpt.from", policy->tlsrpt_from, address_problem(policy->tlsrpt_from)},
        {"tlsrpt.contact", policy->tlsrpt_contact, address_problem(policy->tlsrpt_contact)},
        {"tlsrpt.organization", policy->tlsrpt_organization,
         words_problem(policy->tlsrpt_organization)},
    };

    for (size_t i = 0; i < ARRAY_LEN(settings); i++)
        if (settings[i].value[0] != '\0' && settings[i].problem != NULL)
            return policy_complain(policy, error, settings[i].key, settings[i].value,
                                   settings[i].problem);
    return check_keys(policy, error);
}

bool policy_mail_added(const struct policy *policy, struct added_fields_settings *ret_settings)
{
    if (policy->unsubscribe_mailto[0] == '\0' && policy->unsubscribe_url[0] == '\0' &&
        policy->feedback_id[0] == '\0' && policy->cfbl_address[0] == '\0')
        return false;
    *ret_settings = (struct added_fields_settings){
        .mailto = span_cstr(policy->unsubscribe_mailto),
        .url = span_cstr(policy->unsubscribe_url),
        .feedback = span_cstr(policy->feedback_id),
        .cfbl = span_cstr(policy->cfbl_address),
        .cfbl_id = policy->cfbl_feedback_id,
    };
    return true;
}

static bool is_at_or_below(struct span name, struct span domain)
{
    return span_equal_nocase(name, domain) ||
           (name.size > domain.size && span_ends_nocase(name, domain) &&
            name.data[name.size - domain.size - 1] == '.');
}

/* As signing_keys_for finds its keys, which need not have been read here. */
const struct policy_dkim *policy_mail_signer(const struct policy *policy, struct span author)
{
    const struct policy_dkim *nearest = NULL;
    size_t size = 0;

    for (uint32_t i = 0; i < policy->dkim.count; i++) {
        struct span domain = span_cstr(policy->dkim_items[i].domain);

        if (policy->dkim_items[i].also_sign || domain.size <= size ||
            !is_at_or_below(author, domain))
            continue;
        nearest = &policy->dkim_items[i];
        size = domain.size;
    }
    return nearest;
}
