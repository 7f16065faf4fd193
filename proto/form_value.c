/* proto/form_value.c - what a person writes on a command line or in a file -> a value.
 *
 * Promises: one spelling per type, and a refusal that says what is expected. Numbers are written
 * the way programs write them (7.5); the Vietnamese way (7,5) is refused with a hint, since
 * guessing would turn 1.234 into something else. Must never round, cut or correct. */
#include "proto/form_parts.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "proto/text.h"

/* Longest list of options that a refusal shows. */
#define OPTIONS_TEXT_BYTES 120

static st_err value_wrong(const st_field *field, const char *expected, st_error *error)
{
    return st_fail(error, ST_E_VALUE, "%.64s: expected %s", field->name, expected);
}

/* ---- numbers ---- */

/* Reads 1..15 digits; false when there are none or more. */
static bool take_digits(const char **p, int64_t *out_number)
{
    int64_t number = 0;
    size_t count = 0;
    while ((*p)[count] >= '0' && (*p)[count] <= '9' && count < 16)
        number = number * 10 + ((*p)[count++] - '0');
    if (count == 0 || count > 15)
        return false;
    *p += count;
    *out_number = number;
    return true;
}

/* Exactly `count` digits. */
static bool take_fixed(const char **p, size_t count, int *out_number)
{
    int number = 0;
    for (size_t i = 0; i < count; i++) {
        char c = (*p)[i];
        if (c < '0' || c > '9')
            return false;
        number = number * 10 + (c - '0');
    }
    *p += count;
    *out_number = number;
    return true;
}

static bool take(const char **p, char c)
{
    if (**p != c)
        return false;
    (*p)++;
    return true;
}

/* "-7.5" with at most `places` digits behind the point -> times 10^places. Stops behind the number.
 * Plus signs, exponents and spare points are not numbers. */
static bool take_decimal(const char **p, uint8_t places, int64_t *out_number)
{
    bool negative = take(p, '-');
    int64_t whole = 0, fraction = 0;
    if (!take_digits(p, &whole))
        return false;
    uint8_t got = 0;
    if (take(p, '.')) {
        while (**p >= '0' && **p <= '9') {
            if (got == places)
                return false;
            fraction = fraction * 10 + (*(*p)++ - '0');
            got++;
        }
        if (got == 0)
            return false;
    }
    for (; got < places; got++)
        fraction *= 10;
    if (whole > ST_FORM_NUMBER_MAX / st_scale_unit(places))
        return false;
    int64_t number = whole * st_scale_unit(places) + fraction;
    *out_number = negative ? -number : number;
    return true;
}

static st_err parse_whole(const st_field *field, const char *text, int64_t *out_number,
                          st_error *error)
{
    const char *p = text;
    if (!take_digits(&p, out_number) || *p != '\0')
        return value_wrong(field, field->type == ST_TYPE_MONEY
                                      ? "whole đồng in digits alone, like 1500000"
                                      : "a whole number in digits alone, like 12", error);
    return ST_OK;
}

static st_err parse_decimal(const st_field *field, const char *text, int64_t *out_number,
                            st_error *error)
{
    const char *p = text;
    if (take_decimal(&p, field->scale, out_number) && *p == '\0')
        return ST_OK;
    if (strchr(text, ',') != NULL)
        return value_wrong(field, "a decimal point, like 7.5, not a comma", error);
    return st_fail(error, ST_E_VALUE,
                   "%.64s: expected a number like 7.5 with at most %u digits behind the point",
                   field->name, field->scale);
}

/* ---- dates and times ---- */

/* Reads YYYY-MM-DD; *out_is_day false when it looks like a date and is none. */
static bool take_date(const char **p, int64_t *out_days, bool *out_is_day)
{
    int year, month, day;
    if (!take_fixed(p, 4, &year) || !take(p, '-') || !take_fixed(p, 2, &month) ||
        !take(p, '-') || !take_fixed(p, 2, &day))
        return false;
    *out_is_day = st_date_from_civil(year, month, day, out_days);
    return true;
}

/* Reads HH:MM. */
static bool take_minute(const char **p, int64_t *out_minute)
{
    int hour, minute;
    if (!take_fixed(p, 2, &hour) || !take(p, ':') || !take_fixed(p, 2, &minute) || hour > 23 ||
        minute > 59)
        return false;
    *out_minute = hour * 60 + minute;
    return true;
}

static st_err parse_date(const st_field *field, const char *text, int64_t *out_days,
                         st_error *error)
{
    const char *p = text;
    bool is_day = false;
    if (!take_date(&p, out_days, &is_day) || *p != '\0')
        return value_wrong(field, "a date like 2026-03-12", error);
    if (!is_day)
        return value_wrong(field, "a day that there is, like 2026-03-12", error);
    return ST_OK;
}

/* Reads "", ":SS" or ":SS.mmm". */
static bool take_seconds(const char **p, int64_t *out_ms)
{
    int seconds = 0, ms = 0;
    if (take(p, ':')) {
        if (!take_fixed(p, 2, &seconds) || seconds > 59)
            return false;
        if (take(p, '.') && !take_fixed(p, 3, &ms))
            return false;
    }
    *out_ms = (int64_t)seconds * 1000 + ms;
    return true;
}

/* Reads "Z" or "+07:00". */
static bool take_offset(const char **p, int64_t *out_minutes)
{
    *out_minutes = 0;
    if (take(p, 'Z'))
        return true;
    bool negative = **p == '-';
    if (!negative && **p != '+')
        return false;
    (*p)++;
    if (!take_minute(p, out_minutes))
        return false;
    if (negative)
        *out_minutes = -*out_minutes;
    return true;
}

static st_err parse_time(const st_field *field, const char *text, int64_t *out_ms,
                         st_error *error)
{
    const char *p = text;
    bool is_day = false;
    int64_t days, minute, ms, offset;
    if (!take_date(&p, &days, &is_day) || !is_day || !take(&p, 'T') || !take_minute(&p, &minute) ||
        !take_seconds(&p, &ms) || !take_offset(&p, &offset) || *p != '\0')
        return value_wrong(field, "a time like 2026-03-12T09:30+07:00", error);
    *out_ms = (days * ST_MINUTES_A_DAY + minute - offset) * 60000 + ms;
    return ST_OK;
}

/* ---- words ---- */

static st_err parse_enum(const st_field *field, const char *text, int64_t *out_number,
                         st_error *error)
{
    char known[OPTIONS_TEXT_BYTES] = "";
    size_t used = 0;
    bool full = false;
    for (uint32_t i = 0; field->list != NULL && i < field->list->count; i++) {
        const st_option *option = &field->list->options[i];
        if (strcmp(option->id, text) == 0) {
            *out_number = option->no;
            return ST_OK;
        }
        if (full)
            continue;
        full = used + strlen(option->id) + sizeof " ..." >= sizeof known;
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i == 0 ? "" : " ",
                                 full ? "..." : option->id);
    }
    return st_fail(error, ST_E_VALUE, "%.40s: expected one of: %s", field->name, known);
}

static st_err parse_bool(const st_field *field, const char *text, int64_t *out_number,
                         st_error *error)
{
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
        return value_wrong(field, "true or false", error);
    *out_number = text[0] == 't';
    return ST_OK;
}

static st_err parse_number(const st_field *field, const char *text, int64_t *out_number,
                           st_error *error)
{
    const char *p = text;
    switch (field->type) {
    case ST_TYPE_DATE:
        return parse_date(field, text, out_number, error);
    case ST_TYPE_MIN:
        if (!take_minute(&p, out_number) || *p != '\0')
            return value_wrong(field, "a time of day like 09:30", error);
        return ST_OK;
    case ST_TYPE_TS:
        return parse_time(field, text, out_number, error);
    case ST_TYPE_ENUM:
        return parse_enum(field, text, out_number, error);
    case ST_TYPE_BOOL:
        return parse_bool(field, text, out_number, error);
    case ST_TYPE_DEC:
        return parse_decimal(field, text, out_number, error);
    default:
        return parse_whole(field, text, out_number, error);
    }
}

/* ---- bytes ---- */

static st_err keep_bytes(st_value_kind kind, const void *data, size_t len, st_arena *arena,
                         st_value *out_value, st_error *error)
{
    uint8_t *copy = st_arena_copy(arena, data, len);
    if (copy == NULL)
        return st_fail(error, ST_E_MEMORY, "value: no memory for %zu bytes", len);
    *out_value = (st_value){ .kind = kind, .data = copy, .len = (uint32_t)len };
    return ST_OK;
}

static st_err parse_text(const st_field *field, const char *text, st_arena *arena,
                         st_value *out_value, st_error *error)
{
    st_buffer clean;
    st_buffer_init(&clean, ST_VALUE_BYTES_MAX);
    st_err err = st_text_clean(text, strlen(text), &clean, error);
    if (err == ST_E_TOO_LARGE)
        err = value_wrong(field, "at most 64 KiB of text", error);
    if (err == ST_OK && clean.len == 0)
        err = value_wrong(field, "some text; to empty the field, use clear", error);
    if (err == ST_OK && st_text_chars(clean.data, clean.len) > field->max_chars)
        err = st_fail(error, ST_E_VALUE, "%.64s: expected at most %u characters, not %zu",
                      field->name, field->max_chars, st_text_chars(clean.data, clean.len));
    if (err == ST_OK)
        err = keep_bytes(ST_VALUE_TEXT, clean.data, clean.len, arena, out_value, error);
    st_buffer_free(&clean);
    return err;
}

static st_err parse_geo(const st_field *field, const char *text, st_arena *arena,
                        st_value *out_value, st_error *error)
{
    const char *p = text;
    int64_t lat, lon, accuracy_dm = 0;
    if (!take_decimal(&p, 7, &lat) || !take(&p, ',') || !take_decimal(&p, 7, &lon) ||
        (take(&p, ',') && !take_decimal(&p, 1, &accuracy_dm)) || *p != '\0' || accuracy_dm < 0 ||
        accuracy_dm > INT32_MAX)
        return value_wrong(field, "LAT,LON or LAT,LON,METRES like 22.8312,106.5221,8", error);
    if (lat < -900000000 || lat > 900000000 || lon < -1800000000 || lon > 1800000000)
        return value_wrong(field, "a latitude of -90 to 90, a longitude of -180 to 180", error);
    uint8_t data[ST_GEO_BYTES];
    st_geo geo = { .lat_e7 = (int32_t)lat, .lon_e7 = (int32_t)lon,
                   .accuracy_m = (uint32_t)((accuracy_dm + 9) / 10) };  /* never better than said */
    st_geo_put(&geo, data);
    return keep_bytes(ST_VALUE_GEO, data, sizeof data, arena, out_value, error);
}

static st_err parse_base64(const st_field *field, const char *text, st_arena *arena,
                           st_value *out_value, st_error *error)
{
    size_t chars = strlen(text);
    if (chars > 4 * ((ST_VALUE_BYTES_MAX + 2) / 3))
        return value_wrong(field, "at most 64 KiB", error);
    uint8_t *data = st_arena_get(arena, chars);
    if (data == NULL)
        return st_fail(error, ST_E_MEMORY, "value: no memory for %zu bytes", chars);
    size_t len = st_unbase64(text, chars, data);
    if (len > ST_VALUE_BYTES_MAX)
        return value_wrong(field, "base64 of at most 64 KiB", error);
    *out_value = (st_value){ .kind = ST_VALUE_BYTES, .data = data, .len = (uint32_t)len };
    return ST_OK;
}

static st_err parse_bytes(const st_field *field, const char *text, st_arena *arena,
                          st_value *out_value, st_error *error)
{
    uint8_t data[32];
    st_code code;
    size_t len = strlen(text);
    switch (field->type) {
    case ST_TYPE_STR:
        return parse_text(field, text, arena, out_value, error);
    case ST_TYPE_CODE:
        if (!st_code_set(&code, text, len))
            return value_wrong(field, "an id of 1 to 32 letters, digits, _ / . -", error);
        return keep_bytes(ST_VALUE_CODE, text, len, arena, out_value, error);
    case ST_TYPE_ID:
        if (!st_unhex(text, len, data, 16))
            return value_wrong(field, "an id of 32 hex digits", error);
        return keep_bytes(ST_VALUE_ID, data, 16, arena, out_value, error);
    case ST_TYPE_HASH:
        if (!st_unhex(text, len, data, 32))
            return value_wrong(field, "a hash of 64 hex digits", error);
        return keep_bytes(ST_VALUE_HASH, data, 32, arena, out_value, error);
    case ST_TYPE_GEO:
        return parse_geo(field, text, arena, out_value, error);
    default:
        return parse_base64(field, text, arena, out_value, error);
    }
}

static bool is_number_type(st_type type)
{
    return type == ST_TYPE_DATE || type == ST_TYPE_MIN || type == ST_TYPE_TS ||
           type == ST_TYPE_ENUM || type == ST_TYPE_BOOL || type == ST_TYPE_UINT ||
           type == ST_TYPE_DEC || type == ST_TYPE_MONEY;
}

st_err st_value_parse(const st_field *field, const char *text, st_arena *arena,
                      st_value *out_value, st_error *error)
{
    assert(field != NULL && text != NULL);
    assert(arena != NULL && out_value != NULL);
    if (text[0] == '\0')
        return value_wrong(field, "a value; to empty the field, use clear", error);
    st_value value = { .kind = ST_VALUE_INT };
    st_err err = is_number_type(field->type)
                     ? parse_number(field, text, &value.number, error)
                     : parse_bytes(field, text, arena, &value, error);
    if (err != ST_OK)
        return err;
    const char *fault = st_value_fault(field, &value);
    if (fault != NULL)
        return value_wrong(field, fault, error);
    *out_value = value;
    return ST_OK;
}

/* ---- elements of a set ---- */

st_err st_element_parse(const st_field *field, const char *text, st_path *path, st_error *error)
{
    assert(field != NULL && text != NULL);
    assert(path != NULL);
    if (field->cls != ST_CLASS_SET)
        return value_wrong(field, "no elements: it is not a set", error);
    st_arena arena;
    st_arena_init(&arena, 4096);
    st_value value;
    st_err err = st_value_parse(field, text, &arena, &value, error);
    if (err == ST_OK) {
        memset(path->element, 0, sizeof path->element);
        if (value.kind == ST_VALUE_INT) {
            st_put_u64(path->element, (uint64_t)value.number);
            path->element_len = 8;
        } else {
            assert(value.len > 0 && value.len <= sizeof path->element);
            memcpy(path->element, value.data, value.len);
            path->element_len = (uint8_t)value.len;
        }
    }
    st_arena_reset(&arena);
    return err;
}

st_value st_element_value(const st_field *field, const st_path *path)
{
    assert(field != NULL && path != NULL);
    st_value value = { .kind = ST_VALUE_NULL };
    st_code code;
    if (path->element_len > sizeof path->element)
        return value;
    if (field->type == ST_TYPE_ENUM && path->element_len == 8) {
        uint64_t number = st_get_u64(path->element);
        if (number <= UINT16_MAX)
            value = (st_value){ .kind = ST_VALUE_INT, .number = (int64_t)number };
        return value;
    }
    if (field->type == ST_TYPE_CODE &&
        st_code_set(&code, (const char *)path->element, path->element_len))
        value.kind = ST_VALUE_CODE;
    else if (field->type == ST_TYPE_ID && path->element_len == sizeof(st_id))
        value.kind = ST_VALUE_ID;
    else
        return value;
    value.data = path->element;
    value.len = path->element_len;
    return value;
}
