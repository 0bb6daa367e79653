#include "tools/key_check.h"

static const char *const status_names[] = {
    [KEY_CHECK_GOOD] = "good",
    [KEY_CHECK_TESTING] = "testing",
    [KEY_CHECK_MISSING] = "missing",
    [KEY_CHECK_FOREIGN] = "foreign",
    [KEY_CHECK_SEVERAL] = "several",
    [KEY_CHECK_REVOKED] = "revoked",
    [KEY_CHECK_OTHER_KEY] = "other_key",
    [KEY_CHECK_BROKEN] = "broken",
    [KEY_CHECK_RESTRICTED] = "restricted",
    [KEY_CHECK_UNKNOWN] = "unknown",
};
static_assert(ARRAY_LEN(status_names) == KEY_CHECK_STATUS_COUNT, "a name for each");

static const char how_to_publish[] = "; ringpost key show prints the record to publish";

const char *key_check_status_name(enum key_check_status status)
{
    return status_names[status];
}

static bool holds(const struct dkim_record *record, const struct sign_key_published *key)
{
    return dkim_record_holds(record, key->algorithm, span_make(key->octets, key->size));
}

/* One DKIM record that was read. */
static enum key_check_status judge_record(const struct dkim_record *record,
                                          const struct sign_key_published *key,
                                          struct text *problem)
{
    if (!holds(record, key)) {
        if (record->algorithm != key->algorithm)
            text_add_format(problem, "the record holds an %s key and this is none",
                            sign_algorithm_words(record->algorithm));
        else
            text_add_cstr(problem, "the record holds another key than this one");
        text_add_cstr(problem, how_to_publish);
        return KEY_CHECK_OTHER_KEY;
    }
    if (!record->takes_sha256 || !record->takes_email) {
        text_add_cstr(problem, record->takes_email
                                   ? "the record's h= leaves out sha256, which is what signs"
                                   : "the record's s= leaves out email");
        return KEY_CHECK_RESTRICTED;
    }
    if (record->testing) {
        text_add_cstr(problem, "the record says t=y, testing: receivers may treat the mail as not "
                               "signed; publish it without t=y");
        return KEY_CHECK_TESTING;
    }
    return KEY_CHECK_GOOD;
}

static enum key_check_status judge_verdict(enum dkim_record_verdict verdict,
                                           const struct dkim_record *record,
                                           const struct sign_key_published *key,
                                           struct text *problem)
{
    switch (verdict) {
    case DKIM_RECORD_VALID:
        return judge_record(record, key, problem);
    case DKIM_RECORD_REVOKED:
        text_add_cstr(problem, "the record revokes its key (p= is empty): make a new key, with "
                               "another selector");
        return KEY_CHECK_REVOKED;
    case DKIM_RECORD_BROKEN:
    case DKIM_RECORD_UNKNOWN_KEY:
    case DKIM_RECORD_FOREIGN:
    case DKIM_RECORD_VERDICT_COUNT:
        break;
    }
    text_add_format(problem, "the record %s%s", dkim_record_verdict_name(verdict), how_to_publish);
    return KEY_CHECK_BROKEN;
}

static enum key_check_status judge_records(const struct txt_set *set,
                                           const struct sign_key_published *key,
                                           uint32_t *ret_records, struct text *problem)
{
    struct dkim_record record = {.key_size = 0};
    enum dkim_record_verdict verdict = DKIM_RECORD_FOREIGN;
    bool among = false;

    for (uint32_t i = 0; i < set->count; i++) {
        struct dkim_record read;
        enum dkim_record_verdict one = dkim_record_read(txt_set_at(set, i), &read);

        if (one == DKIM_RECORD_FOREIGN)
            continue;
        among |= one == DKIM_RECORD_VALID && holds(&read, key);
        verdict = one;
        if (one == DKIM_RECORD_VALID || one == DKIM_RECORD_REVOKED)
            record = read;
        (*ret_records)++;
    }
    if (*ret_records == 0) {
        text_add_format(problem, "%u TXT record%s at this name, and none is DKIM's%s", set->count,
                        set->count == 1 ? "" : "s", how_to_publish);
        return KEY_CHECK_FOREIGN;
    }
    if (*ret_records > 1) {
        text_add_format(problem,
                        "%u DKIM records at this name%s: receivers may take any of them; leave "
                        "one, or give each key a selector",
                        *ret_records, among ? ", this key's among them" : ", none with this key");
        return KEY_CHECK_SEVERAL;
    }
    return judge_verdict(verdict, &record, key, problem);
}

void key_check_judge(const struct txt_set *set, const struct sign_key_published *key,
                     struct key_check *ret_check)
{
    struct text problem;

    *ret_check = (struct key_check){.status = KEY_CHECK_UNKNOWN};
    text_init(&problem, ret_check->problem, sizeof(ret_check->problem));
    if (set->status == TXT_SET_RECORDS) {
        ret_check->status = judge_records(set, key, &ret_check->records, &problem);
    } else if (set->status == TXT_SET_NONE) {
        ret_check->status = KEY_CHECK_MISSING;
        text_add_format(&problem, "there is no TXT record at this name%s", how_to_publish);
    } else {
        text_add_cstr(&problem, "the DNS did not answer: ");
        text_add_printable(&problem, span_cstr(set->problem), 200);
    }
    (void)text_cstr_end(&problem); /* ends in place */
}
