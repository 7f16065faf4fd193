/* tools/fuzz/fuzz_leaf.c - leaves of the audit tree: what decodes is what would be written, letter
 * for letter, so no entry has two spellings and two hashes. */
#include "proto/leaf.h"
#include "tools/fuzz/fuzz.h"

#define ARENA_BYTES (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static st_buffer again;
    const st_buffer given = { (uint8_t *)(uintptr_t)data, size, size, size };
    st_arena arena;
    st_leaf leaf;
    again.max = ST_LEAF_BYTES_MAX;
    st_buffer_clear(&again);
    st_arena_init(&arena, ARENA_BYTES);
    st_err err = st_leaf_decode(data, size, &arena, &leaf, NULL);
    FUZZ_MUST(err == ST_OK || err == ST_E_CORRUPT);
    if (err == ST_OK) {
        FUZZ_MUST(st_leaf_encode(&leaf, &again, NULL) == ST_OK);
        fuzz_must_be_same(&given, &again);
    }
    st_arena_reset(&arena);
    return 0;
}
