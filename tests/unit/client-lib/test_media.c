/* tests/unit/client-lib/test_media.c
 * Files are known by their bytes; a picture loses what was written about it and keeps how it looks;
 * a cut one is refused wherever it is cut, and no byte beyond the end is read. */
#include "client-lib/src/media.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Orientation 6, a comment, a size of 8 x 6, data with a stuffed byte, and bytes behind the end. */
static const uint8_t JPEG[] =
    "\xff\xd8\xff\xe1\x00\x22" "Exif\0\0II*\0\x08\0\0\0\x01\0"
    "\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    "\xff\xfe\x00\x08secret" "\xff\xc0\x00\x0b\x08\x00\x06\x00\x08\x01\x01\x11\x00"
    "\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" "da\xff\x00ta" "\xff\xd9";
static const uint8_t BEHIND[] = "a film, and where it was taken";

/* Reads a copy that ends where its memory ends. */
static st_err read_copy(const uint8_t *data, size_t len, media *out, st_buffer *stripped)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, data, len);
    st_buffer_init(stripped, 1u << 16);
    st_err err = media_read(copy, len, out, stripped, NULL);
    free(copy);
    return err;
}

static bool has(const st_buffer *bytes, const char *text)
{
    for (size_t at = 0; at + strlen(text) <= bytes->len; at++)
        if (memcmp(bytes->data + at, text, strlen(text)) == 0)
            return true;
    return false;
}

static void test_a_picture_is_stripped(void **state)
{
    (void)state;
    media found, again;
    st_buffer out, twice;
    uint8_t whole[sizeof JPEG + sizeof BEHIND];
    memcpy(whole, JPEG, sizeof JPEG - 1);
    memcpy(whole + sizeof JPEG - 1, BEHIND, sizeof BEHIND);
    assert_int_equal(read_copy(whole, sizeof JPEG - 1 + sizeof BEHIND, &found, &out), ST_OK);
    assert_string_equal(found.mime, "image/jpeg");
    assert_int_equal(found.width, 8);
    assert_int_equal(found.height, 6);
    assert_false(has(&out, "secret") || has(&out, "a film"));
    assert_true(has(&out, "ta\xff\xd9"));
    assert_int_equal(out.data[31], 6);         /* still turned as it was */
    assert_int_equal(read_copy(out.data, out.len, &again, &twice), ST_OK);
    assert_int_equal(twice.len, out.len);
    assert_memory_equal(twice.data, out.data, out.len);
    st_buffer_free(&twice);
    st_buffer_free(&out);
}

static void test_a_cut_picture_is_refused(void **state)
{
    (void)state;
    for (size_t len = 0; len < sizeof JPEG - 1; len++) {
        media found;
        st_buffer out;
        assert_int_equal(read_copy(JPEG, len, &found, &out), ST_E_VALUE);
        st_buffer_free(&out);
    }
}

static void test_kinds(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        const char *kind;
    } CASES[] = {
        { "%PDF-1.7", 8, "pdf" },
        { "PK\x03\x04....word/document.xml", 25, "docx" },
        { "PK\x03\x04....xl/workbook.xml", 23, "xlsx" },
        { "PK\x03\x04....evil.exe", 16, NULL },
        { "RIFF....WAVE", 12, "audio" },
        { "RIFF....AVI ", 12, NULL },
        { "....ftypM4A ", 12, "audio" },
        { "MZ", 2, NULL },
        { "", 0, NULL },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        media found;
        st_buffer out;
        st_err err = read_copy((const uint8_t *)CASES[i].bytes, CASES[i].len, &found, &out);
        assert_int_equal(err, CASES[i].kind == NULL ? ST_E_VALUE : ST_OK);
        if (err == ST_OK)
            assert_string_equal(found.kind, CASES[i].kind);
        assert_int_equal(out.len, 0);
        st_buffer_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_picture_is_stripped),
        cmocka_unit_test(test_a_cut_picture_is_refused),
        cmocka_unit_test(test_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
