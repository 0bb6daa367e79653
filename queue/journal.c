#include "queue/journal.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"

enum {
    STRING_REPLY = 0,
    STRING_PEER_NAME,
    STRING_SITE,
    STRING_RETURN_PATH,
    STRING_TLS_PROTOCOL,
    STRING_TLS_CIPHER,
    STRINGS_COUNT,
};

#define FLAG_COUNTED 1

struct address_record {
    uint8_t family;
    uint8_t spare;
    uint16_t port;
    uint8_t bytes[16];
};

struct outcome_record {
    uint64_t campaign;
    uint32_t ordinal;
    uint32_t number;
    uint64_t wall_ns;
    uint64_t next_due_ns;
    uint64_t size;
    uint8_t kind;
    uint8_t stage;
    uint8_t cause;
    uint8_t flags;
    int32_t error_number;
    uint16_t code;
    uint16_t enhanced[3];
    struct address_record peer;
    struct address_record source;
    uint32_t delays_us[ATTEMPT_DELAY_COUNT];
    uint16_t sizes[STRINGS_COUNT]; /* the strings follow */
    uint16_t spare[2];
};

struct state_record {
    uint64_t campaign;
    uint64_t time_s;
    uint32_t sequence;
    uint32_t recipients_count;
    uint8_t state;
    uint8_t spare[7];
    uint8_t list_digest[CAMPAIGN_DIGEST_SIZE];
};

struct stop_record {
    uint64_t campaign;
    uint64_t time_s;
    uint64_t sequence;
    uint16_t size; /* of the name, which follows */
    uint8_t kind;
    uint8_t spare[5];
};

static_assert(sizeof(struct outcome_record) == 136, "on disk");
static_assert(sizeof(struct state_record) == 64, "on disk");
static_assert(sizeof(struct stop_record) == 32, "on disk");
static_assert(sizeof(struct outcome_record) + REPLY_TEXT_MAX +
                      (size_t)(STRINGS_COUNT - 1) * ATTEMPT_NAME_MAX <=
                  JOURNAL_OUTCOME_MAX,
              "an outcome with the longest strings fits");

/* Numbers on disk: the enums may grow at their ends only. */
static_assert(OUTCOME_DELIVERED == 1 && OUTCOME_UNSURE == 3 && OUTCOME_CANCELLED == 7, "on disk");
static_assert(STAGE_QUEUE == 1 && STAGE_TLS == 6 && STAGE_DOT == 11, "on disk");
static_assert(CAUSE_REPLY == 0 && CAUSE_CONNECT == 6 && CAUSE_LOCAL_STOP == 13, "on disk");
static_assert(STOP_PAUSED == 1 && STOP_CANCELLED == 2, "on disk");
static_assert(CAMPAIGN_READY == 1 && CAMPAIGN_DONE == 4 && CAMPAIGN_DISCARDED == 5, "on disk");

static struct address_record write_address(const struct ip *ip, uint16_t port)
{
    struct address_record record = {.family = ip->family, .port = port};

    memcpy(record.bytes, ip->bytes, sizeof(record.bytes));
    return record;
}

static bool read_address(const struct address_record *record, struct ip *ret_ip)
{
    if (record->family != IP_NONE && record->family != IP_V4 && record->family != IP_V6)
        return false;
    ret_ip->family = record->family;
    memcpy(ret_ip->bytes, record->bytes, sizeof(ret_ip->bytes));
    return true;
}

static struct outcome_record write_head(const struct attempt *attempt)
{
    const struct outcome *outcome = &attempt->outcome;
    struct outcome_record record = {
        .wall_ns = attempt->wall_ns,
        .next_due_ns = attempt->next_due_ns,
        .size = attempt->size,
        .kind = (uint8_t)outcome->kind,
        .stage = (uint8_t)outcome->stage,
        .cause = (uint8_t)outcome->cause,
        .flags = attempt->counted ? FLAG_COUNTED : 0,
        .error_number = outcome->error_number,
        .code = outcome->reply.code,
        .peer = write_address(&attempt->peer.ip, attempt->peer.port),
        .source = write_address(&attempt->source, 0),
    };

    memcpy(record.enhanced, outcome->reply.enhanced, sizeof(record.enhanced));
    memcpy(record.delays_us, attempt->delays_us, sizeof(record.delays_us));
    return record;
}

size_t journal_write_outcome(struct identity identity, uint32_t number,
                             const struct attempt *attempt, uint8_t *payload)
{
    const struct reply *reply = &attempt->outcome.reply;
    struct span strings[STRINGS_COUNT] = {
        [STRING_REPLY] = span_make(reply->text, min_size(reply->text_size, REPLY_TEXT_MAX)),
        [STRING_PEER_NAME] = attempt->peer_name,
        [STRING_SITE] = attempt->site,
        [STRING_RETURN_PATH] = attempt->return_path,
        [STRING_TLS_PROTOCOL] = attempt->tls_protocol,
        [STRING_TLS_CIPHER] = attempt->tls_cipher,
    };
    struct outcome_record record = write_head(attempt);
    size_t size = sizeof(record);

    CHECK(attempt->outcome.kind > OUTCOME_NONE && attempt->outcome.kind < OUTCOME_RELEASED);
    record.campaign = identity.campaign;
    record.ordinal = identity.ordinal;
    record.number = number;
    for (uint32_t i = 0; i < STRINGS_COUNT; i++) {
        if (i != STRING_REPLY)
            strings[i] = span_first(strings[i], ATTEMPT_NAME_MAX);
        record.sizes[i] = (uint16_t)strings[i].size;
        if (strings[i].size > 0)
            memcpy(payload + size, strings[i].data, strings[i].size);
        size += strings[i].size;
    }
    memcpy(payload, &record, sizeof(record));
    return size;
}

/* The head with its numbers in range, or -EBADMSG. */
static int read_head(struct span payload, struct outcome_record *ret)
{
    if (payload.size < sizeof(*ret))
        return -EBADMSG;
    memcpy(ret, payload.data, sizeof(*ret));
    if (ret->kind <= OUTCOME_NONE || ret->kind >= OUTCOME_RELEASED || ret->stage >= STAGE_COUNT ||
        ret->cause >= CAUSE_COUNT)
        return -EBADMSG;
    return 0;
}

static int read_strings(const struct outcome_record *record, struct span rest,
                        struct span ret_strings[STRINGS_COUNT])
{
    for (uint32_t i = 0; i < STRINGS_COUNT; i++) {
        size_t size_max = i == STRING_REPLY ? REPLY_TEXT_MAX : ATTEMPT_NAME_MAX;

        if (record->sizes[i] > rest.size || record->sizes[i] > size_max)
            return -EBADMSG;
        ret_strings[i] = span_first(rest, record->sizes[i]);
        rest = span_skip(rest, record->sizes[i]);
    }
    return 0;
}

static struct outcome read_outcome(const struct outcome_record *record, struct span text)
{
    struct outcome outcome = {
        .kind = (enum outcome_kind)record->kind,
        .stage = (enum outcome_stage)record->stage,
        .cause = (enum outcome_cause)record->cause,
        .error_number = record->error_number,
        .reply = {.code = record->code, .text_size = (uint16_t)text.size},
    };

    memcpy(outcome.reply.enhanced, record->enhanced, sizeof(record->enhanced));
    if (text.size > 0)
        memcpy(outcome.reply.text, text.data, text.size);
    return outcome;
}

int journal_read_outcome(struct span payload, struct attempt_event *ret)
{
    struct outcome_record record;
    struct span strings[STRINGS_COUNT];
    struct attempt *attempt = &ret->attempt;
    int r = read_head(payload, &record);

    if (r == 0)
        r = read_strings(&record, span_skip(payload, sizeof(record)), strings);
    if (r < 0)
        return r;
    *attempt = (struct attempt){
        .outcome = read_outcome(&record, strings[STRING_REPLY]),
        .counted = (record.flags & FLAG_COUNTED) != 0,
        .wall_ns = record.wall_ns,
        .next_due_ns = record.next_due_ns,
        .size = record.size,
        .peer = {.port = record.peer.port},
        .peer_name = strings[STRING_PEER_NAME],
        .site = strings[STRING_SITE],
        .return_path = strings[STRING_RETURN_PATH],
        .tls_protocol = strings[STRING_TLS_PROTOCOL],
        .tls_cipher = strings[STRING_TLS_CIPHER],
    };
    if (!read_address(&record.peer, &attempt->peer.ip) ||
        !read_address(&record.source, &attempt->source))
        return -EBADMSG;
    memcpy(attempt->delays_us, record.delays_us, sizeof(record.delays_us));
    ret->identity = (struct identity){record.campaign, record.ordinal};
    ret->number = record.number;
    return 0;
}

int journal_peek_outcome(struct span payload, struct journal_outcome *ret)
{
    struct outcome_record record;
    struct outcome outcome;
    int r = read_head(payload, &record);

    if (r < 0)
        return r;
    outcome.kind = (enum outcome_kind)record.kind;
    outcome.stage = (enum outcome_stage)record.stage;
    outcome.cause = (enum outcome_cause)record.cause;
    outcome.reply.code = record.code;
    *ret = (struct journal_outcome){
        .identity = {record.campaign, record.ordinal},
        .number = record.number,
        .kind = (enum outcome_kind)record.kind,
        .next_due_s = record.next_due_ns / NS_PER_S + (record.next_due_ns % NS_PER_S != 0),
        .unsure = outcome_is_unsure(&outcome),
    };
    return 0;
}

size_t journal_state_size(void)
{
    return sizeof(struct state_record);
}

void journal_write_state(const struct journal_state *state, uint8_t *payload)
{
    struct state_record record = {
        .campaign = state->campaign,
        .time_s = state->time_s,
        .sequence = state->sequence,
        .recipients_count = state->recipients_count,
        .state = (uint8_t)state->state,
    };

    memcpy(record.list_digest, state->list_digest, CAMPAIGN_DIGEST_SIZE);
    memcpy(payload, &record, sizeof(record));
}

int journal_read_state(struct span payload, struct journal_state *ret)
{
    struct state_record record;

    if (payload.size < sizeof(record))
        return -EBADMSG;
    memcpy(&record, payload.data, sizeof(record));
    if (record.state >= CAMPAIGN_STATE_COUNT)
        return -EBADMSG;
    *ret = (struct journal_state){
        .campaign = record.campaign,
        .sequence = record.sequence,
        .state = (enum campaign_state)record.state,
        .time_s = record.time_s,
        .recipients_count = record.recipients_count,
    };
    memcpy(ret->list_digest, record.list_digest, CAMPAIGN_DIGEST_SIZE);
    return 0;
}

size_t journal_stop_size(const struct journal_stop *stop)
{
    return sizeof(struct stop_record) + stop->domain.size;
}

void journal_write_stop(const struct journal_stop *stop, uint8_t *payload)
{
    const struct stop_record record = {
        .campaign = stop->campaign,
        .time_s = stop->time_s,
        .sequence = stop->sequence,
        .size = (uint16_t)stop->domain.size,
        .kind = (uint8_t)stop->kind,
    };

    CHECK(stop->domain.size >= 1 && stop->domain.size <= JOURNAL_STOP_NAME_MAX);
    memcpy(payload, &record, sizeof(record));
    memcpy(payload + sizeof(record), stop->domain.data, stop->domain.size);
}

int journal_read_stop(struct span payload, struct journal_stop *ret)
{
    struct stop_record record;

    if (payload.size < sizeof(record))
        return -EBADMSG;
    memcpy(&record, payload.data, sizeof(record));
    if (record.kind >= STOP_KIND_COUNT || (record.kind == STOP_CANCELLED && record.campaign == 0) ||
        record.size == 0 || record.size > JOURNAL_STOP_NAME_MAX ||
        record.size > payload.size - sizeof(record))
        return -EBADMSG;
    *ret = (struct journal_stop){
        .campaign = record.campaign,
        .time_s = record.time_s,
        .sequence = record.sequence,
        .kind = (enum stop_kind)record.kind,
        .domain = span_first(span_skip(payload, sizeof(record)), record.size),
    };
    return 0;
}

bool journal_is_final(enum outcome_kind kind)
{
    return kind == OUTCOME_DELIVERED || kind == OUTCOME_FAILED || kind == OUTCOME_EXPIRED ||
           kind == OUTCOME_SUPPRESSED || kind == OUTCOME_CANCELLED;
}

bool journal_newer(uint32_t number, bool final, uint32_t known_number, bool known_final)
{
    if (final != known_final)
        return final; /* nothing follows an end, whichever of the two is read first */
    return number > known_number;
}
