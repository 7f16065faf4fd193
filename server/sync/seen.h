/* server/sync/seen.h - what a device says that it had seen of the log, against the log. One that
 * speaks of another log is an alarm for the office: either it lies, or somebody showed it another.
 * Not a fold of the log: a rebuild leaves it as it is, and a backup takes it along. */
#ifndef SOTAY_SERVER_SYNC_SEEN_H
#define SOTAY_SERVER_SYNC_SEEN_H

#include "proto/change.h"
#include "proto/message.h"
#include "server/sync/writer.h"

/* Of one device. */
typedef struct {
    uint64_t index;            /* the first entry that says so */
    int64_t time_ms;           /* of that entry */
    uint64_t size;             /* of the shortest such log */
    uint64_t count;            /* sets that say so */
} sync_other_log;

/* In the turn that stores the set as entry `index`: notes when its author had seen another log than
 * this one. What it had seen beyond the first cut between epochs cannot be told from here. Never
 * refuses the set. ST_E_CORRUPT, ST_E_MEMORY, ST_E_STORAGE. */
ST_MUST_USE st_err sync_seen_check(writer_turn *turn, const st_set *set, uint64_t index,
                                   st_error *error);
/* ST_E_NOT_FOUND: the device says nothing of the kind, or the cut of a later epoch explains it.
 * ST_E_CORRUPT, ST_E_MEMORY, ST_E_STORAGE. */
ST_MUST_USE st_err sync_other_log_get(store_txn *txn, const st_id *device, sync_other_log *out,
                                      st_error *error);

/* A checkpoint that a phone held and this log, in a later epoch, does not go on from: signed by the
 * log's own key, so it is evidence. */
typedef struct {
    st_id device;
    int64_t time_ms;           /* when the phone first showed it */
    st_tree_head head;
    uint64_t epoch;            /* in which it was signed */
    uint8_t signature[ST_SIGNATURE_BYTES];
} sync_given_up;

/* In the turn of its request: keeps what the asker shows, one of each epoch, the first. What proves
 * nothing is passed over. ST_E_CORRUPT, ST_E_MEMORY, ST_E_STORAGE. */
ST_MUST_USE st_err sync_given_up_note(writer_turn *turn, const st_id *device, const st_ask *ask,
                                      int64_t time_ms, st_error *error);
/* All, by device and epoch; ends when `each` returns false. ST_E_CORRUPT, ST_E_STORAGE. */
ST_MUST_USE st_err sync_given_up_each(store_txn *txn, bool (*each)(void *, const sync_given_up *),
                                      void *context, st_error *error);

#endif
