/* client-lib/src/epoch.h - when the server goes on from an older copy of its book: what of ours
 * still counts, and giving back to it what it lost. Source: docs/protocol.md 7.9. */
#ifndef SOTAY_CLIENT_EPOCH_H
#define SOTAY_CLIENT_EPOCH_H

#include "client-lib/src/client.h"
#include "proto/message.h"

typedef struct sotay_sync sotay_sync;

/* Takes the epochs that the server names: their signatures, the keys of its device, and, when the
 * present one is not ours, the turn below. Where that mended a row of them that was damaged here,
 * nothing more of this answer is taken, since names hang on the keys. ST_E_SIGNATURE. Inside the
 * open write transaction. */
ST_MUST_USE st_err epoch_take(sotay_sync *sync, const st_epoch *rows, uint32_t count,
                              st_error *error);
/* With what a device of the server's own signed goes which epoch that device was of: the log may
 * have lost it. Says too how many epochs are known: none, where a row of them is damaged, so that
 * all are told again. The list lives as long as the round. Inside a transaction. ST_E_MEMORY,
 * ST_E_STORAGE, ST_E_CORRUPT. */
ST_MUST_USE st_err epoch_ask(sotay_sync *sync, st_ask *ask, st_error *error);
/* What lies beyond the entry `cut` is not in the server's book (any more): own sets become unsent,
 * those of others that are kept here are offered too, as are those of which nothing here says where
 * they lie, and buckets that stood beyond it are read from the beginning. */
ST_MUST_USE st_err epoch_turn(sotay_sync *sync, uint64_t cut, st_error *error);
/* The server's log is shorter than what it showed us in this same epoch. */
ST_MUST_USE st_err epoch_check_end(sotay_sync *sync, const st_end *end, st_error *error);

#endif
