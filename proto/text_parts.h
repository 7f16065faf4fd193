/* proto/text_parts.h - what the text*.c files share; nobody else includes it. */
#ifndef SOTAY_PROTO_TEXT_PARTS_H
#define SOTAY_PROTO_TEXT_PARTS_H

#include "proto/text.h"

/* At most this many combining marks on one letter (the stream-safe form of UAX 15, 13). More are
 * never language, and ordering a long run of them costs the square of its length. */
#define ST_TEXT_MARKS_MAX 30u

/* How to take text apart. Bits. */
enum {
    ST_TEXT_CANONICAL = 0,   /* NFD */
    ST_TEXT_FOLDED = 1,      /* NFKD, case folded */
    ST_TEXT_CUT_MARKS = 2    /* drop marks over ST_TEXT_MARKS_MAX, else refuse */
};

/* Reads one code point of strict UTF-8; its length, or 0 when p does not begin with one (NUL counts
 * as none). left > 0. */
size_t st_text_next(const uint8_t *p, size_t left, int32_t *out_point);
/* Writes one code point as UTF-8, 1..4 bytes. */
size_t st_text_put(int32_t point, uint8_t out[4]);
/* Decomposes code points in canonical order into *out_points (malloc'd; the caller frees it).
 * ST_E_VALUE: too many marks on one letter; ST_E_MEMORY. */
ST_MUST_USE st_err st_text_decompose(const int32_t *points, size_t count, int how,
                                     int32_t **out_points, size_t *out_count, st_error *error);
/* Reads UTF-8 into code points (malloc'd; the caller frees them). ST_E_VALUE: not UTF-8;
 * ST_E_TOO_LARGE: over ST_TEXT_BYTES_MAX; ST_E_MEMORY. */
ST_MUST_USE st_err st_text_points(const void *text, size_t len, int32_t **out_points,
                                  size_t *out_count, st_error *error);

typedef enum {
    ST_POINT_LETTER, ST_POINT_DIGIT, ST_POINT_MARK, ST_POINT_BLANK, ST_POINT_BREAK,
    ST_POINT_UNSEEN, ST_POINT_OTHER
} st_point_kind;
/* What a code point is to us: UNSEEN = controls, zero-width and direction marks, which mean nothing
 * here; OTHER = punctuation and symbols. Digits are numbers of any script. */
st_point_kind st_text_kind(int32_t point);

#endif
