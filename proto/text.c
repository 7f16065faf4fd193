/* proto/text.c - UTF-8 and NFC at every door.
 *
 * Promises: strict UTF-8 (no NUL, surrogate or over-long form), NFC as utf8proc composes it, and
 * time linear in the length whatever the bytes are: ASCII and precomposed Vietnamese are recognised
 * without normalising. Must never cut inside a character, keep memory, or correct a spelling. */
#include "proto/text_parts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* No character decomposes canonically into more; NFKD of one Arabic ligature needs 18. */
#define DECOMPOSED_MAX 18u

size_t st_text_put(int32_t point, uint8_t out[4])
{
    assert(out != NULL);
    assert(point > 0 && point <= 0x10ffff);
    if (point < 0x80) {
        out[0] = (uint8_t)point;
        return 1;
    }
    if (point < 0x800) {
        out[0] = (uint8_t)(0xc0 | (point >> 6));
        out[1] = (uint8_t)(0x80 | (point & 0x3f));
        return 2;
    }
    if (point < 0x10000) {
        out[0] = (uint8_t)(0xe0 | (point >> 12));
        out[1] = (uint8_t)(0x80 | ((point >> 6) & 0x3f));
        out[2] = (uint8_t)(0x80 | (point & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | (point >> 18));
    out[1] = (uint8_t)(0x80 | ((point >> 12) & 0x3f));
    out[2] = (uint8_t)(0x80 | ((point >> 6) & 0x3f));
    out[3] = (uint8_t)(0x80 | (point & 0x3f));
    return 4;
}

size_t st_text_next(const uint8_t *p, size_t left, int32_t *out_point)
{
    static const int32_t LEAST[5] = { 0, 0x01, 0x80, 0x800, 0x10000 };
    assert(p != NULL && left > 0);
    assert(out_point != NULL);
    size_t size = p[0] < 0x80 ? 1 : p[0] < 0xc0 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3
                : p[0] < 0xf8 ? 4 : 0;
    if (size == 0 || size > left)
        return 0;
    int32_t point = size == 1 ? p[0] : p[0] & (0x7f >> size);
    for (size_t i = 1; i < size; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        point = (point << 6) | (p[i] & 0x3f);
    }
    if (point < LEAST[size] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
        return 0;
    *out_point = point;
    return size;
}

/* Bytes of ASCII (without NUL) at the start of p, eight at a time. */
static size_t text_ascii(const uint8_t *p, size_t len)
{
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    size_t i = 0;
    for (; i + 8 <= len; i += 8) {
        uint64_t word;
        memcpy(&word, p + i, 8);
        if (((word | (word - ones)) & highs) != 0)
            break;
    }
    while (i < len && p[i] != 0 && p[i] < 0x80)
        i++;
    return i;
}

bool st_text_is_utf8(const void *text, size_t len)
{
    assert(text != NULL || len == 0);
    const uint8_t *p = text;
    for (size_t i = 0; i < len;) {
        i += text_ascii(p + i, len - i);
        if (i == len)
            break;
        int32_t point;
        size_t size = st_text_next(p + i, len - i, &point);
        if (size == 0)
            return false;
        i += size;
    }
    return true;
}

/* Characters that are NFC wherever they stand: starters that compose with nothing before them and
 * are their own composed form. Latin up to U+02FF, the Vietnamese block, common punctuation and
 * currency signs. */
static bool text_is_plain(int32_t point)
{
    return point < 0x300 || (point >= 0x1e00 && point <= 0x1eff) ||
           (point >= 0x2010 && point <= 0x2027) || (point >= 0x20a0 && point <= 0x20bf);
}

/* Bytes at the start of p that are plain characters, read the quick way: every text passes here
 * several times on its way, and Vietnamese is nothing else. */
static size_t text_plain(const uint8_t *p, size_t len)
{
    size_t i = 0;
    while (i < len) {
        if (p[i] < 0x80) {
            if (p[i] == 0)
                break;
            i++;
        } else if (p[i] >= 0xc2 && p[i] < 0xcc) {           /* U+0080..U+02FF */
            if (len - i < 2 || (p[i + 1] & 0xc0) != 0x80)
                break;
            i += 2;
        } else if (p[i] == 0xe1 && len - i >= 3 && p[i + 1] >= 0xb8 && p[i + 1] <= 0xbb) {
            if ((p[i + 2] & 0xc0) != 0x80)                  /* U+1E00..U+1EFF */
                break;
            i += 3;
        } else {
            break;
        }
    }
    return i;
}

bool st_text_is_nfc(const void *text, size_t len)
{
    assert(text != NULL || len == 0);
    const uint8_t *p = text;
    bool plain = true;
    for (size_t i = 0; i < len;) {
        i += text_plain(p + i, len - i);
        if (i == len)
            break;
        int32_t point;
        size_t size = st_text_next(p + i, len - i, &point);
        if (size == 0)
            return false;
        plain = plain && text_is_plain(point);
        i += size;
    }
    if (plain)
        return true;
    int32_t *points = NULL, *parts = NULL;
    size_t count = 0, parts_count = 0;
    bool same = st_text_points(text, len, &points, &count, NULL) == ST_OK &&
                st_text_decompose(points, count, ST_TEXT_CANONICAL, &parts, &parts_count,
                                  NULL) == ST_OK;
    if (same) {
        utf8proc_ssize_t composed = utf8proc_normalize_utf32(
            parts, (utf8proc_ssize_t)parts_count, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
        same = composed == (utf8proc_ssize_t)count &&
               memcmp(parts, points, count * sizeof *points) == 0;
    }
    free(points);
    free(parts);
    return same;
}

size_t st_text_chars(const void *text, size_t len)
{
    assert(text != NULL || len == 0);
    const uint8_t *p = text;
    size_t chars = 0;
    for (size_t i = 0; i < len; i++)
        chars += (p[i] & 0xc0) != 0x80;
    return chars;
}

st_err st_text_points(const void *text, size_t len, int32_t **out_points, size_t *out_count,
                      st_error *error)
{
    assert(text != NULL || len == 0);
    assert(out_points != NULL && out_count != NULL);
    if (len > ST_TEXT_BYTES_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "text: over %u bytes", ST_TEXT_BYTES_MAX);
    int32_t *points = malloc((len + 1) * sizeof *points);
    if (points == NULL)
        return st_fail(error, ST_E_MEMORY, "text: no memory for %zu characters", len);
    const uint8_t *p = text;
    size_t count = 0;
    for (size_t i = 0; i < len;) {
        size_t size = st_text_next(p + i, len - i, &points[count]);
        if (size == 0) {
            free(points);
            return st_fail(error, ST_E_VALUE, "text: not UTF-8 at byte %zu", i);
        }
        count++;
        i += size;
    }
    *out_points = points;
    *out_count = count;
    return ST_OK;
}

static unsigned text_mark_class(int32_t point)
{
    return (unsigned)utf8proc_get_property(point)->combining_class;
}

/* Puts the last mark where its class wants it among those of the same letter: stable, and at most
 * ST_TEXT_MARKS_MAX steps. */
static void text_sort_mark(int32_t *points, size_t count, size_t marks)
{
    int32_t mark = points[count - 1];
    unsigned mark_class = text_mark_class(mark);
    size_t at = count - 1;
    for (size_t i = 1; i < marks && text_mark_class(points[at - 1]) > mark_class; i++) {
        points[at] = points[at - 1];
        at--;
    }
    points[at] = mark;
}

st_err st_text_decompose(const int32_t *points, size_t count, int how, int32_t **out_points,
                         size_t *out_count, st_error *error)
{
    assert(points != NULL || count == 0);
    assert(out_points != NULL && out_count != NULL);
    utf8proc_option_t options = UTF8PROC_DECOMPOSE | UTF8PROC_STABLE;
    if ((how & ST_TEXT_FOLDED) != 0)
        options |= UTF8PROC_COMPAT | UTF8PROC_CASEFOLD;
    size_t room = 4 * count + DECOMPOSED_MAX, filled = 0, marks = 0;
    int32_t *parts = malloc(room * sizeof *parts);
    if (parts == NULL)
        return st_fail(error, ST_E_MEMORY, "text: no memory for %zu characters", count);
    for (size_t i = 0; i < count; i++) {
        int32_t some[DECOMPOSED_MAX];
        utf8proc_ssize_t n = utf8proc_decompose_char(points[i], some, DECOMPOSED_MAX, options,
                                                     NULL);
        /* a ligature that would not fit stays as it is: it only costs a match in a search */
        if (n < 0 || (size_t)n > DECOMPOSED_MAX || (size_t)n > room - filled - (count - i - 1)) {
            some[0] = points[i];
            n = 1;
        }
        for (utf8proc_ssize_t k = 0; k < n; k++) {
            bool is_mark = text_mark_class(some[k]) != 0;
            marks = is_mark ? marks + 1 : 0;
            if (marks > ST_TEXT_MARKS_MAX && (how & ST_TEXT_CUT_MARKS) == 0) {
                free(parts);
                return st_fail(error, ST_E_VALUE, "text: over %u marks on one letter",
                               ST_TEXT_MARKS_MAX);
            }
            if (marks > ST_TEXT_MARKS_MAX)
                continue;
            parts[filled++] = some[k];
            if (is_mark)
                text_sort_mark(parts, filled, marks);
        }
    }
    *out_points = parts;
    *out_count = filled;
    return ST_OK;
}

static bool text_is_unseen(int32_t point)
{
    return (point >= 0x200b && point <= 0x200f) || point == 0xfeff || point == 0xad ||
           (point >= 0x202a && point <= 0x202e) || (point >= 0x2060 && point <= 0x206f);
}

st_point_kind st_text_kind(int32_t point)
{
    if (point == '\n' || point == '\r' || point == 0x85)
        return ST_POINT_BREAK;
    if (point == '\t' || point == '\v' || point == '\f')
        return ST_POINT_BLANK;
    if (text_is_unseen(point))
        return ST_POINT_UNSEEN;
    switch (utf8proc_category(point)) {
    case UTF8PROC_CATEGORY_LU: case UTF8PROC_CATEGORY_LL: case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM: case UTF8PROC_CATEGORY_LO:
        return ST_POINT_LETTER;
    case UTF8PROC_CATEGORY_ND: case UTF8PROC_CATEGORY_NL: case UTF8PROC_CATEGORY_NO:
        return ST_POINT_DIGIT;
    case UTF8PROC_CATEGORY_MN: case UTF8PROC_CATEGORY_MC: case UTF8PROC_CATEGORY_ME:
        return ST_POINT_MARK;
    case UTF8PROC_CATEGORY_ZS:
        return ST_POINT_BLANK;
    case UTF8PROC_CATEGORY_ZL: case UTF8PROC_CATEGORY_ZP:
        return ST_POINT_BREAK;
    case UTF8PROC_CATEGORY_CC:
        return ST_POINT_UNSEEN;
    default:
        return ST_POINT_OTHER;
    }
}

/* Blanks and breaks in place: the new count. */
static size_t text_tidy(int32_t *points, size_t count)
{
    size_t filled = 0;
    bool blank = false, half = false;   /* half: \r was seen, its \n may follow */
    for (size_t i = 0; i < count; i++) {
        st_point_kind kind = st_text_kind(points[i]);
        if (kind == ST_POINT_UNSEEN)
            continue;
        bool second_half = half && points[i] == '\n';
        half = points[i] == '\r';
        if (kind == ST_POINT_BLANK) {
            blank = true;
            continue;
        }
        bool after_break = filled == 0 || points[filled - 1] == '\n';
        if (kind == ST_POINT_BREAK) {
            blank = false;
            if (filled > 0 && !second_half)
                points[filled++] = '\n';
            continue;
        }
        if (blank && !after_break)
            points[filled++] = ' ';
        blank = false;
        points[filled++] = points[i];
    }
    while (filled > 0 && points[filled - 1] == '\n')
        filled--;
    return filled;
}

st_err st_text_clean(const void *text, size_t len, st_buffer *out, st_error *error)
{
    assert(text != NULL || len == 0);
    assert(out != NULL);
    int32_t *points = NULL, *parts = NULL;
    size_t count = 0, parts_count = 0;
    uint8_t *bytes = NULL;
    st_err err = st_text_points(text, len, &points, &count, error);
    if (err != ST_OK)
        goto done;
    count = text_tidy(points, count);
    err = st_text_decompose(points, count, ST_TEXT_CUT_MARKS, &parts, &parts_count, error);
    if (err != ST_OK)
        goto done;
    utf8proc_ssize_t composed = utf8proc_normalize_utf32(
        parts, (utf8proc_ssize_t)parts_count, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    assert(composed >= 0);
    bytes = malloc((size_t)composed * 4 + 1);
    if (bytes == NULL) {
        err = st_fail(error, ST_E_MEMORY, "text: no memory for %zu characters", count);
        goto done;
    }
    size_t filled = 0;
    for (utf8proc_ssize_t i = 0; i < composed; i++)
        filled += st_text_put(parts[i], bytes + filled);
    err = st_buffer_append(out, bytes, filled, error);
done:
    free(points);
    free(parts);
    free(bytes);
    return err;
}
