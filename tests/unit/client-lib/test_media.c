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
        { "PK\x03\x04....xl/workbook.xml....xl/vbaProject.bin", 44, NULL },
        { "PK\x03\x04....word/vbaProject.bin....word/document.xml", 47, NULL },
        { "RIFF....WAVE", 12, "audio" },
        { "RIFF....AVI ", 12, NULL },
        { "....ftypM4A ", 12, "audio" },
        { "OggS", 4, "audio" },
        { "Ogg", 3, NULL },
        { "ID3", 3, "audio" },
        { "\xff\xfb.", 3, "audio" },
        { "#!AMR", 5, "audio" },
        { "PK\x03", 3, NULL },
        { "PK\x03\x04", 4, NULL },
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

/* ---- pictures made part by part ---- */

typedef struct {
    uint8_t b[4096];
    size_t len;
} bytes;

static void put(bytes *to, const void *data, size_t len)
{
    assert_true(to->len + len <= sizeof to->b);
    if (len > 0)
        memcpy(to->b + to->len, data, len);
    to->len += len;
}

/* The lowest `count` bytes of a number. */
static void put_number(bytes *to, uint32_t number, unsigned count, bool is_little)
{
    for (unsigned i = 0; i < count; i++) {
        unsigned shift = 8 * (is_little ? i : count - 1 - i);
        uint8_t byte = (uint8_t)(number >> shift);
        put(to, &byte, 1);
    }
}

static void put_segment(bytes *to, uint8_t marker, const void *body, size_t len)
{
    const uint8_t head[2] = { 0xff, marker };
    put(to, head, 2);
    put_number(to, (uint32_t)len + 2, 2, false);
    put(to, body, len);
}

static void put_chunk(bytes *to, const char *type, const void *body, size_t len)
{
    put_number(to, (uint32_t)len, 4, false);
    put(to, type, 4);
    put(to, body, len);
    put(to, "csum", 4); /* nobody looks at it here */
}

/* What a camera writes: how it was held, and when. */
typedef struct {
    bool is_little;
    uint32_t orientation;
    const char *time;          /* NULL: no directory of its own for it */
    uint32_t first, sub, text; /* where the parts are said to lie; 0: where they do */
    uint32_t entries;          /* of the first directory, as it says; 0: as many as there are */
} camera;

static void put_entry(bytes *to, const camera *c, uint32_t tag, uint32_t type, uint32_t value)
{
    put_number(to, tag, 2, c->is_little);
    put_number(to, type, 2, c->is_little);
    put_number(to, 1, 4, c->is_little);
    if (type == 3) { /* 16 bits, at the front */
        put_number(to, value, 2, c->is_little);
        put_number(to, 0, 2, false);
    } else {
        put_number(to, value, 4, c->is_little);
    }
}

/* Directory of two entries at 8, that of the time at 38, the time at 56. */
static bytes exif_of(const camera *c)
{
    bytes out = { .len = 0 };
    put(&out, c->is_little ? "II*\0" : "MM\0*", 4);
    put_number(&out, c->first > 0 ? c->first : 8, 4, c->is_little);
    put_number(&out, c->entries > 0 ? c->entries : 2, 2, c->is_little);
    put_entry(&out, c, 0x0112, 3, c->orientation);
    put_entry(&out, c, c->time != NULL ? 0x8769 : 0x8770, 4, c->sub > 0 ? c->sub : 38);
    put_number(&out, 0, 4, false);
    put_number(&out, 1, 2, c->is_little);
    put_entry(&out, c, 0x9003, 4, c->text > 0 ? c->text : 56);
    put_number(&out, 0, 4, false);
    assert_int_equal(out.len, 56);
    if (c->time != NULL)
        put(&out, c->time, strlen(c->time) + 1);
    put(&out, "22.83N", 6);
    return out;
}

static const uint8_t SIZE_8_6[] = { 8, 0, 6, 0, 8, 1, 1, 0x11, 0 };

/* A JPEG of 8 x 6 whose first segments are `before`. */
static bytes jpeg_of(const bytes *before)
{
    bytes out = { .len = 0 };
    put(&out, "\xff\xd8", 2);
    put(&out, before->b, before->len);
    put_segment(&out, 0xc0, SIZE_8_6, sizeof SIZE_8_6);
    put_segment(&out, 0xda, "\x01\x01\x00\x00\x3f\x00", 6);
    put(&out, "da\xff\x00ta\xff\xd9", 8);
    return out;
}

static bytes jpeg_with_exif(const camera *c)
{
    bytes exif = exif_of(c), body = { .len = 0 }, before = { .len = 0 };
    put(&body, "Exif\0\0", 6);
    put(&body, exif.b, exif.len);
    put_segment(&before, 0xe1, body.b, body.len);
    return jpeg_of(&before);
}

static bytes png_of(const void *about, size_t len, const char *type)
{
    static const uint8_t HEAD[] = { 0, 0, 0, 9, 0, 0, 0, 7, 8, 2, 0, 0, 0 };
    bytes out = { .len = 0 };
    put(&out, "\x89PNG\r\n\x1a\n", 8);
    put_chunk(&out, "IHDR", HEAD, sizeof HEAD);
    put_chunk(&out, type, about, len);
    put_chunk(&out, "IDAT", "pixels", 6);
    put_chunk(&out, "IEND", "", 0);
    return out;
}

static st_err read_bytes(const bytes *from, media *out, st_buffer *stripped)
{
    memset(out, 0, sizeof *out);
    return read_copy(from->b, from->len, out, stripped);
}

/* ---- what is known of them ---- */

#define NOON_MS INT64_C(1773307800000) /* 2026-03-12 09:30 on the clock on the wall */

static void test_how_and_when_it_was_taken(void **state)
{
    (void)state;
    static const struct {
        camera c;
        uint32_t orientation;
        bool has_time;
    } CASES[] = {
        { { true, 6, "2026:03:12 09:30:00", 0, 0, 0, 0 }, 6, true },
        { { false, 8, "2026:03:12 09:30:00", 0, 0, 0, 0 }, 8, true },
        { { false, 1, NULL, 0, 0, 0, 0 }, 1, false },
        /* what no camera writes */
        { { true, 0, "2026:03:12 09:30:00", 0, 0, 0, 0 }, 1, true },
        { { true, 9, "2026:03:12 09:30:00", 0, 0, 0, 0 }, 1, true },
        { { true, 6, "2026:13:12 09:30:00", 0, 0, 0, 0 }, 6, false },
        { { true, 6, "2026:02:30 09:30:00", 0, 0, 0, 0 }, 6, false },
        { { true, 6, "2026:03:12 24:30:00", 0, 0, 0, 0 }, 6, false },
        { { true, 6, "2026:03:12 09:60:00", 0, 0, 0, 0 }, 6, false },
        { { true, 6, "2026:03:12 09:30:60", 0, 0, 0, 0 }, 6, false },
        { { true, 6, "    :  :     :  :  ", 0, 0, 0, 0 }, 6, false },
        { { true, 6, "2026:x3:12 09:30:00", 0, 0, 0, 0 }, 6, false },
        { { true, 6, "2026:03:1x 09:30:00", 0, 0, 0, 0 }, 6, false },
        { { true, 6, "2026:03:12 0x:30:00", 0, 0, 0, 0 }, 6, false },
        { { true, 6, "2026:03:12 09:x0:00", 0, 0, 0, 0 }, 6, false },
        { { true, 6, "2026:03:12 09:30:0~", 0, 0, 0, 0 }, 6, false },
        /* parts that lie somewhere else, or nowhere */
        { { true, 6, "2026:03:12 09:30:00", 0xffffffff, 0, 0, 0 }, 1, false },
        { { true, 6, "2026:03:12 09:30:00", 81, 0, 0, 0 }, 1, false },
        { { true, 6, "2026:03:12 09:30:00", 0, 0xfffffff0, 0, 0 }, 6, false },
        { { true, 6, "2026:03:12 09:30:00", 0, 80, 0, 0 }, 6, false },
        { { true, 6, "2026:03:12 09:30:00", 0, 0, 0xffffffff, 0 }, 6, false },
        { { true, 6, "2026:03:12 09:30:00", 0, 0, 64, 0 }, 6, false },
        { { true, 6, "2026:03:12 09:30:00", 0, 0, 0, 60000 }, 6, true },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        media found;
        st_buffer out;
        bytes jpeg = jpeg_with_exif(&CASES[i].c);
        assert_int_equal(read_bytes(&jpeg, &found, &out), ST_OK);
        assert_int_equal(found.orientation, CASES[i].orientation);
        assert_int_equal(found.has_taken, CASES[i].has_time);
        if (found.has_taken)
            assert_int_equal(found.taken_local_ms, NOON_MS);
        assert_false(has(&out, "22.83N") || has(&out, "2026"));
        st_buffer_free(&out);
    }
}

/* Whatever the bytes of a camera's note are, nothing beyond them is read (the copies end where
 * their memory ends), and the picture is taken with or without it. */
static void test_a_note_that_is_cut_or_spoiled(void **state)
{
    (void)state;
    static const camera USUAL = { true, 6, "2026:03:12 09:30:00", 0, 0, 0, 0 };
    const bytes exif = exif_of(&USUAL);
    for (size_t len = 0; len <= exif.len; len++) {
        media found;
        st_buffer out;
        bytes body = { .len = 0 }, before = { .len = 0 };
        put(&body, "Exif\0\0", 6);
        put(&body, exif.b, len);
        put_segment(&before, 0xe1, body.b, body.len);
        bytes jpeg = jpeg_of(&before);
        assert_int_equal(read_bytes(&jpeg, &found, &out), ST_OK);
        assert_int_equal(found.width, 8);
        assert_int_equal(found.orientation, len < 8 + 2 + 12 ? 1 : 6);
        assert_int_equal(found.has_taken, len >= 56 + 19);
        st_buffer_free(&out);
    }
    for (size_t bit = 0; bit < exif.len * 8; bit++) {
        media found;
        st_buffer out;
        bytes body = { .len = 0 }, before = { .len = 0 };
        put(&body, "Exif\0\0", 6);
        put(&body, exif.b, exif.len);
        body.b[6 + bit / 8] ^= (uint8_t)(1u << bit % 8);
        put_segment(&before, 0xe1, body.b, body.len);
        bytes jpeg = jpeg_of(&before);
        assert_int_equal(read_bytes(&jpeg, &found, &out), ST_OK);
        assert_true(found.orientation >= 1 && found.orientation <= 8);
        assert_false(has(&out, "22.83N"));
        st_buffer_free(&out);
    }
}

/* A note is looked for in front of the picture, behind what other programs wrote there. */
static void test_what_stands_before_the_note(void **state)
{
    (void)state;
    static const struct {
        uint8_t marker;
        const char *body;
        size_t len;
    } FIRST[] = {
        { 0xe0, "JFIF\0\1\1", 7 },
        { 0xe1, "http://ns.adobe.com/xap/1.0/", 28 },
        { 0xe1, "Exif", 4 },
        { 0xe1, "", 0 },
        { 0xed, "Photoshop 3.0", 13 },
    };
    static const camera USUAL = { false, 3, "2026:03:12 09:30:00", 0, 0, 0, 0 };
    const bytes exif = exif_of(&USUAL);
    for (size_t i = 0; i < sizeof FIRST / sizeof FIRST[0]; i++) {
        media found;
        st_buffer out;
        bytes body = { .len = 0 }, before = { .len = 0 };
        put_segment(&before, FIRST[i].marker, FIRST[i].body, FIRST[i].len);
        put(&body, "Exif\0\0", 6);
        put(&body, exif.b, exif.len);
        put_segment(&before, 0xe1, body.b, body.len);
        bytes jpeg = jpeg_of(&before);
        assert_int_equal(read_bytes(&jpeg, &found, &out), ST_OK);
        assert_int_equal(found.orientation, 3);
        assert_true(found.has_taken);
        assert_false(has(&out, "adobe") || has(&out, "Photoshop"));
        assert_int_equal(has(&out, "JFIF"), FIRST[i].marker == 0xe0);
        st_buffer_free(&out);
    }
}

/* What a picture needs to look as it does stays; what was written about it does not. */
static void test_which_segments_stay(void **state)
{
    (void)state;
    static const struct {
        uint8_t marker;
        const char *body;
        bool stays;
    } CASES[] = {
        { 0xe0, "JFIF, as it is", true },    { 0xe2, "ICC_PROFILE", true },
        { 0xe2, "MPF, a second one", false }, { 0xe3, "of some maker", false },
        { 0xef, "of some maker", false },     { 0xee, "Adobe, the colours", true },
        { 0xfe, "whose it is", false },       { 0xdb, "how it is coded", true },
        { 0xc4, "how it is coded", true },    { 0xc8, "how it is coded", true },
        { 0xcc, "how it is coded", true },    { 0xe2, "ICC_PROFILES", false },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        media found;
        st_buffer out;
        bytes before = { .len = 0 };
        put_segment(&before, CASES[i].marker, CASES[i].body, strlen(CASES[i].body) + 1);
        put(&before, "\xff\xff", 2); /* fillers in front of the next marker */
        bytes jpeg = jpeg_of(&before);
        assert_int_equal(read_bytes(&jpeg, &found, &out), ST_OK);
        assert_int_equal(has(&out, CASES[i].body), CASES[i].stays);
        assert_int_equal(found.width, 8);
        assert_int_equal(found.height, 6);
        st_buffer_free(&out);
    }
}

static void test_a_jpeg_of_several_scans(void **state)
{
    (void)state;
    media found;
    st_buffer out;
    bytes jpeg = { .len = 0 };
    put(&jpeg, "\xff\xd8", 2);
    put_segment(&jpeg, 0xc2, SIZE_8_6, sizeof SIZE_8_6);
    for (int scan = 0; scan < 3; scan++) {
        put_segment(&jpeg, 0xda, "\x01\x01\x00\x00\x3f\x00", 6);
        put(&jpeg, "a\xff\xd0" "b\xff\xd7" "c\xff\x00" "d\xff\xff", 13);
        put_segment(&jpeg, 0xfe, "between", 7);
    }
    put(&jpeg, "\xff\xd9", 2);
    assert_int_equal(read_bytes(&jpeg, &found, &out), ST_OK);
    assert_true(has(&out, "d\xff"));
    assert_false(has(&out, "between"));
    assert_int_equal(out.len, jpeg.len - 3 * 11);
    st_buffer_free(&out);
}

static void test_jpegs_that_are_none(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } CASES[] = {
        { "\xff\xd8\xff\xe0\x00\x01xx\xff\xd9", 10 },           /* a segment shorter than itself */
        { "\xff\xd8\xff\xe1\x00\x00" "Exif\0\0II*\0\xff\xd9", 18 },
        { "\xff\xd8\xff\xe1\xff\xff" "Exif\0\0II*\0\xff\xd9", 18 }, /* longer than the file */
        { "\xff\xd8\xff\xd9", 4 },                              /* ends before it has a size */
        { "\xff\xd8\xff\xdb\x00\x03z\xff\xd9", 9 },
        { "\xff\xd8\xff\xdb\x00\x03zx\xff\xd9..", 12 },         /* no marker where one must be */
        { "\xff\xd8\xff\xc0\x00\x06\x08\x00\x06\x00\xff\xd9", 12 }, /* too short for a size */
        { "\xff\xd8\xff\xc0\x00\x0b\x08\x00\x00\x00\x08\x01\x01\x11\x00\xff\xd9", 17 },
        { "\xff\xd8\xff\xc0\x00\x0b\x08\x00\x06\x00\x00\x01\x01\x11\x00\xff\xd9", 17 },
        { "\xff\xd8\xff\xff\xff\xff", 6 },                      /* nothing but fillers */
        { "\xff\xd8\xff\xc0\x00\x0b\x08\x00\x06\x00\x08\x01\x01\x11\x00" /* data for a segment */
          "\xff\xda\x00\x03zda" "\xff\xfe\x00\x03z" "\xff\xd0\x00\x03z\xff\xd9", 34 },
        { "\xff\xd8\xff\xc0\x00\x0b\x08\x00\x06\x00\x08\x01\x01\x11\x00"
          "\xff\xda\x00\x03zda" "\xff\xfe\x00\x03z" "\xff\x00\x00\x03z\xff\xd9", 34 },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        media found;
        st_buffer out;
        memset(&found, 7, sizeof found);
        assert_int_equal(read_copy((const uint8_t *)CASES[i].bytes, CASES[i].len, &found, &out),
                         ST_E_VALUE);
        st_buffer_free(&out);
    }
}

/* ---- PNG ---- */

static void test_a_png_is_stripped(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        bool stays;
    } CASES[] = {
        { "tEXt", false }, { "zTXt", false }, { "iTXt", false }, { "tIME", false },
        { "eXIf", false }, { "gAMA", true },  { "PLTE", true },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        media found;
        st_buffer out;
        bytes png = png_of("whose it is", 11, CASES[i].type);
        size_t whole = png.len;
        put(&png, "a film behind it", 16);
        assert_int_equal(read_bytes(&png, &found, &out), ST_OK);
        assert_string_equal(found.kind, "photo");
        assert_string_equal(found.mime, "image/png");
        assert_int_equal(found.width, 9);
        assert_int_equal(found.height, 7);
        assert_int_equal(has(&out, "whose it is"), CASES[i].stays);
        assert_true(has(&out, "pixels"));
        assert_false(has(&out, "a film"));
        assert_int_equal(out.len, CASES[i].stays ? whole : whole - 11 - 12);
        st_buffer_free(&out);
    }
}

static void test_a_png_knows_when_it_was_taken(void **state)
{
    (void)state;
    static const camera USUAL = { false, 1, "2026:03:12 09:30:00", 0, 0, 0, 0 };
    media found;
    st_buffer out;
    bytes exif = exif_of(&USUAL);
    bytes png = png_of(exif.b, exif.len, "eXIf");
    assert_int_equal(read_bytes(&png, &found, &out), ST_OK);
    assert_true(found.has_taken);
    assert_int_equal(found.taken_local_ms, NOON_MS);
    assert_false(has(&out, "22.83N"));
    st_buffer_free(&out);
}

static void test_a_cut_png_is_refused(void **state)
{
    (void)state;
    const bytes png = png_of("whose", 5, "tEXt");
    for (size_t len = 0; len < png.len; len++) {
        media found;
        st_buffer out;
        assert_int_equal(read_copy(png.b, len, &found, &out), ST_E_VALUE);
        st_buffer_free(&out);
    }
}

static void test_sizes_that_cannot_be(void **state)
{
    (void)state;
    static const struct {
        uint32_t width, height;
        bool good;
    } CASES[] = {
        { 1, 1, true },      { 65535, 65535, true }, { 0, 5, false },
        { 5, 0, false },     { 65536, 5, false },    { 5, 65536, false },
        { 0xffffffff, 0xffffffff, false },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        media found;
        st_buffer out;
        bytes head = { .len = 0 }, png = { .len = 0 };
        put_number(&head, CASES[i].width, 4, false);
        put_number(&head, CASES[i].height, 4, false);
        put(&png, "\x89PNG\r\n\x1a\n", 8);
        put_chunk(&png, "IHDR", head.b, head.len);
        put_chunk(&png, "IEND", "", 0);
        assert_int_equal(read_bytes(&png, &found, &out), CASES[i].good ? ST_OK : ST_E_VALUE);
        st_buffer_free(&out);
    }
    /* a head that is too short has none */
    media found;
    st_buffer out;
    bytes png = { .len = 0 };
    put(&png, "\x89PNG\r\n\x1a\n", 8);
    put_chunk(&png, "IHDR", "\0\0\0\1\0\0\0", 7);
    put_chunk(&png, "IEND", "", 0);
    assert_int_equal(read_bytes(&png, &found, &out), ST_E_VALUE);
    st_buffer_free(&out);
}

/* A buffer that is full at any byte: the picture is not taken, and nothing is known of it. */
static void test_no_room_for_what_is_left(void **state)
{
    (void)state;
    static const camera USUAL = { true, 6, "2026:03:12 09:30:00", 0, 0, 0, 0 };
    const bytes pictures[] = { jpeg_with_exif(&USUAL), png_of("whose", 5, "gAMA") };
    for (size_t i = 0; i < 2; i++) {
        st_err err = ST_E_TOO_LARGE;
        size_t room = 1;
        while (err != ST_OK) {
            media found = { .kind = "none" };
            st_buffer out;
            st_buffer_init(&out, room);
            err = media_read(pictures[i].b, pictures[i].len, &found, &out, NULL);
            if (err != ST_OK) {
                assert_int_equal(err, ST_E_TOO_LARGE);
                assert_string_equal(found.kind, "none");
            }
            st_buffer_free(&out);
            assert_true(room++ <= pictures[i].len);
        }
        assert_true(room > 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_picture_is_stripped),
        cmocka_unit_test(test_a_cut_picture_is_refused),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_how_and_when_it_was_taken),
        cmocka_unit_test(test_a_note_that_is_cut_or_spoiled),
        cmocka_unit_test(test_what_stands_before_the_note),
        cmocka_unit_test(test_which_segments_stay),
        cmocka_unit_test(test_a_jpeg_of_several_scans),
        cmocka_unit_test(test_jpegs_that_are_none),
        cmocka_unit_test(test_a_png_is_stripped),
        cmocka_unit_test(test_a_png_knows_when_it_was_taken),
        cmocka_unit_test(test_a_cut_png_is_refused),
        cmocka_unit_test(test_sizes_that_cannot_be),
        cmocka_unit_test(test_no_room_for_what_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
