/* server/sync/snapshot_cut.h - writes a snapshot of a bucket into a file. For snapshot.c. */
#ifndef SOTAY_SERVER_SYNC_SNAPSHOT_CUT_H
#define SOTAY_SERVER_SYNC_SNAPSHOT_CUT_H

#include "server/sync/fold.h"

/* Writes all pieces to `path`, made anew, and makes them durable: vector, held sets, records, as
 * the transaction shows them. One piece and one record are in memory at a time; the list of pieces
 * lives in the arena. ST_E_TOO_LARGE: something does not fit into a frame; ST_E_STORAGE,
 * ST_E_CORRUPT, ST_E_MEMORY. */
ST_MUST_USE st_err snapshot_cut(store_txn *txn, const st_bucket *bucket, const char *path,
                                st_arena *arena, st_snapshot *out_snapshot, st_error *error);

#endif
