/* tests/unit/client-lib/test_detail.c
 * An officer reads in Vietnamese what was wrong; what the table does not know comes out as it is,
 * and nothing is written beyond the text, whatever stands in an error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "client-lib/include/sotay.h"

static void check(const char *detail, const char *lang, const char *wanted)
{
    sotay_error error = { SOTAY_E_VALUE, "" };
    char words[SOTAY_DETAIL_TEXT];
    snprintf(error.detail, sizeof error.detail, "%s", detail);
    sotay_error_words(&error, lang, words);
    assert_string_equal(words, wanted);
}

static void test_words(void **state)
{
    (void)state;
    check("the record is withdrawn", "vi", "phiếu đã rút lại");
    check("the record is withdrawn", "en", "the record is withdrawn");
    check("the record is withdrawn", NULL, "the record is withdrawn");
    check("the record is withdrawn, twice", "vi", "the record is withdrawn, twice");
    check("the record", "vi", "the record");
    check("", "vi", "");
    check("place: expected at most 120 characters, not 200", "vi",
          "place: nhiều nhất 120 ký tự, đang có 200");
    check("place: expected two of three", "vi", "place: cần: two of three");
    check("'x=' has no value; to empty a field use `sotay clear`", "vi",
          "'x=' không có giá trị; muốn để trống thì dùng `sotay clear`");
    check("a * b: given twice", "vi", "a * b: ghi hai lần");
    check("store: map full", "vi", "store: map full");
}

static void test_a_detail_that_fills_its_room(void **state)
{
    (void)state;
    sotay_error error = { SOTAY_E_VALUE, "" };
    char words[SOTAY_DETAIL_TEXT];
    memset(error.detail, 'a', sizeof error.detail - 1);
    memcpy(error.detail + sizeof error.detail - sizeof ": given twice", ": given twice",
           sizeof ": given twice");
    sotay_error_words(&error, "vi", words);
    assert_true(strlen(words) < sizeof words);
    assert_non_null(strstr(words, "a: ghi hai lần"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_a_detail_that_fills_its_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
