#include "smtp/receive_commands.h"

#include <string.h>

#include "base/check.h"
#include "smtp/receive_path.h"

void receive_commands_reply(struct text *out, const char *line)
{
    text_add_cstr(out, line);
    text_add(out, SPAN("\r\n"));
}

static int close_session(struct receive *receive)
{
    receive->state = RECEIVE_CLOSED;
    return RECEIVE_COMMANDS_DONE;
}

int receive_commands_fault(struct receive *receive, struct text *out, const char *line)
{
    receive_commands_reply(out, line);
    if (++receive->faults_count < RECEIVE_FAULTS_MAX)
        return RECEIVE_COMMANDS_DONE;
    receive_commands_reply(out, "421 4.7.0 too many errors, good bye");
    return close_session(receive);
}

void receive_commands_forget(struct receive *receive)
{
    receive->mailing = receive->chunked = receive->oversize = false;
    receive->recipients_count = 0;
    receive->content_size = 0;
}

/* --- commands --- */

static int on_helo(struct receive *receive, struct span rest, struct text *out)
{
    if (span_trim(rest).size == 0)
        return receive_commands_fault(receive, out, "501 5.5.4 who is there?");
    receive_commands_forget(receive);
    receive->greeted = true;
    text_add(out, SPAN("250 "));
    text_add(out, receive->options.hostname);
    receive_commands_reply(out, "");
    return RECEIVE_COMMANDS_DONE;
}

static int on_ehlo(struct receive *receive, struct span rest, struct text *out)
{
    if (span_trim(rest).size == 0)
        return receive_commands_fault(receive, out, "501 5.5.4 who is there?");
    receive_commands_forget(receive);
    receive->greeted = true;
    text_add(out, SPAN("250-"));
    text_add(out, receive->options.hostname);
    receive_commands_reply(out, "");
    receive_commands_reply(out, "250-PIPELINING");
    text_add(out, SPAN("250-SIZE "));
    text_add_u64(out, receive->options.size_max);
    receive_commands_reply(out, "");
    if (receive->options.tls && !receive->secured)
        receive_commands_reply(out, "250-STARTTLS");
    receive_commands_reply(out, "250-8BITMIME");
    receive_commands_reply(out, "250-SMTPUTF8");
    receive_commands_reply(out, "250-CHUNKING");
    receive_commands_reply(out, "250 ENHANCEDSTATUSCODES");
    return RECEIVE_COMMANDS_DONE;
}

static int path_fault(struct receive *receive, enum receive_path_fault what, bool sender,
                      struct text *out)
{
    switch (what) {
    case RECEIVE_PATH_GOOD:
        break;
    case RECEIVE_PATH_SYNTAX:
        return receive_commands_fault(receive, out,
                                      "501 5.5.2 a path in angle brackets is missing");
    case RECEIVE_PATH_ADDRESS:
        return receive_commands_fault(
            receive, out, sender ? "553 5.1.7 not an address" : "553 5.1.3 not an address");
    case RECEIVE_PATH_PARAMETER:
        return receive_commands_fault(receive, out, "555 5.5.4 a parameter that was not offered");
    case RECEIVE_PATH_VALUE:
        return receive_commands_fault(receive, out, "501 5.5.4 a parameter with a bad value");
    }
    UNREACHABLE("a good path is no fault");
}

static int on_mail(struct receive *receive, struct span rest, struct text *out)
{
    struct receive_path path;
    enum receive_path_fault what;

    if (!receive->greeted)
        return receive_commands_fault(receive, out, "503 5.5.1 EHLO first");
    if (receive->mailing)
        return receive_commands_fault(receive, out, "503 5.5.1 a sender was given already");
    what = receive_path_from(rest, &path);
    if (what != RECEIVE_PATH_GOOD)
        return path_fault(receive, what, true, out);
    if (path.size > receive->options.size_max)
        return receive_commands_fault(receive, out, "552 5.3.4 the message is too large");
    if (receive->transactions_count >= receive->options.transactions_max) {
        receive_commands_reply(out, "421 4.7.0 enough messages for one session");
        return close_session(receive);
    }
    receive->transactions_count++;
    receive->mailing = true;
    receive->sender_size = (uint16_t)path.mailbox.size;
    if (path.mailbox.size > 0)
        memcpy(receive->sender, path.mailbox.data, path.mailbox.size);
    receive_commands_reply(out, "250 2.1.0 ok");
    return RECEIVE_COMMANDS_DONE;
}

static int on_rcpt(struct receive *receive, struct span rest, struct text *out)
{
    struct receive_path path;
    enum receive_path_fault what;

    if (!receive->mailing || receive->chunked)
        return receive_commands_fault(receive, out, "503 5.5.1 MAIL first");
    what = receive_path_to(rest, &path);
    if (what != RECEIVE_PATH_GOOD)
        return path_fault(receive, what, false, out);
    if (receive->recipients_count >= receive->options.recipients_max)
        return receive_commands_fault(receive, out, "452 4.5.3 too many recipients");
    receive->recipient_size = (uint16_t)path.mailbox.size;
    memcpy(receive->recipient, path.mailbox.data, path.mailbox.size);
    receive->asked = RECEIVE_ASKED_RECIPIENT;
    return RECEIVE_WANT_RECIPIENT;
}

static int on_data(struct receive *receive, struct span rest, struct text *out)
{
    if (span_trim(rest).size > 0)
        return receive_commands_fault(receive, out, "501 5.5.4 DATA takes no argument");
    if (!receive->mailing || receive->chunked)
        return receive_commands_fault(receive, out, "503 5.5.1 MAIL and RCPT first");
    if (receive->recipients_count == 0)
        return receive_commands_fault(receive, out, "554 5.5.1 no valid recipients");
    receive->body = (struct receive_body){RECEIVE_BODY_START};
    receive->state = RECEIVE_CONTENT;
    receive_commands_reply(out, "354 go on, end with a dot");
    return RECEIVE_COMMANDS_DONE;
}

/* Its octets follow whatever the answer is (RFC 3030 2): they must be read past. */
static int on_bdat(struct receive *receive, struct span rest, struct text *out)
{
    struct span size_word, last;
    uint64_t size;

    rest = span_trim(rest);
    size_word = span_word(&rest);
    last = span_trim(rest);
    if (!span_number(size_word, INT64_MAX, &size) ||
        (last.size > 0 && !span_equal_nocase(last, SPAN("LAST")))) {
        receive_commands_reply(out, "501 5.5.4 BDAT wants a size");
        return close_session(receive); /* where the next command begins cannot be known */
    }
    receive->chunk_left = size;
    receive->chunk_last = last.size > 0;
    receive->chunk_void = !receive->mailing || receive->recipients_count == 0;
    receive->state = RECEIVE_CHUNK;
    if (receive->chunk_void)
        return receive_commands_fault(receive, out,
                                      receive->mailing ? "554 5.5.1 no valid recipients"
                                                       : "503 5.5.1 MAIL and RCPT first");
    receive->chunked = true;
    if (size > receive->options.size_max - receive->content_size)
        receive->oversize = true;
    return RECEIVE_COMMANDS_DONE;
}

static int on_rset(struct receive *receive, struct span rest, struct text *out)
{
    (void)rest; /* as the sinks of the field: an argument does no harm */
    receive_commands_forget(receive);
    receive_commands_reply(out, "250 2.0.0 ok");
    return RECEIVE_COMMANDS_DONE;
}

static int on_starttls(struct receive *receive, struct span rest, struct text *out)
{
    if (!receive->options.tls)
        return receive_commands_fault(receive, out, "502 5.5.1 not offered");
    if (receive->secured)
        return receive_commands_fault(receive, out, "503 5.5.1 TLS stands already");
    if (span_trim(rest).size > 0)
        return receive_commands_fault(receive, out, "501 5.5.4 STARTTLS takes no argument");
    receive->state = RECEIVE_SECURING;
    return RECEIVE_COMMANDS_DONE;
}

static int on_quit(struct receive *receive, struct span rest, struct text *out)
{
    (void)rest;
    receive_commands_reply(out, "221 2.0.0 good bye");
    return close_session(receive);
}

static int on_noop(struct receive *receive, struct span rest, struct text *out)
{
    (void)receive, (void)rest;
    receive_commands_reply(out, "250 2.0.0 ok");
    return RECEIVE_COMMANDS_DONE;
}

static int on_vrfy(struct receive *receive, struct span rest, struct text *out)
{
    (void)rest;
    return receive_commands_fault(receive, out, "252 2.5.2 send it and see");
}

static int on_help(struct receive *receive, struct span rest, struct text *out)
{
    (void)receive, (void)rest;
    receive_commands_reply(out, "214 2.0.0 RFC 5321");
    return RECEIVE_COMMANDS_DONE;
}

static const struct {
    struct span verb;
    int (*take)(struct receive *receive, struct span rest, struct text *out);
} commands[] = {
    {SPAN_INIT("EHLO"), on_ehlo}, {SPAN_INIT("HELO"), on_helo},
    {SPAN_INIT("MAIL"), on_mail}, {SPAN_INIT("RCPT"), on_rcpt},
    {SPAN_INIT("DATA"), on_data}, {SPAN_INIT("BDAT"), on_bdat},
    {SPAN_INIT("RSET"), on_rset}, {SPAN_INIT("NOOP"), on_noop},
    {SPAN_INIT("QUIT"), on_quit}, {SPAN_INIT("VRFY"), on_vrfy},
    {SPAN_INIT("HELP"), on_help}, {SPAN_INIT("STARTTLS"), on_starttls},
};

int receive_commands_take(struct receive *receive, struct span line, struct text *out)
{
    struct span rest = line;
    struct span verb = span_word(&rest);

    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (span_equal_nocase(verb, commands[i].verb))
            return commands[i].take(receive, rest, out);
    return receive_commands_fault(receive, out, "500 5.5.2 not a command of this server");
}
