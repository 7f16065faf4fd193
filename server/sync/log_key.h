/* server/sync/log_key.h - which key of the log counts, and how it is changed. The store says so;
 * the secrets lie in DIR/keys (server/auth/keys.h). Source: docs/protocol.md 9.3. */
#ifndef SOTAY_SERVER_SYNC_LOG_KEY_H
#define SOTAY_SERVER_SYNC_LOG_KEY_H

#include "proto/log_key.h"
#include "server/sync/writer.h"

/* All of them, as they are in the transaction. ST_E_CORRUPT, ST_E_STORAGE. */
ST_MUST_USE st_err sync_log_keys_read(store_txn *txn, const sync_room *room, st_log_keys *out_keys,
                                      st_error *error);
/* The public key that counts in the transaction; and at this moment. ST_E_CORRUPT, ST_E_STORAGE. */
ST_MUST_USE st_err sync_log_key(store_txn *txn, const sync_room *room, uint8_t out_key[32],
                                st_error *error);
ST_MUST_USE st_err sync_log_key_now(const sync_room *room, uint8_t out_key[32], st_error *error);
/* The secret of that. ST_E_NOT_FOUND: it is not here; ST_E_CORRUPT, ST_E_STORAGE. */
ST_MUST_USE st_err sync_log_secret(store_txn *txn, const sync_room *room,
                                   const uint8_t **out_secret, st_error *error);
typedef struct {
    const void *bytes;
    size_t len;
} sync_log_text;
/* Signs with it. Errors as above. */
ST_MUST_USE st_err sync_log_sign(store_txn *txn, const sync_room *room, sync_log_text text,
                                 uint8_t out_signature[ST_SIGNATURE_BYTES], st_error *error);

typedef struct {
    st_id actor;      /* who asked for it */
    const char *note; /* "log-key 1 with LOGIN: why": for people, never in a leaf */
    uint8_t key[32];  /* that auth_log_prepare made */
    uint64_t n;       /* result */
} sync_log_change;
/* In a turn: the next key of the log from here on: the notice, signed by both; its entry and that
 * of the note; what the log says beside itself (epochs, address) signed anew. ST_E_TOO_LARGE: no
 * more changes; ST_E_CORRUPT, ST_E_STORAGE, ST_E_MEMORY. */
ST_MUST_USE st_err sync_log_key_change(writer_turn *turn, sync_log_change *change, st_error *error);

/* When a store is opened, before anything is signed: the id of the log is that of its first key,
 * and keys->log_public the one that counts, also where only the notes beside the store say so.
 * ST_E_NOT_FOUND: the secret is not here; ST_E_CORRUPT: the keys are another log's. */
ST_MUST_USE st_err sync_log_keys_settle(store_txn *txn, sync_room *room, auth_keys *keys,
                                        st_log_keys *out_keys, st_error *error);
/* Then, when the store was put back to before a change: tells it which key counts. ST_E_STORAGE. */
ST_MUST_USE st_err sync_log_keys_again(const sync_room *room, const st_log_keys *keys,
                                       st_error *error);
/* And when its new epoch has begun: the entries of those notices; and the notes beside the store,
 * if they are short of one. */
ST_MUST_USE st_err sync_log_keys_note(writer *w, const sync_room *room, const st_log_keys *keys,
                                      st_error *error);

#endif
