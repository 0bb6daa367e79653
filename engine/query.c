#include "engine/query.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/json_put.h"
#include "engine/event_json.h"
#include "engine/policy_mail.h"
#include "engine/query_error.h"
#include "message/address.h"

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

/* A domain as recipients' domains are kept; nothing is every one. */
static bool take_domain(struct query *query, struct span word)
{
    struct text key;

    query->domain[0] = '\0';
    if (word.size == 0)
        return true;
    text_init(&key, query->domain, sizeof(query->domain));
    if (address_domain_key(word, &key) && !key.overflow) {
        (void)text_cstr_end(&key);
        return true;
    }
    query->domain[0] = '\0';
    query->problem = "that is no domain";
    return false;
}

static bool take_scope(struct query *query, struct span words)
{
    return take_word(span_split(&words, '\t'), query->campaign) &&
           take_domain(query, span_split(&words, '\t'));
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

void query_parse(struct query *query, struct span line)
{
    struct span verb = span_split(&line, '\t');
    bool good = true;

    memset(query, 0, sizeof(*query));
    if (span_equal(verb, SPAN("status"))) {
        query->verb = QUERY_STATUS;
    } else if (span_equal(verb, SPAN("summary"))) {
        query->verb = QUERY_SUMMARY;
        good = take_scope(query, line);
    } else if (span_equal(verb, SPAN("list"))) {
        query->verb = QUERY_LIST;
        good = take_scope(query, line);
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
    } else if (query_order_parse(&query->order, verb)) {
        query->verb = QUERY_ORDER;
        good = take_scope(query, line) && (query->campaign[0] != '\0' || query->domain[0] != '\0');
    }
    if (!good)
        query->verb = QUERY_INVALID;
}

static const char *fault_of(const struct query_world *world, uint32_t index)
{
    return query_campaign_fault(store_queue(world->store), world->contents, index);
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
    if (world->stats != NULL) {
        json_put_key_u64(out, "sessions", world->stats->gauges[STATS_SESSIONS]);
        json_put_key_u64(out, "opening", world->stats->gauges[STATS_OPENING]);
    }
    if (query->domain[0] != '\0' && world->handover != NULL && world->handover->policy != NULL)
        json_put_key_bool(out, "signs",
                          policy_mail_signer(world->handover->policy, span_cstr(query->domain)) !=
                              NULL);
    json_put_key_u64(out, "pauses", query_order_pauses(queue, index));
    json_put_key_bool(out, "found", index != QUEUE_NONE);
    if (index != QUEUE_NONE) {
        const struct campaign *campaign = queue_campaign(queue, index);

        write_digest(out, "content_digest", campaign->descriptor.content_digest);
        write_digest(out, "list_digest", campaign->list_digest);
        query_campaign_fields(world->store, world->contents, index, out);
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
        return query_error_for_now(out, "no service is running that sends reports about TLS");
    if (!query->ordered)
        result = tls_reporting_force(reporting, query->day_s);
    if (result == -EBUSY)
        return false;
    if (result < 0)
        return query_error(out, "tlsrpt.from is not configured: who would report?");
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

    if (query->domain[0] != '\0' && !query->walked) {
        if (!query_campaign_step(&query->at_domain, queue, world->contents, query->campaign,
                                 query->domain, out))
            return false;
        query->walked = true;
    }
    for (; query->domain[0] == '\0' && query->cursor < queue_campaigns_count(queue);
         query->cursor++) {
        const struct campaign *campaign = queue_campaign(queue, query->cursor);

        if (text_room(out) < QUERY_STEP_MAX)
            return false;
        if (campaign->state != CAMPAIGN_DISCARDED && query_campaign_is(campaign, query->campaign))
            query_campaign_write(world->store, world->contents, query->cursor, out);
    }
    return query_order_stops(queue, query->campaign, query->domain, &query->stops_told, out);
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

    if (fault == NULL && is_open(standing))
        fault = query_order_pause(store_queue(world->store), recipient->campaign_index,
                                  recipient->domain);

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
    (void)query_error(out, "an event is too long to be shown here: see the event files");
}

static bool step_show(struct query *query, const struct query_world *world, struct text *out)
{
    const struct queue *queue = store_queue(world->store);
    uint32_t record = queue_find(queue, query->identity);
    struct queue_recipient recipient;
    struct attempt_event event;

    if (record == QUEUE_NONE || queue_read(queue, record, &recipient) < 0)
        return query_error(out, "no such recipient in this spool");
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

static bool step_status(const struct query_world *world, struct text *out)
{
    const struct stats_sum *stats = world->stats;

    if (stats == NULL)
        return query_error(out, "no sender is running on this spool");
    json_put_open(out, '{');
    json_put_key_u64(out, "ready", stats->gauges[STATS_READY]);
    json_put_key_u64(out, "in_flight", stats->gauges[STATS_CLAIMED]);
    json_put_key_u64(out, "sessions", stats->gauges[STATS_SESSIONS]);
    json_put_key_u64(out, "opening", stats->gauges[STATS_OPENING]);
    if (stats->gauges[STATS_NO_SOCKET] != 0)
        json_put_key_cstr(out, "no_socket", strerrordesc_np((int)stats->gauges[STATS_NO_SOCKET]));
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

static bool step_order(struct query *query, const struct query_world *world, struct text *out)
{
    const struct query_order_world order = {
        .store = world->store,
        .contents = world->contents,
        .campaign = query->campaign,
        .domain = query->domain,
    };

    return query_order_step(&query->order, &order, out);
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
    case QUERY_ORDER:
        return step_order(query, world, out);
    case QUERY_WHOSE:
        return query_report_whose(store_queue(world->store), query->identity, out);
    case QUERY_FIND:
        return step_find(query, world, out);
    case QUERY_TLSRPT:
        return step_tlsrpt(query, world, out);
    case QUERY_LOAD:
        return query_error(out, "a campaign is taken in by a running sender only");
    case QUERY_REPORT:
        if (world->hygiene == NULL)
            return query_error(out, "no reports are taken here");
        return query_report_step(&query->report, world->hygiene, store_queue(world->store),
                                 world->wall_ns, world->events, out);
    case QUERY_SUPPRESS:
        if (world->hygiene == NULL)
            break;
        return query_suppress_step(&query->suppress, world->hygiene, world->wall_ns, out);
    case QUERY_INVALID:
        break;
    }
    return query_error(out,
                       query->problem != NULL ? query->problem : "the request is not understood");
}
