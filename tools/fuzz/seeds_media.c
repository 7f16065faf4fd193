/* tools/fuzz/seeds_media.c - seeds of fuzz_media.c: small files of each kind that may be attached,
 * pictures with all that cameras and other programs write about them. */
#include <string.h>

#include "tools/fuzz/seeder.h"

#define BYTES_MAX 1024u
#define NOTE_MAX  128u

static void put(st_buffer *to, const void *data, size_t len)
{
    fuzz_append(to, data, len);
}

static void put_number(st_buffer *to, uint32_t number, unsigned count, bool is_little)
{
    for (unsigned i = 0; i < count; i++) {
        uint8_t byte = (uint8_t)(number >> 8 * (is_little ? i : count - 1 - i));
        put(to, &byte, 1);
    }
}

static void put_segment(st_buffer *to, uint8_t marker, const void *body, size_t len)
{
    const uint8_t head[2] = { 0xff, marker };
    put(to, head, 2);
    put_number(to, (uint32_t)len + 2, 2, false);
    put(to, body, len);
}

static void put_chunk(st_buffer *to, const char *type, const void *body, size_t len)
{
    put_number(to, (uint32_t)len, 4, false);
    put(to, type, 4);
    put(to, body, len);
    put(to, "csum", 4);
}

static void put_entry(st_buffer *to, uint32_t tag, uint32_t type, uint32_t value, bool is_little)
{
    put_number(to, tag, 2, is_little);
    put_number(to, type, 2, is_little);
    put_number(to, 1, 4, is_little);
    put_number(to, value, type == 3 ? 2 : 4, is_little);
    put_number(to, 0, type == 3 ? 2 : 0, is_little);
}

/* A directory of two entries at 8, that of the time at 38, the time at 56. */
static void put_exif(st_buffer *to, bool is_little)
{
    put(to, is_little ? "II*\0" : "MM\0*", 4);
    put_number(to, 8, 4, is_little);
    put_number(to, 2, 2, is_little);
    put_entry(to, 0x0112, 3, 6, is_little);
    put_entry(to, 0x8769, 4, 38, is_little);
    put_number(to, 0, 4, is_little);
    put_number(to, 1, 2, is_little);
    put_entry(to, 0x9003, 4, 56, is_little);
    put_number(to, 0, 4, is_little);
    put(to, "2026:03:12 09:30:00", 20);
}

/* notes: how much other programs wrote about it. */
static void write_jpeg(seeder *s, unsigned notes, bool is_little)
{
    static const uint8_t SIZE[] = { 8, 0, 6, 0, 8, 1, 1, 0x11, 0 };
    st_buffer out, note;
    st_buffer_init(&out, BYTES_MAX);
    st_buffer_init(&note, NOTE_MAX);
    put(&note, "Exif\0\0", 6);
    put_exif(&note, is_little);
    put(&out, "\xff\xd8", 2);
    if (notes > 1)
        put_segment(&out, 0xe0, "JFIF\0\1\1", 7);
    if (notes > 0)
        put_segment(&out, 0xe1, note.data, note.len);
    if (notes > 1)
        put_segment(&out, 0xe2, "ICC_PROFILE\0\1\1", 14);
    if (notes > 1)
        put_segment(&out, 0xfe, "a comment", 9);
    put_segment(&out, 0xc0, SIZE, sizeof SIZE);
    put_segment(&out, 0xda, "\x01\x01\x00\x00\x3f\x00", 6);
    put(&out, "da\xff\x00ta\xff\xd0more", 12);
    if (notes > 1) /* another scan, behind a filler */
        put(&out, "\xff\xff\xda\x00\x04\x01\x01mo", 9);
    put(&out, "\xff\xd9", 2);
    if (notes > 1)
        put(&out, "a film behind it", 16);
    seeder_save(s, "media", -1, out.data, out.len);
    st_buffer_free(&out);
    st_buffer_free(&note);
}

static void write_png(seeder *s, bool has_notes)
{
    static const uint8_t HEAD[] = { 0, 0, 0, 9, 0, 0, 0, 7, 8, 2, 0, 0, 0 };
    st_buffer out, note;
    st_buffer_init(&out, BYTES_MAX);
    st_buffer_init(&note, NOTE_MAX);
    put_exif(&note, false);
    put(&out, "\x89PNG\r\n\x1a\n", 8);
    put_chunk(&out, "IHDR", HEAD, sizeof HEAD);
    if (has_notes) {
        put_chunk(&out, "eXIf", note.data, note.len);
        put_chunk(&out, "tEXt", "Author\0nobody", 13);
        put_chunk(&out, "tIME", "\x07\xea\3\x0c\x09\x1e\0", 7);
        put_chunk(&out, "iTXt", "Comment\0\0\0\0\0x", 13);
    }
    put_chunk(&out, "IDAT", "pixels", 6);
    put_chunk(&out, "IEND", "", 0);
    if (has_notes)
        put(&out, "a film behind it", 16);
    seeder_save(s, "media", -1, out.data, out.len);
    st_buffer_free(&out);
    st_buffer_free(&note);
}

void seeder_write_media(seeder *s)
{
    static const struct {
        const char *bytes;
        size_t len;
    } FILES[] = {
        { "%PDF-1.7\n", 9 },
        { "PK\x03\x04....word/document.xml", 25 },
        { "PK\x03\x04....xl/workbook.xml", 23 },
        { "PK\x03\x04....xl/workbook.xml....xl/vbaProject.bin", 44 },
        { "RIFF....WAVEfmt ", 16 },
        { "....ftypM4A ", 12 },
        { "OggS", 4 },
        { "ID3", 3 },
        { "#!AMR\n", 6 },
        { "MZ", 2 },
    };
    for (size_t i = 0; i < sizeof FILES / sizeof FILES[0]; i++)
        seeder_save(s, "media", -1, FILES[i].bytes, FILES[i].len);
    for (unsigned notes = 0; notes < 3; notes++) {
        write_jpeg(s, notes, true);
        write_jpeg(s, notes, false);
        write_png(s, notes > 0);
    }
}
