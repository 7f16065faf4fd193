/* server/store/dir.h - the data folder around the database: paths, lock, version file. Used by the
 * store's own files and by server/rooms.c. */
#ifndef SOTAY_SERVER_STORE_DIR_H
#define SOTAY_SERVER_STORE_DIR_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/err.h"

#define STORE_PATH_BYTES 1200

/* path = dir/name. ST_E_STORAGE when it does not fit. */
ST_MUST_USE st_err store_dir_path(const char *dir, const char *name, char path[STORE_PATH_BYTES],
                                  st_error *error);
/* Makes the names in a folder durable. ST_E_STORAGE. */
ST_MUST_USE st_err store_dir_sync(const char *path, st_error *error);
/* A folder, mode 0700, with its name durable; one that exists is fine. ST_E_STORAGE. */
ST_MUST_USE st_err store_dir_make(const char *path, st_error *error);
/* The same for what anybody may read: mode 0755. ST_E_STORAGE. */
ST_MUST_USE st_err store_dir_make_open(const char *path, st_error *error);
/* Would `to`, which need not be there yet, lie in the folder `data`, or be it? */
bool store_dir_is_inside(const char *to, const char *data);
/* Writes all of the bytes, in as many calls as it takes. False: errno says why. */
bool store_write_all(int fd, const uint8_t *bytes, size_t len);
/* The next name in an open folder but those with a dot in front; NULL after the last one. path: of
 * the folder, for the error. ST_E_STORAGE. */
ST_MUST_USE st_err store_dir_next(DIR *folder, const char *path, const char **out_name,
                                  st_error *error);
/* Takes DIR/lock for this process; released when *out_fd is closed or the process ends.
 * ST_E_BUSY: another process has it; ST_E_STORAGE. */
ST_MUST_USE st_err store_dir_lock(const char *dir, int *out_fd, st_error *error);
/* ST_E_NOT_FOUND: no store; ST_E_VERSION: not one of this machine and version; ST_E_STORAGE. */
ST_MUST_USE st_err store_dir_check_version(const char *dir, st_error *error);
/* Writes DIR/store.version, whole and durable: from now on DIR is a store. The caller has the lock.
 * ST_E_EXISTS, ST_E_STORAGE. */
ST_MUST_USE st_err store_dir_write_version(const char *dir, st_error *error);

#endif
