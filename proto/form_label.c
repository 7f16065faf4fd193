/* proto/form_label.c - a value as programs write it, and as people read it.
 *
 * Promises: machine text that st_value_parse reads back as the same value; labels in Vietnamese or
 * English with the separators people expect there. Must never depend on a locale of the machine,
 * and never fail on a value that the form does not know: then it shows the bare number. */
#include "proto/form_parts.h"
#include "proto/text.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>


/* Viet Nam: UTC+7, no summer time. */
#define OFFSET_MINUTES 420
#define NUMBER_TEXT_BYTES 64

/* How a language writes numbers; grouping NUL: none. */
typedef struct { char point, grouping; } number_style;
static const number_style MACHINE = { '.', '\0' };
static const number_style VIETNAMESE = { ',', '.' };
static const number_style ENGLISH = { '.', ',' };

static st_err put_text(st_buffer *out, const char *text, st_error *error)
{
    return st_buffer_append(out, text, strlen(text), error);
}

/* number / 10^scale, without zeros at the end of the fraction; text holds NUMBER_TEXT_BYTES. */
static void format_number(int64_t number, uint8_t scale, number_style style, char *text)
{
    uint64_t size = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    uint64_t unit = (uint64_t)st_scale_unit(scale > 9 ? 9 : scale);
    char digits[NUMBER_TEXT_BYTES], fraction[NUMBER_TEXT_BYTES];
    int count = snprintf(digits, sizeof digits, "%" PRIu64, size / unit);
    size_t used = 0;
    if (number < 0)
        text[used++] = '-';
    for (int i = 0; i < count; i++) {
        if (style.grouping != '\0' && i > 0 && (count - i) % 3 == 0)
            text[used++] = style.grouping;
        text[used++] = digits[i];
    }
    uint64_t rest = size % unit;
    if (rest != 0) {
        int width = snprintf(fraction, sizeof fraction, "%0*" PRIu64, (int)(scale > 9 ? 9 : scale),
                             rest);
        while (width > 0 && fraction[width - 1] == '0')
            width--;
        text[used++] = style.point;
        memcpy(text + used, fraction, (size_t)width);
        used += (size_t)width;
    }
    text[used] = '\0';
}

static st_err put_number(int64_t number, uint8_t scale, number_style style, st_buffer *out,
                         st_error *error)
{
    char text[NUMBER_TEXT_BYTES];
    format_number(number, scale, style, text);
    return put_text(out, text, error);
}

static st_err put_hex(const st_value *value, st_buffer *out, st_error *error)
{
    char text[2 * sizeof(st_hash) + 1];
    if (value->len > sizeof(st_hash))
        return st_fail(error, ST_E_VALUE, "value: an id of %u bytes", value->len);
    st_hex(value->data, value->len, text);
    return put_text(out, text, error);
}

static st_err put_base64(const st_value *value, st_buffer *out, st_error *error)
{
    size_t room = 4 * (((size_t)value->len + 2) / 3) + 1;
    uint8_t *to = NULL;
    st_err err = st_buffer_room(out, room, &to, error);
    if (err != ST_OK)
        return err;
    st_base64(value->data, value->len, (char *)to);
    out->len += room - 1;
    return ST_OK;
}

static st_err put_minute(int64_t minute, st_buffer *out, st_error *error)
{
    if (minute < 0 || minute >= ST_MINUTES_A_DAY)
        return put_number(minute, 0, MACHINE, out, error);
    return st_buffer_printf(out, error, "%02d:%02d", (int)(minute / 60), (int)(minute % 60));
}

static st_err text_of_number(const st_field *field, int64_t number, st_buffer *out,
                             st_error *error)
{
    int year, month, day;
    char text[NUMBER_TEXT_BYTES];
    const st_option *option;
    switch (field->type) {
    case ST_TYPE_DATE:
        st_date_to_civil(number, &year, &month, &day);
        return st_buffer_printf(out, error, "%04d-%02d-%02d", year, month, day);
    case ST_TYPE_MIN:
        return put_minute(number, out, error);
    case ST_TYPE_TS:
        st_time_format(number, OFFSET_MINUTES, text);
        return put_text(out, text, error);
    case ST_TYPE_ENUM:
        option = st_field_option(field, number);
        return option != NULL ? put_text(out, option->id, error)
                              : put_number(number, 0, MACHINE, out, error);
    case ST_TYPE_BOOL:
        return put_text(out, number != 0 ? "true" : "false", error);
    default:
        return put_number(number, field->type == ST_TYPE_DEC ? field->scale : 0, MACHINE, out,
                          error);
    }
}

static st_err text_of_geo(const st_value *value, st_buffer *out, st_error *error)
{
    if (value->len != ST_GEO_BYTES)
        return st_fail(error, ST_E_VALUE, "value: a position of %u bytes", value->len);
    st_geo geo = st_geo_get(value->data);
    char lat[NUMBER_TEXT_BYTES], lon[NUMBER_TEXT_BYTES];
    format_number(geo.lat_e7, 7, MACHINE, lat);
    format_number(geo.lon_e7, 7, MACHINE, lon);
    return st_buffer_printf(out, error, "%s,%s,%" PRIu32, lat, lon, geo.accuracy_m);
}

st_err st_value_text(const st_field *field, const st_value *value, st_buffer *out,
                     st_error *error)
{
    assert(field != NULL && value != NULL);
    assert(out != NULL);
    switch (value->kind) {
    case ST_VALUE_INT:
        return text_of_number(field, value->number, out, error);
    case ST_VALUE_TEXT:
    case ST_VALUE_CODE:
        return st_buffer_append(out, value->data, value->len, error);
    case ST_VALUE_ID:
    case ST_VALUE_HASH:
        return put_hex(value, out, error);
    case ST_VALUE_GEO:
        return text_of_geo(value, out, error);
    case ST_VALUE_BYTES:
        return put_base64(value, out, error);
    default:
        return ST_OK;
    }
}

/* ---- for people ---- */

static st_err label_of_date(int64_t days, bool vi, st_buffer *out, st_error *error)
{
    static const char *const MONTHS[] = { "January", "February", "March", "April", "May", "June",
                                          "July", "August", "September", "October", "November",
                                          "December" };
    int year, month, day;
    st_date_to_civil(days, &year, &month, &day);
    if (vi)
        return st_buffer_printf(out, error, "%02d/%02d/%04d", day, month, year);
    return st_buffer_printf(out, error, "%d %s %d", day, MONTHS[month - 1], year);
}

/* The day and minute in Viet Nam. */
static st_err label_of_time(int64_t ms, bool vi, st_buffer *out, st_error *error)
{
    const int64_t day_ms = INT64_C(86400000);
    int64_t local = ms < INT64_MAX / 2 ? ms + OFFSET_MINUTES * INT64_C(60000) : ms;
    int64_t days = local / day_ms - (local % day_ms < 0 ? 1 : 0);
    st_err err = label_of_date(days, vi, out, error);
    if (err == ST_OK)
        err = put_text(out, " ", error);
    if (err == ST_OK)
        err = put_minute((local - days * day_ms) / 60000, out, error);
    return err;
}

static st_err label_of_number(const st_field *field, int64_t number, bool vi, st_buffer *out,
                              st_error *error)
{
    const st_option *option;
    switch (field->type) {
    case ST_TYPE_DATE:
        return label_of_date(number, vi, out, error);
    case ST_TYPE_MIN:
        return put_minute(number, out, error);
    case ST_TYPE_TS:
        return label_of_time(number, vi, out, error);
    case ST_TYPE_ENUM:
        option = st_field_option(field, number);
        if (option == NULL)
            return put_number(number, 0, MACHINE, out, error);
        const char *label = vi ? option->vi : option->en;
        return put_text(out, label == NULL || label[0] == '\0' ? option->id : label, error);
    case ST_TYPE_BOOL:
        return put_text(out, number != 0 ? (vi ? "có" : "yes") : (vi ? "không" : "no"), error);
    default:
        return put_number(number, field->type == ST_TYPE_DEC ? field->scale : 0,
                          vi ? VIETNAMESE : ENGLISH, out, error);
    }
}

static st_err label_of_geo(const st_value *value, bool vi, st_buffer *out, st_error *error)
{
    if (value->len != ST_GEO_BYTES)
        return st_fail(error, ST_E_VALUE, "value: a position of %u bytes", value->len);
    st_geo geo = st_geo_get(value->data);
    char lat[NUMBER_TEXT_BYTES], lon[NUMBER_TEXT_BYTES];
    const number_style style = { vi ? ',' : '.', '\0' };
    format_number(geo.lat_e7, 7, style, lat);
    format_number(geo.lon_e7, 7, style, lon);
    st_err err = st_buffer_printf(out, error, "%s; %s", lat, lon);
    if (err == ST_OK && geo.accuracy_m > 0)
        err = st_buffer_printf(out, error, " (±%" PRIu32 " m)", geo.accuracy_m);
    return err;
}

st_err st_value_label(const st_field *field, const st_value *value, const char *lang,
                      st_buffer *out, st_error *error)
{
    assert(field != NULL && value != NULL);
    assert(lang != NULL && out != NULL);
    bool vi = strcmp(lang, "vi") == 0;
    switch (value->kind) {
    case ST_VALUE_INT:
        return label_of_number(field, value->number, vi, out, error);
    case ST_VALUE_GEO:
        return label_of_geo(value, vi, out, error);
    case ST_VALUE_BYTES:
        return st_buffer_printf(out, error, "%u byte", value->len);
    case ST_VALUE_ERASED:
        return put_text(out, vi ? "đã xóa theo yêu cầu" : "erased on request", error);
    case ST_VALUE_TEXT:
        return st_text_say(value->data, value->len, ST_LINE_INSIDE, out, error);
    default:
        return st_value_text(field, value, out, error);
    }
}
