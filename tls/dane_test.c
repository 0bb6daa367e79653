#include "tls/dane.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <openssl/mem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include "tests/tls_pair.h"

static const uint8_t octets[80];

static struct tlsa_record record_of(int usage, int selector, int matching, size_t size)
{
    return (struct tlsa_record){.usage = (uint8_t)usage,
                                .selector = (uint8_t)selector,
                                .matching = (uint8_t)matching,
                                .data = span_make(octets, size)};
}

static void test_what_is_usable(void **state)
{
    (void)state;
    static const struct {
        const char *label;
        int usage, selector, matching;
        size_t size;
        bool usable;
    } cases[] = {
        {"3 1 1", 3, 1, 1, 32, true},
        {"3 0 2", 3, 0, 2, 64, true},
        {"2 0 1", 2, 0, 1, 32, true},
        {"2 1 2", 2, 1, 2, 64, true},
        {"PKIX-TA", 0, 1, 1, 32, false},
        {"PKIX-EE", 1, 1, 1, 32, false},
        {"usage of tomorrow", 4, 1, 1, 32, false},
        {"private usage", 255, 1, 1, 32, false},
        {"selector of tomorrow", 3, 2, 1, 32, false},
        {"matching of tomorrow", 3, 1, 3, 32, false},
        {"digest too short", 3, 1, 1, 31, false},
        {"digest too long", 3, 1, 1, 33, false},
        {"digest of the other kind", 3, 1, 2, 32, false},
        {"no digest", 3, 1, 1, 0, false},
        {"full key that is none", 3, 1, 0, 64, false},
        {"full certificate that is none", 2, 0, 0, 64, false},
        {"full and empty", 3, 0, 0, 0, false},
    };
    struct tlsa_record all[ARRAY_LEN(cases)];
    uint32_t usable = 0;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        all[i] = record_of(cases[i].usage, cases[i].selector, cases[i].matching, cases[i].size);
        usable += cases[i].usable;
        if (dane_is_usable(&all[i]) != cases[i].usable)
            fail_msg("%s", cases[i].label);
    }
    assert_int_equal(dane_usable_count(all, ARRAY_LEN(all)), usable);
    assert_int_equal(dane_usable_count(NULL, 0), 0);
}

/* The chain of a certificate as a server sends it, and what records say about its parts. */
struct sent {
    struct tls_context context;
    struct span chain[TLS_VERIFY_CHAIN_MAX];
    uint32_t count;
};

static struct sent send_chain(const char *name)
{
    struct sent sent = {.count = 0};
    if (test_open(&sent.context, TLS_CLIENT, NULL, name) < 0)
        fail_msg("cannot send %s", name);
    const STACK_OF(CRYPTO_BUFFER) *buffers = sent.context.chains[0];
    for (size_t i = 0; i < sk_CRYPTO_BUFFER_num(buffers); i++) {
        const CRYPTO_BUFFER *buffer = sk_CRYPTO_BUFFER_value(buffers, i);
        sent.chain[sent.count++] = span_make(CRYPTO_BUFFER_data(buffer), CRYPTO_BUFFER_len(buffer));
    }
    return sent;
}

/* The data of a record about the first certificate in NAME.pem, by another way than dane.c goes. */
static struct tlsa_record describe(const char *name, int usage, int selector, int matching)
{
    static uint8_t rooms[8][4096];
    static size_t next;
    uint8_t *room = rooms[next++ % ARRAY_LEN(rooms)], *der = NULL;
    struct tlsa_record record = record_of(usage, selector, matching, 0);
    struct sent sent = send_chain(name);
    const uint8_t *at = sent.chain[0].data;
    X509 *certificate = d2i_X509(NULL, &at, (long)sent.chain[0].size);
    assert_non_null(certificate);
    int size = selector == 0 ? i2d_X509(certificate, &der)
                             : i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    assert_in_range(size, 64, 4096);
    if (matching == TLSA_FULL)
        memcpy(room, der, (size_t)size);
    else if (matching == TLSA_SHA256)
        SHA256(der, (size_t)size, room);
    else
        SHA512(der, (size_t)size, room);
    record.data = span_make(room, matching == TLSA_FULL     ? (size_t)size
                                  : matching == TLSA_SHA256 ? 32
                                                            : 64);
    OPENSSL_free(der);
    X509_free(certificate);
    tls_context_close(&sent.context);
    return record;
}

static struct tls_verdict judge(const char *server, const struct tlsa_record *records,
                                uint32_t count, struct span name)
{
    struct sent sent = send_chain(server);
    struct tls_verify_options options = {.method = TLS_METHOD_DANE,
                                         .names = &name,
                                         .names_count = 1,
                                         .records = records,
                                         .records_count = count};
    struct tls_verdict verdict;
    tls_verify_chain(&sent.context, &options, sent.chain, sent.count, TEST_NOW_S, &verdict);
    tls_context_close(&sent.context);
    assert_int_equal(verdict.failure == TLS_FAILURE_NONE, verdict.proof != TLS_PROOF_NONE);
    assert_int_equal(verdict.failure == TLS_FAILURE_NONE, verdict.text_size == 0);
    return verdict;
}

static void test_one_record(void **state)
{
    (void)state;
    static const struct {
        const char *server;  /* what it sends */
        const char *about;   /* whose certificate the record is of */
        int usage, selector; /* with every matching type */
        enum tls_proof proof;
        enum tls_failure failure;
    } cases[] = {
        {"good", "good", 3, 0, TLS_PROOF_DANE_EE, TLS_FAILURE_NONE},
        {"good", "good", 3, 1, TLS_PROOF_DANE_EE, TLS_FAILURE_NONE},
        {"rsa", "rsa", 3, 1, TLS_PROOF_DANE_EE, TLS_FAILURE_NONE},
        /* Usage 3: neither dates nor names nor issuers matter (RFC 7672 3.1.1). */
        {"expired", "expired", 3, 1, TLS_PROOF_DANE_EE, TLS_FAILURE_NONE},
        {"early", "early", 3, 0, TLS_PROOF_DANE_EE, TLS_FAILURE_NONE},
        {"wrong", "wrong", 3, 1, TLS_PROOF_DANE_EE, TLS_FAILURE_NONE},
        {"selfsigned", "selfsigned", 3, 1, TLS_PROOF_DANE_EE, TLS_FAILURE_NONE},
        {"unknown", "unknown", 3, 0, TLS_PROOF_DANE_EE, TLS_FAILURE_NONE},
        {"good", "renewed", 3, 0, TLS_PROOF_NONE, TLS_FAILURE_NO_TLSA_MATCH},
        {"good", "renewed", 3, 1, TLS_PROOF_NONE, TLS_FAILURE_NO_TLSA_MATCH},
        /* The issuer is no end entity. */
        {"rooted", "ca", 3, 0, TLS_PROOF_NONE, TLS_FAILURE_NO_TLSA_MATCH},
        {"rooted", "middle", 3, 1, TLS_PROOF_NONE, TLS_FAILURE_NO_TLSA_MATCH},
        /* Usage 2: an anchor that was sent, root or intermediate. */
        {"rooted", "ca", 2, 0, TLS_PROOF_DANE_TA, TLS_FAILURE_NONE},
        {"rooted", "ca", 2, 1, TLS_PROOF_DANE_TA, TLS_FAILURE_NONE},
        {"rooted", "middle", 2, 0, TLS_PROOF_DANE_TA, TLS_FAILURE_NONE},
        {"chained", "middle", 2, 1, TLS_PROOF_DANE_TA, TLS_FAILURE_NONE},
        {"unknown", "other", 2, 1, TLS_PROOF_DANE_TA, TLS_FAILURE_NONE},
        {"unknown", "ca", 2, 1, TLS_PROOF_NONE, TLS_FAILURE_NO_TLSA_MATCH},
        {"good", "good", 2, 0, TLS_PROOF_NONE, TLS_FAILURE_NO_TLSA_MATCH},
        {"selfsigned", "selfsigned", 2, 0, TLS_PROOF_DANE_TA, TLS_FAILURE_NONE},
        /* Names and dates do matter there. */
        {"anchored-wrong", "ca", 2, 0, TLS_PROOF_NONE, TLS_FAILURE_WRONG_NAME},
        {"anchored-expired", "ca", 2, 1, TLS_PROOF_NONE, TLS_FAILURE_EXPIRED},
        {"anchored-sha1", "ca", 2, 1, TLS_PROOF_NONE, TLS_FAILURE_WEAK},
        /* A common name does where no DNS-ID is (RFC 7672 3.2.3). */
        {"anchored-nosan", "ca", 2, 1, TLS_PROOF_DANE_TA, TLS_FAILURE_NONE},
        /* Not for SMTP. */
        {"good", "good", 1, 0, TLS_PROOF_NONE, TLS_FAILURE_NO_TLSA_MATCH},
        {"rooted", "ca", 0, 0, TLS_PROOF_NONE, TLS_FAILURE_NO_TLSA_MATCH},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases) * 3; i++) {
        size_t which = i / 3;
        struct tlsa_record record =
            describe(cases[which].about, cases[which].usage, cases[which].selector, (int)(i % 3));
        struct tls_verdict verdict = judge(cases[which].server, &record, 1, SPAN("mx.example.org"));
        if (verdict.proof != cases[which].proof || verdict.failure != cases[which].failure)
            fail_msg("%s by %d %d %d of %s: %s %.*s", cases[which].server, cases[which].usage,
                     cases[which].selector, (int)(i % 3), cases[which].about,
                     tls_failure_name(verdict.failure), verdict.text_size, verdict.text);
    }
}

/* 2 x 0: what stands whole in the record need not be sent (RFC 7671 5.2.2). */
static void test_anchor_from_the_record(void **state)
{
    (void)state;
    static const struct {
        const char *server, *about;
        int selector, matching;
        enum tls_failure failure;
    } cases[] = {
        {"good", "ca", 0, 0, TLS_FAILURE_NONE},
        {"good", "ca", 1, 0, TLS_FAILURE_NONE},
        {"chained", "ca", 0, 0, TLS_FAILURE_NONE},
        {"chained", "ca", 1, 0, TLS_FAILURE_NONE},
        {"broken", "middle", 0, 0, TLS_FAILURE_NONE},
        {"broken", "middle", 1, 0, TLS_FAILURE_NONE},
        {"broken", "ca", 0, 0, TLS_FAILURE_UNKNOWN_CA},
        {"broken", "ca", 1, 0, TLS_FAILURE_NO_TLSA_MATCH},
        {"good", "other", 0, 0, TLS_FAILURE_UNKNOWN_CA},
        {"good", "other", 1, 0, TLS_FAILURE_NO_TLSA_MATCH},
        {"expired", "ca", 1, 0, TLS_FAILURE_EXPIRED},
        {"expired", "ca", 0, 0, TLS_FAILURE_EXPIRED},
        {"wrong", "ca", 1, 0, TLS_FAILURE_WRONG_NAME},
        /* A digest does not bring the certificate along. */
        {"good", "ca", 0, 1, TLS_FAILURE_NO_TLSA_MATCH},
        {"chained", "ca", 1, 2, TLS_FAILURE_NO_TLSA_MATCH},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct tlsa_record record =
            describe(cases[i].about, TLSA_DANE_TA, cases[i].selector, cases[i].matching);
        struct tls_verdict verdict = judge(cases[i].server, &record, 1, SPAN("mx.example.org"));
        if (verdict.failure != cases[i].failure)
            fail_msg("%s by 2 %d %d of %s: %s %.*s", cases[i].server, cases[i].selector,
                     cases[i].matching, cases[i].about, tls_failure_name(verdict.failure),
                     verdict.text_size, verdict.text);
    }
}

static void test_sets_of_records(void **state)
{
    (void)state;
    struct span host = SPAN("mx.example.org");
    struct tlsa_record good = describe("good", 3, 1, 1), next = describe("renewed", 3, 1, 1);
    struct tlsa_record set[4] = {next, good};
    assert_int_equal(judge("good", set, 2, host).proof, TLS_PROOF_DANE_EE); /* a roll-over */
    assert_int_equal(judge("renewed", set, 2, host).proof, TLS_PROOF_DANE_EE);
    assert_int_equal(judge("rsa", set, 2, host).failure, TLS_FAILURE_NO_TLSA_MATCH);
    assert_int_equal(judge("good", set, 0, host).failure, TLS_FAILURE_NO_TLSA_MATCH);
    /* Digest agility (RFC 7671 9): a SHA2-512 of the same usage and selector outdoes the SHA2-256.
     */
    set[0] = good;
    set[1] = describe("renewed", 3, 1, 2);
    assert_int_equal(judge("good", set, 2, host).failure, TLS_FAILURE_NO_TLSA_MATCH);
    assert_int_equal(judge("renewed", set, 2, host).proof, TLS_PROOF_DANE_EE);
    set[1] = describe("renewed", 3, 0, 2); /* another selector does not */
    assert_int_equal(judge("good", set, 2, host).proof, TLS_PROOF_DANE_EE);
    set[1].data.size = 63; /* nor one that is unusable */
    set[1].selector = 1;
    assert_int_equal(judge("good", set, 2, host).proof, TLS_PROOF_DANE_EE);
    set[0] = describe("good", 3, 1, 0); /* nor does it concern what is full */
    set[1] = describe("renewed", 3, 1, 2);
    assert_int_equal(judge("good", set, 2, host).proof, TLS_PROOF_DANE_EE);
    /* Usage 3 is enough where usage 2 of the same set fails. */
    set[0] = describe("ca", 2, 0, 0);
    set[1] = describe("expired", 3, 1, 1);
    assert_int_equal(judge("expired", set, 2, host).proof, TLS_PROOF_DANE_EE);
    assert_int_equal(judge("good", set, 2, host).proof, TLS_PROOF_DANE_TA);
    assert_int_equal(judge("good", set, 2, SPAN("mx.example.com")).failure, TLS_FAILURE_WRONG_NAME);
    /* More than are looked at. */
    static struct tlsa_record many[DANE_RECORDS_MAX + 1];
    for (size_t i = 0; i < ARRAY_LEN(many); i++)
        many[i] = next;
    many[DANE_RECORDS_MAX - 1] = good;
    assert_int_equal(judge("good", many, ARRAY_LEN(many), host).proof, TLS_PROOF_DANE_EE);
    many[DANE_RECORDS_MAX - 1] = next;
    many[DANE_RECORDS_MAX] = good;
    assert_int_equal(judge("good", many, ARRAY_LEN(many), host).failure, TLS_FAILURE_NO_TLSA_MATCH);
}

static void test_broken_chains(void **state)
{
    (void)state;
    struct sent sent = send_chain("rooted");
    struct tlsa_record record = describe("ca", 2, 0, 1);
    struct span name = SPAN("mx.example.org"), chain[3];
    struct tls_verify_options options = {.method = TLS_METHOD_DANE,
                                         .names = &name,
                                         .names_count = 1,
                                         .records = &record,
                                         .records_count = 1};
    struct tls_verdict verdict;
    tls_verify_chain(&sent.context, &options, NULL, 0, TEST_NOW_S, &verdict);
    assert_int_equal(verdict.failure, TLS_FAILURE_CERTIFICATE);
    for (size_t cut = 0; cut < sent.chain[0].size; cut += 7) {
        chain[0] = span_first(sent.chain[0], cut);
        tls_verify_chain(&sent.context, &options, chain, 1, TEST_NOW_S, &verdict);
        assert_int_equal(verdict.failure, TLS_FAILURE_CERTIFICATE);
    }
    /* In disorder, as some servers send it, the root is found all the same. */
    chain[0] = sent.chain[0], chain[1] = sent.chain[2], chain[2] = sent.chain[1];
    tls_verify_chain(&sent.context, &options, chain, 3, TEST_NOW_S, &verdict);
    assert_int_equal(verdict.proof, TLS_PROOF_DANE_TA);
    /* Behind a certificate that cannot be read nothing is looked at. */
    chain[1] = SPAN("no certificate");
    chain[2] = sent.chain[2];
    tls_verify_chain(&sent.context, &options, chain, 3, TEST_NOW_S, &verdict);
    assert_int_equal(verdict.failure, TLS_FAILURE_NO_TLSA_MATCH);
    tls_context_close(&sent.context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_usable),         cmocka_unit_test(test_one_record),
        cmocka_unit_test(test_anchor_from_the_record), cmocka_unit_test(test_sets_of_records),
        cmocka_unit_test(test_broken_chains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
