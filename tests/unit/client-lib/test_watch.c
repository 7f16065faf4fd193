/* tests/unit/client-lib/test_watch.c
 * A transfer is broken off when its stage takes too long, and not because the clock went on between
 * two readings of it. The clock is the test's; the file under test is read in, since what libcurl
 * calls is its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define posix_now stepping_now
#include "client-lib/ports/curl_watch.c"

static uint64_t clock_at = 1000, clock_step;

void stepping_now(void *context, int64_t *out_wall_ms, uint64_t *out_mono_ms)
{
    (void)context;
    *out_wall_ms = 0;
    *out_mono_ms = clock_at;
    clock_at += clock_step;
}

/* The body has left; what libcurl says then: 0 goes on. */
static int after_the_body(curl_watch *watch, const sotay_curl_how *how)
{
    const sotay_report nothing = { 0 };
    curl_watch_begin(watch, how);
    curl_watch_next(watch, &nothing, 10);
    assert_int_equal(is_connected(watch, NULL, NULL, 0, 0), CURL_PREREQFUNC_OK);
    return look(watch, 0, 0, 10, 10);
}

static void test_a_clock_that_goes_on_meanwhile(void **state)
{
    const sotay_curl_how how = { 0 };
    curl_watch watch;
    (void)state;
    clock_step = 1; /* each reading is a millisecond later than the one before */
    assert_int_equal(after_the_body(&watch, &how), 0);
    assert_int_equal(watch.now.stage, SOTAY_STAGE_ANSWER);
    for (int i = 0; i < 100; i++)
        assert_int_equal(look(&watch, 0, 0, 10, 10), 0);
}

static void test_an_answer_that_does_not_come(void **state)
{
    const sotay_curl_how how = { 0 };
    curl_watch watch;
    (void)state;
    clock_step = 0;
    assert_int_equal(after_the_body(&watch, &how), 0);
    clock_at += ANSWER_TIMEOUT_S * 1000 - 1;
    assert_int_equal(look(&watch, 0, 0, 10, 10), 0);
    clock_at += 1;
    assert_int_not_equal(look(&watch, 0, 0, 10, 10), 0);
    assert_int_equal(watch.why, SOTAY_WHY_ANSWER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_clock_that_goes_on_meanwhile),
        cmocka_unit_test(test_an_answer_that_does_not_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
