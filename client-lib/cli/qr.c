/* client-lib/cli/qr.c - bytes as a QR code: on the terminal, or in a picture for paper. It holds
 * them as they are, at the lowest level of correction: of so many the modules are small enough.
 * Must never leave half of a picture behind. */
#include <errno.h>
#include <png.h>
#include <qrencode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client-lib/cli/cli.h"

#define QUIET  4 /* light modules around it, for the camera */
#define PIXELS 4 /* of a module's side in a PNG */

static bool has_ending(const char *path, const char *ending)
{
    size_t len = strlen(path), ending_len = strlen(ending);
    return len > ending_len && strcmp(path + len - ending_len, ending) == 0;
}

bool cli_qr_is_place(const char *path)
{
    return strcmp(path, "-") == 0 || has_ending(path, ".svg") || has_ending(path, ".png");
}

static bool is_dark(const QRcode *code, int x, int y)
{
    bool is_inside = x >= 0 && y >= 0 && x < code->width && y < code->width;
    return is_inside && (code->data[y * code->width + x] & 1) != 0;
}

/* ---- the terminal ---- */

/* Two modules in one character. Light is drawn, dark is left out: right on the dark ground of most
 * terminals. */
static void print_blocks(const QRcode *code)
{
    static const char *const BLOCKS[2][2] = { { "█", "▀" }, { "▄", " " } }; /* upper, lower dark? */
    for (int y = -QUIET; y < code->width + QUIET; y += 2) {
        for (int x = -QUIET; x < code->width + QUIET; x++)
            fputs(BLOCKS[is_dark(code, x, y)][is_dark(code, x, y + 1)], stdout);
        putchar('\n');
    }
}

/* ---- pictures: NULL without memory; free them ---- */

/* How many dark ones stand side by side from here on. */
static int run_of(const QRcode *code, int x, int y)
{
    int run = 0;
    while (is_dark(code, x + run, y))
        run++;
    return run;
}

static char *make_svg(const QRcode *code, size_t *out_len)
{
    char *text = NULL;
    int side = code->width + 2 * QUIET;
    FILE *out = open_memstream(&text, out_len);
    if (out == NULL)
        return NULL;
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
            "shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h%dv%dH0z\"/><path d=\"",
            side, side, side, side);
    for (int y = 0; y < code->width; y++)
        for (int x = 0, run = 0; x < code->width; x += run > 0 ? run : 1) {
            run = run_of(code, x, y);
            if (run > 0)
                fprintf(out, "M%d %dh%dv1h-%dz", x + QUIET, y + QUIET, run, run);
        }
    fputs("\"/></svg>\n", out);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

static char *make_png(const QRcode *code, size_t *out_len)
{
    int side = (code->width + 2 * QUIET) * PIXELS;
    png_image image = { .version = PNG_IMAGE_VERSION, .width = (png_uint_32)side,
                        .height = (png_uint_32)side, .format = PNG_FORMAT_GRAY };
    unsigned char *pixels = malloc((size_t)side * (size_t)side);
    png_alloc_size_t len = PNG_IMAGE_PNG_SIZE_MAX(image);
    char *bytes = malloc(len);
    bool is_made = pixels != NULL && bytes != NULL;
    for (int y = 0; is_made && y < side; y++)
        for (int x = 0; x < side; x++)
            pixels[y * side + x] =
                is_dark(code, x / PIXELS - QUIET, y / PIXELS - QUIET) ? 0 : 255;
    is_made = is_made && png_image_write_to_memory(&image, bytes, &len, 0, pixels, 0, NULL) != 0;
    png_image_free(&image);
    free(pixels);
    *out_len = len;
    if (is_made)
        return bytes;
    free(bytes);
    return NULL;
}

static int write_picture(cli_call *call, const char *path, const QRcode *code)
{
    size_t len = 0;
    char *bytes = has_ending(path, ".svg") ? make_svg(code, &len) : make_png(code, &len);
    if (bytes == NULL)
        return cli_fail(call, SOTAY_E_MEMORY);
    int why = cli_write_file(path, (sotay_slice){ (const uint8_t *)bytes, len }, true);
    free(bytes);
    return why == 0 ? CLI_DONE : cli_fail_file(call, path, why);
}

int cli_qr(cli_call *call, const char *path, sotay_slice bytes)
{
    QRcode *code = QRcode_encodeData((int)bytes.len, bytes.data, 0, QR_ECLEVEL_L);
    if (code == NULL && errno == ERANGE) {
        snprintf(call->error.detail, sizeof call->error.detail,
                 "%zu bytes are too many for a QR code", bytes.len);
        return cli_fail(call, SOTAY_E_TOO_LARGE);
    }
    if (code == NULL)
        return cli_fail(call, SOTAY_E_MEMORY);
    int exit_code = CLI_DONE;
    if (strcmp(path, "-") == 0)
        print_blocks(code);
    else
        exit_code = write_picture(call, path, code);
    QRcode_free(code);
    return exit_code;
}
