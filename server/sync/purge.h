/* server/sync/purge.h - buckets that devices lost: who has said in writing that what was readable
 * of them is gone, and who has not yet. Source: docs/protocol.md 7.13. */
#ifndef SOTAY_SERVER_SYNC_PURGE_H
#define SOTAY_SERVER_SYNC_PURGE_H

#include "proto/message.h"
#include "server/sync/writer.h"

/* A receipt as it is kept, with what the device signed. */
typedef struct {
    st_id device;
    st_purge purge;
    int64_t received_ms;
} sync_purge;

/* Notes a receipt of the device: a row in the place of an older one, and an entry `note` of the
 * device. The same one again, an older one, or one that its key has not signed changes nothing. In
 * the writer's turn. ST_E_STORAGE, ST_E_CORRUPT, ST_E_MEMORY. */
ST_MUST_USE st_err sync_purge_note(writer_turn *turn, const auth_device *device,
                                   const st_purge *purge, st_error *error);
/* All of them, by device and bucket, until `each` returns false. ST_E_STORAGE, ST_E_CORRUPT. */
ST_MUST_USE st_err sync_purge_each(store_txn *txn,
                                   bool (*each)(void *context, const sync_purge *purge),
                                   void *context, st_error *error);

/* A bucket that a device could read once and may not any more, without a receipt since. */
typedef struct {
    st_bucket bucket;
    uint64_t rev;     /* log index since which it is not the device's */
    int64_t since_ms; /* time of that entry */
} sync_leaving;
/* Who is told of them, until `each` returns false. */
typedef struct {
    bool (*each)(void *context, const sync_leaving *leaving);
    void *context;
} sync_leaving_sink;
/* Of one device, from the revisions of its person's rights since it was enrolled. Memory from the
 * arena. ST_E_STORAGE, ST_E_CORRUPT, ST_E_MEMORY. */
ST_MUST_USE st_err sync_leaving_each(const sync_room *room, store_txn *txn,
                                     const auth_device *device, st_arena *arena,
                                     const sync_leaving_sink *sink, st_error *error);

#endif
