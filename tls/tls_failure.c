#include "tls/tls_failure.h"

struct failure_row {
    const char *name;
    const char *report_type; /* RFC 8460 4.3 */
};

static const struct failure_row failure_rows[TLS_FAILURE_COUNT] = {
    [TLS_FAILURE_NONE] = {"none", NULL},
    [TLS_FAILURE_EXPIRED] = {"expired", "certificate-expired"},
    [TLS_FAILURE_NOT_YET_VALID] = {"not-yet-valid", "certificate-not-trusted"},
    [TLS_FAILURE_WRONG_NAME] = {"wrong-name", "certificate-host-mismatch"},
    [TLS_FAILURE_UNKNOWN_CA] = {"unknown-ca", "certificate-not-trusted"},
    [TLS_FAILURE_SELF_SIGNED] = {"self-signed", "certificate-not-trusted"},
    [TLS_FAILURE_WEAK] = {"weak", "certificate-not-trusted"},
    [TLS_FAILURE_CERTIFICATE] = {"certificate", "certificate-not-trusted"},
    [TLS_FAILURE_NO_TLSA_MATCH] = {"no-tlsa-match", "tlsa-invalid"},
    [TLS_FAILURE_CHAIN_TOO_LARGE] = {"chain-too-large", "validation-failure"},
    [TLS_FAILURE_NOT_TLS] = {"not-tls", "validation-failure"},
    [TLS_FAILURE_NO_COMMON] = {"no-common", "validation-failure"},
    [TLS_FAILURE_ALERT] = {"alert", "validation-failure"},
    [TLS_FAILURE_PROTOCOL] = {"protocol", "validation-failure"},
    [TLS_FAILURE_FLOOD] = {"flood", "validation-failure"},
    [TLS_FAILURE_LOST] = {"lost", "validation-failure"},
    [TLS_FAILURE_LOCAL] = {"local", NULL},
};

const char *tls_failure_name(enum tls_failure failure)
{
    return failure_rows[failure].name;
}

const char *tls_failure_report_type(enum tls_failure failure)
{
    return failure_rows[failure].report_type;
}
