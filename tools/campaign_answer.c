#include "tools/campaign_answer.h"

#include <errno.h>
#include <string.h>

#include "tools/sender.h"
#include "tools/sender_line.h"

static int64_t number(struct span line, const char *key)
{
    struct span digits = sender_value(line, key);
    int64_t value = 0;

    for (size_t i = 0; i < digits.size && digits.data[i] >= '0' && digits.data[i] <= '9'; i++)
        value = value * 10 + (digits.data[i] - '0');
    return value;
}

static bool is_true(struct span line, const char *key)
{
    return span_equal(sender_value(line, key), SPAN("true"));
}

static uint8_t nibble(uint8_t digit)
{
    return (uint8_t)(digit >= 'a' ? digit - 'a' + 10 : digit - '0');
}

static void read_digest(struct span hex, uint8_t *ret_digest)
{
    memset(ret_digest, 0, CAMPAIGN_DIGEST_SIZE);
    for (size_t i = 0; i < CAMPAIGN_DIGEST_SIZE && i * 2 + 1 < hex.size; i++)
        ret_digest[i] =
            (uint8_t)(nibble(hex.data[i * 2]) << 4 | (nibble(hex.data[i * 2 + 1]) & 15));
}

static enum campaign_state state_named(struct span name)
{
    for (int i = 0; i < CAMPAIGN_STATE_COUNT; i++)
        if (span_equal(name, span_cstr(campaign_state_name((enum campaign_state)i))))
            return (enum campaign_state)i;
    return CAMPAIGN_READY; /* held: it says so by itself */
}

static void read_answer(struct span line, struct campaign_answer *ret)
{
    struct span fault = sender_value(line, "held_because");
    struct text text;

    memset(ret, 0, sizeof(*ret));
    ret->service = is_true(line, "service");
    ret->found = is_true(line, "found");
    ret->require_tls = is_true(line, "require_tls");
    ret->leaves_unsigned = span_equal(sender_value(line, "signs"), SPAN("false"));
    ret->state = state_named(sender_value(line, "state"));
    ret->held = fault.size > 0;
    text_init(&text, ret->fault, sizeof(ret->fault));
    text_add_printable(&text, fault, sizeof(ret->fault) / 4 - 1);
    (void)text_cstr_end(&text);
    read_digest(sender_value(line, "content_digest"), ret->content_digest);
    read_digest(sender_value(line, "list_digest"), ret->list_digest);
    ret->counts = (struct campaign_counts){
        .queued = number(line, "queued"),
        .deferred = number(line, "deferred"),
        .in_flight = number(line, "in_flight"),
        .delivered = number(line, "accepted"),
        .failed = number(line, "failed"),
        .expired = number(line, "expired"),
        .suppressed = number(line, "suppressed"),
        .cancelled = number(line, "cancelled"),
        .damaged = number(line, "damaged"),
        .unsure = number(line, "unsure"),
    };
    ret->sessions = (uint64_t)number(line, "sessions");
    ret->opening = (uint64_t)number(line, "opening");
    ret->pauses = (uint64_t)number(line, "pauses");
}

int campaign_answer_ask(const struct plan *plan, const char *spool, struct campaign_answer *ret)
{
    char request[2 * CAMPAIGN_NAME_MAX + ADDRESS_DOMAIN_KEY_MAX + 16], bytes[8192];
    struct text line, answer;
    int result;

    text_init(&line, request, sizeof(request));
    text_add_format(&line, "find\t%s\t%s\t%s", plan->options->tenant, plan->name, plan->author);
    text_init(&answer, bytes, sizeof(bytes));
    result = sender_line_ask(spool, text_span(&line), &answer);
    if (result < 0)
        return result;
    if (sender_value(text_span(&answer), "found").size == 0)
        return -EPROTO;
    read_answer(text_span(&answer), ret);
    return 0;
}
