/* server/sync/row.h - one row of the log as it is stored: what the server decided about one
 * arrival, with the bytes that arrived. All that a rebuild needs is in here. */
#ifndef SOTAY_SERVER_SYNC_ROW_H
#define SOTAY_SERVER_SYNC_ROW_H

#include "proto/leaf.h"
#include "server/sync/sync.h"

typedef struct {
    st_entry_kind kind;
    int64_t time_ms;           /* of the leaf; never before that of the entry before */
    int64_t wall_ms;           /* of the server's clock, where it lies well before; else 0 */
    st_id actor;               /* zero: nobody */
    st_id device;              /* of the set or of the decided changes; zero: none */
    uint64_t first, last;
    st_id carrier;             /* zero: its own device */
    st_bucket bucket;          /* empty: no bucket, not in any feed */
    const st_held *held;       /* changes of the set that are held; HOLD: new reasons */
    uint32_t held_count;
    const uint64_t *counters;  /* VERDICT, ACCEPT, DECLINE */
    uint32_t counters_count;
    store_slice note;          /* reason of a decision; the leaf has its commitment alone */
    bool has_note_key;         /* random, so that nobody guesses it; rows of before have none */
    uint8_t note_key[ST_SEED_BYTES];
    uint64_t cut_size;         /* EPOCH: so much the log of before has in common with this one; */
    st_hash cut_root;          /* and its root there; 0: not noted, as in rows of before */
    store_slice set;           /* ChangeSet bytes, verbatim; empty: none */
} sync_row;

/* When it came, by the server's clock. */
int64_t sync_row_when(const sync_row *row);
/* Appends. ST_E_TOO_LARGE, ST_E_MEMORY. */
ST_MUST_USE st_err sync_row_encode(const sync_row *row, st_buffer *out, st_error *error);
/* held and counters in the arena; note and set point into bytes. ST_E_CORRUPT, ST_E_MEMORY. */
ST_MUST_USE st_err sync_row_decode(store_slice bytes, st_arena *arena, sync_row *out_row,
                                   st_error *error);
/* The row of an index. ST_E_NOT_FOUND, ST_E_CORRUPT, ST_E_MEMORY. */
ST_MUST_USE st_err sync_row_get(store_txn *txn, uint64_t index, st_arena *arena,
                                sync_row *out_row, st_error *error);
/* Why the row declines, for whoever reads its bucket; in the arena. *out_reason NULL: it does not,
 * no reason was given, or it is none that may travel. ST_E_MEMORY. */
ST_MUST_USE st_err sync_row_reason(const sync_row *row, st_arena *arena, const char **out_reason,
                                   st_error *error);
/* The leaf of a row; set: its decoded set, or NULL when it has none. */
st_leaf sync_row_leaf(const sync_row *row, const st_set *set);

#endif
