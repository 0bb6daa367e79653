/* charset.h - text in the charsets that mail uses, made UTF-8.
 *
 * A name from outside is looked up in a fixed list; what is not in it is no charset, so that no
 * name chosen by a stranger ever reaches iconv (which would open files by it). UTF-8 and US-ASCII
 * are passed on, ISO-8859-1 and windows-1252 have a table here; the others are glibc's converters,
 * all opened by charset_open: that is when their tables are read from disk. Nothing is opened or
 * allocated later. A converter that the system does not have is left out, and its text read as
 * windows-1252.
 *
 * Owns the converters; one struct charset a thread (they keep shift states within a call). */
#ifndef MESSAGE_CHARSET_H
#define MESSAGE_CHARSET_H

#include "base/arena.h"
#include "base/text.h"

enum charset_id {
    CHARSET_UTF8 = 0,
    CHARSET_ASCII,
    CHARSET_WINDOWS_1252, /* and ISO-8859-1, which mail programs say when they mean it */
    CHARSET_ISO_8859_2,   /* from here on by iconv */
    CHARSET_ISO_8859_4,
    CHARSET_ISO_8859_5,
    CHARSET_ISO_8859_7,
    CHARSET_ISO_8859_9,
    CHARSET_ISO_8859_13,
    CHARSET_ISO_8859_15,
    CHARSET_WINDOWS_1250,
    CHARSET_WINDOWS_1251,
    CHARSET_WINDOWS_1253,
    CHARSET_WINDOWS_1254,
    CHARSET_WINDOWS_1255,
    CHARSET_WINDOWS_1256,
    CHARSET_WINDOWS_1257,
    CHARSET_KOI8_R,
    CHARSET_KOI8_U,
    CHARSET_ISO_2022_JP,
    CHARSET_SHIFT_JIS,
    CHARSET_EUC_JP,
    CHARSET_GB18030, /* and GBK and GB2312 */
    CHARSET_BIG5,
    CHARSET_EUC_KR,
    CHARSET_UTF_7,
    CHARSET_COUNT,
    CHARSET_UNKNOWN = CHARSET_COUNT
};

struct charset;

size_t charset_cost(void);
/* Reads the tables from disk: at start only. Never fails: what is missing is missing. */
struct charset *charset_open(struct arena *arena);
void charset_close(struct charset *charset);

/* By any of its usual names, upper and lower case alike; CHARSET_UNKNOWN for others. */
enum charset_id charset_find(struct span name);
/* True: text in that charset can be used as it is. */
MUST_USE bool charset_is_utf8(enum charset_id id);
/* Adds `source` as UTF-8; each byte that has no meaning becomes U+FFFD, and behind a thousand of
 * them the rest is read as windows-1252. What does not fit in `out`
 * is left out, without overflow. CHARSET_UNKNOWN: bytes above 0x7f are read as windows-1252. */
void charset_convert(struct charset *charset, enum charset_id id, struct span source,
                     struct text *out);

#endif
