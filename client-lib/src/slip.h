/* client-lib/src/slip.h - the plain layout of values that only this store reads: fixed numbers
 * big-endian, bytes and texts with their length. Nothing here travels. */
#ifndef SOTAY_CLIENT_SLIP_H
#define SOTAY_CLIENT_SLIP_H

#include "proto/bytes.h"
#include "proto/id.h"

/* Appends; the first failure stays in `err` and later calls do nothing. */
typedef struct {
    st_buffer *out;
    st_err err;
} slip_writer;

void slip_u8(slip_writer *slip, uint8_t v);
void slip_u64(slip_writer *slip, uint64_t v);
void slip_bytes(slip_writer *slip, const void *data, size_t len); /* no length: fixed size */
void slip_blob(slip_writer *slip, const void *data, size_t len);  /* u32 length first */
void slip_text(slip_writer *slip, const char *text);              /* a blob without the NUL */

/* Reads; running over the end sets `bad` and gives zeros. */
typedef struct {
    const uint8_t *data;
    size_t len, at;
    bool bad;
} slip_reader;

uint8_t slip_get_u8(slip_reader *slip);
uint64_t slip_get_u64(slip_reader *slip);
void slip_get_bytes(slip_reader *slip, void *out, size_t len);
/* Points into the reader's data; NULL and *out_len 0 when bad. */
const uint8_t *slip_get_blob(slip_reader *slip, size_t *out_len);
/* Copies a text of at most size-1 bytes, NUL-terminated; longer ones are bad. */
void slip_get_text(slip_reader *slip, char *out, size_t size);

#endif
