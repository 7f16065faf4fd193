/* server/audit/root.h - the root of the log as RFC 6962 defines it, from the stored leaf hashes. */
#ifndef SOTAY_SERVER_AUDIT_ROOT_H
#define SOTAY_SERVER_AUDIT_ROOT_H

#include "proto/hash.h"
#include "server/store/store.h"

/* The root over the leaves of entries 1..size; of none: SHA-256 of nothing. Reads every one of
 * them: for acts that are rare. ST_E_CORRUPT: one is missing or damaged; ST_E_STORAGE. */
ST_MUST_USE st_err audit_root(store_txn *txn, uint64_t size, st_hash *out_root, st_error *error);

#endif
