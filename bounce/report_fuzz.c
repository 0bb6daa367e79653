/* Any message: what is found stays within limits and has names; the same message twice gives the
 * same; a message without a single '@', and in which nothing can stand for one, gives no original
 * recipient with one. */
#include <string.h>

#include "base/check.h"
#include "bounce/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct arena arena;
static struct report_reader *reader;
static struct report report, again;

/* Whether an '@' in what is read of it can only be one of its own: neither encoded nor HTML nor in
 * another charset. */
static bool is_plain(struct span message)
{
    static const struct span words[] = {SPAN_INIT("encod"), SPAN_INIT("html"),
                                        SPAN_INIT("charset")};

    for (size_t at = 0; at < message.size; at++)
        for (size_t i = 0; i < ARRAY_LEN(words); i++)
            if (span_starts_nocase(span_skip(message, at), words[i]))
                return false;
    return true;
}

static void check_recipient(const struct report_recipient *recipient, bool signs)
{
    CHECK(recipient->class < BOUNCE_CLASS_COUNT);
    CHECK(recipient->action < REPORT_ACTION_COUNT);
    CHECK(recipient->code == 0 || (recipient->code >= 400 && recipient->code < 600));
    CHECK(recipient->address.size == 0 || recipient->address.data != NULL);
    if (!signs)
        CHECK(span_find_byte(recipient->original, '@') == SPAN_NOT_FOUND);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct rules *rules = rules_builtin();
    struct span message = span_make(data, size);
    bool signs = span_find_byte(message, '@') != SPAN_NOT_FOUND || !is_plain(message);

    if (reader == NULL) {
        CHECK(arena_open(&arena, report_cost() + classify_memory(rules)) == 0);
        reader = report_open(&arena, classify_open(&arena, rules));
        arena_seal(&arena);
    }
    report_read(reader, message, &report);
    CHECK(report.kind < REPORT_KIND_COUNT);
    CHECK(report_kind_name(report.kind) != NULL);
    CHECK(report.recipients_count <= REPORT_RECIPIENTS_MAX);
    if (report.kind == REPORT_NORMAL)
        CHECK(report.recipients_count == 0);
    for (uint32_t i = 0; i < report.recipients_count; i++)
        check_recipient(&report.recipients[i], signs);
    report_read(reader, message, &again);
    CHECK(again.kind == report.kind && again.recipients_count == report.recipients_count);
    for (uint32_t i = 0; i < report.recipients_count; i++)
        CHECK(again.recipients[i].class == report.recipients[i].class &&
              again.recipients[i].address.size == report.recipients[i].address.size);
    return 0;
}
