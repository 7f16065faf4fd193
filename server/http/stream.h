/* server/http/stream.h - the frames of a body and of a reply, for the handlers of /v1. */
#ifndef SOTAY_SERVER_HTTP_STREAM_H
#define SOTAY_SERVER_HTTP_STREAM_H

#include "proto/frame.h"
#include "server/http/request.h"

/* Reads every frame of a zstd stream and hands it to `take` (bytes live during the call only).
 * base: what the stream leans on, or NULL.
 * ST_E_CORRUPT, ST_E_TOO_LARGE, or what take returned. */
typedef struct {
    void *context;
    st_err (*take)(void *context, const uint8_t *frame, size_t len, st_error *error);
} http_taker;
/* See http_taker. */
ST_MUST_USE st_err http_read_frames(const uint8_t *stream, size_t len, const st_buffer *base,
                                    const http_taker *taker, st_error *error);

/* Is it a version of the exchange that this program speaks? ST_E_VERSION: a later one. */
ST_MUST_USE st_err http_check_version(uint32_t version, st_error *error);

/* Frames into the reply of a request. */
typedef struct {
    st_frame_writer *writer;
    st_buffer frame;
} http_stream;
/* Begins a stream in the reply of a request. ST_E_MEMORY. */
ST_MUST_USE st_err http_stream_begin(http_stream *stream, http_request *request,
                                     st_error *error);
/* Writes one frame. ST_E_TOO_LARGE, ST_E_MEMORY. */
ST_MUST_USE st_err http_stream_put(http_stream *stream, const st_frame *frame, st_error *error);
/* Ends the stream; the reply is then whole. ST_E_MEMORY. */
ST_MUST_USE st_err http_stream_end(http_stream *stream, st_error *error);
/* Frees; safe on a zeroed struct. */
void http_stream_free(http_stream *stream);

#endif
