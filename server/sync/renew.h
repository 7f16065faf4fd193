/* server/sync/renew.h - what is left of a set after an erasure, sealed to this server, for a device
 * that keeps the set sealed as it was and cannot take the value out itself. Source:
 * docs/protocol.md 7.16. */
#ifndef SOTAY_SERVER_SYNC_RENEW_H
#define SOTAY_SERVER_SYNC_RENEW_H

#include "proto/carry.h"
#include "server/sync/sync.h"

/* The set in a parcel, `sealed` in out (replaced). ST_E_NOT_FOUND without *error: it is not here,
 * nothing was erased in it, or what is left is too long for a parcel. Inside the caller's
 * transaction. ST_E_STORAGE, ST_E_CORRUPT, ST_E_MEMORY. */
ST_MUST_USE st_err sync_renew(const sync_room *room, store_txn *txn, const st_renew *ask,
                              st_parcel *out_parcel, st_buffer *out, st_error *error);

#endif
