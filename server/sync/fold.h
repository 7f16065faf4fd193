/* server/sync/fold.h - folds changes of one bucket into the stored state: one opening, any number
 * of changes, one closing that saves every touched record once. Used by ingest, settle and rebuild
 * alike, so that the state is one function of the log. */
#ifndef SOTAY_SERVER_SYNC_FOLD_H
#define SOTAY_SERVER_SYNC_FOLD_H

#include "server/sync/read.h"
#include "server/sync/row.h"

/* One record while it is being folded. */
typedef struct {
    st_record record;
    st_sum sum;                /* as stored before; zero for a new one */
    const st_form *form;       /* NULL: not known (yet) */
    bool was_created;          /* before this folding */
    bool is_dirty;             /* the state differs from the stored one */
    bool is_touched;           /* the summary row must be made anew */
    bool has_held;             /* after closing: some change of it is held */
} fold_record;

/* The vectors of some buckets, kept from one fold to the next: where each lets in a change or two,
 * the whole vector would be read and stored each time. Until they are saved what is stored is
 * behind, so no other fold of the turn may load one of them meanwhile. Zero it. */
#define FOLD_VECTORS 8
typedef struct {
    st_bucket buckets[FOLD_VECTORS]; /* empty: none there yet */
    st_vector list[FOLD_VECTORS];
    st_arena arenas[FOLD_VECTORS];
    size_t next;               /* the one to give up */
} fold_vectors;

typedef struct {
    writer_turn *turn;
    st_bucket bucket;
    uint64_t index;            /* of the entry that is folded */
    bool copies;               /* changes do not outlive the call that folds them */
    fold_vectors *kept;        /* the vector is one of these; NULL: loaded and saved by this fold */
    st_vector *vector;         /* NULL until the first change */
    st_sum sum;
    uint64_t records;          /* in the bucket */
    fold_record **list;        /* in the order they were touched */
    size_t count, capacity;
    uint16_t *slots;           /* open addressing over list: position + 1 */
} sync_fold;

/* The stored vector of the bucket in the arena, an empty one when there is none. ST_E_STORAGE,
 * ST_E_CORRUPT, ST_E_TOO_LARGE, ST_E_MEMORY. */
ST_MUST_USE st_err sync_vector_get(store_txn *txn, const st_bucket *bucket, st_arena *arena,
                                   st_vector *out_vector, st_error *error);
/* Stores the kept ones. Errors as of sync_fold_close. */
ST_MUST_USE st_err fold_vectors_save(fold_vectors *vectors, store_txn *txn, st_error *error);
/* Gives the memory back; what was not saved is lost. */
void fold_vectors_end(fold_vectors *vectors);

/* Everything lives in turn->arena. Slices of the transaction are copied. ST_E_STORAGE,
 * ST_E_CORRUPT, ST_E_MEMORY. */
ST_MUST_USE st_err sync_fold_open(writer_turn *turn, const st_bucket *bucket, uint64_t index,
                                  sync_fold *out_fold, st_error *error);
/* As st_vector_is_full, of the changes of a set that has some. */
ST_MUST_USE st_err sync_fold_is_full(sync_fold *fold, const st_set *set, bool *out_full,
                                     st_error *error);
/* The record, as stored with what was folded since; an empty one when there is none (then
 * record.created is false). */
ST_MUST_USE st_err sync_fold_record(sync_fold *fold, const st_id *id, fold_record **out_record,
                                    st_error *error);
/* Folds one change. counters of history are written too: kind says as what. */
ST_MUST_USE st_err sync_fold_change(sync_fold *fold, fold_record *record, const st_change *change,
                                    const st_arrival *arrival, st_fold kind, st_error *error);
/* Notes in the history of the record that entry `fold->index` of this kind is about the change. */
ST_MUST_USE st_err sync_fold_history(sync_fold *fold, const st_change *change,
                                     st_entry_kind kind, st_error *error);
/* Saves records, vector (unless it is kept), sum and head; refreshes rows, catalogue and rights.
 * The fold is over, its list may still be read. */
ST_MUST_USE st_err sync_fold_close(sync_fold *fold, st_error *error);

/* The stored row of a bucket; zeroed when there is none. */
typedef struct {
    st_sum sum;
    uint64_t head, records;
} sync_bucket_row;
/* ST_E_STORAGE, ST_E_CORRUPT; a bucket that nobody wrote in is no error. */
ST_MUST_USE st_err sync_bucket_get(store_txn *txn, const char *bucket, sync_bucket_row *out_row,
                                   st_error *error);

/* The time of the next entry: now, but never before the last one. */
int64_t sync_log_time(const writer_turn *turn);
/* Gives the next entry its times. */
void sync_log_stamp(const writer_turn *turn, sync_row *row);
/* Appends an entry to the log: row, leaf, and feed when it has a bucket. It is stamped unless it
 * was before. set: the decoded set of row->set, or NULL. */
ST_MUST_USE st_err sync_log_append(writer_turn *turn, sync_row *row, const st_set *set,
                                   st_error *error);
/* The part of it that a rebuild repeats: feed and bucket head. */
ST_MUST_USE st_err sync_feed_add(store_txn *txn, const st_bucket *bucket, uint64_t index,
                                 st_error *error);
/* Makes turn->arena, next_index, last_time_ms and next_held fit the open transaction. */
ST_MUST_USE st_err sync_turn_begin(writer_turn *turn, st_error *error);
/* Stores the turn's counters. */
ST_MUST_USE st_err sync_turn_end(writer_turn *turn, st_error *error);

#endif
