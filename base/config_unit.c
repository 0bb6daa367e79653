#include "base/config_unit.h"

#include "base/config.h"

struct unit {
    struct span name;
    uint64_t size;
};

/* Largest first: a time may be written as several, each unit once and in this order. */
static const struct unit durations[] = {
    {SPAN_INIT("w"), NS_PER_S * 604800}, {SPAN_INIT("d"), NS_PER_S * 86400},
    {SPAN_INIT("h"), NS_PER_S * 3600},   {SPAN_INIT("m"), NS_PER_MINUTE},
    {SPAN_INIT("s"), NS_PER_S},          {SPAN_INIT("ms"), NS_PER_MS},
    {SPAN_INIT("us"), NS_PER_US},        {SPAN_INIT("ns"), 1},
};

static const struct unit sizes[] = {
    {SPAN_INIT("TiB"), UINT64_C(1) << 40},
    {SPAN_INIT("GiB"), UINT64_C(1) << 30},
    {SPAN_INIT("MiB"), UINT64_C(1) << 20},
    {SPAN_INIT("KiB"), UINT64_C(1) << 10},
    {SPAN_INIT("TB"), UINT64_C(1000000000000)},
    {SPAN_INIT("GB"), 1000000000},
    {SPAN_INIT("MB"), 1000000},
    {SPAN_INIT("kB"), 1000},
    {SPAN_INIT("KB"), 1000},
    {SPAN_INIT("B"), 1},
};

#define SECONDS_PER_DAY 86400

/* How many seconds a rate counts over. */
static const struct unit rates[] = {
    {SPAN_INIT("s"), 1},       {SPAN_INIT("sec"), 1},     {SPAN_INIT("second"), 1},
    {SPAN_INIT("min"), 60},    {SPAN_INIT("minute"), 60}, {SPAN_INIT("h"), 3600},
    {SPAN_INIT("hour"), 3600}, {SPAN_INIT("d"), 86400},   {SPAN_INIT("day"), SECONDS_PER_DAY},
};

static const struct unit *find_unit(const struct unit *units, size_t count, struct span name)
{
    for (size_t i = 0; i < count; i++) {
        if (span_equal(units[i].name, name))
            return &units[i];
    }
    return NULL;
}

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

/* Takes a run of digits, or of other bytes, off the front. */
static struct span take_run(struct span *rest, bool digits)
{
    struct span run;
    size_t size = 0;

    while (size < rest->size && is_digit(rest->data[size]) == digits)
        size++;
    run = span_first(*rest, size);
    *rest = span_skip(*rest, size);
    return run;
}

bool config_parse_duration(struct span text, uint64_t *ret_ns)
{
    uint64_t total = 0, number, part;
    const struct unit *before = NULL;

    if (span_equal(text, SPAN("0"))) {
        *ret_ns = 0;
        return true;
    }
    do {
        const struct unit *unit;

        if (!span_number(take_run(&text, true), UINT64_MAX, &number))
            return false;
        unit = find_unit(durations, ARRAY_LEN(durations), take_run(&text, false));
        if (unit == NULL || (before != NULL && unit <= before))
            return false;
        if (__builtin_mul_overflow(number, unit->size, &part) ||
            __builtin_add_overflow(total, part, &total))
            return false;
        before = unit;
    } while (text.size > 0);
    *ret_ns = total;
    return true;
}

bool config_parse_size(struct span text, uint64_t *ret_bytes)
{
    const struct unit *unit = &sizes[ARRAY_LEN(sizes) - 1];
    uint64_t number, bytes;

    if (!span_number(take_run(&text, true), UINT64_MAX, &number))
        return false;
    if (text.size > 0)
        unit = find_unit(sizes, ARRAY_LEN(sizes), text);
    if (unit == NULL || __builtin_mul_overflow(number, unit->size, &bytes))
        return false;
    *ret_bytes = bytes;
    return true;
}

bool config_parse_rate(struct span text, uint64_t *ret_per_hour)
{
    const struct unit *unit = &rates[0];
    uint64_t number, per_hour;

    if (!span_number(take_run(&text, true), UINT64_MAX, &number))
        return false;
    if (text.size > 0)
        unit = text.data[0] == '/' ? find_unit(rates, ARRAY_LEN(rates), span_skip(text, 1)) : NULL;
    if (unit == NULL || __builtin_mul_overflow(number, UINT64_C(3600), &per_hour))
        return false;
    /* Rounded down, as a limit must be; but not to 0, which would mean none. */
    per_hour /= unit->size;
    if (per_hour == 0 && number > 0)
        return false;
    *ret_per_hour = per_hour;
    return true;
}

static void write_with_unit(struct text *text, uint64_t number, const struct unit *unit)
{
    text_add_u64(text, number / unit->size);
    text_add(text, unit->name);
}

void config_unit_write_duration(struct text *text, uint64_t ns)
{
    const struct unit *unit = durations;

    if (ns == 0) {
        text_add_cstr(text, "0s");
        return;
    }
    while (ns % unit->size != 0)
        unit++;
    write_with_unit(text, ns, unit);
}

void config_unit_write_size(struct text *text, uint64_t bytes)
{
    const struct unit *best = &sizes[ARRAY_LEN(sizes) - 1];

    for (size_t i = 0; bytes > 0 && i < ARRAY_LEN(sizes); i++) {
        if (bytes % sizes[i].size == 0 && sizes[i].size > best->size)
            best = &sizes[i];
    }
    if (best->size == 1)
        text_add_u64(text, bytes);
    else
        write_with_unit(text, bytes, best);
}

void config_unit_write_rate(struct text *text, uint64_t per_hour)
{
    if (per_hour % 3600 == 0)
        text_add_u64(text, per_hour / 3600);
    else
        text_add_u64(text, per_hour % 60 == 0 ? per_hour / 60 : per_hour);
    if (per_hour != 0)
        text_add_cstr(text, per_hour % 3600 == 0 ? "/s" : per_hour % 60 == 0 ? "/min" : "/h");
}
