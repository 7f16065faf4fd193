/* server/audit/check.h - is the stored tree that of the leaves, and the signed root its root? For
 * `verify`, and for making the tree anew. */
#ifndef SOTAY_SERVER_AUDIT_CHECK_H
#define SOTAY_SERVER_AUDIT_CHECK_H

#include "server/audit/sign.h"

/* Called with one line for each thing that is wrong. */
typedef struct {
    void *context;
    void (*say)(void *context, const char *line);
} audit_sayer;

/* Zeroed at the start. */
typedef struct {
    st_tree_edge edge; /* of the leaves given so far */
    uint64_t nodes;    /* stored ones that must be there */
    uint64_t signed_size;
    st_hash signed_root; /* the root at signed_size, once it was reached */
} audit_check;

/* Reads what was signed last. A note that is not the log's own is said. */
ST_MUST_USE st_err audit_check_begin(audit_check *check, store_txn *txn, const sync_room *room,
                                     const audit_sayer *sayer, st_error *error);
/* The next leaf: compares the nodes that it completes. ST_E_STORAGE. */
ST_MUST_USE st_err audit_check_leaf(audit_check *check, store_txn *txn, const st_hash *leaf,
                                    const audit_sayer *sayer, st_error *error);
/* Behind the last: compares edge, root and number of nodes. ST_E_STORAGE. */
ST_MUST_USE st_err audit_check_end(audit_check *check, store_txn *txn, const audit_sayer *sayer,
                                   st_error *error);
/* In a write transaction: makes the tree anew from the leaves, up to what was signed. ST_E_CORRUPT:
 * what was signed had another root. ST_E_STORAGE. */
ST_MUST_USE st_err audit_tree_again(store_txn *txn, st_error *error);

#endif
