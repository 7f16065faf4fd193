/* server/backup/pieces.h - rows of tables in files: a stream of frames (proto/frame.h), each one
 * row: table 1 byte, length of the key 4 bytes, key, value. */
#ifndef SOTAY_SERVER_BACKUP_PIECES_H
#define SOTAY_SERVER_BACKUP_PIECES_H

#include "server/backup/manifest.h"
#include "server/progress.h"
#include "server/store/store.h"

#define PIECE_BYTES      (12u * 1024u * 1024u) /* of rows in one file, before compression */
#define PIECE_FILE_BYTES (64u * 1024u * 1024u) /* no file of ours is larger */

/* Where pieces go. written: bytes so far. */
typedef struct {
    const char *dir;
    backup_manifest *manifest;
    st_arena *arena;
    uint64_t written;
    progress *progress;        /* of entries, then of files; may be NULL */
    uint64_t again;            /* > 0: pieces of the log have names with this number in them */
    uint64_t bad;              /* pieces of files that are not good anywhere */
} piece_folder;

/* Log rows and leaves of the entries from..to, in as many files log/FROM-TO as they need
 * (log/FROM-TO-AGAIN when something in them was erased since a file of that name was written). */
ST_MUST_USE st_err piece_write_log(piece_folder *folder, store_txn *txn, uint64_t from, uint64_t to,
                                   st_error *error);
/* All other base tables, in files tables/ENTRIES-NUMBER, where ENTRIES is the manifest's; numbers
 * begin behind `number`. */
ST_MUST_USE st_err piece_write_tables(piece_folder *folder, store_txn *txn, unsigned number,
                                      st_error *error);
/* Adds DIR/NAME as it lies there, hashed, to the manifest. */
ST_MUST_USE st_err piece_note_file(piece_folder *folder, const char *name, st_error *error);
/* Is DIR/NAME what the manifest says? ST_E_CORRUPT names it; the bytes stay in *out. */
ST_MUST_USE st_err piece_read(const char *dir, const backup_file *file, st_buffer *out,
                              st_error *error);
/* Puts the rows of a piece into the store; only base tables are taken. ST_E_CORRUPT. */
ST_MUST_USE st_err piece_load(store *s, const st_buffer *bytes, st_error *error);

#endif
