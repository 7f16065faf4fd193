/* proto/bytes.h - a growing buffer that is born with its maximum, and a bounded reader. */
#ifndef SOTAY_PROTO_BYTES_H
#define SOTAY_PROTO_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/err.h"

typedef struct {
    uint8_t *data;      /* heap, owned by the buffer; NULL while empty */
    size_t len;
    size_t capacity;
    size_t max;
} st_buffer;

/* An empty buffer that never grows over max bytes. Takes no memory yet. */
void st_buffer_init(st_buffer *buffer, size_t max);
/* Frees the memory; the buffer is empty and usable again. Safe on a zeroed struct. */
void st_buffer_free(st_buffer *buffer);
/* Forgets the content, keeps the memory. */
void st_buffer_clear(st_buffer *buffer);
/* Appends. ST_E_TOO_LARGE over max, ST_E_MEMORY; then nothing was appended. */
ST_MUST_USE st_err st_buffer_append(st_buffer *buffer, const void *data, size_t len,
                                    st_error *error);
/* Room for len more bytes; the pointer is valid until the next call, *buffer.len is unchanged.
 * NULL over max or without memory. */
uint8_t *st_buffer_reserve(st_buffer *buffer, size_t len);
/* The same with the reason: ST_E_TOO_LARGE over max, ST_E_MEMORY. */
ST_MUST_USE st_err st_buffer_room(st_buffer *buffer, size_t len, uint8_t **out_at, st_error *error);
/* Appends formatted text without the NUL. Errors as st_buffer_append. */
ST_MUST_USE st_err st_buffer_printf(st_buffer *buffer, st_error *error, const char *format, ...)
    ST_PRINTF(3, 4);

/* Big-endian numbers at p. */
void st_put_u16(uint8_t *p, uint16_t v);
void st_put_u32(uint8_t *p, uint32_t v);
void st_put_u64(uint8_t *p, uint64_t v);
uint16_t st_get_u16(const uint8_t *p);
uint32_t st_get_u32(const uint8_t *p);
uint64_t st_get_u64(const uint8_t *p);

/* Lower-case hex of `bytes` bytes into text (2*bytes+1 with NUL). */
void st_hex(const void *data, size_t bytes, char *text);
/* Reads exactly 2*bytes lower- or upper-case hex digits; false otherwise (out untouched). */
bool st_unhex(const char *text, size_t chars, void *out, size_t bytes);
/* Standard base64 with padding (RFC 4648 4) into text; size of text >= 4*((bytes+2)/3)+1. */
void st_base64(const void *data, size_t bytes, char *text);
/* Canonical base64 only; returns the decoded length or SIZE_MAX. out holds at least chars*3/4. */
size_t st_unbase64(const char *text, size_t chars, uint8_t *out);
/* base64url without padding (RFC 4648 5); text >= 4*((bytes+2)/3)+1. */
void st_base64url(const void *data, size_t bytes, char *text);
/* Canonical base64url without padding; decoded length or SIZE_MAX. */
size_t st_unbase64url(const char *text, size_t chars, uint8_t *out);

#endif
