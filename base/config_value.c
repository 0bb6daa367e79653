#include "base/config_value.h"

#include <string.h>

#include "base/check.h"
#include "base/config_unit.h"
#include "base/json_put.h"
#include "base/nearest.h"

static bool set_bool(struct span value, bool *place)
{
    static const struct span words[] = {SPAN_INIT("false"), SPAN_INIT("true"), SPAN_INIT("no"),
                                        SPAN_INIT("yes"),   SPAN_INIT("off"),  SPAN_INIT("on")};

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (span_equal(value, words[i])) {
            *place = i % 2 == 1;
            return true;
        }
    }
    return false;
}

static bool set_enum(const struct config_row *row, struct span value, uint32_t *place,
                     struct text *why)
{
    struct nearest nearest;
    struct span near;

    nearest_init(&nearest, value);
    for (uint32_t i = 0; row->names[i] != NULL; i++) {
        if (span_equal(value, span_cstr(row->names[i]))) {
            *place = i;
            return true;
        }
        nearest_offer(&nearest, span_cstr(row->names[i]));
    }
    text_add_cstr(why, "must be one of");
    for (uint32_t i = 0; row->names[i] != NULL; i++) {
        text_add_cstr(why, i == 0 ? " " : ", ");
        text_add_cstr(why, row->names[i]);
    }
    near = nearest_found(&nearest);
    if (near.size > 0) {
        text_add_cstr(why, "; did you mean \"");
        text_add(why, near);
        text_add_byte(why, '"');
    }
    return false;
}

/* At most `size_max` bytes and a NUL; the place holds one more. */
static bool set_string(struct span value, uint64_t size_min, uint64_t size_max, char *place,
                       struct text *why)
{
    if (span_has_control(value)) {
        text_add_cstr(why, "must not contain control characters");
        return false;
    }
    if (value.size < size_min) {
        text_add_cstr(why, value.size == 0 ? "must not be empty" : "is too short");
        return false;
    }
    if (value.size > size_max) {
        text_add_format(why, "is longer than %llu bytes", (unsigned long long)size_max);
        return false;
    }
    if (value.size > 0)
        memcpy(place, value.data, value.size);
    place[value.size] = 0;
    return true;
}

static void write_number(enum config_type type, uint64_t number, struct text *out)
{
    if (type == CONFIG_SIZE)
        config_unit_write_size(out, number);
    else if (type == CONFIG_RATE)
        config_unit_write_rate(out, number);
    else if (type == CONFIG_U32)
        text_add_u64(out, number);
    else
        config_unit_write_duration(out, number);
}

static const char *expected(enum config_type type)
{
    switch (type) {
    case CONFIG_BOOL:
        return "must be true or false";
    case CONFIG_U32:
        return "must be a whole number";
    case CONFIG_SIZE:
        return "must be a size such as 512, 64KiB or 10MB";
    case CONFIG_DURATION:
    case CONFIG_DURATION_LIST:
        return "must be a time such as 300ms, 5m or 4d";
    case CONFIG_RATE:
        return "must be a rate such as 5, 100/min or 2000/h";
    case CONFIG_STRING:
    case CONFIG_ENUM:
    case CONFIG_STRING_LIST:
    case CONFIG_SUBTREE:
        break;
    }
    UNREACHABLE("not a type with one form");
}

static bool parse_number(enum config_type type, struct span value, uint64_t *ret)
{
    if (type == CONFIG_SIZE)
        return config_parse_size(value, ret);
    if (type == CONFIG_RATE)
        return config_parse_rate(value, ret);
    if (type == CONFIG_U32)
        return span_number(value, UINT64_MAX, ret);
    return config_parse_duration(value, ret);
}

static bool set_number(const struct config_row *row, struct span value, uint64_t *place,
                       struct text *why)
{
    uint64_t number;

    if (!parse_number(row->type, value, &number)) {
        text_add_cstr(why, expected(row->type));
        return false;
    }
    if (number >= row->min && (number <= row->max || (row->max == 0 && row->type != CONFIG_U32))) {
        *place = number;
        return true;
    }
    text_add_cstr(why, row->max == 0 ? "must be at least " : "must be between ");
    write_number(row->type, row->min, why);
    if (row->max != 0) {
        text_add_cstr(why, " and ");
        write_number(row->type, row->max, why);
    }
    return false;
}

static bool add_item(const struct config_row *row, struct span value, struct config_list *list,
                     struct text *why)
{
    uint32_t items_max = config_value_items_max(row, list);

    if (list->count >= items_max) {
        text_add_format(why, "takes at most %u items", (unsigned)items_max);
        return false;
    }
    if (row->type == CONFIG_STRING_LIST) {
        char *items = list->items;

        if (!set_string(value, 1, CONFIG_ITEM_MAX - 1,
                        items + (size_t)list->count * CONFIG_ITEM_MAX, why))
            return false;
    } else {
        uint64_t *items = list->items;

        if (!config_parse_duration(value, &items[list->count])) {
            text_add_cstr(why, expected(row->type));
            return false;
        }
    }
    list->count++;
    return true;
}

bool config_value_set(const struct config_row *row, struct span value, void *place,
                      struct text *why)
{
    uint64_t number;

    switch (row->type) {
    case CONFIG_BOOL:
        if (set_bool(value, place))
            return true;
        text_add_cstr(why, expected(row->type));
        return false;
    case CONFIG_U32:
        if (!set_number(row, value, &number, why))
            return false;
        *(uint32_t *)place = (uint32_t)number;
        return true;
    case CONFIG_SIZE:
    case CONFIG_DURATION:
    case CONFIG_RATE:
        return set_number(row, value, place, why);
    case CONFIG_STRING:
        return set_string(value, row->min, row->max, place, why);
    case CONFIG_ENUM:
        return set_enum(row, value, place, why);
    case CONFIG_DURATION_LIST:
    case CONFIG_STRING_LIST:
        return add_item(row, value, place, why);
    case CONFIG_SUBTREE:
        break;
    }
    UNREACHABLE("a subtree is not one value");
}

bool config_value_set_null(const struct config_row *row, void *place)
{
    if (row->type == CONFIG_STRING && row->min == 0) {
        *(char *)place = 0;
        return true;
    }
    if (config_value_is_list(row->type) || row->type == CONFIG_SUBTREE) {
        ((struct config_list *)place)->count = 0;
        return true;
    }
    return false;
}

void config_value_set_initial(const struct config_row *row, void *place)
{
    char reason[256];
    struct text why;
    struct span rest;

    if (row->initial == NULL)
        return;
    rest = span_cstr(row->initial);
    text_init(&why, reason, sizeof(reason));
    if (config_value_is_list(row->type) || row->type == CONFIG_SUBTREE) {
        CHECK(rest.size >= 2);
        CHECK(config_value_set_null(row, place));
        rest = span_trim(span_slice(rest, 1, rest.size - 2));
        while (rest.size > 0)
            CHECK(config_value_set(row, span_trim(span_split(&rest, ',')), place, &why));
        return;
    }
    if (row->type == CONFIG_STRING && span_equal(rest, SPAN("null")))
        rest = (struct span){0};
    CHECK(config_value_set(row, rest, place, &why));
}

static void write_list(const struct config_row *row, const struct config_list *list,
                       struct text *out)
{
    text_add_byte(out, '[');
    for (uint32_t i = 0; i < list->count; i++) {
        if (i > 0)
            text_add_cstr(out, ", ");
        if (row->type == CONFIG_STRING_LIST)
            json_put_cstr(out, (const char *)list->items + (size_t)i * CONFIG_ITEM_MAX);
        else
            config_unit_write_duration(out, ((const uint64_t *)list->items)[i]);
    }
    text_add_byte(out, ']');
}

void config_value_write(const struct config_row *row, const void *place, struct text *out)
{
    switch (row->type) {
    case CONFIG_BOOL:
        text_add_cstr(out, *(const bool *)place ? "true" : "false");
        return;
    case CONFIG_U32:
        text_add_u64(out, *(const uint32_t *)place);
        return;
    case CONFIG_SIZE:
    case CONFIG_DURATION:
    case CONFIG_RATE:
        write_number(row->type, *(const uint64_t *)place, out);
        return;
    case CONFIG_STRING:
        /* JSON's quoting is YAML's too. */
        json_put_cstr(out, *(const char *)place == 0 ? NULL : (const char *)place);
        return;
    case CONFIG_ENUM:
        text_add_cstr(out, row->names[*(const uint32_t *)place]);
        return;
    case CONFIG_DURATION_LIST:
    case CONFIG_STRING_LIST:
        write_list(row, place, out);
        return;
    case CONFIG_SUBTREE:
        break;
    }
    UNREACHABLE("a subtree is not one value");
}

bool config_value_is_list(enum config_type type)
{
    return type == CONFIG_DURATION_LIST || type == CONFIG_STRING_LIST;
}

uint32_t config_value_items_max(const struct config_row *row, const struct config_list *list)
{
    return row->max == 0 ? list->capacity : (uint32_t)min_u64(row->max, list->capacity);
}
