/* tools/fuzz/fuzz_message.c - the frames of an exchange and of an enrolment. What decodes is
 * written again, reads the same, and is then written the same way for ever. */
#include "proto/message.h"
#include "tools/fuzz/fuzz.h"

#define ARENA_BYTES (8u << 20)

/* A verdict of a later version is kept and shown, but nobody sends what he does not know. */
static bool is_sent(const st_frame *frame)
{
    return frame->kind != ST_FRAME_VERDICT || frame->as.verdict.kind != ST_VERDICT_UNKNOWN;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static st_buffer first, second;
    st_arena arena;
    st_frame frame, again;
    first.max = second.max = ST_FRAME_BYTES_MAX;
    st_buffer_clear(&first);
    st_buffer_clear(&second);
    st_arena_init(&arena, ARENA_BYTES);
    st_err err = st_frame_decode(data, size, &arena, &frame, NULL);
    FUZZ_MUST(err == ST_OK || err == ST_E_CORRUPT || err == ST_E_TOO_LARGE);
    if (err == ST_OK && frame.kind != ST_FRAME_NONE && is_sent(&frame)) {
        FUZZ_MUST(frame.kind > ST_FRAME_NONE && frame.kind <= ST_FRAME_LOG_KEYS);
        FUZZ_MUST(st_frame_encode(&frame, &first, NULL) == ST_OK);
        FUZZ_MUST(st_frame_decode(first.data, first.len, &arena, &again, NULL) == ST_OK);
        FUZZ_MUST(again.kind == frame.kind);
        FUZZ_MUST(st_frame_encode(&again, &second, NULL) == ST_OK);
        fuzz_must_be_same(&first, &second);
    }
    st_arena_reset(&arena);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed)
{
    return fuzz_mutate_message(data, size, size_max, seed);
}
