#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/prng.h"
#include "engine/reception.h"

#define SAID_MAX ((size_t)256 * KIB)

static struct reception reception;
static char said[SAID_MAX];
static size_t said_size;
static uint8_t content[SAID_MAX];
static size_t content_size;
static uint32_t verdicts;

static void begin(void)
{
    struct receive_options options = {.hostname = SPAN("mx.test"),
                                      .size_max = 100000,
                                      .recipients_max = 1,
                                      .transactions_max = 100};

    memset(&reception, 0, sizeof(reception));
    reception_init(&reception, 7, &options);
    said_size = content_size = 0;
    verdicts = 0;
}

/* Sends at most `most` octets of what is to be sent. */
static void send_some(size_t most)
{
    struct span outgoing = reception_outgoing(&reception);
    size_t size = min_size(outgoing.size, most);

    if (size == 0)
        return;
    assert_true(said_size + size < sizeof(said));
    memcpy(said + said_size, outgoing.data, size);
    said_size += size;
    reception.sending = true;
    reception_sent(&reception, size);
}

/* As the listener does; a verdict waits when `wait` is set. */
static void pump(bool wait)
{
    for (;;) {
        struct span piece;

        switch (reception_step(&reception, NULL, 1)) {
        case RECEPTION_WANT_NOTHING:
            return;
        case RECEPTION_WANT_RECIPIENT:
            reception_answer(&reception, RECEIVE_ACCEPT);
            break;
        case RECEPTION_WANT_CONTENT:
            piece = receive_piece(&reception.receive);
            memcpy(content + content_size, piece.data, piece.size);
            content_size += piece.size;
            break;
        case RECEPTION_WANT_VERDICT:
            verdicts++;
            if (wait)
                return;
            reception_answer(&reception, RECEIVE_ACCEPT);
            break;
        }
    }
}

static const char session[] = "EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@b>\r\nDATA\r\n"
                              "one\r\n..two\r\n.\r\n"
                              "MAIL FROM:<>\r\nRCPT TO:<a@b>\r\nBDAT 5 LAST\r\nthreeQUIT\r\n";
static const char codes[] = "220 250 250 250 250 250 250 250 250 250 354 250 250 250 250 221 ";

/* The first words of the lines said. */
static void check_codes(const char *label)
{
    char seen[256] = "";
    struct span rest = span_make(said, said_size);
    size_t size = 0;

    while (rest.size > 0) {
        struct span line = span_split(&rest, '\n');

        assert_true(line.size > 4);
        memcpy(seen + size, line.data, 3);
        seen[size + 3] = ' ';
        size += 4;
    }
    if (strcmp(seen, codes) != 0)
        fail_msg("%s: %s", label, seen);
}

/* However the octets come and go. */
static void test_any_pieces(void **state)
{
    struct prng prng;

    (void)state;
    prng_seed(&prng, 3);
    for (uint32_t round = 0; round < 500; round++) {
        struct span rest = SPAN(session);

        begin();
        pump(false);
        while (rest.size > 0 || reception.state != RECEPTION_LEAVING ||
               reception_outgoing(&reception).size > 0) {
            size_t size = min_size(rest.size, 1 + prng_below(&prng, round % 2 == 0 ? 5 : 200));

            assert_true(reception_take(&reception, span_first(rest, size), 1));
            rest = span_skip(rest, size);
            if (prng_percent(&prng, 50))
                pump(false);
            if (prng_percent(&prng, 50))
                send_some(1 + prng_below(&prng, 40));
            if (rest.size == 0)
                pump(false);
        }
        check_codes("pieces");
        assert_int_equal(verdicts, 2);
        assert_int_equal(content_size, strlen("one\r\n.two\r\nthree"));
        assert_memory_equal(content, "one\r\n.two\r\nthree", content_size);
    }
}

/* Nothing behind a message is answered before the message is. */
static void test_waits_for_the_verdict(void **state)
{
    size_t before;

    (void)state;
    begin();
    assert_true(reception_take(&reception, SPAN(session), 1));
    pump(true);
    send_some(SAID_MAX);
    assert_int_equal(reception.state, RECEPTION_JUDGING);
    before = said_size;
    pump(true);
    send_some(SAID_MAX);
    assert_int_equal(said_size, before);
    reception_answer(&reception, RECEIVE_LATER);
    assert_int_equal(reception.state, RECEPTION_TALKING);
    pump(false);
    send_some(SAID_MAX);
    assert_memory_equal(said + before, "451 ", 4);
    assert_int_equal(reception.state, RECEPTION_LEAVING);
}

/* While a verdict is awaited only so much is kept; then it is over. */
static void test_flood(void **state)
{
    static uint8_t octets[4096];
    size_t taken = 0;

    (void)state;
    begin();
    assert_true(reception_take(&reception, SPAN(session), 1));
    pump(true);
    memset(octets, 'x', sizeof(octets));
    while (taken < MIB && reception_take(&reception, span_make(octets, sizeof(octets)), 1))
        taken += sizeof(octets);
    assert_in_range(taken, RECEPTION_PENDING_MAX / 2, RECEPTION_PENDING_MAX);
    reception_leave(&reception, "421 too much");
    assert_true(reception_take(&reception, span_make(octets, sizeof(octets)), 1)); /* unread */
    send_some(SAID_MAX);
    assert_memory_equal(said + said_size - 14, "421 too much\r\n", 14);
}

/* A client that does not read its answers is not read either. */
static void test_no_reader(void **state)
{
    uint32_t rounds = 0;

    (void)state;
    begin();
    pump(false);
    while (reception_take(&reception, SPAN("NOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\n"), 1) &&
           rounds < 100000) {
        pump(false);
        rounds++;
    }
    assert_true(rounds < 100000);
    assert_true(reception.wire.size <= RECEPTION_WIRE_MAX);
}

/* The other side closes: what it has said is answered, then it is over. */
static void test_end(void **state)
{
    (void)state;
    begin();
    assert_true(reception_take(&reception, SPAN("EHLO x\r\nNOOP\r\nMAIL"), 1));
    reception.ended = true;
    pump(false);
    assert_int_equal(reception.state, RECEPTION_LEAVING);
    send_some(SAID_MAX);
    assert_memory_equal(said + said_size - 2, "\r\n", 2);
    assert_true(said_size > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_pieces), cmocka_unit_test(test_waits_for_the_verdict),
        cmocka_unit_test(test_flood),      cmocka_unit_test(test_no_reader),
        cmocka_unit_test(test_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
