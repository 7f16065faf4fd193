/* server/http/stream.c - frames in and out of bodies. Must never hold a second copy of a body. */
#include "server/http/stream.h"

#define REPLY_LEVEL 3

#define EXCHANGE_VERSION 1u

st_err http_check_version(uint32_t version, st_error *error)
{
    return version <= EXCHANGE_VERSION
               ? ST_OK
               : st_fail(error, ST_E_VERSION, "request: version %u, at most %u", (unsigned)version,
                         EXCHANGE_VERSION);
}

st_err http_read_frames(const uint8_t *stream, size_t len, const st_buffer *base,
                        const http_taker *taker, st_error *error)
{
    st_frame_reader *reader = NULL;
    const uint8_t *frame;
    size_t frame_len;
    st_err bad = ST_OK;
    st_err err = st_frame_reader_new(ST_STREAM_BYTES_MAX, &reader, error);
    if (err == ST_OK && base != NULL)
        err = st_frame_reader_base(reader, base->data, base->len, error);
    if (err == ST_OK)
        err = st_frame_feed(reader, stream, len, error);
    while (err == ST_OK && st_frame_read(reader, &frame, &frame_len, &bad))
        err = taker->take(taker->context, frame, frame_len, error);
    if (err == ST_OK && bad != ST_OK)
        err = st_fail(error, bad, "body: the stream is damaged");
    if (err == ST_OK && !st_frame_is_complete(reader))
        err = st_fail(error, ST_E_CORRUPT, "body: the stream is cut");
    st_frame_reader_free(reader);
    return err;
}

st_err http_stream_begin(http_stream *stream, http_request *request, st_error *error)
{
    *stream = (http_stream){ 0 };
    st_buffer_init(&stream->frame, ST_FRAME_BYTES_MAX);
    return st_frame_writer_new(REPLY_LEVEL, &request->reply, &stream->writer, error);
}

st_err http_stream_put(http_stream *stream, const st_frame *frame, st_error *error)
{
    st_buffer_clear(&stream->frame);
    st_err err = st_frame_encode(frame, &stream->frame, error);
    if (err == ST_OK)
        err = st_frame_write(stream->writer, stream->frame.data, stream->frame.len, error);
    return err;
}

st_err http_stream_end(http_stream *stream, st_error *error)
{
    return st_frame_writer_end(stream->writer, error);
}

void http_stream_free(http_stream *stream)
{
    st_frame_writer_free(stream->writer);
    st_buffer_free(&stream->frame);
}
