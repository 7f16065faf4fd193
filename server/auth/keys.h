/* server/auth/keys.h - the server's own keys in DIR/keys, one file each, mode 0600.
 * log: Ed25519, the identity of the log; device: Ed25519, signs what the operator does; seal:
 * X25519, bundles are sealed to it; recovery: X25519, store keys of phones are sealed to it. */
#ifndef SOTAY_SERVER_AUTH_KEYS_H
#define SOTAY_SERVER_AUTH_KEYS_H

#include "proto/sign.h"
#include "server/port.h"

typedef struct {
    uint8_t log_public[32], log_secret[64];
    uint8_t device_public[32], device_secret[64];
    uint8_t seal_public[32], seal_secret[32];
    uint8_t recovery_public[32], recovery_secret[32];
    st_id log;                 /* st_log_id(log_public) */
    st_id device;              /* st_device_id(device_public): the server's own device */
} auth_keys;

/* Makes DIR/keys with fresh keys: NAME.key (seed, hex, 0600) and NAME.pub (hex). ST_E_EXISTS,
 * ST_E_STORAGE. */
ST_MUST_USE st_err auth_keys_make(const char *dir, const server_port *port, auth_keys *out_keys,
                                  st_error *error);
/* Reads them. ST_E_NOT_FOUND, ST_E_CORRUPT (not 64 hex digits, or the .pub is another's),
 * ST_E_DENIED (others may read a secret), ST_E_STORAGE. */
ST_MUST_USE st_err auth_keys_read(const char *dir, auth_keys *out_keys, st_error *error);
/* Overwrites the secrets in memory. */
void auth_keys_wipe(auth_keys *keys);

#endif
