/* tests/unit/proto/test_vector_wire.c
 * What a phone has read of a unit is believed only whole: a damaged note of it is said, and the
 * unit is read anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/merge.h"
#include "tests/unit/proto/wire_text.h"

/* A vector says what is folded in: one that is out of order or half a name would fold a change
 * twice, or never. */
static void test_a_damaged_vector_is_noticed(void **state)
{
    (void)state;
    static const struct { const char *why, *text; st_err want; } CASES[] = {
        { "nothing folded in yet", "", ST_OK },
        { "two devices", "1:{ 1:*16,01 2:v4 } 1:{ 1:*16,02 2:v9 }", ST_OK },
        { "devices turned", "1:{ 1:*16,02 2:v4 } 1:{ 1:*16,01 2:v9 }", ST_E_CORRUPT },
        { "one device twice", "1:{ 1:*16,02 2:v4 } 1:{ 1:*16,02 2:v9 }", ST_E_CORRUPT },
        { "half a device", "1:{ 1:*8,02 2:v4 }", ST_E_CORRUPT },
        { "beyond a gap", "2:{ 1:*16,01 2:v4 3:v2 4:*16,42 }", ST_OK },
        { "of nothing", "2:{ 1:*16,01 4:*16,42 }", ST_E_CORRUPT },
        { "before itself", "2:{ 1:*16,01 2:v4 3:v4 4:*16,42 }", ST_E_CORRUPT },
        { "of half a device", "2:{ 1:*8,01 2:v4 3:v2 4:*16,42 }", ST_E_CORRUPT },
        { "of half a record", "2:{ 1:*16,01 2:v4 3:v2 4:*8,42 }", ST_E_CORRUPT },
        { "turned", "2:{ 1:*16,02 2:v4 4:*16,42 } 2:{ 1:*16,01 2:v4 4:*16,42 }", ST_E_CORRUPT },
        { "holes", "3:{ 1:*16,01 2:v4 4:*16,42 } 3:{ 1:*16,01 2:v5 4:*16,42 }", ST_OK },
        { "one hole twice", "3:{ 1:*16,01 2:v4 4:*16,42 } 3:{ 1:*16,01 2:v4 4:*16,42 }",
          ST_E_CORRUPT },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        st_arena arena;
        st_vector vector;
        st_buffer bytes;
        st_arena_init(&arena, 1u << 20);
        st_buffer_init(&bytes, 4096);
        wire_text(CASES[i].text, &bytes);
        print_message("  case: %s\n", CASES[i].why);
        assert_int_equal(st_vector_decode(bytes.data, bytes.len, &arena, &vector, NULL),
                         CASES[i].want);
        st_buffer_free(&bytes);
        st_arena_reset(&arena);
    }
}

/* As many single dots as a bucket may have, and far more: what was written is read again. */
static void test_what_was_written_is_read(void **state)
{
    (void)state;
    enum { DOTS = 4 * ST_VECTOR_DOTS_MAX };
    st_arena arena;
    st_buffer bytes;
    st_arena_init(&arena, (size_t)256 << 20);
    st_buffer_init(&bytes, (size_t)64 << 20);
    st_extra *dots = st_arena_array(&arena, DOTS, sizeof *dots);
    for (uint64_t i = 0; i < DOTS; i++)
        dots[i] = (st_extra){ { { "a" }, i + 2 }, i + 1, { "r" } };
    st_vector vector = { .arena = &arena, .extras = dots, .extras_count = DOTS }, again;
    assert_int_equal(st_vector_encode(&vector, &bytes, NULL), ST_OK);
    assert_int_equal(st_vector_decode(bytes.data, bytes.len, &arena, &again, NULL), ST_OK);
    assert_int_equal(again.extras_count, DOTS);
    st_buffer_free(&bytes);
    st_arena_reset(&arena);
}

/* Who has none here may always come, and what closes a gap; else those of one device, and of all,
 * are bounded. */
static void test_a_bucket_is_full(void **state)
{
    (void)state;
    static st_extra dots[ST_VECTOR_DOTS_MAX];
    const st_change one = { .dot = { { "a" }, 900000 }, .prev = 7 },
                    closing = { .dot = { { "a" }, 1 } },
                    other = { .dot = { { "b" }, 900000 }, .prev = 7 },
                    third = { .dot = { { "c" }, 900000 }, .prev = 7 };
    st_vector vector = { .extras = dots, .holes = dots };
    for (uint64_t i = 0; i < ST_VECTOR_DOTS_MAX; i++)
        dots[i] = (st_extra){ { i < 10 ? one.dot.device : other.dot.device, i + 2 }, i + 1,
                              { "r" } };
    assert_false(st_vector_is_full(&vector, &one, ST_VECTOR_DEVICE_DOTS_MAX + 1));
    vector.extras_count = 10;
    vector.holes_count = 4;
    assert_true(st_vector_is_full(&vector, &one, ST_VECTOR_DEVICE_HOLES_MAX - 3));
    vector.holes_count = 0;
    assert_false(st_vector_is_full(&vector, &one, ST_VECTOR_DEVICE_DOTS_MAX - 10));
    assert_true(st_vector_is_full(&vector, &one, ST_VECTOR_DEVICE_DOTS_MAX - 9));
    vector.holes_count = 4;
    assert_false(st_vector_is_full(&vector, &closing, ST_VECTOR_DEVICE_HOLES_MAX - 4));
    assert_true(st_vector_is_full(&vector, &closing, ST_VECTOR_DEVICE_HOLES_MAX - 3));
    assert_false(st_vector_is_full(&vector, &other, ST_VECTOR_DEVICE_DOTS_MAX + 1));
    vector.extras_count = ST_VECTOR_DOTS_MAX - 10;
    vector.holes_count = 10;
    assert_true(st_vector_is_full(&vector, &other, 1));
    assert_false(st_vector_is_full(&vector, &one, ST_VECTOR_DEVICE_DOTS_MIN - 20)); /* it has 20 */
    assert_true(st_vector_is_full(&vector, &one, ST_VECTOR_DEVICE_DOTS_MIN - 19));
    assert_false(st_vector_is_full(&vector, &closing, 1));
    assert_false(st_vector_is_full(&vector, &third, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_written_is_read),
        cmocka_unit_test(test_a_bucket_is_full),
        cmocka_unit_test(test_a_damaged_vector_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
