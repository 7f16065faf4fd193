/* tests/unit/proto/test_recover.c
 * A line that was mistyped, cut or taken for the other one is refused before any key is tried; the
 * lines are those of docs/protocol.md 8.1 for ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "proto/recover.h"

static st_recover_ask some_ask(size_t sealed_len)
{
    st_recover_ask ask;
    memset(&ask, 0, sizeof ask);
    memset(ask.reply_key, 0x11, sizeof ask.reply_key);
    memset(ask.sealed, 0x22, sealed_len);
    ask.sealed_len = sealed_len;
    return ask;
}

static void test_lines_are_frozen(void **state)
{
    (void)state;
    char text[ST_RECOVER_TEXT];
    st_recover_ask ask = some_ask(80), back;
    st_recover_answer answer, answer_back;
    memset(answer.sealed, 0x33, sizeof answer.sealed);
    st_recover_ask_format(&ask, text);
    assert_string_equal(text, "ARERERERERERERERERERERERERERERERERERERERERERIiIiIiIiIiIiIiIi"
                              "IiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIi"
                              "IiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIv8COg");
    assert_int_equal(st_recover_ask_parse(text, &back, NULL), ST_OK);
    assert_memory_equal(&back, &ask, sizeof ask);
    st_recover_answer_format(&answer, text);
    assert_string_equal(text, "ATMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMz"
                              "MzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzQxpg-A");
    assert_int_equal(st_recover_answer_parse(text, &answer_back, NULL), ST_OK);
    assert_memory_equal(&answer_back, &answer, sizeof answer);
}

static void test_what_is_no_line(void **state)
{
    (void)state;
    char text[ST_RECOVER_TEXT], bent[ST_RECOVER_TEXT], other[ST_RECOVER_TEXT];
    st_recover_ask ask = some_ask(ST_RECOVER_SEALED_MAX), ask_back;
    st_recover_answer answer, answer_back;
    memset(&answer, 0x33, sizeof answer);
    st_recover_ask_format(&ask, text);
    st_recover_answer_format(&answer, other);
    for (size_t i = 0; text[i] != '\0'; i++) { /* each character mistyped, and cut there */
        strcpy(bent, text);
        bent[i] = text[i] == 'A' ? 'B' : 'A';
        assert_int_equal(st_recover_ask_parse(bent, &ask_back, NULL), ST_E_VALUE);
        bent[i] = '\0';
        assert_int_equal(st_recover_ask_parse(bent, &ask_back, NULL), ST_E_VALUE);
    }
    assert_int_equal(st_recover_ask_parse(other, &ask_back, NULL), ST_E_VALUE);
    assert_int_equal(st_recover_answer_parse(text, &answer_back, NULL), ST_E_VALUE);
    assert_int_equal(st_recover_answer_parse("", &answer_back, NULL), ST_E_VALUE);
    char far[1000];
    memset(far, 'A', sizeof far - 1);
    far[sizeof far - 1] = '\0';
    assert_int_equal(st_recover_ask_parse(far, &ask_back, NULL), ST_E_VALUE);
    ask.sealed_len = 81; /* no box has that size */
    st_recover_ask_format(&ask, text);
    assert_int_equal(st_recover_ask_parse(text, &ask_back, NULL), ST_E_VALUE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_are_frozen),
        cmocka_unit_test(test_what_is_no_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
