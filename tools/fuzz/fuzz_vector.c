/* tools/fuzz/fuzz_vector.c - a bucket's vector as it is stored and sent: in order, no dot both
 * folded in and a hole, and written the same way for ever. */
#include "proto/merge.h"
#include "tools/fuzz/fuzz.h"

#define ARENA_BYTES (16u << 20)

static void check(const st_vector *v)
{
    for (size_t i = 1; i < v->upto_count; i++)
        FUZZ_MUST(st_id_cmp(&v->upto[i - 1].device, &v->upto[i].device) < 0);
    for (size_t i = 0; i < v->extras_count; i++) {
        FUZZ_MUST(i == 0 || st_dot_cmp(&v->extras[i - 1].dot, &v->extras[i].dot) < 0);
        FUZZ_MUST(st_vector_has(v, &v->extras[i].dot) || st_vector_is_hole(v, &v->extras[i].dot));
    }
    for (size_t i = 0; i < v->holes_count; i++) {
        FUZZ_MUST(i == 0 || st_dot_cmp(&v->holes[i - 1].dot, &v->holes[i].dot) < 0);
        FUZZ_MUST(st_vector_is_hole(v, &v->holes[i].dot));
        FUZZ_MUST(!st_vector_has(v, &v->holes[i].dot));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static st_buffer first, second;
    st_arena arena;
    st_vector vector, again;
    first.max = second.max = 1u << 24;
    st_buffer_clear(&first);
    st_buffer_clear(&second);
    st_arena_init(&arena, ARENA_BYTES);
    st_err err = st_vector_decode(data, size, &arena, &vector, NULL);
    FUZZ_MUST(err == ST_OK || err == ST_E_CORRUPT || err == ST_E_TOO_LARGE);
    if (err == ST_OK) {
        check(&vector);
        FUZZ_MUST(st_vector_encode(&vector, &first, NULL) == ST_OK);
        FUZZ_MUST(st_vector_decode(first.data, first.len, &arena, &again, NULL) == ST_OK);
        FUZZ_MUST(st_vector_encode(&again, &second, NULL) == ST_OK);
        fuzz_must_be_same(&first, &second);
    }
    st_arena_reset(&arena);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed)
{
    return fuzz_mutate_message(data, size, size_max, seed);
}
