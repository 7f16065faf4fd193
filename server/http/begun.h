/* server/http/begun.h - beginnings of requests with pieces of files whose line broke, for their
 * phone to go on at the byte (docs/protocol.md 7.11). Nobody has signed them yet: they are used
 * only as the beginning of a stream whose signature is then checked as a whole. */
#ifndef SOTAY_SERVER_HTTP_BEGUN_H
#define SOTAY_SERVER_HTTP_BEGUN_H

#include "proto/message.h"

#define BEGUN_ROWS 256u                        /* devices */
#define BEGUN_BYTES_MAX ((size_t)4 << 20)      /* of all together; the oldest go */
#define BEGUN_ONE_BYTES_MAX ((size_t)320 << 10)
#define BEGUN_ONE_BYTES_LEAST 1024u            /* fewer are sent again sooner than asked for */
#define BEGUN_MS ((int64_t)10 * 60 * 1000)     /* older ones go */

typedef struct begun begun;

/* NULL without memory; then, as with every NULL below, nothing is kept. All calls may come from any
 * thread; now_ms is of a clock that nobody sets. */
begun *begun_new(void);
void begun_free(begun *b);

/* Of a body that was announced with so many bytes, `len` came. Takes the place of what was kept of
 * the device before. */
void begun_keep(begun *b, const uint8_t *body, size_t len, size_t announced, int64_t now_ms);
/* What is kept of the device's last one; bytes 0: nothing. */
st_kept begun_of(begun *b, const st_id *device, int64_t now_ms);
/* Puts the first `skip` bytes of what is kept into out, which is replaced. ST_E_CHANGED: so many
 * are not here. ST_E_MEMORY. */
ST_MUST_USE st_err begun_take(begun *b, const st_id *device, uint32_t skip, int64_t now_ms,
                              st_buffer *out, st_error *error);
/* A request of the device came whole. */
void begun_drop(begun *b, const st_id *device, int64_t now_ms);

#endif
