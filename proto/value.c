/* proto/value.c - promises one meaning of equality for values, and dates that are the same on every
 * machine: the proleptic Gregorian calendar, no time zone tables, no locale.
 * Must never call the C library's time functions and never overflow on a foreign number. */
#include "proto/value.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/text.h"

#define DAY_MS             86400000
#define MINUTE_MS          60000
#define DAYS_MIN           (-719162) /* 0001-01-01 */
#define DAYS_MAX           2932896   /* 9999-12-31 */
#define OFFSET_MINUTES_MAX 1439

bool st_value_is_detached(st_value_kind kind)
{
    return kind == ST_VALUE_TEXT || kind == ST_VALUE_HASH || kind == ST_VALUE_GEO ||
           kind == ST_VALUE_BYTES;
}

const char *st_value_malformed(const st_value *value)
{
    assert(value != NULL);
    st_code code;
    switch (value->kind) {
    case ST_VALUE_NULL:
    case ST_VALUE_INT:
    case ST_VALUE_BYTES:
    case ST_VALUE_ERASED:
        return NULL;
    case ST_VALUE_TEXT:
        return st_text_is_nfc(value->data, value->len) ? NULL : "text is not clean NFC";
    case ST_VALUE_CODE:
        return st_code_set(&code, (const char *)value->data, value->len) ? NULL : "bad code";
    case ST_VALUE_ID:
        return value->len == 16 ? NULL : "an id has 16 bytes";
    case ST_VALUE_HASH:
        return value->len == 32 ? NULL : "a hash has 32 bytes";
    case ST_VALUE_GEO:
        return value->len == 20 ? NULL : "a position has 20 bytes";
    default:
        return "bad kind of value";
    }
}

bool st_value_equal(const st_value *a, const st_value *b)
{
    assert(a != NULL && b != NULL);
    if (a->kind != b->kind)
        return false;
    if (a->kind == ST_VALUE_NULL || a->kind == ST_VALUE_ERASED)
        return true;
    if (a->kind == ST_VALUE_INT)
        return a->number == b->number;
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in_month(int year, int month)
{
    static const int DAYS[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    assert(month >= 1 && month <= 12);
    return DAYS[month - 1] + (month == 2 && is_leap(year) ? 1 : 0);
}

/* Days from 0001-01-01 to the first day of the year. */
static int64_t days_before_year(int year)
{
    int64_t past = year - 1;
    return past * 365 + past / 4 - past / 100 + past / 400;
}

bool st_date_from_civil(int year, int month, int day, int64_t *out_days)
{
    assert(out_days != NULL);
    if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 ||
        day > days_in_month(year, month))
        return false;
    int64_t days = days_before_year(year) + day - 1;
    for (int m = 1; m < month; m++)
        days += days_in_month(year, m);
    *out_days = days + DAYS_MIN;
    return true;
}

void st_date_to_civil(int64_t days, int *out_year, int *out_month, int *out_day)
{
    assert(out_year != NULL && out_month != NULL && out_day != NULL);
    if (days < DAYS_MIN)
        days = DAYS_MIN;
    if (days > DAYS_MAX)
        days = DAYS_MAX;
    int64_t since = days - DAYS_MIN;
    int year = (int)(since / 366) + 1; /* never too late, at most 21 years early */
    while (year < 9999 && days_before_year(year + 1) <= since)
        year++;
    int64_t left = since - days_before_year(year);
    int month = 1;
    while (left >= days_in_month(year, month)) {
        left -= days_in_month(year, month);
        month++;
    }
    *out_year = year;
    *out_month = month;
    *out_day = (int)left + 1;
}

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

void st_time_format(int64_t ms, int offset_minutes, char *text)
{
    const int64_t low = (int64_t)DAYS_MIN * DAY_MS;
    const int64_t high = (int64_t)DAYS_MAX * DAY_MS + DAY_MS - 1;
    assert(text != NULL);
    int offset = (int)clamp(offset_minutes, -OFFSET_MINUTES_MAX, OFFSET_MINUTES_MAX);
    int64_t local = clamp(clamp(ms, low, high) + (int64_t)offset * MINUTE_MS, low, high);
    int64_t since = local - low; /* from here on nothing is negative */
    int year = 0, month = 0, day = 0;
    st_date_to_civil(since / DAY_MS + DAYS_MIN, &year, &month, &day);
    int of_day = (int)(since % DAY_MS);
    int shift = offset < 0 ? -offset : offset;
    (void)snprintf(text, 40, "%04d-%02d-%02dT%02d:%02d:%02d.%03d%c%02d:%02d", year, month, day,
                   of_day / 3600000, of_day / 60000 % 60, of_day / 1000 % 60, of_day % 1000,
                   offset < 0 ? '-' : '+', shift / 60, shift % 60);
}

void st_time_short(int64_t ms, int offset_minutes, char *text)
{
    char iso[40];
    st_time_format(ms, offset_minutes, iso);
    snprintf(text, 40, "%.2s/%.2s/%.4s %.5s", iso + 8, iso + 5, iso, iso + 11);
}
