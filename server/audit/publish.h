/* server/audit/publish.h - the log as anyone may check it: files by name, served under /audit/ and
 * written into a folder (C2SP tlog-tiles, and beside them vkey, policy and devices). */
#ifndef SOTAY_SERVER_AUDIT_PUBLISH_H
#define SOTAY_SERVER_AUDIT_PUBLISH_H

#include "server/audit/sign.h"

/* Appends the file of that name: "checkpoint", "vkey", "policy", "devices", "log-keys" (once the
 * key was changed), "given-up" (once a phone showed what a new epoch gave up), "tile/0/000.p/12",
 * "tile/entries/000", ..., "witness/<device>" (what a phone confirmed), and "proof/<n>" and
 * "leaf/<n>" (entry n, from 1: its tlog-proof, and its bytes) or "receipts/<n>,<n>..." (both of
 * each, in frames), as they are in the transaction.
 * ST_E_NOT_FOUND: there is none of that name, or nothing was signed yet. ST_E_STORAGE,
 * ST_E_CORRUPT, ST_E_MEMORY. */
ST_MUST_USE st_err audit_file(store_txn *txn, const sync_room *room, const char *name,
                              st_buffer *out, st_error *error);

typedef struct {
    st_tree_head head;
    uint64_t files;
} audit_export_report;
/* Writes all of them into a new folder or one that holds an older export of this log, tiles first,
 * the checkpoint last, when the others are on the disk: until then it is "checkpoint.new", and
 * whoever finds that there, or "next.new", knows that an export was cut off. The next one goes over
 * it. Partial tiles of older exports stay.
 * ST_E_EXISTS: the folder holds something else, another log, or one that this does not continue.
 * ST_E_NOT_FOUND: nothing was signed yet. ST_E_BUSY: another export writes there. ST_E_STORAGE. */
ST_MUST_USE st_err audit_export(sync_room *room, const char *dir, audit_export_report *out_report,
                                st_error *error);

/* Writes a file for anybody to read: whole under its name or not at all, whenever the power fails.
 * The caller makes the name durable (store_dir_sync). ST_E_STORAGE. */
ST_MUST_USE st_err audit_write_file(const char *path, const st_buffer *bytes, st_error *error);

/* A proof that entry `index` (from 1) is in the tree of the checkpoint signed last: appends the
 * file, and the leaf's bytes to out_leaf. ST_E_NOT_FOUND: it is not in there (yet). */
ST_MUST_USE st_err audit_proof(store_txn *txn, uint64_t index, st_buffer *out_file,
                               st_buffer *out_leaf, st_error *error);

#endif
