/* proto/value.h - one value of one path, and how people write and read it. */
#ifndef SOTAY_PROTO_VALUE_H
#define SOTAY_PROTO_VALUE_H

#include "proto/err.h"
#include "proto/id.h"

typedef enum {
    ST_VALUE_NULL = 0,   /* cleared: a value like any other */
    ST_VALUE_INT = 1,    /* enum number, bool 0/1, date in days since 1970-01-01, minute of the day,
                            ms since 1970, unsigned, decimal times 10^scale, whole dong */
    ST_VALUE_TEXT = 2,   /* NFC UTF-8; detached */
    ST_VALUE_CODE = 3,   /* ASCII id, inline */
    ST_VALUE_ID = 4,     /* 16 bytes, inline */
    ST_VALUE_HASH = 5,   /* 32 bytes; detached when it names an attachment */
    ST_VALUE_GEO = 6,    /* 20 bytes: lat e7 i32, lon e7 i32, accuracy m u32, fix ms i64;
                            detached */
    ST_VALUE_BYTES = 7,  /* detached */
    ST_VALUE_ERASED = 8  /* destroyed by law; never sent as an operation */
} st_value_kind;

/* data points into the arena or buffer that the value was decoded from. */
typedef struct {
    st_value_kind kind;
    int64_t number;      /* ST_VALUE_INT */
    const uint8_t *data; /* the others but NULL and ERASED */
    uint32_t len;
} st_value;

/* True for the kinds that travel detached (docs/protocol.md 7): TEXT, HASH, GEO, BYTES. A HASH that
 * names no attachment may travel inline; what is written by st_set_build is detached. */
bool st_value_is_detached(st_value_kind kind);
/* NULL, or what is wrong with the value whatever its field: length, UTF-8 and NFC, the letters of a
 * code. ERASED is none of its business. */
const char *st_value_malformed(const st_value *value);
/* Same kind and same bytes. */
bool st_value_equal(const st_value *a, const st_value *b);

/* Days since 1970-01-01 of a Gregorian date; false when there is no such day ("2026-02-30") or the
 * year is outside 1..9999. */
bool st_date_from_civil(int year, int month, int day, int64_t *out_days);
/* The date of a day; days outside those years are cut to the first or last of them. */
void st_date_to_civil(int64_t days, int *out_year, int *out_month, int *out_day);
/* "2026-03-12T09:30:00.000+07:00" of ms since 1970 at offset_minutes; text holds 40 bytes. Years
 * outside 0001..9999 are cut to them. */
void st_time_format(int64_t ms, int offset_minutes, char *text);
/* The same for people: "12/03/2026 09:30"; text holds 40 bytes too. */
void st_time_short(int64_t ms, int offset_minutes, char *text);

#endif
