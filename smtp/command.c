#include "smtp/command.h"

#include <string.h>

#include "base/check.h"
#include "message/base64.h"

static const struct {
    const char *name;
    enum outcome_stage stage;
    uint64_t timeout_ns;
} commands[] = {
    [COMMAND_NONE] = {"nothing", STAGE_NONE, COMMAND_TIMEOUT_NONE},
    [COMMAND_GREETING] = {"the connection", STAGE_GREETING, 5 * NS_PER_MINUTE},
    [COMMAND_EHLO] = {"EHLO", STAGE_EHLO, 5 * NS_PER_MINUTE},
    [COMMAND_HELO] = {"HELO", STAGE_EHLO, 5 * NS_PER_MINUTE},
    [COMMAND_STARTTLS] = {"STARTTLS", STAGE_TLS, 2 * NS_PER_MINUTE},
    [COMMAND_HANDSHAKE] = {"the TLS handshake", STAGE_TLS, 30 * NS_PER_S},
    [COMMAND_AUTH] = {"AUTH", STAGE_EHLO, 2 * NS_PER_MINUTE},
    [COMMAND_RSET] = {"RSET", STAGE_MAIL, 5 * NS_PER_MINUTE},
    [COMMAND_MAIL] = {"MAIL", STAGE_MAIL, 5 * NS_PER_MINUTE},
    [COMMAND_RCPT] = {"RCPT", STAGE_RCPT, 5 * NS_PER_MINUTE},
    [COMMAND_DATA] = {"DATA", STAGE_DATA, 2 * NS_PER_MINUTE},
    [COMMAND_DOT] = {"the final dot", STAGE_DOT, 10 * NS_PER_MINUTE},
    [COMMAND_LONE_DOT] = {"a lone dot", STAGE_DOT, 10 * NS_PER_MINUTE},
    [COMMAND_QUIT] = {"QUIT", STAGE_NONE, 10 * NS_PER_S},
};
static_assert(ARRAY_LEN(commands) == COMMAND_COUNT, "a row for each command");

const char *command_name(enum command command)
{
    return commands[command].name;
}

enum outcome_stage command_stage(enum command command)
{
    return commands[command].stage;
}

static uint64_t given_ns(const struct command_timeouts *timeouts, enum command command)
{
    switch (command) {
    case COMMAND_GREETING:
        return timeouts->greeting_ns;
    case COMMAND_EHLO:
    case COMMAND_HELO:
        return timeouts->ehlo_ns;
    case COMMAND_RSET:
    case COMMAND_MAIL:
        return timeouts->mail_ns;
    case COMMAND_RCPT:
        return timeouts->rcpt_ns;
    case COMMAND_DATA:
        return timeouts->data_ns;
    case COMMAND_DOT:
    case COMMAND_LONE_DOT:
        return timeouts->dot_ns;
    case COMMAND_QUIT:
        return timeouts->quit_ns;
    case COMMAND_STARTTLS:
        return timeouts->starttls_ns;
    case COMMAND_HANDSHAKE:
        return timeouts->handshake_ns;
    case COMMAND_AUTH:
        return timeouts->auth_ns;
    case COMMAND_NONE:
        return 0;
    case COMMAND_COUNT:
        break;
    }
    UNREACHABLE("no such command");
}

uint64_t command_timeout_ns(const struct command_timeouts *timeouts, enum command command)
{
    uint64_t given = given_ns(timeouts, command);

    return given > 0 ? given : commands[command].timeout_ns;
}

uint64_t command_block_timeout_ns(const struct command_timeouts *timeouts)
{
    return timeouts->block_ns > 0 ? timeouts->block_ns : COMMAND_BLOCK_TIMEOUT_NS;
}

bool command_is_answer(enum command command, uint16_t code)
{
    uint32_t class = code / 100U;

    switch (command) {
    case COMMAND_GREETING:
    case COMMAND_QUIT:
        return class != 3;
    case COMMAND_EHLO:
    case COMMAND_HELO:
    case COMMAND_RSET:
    case COMMAND_MAIL:
    case COMMAND_RCPT:
    case COMMAND_DOT:
    case COMMAND_LONE_DOT:
        return class != 3 && code != 220 && code != 221;
    case COMMAND_DATA:
        return class != 2;
    case COMMAND_STARTTLS: /* 220 alone lets the handshake begin */
        return code == 220 || class > 3;
    case COMMAND_AUTH:
        return code == 235 || code == 334 || class > 3;
    case COMMAND_HANDSHAKE:
    case COMMAND_NONE:
    case COMMAND_COUNT:
        break;
    }
    UNREACHABLE("no such command");
}

/* Whether the byte may stand in a path; tracks quoted strings (RFC 5321 4.1.2). */
static bool path_byte_is_safe(uint8_t byte, bool *quoted, bool *escaped)
{
    if (byte < ' ' || byte == 0x7f)
        return false;
    if (*escaped) {
        *escaped = false;
        return true;
    }
    if (byte == '"')
        *quoted = !*quoted;
    else if (*quoted)
        *escaped = byte == '\\';
    else
        return byte != ' ' && byte != '<' && byte != '>' && byte != '\\';
    return true;
}

bool command_path_is_safe(struct span path, bool utf8)
{
    bool quoted = false;
    bool escaped = false;

    if (path.size > COMMAND_ADDRESS_MAX)
        return false;
    for (size_t i = 0; i < path.size; i++) {
        if (!path_byte_is_safe(path.data[i], &quoted, &escaped))
            return false;
    }
    return !quoted && (span_is_ascii(path) || (utf8 && span_is_utf8(path)));
}

enum command_fault command_judge(const struct envelope *envelope, const struct ehlo *ehlo)
{
    bool eight_bit = envelope->eight_bit || envelope->utf8;

    if (!command_path_is_safe(envelope->return_path, envelope->utf8))
        return COMMAND_FAULT_RETURN_PATH;
    if (envelope->recipient.size == 0 || !command_path_is_safe(envelope->recipient, envelope->utf8))
        return COMMAND_FAULT_RECIPIENT;
    if (envelope->utf8 && !ehlo_offers(ehlo, EHLO_SMTPUTF8))
        return COMMAND_FAULT_UTF8;
    if (eight_bit && !ehlo_offers(ehlo, EHLO_8BITMIME))
        return COMMAND_FAULT_EIGHT_BIT;
    if (ehlo->size_max > 0 && envelope->size > ehlo->size_max)
        return COMMAND_FAULT_SIZE;
    if (envelope->require_tls && !ehlo_offers(ehlo, EHLO_REQUIRETLS))
        return COMMAND_FAULT_REQUIRETLS;
    return COMMAND_FAULT_NONE;
}

const char *command_fault_text(enum command_fault fault)
{
    static const char *const texts[] = {
        "",
        "the return path cannot stand in a command",
        "the recipient's address cannot stand in a command",
        "the server does not take addresses outside ASCII (SMTPUTF8)",
        "the server does not take 8-bit content (8BITMIME)",
        "the message is over the server's size limit",
        "5.7.30 the message demands REQUIRETLS and the server does not offer it",
    };
    static_assert(ARRAY_LEN(texts) == COMMAND_FAULT_COUNT, "a text for each fault");

    return texts[fault];
}

void command_ehlo(struct text *out, struct span hostname)
{
    text_add(out, SPAN("EHLO "));
    text_add(out, span_first(hostname, COMMAND_HOSTNAME_MAX));
    text_add(out, SPAN("\r\n"));
}

void command_helo(struct text *out, struct span hostname)
{
    text_add(out, SPAN("HELO "));
    text_add(out, span_first(hostname, COMMAND_HOSTNAME_MAX));
    text_add(out, SPAN("\r\n"));
}

void command_starttls(struct text *out)
{
    text_add(out, SPAN("STARTTLS\r\n"));
}

void command_auth_plain(struct text *out, struct span user, struct span password)
{
    uint8_t buffer[2 * COMMAND_CREDENTIAL_MAX + 2];
    struct text words;

    text_init(&words, buffer, sizeof(buffer));
    text_add_byte(&words, 0);
    text_add(&words, user);
    text_add_byte(&words, 0);
    text_add(&words, password);
    text_add(out, SPAN("AUTH PLAIN "));
    base64_encode(text_span(&words), out);
    text_add(out, SPAN("\r\n"));
    explicit_bzero(buffer, sizeof(buffer));
}

void command_auth_login(struct text *out)
{
    text_add(out, SPAN("AUTH LOGIN\r\n"));
}

void command_auth_answer(struct text *out, struct span word)
{
    base64_encode(word, out);
    text_add(out, SPAN("\r\n"));
}

void command_mail(struct text *out, const struct envelope *envelope, const struct ehlo *ehlo)
{
    text_add(out, SPAN("MAIL FROM:<"));
    text_add(out, envelope->return_path);
    text_add_byte(out, '>');
    if (ehlo_offers(ehlo, EHLO_SIZE)) {
        text_add(out, SPAN(" SIZE="));
        text_add_u64(out, envelope->size);
    }
    if (envelope->eight_bit || envelope->utf8)
        text_add(out, SPAN(" BODY=8BITMIME"));
    if (envelope->utf8)
        text_add(out, SPAN(" SMTPUTF8"));
    if (envelope->require_tls)
        text_add(out, SPAN(" REQUIRETLS"));
    text_add(out, SPAN("\r\n"));
}

void command_rcpt(struct text *out, struct span recipient)
{
    text_add(out, SPAN("RCPT TO:<"));
    text_add(out, recipient);
    text_add(out, SPAN(">\r\n"));
}

void command_data(struct text *out)
{
    text_add(out, SPAN("DATA\r\n"));
}

void command_dot(struct text *out)
{
    text_add(out, SPAN(".\r\n"));
}

void command_rset(struct text *out)
{
    text_add(out, SPAN("RSET\r\n"));
}

void command_quit(struct text *out)
{
    text_add(out, SPAN("QUIT\r\n"));
}
