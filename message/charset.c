#include "message/charset.h"

#include <errno.h>
#include <iconv.h>

#include "message/utf8.h"

/* So many bytes without meaning, and the text is not in that charset. */
#define CHARSET_BAD_MAX 1000
/* Names longer than this are no charset. */
#define CHARSET_NAME_MAX 24

struct charset {
    iconv_t converters[CHARSET_COUNT];
    bool open[CHARSET_COUNT];
};

/* What iconv_open is asked for; NULL: none is needed. */
static const char *const charset_names[CHARSET_COUNT] = {
    [CHARSET_ISO_8859_2] = "ISO-8859-2",
    [CHARSET_ISO_8859_4] = "ISO-8859-4",
    [CHARSET_ISO_8859_5] = "ISO-8859-5",
    [CHARSET_ISO_8859_7] = "ISO-8859-7",
    [CHARSET_ISO_8859_9] = "ISO-8859-9",
    [CHARSET_ISO_8859_13] = "ISO-8859-13",
    [CHARSET_ISO_8859_15] = "ISO-8859-15",
    [CHARSET_WINDOWS_1250] = "CP1250",
    [CHARSET_WINDOWS_1251] = "CP1251",
    [CHARSET_WINDOWS_1253] = "CP1253",
    [CHARSET_WINDOWS_1254] = "CP1254",
    [CHARSET_WINDOWS_1255] = "CP1255",
    [CHARSET_WINDOWS_1256] = "CP1256",
    [CHARSET_WINDOWS_1257] = "CP1257",
    [CHARSET_KOI8_R] = "KOI8-R",
    [CHARSET_KOI8_U] = "KOI8-U",
    [CHARSET_ISO_2022_JP] = "ISO-2022-JP-2",
    [CHARSET_SHIFT_JIS] = "CP932",
    [CHARSET_EUC_JP] = "EUC-JP",
    [CHARSET_GB18030] = "GB18030",
    [CHARSET_BIG5] = "BIG5-HKSCS",
    [CHARSET_EUC_KR] = "CP949",
    [CHARSET_UTF_7] = "UTF-7",
};

/* The names that mail uses, without '-', '_' and ' ', in lower case. */
static const struct charset_alias {
    struct span name;
    enum charset_id id;
} charset_aliases[] = {
    {SPAN_INIT("utf8"), CHARSET_UTF8},
    {SPAN_INIT("unicode11utf8"), CHARSET_UTF8},
    {SPAN_INIT("utf8mb4"), CHARSET_UTF8},
    {SPAN_INIT("uft8"), CHARSET_UTF8}, /* seen in real bounces */
    {SPAN_INIT("usascii"), CHARSET_ASCII},
    {SPAN_INIT("ascii"), CHARSET_ASCII},
    {SPAN_INIT("ansix3.41968"), CHARSET_ASCII},
    {SPAN_INIT("iso646us"), CHARSET_ASCII},
    {SPAN_INIT("iso88591"), CHARSET_WINDOWS_1252},
    {SPAN_INIT("latin1"), CHARSET_WINDOWS_1252},
    {SPAN_INIT("windows1252"), CHARSET_WINDOWS_1252},
    {SPAN_INIT("cp1252"), CHARSET_WINDOWS_1252},
    {SPAN_INIT("iso88592"), CHARSET_ISO_8859_2},
    {SPAN_INIT("latin2"), CHARSET_ISO_8859_2},
    {SPAN_INIT("iso88594"), CHARSET_ISO_8859_4},
    {SPAN_INIT("iso88595"), CHARSET_ISO_8859_5},
    {SPAN_INIT("iso88597"), CHARSET_ISO_8859_7},
    {SPAN_INIT("iso88599"), CHARSET_ISO_8859_9},
    {SPAN_INIT("iso885913"), CHARSET_ISO_8859_13},
    {SPAN_INIT("iso885915"), CHARSET_ISO_8859_15},
    {SPAN_INIT("latin9"), CHARSET_ISO_8859_15},
    {SPAN_INIT("windows1250"), CHARSET_WINDOWS_1250},
    {SPAN_INIT("cp1250"), CHARSET_WINDOWS_1250},
    {SPAN_INIT("windows1251"), CHARSET_WINDOWS_1251},
    {SPAN_INIT("cp1251"), CHARSET_WINDOWS_1251},
    {SPAN_INIT("windows1253"), CHARSET_WINDOWS_1253},
    {SPAN_INIT("windows1254"), CHARSET_WINDOWS_1254},
    {SPAN_INIT("windows1255"), CHARSET_WINDOWS_1255},
    {SPAN_INIT("windows1256"), CHARSET_WINDOWS_1256},
    {SPAN_INIT("windows1257"), CHARSET_WINDOWS_1257},
    {SPAN_INIT("koi8r"), CHARSET_KOI8_R},
    {SPAN_INIT("koi8u"), CHARSET_KOI8_U},
    {SPAN_INIT("iso2022jp"), CHARSET_ISO_2022_JP},
    {SPAN_INIT("iso2022jp2"), CHARSET_ISO_2022_JP},
    {SPAN_INIT("shiftjis"), CHARSET_SHIFT_JIS},
    {SPAN_INIT("sjis"), CHARSET_SHIFT_JIS},
    {SPAN_INIT("xsjis"), CHARSET_SHIFT_JIS},
    {SPAN_INIT("cp932"), CHARSET_SHIFT_JIS},
    {SPAN_INIT("windows31j"), CHARSET_SHIFT_JIS},
    {SPAN_INIT("eucjp"), CHARSET_EUC_JP},
    {SPAN_INIT("gb18030"), CHARSET_GB18030},
    {SPAN_INIT("gbk"), CHARSET_GB18030},
    {SPAN_INIT("gb2312"), CHARSET_GB18030},
    {SPAN_INIT("cp936"), CHARSET_GB18030},
    {SPAN_INIT("big5"), CHARSET_BIG5},
    {SPAN_INIT("big5hkscs"), CHARSET_BIG5},
    {SPAN_INIT("euckr"), CHARSET_EUC_KR},
    {SPAN_INIT("ksc56011987"), CHARSET_EUC_KR},
    {SPAN_INIT("cp949"), CHARSET_EUC_KR},
    {SPAN_INIT("utf7"), CHARSET_UTF_7},
    {SPAN_INIT("unicode11utf7"), CHARSET_UTF_7},
};

/* U+0080 to U+009F of windows-1252; 0: no character, taken as the control character it is in
 * ISO-8859-1. */
static const uint16_t windows_1252[32] = {
    0x20ac, 0,      0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0,      0x017d, 0,      0,      0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0,      0x017e, 0x0178,
};

size_t charset_cost(void)
{
    return arena_cost(1, sizeof(struct charset));
}

struct charset *charset_open(struct arena *arena)
{
    struct charset *charset = arena_alloc(arena, 1, sizeof(*charset));

    for (uint32_t i = 0; i < CHARSET_COUNT; i++) {
        if (charset_names[i] == NULL)
            continue;
        charset->converters[i] = iconv_open("UTF-8", charset_names[i]);
        /* POSIX says failure so. */
        charset->open[i] = (intptr_t)charset->converters[i] != -1;
    }
    return charset;
}

void charset_close(struct charset *charset)
{
    if (charset == NULL)
        return;
    for (uint32_t i = 0; i < CHARSET_COUNT; i++)
        if (charset->open[i])
            (void)iconv_close(charset->converters[i]); /* nothing was written */
}

enum charset_id charset_find(struct span name)
{
    uint8_t plain[CHARSET_NAME_MAX];
    size_t size = 0;

    for (size_t i = 0; i < name.size; i++) {
        uint8_t byte = name.data[i];

        if (byte == '-' || byte == '_' || byte == ' ')
            continue;
        if (size == sizeof(plain))
            return CHARSET_UNKNOWN;
        plain[size++] = span_lower_byte(byte);
    }
    for (size_t i = 0; i < ARRAY_LEN(charset_aliases); i++)
        if (span_equal(charset_aliases[i].name, span_make(plain, size)))
            return charset_aliases[i].id;
    return CHARSET_UNKNOWN;
}

bool charset_is_utf8(enum charset_id id)
{
    return id == CHARSET_UTF8 || id == CHARSET_ASCII;
}

static void put_rune(struct text *out, uint32_t rune)
{
    uint8_t bytes[4];
    uint32_t size = utf8_put(rune, bytes);

    if (text_room(out) >= size)
        text_add(out, span_make(bytes, size));
}

/* Bytes at the front that are ASCII. */
static size_t ascii_size(struct span text)
{
    size_t size = 0;

    while (size < text.size && text.data[size] < 0x80)
        size++;
    return size;
}

static void convert_western(struct span source, struct text *out)
{
    while (source.size > 0 && text_room(out) > 0) {
        size_t plain = ascii_size(source);

        text_add(out, span_first(source, min_size(plain, text_room(out))));
        source = span_skip(source, plain);
        if (source.size == 0)
            return;
        uint8_t byte = source.data[0];
        bool special = byte < 0xa0 && windows_1252[byte - 0x80] != 0;
        put_rune(out, special ? windows_1252[byte - 0x80] : byte);
        source = span_skip(source, 1);
    }
}

/* iconv takes its input as char **, and does not write there. */
static char *unconst(const uint8_t *data)
{
    return (char *)(uintptr_t)data;
}

/* One call of iconv; true: all was taken. */
static bool convert_some(iconv_t converter, char **from, size_t *left, struct text *out)
{
    char *to = (char *)out->data + out->size;
    size_t room = text_room(out);
    size_t result = iconv(converter, from, left, &to, &room);

    out->size = (size_t)((uint8_t *)to - out->data);
    return result != (size_t)-1;
}

static void convert_other(iconv_t converter, struct span source, struct text *out)
{
    char *from = unconst(source.data);
    size_t left = source.size;
    uint32_t bad_count = 0;

    (void)iconv(converter, NULL, NULL, NULL, NULL); /* back to the first state */
    while (left > 0 && !convert_some(converter, &from, &left, out)) {
        if (errno == E2BIG || left == 0)
            return;
        put_rune(out, 0xfffd); /* a byte without meaning, or a character that was cut off */
        from++;
        left--;
        if (++bad_count == CHARSET_BAD_MAX) {
            convert_western(span_skip(source, source.size - left), out);
            return;
        }
    }
    /* What the converter kept back, to join with a mark that did not come. */
    (void)convert_some(converter, NULL, NULL, out);
}

void charset_convert(struct charset *charset, enum charset_id id, struct span source,
                     struct text *out)
{
    if (out->overflow)
        return;
    if (charset_is_utf8(id))
        text_add(out, span_first(source, text_room(out)));
    else if (id < CHARSET_COUNT && charset->open[id])
        convert_other(charset->converters[id], source, out);
    else
        convert_western(source, out);
}
