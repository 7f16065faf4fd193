/* tests/unit/proto/test_form_value.c
 * What an officer writes is taken as meant or refused with what is expected instead, never rounded
 * or guessed at; what is shown reads back as the same value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "tests/unit/proto/make_form.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))
#define ID_TEXT "0123456789abcdef0123456789abcdef"
#define HASH_TEXT ID_TEXT ID_TEXT

static void test_numbers(void **state)
{
    (void)state;
    static const struct { const char *field, *text; int64_t want; } CASES[] = {
        { "visit_kind", "kiem_tra", 1 }, { "visit_kind", "theo_doi", 3 },
        { "visit_date", "2026-03-12", 20524 }, { "visit_date", "1970-01-01", 0 },
        { "visit_date", "1969-12-31", -1 }, { "visit_date", "0001-01-01", -719162 },
        { "visit_date", "9999-12-31", 2932896 }, { "visit_date", "2028-02-29", 21243 },
        { "started_at", "00:00", 0 }, { "started_at", "09:30", 570 },
        { "started_at", "23:59", 1439 },
        { "fixed_at", "1970-01-01T07:00+07:00", 0 }, { "fixed_at", "1970-01-01T00:00Z", 0 },
        { "fixed_at", "2026-03-12T09:30:00.250+07:00", INT64_C(1773282600250) },
        { "fixed_at", "1969-12-31T23:59:59-00:00", -1000 },
        { "copies", "0", 0 }, { "copies", "255", 255 }, { "copies", "007", 7 },
        { "score", "7.5", 75 }, { "score", "7", 70 }, { "score", "-5", -50 },
        { "score", "0.1", 1 }, { "score", "-0.1", -1 }, { "score", "10.0", 100 },
        { "money", "1500000", 1500000 }, { "money", "999999999999999", 999999999999999 },
        { "paid", "true", 1 }, { "paid", "false", 0 },
    };
    st_arena arena;
    st_arena_init(&arena, 1 << 16);
    for (size_t i = 0; i < LEN(CASES); i++) {
        const st_field *field = st_form_field(&FORM, CASES[i].field);
        st_value value = { 0 };
        st_error error = { 0 };
        print_message("  case: %s=%s\n", CASES[i].field, CASES[i].text);
        if (st_value_parse(field, CASES[i].text, &arena, &value, &error) != ST_OK)
            fail_msg("%s", error.detail);
        assert_int_equal(value.kind, ST_VALUE_INT);
        assert_true(value.number == CASES[i].want);
    }
    st_arena_reset(&arena);
}

static const struct { const char *field, *text, *says; } REFUSED[] = {
    { "place", "", "use clear" }, { "visit_date", "", "use clear" },
    { "place", "  \t ", "use clear" }, { "place", "\xe2\x80\x8b", "use clear" },
    { "place", "mười ba chữ ơi", "at most 12 characters, not 14" },
    { "place", "\xff", "UTF-8" },
    { "visit_kind", "kiem-tra", "kiem_tra giam_sat theo_doi" }, { "visit_kind", "1", "one of" },
    { "visit_kind", "Kiem_tra", "one of" }, { "visit_kind", "kiểm tra", "one of" },
    { "visit_date", "2026-02-30", "a day that there is" },
    { "visit_date", "2026-13-01", "a day that there is" },
    { "visit_date", "0000-01-01", "a day that there is" },
    { "visit_date", "2026-02-29", "a day that there is" },
    { "visit_date", "12/03/2026", "like 2026-03-12" },
    { "visit_date", "2026-3-12", "like 2026-03-12" },
    { "visit_date", "2026-03-12 ", "like 2026-03-12" },
    { "visit_date", "12026-03-12", "like 2026-03-12" },
    { "visit_date", "-2026-03-12", "like 2026-03-12" },
    { "started_at", "24:00", "like 09:30" }, { "started_at", "09:60", "like 09:30" },
    { "started_at", "9:30", "like 09:30" }, { "started_at", "0930", "like 09:30" },
    { "started_at", "09:30:00", "like 09:30" },
    { "fixed_at", "2026-03-12T09:30", "T09:30+07:00" },
    { "fixed_at", "2026-02-30T09:30Z", "T09:30+07:00" },
    { "fixed_at", "2026-03-12T09:30:60Z", "T09:30+07:00" },
    { "fixed_at", "2026-03-12 09:30Z", "T09:30+07:00" },
    { "fixed_at", "0001-01-01T00:00+07:00", "years 1 to 9999" },
    { "copies", "-1", "whole number" }, { "copies", "1e9", "whole number" },
    { "copies", "256", "greatest" }, { "copies", "7.5", "whole number" },
    { "copies", "0x10", "whole number" }, { "copies", " 7", "whole number" },
    { "copies", "+7", "whole number" }, { "copies", "1.000", "whole number" },
    { "copies", "99999999999999999999999", "whole number" },
    { "copies", "bảy", "whole number" },
    { "score", "7,5", "decimal point" }, { "score", "7.55", "at most 1 digits" },
    { "score", "7.", "like 7.5" }, { "score", ".5", "like 7.5" },
    { "score", "1e9", "like 7.5" },
    { "score", "--5", "like 7.5" }, { "score", "10.1", "greatest" },
    { "score", "-5.1", "least" }, { "score", "nan", "like 7.5" },
    { "score", "inf", "like 7.5" },
    { "score", "99999", "greatest" },
    { "money", "1.500.000", "whole đồng" }, { "money", "-5", "whole đồng" },
    { "money", "5đ", "whole đồng" },
    { "paid", "1", "true or false" }, { "paid", "True", "true or false" },
    { "paid", "có", "true or false" },
    { "unit_id", "xóm 3", "letters, digits" },
    { "unit_id", "012345678901234567890123456789012", "letters, digits" },
    { "head", "an", "32 hex" }, { "head", ID_TEXT "0", "32 hex" },
    { "content_hash", ID_TEXT, "64 hex" },
    { "blob", "not base64", "base64" }, { "blob", "YQ=", "base64" },
    { "position", "22.8", "LAT,LON" }, { "position", "22.8;106.5", "LAT,LON" },
    { "position", "22.8,106.5,8,9", "LAT,LON" }, { "position", "22.8,106.5,", "LAT,LON" },
    { "position", "22.8,106.5,-8", "LAT,LON" }, { "position", "22.8, 106.5", "LAT,LON" },
    { "position", "90.0000001,0", "latitude" }, { "position", "-91,0", "latitude" },
    { "position", "0,180.1", "longitude" }, { "position", "0,-181", "longitude" },
    { "position", "22.81234567,106", "LAT,LON" },
    { "position", "22.8,106.5,99999999999", "LAT,LON" },
    { "position", "99999999999,0", "LAT,LON" },
};

static void test_refused(void **state)
{
    (void)state;
    st_arena arena;
    st_arena_init(&arena, 1 << 16);
    for (size_t i = 0; i < LEN(REFUSED); i++) {
        const st_field *field = st_form_field(&FORM, REFUSED[i].field);
        st_value value = { .kind = ST_VALUE_ERASED };
        st_error error = { 0 };
        print_message("  case: %s='%s'\n", REFUSED[i].field, REFUSED[i].text);
        st_err err = st_value_parse(field, REFUSED[i].text, &arena, &value, &error);
        assert_int_equal(err, ST_E_VALUE);
        if (strstr(error.detail, REFUSED[i].says) == NULL)
            fail_msg("'%s' does not say '%s'", error.detail, REFUSED[i].says);
        assert_int_equal(value.kind, ST_VALUE_ERASED);
    }
    st_arena_reset(&arena);
}

static void test_texts(void **state)
{
    (void)state;
    static const struct { const char *field, *text; st_value_kind kind; const char *want; }
    CASES[] = {
        { "place", "Trùng Khánh", ST_VALUE_TEXT, "Trùng Khánh" },
        { "place", "Tru\xcc\x80ng Kha\xcc\x81nh", ST_VALUE_TEXT, "Trùng Khánh" },
        { "place", "  be\xcc\xa3\xcc\x82nh\xc2\xa0 ", ST_VALUE_TEXT, "bệnh" },
        { "place", "12 chữ nhé ạ", ST_VALUE_TEXT, "12 chữ nhé ạ" },
        { "unit_id", "01477-x01", ST_VALUE_CODE, "01477-x01" },
        { "blob", "YWJj", ST_VALUE_BYTES, "abc" },
    };
    st_arena arena;
    st_arena_init(&arena, 1 << 16);
    for (size_t i = 0; i < LEN(CASES); i++) {
        const st_field *field = st_form_field(&FORM, CASES[i].field);
        st_value value = { 0 };
        print_message("  case: %s='%s'\n", CASES[i].field, CASES[i].text);
        assert_int_equal(st_value_parse(field, CASES[i].text, &arena, &value, NULL), ST_OK);
        assert_int_equal(value.kind, CASES[i].kind);
        assert_int_equal(value.len, strlen(CASES[i].want));
        assert_memory_equal(value.data, CASES[i].want, value.len);
    }
    st_arena_reset(&arena);
}

static void test_large_text(void **state)
{
    (void)state;
    const size_t len = 70000;
    char *text = malloc(len + 1);
    assert_non_null(text);
    memset(text, 'a', len);
    text[len] = '\0';
    st_field field = RECORD_FIELDS[3];
    field.max_chars = ST_FORM_STR_MAX;
    st_arena arena;
    st_arena_init(&arena, 1 << 20);
    st_value value = { 0 };
    assert_int_equal(st_value_parse(&field, text, &arena, &value, NULL), ST_E_VALUE);
    text[ST_FORM_STR_MAX + 1] = '\0';
    assert_int_equal(st_value_parse(&field, text, &arena, &value, NULL), ST_E_VALUE);
    text[ST_FORM_STR_MAX] = '\0';
    assert_int_equal(st_value_parse(&field, text, &arena, &value, NULL), ST_OK);
    assert_int_equal(value.len, ST_FORM_STR_MAX);
    st_arena_reset(&arena);
    st_arena_init(&arena, 8);
    assert_int_equal(st_value_parse(&field, text, &arena, &value, NULL), ST_E_MEMORY);
    st_arena_reset(&arena);
    free(text);
}

static void assert_text(const st_buffer *out, const char *want)
{
    if (out->len != strlen(want) || (out->len > 0 && memcmp(out->data, want, out->len) != 0))
        fail_msg("'%.*s' is not '%s'", (int)out->len, (const char *)out->data, want);
}

/* As written, as machine text, as read in Vietnamese and in English. */
static void test_there_and_back(void **state)
{
    (void)state;
    static const struct { const char *field, *text, *machine, *vi, *en; } CASES[] = {
        { "visit_kind", "kiem_tra", "kiem_tra", "kiểm tra", "inspection" },
        { "visit_date", "2026-03-12", "2026-03-12", "12/03/2026", "12 March 2026" },
        { "visit_date", "0001-01-01", "0001-01-01", "01/01/0001", "1 January 1" },
        { "started_at", "09:30", "09:30", "09:30", "09:30" },
        { "fixed_at", "2026-03-11T17:30:00Z", "2026-03-12T00:30:00.000+07:00", "12/03/2026 00:30",
          "12 March 2026 00:30" },
        { "fixed_at", "1969-12-31T16:59:00Z", "1969-12-31T23:59:00.000+07:00", "31/12/1969 23:59",
          "31 December 1969 23:59" },
        { "copies", "12", "12", "12", "12" },
        { "score", "7.5", "7.5", "7,5", "7.5" }, { "score", "7.0", "7", "7", "7" },
        { "score", "-0.5", "-0.5", "-0,5", "-0.5" }, { "score", "0", "0", "0", "0" },
        { "money", "1234567", "1234567", "1.234.567", "1,234,567" },
        { "money", "123", "123", "123", "123" }, { "money", "1234", "1234", "1.234", "1,234" },
        { "money", "100000", "100000", "100.000", "100,000" },
        { "paid", "true", "true", "có", "yes" }, { "paid", "false", "false", "không", "no" },
        { "place", "Nà Sơn", "Nà Sơn", "Nà Sơn", "Nà Sơn" },
        { "unit_id", "01477-x01", "01477-x01", "01477-x01", "01477-x01" },
        { "head", ID_TEXT, ID_TEXT, ID_TEXT, ID_TEXT },
        { "content_hash", HASH_TEXT, HASH_TEXT, HASH_TEXT, HASH_TEXT },
        { "blob", "YWJj", "YWJj", "3 byte", "3 byte" },
        { "position", "22.8312,106.5221,8", "22.8312,106.5221,8", "22,8312; 106,5221 (±8 m)",
          "22.8312; 106.5221 (±8 m)" },
        { "position", "-22.8312000,-0.5,7.2", "-22.8312,-0.5,8", "-22,8312; -0,5 (±8 m)",
          "-22.8312; -0.5 (±8 m)" },
        { "position", "90,180", "90,180,0", "90; 180", "90; 180" },
    };
    st_arena arena;
    st_buffer out;
    st_arena_init(&arena, 1 << 16);
    st_buffer_init(&out, 1024);
    for (size_t i = 0; i < LEN(CASES); i++) {
        const st_field *field = st_form_field(&FORM, CASES[i].field);
        st_value value = { 0 }, again = { 0 };
        print_message("  case: %s='%s'\n", CASES[i].field, CASES[i].text);
        assert_int_equal(st_value_parse(field, CASES[i].text, &arena, &value, NULL), ST_OK);
        st_buffer_clear(&out);
        assert_int_equal(st_value_text(field, &value, &out, NULL), ST_OK);
        assert_text(&out, CASES[i].machine);
        char *machine = (char *)st_arena_copy(&arena, out.data, out.len);
        assert_int_equal(st_value_parse(field, machine, &arena, &again, NULL), ST_OK);
        assert_true(st_value_equal(&value, &again));
        st_buffer_clear(&out);
        assert_int_equal(st_value_label(field, &value, "vi", &out, NULL), ST_OK);
        assert_text(&out, CASES[i].vi);
        st_buffer_clear(&out);
        assert_int_equal(st_value_label(field, &value, "en", &out, NULL), ST_OK);
        assert_text(&out, CASES[i].en);
    }
    st_buffer_free(&out);
    st_arena_reset(&arena);
}

static void test_showing_what_is_strange(void **state)
{
    (void)state;
    static const uint8_t SHORT[3] = { 1, 2, 3 };
    const struct { const char *why, *field; st_value value; const char *text, *vi; } CASES[] = {
        { "cleared", "place", { .kind = ST_VALUE_NULL }, "", "" },
        { "erased", "place", { .kind = ST_VALUE_ERASED }, "", "đã xóa theo yêu cầu" },
        { "unknown option", "visit_kind", make_number(77), "77", "77" },
        { "far date", "visit_date", make_number(INT64_MAX), "9999-12-31", "31/12/9999" },
        { "far past", "visit_date", make_number(INT64_MIN), "0001-01-01", "01/01/0001" },
        { "far time", "fixed_at", make_number(INT64_MAX), "9999-12-31T23:59:59.999+07:00", NULL },
        { "minute of no day", "started_at", make_number(-5), "-5", "-5" },
        { "largest", "money", make_number(INT64_MAX), "9223372036854775807",
          "9.223.372.036.854.775.807" },
        { "least", "money", make_number(INT64_MIN), "-9223372036854775808",
          "-9.223.372.036.854.775.808" },
        { "text in a date", "visit_date", make_text("nay"), "nay", "nay" },
    };
    st_buffer out;
    st_buffer_init(&out, 1024);
    for (size_t i = 0; i < LEN(CASES); i++) {
        const st_field *field = st_form_field(&FORM, CASES[i].field);
        print_message("  case: %s\n", CASES[i].why);
        st_buffer_clear(&out);
        assert_int_equal(st_value_text(field, &CASES[i].value, &out, NULL), ST_OK);
        assert_text(&out, CASES[i].text);
        st_buffer_clear(&out);
        assert_int_equal(st_value_label(field, &CASES[i].value, "vi", &out, NULL), ST_OK);
        if (CASES[i].vi != NULL)
            assert_text(&out, CASES[i].vi);
    }
    st_value cut = make_bytes(ST_VALUE_GEO, SHORT, 3);
    assert_int_equal(st_value_text(&RECORD_FIELDS[10], &cut, &out, NULL), ST_E_VALUE);
    assert_int_equal(st_value_label(&RECORD_FIELDS[10], &cut, "vi", &out, NULL), ST_E_VALUE);
    st_buffer_free(&out);
}

static void test_elements(void **state)
{
    (void)state;
    static const struct { const char *field, *text; uint8_t len; const char *bytes; } CASES[] = {
        { "contents", "n3", 8, "\0\0\0\0\0\0\0\3" },
        { "observed_by", "61616161616161616161616161616161", 16, "aaaaaaaaaaaaaaaa" },
    };
    st_buffer out;
    st_buffer_init(&out, 64);
    for (size_t i = 0; i < LEN(CASES); i++) {
        const st_field *field = st_form_field(&FORM, CASES[i].field);
        st_path path = make_field_path(field->no);
        assert_int_equal(st_element_parse(field, CASES[i].text, &path, NULL), ST_OK);
        assert_int_equal(path.element_len, CASES[i].len);
        assert_memory_equal(path.element, CASES[i].bytes, CASES[i].len);
        st_value value = st_element_value(field, &path);
        st_buffer_clear(&out);
        assert_int_equal(st_value_text(field, &value, &out, NULL), ST_OK);
        assert_text(&out, CASES[i].text);
    }
    const st_field *contents = st_form_field(&FORM, "contents");
    st_path path = make_field_path(contents->no);
    st_error error = { 0 };
    assert_int_equal(st_element_parse(contents, "n9", &path, &error), ST_E_VALUE);
    assert_non_null(strstr(error.detail, "n1 n2 n3"));
    assert_int_equal(path.element_len, 0);
    assert_int_equal(st_element_parse(contents, "", &path, NULL), ST_E_VALUE);
    assert_int_equal(st_element_parse(&RECORD_FIELDS[3], "x", &path, &error), ST_E_VALUE);
    assert_non_null(strstr(error.detail, "not a set"));
    const st_field *tags = &RATING_FIELDS[2];
    assert_int_equal(st_element_parse(tags, "abcdefghijklmnopqrstuvwxyz012345", &path, NULL),
                     ST_OK);
    assert_int_equal(path.element_len, 32);
    assert_int_equal(st_element_value(contents, &path).kind, ST_VALUE_NULL);
    memcpy(path.element, "a\nb", 3);        /* of others: what is shown is a code or nothing */
    path.element_len = 3;
    assert_int_equal(st_element_value(tags, &path).kind, ST_VALUE_NULL);
    path.element_len = 0;
    assert_int_equal(st_element_value(tags, &path).kind, ST_VALUE_NULL);
    path.element_len = 255;
    assert_int_equal(st_element_value(tags, &path).kind, ST_VALUE_NULL);
    st_buffer_free(&out);
}

/* A long list of options is cut in the message, not in the middle of an id. */
static void test_many_options(void **state)
{
    (void)state;
    st_option options[60];
    char names[60][8];
    for (unsigned i = 0; i < LEN(options); i++) {
        memcpy(names[i], "option_", 7);
        names[i][6] = (char)('A' + i % 26);
        names[i][7] = '\0';
        options[i] = (st_option){ (uint16_t)i, names[i], "", "" };
    }
    const st_list list = { "many", options, LEN(options) };
    st_field field = RECORD_FIELDS[0];
    field.list = &list;
    st_arena arena;
    st_arena_init(&arena, 1 << 12);
    st_value value;
    st_error error = { 0 };
    assert_int_equal(st_value_parse(&field, "none", &arena, &value, &error), ST_E_VALUE);
    assert_string_equal(error.detail + strlen(error.detail) - 4, " ...");
    assert_non_null(strstr(error.detail, "optionA optionB "));
    st_arena_reset(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_texts), cmocka_unit_test(test_large_text),
        cmocka_unit_test(test_there_and_back), cmocka_unit_test(test_showing_what_is_strange),
        cmocka_unit_test(test_elements), cmocka_unit_test(test_many_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
