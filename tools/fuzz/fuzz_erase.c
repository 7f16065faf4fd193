/* tools/fuzz/fuzz_erase.c - erasures: a list of values is what would be written, byte for byte;
 * what is left of a set is a set with the same hash and signature, without the value, and stays as
 * it is when the same value is erased again. The first byte says which, and in a set the place. */
#include <string.h>

#include "proto/erase.h"
#include "tools/fuzz/fuzz.h"

#define ARENA_BYTES (64u << 20)
#define LIST        255u

static void try_list(const uint8_t *data, size_t size)
{
    static st_buffer again;
    const st_buffer given = { (uint8_t *)(uintptr_t)data, size, size, size };
    const st_erasure *list = NULL;
    size_t count = 0;
    st_arena arena;
    again.max = 1u << 20;
    st_buffer_clear(&again);
    st_arena_init(&arena, ARENA_BYTES);
    st_err err = st_erasures_decode(data, size, &arena, &list, &count, NULL);
    FUZZ_MUST(err == ST_OK || err == ST_E_CORRUPT);
    if (err == ST_OK) {
        FUZZ_MUST(count <= ST_ERASURES_MAX);
        FUZZ_MUST(st_erasures_encode(list, count, &again, NULL) == ST_OK);
        fuzz_must_be_same(&given, &again);
    }
    st_arena_reset(&arena);
}

static void check_left(const st_set *before, const st_buffer *left, uint32_t place)
{
    static st_buffer again;
    st_arena arena;
    st_set after;
    const uint32_t *gone = NULL;
    const st_set_places places = { &place, 1 };
    size_t count = 0;
    bool is_gone = false;
    st_arena_init(&arena, ARENA_BYTES);
    again.max = ST_ERASED_SET_BYTES_MAX;
    st_buffer_clear(&again);
    FUZZ_MUST(st_set_decode(left->data, left->len, &arena, &after, NULL) == ST_OK);
    FUZZ_MUST(memcmp(after.hash.b, before->hash.b, sizeof after.hash.b) == 0);
    FUZZ_MUST(memcmp(after.signature, before->signature, sizeof after.signature) == 0);
    FUZZ_MUST(after.changes_count == before->changes_count);
    FUZZ_MUST(st_set_gone(left->data, left->len, &arena, &gone, &count, NULL) == ST_OK);
    for (size_t i = 0; i < count; i++)
        is_gone = is_gone || gone[i] == place;
    FUZZ_MUST(is_gone);
    FUZZ_MUST(st_set_erase(left->data, left->len, places, &again, NULL) == ST_OK);
    fuzz_must_be_same(left, &again);
    st_arena_reset(&arena);
}

static void try_set(const uint8_t *data, size_t size, uint32_t place)
{
    static st_buffer left;
    st_arena arena;
    st_set set;
    const st_set_places places = { &place, 1 };
    st_arena_init(&arena, ARENA_BYTES);
    left.max = ST_ERASED_SET_BYTES_MAX;
    st_buffer_clear(&left);
    st_err read = st_set_decode(data, size, &arena, &set, NULL);
    st_err err = st_set_erase(data, size, places, &left, NULL);
    FUZZ_MUST(err != ST_E_MEMORY);
    FUZZ_MUST(err == ST_OK || left.len == 0);
    if (read == ST_OK) {
        FUZZ_MUST(err == ST_OK || err == ST_E_VALUE || err == ST_E_TOO_LARGE);
        if (err == ST_OK)
            check_left(&set, &left, place);
    }
    st_arena_reset(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] == LIST)
        try_list(data + 1, size - 1);
    else
        try_set(data + 1, size - 1, data[0]);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed)
{
    if (size < 2 || data[0] == LIST)
        return LLVMFuzzerMutate(data, size, size_max);
    return 1 + fuzz_mutate_message(data + 1, size - 1, size_max - 1, seed);
}
