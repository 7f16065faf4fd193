/* client-lib/src/vault.h - who may open the store. The store key is 32 random bytes; META `vault`
 * holds it wrapped by a key that comes from the PIN (Argon2id) and the port's secret together, or
 * from the secret alone; META `recovery` holds it sealed to the commune's recovery key. */
#ifndef SOTAY_CLIENT_VAULT_H
#define SOTAY_CLIENT_VAULT_H

#include "client-lib/src/book.h"

/* Makes a new store key and its header, inside the write transaction of `book`. pin may be NULL. */
ST_MUST_USE st_err vault_make(book_db *book, const char *pin, st_error *error);
/* Reads the header and sets the store's key, inside a transaction. ST_E_NOT_FOUND: no store here.
 * ST_E_PIN: the PIN is wrong, or one is needed (pin NULL), or none was set. ST_E_VERSION: a header
 * this version does not know. ST_E_CORRUPT: the header or the key file is damaged or gone. */
ST_MUST_USE st_err vault_open(book_db *book, const char *pin, st_error *error);
/* A new header for the store key that is set: from the end of the transaction on, this PIN opens
 * the store, with a key file that is made when it is lost. ST_E_PIN: the store had a PIN and gets
 * none. */
ST_MUST_USE st_err vault_renew(book_db *book, const char *pin, st_error *error);
/* Seals the store key, and whose it is, to the commune's recovery key (X25519), inside the write
 * transaction: a forgotten PIN then loses nothing. */
ST_MUST_USE st_err vault_seal_recovery(book_db *book, const uint8_t recovery_key[32],
                                       const st_id *device, st_error *error);

#endif
