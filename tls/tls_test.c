/* The room as a whole: a client and a server of its own, back to back in memory. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <errno.h>
#include <malloc.h>
#include <openssl/ssl.h>

#include "tests/tls_pair.h"

#define IDLE_MAX                                                                                   \
    (6 * 1024) /* promised are 16; more than this means that something is not given back */

static struct test_pair pair;
static struct tls_context client, server;
static const struct span host = SPAN_INIT("mx.example.org");
static uint8_t buffer[64 * 1024];

static void open_both(const char *name)
{
    assert_int_equal(test_open(&client, TLS_CLIENT, "ca", NULL), 0);
    assert_int_equal(test_open(&server, TLS_SERVER, NULL, name), 0);
}

static void close_both(void)
{
    test_reset(&pair);
    assert_int_equal(tls_context_in_use(&client), 0);
    tls_context_close(&client);
    tls_context_close(&server);
    pair.step_in = pair.step_out = pair.cut = 0;
    tls_memory_set_limit(0);
}

static void shake(bool demanded)
{
    struct tls_stream_options options = test_options(&host, demanded);
    test_start(&pair, &client, &server, &options);
    test_shake(&pair);
}

static void use_tls12(void)
{
    assert_int_equal(SSL_CTX_set_max_proto_version(server.library, TLS1_2_VERSION), 1);
}

static void test_versions(void **state)
{
    (void)state;
    open_both("good");
    shake(true);
    assert_int_equal(pair.client.state, TLS_OPEN);
    assert_int_equal(pair.server.state, TLS_OPEN);
    assert_true(tls_stream_is_verified(&pair.client));
    assert_int_equal(pair.client.verdict.proof, TLS_PROOF_PKIX);
    assert_string_equal(tls_stream_version(&pair.client), "TLSv1.3");
    assert_true(strncmp(tls_stream_cipher(&pair.client), "TLS_", 4) == 0);
    assert_true(strstr(tls_stream_group(&pair.client), "X25519") != NULL);
    assert_string_equal(SSL_get_servername(pair.server.library, TLSEXT_NAMETYPE_host_name),
                        "mx.example.org");
    use_tls12();
    shake(true);
    assert_string_equal(tls_stream_version(&pair.client), "TLSv1.2");
    assert_true(tls_stream_is_verified(&pair.client));
    /* TLS 1.1 alone is nothing common. */
    assert_int_equal(SSL_CTX_set_min_proto_version(server.library, TLS1_VERSION), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(server.library, TLS1_1_VERSION), 1);
    shake(false);
    assert_int_equal(pair.client.state, TLS_FAILED);
    assert_int_equal(pair.client.failure, TLS_FAILURE_ALERT);
    assert_int_equal(pair.server.failure, TLS_FAILURE_NO_COMMON);
    assert_string_equal(tls_stream_version(&pair.client), "");
    close_both();
}

static void test_every_split(void **state)
{
    (void)state;
    open_both("chained");
    for (int old = 0; old < 2; old++) {
        size_t longest = 1;
        if (old == 1)
            use_tls12();
        for (size_t cut = 1; cut <= longest; cut += cut < 120 ? 1 : 5) {
            pair.cut = cut;
            shake(true);
            if (pair.client.state != TLS_OPEN || pair.server.state != TLS_OPEN)
                fail_msg("cut at %zu: client %d server %d %.*s", cut, pair.client.state,
                         pair.server.state, pair.client.text_size, pair.client.text);
            longest = pair.to_client.size > pair.to_server.size ? pair.to_client.size
                                                                : pair.to_server.size;
        }
        assert_true(longest > 500);
        pair.cut = 0;
        static const size_t steps[] = {1, 2, 3, 5, 64, 511};
        for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
            pair.step_in = steps[i];
            pair.step_out = TLS_STREAM_OUT_MIN;
            shake(true);
            assert_int_equal(pair.client.state, TLS_OPEN);
            assert_int_equal(pair.server.state, TLS_OPEN);
        }
        pair.step_in = pair.step_out = 0;
    }
    close_both();
}

static void test_bad_certificates(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum tls_failure failure;
        const char *report_type;
    } cases[] = {
        {"good", TLS_FAILURE_NONE, NULL},
        {"rsa", TLS_FAILURE_NONE, NULL},
        {"wildcard", TLS_FAILURE_NONE, NULL},
        {"chained", TLS_FAILURE_NONE, NULL},
        {"rooted", TLS_FAILURE_NONE, NULL},
        {"expired", TLS_FAILURE_EXPIRED, "certificate-expired"},
        {"early", TLS_FAILURE_NOT_YET_VALID, "certificate-expired"},
        {"wrong", TLS_FAILURE_WRONG_NAME, "certificate-host-mismatch"},
        {"nosan", TLS_FAILURE_WRONG_NAME, "certificate-host-mismatch"},
        {"unknown", TLS_FAILURE_UNKNOWN_CA, "certificate-not-trusted"},
        {"broken", TLS_FAILURE_UNKNOWN_CA, "certificate-not-trusted"},
        {"selfsigned", TLS_FAILURE_SELF_SIGNED, "certificate-not-trusted"},
        {"sha1", TLS_FAILURE_WEAK, "certificate-not-trusted"},
        {"weakkey", TLS_FAILURE_WEAK, "certificate-not-trusted"},
        {"client", TLS_FAILURE_CERTIFICATE, "validation-failure"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases) * 2; i++) {
        size_t which = i / 2;
        bool bad = cases[which].failure != TLS_FAILURE_NONE;
        open_both(cases[which].name);
        if (i % 2 == 1)
            use_tls12();
        /* Reported only: the session opens all the same. */
        shake(false);
        if (pair.client.state != TLS_OPEN || pair.client.verdict.failure != cases[which].failure)
            fail_msg("%s: state %d, failure %s", cases[which].name, pair.client.state,
                     tls_failure_name(pair.client.verdict.failure));
        assert_int_equal(tls_stream_is_verified(&pair.client), !bad);
        assert_int_equal(pair.client.verdict.text_size > 0, bad);
        assert_int_equal(test_pass(&pair, true, SPAN("NOOP\r\n"), buffer, sizeof buffer), 6);
        /* Demanded: it does not, and the server is told by an alert. */
        shake(true);
        assert_int_equal(pair.client.state, bad ? TLS_FAILED : TLS_OPEN);
        assert_int_equal(pair.client.failure, cases[which].failure);
        if (bad) {
            assert_string_equal(tls_failure_report_type(pair.client.failure),
                                cases[which].report_type);
            assert_true(tls_stream_text(&pair.client).size > 10);
            assert_false(tls_stream_is_verified(&pair.client));
            struct span in = span_make(pair.to_server.data + pair.to_server.from,
                                       pair.to_server.size - pair.to_server.from);
            struct text out;
            text_init(&out, buffer, sizeof buffer);
            if (pair.server.state == TLS_OPEN)
                assert_int_equal(tls_stream_read(&pair.server, &in, &out, &out, TEST_NOW_S),
                                 TLS_WANT_CLOSE);
            assert_int_equal(pair.server.failure, TLS_FAILURE_ALERT);
        }
        close_both();
    }
}

static void test_chain_of_64_kib(void **state)
{
    (void)state;
    for (int old = 0; old < 2; old++) {
        open_both("long");
        if (old == 1)
            use_tls12();
        size_t peak_before = tls_memory_used();
        shake(false);
        assert_int_equal(pair.client.state, TLS_FAILED);
        assert_int_equal(pair.client.failure, TLS_FAILURE_CHAIN_TOO_LARGE);
        assert_string_equal(tls_failure_report_type(pair.client.failure), "validation-failure");
        assert_true(span_find(tls_stream_text(&pair.client), SPAN("65535")) != SPAN_NOT_FOUND);
        assert_true(tls_memory_used() < peak_before + (size_t)512 * 1024);
        close_both();
    }
}

static void start_client(void)
{
    struct tls_stream_options options = test_options(&host, false);
    tls_stream_reset(&pair.client);
    assert_int_equal(tls_stream_start(&pair.client, &client, &options, TEST_NOW_S), 0);
}

/* Steps the client alone with what a hostile server says. */
static enum tls_want say(struct span octets)
{
    struct text out;
    text_init(&out, buffer, sizeof buffer);
    return tls_stream_step(&pair.client, &octets, &out, TEST_NOW_S);
}

static void test_no_tls(void **state)
{
    (void)state;
    static const uint8_t zeros[64],
        handshake_failure[] = {21, 3, 3, 0, 2, 2, 40}, huge[] = {22, 3, 3, 0xff, 0xff, 2},
        empty[] = {22, 3, 3, 0, 0}, hello_done[] = {22, 3, 3, 0, 4, 14, 0, 0, 0},
        hello_request[] = {22, 3, 3, 0, 4, 0, 0, 0, 0}, data[] = {23, 3, 3, 0, 3, 'a', 'b', 'c'};
    const struct {
        const char *label;
        struct span octets;
        enum tls_failure failure;
    } cases[] = {
        /* What was injected behind the 220, or a server that does not do what it promised. */
        {"reply", SPAN("250 2.0.0 Ok, go on in clear\r\n"), TLS_FAILURE_NOT_TLS},
        {"http", SPAN("HTTP/1.1 400 Bad Request\r\n\r\n"), TLS_FAILURE_NOT_TLS},
        {"zeros", span_make(zeros, sizeof zeros), TLS_FAILURE_NOT_TLS},
        {"alert", span_make(handshake_failure, sizeof handshake_failure), TLS_FAILURE_ALERT},
        {"record too long", span_make(huge, sizeof huge), TLS_FAILURE_PROTOCOL},
        {"wrong message", span_make(hello_done, sizeof hello_done), TLS_FAILURE_PROTOCOL},
        {"hello request", span_make(hello_request, sizeof hello_request), TLS_FAILURE_PROTOCOL},
        {"data in the handshake", span_make(data, sizeof data), TLS_FAILURE_PROTOCOL},
        {"empty record", span_make(empty, sizeof empty), TLS_FAILURE_NONE},
        {"part of a record", span_make(huge, 3), TLS_FAILURE_NONE},
    };
    open_both("good");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        start_client();
        enum tls_want want = say(cases[i].octets);
        if (pair.client.failure != cases[i].failure)
            fail_msg("%s: %s, %.*s", cases[i].label, tls_failure_name(pair.client.failure),
                     pair.client.text_size, pair.client.text);
        bool failed = cases[i].failure != TLS_FAILURE_NONE;
        assert_int_equal(want, failed ? TLS_WANT_CLOSE : TLS_WANT_READ);
        assert_int_equal(pair.client.text_size > 0, failed);
        if (failed) { /* stays so */
            assert_int_equal(say(SPAN("x")), TLS_WANT_CLOSE);
            continue;
        }
        assert_false(tls_stream_lost(&pair.client));
        assert_int_equal(pair.client.failure, TLS_FAILURE_LOST);
    }
    close_both();
}

/* The minor legacy version in the head of a record in clear: nothing rests on it. */
static bool is_legacy_version(const struct test_pipe *pipe, size_t at)
{
    for (size_t head = 0; head + 5 <= pipe->size;
         head += 5 + ((size_t)pipe->data[head + 3] << 8 | pipe->data[head + 4]))
        if (at == head + 2)
            return pipe->data[head] != 23;
    return false;
}

/* One octet changed, anywhere in the server's first flight. */
static void test_changed_octets_never_open(void **state)
{
    (void)state;
    open_both("good");
    uint32_t seed = 1;
    for (size_t i = 0; i < 400; i++) {
        struct tls_stream_options options = test_options(&host, true);
        test_start(&pair, &client, &server, &options);
        (void)test_turn(&pair, true);
        (void)test_turn(&pair, false);
        seed = seed * 1664525 + 1013904223;
        size_t at = (seed >> 8) % pair.to_client.size;
        if (is_legacy_version(&pair.to_client, at))
            continue;
        pair.to_client.data[at] ^= (uint8_t)(1 + (seed >> 28));
        test_shake(&pair);
        if (pair.client.state == TLS_OPEN)
            fail_msg("opened with octet %zu of %zu changed", at, pair.to_client.size);
    }
    close_both();
}

static void test_floods(void **state)
{
    (void)state;
    static const uint8_t warning[] = {21, 3, 3, 0, 2, 1, 90}, empty[] = {22, 3, 3, 0, 0};
    static uint8_t flood[64 * 1024];
    open_both("good");
    use_tls12();
    for (size_t i = 0; i + sizeof warning <= sizeof flood; i += sizeof warning)
        memcpy(flood + i, warning, sizeof warning);
    start_client();
    assert_int_equal(say(span_make(flood, 7000)), TLS_WANT_CLOSE);
    assert_int_equal(pair.client.failure, TLS_FAILURE_FLOOD);
    for (size_t i = 0; i + sizeof empty <= sizeof flood; i += sizeof empty)
        memcpy(flood + i, empty, sizeof empty);
    start_client();
    assert_int_equal(say(span_make(flood, 5000)), TLS_WANT_CLOSE);
    assert_int_equal(pair.client.failure, TLS_FAILURE_FLOOD);
    /* Octets: the allowance is nearly used up. */
    shake(false);
    assert_true(pair.client.handshake_in > 500 && pair.client.handshake_in < 4000);
    struct tls_stream_options options = test_options(&host, false);
    test_start(&pair, &client, &server, &options);
    pair.client.handshake_in = TLS_STREAM_HANDSHAKE_MAX - 100;
    test_shake(&pair);
    assert_int_equal(pair.client.state, TLS_FAILED);
    assert_int_equal(pair.client.failure, TLS_FAILURE_FLOOD);
    close_both();
    /* Tickets of a session; they come with the server's first octets. */
    open_both("good");
    shake(true);
    pair.client.tickets = TLS_STREAM_TICKETS_MAX;
    assert_int_equal(test_pass(&pair, false, SPAN("250 Ok\r\n"), buffer, sizeof buffer), 0);
    assert_int_equal(pair.client.state, TLS_FAILED);
    assert_int_equal(pair.client.failure, TLS_FAILURE_FLOOD);
    close_both();
}

static void fill_pattern(uint8_t *data, size_t size, uint32_t seed)
{
    for (size_t i = 0; i < size; i++) {
        seed = seed * 1664525 + 1013904223;
        data[i] = (uint8_t)(seed >> 24);
    }
}

/* A long stream through small rooms: what comes out is what went in. */
static void stream_through(size_t out_room, size_t in_step, size_t plain_room)
{
    static uint8_t sent[100000], received[100000], wire[40000];
    size_t written = 0, arrived = 0, wire_size = 0;
    fill_pattern(sent, sizeof sent, (uint32_t)out_room);
    for (size_t round = 0; round < 400000 && arrived < sizeof sent; round++) {
        struct text out, plain;
        text_init(&out, wire + wire_size, min_size(out_room, sizeof wire - wire_size));
        size_t taken =
            tls_stream_write(&pair.client, span_make(sent + written, sizeof sent - written), &out);
        assert_true(taken <= sizeof sent - written);
        written += taken;
        wire_size += out.size;
        struct span in = span_make(wire, min_size(in_step, wire_size));
        size_t given = in.size;
        uint8_t answers[TLS_STREAM_OUT_MIN];
        struct text answer;
        text_init(&answer, answers, sizeof answers);
        text_init(&plain, received + arrived, min_size(plain_room, sizeof received - arrived));
        enum tls_want want = tls_stream_read(&pair.server, &in, &plain, &answer, TEST_NOW_S);
        assert_true(want == TLS_WANT_READ || want == TLS_WANT_ROOM);
        assert_true(want == TLS_WANT_ROOM || in.size == 0);
        arrived += plain.size;
        wire_size -= given - in.size;
        memmove(wire, wire + (given - in.size), wire_size);
    }
    assert_int_equal(arrived, sizeof sent);
    assert_memory_equal(sent, received, sizeof sent);
}

static void test_stream_of_octets(void **state)
{
    (void)state;
    static const struct {
        size_t out_room, in_step, plain_room;
    } cases[] = {
        {40000, 40000, 40000}, {TLS_STREAM_OVERHEAD_MAX + 1, 40000, 40000},
        {40000, 7, 40000},     {40000, 40000, 1},
        {16384, 1460, 1000},   {700, 13, 17},
    };
    for (int old = 0; old < 2; old++) {
        open_both("good");
        if (old == 1)
            use_tls12();
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
            shake(true);
            stream_through(cases[i].out_room, cases[i].in_step, cases[i].plain_room);
        }
        /* Too little room: nothing is written, nothing breaks. */
        struct text out;
        text_init(&out, buffer, TLS_STREAM_OVERHEAD_MAX);
        assert_int_equal(tls_stream_write(&pair.client, SPAN("abc"), &out), 0);
        assert_int_equal(out.size, 0);
        assert_int_equal(pair.client.state, TLS_OPEN);
        close_both();
    }
}

/* Old suites have the longest records: the room that write keeps free is enough for each. */
static void test_overhead_of_every_suite(void **state)
{
    (void)state;
    static const char *const suites[] = {"ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA",
                                         "ECDHE-ECDSA-AES128-GCM-SHA256",
                                         "ECDHE-ECDSA-CHACHA20-POLY1305"};
    for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
        open_both("good");
        use_tls12();
        assert_int_equal(SSL_CTX_set_strict_cipher_list(server.library, suites[i]), 1);
        shake(true);
        assert_int_equal(pair.client.state, TLS_OPEN);
        stream_through(TLS_STREAM_OVERHEAD_MAX + 1, 40000, 40000);
        close_both();
    }
}

static void test_end_of_session(void **state)
{
    (void)state;
    struct text out, plain;
    open_both("good");
    shake(true);
    /* In order: close_notify, no plaintext is missing. */
    text_init(&out, buffer, sizeof buffer);
    assert_int_equal(tls_stream_write(&pair.server, SPAN("221 Bye\r\n"), &out), 9);
    tls_stream_close(&pair.server, &out);
    size_t size = out.size;
    tls_stream_close(&pair.server, &out);
    assert_int_equal(out.size, size);
    assert_int_equal(tls_stream_write(&pair.server, SPAN("more"), &out), 0);
    struct span in = text_span(&out);
    uint8_t got[100], answers[600];
    struct text answer;
    text_init(&plain, got, sizeof got);
    text_init(&answer, answers, sizeof answers);
    assert_int_equal(tls_stream_read(&pair.client, &in, &plain, &answer, TEST_NOW_S),
                     TLS_WANT_CLOSE);
    assert_int_equal(pair.client.state, TLS_CLOSED);
    assert_int_equal(plain.size, 9);
    assert_true(tls_stream_lost(&pair.client));
    assert_int_equal(pair.client.state, TLS_CLOSED);
    tls_stream_close(&pair.client, &answer);
    assert_true(answer.size > 0);
    /* Cut off: the caller can tell. */
    shake(true);
    assert_false(tls_stream_lost(&pair.client));
    assert_int_equal(pair.client.failure, TLS_FAILURE_LOST);
    /* A record that was changed on its way. */
    shake(true);
    text_init(&out, buffer, sizeof buffer);
    assert_int_equal(tls_stream_write(&pair.server, SPAN("250 Ok\r\n"), &out), 8);
    buffer[out.size - 1] ^= 1;
    in = text_span(&out);
    text_init(&plain, got, sizeof got);
    text_init(&answer, answers, sizeof answers);
    assert_int_equal(tls_stream_read(&pair.client, &in, &plain, &answer, TEST_NOW_S),
                     TLS_WANT_CLOSE);
    assert_int_equal(pair.client.failure, TLS_FAILURE_PROTOCOL);
    assert_int_equal(plain.size, 0);
    assert_true(answer.size > 0); /* the alert */
    assert_int_equal(tls_stream_write(&pair.client, SPAN("x"), &answer), 0);
    /* The old plaintext is no TLS either. */
    shake(true);
    in = SPAN("250 2.0.0 Ok: queued in clear\r\n");
    text_init(&plain, got, sizeof got);
    assert_int_equal(tls_stream_read(&pair.client, &in, &plain, &answer, TEST_NOW_S),
                     TLS_WANT_CLOSE);
    assert_int_equal(plain.size, 0);
    close_both();
}

/* Octets that the program holds by malloc; 0 under a sanitizer. libssl takes its record buffers
 * past the counted hooks. */
static size_t all_memory(void)
{
    return mallinfo2().uordblks;
}

static void test_idle_session_is_small(void **state)
{
    (void)state;
    for (int old = 0; old < 2; old++) {
        open_both("rooted");
        if (old == 1)
            use_tls12();
        shake(true); /* what is allocated once is, and the certificates are in the pool */
        tls_stream_reset(&pair.server);
        size_t first = tls_memory_used();
        tls_stream_reset(&pair.client);
        assert_true(first - tls_memory_used() <= IDLE_MAX);
        shake(true);
        size_t with_both = tls_memory_used(), all_with_both = all_memory();
        fill_pattern(buffer, 30000, 1);
        static uint8_t got[40000];
        assert_int_equal(test_pass(&pair, true, span_make(buffer, 30000), got, sizeof got), 30000);
        assert_int_equal(test_pass(&pair, false, span_make(buffer, 30000), got, sizeof got), 30000);
        size_t idle = tls_memory_used();
        assert_true(idle <= with_both); /* buffers were given back, the handshake's parts too */
        assert_true(all_memory() <= all_with_both + 64);
        tls_stream_reset(&pair.client);
        size_t client_size = idle - tls_memory_used();
        print_message("%s: idle session %zu octets, after first handshake %zu\n",
                      old ? "TLS 1.2" : "TLS 1.3", client_size, first - tls_memory_used());
        assert_in_range(client_size, 500, IDLE_MAX);
        close_both();
    }
}

static void test_incomplete_record_is_bounded(void **state)
{
    (void)state;
    static const uint8_t head[] = {23, 3, 3, 0x41, 0x00, 0};
    open_both("good");
    shake(true);
    size_t before = tls_memory_used(), all_before = all_memory();
    struct span in = span_make(head, sizeof head);
    struct text plain, out;
    uint8_t got[100];
    text_init(&plain, got, sizeof got);
    text_init(&out, buffer, sizeof buffer);
    assert_int_equal(tls_stream_read(&pair.client, &in, &plain, &out, TEST_NOW_S), TLS_WANT_READ);
    assert_int_equal(in.size, 0);
    assert_true(tls_memory_used() - before <= (size_t)17 * 1024);
    assert_true(all_memory() - all_before <= (size_t)18 * 1024);
    close_both();
}

/* Every single allocation fails once: an error, never an abort, nothing left behind. */
static void test_every_refused_allocation(void **state)
{
    (void)state;
    open_both("rooted");
    shake(true);
    test_reset(&pair);
    size_t before = tls_memory_used();
    uint32_t failures = 0, survived = 0;
    for (uint64_t n = 0; n < 5000; n += n < 300 ? 1 : 3) {
        struct tls_stream_options options = test_options(&host, true);
        struct tls_stream_options none = {.identity = TLS_CONTEXT_IDENTITY_NONE};
        uint64_t refused = tls_memory_refused();
        assert_int_equal(tls_stream_start(&pair.server, &server, &none, TEST_NOW_S), 0);
        tls_memory_fail_after(n);
        int error = tls_stream_start(&pair.client, &client, &options, TEST_NOW_S);
        assert_true(error == 0 || error == -ENOMEM);
        if (error == 0)
            test_shake(&pair);
        if (pair.client.state == TLS_OPEN)
            (void)test_pass(&pair, false, SPAN("250 Ok\r\n"), buffer, sizeof buffer);
        tls_memory_fail_after(UINT64_MAX);
        bool refused_one = tls_memory_refused() != refused;
        if (refused_one && pair.client.state != TLS_OPEN)
            failures++;
        else if (refused_one)
            survived++;
        if (pair.client.state == TLS_FAILED && pair.client.failure != TLS_FAILURE_LOCAL &&
            pair.client.failure != TLS_FAILURE_ALERT)
            fail_msg("allocation %u: %s %.*s", (unsigned)n, tls_failure_name(pair.client.failure),
                     pair.client.text_size, pair.client.text);
        test_reset(&pair);
        if (tls_memory_used() > before + 1024)
            fail_msg("allocation %u: %zu octets left", (unsigned)n, tls_memory_used() - before);
        if (!refused_one)
            break;
    }
    print_message("%u sessions failed, %u did without\n", failures, survived);
    assert_true(failures > 100);
    shake(true); /* and the contexts work on */
    assert_int_equal(pair.client.state, TLS_OPEN);
    close_both();
}

static void test_limit(void **state)
{
    (void)state;
    open_both("good");
    shake(true);
    tls_memory_set_limit(tls_memory_used() + 1000);
    struct tls_stream_options options = test_options(&host, true);
    struct tls_stream more = {.state = TLS_OFF};
    assert_int_equal(tls_stream_start(&more, &client, &options, TEST_NOW_S), -ENOMEM);
    assert_int_equal(more.state, TLS_OFF);
    struct tls_context another;
    assert_int_equal(test_open(&another, TLS_CLIENT, "ca", NULL), -ENOMEM);
    /* The open session fails when it needs more - a ticket comes -, as data. */
    struct text wire, plain;
    uint8_t got[100];
    text_init(&wire, buffer, sizeof buffer);
    text_init(&plain, got, sizeof got);
    assert_int_equal(tls_stream_write(&pair.server, SPAN("250 Ok\r\n"), &wire), 8);
    struct span in = text_span(&wire);
    tls_memory_set_limit(1);
    assert_int_equal(tls_stream_read(&pair.client, &in, &plain, &wire, TEST_NOW_S), TLS_WANT_CLOSE);
    assert_int_equal(pair.client.state, TLS_FAILED);
    assert_int_equal(pair.client.failure, TLS_FAILURE_LOCAL);
    assert_null(tls_failure_report_type(pair.client.failure));
    tls_memory_set_limit(0);
    shake(true);
    assert_int_equal(pair.client.state, TLS_OPEN);
    close_both();
}

static void test_bad_options(void **state)
{
    (void)state;
    static const uint8_t long_name[300] = "a";
    open_both("good");
    struct tls_stream stream = {.state = TLS_OFF};
    const struct span bad[] = {SPAN("a\0b"), SPAN("a\r\nb"), SPAN("m\xc3\xbcll.example"),
                               span_make(long_name, 254)};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct tls_stream_options options = test_options(&host, true);
        options.server_name = bad[i];
        assert_int_equal(tls_stream_start(&stream, &client, &options, TEST_NOW_S), -EINVAL);
    }
    struct tls_stream_options options = test_options(&host, true);
    options.identity = 0; /* there is none */
    assert_int_equal(tls_stream_start(&stream, &client, &options, TEST_NOW_S), -EINVAL);
    options = test_options(&host, true);
    options.resume_host = span_make(long_name, TLS_RESUME_HOST_MAX + 1);
    assert_int_equal(tls_stream_start(&stream, &client, &options, TEST_NOW_S), -EINVAL);
    options = test_options(&host, true);
    options.verify.names_count = TLS_VERIFY_NAMES_MAX + 1;
    assert_int_equal(tls_stream_start(&stream, &client, &options, TEST_NOW_S), -EINVAL);
    /* A host known by address has no SNI. */
    options = test_options(&host, true);
    options.server_name = span_make(NULL, 0);
    test_start(&pair, &client, &server, &options);
    test_shake(&pair);
    assert_int_equal(pair.client.state, TLS_OPEN);
    assert_null(SSL_get_servername(pair.server.library, TLSEXT_NAMETYPE_host_name));
    /* Without a name nothing is verified. */
    options.verify.names_count = 0;
    test_start(&pair, &client, &server, &options);
    test_shake(&pair);
    assert_int_equal(pair.client.failure, TLS_FAILURE_WRONG_NAME);
    close_both();
}

/* NOLINTNEXTLINE(readability-non-const-parameter): as BoringSSL calls it */
static enum ssl_verify_result_t accept_client(SSL *session, uint8_t *alert)
{
    (void)session, (void)alert;
    return ssl_verify_ok;
}

static void test_client_certificate(void **state)
{
    (void)state;
    for (int old = 0; old < 2; old++) {
        assert_int_equal(test_open(&client, TLS_CLIENT, "ca", "client"), 0);
        assert_int_equal(test_open(&server, TLS_SERVER, NULL, "good"), 0);
        if (old == 1)
            use_tls12();
        SSL_CTX_set_custom_verify(server.library, SSL_VERIFY_PEER, accept_client);
        assert_int_equal(SSL_CTX_set_session_id_context(server.library, (const uint8_t *)"t", 1),
                         1);
        struct tls_stream_options options = test_options(&host, true);
        for (int with = 0; with < 2; with++) {
            options.identity = with ? 0 : TLS_CONTEXT_IDENTITY_NONE;
            test_start(&pair, &client, &server, &options);
            test_shake(&pair);
            assert_int_equal(pair.client.state, TLS_OPEN);
            assert_int_equal(pair.server.state, TLS_OPEN);
            const STACK_OF(CRYPTO_BUFFER) *seen = SSL_get0_peer_certificates(pair.server.library);
            assert_int_equal(seen != NULL && sk_CRYPTO_BUFFER_num(seen) > 0, with);
        }
        close_both();
    }
}

/* No clock but the one that is given. */
static void test_time_is_an_argument(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint64_t now_s;
        enum tls_failure failure;
    } cases[] = {
        {"good", TEST_NOW_S, TLS_FAILURE_NONE},
        {"good", UINT64_C(1577836799), TLS_FAILURE_NOT_YET_VALID}, /* the last second of 2019 */
        {"good", UINT64_C(1577836801), TLS_FAILURE_NONE},
        {"good", UINT64_C(2524607998), TLS_FAILURE_NONE},
        {"good", UINT64_C(2524608001), TLS_FAILURE_EXPIRED}, /* 2050 */
        {"expired", UINT64_C(1590000000), TLS_FAILURE_NONE},
        {"early", UINT64_C(2480000000), TLS_FAILURE_NONE},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        open_both(cases[i].name);
        struct tls_stream_options options = test_options(&host, true);
        const CRYPTO_BUFFER *own = sk_CRYPTO_BUFFER_value(server.chains[0], 0);
        struct span chain = span_make(CRYPTO_BUFFER_data(own), CRYPTO_BUFFER_len(own));
        struct tls_verdict verdict;
        tls_verify_chain(&client, &options.verify, &chain, 1, cases[i].now_s, &verdict);
        if (verdict.failure != cases[i].failure)
            fail_msg("case %zu: %s", i, tls_failure_name(verdict.failure));
        close_both();
    }
}

static void test_names_of_failures(void **state)
{
    (void)state;
    for (int i = 0; i < TLS_FAILURE_COUNT; i++) {
        const char *type = tls_failure_report_type((enum tls_failure)i);
        assert_int_equal(type == NULL, i == TLS_FAILURE_NONE || i == TLS_FAILURE_LOCAL);
        assert_non_null(tls_failure_name((enum tls_failure)i));
        assert_int_equal(tls_failure_fault((enum tls_failure)i) == TLS_FAULT_NONE, i == 0);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(tls_failure_name((enum tls_failure)i),
                                    tls_failure_name((enum tls_failure)j));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_every_split),
        cmocka_unit_test(test_bad_certificates),
        cmocka_unit_test(test_chain_of_64_kib),
        cmocka_unit_test(test_no_tls),
        cmocka_unit_test(test_changed_octets_never_open),
        cmocka_unit_test(test_floods),
        cmocka_unit_test(test_stream_of_octets),
        cmocka_unit_test(test_overhead_of_every_suite),
        cmocka_unit_test(test_end_of_session),
        cmocka_unit_test(test_idle_session_is_small),
        cmocka_unit_test(test_incomplete_record_is_bounded),
        cmocka_unit_test(test_every_refused_allocation),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_client_certificate),
        cmocka_unit_test(test_time_is_an_argument),
        cmocka_unit_test(test_names_of_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
