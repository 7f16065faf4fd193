/* tools/verify/source.h - where a log is read from: a folder, or an address by the program curl. */
#ifndef SOTAY_TOOLS_VERIFY_SOURCE_H
#define SOTAY_TOOLS_VERIFY_SOURCE_H

#include "tools/verify/log.h"

#define VERIFY_PATH_BYTES 4096
#define VERIFY_FILE_MAX   (32u << 20) /* of one file of a log */

/* where: a folder, or http://, https:// and what lies before "/checkpoint". */
typedef struct {
    const char *where;
    bool is_url;
} verify_place;

/* The place must outlive the source. */
verify_source verify_source_of(const verify_place *place);
/* Appends a whole file. ST_E_NOT_FOUND, ST_E_STORAGE, ST_E_TOO_LARGE, ST_E_MEMORY. */
ST_MUST_USE st_err verify_read_file(const char *path, st_buffer *out, st_error *error);
/* Appends what is left to read of an open file. ST_E_STORAGE, ST_E_TOO_LARGE, ST_E_MEMORY. */
ST_MUST_USE st_err verify_read_all(int fd, st_buffer *out, st_error *error);
/* Appends what an address gives. ST_E_NOT_FOUND, ST_E_NETWORK, ST_E_SERVER; the build for
 * WebAssembly has another one (wasm/fetch.c). */
ST_MUST_USE st_err verify_fetch(const char *url, st_buffer *out, st_error *error);
/* Is every file of the folder one of the log's, with the bytes it must have? Partial tiles of older
 * sizes too; are vkey and policy there? ST_E_CORRUPT names the first that is not. */
ST_MUST_USE st_err verify_folder(const verify_log *log, const char *dir, st_error *error);
/* Before that: does a file in the folder say that an export into it did not end? Nothing of the log
 * is wrong by that, and nothing can be said of it. ST_E_CORRUPT. */
ST_MUST_USE st_err verify_folder_is_whole(const char *dir, st_error *error);

#endif
