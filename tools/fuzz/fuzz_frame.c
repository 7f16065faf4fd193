/* tools/fuzz/fuzz_frame.c - frames in a zstd stream. However the bytes are cut, the reader says the
 * same; no stream gives more than its budget; what was written is read. */
#include <string.h>

#include "proto/frame.h"
#include "tools/fuzz/fuzz.h"

#define DECODED_MAX (256u * 1024u)

typedef struct {
    st_err err;
    bool whole;
    size_t frames, bytes;
    uint64_t mix; /* of all that was read */
} outcome;

static void drain(st_frame_reader *reader, outcome *out)
{
    const uint8_t *frame;
    size_t len;
    while (out->err == ST_OK && st_frame_read(reader, &frame, &len, &out->err)) {
        out->frames++;
        out->bytes += len + 1;
        FUZZ_MUST(out->bytes <= DECODED_MAX);
        for (size_t i = 0; i < len; i++)
            out->mix = out->mix * 31 + frame[i] + 1;
    }
}

static outcome read_stream(const uint8_t *data, size_t size, size_t piece)
{
    outcome out = { ST_OK, false, 0, 0, 0 };
    st_frame_reader *reader = NULL;
    FUZZ_MUST(st_frame_reader_new(DECODED_MAX, &reader, NULL) == ST_OK);
    for (size_t at = 0; at < size && out.err == ST_OK; at += piece) {
        size_t len = size - at < piece ? size - at : piece;
        out.err = st_frame_feed(reader, data + at, len, NULL);
        drain(reader, &out);
    }
    out.whole = out.err == ST_OK && st_frame_is_complete(reader);
    st_frame_reader_free(reader);
    return out;
}

/* What is read whole is read the same in pieces, and so is what is cut off in the middle. */
static void foreign(const uint8_t *data, size_t size, size_t piece)
{
    outcome whole = read_stream(data, size, size == 0 ? 1 : size);
    outcome parts = read_stream(data, size, piece);
    FUZZ_MUST((whole.err == ST_OK) == (parts.err == ST_OK) && whole.whole == parts.whole);
    if (whole.err == ST_OK)
        FUZZ_MUST(whole.frames == parts.frames && whole.mix == parts.mix);
}

/* The bytes as frames of an honest stream. */
static void own(fuzz_bytes bytes, size_t piece)
{
    static st_buffer stream;
    outcome want = { ST_OK, true, 0, 0, 0 };
    st_frame_writer *writer = NULL;
    stream.max = DECODED_MAX;
    st_buffer_clear(&stream);
    FUZZ_MUST(st_frame_writer_new(1, &stream, &writer, NULL) == ST_OK);
    while (bytes.len > 0) {
        size_t len = fuzz_u8(&bytes);
        const uint8_t *frame = fuzz_take(&bytes, len, &len);
        FUZZ_MUST(st_frame_write(writer, frame, len, NULL) == ST_OK);
        want.frames++;
        for (size_t i = 0; i < len; i++)
            want.mix = want.mix * 31 + frame[i] + 1;
    }
    FUZZ_MUST(st_frame_writer_end(writer, NULL) == ST_OK);
    st_frame_writer_free(writer);
    outcome got = read_stream(stream.data, stream.len, piece);
    FUZZ_MUST(got.err == ST_OK && got.whole);
    FUZZ_MUST(got.frames == want.frames && got.mix == want.mix);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static st_buffer stream;
    fuzz_bytes bytes = { data, size };
    uint8_t how = fuzz_u8(&bytes);
    size_t piece = 1 + (how >> 2);
    stream.max = DECODED_MAX;
    st_buffer_clear(&stream);
    if (how % 16 == 15 && size < 2048) {
        own(bytes, piece);
    } else if (how % 4 == 2) {
        fuzz_stream(bytes.data, bytes.len, &stream);
        foreign(stream.data, stream.len, piece);
    } else {
        foreign(bytes.data, bytes.len, piece);
    }
    return 0;
}
