/* server/sync/address.h - what the server says of itself to every phone: its present address, and
 * how far the log is backed up. Kept in META. Source: docs/protocol.md 7.5, 7.9. */
#ifndef SOTAY_SERVER_SYNC_ADDRESS_H
#define SOTAY_SERVER_SYNC_ADDRESS_H

#include "proto/message.h"
#include "server/sync/writer.h"

/* The newest notice. ST_E_NOT_FOUND without a text: none was made. ST_E_CORRUPT, ST_E_STORAGE. */
ST_MUST_USE st_err sync_address_get(store_txn *txn, st_address *out_address, st_error *error);
/* Signs and keeps the next notice, with an entry `address` in the log. ST_E_VALUE: no address. */
ST_MUST_USE st_err sync_address_set(writer *w, const char *url, st_error *error);

/* Signs the newest notice anew, with the key of the log that counts now. Errors of
 * sync_log_sign. */
ST_MUST_USE st_err sync_address_sign(store_txn *txn, const sync_room *room, st_error *error);

/* Entries up to here are in two backups, or in one that was checked; 0: none are. */
ST_MUST_USE st_err sync_backed_up_to(store_txn *txn, uint64_t *out_index, st_error *error);
typedef struct {
    uint8_t id[16];            /* random, given to the folder by its first backup */
    uint64_t index;            /* it holds the entries up to here */
    bool is_checked;           /* and was read again and found good */
} sync_backup;
/* Notes a backup. A new one is an entry `backup` of the log. ST_E_STORAGE. */
ST_MUST_USE st_err sync_backup_note(writer *w, const sync_backup *backup, st_error *error);

#endif
