/* tests/unit/proto/test_text.c
 * A name typed on any phone, with any keyboard, is one and the same name in the book: found by
 * people who type without marks, sorted where the alphabet puts it, never spoiled on the way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "proto/text.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static void test_utf8(void **state)
{
    (void)state;
    static const struct { const char *why; const char *text; size_t len; bool want; } CASES[] = {
        { "nothing", "", 0, true },
        { "ASCII", "Trung Khanh", 11, true },
        { "Vietnamese", "Trùng Khánh", 13, true },
        { "four bytes", "\xf0\x9f\x8c\xbe", 4, true },
        { "the last character", "\xf4\x8f\xbf\xbf", 4, true },
        { "over the last", "\xf4\x90\x80\x80", 4, false },
        { "NUL inside", "a\0b", 3, false },
        { "NUL in a long run", "12345678\0abcdefgh", 17, false },
        { "over-long NUL", "\xc0\x80", 2, false },
        { "over-long slash", "\xc0\xaf", 2, false },
        { "over-long, three bytes", "\xe0\x80\xaf", 3, false },
        { "over-long, four bytes", "\xf0\x80\x80\xaf", 4, false },
        { "surrogate, high", "\xed\xa0\x80", 3, false },
        { "surrogate, low", "\xed\xbf\xbf", 3, false },
        { "before the surrogates", "\xed\x9f\xbf", 3, true },
        { "cut in the middle", "\xe1\xbb", 2, false },
        { "cut after one", "abc\xc6", 4, false },
        { "lone continuation", "\x80", 1, false },
        { "continuation missing", "\xe1\xbb" "a", 3, false },
        { "five bytes", "\xf8\x88\x80\x80\x80", 5, false },
        { "ff", "\xff", 1, false },
        { "latin 1", "Tr\xf9ng", 5, false },
        { "bad after eight good", "abcdefgh\xff", 9, false },
    };
    for (size_t i = 0; i < LEN(CASES); i++) {
        print_message("  case: %s\n", CASES[i].why);
        assert_int_equal(st_text_is_utf8(CASES[i].text, CASES[i].len), CASES[i].want);
        if (!CASES[i].want)
            assert_false(st_text_is_nfc(CASES[i].text, CASES[i].len));
    }
}

static void test_nfc(void **state)
{
    (void)state;
    static const struct { const char *why, *text; bool want; } CASES[] = {
        { "nothing", "", true },
        { "plain", "To 3", true },
        { "composed", "Trùng Khánh, Đông Ích, Phong Nặm, bệnh, nữ, ặ, ơ, ư", true },
        { "e dot-below circumflex", "be\xcc\xa3\xcc\x82nh", false },
        { "e circumflex dot-below", "be\xcc\x82\xcc\xa3nh", false },
        { "half composed: e-dot + circumflex", "b\xe1\xba\xb9\xcc\x82nh", false },
        { "half composed: e-circumflex + dot", "b\xc3\xaa\xcc\xa3nh", false },
        { "o + horn", "o\xcc\x9b", false },
        { "a mark that composes with nothing", "x\xcc\x81", true },
        { "two marks in the wrong order", "x\xcc\x81\xcc\xa3", false },
        { "two marks in the right order", "x\xcc\xa3\xcc\x81", true },
        { "ohm sign is an omega", "\xe2\x84\xa6", false },
        { "a picture", "lúa \xf0\x9f\x8c\xbe", true },
        { "quotes and dong", "“bình dân học vụ số” 5.000 ₫", true },
        { "Hangul in pieces", "\xe1\x84\x80\xe1\x85\xa1", false },
        { "Hangul in one", "\xea\xb0\x80", true },
        { "zero-width space is NFC all the same", "a\xe2\x80\x8b", true },
    };
    for (size_t i = 0; i < LEN(CASES); i++) {
        print_message("  case: %s\n", CASES[i].why);
        assert_int_equal(st_text_is_nfc(CASES[i].text, strlen(CASES[i].text)), CASES[i].want);
    }
}

/* utf8proc's own answer, the slow way. */
static bool is_nfc_by_mapping(const char *text)
{
    utf8proc_uint8_t *mapped = utf8proc_NFC((const utf8proc_uint8_t *)text);
    assert_non_null(mapped);
    bool same = strcmp((const char *)mapped, text) == 0;
    free(mapped);
    return same;
}

static void test_nfc_of_every_character(void **state)
{
    (void)state;
    static const char *const BEFORE[] = { "", "a", "\xc6\xb0" };   /* nothing, a, ư */
    unsigned differ = 0;
    for (int32_t point = 1; point < 0x3000; point++) {
        utf8proc_uint8_t bytes[4];
        utf8proc_ssize_t size = utf8proc_encode_char(point, bytes);
        for (size_t b = 0; b < LEN(BEFORE); b++) {
            char text[16];
            (void)snprintf(text, sizeof text, "%s%.*s", BEFORE[b], (int)size, (char *)bytes);
            if (st_text_is_nfc(text, strlen(text)) != is_nfc_by_mapping(text)) {
                print_message("  U+%04X after '%s'\n", (unsigned)point, BEFORE[b]);
                differ++;
            }
        }
    }
    assert_int_equal(differ, 0);
}

static void test_random_text_is_clean_after_cleaning(void **state)
{
    (void)state;
    static const int32_t POOL[] = { 'a', 'e', 'o', 'U', ' ', '\n', '\r', 0xa0, 0x200b, 0x301, 0x302,
                                    0x303, 0x306, 0x309, 0x300, 0x31b, 0x323, 0x1ec7, 0x111, 0x344,
                                    0x1b0, 0xfeff, 0x85, 0x1f33e, 0x1100, 0x1161, 7, '3' };
    uint32_t seed = 7;
    st_buffer once, twice;
    st_buffer_init(&once, 4096);
    st_buffer_init(&twice, 4096);
    for (int round = 0; round < 20000; round++) {
        uint8_t text[400];
        size_t len = 0, chars = (size_t)round % 60;
        for (size_t i = 0; i < chars; i++) {
            seed = seed * 1664525u + 1013904223u;
            len += (size_t)utf8proc_encode_char(POOL[(seed >> 16) % LEN(POOL)], text + len);
        }
        st_buffer_clear(&once);
        st_buffer_clear(&twice);
        assert_int_equal(st_text_clean(text, len, &once, NULL), ST_OK);
        assert_true(st_text_is_nfc(once.data, once.len));
        assert_int_equal(st_text_clean(once.data, once.len, &twice, NULL), ST_OK);
        assert_int_equal(once.len, twice.len);
        assert_true(once.len == 0 || memcmp(once.data, twice.data, once.len) == 0);
    }
    st_buffer_free(&once);
    st_buffer_free(&twice);
}

static void test_clean(void **state)
{
    (void)state;
    static const struct { const char *why, *text, *want; } CASES[] = {
        { "nothing", "", "" },
        { "blanks only", " \t \xc2\xa0 \n", "" },
        { "trimmed and collapsed", "  Tổ   3 \t Đông  ", "Tổ 3 Đông" },
        { "NBSP", "Cao\xc2\xa0" "Bằng", "Cao Bằng" },
        { "ideographic blank", "Cao\xe3\x80\x80" "Bằng", "Cao Bằng" },
        { "NFD, whole text", "Tru\xcc\x80ng Kha\xcc\x81nh", "Trùng Khánh" },
        { "dot below before circumflex", "be\xcc\xa3\xcc\x82nh", "bệnh" },
        { "circumflex before dot below", "be\xcc\x82\xcc\xa3nh", "bệnh" },
        { "u horn tilde", "nu\xcc\x9b\xcc\x83", "nữ" },
        { "u tilde horn", "nu\xcc\x83\xcc\x9b", "nữ" },
        { "a dot breve", "la\xcc\xa3\xcc\x86ng", "lặng" },
        { "đ stays đ", "Đàm Thủy", "Đàm Thủy" },
        { "old placement stays as typed", "Đàm Thuỷ, hoà", "Đàm Thuỷ, hoà" },
        { "zero-width", "Tr\xe2\x80\x8bùng\xef\xbb\xbf Kh\xe2\x80\x8d" "ánh", "Trùng Khánh" },
        { "zero-width between letter and mark", "e\xe2\x80\x8b\xcc\x82", "ê" },
        { "direction marks", "\xe2\x80\xae" "abc\xe2\x80\xac", "abc" },
        { "Windows line ends", "một\r\nhai\r\n\r\nba\r\n", "một\nhai\n\nba" },
        { "old Mac line ends", "một\rhai", "một\nhai" },
        { "blanks beside a break", "một  \n   hai", "một\nhai" },
        { "line separator", "a\xe2\x80\xa8" "b", "a\nb" },
        { "controls", "a\x01\x1b" "b\x7f" "c\xc2\x9f", "abc" },
        { "picture", "lúa \xf0\x9f\x8c\xbe tốt", "lúa \xf0\x9f\x8c\xbe tốt" },
    };
    st_buffer out;
    st_buffer_init(&out, 4096);
    for (size_t i = 0; i < LEN(CASES); i++) {
        print_message("  case: %s\n", CASES[i].why);
        st_buffer_clear(&out);
        assert_int_equal(st_text_clean(CASES[i].text, strlen(CASES[i].text), &out, NULL), ST_OK);
        assert_int_equal(out.len, strlen(CASES[i].want));
        assert_true(out.len == 0 || memcmp(out.data, CASES[i].want, out.len) == 0);
    }
    st_error error;
    assert_int_equal(st_text_clean("Tr\xf9ng", 5, &out, &error), ST_E_VALUE);
    st_buffer_free(&out);
}

static void test_hostile_sizes(void **state)
{
    (void)state;
    const size_t len = 65536;
    uint8_t *text = malloc(len);
    assert_non_null(text);
    st_buffer out;
    st_buffer_init(&out, 8 * len);
    for (size_t i = 0; i + 3 < len; i += 4)   /* marks in the wrong order, all on one letter */
        memcpy(text + i, i % 8 == 0 ? "\xcc\x81\xcc\xa3" : "\xcc\xa3\xcc\x81", 4);
    assert_true(st_text_is_utf8(text, len));
    assert_false(st_text_is_nfc(text, len));
    assert_int_equal(st_text_clean(text, len, &out, NULL), ST_OK);
    assert_int_equal(out.len, 60);             /* 30 marks are left */
    assert_true(st_text_is_nfc(out.data, out.len));
    assert_int_equal(st_buffer_append(&out, "\xcc\x81", 2, NULL), ST_OK);
    assert_false(st_text_is_nfc(out.data, out.len));   /* in order, but 31 */
    st_buffer_clear(&out);
    for (size_t i = 0; i + 3 < len; i += 4)
        memcpy(text + i, "a\xe1\xbb\x87", 4);
    assert_true(st_text_is_nfc(text, len));
    assert_int_equal(st_text_chars(text, len), len / 2);
    assert_int_equal(st_text_clean(text, len, &out, NULL), ST_OK);
    assert_int_equal(out.len, len);
    st_buffer_clear(&out);
    assert_int_equal(st_text_fold(text, len, &out, NULL), ST_OK);
    assert_int_equal(out.len, len / 2);
    st_buffer_clear(&out);
    assert_int_equal(st_text_sort_key(text, len, &out, NULL), ST_OK);
    free(text);
    uint8_t *large = malloc(ST_TEXT_BYTES_MAX + 1);
    assert_non_null(large);
    memset(large, 'a', ST_TEXT_BYTES_MAX + 1);
    assert_int_equal(st_text_clean(large, ST_TEXT_BYTES_MAX + 1, &out, NULL), ST_E_TOO_LARGE);
    assert_true(st_text_is_utf8(large, ST_TEXT_BYTES_MAX + 1));
    free(large);
    st_buffer_free(&out);
    st_buffer_init(&out, 4);
    assert_int_equal(st_text_clean("abcde", 5, &out, NULL), ST_E_TOO_LARGE);
    assert_int_equal(out.len, 0);
    assert_int_equal(st_text_sort_key("abcde", 5, &out, NULL), ST_E_TOO_LARGE);
    assert_int_equal(st_text_sort_key("\xff", 1, &out, NULL), ST_E_VALUE);
    assert_int_equal(st_text_fold("abcde", 5, &out, NULL), ST_E_TOO_LARGE);
    st_buffer_free(&out);
}

static void test_chars(void **state)
{
    (void)state;
    assert_int_equal(st_text_chars("", 0), 0);
    assert_int_equal(st_text_chars("Trùng Khánh", strlen("Trùng Khánh")), 11);
    assert_int_equal(st_text_chars("\xf0\x9f\x8c\xbe!", 5), 2);
}

static void test_fold(void **state)
{
    (void)state;
    static const struct { const char *text, *want; } CASES[] = {
        { "Trùng Khánh", "trung khanh" },
        { "Tru\xcc\x80ng Kha\xcc\x81nh", "trung khanh" },
        { "ĐÔNG ĐỘNG đ", "dong dong d" },
        { "hoà bình", "hoa binh" }, { "hòa bình", "hoa binh" },
        { "Đàm Thuỷ", "dam thuy" }, { "Đàm Thủy", "dam thuy" },
        { "ƯỚC MƠ", "uoc mo" },
        { "  07/KH-UBND ", "07 kh ubnd" },
        { "Tổ\xe2\x80\x8b 3\xc2\xa0(Đông)", "to 3 dong" },
        { "ＡＢＣ１２", "abc12" },
        { "Straße", "strasse" },
        { "…!", "" },
        { "Nà Sơn\nBản Piên", "na son ban pien" },
    };
    st_buffer out;
    st_buffer_init(&out, 256);
    for (size_t i = 0; i < LEN(CASES); i++) {
        print_message("  case: %s\n", CASES[i].text);
        st_buffer_clear(&out);
        assert_int_equal(st_text_fold(CASES[i].text, strlen(CASES[i].text), &out, NULL), ST_OK);
        assert_int_equal(out.len, strlen(CASES[i].want));
        assert_true(out.len == 0 || memcmp(out.data, CASES[i].want, out.len) == 0);
    }
    assert_int_equal(st_text_fold("\xff", 1, &out, NULL), ST_E_VALUE);
    st_buffer_free(&out);
}

/* The short way for usual letters gives what the tables of Unicode give: a letter that only they
 * know, set behind the text, sends the whole text the long way. */
static void test_fold_has_one_result(void **state)
{
    (void)state;
    static const char LONG_WAY[] = "\xe3\x81\x82";      /* a Japanese letter: folds to itself */
    st_buffer quick, sure;
    st_buffer_init(&quick, 256);
    st_buffer_init(&sure, 256);
    for (int32_t point = 1; point <= 0x3000; point++) {
        uint8_t text[16] = { 'X' };
        size_t len = 1;
        if (point < 0x80) {
            text[len++] = (uint8_t)point;
        } else if (point < 0x800) {
            text[len++] = (uint8_t)(0xc0 | point >> 6);
            text[len++] = (uint8_t)(0x80 | (point & 0x3f));
        } else {
            text[len++] = (uint8_t)(0xe0 | point >> 12);
            text[len++] = (uint8_t)(0x80 | (point >> 6 & 0x3f));
            text[len++] = (uint8_t)(0x80 | (point & 0x3f));
        }
        text[len++] = 'y';
        st_buffer_clear(&quick);
        st_buffer_clear(&sure);
        assert_int_equal(st_text_fold(text, len, &quick, NULL), ST_OK);
        memcpy(text + len, LONG_WAY, 3);
        assert_int_equal(st_text_fold(text, len + 3, &sure, NULL), ST_OK);
        assert_int_equal(st_buffer_append(&quick, LONG_WAY, 3, NULL), ST_OK);
        if (quick.len != sure.len || memcmp(quick.data, sure.data, quick.len) != 0)
            fail_msg("U+%04X folds in two ways", (unsigned)point);
    }
    st_buffer_free(&quick);
    st_buffer_free(&sure);
}

static void test_matches(void **state)
{
    (void)state;
    static const struct { const char *text, *needle; bool want; } CASES[] = {
        { "Trùng Khánh", "trung khanh", true },
        { "Trùng Khánh", "TRÙNG", true },
        { "Trùng Khánh", "kha tr", true },
        { "Trùng Khánh", "rung", false },
        { "Trùng Khánh", "trung khanhh", false },
        { "Trùng Khánh", "trungf khanhs", true },
        { "Trùng Khánh", "trung cao", false },
        { "Hội trường xóm Nà Sơn", "na son", true },
        { "Hội trường xóm Nà Sơn", "son nao", false },
        { "Đàm Thuỷ", "Đàm Thủy", true },
        { "bất kỳ", "", true },
        { "", "a", false },
        { "07/KH-UBND", "kh-ubnd 07", true },
    };
    for (size_t i = 0; i < LEN(CASES); i++) {
        st_buffer text, needle;
        st_buffer_init(&text, 256);
        st_buffer_init(&needle, 256);
        print_message("  case: '%s' in '%s'\n", CASES[i].needle, CASES[i].text);
        assert_int_equal(st_text_fold(CASES[i].text, strlen(CASES[i].text), &text, NULL), ST_OK);
        assert_int_equal(st_text_fold(CASES[i].needle, strlen(CASES[i].needle), &needle, NULL),
                         ST_OK);
        assert_int_equal(st_text_matches((const char *)text.data, text.len,
                                         (const char *)needle.data, needle.len), CASES[i].want);
        st_buffer_free(&text);
        st_buffer_free(&needle);
    }
}

static int compare_keys(const char *a, const char *b)
{
    st_buffer ka, kb;
    st_buffer_init(&ka, 1024);
    st_buffer_init(&kb, 1024);
    assert_int_equal(st_text_sort_key(a, strlen(a), &ka, NULL), ST_OK);
    assert_int_equal(st_text_sort_key(b, strlen(b), &kb, NULL), ST_OK);
    size_t least = ka.len < kb.len ? ka.len : kb.len;
    int order = memcmp(ka.data, kb.data, least);
    if (order == 0)
        order = (ka.len > kb.len) - (ka.len < kb.len);
    st_buffer_free(&ka);
    st_buffer_free(&kb);
    return order;
}

static void test_order(void **state)
{
    (void)state;
    /* each line stands before all those below it */
    static const char *const ORDER[] = {
        "", "(Đông)", "07", "10", "2026", "a", "A", "à", "ả", "ã", "á", "ạ", "an", "Ă",
        "ằ", "ẳ", "ẵ", "ắ", "ặ", "â", "ấ", "b", "Bản Cải", "Bản Cái",
        "Bản Cao", "ca", "d", "da", "dz", "đ", "Đ", "Đàm", "e", "ê", "ế", "ệ", "f",
        "g", "h", "Ha ba", "Ha bà", "Hà Ba", "Ha bb", "hz", "i", "j", "k", "l", "m", "n",
        "Nà Sơn", "o", "ọ", "ô", "ộ", "ơ", "ợ", "p", "q", "r", "s", "t", "Tổ 2",
        "Tổ 2 Đông", "Tổ 10", "Tổ 100", "u", "ư", "Ự", "v", "w", "x", "y", "ý", "z",
        "\xd0\xb0",
    };
    unsigned wrong = 0;
    for (size_t i = 0; i < LEN(ORDER); i++) {
        for (size_t k = i + 1; k < LEN(ORDER); k++) {
            if (compare_keys(ORDER[i], ORDER[k]) >= 0 || compare_keys(ORDER[k], ORDER[i]) <= 0) {
                print_message("  '%s' is not before '%s'\n", ORDER[i], ORDER[k]);
                wrong++;
            }
        }
    }
    assert_int_equal(wrong, 0);
    assert_int_equal(compare_keys("hoà", "hòa"), 0);
    assert_int_equal(compare_keys("Thuỷ", "Thủy"), 0);
    assert_int_equal(compare_keys("e\xcc\x82\xcc\xa3", "ệ"), 0);
    assert_int_equal(compare_keys("  Tổ\xc2\xa0 2 ", "Tổ 2"), 0);
    assert_int_equal(compare_keys("Tổ\xe2\x80\x8b 2", "Tổ 2"), 0);
    assert_true(compare_keys("résumé", "resume") > 0);
    assert_true(compare_keys("n\xcc\x83", "ñ") == 0);
    assert_true(compare_keys("ö", "o") > 0);
    assert_true(compare_keys("ö", "ô") < 0);
    assert_true(compare_keys("Tổ 7", "Tổ 07") < 0);
    assert_true(compare_keys("Tổ 07", "Tổ 8") < 0);
}

/* A terminal obeys what it is sent: nothing of somebody else's text is an order. */
static void test_say(void **state)
{
    (void)state;
    static const struct { const char *text, *line, *want; } CASES[] = {
        { "", "|", "" },
        { "Hà Nội, 5 µg/m³ — ổn", "|", "Hà Nội, 5 µg/m³ — ổn" },
        { "\x1b[31mđỏ\x1b[0m", "|", "\uFFFD[31mđỏ\uFFFD[0m" },
        { "a\nb\r\nc\u2028d\xc2\x85" "e", "|", "a|b||c|d|e" },
        { "a\tb\u00a0c\fd", "|", "a b c d" },
        { "a\x7f\x08\xc2\x9b" "2Jb", "|", "a\uFFFD\uFFFD\uFFFD2Jb" },
        { "\u202Egnp.exe\u2066x\u200fy\u200b", "|", "\uFFFDgnp.exe\uFFFDx\uFFFDy\uFFFD" },
        { "a\xff\xc3", "|", "a\uFFFD\uFFFD" },
        { "one\ntwo", ST_LINE_INSIDE, "one\n          two" },
    };
    for (size_t i = 0; i < LEN(CASES); i++) {
        st_buffer out;
        st_buffer_init(&out, 1000);
        assert_int_equal(st_text_say(CASES[i].text, strlen(CASES[i].text), CASES[i].line, &out,
                                     NULL), ST_OK);
        assert_int_equal(out.len, strlen(CASES[i].want));
        if (out.len > 0)
            assert_memory_equal(out.data, CASES[i].want, out.len);
        st_buffer_free(&out);
    }
    st_buffer small;
    st_buffer_init(&small, 4);
    assert_int_equal(st_text_say("\x01\x01", 2, "|", &small, NULL), ST_E_TOO_LARGE);
    st_buffer_free(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_nfc),
        cmocka_unit_test(test_nfc_of_every_character),
        cmocka_unit_test(test_random_text_is_clean_after_cleaning),
        cmocka_unit_test(test_clean),
        cmocka_unit_test(test_hostile_sizes),
        cmocka_unit_test(test_chars),
        cmocka_unit_test(test_fold),
        cmocka_unit_test(test_fold_has_one_result),
        cmocka_unit_test(test_matches),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
