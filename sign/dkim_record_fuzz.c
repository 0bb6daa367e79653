/* Any octets: a record that was read says, written again, the same of the key; a key that is held
 * is the one that was published; and nothing of the text that stands in no tag changes it. */
#include <string.h>

#include "base/check.h"
#include "sign/dkim_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct dkim_record *record)
{
    static struct dkim_record again;
    uint8_t buffer[DKIM_RECORD_TEXT_MAX];
    struct text out;
    struct span key = span_make(record->key, record->key_size);

    CHECK(record->key_size <= sizeof(record->key));
    text_init(&out, buffer, sizeof(buffer));
    dkim_record_write(record->algorithm, key, &out);
    CHECK(!out.overflow);
    CHECK(dkim_record_read(text_span(&out), &again) == DKIM_RECORD_VALID);
    CHECK(again.algorithm == record->algorithm);
    CHECK(!again.testing && !again.strict && again.takes_sha256 && again.takes_email);
    CHECK(span_equal(span_make(again.key, again.key_size), key));
    CHECK(dkim_record_holds(&again, record->algorithm, key));
    CHECK(dkim_record_holds(record, record->algorithm, key));
    again.key[again.key_size - 1] ^= 1;
    CHECK(!dkim_record_holds(&again, record->algorithm, key));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dkim_record record, padded;
    uint8_t buffer[4096];
    struct text out;
    enum dkim_record_verdict verdict = dkim_record_read(span_make(data, size), &record);

    CHECK(verdict < DKIM_RECORD_VERDICT_COUNT);
    CHECK(dkim_record_verdict_name(verdict) != NULL);
    if (verdict == DKIM_RECORD_VALID)
        check_again(&record);
    text_init(&out, buffer, sizeof(buffer));
    text_add_cstr(&out, " \t");
    text_add(&out, span_make(data, size));
    text_add_cstr(&out, " \r\n");
    if (out.overflow)
        return 0;
    CHECK(dkim_record_read(text_span(&out), &padded) == verdict);
    if (verdict == DKIM_RECORD_VALID)
        CHECK(padded.key_size == record.key_size && padded.testing == record.testing);
    return 0;
}
