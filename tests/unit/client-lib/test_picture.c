/* tests/unit/client-lib/test_picture.c - pictures made small: size, turning, bounds, bytes that are
 * no picture. */
#include <png.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <stdio.h>

#include <cmocka.h>
#include <jpeglib.h>

#include "client-lib/include/sotay.h"

typedef struct {
    uint8_t *data;
    size_t len;
} file;

/* A PNG of four corners: red green above, blue white below. */
static file make_png(uint32_t width, uint32_t height)
{
    png_image image;
    file out = { NULL, 0 };
    png_alloc_size_t len = 0;
    uint8_t *rgb = malloc((size_t)width * height * 3);
    assert_non_null(rgb);
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++) {
            bool right = x >= width / 2, below = y >= height / 2;
            uint8_t *at = rgb + ((size_t)y * width + x) * 3;
            at[0] = !right == !below ? 255 : 0;
            at[1] = right ? 255 : 0;
            at[2] = below ? 255 : 0;
        }
    memset(&image, 0, sizeof image);
    image.version = PNG_IMAGE_VERSION;
    image.width = width;
    image.height = height;
    image.format = PNG_FORMAT_RGB;
    assert_int_not_equal(png_image_write_get_memory_size(image, len, 0, rgb, 0, NULL), 0);
    out.data = malloc(len);
    assert_non_null(out.data);
    assert_int_not_equal(png_image_write_to_memory(&image, out.data, &len, 0, rgb, 0, NULL), 0);
    out.len = len;
    free(rgb);
    return out;
}

static int try_fit(const void *data, size_t len, unsigned orientation, unsigned longest,
                   sotay_picture *out)
{
    sotay_error error = { SOTAY_OK, "" };
    sotay_picture_ask ask = { data, len, orientation, longest, 1u << 20 };
    memset(out, 0, sizeof *out);
    int code = sotay_picture_fit(NULL, &ask, out, &error);
    assert_int_equal(code == SOTAY_OK, out->data != NULL);
    assert_int_equal(code == SOTAY_OK, error.detail[0] == '\0');
    return code;
}

/* What is in the middle of the four quarters: 'R' red, 'G' green, 'B' blue, 'W' white. */
static void quarters(const sotay_picture *picture, char out[5])
{
    struct jpeg_decompress_struct info;
    struct jpeg_error_mgr errors;
    memset(&info, 0, sizeof info);
    info.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&info);
    jpeg_mem_src(&info, picture->data, (unsigned long)picture->len);
    (void)jpeg_read_header(&info, TRUE);
    info.out_color_space = JCS_RGB;
    (void)jpeg_start_decompress(&info);
    uint8_t *row = malloc((size_t)info.output_width * 3);
    assert_non_null(row);
    while (info.output_scanline < info.output_height) {
        uint32_t y = info.output_scanline;
        (void)jpeg_read_scanlines(&info, &row, 1);
        if (y != info.output_height / 4 && y != info.output_height * 3 / 4)
            continue;
        for (uint32_t right = 0; right < 2; right++) {
            const uint8_t *at = row + (size_t)(info.output_width * (1 + 2 * right) / 4) * 3;
            bool red = at[0] > 128, green = at[1] > 128;
            out[(y > info.output_height / 2 ? 2 : 0) + right] = red && green ? 'W'
                                                                : red        ? 'R'
                                                                : green      ? 'G'
                                                                             : 'B';
        }
    }
    out[4] = '\0';
    free(row);
    (void)jpeg_finish_decompress(&info);
    jpeg_destroy_decompress(&info);
}

static void test_a_large_picture_gets_as_small_as_asked(void **state)
{
    (void)state;
    sotay_picture out, again;
    char seen[5];
    file png = make_png(900, 600);
    assert_int_equal(try_fit(png.data, png.len, 1, 300, &out), SOTAY_OK);
    assert_int_equal(out.width, 300);
    assert_int_equal(out.height, 200);
    quarters(&out, seen);
    assert_string_equal(seen, "RGBW");
    assert_int_equal(try_fit(out.data, out.len, 1, 70, &again), SOTAY_OK);
    assert_int_equal(again.width, 70);
    assert_int_equal(again.height, 47);
    quarters(&again, seen);
    assert_string_equal(seen, "RGBW");
    free(again.data);
    assert_int_equal(try_fit(out.data, out.len, 1, 1000, &again), SOTAY_OK);
    assert_int_equal(again.width, 300); /* never larger */
    free(again.data);
    free(out.data);
    free(png.data);
}

/* How cameras write a picture that lies: 1 is upright. */
static void test_every_orientation_gets_upright(void **state)
{
    static const char *const SEEN[] = { "",     "RGBW", "GRWB", "WBGR", "BWRG",
                                        "RBGW", "BRWG", "WGBR", "GWRB" };
    (void)state;
    file png = make_png(64, 32);
    for (unsigned orientation = 1; orientation <= 8; orientation++) {
        sotay_picture out;
        char seen[5];
        assert_int_equal(try_fit(png.data, png.len, orientation, 64, &out), SOTAY_OK);
        assert_int_equal(out.width, orientation >= 5 ? 32 : 64);
        assert_int_equal(out.height, orientation >= 5 ? 64 : 32);
        quarters(&out, seen);
        assert_string_equal(seen, SEEN[orientation]);
        free(out.data);
    }
    free(png.data);
}

static void test_bytes_that_are_no_picture_are_said(void **state)
{
    (void)state;
    sotay_picture out, jpeg;
    file png = make_png(200, 100);
    assert_int_equal(try_fit(png.data, png.len, 1, 100, &jpeg), SOTAY_OK);
    assert_int_equal(try_fit("\xff\xd8\xff", 3, 1, 100, &out), SOTAY_E_VALUE);
    assert_int_equal(try_fit("", 0, 1, 100, &out), SOTAY_E_VALUE);
    for (size_t len = 0; len < jpeg.len - 2; len += 7)
        assert_int_equal(try_fit(jpeg.data, len, 1, 100, &out), SOTAY_E_VALUE);
    for (size_t len = 0; len < png.len - 20; len += 7)
        assert_int_equal(try_fit(png.data, len, 1, 100, &out), SOTAY_E_VALUE);
    free(jpeg.data);
    free(png.data);
}

/* 50,000 by 50,000 points in a few bytes: nothing of that size is taken. */
static void test_a_picture_that_claims_too_much_is_refused(void **state)
{
    (void)state;
    sotay_picture out, jpeg;
    file png = make_png(64, 64);
    assert_int_equal(try_fit(png.data, png.len, 1, 64, &jpeg), SOTAY_OK);
    uint8_t *bytes = jpeg.data;
    for (size_t i = 0; i + 9 < jpeg.len; i++)
        if (bytes[i] == 0xff && bytes[i + 1] == 0xc0)
            memcpy(bytes + i + 5, "\xc3\x50\xc3\x50", 4);
    assert_int_equal(try_fit(jpeg.data, jpeg.len, 1, 100, &out), SOTAY_E_TOO_LARGE);
    static const uint8_t HEAD[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xc3\x50\0\0\xc3\x50\x08\x02"
                                  "\0\0\0";
    memcpy(png.data, HEAD, sizeof HEAD - 1);
    int code = try_fit(png.data, png.len, 1, 100, &out); /* its check sum is wrong, too */
    assert_true(code == SOTAY_E_TOO_LARGE || code == SOTAY_E_VALUE);
    free(jpeg.data);
    free(png.data);
}

static void test_a_thumbnail_fits_whatever_it_shows(void **state)
{
    (void)state;
    sotay_error error = { SOTAY_OK, "" };
    uint32_t seed = 1;
    const uint32_t side = 600;
    png_image image;
    uint8_t *rgb = malloc((size_t)side * side * 3);
    png_alloc_size_t len = 0;
    assert_non_null(rgb);
    for (size_t i = 0; i < (size_t)side * side * 3; i++) {
        seed = seed * 1664525u + 1013904223u;
        rgb[i] = (uint8_t)(seed >> 24);
    }
    memset(&image, 0, sizeof image);
    image.version = PNG_IMAGE_VERSION;
    image.width = image.height = side;
    image.format = PNG_FORMAT_RGB;
    assert_int_not_equal(png_image_write_get_memory_size(image, len, 0, rgb, 0, NULL), 0);
    uint8_t *png = malloc(len);
    assert_non_null(png);
    assert_int_not_equal(png_image_write_to_memory(&image, png, &len, 0, rgb, 0, NULL), 0);
    sotay_picture_ask ask = { png, len, 1, 256, 12288 };
    sotay_picture out = { NULL, 0, 0, 0 };
    assert_int_equal(sotay_picture_fit(NULL, &ask, &out, &error), SOTAY_OK);
    assert_true(out.len <= 12288);
    assert_true(out.width >= 64);
    free(out.data);
    free(png);
    free(rgb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_large_picture_gets_as_small_as_asked),
        cmocka_unit_test(test_every_orientation_gets_upright),
        cmocka_unit_test(test_bytes_that_are_no_picture_are_said),
        cmocka_unit_test(test_a_picture_that_claims_too_much_is_refused),
        cmocka_unit_test(test_a_thumbnail_fits_whatever_it_shows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
