/* How a simulated mail server says things: slowly, curtly, once too often, or not at all. */
#include "sim/mx_session.h"

#include <string.h>

bool mx_manners_draw(struct mx_connection *connection, uint32_t permille)
{
    return permille > 0 && prng_below(&connection->mx->prng, 1000) < permille;
}

uint64_t mx_manners_now_ns(const struct mx_connection *connection)
{
    return net_service_net(connection->session)->timeline->now_ns;
}

void mx_manners_twist(struct mx_connection *connection)
{
    connection->twisted = true;
    for (uint32_t i = 0; i < connection->recipients_count; i++)
        oracle_twisted(connection->mx->oracle, connection->recipients[i]);
}

void mx_manners_blame(struct mx_connection *connection, const char *what)
{
    if (!connection->twisted)
        oracle_problem(connection->mx->oracle, "client: %s: %.*s", what,
                       (int)min_size(connection->line_size, 80), connection->line);
    mx_manners_twist(connection); /* once is enough */
}

void mx_manners_end(struct mx_connection *connection, bool reset)
{
    connection->state = MX_CLOSED;
    if (reset)
        net_service_reset(connection->session, 0);
    else
        net_service_end(connection->session, 0);
}

static uint64_t delay_draw(struct mx_connection *connection)
{
    return 1000 + prng_below(&connection->mx->prng, connection->persona.delay_max_ns);
}

void mx_manners_say(struct mx_connection *connection, struct span bytes, uint64_t delay_ns)
{
    uint64_t byte_ns = connection->persona.byte_ns;
    uint64_t now = mx_manners_now_ns(connection);
    uint8_t buffer[17 * 1024];
    struct text covered;

    if (connection->cover.state == MX_COVER_UP) {
        text_init(&covered, buffer, sizeof(buffer));
        mx_cover_write(bytes, &covered);
        bytes = text_span(&covered);
    }
    if (byte_ns == 0) {
        connection->reply_ns = net_service_send(connection->session, bytes, delay_ns);
        return;
    }
    for (size_t i = 0; i < bytes.size; i++) {
        connection->reply_ns =
            net_service_send(connection->session, span_slice(bytes, i, 1), delay_ns);
        delay_ns = connection->reply_ns - now + byte_ns;
    }
}

static void put_line(struct mx_connection *connection, struct text *out, uint16_t code,
                     char separator, const char *text)
{
    text_add_u64(out, code);
    text_add_byte(out, (uint8_t)separator);
    text_add_cstr(out, text);
    text_add_cstr(out, connection->persona.bare_lf ? "\n" : "\r\n");
}

void mx_manners_reply(struct mx_connection *connection, uint16_t code, const char *enhanced,
                      const char *text)
{
    uint8_t buffer[512];
    uint8_t words[256];
    struct text out;
    struct text line;

    text_init(&line, words, sizeof(words));
    if (connection->persona.enhanced && enhanced != NULL) {
        text_add_cstr(&line, enhanced);
        text_add_byte(&line, ' ');
    }
    text_add_cstr(&line, text);
    text_init(&out, buffer, sizeof(buffer));
    put_line(connection, &out, code, ' ', text_cstr_end(&line));
    if (code != 354 && code != 221 && !connection->twisted &&
        mx_manners_draw(connection, connection->persona.extra_reply_permille)) {
        mx_manners_twist(connection);
        put_line(connection, &out, 250, ' ', "and another thing");
    }
    mx_manners_say(connection, text_span(&out), delay_draw(connection));
}

void mx_manners_close_421(struct mx_connection *connection)
{
    mx_manners_reply(connection, 421, "4.3.2", "mx.test closing, come back later");
    mx_manners_end(connection, false);
}

void mx_manners_greet(struct mx_connection *connection)
{
    const struct mx_persona *persona = &connection->persona;
    uint8_t buffer[128];
    struct text out;

    if (persona->silent) {
        connection->reply_ns = UINT64_MAX;
        return;
    }
    text_init(&out, buffer, sizeof(buffer));
    if (persona->connections_max > 0 &&
        connection->host->connections_count > persona->connections_max) {
        mx_manners_close_421(connection);
        return;
    }
    put_line(connection, &out, persona->greeting_code == 0 ? 220 : persona->greeting_code, ' ',
             "mx.test ESMTP");
    mx_manners_say(connection, text_span(&out), persona->greeting_ns + delay_draw(connection));
    connection->alone_ns = connection->reply_ns;
    if (persona->greeting_code != 0 && persona->greeting_code != 220)
        mx_manners_end(connection, false);
}

void mx_manners_offer(struct mx_connection *connection)
{
    const struct mx_persona *persona = &connection->persona;
    uint8_t buffer[16 * 1024];
    struct text out;

    text_init(&out, buffer, sizeof(buffer));
    put_line(connection, &out, 250, '-', "mx.test");
    for (uint32_t i = 0; i < persona->flood_lines && text_room(&out) > 200; i++)
        put_line(connection, &out, 250, '-', "X-NOISE one two three");
    if (persona->pipelining)
        put_line(connection, &out, 250, '-', persona->lower_case ? "pipelining" : "PIPELINING");
    if (persona->eight_bit)
        put_line(connection, &out, 250, '-', persona->lower_case ? "8bitmime" : "8BITMIME");
    if (persona->size_max > 0) {
        char size[40];
        struct text text;

        text_init(&text, size, sizeof(size));
        text_add_cstr(&text, "SIZE ");
        text_add_u64(&text, persona->size_max);
        put_line(connection, &out, 250, '-', text_cstr_end(&text));
    }
    if (mx_cover_is_offered(persona->tls) && connection->cover.state == MX_COVER_CLEAR)
        put_line(connection, &out, 250, '-', persona->lower_case ? "starttls" : "STARTTLS");
    else if (persona->tls == MX_TLS_STRIPPED)
        put_line(connection, &out, 250, '-', "XXXXXXXX");
    if (persona->enhanced)
        put_line(connection, &out, 250, '-', "ENHANCEDSTATUSCODES");
    put_line(connection, &out, 250, ' ', "HELP");
    mx_manners_say(connection, text_span(&out), delay_draw(connection));
}

void mx_manners_starttls(struct mx_connection *connection)
{
    enum mx_tls tls = connection->persona.tls;

    if (!mx_cover_is_offered(tls) || connection->cover.state != MX_COVER_CLEAR) {
        mx_manners_blame(connection, "STARTTLS that was not offered");
        mx_manners_reply(connection, 502, "5.5.1", "what?");
        return;
    }
    if (tls == MX_TLS_REFUSED) {
        mx_manners_reply(connection, 454, "4.7.0", "TLS not available");
        return;
    }
    mx_manners_say(connection,
                   tls == MX_TLS_INJECTED ? SPAN("220 go\r\n250 and in clear\r\n")
                                          : SPAN("220 go\r\n"),
                   delay_draw(connection));
    connection->cover = (struct mx_cover){.state = MX_COVER_AWAITS};
    if (tls == MX_TLS_DROP)
        mx_manners_end(connection, prng_percent(&connection->mx->prng, 50));
}

void mx_manners_hello(struct mx_connection *connection)
{
    uint8_t buffer[64];
    struct text out;

    if (connection->persona.tls == MX_TLS_SILENT)
        return;
    text_init(&out, buffer, sizeof(buffer));
    if (connection->persona.tls == MX_TLS_ALERT)
        text_add(&out, SPAN("A\0\1!"));
    else if (connection->persona.tls == MX_TLS_GARBAGE)
        text_add(&out, SPAN("250 what is this?\r\n"));
    else
        mx_cover_hello(connection->persona.tls, &out);
    mx_manners_say(connection, text_span(&out), delay_draw(connection));
    if (connection->persona.tls == MX_TLS_ALERT || connection->persona.tls == MX_TLS_GARBAGE) {
        mx_manners_end(connection, false);
        return;
    }
    connection->cover.state = MX_COVER_UP;
    connection->greeted = false;
    connection->pipelining = connection->eight_bit = connection->sizes = false;
}
