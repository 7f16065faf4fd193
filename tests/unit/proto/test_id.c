/* tests/unit/proto/test_id.c
 * Two phones never disagree on who wrote what and where: ids have one spelling, one order, and an
 * id that a device or record carries is the one its key or its creation gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "proto/bytes.h"
#include "proto/id.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))
#define DEVICE "000102030405060708090a0b0c0d0e0f"

static int sign_of(int order)
{
    return (order > 0) - (order < 0);
}

static void test_paths_are_ordered(void **state)
{
    (void)state;
    /* Ascending, all different; the kind does not count, unsigned bytes do. */
    static const st_path PATHS[] = {
        { .field = 1 },
        { .field = 1, .element_len = 1, .element = { 1 } },
        { .field = 1, .element_len = 2, .element = { 1, 0 } },
        { .field = 1, .element_len = 1, .element = { 200 } },
        { .field = 2 },
        { .field = 300 },
        { .kind = ST_PATH_KEYED, .group = 1, .key = { "a1" }, .field = 9 },
        { .kind = ST_PATH_KEYED, .group = 1, .key = { "a10" }, .field = 1 },
        { .kind = ST_PATH_KEYED, .group = 1, .key = { "a2" }, .field = 1 },
        { .kind = ST_PATH_DROP, .group = 2, .item = { { { 1 } }, 5 } },
        { .kind = ST_PATH_ITEM, .group = 2, .item = { { { 1 } }, 5 }, .field = 1 },
        { .kind = ST_PATH_ITEM, .group = 2, .item = { { { 1 } }, 5 }, .place = 1, .field = 1 },
        { .kind = ST_PATH_ITEM, .group = 2, .item = { { { 1 } }, 256 }, .field = 1 },
        { .kind = ST_PATH_ITEM, .group = 2, .item = { { { 255 } }, 1 }, .field = 1 },
    };
    for (size_t i = 0; i < LEN(PATHS); i++) {
        for (size_t k = 0; k < LEN(PATHS); k++) {
            int wanted = (i > k) - (i < k);
            if (sign_of(st_path_cmp(&PATHS[i], &PATHS[k])) != wanted)
                print_error("paths %zu and %zu\n", i, k);
            assert_int_equal(sign_of(st_path_cmp(&PATHS[i], &PATHS[k])), wanted);
        }
    }
    /* What stands behind the end of an element is not part of it. */
    st_path a = PATHS[1], b = PATHS[1];
    b.element[1] = 77;
    assert_int_equal(st_path_cmp(&a, &b), 0);
    b.kind = ST_PATH_KEYED;
    assert_int_equal(st_path_cmp(&a, &b), 0);
}

static void test_dots_are_ordered(void **state)
{
    (void)state;
    static const st_dot DOTS[] = {
        { { { 0 } }, 0 }, { { { 0 } }, UINT64_MAX }, { { { 0, 1 } }, 1 }, { { { 0, 1 } }, 256 },
        { { { 128 } }, 1 },
    };
    for (size_t i = 0; i < LEN(DOTS); i++) {
        for (size_t k = 0; k < LEN(DOTS); k++)
            assert_int_equal(sign_of(st_dot_cmp(&DOTS[i], &DOTS[k])), (i > k) - (i < k));
    }
    assert_true(st_dot_is_zero(&DOTS[0]));
    assert_false(st_dot_is_zero(&DOTS[1]));     /* device 0 is odd, but the counter decides */
    assert_true(st_id_is_zero(&DOTS[0].device));
    assert_false(st_id_is_zero(&DOTS[2].device));
}

static void test_id_text(void **state)
{
    (void)state;
    static const struct { const char *why, *text; bool ok; } CASES[] = {
        { "an id", DEVICE, true },
        { "upper case", "000102030405060708090A0B0C0D0E0F", false },
        { "nothing", "", false },
        { "too short", "000102030405060708090a0b0c0d0e0", false },
        { "too long", DEVICE "0", false },
        { "no digit", "000102030405060708090a0b0c0d0e0g", false },
        { "blank behind", DEVICE " ", false },
    };
    for (size_t i = 0; i < LEN(CASES); i++) {
        st_id id = { { 0xee } };
        char text[33];
        print_message("  case: %s\n", CASES[i].why);
        assert_int_equal(st_id_parse(CASES[i].text, &id), CASES[i].ok);
        st_id_format(&id, text);
        assert_string_equal(text, CASES[i].ok ? DEVICE : "ee000000000000000000000000000000");
    }
}

static void test_dot_text(void **state)
{
    (void)state;
    static const struct { const char *why, *text; uint64_t counter; } CASES[] = {
        { "the first", DEVICE ":1", 1 },
        { "a middle one", DEVICE ":905", 905 },
        { "the last", DEVICE ":9223372036854775807", INT64_MAX },
        { "one too many", DEVICE ":9223372036854775808", 0 },
        { "far too many", DEVICE ":99999999999999999999999", 0 },
        { "0 is no dot", DEVICE ":0", 0 },
        { "leading 0", DEVICE ":01", 0 },
        { "no counter", DEVICE ":", 0 },
        { "no colon", DEVICE, 0 },
        { "sign", DEVICE ":+1", 0 },
        { "minus", DEVICE ":-1", 0 },
        { "blank", DEVICE ": 1", 0 },
        { "more behind", DEVICE ":1:", 0 },
        { "an item", DEVICE ":1:0", 0 },
        { "short id", "0001:1", 0 },
    };
    for (size_t i = 0; i < LEN(CASES); i++) {
        st_dot dot = { { { 1 } }, 77 };
        char text[ST_DOT_TEXT_BYTES];
        print_message("  case: %s\n", CASES[i].why);
        assert_int_equal(st_dot_parse(CASES[i].text, &dot), CASES[i].counter > 0);
        assert_true(dot.counter == (CASES[i].counter > 0 ? CASES[i].counter : 77));
        if (CASES[i].counter == 0)
            continue;
        st_dot_format(&dot, text);
        assert_string_equal(text, CASES[i].text);
    }
    st_dot largest = { .counter = UINT64_MAX };
    char text[ST_DOT_TEXT_BYTES];
    st_dot_format(&largest, text);
    assert_string_equal(text, "00000000000000000000000000000000:18446744073709551615");
}

static void test_item_text(void **state)
{
    (void)state;
    static const struct { const char *why, *text; bool ok; uint16_t place; } CASES[] = {
        { "the first place", DEVICE ":7:0", true, 0 },
        { "the last place", DEVICE ":7:65535", true, 65535 },
        { "over the last", DEVICE ":7:65536", false, 0 },
        { "leading 0", DEVICE ":7:00", false, 0 },
        { "no place", DEVICE ":7:", false, 0 },
        { "a dot", DEVICE ":7", false, 0 },
        { "more behind", DEVICE ":7:1x", false, 0 },
        { "counter 0", DEVICE ":0:1", false, 0 },
    };
    for (size_t i = 0; i < LEN(CASES); i++) {
        st_dot item = { { { 9 } }, 9 };
        uint16_t place = 9;
        char text[ST_ITEM_TEXT_BYTES];
        print_message("  case: %s\n", CASES[i].why);
        assert_int_equal(st_item_parse(CASES[i].text, &item, &place), CASES[i].ok);
        assert_int_equal(place, CASES[i].ok ? CASES[i].place : 9);
        assert_true(item.counter == (CASES[i].ok ? 7 : 9));
        if (!CASES[i].ok)
            continue;
        st_item_format(&item, place, text);
        assert_string_equal(text, CASES[i].text);
    }
    st_dot largest = { .counter = UINT64_MAX };
    char text[ST_ITEM_TEXT_BYTES];
    st_item_format(&largest, UINT16_MAX, text);
    assert_int_equal(strlen(text), 32 + 1 + 20 + 1 + 5);
}

static void test_codes(void **state)
{
    (void)state;
    static const struct { const char *why, *text; size_t len; bool ok; } CASES[] = {
        { "a unit", "01477-x014", 10, true },
        { "all kinds of characters", "Az09_/.-", 8, true },
        { "32 bytes", "12345678901234567890123456789012", 32, true },
        { "33 bytes", "123456789012345678901234567890123", 33, false },
        { "nothing", "", 0, false },
        { "blank", "a b", 3, false },
        { "NUL", "a\0b", 3, false },
        { "Vietnamese", "tổ", 4, false },
        { "new line", "a\n", 2, false },
        { "colon", "a:b", 3, false },
    };
    for (size_t i = 0; i < LEN(CASES); i++) {
        st_code code = { "before" };
        print_message("  case: %s\n", CASES[i].why);
        assert_int_equal(st_code_set(&code, CASES[i].text, CASES[i].len), CASES[i].ok);
        assert_string_equal(code.s, CASES[i].ok ? CASES[i].text : "before");
    }
    /* Nothing of a longer value before stays behind the end: codes are hashed and copied whole. */
    st_code code;
    memset(&code, 'x', sizeof code);
    assert_true(st_code_set(&code, "ab", 2));
    for (size_t i = 2; i < sizeof code.s; i++)
        assert_int_equal(code.s[i], 0);
}

static void test_buckets(void **state)
{
    (void)state;
    static const struct { const char *why, *text; bool ok; } CASES[] = {
        { "a unit", "01477/unit/01477-x014", true },
        { "catalogue", "01477/catalogue", true },
        { "council", "01477/council", true },
        { "review", "01477/review", true },
        { "short", "1/unit/2", true },
        { "part of 32", "01477/unit/12345678901234567890123456789012", true },
        { "part of 33", "01477/unit/123456789012345678901234567890123", false },
        { "no commune", "/catalogue", false },
        { "no kind", "01477/", false },
        { "commune alone", "01477", false },
        { "no unit", "01477/unit/", false },
        { "unit without slash", "01477/unit", false },
        { "foreign kind", "01477/people", false },
        { "kind with more", "01477/catalogue2", false },
        { "kind cut", "01477/catalogu", false },
        { "slash behind", "01477/catalogue/", false },
        { "four parts", "01477/unit/01477-x014/a", false },
        { "blank", "01477/unit/01477 x014", false },
        { "upper case kind", "01477/Unit/01477-x014", false },
        { "nothing", "", false },
        { "64 bytes", "12345678901234567890123456/unit/12345678901234567890123456789012", false },
    };
    for (size_t i = 0; i < LEN(CASES); i++) {
        st_bucket bucket = { "before" };
        print_message("  case: %s\n", CASES[i].why);
        assert_int_equal(st_bucket_set(&bucket, CASES[i].text, strlen(CASES[i].text)),
                         CASES[i].ok);
        assert_string_equal(bucket.s, CASES[i].ok ? CASES[i].text : "before");
    }
    st_bucket bucket = { "before" };
    assert_false(st_bucket_set(&bucket, "01477/unit/a\0b", 14));
    assert_false(st_bucket_set(&bucket, "01477/unit/abc", SIZE_MAX));
}

/* Worked out with another program (Python's hashlib). */
static void test_ids_come_from_hashes(void **state)
{
    (void)state;
    st_dot creating = { .counter = 258 };
    uint8_t random[16], key[32];
    char text[33];
    for (uint8_t i = 0; i < 32; i++) {
        key[i] = i;
        if (i < 16) {
            creating.device.b[i] = i;
            random[i] = (uint8_t)(0x40 + i);
        }
    }
    st_id id = st_record_id(&creating, random);
    st_id_format(&id, text);
    assert_string_equal(text, "a271dbe93c4fa2ed0cf451b04dc6aeb3");
    id = st_device_id(key);
    st_id_format(&id, text);
    assert_string_equal(text, "630dcd2966c4336691125448bbb25b4f");
    id = st_log_id(key);
    st_id_format(&id, text);
    assert_string_equal(text, "630dcd2966c4336691125448bbb25b4f");
    random[0] ^= 1;
    st_id other = st_record_id(&creating, random);
    assert_int_not_equal(st_id_cmp(&id, &other), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths_are_ordered),
        cmocka_unit_test(test_dots_are_ordered),
        cmocka_unit_test(test_id_text),
        cmocka_unit_test(test_dot_text),
        cmocka_unit_test(test_item_text),
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_buckets),
        cmocka_unit_test(test_ids_come_from_hashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
