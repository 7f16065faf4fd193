/* client-lib/ports/picture.c - makes pictures small with libjpeg and libpng.
 * Promises: nothing of the size that a picture claims is taken before it is within bounds; what
 * comes out is an upright JPEG without a word about its camera.
 * Never: lets the libraries end the program, or read beyond the bytes. */
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>
#include <png.h>

#include "client-lib/ports/posix.h"

#define POINTS_MAX         ((uint64_t)120 * 1000 * 1000) /* of a picture that is decoded by rows */
#define POINTS_WHOLE_MAX   ((uint64_t)30 * 1000 * 1000)  /* of one that has to be held as a whole */
#define POINTS_DECODED_MAX ((uint64_t)30 * 1000 * 1000)
#define SCANS_MAX          64
#define QUALITY_BEST       84
#define QUALITY_LEAST      30
#define QUALITY_STEP       9
#define SIDE_LEAST         32u

/* Red, green, blue, row by row. */
typedef struct {
    uint8_t *rgb;
    uint32_t width, height;
} points;

static int make_points(uint32_t width, uint32_t height, points *out, sotay_error *error)
{
    if (width == 0 || height == 0 || (uint64_t)width * height > POINTS_DECODED_MAX)
        return posix_fail(error, SOTAY_E_TOO_LARGE, "the picture has %ux%u points", width, height);
    *out = (points){ malloc((size_t)width * height * 3), width, height };
    return out->rgb != NULL ? SOTAY_OK
                            : posix_fail(error, SOTAY_E_MEMORY, "picture: no memory");
}

static uint32_t longest_of(uint32_t width, uint32_t height)
{
    return width > height ? width : height;
}

/* ---- JPEG, reading ---- */

typedef struct {
    struct jpeg_error_mgr base;
    jmp_buf back;
    char why[JMSG_LENGTH_MAX];
} jpeg_guard;

static void on_error(j_common_ptr info)
{
    jpeg_guard *guard = (jpeg_guard *)info->err;
    info->err->format_message(info, guard->why);
    longjmp(guard->back, 1);
}

/* A warning is a picture that is not whole, or worse. */
static void on_message(j_common_ptr info, int level)
{
    if (level < 0)
        on_error(info);
}

static void on_progress(j_common_ptr info)
{
    if (((j_decompress_ptr)info)->input_scan_number > SCANS_MAX)
        on_error(info);
}

/* Want of memory is nothing that the picture did. */
static int give_jpeg(const jpeg_guard *guard, sotay_error *error)
{
    bool is_memory = guard->base.msg_code == JERR_OUT_OF_MEMORY;
    return posix_fail(error, is_memory ? SOTAY_E_MEMORY : SOTAY_E_VALUE, "picture: %.120s",
                      guard->why);
}

static struct jpeg_error_mgr *guard_init(jpeg_guard *guard)
{
    struct jpeg_error_mgr *base = jpeg_std_error(&guard->base);
    base->error_exit = on_error;
    base->emit_message = on_message;
    return base;
}

/* The smallest of eight sizes that is still as large as wanted. */
static void choose_scale(struct jpeg_decompress_struct *info, uint32_t longest)
{
    uint64_t side = longest_of(info->image_width, info->image_height);
    info->scale_denom = 8;
    info->scale_num = 8;
    while (info->scale_num > 1 && side * (info->scale_num - 1) / 8 >= longest)
        info->scale_num--;
}

static int start_jpeg(struct jpeg_decompress_struct *info, const sotay_picture_ask *ask,
                      points *out, sotay_error *error)
{
    (void)jpeg_read_header(info, TRUE);
    uint64_t count = (uint64_t)info->image_width * info->image_height;
    if (count > (jpeg_has_multiple_scans(info) ? POINTS_WHOLE_MAX : POINTS_MAX))
        return posix_fail(error, SOTAY_E_TOO_LARGE, "the picture has %ux%u points",
                          info->image_width, info->image_height);
    info->out_color_space = JCS_RGB;
    choose_scale(info, ask->longest);
    (void)jpeg_start_decompress(info);
    return make_points(info->output_width, info->output_height, out, error);
}

static int read_jpeg(const sotay_picture_ask *ask, points *out, sotay_error *error)
{
    struct jpeg_decompress_struct info;
    struct jpeg_progress_mgr progress = { .progress_monitor = on_progress };
    jpeg_guard guard;
    memset(&info, 0, sizeof info);
    memset(&guard, 0, sizeof guard);
    info.err = guard_init(&guard);
    if (setjmp(guard.back) != 0) {
        jpeg_destroy_decompress(&info);
        return give_jpeg(&guard, error);
    }
    jpeg_create_decompress(&info);
    info.progress = &progress;
    jpeg_mem_src(&info, ask->data, (unsigned long)ask->len);
    int code = start_jpeg(&info, ask, out, error);
    while (code == SOTAY_OK && info.output_scanline < info.output_height) {
        JSAMPROW row = out->rgb + (size_t)info.output_scanline * out->width * 3;
        (void)jpeg_read_scanlines(&info, &row, 1);
    }
    jpeg_destroy_decompress(&info);
    return code;
}

/* ---- PNG, reading ---- */

/* The library has words and no codes; "out of memory", "insufficient memory" are two of them. */
static int give_png(const png_image *image, sotay_error *error)
{
    bool is_memory = strstr(image->message, "memory") != NULL;
    return posix_fail(error, is_memory ? SOTAY_E_MEMORY : SOTAY_E_VALUE, "picture: %.60s",
                      image->message);
}

static int read_png(const sotay_picture_ask *ask, points *out, sotay_error *error)
{
    png_image image;
    png_color white = { 255, 255, 255 };
    memset(&image, 0, sizeof image);
    image.version = PNG_IMAGE_VERSION;
    if (png_image_begin_read_from_memory(&image, ask->data, ask->len) == 0)
        return give_png(&image, error);
    image.format = PNG_FORMAT_RGB;
    int code = make_points(image.width, image.height, out, error);
    if (code == SOTAY_OK && png_image_finish_read(&image, &white, out->rgb, 0, NULL) == 0)
        code = give_png(&image, error);
    png_image_free(&image);
    return code;
}

/* ---- smaller ---- */

/* The average of a square of `by` points. */
static uint8_t average(const points *from, uint32_t x, uint32_t y, uint32_t by, uint32_t colour)
{
    uint64_t sum = 0;
    for (uint32_t row = 0; row < by; row++) {
        const uint8_t *at = from->rgb + ((size_t)(y * by + row) * from->width + x * by) * 3;
        for (uint32_t i = 0; i < by; i++)
            sum += at[(size_t)i * 3 + colour];
    }
    return (uint8_t)((sum + (uint64_t)by * by / 2) / ((uint64_t)by * by));
}

/* A whole number of times smaller, in place: a point is read before it is written over. */
static void shrink_whole(points *p, uint32_t by)
{
    uint32_t width = p->width / by, height = p->height / by;
    for (uint32_t y = 0; by > 1 && y < height; y++)
        for (uint32_t x = 0; x < width; x++)
            for (uint32_t colour = 0; colour < 3; colour++)
                p->rgb[((size_t)y * width + x) * 3 + colour] = average(p, x, y, by, colour);
    if (by > 1) {
        p->width = width;
        p->height = height;
    }
}

/* Between four points; places in 1/65536 of a point. */
static uint8_t between(const points *from, uint64_t x, uint64_t y, uint32_t colour)
{
    uint32_t left = (uint32_t)(x >> 16), top = (uint32_t)(y >> 16);
    uint32_t right = left + 1 < from->width ? left + 1 : left;
    uint32_t bottom = top + 1 < from->height ? top + 1 : top;
    uint64_t dx = x & 0xffff, dy = y & 0xffff;
    const uint8_t *above = from->rgb + (size_t)top * from->width * 3 + colour;
    const uint8_t *below = from->rgb + (size_t)bottom * from->width * 3 + colour;
    uint64_t up = above[(size_t)left * 3] * (65536 - dx) + above[(size_t)right * 3] * dx;
    uint64_t down = below[(size_t)left * 3] * (65536 - dx) + below[(size_t)right * 3] * dx;
    return (uint8_t)((up * (65536 - dy) + down * dy + (1ull << 31)) >> 32);
}

/* The middle of the n-th of `to` points, measured in `from` points. */
static uint64_t place_of(uint32_t n, uint32_t from, uint32_t to)
{
    uint64_t middle = ((2 * (uint64_t)n + 1) * from << 16) / (2 * (uint64_t)to);
    return middle < 32768 ? 0 : middle - 32768;
}

static int fit(points *p, uint32_t longest, sotay_error *error)
{
    uint32_t side = longest_of(p->width, p->height);
    if (side <= longest)
        return SOTAY_OK;
    uint32_t by = side / longest;
    while (by > 1 && (p->width / by == 0 || p->height / by == 0))
        by--;
    shrink_whole(p, by);
    side = longest_of(p->width, p->height);
    if (side <= longest)
        return SOTAY_OK;
    uint32_t width = (uint32_t)(((uint64_t)p->width * longest + side / 2) / side);
    uint32_t height = (uint32_t)(((uint64_t)p->height * longest + side / 2) / side);
    points to;
    int code = make_points(width == 0 ? 1 : width, height == 0 ? 1 : height, &to, error);
    if (code != SOTAY_OK)
        return code;
    for (uint32_t y = 0; y < to.height; y++)
        for (uint32_t x = 0; x < to.width; x++)
            for (uint32_t colour = 0; colour < 3; colour++)
                to.rgb[((size_t)y * to.width + x) * 3 + colour] =
                    between(p, place_of(x, p->width, to.width), place_of(y, p->height, to.height),
                            colour);
    free(p->rgb);
    *p = to;
    return SOTAY_OK;
}

/* ---- upright ---- */

/* Where the point (x, y) of the upright picture lies in the one that the camera wrote. */
static size_t source_of(const points *from, unsigned orientation, uint32_t x, uint32_t y)
{
    uint32_t right = from->width - 1, bottom = from->height - 1;
    switch (orientation) {
    case 2: return (size_t)y * from->width + (right - x);
    case 3: return (size_t)(bottom - y) * from->width + (right - x);
    case 4: return (size_t)(bottom - y) * from->width + x;
    case 5: return (size_t)x * from->width + y;
    case 6: return (size_t)(bottom - x) * from->width + y;
    case 7: return (size_t)(bottom - x) * from->width + (right - y);
    case 8: return (size_t)x * from->width + (right - y);
    default: return (size_t)y * from->width + x;
    }
}

static int turn(points *p, unsigned orientation, sotay_error *error)
{
    bool is_side = orientation >= 5;
    points to;
    if (orientation < 2 || orientation > 8)
        return SOTAY_OK;
    int code = make_points(is_side ? p->height : p->width, is_side ? p->width : p->height, &to,
                           error);
    if (code != SOTAY_OK)
        return code;
    for (uint32_t y = 0; y < to.height; y++)
        for (uint32_t x = 0; x < to.width; x++)
            memcpy(to.rgb + ((size_t)y * to.width + x) * 3,
                   p->rgb + source_of(p, orientation, x, y) * 3, 3);
    free(p->rgb);
    *p = to;
    return SOTAY_OK;
}

/* ---- JPEG, writing ---- */

#define WRITTEN_BYTES ((size_t)32 * 1024) /* at first */

/* Where the library writes to. Its own place in memory is freed twice when it cannot grow. */
typedef struct {
    struct jpeg_destination_mgr base;
    uint8_t *data; /* free() */
    size_t size, len;
} written;

static void begin_written(j_compress_ptr info)
{
    written *w = (written *)info->dest;
    w->base.next_output_byte = w->data;
    w->base.free_in_buffer = w->size;
}

static boolean grow_written(j_compress_ptr info)
{
    written *w = (written *)info->dest;
    uint8_t *grown = realloc(w->data, w->size * 2);
    if (grown == NULL)
        ERREXIT1(info, JERR_OUT_OF_MEMORY, 0);
    w->data = grown;
    w->base.next_output_byte = grown + w->size;
    w->base.free_in_buffer = w->size;
    w->size *= 2;
    return TRUE;
}

static void end_written(j_compress_ptr info)
{
    written *w = (written *)info->dest;
    w->len = w->size - w->base.free_in_buffer;
}

/* out->data is to be freed whatever it returns. */
static int write_jpeg(const points *p, int quality, written *out, sotay_error *error)
{
    struct jpeg_compress_struct info;
    jpeg_guard guard;
    memset(&info, 0, sizeof info);
    memset(&guard, 0, sizeof guard);
    *out = (written){ .base = { .init_destination = begin_written,
                                .empty_output_buffer = grow_written,
                                .term_destination = end_written },
                      .data = malloc(WRITTEN_BYTES),
                      .size = WRITTEN_BYTES };
    if (out->data == NULL)
        return posix_fail(error, SOTAY_E_MEMORY, "picture: no memory");
    info.err = guard_init(&guard);
    if (setjmp(guard.back) != 0) {
        jpeg_destroy_compress(&info);
        return posix_fail(error, SOTAY_E_MEMORY, "picture: %.120s", guard.why);
    }
    jpeg_create_compress(&info);
    info.dest = &out->base;
    info.image_width = p->width;
    info.image_height = p->height;
    info.input_components = 3;
    info.in_color_space = JCS_RGB;
    jpeg_set_defaults(&info);
    jpeg_set_quality(&info, quality, TRUE);
    info.optimize_coding = TRUE;
    jpeg_start_compress(&info, TRUE);
    while (info.next_scanline < info.image_height) {
        JSAMPROW row = p->rgb + (size_t)info.next_scanline * p->width * 3;
        (void)jpeg_write_scanlines(&info, &row, 1);
    }
    jpeg_finish_compress(&info);
    jpeg_destroy_compress(&info);
    return SOTAY_OK;
}

/* Worse and worse, then smaller and smaller, until it has at most so many bytes. */
static int write_within(points *p, size_t bytes_max, sotay_picture *out, sotay_error *error)
{
    int quality = QUALITY_BEST;
    for (;;) {
        written w;
        int code = write_jpeg(p, quality, &w, error);
        if (code == SOTAY_OK && w.len <= bytes_max) {
            *out = (sotay_picture){ w.data, w.len, p->width, p->height };
            return SOTAY_OK;
        }
        free(w.data);
        uint32_t side = longest_of(p->width, p->height);
        if (code == SOTAY_OK && quality - QUALITY_STEP >= QUALITY_LEAST)
            quality -= QUALITY_STEP;
        else if (code == SOTAY_OK && side / 2 >= SIDE_LEAST)
            code = fit(p, side / 2, error);
        else if (code == SOTAY_OK)
            code = posix_fail(error, SOTAY_E_TOO_LARGE, "picture: it does not get small enough");
        if (code != SOTAY_OK)
            return code;
    }
}

int sotay_picture_fit(void *context, const sotay_picture_ask *ask, sotay_picture *out_picture,
                      sotay_error *error)
{
    (void)context;
    points p = { NULL, 0, 0 };
    const uint8_t *data = ask->data;
    bool is_png = ask->len > 8 && memcmp(data, "\x89PNG\r\n\x1a\n", 8) == 0;
    int code = is_png ? read_png(ask, &p, error) : read_jpeg(ask, &p, error);
    if (code == SOTAY_OK)
        code = fit(&p, ask->longest, error);
    if (code == SOTAY_OK)
        code = turn(&p, ask->orientation, error);
    if (code == SOTAY_OK)
        code = write_within(&p, ask->bytes_max, out_picture, error);
    free(p.rgb);
    return code;
}
