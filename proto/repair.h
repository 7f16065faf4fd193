/* proto/repair.h - how two replicas of a bucket find the records in which they differ, in a few
 * short messages: record ids are hashes, so their prefixes cut a bucket into even parts, and sums
 * add up. Source: docs/protocol.md 7.8. Part of proto/message.h, which includes it. */
#ifndef SOTAY_PROTO_REPAIR_H
#define SOTAY_PROTO_REPAIR_H

#include "proto/record.h"

#define ST_REPAIR_PARTS       16u
#define ST_REPAIR_LIST_MAX    16u   /* a range with at most so many records is sent as their list */
#define ST_REPAIR_RANGES_MAX  1024u /* in one ask */
#define ST_REPAIR_RECORDS_MAX 256u  /* named in one ask; more: the bucket is read anew */
#define ST_REPAIR_STATE_MAX   (256u * 1024u) /* of one record that is sent as evidence */

/* All ids that begin with `count` half-bytes of b; the rest of b is zero. count 0: all ids. */
typedef struct {
    uint8_t count, b[16];
} st_range;
/* The part `nibble` (0..15) of a range; count must be below 32. */
st_range st_range_part(const st_range *range, unsigned nibble);
bool st_range_has(const st_range *range, const st_id *id);
/* Which of its 16 parts an id of the range is in. */
unsigned st_range_part_of(const st_range *range, const st_id *id);

typedef struct {
    uint8_t b[8];
} st_brief;
/* The first 8 bytes of a sum: enough to see a difference that nobody made on purpose. */
st_brief st_sum_brief(const st_sum *sum);
/* The first 8 bytes of SHA-256 of the stored form: tells whether two vectors are the same.
 * ST_E_MEMORY. */
ST_MUST_USE st_err st_vector_hash(const st_vector *vector, uint8_t out[8], st_error *error);

typedef struct {
    st_id id;
    st_sum sum;
} st_record_total;
typedef struct {
    st_id id;
    st_brief sum;
} st_record_brief;

/* What to say of a range, given all records of the bucket, ascending by id: its list when it has
 * few, else the sums of its parts. */
typedef struct {
    st_range range;
    bool is_list;
    st_brief parts[ST_REPAIR_PARTS];
    const st_record_brief *records;
    uint32_t records_count;
} st_repair_range;
/* Index of the first total that is not below the range, and of the first behind it. */
void st_range_find(const st_range *range, const st_record_total *totals, size_t count,
                   size_t *out_first, size_t *out_end);
/* ST_E_MEMORY (the list is taken from the arena). */
ST_MUST_USE st_err st_repair_describe(const st_range *range, const st_record_total *totals,
                                      size_t count, st_arena *arena, st_repair_range *out_range,
                                      st_error *error);

#endif
