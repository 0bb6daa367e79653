#include "dns/inquiry.h"

#include "base/check.h"

#define PROBLEM_NAME_MAX 100

static const char *type_name(uint16_t type)
{
    switch (type) {
    case WIRE_MX:
        return "MX";
    case WIRE_A:
        return "A";
    case WIRE_AAAA:
        return "AAAA";
    case WIRE_CNAME:
        return "CNAME";
    case WIRE_TXT:
        return "TXT";
    default:
        return "TLSA";
    }
}

void inquiry_begin(struct inquiry *inquiry, struct dns_cache *cache, uint64_t now_ns)
{
    /* Field by field: the lists are large, and their counts say what of them is set. */
    inquiry->cache = cache;
    inquiry->now_ns = now_ns;
    inquiry->expires_ns = UINT64_MAX;
    inquiry->stale = false;
    inquiry->failed = false;
    inquiry->failure = LOOKUP_TIMEOUT;
    inquiry->servers = 0;
    inquiry->missing_count = 0;
    inquiry->fading_count = 0;
}

bool inquiry_find(struct inquiry *inquiry, const struct dns_name *name, uint16_t type,
                  struct dns_cache_value *ret_value)
{
    struct dns_cache_key key = {.name = name, .type = type};
    struct inquiry_question question = {.name = *name, .type = type};

    if (!dns_cache_find(inquiry->cache, inquiry->now_ns, key, ret_value)) {
        CHECK(inquiry->missing_count < INQUIRY_QUESTIONS_MAX);
        inquiry->missing[inquiry->missing_count++] = question;
        return false;
    }
    inquiry->expires_ns = min_u64(inquiry->expires_ns, ret_value->expires_ns);
    inquiry->stale = inquiry->stale || ret_value->stale;
    inquiry->servers |= UINT32_C(1) << ret_value->server;
    if (ret_value->fading && inquiry->fading_count < INQUIRY_QUESTIONS_MAX)
        inquiry->fading[inquiry->fading_count++] = question;
    if (ret_value->status == DNS_CACHE_FAILED && !inquiry->failed) {
        inquiry->failed = true;
        inquiry->failure = (enum lookup_failure)ret_value->detail;
        inquiry->failed_question = question;
    }
    return true;
}

void inquiry_write_failure(const struct inquiry *inquiry, struct text *text)
{
    char name[DNS_NAME_TEXT_SIZE * 4];
    struct text name_text;

    text_init(&name_text, name, sizeof(name));
    dns_name_write(&inquiry->failed_question.name, &name_text);
    text_add_cstr(text, lookup_failure_words(inquiry->failure));
    text_add_cstr(text, ", asked for ");
    text_add_cstr(text, type_name(inquiry->failed_question.type));
    text_add_cstr(text, " of ");
    text_add_printable(text, text_span(&name_text), PROBLEM_NAME_MAX);
}
