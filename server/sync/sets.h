/* server/sync/sets.h - which change-sets of a device are known: duplicates, forks, gaps. */
#ifndef SOTAY_SERVER_SYNC_SETS_H
#define SOTAY_SERVER_SYNC_SETS_H

#include "server/sync/writer.h"

typedef enum { SETS_NEW, SETS_DUPLICATE, SETS_FORK } sets_kind;

/* What is known of a device's chain; zeroed when nothing is. */
typedef struct {
    uint64_t known;            /* all up to here is known or given up */
    uint64_t last;             /* counter of the last change known */
    st_hash last_hash;         /* hash of the set that ends with it */
} sets_head;

/* Is the set new, known (*out_index: its entry; also that of a known fork), or another branch: its
 * counters overlap a known set's, the chain does not fit on one side, goes on from a fork, or a
 * later set of the device says that its bucket has no change there? ST_E_STORAGE, ST_E_MEMORY. */
ST_MUST_USE st_err sets_look(store_txn *txn, const st_set *set, sets_kind *out_kind,
                             uint64_t *out_index, st_error *error);
/* Notes a stored set and moves the head. */
ST_MUST_USE st_err sets_add(store_txn *txn, const st_set *set, uint64_t index, st_error *error);
ST_MUST_USE st_err sets_add_fork(store_txn *txn, const st_set *set, uint64_t index,
                                 st_error *error);
/* Notes that changes from..to no longer exist. *out_added is false when that was known or one of
 * them is here. */
ST_MUST_USE st_err sets_add_gap(store_txn *txn, const st_id *device, const st_gone *gone,
                                bool *out_added, st_error *error);
ST_MUST_USE st_err sets_head_get(store_txn *txn, const st_id *device, sets_head *out_head,
                                 st_error *error);
/* Counters of a device that are not here although later ones are. */
typedef struct {
    uint64_t from, to;
    bool is_gone;              /* the device said that they no longer exist; else it is asked */
    uint64_t behind;           /* else: the entry of the set behind them */
} sets_gap;
/* Every gap of the device: those that are gone, ascending, then the others, ascending, until `each`
 * returns false. What was said to be gone and came after all is none. ST_E_STORAGE, ST_E_CORRUPT.
 */
ST_MUST_USE st_err sets_gap_each(store_txn *txn, const st_id *device,
                                 bool (*each)(void *context, const sets_gap *gap), void *context,
                                 st_error *error);
/* Of a span of counters those that are in one set, or in none. */
typedef struct {
    uint64_t from, to;
    uint64_t index;            /* the set's entry; 0: they are not here */
} sets_run;
/* The changes of the span, of one device, in runs, ascending, until `each` returns false. Errors as
 * above. */
ST_MUST_USE st_err sets_run_each(store_txn *txn, const st_id *device, const st_gone *span,
                                 bool (*each)(void *context, const sets_run *run), void *context,
                                 st_error *error);
/* The entry of the set that holds the change. ST_E_NOT_FOUND. */
ST_MUST_USE st_err sets_find(store_txn *txn, const st_dot *dot, uint64_t *out_index,
                             st_error *error);

/* The entry of a fork by its hash. ST_E_NOT_FOUND. */
ST_MUST_USE st_err sets_find_fork(store_txn *txn, const st_id *device, const st_hash *hash,
                                  uint64_t *out_index, st_error *error);
/* The entries of all forks, in no order that means anything, until `each` returns false. */
ST_MUST_USE st_err sets_each_fork(store_txn *txn, bool (*each)(void *context, uint64_t index),
                                  void *context, st_error *error);

#endif
