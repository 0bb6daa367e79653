#include "tls/tls_policy.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

enum sts_case { NO_STS, TESTING, TESTING_OTHER, ENFORCE, ENFORCE_OTHER, STS_CASES };
enum dane_case { NO_DANE, INSECURE, USABLE, UNUSABLE, BOGUS, DANE_CASES };
enum message_case { PLAIN, REQUIRETLS, REQUIRETLS_UNVOUCHED, TLS_NO, BOTH, MESSAGE_CASES };

struct setting {
    struct tls_policy_mail mail;
    struct tls_policy_host host;
};

static struct setting setting_of(enum tls_policy_mode mode, enum dane_case dane, enum sts_case sts,
                                 enum message_case message)
{
    static const enum tls_policy_dane states[DANE_CASES] = {
        TLS_POLICY_DANE_NONE, TLS_POLICY_DANE_USABLE, TLS_POLICY_DANE_USABLE,
        TLS_POLICY_DANE_UNUSABLE, TLS_POLICY_DANE_FAILED};
    bool secure = (dane != NO_DANE && dane != INSECURE) || message == REQUIRETLS || message == BOTH;

    return (struct setting){
        .mail = {.mode = mode,
                 .mode_is_set = mode != TLS_POLICY_OPPORTUNISTIC,
                 .mx_secure = secure,
                 .dane = secure,
                 .enforced = sts == ENFORCE || sts == ENFORCE_OTHER,
                 .sts_vouched = sts == ENFORCE || sts == TESTING,
                 .require_tls = message != PLAIN && message != TLS_NO,
                 .tls_optional = message == TLS_NO || message == BOTH},
        .host = {.dane = dane == INSECURE && secure ? TLS_POLICY_DANE_NONE : states[dane],
                 .insecure = dane == INSECURE,
                 .tlsa_base = SPAN("mx.host.example"),
                 .usable_count = 1,
                 .testing = sts == TESTING || sts == TESTING_OTHER,
                 .unnamed = sts == TESTING_OTHER || sts == ENFORCE_OTHER}};
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
    {TLS_POLICY_OPPORTUNISTIC, USABLE, ENFORCE_OTHER, PLAIN, 'X',
     "not used: the MTA-STS policy (enforce) does not name this host"},
    {TLS_POLICY_OPPORTUNISTIC, UNUSABLE, ENFORCE, PLAIN, 'V', "verified (MTA-STS enforce)"},
    {TLS_POLICY_OPPORTUNISTIC, BOGUS, ENFORCE, PLAIN, 'X',
     "not used: the TLSA answer is bogus or did not come (DANE)"},
    {TLS_POLICY_OPPORTUNISTIC, INSECURE, ENFORCE, PLAIN, 'V', "verified (MTA-STS enforce)"},
    /* Configuration. */
    {TLS_POLICY_OFF, NO_DANE, NO_STS, PLAIN, 'O', "off (configuration)"},
    {TLS_POLICY_OFF, USABLE, ENFORCE, PLAIN, 'O', "off (configuration)"},
    {TLS_POLICY_OFF, BOGUS, ENFORCE, PLAIN, 'O', "off (configuration)"},
    {TLS_POLICY_REQUIRED, NO_DANE, NO_STS, PLAIN, 'E', "encrypted (configuration)"},
    {TLS_POLICY_REQUIRED, NO_DANE, ENFORCE, PLAIN, 'V', "verified (MTA-STS enforce)"},
    {TLS_POLICY_REQUIRED, USABLE, NO_STS, PLAIN, 'D',
     "verified by DANE (1 usable TLSA record at mx.host.example)"},
    {TLS_POLICY_REQUIRED, BOGUS, NO_STS, PLAIN, 'X',
     "not used: the TLSA answer is bogus or did not come (DANE)"},
    {TLS_POLICY_PROVEN, NO_DANE, NO_STS, PLAIN, 'V', "verified (configuration)"},
    {TLS_POLICY_PROVEN, UNUSABLE, NO_STS, PLAIN, 'V', "verified (configuration)"},
    {TLS_POLICY_PROVEN, NO_DANE, ENFORCE_OTHER, PLAIN, 'X',
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
    {TLS_POLICY_OPPORTUNISTIC, BOGUS, ENFORCE, TLS_NO, 'C',
     "opportunistic (default; TLS-Required: No)"},
    {TLS_POLICY_OPPORTUNISTIC, USABLE, ENFORCE, TLS_NO, 'C',
     "opportunistic (default; TLS-Required: No)"},
    {TLS_POLICY_REQUIRED, USABLE, ENFORCE, TLS_NO, 'E', "encrypted (configuration)"},
    {TLS_POLICY_PROVEN, NO_DANE, NO_STS, TLS_NO, 'V', "verified (configuration)"},
    {TLS_POLICY_OPPORTUNISTIC, NO_DANE, ENFORCE, BOTH, 'V', "verified (MTA-STS enforce)"},
    {TLS_POLICY_OPPORTUNISTIC, BOGUS, NO_STS, BOTH, 'X',
     "not used: the TLSA answer is bogus or did not come (DANE)"},
};

/* As `resolve` would have it. */
static char letter(const struct setting *setting)
{
    enum tls_level level;

    if (!tls_policy_level(&setting->mail, &setting->host, &level))
        return 'X';
    if (level == TLS_LEVEL_CLEAR)
        return setting->mail.mode == TLS_POLICY_OFF ? 'O' : 'C';
    if (level == TLS_LEVEL_ENCRYPTED)
        return 'E';
    return setting->host.dane == TLS_POLICY_DANE_USABLE &&
                   (tls_policy_needs(&setting->mail) & TLS_POLICY_OBEYED) != 0
               ? 'D'
               : 'V';
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct setting setting =
            setting_of(rows[i].mode, rows[i].dane, rows[i].sts, rows[i].message);
        uint8_t buffer[512];
        struct text text;

        text_init(&text, buffer, sizeof(buffer));
        tls_policy_explain(&setting.mail, &setting.host, &text);
        if (letter(&setting) != rows[i].demand)
            fail_msg("row %zu: %c, %s", i, letter(&setting), text_cstr_end(&text));
        assert_string_equal(text_cstr_end(&text), rows[i].explanation);
    }
}

/* What must hold in all settings and for every session, said in another way than the code says it.
 */
static void check_session(const struct setting *setting, const struct tls_policy_session *session,
                          enum dane_case dane)
{
    const struct tls_policy_mail *mail = &setting->mail;
    bool carried = (tls_policy_needs(mail) & ~tls_policy_has(session)) == 0;
    bool heard = mail->require_tls || (mail->mode != TLS_POLICY_OFF && !mail->tls_optional);

    if (!carried)
        return;
    if (mail->mode == TLS_POLICY_PROVEN || mail->require_tls || (heard && mail->enforced))
        assert_int_equal(session->level, TLS_LEVEL_VERIFIED);
    if (mail->mode == TLS_POLICY_REQUIRED || mail->has_password)
        assert_true(session->level >= TLS_LEVEL_ENCRYPTED);
    if (heard && mail->dane) {
        assert_int_not_equal(session->dane, TLS_POLICY_DANE_UNASKED);
        assert_int_not_equal(dane, BOGUS);
        if (dane == USABLE)
            assert_int_equal(session->level, TLS_LEVEL_VERIFIED);
        if (dane == UNUSABLE)
            assert_true(session->level >= TLS_LEVEL_ENCRYPTED);
    }
    if (mail->require_tls) {
        assert_true(session->offers_requiretls);
        assert_true(mail->mx_secure || mail->sts_vouched || mail->is_routed);
    }
}

/* Nothing but a demand keeps mail back. */
static void check_free(const struct setting *setting)
{
    const struct tls_policy_mail *mail = &setting->mail;
    const struct tls_policy_session clear = {.level = TLS_LEVEL_CLEAR};
    bool demanding =
        mail->mode > TLS_POLICY_OPPORTUNISTIC || mail->require_tls || mail->has_password ||
        (mail->mode != TLS_POLICY_OFF && !mail->tls_optional && (mail->enforced || mail->dane));

    assert_true(((tls_policy_needs(mail) & ~tls_policy_has(&clear)) == 0) == !demanding);
}

static void check_setting(struct setting *setting, enum dane_case dane)
{
    uint8_t buffer[512];
    struct text text;

    for (uint32_t bits = 0; bits < 4; bits++) {
        setting->mail.has_password = (bits & 1) != 0;
        setting->mail.is_routed = (bits & 2) != 0;
        check_free(setting);
        for (enum tls_level level = 0; level < TLS_LEVEL_COUNT; level++)
            for (uint32_t rest = 0; rest < 4; rest++) {
                const struct tls_policy_session session = {
                    .level = level,
                    .dane = (rest & 1) != 0 ? setting->host.dane : TLS_POLICY_DANE_UNASKED,
                    .offers_requiretls = (rest & 2) != 0};

                check_session(setting, &session, dane);
                assert_true((tls_policy_has(&session) & ~TLS_POLICY_ALL) == 0);
            }
    }
    text_init(&text, buffer, sizeof(buffer));
    tls_policy_explain(&setting->mail, &setting->host, &text);
    assert_true(text.size > 0 && !text.overflow);
}

static void test_whole_matrix(void **state)
{
    (void)state;
    for (enum tls_policy_mode mode = 0; mode <= TLS_POLICY_PROVEN; mode++)
        for (enum dane_case dane = 0; dane < DANE_CASES; dane++)
            for (enum sts_case sts = 0; sts < STS_CASES; sts++)
                for (enum message_case message = 0; message < MESSAGE_CASES; message++) {
                    struct setting setting = setting_of(mode, dane, sts, message);

                    check_setting(&setting, dane);
                }
}

/* What broke before lowers nothing that is demanded, and is told where nothing is. */
/* A policy in force that names none of the hosts: no session will do, but for mail that lifts it.
 */
static void test_hosts_without_a_name(void **state)
{
    static const struct {
        const char *label;
        struct tls_policy_mail mail;
        bool never;
    } cases[] = {
        {"plain", {.mode = TLS_POLICY_OPPORTUNISTIC, .enforced = true, .unnamed = true}, true},
        {"named", {.mode = TLS_POLICY_OPPORTUNISTIC, .enforced = true}, false},
        {"not in force", {.mode = TLS_POLICY_OPPORTUNISTIC, .unnamed = true}, false},
        {"TLS-Required: No",
         {.mode = TLS_POLICY_OPPORTUNISTIC,
          .enforced = true,
          .unnamed = true,
          .tls_optional = true},
         false},
        {"REQUIRETLS goes before it",
         {.mode = TLS_POLICY_OPPORTUNISTIC,
          .enforced = true,
          .unnamed = true,
          .mx_secure = true,
          .require_tls = true,
          .tls_optional = true},
         true},
        {"off", {.mode = TLS_POLICY_OFF, .enforced = true, .unnamed = true}, false},
        {"verified, lifted",
         {.mode = TLS_POLICY_PROVEN, .enforced = true, .unnamed = true, .tls_optional = true},
         false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint32_t needs = tls_policy_needs(&cases[i].mail);

        if (((needs & ~TLS_POLICY_ALL) != 0) != cases[i].never)
            print_message("%s: %x\n", cases[i].label, needs);
        assert_true(((needs & ~TLS_POLICY_ALL) != 0) == cases[i].never);
    }
}

static void test_memory_of_broken_tls(void **state)
{
    struct setting setting = setting_of(TLS_POLICY_OPPORTUNISTIC, NO_DANE, NO_STS, PLAIN);
    uint8_t buffer[512];
    struct text text;

    (void)state;
    setting.host.broken = TLS_FAULT_HANDSHAKE;
    text_init(&text, buffer, sizeof(buffer));
    tls_policy_explain(&setting.mail, &setting.host, &text);
    assert_true(span_starts(text_span(&text), SPAN("clear for now: TLS was broken here (")));
    setting = setting_of(TLS_POLICY_REQUIRED, NO_DANE, NO_STS, PLAIN);
    setting.host.broken = TLS_FAULT_HANDSHAKE;
    text_reset(&text);
    tls_policy_explain(&setting.mail, &setting.host, &text);
    assert_string_equal(text_cstr_end(&text), "encrypted (configuration)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_whole_matrix),
        cmocka_unit_test(test_hosts_without_a_name),
        cmocka_unit_test(test_memory_of_broken_tls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
