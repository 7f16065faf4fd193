/* tests/unit/proto/test_err.c
 * Whatever fails, the officer reads a whole sentence in Vietnamese, the phone knows whether to try
 * again, and the log says what happened. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "proto/err.h"

static void test_every_code_has_its_row(void **state)
{
    (void)state;
    for (int i = 0; i < ST_ERR_COUNT; i++) {
        st_err code = (st_err)i;
        const char *vi = st_err_sentence(code, "vi"), *en = st_err_sentence(code, "en");
        print_message("  case: %s\n", st_err_name(code));
        assert_int_equal(strncmp(st_err_name(code), "ST_", 3), 0);
        assert_int_equal(vi[strlen(vi) - 1], '.');
        assert_int_equal(en[strlen(en) - 1], '.');
        assert_string_not_equal(vi, en);
        assert_string_equal(st_err_sentence(code, NULL), en);
        assert_string_equal(st_err_sentence(code, "fr"), en);
        assert_in_range(st_err_http(code), 200, 599);
        assert_true(st_err_retry(code) <= ST_RETRY_SIGNAL);
        /* Who is told to try again must not be told that the request itself is bad. */
        assert_false(st_err_retry(code) != ST_RETRY_NEVER && st_err_http(code) == 422);
        assert_true(!st_err_is_passing(code) || st_err_retry(code) == ST_RETRY_LATER);
    }
    assert_string_equal(st_err_name(ST_E_NOT_FOUND), "ST_E_NOT_FOUND");
    assert_int_equal(st_err_http(ST_E_TOO_LARGE), 413);
    assert_int_equal(st_err_retry(ST_E_NETWORK), ST_RETRY_SIGNAL);
    assert_true(st_err_is_passing(ST_E_STORAGE) && st_err_is_passing(ST_E_MEMORY));
    assert_false(st_err_is_passing(ST_OK) || st_err_is_passing(ST_E_CORRUPT));
}

static void test_foreign_codes(void **state)
{
    (void)state;
    static const int CODES[] = { ST_ERR_COUNT, 9999, -1 };
    for (size_t i = 0; i < sizeof CODES / sizeof CODES[0]; i++) {
        assert_string_equal(st_err_name((st_err)CODES[i]), "ST_E_UNKNOWN");
        assert_true(strlen(st_err_sentence((st_err)CODES[i], "vi")) > 0);
        assert_int_equal(st_err_http((st_err)CODES[i]), 500);
    }
}

static void test_fail_fills_the_detail(void **state)
{
    (void)state;
    st_error error = { 0 };
    assert_int_equal(st_fail(NULL, ST_E_BUSY, "nobody %s", "listens"), ST_E_BUSY);
    assert_int_equal(st_fail(&error, ST_E_STORAGE, "disk: %d", 28), ST_E_STORAGE);
    assert_int_equal(error.code, ST_E_STORAGE);
    assert_string_equal(error.detail, "disk: 28");
    /* One error told by another. */
    assert_int_equal(st_fail(&error, ST_E_SERVER, "save: %s", error.detail), ST_E_SERVER);
    assert_string_equal(error.detail, "save: disk: 28");
    assert_int_equal(st_fail(&error, ST_E_VALUE, "%0300d", 1), ST_E_VALUE);
    assert_int_equal(strlen(error.detail), sizeof error.detail - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_has_its_row),
        cmocka_unit_test(test_foreign_codes),
        cmocka_unit_test(test_fail_fills_the_detail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
