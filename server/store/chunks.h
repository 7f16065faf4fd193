/* server/store/chunks.h - pieces of attachments as files: DIR/chunks/<2 hex>/<62 hex>, named by the
 * SHA-256 of what is in them. A file that has its name is whole and is never written again; what is
 * being written lies in DIR/parts. Calls may come from any thread. */
#ifndef SOTAY_SERVER_STORE_CHUNKS_H
#define SOTAY_SERVER_STORE_CHUNKS_H

#include <stdint.h>

#include "proto/bytes.h"
#include "proto/err.h"
#include "proto/hash.h"

/* Is the piece there, with its name on disk for good? ST_E_STORAGE. */
ST_MUST_USE st_err chunks_has(const char *dir, const st_hash *hash, bool *out_has,
                              st_error *error);
/* A piece to be written; part: a name that no other call under way has ([0-9a-f-], at most 80). */
typedef struct {
    const char *part;
    st_hash hash;              /* SHA-256 of bytes */
    const uint8_t *bytes;
    size_t len;
} chunks_piece;
/* Writes a piece; one that is there is fine. When it returns ST_OK, name and bytes are on disk.
 * ST_E_STORAGE: no such file was made. */
ST_MUST_USE st_err chunks_put(const char *dir, const chunks_piece *piece, st_error *error);

/* Is there a file of that name? Tells nothing about whether it is on disk for good: for counting.
 * ST_E_STORAGE. */
ST_MUST_USE st_err chunks_is_there(const char *dir, const st_hash *hash, bool *out_is,
                                   st_error *error);
/* Appends the piece. ST_E_NOT_FOUND; ST_E_CORRUPT: it is not what its name says; ST_E_STORAGE: its
 * disk does not give it; ST_E_MEMORY: this machine has no memory or descriptor left to read it. */
ST_MUST_USE st_err chunks_get(const char *dir, const st_hash *hash, st_buffer *out,
                              st_error *error);
/* Removes a piece for good: what it was part of was erased. One that is not there is fine.
 * ST_E_STORAGE. */
ST_MUST_USE st_err chunks_remove(const char *dir, const st_hash *hash, st_error *error);

typedef enum { CHUNKS_MISSING, CHUNKS_WHOLE, CHUNKS_WRONG } chunks_state;
/* Reads the piece and compares it with its name. out_len: its bytes, 0 when missing.
 * ST_E_STORAGE: it cannot be read. */
ST_MUST_USE st_err chunks_check(const char *dir, const st_hash *hash, chunks_state *out_state,
                                uint64_t *out_len, st_error *error);
/* Every piece that has its name, in no order, until `each` fails. What lies among them under a name
 * that is none of theirs is passed over. ST_E_STORAGE, or what each returned. */
typedef st_err (*chunks_take)(void *context, const st_hash *hash, uint64_t bytes,
                              st_error *error);
/* See chunks_take. */
ST_MUST_USE st_err chunks_each(const char *dir, chunks_take each, void *context, st_error *error);
/* Bytes of all pieces. ST_E_STORAGE. */
ST_MUST_USE st_err chunks_total(const char *dir, uint64_t *out_bytes, st_error *error);
/* Removes what a process that was killed left half written. Only while no other call is under way.
 * ST_E_STORAGE. */
ST_MUST_USE st_err chunks_tidy(const char *dir, st_error *error);

#endif
