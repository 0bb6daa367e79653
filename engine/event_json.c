#include "engine/event_json.h"

#include "base/check.h"
#include "base/json_put.h"

const char *event_json_type(enum outcome_kind kind)
{
    switch (kind) {
    case OUTCOME_DELIVERED:
        return "Delivery";
    case OUTCOME_DEFERRED:
    case OUTCOME_UNSURE:
        return "TransientFailure";
    case OUTCOME_FAILED:
        return "Bounce";
    case OUTCOME_EXPIRED:
        return "Expiration";
    case OUTCOME_SUPPRESSED:
        return "Suppressed";
    case OUTCOME_CANCELLED:
        return "AdminBounce";
    case OUTCOME_NONE:
    case OUTCOME_RELEASED:
    case OUTCOME_KIND_COUNT:
        break;
    }
    UNREACHABLE("an event without an ending");
}

void event_json_id(struct text *out, struct identity identity)
{
    text_add_hex(out, identity.campaign, 16);
    text_add_byte(out, '.');
    text_add_u64(out, identity.ordinal);
}

static bool hex_digit(uint8_t byte, uint64_t *ret_value)
{
    byte = span_lower_byte(byte);
    if (byte >= '0' && byte <= '9')
        *ret_value = (uint64_t)(byte - '0');
    else if (byte >= 'a' && byte <= 'f')
        *ret_value = (uint64_t)(byte - 'a') + 10;
    else
        return false;
    return true;
}

bool event_json_parse_id(struct span text, struct identity *ret_identity)
{
    struct span campaign = span_split(&text, '.');
    struct identity identity = {0};
    uint64_t ordinal;

    if (campaign.size == 0 || campaign.size > 16 || !span_number(text, UINT32_MAX, &ordinal))
        return false;
    for (size_t i = 0; i < campaign.size; i++) {
        uint64_t digit;

        if (!hex_digit(campaign.data[i], &digit))
            return false;
        identity.campaign = identity.campaign << 4 | digit;
    }
    identity.ordinal = (uint32_t)ordinal;
    *ret_identity = identity;
    return true;
}

void event_json_seconds(struct text *out, const char *key, uint64_t ns)
{
    json_put_key(out, key);
    text_add_u64(out, ns / NS_PER_S);
    text_add_byte(out, '.');
    text_add_padded(out, ns % NS_PER_S / NS_PER_MS, 3);
}

static const char *const command_names[STAGE_COUNT] = {
    [STAGE_GREETING] = "connect", [STAGE_EHLO] = "EHLO",    [STAGE_TLS] = "STARTTLS",
    [STAGE_MAIL] = "MAIL FROM",   [STAGE_RCPT] = "RCPT TO", [STAGE_DATA] = "DATA",
    [STAGE_BODY] = "content",     [STAGE_DOT] = ".",
};

static void write_response(struct text *out, const struct outcome *outcome)
{
    const struct reply *reply = &outcome->reply;

    json_put_key(out, "response");
    json_put_open(out, '{');
    json_put_key_u64(out, "code", reply->code);
    json_put_key(out, "enhanced_code");
    if (reply->enhanced[0] != 0) {
        char code[24];
        struct text text;

        text_init(&text, code, sizeof(code));
        for (uint32_t i = 0; i < 3; i++) {
            if (i > 0)
                text_add_byte(&text, '.');
            text_add_u64(&text, reply->enhanced[i]);
        }
        json_put_string(out, text_span(&text));
    } else {
        json_put_null(out);
    }
    json_put_key_string(out, "content", span_make(reply->text, reply->text_size));
    json_put_key_cstr(out, "command", command_names[outcome->stage]);
    json_put_close(out, '}');
    json_put_key_cstr(out, "stage", outcome_stage_name(outcome->stage));
    json_put_key_cstr(out, "cause", outcome_cause_name(outcome->cause));
}

/* Mail that arrived has no class, and neither has what an operator or ringpost itself decided. */
const char *event_json_class(const struct attempt *attempt, const struct classifier *classifier)
{
    const struct outcome *outcome = &attempt->outcome;

    if (classifier == NULL || outcome->kind == OUTCOME_DELIVERED ||
        outcome->kind == OUTCOME_CANCELLED || outcome->cause == CAUSE_LOCAL_STOP)
        return NULL;
    return bounce_class_name(classify_outcome(classifier, outcome, attempt->peer_name).class);
}

static void write_peer(struct text *out, const struct attempt *attempt)
{
    char buffer[64];
    struct text text;

    json_put_key(out, "peer_address");
    if (attempt->peer.ip.family == IP_NONE) {
        json_put_null(out);
    } else {
        text_init(&text, buffer, sizeof(buffer));
        ip_write_port(&text, &attempt->peer);
        json_put_open(out, '{');
        json_put_key_string(out, "name", attempt->peer_name);
        json_put_key_string(out, "addr", text_span(&text));
        json_put_close(out, '}');
    }
    json_put_key(out, "source_address");
    if (attempt->source.family == IP_NONE) {
        json_put_null(out);
        return;
    }
    text_init(&text, buffer, sizeof(buffer));
    ip_write(&text, &attempt->source);
    json_put_string(out, text_span(&text));
}

static void key_or_null(struct text *out, const char *key, struct span value)
{
    if (value.size > 0)
        json_put_key_string(out, key, value);
    else
        json_put_key_cstr(out, key, NULL);
}

static void write_delays(struct text *out, const struct attempt *attempt)
{
    static const char *const names[ATTEMPT_DELAY_COUNT] = {
        [ATTEMPT_DELAY_QUEUE] = "queue",       [ATTEMPT_DELAY_DNS] = "dns",
        [ATTEMPT_DELAY_CONNECT] = "connect",   [ATTEMPT_DELAY_TLS] = "tls",
        [ATTEMPT_DELAY_ENVELOPE] = "envelope", [ATTEMPT_DELAY_DATA] = "data",
    };

    json_put_key(out, "delays");
    json_put_open(out, '{');
    for (uint32_t i = 0; i < ATTEMPT_DELAY_COUNT; i++) {
        json_put_key(out, names[i]);
        text_add_u64(out, attempt->delays_us[i] / 1000000);
        text_add_byte(out, '.');
        text_add_padded(out, attempt->delays_us[i] % 1000000, 6);
    }
    json_put_close(out, '}');
}

static void write_queue_name(struct text *out, const struct queue_recipient *recipient)
{
    const struct campaign_descriptor *campaign = &recipient->campaign->descriptor;
    char buffer[CAMPAIGN_NAME_MAX * 2 + 300];
    struct text text;

    text_init(&text, buffer, sizeof(buffer));
    text_add(&text, campaign->name);
    if (campaign->tenant.size > 0) {
        text_add_byte(&text, ':');
        text_add(&text, campaign->tenant);
    }
    text_add_byte(&text, '@');
    text_add(&text, recipient->domain_name);
    json_put_key_string(out, "queue", text_span(&text));
}

void event_json_recipient(struct text *out, const struct queue_recipient *recipient)
{
    const struct campaign_descriptor *campaign = &recipient->campaign->descriptor;

    json_put_key_string(out, "campaign", campaign->name);
    json_put_key_string(out, "tenant", campaign->tenant);
    json_put_key_string(out, "sender", campaign->sender);
    json_put_key_string(out, "recipient", recipient->address);
    write_queue_name(out, recipient);
    if (campaign->require_tls)
        json_put_key_bool(out, "require_tls", true);
    event_json_seconds(out, "created", campaign->created_s * NS_PER_S);
    json_put_key(out, "metadata");
    if (recipient->metadata.size > 0)
        json_put_raw(out, recipient->metadata);
    else
        json_put_null(out);
}

void event_json_write(struct text *out, const struct attempt_event *event,
                      const struct queue_recipient *recipient, const struct classifier *classifier)
{
    const struct attempt *attempt = &event->attempt;
    char buffer[64];
    struct text id;

    json_put_open(out, '{');
    json_put_key_cstr(out, "type", event_json_type(attempt->outcome.kind));
    text_init(&id, buffer, sizeof(buffer));
    text_add_hex(&id, event->journal, 1);
    text_add_byte(&id, '-');
    text_add_hex(&id, event->offset, 1);
    json_put_key_string(out, "event_id", text_span(&id));
    text_reset(&id);
    event_json_id(&id, event->identity);
    json_put_key_string(out, "id", text_span(&id));
    if (recipient != NULL)
        event_json_recipient(out, recipient);
    json_put_key_string(out, "return_path", attempt->return_path);
    json_put_key_string(out, "site", attempt->site);
    json_put_key_u64(out, "size", attempt->size);
    write_response(out, &attempt->outcome);
    write_peer(out, attempt);
    event_json_seconds(out, "timestamp", attempt->wall_ns);
    json_put_key_u64(out, "num_attempts", event->number);
    json_put_key_cstr(out, "bounce_classification", event_json_class(attempt, classifier));
    json_put_key_bool(out, "unsure", outcome_is_unsure(&attempt->outcome));
    if (attempt->next_due_ns != 0)
        event_json_seconds(out, "next_due", attempt->next_due_ns);
    key_or_null(out, "tls_protocol_version", attempt->tls_protocol);
    key_or_null(out, "tls_cipher", attempt->tls_cipher);
    write_delays(out, attempt);
    json_put_close(out, '}');
    text_add_byte(out, '\n');
}
