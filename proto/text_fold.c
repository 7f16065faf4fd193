/* proto/text_fold.c - searching: what was typed without marks finds what was written with them.
 *
 * Promises: a key of lower-case letters, digits and single spaces, the same for NFC and NFD, for
 * old and new tone placement; matching that allocates nothing. The key is for finding only: it must
 * never be shown or stored in place of the text. */
#include "proto/text_parts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* đ has no decomposition: marks come off every other Vietnamese letter, the bar does not. */
static int32_t fold_letter(int32_t point)
{
    return point == 0x110 || point == 0x111 ? 'd' : point;
}

/* Letters and digits of the decomposed text as UTF-8; bytes holds 4 * count. */
static size_t fold_bytes(const int32_t *parts, size_t count, uint8_t *bytes)
{
    size_t filled = 0;
    bool apart = false;
    for (size_t i = 0; i < count; i++) {
        st_point_kind kind = st_text_kind(parts[i]);
        if (kind == ST_POINT_MARK || kind == ST_POINT_UNSEEN)
            continue;
        if (kind != ST_POINT_LETTER && kind != ST_POINT_DIGIT) {
            apart = true;
            continue;
        }
        if (apart && filled > 0)
            bytes[filled++] = ' ';
        apart = false;
        filled += st_text_put(fold_letter(parts[i]), bytes + filled);
    }
    return filled;
}

/* ---- the usual case: what Vietnamese is written with, in NFC, folds letter by letter ---- */

#define PLAIN_LATER 0           /* not one of the usual: the long way decides */

/* The folded letter of a precomposed character; PLAIN_LATER when it is none of the usual ones. */
static char plain_letter(int32_t point)
{
    static const char LATIN1[] = "aaaaaa.ceeeeiiii.nooooo..uuuuy..aaaaaa.ceeeeiiii.nooooo..uuuuy.y";
    static const char TONED[] = "aaaaaaaaaaaaaaaaaaaaaaaaeeeeeeeeeeeeeeeeiiii"    /* U+1EA0.. */
                                "oooooooooooooooooooooooouuuuuuuuuuuuuuyyyyyyyy";
    static const struct { int32_t first, last; char letter; } RANGES[] = {
        { 0x102, 0x103, 'a' }, { 0x110, 0x111, 'd' }, { 0x128, 0x129, 'i' }, { 0x168, 0x169, 'u' },
        { 0x1a0, 0x1a1, 'o' }, { 0x1af, 0x1b0, 'u' },
    };
    if (point >= 0x1ea0 && point < 0x1ea0 + (int32_t)(sizeof TONED - 1))
        return TONED[point - 0x1ea0];
    if (point >= 0xc0 && point <= 0xff)
        return LATIN1[point - 0xc0] == '.' ? PLAIN_LATER : LATIN1[point - 0xc0];
    for (size_t i = 0; i < sizeof RANGES / sizeof RANGES[0]; i++)
        if (point >= RANGES[i].first && point <= RANGES[i].last)
            return RANGES[i].letter;
    return PLAIN_LATER;
}

/* The folded form of the characters of one byte: a letter, a digit, ' ' for what parts words. */
static const char ASCII_FOLDED[128] =
    "\0\0\0\0\0\0\0\0\0     \0\0"                 /* a tab begins the blanks */
    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
    "                0123456789      "
    " abcdefghijklmnopqrstuvwxyz      abcdefghijklmnopqrstuvwxyz    ";

/* The folded form of the character at p, as above or PLAIN_LATER, and its size. Every text of every
 * record passes here, so the two spellings that Vietnamese is made of come first. */
static char plain_fold(const uint8_t *p, size_t left, size_t *out_size)
{
    int32_t point;
    *out_size = 1;
    if (p[0] < 0x80)
        return ASCII_FOLDED[p[0]];
    if (p[0] == 0xe1 && left >= 3 && (p[1] & 0xfe) == 0xba && (p[2] & 0xc0) == 0x80) {
        *out_size = 3;                                  /* U+1E80..U+1EFF */
        return plain_letter(0x1e80 + ((p[1] & 1) << 6) + (p[2] & 0x3f));
    }
    *out_size = st_text_next(p, left, &point);
    return *out_size > 0 ? plain_letter(point) : PLAIN_LATER;
}

/* Folds into bytes, which hold len. False: there is something else in the text. */
static bool fold_plain(const uint8_t *text, size_t len, uint8_t *bytes, size_t *out_filled)
{
    size_t filled = 0;
    bool apart = false;
    for (size_t i = 0; i < len;) {
        size_t size;
        char folded = plain_fold(text + i, len - i, &size);
        if (folded == PLAIN_LATER)
            return false;
        i += size;
        if (folded == ' ') {
            apart = true;
            continue;
        }
        if (apart && filled > 0)
            bytes[filled++] = ' ';
        apart = false;
        bytes[filled++] = (uint8_t)folded;
    }
    *out_filled = filled;
    return true;
}

/* Everything else, by the tables of Unicode. */
static st_err fold_any(const void *text, size_t len, st_buffer *out, st_error *error)
{
    int32_t *points = NULL, *parts = NULL;
    size_t count = 0, parts_count = 0;
    uint8_t *bytes = NULL;
    st_err err = st_text_points(text, len, &points, &count, error);
    if (err != ST_OK)
        goto done;
    err = st_text_decompose(points, count, ST_TEXT_FOLDED | ST_TEXT_CUT_MARKS, &parts,
                            &parts_count, error);
    if (err != ST_OK)
        goto done;
    bytes = malloc(parts_count * 4 + 1);
    if (bytes == NULL) {
        err = st_fail(error, ST_E_MEMORY, "text: no memory for a search key");
        goto done;
    }
    err = st_buffer_append(out, bytes, fold_bytes(parts, parts_count, bytes), error);
done:
    free(points);
    free(parts);
    free(bytes);
    return err;
}

st_err st_text_fold(const void *text, size_t len, st_buffer *out, st_error *error)
{
    assert(text != NULL || len == 0);
    assert(out != NULL);
    size_t before = out->len, filled = 0;
    uint8_t *bytes = len <= ST_TEXT_BYTES_MAX ? st_buffer_reserve(out, len) : NULL;
    if (bytes == NULL || !fold_plain(text, len, bytes, &filled))
        return fold_any(text, len, out, error);
    out->len = before + filled;
    return ST_OK;
}

/* Does a word of the text begin with these bytes? */
static bool fold_has_word(const char *folded, size_t len, const char *word, size_t word_len)
{
    for (size_t i = 0; i + word_len <= len;) {
        if (memcmp(folded + i, word, word_len) == 0)
            return true;
        const char *blank = memchr(folded + i, ' ', len - i);
        if (blank == NULL)
            return false;
        i = (size_t)(blank - folded) + 1;
    }
    return false;
}

/* The length of a word without the tone key that Telex left at its end. */
static size_t fold_without_tone_key(const char *word, size_t len)
{
    return len > 2 && strchr("fjrsx", word[len - 1]) != NULL ? len - 1 : len;
}

bool st_text_matches(const char *folded, size_t len, const char *needle, size_t needle_len)
{
    assert(folded != NULL || len == 0);
    assert(needle != NULL || needle_len == 0);
    for (size_t i = 0; i < needle_len;) {
        const char *blank = memchr(needle + i, ' ', needle_len - i);
        size_t word_len = blank == NULL ? needle_len - i : (size_t)(blank - needle) - i;
        if (word_len > 0 && !fold_has_word(folded, len, needle + i, word_len)) {
            size_t shorter = fold_without_tone_key(needle + i, word_len);
            if (shorter == word_len || !fold_has_word(folded, len, needle + i, shorter))
                return false;
        }
        i += word_len + 1;
    }
    return true;
}
