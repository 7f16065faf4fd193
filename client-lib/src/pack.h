/* client-lib/src/pack.h - the plain layout of values that only this store reads: fixed numbers
 * big-endian, bytes and texts with their length. Nothing here travels. */
#ifndef SOTAY_CLIENT_PACK_H
#define SOTAY_CLIENT_PACK_H

#include "proto/bytes.h"
#include "proto/id.h"

/* Appends; the first failure stays in `err` and later calls do nothing. */
typedef struct {
    st_buffer *out;
    st_err err;
} pack_writer;

void pack_u8(pack_writer *pack, uint8_t v);
void pack_u64(pack_writer *pack, uint64_t v);
void pack_bytes(pack_writer *pack, const void *data, size_t len);   /* no length: fixed size */
void pack_blob(pack_writer *pack, const void *data, size_t len);    /* u32 length first */
void pack_text(pack_writer *pack, const char *text);                /* a blob without the NUL */

/* Reads; running over the end sets `bad` and gives zeros. */
typedef struct {
    const uint8_t *data;
    size_t len, at;
    bool bad;
} pack_reader;

uint8_t pack_get_u8(pack_reader *pack);
uint64_t pack_get_u64(pack_reader *pack);
void pack_get_bytes(pack_reader *pack, void *out, size_t len);
/* Points into the reader's data; NULL and *out_len 0 when bad. */
const uint8_t *pack_get_blob(pack_reader *pack, size_t *out_len);
/* Copies a text of at most size-1 bytes, NUL-terminated; longer ones are bad. */
void pack_get_text(pack_reader *pack, char *out, size_t size);

#endif
