/* server/sync/files.h - attachments as the office sees them: each item of a record, and how much of
 * its file is here. */
#ifndef SOTAY_SERVER_SYNC_FILES_H
#define SOTAY_SERVER_SYNC_FILES_H

#include "proto/files.h"
#include "server/sync/have.h"

/* The attachments of a record in path order, with what is missing of each. Arena. ST_E_STORAGE,
 * ST_E_MEMORY. */
ST_MUST_USE st_err files_of(sync_room *room, const st_record *record, st_arena *arena,
                            st_file **out_items, size_t *out_count, st_error *error);
/* Reads all pieces of a file and compares them with their names. ST_E_STORAGE. */
ST_MUST_USE st_err files_check(sync_room *room, const st_file *item, bool *out_whole,
                               st_error *error);
/* Appends the file. ST_E_NOT_FOUND: it is not all here; ST_E_STORAGE: also a piece that is not what
 * its name says. */
ST_MUST_USE st_err files_read(sync_room *room, const st_file *item, st_buffer *out,
                              st_error *error);

typedef struct {
    uint64_t files;            /* attachments, but for dropped ones */
    uint64_t missing;          /* of these: waited for */
    uint64_t lost;             /* of these: declared lost */
    st_error damaged;          /* of a record that cannot be read: its files are not counted */
} files_count;
/* Of the whole book. ST_E_STORAGE, ST_E_CORRUPT. */
ST_MUST_USE st_err files_count_all(sync_room *room, store_txn *txn, files_count *out_count,
                                   st_error *error);

#endif
