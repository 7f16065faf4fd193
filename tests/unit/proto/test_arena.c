/* tests/unit/proto/test_arena.c
 * A hostile message costs the phone and the server a known amount of memory and no more, and all of
 * it comes back with one call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "proto/arena.h"

static bool is_zero(const uint8_t *p, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (p[i] != 0)
            return false;
    }
    return true;
}

static void test_pieces_are_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    static const size_t SIZES[] = { 0, 1, 15, 16, 17, 100, 4000, 4096, 5000, 70000, 3, 200000, 8 };
    enum { COUNT = sizeof SIZES / sizeof SIZES[0] };
    uint8_t *pieces[COUNT];
    st_arena arena;
    st_arena_init(&arena, 1 << 20);
    assert_true(arena.bytes_used == 0);
    for (size_t i = 0; i < COUNT; i++) {
        print_message("  case: %zu bytes\n", SIZES[i]);
        pieces[i] = st_arena_get(&arena, SIZES[i]);
        assert_non_null(pieces[i]);
        assert_true((uintptr_t)pieces[i] % 16 == 0);
        assert_true(is_zero(pieces[i], SIZES[i]));
        memset(pieces[i], (int)i + 1, SIZES[i]);
    }
    for (size_t i = 0; i < COUNT; i++) {        /* nobody wrote into anybody else's piece */
        for (size_t k = 0; k < SIZES[i]; k++)
            assert_int_equal(pieces[i][k], i + 1);
    }
    assert_true(arena.bytes_used <= arena.bytes_max);
    st_arena_reset(&arena);
}

static void test_ceiling(void **state)
{
    (void)state;
    static const struct { const char *why; size_t max, piece; } CASES[] = {
        { "no memory at all", 0, 0 },
        { "too small for a header", 20, 1 },
        { "one page", 4096, 64 },
        { "odd sizes", 100001, 333 },
        { "large pieces", 1 << 20, 50000 },
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        print_message("  case: %s\n", CASES[i].why);
        st_arena arena;
        st_arena_init(&arena, CASES[i].max);
        size_t got = 0;
        while (st_arena_get(&arena, CASES[i].piece) != NULL) {
            got += CASES[i].piece;
            assert_true(arena.bytes_used <= CASES[i].max);
            assert_true(got <= CASES[i].max);
        }
        /* Most of the ceiling can be used. */
        assert_true(CASES[i].max < 4096 || got >= CASES[i].max / 10 * 7);
        assert_null(st_arena_get(&arena, CASES[i].max + 1));
        assert_null(st_arena_get(&arena, SIZE_MAX));
        assert_null(st_arena_copy(&arena, "", SIZE_MAX));
        st_arena_reset(&arena);
        assert_true(arena.bytes_used == 0 && arena.bytes_max == CASES[i].max);
    }
}

static void test_usable_after_reset(void **state)
{
    (void)state;
    st_arena arena;
    st_arena_init(&arena, 10000);
    for (int round = 0; round < 3; round++) {
        uint8_t *piece = st_arena_get(&arena, 6000);
        assert_non_null(piece);
        assert_true(is_zero(piece, 6000));
        memset(piece, 0xff, 6000);
        assert_null(st_arena_get(&arena, 6000));
        st_arena_reset(&arena);
    }
}

static void test_copy_and_array(void **state)
{
    (void)state;
    st_arena arena;
    st_arena_init(&arena, 10000);
    uint8_t *copy = st_arena_copy(&arena, "Khánh", 6);
    assert_non_null(copy);
    assert_memory_equal(copy, "Khánh", 7);
    copy = st_arena_copy(&arena, NULL, 0);
    assert_non_null(copy);
    assert_int_equal(copy[0], 0);
    assert_non_null(st_arena_array(&arena, 10, 8));
    assert_non_null(st_arena_array(&arena, 0, 8));
    assert_non_null(st_arena_array(&arena, 8, 0));
    assert_null(st_arena_array(&arena, SIZE_MAX / 2, 3));       /* the product overflows */
    assert_null(st_arena_array(&arena, SIZE_MAX / 8 + 2, 8));   /* it would be a small number */
    st_arena_reset(&arena);
}

static void test_grow(void **state)
{
    (void)state;
    st_arena arena;
    st_arena_init(&arena, 40000);
    uint32_t *array = NULL;
    size_t count = 0, capacity = 0;
    for (;;) {
        uint32_t *grown = st_arena_grow(&arena, array, count, &capacity, sizeof *array);
        if (grown == NULL)
            break;
        assert_true(count < capacity);
        assert_int_equal(grown[count], 0);
        grown[count] = (uint32_t)count * 7;
        array = grown;
        count++;
    }
    assert_true(count >= 1024);         /* ended by the ceiling; the old array still stands */
    for (size_t i = 0; i < count; i++)
        assert_int_equal(array[i], i * 7);
    size_t huge = 0;
    assert_null(st_arena_grow(&arena, array, SIZE_MAX / 2 + 1, &huge, 1));
    st_arena_reset(&arena);

    /* An array decoded at its exact size has no spare room: it moves before it grows. */
    uint32_t exact[3] = { 1, 2, 3 };
    capacity = 3;
    array = st_arena_grow(&arena, exact, 3, &capacity, sizeof exact[0]);
    assert_true(array != NULL && array != exact && capacity > 3);
    assert_memory_equal(array, exact, sizeof exact);
    st_arena_reset(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_are_zeroed_aligned_and_apart),
        cmocka_unit_test(test_ceiling),
        cmocka_unit_test(test_usable_after_reset),
        cmocka_unit_test(test_copy_and_array),
        cmocka_unit_test(test_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
