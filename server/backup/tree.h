/* server/backup/tree.h - files that are named by their content (DIR/chunks): copied once, never
 * changed. */
#ifndef SOTAY_SERVER_BACKUP_TREE_H
#define SOTAY_SERVER_BACKUP_TREE_H

#include "server/backup/pieces.h"

/* What a backup is made of. */
typedef struct {
    const char *dir;               /* the data folder */
    const backup_manifest *before; /* of the folder; no files: there was none */
    store_txn *txn;                /* of the moment; read */
} backup_source;
/* Copies each piece below DIR/chunks that is not good in the backup yet, and adds all that are to
 * the list; so does it with what the list before named and the data folder lost, unless it was
 * erased. Counted as bad, and no error: pieces that are good in neither folder. A data folder
 * without chunks is fine. ST_E_STORAGE… */
ST_MUST_USE st_err backup_tree_copy(const backup_source *source, piece_folder *folder,
                                    st_error *error);
/* Is it the name of a piece; of which? */
bool backup_tree_hash(const char *name, st_hash *out_hash);

typedef struct {
    progress *progress;            /* counts them; may be NULL */
    void (*lost)(void *context, const char *name);
    void *context;
} backup_tree_how;
/* The other way: every piece of the manifest into the data folder; those that are missing or
 * damaged in the backup are only told of. ST_E_STORAGE: the data folder; ST_E_MEMORY. */
ST_MUST_USE st_err backup_tree_restore(const char *from, const backup_manifest *manifest,
                                       const char *to, const backup_tree_how *how,
                                       st_error *error);
/* Takes DIR for this call: no other backup or check works in it until *out_fd is closed, and what a
 * check that was killed left in it, a whole book with its keys, goes. ST_E_BUSY; ST_E_EXISTS: it is
 * the data folder of a book; ST_E_STORAGE. */
ST_MUST_USE st_err backup_take_folder(const char *dir, int *out_fd, st_error *error);
/* Where a check restores for a trial: a new folder in DIR. ST_E_STORAGE. */
ST_MUST_USE st_err backup_make_scratch(const char *dir, char out_path[STORE_PATH_BYTES],
                                       st_error *error);
/* Removes it. What stays is removed by whoever takes the folder next. */
void backup_remove_scratch(const char *path);
/* Holds the folder nothing, or nothing but what a backup that was cut off leaves behind?
 * ST_E_STORAGE. */
ST_MUST_USE st_err backup_is_unfinished(const char *dir, bool *out_is, st_error *error);

#endif
