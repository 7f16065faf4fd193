/* server/audit/news.h - checkpoints and phones: what a phone is shown, and what it confirms. */
#ifndef SOTAY_SERVER_AUDIT_NEWS_H
#define SOTAY_SERVER_AUDIT_NEWS_H

#include "proto/message.h"
#include "server/audit/sign.h"

/* Puts the checkpoint signed last into an answer, when it was asked for and is not the one of the
 * request, with the proof that it continues that one (none, when it does not: the phone will say
 * so). The proof lives in the arena. ST_E_CORRUPT, ST_E_STORAGE, ST_E_MEMORY. */
ST_MUST_USE st_err audit_news(store_txn *txn, const st_ask *ask, st_arena *arena, st_end *end,
                              st_error *error);

/* In a write transaction: notes that the device confirms the checkpoint of its request, when its
 * cosignature holds and the checkpoint is one of this log and epoch; else nothing. received_ms: of
 * the request. ST_E_CORRUPT, ST_E_STORAGE, ST_E_MEMORY. */
ST_MUST_USE st_err audit_cosigned(store_txn *txn, const sync_room *room, const auth_device *device,
                                  const st_ask *ask, int64_t received_ms, st_error *error);
/* Does the checkpoint that the asker holds prove that this store was put back: signed by the log in
 * the present epoch, and not of this log? ST_E_CORRUPT, ST_E_STORAGE. */
ST_MUST_USE st_err audit_is_forsaken(store_txn *txn, const sync_room *room, const st_ask *ask,
                                     bool *out_is, st_error *error);
/* Does the asker hold a checkpoint that the log signed in an epoch before this one, and that is not
 * of this log: beyond the cut of a restore, or else somebody rewrote it? ST_E_CORRUPT,
 * ST_E_STORAGE. */
ST_MUST_USE st_err audit_was_given_up(store_txn *txn, const sync_room *room, const st_ask *ask,
                                      bool *out_is, st_error *error);
/* The newest checkpoint of this log that a device confirmed; size 0: none. */
typedef struct {
    uint64_t size;
    uint64_t signed_s;         /* the time that it signed: its own clock, set by the server's */
    int64_t received_ms;       /* when that came, by the server's clock; 0: not noted then */
} audit_confirmation;
/* ST_E_CORRUPT, ST_E_STORAGE. */
ST_MUST_USE st_err audit_confirmed(store_txn *txn, const st_id *device, audit_confirmation *out,
                                   st_error *error);
/* Appends the newest checkpoint that a device confirmed: the log's note of that size, with the
 * device's line. ST_E_NOT_FOUND: none. */
ST_MUST_USE st_err audit_witness(store_txn *txn, const sync_room *room, const st_id *device,
                                 st_buffer *out, st_error *error);

#endif
