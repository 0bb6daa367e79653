#include "tls/tls_name.h"

#include <openssl/x509v3.h>

#define NAME_MAX_SIZE 253

static bool is_host_byte(uint8_t byte)
{
    uint8_t lower = span_lower_byte(byte);
    return (lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' ||
           byte == '_';
}

/* Labels of 1 to 63 letters, digits, hyphens and underscores, the last not all digits (that would
 * be an address). */
static bool is_host(struct span name)
{
    if (name.size == 0 || name.size > NAME_MAX_SIZE)
        return false;
    struct span label = name, rest = name;
    bool more = true;
    while (more) {
        more = span_find_byte(rest, '.') != SPAN_NOT_FOUND;
        label = span_split(&rest, '.');
        if (label.size == 0 || label.size > 63)
            return false;
        for (size_t i = 0; i < label.size; i++)
            if (!is_host_byte(label.data[i]))
                return false;
    }
    uint64_t number;
    return !span_number(label, UINT64_MAX, &number);
}

bool tls_name_match(struct span presented, struct span reference)
{
    if (reference.size > 0 && reference.data[reference.size - 1] == '.')
        reference.size--;
    if (presented.size == 0 || !is_host(reference))
        return false;
    if (!span_starts(presented, SPAN("*.")))
        return span_equal_nocase(presented, reference);
    struct span below = span_skip(presented, 2);
    size_t dot = span_find_byte(reference, '.');
    return dot != SPAN_NOT_FOUND && span_find_byte(below, '.') != SPAN_NOT_FOUND &&
           span_equal_nocase(below, span_skip(reference, dot + 1));
}

static bool matches_any(struct span presented, const struct span *names, uint32_t names_count)
{
    for (uint32_t i = 0; i < names_count; i++)
        if (tls_name_match(presented, names[i]))
            return true;
    return false;
}

static struct span text_of(const ASN1_STRING *string)
{
    int size = string == NULL ? 0 : ASN1_STRING_length(string);
    return size <= 0 ? span_make(NULL, 0) : span_make(ASN1_STRING_get0_data(string), (size_t)size);
}

/* Of the subject, the last one (RFC 6125 6.4.4). */
static struct span common_name(const X509 *certificate)
{
    const X509_NAME *subject = X509_get_subject_name(certificate);
    int index = -1;
    for (int next = X509_NAME_get_index_by_NID(subject, NID_commonName, -1); next >= 0;
         next = X509_NAME_get_index_by_NID(subject, NID_commonName, index))
        index = next;
    const X509_NAME_ENTRY *entry = index < 0 ? NULL : X509_NAME_get_entry(subject, index);
    return entry == NULL ? span_make(NULL, 0) : text_of(X509_NAME_ENTRY_get_data(entry));
}

static struct span dns_id(const GENERAL_NAMES *identifiers, size_t index)
{
    const GENERAL_NAME *name = sk_GENERAL_NAME_value(identifiers, index);
    return name->type == GEN_DNS ? text_of(name->d.dNSName) : span_make(NULL, 0);
}

bool tls_name_of(const X509 *certificate, const struct span *names, uint32_t names_count,
                 bool common_name_allowed)
{
    int critical = 0;
    GENERAL_NAMES *identifiers =
        X509_get_ext_d2i(certificate, NID_subject_alt_name, &critical, NULL);
    bool any = false, matched = false;
    for (size_t i = 0; i < sk_GENERAL_NAME_num(identifiers); i++) {
        any |= sk_GENERAL_NAME_value(identifiers, i)->type == GEN_DNS;
        matched |= matches_any(dns_id(identifiers, i), names, names_count);
    }
    GENERAL_NAMES_free(identifiers);
    /* -1: the extension is not there; anything else: it is there, perhaps broken. */
    if (!any && common_name_allowed && critical == -1)
        return matches_any(common_name(certificate), names, names_count);
    return matched;
}

static void add_first(const X509 *certificate, struct text *text)
{
    GENERAL_NAMES *identifiers = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    struct span found = span_make(NULL, 0);
    for (size_t i = 0; i < sk_GENERAL_NAME_num(identifiers) && found.size == 0; i++)
        found = dns_id(identifiers, i);
    if (found.size == 0)
        found = common_name(certificate);
    text_add_printable(text, found.size == 0 ? SPAN("nobody") : found, 48);
    GENERAL_NAMES_free(identifiers);
}

enum tls_failure tls_name_check(const X509 *certificate, const struct span *names,
                                uint32_t names_count, bool common_name_allowed, struct text *why)
{
    if (tls_name_of(certificate, names, names_count, common_name_allowed))
        return TLS_FAILURE_NONE;
    text_add_cstr(why, "the certificate is for ");
    add_first(certificate, why);
    if (names_count > 0 && names[0].size <= 32) {
        text_add_cstr(why, ", not for ");
        text_add_printable(why, names[0], 32);
    }
    return TLS_FAILURE_WRONG_NAME;
}
