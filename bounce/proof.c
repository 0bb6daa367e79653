#include "bounce/proof.h"

#include "base/check.h"
#include "message/header_list.h"

/* Of an id, without white space: as long as a tag, or somebody else's. */
#define ID_MAX 256

static bool is_base32(uint8_t byte)
{
    uint8_t lower = span_lower_byte(byte);

    return (lower >= 'a' && lower <= 'z') || (lower >= '2' && lower <= '7');
}

/* How much a verdict tells: a valid tag most, no tag least. */
static uint32_t weight_of(enum verp_verdict verdict)
{
    switch (verdict) {
    case VERP_VALID:
        return 5;
    case VERP_EXPIRED:
        return 4;
    case VERP_FORGED:
        return 3;
    case VERP_UNKNOWN_KEY:
        return 2;
    case VERP_VERSION:
        return 1;
    case VERP_ABSENT:
    case VERP_VERDICT_COUNT:
        break;
    }
    return 0;
}

static void keep_better(struct proof *best, const struct proof *found)
{
    if (weight_of(found->verdict) > weight_of(best->verdict))
        *best = *found;
}

static void try_tag(struct span tag, const struct verp_keys *keys, uint16_t today,
                    struct proof *best)
{
    struct proof found = {.place = best->place};

    found.verdict = verp_read(tag, keys, today, &found.identity, &found.day);
    keep_better(best, &found);
}

/* A run of letters of the alphabet is a tag, or begins or ends with one: "=3D" before it is of the
 * alphabet too. */
static uint32_t try_run(struct span run, const struct verp_keys *keys, uint16_t today,
                        struct proof *best)
{
    if (run.size < VERP_TAG_SIZE)
        return 0;
    try_tag(span_first(run, VERP_TAG_SIZE), keys, today, best);
    if (run.size == VERP_TAG_SIZE || best->verdict == VERP_VALID)
        return 1;
    try_tag(span_skip(run, run.size - VERP_TAG_SIZE), keys, today, best);
    return 2;
}

void proof_scan(struct span text, enum proof_place place, const struct verp_keys *keys,
                uint16_t today, struct proof *ret_proof)
{
    struct proof best = {.verdict = VERP_ABSENT, .place = place};
    uint32_t tries = 0;
    size_t begin = 0;

    text = span_first(text, PROOF_TEXT_MAX);
    for (size_t i = 0; i <= text.size; i++) {
        if (i < text.size && is_base32(text.data[i]))
            continue;
        tries += try_run(span_slice(text, begin, i - begin), keys, today, &best);
        begin = i + 1;
        if (best.verdict == VERP_VALID || tries >= PROOF_TRIES_MAX)
            break;
    }
    if (best.verdict == VERP_ABSENT)
        best.place = PROOF_NOWHERE;
    *ret_proof = best;
}

static bool is_delivery_field(struct span name)
{
    static const struct span names[] = {
        SPAN_INIT("Delivered-To"),
        SPAN_INIT("X-Original-To"),
        SPAN_INIT("Envelope-To"),
        SPAN_INIT("X-Envelope-To"),
    };

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (span_equal_nocase(name, names[i]))
            return true;
    return false;
}

static void look_at(const struct proof_question *question, struct span text, enum proof_place place,
                    struct proof *best)
{
    struct proof found;

    if (best->verdict == VERP_VALID || text.size == 0)
        return;
    proof_scan(text, place, question->keys, question->today, &found);
    keep_better(best, &found);
}

/* White space and comments may stand anywhere in it, and mean nothing (RFC 9477 4.2). */
static void look_at_id(const struct proof_question *question, struct span id, struct proof *best)
{
    uint8_t buffer[ID_MAX];
    struct text plain;
    uint32_t depth = 0;

    text_init(&plain, buffer, sizeof(buffer));
    id = span_first(id, PROOF_TEXT_MAX);
    for (size_t i = 0; i < id.size; i++) {
        uint8_t byte = id.data[i];

        if (byte == '\\' && depth > 0)
            i++;
        else if (byte == '(')
            depth++;
        else if (byte == ')' && depth > 0)
            depth--;
        else if (depth == 0 && span_find_byte(SPAN(" \t\r\n"), byte) == SPAN_NOT_FOUND)
            text_add_byte(&plain, byte);
    }
    if (!plain.overflow)
        look_at(question, text_span(&plain), PROOF_RETURNED, best);
}

/* Fields of one place, of all of that name: each delivery adds its own. */
static void look_at_fields(const struct proof_question *question, enum proof_place place,
                           struct proof *best)
{
    struct span rest = question->message;
    struct header_field field;
    uint32_t count = 0;

    while (best->verdict != VERP_VALID && count++ < HEADER_LIST_MAX &&
           header_list_next(&rest, &field) == 1) {
        bool wanted = place == PROOF_DELIVERED ? is_delivery_field(field.name)
                      : place == PROOF_TO      ? span_equal_nocase(field.name, SPAN("To"))
                                               : span_equal_nocase(field.name, SPAN("Subject"));

        if (wanted)
            look_at(question, field.body, place, best);
    }
}

void proof_find(const struct proof_question *question, struct proof *ret_proof)
{
    const struct report_returned *returned = &question->report->returned;
    struct proof best = {.verdict = VERP_ABSENT};

    look_at(question, question->envelope, PROOF_ENVELOPE, &best);
    look_at_fields(question, PROOF_DELIVERED, &best);
    look_at(question, question->report->to, PROOF_TO, &best);
    look_at_fields(question, PROOF_TO, &best);
    look_at(question, returned->return_path, PROOF_RETURNED, &best);
    look_at(question, returned->mail_from, PROOF_RETURNED, &best);
    look_at(question, returned->list_unsubscribe, PROOF_RETURNED, &best);
    for (uint32_t i = 0; i < returned->cfbl_feedback_ids_count; i++)
        look_at_id(question, returned->cfbl_feedback_ids[i], &best);
    look_at_fields(question, PROOF_SUBJECT, &best);
    *ret_proof = best;
}

const struct report_recipient *proof_recipient(const struct report *report, struct span address)
{
    const struct report_recipient *failed = NULL;
    uint32_t count = report->recipients_count;

    for (uint32_t i = 0; i < count; i++)
        if (span_equal_nocase(report->recipients[i].original, address))
            return &report->recipients[i];
    for (uint32_t i = 0; i < count; i++)
        if (span_equal_nocase(report->recipients[i].final, address) ||
            span_equal_nocase(report->recipients[i].address, address))
            return &report->recipients[i];
    for (uint32_t i = 0; i < count && failed == NULL; i++)
        if (report->recipients[i].action == REPORT_FAILED)
            failed = &report->recipients[i];
    if (failed != NULL)
        return failed;
    return count > 0 ? &report->recipients[0] : NULL;
}

const char *proof_place_name(enum proof_place place)
{
    static const char *const names[] = {"nowhere", "envelope", "delivered",
                                        "to",      "returned", "subject"};
    static_assert(ARRAY_LEN(names) == PROOF_PLACE_COUNT, "a name for each place");

    return (size_t)place < ARRAY_LEN(names) ? names[place] : "unknown";
}
