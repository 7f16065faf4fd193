/* server/audit/sign.h - checkpoints: what the log says of itself, signed with its key. Kept under
 * "audit_note" of meta, in the transaction of the entries that it speaks of. */
#ifndef SOTAY_SERVER_AUDIT_SIGN_H
#define SOTAY_SERVER_AUDIT_SIGN_H

#include "proto/note.h"
#include "server/sync/sync.h"

/* In a write transaction that found `before` entries, before its commit: carries the tree on to the
 * last entry (`size`) and signs it. Nothing happens when there is no new entry. Refuses, so that
 * nothing is committed, with ST_E_CORRUPT: the log is shorter than what was signed, the old root is
 * not the one that was signed, a leaf is not what its hash says. ST_E_STORAGE, ST_E_MEMORY. */
ST_MUST_USE st_err audit_sign(store_txn *txn, const sync_room *room, uint64_t before, uint64_t size,
                              st_error *error);
/* Appends the note that was signed last; *out_checkpoint (may be NULL) is what it says.
 * ST_E_NOT_FOUND: a store that no entry was written to since checkpoints are made. */
ST_MUST_USE st_err audit_note(store_txn *txn, st_buffer *out, st_checkpoint *out_checkpoint,
                              st_error *error);
/* The key of the log under the origin of the present epoch. ST_E_STORAGE. */
ST_MUST_USE st_err audit_vkey(store_txn *txn, const sync_room *room, st_vkey *out_vkey,
                              st_error *error);

#endif
