/* tools/fuzz/fuzz_media.c - any file that somebody attaches, before it is kept: what it is, and a
 * picture without what its camera wrote. Of a picture that is taken, what is kept is a whole one of
 * the same size, turned as it was, without a note of place, owner or time; stripped again it is the
 * same, and cut anywhere it is refused. Other files are kept as they are, and bring no program. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "client-lib/src/media.h"
#include "tools/fuzz/fuzz.h"

#define KEPT_MAX   (1u << 20)
#define EXIF_BYTES 36u /* all that is said of a picture: how it was held */

enum { JPEG, PNG, TURNED, TAKEN, OFFICE, OTHER, REFUSED };
static fuzz_goal goals[] = { [JPEG] = { "a JPEG is stripped", 0 },
                             [PNG] = { "a PNG is stripped", 0 },
                             [TURNED] = { "a picture is kept turned", 0 },
                             [TAKEN] = { "a picture says when it was taken", 0 },
                             [OFFICE] = { "a file of Word or Excel is taken", 0 },
                             [OTHER] = { "a file of another kind is taken", 0 },
                             [REFUSED] = { "a file is refused", 0 } };
FUZZ_MUST_REACH(goals);

static size_t number(const uint8_t *at, size_t bytes)
{
    size_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

/* The segments up to the first data of the picture: of notes there is ours, in front, at most. */
static void must_say_nothing_jpeg(const uint8_t *data, size_t len)
{
    size_t at = 2;
    while (at + 4 <= len && data[at + 1] != 0xda && data[at + 1] != 0xd9) {
        uint8_t marker = data[at + 1];
        size_t size = 2 + number(data + at + 2, 2);
        FUZZ_MUST(data[at] == 0xff && size >= 4 && size <= len - at);
        FUZZ_MUST(marker != 0xfe && (marker < 0xe3 || marker > 0xef || marker == 0xee));
        FUZZ_MUST(marker != 0xe1 || (at == 2 && size == EXIF_BYTES));
        FUZZ_MUST(marker != 0xe2 || memcmp(data + at + 4, "ICC_PROFILE", 11) == 0);
        at += size;
    }
    FUZZ_MUST(len >= 4 && data[len - 2] == 0xff && data[len - 1] == 0xd9);
}

/* Chunk by chunk to the last one, and nothing behind it. */
static void must_say_nothing_png(const uint8_t *data, size_t len)
{
    static const char ABOUT[] = "eXIf tEXt zTXt iTXt tIME";
    size_t at = 8;
    bool has_end = false;
    while (!has_end) {
        char type[5] = "";
        FUZZ_MUST(len - at >= 12 && number(data + at, 4) <= len - at - 12);
        memcpy(type, data + at + 4, 4);
        FUZZ_MUST(strlen(type) < 4 || strstr(ABOUT, type) == NULL);
        has_end = strcmp(type, "IEND") == 0;
        at += number(data + at, 4) + 12;
    }
    FUZZ_MUST(at == len);
}

/* Reads it where its memory ends where it does. */
static st_err read_copy(const uint8_t *data, size_t len, media *out_media, st_buffer *out)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    FUZZ_MUST(copy != NULL);
    memcpy(copy, data, len);
    out->max = KEPT_MAX;
    st_buffer_clear(out);
    st_err err = media_read(copy, len, out_media, out, NULL);
    free(copy);
    return err;
}

static void must_stay(const media *first, const st_buffer *kept)
{
    static st_buffer twice;
    media again = { 0 };
    FUZZ_MUST(read_copy(kept->data, kept->len, &again, &twice) == ST_OK);
    FUZZ_MUST(strcmp(again.mime, first->mime) == 0 && !again.has_taken);
    FUZZ_MUST(again.width == first->width && again.height == first->height);
    FUZZ_MUST(again.orientation == first->orientation);
    fuzz_must_be_same(kept, &twice);
}

static void check_picture(const media *found, const st_buffer *kept, size_t size)
{
    static st_buffer none;
    media cut = { 0 };
    bool is_jpeg = strcmp(found->mime, "image/jpeg") == 0;
    FUZZ_MUST(found->width > 0 && found->width <= 65535);
    FUZZ_MUST(found->height > 0 && found->height <= 65535);
    FUZZ_MUST(found->orientation <= 8 && kept->len <= size + EXIF_BYTES);
    if (is_jpeg)
        must_say_nothing_jpeg(kept->data, kept->len);
    else
        must_say_nothing_png(kept->data, kept->len);
    must_stay(found, kept);
    size_t len = size * 31 % kept->len;
    FUZZ_MUST(read_copy(kept->data, len, &cut, &none) == ST_E_VALUE && cut.kind == NULL);
    goals[is_jpeg ? JPEG : PNG].times++;
    goals[TURNED].times += found->orientation > 1;
    goals[TAKEN].times += found->has_taken;
}

static void check_other(const media *found, const uint8_t *data, size_t size, const st_buffer *kept)
{
    bool is_office = strcmp(found->kind, "docx") == 0 || strcmp(found->kind, "xlsx") == 0;
    FUZZ_MUST(kept->len == 0 && found->width == 0 && !found->has_taken);
    if (is_office)
        FUZZ_MUST(memmem(data, size, "vbaProject.bin", 14) == NULL);
    goals[is_office ? OFFICE : OTHER].times++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static st_buffer kept;
    media found = { 0 };
    kept.max = KEPT_MAX;
    st_buffer_clear(&kept);
    st_err err = media_read(data, size, &found, &kept, NULL);
    FUZZ_MUST(err == ST_OK || err == ST_E_VALUE);
    FUZZ_MUST((err == ST_OK) == (found.kind != NULL));
    goals[REFUSED].times += err != ST_OK;
    if (err == ST_OK && strcmp(found.kind, "photo") == 0)
        check_picture(&found, &kept, size);
    else if (err == ST_OK)
        check_other(&found, data, size, &kept);
    return 0;
}
