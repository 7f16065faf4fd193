/* server/sync/free.h - lets in what only waited: for a record to come, or behind a change that was
 * let in or declined. */
#ifndef SOTAY_SERVER_SYNC_FREE_H
#define SOTAY_SERVER_SYNC_FREE_H

#include "server/sync/fold.h"
#include "server/sync/settle.h"

/* A decoded set of the log, kept while several of its changes are looked at. Zero it. */
typedef struct {
    uint64_t index;            /* 0: none yet */
    sync_row row;
    st_set set;
} free_source;
/* The change with this dot in entry `index`. ST_E_NOT_FOUND, ST_E_CORRUPT, ST_E_MEMORY. */
ST_MUST_USE st_err free_find(store_txn *txn, st_arena *arena, free_source *source,
                             const sync_held *held, const st_change **out_change,
                             st_error *error);
/* What folding says of the change: as when it arrived. */
st_arrival free_arrival(const free_source *source);

/* Decoded sets of the log while one record after the other is looked at: what waits on a thousand
 * records came in few sets, and must not be decoded, nor kept, a thousand times. Zero it. */
#define FREE_SETS 16
typedef struct {
    free_source list[FREE_SETS];
    st_arena arenas[FREE_SETS];
    size_t next;               /* the one to give up */
} free_sets;
/* The held change and its set, decoded now or still known; both live until the next find. Errors as
 * free_find. */
ST_MUST_USE st_err free_sets_find(free_sets *sets, store_txn *txn, const sync_held *held,
                                  free_source **out_source, const st_change **out_change,
                                  st_error *error);
/* Gives the memory back. */
void free_sets_end(free_sets *sets);

/* What is kept while what waits on one record after the other is let in. Zero it, and end it with
 * sync_free_end. */
typedef struct {
    free_sets sets;
    fold_vectors vectors;      /* ahead of what is stored */
} free_work;

/* Judges again all changes of the record that are held as no_record, waits or suspended and do not
 * stand behind another held one; lets in those that nothing else holds (entry VERDICT), notes a new
 * reason for the others and for those behind them (entry HOLD). ST_E_STORAGE, ST_E_CORRUPT,
 * ST_E_MEMORY. */
ST_MUST_USE st_err sync_free_record(writer_turn *turn, free_work *work, const st_id *record,
                                    st_error *error);
/* Saves what sync_free_record left to save, unless `err` says that the turn failed, and gives the
 * memory back. `err`, or what saving said: ST_E_STORAGE, ST_E_MEMORY. */
ST_MUST_USE st_err sync_free_end(writer_turn *turn, free_work *work, st_err err, st_error *error);

/* The same for every record on which a change of the device is held, in the order of the device:
 * its suspension was lifted, or said. */
ST_MUST_USE st_err sync_free_device(writer_turn *turn, const st_id *device, st_error *error);

#endif
