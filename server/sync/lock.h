/* server/sync/lock.h - the periods that are locked, as the log has them up to here: what arrives
 * for a record of such a period waits for the office (ST_HOLD_LATE). */
#ifndef SOTAY_SERVER_SYNC_LOCK_H
#define SOTAY_SERVER_SYNC_LOCK_H

#include "proto/record.h"
#include "server/catalogue/catalogue.h"

#define SYNC_FORM_PERIOD "period"

/* Refreshes the table `lock` from a saved period record. Temporary memory from the arena.
 * ST_E_STORAGE, ST_E_CORRUPT, ST_E_MEMORY. */
ST_MUST_USE st_err sync_lock_fold(store_txn *txn, const st_form *form, const st_record *record,
                                  st_arena *arena, st_error *error);

typedef struct {
    st_code period;            /* "2026" */
    bool has_days;             /* a year with both its days: visits belong to it by their date */
    int64_t from, to;          /* days since 1970, both included */
} sync_lock;
typedef struct {
    const sync_lock *list;
    size_t count;
} sync_locks;
/* All locked periods, in the arena. Errors as above. */
ST_MUST_USE st_err sync_locks_load(store_txn *txn, st_arena *arena, sync_locks *out_locks,
                                   st_error *error);
/* Is the record of a locked period, as it is or as the change would make it? A visit by each
 * visit_date that somebody gives it, a unit's report and an assessment by their period_id. */
bool sync_locks_have(const sync_locks *locks, const st_form *form, const st_record *record,
                     const st_change *change);

#endif
