/* server/auth/keys.h - the server's own keys in DIR/keys, one file each, mode 0600.
 * log: Ed25519, the identity of the log; device: Ed25519, signs what the operator does; seal:
 * X25519, bundles are sealed to it; recovery: X25519, store keys of phones are sealed to it. A
 * secret but that of the device may instead be lent by the service manager, as
 * $CREDENTIALS_DIRECTORY/sotay-NAME.key. */
#ifndef SOTAY_SERVER_AUTH_KEYS_H
#define SOTAY_SERVER_AUTH_KEYS_H

#include <stdatomic.h>

#include "proto/sign.h"
#include "server/port.h"

#define AUTH_FORMER_MAX 64u
#define AUTH_LOG_LATER_MAX 8u      /* keys of the log that one process may make */

typedef struct { uint8_t public_key[32], secret[64]; } auth_log_pair;

typedef struct {
    uint8_t log_public[32], log_secret[64]; /* as they were read; which counts: the store says */
    uint8_t device_public[32], device_secret[64];
    uint8_t seal_public[32], seal_secret[32];
    uint8_t recovery_public[32], recovery_secret[32];
    st_id log;                 /* st_log_id(log_public), or of the first key of the log */
    st_id device;              /* st_device_id(device_public): the server's own device */
    struct { st_id device; uint8_t sign_key[32]; } former[AUTH_FORMER_MAX]; /* of older epochs */
    atomic_uint former_count;  /* rises when one is whole: any thread may read those below */
    auth_log_pair later[AUTH_LOG_LATER_MAX]; /* keys of the log made since; never changed */
    atomic_uint later_count;   /* rises when one is whole: any thread may read those below */
    atomic_uint later_spare;   /* 1 more than the place of one that came to nothing; 0: none */
} auth_keys;

/* Makes DIR/keys with fresh keys: NAME.key (seed, hex, 0600) and NAME.pub (hex). ST_E_EXISTS,
 * ST_E_STORAGE. */
ST_MUST_USE st_err auth_keys_make(const char *dir, const server_port *port, auth_keys *out_keys,
                                  st_error *error);
/* Reads them. ST_E_NOT_FOUND, ST_E_CORRUPT (not 64 hex digits, or the .pub is another's),
 * ST_E_DENIED (others may read a secret), ST_E_STORAGE. */
ST_MUST_USE st_err auth_keys_read(const char *dir, auth_keys *out_keys, st_error *error);
/* Is the secret of that name ("log") lent, and not in the folder? */
bool auth_key_is_lent(const char *dir, const char *name);
/* A device key that nobody had before, in the place of the old one; the other keys stay. Cut off at
 * any point, the folder holds one of the two, whole. ST_E_STORAGE. */
ST_MUST_USE st_err auth_keys_renew_device(const char *dir, const server_port *port,
                                          auth_keys *keys, st_error *error);
/* ---- another key of the log ----
 * First the new one lies beside the old, then the store says that it counts, then it takes the
 * place of the old one, whose bytes are written over. */

/* Makes one and writes it, durable, as log.key.new and .pub.new; where there is one that was given
 * back, that one. ST_E_EXISTS: a change is on its way; ST_E_BUSY: too many since the start;
 * ST_E_STORAGE. */
ST_MUST_USE st_err auth_log_prepare(const char *dir, auth_keys *keys, const server_port *port,
                                    uint8_t out_public[32], st_error *error);
/* The store does not say so: the new one is written over and goes. */
void auth_log_drop(const char *dir);
/* Nothing was changed with it: the next change takes it, so that a process may fail as often as it
 * has to. Only for a key that the store does not say to count. */
void auth_log_give_back(auth_keys *keys, const uint8_t public_key[32]);
/* The store says so: puts it in its place. ST_E_STORAGE: at the next start, then. */
ST_MUST_USE st_err auth_log_finish(const char *dir, st_error *error);
/* At the start: `public_key` is the one that counts. Ends or takes back a change that was cut off;
 * keys->log_public is it afterwards. ST_E_NOT_FOUND: its secret is not here; ST_E_STORAGE. */
ST_MUST_USE st_err auth_log_settle(const char *dir, const uint8_t public_key[32], auth_keys *keys,
                                   st_error *error);
/* Brings that key of the log from the folder of a lost machine, beside the one here.
 * ST_E_NOT_FOUND: it is not there; ST_E_EXISTS, ST_E_STORAGE. */
ST_MUST_USE st_err auth_log_bring(const char *from, const char *to, const uint8_t public_key[32],
                                  st_error *error);
/* The log that DIR/keys/log.pub names, when its key was never changed. ST_E_NOT_FOUND,
 * ST_E_CORRUPT, ST_E_STORAGE. */
ST_MUST_USE st_err auth_log_named(const char *dir, st_id *out_log, st_error *error);
/* The secret of that key of the log; NULL: it is not here. */
const uint8_t *auth_log_secret(const auth_keys *keys, const uint8_t public_key[32]);

/* Writes keys/ of `to` from that of `from`, all but the device key, which is made anew.
 * ST_E_EXISTS, ST_E_STORAGE, and what auth_keys_read says of `from`. */
ST_MUST_USE st_err auth_keys_inherit(const char *from, const char *to, const server_port *port,
                                     st_error *error);
/* Another device of the server's own, of an epoch that was lost. Once for each, by one thread at a
 * time; more than AUTH_FORMER_MAX are passed over. */
void auth_keys_add_former(auth_keys *keys, const uint8_t sign_key[32]);
/* Overwrites the secrets in memory. */
void auth_keys_wipe(auth_keys *keys);

#endif
