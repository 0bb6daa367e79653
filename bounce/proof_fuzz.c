/* Whatever stands around it: a valid tag is one that the key made, and its letters stand in the
 * text in their order; only in CFBL-Feedback-ID may white space and comments stand between them. */
#include <string.h>

#include "base/check.h"
#include "bounce/proof.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool holds(struct span text, struct span wanted)
{
    for (size_t i = 0; i + wanted.size <= text.size; i++)
        if (span_starts_nocase(span_skip(text, i), wanted))
            return true;
    return false;
}

static bool holds_in_order(struct span text, struct span wanted)
{
    for (size_t i = 0; i < text.size && wanted.size > 0; i++)
        if (span_lower_byte(text.data[i]) == wanted.data[0])
            wanted = span_skip(wanted, 1);
    return wanted.size == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t secret[VERP_KEY_SIZE] = {1, 2, 3};
    static struct report report;
    struct proof_question question = {
        .today = 20000, .message = span_make(data, size), .report = &report};
    struct verp_keys keys = {.count = 0};
    struct proof proof;
    uint8_t buffer[128];
    struct span tag;
    struct text out;

    CHECK(verp_add_key(&keys, 0, secret) == 0);
    question.keys = &keys;
    question.envelope = span_first(question.message, span_find_byte(question.message, '\n'));
    report.to = span_slice(question.message, size / 2, size / 4);
    report.returned.list_unsubscribe = span_slice(question.message, size / 3, size / 3);
    report.returned.cfbl_feedback_ids[0] = span_slice(question.message, size / 5, size / 2);
    report.returned.cfbl_feedback_ids[1] = span_slice(question.message, size / 7, size / 2);
    report.returned.cfbl_feedback_ids_count = 2;
    proof_find(&question, &proof);
    CHECK((proof.place == PROOF_NOWHERE) == (proof.verdict == VERP_ABSENT));
    if (proof.verdict != VERP_VALID)
        return 0;
    text_init(&out, buffer, sizeof(buffer));
    verp_write(&out, &keys, &proof.identity, proof.day, SPAN("x"));
    tag = span_first(text_span(&out), VERP_TAG_SIZE);
    CHECK(proof.place == PROOF_RETURNED ? holds_in_order(question.message, tag)
                                        : holds(question.message, tag));
    return 0;
}
