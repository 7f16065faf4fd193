/* proto/frame.h - length-delimited frames in one zstd stream, bounded in both directions.
 * The only file that knows zstd. A frame = varint length (<= ST_FRAME_BYTES_MAX), then that many
 * bytes (message Frame, proto/message.h). Source: RFC 8878, docs/protocol.md 6. */
#ifndef SOTAY_PROTO_FRAME_H
#define SOTAY_PROTO_FRAME_H

#include "proto/bytes.h"

typedef struct st_frame_writer st_frame_writer;
typedef struct st_frame_reader st_frame_reader;

/* level: zstd level, cut to 1..19. The writer appends compressed bytes to *out (not owned, must
 * outlive the writer) as it goes; most of them come when a block is full or the stream ends. An
 * empty stream is 9 bytes. ST_E_MEMORY. */
ST_MUST_USE st_err st_frame_writer_new(int level, st_buffer *out, st_frame_writer **out_writer,
                                       st_error *error);
/* For what is written once and read by many: the widest window that a reader allows, and the level
 * stays as asked for, however long the stream grows. Before the first frame. ST_E_MEMORY. */
ST_MUST_USE st_err st_frame_writer_widen(st_frame_writer *writer, st_error *error);
/* The stream leans on these bytes, which must outlive the writer: only a reader with the same base
 * reads it. Before the first frame. ST_E_MEMORY. */
ST_MUST_USE st_err st_frame_writer_base(st_frame_writer *writer, const void *base, size_t len,
                                        st_error *error);
/* Adds one frame of 0..ST_FRAME_BYTES_MAX bytes. ST_E_TOO_LARGE over that: nothing was written and
 * the writer lives on. ST_E_TOO_LARGE over out->max, ST_E_MEMORY: the stream is cut, every later
 * call fails the same way. */
ST_MUST_USE st_err st_frame_write(st_frame_writer *writer, const void *frame, size_t len,
                                  st_error *error);
/* Ends the stream; nothing may be written after. */
ST_MUST_USE st_err st_frame_writer_end(st_frame_writer *writer, st_error *error);
void st_frame_writer_free(st_frame_writer *writer);

/* decoded_max: ceiling of decoded bytes over the whole stream, lengths included. Refuses windows
 * over 2^ST_ZSTD_WINDOW_LOG_MAX, foreign dictionaries, skippable frames, a second zstd frame, and
 * whatever follows the first. ST_E_MEMORY. */
ST_MUST_USE st_err st_frame_reader_new(size_t decoded_max, st_frame_reader **out_reader,
                                       st_error *error);
/* What the stream leans on; must outlive the reader. Before the first byte. With other bytes than
 * the writer's the frames are wrong or ST_E_CORRUPT: know that they are the same. ST_E_MEMORY. */
ST_MUST_USE st_err st_frame_reader_base(st_frame_reader *reader, const void *base, size_t len,
                                        st_error *error);
/* Feeds compressed bytes (any cut; copied). Nothing is decoded before st_frame_read asks for it, so
 * read until it returns false before feeding more: ST_E_TOO_LARGE when more than ST_BODY_BYTES_MAX
 * wait undecoded. ST_E_CORRUPT: not a zstd frame, or bytes after its end. ST_E_MEMORY. After any
 * error the reader is dead and every call says so. */
ST_MUST_USE st_err st_frame_feed(st_frame_reader *reader, const void *data, size_t len,
                                 st_error *error);
/* The next whole frame, valid until the next call on the reader; false when none is complete yet.
 * *out_err is ST_OK, or what is wrong with the stream: ST_E_CORRUPT, ST_E_TOO_LARGE (frame, budget,
 * window), ST_E_MEMORY; the reader is dead then. *out_frame, *out_len only when true. */
bool st_frame_read(st_frame_reader *reader, const uint8_t **out_frame, size_t *out_len,
                   st_err *out_err);
/* True when the zstd frame ended cleanly and no half frame is left; ask after st_frame_read has
 * returned false. */
bool st_frame_is_complete(const st_frame_reader *reader);
/* True when the stream was refused at its first bytes: it is none of ours. */
bool st_frame_is_foreign(const st_frame_reader *reader);
void st_frame_reader_free(st_frame_reader *reader);

#endif
