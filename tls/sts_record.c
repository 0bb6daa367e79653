#include "tls/sts_record.h"

#include <string.h>

static bool is_alphanumeric(uint8_t byte)
{
    uint8_t lower = span_lower_byte(byte);

    return (lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9');
}

static bool is_id(struct span id)
{
    for (size_t i = 0; i < id.size; i++)
        if (!is_alphanumeric(id.data[i]))
            return false;
    return id.size >= 1 && id.size <= STS_RECORD_ID_MAX;
}

/* sts-ext-name and sts-ext-value */
static bool is_extension(struct span name, struct span value)
{
    if (name.size < 1 || name.size > 32 || !is_alphanumeric(name.data[0]) || value.size < 1)
        return false;
    for (size_t i = 1; i < name.size; i++)
        if (!is_alphanumeric(name.data[i]) && name.data[i] != '_' && name.data[i] != '-' &&
            name.data[i] != '.')
            return false;
    for (size_t i = 0; i < value.size; i++)
        if (value.data[i] <= ' ' || value.data[i] >= 0x7f || value.data[i] == ';' ||
            value.data[i] == '=')
            return false;
    return true;
}

void sts_record_init(struct sts_record *record)
{
    memset(record, 0, sizeof(*record));
}

void sts_record_add(struct sts_record *record, struct span txt)
{
    struct span version = span_split(&txt, ';');
    struct span id = span_make(NULL, 0);

    /* Of the delimiter *WSP ";" *WSP the blanks may stand before, not at the start of the text. */
    if (!span_starts(version, SPAN("v=STSv1")) || span_trim(span_skip(version, 7)).size > 0 ||
        txt.data == NULL || txt.data == version.data + version.size)
        return;
    record->count++;
    while (txt.size > 0) {
        struct span value = span_trim(span_split(&txt, ';'));
        struct span name;

        if (value.size == 0 && txt.size == 0)
            break;
        name = span_split(&value, '=');
        if (!is_extension(name, value))
            return;
        if (!span_equal(name, SPAN("id")))
            continue;
        if (id.size > 0 || !is_id(value))
            return;
        id = value;
    }
    record->id_size = (uint32_t)id.size;
    if (id.size > 0)
        memcpy(record->id, id.data, id.size);
}

bool sts_record_id(const struct sts_record *record, struct span *ret_id)
{
    if (record->count != 1 || record->id_size == 0)
        return false;
    *ret_id = span_make(record->id, record->id_size);
    return true;
}
