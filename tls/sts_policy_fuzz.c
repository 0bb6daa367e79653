/* Any body: a policy that was read can be written and read again, and names no empty host. Any text
 * as a TXT record: an id of letters and digits, or none. */
#include "base/check.h"
#include "tls/sts_policy.h"
#include "tls/sts_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_record(struct span txt)
{
    struct sts_record record;
    struct span id;

    sts_record_init(&record);
    sts_record_add(&record, txt);
    if (!sts_record_id(&record, &id))
        return;
    CHECK(id.size >= 1 && id.size <= STS_RECORD_ID_MAX && span_is_ascii(id));
    CHECK(span_find(txt, SPAN("id=")) != SPAN_NOT_FOUND && span_find(txt, id) != SPAN_NOT_FOUND);
    sts_record_add(&record, txt);
    CHECK(!sts_record_id(&record, &id));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t buffer[8192];
    struct sts_policy policy, again;
    const char *problem = NULL;
    struct text text;

    check_record(span_make(data, size));
    if (!sts_policy_read(span_make(data, size), &policy, &problem)) {
        CHECK(problem != NULL);
        return 0;
    }
    CHECK(policy.max_age_s <= STS_POLICY_AGE_MAX_S && policy.mode <= STS_ENFORCE);
    CHECK((policy.patterns_size > 0 || policy.mode == STS_NONE) &&
          policy.patterns_size <= STS_POLICY_PATTERNS_SIZE);
    CHECK(!sts_policy_names(&policy, span_make(NULL, 0)));
    text_init(&text, buffer, sizeof(buffer));
    sts_policy_write(&policy, &text);
    CHECK(!text.overflow && sts_policy_read(text_span(&text), &again, &problem));
    CHECK(again.mode == policy.mode && again.max_age_s == policy.max_age_s);
    CHECK(span_equal(sts_policy_patterns(&again), sts_policy_patterns(&policy)));
    return 0;
}
