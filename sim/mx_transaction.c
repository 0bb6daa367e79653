#include "sim/mx_transaction.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum { AT_MAIL, AT_RCPT, AT_DATA, AT_DOT };

/* A reply about the open recipients. */
static void reply_all(struct mx_connection *connection, enum outcome_stage stage, uint16_t code,
                      const char *enhanced, const char *text)
{
    for (uint32_t i = 0; i < connection->recipients_count; i++)
        oracle_replied(connection->mx->oracle, connection->recipients[i], stage, code);
    mx_manners_reply(connection, code, enhanced, text);
}

/* A refusal drawn for this place: 4, 5 or 0. */
static uint32_t refusal(struct mx_connection *connection, uint32_t place)
{
    if (mx_manners_draw(connection, connection->persona.tempfail_permille[place]))
        return 4;
    return mx_manners_draw(connection, connection->persona.permfail_permille[place]) ? 5 : 0;
}

void mx_transaction_reset(struct mx_connection *connection)
{
    connection->mail_open = false;
    connection->recipients_count = 0;
    connection->path_size = 0;
}

struct span mx_transaction_path(struct span *rest)
{
    size_t end = span_find_byte(*rest, '>');
    struct span path;

    if (rest->size == 0 || rest->data[0] != '<' || end == SPAN_NOT_FOUND)
        return (struct span){NULL, SIZE_MAX};
    path = span_slice(*rest, 1, end - 1);
    *rest = span_skip(*rest, end + 1);
    return path;
}

/* Parameters of MAIL; false: over the size that is offered. */
static bool mail_parameters(struct mx_connection *connection, struct span rest)
{
    for (;;) {
        struct span word = span_word(&rest);
        uint64_t size = 0;

        if (word.size == 0)
            return true;
        if (span_equal_nocase(word, SPAN("BODY=8BITMIME")) && connection->eight_bit)
            continue;
        if (span_starts_nocase(word, SPAN("SIZE=")) && connection->sizes &&
            span_number(span_skip(word, 5), UINT64_MAX, &size)) {
            connection->size_said = size;
            if (size > connection->persona.size_max)
                return false;
            continue;
        }
        mx_manners_blame(connection, "a MAIL parameter that was not offered");
    }
}

static bool rate_exceeded(struct mx_connection *connection)
{
    struct mx_host *host = connection->host;
    uint64_t hour = mx_manners_now_ns(connection) / (3600 * NS_PER_S);

    if (connection->persona.messages_an_hour == 0)
        return false;
    if (hour != host->hour) {
        host->hour = hour;
        host->hour_messages = 0;
    }
    return ++host->hour_messages > connection->persona.messages_an_hour;
}

void mx_transaction_mail(struct mx_connection *connection, struct span rest)
{
    struct span path = mx_transaction_path(&rest);
    uint32_t refused = refusal(connection, AT_MAIL);

    if (path.size == SIZE_MAX || !connection->greeted || connection->mail_open) {
        mx_manners_blame(connection, connection->mail_open ? "MAIL inside a transaction"
                                     : connection->greeted ? "MAIL that cannot be read"
                                                           : "MAIL before EHLO");
        mx_manners_reply(connection, 503, "5.5.1", "not now");
        return;
    }
    connection->size_said = UINT64_MAX;
    connection->mail_count++;
    if (connection->mx->messages_max > 0 && connection->mail_count > connection->mx->messages_max)
        oracle_problem(connection->mx->oracle, "rule 5: %u messages on one connection",
                       connection->mail_count);
    if (connection->persona.messages_max > 0 &&
        connection->mail_count > connection->persona.messages_max) {
        mx_manners_close_421(connection);
        return;
    }
    if (!mail_parameters(connection, rest)) {
        mx_manners_reply(connection, 552, "5.3.4", "too large for me");
    } else if (rate_exceeded(connection)) {
        mx_manners_reply(connection, 451, "4.7.1", "too many messages, slow down");
    } else if (refused != 0) {
        mx_manners_reply(connection, refused == 4 ? 451 : 550, refused == 4 ? "4.3.0" : "5.7.1",
                         "sender not welcome");
    } else {
        connection->mail_open = true;
        connection->recipients_count = 0;
        connection->path_size = (uint32_t)path.size;
        memcpy(connection->path, path.data, path.size);
        mx_manners_reply(connection, 250, "2.1.0", "sender ok");
    }
}

static bool greylisted(struct mx_connection *connection, uint32_t recipient)
{
    struct mx_sim *mx = connection->mx;
    uint64_t now = mx_manners_now_ns(connection);
    uint32_t needed = mx->oracle->recipients_count;

    if (connection->persona.greylist_ns == 0)
        return false;
    if (recipient >= mx->first_seen_max) {
        mx->first_seen_ns = realloc(mx->first_seen_ns, needed * sizeof(mx->first_seen_ns[0]));
        CHECK(mx->first_seen_ns != NULL);
        memset(mx->first_seen_ns + mx->first_seen_max, 0,
               (needed - mx->first_seen_max) * sizeof(mx->first_seen_ns[0]));
        mx->first_seen_max = needed;
    }
    if (mx->first_seen_ns[recipient] == 0)
        mx->first_seen_ns[recipient] = now;
    return now - mx->first_seen_ns[recipient] < connection->persona.greylist_ns;
}

static void reply_rcpt(struct mx_connection *connection, uint32_t recipient, uint16_t code,
                       const char *enhanced, const char *text)
{
    oracle_replied(connection->mx->oracle, recipient, STAGE_RCPT, code);
    if (connection->twisted)
        oracle_twisted(connection->mx->oracle, recipient);
    mx_manners_reply(connection, code, enhanced, text);
    if (connection->twisted)
        oracle_twisted(connection->mx->oracle, recipient);
}

/* What a client that verifies has reached on this connection. */
static enum tls_level level_of(const struct mx_connection *connection)
{
    if (connection->cover.state != MX_COVER_UP)
        return TLS_LEVEL_CLEAR;
    return mx_cover_is_verified(connection->persona.tls) ? TLS_LEVEL_VERIFIED : TLS_LEVEL_ENCRYPTED;
}

void mx_transaction_rcpt(struct mx_connection *connection, struct span rest)
{
    struct span path = mx_transaction_path(&rest);
    uint32_t refused = refusal(connection, AT_RCPT);
    bool full = refused == 0 && connection->recipients_count == MX_RECIPIENTS_MAX;
    uint32_t recipient;

    connection->rcpt_count++;
    if (path.size == SIZE_MAX) {
        mx_manners_blame(connection, "RCPT that cannot be read");
        mx_manners_reply(connection, 501, "5.5.4", "what?");
        return;
    }
    recipient = oracle_look_up(connection->mx->oracle, &connection->host->ip, path);
    if (recipient != ORACLE_NONE) {
        oracle_travels(connection->mx->oracle, recipient, &connection->host->ip,
                       level_of(connection));
        if (connection->life == connection->mx->oracle->life)
            oracle_paced(connection->mx->oracle, recipient, mx_manners_now_ns(connection));
    }
    if (recipient == ORACLE_NONE) {
        mx_manners_reply(connection, 550, "5.1.1", "no such user here");
        return;
    }
    if (!connection->mail_open)
        reply_rcpt(connection, recipient, 503, "5.5.1", "MAIL first");
    else if (mx_sim_is_unknown(connection->mx, path))
        reply_rcpt(connection, recipient, 550, "5.1.1", "no such user here");
    else if (greylisted(connection, recipient))
        reply_rcpt(connection, recipient, 450, "4.7.1", "greylisted, try again");
    else if (connection->rcpt_count == connection->persona.refuse_recipient || full)
        reply_rcpt(connection, recipient, 452, "4.5.3", "too many recipients");
    else if (refused != 0)
        reply_rcpt(connection, recipient, refused == 4 ? 450 : 550,
                   refused == 4 ? "4.2.1" : "5.2.1", "mailbox not available");
    else {
        connection->recipients[connection->recipients_count++] = recipient;
        reply_rcpt(connection, recipient, 250, "2.1.5", "recipient ok");
    }
}

static void resume(struct mx_connection *connection)
{
    net_service_pause(connection->session, true);
    net_service_timer(connection->session, connection->persona.stall_ns, 0);
}

void mx_transaction_data(struct mx_connection *connection)
{
    uint32_t refused = refusal(connection, AT_DATA);

    if (!connection->mail_open) {
        mx_manners_reply(connection, 503, "5.5.1", "MAIL first");
    } else if (connection->recipients_count == 0 && prng_percent(&connection->mx->prng, 50)) {
        mx_manners_reply(connection, 554, "5.5.1", "no valid recipients");
    } else if (refused != 0) {
        reply_all(connection, STAGE_DATA, refused == 4 ? 451 : 554,
                  refused == 4 ? "4.3.0" : "5.7.1", "no data from you");
    } else {
        reply_all(connection, STAGE_DATA, 354, NULL, "go on, end with a dot");
        mx_content_begin(&connection->content);
        connection->state = MX_CONTENT;
        if (connection->persona.stall_ns > 0)
            resume(connection);
    }
    connection->alone_ns = connection->reply_ns;
}

static void accept_message(struct mx_connection *connection)
{
    oracle_accepted(
        connection->mx->oracle,
        &(struct oracle_mail){
            .server = connection->host->ip,
            .life = connection->life,
            .return_path = span_make(connection->path, connection->path_size),
            .recipients = connection->recipients,
            .recipients_count = connection->recipients_count,
            .body_hash = connection->content.body_hash,
            .message_id = span_make(connection->content.id, connection->content.id_size),
        });
}

/* Whatever becomes of the message: it is as it was announced, signed, and as it was last time. */
static void judge_content(struct mx_connection *connection)
{
    struct mx_content *content = &connection->content;
    const char *problem = connection->mx->seals ? mx_seal_judge(&content->seal) : NULL;

    if (problem != NULL)
        mx_manners_blame(connection, problem);
    if (connection->size_said != UINT64_MAX && connection->size_said != content->size)
        mx_manners_blame(connection, "content of another size than was said");
    if (!connection->twisted && connection->recipients_count == 1)
        oracle_content(connection->mx->oracle, connection->recipients[0],
                       content->seal.content_hash);
}

void mx_transaction_dot(struct mx_connection *connection)
{
    uint32_t refused = refusal(connection, AT_DOT);

    connection->state = MX_COMMANDS;
    if (connection->recipients_count > 0)
        judge_content(connection);
    if (connection->recipients_count == 0) {
        if (connection->content.size > 0)
            mx_manners_blame(connection, "content although every recipient was refused");
        mx_manners_reply(connection, 554, "5.5.1", "no valid recipients");
    } else if (mx_manners_draw(connection, connection->persona.lose_permille)) {
        mx_manners_end(connection, prng_percent(&connection->mx->prng, 50));
    } else if (refused != 0) {
        reply_all(connection, STAGE_DOT, refused == 4 ? 451 : 554, refused == 4 ? "4.3.0" : "5.6.0",
                  "content not liked");
    } else {
        accept_message(connection);
        if (mx_manners_draw(connection, connection->persona.unanswered_permille))
            mx_manners_end(connection, prng_percent(&connection->mx->prng, 50));
        else
            reply_all(connection, STAGE_DOT, 250, "2.0.0", "queued");
    }
    mx_transaction_reset(connection);
}
