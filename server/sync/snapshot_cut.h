/* server/sync/snapshot_cut.h - writes a snapshot of a bucket into a file, quickly while somebody
 * waits for it, and packs it densely when nobody does. For snapshot.c. */
#ifndef SOTAY_SERVER_SYNC_SNAPSHOT_CUT_H
#define SOTAY_SERVER_SYNC_SNAPSHOT_CUT_H

#include <stdatomic.h>

#include "server/sync/fold.h"

/* Writes all pieces to `path`, made anew, and makes them durable: vector, held sets, records, as
 * the transaction shows them, compressed in a moment. One piece and one record are in memory at a
 * time; the list of pieces lives in the arena. ST_E_TOO_LARGE: something does not fit into a frame;
 * ST_E_STORAGE, ST_E_CORRUPT, ST_E_MEMORY. */
ST_MUST_USE st_err snapshot_cut(store_txn *txn, const st_bucket *bucket, const char *path,
                                st_arena *arena, st_snapshot *out_snapshot, st_error *error);

typedef struct {
    const char *path;          /* of its bytes */
    const st_snapshot *snapshot;
    const atomic_bool *stop;   /* NULL: nobody interrupts */
} snapshot_source;
/* Writes the same parts to `path` in as few bytes as there may be: seconds of the processor, no
 * transaction. ST_E_BUSY once *stop is set; ST_E_CORRUPT: the source is not what its list says;
 * ST_E_STORAGE, ST_E_MEMORY. */
ST_MUST_USE st_err snapshot_pack(const snapshot_source *from, const char *path, st_arena *arena,
                                 st_snapshot *out_snapshot, st_error *error);

#endif
