/* server/backup/backup.h - copies of a book that a machine of any kind can read: the log in pieces
 * that never change, the other base tables, the keys, files named by their content. Made while the
 * server works, from one moment. What is derived is not copied: a restore folds the log again.
 * Format: docs/operations.md. */
#ifndef SOTAY_SERVER_BACKUP_BACKUP_H
#define SOTAY_SERVER_BACKUP_BACKUP_H

#include "server/backup/manifest.h"
#include "server/rooms.h"

typedef struct {
    backup_manifest manifest;  /* as it is now in the folder */
    uint64_t entries_new;      /* copied by this call; the others were there */
    uint64_t bytes_new;
    uint64_t pieces_bad;       /* of files, good neither in the book nor in the folder: nothing is
                                * noted as covered by this backup */
} backup_report;

/* Copies the book into `to`: a new or empty folder, or one that holds a backup of this book, to
 * which only what is new is added. Cut off anywhere, the folder holds what it held before.
 * ST_E_EXISTS: the folder holds something else, or another book; ST_E_BUSY: another backup goes
 * there; ST_E_STORAGE (no room: what was there stays good). */
ST_MUST_USE st_err backup_make(server *srv, const char *to, backup_report *out_report,
                               st_error *error);
/* Are the entries that it holds the first ones of the log? ST_E_CORRUPT, ST_E_STORAGE. */
ST_MUST_USE st_err backup_is_part(store_txn *txn, const backup_manifest *manifest, bool *out_is,
                                  st_error *error);
typedef struct {
    uint64_t wrong;            /* things that were said */
    bool is_other_book;        /* it is good, and of another book */
    bool is_other_past;        /* it is good, and holds entries that this book does not have */
} backup_verdict;
/* Reads every byte of a backup again, restores it into a scratch folder inside it and verifies
 * that; then notes it as checked, in the folder and, when all that it holds is this book's, in the
 * log's figures. say: a line for each thing that is wrong. ST_E_NOT_FOUND: no backup there;
 * ST_E_BUSY: a backup goes there, or another check; ST_E_CORRUPT: a file of the log, the tables or
 * the keys is missing or damaged, error names it; ST_E_STORAGE. */
ST_MUST_USE st_err backup_check(server *srv, const char *from, verify_say say, void *context,
                                backup_verdict *out_verdict, st_error *error);
/* Makes a new data folder of a backup: log and tables loaded, state folded, a device key of its
 * own, so that the first opening begins a new epoch. to: missing or empty. Cut off anywhere it is
 * no store. ST_E_EXISTS, ST_E_NOT_FOUND, ST_E_CORRUPT, ST_E_STORAGE. */
ST_MUST_USE st_err backup_restore(const char *from, const rooms_how *to,
                                  backup_manifest *out_manifest, st_error *error);
typedef struct {
    const rooms_filler *last;  /* puts into the folder what no backup has, when all else is in it
                                * and before it is a store; NULL: nothing */
    /* Told of each piece of a file that is missing or damaged in the backup: all else is restored,
     * and phones that have it are asked for it. NULL: nobody is. */
    void (*lost)(void *context, const char *name);
    void *context;
    uint64_t pieces_lost;      /* result */
} backup_restore_how;
/* The same, with more to say. */
ST_MUST_USE st_err backup_restore_with(const char *from, const rooms_how *to,
                                       backup_restore_how *how, backup_manifest *out_manifest,
                                       st_error *error);

#endif
