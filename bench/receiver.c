#include "bench/receiver.h"

#include <string.h>

#include "base/check.h"
#include "bench/receiver_command.h"
#include "bench/receiver_reply.h"

void receiver_init(struct receiver *receiver, const struct receiver_options *options,
                   struct prng *prng, uint8_t *line, uint8_t *envelope)
{
    memset(receiver, 0, offsetof(struct receiver, digest));
    receiver->options = options;
    receiver->prng = prng;
    text_init(&receiver->line, line, RECEIVER_LINE_MAX);
    text_init(&receiver->return_path, envelope, RECEIVER_LINE_MAX);
    text_init(&receiver->recipients, envelope + RECEIVER_LINE_MAX,
              RECEIVER_ENVELOPE_MAX - RECEIVER_LINE_MAX);
}

struct span receiver_recipient(struct span *rest)
{
    return span_split(rest, 0);
}

void receiver_gone(struct receiver *receiver)
{
    if (receiver->in_mail)
        receiver->protocol_errors++;
}

/* A reply of many lines, as far as there is room. */
static enum receiver_want write_lines(struct receiver *receiver, struct text *out)
{
    const struct persona_rule *rule = receiver->lines_rule;

    while (receiver->lines_left > 0) {
        if (text_room(out) < RECEIVER_ROOM)
            return RECEIVER_WANT_ROOM;
        text_add_u64(out, rule->code);
        text_add_byte(out, receiver->lines_left == 1 ? ' ' : '-');
        text_add(out, span_make(rule->text, rule->text_size));
        if (receiver->lines_left != PERSONA_LINES_ENDLESS)
            receiver->lines_left--;
    }
    receiver->state = receiver->next;
    return RECEIVER_WANT_INPUT;
}

/* A whole line without its end, or false. A line in one piece is not copied. */
static bool take_line(struct receiver *receiver, struct span *input, struct span *ret_line)
{
    size_t end = span_find_byte(*input, '\n');
    struct span part = span_first(*input, min_size(end, input->size));

    if (end != SPAN_NOT_FOUND && receiver->line.size == 0 && part.size <= RECEIVER_LINE_MAX) {
        *input = span_skip(*input, end + 1);
        *ret_line = part;
        return true;
    }
    text_add(&receiver->line, part);
    receiver->line_too_long |= receiver->line.overflow;
    *input = span_skip(*input, end == SPAN_NOT_FOUND ? part.size : end + 1);
    *ret_line = text_span(&receiver->line);
    return end != SPAN_NOT_FOUND;
}

static void on_command(struct receiver *receiver, struct span *input, struct text *out)
{
    struct span line;

    if (!take_line(receiver, input, &line))
        return;
    if (line.size > 0 && line.data[line.size - 1] == '\r')
        line = span_first(line, line.size - 1);
    else
        receiver->protocol_errors++; /* a bare LF */
    if (input->size > 0 && (receiver->options->no_pipelining ||
                            (receiver->persona != NULL && receiver->persona->no_pipelining)))
        receiver->protocol_errors++; /* it did not wait */
    receiver->state = receiver_command(receiver, line, input->size > 0, out);
    text_reset(&receiver->line);
    receiver->line_too_long = false;
}

/* The rule for content that comes in, once enough of it has come. */
static bool check_body_rule(struct receiver *receiver, struct text *out)
{
    const struct persona_rule *rule = receiver_reply_rule(receiver, PERSONA_BODY);

    if (rule == NULL || receiver->body_rule_done || receiver->digest.size < rule->after)
        return false;
    receiver->body_rule_done = true;
    receiver->state = receiver_reply_body_rule(receiver, rule, out);
    return receiver->state != RECEIVER_CONTENT && receiver->state != RECEIVER_CHUNK;
}

static void on_content(struct receiver *receiver, struct span *input, struct text *out)
{
    struct span piece;

    switch (unstuff_step(&receiver->unstuff, input, &piece)) {
    case UNSTUFF_PIECE:
        digest_add(&receiver->digest, piece);
        (void)check_body_rule(receiver, out); /* the state says it */
        return;
    case UNSTUFF_MORE:
        return;
    case UNSTUFF_END:
        receiver->protocol_errors += receiver->unstuff.bare_lf_count > 0;
        receiver->state = receiver_command_dot(receiver, out);
        return;
    }
    UNREACHABLE("a result of unstuff_step");
}

static void on_chunk(struct receiver *receiver, struct span *input, struct text *out)
{
    struct span piece = span_first(*input, min_u64(receiver->chunk_left, input->size));

    *input = span_skip(*input, piece.size);
    receiver->chunk_left -= piece.size;
    if (!receiver->chunk_refused) {
        digest_add(&receiver->digest, piece);
        if (check_body_rule(receiver, out))
            return;
    }
    if (receiver->chunk_left == 0)
        receiver->state = receiver_command_chunk_end(receiver, out);
}

void receiver_secured(struct receiver *receiver)
{
    receiver->secure = true;
    receiver->greeted = false;
    receiver->extended = false;
    receiver_command_reset(receiver);
    if (receiver->state == RECEIVER_SECURING)
        receiver->state = RECEIVER_COMMAND;
}

enum receiver_want receiver_step(struct receiver *receiver, struct span *input, struct text *out)
{
    for (;;) {
        if (text_room(out) < RECEIVER_ROOM)
            return RECEIVER_WANT_ROOM;
        switch (receiver->state) {
        case RECEIVER_OPENING:
            receiver->state = receiver_command_greeting(receiver, out);
            break;
        case RECEIVER_LINES:
            if (write_lines(receiver, out) == RECEIVER_WANT_ROOM)
                return RECEIVER_WANT_ROOM;
            break;
        case RECEIVER_MESSAGE:
            receiver->state = receiver->after_message;
            receiver_command_reset(receiver);
            break;
        case RECEIVER_COMMAND:
        case RECEIVER_CONTENT:
        case RECEIVER_CHUNK:
            if (input->size == 0)
                return RECEIVER_WANT_INPUT;
            if (receiver->state == RECEIVER_COMMAND)
                on_command(receiver, input, out);
            else if (receiver->state == RECEIVER_CONTENT)
                on_content(receiver, input, out);
            else
                on_chunk(receiver, input, out);
            if (receiver->state == RECEIVER_MESSAGE)
                return RECEIVER_WANT_NOTE;
            break;
        case RECEIVER_SECURING:
            return RECEIVER_WANT_TLS;
        case RECEIVER_SILENT:
            *input = span_skip(*input, input->size);
            return RECEIVER_WANT_INPUT;
        case RECEIVER_CLOSING:
            return RECEIVER_WANT_CLOSE;
        }
    }
}
