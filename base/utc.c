#include "base/utc.h"

#define DAY_S 86400

static bool is_leap(uint64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static uint64_t days_of_month(uint64_t year, uint64_t month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Days from 1970-01-01 to the first of January. */
static uint64_t days_before_year(uint64_t year)
{
    uint64_t last = year - 1;

    return (year - 1970) * 365 + (last / 4 - 1969 / 4) - (last / 100 - 1969 / 100) +
           (last / 400 - 1969 / 400);
}

void utc_write(struct text *text, uint64_t seconds)
{
    uint64_t days, rest, year, month = 1;

    seconds = min_u64(seconds, UTC_MAX_S);
    days = seconds / DAY_S;
    rest = seconds % DAY_S;
    year = 1970 + days / 366;
    while (days_before_year(year + 1) <= days)
        year++;
    days -= days_before_year(year);
    while (days >= days_of_month(year, month))
        days -= days_of_month(year, month++);
    text_add_padded(text, year, 4);
    text_add_byte(text, '-');
    text_add_padded(text, month, 2);
    text_add_byte(text, '-');
    text_add_padded(text, days + 1, 2);
    text_add_byte(text, 'T');
    text_add_padded(text, rest / 3600, 2);
    text_add_byte(text, ':');
    text_add_padded(text, rest / 60 % 60, 2);
    text_add_byte(text, ':');
    text_add_padded(text, rest % 60, 2);
    text_add_byte(text, 'Z');
}

static bool take(struct span span, size_t from, size_t size, uint64_t min, uint64_t max,
                 uint64_t *ret)
{
    return span_number(span_slice(span, from, size), max, ret) && *ret >= min;
}

bool utc_read(struct span span, uint64_t *ret_seconds)
{
    uint64_t year, month, day, hour = 0, minute = 0, second = 0;

    if (span_number(span, UTC_MAX_S, ret_seconds))
        return true;
    if ((span.size != 10 && span.size != UTC_SIZE) || span.data[4] != '-' || span.data[7] != '-' ||
        !take(span, 0, 4, 1970, 9999, &year) || !take(span, 5, 2, 1, 12, &month) ||
        !take(span, 8, 2, 1, days_of_month(year, month), &day))
        return false;
    if (span.size == UTC_SIZE &&
        (span.data[10] != 'T' || span.data[13] != ':' || span.data[16] != ':' ||
         span.data[19] != 'Z' || !take(span, 11, 2, 0, 23, &hour) ||
         !take(span, 14, 2, 0, 59, &minute) || !take(span, 17, 2, 0, 59, &second)))
        return false;
    day += days_before_year(year) - 1;
    for (uint64_t before = 1; before < month; before++)
        day += days_of_month(year, before);
    *ret_seconds = day * DAY_S + hour * 3600 + minute * 60 + second;
    return true;
}
