#include "engine/hygiene_feed.h"

#include "engine/self_mail.h"
#include "message/address.h"

struct span hygiene_feed_key(struct span address, uint8_t into[HYGIENE_CHANGE_KEY_MAX])
{
    struct address parsed;
    const char *problem;
    struct text text;

    text_init(&text, into, HYGIENE_CHANGE_KEY_MAX);
    if (!address_parse(address, &parsed, &problem) || !address_canonical(&parsed, &text) ||
        text.overflow)
        return (struct span){NULL, 0};
    return text_span(&text);
}

struct span hygiene_feed_stream(const struct campaign *campaign)
{
    return campaign->descriptor.lane == LANE_BULK ? SPAN("bulk") : SPAN("transactional");
}

bool hygiene_feed_is_ours(const struct campaign *campaign)
{
    return span_equal(campaign->descriptor.stream, SPAN(SELF_MAIL_STREAM));
}

static bool ended_for_good(enum outcome_kind kind)
{
    return kind == OUTCOME_DELIVERED || kind == OUTCOME_FAILED || kind == OUTCOME_EXPIRED;
}

/* What was said, cut at the border of a character. */
static struct span write_note(struct hygiene_feed *feed, const struct reply *reply)
{
    struct span said = span_make(reply->text, reply->text_size);
    struct text note;

    text_init(&note, feed->note, sizeof(feed->note));
    if (reply->code != 0) {
        text_add_u64(&note, reply->code);
        text_add_byte(&note, ' ');
    }
    if (reply->enhanced[0] != 0) {
        for (uint32_t i = 0; i < 3; i++) {
            text_add_u64(&note, reply->enhanced[i]);
            text_add_byte(&note, i < 2 ? '.' : ' ');
        }
    }
    while (said.size > 0) {
        size_t size = span_utf8_size(said);

        if (size == 0 || text_room(&note) < size)
            break;
        text_add(&note, span_first(said, size));
        said = span_skip(said, size);
    }
    return text_span(&note);
}

bool hygiene_feed_read(struct hygiene_feed *feed, const struct queue *queue,
                       const struct attempt_event *attempt, const struct classifier *classifier)
{
    const struct outcome *outcome = &attempt->attempt.outcome;
    struct queue_recipient recipient;
    uint32_t record;

    if (!ended_for_good(outcome->kind))
        return false;
    record = queue_find(queue, attempt->identity);
    if (record == QUEUE_NONE || queue_read(queue, record, &recipient) < 0 ||
        hygiene_feed_is_ours(recipient.campaign))
        return false;
    feed->event = (struct hygiene_event){
        .key = hygiene_feed_key(recipient.address, feed->key),
        .tenant = recipient.campaign->descriptor.tenant,
        .stream = hygiene_feed_stream(recipient.campaign),
        .host = attempt->attempt.peer_name,
        .class = classify_outcome(classifier, outcome, attempt->attempt.peer_name).class,
        .source = HYGIENE_FROM_SESSION,
        .final = true,
        .confirmed = outcome->cause == CAUSE_NO_DOMAIN || outcome->cause == CAUSE_NO_ADDRESS,
        .time_s = attempt->attempt.wall_ns / NS_PER_S,
    };
    if (feed->event.key.size == 0)
        return false;
    if (outcome->kind != OUTCOME_DELIVERED)
        feed->event.note = write_note(feed, &outcome->reply);
    return true;
}
