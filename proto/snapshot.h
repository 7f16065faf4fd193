/* proto/snapshot.h - the current records of a bucket in pieces, in place of its entries from the
 * first one on. Source: docs/protocol.md 7.10. Part of proto/message.h, which includes it. */
#ifndef SOTAY_PROTO_SNAPSHOT_H
#define SOTAY_PROTO_SNAPSHOT_H

#include "proto/record.h"

#define ST_SNAPSHOT_PIECES_MAX   65536u
#define ST_SNAPSHOT_LISTED_BYTES 36u /* of a piece in the list: hash 32, length 4 */

/* One stream of frames, each an st_snapshot_part. */
typedef struct {
    st_hash hash;              /* SHA-256 of its bytes */
    uint32_t bytes;            /* 1 .. ST_BODY_BYTES_MAX */
} st_snapshot_piece;

typedef struct {
    st_bucket bucket;
    uint64_t cursor;           /* what the log said up to this index */
    st_sum sum;                /* of all its records */
    uint32_t fold_version;     /* lowest client version that can read it */
    const st_snapshot_piece *pieces; /* in the order in which they lie; at least one */
    uint32_t pieces_count;
} st_snapshot;

/* Its name: SHA-256 of the list of its pieces. */
st_hash st_snapshot_name(const st_snapshot *snapshot);
/* Bytes of all pieces. */
uint64_t st_snapshot_bytes(const st_snapshot *snapshot);
/* The path under which it is fetched: "/v1/snapshot/<bucket>/<64 hex>". */
#define ST_SNAPSHOT_PATH      "/v1/snapshot/"
#define ST_SNAPSHOT_PATH_SIZE 160
void st_snapshot_path(const st_bucket *bucket, const st_hash *name,
                      char out_path[ST_SNAPSHOT_PATH_SIZE]);
/* And back; false: no such path. */
bool st_snapshot_path_parse(const char *path, st_bucket *out_bucket, st_hash *out_name);

#endif
