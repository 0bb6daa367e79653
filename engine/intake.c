#include "engine/intake.h"

#include <errno.h>
#include <inttypes.h>

#include "base/check.h"
#include "base/crc.h"
#include "base/json_put.h"
#include "bounce/hygiene_judge.h"
#include "engine/event_json.h"
#include "engine/hygiene_feed.h"
#include "engine/intake_list.h"

bool intake_recipient(const struct queue *queue, struct identity identity,
                      struct queue_recipient *ret_recipient)
{
    uint32_t record = queue_find(queue, identity);

    return record != QUEUE_NONE && queue_read(queue, record, ret_recipient) == 0;
}

static enum hygiene_source source_of(const struct notice *notice)
{
    switch (notice_about(notice)) {
    case SEEN_TAGS_COMPLAINT:
        return HYGIENE_FROM_COMPLAINT;
    case SEEN_TAGS_UNSUBSCRIBE:
        return HYGIENE_FROM_UNSUBSCRIBE;
    case SEEN_TAGS_BOUNCE:
    case SEEN_TAGS_ABOUT_COUNT:
        break;
    }
    return HYGIENE_FROM_REPORT;
}

/* Room was seen to be there; tables that are full lose the change, and count it. */
static enum intake_decision apply(struct hygiene_store *hygiene, const struct notice *notice,
                                  const struct hygiene_event *event, uint64_t *ret_ticket)
{
    const struct seen_tag tag = {notice->identity, notice->day, notice_about(notice)};
    struct hygiene_change changes[HYGIENE_JUDGE_CHANGES_MAX];
    uint32_t count = hygiene_judge(hygiene_store_tables(hygiene), event, changes);
    enum intake_decision decision = INTAKE_NOTED;
    int result;

    for (uint32_t i = 0; i < count; i++) {
        result = hygiene_store_change(hygiene, &changes[i], NULL);
        CHECK(result != -EAGAIN);
        if (result < 0)
            return INTAKE_LATER; /* the tag is not used up: it may come again when there is room */
        if (changes[i].kind == HYGIENE_SUPPRESS)
            decision = INTAKE_SUPPRESSED;
        else if (changes[i].kind == HYGIENE_HOLD)
            decision = INTAKE_HELD;
        else if (decision == INTAKE_NOTED)
            decision = INTAKE_COUNTED;
    }
    result = hygiene_store_use_tag(hygiene, &tag, ret_ticket);
    CHECK(result == 0);
    return decision;
}

void intake_take(struct hygiene_store *hygiene, const struct queue *queue,
                 const struct notice *notice, uint64_t wall_s, struct intake_result *ret_result)
{
    const struct seen_tag tag = {notice->identity, notice->day, notice_about(notice)};
    struct queue_recipient *recipient = &ret_result->recipient;
    uint8_t key[HYGIENE_CHANGE_KEY_MAX];
    struct hygiene_event event;

    if (notice_is_of_list(notice)) {
        intake_list_take(hygiene, notice, wall_s, ret_result);
        return;
    }
    *ret_result = (struct intake_result){.decision = INTAKE_UNPROVEN};
    if (notice->verdict != VERP_VALID)
        return;
    ret_result->decision = INTAKE_UNKNOWN;
    if (!intake_recipient(queue, notice->identity, recipient))
        return;
    ret_result->decision = INTAKE_NOTED;
    if (!notice->asks || hygiene_feed_is_ours(recipient->campaign))
        return;
    ret_result->decision = INTAKE_REPEATED;
    if (hygiene_store_has_tag(hygiene, &tag)) {
        ret_result->ticket = hygiene_store_ticket(hygiene); /* what it did may not be durable yet */
        return;
    }
    ret_result->decision = INTAKE_LATER;
    if (!hygiene_store_has_room(hygiene) || hygiene_store_error(hygiene) != 0)
        return;
    event = (struct hygiene_event){
        .key = hygiene_feed_key(recipient->address, key),
        .tenant = recipient->campaign->descriptor.tenant,
        .stream = hygiene_feed_stream(recipient->campaign),
        .host = span_make(notice->host, notice->host_size),
        .note = span_make(notice->note, notice->note_size),
        .class = notice->class,
        .source = source_of(notice),
        .final = true,
        .time_s = wall_s,
    };
    ret_result->decision = apply(hygiene, notice, &event, &ret_result->ticket);
}

static void write_list(const struct notice *notice, const struct intake_result *result,
                       struct text *out)
{
    const struct notice_list *list = &notice->list;

    json_put_key_string(out, "list", span_make(list->list, list->list_size));
    json_put_key_string(out, "recipient", span_make(list->address, list->address_size));
    if (result->days > 0) {
        json_put_key_u64(out, "days", result->days);
        json_put_key_u64(out, "days_wanted", list->reports_min);
    }
}

void intake_write(const struct notice *notice, const struct intake_result *result, const char *name,
                  struct text *out)
{
    char buffer[64];
    struct text id;

    text_init(&id, buffer, sizeof(buffer));
    event_json_id(&id, notice->identity);
    json_put_open(out, '{');
    if (name != NULL)
        json_put_key_cstr(out, "file", name);
    json_put_key_cstr(out, "kind", report_kind_name(notice->kind));
    json_put_key_cstr(out, "tag", verp_verdict_name(notice->verdict));
    if (notice->verdict == VERP_VALID)
        json_put_key_string(out, "id", text_span(&id));
    if (result->recipient.campaign != NULL) {
        json_put_key_string(out, "campaign", result->recipient.campaign->descriptor.name);
        json_put_key_string(out, "recipient", result->recipient.address);
    }
    if (notice_is_of_list(notice))
        write_list(notice, result, out);
    if (notice->asks)
        json_put_key_cstr(out, "class", bounce_class_name(notice->class));
    if (notice->note_size > 0)
        json_put_key_string(out, "reply", span_make(notice->note, notice->note_size));
    json_put_key_cstr(out, "decision", intake_decision_name(result->decision));
    json_put_close(out, '}');
    text_add_byte(out, '\n');
}

static void write_response(const struct notice *notice, struct text *out)
{
    char buffer[24];
    struct text code;

    json_put_key(out, "response");
    json_put_open(out, '{');
    json_put_key_u64(out, "code", notice->code);
    json_put_key(out, "enhanced_code");
    text_init(&code, buffer, sizeof(buffer));
    text_add_format(&code, "%u.%u.%u", notice->status[0], notice->status[1], notice->status[2]);
    if (notice->status[0] != 0)
        json_put_string(out, text_span(&code));
    else
        json_put_null(out);
    json_put_key_string(out, "content", span_make(notice->note, notice->note_size));
    json_put_key_cstr(out, "command", NULL);
    json_put_close(out, '}');
}

/* A tag is heard once. A report about a list may be heard again after an operator's withdrawal, so
 * that the time is a part of it. */
static void write_event_id(const struct notice *notice, uint64_t wall_ns, struct text *out)
{
    const struct notice_list *list = &notice->list;
    char buffer[96];
    struct text id;

    text_init(&id, buffer, sizeof(buffer));
    text_add_format(&id, "%s-", notice_event_type(notice));
    if (notice_is_of_list(notice)) {
        uint32_t whose = crc_add(crc_seed(0, 0), span_make(list->list, list->list_size));

        whose = crc_add(whose, span_make(list->address, list->address_size));
        text_add_format(&id, "%08x-%08x-%" PRIx64, whose, list->message, wall_ns);
    } else {
        event_json_id(&id, notice->identity);
        text_add_format(&id, "-%u", notice->day);
    }
    json_put_key_string(out, "event_id", text_span(&id));
}

/* Whose mail it was: a recipient of ours, or a subscriber of somebody else's list. */
static void write_whose(const struct notice *notice, const struct intake_result *result,
                        struct text *out)
{
    char buffer[64];
    struct text id;

    json_put_key(out, "id");
    if (notice_is_of_list(notice)) {
        json_put_null(out);
        write_list(notice, result, out);
        return;
    }
    text_init(&id, buffer, sizeof(buffer));
    event_json_id(&id, notice->identity);
    json_put_string(out, text_span(&id));
    event_json_recipient(out, &result->recipient);
}

void intake_event(const struct notice *notice, const struct intake_result *result, uint64_t wall_ns,
                  struct text *out)
{
    if (!notice->asks || result->decision > INTAKE_NOTED || result->ticket == 0)
        return;
    json_put_open(out, '{');
    json_put_key_cstr(out, "type", notice_event_type(notice));
    write_event_id(notice, wall_ns, out);
    write_whose(notice, result, out);
    write_response(notice, out);
    json_put_key(out, "peer_address");
    json_put_open(out, '{');
    json_put_key_string(out, "name", span_make(notice->host, notice->host_size));
    json_put_key_cstr(out, "addr", NULL);
    json_put_close(out, '}');
    event_json_seconds(out, "timestamp", wall_ns);
    json_put_key_cstr(out, "bounce_classification", bounce_class_name(notice->class));
    json_put_key_cstr(out, "decision", intake_decision_name(result->decision));
    json_put_close(out, '}');
    text_add_byte(out, '\n');
}

const char *intake_decision_name(enum intake_decision decision)
{
    static const char *const names[] = {"suppressed", "held",     "counted", "noted",
                                        "repeated",   "unproven", "unknown", "later"};
    static_assert(ARRAY_LEN(names) == INTAKE_DECISION_COUNT, "a name for each decision");

    return (size_t)decision < ARRAY_LEN(names) ? names[decision] : "unknown";
}
