#include "tls/tls_failure.h"

struct failure_row {
    const char *name;
    enum tls_fault fault;
};

static const struct failure_row failure_rows[TLS_FAILURE_COUNT] = {
    [TLS_FAILURE_NONE] = {"none", TLS_FAULT_NONE},
    [TLS_FAILURE_EXPIRED] = {"expired", TLS_FAULT_EXPIRED},
    [TLS_FAILURE_NOT_YET_VALID] = {"not-yet-valid", TLS_FAULT_EXPIRED},
    [TLS_FAILURE_WRONG_NAME] = {"wrong-name", TLS_FAULT_NAME},
    [TLS_FAILURE_UNKNOWN_CA] = {"unknown-ca", TLS_FAULT_UNTRUSTED},
    [TLS_FAILURE_SELF_SIGNED] = {"self-signed", TLS_FAULT_UNTRUSTED},
    [TLS_FAILURE_WEAK] = {"weak", TLS_FAULT_UNTRUSTED},
    [TLS_FAILURE_CERTIFICATE] = {"certificate", TLS_FAULT_CERTIFICATE},
    [TLS_FAILURE_NO_TLSA_MATCH] = {"no-tlsa-match", TLS_FAULT_TLSA_INVALID},
    [TLS_FAILURE_CHAIN_TOO_LARGE] = {"chain-too-large", TLS_FAULT_HANDSHAKE},
    [TLS_FAILURE_NOT_TLS] = {"not-tls", TLS_FAULT_HANDSHAKE},
    [TLS_FAILURE_NO_COMMON] = {"no-common", TLS_FAULT_HANDSHAKE},
    [TLS_FAILURE_ALERT] = {"alert", TLS_FAULT_HANDSHAKE},
    [TLS_FAILURE_PROTOCOL] = {"protocol", TLS_FAULT_HANDSHAKE},
    [TLS_FAILURE_FLOOD] = {"flood", TLS_FAULT_HANDSHAKE},
    [TLS_FAILURE_LOST] = {"lost", TLS_FAULT_HANDSHAKE},
    [TLS_FAILURE_LOCAL] = {"local", TLS_FAULT_LOCAL},
};

const char *tls_failure_name(enum tls_failure failure)
{
    return failure_rows[failure].name;
}

enum tls_fault tls_failure_fault(enum tls_failure failure)
{
    return failure_rows[failure].fault;
}

const char *tls_failure_report_type(enum tls_failure failure)
{
    if (failure == TLS_FAILURE_NONE || failure == TLS_FAILURE_LOCAL)
        return NULL;
    return tls_demand_fault_name(failure_rows[failure].fault);
}
