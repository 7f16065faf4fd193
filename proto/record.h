/* proto/record.h - one record as a replica remembers it, and the vector of a bucket.
 * Source: docs/protocol.md 3 ("Lean" of the merge model). In memory all arrays live in the arena
 * the record was decoded from or folded into. */
#ifndef SOTAY_PROTO_RECORD_H
#define SOTAY_PROTO_RECORD_H

#include "proto/change.h"

/* What is remembered of a change as long as it has a live operation or is an act. The creating
 * change is always remembered. */
typedef struct {
    st_dot dot;
    st_id actor;               /* the person */
    st_role role;
    st_via via;
    st_hlc hlc;
    int64_t wall_ms;
    int64_t received_ms;       /* 0: not received by the server yet */
    uint64_t log_index;        /* 0: not in the log yet */
    st_id carrier;             /* zero: its own device brought it */
    const st_under *under;
    uint32_t under_count;
    bool amend;
    st_act_kind act;           /* ST_ACT_NONE: an edit */
    st_context context;        /* of the act, or of its drops and keeps */
    st_value reason;
    uint32_t live_ops;         /* how many of lives point here; kept by fold and decode */
} st_meta;

typedef struct {
    uint32_t meta;             /* index in metas */
    st_op op;                  /* path, verb, value, kept; replaces is NULL */
} st_live;

typedef struct { st_path path; st_dot dot; } st_waiting;

typedef struct {
    st_arena *arena;
    st_id id;
    st_bucket bucket;
    bool created;              /* the creating change is folded in */
    uint32_t creator;          /* index in metas */
    st_code form;
    uint32_t form_version;
    st_meta *metas;            /* ascending by dot */
    size_t metas_count, metas_capacity;
    st_live *lives;            /* ascending by path, then dot */
    size_t lives_count, lives_capacity;
    st_waiting *waitings;      /* ascending by path, then dot */
    size_t waitings_count, waitings_capacity;
    st_id *wrote;              /* ascending: devices that wrote in the record */
    size_t wrote_count, wrote_capacity;
} st_record;

typedef struct { st_id device; uint64_t counter; } st_upto;
typedef struct { st_dot dot; uint64_t prev; st_id record; } st_extra; /* prev unused in holes */

/* device -> counter of what is folded in along `here`; single dots beyond a gap; holes. */
typedef struct {
    st_arena *arena;
    st_upto *upto;             /* ascending by device */
    size_t upto_count, upto_capacity;
    st_extra *extras;          /* ascending by dot */
    size_t extras_count, extras_capacity;
    st_extra *holes;           /* ascending by dot */
    size_t holes_count, holes_capacity;
} st_vector;

/* Empty ones. */
void st_record_init(st_record *record, st_arena *arena, const st_id *id, const st_bucket *bucket);
void st_vector_init(st_vector *vector, st_arena *arena);
/* Copies of the arrays in another arena: folding into the copy leaves the original as it was. What
 * never changes (values, `under`, contexts) stays shared, so the original's memory must outlive the
 * copy. ST_E_MEMORY. */
ST_MUST_USE st_err st_record_copy(const st_record *record, st_arena *arena, st_record *out_record,
                                  st_error *error);
ST_MUST_USE st_err st_vector_copy(const st_vector *vector, st_arena *arena, st_vector *out_vector,
                                  st_error *error);

/* Live operations of one path: lives[first .. first+count), ascending by dot. */
typedef struct { size_t first, count; } st_span;
st_span st_record_path(const st_record *record, const st_path *path);
/* Index in lives of the first one whose path is not below *path; lives_count when there is none. */
size_t st_record_seek(const st_record *record, const st_path *path);
/* Index of the dot in metas; SIZE_MAX when it is not remembered. */
size_t st_record_meta(const st_record *record, const st_dot *dot);

/* The stored forms (RecordState, VectorState in sotay.proto): same content, same bytes. Encode
 * appends; ST_E_MEMORY, ST_E_TOO_LARGE (over the buffer's maximum).
 * Decode: ST_E_CORRUPT, ST_E_TOO_LARGE, ST_E_MEMORY; everything is copied into the arena, so
 * `bytes` may go away. */
ST_MUST_USE st_err st_record_encode(const st_record *record, st_buffer *out, st_error *error);
ST_MUST_USE st_err st_record_decode(const uint8_t *bytes, size_t len, st_arena *arena,
                                    st_record *out_record, st_error *error);
ST_MUST_USE st_err st_vector_encode(const st_vector *vector, st_buffer *out, st_error *error);
ST_MUST_USE st_err st_vector_decode(const uint8_t *bytes, size_t len, st_arena *arena,
                                    st_vector *out_vector, st_error *error);

/* One spelling of a path as bytes, for sums and keys: kind 1, group 2, field 2, key length 1 and
 * bytes, item device 16, counter 8, place 2, element length 1 and bytes; numbers big-endian.
 * Returns the length. */
#define ST_PATH_BYTES_MAX (1 + 2 + 2 + 1 + ST_CODE_BYTES_MAX + 24 + 2 + 1 + ST_CODE_BYTES_MAX)
size_t st_path_encode(const st_path *path, uint8_t out[ST_PATH_BYTES_MAX]);

/* 16-byte additive sum (mod 2^128, big-endian) of a record: over path, dot, value of each live
 * operation and over its acts (dot and kind). Depends on nothing else. */
typedef struct { uint8_t b[16]; } st_sum;
st_sum st_record_sum(const st_record *record);
void st_sum_add(st_sum *sum, const st_sum *other);
void st_sum_subtract(st_sum *sum, const st_sum *other);

#endif
