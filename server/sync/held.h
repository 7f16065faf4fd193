/* server/sync/held.h - the table of held changes, as ingest, settle and rebuild keep it. */
#ifndef SOTAY_SERVER_SYNC_HELD_H
#define SOTAY_SERVER_SYNC_HELD_H

#include "server/sync/settle.h"

/* Never folded, not even as a hole: of another branch, or of a set that cannot be read? Nothing
 * waits behind such a one. */
bool sync_held_is_unfolded(const sync_held *held);
/* Takes all unfolded ones with this dot off the list. ST_E_STORAGE. */
ST_MUST_USE st_err sync_held_dismiss(store_txn *txn, const st_dot *dot, uint32_t *out_count,
                                     st_error *error);
/* Adds a held change with the next number. ST_E_STORAGE. */
ST_MUST_USE st_err sync_held_add(writer_turn *turn, const sync_held *held, st_error *error);
/* Another reason for the same number. ST_E_STORAGE. */
ST_MUST_USE st_err sync_held_change(store_txn *txn, const sync_held *held, st_error *error);
/* Takes it off the list. ST_E_STORAGE. */
ST_MUST_USE st_err sync_held_remove(store_txn *txn, const sync_held *held, st_error *error);
/* The held change with this dot; ST_E_NOT_FOUND when it is not held. */
ST_MUST_USE st_err sync_held_by_dot(store_txn *txn, const st_id *record, const st_dot *dot,
                                    sync_held *out_held, st_error *error);
/* What a change is held for now, whatever it was held for when it came; *held stays where it is not
 * held any more, or not on that record. ST_E_STORAGE, ST_E_CORRUPT. */
ST_MUST_USE st_err sync_held_now(store_txn *txn, const st_id *record, const st_id *device,
                                 st_held *held, st_error *error);
/* Is an earlier change of the device on the record held? */
ST_MUST_USE st_err sync_held_waits(store_txn *txn, const st_id *record, const st_dot *dot,
                                   bool *out_waits, st_error *error);
/* All held changes of a record but those of forks, by device and counter, in the arena. */
ST_MUST_USE st_err sync_held_of_record(store_txn *txn, const st_id *record, st_arena *arena,
                                       sync_held **out_list, size_t *out_count, st_error *error);

/* A change that was held, and waits no more. */
typedef struct {
    st_id record;
    uint64_t counter;
    bool is_found, is_declined; /* false at first */
} sync_settled;
/* Which of these changes of the device, held in the entry `index`, were declined since? Sorts the
 * list, so that the history of each record is read once. ST_E_STORAGE, ST_E_CORRUPT. */
ST_MUST_USE st_err sync_held_was_declined(store_txn *txn, const st_id *device, uint64_t index,
                                          sync_settled *list, size_t count, st_error *error);

#endif
