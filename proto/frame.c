/* proto/frame.c - promises whole frames or an error, whatever bytes come: memory is one frame, one
 * window and what was fed but not read yet. Decoding happens when a frame is asked for, so that a
 * bomb costs no more than the frame it pretends to be.
 * Must never decode over the budget, take memory on the word of a length alone, or go on after the
 * one zstd frame of a stream ended. The only file that knows zstd. Source: RFC 8878. */
#include "proto/frame.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "proto/limits.h"

#define CHUNK_BYTES      16384u
#define MAGIC_BYTES      4u
#define LENGTH_BYTES_MAX 4u /* a varint of ST_FRAME_BYTES_MAX */
#define LEVEL_MAX        19
#define WINDOW_LOG       17 /* what we write: 1.7 MB to compress at level 3, 0.6 MB to decode */
/* A stream up to this size is handed to zstd in one piece: knowing the size, it takes tables to
 * match, which for one edit is nearly all of the work, works faster and packs tighter. */
#define WHOLE_BYTES_MAX 1048576u
/* A stream longer than this gets no higher level: beyond it a level costs more time than the bytes
 * it saves take on a weak link. */
#define SHORT_BYTES_MAX 65536u
#define LONG_LEVEL_MAX  7

_Static_assert(ST_FRAME_BYTES_MAX < UINT32_C(1) << (7 * LENGTH_BYTES_MAX), "length of a frame");
_Static_assert(WINDOW_LOG <= ST_ZSTD_WINDOW_LOG_MAX, "what we write must be readable");

/* ---- writing ---- */

struct st_frame_writer {
    ZSTD_CCtx *zstd;
    st_buffer *out;
    st_buffer whole;   /* all of the stream so far, until it gets too long */
    bool is_streaming; /* it did: what comes is compressed at once */
    bool is_wide;      /* the widest window, and the level as it was asked for */
    int level;
    st_err state; /* ST_OK, or why the stream is lost */
    bool ended;
};

static st_err zstd_failed(size_t rc, const char *what, st_error *error)
{
    st_err code = ST_E_CORRUPT;
    if (ZSTD_getErrorCode(rc) == ZSTD_error_memory_allocation)
        code = ST_E_MEMORY;
    if (ZSTD_getErrorCode(rc) == ZSTD_error_frameParameter_windowTooLarge)
        code = ST_E_TOO_LARGE;
    return st_fail(error, code, "%s: %s", what, ZSTD_getErrorName(rc));
}

/* No checksum (what matters is signed), no sizes, no dictionary id: an empty stream is 9 bytes. */
static size_t set_up_writing(ZSTD_CCtx *zstd, int level)
{
    const struct {
        ZSTD_cParameter parameter;
        int value;
    } SETTINGS[] = {
        { ZSTD_c_compressionLevel, level }, { ZSTD_c_windowLog, WINDOW_LOG },
        { ZSTD_c_contentSizeFlag, 0 },      { ZSTD_c_checksumFlag, 0 },
        { ZSTD_c_dictIDFlag, 0 },
    };
    assert(level >= 1 && level <= LEVEL_MAX);
    size_t rc = 0;
    for (size_t i = 0; i < sizeof SETTINGS / sizeof SETTINGS[0] && !ZSTD_isError(rc); i++)
        rc = ZSTD_CCtx_setParameter(zstd, SETTINGS[i].parameter, SETTINGS[i].value);
    return rc;
}

st_err st_frame_writer_new(int level, st_buffer *out, st_frame_writer **out_writer, st_error *error)
{
    assert(out != NULL && out_writer != NULL);
    st_frame_writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL)
        return st_fail(error, ST_E_MEMORY, "frame: no memory for a writer");
    writer->out = out;
    st_buffer_init(&writer->whole, WHOLE_BYTES_MAX);
    writer->zstd = ZSTD_createCCtx();
    if (writer->zstd == NULL) {
        st_frame_writer_free(writer);
        return st_fail(error, ST_E_MEMORY, "frame: no memory for a compressor");
    }
    if (level < 1)
        level = 1;
    if (level > LEVEL_MAX)
        level = LEVEL_MAX;
    writer->level = level;
    size_t rc = set_up_writing(writer->zstd, level);
    if (ZSTD_isError(rc)) {
        st_frame_writer_free(writer);
        return zstd_failed(rc, "frame: compressor", error);
    }
    *out_writer = writer;
    return ST_OK;
}

st_err st_frame_writer_widen(st_frame_writer *writer, st_error *error)
{
    assert(writer != NULL && writer->whole.len == 0 && !writer->is_streaming);
    static const struct {
        ZSTD_cParameter parameter;
        int value;
    } WIDE[] = { /* tables to match: without them the highest levels take 100 MB */
                 { ZSTD_c_windowLog, ST_ZSTD_WINDOW_LOG_MAX },
                 { ZSTD_c_chainLog, ST_ZSTD_WINDOW_LOG_MAX + 1 },
                 { ZSTD_c_hashLog, ST_ZSTD_WINDOW_LOG_MAX } };
    size_t rc = 0;
    for (size_t i = 0; i < sizeof WIDE / sizeof WIDE[0] && !ZSTD_isError(rc); i++)
        rc = ZSTD_CCtx_setParameter(writer->zstd, WIDE[i].parameter, WIDE[i].value);
    writer->is_wide = !ZSTD_isError(rc);
    return writer->is_wide ? ST_OK : zstd_failed(rc, "frame: window", error);
}

st_err st_frame_writer_base(st_frame_writer *writer, const void *base, size_t len, st_error *error)
{
    assert(writer != NULL && base != NULL && writer->whole.len == 0 && !writer->is_streaming);
    size_t rc = ZSTD_CCtx_refPrefix(writer->zstd, base, len);
    return ZSTD_isError(rc) ? zstd_failed(rc, "frame: base", error) : ST_OK;
}

/* Passes bytes to the compressor and its output to *out. An error leaves half a stream behind, so
 * the writer is dead afterwards. */
static st_err compress(st_frame_writer *writer, const void *data, size_t len, ZSTD_EndDirective how,
                       st_error *error)
{
    uint8_t chunk[CHUNK_BYTES];
    ZSTD_inBuffer in = { .src = data, .size = len };
    size_t left = 0;
    do {
        ZSTD_outBuffer out = { .dst = chunk, .size = sizeof chunk };
        left = ZSTD_compressStream2(writer->zstd, &out, &in, how);
        if (ZSTD_isError(left))
            writer->state = zstd_failed(left, "frame: compress", error);
        else
            writer->state = st_buffer_append(writer->out, chunk, out.pos, error);
    } while (writer->state == ST_OK && (in.pos < in.size || (how == ZSTD_e_end && left > 0)));
    return writer->state;
}

/* The first bytes are about to be compressed: the level is that of a long stream. */
static st_err lower_level(st_frame_writer *writer, st_error *error)
{
    if (writer->is_wide || writer->level <= LONG_LEVEL_MAX)
        return ST_OK;
    size_t rc = ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_compressionLevel, LONG_LEVEL_MAX);
    if (ZSTD_isError(rc))
        writer->state = zstd_failed(rc, "frame: compressor", error);
    return writer->state;
}

/* Keeps the bytes while the stream is short, else sends on what was kept, and them. */
static st_err take_in(st_frame_writer *writer, const void *data, size_t len, st_error *error)
{
    st_buffer *whole = &writer->whole;
    if (!writer->is_streaming && len <= WHOLE_BYTES_MAX - whole->len) {
        writer->state = st_buffer_append(whole, data, len, error);
        return writer->state;
    }
    if (!writer->is_streaming) {
        writer->is_streaming = true;
        st_err err = lower_level(writer, error);
        if (err == ST_OK)
            err = compress(writer, whole->data, whole->len, ZSTD_e_continue, error);
        st_buffer_free(whole);
        if (err != ST_OK)
            return err;
    }
    return compress(writer, data, len, ZSTD_e_continue, error);
}

st_err st_frame_write(st_frame_writer *writer, const void *frame, size_t len, st_error *error)
{
    assert(writer != NULL && !writer->ended);
    assert(frame != NULL || len == 0);
    if (writer->state != ST_OK)
        return st_fail(error, writer->state, "frame: the stream was cut by an error before");
    if (len > ST_FRAME_BYTES_MAX)
        return st_fail(error, ST_E_TOO_LARGE, "frame: %zu bytes are over %u", len,
                       ST_FRAME_BYTES_MAX);
    uint8_t head[LENGTH_BYTES_MAX];
    size_t head_len = 0;
    size_t rest = len;
    while (rest > 0x7f) {
        head[head_len++] = (uint8_t)(rest | 0x80);
        rest >>= 7;
    }
    head[head_len++] = (uint8_t)rest;
    st_err err = take_in(writer, head, head_len, error);
    if (err == ST_OK && len > 0)
        err = take_in(writer, frame, len, error);
    return err;
}

st_err st_frame_writer_end(st_frame_writer *writer, st_error *error)
{
    assert(writer != NULL && !writer->ended);
    if (writer->state != ST_OK)
        return st_fail(error, writer->state, "frame: the stream was cut by an error before");
    writer->ended = true;
    if (writer->whole.len > SHORT_BYTES_MAX && lower_level(writer, error) != ST_OK)
        return writer->state;
    return compress(writer, writer->whole.data, writer->whole.len, ZSTD_e_end, error);
}

void st_frame_writer_free(st_frame_writer *writer)
{
    if (writer == NULL)
        return;
    (void)ZSTD_freeCCtx(writer->zstd);
    st_buffer_free(&writer->whole);
    free(writer);
}

/* ---- reading ---- */

struct st_frame_reader {
    ZSTD_DCtx *zstd;
    st_buffer input; /* fed; from `taken` on not decoded yet */
    size_t taken;
    size_t magic_seen; /* bytes of the magic number that came and were right */
    size_t budget;     /* decoded bytes that may still come */
    uint32_t head;     /* length of the frame that is being read */
    unsigned head_len; /* bytes of it that came */
    bool has_head;
    bool delivered; /* frame holds what the caller got last */
    bool ended;     /* the zstd frame is over */
    st_buffer frame;
    st_err state; /* ST_OK, or what killed the reader */
};

st_err st_frame_reader_new(size_t decoded_max, st_frame_reader **out_reader, st_error *error)
{
    assert(out_reader != NULL);
    st_frame_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL)
        return st_fail(error, ST_E_MEMORY, "frame: no memory for a reader");
    reader->budget = decoded_max;
    st_buffer_init(&reader->input, ST_BODY_BYTES_MAX);
    st_buffer_init(&reader->frame, ST_FRAME_BYTES_MAX);
    reader->zstd = ZSTD_createDCtx();
    if (reader->zstd == NULL) {
        st_frame_reader_free(reader);
        return st_fail(error, ST_E_MEMORY, "frame: no memory for a decompressor");
    }
    size_t rc = ZSTD_DCtx_setParameter(reader->zstd, ZSTD_d_windowLogMax, ST_ZSTD_WINDOW_LOG_MAX);
    if (ZSTD_isError(rc)) {
        st_frame_reader_free(reader);
        return zstd_failed(rc, "frame: decompressor", error);
    }
    *out_reader = reader;
    return ST_OK;
}

void st_frame_reader_free(st_frame_reader *reader)
{
    if (reader == NULL)
        return;
    (void)ZSTD_freeDCtx(reader->zstd);
    st_buffer_free(&reader->input);
    st_buffer_free(&reader->frame);
    free(reader);
}

st_err st_frame_reader_base(st_frame_reader *reader, const void *base, size_t len, st_error *error)
{
    assert(reader != NULL && base != NULL && reader->magic_seen == 0);
    size_t rc = ZSTD_DCtx_refPrefix(reader->zstd, base, len);
    return ZSTD_isError(rc) ? zstd_failed(rc, "frame: base", error) : ST_OK;
}

/* The first bytes decide: zstd would skip over "skippable" frames without end. */
static bool is_magic(st_frame_reader *reader, const uint8_t *data, size_t len)
{
    static const uint8_t MAGIC[MAGIC_BYTES] = { 0x28, 0xb5, 0x2f, 0xfd };
    for (size_t i = 0; i < len && reader->magic_seen < MAGIC_BYTES; i++) {
        if (data[i] != MAGIC[reader->magic_seen])
            return false;
        reader->magic_seen++;
    }
    return true;
}

st_err st_frame_feed(st_frame_reader *reader, const void *data, size_t len, st_error *error)
{
    assert(reader != NULL && (data != NULL || len == 0));
    if (reader->state != ST_OK)
        return st_fail(error, reader->state, "frame: the stream was refused before");
    if (len == 0)
        return ST_OK;
    if (reader->ended)
        return reader->state = st_fail(error, ST_E_CORRUPT, "frame: bytes after the end");
    if (!is_magic(reader, data, len))
        return reader->state = st_fail(error, ST_E_CORRUPT, "frame: this is no zstd frame");
    if (reader->taken > 0) {
        size_t left = reader->input.len - reader->taken;
        memmove(reader->input.data, reader->input.data + reader->taken, left);
        reader->input.len = left;
        reader->taken = 0;
    }
    reader->state = st_buffer_append(&reader->input, data, len, error);
    return reader->state;
}

/* Decodes up to `size` bytes to `out`. Returns how many came: fewer than size when the input is
 * used up, the stream ended or the reader died (state, ended). */
static size_t decode(st_frame_reader *reader, uint8_t *out, size_t size)
{
    assert(reader->taken <= reader->input.len);
    ZSTD_inBuffer in = { reader->input.data, reader->input.len, reader->taken };
    ZSTD_outBuffer to = { out, size, 0 };
    while (to.pos < size && !reader->ended) {
        size_t in_before = in.pos, out_before = to.pos;
        size_t rc = ZSTD_decompressStream(reader->zstd, &to, &in);
        reader->taken = in.pos;
        if (ZSTD_isError(rc)) {
            reader->state = zstd_failed(rc, "frame", NULL);
            return 0;
        }
        reader->ended = rc == 0;
        if (in.pos == in_before && to.pos == out_before && !reader->ended)
            break;
    }
    bool bytes_left = in.pos < in.size;
    if (bytes_left && (reader->ended || to.pos < size)) {
        reader->state = ST_E_CORRUPT; /* bytes after the end, or zstd does not move on */
        return 0;
    }
    return to.pos;
}

/* Takes in one byte of the length. Over-long lengths are refused like over-long numbers in a
 * frame, and a length is checked before memory is taken for it. */
static st_err take_length_byte(st_frame_reader *reader, uint8_t byte)
{
    reader->head |= (uint32_t)(byte & 0x7f) << (7 * reader->head_len);
    reader->head_len++;
    if ((byte & 0x80) != 0)
        return reader->head_len < LENGTH_BYTES_MAX ? ST_OK : ST_E_CORRUPT;
    if (byte == 0 && reader->head_len > 1)
        return ST_E_CORRUPT;
    if (reader->head > ST_FRAME_BYTES_MAX || reader->head > reader->budget)
        return ST_E_TOO_LARGE;
    reader->has_head = true;
    return ST_OK;
}

/* Reads the length of the next frame; has_head tells whether it is there. Byte by byte, so that
 * nothing of the frame behind it has to be kept anywhere but in the frame's own buffer. */
static void read_length(st_frame_reader *reader)
{
    while (reader->state == ST_OK && !reader->has_head) {
        uint8_t byte = 0;
        size_t got = decode(reader, &byte, 1);
        if (got == 0)
            return;
        if (reader->budget == 0) {
            reader->state = ST_E_TOO_LARGE;
            return;
        }
        reader->budget--;
        reader->state = take_length_byte(reader, byte);
    }
}

/* Fills the frame's buffer as bytes come, never ahead of them by more than a chunk. */
static void read_body(st_frame_reader *reader)
{
    while (reader->state == ST_OK && reader->frame.len < reader->head) {
        size_t missing = reader->head - reader->frame.len;
        size_t wanted = missing < CHUNK_BYTES ? missing : CHUNK_BYTES;
        uint8_t *to = st_buffer_reserve(&reader->frame, wanted);
        if (to == NULL) {
            reader->state = ST_E_MEMORY;
            return;
        }
        size_t got = decode(reader, to, wanted);
        reader->frame.len += got;
        reader->budget -= got;
        if (got < wanted)
            return;
    }
}

bool st_frame_read(st_frame_reader *reader, const uint8_t **out_frame, size_t *out_len,
                   st_err *out_err)
{
    static const uint8_t EMPTY[1] = { 0 };
    assert(reader != NULL && out_frame != NULL && out_len != NULL && out_err != NULL);
    if (reader->delivered) {
        st_buffer_clear(&reader->frame);
        reader->head = 0;
        reader->head_len = 0;
        reader->has_head = false;
        reader->delivered = false;
    }
    if (reader->state == ST_OK && !reader->has_head)
        read_length(reader);
    if (reader->state == ST_OK && reader->has_head)
        read_body(reader);
    bool is_whole = reader->has_head && reader->frame.len == reader->head;
    if (reader->state == ST_OK && reader->ended && !is_whole && reader->head_len > 0)
        reader->state = ST_E_CORRUPT; /* the stream ended inside a frame */
    *out_err = reader->state;
    if (reader->state != ST_OK || !is_whole)
        return false;
    reader->delivered = true;
    *out_frame = reader->frame.data != NULL ? reader->frame.data : EMPTY;
    *out_len = reader->frame.len;
    return true;
}

bool st_frame_is_complete(const st_frame_reader *reader)
{
    assert(reader != NULL);
    return reader->state == ST_OK && reader->ended && (reader->head_len == 0 || reader->delivered);
}

bool st_frame_is_foreign(const st_frame_reader *reader)
{
    assert(reader != NULL);
    return reader->state == ST_E_CORRUPT && reader->magic_seen < MAGIC_BYTES;
}
