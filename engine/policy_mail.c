#include "engine/policy_mail.h"

/* Who leaves is known by a keyed tag, and keys belong to the return path. */
static const char *keyless_problem(const struct policy *policy)
{
    return policy->return_domain[0] == '\0'
               ? "needs return_path.domain and its key: they tell who unsubscribes"
               : NULL;
}

int policy_mail_check(const struct policy *policy, struct text *error)
{
    const char *mailto = policy->unsubscribe_mailto, *url = policy->unsubscribe_url;
    const char *feedback = policy->feedback_id, *cfbl = policy->cfbl_address;
    const struct {
        const char *key, *value, *problem;
    } settings[] = {
        {"unsubscribe.mailto", mailto, added_fields_mailto_problem(span_cstr(mailto))},
        {"unsubscribe.mailto", mailto, keyless_problem(policy)},
        {"unsubscribe.url", url, added_fields_url_problem(span_cstr(url))},
        {"unsubscribe.url", url, keyless_problem(policy)},
        {"headers.feedback_id", feedback, added_fields_feedback_problem(span_cstr(feedback))},
        {"headers.cfbl_address", cfbl, added_fields_cfbl_problem(span_cstr(cfbl))},
    };

    for (size_t i = 0; i < ARRAY_LEN(settings); i++)
        if (settings[i].value[0] != '\0' && settings[i].problem != NULL)
            return policy_complain(policy, error, settings[i].key, settings[i].value,
                                   settings[i].problem);
    return 0;
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
    };
    return true;
}
