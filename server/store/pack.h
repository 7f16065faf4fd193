/* server/store/pack.h - small rows of derived tables and keys as bytes: fixed-width big-endian
 * numbers, fixed arrays, and length-prefixed byte strings. Not for the wire. */
#ifndef SOTAY_SERVER_STORE_PACK_H
#define SOTAY_SERVER_STORE_PACK_H

#include "proto/change.h"
#include "server/store/store.h"

/* A key under construction; never over STORE_KEY_BYTES_MAX by the types it is made of. */
typedef struct {
    uint8_t data[STORE_KEY_BYTES_MAX];
    size_t len;
} pack_key;

/* Appends. The text of pack_text_key is followed by a 0 byte, so that a shorter text sorts first
 * and is no prefix of a longer one. */
void pack_key_id(pack_key *key, const st_id *id);
void pack_key_u64(pack_key *key, uint64_t number);
void pack_key_text(pack_key *key, const char *text);
void pack_key_hash(pack_key *key, const st_hash *hash);
store_slice pack_key_slice(const pack_key *key);
/* One id, one number, or one text as a whole key. */
pack_key pack_id(const st_id *id);
pack_key pack_u64(uint64_t number);
pack_key pack_text(const char *text);

/* Appends to a row. ST_E_TOO_LARGE, ST_E_MEMORY. */
ST_MUST_USE st_err pack_put(st_buffer *row, const void *data, size_t len);
ST_MUST_USE st_err pack_put_u8(st_buffer *row, uint8_t number);
ST_MUST_USE st_err pack_put_u64(st_buffer *row, uint64_t number);
/* 4 bytes of length, then the bytes. */
ST_MUST_USE st_err pack_put_string(st_buffer *row, const void *data, size_t len);

/* After the last piece: when one did not fit, the words for it. Returns `err`. */
ST_MUST_USE st_err pack_done(st_err err, const char *what, st_error *error);

/* Reads a row from the front. After the first short read everything reads as zero and is_bad is
 * true: check it once at the end. */
typedef struct {
    const uint8_t *data;
    size_t len;
    bool is_bad;
} pack_reader;
/* At the front of a row; the row must outlive the reader. */
pack_reader pack_read(store_slice row);
/* Exactly len bytes. */
void pack_get(pack_reader *reader, void *out, size_t len);
/* One byte. */
uint8_t pack_get_u8(pack_reader *reader);
/* Eight bytes, big-endian. */
uint64_t pack_get_u64(pack_reader *reader);
/* Points into the row. */
store_slice pack_get_string(pack_reader *reader);
/* The same into a C string; too long a one makes the row bad. */
void pack_get_text(pack_reader *reader, char *out, size_t out_bytes);
/* ST_E_CORRUPT when something was short or something is left over. */
ST_MUST_USE st_err pack_end(const pack_reader *reader, const char *what, st_error *error);

#endif
