#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "engine/unmet.h"
#include "tls/tls_policy.h"

#define NOW_NS (100 * NS_PER_S)
#define ENCRYPTED TLS_POLICY_ENCRYPTED
#define VERIFIED TLS_POLICY_VERIFIED
#define OBEYED TLS_POLICY_OBEYED
#define OFFERED TLS_POLICY_OFFERED
#define DEMANDED (ENCRYPTED | VERIFIED | OFFERED) /* by REQUIRETLS */

struct host {
    uint32_t has;
    enum tls_fault fault;
    bool definite;
    uint32_t age; /* 0: fresh; 1: what is known has passed; 2: nothing is known */
    const char *words;
};

static bool left_out; /* a host, by the route */

static struct outcome outcome_of(uint32_t needs, enum unmet_doubt doubt, const struct host *hosts,
                                 uint8_t count)
{
    static struct destination destination;
    struct unmet unmet = {
        .destination = &destination, .needs = needs, .doubt = doubt, .now_ns = NOW_NS};

    memset(&destination, 0, sizeof(destination));
    destination.hosts_count = count;
    destination.partial = left_out;
    for (uint8_t i = 0; i < count; i++) {
        struct destination_reach *reach = &destination.reached[i];

        memcpy(destination.hosts[i], (char[]){'m', 'x', (char)('1' + i), 0}, 4);
        reach->until_ns = hosts[i].age == 0 ? NOW_NS + 1 : hosts[i].age == 1 ? NOW_NS : 0;
        reach->has = hosts[i].has;
        reach->fault = hosts[i].fault;
        reach->definite = hosts[i].definite;
        if (hosts[i].words != NULL)
            memcpy(reach->words, hosts[i].words, strlen(hosts[i].words) + 1);
    }
    return unmet_outcome(&unmet);
}

static void check(const char *label, const struct outcome *outcome, enum outcome_kind kind,
                  const char *words)
{
    struct span said = span_make(outcome->reply.text, outcome->reply.text_size);

    if (outcome->kind != kind || !span_equal(said, span_cstr(words)))
        print_message("%s: %s: %.*s\n", label, outcome_kind_name(outcome->kind), (int)said.size,
                      (const char *)said.data);
    assert_int_equal(outcome->kind, kind);
    assert_int_equal(outcome->cause, CAUSE_TLS);
    assert_int_equal(outcome->stage, kind == OUTCOME_FAILED ? STAGE_MAIL : STAGE_TLS);
    assert_true(span_equal(said, span_cstr(words)));
}

/* Of the host that the route leaves out nobody knows what it offers. */
static void test_a_host_left_out(void **state)
{
    static const struct host host = {ENCRYPTED | VERIFIED, TLS_FAULT_NONE, false, 0, NULL};
    struct outcome outcome;

    (void)state;
    outcome = outcome_of(DEMANDED, UNMET_NO_DOUBT, &host, 1);
    assert_int_equal(outcome.kind, OUTCOME_FAILED);
    left_out = true;
    outcome = outcome_of(DEMANDED, UNMET_NO_DOUBT, &host, 1);
    left_out = false;
    check("left out", &outcome, OUTCOME_DEFERRED,
          "verified TLS is demanded (REQUIRETLS), but of mx1: it does not offer REQUIRETLS");
}

/* RFC 8689 4.2.1: for good only when every host has refused by itself, and lately. */
static void test_for_good_or_for_now(void **state)
{
    static const struct {
        const char *label;
        uint32_t needs;
        struct host hosts[2];
        uint8_t count;
        enum outcome_kind kind;
        const char *words;
    } cases[] = {
        {"none offers it",
         DEMANDED,
         {{ENCRYPTED | VERIFIED, 0, false, 0, NULL}},
         1,
         OUTCOME_FAILED,
         "5.7.30 REQUIRETLS is demanded, and no mail host of the domain offers it"},
        {"no STARTTLS",
         DEMANDED,
         {{0, TLS_FAULT_NO_STARTTLS, true, 0, NULL}},
         1,
         OUTCOME_FAILED,
         "5.7.10 verified TLS is demanded (REQUIRETLS), but of mx1: the server does not offer TLS"},
        {"a wrong certificate",
         DEMANDED,
         {{ENCRYPTED | OFFERED, TLS_FAULT_NAME, true, 0, "it is for x"}},
         1,
         OUTCOME_FAILED,
         "5.7.10 verified TLS is demanded (REQUIRETLS), but of mx1: it is for x"},
        {"one so, one so",
         DEMANDED,
         {{ENCRYPTED | VERIFIED, 0, false, 0, NULL}, {0, TLS_FAULT_NO_STARTTLS, true, 0, NULL}},
         2,
         OUTCOME_FAILED,
         "5.7.10 verified TLS is demanded (REQUIRETLS), but of mx1: it does not offer REQUIRETLS"},
        {"records that do not fit",
         DEMANDED | OBEYED,
         {{ENCRYPTED | OFFERED, TLS_FAULT_TLSA_INVALID, true, 0, NULL}},
         1,
         OUTCOME_FAILED,
         "5.7.10 verified TLS is demanded (REQUIRETLS), but of mx1: no TLSA record matches the "
         "certificate"},
        {"STARTTLS refused for now",
         DEMANDED,
         {{0, TLS_FAULT_NO_STARTTLS, false, 0, "the server offers TLS and refuses it"}},
         1,
         OUTCOME_DEFERRED,
         "verified TLS is demanded (REQUIRETLS), but of mx1: the server offers TLS and refuses it"},
        {"a broken handshake",
         DEMANDED,
         {{0, TLS_FAULT_HANDSHAKE, false, 0, "an alert"}},
         1,
         OUTCOME_DEFERRED,
         "verified TLS is demanded (REQUIRETLS), but of mx1: an alert"},
        {"one refuses, one is in trouble",
         DEMANDED,
         {{0, TLS_FAULT_NO_STARTTLS, true, 0, NULL}, {0, TLS_FAULT_HANDSHAKE, false, 0, "x"}},
         2,
         OUTCOME_DEFERRED,
         "verified TLS is demanded (REQUIRETLS), but of mx1: the server does not offer TLS"},
        {"one refuses, one was never reached",
         DEMANDED,
         {{0, TLS_FAULT_NO_STARTTLS, true, 2, NULL}, {0, TLS_FAULT_NO_STARTTLS, true, 0, NULL}},
         2,
         OUTCOME_DEFERRED,
         "verified TLS is demanded (REQUIRETLS), but of mx2: the server does not offer TLS"},
        {"it was so a while ago",
         DEMANDED,
         {{0, TLS_FAULT_NO_STARTTLS, true, 1, NULL}},
         1,
         OUTCOME_DEFERRED,
         "verified TLS is demanded (REQUIRETLS), but of mx1: the server does not offer TLS"},
        {"the other host has all",
         DEMANDED,
         {{0, TLS_FAULT_NO_STARTTLS, true, 0, NULL}, {DEMANDED, 0, false, 0, NULL}},
         2,
         OUTCOME_DEFERRED,
         "verified TLS is demanded (REQUIRETLS), but of mx1: the server does not offer TLS"},
        {"no host",
         DEMANDED,
         {{0, 0, false, 2, NULL}},
         0,
         OUTCOME_DEFERRED,
         "verified TLS is demanded (REQUIRETLS)"},
        {"MTA-STS, the same host",
         ENCRYPTED | VERIFIED,
         {{0, TLS_FAULT_NO_STARTTLS, true, 0, NULL}},
         1,
         OUTCOME_DEFERRED,
         "verified TLS is demanded, but of mx1: the server does not offer TLS"},
        {"configuration",
         ENCRYPTED,
         {{0, TLS_FAULT_NO_STARTTLS, true, 0, NULL}},
         1,
         OUTCOME_DEFERRED,
         "TLS is demanded, but of mx1: the server does not offer TLS"},
        {"DANE",
         OBEYED,
         {{ENCRYPTED, TLS_FAULT_TLSA_INVALID, true, 0, NULL}},
         1,
         OUTCOME_DEFERRED,
         "TLS is demanded by DANE, but of mx1: no TLSA record matches the certificate"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct outcome outcome =
            outcome_of(cases[i].needs, UNMET_NO_DOUBT, cases[i].hosts, cases[i].count);

        check(cases[i].label, &outcome, cases[i].kind, cases[i].words);
    }
}

/* What the operator, or a policy server, has to mend fails nobody's list. */
static void test_names_without_proof(void **state)
{
#define NOBODY                                                                                     \
    "REQUIRETLS is demanded, and neither DNSSEC nor MTA-STS proves the names of the mail hosts"
    static const struct {
        enum unmet_doubt doubt;
        enum outcome_kind kind;
        const char *words;
    } cases[] = {
        {UNMET_NO_DOUBT, OUTCOME_FAILED, "5.7.10 " NOBODY},
        {UNMET_AD_NOT_ASKED, OUTCOME_DEFERRED,
         NOBODY " (dns.trust_ad is off: what DNSSEC says is not known)"},
        {UNMET_AD_NEVER_SEEN, OUTCOME_DEFERRED,
         NOBODY
         " (dns.trust_ad is on, and a resolver that was asked has not told a secure answer yet)"},
        {UNMET_STS_NOT_ASKED, OUTCOME_DEFERRED,
         NOBODY " (tls.mta_sts is off, or TLS is for the domain)"},
        {UNMET_STS_OLD, OUTCOME_DEFERRED, NOBODY " (whether it has a policy now is not known yet)"},
        {UNMET_STS_FAILED, OUTCOME_DEFERRED, NOBODY " (its policy could not be fetched)"},
    };
    static const struct host nothing = {.age = 2};
    struct outcome outcome;

    (void)state;
    assert_int_equal(ARRAY_LEN(cases), UNMET_DOUBT_COUNT);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        outcome = outcome_of(DEMANDED | TLS_POLICY_VOUCHED, cases[i].doubt, &nothing, 1);
        check("names", &outcome, cases[i].kind, cases[i].words);
    }
    /* A policy that names none of the hosts is its owner's to mend, REQUIRETLS or not. */
    outcome =
        outcome_of(DEMANDED | TLS_POLICY_VOUCHED | TLS_POLICY_NAMED, UNMET_NO_DOUBT, &nothing, 1);
    check("unnamed", &outcome, OUTCOME_DEFERRED,
          "the MTA-STS policy of the domain names none of its mail hosts");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_host_left_out),
        cmocka_unit_test(test_for_good_or_for_now),
        cmocka_unit_test(test_names_without_proof),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
