/* proto/text_sort.c - the order of the Vietnamese alphabet as a key for memcmp.
 *
 * Promises: letters first, over the whole text; then tones, word by word; then case. Numbers go by
 * size, before letters; blanks before punctuation before numbers. Letters that are not Vietnamese
 * come after z by code point. Must never depend on a locale of the machine, so that phone and
 * server list alike. Source: CLDR collation `vi`. */
#include "proto/text_parts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* First bytes of the elements of the first level; each element says its own length, so that 0 can
 * end the level. */
enum { SORT_END = 0, SORT_BLANK = 2, SORT_OTHER = 3, SORT_NUMBER = 5, SORT_LATIN = 0x20,
       SORT_LETTER = 0x60 };
/* Second level: tones in the order of CLDR vi; the end of a word sorts before any of them. */
enum { TONE_END = 1, TONE_OTHER = 7 };
#define SORT_DIGITS_MAX 250u

/* Letters of the Latin alphabet in Vietnamese order, each as base and mark (0: none). */
static const struct { char base; int32_t mark; } ALPHABET[] = {
    { 'a', 0 }, { 'a', 0x306 }, { 'a', 0x302 }, { 'b', 0 }, { 'c', 0 }, { 'd', 0 }, { 'd', 0x335 },
    { 'e', 0 }, { 'e', 0x302 }, { 'f', 0 }, { 'g', 0 }, { 'h', 0 }, { 'i', 0 }, { 'j', 0 },
    { 'k', 0 }, { 'l', 0 }, { 'm', 0 }, { 'n', 0 }, { 'o', 0 }, { 'o', 0x302 }, { 'o', 0x31b },
    { 'p', 0 }, { 'q', 0 }, { 'r', 0 }, { 's', 0 }, { 't', 0 }, { 'u', 0 }, { 'u', 0x31b },
    { 'v', 0 }, { 'w', 0 }, { 'x', 0 }, { 'y', 0 }, { 'z', 0 },
};
/* The bar of đ, which has no decomposition of its own. */
#define BAR 0x335

/* The three levels as they grow. Each holds at most 4 bytes a code point and some. */
typedef struct {
    uint8_t *letters, *tones, *cases;
    size_t letters_len, tones_len, cases_len;
    bool in_word;
} sort_key;

static uint8_t sort_rank(int32_t base, int32_t mark)
{
    for (size_t i = 0; i < sizeof ALPHABET / sizeof ALPHABET[0]; i++)
        if (ALPHABET[i].base == base && ALPHABET[i].mark == mark)
            return (uint8_t)(SORT_LATIN + i);
    return 0;
}

static uint8_t sort_tone(int32_t mark)
{
    static const int32_t TONES[] = { 0x300, 0x309, 0x303, 0x301, 0x323 };
    for (size_t i = 0; i < sizeof TONES / sizeof TONES[0]; i++)
        if (TONES[i] == mark)
            return (uint8_t)(TONE_END + 1 + i);
    return TONE_OTHER;
}

static size_t sort_put(uint8_t *out, int first, int32_t point)
{
    out[0] = (uint8_t)first;
    out[1] = (uint8_t)(point >> 16);
    out[2] = (uint8_t)(point >> 8);
    out[3] = (uint8_t)point;
    return 4;
}

static void sort_end_word(sort_key *key)
{
    if (key->in_word)
        key->tones[key->tones_len++] = TONE_END;
    key->in_word = false;
}

/* A letter and the marks behind it; how many code points were used. */
static size_t sort_letter(sort_key *key, const int32_t *parts, size_t left)
{
    int32_t lower = utf8proc_tolower(parts[0]);
    int32_t base = lower == 0x111 ? 'd' : lower, of_letter = lower == 0x111 ? BAR : 0;
    size_t used = 1;
    while (used < left && st_text_kind(parts[used]) == ST_POINT_MARK)
        used++;
    for (size_t i = 1; i < used && of_letter == 0; i++)
        if (sort_rank(base, parts[i]) != 0 && parts[i] != BAR)
            of_letter = parts[i];
    uint8_t rank = sort_rank(base, of_letter);
    if (rank != 0)
        key->letters[key->letters_len++] = rank;
    else
        key->letters_len += sort_put(key->letters + key->letters_len, SORT_LETTER, base);
    bool taken = of_letter == BAR || of_letter == 0;
    for (size_t i = 1; i < used; i++) {
        if (!taken && parts[i] == of_letter) {
            taken = true;
            continue;
        }
        uint8_t tone = sort_tone(parts[i]);
        if (tone == TONE_OTHER)
            key->tones_len += sort_put(key->tones + key->tones_len, TONE_OTHER, parts[i]);
        else
            key->tones[key->tones_len++] = tone;
    }
    key->cases[key->cases_len++] = lower == parts[0] ? 1 : 2;
    key->in_word = true;
    return used;
}

/* A number of ASCII digits: leading zeros aside, more digits are more. Very long ones are cut in
 * pieces. How many code points were used. */
static size_t sort_number(sort_key *key, const int32_t *parts, size_t left)
{
    size_t zeros = 0, digits = 0;
    while (zeros < left && parts[zeros] == '0')
        zeros++;
    while (zeros + digits < left && digits < SORT_DIGITS_MAX && parts[zeros + digits] >= '0' &&
           parts[zeros + digits] <= '9')
        digits++;
    key->letters[key->letters_len++] = SORT_NUMBER;
    key->letters[key->letters_len++] = (uint8_t)digits;
    for (size_t i = 0; i < digits; i++)
        key->letters[key->letters_len++] = (uint8_t)parts[zeros + i];
    size_t shown = zeros < SORT_DIGITS_MAX ? zeros : SORT_DIGITS_MAX;
    key->cases[key->cases_len++] = (uint8_t)(1 + shown);
    return zeros + digits;
}

static void sort_fill(sort_key *key, const int32_t *parts, size_t count)
{
    bool blank = false;
    for (size_t i = 0; i < count;) {
        st_point_kind kind = st_text_kind(parts[i]);
        if (kind == ST_POINT_UNSEEN) {
            i++;
            continue;
        }
        if (kind == ST_POINT_BLANK || kind == ST_POINT_BREAK) {
            sort_end_word(key);
            blank = true;
            i++;
            continue;
        }
        if (blank && key->letters_len > 0)
            key->letters[key->letters_len++] = SORT_BLANK;
        blank = false;
        if (kind == ST_POINT_LETTER) {
            i += sort_letter(key, parts + i, count - i);
            continue;
        }
        sort_end_word(key);
        if (parts[i] >= '0' && parts[i] <= '9') {
            i += sort_number(key, parts + i, count - i);
            continue;
        }
        key->letters_len += sort_put(key->letters + key->letters_len, SORT_OTHER, parts[i]);
        i++;
    }
    sort_end_word(key);
}

st_err st_text_sort_key(const void *text, size_t len, st_buffer *out, st_error *error)
{
    assert(text != NULL || len == 0);
    assert(out != NULL);
    int32_t *points = NULL, *parts = NULL;
    size_t count = 0, parts_count = 0;
    sort_key key = { 0 };
    st_err err = st_text_points(text, len, &points, &count, error);
    if (err == ST_OK)
        err = st_text_decompose(points, count, ST_TEXT_CANONICAL | ST_TEXT_CUT_MARKS, &parts,
                                &parts_count, error);
    if (err != ST_OK)
        goto done;
    size_t room = 5 * parts_count + 4;
    key.letters = malloc(room);
    key.tones = malloc(room);
    key.cases = malloc(room);
    if (key.letters == NULL || key.tones == NULL || key.cases == NULL) {
        err = st_fail(error, ST_E_MEMORY, "text: no memory for a sort key");
        goto done;
    }
    sort_fill(&key, parts, parts_count);
    key.letters[key.letters_len++] = SORT_END;
    key.tones[key.tones_len++] = SORT_END;
    uint8_t *to = NULL;
    err = st_buffer_room(out, key.letters_len + key.tones_len + key.cases_len, &to, error);
    if (err != ST_OK)
        goto done;
    memcpy(to, key.letters, key.letters_len);
    memcpy(to + key.letters_len, key.tones, key.tones_len);
    memcpy(to + key.letters_len + key.tones_len, key.cases, key.cases_len);
    out->len += key.letters_len + key.tones_len + key.cases_len;
done:
    free(points);
    free(parts);
    free(key.letters);
    free(key.tones);
    free(key.cases);
    return err;
}
