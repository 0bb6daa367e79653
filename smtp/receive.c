#include "smtp/receive.h"

#include <string.h>

#include "base/check.h"
#include "smtp/receive_commands.h"

/* --- states --- */

static void greet(struct receive *receive, struct text *out)
{
    text_add(out, receive->options.busy ? SPAN("421 ") : SPAN("220 "));
    text_add(out, receive->options.hostname);
    receive_commands_reply(out, receive->options.busy ? " 4.3.2 too many sessions, try again later"
                                                      : " ESMTP");
    receive->state = receive->options.busy ? RECEIVE_CLOSED : RECEIVE_COMMANDS;
}

static int step_commands(struct receive *receive, struct span *input, struct text *out)
{
    struct span line;

    switch (receive_line_take(&receive->line, input, &line)) {
    case RECEIVE_LINE_PART:
        return RECEIVE_WANT_INPUT;
    case RECEIVE_LINE_WHOLE:
        return receive_commands_take(receive, line, out);
    case RECEIVE_LINE_BROKEN:
        return receive_commands_fault(receive, out,
                                      "500 5.5.2 a line ends with CRLF and holds no NUL");
    case RECEIVE_LINE_LONG:
        return receive_commands_fault(receive, out, "500 5.5.2 the line is too long");
    }
    UNREACHABLE("line state");
}

/* The message is complete: asks for the verdict, or says that there can be none. */
static int end_content(struct receive *receive, struct text *out)
{
    receive->state = RECEIVE_COMMANDS;
    if (receive->oversize) {
        receive_commands_forget(receive);
        return receive_commands_fault(receive, out, "552 5.3.4 the message is too large");
    }
    receive->asked = RECEIVE_ASKED_MESSAGE;
    return RECEIVE_WANT_VERDICT;
}

static int take_piece(struct receive *receive, struct span piece)
{
    if (piece.size > receive->options.size_max - receive->content_size)
        receive->oversize = true;
    if (receive->oversize)
        return RECEIVE_COMMANDS_DONE;
    receive->content_size += piece.size;
    receive->piece = piece;
    return RECEIVE_WANT_CONTENT;
}

static int step_content(struct receive *receive, struct span *input, struct text *out)
{
    struct span piece = {NULL, 0};

    switch (receive_body_take(&receive->body, input, &piece)) {
    case RECEIVE_BODY_MORE:
        return RECEIVE_WANT_INPUT;
    case RECEIVE_BODY_PIECE:
        return take_piece(receive, piece);
    case RECEIVE_BODY_END:
        return end_content(receive, out);
    }
    UNREACHABLE("body state");
}

static int end_chunk(struct receive *receive, struct text *out)
{
    receive->state = RECEIVE_COMMANDS;
    if (receive->chunk_void)
        return RECEIVE_COMMANDS_DONE;
    if (receive->chunk_last || receive->oversize)
        return end_content(receive, out);
    receive_commands_reply(out, "250 2.0.0 ok");
    return RECEIVE_COMMANDS_DONE;
}

static int step_chunk(struct receive *receive, struct span *input, struct text *out)
{
    struct span piece;

    if (receive->chunk_left == 0)
        return end_chunk(receive, out);
    if (input->size == 0)
        return RECEIVE_WANT_INPUT;
    piece = span_first(*input, receive->chunk_left);
    *input = span_skip(*input, piece.size);
    receive->chunk_left -= piece.size;
    return receive->chunk_void ? RECEIVE_COMMANDS_DONE : take_piece(receive, piece);
}

/* RFC 3207 4.2, and the attack of CVE-2011-0411: what came in clear behind STARTTLS is no command
 * of the secured session. */
static int step_securing(struct receive *receive, const struct span *input, struct text *out)
{
    if (input->size > 0) {
        receive_commands_reply(out, "503 5.5.1 nothing may follow STARTTLS");
        receive->state = RECEIVE_CLOSED;
        return RECEIVE_COMMANDS_DONE;
    }
    receive_commands_reply(out, "220 2.0.0 go on");
    receive->asked = RECEIVE_ASKED_TLS;
    return RECEIVE_WANT_TLS;
}

static int step_once(struct receive *receive, struct span *input, struct text *out)
{
    switch (receive->state) {
    case RECEIVE_GREETING:
        greet(receive, out);
        return RECEIVE_COMMANDS_DONE;
    case RECEIVE_COMMANDS:
        return step_commands(receive, input, out);
    case RECEIVE_CONTENT:
        return step_content(receive, input, out);
    case RECEIVE_CHUNK:
        return step_chunk(receive, input, out);
    case RECEIVE_SECURING:
        return step_securing(receive, input, out);
    case RECEIVE_CLOSED:
        return RECEIVE_WANT_CLOSE;
    }
    UNREACHABLE("receive state");
}

enum receive_want receive_step(struct receive *receive, struct span *input, struct text *out)
{
    int want = RECEIVE_COMMANDS_DONE;

    CHECK(receive->asked == RECEIVE_ASKED_NOTHING);
    while (want == RECEIVE_COMMANDS_DONE) {
        if (receive->state == RECEIVE_CLOSED)
            return RECEIVE_WANT_CLOSE;
        if (text_room(out) < RECEIVE_REPLY_MAX)
            return RECEIVE_WANT_INPUT;
        want = step_once(receive, input, out);
    }
    return (enum receive_want)want;
}

/* --- answers --- */

static void answer_recipient(struct receive *receive, enum receive_verdict verdict,
                             struct text *out)
{
    switch (verdict) {
    case RECEIVE_ACCEPT:
        receive->recipients_count++;
        receive_commands_reply(out, "250 2.1.5 ok");
        return;
    case RECEIVE_UNKNOWN:
        (void)receive_commands_fault(receive, out, "550 5.1.1 nobody of that name here");
        return;
    case RECEIVE_REFUSE:
        (void)receive_commands_fault(receive, out, "554 5.7.1 not for this recipient");
        return;
    case RECEIVE_LATER:
        receive_commands_reply(out, "451 4.3.0 not now, try again later");
        return;
    }
    UNREACHABLE("receive verdict");
}

static void answer_message(struct receive *receive, enum receive_verdict verdict, struct text *out)
{
    receive_commands_forget(receive);
    switch (verdict) {
    case RECEIVE_ACCEPT:
        receive_commands_reply(out, "250 2.0.0 taken");
        return;
    case RECEIVE_UNKNOWN:
    case RECEIVE_REFUSE:
        (void)receive_commands_fault(receive, out, "554 5.7.1 refused");
        return;
    case RECEIVE_LATER:
        receive_commands_reply(out, "451 4.3.0 not now, try again later");
        return;
    }
    UNREACHABLE("receive verdict");
}

void receive_answer(struct receive *receive, enum receive_verdict verdict, struct text *out)
{
    enum receive_asked asked = receive->asked;

    CHECK(asked == RECEIVE_ASKED_RECIPIENT || asked == RECEIVE_ASKED_MESSAGE);
    receive->asked = RECEIVE_ASKED_NOTHING;
    if (asked == RECEIVE_ASKED_RECIPIENT)
        answer_recipient(receive, verdict, out);
    else
        answer_message(receive, verdict, out);
}

void receive_secured(struct receive *receive)
{
    CHECK(receive->asked == RECEIVE_ASKED_TLS);
    receive->asked = RECEIVE_ASKED_NOTHING;
    receive_commands_forget(receive);
    receive_line_init(&receive->line);
    receive->greeted = false;
    receive->secured = true;
    receive->state = RECEIVE_COMMANDS;
}

void receive_init(struct receive *receive, const struct receive_options *options)
{
    CHECK(options->hostname.size <= 255);
    memset(receive, 0, sizeof(*receive));
    receive->options = *options;
    receive_line_init(&receive->line);
}

struct span receive_sender(const struct receive *receive)
{
    return span_make(receive->sender, receive->sender_size);
}

struct span receive_recipient(const struct receive *receive)
{
    return span_make(receive->recipient, receive->recipient_size);
}

struct span receive_piece(const struct receive *receive)
{
    return receive->piece;
}

uint32_t receive_transaction(const struct receive *receive)
{
    return receive->transactions_count;
}
