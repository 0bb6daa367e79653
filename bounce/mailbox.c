#include "bounce/mailbox.h"

#include <string.h>

#include "base/base.h"

#define LOCAL_MAX 128
#define DOMAIN_MAX 255

static bool is_alnum(uint8_t byte)
{
    uint8_t lower = byte | 0x20;

    return (lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9');
}

/* 64 bytes a word, a bit each: letters, digits, UTF-8. */
#define DIGITS UINT64_C(0x03ff000000000000)
#define LETTERS UINT64_C(0x07fffffe07fffffe)
#define BIT(byte) (UINT64_C(1) << ((byte)&63))

/* RFC 5322 atext and the dot, and UTF-8. */
static bool is_local(uint8_t byte)
{
    static const uint64_t sets[4] = {
        DIGITS | BIT('!') | BIT('#') | BIT('$') | BIT('%') | BIT('&') | BIT('\'') | BIT('*') |
            BIT('+') | BIT('-') | BIT('/') | BIT('=') | BIT('?') | BIT('.'),
        LETTERS | BIT('^') | BIT('_') | BIT('`') | BIT('{') | BIT('|') | BIT('}') | BIT('~'),
        UINT64_MAX, UINT64_MAX};

    return (sets[byte >> 6] >> (byte & 63) & 1) != 0;
}

static bool is_domain(uint8_t byte)
{
    static const uint64_t sets[4] = {DIGITS | BIT('-') | BIT('.'), LETTERS | BIT('_'), UINT64_MAX,
                                     UINT64_MAX};

    return (sets[byte >> 6] >> (byte & 63) & 1) != 0;
}

/* Octets of the character that ends before `at`, when it is one of East Asia or a wide mark: text
 * in these scripts has no blanks, and what stands beside ASCII letters is not part of their name.
 * Else 0. */
static size_t wide_before(struct span text, size_t at)
{
    return at >= 3 && text.data[at - 3] >= 0xe3 && text.data[at - 3] <= 0xef &&
                   text.data[at - 2] >= 0x80 && text.data[at - 1] >= 0x80
               ? 3
               : 0;
}

/* "，", "：", "（" and the like: never in a name. */
static bool is_wide_mark(const uint8_t *bytes)
{
    return (bytes[0] == 0xe3 && bytes[1] == 0x80) ||
           (bytes[0] == 0xef && bytes[1] == 0xbc &&
            (bytes[2] <= 0x8f || (bytes[2] >= 0x9a && bytes[2] <= 0xa0)));
}

/* Octets of the quoted string that ends before `at`, on one line. */
static size_t quoted_size(struct span text, size_t at)
{
    for (size_t size = 1; size < at && size < LOCAL_MAX; size++) {
        uint8_t byte = text.data[at - 1 - size];

        if (byte == '"' && !(size + 2 <= at && text.data[at - 2 - size] == '\\'))
            return size > 1 ? size + 1 : 0;
        if (byte == '\n' || byte == '@')
            return 0;
    }
    return 0;
}

/* Octets of the local part before `at`, the index of the '@'. */
static size_t local_size(struct span text, size_t at)
{
    size_t size = 0;

    if (at > 1 && text.data[at - 1] == '"')
        return quoted_size(text, at);
    while (size < at && is_local(text.data[at - 1 - size])) {
        size_t wide;

        if (text.data[at - 1 - size] < 0x80) {
            if (++size > LOCAL_MAX)
                return 0;
            continue;
        }
        wide = wide_before(text, at - size);
        if (wide > 0 && (is_wide_mark(text.data + at - size - wide) ||
                         (size > 0 && text.data[at - size] < 0x80)))
            break;
        size += wide > 0 ? wide : 1;
        if (size > LOCAL_MAX)
            return 0;
    }
    return size;
}

static size_t domain_size(struct span text, size_t at)
{
    size_t size = 0;

    if (at < text.size && text.data[at] == '[') {
        size_t end = span_find_byte(span_slice(text, at, 64), ']');

        return end != SPAN_NOT_FOUND && end > 1 ? end + 1 : 0;
    }
    while (at + size < text.size && size < DOMAIN_MAX && is_domain(text.data[at + size])) {
        bool wide;

        if (text.data[at + size] < 0x80) {
            size++;
            continue;
        }
        wide = text.data[at + size] >= 0xe3 &&
               wide_before(text, min_size(at + size + 3, text.size)) > 0;

        if (wide && (is_wide_mark(text.data + at + size) ||
                     (size > 0 && is_alnum(text.data[at + size - 1]))))
            break;
        size += wide ? 3 : 1;
    }
    while (size > 0 && !is_alnum(text.data[at + size - 1]) && text.data[at + size - 1] < 0x80)
        size--;
    return size;
}

/* "SMTP=" of X.400 forms, an apostrophe or other mark in front of the name. */
static struct span without_decoration(struct span mailbox)
{
    if (span_starts_nocase(mailbox, SPAN("smtp=")))
        mailbox = span_skip(mailbox, 5);
    while (mailbox.size > 0 && mailbox.data[0] != '"' && !is_alnum(mailbox.data[0]) &&
           mailbox.data[0] < 0x80 && mailbox.data[0] != '_' && mailbox.data[0] != '+')
        mailbox = span_skip(mailbox, 1);
    return mailbox;
}

/* Whether the nearest quotation mark in front of `begin`, on its line, opens a quoted string. */
static bool is_quote_open(struct span text, size_t begin)
{
    size_t low = begin > LOCAL_MAX ? begin - LOCAL_MAX : 0;

    for (size_t at = begin; at > low && text.data[at - 1] != '\n'; at--)
        if (text.data[at - 1] == '"' && (at < 2 || text.data[at - 2] != '\\'))
            return at < 2 || !(is_local(text.data[at - 2]) || text.data[at - 2] == '"');
    return false;
}

/* "\"victim@example.org\"@host": what stands at [begin, end) is within quotation marks, as a part
 * of another's name (RFC 5321 4.1.2). Behind a blank or bracket, which may as well stand between
 * names, only if a mark was opened before it. */
static bool is_quoted_local(struct span text, size_t begin, size_t end)
{
    struct span rest = span_first(span_skip(text, end), LOCAL_MAX);
    bool apart = false;
    size_t size = 0;

    while (size < rest.size && rest.data[size] != '"' && rest.data[size] != '\n') {
        uint8_t byte = rest.data[size];

        apart = apart || byte == ' ' || byte == '<' || byte == '>';
        size += byte == '\\' ? 2 : 1;
    }
    return span_starts(span_skip(rest, size), SPAN("\"@")) &&
           (!apart || is_quote_open(text, begin));
}

/* The mailbox around the '@' at `at` that begins at or behind `from`; empty: there is none. */
static struct span mailbox_around(struct span text, size_t from, size_t at)
{
    size_t local = local_size(text, at);
    size_t domain = local > 0 && at - local >= from ? domain_size(text, at + 1) : 0;
    struct span found;

    if (domain == 0)
        return span_make(NULL, 0);
    found = without_decoration(span_slice(text, at - local, local + 1 + domain));
    if (found.size <= 1 + domain || is_quoted_local(text, at - local, at + 1 + domain))
        return span_make(NULL, 0);
    return found;
}

bool mailbox_find(struct span text, size_t from, struct span *ret)
{
    while (from < text.size) {
        const uint8_t *sign = memchr(text.data + from, '@', text.size - from);
        struct span found;

        if (sign == NULL)
            return false;
        found = mailbox_around(text, from, (size_t)(sign - text.data));
        if (found.size > 0) {
            *ret = found;
            return true;
        }
        from = (size_t)(sign - text.data) + 1;
    }
    return false;
}

struct span mailbox_of_field(struct span value)
{
    struct span mailbox;
    size_t type = span_find_byte(value, ';');

    if (mailbox_find(value, 0, &mailbox))
        return mailbox;
    if (type != SPAN_NOT_FOUND)
        value = span_skip(value, type + 1);
    value = span_trim(value);
    if (value.size > 1 && value.data[0] == '<' && value.data[value.size - 1] == '>')
        value = span_slice(value, 1, value.size - 2);
    return span_first(value, MAILBOX_VALUE_MAX);
}

struct span mailbox_local(struct span mailbox)
{
    size_t size = mailbox.size;

    while (size > 0 && mailbox.data[size - 1] != '@')
        size--;
    return span_first(mailbox, size > 0 ? size - 1 : mailbox.size);
}

struct span mailbox_domain(struct span mailbox)
{
    struct span local = mailbox_local(mailbox);

    return span_skip(mailbox, local.size + 1);
}

bool mailbox_same(struct span a, struct span b)
{
    return a.size == b.size && span_equal_nocase(a, b);
}

bool mailbox_is_daemon(struct span mailbox)
{
    static const struct span names[] = {
        SPAN_INIT("mailer-daemon"), SPAN_INIT("mailerdaemon"), SPAN_INIT("mailer_daemon"),
        SPAN_INIT("mail-daemon"),   SPAN_INIT("maildaemon"),   SPAN_INIT("postmaster"),
        SPAN_INIT("post_master"),   SPAN_INIT("post.master"),  SPAN_INIT("mdaemon"),
        SPAN_INIT("mail.delivery"), SPAN_INIT("mmdf"),         SPAN_INIT("mail-delivery"),
    };
    struct span local = mailbox_local(mailbox);

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (span_starts_nocase(local, names[i]))
            return true;
    return false;
}
