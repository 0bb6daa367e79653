#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/prng.h"
#include "bounce/proof.h"

#define TODAY 20000
#define GUESSES 1000000

static struct verp_keys keys;
static char tag[VERP_TAG_SIZE + 1];
static const struct identity whose = {UINT64_C(0x00010203040506), 77};

static void draw_key(struct verp_keys *into, uint8_t id)
{
    uint8_t secret[VERP_KEY_SIZE];

    memset(secret, id + 1, sizeof(secret));
    assert_int_equal(verp_add_key(into, id, secret), 0);
}

static void write_tag(const struct verp_keys *with, const struct identity *identity, uint16_t day,
                      char into[VERP_TAG_SIZE + 1])
{
    char buffer[VERP_TAG_SIZE + 3];
    struct text out;

    text_init(&out, buffer, sizeof(buffer));
    verp_write(&out, with, identity, day, SPAN("x"));
    assert_false(out.overflow);
    memcpy(into, buffer, VERP_TAG_SIZE);
    into[VERP_TAG_SIZE] = '\0';
}

static int set_up(void **state)
{
    (void)state;
    draw_key(&keys, 3);
    write_tag(&keys, &whose, TODAY - 2, tag);
    return 0;
}

/* %s is the tag, %S the tag in upper case. */
static struct span with_tag(const char *form, char *buffer, size_t size)
{
    size_t used = 0;

    for (; *form != '\0'; form++) {
        if (form[0] == '%' && (form[1] == 's' || form[1] == 'S')) {
            for (size_t i = 0; i < VERP_TAG_SIZE; i++)
                buffer[used++] = form[1] == 'S' ? (char)toupper(tag[i]) : tag[i];
            form++;
        } else {
            buffer[used++] = *form;
        }
        assert_true(used + VERP_TAG_SIZE < size);
    }
    return span_make(buffer, used);
}

static void test_survives_mangling(void **state)
{
    static const struct {
        const char *label, *in;
        enum verp_verdict wanted;
    } cases[] = {
        {"plain", "%s@bounces.example", VERP_VALID},
        {"angle brackets", "<%s@bounces.example>", VERP_VALID},
        {"upper case", "%S@BOUNCES.EXAMPLE", VERP_VALID},
        {"subaddress", "bounce+%s@example.com", VERP_VALID},
        {"other subaddress", "bounce-%s@example.com", VERP_VALID},
        {"suffix", "%s+x@bounces.example", VERP_VALID},
        {"relayed", "%s=bounces.example@relay.example", VERP_VALID},
        {"quoted-printable before", "=3D%s@bounces.example", VERP_VALID},
        {"quoted-printable behind", "%s=40bounces.example", VERP_VALID},
        {"plus in hexadecimal", "bounce=2B%s@example.com", VERP_VALID},
        {"SRS0", "SRS0=HHHH=TT=bounces.example=%s@fwd.example", VERP_VALID},
        {"SRS1", "SRS1=HHH=other.example==HHH=TT=bounces.example=%s@fwd.example", VERP_VALID},
        {"BATV", "prvs=0123456789=%s@bounces.example", VERP_VALID},
        {"mailto", "<mailto:unsubscribe+%s@example.com?subject=x>", VERP_VALID},
        {"subject", "unsubscribe %s", VERP_VALID},
        {"behind another word of that length",
         "abcdefghijabcdefghijabcdefghijabcdefghij %s@bounces.example", VERP_VALID},
        {"nothing", "", VERP_ABSENT},
        {"cut at the front", "x@bounces.example", VERP_ABSENT},
        {"in the middle of a word", "aaaa%saaaa", VERP_FORGED},
        {"of another key", "eaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@bounces.example",
         VERP_VERSION},
    };
    char buffer[512];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct proof proof;

        proof_scan(with_tag(cases[i].in, buffer, sizeof(buffer)), PROOF_ENVELOPE, &keys, TODAY,
                   &proof);
        if (cases[i].wanted == VERP_FORGED) {
            assert_int_not_equal(proof.verdict, VERP_VALID);
            continue;
        }
        if (proof.verdict != cases[i].wanted)
            fail_msg("%s: %s", cases[i].label, verp_verdict_name(proof.verdict));
        if (cases[i].wanted != VERP_VALID)
            continue;
        assert_int_equal(proof.identity.campaign, whose.campaign);
        assert_int_equal(proof.identity.ordinal, whose.ordinal);
        assert_int_equal(proof.day, TODAY - 2);
        assert_int_equal(proof.place, PROOF_ENVELOPE);
    }
}

/* No octet of a tag may be another one. */
static void test_every_change_is_seen(void **state)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

    (void)state;
    for (size_t i = 0; i < VERP_TAG_SIZE; i++) {
        for (size_t c = 0; c < sizeof(alphabet) - 1; c++) {
            char changed[VERP_TAG_SIZE + 1];
            struct proof proof;

            memcpy(changed, tag, sizeof(changed));
            if (changed[i] == alphabet[c])
                continue;
            changed[i] = alphabet[c];
            proof_scan(span_cstr(changed), PROOF_TO, &keys, TODAY, &proof);
            assert_int_not_equal(proof.verdict, VERP_VALID);
        }
    }
}

static void test_old_keys(void **state)
{
    struct verp_keys both = {.count = 0};
    struct proof proof;

    (void)state;
    draw_key(&both, 5);
    draw_key(&both, 3);
    proof_scan(span_cstr(tag), PROOF_TO, &both, TODAY + 28, &proof);
    assert_int_equal(proof.verdict, VERP_VALID);
    proof_scan(span_cstr(tag), PROOF_TO, &both, TODAY + 29, &proof);
    assert_int_equal(proof.verdict, VERP_EXPIRED);
    proof_scan(span_cstr(tag), PROOF_TO, &keys, TODAY + 300, &proof);
    assert_int_equal(proof.verdict, VERP_VALID); /* of the key that signs */
}

static void find(const char *message, struct span envelope, const struct report *report,
                 struct proof *ret)
{
    static char buffer[4096];
    struct proof_question question = {
        .keys = &keys,
        .today = TODAY,
        .envelope = envelope,
        .message = with_tag(message, buffer, sizeof(buffer)),
        .report = report,
    };

    proof_find(&question, ret);
}

static void test_places(void **state)
{
    static const struct {
        const char *label, *message;
        enum proof_place wanted;
    } cases[] = {
        {"delivered", "From: a@b\nDelivered-To: %s@x\nTo: c@d\n\nbody\n", PROOF_DELIVERED},
        {"the second delivery", "Delivered-To: c@d\nDelivered-To: %s@x\n\n", PROOF_DELIVERED},
        {"original", "X-Original-To: %S@x\n\n", PROOF_DELIVERED},
        {"to", "From: a@b\nTo: <%s@x>\n\n", PROOF_TO},
        {"subject", "To: unsubscribe@x\nSubject: unsubscribe %s\n\n", PROOF_SUBJECT},
        {"not in the body", "To: a@b\n\nTo: %s@x\n", PROOF_NOWHERE},
        {"not in any field", "X-Any: %s@x\nFrom: %s@x\n\n", PROOF_NOWHERE},
        {"no header", "\n%s@x", PROOF_NOWHERE},
    };
    static struct report report;
    struct proof proof;
    char forged[VERP_TAG_SIZE + 1];

    (void)state;
    memset(&report, 0, sizeof(report));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        find(cases[i].message, (struct span){NULL, 0}, &report, &proof);
        if (proof.place != cases[i].wanted)
            fail_msg("%s: found in %s", cases[i].label, proof_place_name(proof.place));
        assert_int_equal(proof.verdict,
                         cases[i].wanted == PROOF_NOWHERE ? VERP_ABSENT : VERP_VALID);
    }
    find("To: %s@x\n\n", span_cstr(tag), &report, &proof);
    assert_int_equal(proof.place, PROOF_ENVELOPE);
    /* A forged envelope does not hide what was returned. */
    memcpy(forged, tag, sizeof(forged));
    forged[VERP_TAG_SIZE - 1] = forged[VERP_TAG_SIZE - 1] == 'a' ? 'b' : 'a';
    find("To: x@x\n\n", span_cstr(forged), &report, &proof);
    assert_int_equal(proof.verdict, VERP_FORGED);
    report.returned.return_path = span_cstr(tag);
    find("To: x@x\n\n", span_cstr(forged), &report, &proof);
    assert_int_equal(proof.verdict, VERP_VALID);
    assert_int_equal(proof.place, PROOF_RETURNED);
    /* A Return-Path that somebody hid does not hide Original-Mail-From. */
    report.returned.return_path = SPAN("redacted@example.net");
    report.returned.mail_from = span_cstr(tag);
    find("To: x@x\n\n", span_cstr(forged), &report, &proof);
    assert_int_equal(proof.verdict, VERP_VALID);
    report.returned.mail_from = (struct span){NULL, 0};
    find("To: x@x\n\n", span_cstr(forged), &report, &proof);
    assert_int_equal(proof.verdict, VERP_FORGED);
}

/* The id that a receiver quotes (RFC 9477 4.2): white space and comments mean nothing in it. */
static void test_feedback_id(void **state)
{
    static const struct {
        const char *label, *id;
        enum verp_verdict wanted;
    } cases[] = {
        {"as we wrote it", "%s", VERP_VALID},
        {"upper case, blanks around", "  %S \r\n", VERP_VALID},
        {"a comment", "(id (of\\) us)) %s (end)", VERP_VALID},
        {"in a comment", "(%s)", VERP_ABSENT},
        {"of others", "111:222:333:4444", VERP_ABSENT},
        {"nothing", "", VERP_ABSENT},
    };
    static struct report report;
    char folded[2 * VERP_TAG_SIZE + 16], buffer[256], large[600];
    struct proof proof;

    (void)state;
    memset(&report, 0, sizeof(report));
    report.returned.cfbl_feedback_ids_count = 1;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        report.returned.cfbl_feedback_ids[0] = with_tag(cases[i].id, buffer, sizeof(buffer));
        find("To: fbl@x\n\n", (struct span){NULL, 0}, &report, &proof);
        if (proof.verdict != cases[i].wanted)
            fail_msg("%s: %s", cases[i].label, verp_verdict_name(proof.verdict));
        if (proof.verdict == VERP_VALID) {
            assert_int_equal(proof.identity.ordinal, whose.ordinal);
            assert_int_equal(proof.place, PROOF_RETURNED);
        }
    }
    (void)snprintf(folded, sizeof(folded), "%.17s\r\n\t%.9s (x) %s", tag, tag + 17, tag + 26);
    report.returned.cfbl_feedback_ids[0] = span_cstr(folded);
    find("To: fbl@x\n\n", (struct span){NULL, 0}, &report, &proof);
    assert_int_equal(proof.verdict, VERP_VALID);
    memset(large, 'a', sizeof(large));
    memcpy(large + sizeof(large) - VERP_TAG_SIZE, tag, VERP_TAG_SIZE);
    report.returned.cfbl_feedback_ids[0] = span_make(large, sizeof(large));
    find("To: fbl@x\n\n", (struct span){NULL, 0}, &report, &proof);
    assert_int_equal(proof.verdict, VERP_ABSENT); /* longer than any of ours */
}

/* Others add ids of their own: ours is found at any place of those that are kept. */
static void test_feedback_id_among_others(void **state)
{
    static struct report report;
    struct proof proof;

    (void)state;
    memset(&report, 0, sizeof(report));
    report.returned.cfbl_feedback_ids_count = REPORT_FEEDBACK_IDS_MAX;
    for (uint32_t ours = 0; ours <= REPORT_FEEDBACK_IDS_MAX; ours++) {
        for (uint32_t i = 0; i < REPORT_FEEDBACK_IDS_MAX; i++)
            report.returned.cfbl_feedback_ids[i] = i == ours ? span_cstr(tag) : SPAN("12:34:5");
        find("To: fbl@x\n\n", (struct span){NULL, 0}, &report, &proof);
        assert_int_equal(proof.verdict, ours < REPORT_FEEDBACK_IDS_MAX ? VERP_VALID : VERP_ABSENT);
    }
}

/* Reliability D: a million guesses, half of them one bit beside a true tag, hit nothing. */
static void test_guesses_hit_nothing(void **state)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
    struct prng prng;
    struct identity identity;
    uint16_t day;

    (void)state;
    prng_seed(&prng, 4);
    for (uint32_t i = 0; i < GUESSES; i++) {
        char guess[VERP_TAG_SIZE + 1];
        uint32_t first = 24; /* the code begins behind 15 octets */

        memcpy(guess, tag, sizeof(guess));
        if (i % 2 == 0)
            first = 0;
        for (uint32_t c = first; c < VERP_TAG_SIZE; c++)
            guess[c] = alphabet[prng_next(&prng) % 32];
        if (first == 0)
            memcpy(guess, tag, 2); /* version and key are no secret */
        if (memcmp(guess, tag, VERP_TAG_SIZE) == 0)
            continue;
        if (verp_read(span_make(guess, VERP_TAG_SIZE), &keys, TODAY, &identity, &day) == VERP_VALID)
            fail_msg("guess %u is valid: %s", i, guess);
    }
}

static void test_recipient(void **state)
{
    static struct report report;
    const struct span address = SPAN("User@example.com");

    (void)state;
    memset(&report, 0, sizeof(report));
    assert_null(proof_recipient(&report, address));
    report.recipients_count = 3;
    report.recipients[0] = (struct report_recipient){.address = SPAN("a@fwd.example")};
    report.recipients[1] =
        (struct report_recipient){.address = SPAN("b@fwd.example"), .action = REPORT_FAILED};
    report.recipients[2] = (struct report_recipient){.address = SPAN("c@fwd.example")};
    assert_ptr_equal(proof_recipient(&report, address), &report.recipients[1]);
    report.recipients[0].final = SPAN("user@EXAMPLE.com");
    assert_ptr_equal(proof_recipient(&report, address), &report.recipients[0]);
    report.recipients[2].original = SPAN("user@example.com");
    assert_ptr_equal(proof_recipient(&report, address), &report.recipients[2]);
    report.recipients_count = 1;
    report.recipients[0] = (struct report_recipient){.address = SPAN("other@fwd.example")};
    assert_ptr_equal(proof_recipient(&report, address), &report.recipients[0]);
}

/* However much there is to try. */
static void test_bounded(void **state)
{
    static char many[1 << 20];
    struct proof proof;

    (void)state;
    for (size_t i = 0; i < sizeof(many); i++)
        many[i] = i % (VERP_TAG_SIZE + 1) == VERP_TAG_SIZE ? ' ' : tag[i % (VERP_TAG_SIZE + 1)];
    for (size_t i = 0; i < sizeof(many); i += VERP_TAG_SIZE + 1)
        many[i] = 'b'; /* another version */
    memcpy(many + 9 * (size_t)(VERP_TAG_SIZE + 1), tag, VERP_TAG_SIZE);
    proof_scan(span_make(many, sizeof(many)), PROOF_TO, &keys, TODAY, &proof);
    assert_int_not_equal(proof.verdict, VERP_VALID); /* the tenth is not tried any more */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_survives_mangling),
        cmocka_unit_test(test_every_change_is_seen),
        cmocka_unit_test(test_old_keys),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_feedback_id),
        cmocka_unit_test(test_feedback_id_among_others),
        cmocka_unit_test(test_guesses_hit_nothing),
        cmocka_unit_test(test_recipient),
        cmocka_unit_test(test_bounded),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
