#include "bench/receiver_command.h"

#include "bench/receiver_reply.h"

/* Four letters as a number, in upper case. */
#define VERB(a, b, c, d)                                                                           \
    ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

void receiver_command_reset(struct receiver *receiver)
{
    receiver->in_mail = false;
    receiver->chunked = false;
    receiver->chunk_refused = false;
    receiver->body_rule_done = false;
    receiver->recipients_count = 0;
    receiver->recipient_persona = NULL;
    text_reset(&receiver->return_path);
    text_reset(&receiver->recipients);
}

enum receiver_state receiver_command_greeting(struct receiver *receiver, struct text *out)
{
    (void)receiver_reply_to(receiver, PERSONA_GREETING, out, "220 ringpost-bench ESMTP sink");
    return receiver_reply_next(receiver, RECEIVER_COMMAND);
}

static bool offers_tls(const struct receiver *receiver)
{
    const struct persona *persona = receiver->persona;

    return receiver->options->starttls && !receiver->secure &&
           (persona == NULL || (!persona->no_starttls && !persona->no_extensions));
}

/* RFC 3207 4.2. Octets behind the command are no plaintext that could ever be used. */
static enum receiver_state on_starttls(struct receiver *receiver, bool more, struct text *out)
{
    const struct persona *persona = receiver->persona;

    if (!offers_tls(receiver))
        return receiver_reply_complain(receiver, out, "502 5.5.1 STARTTLS was not offered");
    if (receiver->in_mail || more)
        return receiver_reply_complain(receiver, out,
                                       "503 5.5.1 not within a transaction, and nothing behind it");
    if (receiver_reply_to(receiver, PERSONA_STARTTLS, out, "220 2.0.0 go ahead") != 220)
        return receiver_reply_next(receiver, RECEIVER_COMMAND);
    return receiver_reply_next(
        receiver, persona != NULL && persona->no_handshake ? RECEIVER_SILENT : RECEIVER_SECURING);
}

static void write_ehlo(const struct receiver *receiver, struct text *out)
{
    const struct persona *persona = receiver->persona;

    text_add_cstr(out, "250-ringpost-bench\r\n");
    if (!receiver->options->no_pipelining && (persona == NULL || !persona->no_pipelining))
        text_add_cstr(out, "250-PIPELINING\r\n");
    if (!receiver->options->no_chunking && (persona == NULL || !persona->no_chunking))
        text_add_cstr(out, "250-CHUNKING\r\n");
    if (offers_tls(receiver))
        text_add_cstr(out, "250-STARTTLS\r\n");
    text_add_cstr(out, "250-SIZE 1073741824\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n");
}

static enum receiver_state on_ehlo(struct receiver *receiver, struct text *out, bool extended)
{
    enum persona_step step = extended ? PERSONA_EHLO : PERSONA_HELO;
    bool bare = receiver->persona != NULL && receiver->persona->no_extensions;
    const struct persona_rule *rule = receiver_reply_rule(receiver, step);
    bool usual = rule == NULL || receiver->steps[step] < rule->after;

    receiver_command_reset(receiver);
    if (extended && usual && !bare) {
        receiver->steps[step]++;
        receiver->greeted = true;
        receiver->extended = true;
        write_ehlo(receiver, out);
        return RECEIVER_COMMAND;
    }
    if (receiver_reply_to(receiver, step, out, "250 ringpost-bench") / 100 == 2) {
        receiver->greeted = true;
        receiver->extended = extended;
    }
    return receiver_reply_next(receiver, RECEIVER_COMMAND);
}

/* "FROM:<path> parameters": the path without its brackets, and what stands behind it. */
static bool take_path(struct span *rest, struct span keyword, struct span *ret_path)
{
    bool quoted = false;
    size_t at = 1;

    *rest = span_trim(*rest);
    if (!span_starts_nocase(*rest, keyword))
        return false;
    *rest = span_trim(span_skip(*rest, keyword.size));
    if (rest->size < 2 || rest->data[0] != '<')
        return false;
    while (at < rest->size && (quoted || rest->data[at] != '>')) {
        quoted ^= rest->data[at] == '"';
        at += quoted && rest->data[at] == '\\' ? 2 : 1;
    }
    if (at >= rest->size)
        return false;
    *ret_path = span_slice(*rest, 1, at - 1);
    *rest = span_skip(*rest, at + 1);
    return true;
}

/* The parameters of MAIL that the sink offers. */
static bool known_parameters(struct span rest)
{
    struct span word = span_word(&rest);
    uint64_t size;

    while (word.size > 0) {
        bool known = span_equal_nocase(word, SPAN("BODY=8BITMIME")) ||
                     span_equal_nocase(word, SPAN("BODY=7BIT")) ||
                     (span_starts_nocase(word, SPAN("SIZE=")) &&
                      span_number(span_skip(word, 5), UINT64_MAX, &size));

        if (!known)
            return false;
        word = span_word(&rest);
    }
    return true;
}

static enum receiver_state on_mail(struct receiver *receiver, struct span rest, struct text *out)
{
    struct span path;

    if (!receiver->greeted)
        return receiver_reply_complain(receiver, out, "503 5.5.1 EHLO first");
    if (receiver->in_mail)
        return receiver_reply_complain(receiver, out, "503 5.5.1 nested MAIL");
    if (!take_path(&rest, SPAN("FROM:"), &path))
        return receiver_reply_complain(receiver, out, "501 5.5.4 MAIL FROM:<address> is expected");
    if (!known_parameters(rest) || (rest.size > 0 && !receiver->extended))
        return receiver_reply_complain(receiver, out, "555 5.5.4 unknown parameter");
    receiver_command_reset(receiver);
    if (receiver_reply_to(receiver, PERSONA_MAIL, out, "250 2.1.0 ok") / 100 == 2) {
        receiver->in_mail = true;
        text_add(&receiver->return_path, path);
    }
    return receiver_reply_next(receiver, RECEIVER_COMMAND);
}

static bool drawn_for_rejection(struct receiver *receiver)
{
    return receiver->options->reject_code != 0 &&
           prng_percent(receiver->prng, receiver->options->reject_percent);
}

static void write_rejection(struct receiver *receiver, struct text *out)
{
    uint16_t code = receiver->options->reject_code;

    text_add_u64(out, code);
    text_add_byte(out, ' ');
    text_add_u64(out, code / 100);
    text_add_cstr(out, code / 100 == 4 ? ".2.0 try again later\r\n" : ".1.1 user unknown\r\n");
    receiver->rejected_count++;
}

static void add_recipient(struct receiver *receiver, struct span path)
{
    text_add(&receiver->recipients, path);
    text_add_byte(&receiver->recipients, 0);
    receiver->recipients_count++;
}

static enum receiver_state on_rcpt(struct receiver *receiver, struct span rest, struct text *out)
{
    const struct persona *persona;
    struct span path;

    if (!receiver->in_mail)
        return receiver_reply_complain(receiver, out, "503 5.5.1 MAIL first");
    if (!take_path(&rest, SPAN("TO:"), &path) || path.size == 0)
        return receiver_reply_complain(receiver, out, "501 5.5.4 RCPT TO:<address> is expected");
    if (span_trim(rest).size > 0)
        return receiver_reply_complain(receiver, out, "555 5.5.4 unknown parameter");
    if (receiver->recipients_count == RECEIVER_RECIPIENTS_MAX ||
        text_room(&receiver->recipients) <= path.size) {
        receiver_reply_usual(receiver, out, "452 4.5.3 too many recipients");
        return RECEIVER_COMMAND;
    }
    persona = persona_for_recipient(receiver->options->personas, path, prng_next(receiver->prng));
    if (persona != NULL)
        receiver->recipient_persona = persona;
    if (drawn_for_rejection(receiver)) {
        write_rejection(receiver, out);
        return RECEIVER_COMMAND;
    }
    if (receiver_reply_to(receiver, PERSONA_RCPT, out, "250 2.1.5 ok") / 100 == 2)
        add_recipient(receiver, path);
    else
        receiver->rejected_count++;
    return receiver_reply_next(receiver, RECEIVER_COMMAND);
}

static enum receiver_state on_data(struct receiver *receiver, bool more, struct text *out)
{
    uint16_t code;

    if (!receiver->in_mail || receiver->chunked)
        return receiver_reply_complain(receiver, out, "503 5.5.1 MAIL and RCPT first");
    if (more)
        receiver->protocol_errors++; /* content before the 354 */
    code = receiver_reply_to(receiver, PERSONA_DATA, out,
                             receiver->recipients_count > 0 ? "354 go on, end with CRLF . CRLF"
                                                            : "554 5.5.1 no valid recipients");
    if (code / 100 != 3)
        return receiver_reply_next(receiver, RECEIVER_COMMAND);
    unstuff_init(&receiver->unstuff);
    digest_init(&receiver->digest, receiver->options->hashing);
    return receiver_reply_next(receiver, RECEIVER_CONTENT);
}

enum receiver_state receiver_command_dot(struct receiver *receiver, struct text *out)
{
    bool valid = receiver->recipients_count > 0;
    uint16_t code = receiver_reply_to(
        receiver, PERSONA_DOT, out, valid ? "250 2.0.0 accepted" : "554 5.5.1 no valid recipients");

    if (valid && code / 100 == 2) {
        receiver->after_message = receiver_reply_next(receiver, RECEIVER_COMMAND);
        return RECEIVER_MESSAGE;
    }
    receiver_command_reset(receiver);
    return receiver_reply_next(receiver, RECEIVER_COMMAND);
}

enum receiver_state receiver_command_chunk_end(struct receiver *receiver, struct text *out)
{
    if (receiver->chunk_refused) {
        receiver_reply_usual(receiver, out, "503 5.5.1 MAIL and RCPT first");
        return RECEIVER_COMMAND;
    }
    if (receiver->chunk_last)
        return receiver_command_dot(receiver, out);
    receiver_reply_usual(receiver, out, "250 2.0.0 octets received");
    return RECEIVER_COMMAND;
}

/* RFC 3030: BDAT without valid recipients is answered 503 after its octets; that is no fault of a
 * client that pipelines. */
static enum receiver_state on_bdat(struct receiver *receiver, struct span rest, struct text *out)
{
    bool offered = !receiver->options->no_chunking &&
                   (receiver->persona == NULL || !receiver->persona->no_chunking);
    struct span last;
    uint64_t size;

    if (!span_number(span_word(&rest), UINT64_MAX, &size))
        return receiver_reply_complain(receiver, out, "501 5.5.4 BDAT size is expected");
    last = span_word(&rest);
    if (!offered)
        return receiver_reply_complain(receiver, out, "502 5.5.1 CHUNKING was not offered");
    receiver->chunk_left = size;
    receiver->chunk_last = span_equal_nocase(last, SPAN("LAST"));
    receiver->chunk_refused = !receiver->in_mail || receiver->recipients_count == 0;
    if (!receiver->chunked && !receiver->chunk_refused)
        digest_init(&receiver->digest, receiver->options->hashing);
    receiver->chunked = !receiver->chunk_refused;
    return size > 0 ? RECEIVER_CHUNK : receiver_command_chunk_end(receiver, out);
}

static enum receiver_state on_simple(struct receiver *receiver, enum persona_step step,
                                     struct text *out)
{
    if (step == PERSONA_QUIT) {
        receiver->in_mail = false;
        (void)receiver_reply_to(receiver, step, out, "221 2.0.0 bye");
        return receiver_reply_next(receiver, RECEIVER_CLOSING);
    }
    receiver_command_reset(receiver);
    (void)receiver_reply_to(receiver, step, out, "250 2.0.0 ok");
    return receiver_reply_next(receiver, RECEIVER_COMMAND);
}

static uint32_t verb_of(struct span word)
{
    uint32_t verb = 0;

    if (word.size != 4)
        return 0;
    for (size_t i = 0; i < 4; i++)
        verb = verb << 8 | (span_lower_byte(word.data[i]) & 0xdfu);
    return verb;
}

enum receiver_state receiver_command(struct receiver *receiver, struct span line, bool more,
                                     struct text *out)
{
    struct span word = span_word(&line);

    if (receiver->line_too_long)
        return receiver_reply_complain(receiver, out, "500 5.5.2 line too long");
    if (span_find_byte(line, 0) != SPAN_NOT_FOUND || span_find_byte(line, '\r') != SPAN_NOT_FOUND)
        return receiver_reply_complain(receiver, out,
                                       "500 5.5.2 a control character in the command");
    if (span_equal_nocase(word, SPAN("STARTTLS")))
        return on_starttls(receiver, more, out);
    switch (verb_of(word)) {
    case VERB('E', 'H', 'L', 'O'):
        return on_ehlo(receiver, out, true);
    case VERB('H', 'E', 'L', 'O'):
        return on_ehlo(receiver, out, false);
    case VERB('M', 'A', 'I', 'L'):
        return on_mail(receiver, line, out);
    case VERB('R', 'C', 'P', 'T'):
        return on_rcpt(receiver, line, out);
    case VERB('D', 'A', 'T', 'A'):
        return on_data(receiver, more, out);
    case VERB('B', 'D', 'A', 'T'):
        return on_bdat(receiver, line, out);
    case VERB('R', 'S', 'E', 'T'):
        return on_simple(receiver, PERSONA_RSET, out);
    case VERB('Q', 'U', 'I', 'T'):
        return on_simple(receiver, PERSONA_QUIT, out);
    case VERB('N', 'O', 'O', 'P'):
        receiver_reply_usual(receiver, out, "250 2.0.0 ok");
        return RECEIVER_COMMAND;
    case VERB('V', 'R', 'F', 'Y'):
        receiver_reply_usual(receiver, out, "252 2.0.0 send some mail");
        return RECEIVER_COMMAND;
    default:
        return receiver_reply_complain(receiver, out, "502 5.5.1 command not recognised");
    }
}
