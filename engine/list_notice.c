#include "engine/list_notice.h"

#include <string.h>

#include "base/crc.h"
#include "engine/hygiene_feed.h"
#include "message/header_list.h"

bool list_notice_takes(const struct policy *policy, struct span address, struct list_notice *ret)
{
    ret->message = 0;
    for (uint32_t i = 0; i < policy->foreign.count; i++) {
        ret->rule = &policy->foreign_items[i];
        if (list_path_matches(&ret->rule->path, address, &ret->match))
            return true;
    }
    return false;
}

/* "<a@b>", "Name <a@b>", "a@b": the address. */
static struct span bare(struct span value)
{
    size_t open = span_find_byte(value, '<');

    if (open != SPAN_NOT_FOUND)
        value = span_skip(value, open + 1);
    return span_trim(span_first(value, min_size(span_find_byte(value, '>'), value.size)));
}

static bool find_in_header(const struct policy *policy, struct span message,
                           struct list_notice *ret)
{
    static const struct span names[] = {SPAN_INIT("X-Original-To"), SPAN_INIT("Delivered-To"),
                                        SPAN_INIT("Envelope-To"), SPAN_INIT("X-Envelope-To"),
                                        SPAN_INIT("To")};
    struct header_field field;

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct span rest = message;

        for (uint32_t count = 0; count < HEADER_LIST_MAX && header_list_next(&rest, &field) == 1;
             count++)
            if (span_equal_nocase(field.name, names[i]) &&
                list_notice_takes(policy, bare(field.body), ret))
                return true;
    }
    return false;
}

/* A mail server that comes again brings the same octets. */
static uint32_t sum_of(struct span message)
{
    struct span rest = message;
    struct header_field field;
    uint32_t sum;

    for (uint32_t count = 0; count < HEADER_LIST_MAX && header_list_next(&rest, &field) == 1;
         count++)
        if (span_equal_nocase(field.name, SPAN("Message-ID")) && field.body.size > 0)
            message = field.body;
    sum = crc_add(crc_seed(0, 0), message);
    return sum != 0 ? sum : 1;
}

bool list_notice_find(const struct policy *policy, struct span envelope, struct span message,
                      const struct report *report, struct list_notice *ret)
{
    bool found =
        policy->foreign.count > 0 &&
        (list_notice_takes(policy, envelope, ret) || find_in_header(policy, message, ret) ||
         list_notice_takes(policy, bare(report->returned.return_path), ret));

    if (found)
        ret->message = sum_of(message);
    return found;
}

uint32_t list_notice_count(const struct list_notice *list, const struct report *report)
{
    if (list->rule->path.names_address)
        return 1;
    return report->recipients_count < LIST_NOTICE_NAMED_MAX ? report->recipients_count
                                                            : LIST_NOTICE_NAMED_MAX;
}

/* "team@lists.example.org"; without a name the host alone. */
static bool write_scope(const struct list_notice *list, struct notice_list *into)
{
    struct span name = list->rule->path.names_list ? list->match.list : span_cstr(list->rule->list);
    struct text text;

    text_init(&text, into->list, sizeof(into->list));
    text_add_lower(&text, name);
    text_add_byte(&text, '@');
    text_add(&text, list_path_host(&list->rule->path));
    into->list_size = (uint8_t)text.size;
    return !text.overflow;
}

bool list_notice_make(const struct list_notice *list, const struct report *report, uint32_t number,
                      struct notice *ret_notice)
{
    const struct policy_foreign *rule = list->rule;
    const struct proof none = {.verdict = VERP_ABSENT};
    uint8_t buffer[HYGIENE_CHANGE_KEY_MAX];
    struct span address = list->match.address;
    struct span named = address;
    struct notice_list *into = &ret_notice->list;

    if (!rule->path.names_address) {
        named = report->recipients[number].address;
        /* Whom the list mails, if that became somebody else on the way. */
        address = hygiene_feed_key(report->recipients[number].original, buffer);
        if (address.size == 0)
            address = hygiene_feed_key(named, buffer);
    }
    if (address.size == 0)
        return false;
    notice_make(ret_notice, report, &none, NOTICE_DOOR_RETURN, named);
    if (!write_scope(list, into))
        return false;
    into->reports_min = (uint8_t)rule->reports;
    into->message = list->message;
    into->days_max = (uint16_t)(rule->within_ns / POLICY_DAY_NS);
    memcpy(into->address, address.data, address.size);
    into->address_size = (uint16_t)address.size;
    return true;
}
