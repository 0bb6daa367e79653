/* Resumption: what a kept ticket may and may not do. The rest of the stream is in tls_test.c. */
#include "tls/tls_stream.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>

#include "tests/tls_pair.h"

static struct test_pair pair;
static struct tls_context client, server;
static struct arena arena;
static struct tls_resume resume;
static struct tls_stream_options options;
static const struct span host = SPAN_INIT("mx.example.org");
static const struct span other_host = SPAN_INIT("mx2.example.org");
static const struct span place = SPAN_INIT("mx.example.org:25");

static void open_all(const char *name, bool old, bool demanded)
{
    static const struct table_key seed = {{3, 4}};
    assert_int_equal(test_open(&client, TLS_CLIENT, "ca", NULL), 0);
    assert_int_equal(test_open(&server, TLS_SERVER, NULL, name), 0);
    if (old)
        assert_int_equal(SSL_CTX_set_max_proto_version(server.library, TLS1_2_VERSION), 1);
    assert_int_equal(arena_open(&arena, tls_resume_memory(4)), 0);
    tls_resume_init(&resume, &arena, 4, &seed);
    options = test_options(&host, demanded);
    options.resume = &resume;
    options.resume_host = place;
}

static void close_all(void)
{
    test_reset(&pair);
    tls_context_close(&client);
    tls_context_close(&server);
    arena_close(&arena);
}

/* A session from hand-shake to the first reply, with which the tickets come. */
static void talk(void)
{
    uint8_t got[100];
    test_start(&pair, &client, &server, &options);
    test_shake(&pair);
    if (pair.client.state == TLS_OPEN)
        assert_int_equal(test_pass(&pair, false, SPAN("250 Ok\r\n"), got, sizeof got), 8);
}

static void test_second_handshake_is_short(void **state)
{
    (void)state;
    for (int old = 0; old < 2; old++) {
        open_all("chained", old == 1, true);
        talk();
        assert_false(pair.client.resumed);
        assert_int_equal(tls_resume_count(&resume), 1);
        size_t full_size = pair.to_client.size;
        /* Its life is counted from the time given, not from the machine's. */
        assert_in_range(resume.slots[0].expires_s, TEST_NOW_S + 600, TEST_NOW_S + 7 * 24 * 3600);
        for (int i = 0; i < 3; i++) {
            talk();
            assert_int_equal(pair.client.state, TLS_OPEN);
            assert_true(pair.client.resumed);
            assert_true(tls_stream_is_verified(&pair.client));
            assert_int_equal(pair.client.verdict.proof, TLS_PROOF_PKIX);
            assert_true(pair.to_client.size + 500 < full_size);
        }
        /* Another place has its own tickets. */
        options.resume_host = SPAN("mx.example.org:465");
        talk();
        assert_false(pair.client.resumed);
        assert_int_equal(tls_resume_count(&resume), 2);
        /* Without a table nothing is kept or offered. */
        options.resume = NULL;
        talk();
        assert_false(pair.client.resumed);
        close_all();
    }
}

/* A ticket from a session that verified nothing does not make a verified one; names, time and roots
 * are those of now. */
static void test_a_ticket_proves_nothing(void **state)
{
    (void)state;
    for (int old = 0; old < 2; old++) {
        open_all("unknown", old == 1, false);
        talk();
        assert_int_equal(pair.client.verdict.failure, TLS_FAILURE_UNKNOWN_CA);
        assert_int_equal(tls_resume_count(&resume), 1);
        talk();
        assert_true(pair.client.resumed); /* it is not demanded */
        assert_false(tls_stream_is_verified(&pair.client));
        assert_int_equal(pair.client.verdict.failure, TLS_FAILURE_UNKNOWN_CA);
        options.verify.demanded = true;
        talk();
        assert_int_equal(pair.client.state, TLS_FAILED);
        assert_int_equal(pair.client.failure, TLS_FAILURE_UNKNOWN_CA);
        assert_int_equal(tls_resume_count(&resume), 0); /* it broke a handshake */
        close_all();

        open_all("good", old == 1, true);
        talk();
        options.verify.names = &other_host;
        talk();
        assert_int_equal(pair.client.failure, TLS_FAILURE_WRONG_NAME);
        assert_false(pair.client.resumed);
        close_all();
    }
}

/* What was proven a moment ago is known, by all that it rests on, and for a while. */
static void test_proof_is_remembered(void **state)
{
    (void)state;
    open_all("good", false, true);
    talk();
    struct tls_resume_slot *slot = &resume.slots[0];
    assert_int_equal(slot->proven_until_s, 0);
    talk();
    assert_true(pair.client.resumed);
    assert_int_equal(slot->proven_until_s, TEST_NOW_S + TLS_RESUME_PROOF_LIFE_S);
    assert_int_equal(slot->proof, TLS_PROOF_PKIX);
    slot->proof = TLS_PROOF_DANE_TA; /* to see that it is used */
    talk();
    assert_true(pair.client.resumed);
    assert_int_equal(pair.client.verdict.proof, TLS_PROOF_DANE_TA);
    slot->proof_digest[31] ^= 1; /* it rests on something else */
    talk();
    assert_int_equal(pair.client.verdict.proof, TLS_PROOF_PKIX);
    slot->proof = TLS_PROOF_DANE_TA;
    slot->proven_until_s = TEST_NOW_S; /* too old */
    talk();
    assert_int_equal(pair.client.verdict.proof, TLS_PROOF_PKIX);
    slot->proof = TLS_PROOF_DANE_TA;
    slot->proven_until_s = TEST_NOW_S + TLS_RESUME_PROOF_LIFE_S + 1; /* the time has gone back */
    talk();
    assert_int_equal(pair.client.verdict.proof, TLS_PROOF_PKIX);
    /* Other roots: the ticket is there, the proof is not. */
    test_reset(&pair);
    tls_context_close(&client);
    assert_int_equal(test_open(&client, TLS_CLIENT, "other", NULL), 0);
    talk();
    assert_false(pair.client.resumed);
    assert_int_equal(pair.client.failure, TLS_FAILURE_UNKNOWN_CA);
    close_all();
}

static void test_digest_of_all_that_counts(void **state)
{
    (void)state;
    static const struct tlsa_record records[] = {
        {.usage = 3, .selector = 1, .matching = 1, .data = SPAN_INIT("12345678")},
        {.usage = 3, .selector = 1, .matching = 2, .data = SPAN_INIT("12345678")},
        {.usage = 3, .selector = 1, .matching = 1, .data = SPAN_INIT("12345679")},
        {.usage = 2, .selector = 1, .matching = 1, .data = SPAN_INIT("12345678")}};
    static const struct span names[] = {SPAN_INIT("ab"), SPAN_INIT("c"), SPAN_INIT("a"),
                                        SPAN_INIT("bc")};
    static const struct span chain[] = {SPAN_INIT("xy"), SPAN_INIT("z"), SPAN_INIT("x"),
                                        SPAN_INIT("yz")};
    static const struct tls_context contexts[2] = {{.roots_digest = {1}}, {.roots_digest = {2}}};
    static const struct {
        uint32_t context, method, name, names, record, records, link, chain;
    } cases[] = {
        {0, 0, 0, 2, 0, 1, 0, 2}, {1, 0, 0, 2, 0, 1, 0, 2}, {0, 1, 0, 2, 0, 1, 0, 2},
        {0, 0, 2, 2, 0, 1, 0, 2}, {0, 0, 0, 1, 0, 1, 0, 2}, {0, 0, 0, 2, 1, 1, 0, 2},
        {0, 0, 0, 2, 2, 1, 0, 2}, {0, 0, 0, 2, 3, 1, 0, 2}, {0, 0, 0, 2, 0, 2, 0, 2},
        {0, 0, 0, 2, 0, 0, 0, 2}, {0, 0, 0, 2, 0, 1, 2, 2}, {0, 0, 0, 2, 0, 1, 0, 1},
    };
    uint8_t digests[ARRAY_LEN(cases)][TLS_RESUME_DIGEST_SIZE];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct tls_verify_options verify = {.method = (enum tls_method)cases[i].method,
                                            .names = names + cases[i].name,
                                            .names_count = cases[i].names,
                                            .records = records + cases[i].record,
                                            .records_count = cases[i].records};
        tls_verify_digest(&contexts[cases[i].context], &verify, chain + cases[i].link,
                          cases[i].chain, digests[i]);
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(digests[i], digests[j], TLS_RESUME_DIGEST_SIZE);
    }
}

static void test_dane_records_of_now(void **state)
{
    (void)state;
    uint8_t digest[SHA256_DIGEST_LENGTH];
    struct tlsa_record record = {.usage = TLSA_DANE_EE, .selector = 0, .matching = TLSA_SHA256};
    open_all("selfsigned", false, true);
    const CRYPTO_BUFFER *own = sk_CRYPTO_BUFFER_value(server.chains[0], 0);
    SHA256(CRYPTO_BUFFER_data(own), CRYPTO_BUFFER_len(own), digest);
    record.data = span_make(digest, sizeof digest);
    options.verify.method = TLS_METHOD_DANE;
    options.verify.records = &record;
    options.verify.records_count = 1;
    talk();
    assert_int_equal(pair.client.state, TLS_OPEN);
    assert_int_equal(pair.client.verdict.proof, TLS_PROOF_DANE_EE);
    talk();
    assert_true(pair.client.resumed);
    assert_true(tls_stream_is_verified(&pair.client));
    digest[0] ^= 1; /* the domain has published another key */
    talk();
    assert_false(pair.client.resumed);
    assert_int_equal(pair.client.failure, TLS_FAILURE_NO_TLSA_MATCH);
    assert_string_equal(tls_failure_report_type(pair.client.failure), "tlsa-invalid");
    close_all();
}

static void test_renewed_certificate_is_seen(void **state)
{
    (void)state;
    /* Only reported, and the chain of the ticket has run out: a full handshake finds the new one.
     */
    open_all("expired", false, false);
    talk();
    assert_int_equal(pair.client.verdict.failure, TLS_FAILURE_EXPIRED);
    assert_int_equal(tls_resume_count(&resume), 1);
    test_reset(&pair);
    tls_context_close(&server);
    assert_int_equal(test_open(&server, TLS_SERVER, NULL, "renewed"), 0);
    talk();
    assert_false(pair.client.resumed);
    assert_true(tls_stream_is_verified(&pair.client));
    /* A server that has lost its ticket keys: a full handshake, with a new verdict. */
    test_reset(&pair);
    tls_context_close(&server);
    assert_int_equal(test_open(&server, TLS_SERVER, NULL, "wrong"), 0);
    assert_int_equal(tls_resume_count(&resume), 1);
    talk();
    assert_int_equal(pair.client.state, TLS_OPEN);
    assert_false(pair.client.resumed);
    assert_int_equal(pair.client.verdict.failure, TLS_FAILURE_WRONG_NAME);
    close_all();
}

static void test_hostile_tickets_are_dropped(void **state)
{
    (void)state;
    static uint8_t copy[TLS_RESUME_TICKET_MAX];
    open_all("good", false, true);
    talk();
    struct span kept = tls_resume_find(&resume, place, TEST_NOW_S);
    memcpy(copy, kept.data, kept.size);
    size_t size = kept.size;
    assert_true(
        tls_resume_put(&resume, place, SPAN("no session at all"), TEST_NOW_S + 9, TEST_NOW_S));
    talk();
    assert_int_equal(pair.client.state, TLS_OPEN);
    assert_false(pair.client.resumed);
    uint32_t resumed = 0;
    for (size_t i = 0; i < size; i += 3) { /* a file that was damaged: never worse than a failure */
        copy[i] ^= 0x41;
        assert_true(
            tls_resume_put(&resume, place, span_make(copy, size), TEST_NOW_S + 9, TEST_NOW_S));
        copy[i] ^= 0x41;
        talk();
        assert_true(pair.client.state == TLS_OPEN || pair.client.state == TLS_FAILED);
        resumed += pair.client.resumed;
    }
    assert_true(resumed < size / 3);
    close_all();
}

static void test_ticket_through_the_disk(void **state)
{
    (void)state;
    static const uint8_t key[TLS_RESUME_KEY_SIZE] = {1}, nonce[TLS_RESUME_NONCE_SIZE] = {2};
    static uint8_t sealed[TLS_RESUME_SEALED_MAX];
    struct text out;
    uint32_t position = 0;
    open_all("rooted", false, true);
    talk();
    text_init(&out, sealed, sizeof sealed);
    assert_true(tls_resume_seal(&resume, &position, key, nonce, TEST_NOW_S, &out));
    tls_resume_drop(&resume, place);
    assert_int_equal(tls_resume_unseal(&resume, key, text_span(&out), TEST_NOW_S), 0);
    talk();
    assert_true(pair.client.resumed);
    assert_true(tls_stream_is_verified(&pair.client));
    close_all();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_second_handshake_is_short),
        cmocka_unit_test(test_a_ticket_proves_nothing),
        cmocka_unit_test(test_proof_is_remembered),
        cmocka_unit_test(test_digest_of_all_that_counts),
        cmocka_unit_test(test_dane_records_of_now),
        cmocka_unit_test(test_renewed_certificate_is_seen),
        cmocka_unit_test(test_hostile_tickets_are_dropped),
        cmocka_unit_test(test_ticket_through_the_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
