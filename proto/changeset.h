/* proto/changeset.h - builds, signs, encodes, decodes and validates change-sets. */
#ifndef SOTAY_PROTO_CHANGESET_H
#define SOTAY_PROTO_CHANGESET_H

#include "proto/change.h"

/* What the arena of st_set_decode should be allowed to hold: enough for every honest set. */
#define ST_SET_ARENA_BYTES (32u * 1024u * 1024u)

/* A set that is built but not yet signed: the signature may come later from a key that cannot be
 * exported. */
typedef struct {
    st_buffer skeleton;        /* owned */
    uint8_t seed[ST_SEED_BYTES];
    st_hash hash;              /* set_hash: what st_set_sign_text() signs */
} st_unsigned_set;

/* Encodes header and changes of *set (hash, signature, bytes are ignored; every change must be of
 * set->device with counters rising by one from set->first, prev chained, and carry at most
 * ST_CHANGE_BYTES_MAX), computes set->hash. seed: 32 fresh random bytes.
 * ST_E_TOO_LARGE over a frozen limit (send fewer changes in one set), ST_E_MEMORY, ST_E_USAGE: the
 * set breaks a rule that st_set_decode would refuse. Free with st_unsigned_set_free. */
ST_MUST_USE st_err st_set_build(const st_set *set, const uint8_t seed[32],
                                st_unsigned_set *out_unsigned, st_error *error);
void st_unsigned_set_free(st_unsigned_set *unsigned_set);

/* The bytes that are signed: "sotay-set/v1" NUL, log id 16, device 16, set_hash 32. */
#define ST_SET_SIGN_BYTES 77
void st_set_sign_text(const st_id *log, const st_id *device, const st_hash *hash,
                      uint8_t out[ST_SET_SIGN_BYTES]);

/* Appends the finished ChangeSet message to out. */
ST_MUST_USE st_err st_set_finish(const st_set *set, const st_unsigned_set *unsigned_set,
                                 const uint8_t signature[64], st_buffer *out, st_error *error);

/* Is it no longer than a set may be: ST_SET_BYTES_MAX, or ST_ERASED_SET_BYTES_MAX after an erasure?
 * Looks at nothing else. */
bool st_set_fits(const uint8_t *bytes, size_t len);

/* Decodes and validates. bytes must live as long as the set (values point into the arena).
 * ST_E_CORRUPT: not a change-set (truncated, over-nested, over-long varint, bad UTF-8 or not NFC,
 * NUL in text, wrong lengths, doubled paths, unsorted dots, ...); ST_E_TOO_LARGE: over a frozen
 * limit or the ceiling of the arena; ST_E_VERSION: format is newer; ST_E_MEMORY. After any of them
 * device, format, first, hash, signature and bytes are set when the envelope could be read (so that
 * a signed set can be kept although it cannot be read: changes_count is 0), else all of *out_set is
 * zero (bytes is NULL).
 * Unknown verbs, acts and value kinds mark their change as `unknown`, they are no error; of such a
 * change only dot, prev, record, creation and times are set. Fields this version does not know are
 * skipped; the bytes keep them. Does not check the signature. */
ST_MUST_USE st_err st_set_decode(const uint8_t *bytes, size_t len, st_arena *arena,
                                 st_set *out_set, st_error *error);

/* The same for bytes that this program made and keeps where nobody else writes (the phone's sealed
 * store): every rule is checked, but the hash, which costs most, is left zero. Never for foreign
 * bytes. */
ST_MUST_USE st_err st_set_decode_kept(const uint8_t *bytes, size_t len, st_arena *arena,
                                      st_set *out_set, st_error *error);

/* True when the signature is that of sign_key over st_set_sign_text(). */
bool st_set_verify(const st_set *set, const st_id *log, const uint8_t sign_key[32]);

/* Encoded size of one change with its values, for the check at save: never less than what it
 * takes in a set, but for the set's device table (18 bytes for each other device named). */
size_t st_change_encoded_size(const st_change *change);

#endif
