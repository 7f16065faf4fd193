/* server/backup/manifest.h - what a backup says of itself: `backup.txt`, text lines, written last.
 *   sotay-backup 1            first line
 *   id HEX16  log HEX16  commune CODE  epoch HEX8  practice 0|1
 *   entries N  leaf HEX32     of the last entry: the same history, or not
 *   time MS  checked 0|1
 *   file SHA256 BYTES NAME    one for each file, names below the folder
 * What a list names is never changed afterwards: what differs gets another name. */
#ifndef SOTAY_SERVER_BACKUP_MANIFEST_H
#define SOTAY_SERVER_BACKUP_MANIFEST_H

#include "proto/arena.h"
#include "proto/bytes.h"
#include "proto/hash.h"
#include "proto/id.h"
#include "server/store/dir.h"

#define BACKUP_NAME_BYTES 100
#define BACKUP_FILES_MAX  100000u

typedef struct {
    st_hash hash;
    uint64_t bytes;
    char name[BACKUP_NAME_BYTES];
} backup_file;

typedef struct {
    uint8_t id[16];            /* of the folder: random, since its first backup */
    st_id log;
    st_code commune;
    uint8_t epoch[8];
    bool is_practice;
    uint64_t entries;
    st_hash leaf;              /* leaf hash of the last entry; zero without one */
    int64_t time_ms;
    bool is_checked;
    backup_file *files;        /* in the arena */
    size_t files_count, files_capacity;
} backup_manifest;

/* Reads DIR/backup.txt. ST_E_NOT_FOUND, ST_E_VERSION, ST_E_CORRUPT, ST_E_MEMORY, ST_E_STORAGE. */
ST_MUST_USE st_err backup_manifest_read(const char *dir, st_arena *arena,
                                        backup_manifest *out_manifest, st_error *error);
/* Writes it under another name, durable, then renames. ST_E_STORAGE, ST_E_MEMORY. */
ST_MUST_USE st_err backup_manifest_write(const char *dir, const backup_manifest *manifest,
                                         st_error *error);
/* Adds a file. ST_E_TOO_LARGE, ST_E_MEMORY. */
ST_MUST_USE st_err backup_manifest_add(backup_manifest *manifest, st_arena *arena,
                                       const backup_file *file, st_error *error);

/* Notes in the data folder DIR that it is made from this backup, durable; is this the one that is
 * noted there? The same folder of backups is another one once something was added to it; that it
 * was checked makes no other. ST_E_STORAGE, ST_E_MEMORY. */
ST_MUST_USE st_err backup_manifest_note(const char *dir, const backup_manifest *manifest,
                                        st_error *error);
ST_MUST_USE st_err backup_manifest_is_noted(const char *dir, const backup_manifest *manifest,
                                            bool *out_is, st_error *error);

/* The folder below which keys/ lies in the backup: `from`, or one inside it (backup.c:copy_keys).
 * ST_E_TOO_LARGE. */
ST_MUST_USE st_err backup_manifest_keys(const backup_manifest *manifest, const char *from,
                                        char out_dir[STORE_PATH_BYTES], st_error *error);

/* Reads DIR/NAME whole, up to bytes_max; caller's buffer. ST_E_NOT_FOUND, ST_E_TOO_LARGE,
 * ST_E_STORAGE, ST_E_MEMORY. */
ST_MUST_USE st_err backup_read_file(const char *dir, const char *name, st_buffer *out,
                                    st_error *error);
/* Writes DIR/NAME, durable but for its name (sync the folder); replaces. ST_E_STORAGE. */
ST_MUST_USE st_err backup_write_file(const char *dir, const char *name, const st_buffer *bytes,
                                     st_error *error);

#endif
