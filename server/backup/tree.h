/* server/backup/tree.h - files that are named by their content (DIR/chunks): copied once, never
 * changed. */
#ifndef SOTAY_SERVER_BACKUP_TREE_H
#define SOTAY_SERVER_BACKUP_TREE_H

#include "server/backup/pieces.h"

/* Copies what lies below DIR/chunks and is not in the backup's list yet, and adds it; what an older
 * list named goes on being named. A data folder without chunks is fine. ST_E_STORAGE… */
ST_MUST_USE st_err backup_tree_copy(const char *dir, piece_folder *folder, st_error *error);
/* The other way: every file of the manifest that lies below chunks/, into the data folder. how:
 * counts them; may be NULL. */
ST_MUST_USE st_err backup_tree_restore(const char *from, const backup_manifest *manifest,
                                       const char *to, progress *how, st_error *error);
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
