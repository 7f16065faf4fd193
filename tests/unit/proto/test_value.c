/* tests/unit/proto/test_value.c
 * Two people who write the same thing agree, and 12 March is 12 March on every phone, whatever its
 * time zone tables say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "proto/value.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))
#define TEXT(s) { ST_VALUE_TEXT, 0, (const uint8_t *)(s), sizeof(s) - 1 }

static void test_equal(void **state)
{
    (void)state;
    static const st_value VALUES[] = {          /* all different from each other */
        { .kind = ST_VALUE_NULL },
        { .kind = ST_VALUE_ERASED },
        { .kind = ST_VALUE_INT, .number = 0 },
        { .kind = ST_VALUE_INT, .number = -1 },
        { .kind = ST_VALUE_INT, .number = INT64_MIN },
        TEXT(""), TEXT("a"), TEXT("ab"), TEXT("a\0b"),
        { ST_VALUE_CODE, 0, (const uint8_t *)"a", 1 },
        { ST_VALUE_BYTES, 0, (const uint8_t *)"a", 1 },
    };
    for (size_t i = 0; i < LEN(VALUES); i++) {
        for (size_t k = 0; k < LEN(VALUES); k++)
            assert_int_equal(st_value_equal(&VALUES[i], &VALUES[k]), i == k);
    }
    static const st_value A = TEXT("xóm"), B = TEXT("xóm");
    assert_true(st_value_equal(&A, &B));
    /* What a kind does not use does not count. */
    static const st_value C = { ST_VALUE_NULL, 5, (const uint8_t *)"x", 1 };
    assert_true(st_value_equal(&C, &VALUES[0]));
    static const st_value D = { ST_VALUE_TEXT, 0, NULL, 0 };
    assert_true(st_value_equal(&D, &VALUES[5]));
}

static void test_detached(void **state)
{
    (void)state;
    static const bool WANTED[] = { false, false, true, false, false, true, true, true, false };
    for (size_t kind = 0; kind < LEN(WANTED); kind++)
        assert_int_equal(st_value_is_detached((st_value_kind)kind), WANTED[kind]);
    assert_false(st_value_is_detached((st_value_kind)99));
}

static void test_dates(void **state)
{
    (void)state;
    static const struct { int year, month, day; int64_t days; } CASES[] = {
        { 1, 1, 1, -719162 }, { 1600, 2, 29, -135081 }, { 1969, 12, 31, -1 }, { 1970, 1, 1, 0 },
        { 1970, 2, 1, 31 }, { 2000, 2, 29, 11016 }, { 2000, 3, 1, 11017 }, { 2024, 2, 29, 19782 },
        { 2026, 3, 12, 20524 }, { 2100, 2, 28, 47540 }, { 2100, 3, 1, 47541 },
        { 9999, 12, 31, 2932896 },
    };
    for (size_t i = 0; i < LEN(CASES); i++) {
        int64_t days = 1;
        int year = 0, month = 0, day = 0;
        print_message("  case: %04d-%02d-%02d\n", CASES[i].year, CASES[i].month, CASES[i].day);
        assert_true(st_date_from_civil(CASES[i].year, CASES[i].month, CASES[i].day, &days));
        assert_true(days == CASES[i].days);
        st_date_to_civil(days, &year, &month, &day);
        assert_true(year == CASES[i].year && month == CASES[i].month && day == CASES[i].day);
    }
}

static void test_every_day_comes_once_and_in_order(void **state)
{
    (void)state;
    static const int64_t FROM[] = { -719162, -25600, 18000, 2929000 };
    for (size_t i = 0; i < LEN(FROM); i++) {
        int before = 0;
        for (int64_t days = FROM[i]; days < FROM[i] + 3800; days++) {
            int year = 0, month = 0, day = 0;
            int64_t back = 0;
            st_date_to_civil(days, &year, &month, &day);
            int stamp = year * 10000 + month * 100 + day;
            assert_true(stamp > before);
            before = stamp;
            assert_true(st_date_from_civil(year, month, day, &back));
            assert_true(back == days);
        }
    }
}

static void test_no_such_day(void **state)
{
    (void)state;
    static const struct { int year, month, day; } CASES[] = {
        { 2026, 2, 30 }, { 2026, 2, 29 }, { 2100, 2, 29 }, { 2026, 4, 31 }, { 2026, 0, 1 },
        { 2026, 13, 1 }, { 2026, 1, 0 }, { 2026, 1, 32 }, { 0, 1, 1 }, { 10000, 1, 1 },
        { -1, 1, 1 }, { 2026, -1, 5 }, { 2026, 5, -1 },
    };
    for (size_t i = 0; i < LEN(CASES); i++) {
        int64_t days = 77;
        print_message("  case: %d-%d-%d\n", CASES[i].year, CASES[i].month, CASES[i].day);
        assert_false(st_date_from_civil(CASES[i].year, CASES[i].month, CASES[i].day, &days));
        assert_true(days == 77);
    }
}

static void test_days_beyond_the_calendar_are_cut(void **state)
{
    (void)state;
    int year = 0, month = 0, day = 0;
    st_date_to_civil(INT64_MIN, &year, &month, &day);
    assert_true(year == 1 && month == 1 && day == 1);
    st_date_to_civil(INT64_MAX, &year, &month, &day);
    assert_true(year == 9999 && month == 12 && day == 31);
}

static void test_times(void **state)
{
    (void)state;
    static const struct { int64_t ms; int offset; const char *text; } CASES[] = {
        { 0, 0, "1970-01-01T00:00:00.000+00:00" },
        { 0, 420, "1970-01-01T07:00:00.000+07:00" },
        { -1, 0, "1969-12-31T23:59:59.999+00:00" },
        { -1, 420, "1970-01-01T06:59:59.999+07:00" },
        { 1773282600000, 420, "2026-03-12T09:30:00.000+07:00" },
        { 1773282600007, -90, "2026-03-12T01:00:00.007-01:30" },
        { -62135596800000, -420, "0001-01-01T00:00:00.000-07:00" },
        { INT64_MIN, 420, "0001-01-01T07:00:00.000+07:00" },
        { INT64_MAX, 420, "9999-12-31T23:59:59.999+07:00" },
        { INT64_MAX, -420, "9999-12-31T16:59:59.999-07:00" },
        { 0, 100000, "1970-01-01T23:59:00.000+23:59" },
    };
    for (size_t i = 0; i < LEN(CASES); i++) {
        char text[40];
        print_message("  case: %s\n", CASES[i].text);
        st_time_format(CASES[i].ms, CASES[i].offset, text);
        assert_string_equal(text, CASES[i].text);
    }
    char text[40];
    st_time_short(1773282600000, 420, text);
    assert_string_equal(text, "12/03/2026 09:30");
    st_time_short(INT64_MIN, 0, text);
    assert_string_equal(text, "01/01/0001 00:00");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_detached),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_every_day_comes_once_and_in_order),
        cmocka_unit_test(test_no_such_day),
        cmocka_unit_test(test_days_beyond_the_calendar_are_cut),
        cmocka_unit_test(test_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
