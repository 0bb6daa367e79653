#include "tls/tls_policy.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "base/check.h"

static const uint8_t digest[64];

enum sts_case { NO_STS, STS_IS_NONE, TESTING, TESTING_OTHER, ENFORCE, ENFORCE_OTHER, STS_CASES };
enum dane_case { NO_DANE, INSECURE, USABLE, UNUSABLE, BOGUS, DANE_CASES };
enum message_case { PLAIN, REQUIRETLS, REQUIRETLS_UNVOUCHED, TLS_NO, BOTH, MESSAGE_CASES };

static const struct tlsa_record usable[] = {
    {TLSA_PKIX_EE, TLSA_PUBLIC_KEY, TLSA_SHA256, {digest, 32}},
    {TLSA_DANE_EE, TLSA_PUBLIC_KEY, TLSA_SHA256, {digest, 32}},
};
static const struct tlsa_record unusable[] = {
    {TLSA_PKIX_TA, TLSA_CERTIFICATE, TLSA_SHA256, {digest, 32}},
    {TLSA_DANE_EE, TLSA_PUBLIC_KEY, TLSA_SHA256, {digest, 31}},
};

static struct sts_policy sts_make(enum sts_mode mode, const char *pattern)
{
    struct sts_policy policy = {.mode = mode, .max_age_s = 1};

    policy.patterns_size = (uint32_t)strlen(pattern);
    memcpy(policy.patterns, pattern, strlen(pattern));
    return policy;
}

struct setting {
    struct sts_policy sts;
    struct tls_policy_facts facts;
};

static void setting_make(struct setting *setting, enum tls_policy_mode mode, enum dane_case dane,
                         enum sts_case sts, enum message_case message)
{
    static const enum sts_mode modes[] = {STS_NONE,    STS_NONE,    STS_TESTING,
                                          STS_TESTING, STS_ENFORCE, STS_ENFORCE};
    bool other = sts == TESTING_OTHER || sts == ENFORCE_OTHER;

    memset(setting, 0, sizeof(*setting));
    setting->sts = sts_make(modes[sts], other ? "mx.other.example\n" : "*.host.example\n");
    setting->facts = (struct tls_policy_facts){
        .domain = SPAN("domain.example"),
        .host = SPAN("mx.host.example"),
        .mx_secure = message == REQUIRETLS || message == BOTH,
        .mode = mode,
        .mode_is_set = mode != TLS_POLICY_OPPORTUNISTIC,
        .sts = sts == NO_STS ? NULL : &setting->sts,
        .require_tls = message != PLAIN && message != TLS_NO,
        .tls_optional = message == TLS_NO || message == BOTH,
        .dane = dane == INSECURE ? TLS_POLICY_DANE_INSECURE : TLS_POLICY_DANE_NONE,
    };
    if (dane == BOGUS)
        setting->facts.dane = TLS_POLICY_DANE_BOGUS;
    if (dane != USABLE && dane != UNUSABLE)
        return;
    setting->facts.dane = TLS_POLICY_DANE_SECURE;
    setting->facts.records = dane == USABLE ? usable : unusable;
    setting->facts.records_count = 2;
}

/* The rows that matter, by hand. C clear, E encrypted, V verified by the Web PKI, D by DANE, O off,
 * X not used; then who says so. */
static const struct {
    enum tls_policy_mode mode;
    enum dane_case dane;
    enum sts_case sts;
    enum message_case message;
    char demand;
    const char *explanation;
} rows[] = {
    {TLS_POLICY_OPPORTUNISTIC, NO_DANE, NO_STS, PLAIN, 'C', "opportunistic (default)"},
    {TLS_POLICY_OPPORTUNISTIC, INSECURE, NO_STS, PLAIN, 'C',
     "opportunistic (default; TLSA not signed)"},
    {TLS_POLICY_OPPORTUNISTIC, NO_DANE, STS_IS_NONE, PLAIN, 'C', "opportunistic (default)"},
    {TLS_POLICY_OPPORTUNISTIC, NO_DANE, TESTING, PLAIN, 'C',
     "opportunistic (default; MTA-STS testing)"},
    {TLS_POLICY_OPPORTUNISTIC, NO_DANE, TESTING_OTHER, PLAIN, 'C',
     "opportunistic (default; MTA-STS testing); the MTA-STS policy does not name this host, which "
     "enforce "
     "would refuse"},
    {TLS_POLICY_OPPORTUNISTIC, NO_DANE, ENFORCE, PLAIN, 'V', "verified (MTA-STS enforce)"},
    {TLS_POLICY_OPPORTUNISTIC, NO_DANE, ENFORCE_OTHER, PLAIN, 'X',
     "not used: the MTA-STS policy (enforce) does not name this host"},
    {TLS_POLICY_OPPORTUNISTIC, USABLE, NO_STS, PLAIN, 'D',
     "verified by DANE (1 usable TLSA record at mx.host.example)"},
    {TLS_POLICY_OPPORTUNISTIC, UNUSABLE, NO_STS, PLAIN, 'E',
     "encrypted (DANE: TLSA records, none usable)"},
    {TLS_POLICY_OPPORTUNISTIC, BOGUS, NO_STS, PLAIN, 'X',
     "not used: the TLSA answer is bogus or did not come (DANE)"},
    /* DANE goes before MTA-STS; what DANE leaves open, MTA-STS may demand. */
    {TLS_POLICY_OPPORTUNISTIC, USABLE, ENFORCE, PLAIN, 'D',
     "verified by DANE (1 usable TLSA record at mx.host.example)"},
    {TLS_POLICY_OPPORTUNISTIC, USABLE, ENFORCE_OTHER, PLAIN, 'D',
     "verified by DANE (1 usable TLSA record at mx.host.example)"},
    {TLS_POLICY_OPPORTUNISTIC, UNUSABLE, ENFORCE, PLAIN, 'V', "verified (MTA-STS enforce)"},
    {TLS_POLICY_OPPORTUNISTIC, BOGUS, ENFORCE, PLAIN, 'X',
     "not used: the TLSA answer is bogus or did not come (DANE)"},
    {TLS_POLICY_OPPORTUNISTIC, INSECURE, ENFORCE, PLAIN, 'V', "verified (MTA-STS enforce)"},
    /* Configuration. */
    {TLS_POLICY_OFF, NO_DANE, NO_STS, PLAIN, 'O', "off (configuration)"},
    {TLS_POLICY_OFF, USABLE, ENFORCE, PLAIN, 'O', "off (configuration)"},
    {TLS_POLICY_OFF, BOGUS, ENFORCE_OTHER, PLAIN, 'O', "off (configuration)"},
    {TLS_POLICY_REQUIRED, NO_DANE, NO_STS, PLAIN, 'E', "encrypted (configuration)"},
    {TLS_POLICY_REQUIRED, NO_DANE, ENFORCE, PLAIN, 'V', "verified (MTA-STS enforce)"},
    {TLS_POLICY_REQUIRED, USABLE, NO_STS, PLAIN, 'D',
     "verified by DANE (1 usable TLSA record at mx.host.example)"},
    {TLS_POLICY_REQUIRED, BOGUS, NO_STS, PLAIN, 'X',
     "not used: the TLSA answer is bogus or did not come (DANE)"},
    {TLS_POLICY_VERIFIED, NO_DANE, NO_STS, PLAIN, 'V', "verified (configuration)"},
    {TLS_POLICY_VERIFIED, UNUSABLE, NO_STS, PLAIN, 'V', "verified (configuration)"},
    {TLS_POLICY_VERIFIED, NO_DANE, ENFORCE_OTHER, PLAIN, 'X',
     "not used: the MTA-STS policy (enforce) does not name this host"},
    /* The message. */
    {TLS_POLICY_OPPORTUNISTIC, NO_DANE, NO_STS, REQUIRETLS, 'V', "verified (REQUIRETLS)"},
    {TLS_POLICY_OPPORTUNISTIC, NO_DANE, NO_STS, REQUIRETLS_UNVOUCHED, 'X',
     "not used: REQUIRETLS, and neither DNSSEC nor MTA-STS vouches for the host's name"},
    {TLS_POLICY_OPPORTUNISTIC, NO_DANE, TESTING, REQUIRETLS_UNVOUCHED, 'V',
     "verified (REQUIRETLS)"},
    {TLS_POLICY_OPPORTUNISTIC, NO_DANE, TESTING_OTHER, REQUIRETLS_UNVOUCHED, 'X',
     "not used: REQUIRETLS, and neither DNSSEC nor MTA-STS vouches for the host's name; the "
     "MTA-STS policy "
     "does not name this host, which enforce would refuse"},
    {TLS_POLICY_OFF, NO_DANE, NO_STS, REQUIRETLS, 'V', "verified (REQUIRETLS)"},
    {TLS_POLICY_OPPORTUNISTIC, USABLE, NO_STS, REQUIRETLS, 'D',
     "verified by DANE (1 usable TLSA record at mx.host.example)"},
    {TLS_POLICY_OPPORTUNISTIC, BOGUS, ENFORCE_OTHER, TLS_NO, 'C',
     "opportunistic (default; TLS-Required: No)"},
    {TLS_POLICY_OPPORTUNISTIC, USABLE, ENFORCE, TLS_NO, 'C',
     "opportunistic (default; TLS-Required: No)"},
    {TLS_POLICY_REQUIRED, USABLE, ENFORCE, TLS_NO, 'E', "encrypted (configuration)"},
    {TLS_POLICY_VERIFIED, NO_DANE, NO_STS, TLS_NO, 'V', "verified (configuration)"},
    {TLS_POLICY_OPPORTUNISTIC, NO_DANE, ENFORCE, BOTH, 'V', "verified (MTA-STS enforce)"},
    {TLS_POLICY_OPPORTUNISTIC, BOGUS, NO_STS, BOTH, 'X',
     "not used: the TLSA answer is bogus or did not come (DANE); TLS-Required: No does not count "
     "beside "
     "REQUIRETLS"},
};

static char letter(const struct tls_demand *demand)
{
    if (demand->refused != TLS_FAULT_NONE)
        return 'X';
    if (demand->off)
        return 'O';
    if (demand->level == TLS_LEVEL_VERIFIED)
        return demand->dane ? 'D' : 'V';
    return demand->level == TLS_LEVEL_ENCRYPTED ? 'E' : 'C';
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct tls_policy_merged merged;
        struct setting setting;
        uint8_t buffer[512];
        struct text text;

        setting_make(&setting, rows[i].mode, rows[i].dane, rows[i].sts, rows[i].message);
        tls_policy_merge(&setting.facts, &merged);
        text_init(&text, buffer, sizeof(buffer));
        tls_policy_explain(&setting.facts, &merged, &text);
        if (letter(&merged.demand) != rows[i].demand)
            fail_msg("row %zu: %c, %s", i, letter(&merged.demand), text_cstr_end(&text));
        assert_string_equal(text_cstr_end(&text), rows[i].explanation);
    }
}

/* What must hold in all 4 * 5 * 6 * 5 settings, said in another way than the code says it. */
static void check_setting(const struct setting *setting, enum tls_policy_mode mode,
                          enum dane_case dane, enum sts_case sts, enum message_case message)
{
    bool requires = message == REQUIRETLS || message == REQUIRETLS_UNVOUCHED || message == BOTH;
    bool heard = (mode != TLS_POLICY_OFF || requires) && message != TLS_NO;
    struct tls_policy_merged merged;
    uint8_t buffer[512];
    struct text text;
    char got;

    tls_policy_merge(&setting->facts, &merged);
    got = letter(&merged.demand);
    if (heard && dane == BOGUS)
        assert_int_equal(got, 'X');
    if (heard && dane == USABLE)
        assert_true(got == 'D' || (got == 'X' && message == REQUIRETLS_UNVOUCHED));
    if (heard && sts == ENFORCE_OTHER && dane != USABLE)
        assert_int_equal(got, 'X');
    if (heard && sts == ENFORCE && dane != BOGUS)
        assert_true(got == 'V' || got == 'D' || (got == 'X' && message == REQUIRETLS_UNVOUCHED));
    if (heard && dane == UNUSABLE)
        assert_true(got != 'C' && got != 'O');
    if (mode == TLS_POLICY_VERIFIED || requires)
        assert_true(got == 'V' || got == 'D' || got == 'X');
    if (mode == TLS_POLICY_REQUIRED)
        assert_true(got != 'C' && got != 'O');
    if (!heard) /* the receiver's policies refuse nothing and raise nothing */
        assert_int_equal(got, mode == TLS_POLICY_OFF             ? 'O'
                              : mode == TLS_POLICY_OPPORTUNISTIC ? 'C'
                              : mode == TLS_POLICY_REQUIRED      ? 'E'
                                                                 : 'V');
    /* Testing alone changes nothing but the reports. */
    if (sts == TESTING || sts == TESTING_OTHER) {
        struct tls_policy_facts facts = setting->facts;
        struct tls_policy_merged without;

        facts.sts = NULL;
        tls_policy_merge(&facts, &without);
        if (message != REQUIRETLS_UNVOUCHED)
            assert_int_equal(got, letter(&without.demand));
        assert_int_equal(merged.demand.testing, heard && !merged.demand.dane);
    }
    assert_true(merged.demand.names_count >= 1);
    assert_true(merged.demand.dane == (merged.demand.records_count > 0));
    text_init(&text, buffer, sizeof(buffer));
    tls_policy_explain(&setting->facts, &merged, &text);
    assert_true(text.size > 0 && !text.overflow);
}

static void test_whole_matrix(void **state)
{
    (void)state;
    for (uint32_t mode = 0; mode <= TLS_POLICY_VERIFIED; mode++)
        for (uint32_t dane = 0; dane < DANE_CASES; dane++)
            for (uint32_t sts = 0; sts < STS_CASES; sts++)
                for (uint32_t message = 0; message < MESSAGE_CASES; message++) {
                    struct setting setting;

                    setting_make(&setting, mode, dane, sts, message);
                    check_setting(&setting, mode, dane, sts, message);
                }
}

/* What broke before lowers nothing that is demanded. */
static void test_memory_of_broken_tls(void **state)
{
    (void)state;
    for (uint32_t mode = 0; mode <= TLS_POLICY_VERIFIED; mode++)
        for (uint32_t dane = 0; dane < DANE_CASES; dane++)
            for (uint32_t sts = 0; sts < STS_CASES; sts++) {
                struct tls_policy_merged fresh, broken, expired;
                struct setting setting;

                setting_make(&setting, mode, dane, sts, PLAIN);
                tls_policy_merge(&setting.facts, &fresh);
                setting.facts.broken = TLS_FAULT_HANDSHAKE;
                tls_policy_merge(&setting.facts, &broken);
                setting.facts.broken = TLS_FAULT_EXPIRED;
                tls_policy_merge(&setting.facts, &expired);
                assert_int_equal(letter(&expired.demand), letter(&fresh.demand));
                assert_int_equal(letter(&broken.demand),
                                 letter(&fresh.demand) == 'C' ? 'O' : letter(&fresh.demand));
            }
}

static void test_broken_is_explained(void **state)
{
    struct tls_policy_merged merged;
    struct setting setting;
    uint8_t buffer[512];
    struct text text;

    (void)state;
    setting_make(&setting, TLS_POLICY_OPPORTUNISTIC, NO_DANE, NO_STS, PLAIN);
    setting.facts.broken = TLS_FAULT_HANDSHAKE;
    tls_policy_merge(&setting.facts, &merged);
    text_init(&text, buffer, sizeof(buffer));
    tls_policy_explain(&setting.facts, &merged, &text);
    assert_true(span_starts(text_span(&text), SPAN("clear for now: TLS was broken here (")));
}

static void test_names(void **state)
{
    struct tls_policy_merged merged;
    struct setting setting;

    (void)state;
    setting_make(&setting, TLS_POLICY_OPPORTUNISTIC, USABLE, NO_STS, PLAIN);
    setting.facts.tlsa_base = SPAN("real.host.example");
    tls_policy_merge(&setting.facts, &merged);
    assert_int_equal(merged.demand.names_count, 3);
    assert_true(span_equal(merged.demand.names[0], SPAN("real.host.example")));
    assert_true(span_equal(merged.demand.names[1], SPAN("domain.example")));
    assert_true(span_equal(merged.demand.names[2], SPAN("mx.host.example")));
    assert_ptr_equal(merged.demand.records, usable);

    setting_make(&setting, TLS_POLICY_OPPORTUNISTIC, NO_DANE, ENFORCE, PLAIN);
    tls_policy_merge(&setting.facts, &merged);
    assert_int_equal(merged.demand.names_count, 1);
    assert_true(span_equal(merged.demand.names[0], SPAN("mx.host.example")));
}

static void test_usable(void **state)
{
    static const struct {
        struct tlsa_record record;
        bool usable;
    } cases[] = {
        {{2, 0, 0, {digest, 5}}, true},     {{2, 0, 1, {digest, 32}}, true},
        {{2, 1, 2, {digest, 64}}, true},    {{3, 0, 1, {digest, 32}}, true},
        {{3, 1, 1, {digest, 32}}, true},    {{3, 1, 2, {digest, 64}}, true},
        {{0, 1, 1, {digest, 32}}, false},   {{1, 1, 1, {digest, 32}}, false},
        {{4, 1, 1, {digest, 32}}, false},   {{255, 1, 1, {digest, 32}}, false},
        {{3, 2, 1, {digest, 32}}, false},   {{3, 1, 3, {digest, 32}}, false},
        {{3, 1, 255, {digest, 32}}, false}, {{3, 1, 1, {digest, 33}}, false},
        {{3, 1, 1, {digest, 64}}, false},   {{3, 1, 2, {digest, 32}}, false},
        {{3, 1, 0, {digest, 0}}, false},    {{3, 1, 1, {NULL, 0}}, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (tls_policy_usable(&cases[i].record) != cases[i].usable)
            fail_msg("record %zu", i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_whole_matrix),
        cmocka_unit_test(test_memory_of_broken_tls),
        cmocka_unit_test(test_broken_is_explained),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_usable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
