/* tests/fault/photo.c - pictures, from the libraries that read them to the record that has them.
 * Promises: the same points in every try, and so many that what is written of them has to grow.
 * State: the two pictures, made before anything is tried. */
#include "tests/fault/photo.h"

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH   320u
#define HEIGHT  240u
#define LONGEST 256u

static sotay_file pictures[2];

/* Noise over a slope: neither one colour nor without any order. */
static void fill(uint8_t rgb[(size_t)WIDTH * HEIGHT * 3])
{
    uint32_t seed = 7;
    for (size_t i = 0; i < (size_t)WIDTH * HEIGHT * 3; i++) {
        seed = seed * 1664525u + 1013904223u;
        rgb[i] = (uint8_t)((i / 3 % WIDTH) / 3 + (seed >> 25));
    }
}

static void make_png(void)
{
    static uint8_t rgb[(size_t)WIDTH * HEIGHT * 3];
    png_image image;
    png_alloc_size_t len = 0;
    fill(rgb);
    memset(&image, 0, sizeof image);
    image.version = PNG_IMAGE_VERSION;
    image.width = WIDTH;
    image.height = HEIGHT;
    image.format = PNG_FORMAT_RGB;
    if (png_image_write_get_memory_size(image, len, 0, rgb, 0, NULL) == 0)
        stage_die("a picture", image.message);
    pictures[PHOTO_PNG].data = malloc(len);
    if (pictures[PHOTO_PNG].data == NULL ||
        png_image_write_to_memory(&image, pictures[PHOTO_PNG].data, &len, 0, rgb, 0, NULL) == 0)
        stage_die("a picture", image.message);
    pictures[PHOTO_PNG].len = len;
}

void photo_make(void)
{
    sotay_picture jpeg;
    sotay_error error = { SOTAY_OK, "" };
    make_png();
    const sotay_picture_ask ask = { pictures[PHOTO_PNG].data, pictures[PHOTO_PNG].len, 1, WIDTH,
                                    1u << 20 };
    if (sotay_picture_fit(NULL, &ask, &jpeg, &error) != SOTAY_OK)
        stage_die("a picture", error.detail);
    pictures[PHOTO_JPEG] = (sotay_file){ jpeg.data, jpeg.len };
}

int photo_attach(stage *s, int n, photo_kind kind)
{
    sotay_error error = { SOTAY_OK, "" };
    const sotay_attachment file = { .name = kind == PHOTO_PNG ? "anh.png" : "anh.jpg",
                                    .data = pictures[kind].data,
                                    .len = pictures[kind].len,
                                    .longest = LONGEST };
    int rc =
        sotay_attach(s->phones[n].client, &s->visits[0], &file, s->photos[kind], &error);
    return stage_said(s, rc, &error);
}

static sotay_file get(stage *s, int n, photo_kind kind, bool thumbnail)
{
    sotay_file file = { NULL, 0 };
    sotay_error error = { SOTAY_OK, "" };
    if (sotay_attachment_get(s->phones[n].client, &s->visits[0], s->photos[kind], thumbnail, &file,
                             &error) != SOTAY_OK)
        stage_die(thumbnail ? "a thumbnail" : "a picture", error.detail);
    return file;
}

/* A JPEG that says of itself in its frame how large it is. */
static uint32_t width_of(const sotay_file *file)
{
    const uint8_t *at = file->data;
    for (size_t i = 2; i + 9 < file->len && at[i] == 0xff;
         i += 2 + (size_t)at[i + 2] * 256 + at[i + 3])
        if (at[i + 1] == 0xc0)
            return (uint32_t)at[i + 7] * 256 + at[i + 8];
    return 0;
}

void photo_must_be_small(stage *s, int n)
{
    for (int kind = PHOTO_JPEG; kind <= PHOTO_PNG; kind++) {
        sotay_file whole = get(s, n, (photo_kind)kind, false);
        sotay_file small = get(s, n, (photo_kind)kind, true);
        if (width_of(&whole) != LONGEST || width_of(&small) == 0)
            stage_die("a picture", "it was attached as it is");
        free(whole.data);
        free(small.data);
    }
}
