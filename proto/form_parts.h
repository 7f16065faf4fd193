/* proto/form_parts.h - what the form*.c files share; not for other rooms. */
#ifndef SOTAY_PROTO_FORM_PARTS_H
#define SOTAY_PROTO_FORM_PARTS_H

#include "proto/form.h"

#define ST_GEO_BYTES 20u
#define ST_MINUTES_A_DAY 1440

/* NULL when the value is one that the field can hold (NULL and ERASED kinds are not), else why not,
 * in a few English words that name no value. Looks at type, length, range and enum. */
const char *st_value_fault(const st_field *field, const st_value *value);
/* The same for the element of a path of a set field. */
const char *st_element_fault(const st_field *field, const st_path *path);
/* The option of a number; NULL when the list has none. */
const st_option *st_field_option(const st_field *field, int64_t no);
/* 10^scale; scale <= 9. */
int64_t st_scale_unit(uint8_t scale);
/* The parts of a position; data holds ST_GEO_BYTES. */
typedef struct { int32_t lat_e7, lon_e7; uint32_t accuracy_m; int64_t fix_ms; } st_geo;
st_geo st_geo_get(const uint8_t *data);
void st_geo_put(const st_geo *geo, uint8_t *data);

#endif
