/* server/sync/snapshot.h - the current records of a bucket as a file that many devices fetch:
 * DIR/snapshots/<name>.zst, and for each bucket DIR/snapshots/<hash of the bucket>.list with what
 * the newest one is. Both can be thrown away: they are cut anew. Source: docs/protocol.md 7.10. */
#ifndef SOTAY_SERVER_SYNC_SNAPSHOT_H
#define SOTAY_SERVER_SYNC_SNAPSHOT_H

#include <stdatomic.h>

#include "server/sync/feed.h"

#define SYNC_SNAPSHOT_RECORDS_MIN 32u     /* fewer: their entries are as short */

/* What a device that has nothing of the bucket is to fetch: the snapshot there is, or one that is
 * cut now, out of the transaction's moment: quickly, and larger than it has to be. Waits while
 * another thread cuts one. The list lives in the arena. ST_E_NOT_FOUND without *error: there is
 * none (too few records, the catalogue, no room on the disk), it gets entries. ST_E_CORRUPT,
 * ST_E_MEMORY. */
ST_MUST_USE st_err sync_snapshot_offer(sync_room *room, store_txn *txn, const st_bucket *bucket,
                                       st_arena *arena, st_snapshot *out_snapshot,
                                       st_error *error);
/* Opens the file of a snapshot that was offered for this bucket: the newest or one of the two
 * before it. The caller closes *out_fd. ST_E_NOT_FOUND. */
ST_MUST_USE st_err sync_snapshot_open(const sync_room *room, const st_bucket *bucket,
                                      const st_hash *name, int *out_fd, uint64_t *out_bytes,
                                      st_error *error);
/* Sees to it, before anybody asks, that there is a snapshot of the bucket with few entries behind
 * it and of as few bytes as there may be; takes seconds of the processor where there is none, in no
 * transaction and with nobody waiting for it. For one thread at a time. ST_E_BUSY once *stop is set
 * (NULL: never); ST_E_CORRUPT, ST_E_MEMORY, ST_E_STORAGE: what was given out before still is. */
ST_MUST_USE st_err sync_snapshot_prepare(sync_room *room, const st_bucket *bucket,
                                         const atomic_bool *stop, st_error *error);
/* Removes what was cut of the bucket. */
void sync_snapshot_drop(const sync_room *room, const st_bucket *bucket);
/* Removes what was cut of any bucket before something in it was erased. What cannot be removed now
 * is not given out any more, and goes when the next one is cut. */
void sync_snapshot_drop_erased(const sync_room *room);

#endif
