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

st_err st_text_fold(const void *text, size_t len, st_buffer *out, st_error *error)
{
    assert(text != NULL || len == 0);
    assert(out != NULL);
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
