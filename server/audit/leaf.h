/* server/audit/leaf.h - the leaves of the audit log as they are stored: hash, then bytes. Tree,
 * proofs and checkpoints are computed from them. */
#ifndef SOTAY_SERVER_AUDIT_LEAF_H
#define SOTAY_SERVER_AUDIT_LEAF_H

#include "proto/leaf.h"
#include "server/store/store.h"

/* The stored row of a leaf: 32 bytes of hash, then its lines. Appends to out. ST_E_TOO_LARGE,
 * ST_E_MEMORY. */
ST_MUST_USE st_err audit_leaf_row(const st_leaf *leaf, st_buffer *out, st_error *error);
/* Appends the leaf of entry `index` in a write transaction. ST_E_TOO_LARGE, ST_E_STORAGE. */
ST_MUST_USE st_err audit_leaf_append(store_txn *txn, uint64_t index, const st_leaf *leaf,
                                     st_error *error);

#endif
