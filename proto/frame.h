/* proto/frame.h - length-delimited frames in one zstd stream, bounded in both directions.
 * The only file that knows zstd. A frame = varint length (<= ST_FRAME_BYTES_MAX), then that many
 * bytes (message Frame, proto/message.h). Source: RFC 8878, docs/protocol.md 6. */
#ifndef SOTAY_PROTO_FRAME_H
#define SOTAY_PROTO_FRAME_H

#include "proto/bytes.h"

typedef struct st_frame_writer st_frame_writer;
typedef struct st_frame_reader st_frame_reader;

typedef struct {
    const void *data;          /* NULL: none */
    size_t len;
    uint32_t id;               /* 0 without one */
} st_dictionary;

/* The dictionary that ships with this protocol version; id 1. Empty data when there is none. */
st_dictionary st_frame_dictionary(void);

/* level: zstd level 1..19. The writer appends compressed bytes to *out (not owned) as it goes. */
ST_MUST_USE st_err st_frame_writer_new(int level, st_buffer *out, st_frame_writer **out_writer,
                                       st_error *error);
ST_MUST_USE st_err st_frame_write(st_frame_writer *writer, const void *frame, size_t len,
                                  st_error *error);
/* Ends the stream; nothing may be written after. */
ST_MUST_USE st_err st_frame_writer_end(st_frame_writer *writer, st_error *error);
void st_frame_writer_free(st_frame_writer *writer);

/* decoded_max: ceiling of decoded bytes over the whole stream. Refuses windows over
 * 2^ST_ZSTD_WINDOW_LOG_MAX, foreign dictionaries, skippable frames, a second zstd frame. */
ST_MUST_USE st_err st_frame_reader_new(size_t decoded_max, st_frame_reader **out_reader,
                                       st_error *error);
/* Feeds compressed bytes (any cut). Frames come out of st_frame_read. ST_E_CORRUPT, ST_E_TOO_LARGE:
 * the reader is dead afterwards. */
ST_MUST_USE st_err st_frame_feed(st_frame_reader *reader, const void *data, size_t len,
                                 st_error *error);
/* The next whole frame, valid until the next call on the reader; false when none is complete yet.
 * *out_err is ST_OK, or what is wrong with the stream. */
bool st_frame_read(st_frame_reader *reader, const uint8_t **out_frame, size_t *out_len,
                   st_err *out_err);
/* True when the zstd frame ended cleanly and no half frame is left. */
bool st_frame_is_complete(const st_frame_reader *reader);
void st_frame_reader_free(st_frame_reader *reader);

#endif
