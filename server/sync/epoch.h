/* server/sync/epoch.h - the epochs of a log: a new one begins whenever the server starts from a
 * restored store, or finds out that its store was put back. Source: docs/protocol.md 7.9. */
#ifndef SOTAY_SERVER_SYNC_EPOCH_H
#define SOTAY_SERVER_SYNC_EPOCH_H

#include "proto/message.h"
#include "server/sync/writer.h"

/* All epochs, ascending by n, in the arena; never none in an opened room. ST_E_CORRUPT,
 * ST_E_MEMORY, ST_E_STORAGE. */
ST_MUST_USE st_err sync_epochs_read(store_txn *txn, st_arena *arena, const st_epoch **out_rows,
                                    uint32_t *out_count, st_error *error);
/* Signs every row anew, with the key of the log that counts now. Errors of sync_log_sign. */
ST_MUST_USE st_err sync_epochs_sign(store_txn *txn, const sync_room *room, st_arena *arena,
                                    st_error *error);
/* Writes the row of the first epoch when there is none; device_public: the server's key then. */
ST_MUST_USE st_err sync_epoch_first(store_txn *txn, const sync_room *room,
                                    const uint8_t device_public[32], st_error *error);
typedef struct {
    const char *reason;        /* for people, never in a leaf */
    st_id actor;               /* zero: the operator without a name */
    bool from_backup;          /* an entry `restore` too */
    bool has_cut;              /* what phones know counts up to there only; else to the end: */
    uint64_t cut;
} sync_epoch_wish;
/* Begins one at the present end of the log, with the device key of room->keys: row and entry
 * `epoch`. Inside a turn: when it is committed the caller sets room->epoch to *out_epoch.
 * ST_E_TOO_LARGE, ST_E_MEMORY, ST_E_STORAGE. */
ST_MUST_USE st_err sync_epoch_write(writer_turn *turn, const sync_epoch_wish *wish,
                                    uint8_t out_epoch[8], st_error *error);
/* The same as a turn of its own: room->epoch is the new one when it returns ST_OK. */
ST_MUST_USE st_err sync_epoch_begin(writer *w, sync_room *room, const sync_epoch_wish *wish,
                                    st_error *error);
/* Epochs of this log that it lost: a store from before them was put in their place, and the asker
 * shows their rows, signed with the key of the log. What their devices signed counts again: rows of
 * those keys are added, and one more of the present epoch behind them, so that phones learn them;
 * and they are in `keys`, those of the room, from then on. Where a lost one may have come after the
 * present epoch, a new one begins behind them, and room->epoch is its name. What is known or not
 * rightly signed is passed over. Not from within a turn. ST_E_MEMORY, ST_E_STORAGE, ST_E_BUSY. */
ST_MUST_USE st_err sync_epochs_learn(writer *w, auth_keys *keys, const st_ask *ask,
                                    st_error *error);
/* The log as it was when the present epoch began: every log that has this epoch begins so; 0: with
 * the log. ST_E_CORRUPT, ST_E_MEMORY, ST_E_STORAGE. */
ST_MUST_USE st_err sync_epoch_begun(store_txn *txn, const sync_room *room, st_arena *arena,
                                    uint64_t *out_size, st_error *error);
/* Up to where what was known in `epoch` still counts: the lowest cut of all later ones. UINT64_MAX:
 * it is the present one; 0 when the epoch is not of this log. */
uint64_t sync_epoch_cut(const st_epoch *rows, uint32_t count, const uint8_t epoch[8]);
/* Up to where every epoch has the same entries; UINT64_MAX: there was only one. ST_E_CORRUPT,
 * ST_E_MEMORY, ST_E_STORAGE. */
ST_MUST_USE st_err sync_epochs_first_cut(store_txn *txn, uint64_t *out_size, st_error *error);

#endif
