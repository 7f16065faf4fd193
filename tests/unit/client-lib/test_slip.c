/* tests/unit/client-lib/test_slip.c
 * A damaged store is noticed, never read past its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "client-lib/src/slip.h"

static void test_what_was_put_comes_back(void **state)
{
    (void)state;
    st_buffer out;
    char text[8], raw[3];
    size_t len = 0;
    st_buffer_init(&out, 100);
    slip_writer writer = { &out, ST_OK };
    slip_u8(&writer, 7);
    slip_u64(&writer, UINT64_MAX);
    slip_bytes(&writer, "abc", 3);
    slip_blob(&writer, "", 0);
    slip_text(&writer, "xóm");
    assert_int_equal(writer.err, ST_OK);
    slip_reader reader = { out.data, out.len, 0, false };
    assert_int_equal(slip_get_u8(&reader), 7);
    assert_true(slip_get_u64(&reader) == UINT64_MAX);
    slip_get_bytes(&reader, raw, 3);
    assert_memory_equal(raw, "abc", 3);
    assert_non_null(slip_get_blob(&reader, &len));
    assert_int_equal(len, 0);
    slip_get_text(&reader, text, sizeof text);
    assert_string_equal(text, "xóm");
    assert_false(reader.bad);
    assert_int_equal(reader.at, reader.len);
    st_buffer_free(&out);
}

/* Every cut of a value is seen. */
static void test_cut_values_are_bad(void **state)
{
    (void)state;
    st_buffer out;
    st_buffer_init(&out, 100);
    slip_writer writer = { &out, ST_OK };
    slip_u64(&writer, 5);
    slip_text(&writer, "xóm");
    for (size_t cut = 0; cut < out.len; cut++) {
        char text[8];
        slip_reader reader = { out.data, cut, 0, false };
        (void)slip_get_u64(&reader);
        slip_get_text(&reader, text, sizeof text);
        assert_true(reader.bad);
        assert_string_equal(text, "");
    }
    st_buffer_free(&out);
}

static void test_texts_that_do_not_fit(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        uint8_t bytes[12];
        size_t len;
        bool bad;
    } CASES[] = {
        { "longer than the room", { 0, 0, 0, 4, 'a', 'b', 'c', 'd' }, 8, true },
        { "a NUL inside", { 0, 0, 0, 3, 'a', 0, 'c' }, 7, true },
        { "a length beyond the end", { 0xff, 0xff, 0xff, 0xff, 'a' }, 5, true },
        { "just fits", { 0, 0, 0, 3, 'a', 'b', 'c' }, 7, false },
        { "empty", { 0, 0, 0, 0 }, 4, false },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char text[4];
        slip_reader reader = { CASES[i].bytes, CASES[i].len, 0, false };
        print_message("  case: %s\n", CASES[i].why);
        slip_get_text(&reader, text, sizeof text);
        assert_int_equal(reader.bad, CASES[i].bad);
    }
}

static void test_a_full_buffer_stays_an_error(void **state)
{
    (void)state;
    st_buffer out;
    st_buffer_init(&out, 10);
    slip_writer writer = { &out, ST_OK };
    slip_u64(&writer, 1);
    slip_u64(&writer, 2);
    slip_u8(&writer, 3);
    assert_int_equal(writer.err, ST_E_TOO_LARGE);
    assert_int_equal(out.len, 8);
    st_buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_put_comes_back),
        cmocka_unit_test(test_cut_values_are_bad),
        cmocka_unit_test(test_texts_that_do_not_fit),
        cmocka_unit_test(test_a_full_buffer_stays_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
