#include "message/address.h"

#include <idn2.h>
#include <string.h>

#include "base/ip.h"
#include "message/utf8.h"

#define LABEL_MAX 63

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_alnum(uint8_t byte)
{
    uint8_t lower = span_lower_byte(byte);

    return is_digit(byte) || (lower >= 'a' && lower <= 'z');
}

/* RFC 5322 3.2.3; bytes of UTF-8 by RFC 6531 3.3 (checked as characters before). */
static bool is_atext(uint8_t byte)
{
    static const bool marks[128] = {
        ['!'] = true,  ['#'] = true, ['$'] = true, ['%'] = true, ['&'] = true,
        ['\''] = true, ['*'] = true, ['+'] = true, ['-'] = true, ['/'] = true,
        ['='] = true,  ['?'] = true, ['^'] = true, ['_'] = true, ['`'] = true,
        ['{'] = true,  ['|'] = true, ['}'] = true, ['~'] = true,
    };

    return byte >= 0x80 || is_alnum(byte) || marks[byte];
}

static bool is_dot_string(struct span text)
{
    bool after_dot = true;

    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '.' && after_dot)
            return false;
        after_dot = text.data[i] == '.';
        if (!after_dot && !is_atext(text.data[i]))
            return false;
    }
    return !after_dot;
}

/* Characters that may stand nowhere in an address. */
static const char *check_characters(struct span text)
{
    while (text.size > 0) {
        uint32_t rune, size;

        if (text.data[0] >= ' ' && text.data[0] < 0x7f) {
            text = span_skip(text, 1);
            continue;
        }
        size = utf8_take(text, &rune);
        if (size == 0)
            return "the address is not valid UTF-8";
        if (utf8_is_control(rune))
            return "a control character in the address";
        text = span_skip(text, size);
    }
    return NULL;
}

/* Index of the closing quote of the quoted string at the front, or SPAN_NOT_FOUND. */
static size_t find_closing_quote(struct span text)
{
    for (size_t i = 1; i < text.size; i++) {
        if (text.data[i] == '\\')
            i++;
        else if (text.data[i] == '"')
            return i;
    }
    return SPAN_NOT_FOUND;
}

/* RFC 5321: quoted-pairSMTP is a backslash and a printable ASCII character. */
static bool has_bad_escape(struct span quoted)
{
    for (size_t i = 1; i + 1 < quoted.size; i++)
        if (quoted.data[i] == '\\' && quoted.data[++i] >= 0x80)
            return true;
    return false;
}

static const char *why_no_dot_string(struct span local)
{
    for (size_t i = 0; i < local.size; i++) {
        switch (local.data[i]) {
        case ' ':
            return "a space in the address";
        case '(':
        case ')':
            return "comments are not allowed in an address";
        case '<':
        case '>':
            return "angle brackets are not part of an address";
        case ':':
            return "source routes are not allowed";
        case '"':
            return "a quote inside the part before the @";
        case '.':
            continue;
        default:
            if (!is_atext(local.data[i]))
                return "a character before the @ that needs quotes";
        }
    }
    return "the part before the @ begins or ends with a dot, or has two in a row";
}

static const char *find_at_quoted(struct span text, size_t *ret_at)
{
    size_t end = find_closing_quote(text);

    if (end == SPAN_NOT_FOUND)
        return "the quote before the @ is not closed";
    if (end + 1 >= text.size || text.data[end + 1] != '@')
        return "no @ after the quoted part";
    if (has_bad_escape(span_first(text, end + 1)))
        return "a backslash before a character that is not ASCII";
    *ret_at = end + 1;
    return NULL;
}

static const char *find_at_plain(struct span text, size_t *ret_at)
{
    size_t at = span_find_byte(text, '@');

    if (at == SPAN_NOT_FOUND)
        return "no @ in the address";
    if (at == 0 && span_find_byte(span_skip(text, 1), '@') != SPAN_NOT_FOUND)
        return "source routes are not allowed";
    if (at == 0)
        return "nothing before the @";
    if (!is_dot_string(span_first(text, at)))
        return why_no_dot_string(span_first(text, at));
    *ret_at = at;
    return NULL;
}

static const char *parse_local(struct span text, struct address *address, size_t *ret_at)
{
    const char *problem;

    address->quoted = text.size > 0 && text.data[0] == '"';
    problem = address->quoted ? find_at_quoted(text, ret_at) : find_at_plain(text, ret_at);
    if (problem != NULL)
        return problem;
    if (*ret_at > ADDRESS_LOCAL_MAX)
        return "more than 64 octets before the @";
    address->local = span_first(text, *ret_at);
    return NULL;
}

/* One label: letters, digits and inner hyphens. Labels in UTF-8 are libidn2's to judge. */
static const char *check_label(struct span label)
{
    if (label.size == 0)
        return "an empty label in the domain";
    if (!span_is_ascii(label))
        return NULL;
    if (label.size > LABEL_MAX)
        return "a label of the domain is longer than 63 octets";
    if (label.data[0] == '-' || label.data[label.size - 1] == '-')
        return "a label of the domain begins or ends with a hyphen";
    for (size_t i = 0; i < label.size; i++)
        if (!is_alnum(label.data[i]) && label.data[i] != '-')
            return "a character in the domain that is no letter, digit, hyphen or dot";
    return NULL;
}

static bool is_all_digits(struct span label)
{
    for (size_t i = 0; i < label.size; i++)
        if (!is_digit(label.data[i]))
            return false;
    return true;
}

static const char *check_domain_name(struct span domain)
{
    struct span rest = domain;
    struct span label = domain;

    if (domain.size == 0)
        return "nothing after the @";
    if (domain.data[domain.size - 1] == '.')
        return "the domain ends with a dot";
    if (span_find_byte(domain, '@') != SPAN_NOT_FOUND)
        return "more than one @ in the address";
    while (rest.size > 0) {
        const char *problem;

        label = span_split(&rest, '.');
        problem = check_label(label);
        if (problem != NULL)
            return problem;
    }
    if (is_all_digits(label))
        return "the domain ends in a number; an IP address stands in [ ]";
    return NULL;
}

/* RFC 5321 4.1.3; general address literals have no registered tags and are refused. */
static bool parse_literal(struct span domain, struct ip *ret_ip)
{
    struct span inner;
    bool v6;

    if (domain.size < 2 || domain.data[0] != '[' || domain.data[domain.size - 1] != ']')
        return false;
    inner = span_slice(domain, 1, domain.size - 2);
    v6 = span_starts_nocase(inner, SPAN("IPv6:"));
    if (v6)
        inner = span_skip(inner, 5);
    return ip_parse(inner, ret_ip) && (ret_ip->family == IP_V6) == v6;
}

static const char *parse_domain(struct span domain, struct address *address)
{
    address->domain = domain;
    if (domain.size > 0 && domain.data[0] == '[') {
        struct ip ip;

        address->literal = true;
        return parse_literal(domain, &ip) ? NULL : "the address literal in [ ] is not valid";
    }
    return check_domain_name(domain);
}

bool address_parse(struct span text, struct address *ret, const char **ret_problem)
{
    struct address address = {.quoted = false};
    const char *problem = NULL;
    size_t at = 0;

    if (text.size == 0)
        problem = "the address is empty";
    if (text.size > ADDRESS_SIZE_MAX)
        problem = "the address is longer than 254 octets";
    if (problem == NULL)
        problem = check_characters(text);
    if (problem == NULL)
        problem = parse_local(text, &address, &at);
    if (problem == NULL)
        problem = parse_domain(span_skip(text, at + 1), &address);
    if (problem != NULL) {
        *ret_problem = problem;
        return false;
    }
    address.utf8 = !span_is_ascii(text);
    *ret = address;
    return true;
}

void address_write(const struct address *address, struct text *out)
{
    text_add(out, address->local);
    text_add_byte(out, '@');
    text_add(out, address->domain);
}

static bool write_literal_key(struct span domain, struct text *out)
{
    struct ip ip;

    if (!parse_literal(domain, &ip))
        return false;
    text_add_cstr(out, ip.family == IP_V6 ? "[ipv6:" : "[");
    ip_write(out, &ip);
    text_add_byte(out, ']');
    return true;
}

/* Through libidn2; what comes back is checked like any domain, because mapping can make dots and
 * forbidden characters out of innocent looking ones. (IDN2_USE_STD3_ASCII_RULES is no help: libidn2
 * 2.3 then drops a forbidden character without a word, and another domain comes out.) */
static bool write_idn_key(struct span domain, struct text *out)
{
    char name[ADDRESS_DOMAIN_MAX + 1];
    uint8_t *ascii = NULL;
    struct span result;
    bool ok;
    int flags = IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL;

    if (domain.size > ADDRESS_DOMAIN_MAX || memchr(domain.data, 0, domain.size) != NULL)
        return false;
    memcpy(name, domain.data, domain.size);
    name[domain.size] = '\0';
    if (idn2_lookup_u8((const uint8_t *)name, &ascii, flags) != IDN2_OK)
        return false;
    result = span_cstr((const char *)ascii);
    if (result.size > 0 && result.data[result.size - 1] == '.')
        result = span_first(result, result.size - 1);
    ok = result.size <= ADDRESS_DOMAIN_KEY_MAX && span_is_ascii(result) &&
         check_domain_name(result) == NULL;
    if (ok)
        text_add_lower(out, result);
    idn2_free(ascii);
    return ok;
}

bool address_domain_key(struct span domain, struct text *out)
{
    if (domain.size > 0 && domain.data[0] == '[')
        return write_literal_key(domain, out);
    if (domain.size > 1 && domain.data[domain.size - 1] == '.')
        domain = span_first(domain, domain.size - 1);
    if (!span_is_ascii(domain))
        return write_idn_key(domain, out);
    if (domain.size > ADDRESS_DOMAIN_KEY_MAX || check_domain_name(domain) != NULL)
        return false;
    text_add_lower(out, domain);
    return true;
}

/* The content of a quoted string. Returns its size. */
static size_t unquote(struct span quoted, uint8_t into[ADDRESS_LOCAL_MAX])
{
    size_t size = 0;

    for (size_t i = 1; i + 1 < quoted.size && size < ADDRESS_LOCAL_MAX; i++) {
        if (quoted.data[i] == '\\')
            i++;
        into[size++] = quoted.data[i];
    }
    return size;
}

static void write_local_key(const struct address *address, struct text *out)
{
    uint8_t buffer[ADDRESS_LOCAL_MAX];
    struct span content = address->local;

    if (address->quoted)
        content = span_make(buffer, unquote(address->local, buffer));
    if (is_dot_string(content)) {
        text_add_lower(out, content);
        return;
    }
    text_add_byte(out, '"');
    for (size_t i = 0; i < content.size; i++) {
        if (content.data[i] == '"' || content.data[i] == '\\')
            text_add_byte(out, '\\');
        text_add_byte(out, span_lower_byte(content.data[i]));
    }
    text_add_byte(out, '"');
}

bool address_canonical(const struct address *address, struct text *out)
{
    uint8_t buffer[ADDRESS_DOMAIN_KEY_MAX];
    struct text domain;

    text_init(&domain, buffer, sizeof(buffer));
    if (!address_domain_key(address->domain, &domain))
        return false;
    write_local_key(address, out);
    text_add_byte(out, '@');
    text_add(out, text_span(&domain));
    return true;
}
