/* Commands of a simulated mail server, read by RFC 5321 and RFC 2920. */
#include "sim/mx_session.h"

#include <string.h>

#include "sim/mx_transaction.h"

#define COMMAND_MAX 512 /* RFC 5321 4.5.3.1.4, with its CRLF */

/* --- commands --- */

static void on_ehlo(struct mx_connection *connection)
{
    const struct mx_persona *persona = &connection->persona;

    if (persona->helo_only) {
        mx_manners_reply(connection, 502, "5.5.1", "what?");
        connection->alone_ns = connection->reply_ns;
        return;
    }
    mx_transaction_reset(connection);
    connection->greeted = true;
    connection->pipelining = persona->pipelining;
    connection->eight_bit = persona->eight_bit;
    connection->sizes = persona->size_max > 0;
    mx_manners_offer(connection);
    connection->alone_ns = connection->reply_ns;
}

static void on_helo(struct mx_connection *connection)
{
    mx_transaction_reset(connection);
    connection->greeted = true;
    connection->pipelining = false;
    connection->eight_bit = false;
    connection->sizes = false;
    mx_manners_reply(connection, 250, NULL, "mx.test");
    connection->alone_ns = connection->reply_ns;
}

static void on_starttls(struct mx_connection *connection)
{
    mx_transaction_reset(connection);
    mx_manners_starttls(connection);
    connection->alone_ns = connection->reply_ns;
}

/* Whether the command may come now; else it is blamed. */
static void check_turn(struct mx_connection *connection)
{
    uint64_t now = mx_manners_now_ns(connection);

    if (now < connection->alone_ns)
        mx_manners_blame(connection, "a command before the answer that it must wait for");
    else if (!connection->pipelining && now < connection->reply_ns)
        mx_manners_blame(connection, "pipelining that was not offered");
}

static void run_command(struct mx_connection *connection, struct span line)
{
    struct span rest = line;
    struct span verb = span_word(&rest);

    rest = span_trim(rest);
    if (span_equal_nocase(verb, SPAN("EHLO")))
        on_ehlo(connection);
    else if (span_equal_nocase(verb, SPAN("HELO")))
        on_helo(connection);
    else if (span_equal_nocase(line, SPAN("STARTTLS")))
        on_starttls(connection);
    else if (span_starts_nocase(line, SPAN("MAIL FROM:")))
        mx_transaction_mail(connection, span_skip(line, 10));
    else if (span_starts_nocase(line, SPAN("RCPT TO:")))
        mx_transaction_rcpt(connection, span_skip(line, 8));
    else if (span_equal_nocase(line, SPAN("DATA")))
        mx_transaction_data(connection);
    else if (span_equal_nocase(line, SPAN("RSET"))) {
        mx_transaction_reset(connection);
        mx_manners_reply(connection, 250, "2.0.0", "reset");
    } else if (span_equal_nocase(line, SPAN("NOOP"))) {
        mx_manners_reply(connection, 250, "2.0.0", "ok");
    } else if (span_equal_nocase(line, SPAN("QUIT"))) {
        mx_manners_reply(connection, 221, "2.0.0", "bye");
        mx_manners_end(connection, false);
    } else {
        mx_manners_blame(connection, "a command that is none");
        mx_manners_reply(connection, 500, "5.5.2", "what?");
    }
}

/* One reply too few: says nothing, and never saw the command. */
static void overlook(struct mx_connection *connection, struct span line)
{
    struct span rest = span_skip(line, 8);
    struct span path;
    uint32_t recipient;

    mx_manners_twist(connection);
    if (!span_starts_nocase(line, SPAN("RCPT TO:")))
        return;
    path = mx_transaction_path(&rest);
    recipient = path.size == SIZE_MAX
                    ? ORACLE_NONE
                    : oracle_look_up(connection->mx->oracle, &connection->host->ip, path);
    if (recipient != ORACLE_NONE)
        oracle_twisted(connection->mx->oracle, recipient);
}

static void on_line(struct mx_connection *connection)
{
    struct mx_persona *persona = &connection->persona;
    struct span line = span_make(connection->line, connection->line_size);

    connection->mx->commands_count++;
    connection->commands_count++;
    check_turn(connection);
    if (line.size + 2 > COMMAND_MAX)
        mx_manners_blame(connection, "a command of more than 512 octets");
    if (span_find_byte(line, '\r') != SPAN_NOT_FOUND || span_find_byte(line, 0) != SPAN_NOT_FOUND)
        mx_manners_blame(connection, "a control character in a command");
    if (persona->close_command > 0 && connection->commands_count >= persona->close_command) {
        mx_manners_close_421(connection);
    } else if (mx_manners_draw(connection, persona->drop_permille)) {
        mx_manners_end(connection, false);
    } else if (mx_manners_draw(connection, persona->reset_permille)) {
        mx_manners_end(connection, true);
    } else if (!connection->twisted && mx_manners_draw(connection, persona->short_reply_permille)) {
        overlook(connection, line);
    } else {
        run_command(connection, line);
    }
}

static void take_line(struct mx_connection *connection, struct span *bytes)
{
    size_t end = span_find_byte(*bytes, '\n');
    size_t size = min_size(end == SPAN_NOT_FOUND ? bytes->size : end,
                           sizeof(connection->line) - connection->line_size);

    memcpy(connection->line + connection->line_size, bytes->data, size);
    connection->line_size += (uint32_t)size;
    if (end == SPAN_NOT_FOUND) {
        *bytes = span_skip(*bytes, bytes->size);
        return;
    }
    *bytes = span_skip(*bytes, end + 1);
    if (connection->line_size > 0 && connection->line[connection->line_size - 1] == '\r')
        connection->line_size--;
    else
        mx_manners_blame(connection, "a command that ends in a bare LF");
    on_line(connection);
    connection->line_size = 0;
}

static void read_plain(struct mx_connection *connection, struct span bytes)
{
    while (bytes.size > 0 && connection->state != MX_CLOSED) {
        if (connection->cover.state == MX_COVER_AWAITS) {
            mx_manners_blame(connection, "octets behind STARTTLS");
            return;
        }
        if (connection->state == MX_COMMANDS) {
            take_line(connection, &bytes);
            continue;
        }
        if (mx_manners_now_ns(connection) < connection->alone_ns)
            mx_manners_blame(connection, "content before 354");
        if (mx_content_take(connection, &bytes))
            mx_transaction_dot(connection);
    }
}

static void read_covered(struct mx_connection *connection, struct span bytes)
{
    while (connection->state != MX_CLOSED) {
        uint8_t buffer[4096];
        struct text plain;
        struct span part = span_first(bytes, sizeof(buffer));
        size_t before = part.size;

        text_init(&plain, buffer, sizeof(buffer));
        switch (mx_cover_read(&connection->cover, &part, &plain)) {
        case MX_COVER_NOTHING:
            if (before == part.size)
                return;
            break;
        case MX_COVER_HELLO:
            mx_manners_hello(connection);
            break;
        case MX_COVER_DATA:
            read_plain(connection, text_span(&plain));
            break;
        case MX_COVER_END:
            mx_manners_end(connection, false);
            break;
        case MX_COVER_BROKEN:
            mx_manners_blame(connection, "something else where TLS should be");
            mx_manners_end(connection, true);
            break;
        }
        bytes = span_skip(bytes, before - part.size);
    }
}

void mx_session_received(struct mx_connection *connection, struct span bytes)
{
    if (connection->cover.state == MX_COVER_CLEAR)
        read_plain(connection, bytes);
    else
        read_covered(connection, bytes);
}
