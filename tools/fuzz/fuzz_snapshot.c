/* tools/fuzz/fuzz_snapshot.c - one part of a snapshot, as a phone reads it out of a piece: within
 * its bounds, every byte of it can be read, and it is written the same way for ever. */
#include "proto/message.h"
#include "tools/fuzz/fuzz.h"

#define ARENA_BYTES (16u << 20)

/* Whatever has a length has bytes; the sum reads all of them for the sanitizer. */
static unsigned touch(const uint8_t *bytes, size_t len)
{
    unsigned sum = 0;
    FUZZ_MUST(len == 0 || bytes != NULL);
    for (size_t i = 0; i < len; i++)
        sum += bytes[i];
    return sum;
}

static unsigned check(const st_snapshot_part *part)
{
    unsigned sum = touch(part->vector, part->vector_len);
    for (uint32_t i = 0; i < part->records_count; i++)
        sum += touch(part->records[i].bytes, part->records[i].len);
    for (uint32_t i = 0; i < part->held_count; i++)
        sum += touch(part->held[i].set, part->held[i].set_len);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static st_buffer first, second;
    st_arena arena;
    st_snapshot_part part, again;
    first.max = second.max = 1u << 24;
    st_buffer_clear(&first);
    st_buffer_clear(&second);
    st_arena_init(&arena, ARENA_BYTES);
    st_err err = st_snapshot_part_decode(data, size, &arena, &part, NULL);
    FUZZ_MUST(err == ST_OK || err == ST_E_CORRUPT || err == ST_E_TOO_LARGE);
    if (err == ST_OK) {
        (void)check(&part);
        FUZZ_MUST(st_snapshot_part_encode(&part, &first, NULL) == ST_OK);
        FUZZ_MUST(st_snapshot_part_decode(first.data, first.len, &arena, &again, NULL) == ST_OK);
        FUZZ_MUST(st_snapshot_part_encode(&again, &second, NULL) == ST_OK);
        fuzz_must_be_same(&first, &second);
    }
    st_arena_reset(&arena);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed)
{
    return fuzz_mutate_message(data, size, size_max, seed);
}
