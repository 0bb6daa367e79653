#include "engine/listener_message.h"

#include <string.h>

#include "base/check.h"
#include "engine/bounce_door.h"
#include "engine/event_json.h"
#include "engine/list_notice.h"

#define SECONDS_A_DAY 86400

void listener_message_drop(struct listener *listener, struct reception *reception)
{
    if (reception->content != NULL)
        listener->contents[listener->contents_count++] = reception->content;
    reception->content = NULL;
    reception->content_size = 0;
    reception->content_total = 0;
    reception->message_ns = 0;
}

void listener_message_keep(struct listener *listener, struct reception *reception)
{
    struct span piece = receive_piece(&reception->receive);

    if (reception->transaction != receive_transaction(&reception->receive))
        listener_message_drop(listener, reception); /* the one before was given up */
    reception->transaction = receive_transaction(&reception->receive);
    if (reception->message_ns == 0)
        reception->message_ns = io_now_ns(listener->options.io);
    if (reception->content_total == 0 && listener->contents_count > 0)
        reception->content = listener->contents[--listener->contents_count];
    reception->content_total += piece.size;
    if (reception->content == NULL)
        return; /* no room: the verdict will be "later" */
    piece = span_first(piece, LISTENER_CONTENT_MAX - reception->content_size);
    if (piece.size > 0)
        memcpy(reception->content + reception->content_size, piece.data, piece.size);
    reception->content_size += piece.size;
}

/* What one notice came to, joined with those before it of the same message. */
static void join(struct intake_result *all, const struct intake_result *one)
{
    if (all->decision != INTAKE_LATER &&
        (one->decision < all->decision || one->decision == INTAKE_LATER))
        all->decision = one->decision;
    all->ticket = max_u64(all->ticket, one->ticket);
}

static void take_notice(struct listener *listener, const struct notice *notice,
                        struct intake_result *all)
{
    uint64_t wall_ns = io_wall_ns(listener->options.io);
    struct text *events = listener->options.events;
    struct intake_result result = {.decision = INTAKE_LATER};

    if (events == NULL || text_room(events) >= EVENT_JSON_MAX) {
        intake_take(listener->options.hygiene, listener->options.queue, notice, wall_ns / NS_PER_S,
                    &result);
        if (events != NULL)
            intake_event(notice, &result, wall_ns, events);
    }
    join(all, &result);
}

/* Somebody else's list: about one subscriber, or all that the report names. */
static void take_of_list(struct listener *listener, const struct list_notice *list,
                         struct intake_result *all)
{
    uint32_t count = list_notice_count(list, &listener->report);
    struct notice notice;

    for (uint32_t i = 0; i < count; i++)
        if (list_notice_make(list, &listener->report, i, &notice))
            take_notice(listener, &notice, all);
}

static void take_message(struct listener *listener, const struct reception *reception,
                         uint64_t wall_s, struct intake_result *all)
{
    struct span envelope = receive_recipient(&reception->receive);
    struct proof_question question = {
        .keys = listener->options.keys,
        .today = (uint16_t)(wall_s / SECONDS_A_DAY),
        .envelope = envelope,
        .message = span_make(reception->content, reception->content_size),
        .report = &listener->report,
    };
    enum notice_door door = NOTICE_DOOR_RETURN;
    struct span address = {NULL, 0};
    struct queue_recipient recipient;
    struct list_notice list;
    struct notice notice;
    struct proof proof;
    bool ours = bounce_door_of(listener->options.policy, envelope, &door);

    (void)ours; /* RCPT was taken, perhaps under a configuration before this one */
    report_read(listener->reader, question.message, &listener->report);
    proof_find(&question, &proof);
    *all = (struct intake_result){.decision = INTAKE_UNPROVEN};
    if (proof.verdict != VERP_VALID &&
        list_notice_find(listener->options.policy, envelope, question.message, &listener->report,
                         &list)) {
        take_of_list(listener, &list, all);
        return;
    }
    if (proof.verdict == VERP_VALID &&
        intake_recipient(listener->options.queue, proof.identity, &recipient))
        address = recipient.address;
    notice_make(&notice, &listener->report, &proof, door, address);
    all->decision = INTAKE_UNKNOWN; /* the only one decides */
    take_notice(listener, &notice, all);
}

void listener_message_judge(struct listener *listener, struct reception *reception)
{
    uint64_t wall_s = io_wall_ns(listener->options.io) / NS_PER_S;
    bool lacks_room = reception->content == NULL && reception->content_total > 0;
    struct intake_result result = {.decision = INTAKE_LATER};

    if (!lacks_room)
        take_message(listener, reception, wall_s, &result);
    listener_message_drop(listener, reception);
    listener->counts.messages_count++;
    listener->counts.decisions[result.decision]++;
    reception->ticket = result.ticket;
    if (result.decision == INTAKE_LATER)
        reception_answer(reception, RECEIVE_LATER);
    else if (result.ticket == 0)
        reception_answer(reception, RECEIVE_ACCEPT);
}
