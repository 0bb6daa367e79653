#include "engine/query.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/json_put.h"
#include "engine/event_json.h"
#include "engine/policy_mail.h"

#define RECORDS_A_STEP 20000

static bool take_word(struct span word, char *ret_word)
{
    if (word.size >= QUERY_WORD_MAX)
        return false;
    if (word.size > 0)
        memcpy(ret_word, word.data, word.size);
    ret_word[word.size] = '\0';
    return true;
}

static bool take_number(struct span digits, uint64_t *ret_number)
{
    uint64_t number = 0;

    for (size_t i = 0; i < digits.size; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9' || digits.size > 18)
            return false;
        number = number * 10 + (uint64_t)(digits.data[i] - '0');
    }
    *ret_number = number;
    return digits.size > 0;
}

static bool parse_state(struct query *query, struct span verb)
{
    static const struct {
        struct span name;
        enum campaign_state state;
    } verbs[] = {
        {SPAN_INIT("pause"), CAMPAIGN_PAUSED},
        {SPAN_INIT("resume"), CAMPAIGN_READY},
        {SPAN_INIT("cancel"), CAMPAIGN_CANCELLED},
    };

    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        if (!span_equal(verb, verbs[i].name))
            continue;
        query->state = verbs[i].state;
        query->verb = QUERY_STATE;
        return true;
    }
    return false;
}

void query_parse(struct query *query, struct span line)
{
    struct span verb = span_split(&line, '\t');
    bool good = true;

    memset(query, 0, sizeof(*query));
    if (span_equal(verb, SPAN("status"))) {
        query->verb = QUERY_STATUS;
    } else if (span_equal(verb, SPAN("summary"))) {
        query->verb = QUERY_SUMMARY;
        good = take_word(span_split(&line, '\t'), query->campaign) &&
               take_word(span_split(&line, '\t'), query->domain);
    } else if (span_equal(verb, SPAN("list"))) {
        query->verb = QUERY_LIST;
        good = take_word(span_split(&line, '\t'), query->campaign) &&
               take_word(span_split(&line, '\t'), query->domain);
    } else if (span_equal(verb, SPAN("show"))) {
        query->verb = QUERY_SHOW;
        good = event_json_parse_id(line, &query->identity);
    } else if (span_equal(verb, SPAN("suppress"))) {
        query->verb = QUERY_SUPPRESS;
        query->problem = query_suppress_parse(&query->suppress, line);
        good = query->problem == NULL;
    } else if (span_equal(verb, SPAN("whose"))) {
        query->verb = QUERY_WHOSE;
        good = event_json_parse_id(line, &query->identity);
    } else if (span_equal(verb, SPAN("find"))) {
        query->verb = QUERY_FIND;
        good = take_word(span_split(&line, '\t'), query->tenant) &&
               take_word(span_split(&line, '\t'), query->campaign) &&
               take_word(span_split(&line, '\t'), query->domain);
    } else if (span_equal(verb, SPAN("tlsrpt"))) {
        query->verb = QUERY_TLSRPT;
        good = take_number(line, &query->day_s);
    } else if (span_equal(verb, SPAN("load"))) {
        query->verb = QUERY_LOAD;
    } else if (span_equal(verb, SPAN("report"))) {
        query->verb = QUERY_REPORT;
        good = query_report_parse(&query->report, line);
    } else if (parse_state(query, verb)) {
        good = take_word(span_split(&line, '\t'), query->campaign) && query->campaign[0] != '\0';
    }
    if (!good)
        query->verb = QUERY_INVALID;
}

static bool complain(struct text *out, const char *what)
{
    json_put_open(out, '{');
    json_put_key_cstr(out, "error", what);
    json_put_close(out, '}');
    text_add_byte(out, '\n');
    return true;
}

/* The same words may do another time. */
static bool complain_for_now(struct text *out, const char *what)
{
    json_put_open(out, '{');
    json_put_key_cstr(out, "error", what);
    json_put_key_bool(out, "later", true);
    json_put_close(out, '}');
    text_add_byte(out, '\n');
    return true;
}

static void write_counts(struct text *out, const struct campaign_counts *counts)
{
    json_put_key_u64(out, "queued", (uint64_t)counts->queued);
    json_put_key_u64(out, "deferred", (uint64_t)counts->deferred);
    json_put_key_u64(out, "in_flight", (uint64_t)counts->in_flight);
    json_put_key_u64(out, "accepted", (uint64_t)counts->delivered);
    json_put_key_u64(out, "failed", (uint64_t)counts->failed);
    json_put_key_u64(out, "expired", (uint64_t)counts->expired);
    json_put_key_u64(out, "suppressed", (uint64_t)counts->suppressed);
    json_put_key_u64(out, "cancelled", (uint64_t)counts->cancelled);
    json_put_key_u64(out, "damaged", (uint64_t)counts->damaged);
    json_put_key_u64(out, "unsure", (uint64_t)counts->unsure);
}

static const char *fault_of(const struct query_world *world, uint32_t index)
{
    return query_campaign_fault(store_queue(world->store), world->contents, index);
}

static void write_fields(const struct query_world *world, uint32_t index, struct text *out)
{
    const struct campaign *campaign = queue_campaign(store_queue(world->store), index);
    const char *fault = fault_of(world, index);
    struct campaign_counts counts;

    store_counts(world->store, index, &counts);
    json_put_key_string(out, "campaign", campaign->descriptor.name);
    json_put_key_string(out, "tenant", campaign->descriptor.tenant);
    json_put_key_cstr(out, "lane",
                      campaign->descriptor.lane == LANE_BULK ? "bulk" : "transactional");
    json_put_key_cstr(out, "state", fault != NULL ? "held" : campaign_state_name(campaign->state));
    json_put_key_string(out, "sender", campaign->descriptor.sender);
    json_put_key_u64(out, "created", campaign->descriptor.created_s);
    json_put_key_u64(out, "recipients", campaign->recipients_count);
    write_counts(out, &counts);
    if (campaign->descriptor.require_tls)
        json_put_key_bool(out, "require_tls", true);
    if (fault != NULL)
        json_put_key_cstr(out, "held_because", fault);
}

static void write_campaign(const struct query_world *world, uint32_t index, struct text *out)
{
    json_put_open(out, '{');
    write_fields(world, index, out);
    json_put_close(out, '}');
    text_add_byte(out, '\n');
}

static void write_digest(struct text *out, const char *key, const uint8_t *digest)
{
    json_put_key(out, key);
    text_add_byte(out, '"');
    for (size_t i = 0; i < CAMPAIGN_DIGEST_SIZE; i++)
        text_add_hex(out, digest[i], 2);
    text_add_byte(out, '"');
}

/* For `send` beside a running sender: whether it is there, what it is, how far it has come. */
static bool step_find(const struct query *query, const struct query_world *world, struct text *out)
{
    const struct queue *queue = store_queue(world->store);
    uint32_t index =
        queue_find_campaign(queue, span_cstr(query->tenant), span_cstr(query->campaign));

    json_put_open(out, '{');
    json_put_key_bool(out, "service", world->is_service);
    if (world->stats != NULL)
        json_put_key_u64(out, "sessions", world->stats->gauges[STATS_SESSIONS]);
    if (query->domain[0] != '\0' && world->handover != NULL && world->handover->policy != NULL)
        json_put_key_bool(out, "signs",
                          policy_mail_signer(world->handover->policy, span_cstr(query->domain)) !=
                              NULL);
    json_put_key_bool(out, "found", index != QUEUE_NONE);
    if (index != QUEUE_NONE) {
        const struct campaign *campaign = queue_campaign(queue, index);

        write_digest(out, "content_digest", campaign->descriptor.content_digest);
        write_digest(out, "list_digest", campaign->list_digest);
        write_fields(world, index, out);
    }
    json_put_close(out, '}');
    text_add_byte(out, '\n');
    return true;
}

/* The day is reported on; the answer comes when everything has been tried once. */
static bool step_tlsrpt(struct query *query, const struct query_world *world, struct text *out)
{
    struct tls_reporting *reporting = world->reporting;
    int result = 0;

    if (reporting == NULL)
        return complain_for_now(out, "no service is running that sends reports about TLS");
    if (!query->ordered)
        result = tls_reporting_force(reporting, query->day_s);
    if (result == -EBUSY)
        return false;
    if (result < 0)
        return complain(out, "tlsrpt.from is not configured: who would report?");
    query->ordered = true;
    if (!tls_reporting_is_settled(reporting))
        return false;
    json_put_open(out, '{');
    json_put_key_u64(out, "domains", reporting->counts.domains);
    for (uint32_t i = 0; i < TLS_REPORTING_NEWS_COUNT; i++)
        json_put_key_u64(out, tls_reporting_news_name((enum tls_reporting_news)i),
                         reporting->counts.news[i]);
    json_put_close(out, '}');
    text_add_byte(out, '\n');
    return true;
}

static bool step_summary(struct query *query, const struct query_world *world, struct text *out)
{
    const struct queue *queue = store_queue(world->store);

    if (query->domain[0] != '\0')
        return query_campaign_step(&query->at_domain, queue, world->contents, query->campaign,
                                   query->domain, out);
    for (; query->cursor < queue_campaigns_count(queue); query->cursor++) {
        const struct campaign *campaign = queue_campaign(queue, query->cursor);

        if (text_room(out) < QUERY_STEP_MAX)
            return false;
        if (campaign->state != CAMPAIGN_DISCARDED && query_campaign_is(campaign, query->campaign))
            write_campaign(world, query->cursor, out);
    }
    return true;
}

static bool is_open(const struct queue_standing *standing)
{
    return standing->kind == OUTCOME_NONE || standing->kind == OUTCOME_DEFERRED ||
           standing->kind == OUTCOME_UNSURE;
}

static void write_record(const struct query_world *world, const struct queue_recipient *recipient,
                         const struct queue_standing *standing, struct text *out)
{
    const char *fault = is_open(standing) ? fault_of(world, recipient->campaign_index) : NULL;

    json_put_open(out, '{');
    json_put_key(out, "id");
    text_add_byte(out, '"');
    event_json_id(out, recipient->identity);
    text_add_byte(out, '"');
    json_put_key_string(out, "campaign", recipient->campaign->descriptor.name);
    json_put_key_string(out, "recipient", recipient->address);
    json_put_key_cstr(out, "state",
                      standing->kind == OUTCOME_NONE ? "queued"
                                                     : outcome_kind_name(standing->kind));
    json_put_key_u64(out, "attempts", standing->attempts);
    json_put_key_bool(out, "unsure", standing->unsure);
    if (is_open(standing) && standing->due_s > 0) {
        json_put_key_u64(out, "next_attempt", standing->due_s);
        json_put_key_bool(out, "due", standing->due_s * NS_PER_S <= world->wall_ns);
    }
    if (fault != NULL)
        json_put_key_cstr(out, "held_because", fault);
    json_put_close(out, '}');
    text_add_byte(out, '\n');
}

static bool step_list(struct query *query, const struct query_world *world, struct text *out)
{
    const struct queue *queue = store_queue(world->store);
    struct span domain = span_cstr(query->domain);

    for (uint32_t i = 0; query->cursor < queue_recipients_count(queue); i++, query->cursor++) {
        struct queue_recipient recipient;
        struct queue_standing standing;

        if (i == RECORDS_A_STEP || text_room(out) < QUERY_STEP_MAX)
            return false;
        if (queue_standing(queue, query->cursor, &standing) < 0 || !is_open(&standing) ||
            queue_read(queue, query->cursor, &recipient) < 0)
            continue;
        if (recipient.campaign->state == CAMPAIGN_DISCARDED ||
            !query_campaign_is(recipient.campaign, query->campaign) ||
            (domain.size > 0 && !span_equal_nocase(domain, recipient.domain_name)))
            continue;
        write_record(world, &recipient, &standing, out);
    }
    return true;
}

/* An event that is longer than any room is named instead. */
static void write_event(const struct query_world *world, struct text *out,
                        const struct attempt_event *event, const struct queue_recipient *recipient)
{
    size_t size = out->size;

    event_json_write(out, event, recipient, world->classifier);
    if (!out->overflow)
        return;
    out->overflow = false;
    out->size = size;
    (void)complain(out, "an event is too long to be shown here: see the event files");
}

static bool step_show(struct query *query, const struct query_world *world, struct text *out)
{
    const struct queue *queue = store_queue(world->store);
    uint32_t record = queue_find(queue, query->identity);
    struct queue_recipient recipient;
    struct attempt_event event;

    if (record == QUEUE_NONE || queue_read(queue, record, &recipient) < 0)
        return complain(out, "no such recipient in this spool");
    if (query->cursor == 0) {
        struct queue_standing standing;

        if (queue_standing(queue, record, &standing) == 0)
            write_record(world, &recipient, &standing, out);
        query->cursor = 1;
    }
    for (uint32_t i = 0; i < RECORDS_A_STEP; i++) {
        int found;

        if (text_room(out) < QUERY_STEP_MAX)
            return false;
        found = store_events_next(world->store, &query->events, &event);
        if (found == -EBADMSG)
            continue;
        if (found <= 0)
            return true;
        if (event.identity.campaign == query->identity.campaign &&
            event.identity.ordinal == query->identity.ordinal)
            write_event(world, out, &event, &recipient);
    }
    return false;
}

static bool complain_held(struct text *out, const char *name, const char *fault)
{
    char buffer[QUERY_WORD_MAX + 512];
    struct text words;

    text_init(&words, buffer, sizeof(buffer));
    text_add_format(&words, "campaign %s is held and cannot be resumed: %s", name, fault);
    return complain(out, text_cstr_end(&words));
}

static bool order_state(struct query *query, const struct query_world *world, struct text *out,
                        bool *ret_failed)
{
    const struct queue *queue = store_queue(world->store);
    uint32_t matches = 0;
    int result;

    *ret_failed = true;
    for (uint32_t i = 0; i < queue_campaigns_count(queue); i++) {
        const struct campaign *campaign = queue_campaign(queue, i);

        if (campaign->state == CAMPAIGN_DISCARDED || !query_campaign_is(campaign, query->campaign))
            continue;
        query->campaign_index = i;
        matches++;
    }
    if (matches != 1)
        return complain(out, matches == 0 ? "no campaign of that name in this spool"
                                          : "several tenants have a campaign of that name: say "
                                            "tenant/name");
    if (query->state == CAMPAIGN_READY && fault_of(world, query->campaign_index) != NULL)
        return complain_held(out, query->campaign, fault_of(world, query->campaign_index));
    if (queue_campaign(queue, query->campaign_index)->state == query->state) {
        *ret_failed = false;
        return true;
    }
    result = store_set_state(world->store, query->campaign_index, query->state);
    if (result == -EBUSY) {
        *ret_failed = false;
        return false;
    }
    if (result < 0)
        return complain(out, "the campaign's state does not allow that");
    *ret_failed = false;
    return true;
}

static bool step_state(struct query *query, const struct query_world *world, struct text *out)
{
    bool failed = false;

    if (!query->ordered) {
        if (!order_state(query, world, out, &failed))
            return false;
        if (failed)
            return true;
        query->ordered = true;
    }
    if (!store_state_durable(world->store, query->campaign_index))
        return false;
    write_campaign(world, query->campaign_index, out);
    return true;
}

static bool step_status(const struct query_world *world, struct text *out)
{
    const struct stats_sum *stats = world->stats;

    if (stats == NULL)
        return complain(out, "no sender is running on this spool");
    json_put_open(out, '{');
    json_put_key_u64(out, "ready", stats->gauges[STATS_READY]);
    json_put_key_u64(out, "in_flight", stats->gauges[STATS_CLAIMED]);
    json_put_key_u64(out, "sessions", stats->gauges[STATS_SESSIONS]);
    json_put_key_u64(out, "sessions_peak", stats->gauges[STATS_SESSIONS_PEAK]);
    json_put_key_u64(out, "accepted", stats->outcomes[OUTCOME_DELIVERED]);
    json_put_key_u64(out, "deferrals",
                     stats->outcomes[OUTCOME_DEFERRED] + stats->outcomes[OUTCOME_UNSURE]);
    json_put_key_u64(out, "failed", stats->outcomes[OUTCOME_FAILED]);
    json_put_key_u64(out, "expired", stats->outcomes[OUTCOME_EXPIRED]);
    json_put_key_u64(out, "connects", stats->counters[STATS_CONNECTS]);
    json_put_key_u64(out, "connect_failures", stats->counters[STATS_CONNECT_FAILURES]);
    json_put_key_u64(out, "dns_questions", stats->gauges[STATS_DNS_QUESTIONS]);
    json_put_key_u64(out, "longest_turn_us", stats->turn_max_ns / NS_PER_US);
    json_put_close(out, '}');
    text_add_byte(out, '\n');
    return true;
}

bool query_step(struct query *query, const struct query_world *world, struct text *out)
{
    CHECK(text_room(out) >= QUERY_STEP_MAX);
    switch (query->verb) {
    case QUERY_STATUS:
        return step_status(world, out);
    case QUERY_SUMMARY:
        return step_summary(query, world, out);
    case QUERY_LIST:
        return step_list(query, world, out);
    case QUERY_SHOW:
        return step_show(query, world, out);
    case QUERY_STATE:
        return step_state(query, world, out);
    case QUERY_WHOSE:
        return query_report_whose(store_queue(world->store), query->identity, out);
    case QUERY_FIND:
        return step_find(query, world, out);
    case QUERY_TLSRPT:
        return step_tlsrpt(query, world, out);
    case QUERY_LOAD:
        return complain(out, "a campaign is taken in by a running sender only");
    case QUERY_REPORT:
        if (world->hygiene == NULL)
            return complain(out, "no reports are taken here");
        return query_report_step(&query->report, world->hygiene, store_queue(world->store),
                                 world->wall_ns, world->events, out);
    case QUERY_SUPPRESS:
        if (world->hygiene == NULL)
            break;
        return query_suppress_step(&query->suppress, world->hygiene, world->wall_ns, out);
    case QUERY_INVALID:
        break;
    }
    return complain(out, query->problem != NULL ? query->problem : "the request is not understood");
}
