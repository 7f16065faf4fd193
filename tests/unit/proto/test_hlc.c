/* tests/unit/proto/test_hlc.c
 * Later knowledge always sorts later, and a phone with a wrong date cannot drag the commune's clock
 * into the future. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "proto/hlc.h"
#include "proto/limits.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))
#define AT(ms, count) ((st_hlc)(ms) << 16 | (count))
#define MS_MAX ((UINT64_C(1) << 48) - 1)

static void test_tick(void **state)
{
    (void)state;
    static const struct { const char *why; st_hlc clock; int64_t now_ms; st_hlc want; } CASES[] = {
        { "the first event", 0, 1000, AT(1000, 0) },
        { "time went on", AT(1000, 7), 1001, AT(1001, 0) },
        { "twice in a millisecond", AT(1000, 7), 1000, AT(1000, 8) },
        { "the wall clock was set back", AT(5000, 1), 200, AT(5000, 2) },
        { "the count is full", AT(1000, 0xffff), 1000, AT(1001, 0) },
        { "before 1970", 0, -5, AT(0, 1) },
        { "as early as it gets", 0, INT64_MIN, AT(0, 1) },
        { "as late as it gets", 0, INT64_MAX, AT(MS_MAX, 0) },
        { "the very end", UINT64_MAX, INT64_MAX, UINT64_MAX },
    };
    for (size_t i = 0; i < LEN(CASES); i++) {
        st_hlc clock = CASES[i].clock;
        print_message("  case: %s\n", CASES[i].why);
        st_hlc stamp = st_hlc_tick(&clock, CASES[i].now_ms);
        assert_true(stamp == CASES[i].want);
        assert_true(clock == stamp);
    }
}

static void test_ticks_rise_whatever_the_wall_clock_does(void **state)
{
    (void)state;
    st_hlc clock = 0, before = 0;
    int64_t now_ms = 1000;
    for (int i = 0; i < 200000; i++) {
        now_ms += i % 7 == 0 ? -40 : i % 11;
        st_hlc stamp = st_hlc_tick(&clock, now_ms);
        assert_true(stamp > before);
        before = stamp;
    }
}

static void test_observe(void **state)
{
    (void)state;
    const uint64_t far = ST_CLOCK_SPREAD_MS_MAX;
    const struct { const char *why; st_hlc clock, theirs; int64_t trusted_ms; st_hlc want; }
    CASES[] = {
        { "theirs is ahead", AT(1000, 3), AT(2000, 9), 2000, AT(2000, 9) },
        { "mine is ahead", AT(3000, 3), AT(2000, 9), 2000, AT(3000, 3) },
        { "ahead within the bound", 0, AT(1000 + far, 0), 1000, AT(1000 + far, 0) },
        { "a little over the bound", 0, AT(1000 + far, 1), 1000, AT(1000 + far, 0) },
        { "the year 9999", AT(5000, 0), AT(253370764800000, 0), 1000, AT(1000 + far, 0) },
        { "no end", AT(5000, 0), UINT64_MAX, 1000, AT(1000 + far, 0) },
        { "the bound never moves it back", AT(900000, 0), UINT64_MAX, 1000, AT(900000, 0) },
        { "a server before 1970", 0, AT(400000, 0), -1000, AT(far, 0) },
        { "a server at the end of time", 0, UINT64_MAX, INT64_MAX, AT(MS_MAX, 0) },
    };
    for (size_t i = 0; i < LEN(CASES); i++) {
        st_hlc clock = CASES[i].clock;
        print_message("  case: %s\n", CASES[i].why);
        st_hlc_observe(&clock, CASES[i].theirs, CASES[i].trusted_ms);
        assert_true(clock == CASES[i].want);
        /* What comes next sorts behind what was seen. */
        if (clock == CASES[i].theirs && clock < UINT64_MAX)
            assert_true(st_hlc_tick(&clock, 0) > CASES[i].theirs);
    }
}

static void test_format(void **state)
{
    (void)state;
    char text[32];
    st_hlc_format(AT(1741746600000, 12), text);
    assert_string_equal(text, "1741746600000.12");
    st_hlc_format(0, text);
    assert_string_equal(text, "0.0");
    st_hlc_format(UINT64_MAX, text);
    assert_string_equal(text, "281474976710655.65535");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tick),
        cmocka_unit_test(test_ticks_rise_whatever_the_wall_clock_does),
        cmocka_unit_test(test_observe),
        cmocka_unit_test(test_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
