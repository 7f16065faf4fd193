/* tests/unit/proto/test_bytes.c
 * Nothing that is written grows over its limit, and what is written as text (ids, keys, hashes) has
 * exactly one spelling, so that two people who compare it compare the same thing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/bytes.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static void test_buffer_never_grows_over_max(void **state)
{
    (void)state;
    static const size_t MAXIMA[] = { 0, 1, 255, 256, 257, 1000, 100000 };
    for (size_t i = 0; i < LEN(MAXIMA); i++) {
        print_message("  case: %zu\n", MAXIMA[i]);
        st_buffer buffer;
        st_error error = { 0 };
        st_buffer_init(&buffer, MAXIMA[i]);
        for (size_t n = 0; n < MAXIMA[i]; n++) {
            uint8_t byte = (uint8_t)(n % 251);
            assert_int_equal(st_buffer_append(&buffer, &byte, 1, &error), ST_OK);
        }
        assert_int_equal(st_buffer_append(&buffer, NULL, 0, &error), ST_OK);
        assert_int_equal(st_buffer_append(&buffer, "x", 1, &error), ST_E_TOO_LARGE);
        assert_int_equal(error.code, ST_E_TOO_LARGE);
        assert_int_equal(st_buffer_append(&buffer, "x", SIZE_MAX, &error), ST_E_TOO_LARGE);
        assert_null(st_buffer_reserve(&buffer, 1));
        assert_null(st_buffer_reserve(&buffer, SIZE_MAX));
        assert_non_null(st_buffer_reserve(&buffer, 0));
        assert_int_equal(buffer.len, MAXIMA[i]);
        assert_true(buffer.capacity <= MAXIMA[i]);
        for (size_t n = 0; n < MAXIMA[i]; n++)
            assert_int_equal(buffer.data[n], n % 251);
        st_buffer_clear(&buffer);
        assert_int_equal(buffer.len, 0);
        st_buffer_free(&buffer);
        assert_true(buffer.data == NULL && buffer.max == MAXIMA[i]);
        st_buffer_free(&buffer);
    }
}

static void test_reserve_leaves_the_length(void **state)
{
    (void)state;
    st_buffer buffer;
    st_buffer_init(&buffer, 5000);
    assert_int_equal(st_buffer_append(&buffer, "abc", 3, NULL), ST_OK);
    uint8_t *room = st_buffer_reserve(&buffer, 4997);
    assert_non_null(room);
    memset(room, 'z', 4997);
    assert_int_equal(buffer.len, 3);
    assert_memory_equal(buffer.data, "abcz", 4);
    st_buffer_free(&buffer);
}

static void test_printf(void **state)
{
    (void)state;
    char *text = malloc(3001);
    assert_non_null(text);
    memset(text, 'k', 3000);
    text[3000] = '\0';
    for (size_t chars = 500; chars <= 3000; chars += chars < 520 ? 1 : 620) {
        st_buffer buffer;
        st_buffer_init(&buffer, chars + 3);
        assert_int_equal(st_buffer_printf(&buffer, NULL, "%d:", 7), ST_OK);
        assert_int_equal(st_buffer_printf(&buffer, NULL, "%.*s", (int)chars, text), ST_OK);
        assert_int_equal(buffer.len, chars + 2);
        assert_memory_equal(buffer.data, "7:", 2);
        assert_memory_equal(buffer.data + 2, text, chars);
        st_error error = { 0 };
        assert_int_equal(st_buffer_printf(&buffer, &error, "%.*s", (int)chars, text),
                         ST_E_TOO_LARGE);
        assert_int_equal(buffer.len, chars + 2);
        assert_int_equal(st_buffer_printf(&buffer, NULL, "!"), ST_OK);   /* to the last byte */
        st_buffer_free(&buffer);
    }
    free(text);
}

static void test_numbers_are_big_endian(void **state)
{
    (void)state;
    uint8_t p[8];
    st_put_u16(p, 0x0102u);
    assert_memory_equal(p, "\x01\x02", 2);
    assert_int_equal(st_get_u16(p), 0x0102u);
    st_put_u32(p, 0xfffefdfcu);
    assert_memory_equal(p, "\xff\xfe\xfd\xfc", 4);
    assert_true(st_get_u32(p) == 0xfffefdfcu);
    st_put_u64(p, UINT64_C(0x8070605040302010));
    assert_memory_equal(p, "\x80\x70\x60\x50\x40\x30\x20\x10", 8);
    assert_true(st_get_u64(p) == UINT64_C(0x8070605040302010));
}

static void test_hex(void **state)
{
    (void)state;
    static const struct { const char *why, *text; size_t bytes; bool ok; } CASES[] = {
        { "nothing", "", 0, true },
        { "lower case", "00ff7f", 3, true },
        { "upper case", "00FF7F", 3, true },
        { "too short", "00ff7", 3, false },
        { "one too many", "00ff7f0", 3, false },
        { "a byte too many", "00ff7f00", 3, false },
        { "no digit", "00fg7f", 3, false },
        { "blank", " 0ff7f", 3, false },
        { "sign", "+0ff7f", 3, false },
    };
    char text[7];
    st_hex("\x00\xff\x7f", 3, text);
    assert_string_equal(text, "00ff7f");
    for (size_t i = 0; i < LEN(CASES); i++) {
        print_message("  case: %s\n", CASES[i].why);
        uint8_t out[4] = { 9, 9, 9, 9 };
        assert_int_equal(st_unhex(CASES[i].text, strlen(CASES[i].text), out, CASES[i].bytes),
                         CASES[i].ok);
        if (CASES[i].ok)
            assert_memory_equal(out, "\x00\xff\x7f", CASES[i].bytes);
        else
            assert_memory_equal(out, "\x09\x09\x09", 3);    /* untouched */
        assert_int_equal(out[3], 9);
    }
}

/* RFC 4648 10, and the two digits in which the alphabets differ. */
static const struct { const char *bytes, *standard, *url; } VECTORS[] = {
    { "", "", "" }, { "f", "Zg==", "Zg" }, { "fo", "Zm8=", "Zm8" }, { "foo", "Zm9v", "Zm9v" },
    { "foob", "Zm9vYg==", "Zm9vYg" }, { "fooba", "Zm9vYmE=", "Zm9vYmE" },
    { "foobar", "Zm9vYmFy", "Zm9vYmFy" }, { "\xfb\xff\xbf", "+/+/", "-_-_" },
};

static void test_base64_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(VECTORS); i++) {
        char text[16];
        uint8_t out[16];
        size_t len = strlen(VECTORS[i].bytes);
        print_message("  case: %s\n", VECTORS[i].standard);
        st_base64(VECTORS[i].bytes, len, text);
        assert_string_equal(text, VECTORS[i].standard);
        assert_int_equal(st_unbase64(text, strlen(text), out), len);
        assert_memory_equal(out, VECTORS[i].bytes, len);
        st_base64url(VECTORS[i].bytes, len, text);
        assert_string_equal(text, VECTORS[i].url);
        assert_int_equal(st_unbase64url(text, strlen(text), out), len);
        assert_memory_equal(out, VECTORS[i].bytes, len);
    }
}

static void test_base64_has_one_spelling(void **state)
{
    (void)state;
    static const struct { const char *why, *text; bool url; } CASES[] = {
        { "padding missing", "Zg", false },
        { "padding short", "Zg=", false },
        { "padding alone", "====", false },
        { "three of padding", "Z===", false },
        { "padding inside", "Zg==Zg==", false },
        { "spare bits set, one byte", "Zh==", false },
        { "spare bits set, two bytes", "Zm9=", false },
        { "url digit", "-_-_", false },
        { "line break", "Zm9v\n", false },
        { "blank", "Zm 9", false },
        { "padding", "Zg==", true },
        { "one digit", "Z", true },
        { "one digit without bits", "A", true },
        { "five digits", "Zm9vY", true },
        { "five digits, the last without bits", "Zm9vA", true },
        { "spare bits set", "Zh", true },
        { "standard digit", "+/+/", true },
    };
    for (size_t i = 0; i < LEN(CASES); i++) {
        uint8_t out[16];
        size_t chars = strlen(CASES[i].text);
        print_message("  case: %s (%s)\n", CASES[i].why, CASES[i].text);
        size_t len = CASES[i].url ? st_unbase64url(CASES[i].text, chars, out)
                                  : st_unbase64(CASES[i].text, chars, out);
        assert_true(len == SIZE_MAX);
    }
    uint8_t out[4];
    assert_true(st_unbase64url("Z\0", 2, out) == SIZE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buffer_never_grows_over_max),
        cmocka_unit_test(test_reserve_leaves_the_length),
        cmocka_unit_test(test_printf),
        cmocka_unit_test(test_numbers_are_big_endian),
        cmocka_unit_test(test_hex),
        cmocka_unit_test(test_base64_vectors),
        cmocka_unit_test(test_base64_has_one_spelling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
