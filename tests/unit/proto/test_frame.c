/* tests/unit/proto/test_frame.c
 * A phone in the forest may get half an answer, a broken one or a wicked one: it takes whole frames
 * or says no, and never runs out of memory over it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "proto/frame.h"
#include "proto/limits.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MIB ((size_t)1 << 20)

typedef struct { const void *data; size_t len; } piece;

/* What came out of a reader: how many frames, their bytes one after the other, how it ended. */
typedef struct {
    size_t frames;
    st_buffer bytes;
    st_err err;
    bool complete;
} outcome;

static st_buffer written(const piece *pieces, size_t count, int level)
{
    st_buffer out;
    st_frame_writer *writer = NULL;
    st_buffer_init(&out, 64 * MIB);
    assert_int_equal(st_frame_writer_new(level, &out, &writer, NULL), ST_OK);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(st_frame_write(writer, pieces[i].data, pieces[i].len, NULL), ST_OK);
    assert_int_equal(st_frame_writer_end(writer, NULL), ST_OK);
    st_frame_writer_free(writer);
    return out;
}

/* Any bytes as one zstd frame: what a foreign program may send. */
static st_buffer zipped(const void *data, size_t len, int window_log)
{
    st_buffer out;
    st_buffer_init(&out, 64 * MIB);
    uint8_t *to = st_buffer_reserve(&out, ZSTD_compressBound(len));
    assert_non_null(to);
    ZSTD_CCtx *zstd = ZSTD_createCCtx();
    assert_non_null(zstd);
    (void)ZSTD_CCtx_setParameter(zstd, ZSTD_c_windowLog, window_log);
    ZSTD_inBuffer in = { data, len, 0 };
    ZSTD_outBuffer zip = { to, ZSTD_compressBound(len), 0 };
    assert_false(ZSTD_isError(ZSTD_compressStream2(zstd, &zip, &in, ZSTD_e_flush)));
    assert_int_equal(ZSTD_compressStream2(zstd, &zip, &in, ZSTD_e_end), 0);
    (void)ZSTD_freeCCtx(zstd);
    out.len = zip.pos;
    return out;
}

static void drain(st_frame_reader *reader, outcome *result)
{
    const uint8_t *frame = NULL;
    size_t len = 0;
    while (st_frame_read(reader, &frame, &len, &result->err)) {
        assert_non_null(frame);
        assert_int_equal(result->err, ST_OK);
        assert_int_equal(st_buffer_append(&result->bytes, frame, len, NULL), ST_OK);
        result->frames++;
    }
}

/* Feeds `step` bytes at a time. */
static outcome read_all(const void *data, size_t len, size_t step, size_t decoded_max)
{
    outcome result = { 0 };
    st_frame_reader *reader = NULL;
    st_buffer_init(&result.bytes, 64 * MIB);
    assert_int_equal(st_frame_reader_new(decoded_max, &reader, NULL), ST_OK);
    for (size_t at = 0; at < len && result.err == ST_OK; at += step) {
        size_t here = len - at < step ? len - at : step;
        uint8_t *copy = malloc(here);           /* gone before it is read: the reader must copy */
        assert_non_null(copy);
        memcpy(copy, (const uint8_t *)data + at, here);
        result.err = st_frame_feed(reader, copy, here, NULL);
        free(copy);
        if (result.err == ST_OK)
            drain(reader, &result);
    }
    result.complete = st_frame_is_complete(reader);
    if (result.err != ST_OK) {                  /* dead is dead */
        const uint8_t *frame = NULL;
        size_t frame_len = 0;
        st_err again = ST_OK;
        assert_false(st_frame_read(reader, &frame, &frame_len, &again));
        assert_int_equal(again, result.err);
        assert_int_equal(st_frame_feed(reader, "x", 1, NULL), result.err);
        assert_false(result.complete);
    }
    st_frame_reader_free(reader);
    return result;
}

static void fill(uint8_t *p, size_t len, uint32_t seed)
{
    for (size_t i = 0; i < len; i++) {
        seed = seed * 1664525u + 1013904223u;
        p[i] = (uint8_t)(seed >> 24);
    }
}

static void test_frames_come_back_in_any_cut(void **state)
{
    (void)state;
    static const size_t STEPS[] = { 1, 2, 7, 100, 4096, SIZE_MAX / 2 };
    static const int LEVELS[] = { -5, 1, 3, 19, 99 };
    uint8_t *noise = malloc(300000);
    assert_non_null(noise);
    fill(noise, 300000, 1);
    const piece PIECES[] = {
        { "", 0 }, { "a", 1 }, { noise, 127 }, { noise, 128 }, { noise, 16384 }, { "", 0 },
        { noise, 300000 }, { "01477/unit/01477-x014", 21 }, { noise, 16383 }, { NULL, 0 },
    };
    size_t total = 0;
    for (size_t i = 0; i < LEN(PIECES); i++)
        total += PIECES[i].len;
    for (size_t l = 0; l < LEN(LEVELS); l++) {
        st_buffer stream = written(PIECES, LEN(PIECES), LEVELS[l]);
        for (size_t s = l == 2 ? 0 : 3; s < LEN(STEPS); s++) {
            print_message("  case: level %d, %zu bytes at a time\n", LEVELS[l], STEPS[s]);
            outcome result = read_all(stream.data, stream.len, STEPS[s], total + 100);
            assert_int_equal(result.err, ST_OK);
            assert_true(result.complete);
            assert_int_equal(result.frames, LEN(PIECES));
            assert_int_equal(result.bytes.len, total);
            size_t at = 0;
            for (size_t i = 0; i < LEN(PIECES); i++) {
                if (PIECES[i].len > 0)
                    assert_memory_equal(result.bytes.data + at, PIECES[i].data, PIECES[i].len);
                at += PIECES[i].len;
            }
            st_buffer_free(&result.bytes);
        }
        st_buffer_free(&stream);
    }
    free(noise);
}

static void test_nothing_new_is_small(void **state)
{
    (void)state;
    st_buffer stream = written(NULL, 0, 3);
    assert_int_equal(stream.len, 9);            /* docs/decisions/0002-dictionary.md */
    outcome result = read_all(stream.data, stream.len, 1, 0);
    assert_true(result.err == ST_OK && result.complete && result.frames == 0);
    st_buffer_free(&result.bytes);
    st_buffer_free(&stream);
    const piece ONE = { "0123456789", 10 };
    stream = written(&ONE, 1, 3);
    assert_int_equal(stream.len, 9 + 1 + 10);
    st_buffer_free(&stream);
}

static void test_the_largest_frame(void **state)
{
    (void)state;
    uint8_t *noise = malloc(ST_FRAME_BYTES_MAX + 1);
    assert_non_null(noise);
    fill(noise, ST_FRAME_BYTES_MAX + 1, 2);
    const piece LARGEST = { noise, ST_FRAME_BYTES_MAX };
    st_buffer stream = written(&LARGEST, 1, 1);
    outcome result = read_all(stream.data, stream.len, 65536, ST_FRAME_BYTES_MAX + 4);
    assert_true(result.err == ST_OK && result.complete && result.frames == 1);
    assert_int_equal(result.bytes.len, ST_FRAME_BYTES_MAX);
    assert_memory_equal(result.bytes.data, noise, ST_FRAME_BYTES_MAX);
    st_buffer_free(&result.bytes);
    result = read_all(stream.data, stream.len, 65536, ST_FRAME_BYTES_MAX + 3);
    assert_int_equal(result.err, ST_E_TOO_LARGE);
    st_buffer_free(&result.bytes);
    st_buffer_free(&stream);

    /* One byte more is refused, and the writer can go on with a smaller one. */
    st_frame_writer *writer = NULL;
    st_buffer_init(&stream, MIB);
    assert_int_equal(st_frame_writer_new(1, &stream, &writer, NULL), ST_OK);
    assert_int_equal(st_frame_write(writer, noise, ST_FRAME_BYTES_MAX + 1, NULL), ST_E_TOO_LARGE);
    assert_int_equal(st_frame_write(writer, "ok", 2, NULL), ST_OK);
    assert_int_equal(st_frame_writer_end(writer, NULL), ST_OK);
    st_frame_writer_free(writer);
    result = read_all(stream.data, stream.len, 65536, 3);
    assert_true(result.err == ST_OK && result.complete && result.frames == 1);
    assert_memory_equal(result.bytes.data, "ok", 2);
    st_buffer_free(&result.bytes);
    st_buffer_free(&stream);
    free(noise);
}

static void test_a_full_output_stops_the_writer(void **state)
{
    (void)state;
    uint8_t noise[5000];
    st_buffer out;
    st_frame_writer *writer = NULL;
    fill(noise, sizeof noise, 3);
    st_buffer_init(&out, 3000);
    assert_int_equal(st_frame_writer_new(3, &out, &writer, NULL), ST_OK);
    st_err err = st_frame_write(writer, noise, sizeof noise, NULL);
    if (err == ST_OK)
        err = st_frame_writer_end(writer, NULL);
    assert_int_equal(err, ST_E_TOO_LARGE);
    assert_true(out.len <= 3000);
    st_frame_writer_free(writer);
    st_frame_writer_free(NULL);
    st_frame_reader_free(NULL);
    st_buffer_free(&out);
}

static void test_lengths_lie(void **state)
{
    (void)state;
    static const struct { const char *why, *bytes; size_t len, frames; st_err want; } CASES[] = {
        { "over the largest", "\x81\x80\x80\x02", 4, 0, ST_E_TOO_LARGE },
        { "four times the largest", "\x80\x80\x80\x08", 4, 0, ST_E_TOO_LARGE },
        { "five bytes of length", "\x80\x80\x80\x80\x01", 5, 0, ST_E_CORRUPT },
        { "ten bytes of length", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, 0,
          ST_E_CORRUPT },
        { "over-long 0", "\x80\x00", 2, 0, ST_E_CORRUPT },
        { "over-long 1", "\x81\x00" "a", 3, 0, ST_E_CORRUPT },
        { "the second over-long", "\x01" "a\x81\x00" "a", 5, 1, ST_E_CORRUPT },
        { "ends in the length", "\x80", 1, 0, ST_E_CORRUPT },
        { "ends before the frame", "\x01", 1, 0, ST_E_CORRUPT },
        { "ends in the frame", "\x05" "abcd", 5, 0, ST_E_CORRUPT },
        { "the second ends in the frame", "\x01" "a\x05" "abcd", 7, 1, ST_E_CORRUPT },
        { "over the budget", "\xc8\x01", 2, 0, ST_E_TOO_LARGE },
    };
    for (size_t i = 0; i < LEN(CASES); i++) {
        st_buffer stream = zipped(CASES[i].bytes, CASES[i].len, 17);
        for (size_t step = 1; step < 100; step += 98) {
            print_message("  case: %s, %zu at a time\n", CASES[i].why, step);
            outcome result = read_all(stream.data, stream.len, step, 199);
            assert_int_equal(result.frames, CASES[i].frames);
            assert_int_equal(result.err, CASES[i].want);
            st_buffer_free(&result.bytes);
        }
        st_buffer_free(&stream);
    }
}

static void test_cut_at_every_byte(void **state)
{
    (void)state;
    uint8_t noise[700];
    fill(noise, sizeof noise, 4);
    const piece PIECES[] = { { noise, 300 }, { "abcabcabcabcabcabcabc", 21 }, { noise, 400 } };
    st_buffer stream = written(PIECES, LEN(PIECES), 3);
    for (size_t cut = 0; cut < stream.len; cut++) {
        for (size_t step = 1; step < 1000; step += 998) {
            outcome result = read_all(stream.data, cut, step, 1000);
            assert_int_equal(result.err, ST_OK);        /* more may come */
            assert_false(result.complete);              /* but it is not all */
            assert_true(result.frames <= LEN(PIECES));
            st_buffer_free(&result.bytes);
        }
    }
    st_buffer_free(&stream);
}

/* Whatever a broken line makes of a stream: it ends, within the budget, without a crash. */
static void test_flipped_bits(void **state)
{
    (void)state;
    uint8_t noise[200];
    fill(noise, sizeof noise, 5);
    const piece PIECES[] = {
        { noise, 200 }, { "xã Trùng Khánh, xã Trùng Khánh, xã Trùng Khánh", 50 }, { noise, 100 },
    };
    st_buffer stream = written(PIECES, LEN(PIECES), 9);
    size_t refused = 0;
    for (size_t bit = 0; bit < stream.len * 8; bit++) {
        stream.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        outcome result = read_all(stream.data, stream.len, 64, 5000);
        assert_true(result.bytes.len <= 5000);
        refused += result.err != ST_OK || !result.complete;
        if (bit < 32)
            assert_int_equal(result.err, ST_E_CORRUPT);         /* the magic number */
        st_buffer_free(&result.bytes);
        stream.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_true(refused > 32);
    st_buffer_free(&stream);
}

static void test_bytes_after_the_end(void **state)
{
    (void)state;
    const piece PIECE = { "a frame", 7 };
    st_buffer stream = written(&PIECE, 1, 3);
    size_t len = stream.len;
    uint8_t twice[200];
    memcpy(twice, stream.data, len);
    memcpy(twice + len, stream.data, len);
    static const uint8_t SKIPPABLE[] = { 0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0 };
    memcpy(twice + 2 * len, SKIPPABLE, sizeof SKIPPABLE);
    const struct { const char *why; const uint8_t *from; size_t len; } CASES[] = {
        { "a second zstd frame", twice + len, len },
        { "the first byte of one", twice + len, 1 },
        { "a skippable frame", twice + 2 * len, sizeof SKIPPABLE },
        { "a zero", (const uint8_t *)"", 1 },
    };
    for (size_t i = 0; i < LEN(CASES); i++) {
        for (size_t step = 1; step < 1000; step += 998) {
            print_message("  case: %s, %zu at a time\n", CASES[i].why, step);
            uint8_t all[400];
            memcpy(all, twice, len);
            memcpy(all + len, CASES[i].from, CASES[i].len);
            outcome result = read_all(all, len + CASES[i].len, step, 1000);
            assert_int_equal(result.err, ST_E_CORRUPT);
            assert_false(result.complete);
            st_buffer_free(&result.bytes);
        }
    }
    /* Once the end is known, more is refused at the door. */
    st_frame_reader *reader = NULL;
    outcome result = { 0 };
    st_buffer_init(&result.bytes, 100);
    assert_int_equal(st_frame_reader_new(1000, &reader, NULL), ST_OK);
    assert_int_equal(st_frame_feed(reader, stream.data, stream.len, NULL), ST_OK);
    drain(reader, &result);
    assert_true(st_frame_is_complete(reader) && result.frames == 1);
    assert_int_equal(st_frame_feed(reader, "", 0, NULL), ST_OK);
    assert_int_equal(st_frame_feed(reader, "x", 1, NULL), ST_E_CORRUPT);
    assert_false(st_frame_is_complete(reader));
    st_frame_reader_free(reader);
    st_buffer_free(&result.bytes);
    st_buffer_free(&stream);
}

static void test_what_is_no_zstd_frame(void **state)
{
    (void)state;
    static const struct { const char *why; uint8_t bytes[12]; } CASES[] = {
        { "a skippable frame", { 0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4 } },
        { "another of those", { 0x5f, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4 } },
        { "zstd 0.7", { 0x27, 0xb5, 0x2f, 0xfd } },
        { "gzip", { 0x1f, 0x8b, 8 } },
        { "zeros", { 0 } },
    };
    for (size_t i = 0; i < LEN(CASES); i++) {
        for (size_t step = 1; step <= 12; step += 11) {
            print_message("  case: %s, %zu at a time\n", CASES[i].why, step);
            outcome result = read_all(CASES[i].bytes, 12, step, 1000);
            assert_int_equal(result.err, ST_E_CORRUPT);
            st_buffer_free(&result.bytes);
        }
    }
}

/* 1 GiB of zeros in 33 kB: as frames of nothing it is stopped by the budget, as a frame of the
 * largest size by its end. */
static void test_ratio_bomb(void **state)
{
    (void)state;
    uint8_t *zeros = calloc(1, MIB);
    st_buffer bomb;
    assert_non_null(zeros);
    st_buffer_init(&bomb, MIB);
    ZSTD_CCtx *zstd = ZSTD_createCCtx();
    assert_non_null(zstd);
    (void)ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, 1);
    for (int i = 0; i <= 1024; i++) {
        ZSTD_inBuffer in = { zeros, i < 1024 ? MIB : 0, 0 };
        size_t left = 1;
        while (in.pos < in.size || (i == 1024 && left > 0)) {
            ZSTD_outBuffer out = { st_buffer_reserve(&bomb, 4096), 4096, 0 };
            assert_non_null(out.dst);
            left = ZSTD_compressStream2(zstd, &out, &in, i < 1024 ? ZSTD_e_continue : ZSTD_e_end);
            assert_false(ZSTD_isError(left));
            bomb.len += out.pos;
        }
    }
    (void)ZSTD_freeCCtx(zstd);
    free(zeros);
    print_message("  1 GiB in %zu bytes\n", bomb.len);
    assert_true(bomb.len < 200000);
    outcome result = read_all(bomb.data, bomb.len, bomb.len, MIB);
    assert_int_equal(result.err, ST_E_TOO_LARGE);
    assert_int_equal(result.frames, MIB);       /* empty ones: the budget counts their lengths */
    st_buffer_free(&result.bytes);
    st_buffer_free(&bomb);
}

static void test_window_bomb(void **state)
{
    (void)state;
    static const struct { int window_log; st_err want; } CASES[] = {
        { 17, ST_OK }, { 20, ST_OK }, { 21, ST_E_TOO_LARGE }, { 27, ST_E_TOO_LARGE },
    };
    for (size_t i = 0; i < LEN(CASES); i++) {
        print_message("  case: 2^%d\n", CASES[i].window_log);
        st_buffer stream = zipped("\x05" "abcde", 6, CASES[i].window_log);
        outcome result = read_all(stream.data, stream.len, 100, 1000);
        assert_int_equal(result.err, CASES[i].want);
        assert_int_equal(result.frames, CASES[i].want == ST_OK ? 1 : 0);
        st_buffer_free(&result.bytes);
        st_buffer_free(&stream);
    }
}

/* Long and short streams that lean on a base come back with it; without it they are damaged. */
static void test_base(void **state)
{
    (void)state;
    static const size_t COPIES[] = { 1, 40, 400 };
    static uint8_t base[8224], frame[3 * sizeof base];
    fill(base, sizeof base, 5);
    for (size_t i = 0; i < sizeof frame; i++)
        frame[i] = base[i % sizeof base];
    for (size_t c = 0; c < LEN(COPIES); c++) {
        st_frame_writer *writer = NULL;
        st_frame_reader *reader = NULL;
        const uint8_t *got = NULL;
        size_t len = 0, count = 0;
        st_err bad = ST_OK;
        st_buffer stream;
        st_buffer_init(&stream, 64 * MIB);
        assert_int_equal(st_frame_writer_new(9, &stream, &writer, NULL), ST_OK);
        assert_int_equal(st_frame_writer_base(writer, base, sizeof base, NULL), ST_OK);
        for (size_t i = 0; i < COPIES[c]; i++)
            assert_int_equal(st_frame_write(writer, frame, sizeof frame, NULL), ST_OK);
        assert_int_equal(st_frame_writer_end(writer, NULL), ST_OK);
        st_frame_writer_free(writer);
        assert_true(stream.len < sizeof base / 2);
        assert_int_equal(st_frame_reader_new(64 * MIB, &reader, NULL), ST_OK);
        assert_int_equal(st_frame_reader_base(reader, base, sizeof base, NULL), ST_OK);
        assert_int_equal(st_frame_feed(reader, stream.data, stream.len, NULL), ST_OK);
        for (; st_frame_read(reader, &got, &len, &bad); count++) {
            assert_int_equal(len, sizeof frame);
            assert_memory_equal(got, frame, len);
        }
        assert_true(bad == ST_OK && count == COPIES[c] && st_frame_is_complete(reader));
        st_frame_reader_free(reader);
        outcome without = read_all(stream.data, stream.len, 65536, 64 * MIB);
        assert_int_equal(without.err, ST_E_CORRUPT);
        st_buffer_free(&without.bytes);
        st_buffer_free(&stream);
    }
}

static void test_foreign_dictionary(void **state)
{
    (void)state;
    /* Header with dictionary id 7, then one raw block that is the last: a frame of 1 byte. */
    static const uint8_t STREAM[] = {
        0x28, 0xb5, 0x2f, 0xfd, 0x01, 0x38, 0x07, 0x11, 0x00, 0x00, 0x01, 'a',
    };
    uint8_t without[sizeof STREAM - 1];
    memcpy(without, STREAM, 4);
    without[4] = 0x00;
    without[5] = 0x38;
    memcpy(without + 6, STREAM + 7, sizeof STREAM - 7);
    outcome result = read_all(without, sizeof without, 100, 1000);
    assert_true(result.err == ST_OK && result.frames == 1 && result.complete);
    st_buffer_free(&result.bytes);
    result = read_all(STREAM, sizeof STREAM, 100, 1000);
    assert_int_equal(result.err, ST_E_CORRUPT);
    st_buffer_free(&result.bytes);
}

/* Blocks of nothing, for ever: they cost what they weigh, and the input is bounded. */
static void test_blocks_of_nothing(void **state)
{
    (void)state;
    static const uint8_t HEAD[] = { 0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38 };
    const size_t len = ST_BODY_BYTES_MAX + 1;
    uint8_t *stream = calloc(1, len);           /* a raw block of 0 bytes, not the last: 00 00 00 */
    assert_non_null(stream);
    memcpy(stream, HEAD, sizeof HEAD);
    outcome result = read_all(stream, MIB, 65536, 1000);
    assert_true(result.frames == 0 && !result.complete);
    st_buffer_free(&result.bytes);

    st_frame_reader *reader = NULL;
    assert_int_equal(st_frame_reader_new(1000, &reader, NULL), ST_OK);
    assert_int_equal(st_frame_feed(reader, stream, len, NULL), ST_E_TOO_LARGE);
    assert_false(st_frame_is_complete(reader));
    st_frame_reader_free(reader);
    free(stream);
}

static void test_noise(void **state)
{
    (void)state;
    uint8_t noise[400];
    for (uint32_t seed = 0; seed < 3000; seed++) {
        static const uint8_t HEAD[] = { 0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38 };
        fill(noise, sizeof noise, seed);
        memcpy(noise, HEAD, sizeof HEAD);
        if (seed % 2 == 0)                      /* a believable block header */
            noise[8] = 0;
        outcome result = read_all(noise, sizeof noise, 1 + seed % 50, 100000);
        assert_true(result.bytes.len <= 100000);
        st_buffer_free(&result.bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_come_back_in_any_cut),
        cmocka_unit_test(test_nothing_new_is_small),
        cmocka_unit_test(test_the_largest_frame),
        cmocka_unit_test(test_a_full_output_stops_the_writer),
        cmocka_unit_test(test_lengths_lie),
        cmocka_unit_test(test_cut_at_every_byte),
        cmocka_unit_test(test_flipped_bits),
        cmocka_unit_test(test_bytes_after_the_end),
        cmocka_unit_test(test_what_is_no_zstd_frame),
        cmocka_unit_test(test_ratio_bomb),
        cmocka_unit_test(test_window_bomb),
        cmocka_unit_test(test_base),
        cmocka_unit_test(test_foreign_dictionary),
        cmocka_unit_test(test_blocks_of_nothing),
        cmocka_unit_test(test_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
