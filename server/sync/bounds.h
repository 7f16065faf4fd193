/* server/sync/bounds.h - between which moments a change was written: what the office looks at
 * before it lets in the work of a revoked device, and what `show` says beside a claimed time. */
#ifndef SOTAY_SERVER_SYNC_BOUNDS_H
#define SOTAY_SERVER_SYNC_BOUNDS_H

#include "proto/show.h"
#include "server/sync/clock.h"
#include "server/sync/free.h"
#include "server/sync/unread.h"

typedef struct {
    int64_t claimed_ms;        /* the device's own word */
    sync_moment found;         /* by its monotonic clock and what it told of its exchanges */
    uint64_t seen_size;        /* the author had seen a log of so many entries; 0: says nothing */
    int64_t not_before_ms;     /* when the last of these entries was written; 0: unknown, or its
                                  seal is not one of this log as it stands */
} sync_bounds;
/* Of one change, by its dot and the index of its set's entry. The sets read are kept in *sets
 * (zeroed at first, free_sets_end at last). ST_E_NOT_FOUND, ST_E_CORRUPT: its set cannot be read;
 * ST_E_STORAGE, ST_E_MEMORY. */
ST_MUST_USE st_err sync_bounds_get(store_txn *txn, free_sets *sets, const st_dot *dot,
                                   uint64_t index, sync_bounds *out_bounds, st_error *error);

/* For st_show_how: answers for every value of a record. */
typedef struct {
    store_txn *txn;
    free_sets sets;
    sync_unread *unread;       /* why a moment is missing that may be in the book */
    st_moments moments;        /* hand this to st_show_how.moments */
} sync_moments;
/* Fills *moments; txn and *unread must outlive it. */
void sync_moments_begin(sync_moments *moments, store_txn *txn, sync_unread *unread);
void sync_moments_end(sync_moments *moments);

#endif
