/* proto/form_fault.c - can a field hold a value? One answer for what a person types, for what a
 * phone saves and for what the server takes in.
 *
 * Promises: looks at the value alone, never at other values, clocks or catalogues; a strange date
 * is a date. Must never be stricter on the server than it is on a phone. */
#include "proto/form_parts.h"

#include <assert.h>
#include <string.h>

#include "proto/text.h"

/* 0001-01-01 and 9999-12-31 in days since 1970. */
#define DAYS_MIN INT64_C(-719162)
#define DAYS_MAX INT64_C(2932896)
#define DAY_MS INT64_C(86400000)
#define LAT_MAX 900000000
#define LON_MAX 1800000000

static const st_value_kind KIND_OF[ST_TYPE_COUNT] = {
    [ST_TYPE_STR] = ST_VALUE_TEXT, [ST_TYPE_CODE] = ST_VALUE_CODE, [ST_TYPE_ID] = ST_VALUE_ID,
    [ST_TYPE_DATE] = ST_VALUE_INT, [ST_TYPE_MIN] = ST_VALUE_INT, [ST_TYPE_TS] = ST_VALUE_INT,
    [ST_TYPE_ENUM] = ST_VALUE_INT, [ST_TYPE_BOOL] = ST_VALUE_INT, [ST_TYPE_UINT] = ST_VALUE_INT,
    [ST_TYPE_DEC] = ST_VALUE_INT, [ST_TYPE_MONEY] = ST_VALUE_INT, [ST_TYPE_GEO] = ST_VALUE_GEO,
    [ST_TYPE_HASH] = ST_VALUE_HASH, [ST_TYPE_BYTES] = ST_VALUE_BYTES,
};

int64_t st_scale_unit(uint8_t scale)
{
    assert(scale <= 9);
    int64_t unit = 1;
    for (uint8_t i = 0; i < scale; i++)
        unit *= 10;
    return unit;
}

st_geo st_geo_get(const uint8_t *data)
{
    assert(data != NULL);
    uint32_t lat = st_get_u32(data), lon = st_get_u32(data + 4);
    uint64_t fix = st_get_u64(data + 12);
    st_geo geo = { .accuracy_m = st_get_u32(data + 8) };
    memcpy(&geo.lat_e7, &lat, sizeof lat);      /* two's complement, by C11's int32_t */
    memcpy(&geo.lon_e7, &lon, sizeof lon);
    memcpy(&geo.fix_ms, &fix, sizeof fix);
    return geo;
}

void st_geo_put(const st_geo *geo, uint8_t *data)
{
    assert(geo != NULL && data != NULL);
    st_put_u32(data, (uint32_t)geo->lat_e7);
    st_put_u32(data + 4, (uint32_t)geo->lon_e7);
    st_put_u32(data + 8, geo->accuracy_m);
    st_put_u64(data + 12, (uint64_t)geo->fix_ms);
}

const st_option *st_field_option(const st_field *field, int64_t no)
{
    assert(field != NULL);
    for (uint32_t i = 0; field->list != NULL && i < field->list->count; i++)
        if (field->list->options[i].no == no)
            return &field->list->options[i];
    return NULL;
}

static const char *number_fault(const st_field *field, int64_t n)
{
    bool has_range = field->min <= field->max;
    switch (field->type) {
    case ST_TYPE_DATE:
        if (n < DAYS_MIN || n > DAYS_MAX)
            return "a day of the years 1 to 9999";
        break;
    case ST_TYPE_MIN:
        if (n < 0 || n >= ST_MINUTES_A_DAY)
            return "a time of day, 00:00 to 23:59";
        break;
    case ST_TYPE_TS:
        if (n < DAYS_MIN * DAY_MS || n >= (DAYS_MAX + 1) * DAY_MS)
            return "a time of the years 1 to 9999";
        break;
    case ST_TYPE_ENUM:
        return st_field_option(field, n) == NULL ? "an option of its list" : NULL;
    case ST_TYPE_BOOL:
        return n != 0 && n != 1 ? "true or false" : NULL;
    case ST_TYPE_DEC:
        if (n < -ST_FORM_NUMBER_MAX || n > ST_FORM_NUMBER_MAX)
            return "a smaller number";
        break;
    default:
        if (n > ST_FORM_NUMBER_MAX)
            return "a smaller number";
        if (n < 0 && !has_range)
            return "not below zero";
    }
    if (has_range && n < field->min)
        return "not below its least value";
    if (has_range && n > field->max)
        return "not over its greatest value";
    return NULL;
}

static const char *text_fault(const st_field *field, const st_value *value)
{
    if (!st_text_is_nfc(value->data, value->len))
        return "UTF-8 in NFC";
    if (st_text_chars(value->data, value->len) > field->max_chars)
        return "a shorter text";
    return NULL;
}

static const char *geo_fault(const st_value *value)
{
    if (value->len != ST_GEO_BYTES)
        return "a position of 20 bytes";
    st_geo geo = st_geo_get(value->data);
    if (geo.lat_e7 < -LAT_MAX || geo.lat_e7 > LAT_MAX)
        return "a latitude of -90 to 90";
    if (geo.lon_e7 < -LON_MAX || geo.lon_e7 > LON_MAX)
        return "a longitude of -180 to 180";
    return NULL;
}

const char *st_value_fault(const st_field *field, const st_value *value)
{
    assert(field != NULL && (unsigned)field->type < ST_TYPE_COUNT);
    assert(value != NULL);
    st_code code;
    if (value->kind != KIND_OF[field->type])
        return "a value of its type";
    if (value->kind != ST_VALUE_INT && value->len > 0 && value->data == NULL)
        return "a value with its bytes";
    switch (value->kind) {
    case ST_VALUE_INT:
        return number_fault(field, value->number);
    case ST_VALUE_TEXT:
        return text_fault(field, value);
    case ST_VALUE_CODE:
        return st_code_set(&code, (const char *)value->data, value->len)
                   ? NULL : "an ASCII id of at most 32 letters, digits, _ / . -";
    case ST_VALUE_ID:
        return value->len == sizeof(st_id) ? NULL : "an id of 16 bytes";
    case ST_VALUE_HASH:
        return value->len == sizeof(st_hash) ? NULL : "a hash of 32 bytes";
    case ST_VALUE_GEO:
        return geo_fault(value);
    case ST_VALUE_BYTES:
        return value->len <= ST_VALUE_BYTES_MAX ? NULL : "at most 64 KiB";
    default:
        return "a value of its type";
    }
}

const char *st_element_fault(const st_field *field, const st_path *path)
{
    assert(field != NULL && path != NULL);
    if (field->cls != ST_CLASS_SET)
        return "no element: it is not a set";
    if (path->element_len == 0)
        return "an element of its set";
    if (path->element_len > ST_CODE_BYTES_MAX)
        return "a shorter element";
    st_value value = st_element_value(field, path);
    return value.kind == ST_VALUE_NULL ? "an element of its type" : st_value_fault(field, &value);
}
