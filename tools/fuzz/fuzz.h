/* tools/fuzz/fuzz.h - what the fuzzers share: how a broken promise is said, how bytes become
 * choices, and the test devices whose keys everybody knows. */
#ifndef SOTAY_TOOLS_FUZZ_H
#define SOTAY_TOOLS_FUZZ_H

#include "proto/changeset.h"

/* libFuzzer's names. A fuzzer has the second; the others when it needs them. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed);
/* Given by libFuzzer: its own way of changing bytes. Returns the new size. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t size_max);

/* Ends the program, so that the input is kept, when a promise does not hold. */
#define FUZZ_MUST(holds)                                                                           \
    do {                                                                                           \
        if (!(holds))                                                                              \
            fuzz_broken(__FILE__, __LINE__, #holds);                                               \
    } while (0)
_Noreturn void fuzz_broken(const char *file, int line, const char *what);

/* Something that inputs must come to, in words, where most of them are refused at the door. How
 * often each was is said when the program ends: `reached: TIMES WHAT`. A run in which one was never
 * is not ok (tools/fuzz/run). Called once, as the macro does; goals: kept, those without words are
 * not waited for. */
typedef struct {
    const char *what;
    unsigned long times;
} fuzz_goal;
void fuzz_must_reach(const fuzz_goal *goals, size_t count);
/* How often anything was reached so far: what comes before an input must leave it as it is. */
unsigned long fuzz_reached(void);
#define FUZZ_MUST_REACH(goals)                                                                     \
    int LLVMFuzzerInitialize(int *argc, char ***argv)                                              \
    {                                                                                              \
        (void)argc;                                                                                \
        (void)argv;                                                                                \
        fuzz_must_reach(goals, sizeof goals / sizeof goals[0]);                                    \
        return 0;                                                                                  \
    }                                                                                              \
    _Static_assert(sizeof goals > 0, "a fuzzer that waits for something says what")

/* What is left of an input that is read as choices; at its end it gives zeros. */
typedef struct {
    const uint8_t *data;
    size_t len;
} fuzz_bytes;
uint8_t fuzz_u8(fuzz_bytes *bytes);
uint16_t fuzz_u16(fuzz_bytes *bytes);
uint64_t fuzz_u64(fuzz_bytes *bytes);
/* Less than `below`, which is at least 1. */
uint32_t fuzz_below(fuzz_bytes *bytes, uint32_t below);
/* Up to len bytes; their count in *out_len. */
const uint8_t *fuzz_take(fuzz_bytes *bytes, size_t len, size_t *out_len);
/* A text up to the next NUL or the end, at most size - 1 bytes of it. */
void fuzz_text(fuzz_bytes *bytes, char *out, size_t size);

/* Must be one JSON value in UTF-8 without control characters, up to a line break at the end. */
void fuzz_must_be_json(const void *text, size_t len);
/* Must be the same bytes. */
void fuzz_must_be_same(const st_buffer *a, const st_buffer *b);

/* Appends `data` as a zstd stream of blocks that are not compressed: what a fuzzer has found in the
 * bytes stays where it is. len <= 1 MiB. */
void fuzz_stream(const void *data, size_t len, st_buffer *out);
/* Appends a frame's length, as in such a stream, and the frame. */
void fuzz_frame(const void *frame, size_t len, st_buffer *out);
/* Appends bytes; there is always room in a fuzzer's buffer. */
void fuzz_append(st_buffer *out, const void *data, size_t len);

/* A mutator for protobuf messages: picks a field at some depth, changes, drops, repeats or adds it,
 * and writes the lengths around it anew. Sometimes leaves it to libFuzzer. */
size_t fuzz_mutate_message(uint8_t *data, size_t size, size_t size_max, unsigned seed);

#endif
