#include "message/tls_demand.h"

const char *tls_demand_level_name(enum tls_level level)
{
    static const char *const names[] = {"clear", "encrypted", "verified"};
    static_assert(ARRAY_LEN(names) == TLS_LEVEL_COUNT, "a name for each level");

    return (size_t)level < ARRAY_LEN(names) ? names[level] : "unknown";
}

static const struct {
    const char *name, *text;
} faults[] = {
    [TLS_FAULT_NONE] = {"none", "nothing is wrong"},
    [TLS_FAULT_NO_STARTTLS] = {"starttls-not-supported", "the server does not offer TLS"},
    [TLS_FAULT_HANDSHAKE] = {"validation-failure", "the TLS handshake failed"},
    [TLS_FAULT_NAME] = {"certificate-host-mismatch", "the certificate is for another name"},
    [TLS_FAULT_EXPIRED] = {"certificate-expired", "the certificate is out of its time"},
    [TLS_FAULT_UNTRUSTED] = {"certificate-not-trusted", "the certificate's issuer is not trusted"},
    [TLS_FAULT_CERTIFICATE] = {"validation-failure", "the certificate is not valid"},
    [TLS_FAULT_TLSA_INVALID] = {"tlsa-invalid", "no TLSA record matches the certificate"},
    [TLS_FAULT_DNSSEC_INVALID] = {"dnssec-invalid", "the TLSA records cannot be trusted"},
    [TLS_FAULT_DANE_REQUIRED] = {"dane-required", "the host has no TLSA record"},
    [TLS_FAULT_STS_FETCH] = {"sts-policy-fetch-error", "the MTA-STS policy cannot be fetched"},
    [TLS_FAULT_STS_INVALID] = {"sts-policy-invalid", "the MTA-STS policy is not valid"},
    [TLS_FAULT_STS_WEBPKI] = {"sts-webpki-invalid",
                              "the certificate of the MTA-STS policy host is not valid"},
    [TLS_FAULT_STS_HOST] = {"validation-failure", "the MTA-STS policy does not name the host"},
    [TLS_FAULT_LOCAL] = {"validation-failure", "TLS failed here, not at the server"},
};
static_assert(ARRAY_LEN(faults) == TLS_FAULT_COUNT, "a name and a text for each fault");

const char *tls_demand_fault_name(enum tls_fault fault)
{
    return (size_t)fault < ARRAY_LEN(faults) ? faults[fault].name : "unknown";
}

const char *tls_demand_fault_text(enum tls_fault fault)
{
    return (size_t)fault < ARRAY_LEN(faults) ? faults[fault].text : "unknown";
}
