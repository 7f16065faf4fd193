/* server/sync/heir.h - copies that ask to go on under keys of their own. Two stores hold one key;
 * the first that came counts, the other makes new keys and lets the old one sign them. Since both
 * hold the old key, nothing comes of it before the office has looked; the first device stays what
 * it is. Source: docs/protocol.md 8.2. */
#ifndef SOTAY_SERVER_SYNC_HEIR_H
#define SOTAY_SERVER_SYNC_HEIR_H

#include "server/sync/writer.h"

#define SYNC_HEIRS_MAX 8u      /* of one device wait; what comes then is not kept */

/* One that waits, or that was declined. */
typedef struct {
    st_id device;              /* of the new key */
    st_id old;                 /* whose key signed it */
    st_heir_ask ask;
    uint8_t install[8];        /* of the store that asks */
    int64_t asked_ms;
    bool is_declined;
    char reason[ST_HEIR_REASON_CHARS * 4 + 1]; /* why */
} sync_heir;

/* An offer, and the device whose request brought it. */
typedef struct {
    st_id old;
    uint8_t install[8];
    const st_heir_ask *ask;
} sync_heir_offer;
/* Takes an offer in, and says what became of it: ST_HEIR_NONE when the device is not in use and
 * the new one not in the book. On a full list it takes the place of the one that was declined and
 * asked longest ago. arena: for the answer. ST_E_SIGNATURE: not both keys signed it; ST_E_MEMORY,
 * ST_E_CORRUPT, ST_E_STORAGE. */
ST_MUST_USE st_err sync_heir_ask(writer *w, const sync_heir_offer *offer, st_arena *arena,
                                 st_heir_answer *out_answer, st_error *error);

/* ST_E_NOT_FOUND, ST_E_CORRUPT, ST_E_STORAGE. */
ST_MUST_USE st_err sync_heir_get(store_txn *txn, const st_id *device, sync_heir *out_heir,
                                 st_error *error);
/* All of them, by the new device, until `each` returns false. ST_E_CORRUPT, ST_E_STORAGE. */
ST_MUST_USE st_err sync_heir_each(store_txn *txn, bool (*each)(void *context, const sync_heir *one),
                                  void *context, st_error *error);
/* Is its key in the book already, by a link or by an entry that came back after a restore?
 * ST_E_CORRUPT, ST_E_STORAGE. */
ST_MUST_USE st_err sync_heir_known(store_txn *txn, const sync_heir *heir, bool *out_known,
                                   st_error *error);
/* Who of the office decides, and in which role. */
typedef struct {
    st_id actor;
    st_role role;
} sync_heir_by;
/* Enrols it for the person of the old device, with an entry `key` that names the old device.
 * ST_E_STATE: the old device or its person is not in use, or the new one is in the book; errors
 * of sync_enrol_device. */
ST_MUST_USE st_err sync_heir_confirm(writer_turn *turn, const sync_heir *heir,
                                     const sync_heir_by *by, st_error *error);
/* It stays on the list as declined: the copy is told why, and may be confirmed later. ST_E_VALUE: a
 * reason over ST_HEIR_REASON_CHARS; ST_E_STORAGE. */
ST_MUST_USE st_err sync_heir_decline(writer_turn *turn, const sync_heir *heir,
                                     const sync_heir_by *by, const char *reason, st_error *error);
/* A store of that person was enrolled by a link: what it asked for is off the list. ST_E_STORAGE,
 * ST_E_CORRUPT. */
ST_MUST_USE st_err sync_heir_forget(store_txn *txn, const st_id *person, const uint8_t install[8],
                                    st_error *error);

#endif
