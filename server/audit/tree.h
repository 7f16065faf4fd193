/* server/audit/tree.h - the Merkle tree over the stored leaves. Level 0 is the hashes in the leaf
 * table; of the nodes above, each 256th (one tile higher) is stored, and the right edge of the tree
 * under "audit_edge" of meta: what is between is computed when it is asked for. */
#ifndef SOTAY_SERVER_AUDIT_TREE_H
#define SOTAY_SERVER_AUDIT_TREE_H

#include "proto/bytes.h"
#include "proto/tree.h"
#include "server/store/store.h"

/* The right edge as it was signed last; zeroed when nothing was. ST_E_CORRUPT, ST_E_STORAGE. */
ST_MUST_USE st_err audit_edge_get(store_txn *txn, st_tree_edge *out_edge, st_error *error);
/* Carries the edge on to leaf `size` and stores it and the nodes that were completed, in a write
 * transaction. Each leaf's hash is computed anew from its stored bytes: ST_E_CORRUPT when it is not
 * the stored one, or when a leaf is missing. ST_E_STORAGE. */
ST_MUST_USE st_err audit_tree_grow(store_txn *txn, st_tree_edge *edge, uint64_t size,
                                   st_error *error);
/* Nodes of the stored tree, for proofs. The transaction must outlive the source. */
st_tree_source audit_tree_source(store_txn *txn);
/* The root of the first `size` leaves. ST_E_NOT_FOUND, ST_E_CORRUPT, ST_E_STORAGE. */
ST_MUST_USE st_err audit_tree_head(store_txn *txn, uint64_t size, st_tree_head *out_head,
                                   st_error *error);
/* Appends the bytes of a tile: hashes, or leaves each behind its length (2 bytes). ST_E_NOT_FOUND:
 * the log is not that long. ST_E_TOO_LARGE, ST_E_MEMORY, ST_E_STORAGE. */
ST_MUST_USE st_err audit_tree_tile(store_txn *txn, const st_tile *tile, st_buffer *out,
                                   st_error *error);
/* The bytes of leaf `place` (from 0); they live as long as the transaction lets them.
 * ST_E_NOT_FOUND, ST_E_CORRUPT, ST_E_STORAGE. */
ST_MUST_USE st_err audit_leaf_bytes(store_txn *txn, uint64_t place, store_slice *out_bytes,
                                    st_error *error);

#endif
