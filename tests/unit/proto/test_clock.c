/* tests/unit/proto/test_clock.c
 * The moment of a reading comes from an exchange of the same run of the machine alone, with a bound
 * that grows with the way to it; an exchange that cannot be right tells nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "proto/clock.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))
#define NOW    INT64_C(1773282600000)
#define BOOT1  { 1, 2, 3, 4, 5, 6, 7, 8 }
#define BOOT2  { 1, 2, 3, 4, 5, 6, 7, 9 }

static void test_moments(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        st_clock clock;
        uint8_t boot[8];
        uint64_t mono_ms;
        bool is_told;
        int64_t at_ms, within_ms;
    } CASES[] = {
        { "the middle of the exchange", { BOOT1, 1000, 1200, NOW }, BOOT1, 1100, true, NOW, 102 },
        { "before it", { BOOT1, 50000, 50000, NOW }, BOOT1, 20000, true, NOW - 30000, 5 },
        { "a day after it", { BOOT1, 0, 0, NOW }, BOOT1, 86400000, true, NOW + 86400000, 8642 },
        { "another boot", { BOOT1, 1000, 1200, NOW }, BOOT2, 1100, false, 0, 0 },
        { "a reading no machine has", { BOOT1, 1000, 1200, NOW }, BOOT1, UINT64_MAX, false, 0, 0 },
    };
    for (size_t i = 0; i < LEN(CASES); i++) {
        st_moment moment = { 0, 0 };
        bool is_told =
            st_clock_moment(&CASES[i].clock, CASES[i].boot, CASES[i].mono_ms, &moment);
        if (is_told != CASES[i].is_told || moment.at_ms != CASES[i].at_ms ||
            moment.within_ms != CASES[i].within_ms)
            fail_msg("%s: %d, %lld within %lld", CASES[i].why, is_told, (long long)moment.at_ms,
                     (long long)moment.within_ms);
    }
}

static void test_what_cannot_be_right(void **state)
{
    (void)state;
    static const struct { const char *why; st_clock clock; bool is_good; } CASES[] = {
        { "as it should be", { BOOT1, 1000, 1200, NOW - 1 }, true },
        { "at this very moment", { BOOT1, 1000, 1000, NOW }, true },
        { "in the future", { BOOT1, 1000, 1200, NOW + 1 }, false },
        { "got before it was sent", { BOOT1, 1200, 1000, NOW }, false },
        { "too long to tell anything", { BOOT1, 0, ST_CLOCK_TRIP_MS_MAX + 1, NOW }, false },
        { "no time of the server", { BOOT1, 1000, 1200, 0 }, false },
        { "before 1970", { BOOT1, 1000, 1200, INT64_MIN }, false },
        { "a reading no machine has", { BOOT1, UINT64_MAX, UINT64_MAX, NOW }, false },
    };
    for (size_t i = 0; i < LEN(CASES); i++)
        if (st_clock_is_good(&CASES[i].clock, NOW) != CASES[i].is_good)
            fail_msg("%s", CASES[i].why);
}

static void test_what_adds_to_what_was_told(void **state)
{
    (void)state;
    const st_clock told = { BOOT1, 10000, 15000, NOW };
    static const struct { const char *why; st_clock clock; bool adds; } CASES[] = {
        { "the same", { BOOT1, 10000, 15000, NOW }, false },
        { "a longer trip", { BOOT1, 20000, 29000, NOW + 10000 }, false },
        { "a trip that is a little shorter", { BOOT1, 20000, 24001, NOW + 10000 }, false },
        { "a trip that is a second shorter", { BOOT1, 20000, 24000, NOW + 10000 }, true },
        { "nearly an hour later", { BOOT1, 3609999, 3620000, NOW + 3600000 }, false },
        { "an hour later", { BOOT1, 3610000, 3620000, NOW + 3600000 }, true },
        { "the server's clock was set ahead", { BOOT1, 20000, 29000, NOW + 3600000 }, true },
        { "the server's clock was set back", { BOOT1, 20000, 29000, NOW - 3600000 }, true },
        { "it was steered", { BOOT1, 20000, 29000, NOW + 25000 }, false },
        { "before what was told", { BOOT1, 9999, 20000, NOW }, true },
        { "another run of the machine", { BOOT2, 10000, 15000, NOW }, true },
    };
    for (size_t i = 0; i < LEN(CASES); i++)
        if (st_clock_adds(&told, &CASES[i].clock) != CASES[i].adds)
            fail_msg("%s", CASES[i].why);
}

static void test_a_difference_stops_at_the_ends(void **state)
{
    (void)state;
    assert_true(st_ms_between(3, 10) == 7 && st_ms_between(10, 3) == -7);
    assert_true(st_ms_between(0, INT64_MIN) == INT64_MIN);
    assert_true(st_ms_between(INT64_C(1773280800000), INT64_MIN) == INT64_MIN);
    assert_true(st_ms_between(-1, INT64_MAX) == INT64_MAX);
    assert_true(st_ms_between(INT64_MIN, INT64_MAX) == INT64_MAX);
    assert_true(st_ms_between(INT64_MIN, INT64_MIN) == 0);
    assert_true(st_ms_between(INT64_MAX, INT64_MIN) == INT64_MIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moments),
        cmocka_unit_test(test_what_cannot_be_right),
        cmocka_unit_test(test_what_adds_to_what_was_told),
        cmocka_unit_test(test_a_difference_stops_at_the_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
