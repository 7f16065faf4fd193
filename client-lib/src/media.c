/* client-lib/src/media.c - knows files by their bytes and strips pictures.
 * Promises: no read beyond the bytes, whatever they say of themselves; a picture that is cut is
 * refused, not sent.
 * Never: believes a file's name; changes a pixel. */
#include "client-lib/src/media.h"

#include <string.h>

#include "proto/value.h"

#define SIDE_MAX 65535u

static bool begins(const uint8_t *data, size_t len, const char *with, size_t count)
{
    return len >= count && memcmp(data, with, count) == 0;
}

static bool contains(const uint8_t *data, size_t len, const char *text)
{
    size_t count = strlen(text);
    for (size_t at = 0; at + count <= len; at++)
        if (data[at] == (uint8_t)text[0] && memcmp(data + at, text, count) == 0)
            return true;
    return false;
}

static uint32_t number(const uint8_t *at, unsigned bytes, bool is_little)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value = value << 8 | at[is_little ? bytes - 1 - i : i];
    return value;
}

/* ---- EXIF: a small TIFF file inside the picture ---- */

typedef struct {
    const uint8_t *data;
    size_t len;
    bool is_little;
} tiff;

/* The entry of a tag in the directory at `at`: its 12 bytes, or NULL. */
static const uint8_t *tiff_entry(const tiff *t, size_t at, uint32_t tag)
{
    if (at > t->len || t->len - at < 2)
        return NULL;
    uint32_t count = number(t->data + at, 2, t->is_little);
    for (size_t i = 0; i < count && at + 2 + (i + 1) * 12 <= t->len; i++) {
        const uint8_t *entry = t->data + at + 2 + i * 12;
        if (number(entry, 2, t->is_little) == tag)
            return entry;
    }
    return NULL;
}

static bool digits(const uint8_t *at, size_t count, int *out)
{
    *out = 0;
    for (size_t i = 0; i < count; i++) {
        if (at[i] < '0' || at[i] > '9')
            return false;
        *out = *out * 10 + (at[i] - '0');
    }
    return true;
}

/* "2026:03:12 09:30:00" */
static void take_time(const uint8_t *text, media *out)
{
    int year, month, day, hour, minute, second;
    int64_t days;
    bool is_time = digits(text, 4, &year) && digits(text + 5, 2, &month) &&
                   digits(text + 8, 2, &day) && digits(text + 11, 2, &hour) &&
                   digits(text + 14, 2, &minute) && digits(text + 17, 2, &second);
    if (!is_time || hour > 23 || minute > 59 || second > 59 ||
        !st_date_from_civil(year, month, day, &days))
        return;
    out->has_taken = true;
    out->taken_local_ms = (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000;
}

/* Orientation (1 to 8) and the time of the picture; nothing of the rest is looked at. */
static uint8_t read_exif(const uint8_t *data, size_t len, media *out)
{
    enum { TAG_ORIENTATION = 0x0112, TAG_EXIF = 0x8769, TAG_ORIGINAL = 0x9003 };
    tiff t = { data, len, true };
    uint8_t orientation = 1;
    if (len < 8 || (memcmp(data, "II*\0", 4) != 0 && memcmp(data, "MM\0*", 4) != 0))
        return orientation;
    t.is_little = data[0] == 'I';
    uint32_t first = number(data + 4, 4, t.is_little);
    const uint8_t *entry = tiff_entry(&t, first, TAG_ORIENTATION);
    uint32_t found = entry == NULL ? 1 : number(entry + 8, 2, t.is_little);
    if (found >= 1 && found <= 8)
        orientation = (uint8_t)found;
    entry = tiff_entry(&t, first, TAG_EXIF);
    if (entry != NULL)
        entry = tiff_entry(&t, number(entry + 8, 4, t.is_little), TAG_ORIGINAL);
    uint32_t at = entry == NULL ? 0 : number(entry + 8, 4, t.is_little);
    if (entry != NULL && at <= len && len - at >= 19)
        take_time(data + at, out);
    return orientation;
}

/* ---- JPEG ---- */

/* A byte behind 0xff that stands inside compressed data: a stuffed one, or a restart (T.81, B.1.1).
 * It begins no segment. */
static bool is_in_data(uint8_t marker)
{
    return marker == 0 || (marker >= 0xd0 && marker <= 0xd7);
}

/* Where the compressed data that begins at `at` ends: at the next marker that is not part of it. */
static size_t jpeg_scan_end(const uint8_t *data, size_t len, size_t at)
{
    for (; at + 1 < len; at++) {
        uint8_t next = data[at + 1];
        if (data[at] == 0xff && next != 0xff && !is_in_data(next))
            return at;
    }
    return len;
}

static bool is_size(uint8_t marker)
{
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

/* What a picture needs to look as it does: not what was written about it. */
static bool is_kept(uint8_t marker, const uint8_t *body, size_t len)
{
    if (marker == 0xfe)
        return false; /* a comment */
    if (marker == 0xe2)
        return begins(body, len, "ICC_PROFILE", 12);
    return marker < 0xe1 || marker > 0xef || marker == 0xee;
}

static st_err put_orientation(uint8_t orientation, st_buffer *out, st_error *error)
{
    uint8_t exif[36] = { 0xff, 0xe1, 0, 34, 'E', 'x',  'i',  'f', 0, 0, 'M', 'M', 0, '*', 0,
                         0,    0,    8, 0,  1,   0x01, 0x12, 0,   3, 0, 0,   0,   1, 0,   0 };
    exif[29] = orientation;
    return orientation == 1 ? ST_OK : st_buffer_append(out, exif, sizeof exif, error);
}

/* Orientation and time stand in a segment before the first one that is kept. */
static uint8_t jpeg_orientation(const uint8_t *data, size_t len, media *out)
{
    size_t at = 2;
    while (at + 4 <= len && data[at] == 0xff && data[at + 1] >= 0xe0 && data[at + 1] <= 0xef) {
        size_t size = number(data + at + 2, 2, false);
        if (size < 2 || len - at - 2 < size)
            break;
        if (data[at + 1] == 0xe1 && size >= 8 && memcmp(data + at + 4, "Exif\0", 6) == 0)
            return read_exif(data + at + 10, size - 8, out);
        at += 2 + size;
    }
    return 1;
}

static st_err read_jpeg(const uint8_t *data, size_t len, media *out_media, st_buffer *out,
                        st_error *error)
{
    uint8_t orientation = jpeg_orientation(data, len, out_media);
    out_media->orientation = orientation;
    st_err err = st_buffer_append(out, data, 2, error);
    if (err == ST_OK)
        err = put_orientation(orientation, out, error);
    size_t at = 2;
    while (err == ST_OK) {
        if (len - at < 4 || data[at] != 0xff) {
            if (len - at >= 2 && data[at] == 0xff && data[at + 1] == 0xd9)
                return st_buffer_append(out, data + at, 2, error);
            break;
        }
        uint8_t marker = data[at + 1];
        if (marker == 0xd9)
            return st_buffer_append(out, data + at, 2, error);
        if (marker == 0xff) {
            at++; /* a filler */
            continue;
        }
        size_t size = number(data + at + 2, 2, false);
        if (is_in_data(marker) || size < 2 || len - at - 2 < size)
            break;
        if (is_size(marker) && size >= 7) {
            out_media->height = number(data + at + 5, 2, false);
            out_media->width = number(data + at + 7, 2, false);
        }
        size_t end = at + 2 + size;
        if (marker == 0xda)
            end = jpeg_scan_end(data, len, end);
        if (is_kept(marker, data + at + 4, size - 2))
            err = st_buffer_append(out, data + at, end - at, error);
        at = end;
    }
    return err == ST_OK ? st_fail(error, ST_E_VALUE, "the picture is cut, or damaged") : err;
}

/* ---- PNG ---- */

static st_err read_png(const uint8_t *data, size_t len, media *out_media, st_buffer *out,
                       st_error *error)
{
    static const char *const ABOUT[] = { "eXIf", "tEXt", "zTXt", "iTXt", "tIME" };
    st_err err = st_buffer_append(out, data, 8, error);
    size_t at = 8;
    while (err == ST_OK && len - at >= 12) {
        size_t size = number(data + at, 4, false);
        const uint8_t *type = data + at + 4;
        bool is_about = false;
        if (size > len - at - 12)
            break;
        for (size_t i = 0; i < sizeof ABOUT / sizeof ABOUT[0]; i++)
            is_about = is_about || memcmp(type, ABOUT[i], 4) == 0;
        if (memcmp(type, "eXIf", 4) == 0)
            (void)read_exif(data + at + 8, size, out_media);
        if (memcmp(type, "IHDR", 4) == 0 && size >= 8) {
            out_media->width = number(data + at + 8, 4, false);
            out_media->height = number(data + at + 12, 4, false);
        }
        if (!is_about)
            err = st_buffer_append(out, data + at, size + 12, error);
        at += size + 12;
        if (err == ST_OK && memcmp(type, "IEND", 4) == 0)
            return ST_OK;
    }
    return err == ST_OK ? st_fail(error, ST_E_VALUE, "the picture is cut, or damaged") : err;
}

/* ---- the others: by their beginning ---- */

static bool find_kind(const uint8_t *data, size_t len, media *out)
{
    static const struct {
        const char *begin;
        size_t at, count;
        const char *kind, *mime;
    } KINDS[] = {
        { "\xff\xd8\xff", 0, 3, "photo", "image/jpeg" },
        { "\x89PNG\r\n\x1a\n", 0, 8, "photo", "image/png" },
        { "%PDF-", 0, 5, "pdf", "application/pdf" },
        { "OggS", 0, 4, "audio", "audio/ogg" },
        { "ID3", 0, 3, "audio", "audio/mpeg" },
        { "\xff\xfb", 0, 2, "audio", "audio/mpeg" },
        { "#!AMR", 0, 5, "audio", "audio/amr" },
        { "WAVE", 8, 4, "audio", "audio/wav" },
        { "ftypM4A", 4, 7, "audio", "audio/mp4" },
    };
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++) {
        size_t at = KINDS[i].at;
        if (len < at || !begins(data + at, len - at, KINDS[i].begin, KINDS[i].count))
            continue;
        out->kind = KINDS[i].kind;
        out->mime = KINDS[i].mime;
        return true;
    }
    return false;
}

/* Both are ZIP files; the names inside say which. One that brings a program along (macros: docm,
 * xlsm) is none of them, whatever it is called. */
static bool find_office_kind(const uint8_t *data, size_t len, media *out)
{
    if (!begins(data, len, "PK\x03\x04", 4))
        return false;
    bool is_word = contains(data, len, "word/document.xml");
    bool is_sheet = contains(data, len, "xl/workbook.xml");
    if ((!is_word && !is_sheet) || contains(data, len, "vbaProject.bin"))
        return false;
    out->kind = is_word ? "docx" : "xlsx";
    out->mime = is_word ? "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
                        : "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    return true;
}

st_err media_read(const uint8_t *data, size_t len, media *out_media, st_buffer *out,
                  st_error *error)
{
    media found = { .kind = NULL };
    st_err err = ST_OK;
    if (!find_kind(data, len, &found) && !find_office_kind(data, len, &found))
        return st_fail(error, ST_E_VALUE,
                       "not a file that can be attached: JPEG, PNG, PDF, Word "
                       "(docx), Excel (xlsx), audio (mp3, m4a, ogg, wav, amr)");
    if (strcmp(found.mime, "image/jpeg") == 0)
        err = read_jpeg(data, len, &found, out, error);
    if (strcmp(found.mime, "image/png") == 0)
        err = read_png(data, len, &found, out, error);
    bool is_picture = strcmp(found.kind, "photo") == 0;
    if (err == ST_OK && is_picture &&
        (found.width == 0 || found.height == 0 || found.width > SIDE_MAX ||
         found.height > SIDE_MAX))
        err = st_fail(error, ST_E_VALUE, "the picture has no size that can be");
    if (err == ST_OK)
        *out_media = found;
    return err;
}
