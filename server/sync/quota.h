/* server/sync/quota.h - how many bytes of attachments each device has brought, and the most it may
 * (sync_room.files_per_device). Rows of META: "quota/piece/" and the hash -> device 16, bytes 8;
 * "quota/device/" and the device -> bytes 8: the sum of its pieces. A piece that was on disk before
 * there were such rows counts for nobody until sync_stray_collect finds it. */
#ifndef SOTAY_SERVER_SYNC_QUOTA_H
#define SOTAY_SERVER_SYNC_QUOTA_H

#include "server/sync/writer.h"

/* A piece that is about to be written. */
typedef struct {
    st_id device;              /* for which it counts */
    st_hash hash;
    uint64_t bytes;
    bool is_taken;             /* result; false: the device would have more here than it may */
} quota_piece;

/* Counts these pieces, before they are written, so that two requests at once cannot have more than
 * one may; what is here, or counted, is taken and not counted again. In a turn of its own. When it
 * fails nothing is counted. ST_E_BUSY, ST_E_STORAGE, ST_E_FULL, ST_E_CORRUPT. */
ST_MUST_USE st_err quota_take(writer *w, quota_piece *pieces, size_t count, st_error *error);
/* Counts a piece that is on disk already, whatever that comes to; one that is counted, or gone, is
 * fine. In the writer's turn. ST_E_STORAGE, ST_E_CORRUPT. */
ST_MUST_USE st_err quota_count(writer_turn *turn, const quota_piece *piece, st_error *error);
/* ST_E_STORAGE, ST_E_CORRUPT. */
ST_MUST_USE st_err quota_is_counted(store_txn *txn, const st_hash *hash, bool *out_is,
                                    st_error *error);
/* The piece is removed: it counts no more. One that was not counted is fine. In the writer's turn.
 * ST_E_STORAGE, ST_E_CORRUPT. */
ST_MUST_USE st_err quota_drop(store_txn *txn, const st_hash *hash, st_error *error);
/* Bytes that count for the device. ST_E_STORAGE, ST_E_CORRUPT. */
ST_MUST_USE st_err quota_used(store_txn *txn, const st_id *device, uint64_t *out_bytes,
                              st_error *error);

/* Told of a device whose sum is not that of its pieces. */
typedef void (*quota_say)(void *context, const st_id *device, uint64_t noted, uint64_t counted);
/* ST_E_STORAGE, ST_E_MEMORY; ST_E_CORRUPT: a row cannot be read. */
ST_MUST_USE st_err quota_check(store_txn *txn, quota_say say, void *context, st_error *error);
/* Makes the sums again from the pieces. The same errors. */
ST_MUST_USE st_err quota_recount(store_txn *txn, st_error *error);

#endif
