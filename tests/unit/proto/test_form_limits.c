/* tests/unit/proto/test_form_limits.c
 * A form comes over the network: numbers that do not fit and lists without end are refused before
 * memory is taken for them, and a value is held against its field whoever made it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define make_bytes make_form_bytes
#include "tests/unit/proto/make_form.h"
#undef make_bytes
#include "proto/form_parts.h"
#include "tests/unit/proto/wire_text.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

/* ---- on the wire ---- */

#define NAMES "1:v1 2:\"note\" 3:v1 4:\"a\" 5:\"a\" "
#define ONE   "9:{ 1:v1 2:\"text\" 3:\"a\" 4:\"a\" 7:v2 8:v10 } "

/* `before`, then `each` as many times as `times` says, then `after`. */
static const struct {
    const char *why, *before, *each;
    unsigned times;
    const char *after;
    st_err want;
} FORMS[] = {
    { "a form", NAMES ONE, "", 0, "", ST_OK },
    { "a format of later", "1:v2 2:\"note\"", "", 0, "", ST_E_VERSION },
    { "no format", "2:\"note\"", "", 0, "", ST_E_CORRUPT },
    { "an unknown home", NAMES ONE "6:v4", "", 0, "", ST_E_CORRUPT },
    { "an unknown life", NAMES ONE "7:v2", "", 0, "", ST_E_CORRUPT },
    { "a field's number", NAMES "9:{ 1:v65536 2:\"text\" 8:v10 }", "", 0, "", ST_E_CORRUPT },
    { "a type of later", NAMES "9:{ 1:v1 2:\"text\" 5:v14 }", "", 0, "", ST_E_CORRUPT },
    { "a class of later", NAMES "9:{ 1:v1 2:\"text\" 6:v7 }", "", 0, "", ST_E_CORRUPT },
    { "a scale", NAMES "9:{ 1:v1 2:\"text\" 5:v9 12:v256 }", "", 0, "", ST_E_CORRUPT },
    { "a range upside down", NAMES "9:{ 1:v1 2:\"text\" 5:v8 9:v1 10:v4 11:v2 }", "", 0, "",
      ST_E_CORRUPT },
    { "a range of one", NAMES "9:{ 1:v1 2:\"text\" 3:\"a\" 4:\"a\" 5:v8 9:v1 10:v4 11:v4 }", "", 0,
      "", ST_OK },
    { "no such list", NAMES "9:{ 1:v1 2:\"text\" 5:v6 13:\"kinds\" }", "", 0, "", ST_E_CORRUPT },
    { "a group's number", NAMES ONE "10:{ 1:v65536 2:\"rows\" }", "", 0, "", ST_E_CORRUPT },
    { "a field of a group", NAMES ONE "10:{ 1:v40 2:\"rows\" 7:{ 1:v65536 } }", "", 0, "",
      ST_E_CORRUPT },
    { "an option's number", NAMES ONE "11:{ 1:\"kinds\" 2:{ 1:v65536 2:\"a\" } }", "", 0, "",
      ST_E_CORRUPT },
    { "fields without end", NAMES, "9:{ } ", ST_FORM_FIELDS_MAX + 1u, "", ST_E_TOO_LARGE },
    { "fields as many as may be, all the same", NAMES, "9:{ } ", ST_FORM_FIELDS_MAX, "",
      ST_E_CORRUPT },
    { "groups without end", NAMES ONE, "10:{ } ", ST_FORM_FIELDS_MAX + 1u, "", ST_E_TOO_LARGE },
    { "fields of a group without end", NAMES ONE "10:{ 1:v40 ", "7:{ } ", ST_FORM_FIELDS_MAX + 1u,
      "}", ST_E_TOO_LARGE },
    { "lists without end", NAMES ONE, "11:{ } ", ST_FORM_OPTIONS_MAX + 1u, "", ST_E_TOO_LARGE },
    { "options without end", NAMES ONE "11:{ 1:\"kinds\" ", "2:{ } ", ST_FORM_OPTIONS_MAX + 1u, "}",
      ST_E_TOO_LARGE },
    { "a title without end", NAMES ONE, "12:\"\" ", ST_FORM_FIELDS_MAX + 1u, "", ST_E_TOO_LARGE },
};

static void test_forms_over_their_limits(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(FORMS); i++) {
        st_arena arena;
        st_buffer text, bytes;
        const st_form *form = NULL;
        st_error error = { 0 };
        st_arena_init(&arena, 16u << 20);
        st_buffer_init(&text, 1u << 20);
        st_buffer_init(&bytes, 1u << 20);
        wire_put(&text, FORMS[i].before, strlen(FORMS[i].before));
        for (unsigned k = 0; k < FORMS[i].times; k++)
            wire_put(&text, FORMS[i].each, strlen(FORMS[i].each));
        wire_put(&text, FORMS[i].after, strlen(FORMS[i].after) + 1);
        wire_text((const char *)text.data, &bytes);
        st_err err = st_form_decode(bytes.data, bytes.len, &arena, &form, &error);
        if (err != FORMS[i].want || (form != NULL) != (err == ST_OK))
            fail_msg("%s: %s (%s)", FORMS[i].why, st_err_name(err), error.detail);
        st_buffer_free(&text);
        st_buffer_free(&bytes);
        st_arena_reset(&arena);
    }
    uint8_t *large = calloc(1, ST_FORM_BYTES_MAX + 1u);
    assert_non_null(large);
    st_arena arena;
    const st_form *form = NULL;
    st_arena_init(&arena, 1u << 20);
    assert_int_equal(st_form_decode(large, ST_FORM_BYTES_MAX + 1u, &arena, &form, NULL),
                     ST_E_TOO_LARGE);
    st_arena_reset(&arena);
    free(large);
}

/* A form that would not fit into one value is not written. */
static void test_a_form_too_large_to_travel(void **state)
{
    (void)state;
    st_buffer out;
    char *help = malloc(ST_FORM_BYTES_MAX + 1u);
    assert_non_null(help);
    memset(help, 'a', ST_FORM_BYTES_MAX);
    help[ST_FORM_BYTES_MAX] = '\0';
    st_form form = FORM;
    form.vi = help;
    st_buffer_init(&out, 4 * ST_FORM_BYTES_MAX);
    assert_int_equal(st_form_encode(&form, &out, NULL), ST_E_TOO_LARGE);
    assert_int_equal(out.len, 0);
    st_buffer_free(&out);
    free(help);
}

/* ---- values ---- */

static st_value bytes_of(st_value_kind kind, const void *data, uint32_t len)
{
    return (st_value){ .kind = kind, .data = data, .len = len };
}

static st_value geo_of(int32_t lat_e7, int32_t lon_e7, uint8_t *room)
{
    const st_geo geo = { .lat_e7 = lat_e7, .lon_e7 = lon_e7 };
    st_geo_put(&geo, room);
    return bytes_of(ST_VALUE_GEO, room, ST_GEO_BYTES);
}

static void must_fit(const char *field, st_value value, bool fits)
{
    const char *fault = st_value_fault(st_form_field(&FORM, field), &value);
    if ((fault == NULL) != fits)
        fail_msg("%s: %s", field, fault == NULL ? "taken" : fault);
}

static void test_values_at_their_bounds(void **state)
{
    (void)state;
    const int32_t lat = 900000000, lon = 1800000000;
    const int64_t days = 2932896, day_ms = 86400000;
    const struct {
        const char *field;
        int64_t least, most;
    } NUMBERS[] = {
        { "visit_date", -719162, days },
        { "started_at", 0, 1439 },
        { "fixed_at", -719162 * day_ms, (days + 1) * day_ms - 1 },
        { "copies", 0, 255 },
        { "score", -50, 100 },
        { "money", 0, ST_FORM_NUMBER_MAX },
        { "paid", 0, 1 },
        { "visit_kind", 1, 3 },
    };
    for (size_t i = 0; i < LEN(NUMBERS); i++) {
        must_fit(NUMBERS[i].field, make_number(NUMBERS[i].least), true);
        must_fit(NUMBERS[i].field, make_number(NUMBERS[i].least - 1), false);
        must_fit(NUMBERS[i].field, make_number(NUMBERS[i].most), true);
        must_fit(NUMBERS[i].field, make_number(NUMBERS[i].most + 1), false);
        must_fit(NUMBERS[i].field, bytes_of(ST_VALUE_TEXT, "1", 1), false);
    }
    uint8_t room[ST_GEO_BYTES];
    must_fit("position", geo_of(lat, lon, room), true);
    must_fit("position", geo_of(-lat, -lon, room), true);
    must_fit("position", geo_of(lat + 1, lon, room), false);
    must_fit("position", geo_of(-lat - 1, lon, room), false);
    must_fit("position", geo_of(lat, lon + 1, room), false);
    must_fit("position", geo_of(lat, -lon - 1, room), false);
    must_fit("position", bytes_of(ST_VALUE_GEO, room, ST_GEO_BYTES - 1), false);
    must_fit("position", bytes_of(ST_VALUE_GEO, NULL, ST_GEO_BYTES), false);
}

static void test_bytes_at_their_lengths(void **state)
{
    (void)state;
    uint8_t *large = calloc(1, ST_VALUE_BYTES_MAX + 1u);
    assert_non_null(large);
    must_fit("head", bytes_of(ST_VALUE_ID, large, 16), true);
    must_fit("head", bytes_of(ST_VALUE_ID, large, 15), false);
    must_fit("content_hash", bytes_of(ST_VALUE_HASH, large, 32), true);
    must_fit("content_hash", bytes_of(ST_VALUE_HASH, large, 31), false);
    must_fit("blob", bytes_of(ST_VALUE_BYTES, large, ST_VALUE_BYTES_MAX), true);
    must_fit("blob", bytes_of(ST_VALUE_BYTES, large, ST_VALUE_BYTES_MAX + 1u), false);
    must_fit("blob", bytes_of(ST_VALUE_BYTES, NULL, 0), true);
    must_fit("blob", bytes_of(ST_VALUE_BYTES, NULL, 1), false);
    must_fit("unit_id", bytes_of(ST_VALUE_CODE, "01477-x01", 9), true);
    must_fit("unit_id", bytes_of(ST_VALUE_CODE, "x x", 3), false);
    must_fit("place", bytes_of(ST_VALUE_TEXT, "a\xcc\x81", 3), false);
    must_fit("place", bytes_of(ST_VALUE_TEXT, "mười hai chữ", 17), true);
    must_fit("place", bytes_of(ST_VALUE_TEXT, "mười hai chữ.", 18), false);
    free(large);
}

static void test_elements_of_a_set(void **state)
{
    (void)state;
    st_path path = make_field_path(F_CONTENTS);
    const st_field *set = st_form_field(&FORM, "contents");
    assert_non_null(st_element_fault(set, &path));
    path.element_len = 8;
    path.element[7] = 2;
    assert_null(st_element_fault(set, &path));
    path.element[7] = 77; /* no such option */
    assert_non_null(st_element_fault(set, &path));
    path.element_len = 7; /* no number */
    assert_non_null(st_element_fault(set, &path));
    assert_non_null(st_element_fault(st_form_field(&FORM, "place"), &path));
    path.element_len = ST_CODE_BYTES_MAX;
    assert_non_null(st_element_fault(set, &path));
    path.element_len = ST_CODE_BYTES_MAX + 1;
    assert_string_equal(st_element_fault(set, &path), "a shorter element");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms_over_their_limits),
        cmocka_unit_test(test_a_form_too_large_to_travel),
        cmocka_unit_test(test_values_at_their_bounds),
        cmocka_unit_test(test_bytes_at_their_lengths),
        cmocka_unit_test(test_elements_of_a_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
