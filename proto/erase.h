/* proto/erase.h - single values destroyed by law (docs/protocol.md 7.16): which ones, and what is
 * left of a change-set and of a record without them. Signature, chain and merge stand. */
#ifndef SOTAY_PROTO_ERASE_H
#define SOTAY_PROTO_ERASE_H

#include "proto/changeset.h"
#include "proto/record.h"

#define ST_ERASURES_MAX 256u           /* in one `targets` value */
#define ST_PLACE_NONE UINT32_MAX       /* the value stands in the skeleton, or there is none */

/* A record of this form, made by the server's own device in the catalogue, is an erasure. Numbers
 * of its fields: what it is about, and the values. */
#define ST_ERASURE_FORM "erasure"
#define ST_ERASURE_ABOUT 1u
#define ST_ERASURE_TARGETS 5u

/* One value: where it lies among the detached values of a set, and where in the record. */
typedef struct {
    st_dot dot;                /* of the change that wrote it */
    uint64_t first;            /* of its set */
    st_hash set;               /* hash of its set */
    uint32_t place;
    size_t path_len;           /* 0: it is the reason of the change */
    uint8_t path[ST_PATH_BYTES_MAX];   /* st_path_encode */
} st_erasure;

/* The bytes of `targets`: of each one device 16, counter u64, first u64, hash 32, place u32, length
 * of path u8, path. Encode appends; ST_E_TOO_LARGE over ST_ERASURES_MAX; ST_E_MEMORY. Decode: list
 * in the arena; ST_E_CORRUPT, ST_E_MEMORY. */
ST_MUST_USE st_err st_erasures_encode(const st_erasure *list, size_t count, st_buffer *out,
                                      st_error *error);
ST_MUST_USE st_err st_erasures_decode(const uint8_t *bytes, size_t len, st_arena *arena,
                                      const st_erasure **out_list, size_t *out_count,
                                      st_error *error);

/* What a change erases: the record, and its values in the arena. False: it is no erasure, or one
 * that names nothing that can be read. ST_E_MEMORY. */
ST_MUST_USE st_err st_erasure_read(const st_change *change, st_arena *arena, bool *out_is,
                                   st_id *out_about, const st_erasure **out_list,
                                   size_t *out_count);

/* A value of a set by the change it stands in: op counts its operations from 0; ST_PLACE_NONE
 * means its reason. */
typedef struct { uint32_t change, op; } st_set_value;
/* Its place among the detached values; ST_PLACE_NONE when it is not one of them. ST_E_CORRUPT: no
 * set, or it has no such change or operation; ST_E_MEMORY. */
ST_MUST_USE st_err st_set_place(const uint8_t *bytes, size_t len, st_set_value value,
                                uint32_t *out_place, st_error *error);

/* The places of a set whose values are gone, ascending, in the arena. ST_E_CORRUPT, ST_E_MEMORY. */
ST_MUST_USE st_err st_set_gone(const uint8_t *bytes, size_t len, st_arena *arena,
                               const uint32_t **out_list, size_t *out_count, st_error *error);

/* Appends what is left of the set without the values at the places (in any order; those that are
 * gone already may be among them): the same hash and signature, no seed, and for each other value
 * its key. The same places give the same bytes, in however many steps. ST_E_CORRUPT: no set;
 * ST_E_VALUE: it has no such place; ST_E_TOO_LARGE; ST_E_MEMORY. out is then as before. */
typedef struct { const uint32_t *list; size_t count; } st_set_places;
ST_MUST_USE st_err st_set_erase(const uint8_t *bytes, size_t len, st_set_places places,
                                st_buffer *out, st_error *error);

/* Destroys the values in the record. True when something changed. */
bool st_record_erase(st_record *record, const st_erasure *list, size_t count);

#endif
