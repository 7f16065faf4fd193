/* server/sync/decided.h - what phones tell of the office's decisions that this log lost when it was
 * put back: shown to the office, which decides anew. Not a fold of the log: a rebuild leaves it as
 * it is, and a backup takes it along. Source: docs/protocol.md 7.9. */
#ifndef SOTAY_SERVER_SYNC_DECIDED_H
#define SOTAY_SERVER_SYNC_DECIDED_H

#include "proto/limits.h"
#include "proto/message.h"
#include "server/sync/writer.h"

#define SYNC_DECIDED_PER_DEVICE_MAX 4096u

typedef struct {
    st_dot dot;                /* of the change */
    st_id record;
    st_id teller;              /* the device that says so */
    bool declined;             /* else accepted */
    int64_t time_ms;           /* of the decision; 0: not known */
    int64_t received_ms;
    uint8_t epoch[8];          /* in which it was told; zeros: before that was noted */
    bool has_set;              /* else the teller did not know it any more: */
    st_hash set;               /* set_hash of the set with the change */
    char reason[ST_REASON_CHARS_MAX * 4 + 1];
} sync_decided;

/* In the writer's turn, after the sets of the request: keeps what `teller` says, the last word of
 * each device on each change, of so many changes at most. What stands in this log as it is told, or
 * what its office has decided since, is passed over, and an earlier word of it goes; so is what is
 * neither an accept nor a decline. ST_E_STORAGE, ST_E_CORRUPT, ST_E_MEMORY. */
ST_MUST_USE st_err sync_decided_note(writer_turn *turn, const st_id *teller,
                                     const st_decided *told, st_error *error);
/* What is told of one change (dot), or of all (NULL), until `each` returns false. ST_E_STORAGE,
 * ST_E_CORRUPT. */
ST_MUST_USE st_err sync_decided_each(store_txn *txn, const st_dot *dot,
                                     bool (*each)(void *context, const sync_decided *one),
                                     void *context, st_error *error);
/* In a turn in which the office decides on the change: what was told of it goes. ST_E_STORAGE,
 * ST_E_CORRUPT, ST_E_MEMORY. */
ST_MUST_USE st_err sync_decided_forget(writer_turn *turn, const st_dot *dot, st_error *error);
/* Where the change is in this log: IN by itself, ACCEPTED or OUT by the office's word. */
typedef enum {
    SYNC_DECIDED_UNKNOWN,
    SYNC_DECIDED_HELD,
    SYNC_DECIDED_IN,
    SYNC_DECIDED_ACCEPTED,
    SYNC_DECIDED_OUT
} sync_decided_state;
/* ST_E_STORAGE, ST_E_CORRUPT. */
ST_MUST_USE st_err sync_decided_state_of(store_txn *txn, const st_id *record, const st_dot *dot,
                                         sync_decided_state *out_state, st_error *error);

#endif
