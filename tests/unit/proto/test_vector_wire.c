/* tests/unit/proto/test_vector_wire.c
 * What a phone has read of a unit is believed only whole: a damaged note of it is said, and the
 * unit is read anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/record.h"
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_damaged_vector_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
